"""Series that add up: whether they do, how well each level is forecast, and what each part contributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.blocks import Block, Cell, Panel, Table
from analysis.report.forecasts.view import MOST_ROWS, View, last

if TYPE_CHECKING:
    import pandas as pd

EXACT = 1e-9
"""Largest gap between a sum and its parts, relative to the sum, that is the rounding of the computer."""


def hierarchy(view: View) -> Panel | None:
    """Series that add up: whether they do, and how much each contributes."""
    table, text = view.folder.hierarchy, view.text
    table = table[table["unique_id"].isin(list(view.folder.ahead))]
    if table.empty:
        return None
    gap = largest_gap(view, table)
    levels = list(dict.fromkeys(table["level"]))
    fields = {"series": text.count(len(table)), "levels": text.count(len(levels)), "gap": f"{gap:.0e}" if gap else "0"}
    key = "exact" if gap <= EXACT else "broken"
    blocks: list[Block] = [_levels(view, table, levels), _parts(view, table)]
    head, lead = text(f"forecasts.hierarchy.{key}", **fields), text("forecasts.hierarchy.lead")
    return Panel("hierarchy", text("forecasts.hierarchy.title"), head, lead, blocks)


def largest_gap(view: View, table: pd.DataFrame) -> float:
    """Largest difference of a series from the sum of its parts over all dates, relative to the series."""
    ahead, gaps = view.folder.ahead, [0.0]
    for parent, children in table[table["parent"].isin(list(ahead))].groupby("parent"):
        whole = ahead[str(parent)]["mean"].astype(float)
        total = sum(ahead[c]["mean"].astype(float) for c in children["unique_id"])
        gaps.append(float(((whole - total).abs() / whole.abs().clip(lower=1.0)).max()))
    return max(gaps)


def _levels(view: View, table: pd.DataFrame, levels: list[str]) -> Table:
    """How well each level is forecast in the backtest."""
    text, rows = view.text, []
    scores = view.folder.backtest
    own = scores[scores["model"] == view.main] if "mase" in scores else scores.iloc[:0]
    for level in levels:
        names = table.loc[table["level"] == level, "unique_id"]
        known = own[own["unique_id"].isin(names)]
        figures = [view.decimal(float(known["mase"].mean())) if len(known) else "", _covered(view, known)]
        rows.append([Cell(level), Cell(text.count(len(names))), *map(Cell, figures)])
    head = [text("forecasts.hierarchy.level"), text("forecasts.hierarchy.count")]
    head += [text("forecasts.mase"), text("forecasts.covered", level=view.say.percent(view.level / 100))]
    note = text("forecasts.hierarchy.levels_note", model=view.model(view.main))
    return Table(head, rows, title=text("forecasts.hierarchy.levels"), note=note)


def _covered(view: View, scores: pd.DataFrame) -> str:
    column = f"cov{view.level}"
    return view.say.percent(float(scores[column].mean())) if column in scores and len(scores) else ""


def _parts(view: View, table: pd.DataFrame) -> Table:
    text, rows = view.text, []
    parents = dict(zip(table["unique_id"], table["parent"], strict=True))
    for name in list(parents)[:MOST_ROWS]:
        row, unit = last(view.folder.ahead[name]), view.unit(name)
        above = view.folder.ahead.get(parents[name])
        whole = float(above["mean"].iloc[-1]) if above is not None else float("nan")
        share = view.say.percent(row["mean"] / whole) if whole else ""
        level = str(table.loc[table["unique_id"] == name, "level"].iloc[0])
        figures = [text.number(row["mean"], unit), view.bounds(row, view.level, unit), share if whole == whole else ""]
        rows.append([Cell(view.series(name), level), *map(Cell, figures)])
    head = [text("forecasts.series"), text("forecast.mean"), view.interval_name(view.level)]
    title = text("forecasts.hierarchy.parts", count=text.count(len(parents)))
    return Table([*head, text("forecasts.hierarchy.share")], rows, title=title, folded=len(parents) > 12, dense=True)
