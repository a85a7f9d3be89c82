"""Customers of the first day: what they pay and how long they stay, by month of the horizon."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from analysis.metrics.view import View


def stood_there(view: View) -> np.ndarray:
    """Whether every account was a customer before the first day and had not left by then."""
    spells = view.log.customers
    found = np.zeros(len(view.ids), bool)
    found[spells.account[(spells.start < 0) & ~(spells.end < 0)]] = True
    return found


def customer_months(view: View) -> np.ndarray:
    """Whether every account was a customer in some part of each month, shape (accounts, months)."""
    spells, calendar = view.log.customers, view.calendar
    there = ~(spells.end < 0)
    owner, begun, end = spells.account[there], spells.start[there], spells.end[there]
    until = calendar.month_of(np.where(np.isnan(end), calendar.days, end))
    change = np.zeros((len(view.ids), calendar.months + 1), np.int64)
    np.add.at(change, (owner, calendar.month_of(np.maximum(begun, 0.0))), 1)
    np.add.at(change, (owner, until + 1), -1)
    found: np.ndarray = np.cumsum(change, axis=1)[:, :-1] > 0
    return found


def by_month(
    stood: np.ndarray, segment: np.ndarray, customer: np.ndarray, paid: np.ndarray, zeros: Callable[..., np.ndarray]
) -> dict[str, np.ndarray]:
    """Tallies of the customers of the first day, by segment.

    Parameters
    ----------
    stood : int array
        Rows of the accounts table.
    segment : int array, shape (accounts,)
        Codes.
    customer, paid : array, shape (accounts, months)
        Whether each account is a customer in a month, and what it pays, cents.
    zeros : callable
        Makes counts by segment of a shape.

    Returns
    -------
    dict
        ``stood`` (S, 1), ``stood_reached`` (S, 1, months), ``stood_alive`` and ``stood_paid`` (S, months): whoever
        pays counts as a customer.
    """
    months, mine = paid.shape[1], segment[stood]
    count, reached, alive, sums = zeros(1), zeros(1, months), zeros(months), zeros(months)
    np.add.at(count, (mine, 0), 1)
    np.add.at(reached, (mine, 0), np.ones(months, np.int64))
    np.add.at(alive, mine, (customer[stood] | (paid[stood] != 0)).astype(np.int64))
    np.add.at(sums, mine, paid[stood])
    return {"stood": count, "stood_reached": reached, "stood_alive": alive, "stood_paid": sums}
