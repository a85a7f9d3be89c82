"""How customers pay: what was billed, how long it takes, what is never paid."""

from __future__ import annotations

import numpy as np

from analysis.metrics.columns import heads
from analysis.metrics.cube import Cells, flow, ratio
from analysis.metrics.money import posted
from analysis.metrics.registry import metric
from analysis.metrics.view import View, once
from analysis.metrics.waiting import COHORTS, Waiting, by_cohort, median_wait, share, waiting
from sim.units import MINOR


def _events(view: View, activity: str) -> list[Cells]:
    rows = view.log.rows(activity)
    amount = np.nan_to_num(view.log.amount[rows]).astype(np.int64)
    cube = view.count(view.log.time[rows], view.log.account[rows], amount)
    return flow(view.calendar, cube.map(lambda v: v / MINOR))


@metric("billed", unit="money", source="events", formula="amounts of the invoices issued")
def billed(view: View) -> list[Cells]:
    return _events(view, "invoiced")


@metric("collected", unit="money", source="events", formula="amounts of the invoices paid")
def collected(view: View) -> list[Cells]:
    return _events(view, "paid")


@metric(
    "dso_days",
    unit="days",
    source="ledger, events",
    formula="mean of receivable at the ends of months / billed in the period * days of the period",
)
def dso_days(view: View) -> list[Cells]:
    edges = view.calendar.edges
    owed = posted(view, -view.books.gain("receivable")).map(lambda v: np.cumsum(v, axis=1) * np.diff(edges))
    rows = view.log.rows("invoiced")
    amount = np.nan_to_num(view.log.amount[rows]).astype(np.int64)
    return ratio(view.calendar, owed, view.count(view.log.time[rows], view.log.account[rows], amount))


@once
def invoices(view: View) -> Waiting:
    """Invoices until they are paid; being written off rules that out.

    A payment settles the oldest open invoice of the same account and amount.
    """
    log = view.log
    issued, paid, given_up = (log.rows(name) for name in ("invoiced", "paid", "written_off"))
    settled = np.sort(np.concatenate((paid, given_up)))
    match = _match(log.account, log.amount, issued, settled)
    row = np.where(match >= 0, settled[match], 0) if len(settled) else np.zeros(len(issued), np.int64)
    time = np.where(match >= 0, log.time[row], np.nan)
    lost = np.isin(row, given_up)
    cases = waiting(
        log.account[issued], log.time[issued], np.where(lost, np.nan, time), np.where(lost, time, np.nan),
        view.calendar.days,
    )  # fmt: skip
    return Waiting(cases.account, cases.start, cases.duration, cases.fate, np.nan_to_num(log.amount[issued]))


def _match(account: np.ndarray, amount: np.ndarray, issued: np.ndarray, settled: np.ndarray) -> np.ndarray:
    """For every issued row the place in ``settled`` of the row that settles it, -1 for none."""
    row = np.concatenate((issued, settled))
    side = np.repeat([0, 1], [len(issued), len(settled)])
    _, pair = np.unique(np.stack((account[row].astype(float), amount[row])), axis=1, return_inverse=True)
    order = np.lexsort((np.arange(len(row)), side, pair))
    group = pair[order] * 2 + side[order]
    head = heads(group)
    nth = np.empty(len(row), np.int64)
    nth[order] = np.arange(len(row)) - np.repeat(head, np.diff(np.append(head, len(row))))
    key = pair * (len(row) + 1) + nth
    mine, theirs = key[: len(issued)], key[len(issued) :]
    sorted_keys = np.argsort(theirs, kind="stable")
    place = np.searchsorted(theirs[sorted_keys], mine)
    place = np.minimum(place, max(len(theirs) - 1, 0))
    if not len(theirs):
        return np.full(len(issued), -1)
    return np.where(theirs[sorted_keys[place]] == mine, sorted_keys[place], -1)


@metric(
    "payment_days",
    unit="days",
    source="events",
    periods=COHORTS,
    formula="median days, weighted by amount, from invoice to payment of the invoices that are paid, open ones "
    "censored (Aalen-Johansen); a cohort's year is that of the invoice",
)
def payment_days(view: View) -> list[Cells]:
    return by_cohort(view, invoices(view), median_wait)


@metric(
    "bad_debt_share",
    unit="share",
    source="events",
    periods=COHORTS,
    formula="share of the amount billed that is written off, open invoices censored (Aalen-Johansen)",
)
def bad_debt_share(view: View) -> list[Cells]:
    cases = invoices(view)
    swapped = np.array([0, 2, 1])[cases.fate]
    return by_cohort(view, Waiting(cases.account, cases.start, cases.duration, swapped, cases.weight), share)
