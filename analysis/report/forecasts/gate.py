"""How often intervals hold over many worlds whose truth is known, beside the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.evaluate.skill import ENOUGH, FEW, GATE, INSIDE, OUTSIDE
from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.comparison.charts import Bar, height
from analysis.report.forecasts.charts import beside
from analysis.report.forecasts.view import MOST_ROWS, NAIVE, View

if TYPE_CHECKING:
    import pandas as pd

GATE_LEVEL = 95
"""Level whose gate the page draws, in per cent."""

MOST_OPEN = 12
"""Rows of a table that is not folded."""

LOOKS = {INSIDE: "good", OUTSIDE: "bad", FEW: "mute"}


def coverage(view: View) -> Panel | None:
    """How often intervals hold over many worlds."""
    table, text = view.folder.truth("coverage"), view.text
    if table.empty:
        return None
    judged = at_gate(view).to_dict("records")
    blocks: list[Block] = [Charts([_chart(view, judged)], wide=True)] if judged else []
    blocks += [_table(view, table), *_failed(view)]
    lead = text("forecasts.truth.coverage.lead", enough=text.count(ENOUGH))
    told = f"{lead} {noted(view, 'truth')}".strip()
    return Panel("truth-coverage", text("forecasts.truth.coverage.title"), _verdict(view, judged), told, blocks)


def at_gate(view: View) -> pd.DataFrame:
    """Coverage of the model in use at the level of the gate, a row per series."""
    own = of_main(view, view.folder.truth("coverage"))
    return own[own["level"] == GATE_LEVEL]


def of_main(view: View, table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the model in use, else of the first model that is not the seasonal naive one."""
    models = [m for m in dict.fromkeys(table["model"]) if m != NAIVE]
    model = view.main if view.main in models else (models or [NAIVE])[0]
    return table[table["model"] == model]


def edges(view: View) -> dict[str, str]:
    """The range that coverage has to meet, in per cent."""
    gate = {"low": GATE_LEVEL / 100 - GATE, "high": GATE_LEVEL / 100 + GATE}
    return {side: view.say.percent(edge) for side, edge in gate.items()}


def noted(view: View, part: str) -> str:
    """How a part of the judgement was made, or why it was not, as the folder says it."""
    table = view.folder.truth("notes")
    lines = [n for n in table.loc[table["part"] == part, "note"] if n]
    return view.text("forecasts.truth.note", note=view.text("words.notes").join(lines)) if lines else ""


def _verdict(view: View, judged: list[dict[Any, Any]]) -> str:
    text, found = view.text, [r["verdict"] for r in judged]
    if all(v == FEW for v in found):
        most = max((r["replications"] for r in judged), default=0.0)
        return text("forecasts.truth.coverage.few", count=text.count(most), enough=text.count(ENOUGH))
    fields = {"model": view.model(judged[0]["model"]), "total": text.count(len(judged))}
    head = text("forecasts.truth.coverage.headline", inside=text.count(found.count(INSIDE)), **fields)
    out = [str(r["metric"]) for r in judged if r["verdict"] == OUTSIDE]
    return f"{head} {text('forecasts.truth.coverage.outside', names=view.names(out))}" if out else head


def _chart(view: View, judged: list[dict[Any, Any]]) -> Chart:
    text, bars = view.text, [_bar(view, row) for row in judged]
    figure = beside(bars, [GATE_LEVEL - 100 * GATE, GATE_LEVEL + 100 * GATE], view.words(dates=False))
    title = text("forecasts.truth.coverage.chart", level=view.say.percent(GATE_LEVEL / 100))
    note = text("forecasts.truth.coverage.chart_note", **edges(view))
    return Chart("truth-coverage", title, "", note, figure, height(len(bars)))


def _bar(view: View, row: dict[Any, Any]) -> Bar:
    value, low, high = (100 * float(row[c]) for c in ("covered", "low", "high"))
    label = view.text("format.percent", value=view.text.fixed(value, 1))
    return Bar(view.series(row["metric"]), value, low, high, label, firm=row["verdict"] == INSIDE)


def _table(view: View, table: pd.DataFrame) -> Table:
    text, rows = view.text, [_covered(view, row) for row in table.to_dict("records")]
    columns = ("series", "model", "promised", "found", "truth.replications", "truth.verdict")
    head, title = [text(f"forecasts.{c}") for c in columns], text("forecasts.truth.coverage.table")
    return Table(head, rows, title=title, numbers=2, folded=len(rows) > MOST_OPEN, dense=True)


def _covered(view: View, row: dict[Any, Any]) -> list[Cell]:
    name = view.text.name("verdicts", row["verdict"])
    return [
        Cell(view.series(row["metric"])),
        Cell(view.model(row["model"])),
        Cell(view.say.percent(row["level"] / 100)),
        Cell(view.say.percent(row["covered"]), view.shares(row["low"], row["high"])),
        Cell(view.text.number(row["replications"], "count")),
        Cell(name, look=LOOKS.get(row["verdict"], "mute")),
    ]


def _failed(view: View) -> list[Block]:
    """Series of worlds that could not be forecast, counted by reason."""
    table, text = view.folder.truth("failures"), view.text
    if table.empty:
        return []
    counts = table.groupby(["unique_id", "model", "reason"], sort=False).size()
    rows = [
        [Cell(view.series(name)), Cell(view.model(model)), Cell(text.count(count)), Cell(reason, look="left")]
        for (name, model, reason), count in counts.head(MOST_ROWS).items()
    ]
    columns = ("series", "model", "faults.count", "faults.reason")
    head, title = (
        [text(f"forecasts.{c}") for c in columns],
        text("forecasts.truth.failed", count=text.count(len(table))),
    )
    return [Table(head, rows, title=title, numbers=2, folded=True, dense=True)]
