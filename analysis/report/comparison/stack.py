"""Several changes at once: what they do together, beside what each of them does alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Cell, Panel, Table
from analysis.report.comparison.case import LOOKS, SURE, Case, known
from analysis.report.comparison.decision import p_value
from analysis.report.comparison.why import verdict
from analysis.report.folder import HORIZON

if TYPE_CHECKING:
    import pandas as pd


def stacked(case: Case) -> Panel | None:
    """Plans that are made of several scenarios: alone, together, and the interaction."""
    rows = _rows(case)
    if rows.empty:
        return None
    text = case.text
    head = [text(f"compare.stack.{c}") for c in ("metric", "apart", "together", "interaction", "p")]
    tables = [
        Table(head, [_cells(case, row) for row in part.to_dict("records")], title=_title(case, part))
        for _, part in rows.groupby("scenario", sort=False)
    ]
    lead = text("compare.stack.lead", level=case.say.percent(float(rows["ci_level"].iloc[0])))
    return Panel("stack", text("compare.stack.title"), " ".join(told(case)), lead, tables)


def told(case: Case) -> list[str]:
    """A sentence for every plan of several changes, on the metric by which plans are put in order."""
    return [_sentence(case, row) for row in _rows(case).to_dict("records") if known(row["metric"]) == case.steer]


def _rows(case: Case) -> pd.DataFrame:
    """Interactions of the declared metrics over the whole time."""
    rows = case.of(case.folder.interactions)
    return rows[(rows["period"] == HORIZON) & rows["metric"].isin(case.primary)]


def _title(case: Case, rows: pd.DataFrame) -> str:
    return case.text("compare.stack.table", plan=case.label(known(rows["scenario"].iloc[0])))


def _sentence(case: Case, row: dict[str, Any]) -> str:
    found, unit = _verdict(row), known(row["unit"])
    key = "adds" if found != SURE else "more" if row["interaction"] > 0 else "less"
    shown = {name: case.signed(float(row[name]), unit) for name in ("apart", "together", "interaction")}
    plan, metric = case.label(known(row["scenario"])), case.say.metric(known(row["metric"]))
    return case.text(f"compare.stack.{key}", plan=plan, metric=metric, **shown)


def _cells(case: Case, row: dict[str, Any]) -> list[Cell]:
    unit = known(row["unit"])
    bounds = case.bounds(float(row["ci_low"]), float(row["ci_high"]), unit)
    return [
        Cell(case.say.metric(known(row["metric"]))),
        Cell(case.signed(float(row["apart"]), unit)),
        Cell(case.signed(float(row["together"]), unit)),
        Cell(case.signed(float(row["interaction"]), unit), bounds, LOOKS[_verdict(row)]),
        Cell(p_value(case, float(row["p"]))),
    ]


def _verdict(row: dict[str, Any]) -> str:
    return verdict(float(row["ci_low"]), float(row["ci_high"]), float(row["interaction"]))
