"""Ways of earning by averages: what is signed, invoiced and earned in a month, by segment.

One function for every kind of revenue part. Amounts are money a month; companies are those of the route.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scenarios.runs.exports.workbook.twin.cells import Cells, Expr, of, ratio, total
from scenarios.runs.exports.workbook.twin.graph import MONTH_DAYS
from scenarios.runs.exports.workbook.twin.means import Inputs, Means
from scenarios.runs.exports.workbook.twin.route import Lines, Route

YEAR = 12.0

AT_THE_END = 0.5
"""Months from the middle of a month, when what is even within it is due on average, to its end."""


@dataclass(frozen=True)
class Bill:
    """Invoices of a month by segment; they are paid after ``pace`` times the buyer's delay and ``later`` months."""

    amounts: Lines
    pace: Expr
    later: Expr


@dataclass
class Earned:
    """What a part brings.

    Attributes
    ----------
    revenue : tuple of Cells
        By segment.
    bills : list of Bill
    signed : list of Expr
        Amounts of which the seller has a commission.
    arr : list of Cells
        Recurring revenue a year at the end of the month, where there is any.
    cost_share : list of Expr
        By segment.
    """

    revenue: Lines
    bills: list[Bill]
    cost_share: list[Expr]
    signed: list[Expr] = field(default_factory=list)
    arr: list[Cells] = field(default_factory=list)


@dataclass(frozen=True)
class Part:
    """A revenue part and what its formulas refer to.

    Attributes
    ----------
    length : Cells
        Length of every month in average months.
    price : Cells
        Years since the start at the end of every month.
    """

    name: str
    spec: Any
    route: Route
    inputs: Inputs
    means: Means
    length: Cells
    years: Cells

    @property
    def places(self) -> range:
        """Numbers of the segments."""
        return range(len(self.means.segments))

    def each(self, key: str, default: float | None = None) -> list[Expr]:
        """An input of the part by segment."""
        where = f"business.revenue.{self.name}.{key}"
        return [self.inputs.get(where, segment, default) for segment in self.means.segments]

    def one(self, key: str, default: float | None = None) -> Expr:
        """An input of the part that is the same for all."""
        return self.each(key, default)[0]

    def mean(self, key: str, unit: str) -> list[Expr]:
        """Mean of a distribution of the part, by segment."""
        where = f"business.revenue.{self.name}.{key}"
        found = [self.inputs.mean(where, getattr(self.spec, key), segment) for segment in self.means.segments]
        return self.means.add(f"{self.name}: {key}, mean", unit, found)

    def chance(self, decision: str | None) -> list[Expr]:
        """Base probability of a decision by segment, 0 without one."""
        if decision is None:
            return [of(0.0) for _ in self.means.segments]
        return list(self.route.graph.chance(decision))

    def money(self, label: str, each: Sequence[Expr]) -> Lines:
        """A line of money for every segment."""
        return self.route.lines(f"{self.name}, {label}", each, "money", "money")

    def bill(self, amounts: Lines, pace: Expr | float = 1.0, later: Expr | float = 0.0) -> Bill:
        """Invoices."""
        return Bill(amounts, of(pace), of(later))


def subscription(part: Part) -> Earned:
    """Units at a yearly price, invoiced for a term, earned day by day; units at risk grow until the term ends."""
    spec, route = part.spec, part.route
    term, price = part.one("term_months"), part.each("price_year")
    units, signed = part.mean("units", "units"), route.activity(spec.starts)
    renewed, churned = route.activity("renewed"), route.activity("churned")
    grow = [p * s for p, s in zip(part.chance(spec.expand), part.each("expand_share", 0.0), strict=True)]
    shrink = [p * s for p, s in zip(part.chance(spec.shrink), part.each("shrink_share", 0.0), strict=True)]
    new = route.lines("units signed", [signed[s] * units[s] for s in part.places], "units")
    begun = [route.grid.declare(f"units on new terms: {name}", "units") for name in part.means.segments]
    due = route.lines(
        "units at the end of terms",
        [begun[s].lag(_at_least_one(term), 1) * (of(1.0) + grow[s]) ** term for s in part.places], "units",
    )  # fmt: skip
    kept = route.lines(
        "units kept", [due[s] * ratio(renewed[s], renewed[s] + churned[s]) for s in part.places], "units"
    )
    for s in part.places:
        begun[s].define(new[s] + kept[s] * (of(1.0) - shrink[s]))
    stock = [route.grid.declare(f"units under contract: {name}", "units") for name in part.means.segments]
    added = route.lines("units added", [stock[s].before() * grow[s] for s in part.places], "units")
    for s in part.places:
        stock[s].define(stock[s].before() + new[s] + added[s] - kept[s] * shrink[s] - (due[s] - kept[s]))
    middle = [(stock[s].before() + stock[s]) / 2.0 for s in part.places]
    revenue = part.money("revenue", [middle[s] * price[s] / YEAR * part.length for s in part.places])
    bills = part.money(
        "invoices",
        [begun[s] * price[s] * term / YEAR + added[s] * price[s] * term / (2 * YEAR) for s in part.places],
    )
    arr = part.money("ARR", [stock[s] * price[s] for s in part.places])
    won = [new[s] * price[s] * term / YEAR for s in part.places]
    return Earned(revenue, [part.bill(bills)], part.each("cost_share"), won, list(arr))


def _at_least_one(months: Expr) -> Expr:
    from scenarios.runs.exports.workbook.twin.cells import called

    return called("MAX", max, of(1.0), months)


def unit_sale(part: Part) -> Earned:
    """Goods: a deposit with the order, the balance and the revenue when they work, the retention later."""
    spec, route = part.spec, part.route
    price, first = part.each("unit_price"), part.mean("first_units", "units")
    again, trust = part.mean("reorder_units", "units"), part.one("trust_gain", 0.0)
    signed, repeated = route.activity(spec.starts), route.activity(spec.repeats)
    weighted = _trusted(part, repeated, trust)
    orders = part.money("orders", [signed[s] * first[s] * price[s] for s in part.places])
    batches = part.money("further orders", [weighted[s] * again[s] * price[s] for s in part.places])
    delivered = part.money(
        "revenue",
        [
            orders[s].lag(_way(route, spec.starts, spec.delivered, s))
            + batches[s].lag(_way(route, spec.repeats, spec.delivered, s))
            for s in part.places
        ],
    )
    deposit, held = part.one("deposit"), part.one("retention")
    ahead = part.money("deposits invoiced", [(orders[s] + batches[s]) * deposit for s in part.places])
    rest = part.money("balances invoiced", [delivered[s] * (of(1.0) - deposit - held) for s in part.places])
    last = part.money("retentions invoiced", [delivered[s] * held for s in part.places])
    bills = [
        part.bill(ahead, part.one("deposit_pace", 1.0)), part.bill(rest),
        part.bill(last, 1.0, part.one("retention_days") / MONTH_DAYS),
    ]  # fmt: skip
    return Earned(delivered, bills, part.each("cost_share"), [orders[s] + batches[s] for s in part.places])


def _trusted(part: Part, repeated: Lines, trust: Expr) -> Lines:
    """Further orders, each counted as many times as the first of them: (1 + gain) for every one before it.

    Of the orders of a month, those that follow a further order are the share ``yes`` of those one round ago.
    """
    route, lines = part.route, []
    for s, segment in enumerate(part.means.segments):
        round_trip = route.circle(part.spec.repeats, s)
        line = route.grid.declare(f"further orders by size: {segment}", "orders of the first size")
        content: Expr = repeated[s]
        if round_trip is not None:
            months, chance = round_trip
            length = _at_least_one(months)
            after = (line.lag(length, 1) * (of(1.0) + trust) - repeated[s].lag(length, 1)) * chance
            content = content + after
        lines.append(line.define(content))
    return tuple(lines)


def _way(route: Route, begins: str, ends: str, segment: int) -> Expr:
    """Months from one activity to the next of another kind."""
    for edge in route.graph.edges:
        if edge.activity == ends:
            found = route.elapsed(edge.source, frozenset({begins}), segment)
            if found is not None:
                return found
    return of(0.0)


def staff_hours(part: Part) -> Earned:
    """Hours of people: part invoiced at signing, earned as they are worked, the rest invoiced at the end."""
    spec, route = part.spec, part.route
    rate, prepaid = part.each("rate_hour"), part.one("prepaid")
    where = f"business.route.{spec.stop}.work_hours"
    stop: Any = route.graph.spec.business.route[spec.stop]
    hours = [part.inputs.mean(where, stop.work_hours, segment) for segment in part.means.segments]
    value = part.means.add(
        f"{part.name}: value of a project", "money", [h * r for h, r in zip(hours, rate, strict=True)]
    )
    signed, repeated = route.activity(spec.starts), route.activity("reordered")
    sold = part.money("projects sold", [(signed[s] + repeated[s]) * value[s] for s in part.places])
    nodes = [node for node in route.graph.nodes if node.stop == spec.stop]
    come = [total(route.arrived[node][s] for node in nodes) for s in part.places]
    gone = [total(route.left[node][s] for node in nodes) for s in part.places]
    inside = [route.grid.declare(f"projects under way: {name}", "projects") for name in part.means.segments]
    for s in part.places:
        inside[s].define(inside[s].before() + come[s] - gone[s])
    months = route.graph.months[spec.stop]
    revenue = part.money(
        "revenue",
        [(inside[s].before() + inside[s]) / 2.0 / months[s] * value[s] * part.length for s in part.places],
    )
    ahead = part.money("prepayments invoiced", [sold[s] * prepaid for s in part.places])
    rest = part.money("balances invoiced", [gone[s] * value[s] * (of(1.0) - prepaid) for s in part.places])
    return Earned(revenue, [part.bill(ahead), part.bill(rest)], part.each("cost_share"), list(sold))


def _earning(part: Part) -> tuple[Lines, list[Cells], list[Expr]]:
    """Companies that begin, those that earn at the end of a month, and those that count within it.

    Who leaves does so when the month has been invoiced; who begins counts from the middle of the month on.
    """
    route = part.route
    come = route.activity(part.spec.starts)
    gone = route.activity("churned", route.after(part.spec.starts))
    stock = [route.grid.declare(f"{part.name}, earning: {name}", "companies") for name in part.means.segments]
    for s in part.places:
        stock[s].define(stock[s].before() + come[s] - gone[s])
    return come, stock, [stock[s].before() + come[s] / 2.0 for s in part.places]


def take_rate(part: Part) -> Earned:
    """A share of the customers' sales and adverts on top, invoiced when the month closes."""
    _, _, earning = _earning(part)
    sales = part.mean("gmv_month", "money/month")
    rate, adverts = part.each("rate"), part.each("advert_rate", 0.0)
    revenue = part.money("revenue", [earning[s] * sales[s] * (rate[s] + adverts[s]) for s in part.places])
    return Earned(revenue, [part.bill(revenue, 1.0, AT_THE_END)], part.each("cost_share"))


def outcome_share(part: Part) -> Earned:
    """A base fee and a share of what the customers gain, which grows with their use."""
    come, stock, earning = _earning(part)
    sales, base = part.mean("customer_sales_month", "money/month"), part.each("base_year")
    use = _use(part, come, stock)
    share = [a * b * (of(1.0) - part.one("disputed", 0.0))
             for a, b in zip(part.each("lift"), part.each("share"), strict=True)]  # fmt: skip
    revenue = part.money("revenue", [earning[s] * (sales[s] * share[s] * use[s] + base[s] / YEAR) for s in part.places])
    arr = part.money("ARR", [stock[s] * base[s] for s in part.places])
    return Earned(revenue, [part.bill(revenue, 1.0, AT_THE_END)], part.each("cost_share"), [], list(arr))


def _use(part: Part, come: Lines, stock: list[Cells]) -> list[Expr]:
    """Mean use of those who earn: every month a share of the distance to the level is closed."""
    route, inputs = part.route, part.inputs
    pull, start = inputs.get("business.usage.pull"), inputs.get("business.usage.start")
    users = frozenset(n for n in route.graph.nodes if route.graph.spec.business.route[n.stop].using)
    found = []
    for s, segment in enumerate(part.means.segments):
        level = inputs.get("business.usage.mean", segment)
        before = _since_use(route, users, part.spec.starts, s)
        first = level - (level - start) * (of(1.0) - pull) ** before
        whole = route.grid.declare(f"use of those who earn, sum: {segment}")
        there = ratio(whole.before(), stock[s].before()) * (stock[s] - come[s])
        whole.define(there + (level * (stock[s] - come[s]) - there) * pull + first * come[s])
        found.append(ratio(whole, stock[s]))
    return found


def _since_use(route: Route, users: frozenset[Any], starts: str, segment: int) -> Expr:
    """Months from the first use to the moment at which a company begins to earn."""
    for edge in route.graph.edges:
        if edge.activity == starts:
            for node in users:
                found = route.between(node, edge.source, segment)
                if found is not None:
                    return found
    return of(0.0)


def consumption(part: Part) -> Earned:
    """Metered use: a level that grows with the age of the account, at prices that move with the calendar."""
    spec, route = part.spec, part.route
    come, stock, _ = _earning(part)
    month, growth = part.mean("use_month", "money/month"), part.each("growth_year")
    price = part.one("price_change_year")
    grown = [route.grid.declare(f"use by age, sum: {name}") for name in part.means.segments]
    for s in part.places:
        stays = ratio(stock[s] - come[s], stock[s].before())
        grown[s].define(grown[s].before() * (of(1.0) + growth[s]) ** (of(1.0) / YEAR) * stays + come[s])
    level = (of(1.0) + price) ** part.years
    metered = [(grown[s].before() * (of(1.0) + growth[s]) ** (of(1.0) / YEAR) + come[s] / 2.0) for s in part.places]
    revenue = part.money("revenue", [metered[s] * month[s] * level for s in part.places])
    ahead = _prepaid(part, spec, come, month)
    return Earned(revenue, [part.bill(revenue, 1.0, AT_THE_END), part.bill(ahead)], part.each("cost_share"))


def _prepaid(part: Part, spec: Any, come: Lines, month: list[Expr]) -> Lines:
    """First top-ups: a month's worth, of those who pay ahead."""
    return part.money("first top-ups", [come[s] * month[s] * part.each("prepaid")[s] for s in part.places])


KINDS: dict[str, Callable[[Part], Earned]] = {
    "subscription": subscription, "unit_sale": unit_sale, "staff_hours": staff_hours, "take_rate": take_rate,
    "outcome_share": outcome_share, "consumption": consumption,
}  # fmt: skip
"""By kind of revenue part."""
