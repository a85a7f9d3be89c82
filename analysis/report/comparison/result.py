"""What the difference is: the headline, the declared metrics with their intervals, the cost beside the gain."""

from __future__ import annotations

from analysis.report.blocks import Block, Card, Cards, Cell, Chart, Charts, Panel, Table
from analysis.report.comparison.case import LOOKS, SURE, UNSURE, ZERO, Case, Difference, known
from analysis.report.comparison.charts import Bar, dots, height
from analysis.report.folder import HORIZON
from analysis.report.scaling import words
from analysis.report.strings import SCALED_FROM, SHARES

COSTS = (
    "cost_of_sales",
    "payroll_cost",
    "marketing_cost",
    "commission_cost",
    "subsidy_cost",
    "fixed_cost",
    "bad_debt_cost",
)
REVENUE, PROFIT = "revenue", "operating_profit"


def result(case: Case) -> Panel | None:
    """Which plan does most, by how much, how sure; then the declared metrics."""
    if not case.rows:
        return None
    text, metrics = case.text, case.primary or case.metrics[:4]
    blocks: list[Block] = [Cards(_cards(case, metrics))]
    moved = [m for m in case.primary if any(r.verdict != ZERO for r in case.across(m).values())]
    if moved:
        blocks.append(Charts([_chart(case, m) for m in moved]))
    blocks.append(differences(case, metrics, HORIZON, text("compare.result.table")))
    years = sorted({p for _, m, p in case.rows if m in metrics and p != HORIZON})
    blocks += [differences(case, metrics, y, text("compare.result.year", year=y), folded=True) for y in years]
    lead = text("compare.result.lead", **case.what())
    return Panel("result", text("compare.result.title"), headline(case), lead, blocks)


def best(case: Case) -> str:
    """The plan that was chosen, else that with the largest difference of the metric that orders plans; or none."""
    rows = {p: r for p, r in case.across(case.steer).items() if r.value == r.value}
    choice = case.of(case.folder.choice)
    chosen = [known(s) for s in choice.loc[choice["selected"] & (choice["metric"] == case.steer), "scenario"]]
    return next((p for p in chosen if p in rows), max(rows, key=lambda p: rows[p].value, default=""))


def headline(case: Case) -> str:
    """Which plan, how much, how sure, in words."""
    text, plan = case.text, best(case)
    row = case.row(plan, case.steer)
    if row is None:
        return text("compare.result.undefined", **case.what())
    if all(r.verdict == ZERO for r in case.rows.values()):
        return text("compare.result.same", **case.what())
    several = "compare.result.most" if row.value > 0 else "compare.result.least"
    key = several if len(case.plans) > 1 else "compare.result.headline"
    fields = {"plan": case.label(plan), "metric": case.say.metric(row.metric), "change": _change(case, row)}
    return text(key, **case.what() | fields, sure=_sure(case, row))


def _change(case: Case, row: Difference) -> str:
    relative, value = case.relative(row), case.shown(row)
    return case.text("compare.result.with_share", value=value, share=relative) if relative else value


def _sure(case: Case, row: Difference) -> str:
    text = case.text
    if row.verdict in (SURE, UNSURE):
        return text(f"compare.result.{row.verdict}", interval=case.interval(row), level=_level(case, row))
    return text(f"compare.result.{row.verdict}", note=case.interval(row))


def _level(case: Case, row: Difference) -> str:
    level = row.level if row.level == row.level else case.level
    shown = case.text.fixed(100 * level, 0 if abs(100 * level - round(100 * level)) < 0.05 else 1)
    return case.text("format.percent", value=shown)


def _cards(case: Case, metrics: list[str]) -> list[Card]:
    """One plan: its metrics; several: each plan's difference in the metric they are put in order by."""
    if len(case.plans) == 1:
        rows = [(case.say.metric(m), r) for m in metrics[:8] for r in case.across(m).values()]
    else:
        rows = [(case.label(p), r) for p, r in case.across(case.steer).items()]
    return [_card(case, label, row) for label, row in rows]


def _card(case: Case, label: str, row: Difference) -> Card:
    text, unit = case.text, case.text.unit(row.unit) if row.verdict != ZERO else ""
    mark = text(f"compare.verdicts.{row.verdict}") if row.verdict in (SURE, UNSURE) else ""
    parts = [case.relative(row), case.interval(row)]
    note = text("words.notes").join(p for p in parts if p)
    if len(case.plans) > 1:
        note = text("words.notes").join(p for p in (case.say.metric(row.metric), note) if p)
    return Card(label, case.shown(row, bare=True), unit, note, mark)


def _chart(case: Case, metric: str) -> Chart:
    text, rows = case.text, case.across(metric)
    unit = next(iter(rows.values())).unit
    size, name = scale(case, [v for r in rows.values() for v in (r.value, r.low, r.high)], unit)
    bars = [bar(case, case.label(p), r, size, case.colour(p)) for p, r in rows.items()]
    base = text("compare.result.base", base=case.say.value(next(iter(rows.values())).base, unit))
    return Chart(
        f"{case.business}-difference-{metric}",
        case.say.metric(metric),
        name,
        base,
        dots(bars, words(case.say, dates=False)),
        height(len(bars)),
    )


def bar(case: Case, name: str, row: Difference, size: float, colour: str) -> Bar:
    """A difference as a row of a chart."""
    label = case.shown(row, bare=True)
    return Bar(name, row.value / size, row.low / size, row.high / size, label, colour, row.verdict == SURE)


def scale(case: Case, values: list[float], unit: str) -> tuple[float, str]:
    """Divisor that makes differences readable, and the word for the unit then."""
    text = case.text
    if unit.split("/")[0] in SHARES:
        return 0.01, text("compare.points", value="").strip()
    top = max((abs(v) for v in values if v == v), default=0.0)
    size, word = text.scale([top]) if top >= SCALED_FROM else (1.0, "")
    name = text.unit(unit)
    return size, text("format.scaled", value=word, scale=name) if word and name else word or name


def differences(case: Case, metrics: list[str], period: str, title: str, *, folded: bool = False) -> Table:
    """Metrics down, plans across: the base's mean, then every plan's difference with its interval."""
    text, rows = case.text, []
    for metric in metrics:
        found = case.across(metric, period)
        if not found:
            continue
        one = next(iter(found.values()))
        cells = [difference(case, found.get(p)) for p in case.plans]
        rows.append([Cell(case.say.metric(metric), text.unit(one.unit)), Cell(text.number(one.base, one.unit)), *cells])
    head = [text("words.metric"), case.label(case.base), *(case.label(p) for p in case.plans)]
    return Table(head, rows, title=title, note=text("compare.result.note"), folded=folded, dense=folded)


def difference(case: Case, row: Difference | None) -> Cell:
    """A difference with its interval below and its verdict as a mark."""
    if row is None:
        return Cell(case.text("format.undefined"), look="mute")
    return Cell(case.shown(row, bare=True), case.interval(row), LOOKS[row.verdict])


def gain(case: Case) -> Panel | None:
    """What every plan costs beside what it brings."""
    text, metrics = case.text, [m for m in (REVENUE, *COSTS, PROFIT) if case.across(m)]
    if not {REVENUE, PROFIT} <= set(metrics):
        return None
    moved = [m for m in metrics if m in (REVENUE, PROFIT) or any(r.value for r in case.across(m).values())]
    blocks: list[Block] = [differences(case, moved, HORIZON, "")]
    lines = [_cost(case, p) for p in case.plans if case.row(p, REVENUE) and case.row(p, PROFIT)]
    return Panel("gain", text("compare.gain.title"), " ".join(lines), text("compare.gain.lead"), blocks)


def _cost(case: Case, plan: str) -> str:
    """A sentence on cost and revenue of one plan."""
    text, revenue, profit = case.text, case.row(plan, REVENUE), case.row(plan, PROFIT)
    assert revenue is not None
    assert profit is not None
    cost = revenue.value - profit.value
    if revenue.verdict == ZERO and profit.verdict == ZERO:
        return text("compare.gain.nothing", plan=case.label(plan))
    fields = {
        "plan": case.label(plan),
        "cost": case.say.value(abs(cost), revenue.unit),
        "revenue": case.say.value(abs(revenue.value), revenue.unit),
    }
    side = text("compare.gain.dearer" if cost > 0 else "compare.gain.cheaper", **fields)
    return text("compare.gain.more" if revenue.value >= 0 else "compare.gain.less", side=side, **fields)
