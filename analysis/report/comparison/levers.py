"""What was changed: the keys that differ from the base, each with its effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Block, Cell, Notes, Panel, Table
from analysis.report.comparison.case import LOOKS, Case, known
from analysis.report.comparison.why import CONFIG, bridge, verdict

if TYPE_CHECKING:
    import pandas as pd


def changes(case: Case) -> Panel | None:
    """Every plan as only the keys that differ."""
    frame = case.of(case.folder.changes)
    if frame.empty and not (case.folder.path / "config.csv").is_file():
        return None
    text, blocks = case.text, []
    for plan in case.plans:
        blocks.append(_plan(case, plan, frame[frame["scenario"] == plan]))
    sizes = [
        text("compare.changes.size", plan=case.label(p), count=text.count(int((frame["scenario"] == p).sum())))
        for p in case.plans
    ]
    head = text("compare.changes.headline", sizes=text("words.list").join(sizes))
    lead = text("compare.changes.lead", metric=case.say.metric(case.steer))
    return Panel("changes", text("compare.changes.title"), head, lead, blocks)


def _plan(case: Case, plan: str, frame: pd.DataFrame) -> Block:
    text, title = case.text, case.text("compare.changes.plan", plan=case.label(plan), base=case.label(case.base))
    if frame.empty:
        return Notes(title, [text("compare.changes.none")])
    effects = _effects(case, plan)
    told: set[str] = set()
    rows = []
    for row in frame.to_dict("records"):
        rows.append(_row(case, row, effects, told))
        told.add(row["player"])
    effect = text("compare.changes.effect", metric=case.say.metric(case.steer))
    head = [text("compare.changes.key"), text("compare.changes.change"), effect]
    return Table(head, rows, title=title, numbers=2)


def _effects(case: Case, plan: str) -> dict[str, dict[str, Any]]:
    rows = bridge(case, plan, CONFIG, case.steer).to_dict("records")
    return {known(r["driver"]): r for r in rows}


def _row(case: Case, row: dict[str, str], effects: dict[str, dict[str, Any]], told: set[str]) -> list[Cell]:
    ends = {side: row[side] or case.text("format.undefined") for side in ("base", "value")}
    change = Cell(case.text("compare.changes.pair", **ends), case.text.unit(row["unit"]), look="left")
    return [Cell(row["key"], row["meaning"], look="code"), change, _effect(case, row["player"], effects, told)]


def _effect(case: Case, player: str, effects: dict[str, dict[str, Any]], told: set[str]) -> Cell:
    """The effect of a group of keys, shown at its first key."""
    found = effects.get(player)
    if found is None:
        return Cell("")
    if player in told:
        return Cell(case.text("compare.changes.above"), look="mute")
    mean, unit = float(found["mean"]), known(found["unit"])
    low, high = float(found["ci_low"]), float(found["ci_high"])
    return Cell(
        case.signed(mean, unit) if mean else case.text("compare.zero"),
        case.bounds(low, high, unit),
        LOOKS[verdict(low, high, mean)],
    )
