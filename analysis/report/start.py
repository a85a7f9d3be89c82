"""The panel of the first day: what the run starts with, tied to the opening files, and the bridge from there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from analysis.opening import open_gaps
from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.comparison.charts import Bar, height, waterfall
from analysis.report.scaling import scaled, words
from analysis.report.wording import Wording
from analysis.series import STOCKS

if TYPE_CHECKING:
    import pandas as pd

NAMED = ("active_customers", "arr", "open_opportunities", "leads", "cash")
"""Quantities of the headline, where the run has them."""

HEADCOUNT = "headcount"


def start(say: Wording) -> Panel | None:
    """What stands on the first day; nothing for a run that starts from nothing."""
    if say.folder.opening.empty:
        return None
    text = say.text
    rows = say.folder.opening.to_dict("records")
    facts = [text("start.fact", quantity=_quantity(say, r), value=_value(say, r)) for r in _named(rows)]
    head = text("start.headline", date=str(say.folder.start.date()), facts=text("words.notes").join(facts))
    blocks: list[Block] = [_table(say, say.folder.opening), *_bridge(say)]
    return Panel("start", text("start.title"), head, text("start.lead"), blocks)


def _named(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for name in NAMED for row in rows if row["quantity"] == name and row["in_model"]]


def _quantity(say: Wording, row: dict[str, Any]) -> str:
    name = say.text.name("quantities", str(row["quantity"]))
    dimension = str(row["dimension"])
    if not dimension:
        return name
    shown = say.desks.get(dimension, dimension) if row["quantity"] == HEADCOUNT else dimension
    return say.text("start.of", quantity=name, dimension=shown)


def _value(say: Wording, row: dict[str, Any]) -> str:
    return say.value(float(row["in_model"]), str(row["unit"]))


def _exact(say: Wording, row: dict[str, Any], column: str) -> str:
    """A figure to the cent: what has to tie is not rounded."""
    value = float(row[column])
    return say.text.fixed(value, 0 if value == round(value) else 2)


def _table(say: Wording, frame: pd.DataFrame) -> Table:
    """Every quantity; a gap that is more than rounding is marked."""
    text, apart = say.text, set(open_gaps(frame).index)
    rows = []
    for place, row in zip(frame.index, frame.to_dict("records"), strict=True):
        stated = row["in_files"] == row["in_files"]
        rows.append([
            Cell(_quantity(say, row), text.unit(str(row["unit"]))),
            Cell(_exact(say, row, "in_files")) if stated else Cell(text("format.undefined"), look="mute"),
            Cell(_exact(say, row, "in_model")),
            _gap(say, row, place in apart) if stated else Cell(""),
        ])  # fmt: skip
    head = [text(f"start.{k}") for k in ("quantity", "files", "model", "gap")]
    return Table(head, rows)


def _gap(say: Wording, row: dict[str, Any], apart: bool) -> Cell:
    if row["gap"] == 0:
        return Cell(say.text("start.tied"), look="good")
    return Cell(_exact(say, row, "gap"), look="bad" if apart else "mute")


def _bridge(say: Wording) -> list[Block]:
    """Recurring revenue of the first day, what moved it, and where it ends."""
    steps, closing = bridge(say)
    if not closing or closing["mean"] != closing["mean"]:
        return []
    import pandas as pd

    text, unit = say.text, str(closing["unit"])
    values = pd.DataFrame({"value": [*steps.values(), float(closing["mean"])]})
    shown, word = scaled(say, values, unit)
    names = [text("start.opening"), *(text.name("movements", m) for m in list(steps)[1:]), text("start.closing")]
    bars = [
        Bar(name, value, label=text.number(own, unit))
        for name, value, own in zip(names, shown["value"], values["value"], strict=True)
    ]
    figure = waterfall(bars[:-1], bars[-1], words(say, dates=False))
    chart = Chart("start-arr", text("start.bridge"), word, text("start.bridge_note"), figure, height(len(bars)))
    return [Charts([chart], wide=True)]


def bridge(say: Wording) -> tuple[dict[str, float], dict[str, Any] | None]:
    """Annual recurring revenue of the first day and its movements over the whole time, and the row of its end.

    Means over replications; what was lost is negative. Without recurring revenue there is no end.
    """
    opening = say.folder.opening
    first = float(opening.loc[opening["quantity"] == "arr", "in_model"].sum())
    found = {metric: say.folder.figure(metric) for metric in STOCKS["arr"]}
    steps = {"arr": first} | {m: STOCKS["arr"][m] * float(row["mean"]) for m, row in found.items() if row}
    total = math.fsum(steps.values())
    closing = say.folder.figure("arr")
    return steps, closing if closing and math.isclose(total, closing["mean"], rel_tol=1e-6, abs_tol=0.5) else None
