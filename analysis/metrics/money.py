"""Income, cost, profit and cash, all read off the ledger."""

from __future__ import annotations

import numpy as np

from analysis.metrics.books import COSTS, REVENUE
from analysis.metrics.columns import coded, codes_of
from analysis.metrics.cube import TOTAL, Cells, Cube, divide, flow, horizon_only, ratio, stock, tally
from analysis.metrics.customers import DAYS_PER_YEAR, customer_days
from analysis.metrics.periods import HORIZON, PERIODS, YEAR
from analysis.metrics.registry import metric
from analysis.metrics.view import PRODUCT, SEGMENT, STREAM, View
from sim.units import MINOR

_TRAILING = 3
_TOP_SHARE, _TOP_COUNT = 0.1, 10


def posted(view: View, weights: np.ndarray) -> Cube:
    """Integer weights of postings by month, segment and channel; the segment is the posting's own if it has one."""
    books = view.books
    own = codes_of(books.ledger["segment"], view.levels[SEGMENT])
    codes = view.codes(books.account)
    codes[SEGMENT] = np.where(own >= 0, own, codes[SEGMENT])
    return tally(view.calendar.months, books.month, weights, codes, view.levels)


def income(view: View) -> Cube:
    """Revenue by month, minor units."""
    return posted(view, view.books.gain(*REVENUE))


def gross(view: View) -> Cube:
    """Revenue less cost of sales by month, minor units."""
    return posted(view, view.books.gain(*REVENUE, "cost_of_sales"))


def profit(view: View) -> np.ndarray:
    """Revenue less all costs before tax by month, minor units, shape (months,)."""
    return view.books.monthly(view.books.gain(*REVENUE, *COSTS))


def _money(view: View, cube: Cube) -> list[Cells]:
    return flow(view.calendar, cube.map(lambda v: v / MINOR))


def _whole(view: View, values: np.ndarray) -> Cube:
    return Cube(view.levels, {TOTAL: values[None, :]})


@metric("revenue", unit="money", source="ledger", formula="credits less debits of the accounts revenue_*")
def revenue(view: View) -> list[Cells]:
    books = view.books
    stream = np.where(np.isin(books.credit, _codes(REVENUE)), books.credit, books.debit)
    code, products = coded(books.ledger["product"])
    place = {name: number for number, name in enumerate(REVENUE)}
    streams = np.array([place.get(name, -1) for name in _NAMES], np.int64)[stream]
    extra = tally(
        view.calendar.months, books.month, books.gain(*REVENUE), {PRODUCT: code, STREAM: streams},
        {PRODUCT: products, STREAM: REVENUE},
    )  # fmt: skip
    used = extra.values[STREAM].any(axis=1)
    names = tuple(name for name, there in zip(REVENUE, used, strict=True) if there)
    parts = {PRODUCT: extra.values[PRODUCT], STREAM: extra.values[STREAM][used]}
    return _money(view, income(view)) + _money(view, Cube({PRODUCT: products, STREAM: names}, parts))


@metric("cost_of_sales", unit="money", source="ledger", formula="debits less credits of cost_of_sales")
def cost_of_sales(view: View) -> list[Cells]:
    return _money(view, posted(view, -view.books.gain("cost_of_sales")))


@metric("gross_profit", unit="money", source="ledger", formula="revenue - cost of sales")
def gross_profit(view: View) -> list[Cells]:
    return _money(view, gross(view))


@metric("gross_margin", unit="share", source="ledger", formula="(revenue - cost of sales) / revenue")
def gross_margin(view: View) -> list[Cells]:
    return ratio(view.calendar, gross(view), income(view))


def _cost(name: str) -> None:
    @metric(f"{name}_cost", unit="money", source="ledger", formula=f"debits less credits of {name}")
    def cost(view: View) -> list[Cells]:
        return _money(view, _whole(view, view.books.monthly(-view.books.gain(name))))  # fmt: skip


for _name in ("payroll", "marketing", "commission", "subsidy", "fixed_cost"):
    _cost(_name.removesuffix("_cost")) if _name != "fixed_cost" else None


@metric("operating_profit", unit="money", source="ledger", formula=f"revenue - {', '.join(COSTS)}")
def operating_profit(view: View) -> list[Cells]:
    return _money(view, _whole(view, profit(view)))


@metric("revenue_per_customer_year", unit="money/year", source="ledger, events",
        formula="revenue / customer-years in the period")
def revenue_per_customer_year(view: View) -> list[Cells]:
    return ratio(view.calendar, income(view), customer_days(view), DAYS_PER_YEAR / MINOR)


def _balance(view: View, name: str, sign: int) -> list[Cells]:
    change = posted(view, sign * view.books.gain(name))
    if name == "cash":
        change = _whole(view, change.total)
    return stock(view.calendar, change.map(lambda v: np.cumsum(v, axis=1) / MINOR))


@metric("cash", unit="money", source="ledger", formula="balance of cash at the end")
def cash(view: View) -> list[Cells]:
    return _balance(view, "cash", -1)


@metric("receivable", unit="money", source="ledger", formula="balance of receivable at the end")
def receivable(view: View) -> list[Cells]:
    return _balance(view, "receivable", -1)


@metric("deferred_revenue", unit="money", source="ledger", formula="balance of deferred_revenue at the end")
def deferred_revenue(view: View) -> list[Cells]:
    return _balance(view, "deferred_revenue", 1)


@metric("cash_min", unit="money", source="ledger",
        formula="lowest balance of cash after any instant with postings in the period, opening balance included "
                "except at the very start")
def cash_min(view: View) -> list[Cells]:
    time, balance = view.books.cash_path
    month = view.calendar.month_of(time)
    lowest = np.full(view.calendar.months, np.iinfo(np.int64).max)
    np.minimum.at(lowest, month[month >= 0], balance[month >= 0])
    count = np.searchsorted(time, view.calendar.edges[:-1], side="right")
    opening = np.concatenate(([0], balance))[count]
    lowest[1:] = np.minimum(lowest[1:], opening[1:])
    lowest[0] = min(lowest[0], opening[0]) if len(time) and time[0] == 0 else lowest[0] if len(time) else 0
    found = []
    for period in PERIODS:
        groups = view.calendar.groups[period]
        values = np.array([lowest[a : b + 1].min() for a, b in zip(groups.first, groups.last, strict=True)]) / MINOR
        found.append(Cells(period, TOTAL, (TOTAL,), values.reshape(1, -1)))
    return found


@metric("break_even_month", unit="months", source="ledger; [000]:293-311", periods=(HORIZON,),
        formula=f"first month, counted from 1, at whose end the operating profit of the last {_TRAILING} months is "
                "not negative while there is revenue; null if it is never reached")
def break_even_month(view: View) -> list[Cells]:
    reached = np.flatnonzero(broken_even(view))
    return horizon_only(float(reached[0] + 1) if len(reached) else float("nan"))


def trailing(values: np.ndarray, months: int) -> np.ndarray:
    """Sums over the last ``months`` months, 0 in the first ones, which have no such sum."""
    total = np.cumsum(values)
    sums = total - np.concatenate((np.zeros(months, total.dtype), total))[: len(total)]
    sums[: months - 1] = 0
    return sums


def broken_even(view: View) -> np.ndarray:
    """Whether the last three months earned their costs, by month that is over."""
    over = view.calendar.complete
    earned, sold = trailing(profit(view)[:over], _TRAILING), trailing(income(view).total[:over], _TRAILING)
    return (earned >= 0) & (sold > 0)


def _concentration(view: View, top: str) -> list[Cells]:
    books = view.books
    weights = books.gain(*REVENUE)
    kept = (books.account >= 0) & (books.month >= 0) & (weights != 0)
    months, size = view.calendar.months, len(view.ids)
    flat = np.bincount(books.account[kept] * months + books.month[kept], weights[kept], size * months)
    table = flat.reshape(size, months)
    found = []
    for period in (YEAR, HORIZON):
        sums = np.sort(view.calendar.total(table, period), axis=0)[::-1]
        values = np.array([_top(column[column > 0], top) for column in sums.T])
        found.append(Cells(period, TOTAL, (TOTAL,), values.reshape(1, -1)))
    return found


def _top(revenues: np.ndarray, top: str) -> float:
    count = int(np.ceil(_TOP_SHARE * len(revenues) - 1e-9)) if top == "share" else _TOP_COUNT
    return float(divide(revenues[:count].sum(), revenues.sum()))


@metric("top10_share", unit="share", source="ledger", periods=(YEAR, HORIZON),
        formula="share of revenue from the tenth of the accounts with revenue that has most, rounded up")
def top10_share(view: View) -> list[Cells]:
    return _concentration(view, "share")


@metric("top10_customers_share", unit="share", source="ledger; [002]:94", periods=(YEAR, HORIZON),
        formula="share of revenue from the ten accounts that have most")
def top10_customers_share(view: View) -> list[Cells]:
    return _concentration(view, "count")
