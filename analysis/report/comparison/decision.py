"""Which plan to take: targets reached, the choice of the best and how far it is guaranteed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.report.blocks import Block, Cell, Facts, Panel, Table
from analysis.report.comparison.case import Case, known

if TYPE_CHECKING:
    import pandas as pd


def decision(case: Case) -> Panel | None:
    """Targets and the choice, where they were asked for."""
    targets, choice = case.of(case.folder.targets), case.of(case.folder.choice)
    if targets.empty and choice.empty:
        return None
    text, blocks = case.text, []
    for metric, rows in choice.groupby("metric", sort=False):
        blocks += _choice(case, str(metric), rows)
    if not targets.empty:
        blocks.append(_targets(case, targets))
    lead = text("compare.decision.lead")
    return Panel("decision", text("compare.decision.title"), " ".join(decided(case)), lead, blocks)


def decided(case: Case) -> list[str]:
    """What was chosen, and how often each target is reached, a sentence each."""
    targets, choice = case.of(case.folder.targets), case.of(case.folder.choice)
    lines = []
    if not choice.empty:
        lines += [_chosen(case, str(metric), rows) for metric, rows in choice.groupby("metric", sort=False)]
    if not targets.empty:
        lines += [_target(case, rows) for _, rows in targets.groupby("target", sort=False)]
    return lines


def _chosen(case: Case, metric: str, rows: pd.DataFrame) -> str:
    found = [case.label(known(s)) for s in rows.loc[rows["selected"], "scenario"]]
    key = "compare.decision.chosen" if found else "compare.decision.open"
    return case.text(key, plan=case.text("words.and").join(found), metric=case.say.metric(metric))


def _choice(case: Case, metric: str, rows: pd.DataFrame) -> list[Block]:
    text, first = case.text, rows.iloc[0]
    unit = next(iter([r.unit for r in case.across(metric).values()]), "")
    told = [
        (text("compare.decision.method"), text.name("methods", known(first["method"]))),
        (text("compare.decision.guarantee"), known(first["guarantee"])),
    ]
    table = [_candidate(case, row, unit) for row in rows.to_dict("records")]
    head = [text(f"compare.decision.{c}") for c in ("plan", "verdict", "spent", "mean", "fresh")]
    title = text("compare.decision.table", metric=case.say.metric(metric))
    return [Facts([p for p in told if p[1]]), Table(head, table, title=title, note=text("compare.decision.note"))]


def _candidate(case: Case, row: dict[str, Any], unit: str) -> list[Cell]:
    text, out = case.text, float(row["eliminated_at"])
    if row["selected"]:
        verdict = Cell(text("compare.decision.best"), look="firm")
    elif out == out:
        verdict = Cell(text("compare.decision.out", batch=text.count(out)), look="mute")
    else:
        verdict = Cell(text("compare.decision.behind"), look="mute")
    fresh, ends = float(row["fresh_mean"]), (float(row["fresh_low"]), float(row["fresh_high"]))
    again = Cell(case.say.value(fresh, unit), text.interval(*ends, unit)) if fresh == fresh else Cell("")
    spent = text.number(float(row["replications"]), "count")
    return [
        Cell(case.label(known(row["scenario"]))),
        verdict,
        Cell(spent),
        Cell(case.say.value(float(row["mean"]), unit)),
        again,
    ]


def _target(case: Case, rows: pd.DataFrame) -> str:
    text = case.text
    parts = [
        text("compare.funnel.side", plan=case.label(known(r["scenario"])), share=case.say.percent(float(r["share"])))
        for r in rows.to_dict("records")
    ]
    return text("compare.decision.target", target=known(rows.iloc[0]["target"]), plans=text("words.list").join(parts))


def _targets(case: Case, frame: pd.DataFrame) -> Table:
    text, rows = case.text, []
    for row in frame.to_dict("records"):
        metric = known(row["metric"])
        unit = case.runs[case.base].units.get(metric) or next((r.unit for r in case.across(metric).values()), "")
        goal = text(
            "compare.decision.goal",
            target=known(row["target"]),
            metric=case.say.metric(metric),
            by=known(row["by"]),
            value=case.say.value(float(row["value"]), unit),
        )
        share = Cell(
            case.say.percent(float(row["share"])), text.interval(float(row["low"]), float(row["high"]), "share")
        )
        against, p = float(row["difference"]), float(row["p"])
        cells = [case.signed(against, "share") if against == against else "", p_value(case, p)]
        name = Cell(case.label(known(row["scenario"])), goal)
        rows.append([name, share, *map(Cell, cells)])
    head = [text(f"compare.decision.{c}") for c in ("plan", "share", "against", "p")]
    return Table(head, rows, title=text("compare.decision.targets"), note=text("compare.decision.targets_note"))


def p_value(case: Case, p: float) -> str:
    """A p value as it is read: small ones by their bound."""
    if p != p:
        return ""
    return case.text("compare.small_p") if p < 0.001 else case.text.fixed(p, 3)
