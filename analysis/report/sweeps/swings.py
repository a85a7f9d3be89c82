"""Every key alone at its low and at its high end: tornado charts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.plots import BLUE, ORANGE
from analysis.report.scaling import scaled
from analysis.report.sweeps.charts import Pair, height, paired_bars
from analysis.report.sweeps.folder import EFFECTS
from analysis.report.sweeps.view import MOST_KEYS, MOST_ROWS, View

if TYPE_CHECKING:
    import pandas as pd

MOST_CHARTS = 8
SIDES = ("low_effect", "high_effect")


def swings(view: View) -> Panel | None:
    """Tornado charts of the shown metrics."""
    table = view.folder.tornado
    period = view.period if view.period in set(table["period"]) else next(iter(table["period"]), "")
    table = table[(table["period"] == period) & table["metric"].isin(view.metrics)]
    if table.empty:
        return None
    text = view.text
    pairs = [(m, s) for m in view.metrics for s in view.scenarios if len(bars(table, m, s))]
    charts = [_chart(view, table, pair) for pair in pairs][:MOST_CHARTS]
    blocks: list[Block] = [Charts(charts), _table(view, table, pairs)]
    head = _headline(view, table, pairs)
    return Panel("tornado", text("sweeps.tornado.title"), head, text("sweeps.tornado.lead"), blocks)


def bars(table: pd.DataFrame, metric: str, scenario: str) -> pd.DataFrame:
    """Bars of a metric, the longest first as the table has them."""
    return table[(table["metric"] == metric) & (table["scenario"] == scenario)]


def _headline(view: View, table: pd.DataFrame, pairs: list[tuple[str, str]]) -> str:
    """The longest bar of the first metric."""
    metric, scenario = pairs[0]
    row, unit = bars(table, metric, scenario).iloc[0], view.unit(metric)
    fields = {"metric": view.say.metric(metric), "lever": view.key(row["key"])}
    ends = {side: view.setting(row["key"], row[f"{side}_value"]) for side in ("low", "high")}
    shown = {f"{side}_effect": view.change(row[f"{side}_effect"], unit) for side in ("low", "high")}
    told = view.text("sweeps.tornado.headline", **fields, **ends, **shown)
    return view.told(told, scenario)


def _chart(view: View, table: pd.DataFrame, pair: tuple[str, str]) -> Chart:
    metric, scenario = pair
    text, found = view.text, bars(table, metric, scenario).head(MOST_KEYS)
    made, unit = scaled(view.say, found[list(EFFECTS)], view.unit(metric))
    rows = [_pair(view, row, figures) for row, figures in zip(_records(found), _records(made), strict=True)]
    words = view.words(text("sweeps.tornado.low"), text("sweeps.tornado.high"), unit=view.unit(metric))
    base = view.say.value(float(found["base"].iloc[0]), view.unit(metric))
    title = view.under(text("sweeps.tornado.chart", metric=view.say.metric(metric)), scenario)
    name = f"tornado-{view.metrics.index(metric)}-{view.scenarios.index(scenario)}"
    figure = paired_bars(rows, words, (ORANGE, BLUE))
    return Chart(name, title, unit, text("sweeps.tornado.note", base=base), figure, height(len(rows)))


def _records(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    return frame.to_dict("records")


def _pair(view: View, row: dict[Any, Any], figures: dict[Any, Any]) -> Pair:
    values, lows, highs = (
        tuple(_known(figures[f"{side}{end}"]) for side in SIDES) for end in ("", "_low", "_high")
    )  # fmt: skip
    ends = {side: view.setting(row["key"], row[f"{side}_value"]) for side in ("low", "high")}
    name = view.text("sweeps.tornado.row", lever=view.key(row["key"]), **ends)
    return Pair(name, (values[0], values[1]), (lows[0], lows[1]), (highs[0], highs[1]))


def _known(value: Any) -> float:
    return float(value) if value is not None else math.nan


def _table(view: View, table: pd.DataFrame, pairs: list[tuple[str, str]]) -> Table:
    text = view.text
    body = [_row(view, row) for m, s in pairs for row in _records(bars(table, m, s))]
    columns = ("values", "low_column", "high_column", "swing")
    head = [text("words.metric"), text("sweeps.key"), *(text(f"sweeps.tornado.{c}") for c in columns)]
    title, note = text("sweeps.tornado.table"), text("sweeps.tornado.table_note")
    return Table(head, body[:MOST_ROWS], title=title, note=note, numbers=3, folded=True, dense=True)


def _row(view: View, row: dict[Any, Any]) -> list[Cell]:
    unit, key = view.unit(row["metric"]), row["key"]
    ends = {side: view.setting(key, row[f"{side}_value"]) for side in ("low", "base", "high")}
    scenario = view.scenario(row["scenario"]) if len(view.scenarios) > 1 else ""
    cells = [Cell(view.say.metric(row["metric"]), scenario), Cell(view.key(key), row["note"], look="left")]
    cells.append(Cell(view.text("sweeps.tornado.ends", **ends), view.text.unit(view.key_unit(key))))
    return [*cells, *(_effect(view, row, name, unit) for name in (*SIDES, "swing"))]


def _effect(view: View, row: dict[Any, Any], name: str, unit: str) -> Cell:
    value, low, high = (float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    bounds = view.text.interval(low, high, unit)
    if not bounds:
        return Cell(view.change(value, unit), look="mute")
    return Cell(view.change(value, unit), bounds, "firm" if low > 0 or high < 0 else "loose")
