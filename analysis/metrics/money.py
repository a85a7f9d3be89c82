"""Income, cost and profit, read off the ledger."""

from __future__ import annotations

import numpy as np

from analysis.metrics import by_product
from analysis.metrics.books import COSTS, REVENUE
from analysis.metrics.columns import coded, codes_of
from analysis.metrics.cube import TOTAL, Cells, Cube, divide, flow, ratio, tally
from analysis.metrics.customers import DAYS_PER_YEAR, customer_days
from analysis.metrics.periods import HORIZON, YEAR
from analysis.metrics.registry import metric
from analysis.metrics.view import PRODUCT, SEGMENT, STREAM, View, once
from sim.units import MINOR

_TOP_SHARE, _TOP_COUNT = 0.1, 10
_COST_METRICS = {"payroll": "payroll_cost", "marketing": "marketing_cost", "commission": "commission_cost",
                 "subsidy": "subsidy_cost", "fixed_cost": "fixed_cost", "bad_debt": "bad_debt_cost"}  # fmt: skip


def posted(view: View, weights: np.ndarray) -> Cube:
    """Integer weights of postings by month, segment and channel; the segment is the posting's own if it has one."""
    books = view.books
    own = codes_of(books.ledger["segment"], view.levels[SEGMENT])
    codes = view.codes(books.account)
    codes[SEGMENT] = np.where(own >= 0, own, codes[SEGMENT])
    return tally(view.calendar.months, books.month, weights, codes, view.levels)


@once
def income(view: View) -> Cube:
    """Revenue by month, minor units."""
    return posted(view, view.books.gain(*REVENUE))


@once
def gross(view: View) -> Cube:
    """Revenue less cost of sales by month, minor units."""
    return posted(view, view.books.gain(*REVENUE, "cost_of_sales"))


@once
def profit(view: View) -> np.ndarray:
    """Revenue less all costs before tax by month, minor units, shape (months,)."""
    return view.books.monthly(view.books.gain(*REVENUE, *COSTS))


def _money(view: View, cube: Cube) -> list[Cells]:
    return flow(view.calendar, cube.map(lambda v: v / MINOR))


def whole(view: View, values: np.ndarray) -> Cube:
    """Figures by month without levels."""
    return Cube(view.levels, {TOTAL: values[None, :]})


@metric("revenue", unit="money", source="ledger", formula="credits less debits of the accounts revenue_*")
def revenue(view: View) -> list[Cells]:
    books, gain = view.books, view.books.gain(*REVENUE)
    credited, debited = (codes_of(books.ledger[side], REVENUE) for side in ("credit", "debit"))
    stream = np.where(credited >= 0, credited, debited)
    product, products = coded(books.ledger["product"])
    levels = {PRODUCT: tuple(dict.fromkeys((*products, *view.context.offered))), STREAM: REVENUE}
    extra = tally(view.calendar.months, books.month, gain, {PRODUCT: product, STREAM: stream}, levels)
    return _money(view, income(view)) + _money(view, _used(extra, view.context.offered))


def _used(cube: Cube, offered: tuple[str, ...]) -> Cube:
    """The levels that are not zero throughout, and products that are offered."""
    used = {
        dim: [n for n, row in enumerate(values) if row.any() or (dim == PRODUCT and cube.levels[dim][n] in offered)]
        for dim, values in cube.values.items()
    }
    names = {dim: tuple(cube.levels[dim][n] for n in rows) for dim, rows in used.items()}
    return Cube(names, {dim: cube.values[dim][rows] for dim, rows in used.items()})


@metric("cost_of_sales", unit="money", source="ledger", formula="debits less credits of cost_of_sales")
def cost_of_sales(view: View) -> list[Cells]:
    cost = -view.books.gain("cost_of_sales")
    return _money(view, posted(view, cost)) + _each(view, cost)


@metric("gross_profit", unit="money", source="ledger", formula="revenue - cost of sales")
def gross_profit(view: View) -> list[Cells]:
    return _money(view, gross(view)) + _each(view, view.books.gain(*REVENUE, "cost_of_sales"))


@metric("gross_margin", unit="share", source="ledger", formula="gross profit / revenue")
def gross_margin(view: View) -> list[Cells]:
    whole = ratio(view.calendar, gross(view), income(view))
    earned = by_product.posted(view, view.books.gain(*REVENUE))
    kept = by_product.posted(view, view.books.gain(*REVENUE, "cost_of_sales"))
    return whole + (ratio(view.calendar, kept, earned) if kept and earned else [])


def _each(view: View, weights: np.ndarray) -> list[Cells]:
    """The same by product, of businesses that sell more than one."""
    found = by_product.posted(view, weights)
    return _money(view, found) if found else []


def _cost(account: str, name: str) -> None:
    @metric(name, unit="money", source="ledger", formula=f"debits less credits of {account}")
    def cost(view: View) -> list[Cells]:
        return _money(view, whole(view, view.books.monthly(-view.books.gain(account))))


for _account, _metric in _COST_METRICS.items():
    _cost(_account, _metric)


@metric("operating_profit", unit="money", source="ledger", formula=f"revenue - {', '.join(COSTS)}")
def operating_profit(view: View) -> list[Cells]:
    return _money(view, whole(view, profit(view)))


@metric(
    "revenue_per_customer_year",
    unit="money/year",
    source="ledger, events",
    formula="revenue / customer-years in the period",
)
def revenue_per_customer_year(view: View) -> list[Cells]:
    return ratio(view.calendar, income(view), customer_days(view), DAYS_PER_YEAR / MINOR)


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


@metric(
    "top10_share",
    unit="share",
    source="ledger",
    periods=(YEAR, HORIZON),
    formula="share of revenue from the tenth of the accounts with revenue that has most, rounded up",
)
def top10_share(view: View) -> list[Cells]:
    return _concentration(view, "share")


@metric(
    "top10_customers_share",
    unit="share",
    source="ledger; [002]:94",
    periods=(YEAR, HORIZON),
    formula="share of revenue from the ten accounts that have most",
)
def top10_customers_share(view: View) -> list[Cells]:
    return _concentration(view, "count")
