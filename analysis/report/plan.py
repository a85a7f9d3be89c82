"""The panel of the plan: what is attained, how surely, and with which pipeline, people and cash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.report import plots
from analysis.report.blocks import Block, Cell, Chart, Charts, Notes, Panel, Table
from analysis.report.folder import HORIZON
from analysis.report.markers import marked
from analysis.report.plan_folder import (
    MEASURED,
    Course,
    courses,
    read_capacity,
    read_coverage,
    read_risk,
    read_targets,
    simulated,
)
from analysis.report.scaling import scaled, words
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS, MOST_COURSES = 14, 6
"""Rows of the open table, and charts."""

EVEN = 0.5
"""Chance from which a target is likelier reached than not."""

LABELS = {"segment": "market.segments", "channel": "market.channels", "product": "policy.products",
          "team": "policy.desks", "desk": "policy.desks"}  # fmt: skip
"""Where the labels of parts stand in the configuration."""


def planned(say: Wording) -> Panel | None:
    """Targets against the run; nothing where there is no plan."""
    targets = read_targets(say.folder)
    if targets.empty:
        return None
    text, measured = say.text, targets[targets["status"] == MEASURED]
    blocks: list[Block] = [*_tables(say, measured), *_charts(say, measured), *_risk(say), *_coverage(say)]
    blocks += [*_capacity(say), *left_out(say, targets)]
    return Panel("plan", text("plan.title"), told(say, targets), text("plan.lead"), blocks)


def told(say: Wording, targets: pd.DataFrame) -> str:
    """How many figures of the plan are likely reached, in one sentence."""
    measured = targets[targets["status"] == MEASURED]
    likely = int((measured["chance"] >= EVEN).sum())
    fields = {"likely": say.text.count(likely), "total": say.text.count(len(measured))}
    return say.text("plan.headline", **fields)


def part(say: Wording, dim: str, level: str) -> str:
    """Label of the part of the business that a target is for; empty for the whole."""
    if dim == "owner":
        desk, _, number = level.rpartition("-")
        return say.text("plan.owner", desk=say.desks.get(desk, desk), number=number)
    return say.folder.labels(LABELS[dim]).get(level, level) if dim in LABELS else level


def what(say: Wording, row: dict[Any, Any]) -> str:
    """The metric of a target and the part that it is for."""
    name = say.metric(str(row["metric"]))
    if not row["dim"]:
        return name
    return say.text("words.of_desk", metric=name, desk=part(say, str(row["dim"]), str(row["level"])))


def when(say: Wording, row: dict[Any, Any]) -> str:
    """The period of a target."""
    return say.text("words.horizon") if row["period"] == HORIZON else str(row["period"])


def cell(say: Wording, row: dict[Any, Any], column: str, unit: str) -> Cell:
    """A figure of a target with its interval below."""
    low, high = ("ci_low", "ci_high") if column == "mean" else (f"{column}_low", f"{column}_high")
    value = float(row[column])
    if value != value:
        return Cell(say.text("format.undefined"), look="mute")
    return Cell(say.value(value, unit), say.text.interval(float(row[low]), float(row[high]), unit))


def chance(say: Wording, row: dict[Any, Any]) -> Cell:
    """The chance of a target with its interval, marked where the interval leaves no doubt which is likelier."""
    low, high = float(row["chance_low"]), float(row["chance_high"])
    look = "good" if low >= EVEN else "bad" if high < EVEN else ""
    ends = say.text("format.interval", low=say.percent(low), high=say.percent(high))
    return Cell(say.percent(float(row["chance"])), ends, look=look)


def goal(say: Wording, row: dict[Any, Any]) -> Cell:
    """The planned value, with the sense below where it is a ceiling."""
    note = say.text("plan.at_most") if row["sense"] == "at_most" else ""
    return Cell(say.value(float(row["value"]), str(row["unit"])), note)


def row_of(say: Wording, row: dict[Any, Any]) -> list[Cell]:
    """One target as a row: what, by when, what was found, how far it is reached, and by how much it is missed."""
    unit, name = str(row["unit"]), str(row["target"])
    note = when(say, row) if str(row["metric"]) in name else say.text("plan.named", period=when(say, row), name=name)
    return [
        Cell(what(say, row), note),
        goal(say, row),
        cell(say, row, "mean", unit),
        cell(say, row, "attainment", "share"),
        _variance(say, row),
        chance(say, row),
    ]


def _variance(say: Wording, row: dict[Any, Any]) -> Cell:
    """The variance to plan; of a share in percentage points."""
    unit = str(row["unit"])
    if unit.split("/")[0] not in ("share", "1"):
        return cell(say, row, "variance", unit)
    points = [say.text.fixed(100 * float(row[c]), 1) for c in ("variance", "variance_low", "variance_high")]
    ends = say.text("format.interval", low=points[1], high=points[2])
    return Cell(say.text("plan.points", value=points[0]), ends)


def _tables(say: Wording, measured: pd.DataFrame) -> list[Block]:
    """What matters most in the open, all of it folded where that is more: long periods before months."""
    text = say.text
    if measured.empty:
        return []
    head = [text(f"plan.{k}") for k in ("figure", "plan", "simulated", "attainment", "variance", "chance")]
    first = measured[measured["kind"] != "month"]
    shown = (first if len(first) else measured).head(MOST_ROWS)
    blocks: list[Block] = [Table(head, [row_of(say, r) for r in shown.to_dict("records")], note=text("plan.note"))]
    if len(shown) < len(measured):
        rows = [row_of(say, r) for r in measured.to_dict("records")]
        blocks.append(Table(head, rows, title=text("plan.all", count=text.count(len(rows))), folded=True, dense=True))
    return blocks


def _charts(say: Wording, measured: pd.DataFrame) -> list[Block]:
    found = []
    for course in list(courses(measured))[:MOST_COURSES]:
        frame = simulated(say.folder, course)
        if not frame.empty:
            found.append(_chart(say, course, frame))
    return [Charts(found)] if found else []


def _chart(say: Wording, course: Course, frame: pd.DataFrame) -> Chart:
    """The planned line over the band of what is simulated."""
    text = say.text
    both, unit = scaled(say, frame.join(course.plan, how="outer"), course.unit)
    names = words(say, text("words.median"), text("words.band"))
    figure = marked(plots.band(both[["low", "median", "high"]].dropna(how="all"), names), say.marks)
    figure["data"].append(plan_line(both["plan"], text("plan.plan")))
    title = what(say, {"metric": course.metric, "dim": course.dim, "level": course.level})
    note = text("plan.chart_note", kind=text.name("plan.kinds", course.kind))
    return Chart(course.id, title, unit, note, figure)


def plan_line(plan: pd.Series, name: str) -> plots.Figure:
    """The planned values as a line with a mark at each."""
    values = plan.dropna()
    return {
        "type": "scatter", "mode": "lines+markers", "x": plots.plain(values.index), "y": plots.plain(values),
        "name": plots.safe(name), "line": {"color": plots.INK, "width": 1.6, "dash": "dot"},
        "marker": {"size": 5, "color": plots.INK},
    }  # fmt: skip


def _risk(say: Wording) -> list[Block]:
    """The chance that cash is below zero, month by month; a line of text where that never happens."""
    frame, text = read_risk(say.folder), say.text
    if frame.empty:
        return []
    if not frame["ever"].iloc[-1] > 0:
        bound = say.percent(float(frame["ever_high"].iloc[-1]))
        return [Notes(text("plan.risk"), [text("plan.never", high=bound)])]
    shown = 100 * frame[["chance_low", "chance", "chance_high"]].set_axis(["low", "median", "high"], axis=1)
    names = words(say, text("plan.in_month"), text("plan.wilson"), share=True)
    figure = marked(plots.band(shown, names, plots.RED), say.marks)
    figure["layout"]["yaxis"] = {**figure["layout"]["yaxis"], "range": [0, 102]}
    ever = {
        **plan_line(100 * frame["ever"], text("plan.so_far")), "mode": "lines",
        "line": {"color": plots.INK, "width": 1.6, "dash": "dash"},
    }  # fmt: skip
    figure["data"].append(ever)
    last = say.percent(float(frame["ever"].iloc[-1]))
    return [Charts([Chart("plan-cash", text("plan.risk"), "", text("plan.risk_note", ever=last), figure)], wide=True)]


def _coverage(say: Wording) -> list[Block]:
    """Pipeline coverage at the beginning of each target's period, later months folded."""
    frame, text = read_coverage(say.folder), say.text
    if frame.empty:
        return []
    head = [text(f"plan.{k}") for k in ("figure", "at", "pipeline", "missing", "coverage", "needed")]
    first = frame[~frame.duplicated("target")].head(MOST_ROWS)
    rows = [_covered(say, row) for row in first.to_dict("records")]
    blocks: list[Block] = [Table(head, rows, title=text("plan.coverage_title"), note=text("plan.coverage_note"))]
    if len(first) < len(frame):
        every = [_covered(say, row) for row in frame.to_dict("records")]
        title = text("plan.coverage_all", count=text.count(len(every)))
        blocks.append(Table(head, every, title=title, folded=True, dense=True))
    return blocks


def _covered(say: Wording, row: dict[Any, Any]) -> list[Cell]:
    import pandas as pd

    text, unit = say.text, str(row["unit"]) if row["unit"] == row["unit"] else ""
    value, low, high = (float(row[f"coverage{end}"]) for end in ("", "_low", "_high"))
    none = Cell(text("plan.nothing_missing"), look="mute")
    ends = text("format.interval", low=text.fixed(low, 1), high=text.fixed(high, 1))
    needed = float(row["needed"])
    return [
        Cell(say.metric(str(row["metric"])), when(say, row)),
        Cell(text.month(pd.Timestamp(f"{row['month']}-01")), look="left"),
        Cell(say.value(float(row["pipeline"]), unit)),
        Cell(say.value(float(row["missing"]), unit)),
        Cell(text("plan.times", value=text.fixed(value, 1)), ends) if value == value else none,
        Cell(text("plan.times", value=text.fixed(needed, 1)) if needed == needed else text("format.undefined")),
    ]


def _capacity(say: Wording) -> list[Block]:
    """Hours and heads that the plan needs, desk by desk; targets that need hires first."""
    frame, text = read_capacity(say.folder), say.text
    if frame.empty:
        return []
    frame = frame.sort_values("hires", ascending=False, kind="stable")
    head = [text(f"plan.{k}") for k in ("figure", "desk", "hours_needed", "hours_offered", "load", "heads", "required",
                                        "hires")]  # fmt: skip
    rows = [_staffed(say, row) for row in frame.to_dict("records")]
    load = say.percent(float(say.folder.setting("plan.load", 1.0)))
    note = text("plan.capacity_note", load=load)
    blocks: list[Block] = [Table(head, rows[:MOST_ROWS], title=text("plan.capacity_title"), note=note)]
    if len(rows) > MOST_ROWS:
        title = text("plan.capacity_all", count=text.count(len(rows)))
        blocks.append(Table(head, rows, title=title, folded=True, dense=True))
    return blocks


def _staffed(say: Wording, row: dict[Any, Any]) -> list[Cell]:
    text, desk, hires = say.text, str(row["desk"]), float(row["hires"])
    load = float(row["load"])
    return [
        Cell(say.metric(str(row["metric"])), when(say, row)),
        Cell(say.desks.get(desk, desk), look="left"),
        Cell(text.number(float(row["hours_needed"]))),
        Cell(text.number(float(row["hours_offered"]))),
        Cell(say.percent(load), look="bad" if load > 1 else ""),
        Cell(text.fixed(float(row["heads"]), 1)),
        Cell(text.count(float(row["required_heads"]))),
        Cell(text.count(hires), look="bad" if hires else "mute"),
    ]


def left_out(say: Wording, targets: pd.DataFrame) -> list[Block]:
    """Figures of the plan that the run has nothing for, with the reason."""
    text, rows = say.text, targets[targets["status"] != MEASURED].to_dict("records")
    if not rows:
        return []
    lines = [
        text("plan.left_out", name=str(r["target"]), value=text.number(float(r["value"])), reason=_reason(say, r))
        for r in rows
    ]
    return [Notes(text("plan.left_out_title", count=text.count(len(lines))), lines, folded=len(lines) > MOST_ROWS)]


def _reason(say: Wording, row: dict[Any, Any]) -> str:
    """Why a figure of the plan is not measured; of an unknown metric with the known one that is nearest."""
    from analysis.attainment.target import UNKNOWN, near

    status, text = str(row["status"]), say.text
    reason = text.name("plan.reasons", status.replace(" ", "_"))
    close = near(str(row["metric"])) if status == UNKNOWN else ""
    return text("plan.perhaps", reason=reason, metric=close) if close else reason


def lines(say: Wording, most: int) -> list[str]:
    """A few targets and how many of all are likely reached, for a terminal; nothing without a plan."""
    targets, text = read_targets(say.folder), say.text
    if targets.empty:
        return []
    measured = targets[targets["status"] == MEASURED]
    first = measured[measured["kind"] != "month"]
    rows = (first if len(first) else measured).head(most).to_dict("records")
    told = [_line(say, row) for row in rows]
    likely = text.count(float((measured["chance"] >= EVEN).sum()))
    missing = text.count(len(targets) - len(measured))
    return [*told, text("plan.screen_all", likely=likely, total=text.count(len(measured)), missing=missing)]


def _line(say: Wording, row: dict[Any, Any]) -> str:
    unit = str(row["unit"])
    fields = {"mean": say.text.number(float(row["mean"]), unit), "value": say.value(float(row["value"]), unit)}
    chance = say.percent(float(row["chance"]))
    return say.text("plan.screen", name=what(say, row), period=when(say, row), chance=chance, **fields)
