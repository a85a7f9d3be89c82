"""How plans run: the funnel side by side, revenue and cash over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.comparison.case import Case
from analysis.report.comparison.charts import courses, height, side_by_side
from analysis.report.comparison.result import difference
from analysis.report.figures import STEPS, Step, funnel, metric_bands
from analysis.report.markers import marked
from analysis.report.scaling import scaled, words

if TYPE_CHECKING:
    import pandas as pd

OVER_TIME = ("revenue", "cash")
MOST_SERIES = 4
BAR = 17
"""Pixels of one bar among several at a step."""


def funnels(case: Case) -> Panel | None:
    """How many pass each step under every plan, and the share that goes on."""
    text = case.text
    steps = {s: funnel(run) for s, run in case.runs.items()}
    base = steps[case.base]
    if len(base) < 2 or not case.plans:
        return None
    blocks: list[Block] = [Charts([_bars(case, steps)], wide=True), _table(case, base)]
    head = _headline(case) or text("compare.funnel.headline_short")
    return Panel("funnel", text("compare.funnel.title"), head, text("compare.funnel.lead"), blocks)


def _headline(case: Case) -> str:
    text, found = case.text, case.across("conversion_lead_signed")
    if not found:
        return ""
    before = case.say.percent(next(iter(found.values())).base)
    after = [text("compare.funnel.side", plan=case.label(p), share=case.say.percent(r.mean)) for p, r in found.items()]
    return text("compare.funnel.headline", base=before, plans=text("words.list").join(after))


def _bars(case: Case, steps: dict[str, list[Step]]) -> Chart:
    text, order = case.text, [s.name for s in steps[case.base]]
    sides = {}
    for scenario, found in steps.items():
        counts = {s.name: s.count.mean for s in found}
        values = [counts.get(n, 0.0) for n in order]
        sides[case.label(scenario)] = values, [text.count(v) for v in values]
    names = [text.name("steps", n) for n in order]
    figure = side_by_side(names, sides, [case.colour(s) for s in steps], words(case.say, dates=False))
    tall = height(0) + len(order) * (BAR * len(steps) + 14)
    return Chart(f"{case.business}-funnel", text("compare.funnel.chart"), "", text("compare.funnel.note"), figure, tall)


def _table(case: Case, base: list[Step]) -> Table:
    """Shares and days of every step as differences."""
    text, rows = case.text, []
    for step in base:
        pair = f"{STEPS.get(step.before)}_{STEPS.get(step.name)}"
        for metric in (step.name, f"conversion_{pair}", f"days_{pair}"):
            found = case.across(metric)
            if found:
                one = next(iter(found.values()))
                cells = [difference(case, found.get(p)) for p in case.plans]
                rows.append([Cell(case.say.metric(metric)), Cell(case.say.value(one.base, one.unit)), *cells])
    head = [text("words.metric"), case.label(case.base), *(case.label(p) for p in case.plans)]
    return Table(head, rows, note=text("compare.result.note"), dense=True)


def course(case: Case) -> Panel | None:
    """Revenue, cash and the north star by month with bands over replications."""
    text, charts = case.text, []
    for metric in dict.fromkeys((*OVER_TIME, case.say.north_star(), *case.primary)):
        frames = {s: f for s, run in case.runs.items() if not (f := metric_bands(run, metric)).empty}
        if case.base in frames and len(frames) > 1:
            charts.append(_lines(case, metric, frames))
    if not charts:
        return None
    lead = text("compare.course.lead", base=case.label(case.base))
    blocks: list[Block] = [Charts(charts[:MOST_SERIES])]
    return Panel("course", text("compare.course.title"), text("compare.course.headline"), lead, blocks)


def _lines(case: Case, metric: str, frames: dict[str, pd.DataFrame]) -> Chart:
    import pandas as pd

    text = case.text
    joint, unit = scaled(case.say, pd.concat(frames), case.runs[case.base].units.get(metric, ""))
    parts = {s: joint.loc[s] for s in frames}
    last = [
        text("compare.course.last", plan=case.label(s), value=text.number(float(p["median"].iloc[-1])))
        for s, p in parts.items()
    ]
    figure = courses({case.label(s): p for s, p in parts.items()}, [case.colour(s) for s in parts], words(case.say))
    figure = marked(figure, case.marks)
    note = text("compare.course.note", last=text("words.list").join(last))
    return Chart(f"{case.business}-course-{metric}", case.say.metric(metric), unit, note, figure)
