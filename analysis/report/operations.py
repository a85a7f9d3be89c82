"""Panels about what goes on inside: how long customers stay, how loaded the desks are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report import plots
from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.figures import bands, desk_months, desk_totals, retention_by_quarter, retention_curve
from analysis.report.markers import marked
from analysis.report.scaling import words
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

TARGET_LOAD = (0.7, 0.9)
"""Range of the load of a desk that a plan aims at."""

HEADLINE_AGE = 18
"""Months of the headline: the first renewal of a yearly contract is behind the customer then."""

LOOKS = {"inside": "good", "over": "bad", "under": "mute"}


def retention(say: Wording) -> Panel | None:
    """How long customers stay: a curve over all, and quarters of signing apart."""
    if say.folder.spells.empty:
        return None
    frame = retention_curve(say.folder)
    if len(frame) < 2:
        return None
    text = say.text
    figure = plots.curve(
        frame,
        words(say, text("retention.together"), text("words.band"), share=True, dates=False),
        text("retention.axis"),
    )
    chart = Chart("retention", text("retention.chart"), "", text("retention.chart_note"), figure)
    blocks: list[Block] = [Charts([chart], wide=True), *_heat(say)]
    age = min(HEADLINE_AGE, int(frame.index[-1]))
    head = text("retention.headline", months=age, share=say.percent(frame["median"][age]))
    return Panel("retention", text("retention.title"), head, text("retention.lead"), blocks)


def _heat(say: Wording) -> list[Block]:
    frame, text = retention_by_quarter(say.folder), say.text
    if frame.empty:
        return []
    ages = [a for a in frame.columns if a != "customers"]
    rows = []
    for quarter, row in frame.iterrows():
        name = text("retention.quarter", quarter=quarter.quarter, year=quarter.year)
        rows.append([Cell(name), Cell(text.fixed(row["customers"], 1)), *(_share(say, row[a]) for a in ages)])
    head = [text("retention.cohort"), text("retention.size"), *(text("retention.age", months=a) for a in ages)]
    return [Table(head, rows, title=text("retention.heat"), note=text("retention.heat_note"), dense=True)]


def _share(say: Wording, share: float) -> Cell:
    return Cell(say.percent(share), heat=float(share)) if share == share else Cell("")


def desks(say: Wording) -> Panel | None:
    """Load and waits of every desk."""
    totals = desk_totals(say.folder)
    if totals.empty:
        return None
    text = say.text
    inside = sum(load_state(load) == "inside" for load in totals["load"])
    head = text("desks.headline", inside=text.count(inside), total=text.count(len(totals)))
    lead = text("desks.lead", low=say.percent(TARGET_LOAD[0]), high=say.percent(TARGET_LOAD[1]))
    blocks: list[Block] = [Charts(_desk_charts(say, list(totals.index))), _desk_table(say, totals)]
    return Panel("desks", text("desks.title"), head, lead, blocks)


def load_state(load: float) -> str:
    """Where a load stands against the target: inside, over or under it."""
    return "over" if load > TARGET_LOAD[1] else "inside" if load >= TARGET_LOAD[0] else "under"


def _desk_charts(say: Wording, names: list[str]) -> list[Chart]:
    text, months = say.text, desk_months(say.folder)
    charts = []
    for column, key, share in (("load", "load", True), ("wait_days", "waits", False)):
        found = {n: bands(months[months["desk"] == n], column)["median"] for n in names}
        series = {say.desks.get(n, n): f * (100 if share else 1) for n, f in found.items() if len(f)}
        if series:
            shade = (100 * TARGET_LOAD[0], 100 * TARGET_LOAD[1]) if share else None
            figure = marked(plots.lines(series, words(say, share=share), shade), say.marks)
            unit = "" if share else text.unit("days")
            charts.append(Chart(f"desk-{key}", text(f"desks.{key}"), unit, text(f"desks.{key}_note"), figure))
    return charts


def _desk_table(say: Wording, totals: pd.DataFrame) -> Table:
    text, rows = say.text, []
    for name, row in totals.iterrows():
        state = load_state(row["load"])
        rows.append(
            [
                Cell(say.desks.get(str(name), str(name))),
                Cell(text.fixed(row["heads"], 1)),
                Cell(say.percent(row["load"])),
                Cell(text(f"desks.{state}"), look=LOOKS[state]),
                Cell(text.number(row["wait"])),
                Cell(text.number(row["started"])),
            ]
        )
    head = [text(f"desks.{k}") for k in ("desk", "heads", "load_column", "state", "wait", "started")]
    return Table(head, rows, note=text("desks.note"))
