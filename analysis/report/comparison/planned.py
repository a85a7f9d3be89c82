"""The plans of action against the figures that a plan or budget asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.comparison.case import Case
from analysis.report.comparison.charts import courses as bands_of
from analysis.report.markers import marked
from analysis.report.plan import MOST_COURSES, MOST_ROWS, goal, left_out, plan_line, row_of, what, when
from analysis.report.plan_folder import MEASURED, Course, courses, simulated
from analysis.report.scaling import scaled, words

if TYPE_CHECKING:
    import pandas as pd


def planned(case: Case) -> Panel | None:
    """Every plan of action against the planned figures; nothing where none were asked for."""
    found = case.of(case.folder.planned)
    if found.empty:
        return None
    text = case.text
    every = {s: found[found["scenario"].astype(str) == s] for s in case.runs}
    parts = {s: rows[rows["status"] == MEASURED] for s, rows in every.items()}
    known = np.any([rows["status"] == MEASURED for rows in every.values()], axis=0)
    sides = {s: rows[known] for s, rows in every.items()}
    blocks: list[Block] = [
        *_side_by_side(case, sides),
        *_charts(case, sides[case.base].assign(status=MEASURED)),
        *_single(case, parts),
    ]
    blocks += left_out(case.say, every[case.base][~known])
    return Panel("plan", text("plan.title"), " ".join(reached(case)), text("plan.lead"), blocks)


def reached(case: Case) -> list[str]:
    """How many planned figures each plan of action likely reaches, a sentence each."""
    found = case.of(case.folder.planned)
    measured = found[found["status"] == MEASURED]
    lines = []
    for scenario, rows in measured.groupby("scenario", sort=False):
        fields = {"likely": case.text.count(float((rows["chance"] >= 0.5).sum())), "total": case.text.count(len(rows))}
        lines.append(case.text("compare.plan.by_plan", plan=case.label(str(scenario)), **fields))
    return lines


def _side_by_side(case: Case, parts: dict[str, pd.DataFrame]) -> list[Block]:
    """One row per figure: planned value, then mean and chance under every plan, if any measures it; long periods
    before months."""
    text, base = case.text, parts[case.base]
    if base.empty:
        return []
    rows = list(zip(*(p.to_dict("records") for p in parts.values()), strict=True))
    shown = [r for r in rows if r[0]["kind"] != "month"] or rows
    head = [text("plan.figure"), text("plan.plan"), *(case.label(s) for s in parts)]
    blocks: list[Block] = [Table(head, [_row(case, r) for r in shown[:MOST_ROWS]], note=text("compare.plan.side_note"))]
    if len(shown[:MOST_ROWS]) < len(rows):
        title = text("plan.all", count=text.count(len(rows)))
        blocks.append(Table(head, [_row(case, r) for r in rows], title=title, folded=True, dense=True))
    return blocks


def _row(case: Case, sides: tuple[dict[Any, Any], ...]) -> list[Cell]:
    first, say = sides[0], case.say
    cells = [
        Cell(
            say.value(float(side["mean"]), str(side["unit"])),
            case.text("compare.plan.side", attainment=_share(case, side), chance=_chance(case, side)),
        )
        if side["status"] == MEASURED
        else Cell(case.text("format.undefined"))
        for side in sides
    ]
    return [Cell(what(say, first), when(say, first)), goal(say, first), *cells]


def _share(case: Case, row: dict[Any, Any]) -> str:
    return (
        case.say.percent(float(row["attainment"]))
        if row["attainment"] == row["attainment"]
        else case.text("format.undefined")
    )


def _chance(case: Case, row: dict[Any, Any]) -> str:
    """The chance of a planned figure with its interval, in one phrase."""
    shares = {c: case.say.percent(float(row[c])) for c in ("chance", "chance_low", "chance_high")}
    return case.text("compare.plan.chance", **shares)


def _charts(case: Case, base: pd.DataFrame) -> list[Block]:
    found = []
    for course in list(courses(base))[:MOST_COURSES]:
        frames = {s: f for s, run in case.runs.items() if not (f := simulated(run, course)).empty}
        if frames:
            found.append(_chart(case, course, frames))
    return [Charts(found)] if found else []


def _chart(case: Case, course: Course, frames: dict[str, pd.DataFrame]) -> Chart:
    """The planned line over the fan of every plan."""
    import pandas as pd

    text = case.text
    parts = {**frames, "": course.plan.to_frame("median").assign(low=course.plan, high=course.plan)}
    joint, unit = scaled(case.say, pd.concat(parts), course.unit)
    sides = {case.label(s): joint.loc[s] for s in frames}
    figure = marked(bands_of(sides, [case.colour(s) for s in frames], words(case.say)), case.marks)
    figure["data"].append(plan_line(joint.loc[""]["median"], text("plan.plan")))
    title = what(case.say, {"metric": course.metric, "dim": course.dim, "level": course.level})
    note = text("plan.chart_note", kind=text.name("plan.kinds", course.kind))
    return Chart(f"{case.business}-{course.id}", title, unit, note, figure)


def _single(case: Case, parts: dict[str, pd.DataFrame]) -> list[Block]:
    """Everything about one plan of action, folded."""
    text = case.text
    head = [text(f"plan.{k}") for k in ("figure", "plan", "simulated", "attainment", "variance", "chance")]
    return [
        Table(head, [row_of(case.say, r) for r in rows.to_dict("records")], folded=True, dense=True,
              title=text("compare.plan.of_plan", plan=case.label(scenario)))
        for scenario, rows in parts.items()
        if len(rows)
    ]  # fmt: skip
