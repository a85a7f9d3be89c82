"""Cash and the other balances of the ledger, and when the business pays for itself."""

from __future__ import annotations

import numpy as np

from analysis.metrics.cube import TOTAL, Cells, flow, horizon_only, stock
from analysis.metrics.money import income, posted, profit, whole
from analysis.metrics.periods import HORIZON, PERIODS
from analysis.metrics.registry import metric
from analysis.metrics.view import View
from sim.units import MINOR

_TRAILING = 3


def _balance(view: View, name: str, sign: int) -> list[Cells]:
    change = posted(view, sign * view.books.gain(name))
    if name == "cash":
        change = whole(view, change.total)
    return stock(view.calendar, change.map(lambda v: np.cumsum(v, axis=1) / MINOR))


@metric("cash", unit="money", source="ledger", formula="balance of cash at the end")
def cash(view: View) -> list[Cells]:
    return _balance(view, "cash", -1)


def _moved(view: View, sign: int) -> list[Cells]:
    """Postings that move cash one way, by month; owners' and lenders' money is left out."""
    change = -view.books.gain("cash") * (view.books.gain("equity", "debt") == 0)
    total = view.books.monthly(np.maximum(sign * change, 0))
    return flow(view.calendar, whole(view, total / MINOR))


@metric(
    "cash_received",
    unit="money",
    source="ledger",
    formula="debits of cash, other than what owners and lenders pay in",
)
def cash_received(view: View) -> list[Cells]:
    return _moved(view, 1)


@metric(
    "cash_paid",
    unit="money",
    source="ledger",
    formula="credits of cash, other than what owners and lenders take out, as a positive figure",
)
def cash_paid(view: View) -> list[Cells]:
    return _moved(view, -1)


@metric("receivable", unit="money", source="ledger", formula="balance of receivable at the end")
def receivable(view: View) -> list[Cells]:
    return _balance(view, "receivable", -1)


@metric("deferred_revenue", unit="money", source="ledger", formula="balance of deferred_revenue at the end")
def deferred_revenue(view: View) -> list[Cells]:
    return _balance(view, "deferred_revenue", 1)


@metric(
    "cash_min",
    unit="money",
    source="ledger",
    formula="lowest balance of cash after any instant with postings in the period, opening balance included "
    "except at the very start",
)
def cash_min(view: View) -> list[Cells]:
    lowest = _lowest(view)
    found = []
    for period in PERIODS:
        groups = view.calendar.groups[period]
        values = np.array([lowest[a : b + 1].min() for a, b in zip(groups.first, groups.last, strict=True)]) / MINOR
        found.append(Cells(period, TOTAL, (TOTAL,), values.reshape(1, -1)))
    return found


def _lowest(view: View) -> np.ndarray:
    """Lowest balance of cash by month, minor units."""
    time, balance = view.books.cash_path
    month, most = view.calendar.month_of(time), np.iinfo(np.int64).max
    lowest = np.full(view.calendar.months, most)
    np.minimum.at(lowest, month[month >= 0], balance[month >= 0])
    opening = np.concatenate(([0], balance))[np.searchsorted(time, view.calendar.edges[1:-1], side="right")]
    lowest[1:] = np.minimum(lowest[1:], opening)
    lowest[0] = lowest[0] if lowest[0] < most else 0
    return lowest


@metric(
    "break_even_month",
    unit="months",
    source="ledger; [000]:293-311",
    periods=(HORIZON,),
    formula=f"first month, counted from 1, at whose end the operating profit of the last {_TRAILING} months is "
    "not negative while there is revenue; null if it is never reached",
)
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
