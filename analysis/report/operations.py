"""Panels about what goes on inside: how long customers stay, how loaded the desks are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report import plots
from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.figures import (
    AGES,
    bands,
    desk_months,
    desk_totals,
    retention_by_quarter,
    retention_curve,
)
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

TARGET_LOAD = (0.7, 0.9)
"""Range of the load of a desk that a plan aims at."""


def retention(say: Wording) -> Panel | None:
    """How long customers stay: a curve over all, and quarters of signing apart."""
    curve = retention_curve(say.folder)
    if curve.empty:
        return None
    text = say.text
    words = plots.Words(axis=text("retention.axis"), names=(text("words.median"), text("words.band")),
                        suffix=text("format.percent", value=""))
    chart = Chart("retention", text("retention.chart"), text("retention.chart_note"), plots.curve(curve, words))
    year = curve["median"].get(12)
    key = "retention.headline" if year is not None else "retention.headline_short"
    blocks: list[Block] = [Charts([chart], wide=True), *_heat(say)]
    return Panel("retention", text("retention.title"), text(key, share=say.percent(year)), text("retention.lead"), blocks)


def _heat(say: Wording) -> list[Block]:
    frame, text = retention_by_quarter(say.folder), say.text
    if frame.empty:
        return []
    ages = [a for a in AGES if a in frame and a > 0]
    rows = []
    for cohort, row in frame.iterrows():
        name = text("retention.quarter", quarter=cohort.quarter, year=cohort.year)
        cells = [Cell(say.percent(row[a]), heat=float(row[a])) if row[a] == row[a] else Cell("") for a in ages]
        rows.append([Cell(name), Cell(text.number(row["customers"])), *cells])
    head = [text("retention.cohort"), text("retention.size"), *(text("retention.age", months=a) for a in ages)]
    return [Table(head, rows, title=text("retention.heat"), note=text("retention.heat_note"), dense=True)]


def desks(say: Wording) -> Panel | None:
    """Load and waits of every desk."""
    totals = desk_totals(say.folder)
    if totals.empty:
        return None
    text = say.text
    inside = int(totals["load"].between(*TARGET_LOAD).sum())
    head = text("desks.headline", inside=inside, total=len(totals))
    lead = text("desks.lead", low=say.percent(TARGET_LOAD[0]), high=say.percent(TARGET_LOAD[1]))
    blocks = [Charts(_desk_charts(say, list(totals.index))), _desk_table(say, totals)]
    return Panel("desks", text("desks.title"), head, lead, blocks)


def _desk_charts(say: Wording, names: list[str]) -> list[Chart]:
    text, months = say.text, desk_months(say.folder)
    charts = []
    for column, key, factor, target in (("load", "load", 100, TARGET_LOAD), ("wait_days", "waits", 1, None)):
        found = {n: bands(months[months["desk"] == n], column) for n in names}
        series = {say.desks.get(n, n): f["median"] * factor for n, f in found.items() if not f.empty}
        words = plots.Words(axis=text.unit("days") if column == "wait_days" else "", date=text("format.axis_date"),
                            suffix=text("format.percent", value="") if factor == 100 else "",
                            separators=text("format.decimal") + text("format.thousands"))
        shade = (100 * target[0], 100 * target[1]) if target else None
        if series:
            note = text(f"desks.{key}_note")
            charts.append(Chart(f"desk-{key}", text(f"desks.{key}"), note, plots.lines(series, words, shade)))
    return charts


def _desk_table(say: Wording, totals: pd.DataFrame) -> Table:
    text, rows = say.text, []
    for name, row in totals.iterrows():
        low, high = TARGET_LOAD
        load = row["load"]
        state = "inside" if low <= load <= high else "over" if load > high else "under"
        rows.append([
            Cell(say.desks.get(str(name), str(name))),
            Cell(text.number(row["heads"])),
            Cell(say.percent(load)),
            Cell(text(f"desks.{state}"), look="good" if state == "inside" else "bad" if state == "over" else "mute"),
            Cell(text.number(row["wait"])),
            Cell(text.number(row["started"])),
        ])
    head = [text(f"desks.{k}") for k in ("desk", "heads", "load_column", "state", "wait", "started")]
    return Table(head, rows, note=text("desks.note"))
