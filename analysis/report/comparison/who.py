"""Who ends differently: counts by decision and kind, stories, a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.compare.flips import stories
from analysis.report.blocks import Block, Cell, Chart, Charts, Notes, Panel, Table
from analysis.report.comparison.case import Case, known
from analysis.report.comparison.charts import height, opposed
from analysis.report.comparison.story import MOST, account, decision, how, state, story
from analysis.report.scaling import words

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS, MOST_BARS = 40, 8


def flips(case: Case) -> Panel | None:
    """Accounts that end differently under every plan."""
    frame = case.of(case.folder.flips)
    frame = frame[frame["scenario"].isin(case.plans)]
    if frame.empty:
        return None
    text = case.text
    parts = {p: part for p in case.plans if len(part := frame[frame["scenario"] == p])}
    charts = [_chart(case, p, part) for p, part in parts.items()]
    blocks: list[Block] = [Charts(charts, wide=len(charts) == 1)]
    blocks += [_stories(case, p, part) for p, part in parts.items()]
    for plan, part in parts.items():
        blocks += [_by_decision(case, plan, part), _list(case, plan, part)]
    head = " ".join(text("compare.flips.headline", plan=case.label(p), found=told(case, p)) for p in case.plans)
    lead = text("compare.flips.lead", **case.what())
    return Panel("flips", text("compare.flips.title"), head, lead, blocks)


def counts(case: Case, plan: str) -> tuple[float, float, float]:
    """Customers gained, customers lost, and other changes of the end, per replication."""
    change = case.of(case.folder.flips, plan)["change"]
    n = max(case.replications, 1)
    return float((change > 0).sum() / n), float((change < 0).sum() / n), float((change == 0).sum() / n)


def told(case: Case, plan: str) -> str:
    """Counts of a plan in words."""
    text, (gained, lost, other) = case.text, counts(case, plan)
    if not gained + lost + other:
        return text("compare.flips.nobody")
    shown = {"gained": gained, "lost": lost, "other": other}
    return text("compare.flips.counts", **{k: text.number(v, "count") for k, v in shown.items()})


def _stories(case: Case, plan: str, frame: pd.DataFrame) -> Notes:
    lines = [story(case, row) for row in stories(frame, MOST).to_dict("records")]
    return Notes(case.text("compare.flips.stories", plan=case.label(plan)), lines)


def _summed(case: Case, frame: pd.DataFrame) -> pd.DataFrame:
    """Per replication and decision and kind: gained, lost, other, value; the most frequent first."""
    n = max(case.replications, 1)
    change = frame["change"]
    told = frame.assign(
        gained=change.gt(0) / n,
        lost=change.lt(0) / n,
        other=change.eq(0) / n,
        value=frame["value"].fillna(0) / n,
        decision=frame["decision"].fillna(""),
        kind=frame["kind"].fillna(""),
    )
    sums = told.groupby(["decision", "kind"])[["gained", "lost", "other", "value"]].sum()
    size = sums[["gained", "lost", "other"]].sum(axis=1).sort_values(ascending=False, kind="stable")
    return sums.loc[size.index].reset_index()


def _chart(case: Case, plan: str, frame: pd.DataFrame) -> Chart:
    text, rows = case.text, _summed(case, frame).head(MOST_BARS).to_dict("records")
    names = [_named(case, r) for r in rows]
    words_ = words(case.say, text("compare.flips.gained"), text("compare.flips.lost"), dates=False)
    figure = opposed(names, [r["gained"] for r in rows], [r["lost"] for r in rows], words_)
    title = text("compare.flips.chart", plan=case.label(plan))
    return Chart(
        f"{case.business}-flips-{plan}", title, "", text("compare.flips.chart_note"), figure, height(len(rows)) + 30
    )


def _named(case: Case, row: dict[str, Any]) -> str:
    name, kind = decision(case, row["decision"]), case.text.name("kinds", row["kind"])
    return case.text("compare.flips.decision_kind", decision=name, kind=kind) if row["kind"] else name


def _by_decision(case: Case, plan: str, frame: pd.DataFrame) -> Table:
    text, rows = case.text, []
    for row in _summed(case, frame).to_dict("records"):
        figures = [text.fixed(row[c], 2) for c in ("gained", "lost", "other")]
        value = Cell(case.signed(row["value"], case.currency))
        rows.append(
            [Cell(decision(case, row["decision"]), text.name("kinds", row["kind"])), *map(Cell, figures), value]
        )
    head = [text(f"compare.flips.{c}") for c in ("decision", "gained", "lost", "other", "value")]
    title = text("compare.flips.table", plan=case.label(plan))
    return Table(head, rows, title=title, note=text("compare.flips.table_note"), folded=True, dense=True)


def _list(case: Case, plan: str, frame: pd.DataFrame) -> Table:
    text = case.text
    shown = frame.reindex(frame["value"].abs().sort_values(ascending=False, kind="stable").index)[:MOST_ROWS]
    rows = [_row(case, row) for row in shown.to_dict("records")]
    head = [text(f"compare.flips.{c}") for c in ("who", "replication", "ends", "decision", "how", "chances", "value")]
    fields = {"shown": text.count(len(rows)), "total": text.count(len(frame)), "plan": case.label(plan)}
    title = text("compare.flips.list", **fields)
    return Table(head, rows, title=title, note=text("compare.flips.list_note"), numbers=5, folded=True, dense=True)


def _row(case: Case, row: dict[str, Any]) -> list[Cell]:
    text = case.text
    ends = text("compare.flips.ends_pair", before=state(case, row["before"]), after=state(case, row["after"]))
    chances = [case.say.percent(float(row[c])) for c in ("p_base", "p_plan")]
    pair = (
        text("compare.flips.chance_pair", before=chances[0], after=chances[1]) if row["p_base"] == row["p_base"] else ""
    )
    value = float(row["value"])
    return [
        Cell(account(case, row)),
        Cell(known(row["replication"]), look="left"),
        Cell(ends, look="left"),
        Cell(decision(case, row["decision"]), text.name("kinds", known(row["kind"])), look="left"),
        Cell(how(case, row["how"]), look="left"),
        Cell(pair),
        Cell(case.signed(value, case.currency)),
    ]
