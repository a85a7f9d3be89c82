"""Recurring revenue from the subscriptions table alone: balances, movements, retention; renewals from events."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.metrics import by_product
from analysis.metrics.acquisition import acquisition_cost
from analysis.metrics.columns import heads
from analysis.metrics.cube import TOTAL, Cells, Cube, divide, flow, ratio, stock, stock_ratio
from analysis.metrics.periods import HORIZON, PERIODS, QUARTER, YEAR
from analysis.metrics.registry import metric
from analysis.metrics.terms import MOVEMENTS
from analysis.metrics.view import View, once
from analysis.metrics.waiting import COHORTS, Waiting, by_cohort
from analysis.retention import EVENT
from sim.units import MINOR

MONTHS = 12
DAYS_PER_YEAR = 365.25
_SOURCE = "subscriptions"


@once
def balance(view: View) -> Cube:
    """Monthly recurring revenue at the end of every month, minor units."""
    return view.gather(*view.terms.balances)


@once
def at_start(view: View) -> Cube:
    """Monthly recurring revenue at the start of the horizon, minor units, shape (levels, 1)."""
    terms = view.terms
    rows = terms.recurring
    mrr = terms.mrr[rows].astype(np.int64)
    return view.opening(terms.start[rows], terms.ended[rows], terms.account[rows], mrr)


def movement(view: View, kind: str) -> Cube:
    """Sum of the movements of one kind in every month, minor units."""
    moves = view.terms.movements
    chosen = _kinds(view) == MOVEMENTS.index(kind)
    return view.count(moves.time[chosen], moves.account[chosen], moves.amount[chosen])


@once
def _kinds(view: View) -> np.ndarray:
    """Kind of every movement; who had been a customer and left before the start of the horizon comes back."""
    moves, spells = view.terms.movements, view.log.customers
    again = (moves.kind == MOVEMENTS.index("new")) & np.isin(moves.account, spells.account[spells.end < 0])
    return np.where(again, MOVEMENTS.index("reactivated"), moves.kind)


def major(cube: Cube) -> Cube:
    """Minor units to major units."""
    return cube.map(lambda v: v / MINOR)


@metric("mrr", unit="money/month", source=_SOURCE, formula="sum of mrr over terms with start <= t < ended, at the end")
def mrr(view: View) -> list[Cells]:
    return stock(view.calendar, major(balance(view))) if len(view.terms.recurring) else []


@metric("arr", unit="money/year", source=_SOURCE, formula="12 * mrr, at the end")
def arr(view: View) -> list[Cells]:
    yearly = balance(view).map(lambda v: v * (MONTHS / MINOR))
    return stock(view.calendar, yearly) + _arr_by_product(view) if len(view.terms.recurring) else []


def _arr_by_product(view: View) -> list[Cells]:
    if not by_product.several(view):
        return []
    rows = view.terms.recurring
    found = by_product.balances(view, rows, view.terms.mrr[rows].astype(np.int64))
    return stock(view.calendar, found.map(lambda v: v * (MONTHS / MINOR)))


def movement_by_product(view: View, kind: str) -> Cube:
    """The same by product, signed: what each product adds to the account's movement, minor units.

    One product taken for another counts as expansion, with both signs.
    """
    sign = -1 if kind in ("contraction", "churned") else 1
    return by_product.moved(view, _kinds(view), MOVEMENTS.index(kind), sign, rest=kind == "expansion")


_MEANING = {
    "new": "mrr of accounts that never had any",
    "expansion": "increases of the mrr of accounts that have some",
    "contraction": "decreases of the mrr of accounts that keep some, as a positive figure",
    "churned": "mrr of accounts that lose all of it, as a positive figure",
    "reactivated": "mrr of accounts that had lost all of it",
}


def _movement(kind: str) -> None:
    @metric(
        f"{kind}_mrr",
        unit="money/month",
        source=_SOURCE,
        formula=f"{_MEANING[kind]}; what an account ends and begins at one instant is one change",
    )
    def moved(view: View) -> list[Cells]:
        if not len(view.terms.recurring):
            return []
        cells = flow(view.calendar, major(movement(view, kind)))
        return (
            cells + flow(view.calendar, major(movement_by_product(view, kind))) if by_product.several(view) else cells
        )


for _kind in MOVEMENTS:
    _movement(_kind)


@once
def _base(view: View) -> tuple[Cube, Cube, Cube]:
    """Of the accounts with recurring revenue 12 months ago: that, theirs now, and the smaller of the two."""
    account, path = view.terms.path
    now = path[:, 1:]
    then = np.zeros_like(now)
    then[:, MONTHS - 1 :] = path[:, : max(now.shape[1] - MONTHS + 1, 0)]
    parts = [then, np.where(then > 0, now, 0), np.minimum(now, then)]
    if 0 < view.calendar.complete < view.calendar.months:
        parts = [np.concatenate((part[:, :-1], part[:, -2:-1]), axis=1) for part in parts]
    base, kept, least = (view.gather(account, part) for part in parts)
    return base, kept, least


def base_of_year(view: View) -> Cube:
    """Recurring revenue 12 months ago of the accounts that had some, minor units."""
    return _base(view)[0]


@metric(
    "nrr_12m",
    unit="share",
    source=_SOURCE,
    formula="mrr now of the accounts that had some 12 months ago / theirs then, the start of the horizon included; "
    "null while there is none",
)
def nrr_12m(view: View) -> list[Cells]:
    base, kept, _ = _base(view)
    return stock_ratio(view.calendar, kept, base) if len(view.terms.recurring) else []


@metric("grr_12m", unit="share", source=_SOURCE, formula="as nrr_12m with min(now, then) for every account")
def grr_12m(view: View) -> list[Cells]:
    base, _, least = _base(view)
    return stock_ratio(view.calendar, least, base) if len(view.terms.recurring) else []


@metric(
    "expansion_share_year",
    unit="1/year",
    source=_SOURCE,
    formula="increase of mrr over 12 months of the accounts that had some then / theirs then: nrr_12m - grr_12m",
)
def expansion_share_year(view: View) -> list[Cells]:
    base, kept, least = _base(view)
    return stock_ratio(view.calendar, kept - least, base) if len(view.terms.recurring) else []


@metric(
    "acv",
    unit="money/year",
    source=_SOURCE,
    periods=COHORTS,
    formula="mean yearly value of the contracts that follow no other of their account: 12 * mrr, or amount / "
    "years of the term",
)
def acv(view: View) -> list[Cells]:
    terms = view.terms
    by_term = divide(terms.amount, (terms.end - terms.start) / DAYS_PER_YEAR)
    yearly = np.where(terms.mrr > 0, MONTHS * terms.mrr, by_term)
    chosen = np.flatnonzero(_fresh(terms.account, terms.start, terms.ended) & (yearly > 0))
    cases = Waiting(terms.account[chosen], terms.start[chosen], yearly[chosen] / MINOR, np.full(len(chosen), EVENT))
    return by_cohort(view, cases, lambda part: float(part.duration.mean())) if len(chosen) else []


def _fresh(account: np.ndarray, start: np.ndarray, ended: np.ndarray) -> np.ndarray:
    """Terms that begin after every earlier one of their account has ended, or have no earlier one."""
    order = np.lexsort((start, account))
    until = np.where(np.isnan(ended), np.inf, ended)[order]
    until = pd.Series(until).groupby(account[order]).cummax().to_numpy()
    before = np.concatenate(([-np.inf], until[:-1]))[: len(order)]
    before[heads(account[order])] = -np.inf
    fresh = np.empty(len(order), bool)
    fresh[order] = start[order] > before
    return fresh


@metric(
    "magic_number",
    unit="ratio",
    source="subscriptions, ledger",
    periods=(QUARTER, YEAR, HORIZON),
    formula="increase of arr in a quarter / acquisition cost of the quarter before; longer periods: sum over sum",
)
def magic_number(view: View) -> list[Cells]:
    quarters = view.calendar.groups[QUARTER]
    if not len(view.terms.recurring) or len(quarters) < 2:
        return []
    closing = balance(view).total[quarters.last] * MONTHS
    cost = view.calendar.total(acquisition_cost(view), QUARTER)
    gain, spent = np.diff(closing), cost[:-1]
    return [_by_quarters(view, period, gain, spent) for period in PERIODS if period != "month"]


def _by_quarters(view: View, period: str, gain: np.ndarray, spent: np.ndarray) -> Cells:
    """Sum over sum of the quarters (the first one has no figure) within each period."""
    groups, last = view.calendar.groups[period], view.calendar.groups[QUARTER].last[1:]
    inside = (last[None, :] >= groups.first[:, None]) & (last[None, :] <= groups.last[:, None])
    return Cells(period, TOTAL, (TOTAL,), divide(inside @ gain, inside @ spent)[None, :])


FATES: tuple[str, ...] = ("", "renewed", "renewed_late", "churned", "expired")
"""What can come of a term that fell due; empty is still open."""


@once
def renewals(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Terms that fell due: account, time, and what came of it, as index into ``FATES``."""
    log = view.log
    rows = log.rows("renewal_due", "renewed", "renewed_late", "churned")
    rows = rows[np.argsort(log.account[rows], kind="stable")]
    code = np.select([log.is_any(name)[rows] for name in FATES[1:4]], [1, 2, 3], 0)
    account, time = log.account[rows], log.time[rows]
    follows = np.append(account[1:] == account[:-1], False)[: len(rows)]
    fate = np.where(follows, np.append(code[1:], 0)[: len(rows)], 0)
    taken = np.append(time[1:], np.nan)[: len(rows)] - time
    fate = np.where((fate == 1) & (taken > view.context.on_time_days), 2, fate)
    fate = np.where((fate == 0) & (time + view.context.grace_days <= view.calendar.days), 4, fate)
    due = code == 0
    return account[due], time[due], fate[due]


@once
def _renewals(view: View, *fates: str) -> Cube:
    account, time, fate = renewals(view)
    wanted = [FATES.index(name) for name in fates]
    return view.count(np.where(np.isin(fate, wanted), time, np.nan), account)


def _any_due(view: View) -> bool:
    return len(renewals(view)[0]) > 0


@metric("renewals_due", unit="count", source="events", formula="contract terms that ended")
def renewals_due(view: View) -> list[Cells]:
    return flow(view.calendar, _renewals(view, *FATES)) if _any_due(view) else []


@metric(
    "renewals_open",
    unit="count",
    source="events",
    formula="contract terms that ended in the period and are neither decided nor 90 days past at the horizon",
)
def renewals_open(view: View) -> list[Cells]:
    return flow(view.calendar, _renewals(view, "")) if _any_due(view) else []


@metric(
    "renewal_rate",
    unit="share",
    source="events; [000]:225",
    formula="renewed / terms that ended in the period and were decided, or are more than 90 days past",
)
def renewal_rate(view: View) -> list[Cells]:
    renewed = _renewals(view, "renewed", "renewed_late")
    return ratio(view.calendar, renewed, _renewals(view, *FATES[1:])) if _any_due(view) else []


@metric(
    "renewal_on_time",
    unit="share",
    source="events; [002]:94",
    formula="renewed within 30 days of the end of the term / all renewed, of the terms that ended in the period",
)
def renewal_on_time(view: View) -> list[Cells]:
    renewed = _renewals(view, "renewed", "renewed_late")
    return ratio(view.calendar, _renewals(view, "renewed"), renewed) if _any_due(view) else []
