"""Businesses that earn from what their customers sell: platforms and outcome shares."""

from __future__ import annotations

import numpy as np

from analysis.metrics.cube import TOTAL, Cells, Cube, divide, flow, ratio, stock
from analysis.metrics.money import posted
from analysis.metrics.registry import metric
from analysis.metrics.view import SEGMENT, View
from analysis.metrics.waiting import medians
from sim.units import MINOR


def _flow(view: View, name: str) -> list[Cells]:
    cube = view.monthly(name)
    return [] if cube is None else flow(view.calendar, cube.map(np.nan_to_num))


def _stock(view: View, name: str) -> list[Cells]:
    cube = view.monthly(name)
    if cube is None:
        return []
    if 0 < view.calendar.complete < view.calendar.months:
        cube = cube.map(lambda v: np.concatenate((v[:, :-1], v[:, -2:-1]), axis=1))
    return stock(view.calendar, cube)


def _per(view: View, account: str, name: str) -> list[Cells]:
    """Income of one account of the ledger / a monthly figure, over the months that have the figure."""
    below = view.monthly(name)
    if below is None:
        return []
    earned = posted(view, view.books.gain(account))
    both = {d: np.where(np.isnan(v), 0, earned.values[d]) for d, v in below.values.items() if d in (TOTAL, SEGMENT)}
    return ratio(view.calendar, Cube(view.levels, both), below.map(np.nan_to_num), 1 / MINOR)


@metric("gmv", unit="money", source="monthly", formula="sales of the customers on the platform")
def gmv(view: View) -> list[Cells]:
    return _flow(view, "gmv")


@metric("take_rate", unit="share", source="ledger, monthly; [000]:181", formula="revenue_take_rate / gmv")
def take_rate(view: View) -> list[Cells]:
    return _per(view, "revenue_take_rate", "gmv")


@metric("advert_rate", unit="share", source="ledger, monthly; [000]:658-664", formula="revenue_adverts / gmv")
def advert_rate(view: View) -> list[Cells]:
    return _per(view, "revenue_adverts", "gmv")


@metric(
    "gmv_merchant_month",
    unit="money/month",
    source="ledger, monthly",
    formula="median over merchants and months of what was kept / the segment's take rate over the horizon",
)
def gmv_merchant_month(view: View) -> list[Cells]:
    sales, books = view.monthly("gmv"), view.books
    if sales is None:
        return []
    kept = books.gain("revenue_take_rate")
    rows = np.flatnonzero(kept > 0)
    segment = view.codes(books.account[rows])[SEGMENT]
    earned = np.bincount(segment, kept[rows] / MINOR, len(view.levels[SEGMENT]))
    rate = divide(earned, np.nansum(sales.values[SEGMENT], axis=1))
    return medians(view, books.account[rows], books.time[rows], divide(kept[rows] / MINOR, rate[segment]))


@metric("merchants_active", unit="count", source="monthly", formula="customers that are selling, in the last month")
def merchants_active(view: View) -> list[Cells]:
    return _stock(view, "merchants")


@metric("consumers_active", unit="count", source="monthly; [000]:185-189", formula="consumers at the end")
def consumers_active(view: View) -> list[Cells]:
    return _stock(view, "consumers")


@metric("customer_sales", unit="money", source="monthly", formula="sales of the customers whose outcome is shared")
def customer_sales(view: View) -> list[Cells]:
    return _flow(view, "customer_sales")


@metric(
    "outcome_fee_share",
    unit="share",
    source="ledger, monthly; [000]:694-710",
    formula="revenue_outcome_share / additional sales that are attributed to the service",
)
def outcome_fee_share(view: View) -> list[Cells]:
    return _per(view, "revenue_outcome_share", "attributed_sales")


@metric("use", unit="share", source="monthly; [000]:93", formula="mean use of the accounts that use, in the last month")
def use(view: View) -> list[Cells]:
    return _stock(view, "use")


@metric("using_accounts", unit="count", source="monthly", formula="accounts that use what was sold, in the last month")
def using_accounts(view: View) -> list[Cells]:
    return _stock(view, "using")


@metric("metered", unit="money", source="monthly; [002]:110", formula="metered use at its price")
def metered(view: View) -> list[Cells]:
    return _flow(view, "metered")
