"""Orders: their size, and whether and when customers order again."""

from __future__ import annotations

import numpy as np

from analysis.metrics.cube import Cells, flow
from analysis.metrics.registry import metric
from analysis.metrics.view import View, once
from analysis.metrics.waiting import COHORTS, Waiting, by_cohort, median_wait, medians, share, waiting
from sim.units import DAYS_PER_MONTH, MINOR


def _medians(view: View, values: np.ndarray, *activities: str) -> list[Cells]:
    rows = view.log.rows(*activities)
    return medians(view, view.log.account[rows], view.log.time[rows], values[rows])


@metric("deal_size", unit="money", source="events", periods=COHORTS, formula="median amount of what was signed")
def deal_size(view: View) -> list[Cells]:
    return _medians(view, view.log.amount / MINOR, "signed")


@metric(
    "project_value",
    unit="money",
    source="events",
    periods=COHORTS,
    formula="median amount of an order, first or repeated",
)
def project_value(view: View) -> list[Cells]:
    return _medians(view, view.log.amount / MINOR, "signed", "reordered")


@metric("units_sold", unit="units", source="events", formula="units signed and reordered")
def units_sold(view: View) -> list[Cells]:
    log, rows = view.log, view.log.rows("signed", "reordered")
    if not (log.quantity[rows] > 0).any():
        return []
    return flow(view.calendar, view.count(log.time[rows], log.account[rows], np.nan_to_num(log.quantity[rows])))


@metric("units_first_order", unit="units", source="events", periods=COHORTS, formula="median units of a signing")
def units_first_order(view: View) -> list[Cells]:
    return _medians(view, view.log.quantity, "signed")


@metric("units_reorder", unit="units", source="events", periods=COHORTS, formula="median units of a reorder")
def units_reorder(view: View) -> list[Cells]:
    return _medians(view, view.log.quantity, "reordered")


@metric("reorders", unit="count", source="events", formula="orders of customers who had ordered before")
def reorders(view: View) -> list[Cells]:
    rows = view.log.rows("reordered")
    return flow(view.calendar, view.count(view.log.time[rows], view.log.account[rows])) if len(rows) else []


@once
def order_gaps(view: View) -> Waiting:
    """Every order until the next one of the same account; churning first rules that out."""
    log = view.log
    rows = log.rows("signed", "reordered", "churned")
    rows = rows[np.argsort(log.account[rows], kind="stable")]
    account, time = log.account[rows], log.time[rows]
    kind = np.select([np.isin(rows, log.rows(name)) for name in ("signed", "reordered")], [1, 2], 3)
    follows = np.append(account[1:] == account[:-1], False)[: len(rows)]
    next_kind = np.where(follows, np.append(kind[1:], 0)[: len(rows)], 0)
    next_time = np.append(time[1:], np.nan)[: len(rows)]
    again = np.where(next_kind == 2, next_time, np.nan)
    gone = np.where((next_kind == 3) | (next_kind == 1), next_time, np.nan)
    order = kind != 3
    return waiting(account[order], time[order], again[order], gone[order], view.calendar.days)


@metric(
    "reorder_interval_days",
    unit="days",
    source="events; [000]:247",
    periods=COHORTS,
    formula="median days from an order to the next of the orders that are followed by one, open ones censored "
    "(Aalen-Johansen)",
)
def reorder_interval_days(view: View) -> list[Cells]:
    return by_cohort(view, order_gaps(view), median_wait) if view.log.has("reordered") else []


@metric(
    "repeat_rate",
    unit="share",
    source="events",
    periods=COHORTS,
    formula="share of orders that are followed by another before the customer leaves, open ones censored "
    "(Aalen-Johansen)",
)
def repeat_rate(view: View) -> list[Cells]:
    return by_cohort(view, order_gaps(view), share) if view.log.has("reordered") else []


@metric(
    "reorder_share",
    unit="share",
    source="events; [000]:247",
    periods=COHORTS,
    formula="share of first-time buyers who order again within 24 months, among those with 24 months observed",
)
def reorder_share(view: View) -> list[Cells]:
    log = view.log
    signed, again = log.rows("signed"), log.rows("reordered")
    account, first = np.unique(log.account[signed], return_index=True)
    start = log.time[signed][first]
    limit = view.context.reorder_months * DAYS_PER_MONTH
    start = np.where(start + limit <= view.calendar.days, start, np.nan)
    next_order = np.full(len(view.ids), np.nan)
    next_order[log.account[again][::-1]] = log.time[again][::-1]
    event = np.where(next_order[account] - start <= limit, next_order[account], np.nan)
    end = np.full(len(account), view.calendar.days)
    return by_cohort(view, waiting(account, start, event, end, view.calendar.days), share) if len(again) else []
