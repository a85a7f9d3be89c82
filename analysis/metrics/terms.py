"""Subscription terms of one replication: recurring revenue as movements and as balances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from analysis.metrics.columns import heads, numbers
from analysis.metrics.periods import Calendar

MOVEMENTS: tuple[str, ...] = ("new", "expansion", "contraction", "churned", "reactivated")
"""What can happen to a customer's recurring revenue; contraction and churned reduce it."""

_NEW, _EXPANSION, _CONTRACTION, _CHURNED, _REACTIVATED = range(5)


@dataclass(frozen=True, eq=False)
class Movements:
    """Changes of monthly recurring revenue, one row per account and instant.

    Attributes
    ----------
    account : int array
        Row of the accounts table.
    time : float array
        Days.
    kind : int array
        Index into ``MOVEMENTS``.
    amount : int array
        Minor units, positive whatever the kind.
    """

    account: np.ndarray
    time: np.ndarray
    kind: np.ndarray
    amount: np.ndarray


class Terms:
    """Rows of the subscriptions table as arrays.

    Parameters
    ----------
    table : pandas.DataFrame
        Of one replication.
    position : callable
        Account numbers to rows of the accounts table.
    calendar : Calendar
        Of the horizon.
    """

    def __init__(self, table: pd.DataFrame, position: Callable[[np.ndarray], np.ndarray], calendar: Calendar) -> None:
        self.table, self.calendar = table, calendar
        self.account = position(table["account"].to_numpy())
        self.start, self.end, self.ended = (calendar.days_of(table[c].to_numpy()) for c in ("start", "end", "ended"))
        self.mrr, self.amount = numbers(table["mrr"]), numbers(table["amount"])

    @cached_property
    def recurring(self) -> np.ndarray:
        """Rows with a fixed recurring part."""
        return np.flatnonzero((self.mrr > 0) & (self.start <= self.calendar.days))

    @cached_property
    def movements(self) -> Movements:
        """Changes of recurring revenue; what an account ends and begins at one instant is one change."""
        account, time, change = self._instants()
        after = np.cumsum(change)
        head = heads(account)
        length = np.diff(np.append(head, len(account)))
        after = after - np.repeat((after - change)[head], length)
        before = after - change
        never = np.isin(np.arange(len(account)), head)
        kind = np.select(
            [never, before == 0, after == 0, change > 0], [_NEW, _REACTIVATED, _CHURNED, _EXPANSION], _CONTRACTION
        )
        return Movements(account, time, kind, np.abs(change))

    def _instants(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Accounts, times and net changes, by account and time, zero changes left out."""
        rows = self.recurring
        over = rows[~np.isnan(self.ended[rows])]
        mrr = np.nan_to_num(self.mrr).astype(np.int64)
        account = np.concatenate((self.account[rows], self.account[over]))
        time = np.concatenate((self.start[rows], self.ended[over]))
        change = np.concatenate((mrr[rows], -mrr[over]))
        order = np.lexsort((time, account))
        account, time, change = account[order], time[order], change[order]
        new = np.append(True, (account[1:] != account[:-1]) | (time[1:] != time[:-1]))[: len(account)]
        first = np.flatnonzero(new)
        net = np.add.reduceat(change, first) if len(first) else change
        kept = net != 0
        return account[first][kept], time[first][kept], net[kept]

    @property
    def balances(self) -> tuple[np.ndarray, np.ndarray]:
        """Accounts that ever had recurring revenue, and theirs at the end of every month: ``path`` less its start."""
        accounts, balance = self.path
        return accounts, balance[:, 1:]

    @cached_property
    def path(self) -> tuple[np.ndarray, np.ndarray]:
        """Accounts that ever had recurring revenue, and theirs at the start and at the end of every month.

        Returns
        -------
        accounts : int array, shape (customers,)
            Rows of the accounts table.
        balance : int array, shape (customers, months + 1)
            Minor units.
        """
        rows, months = self.recurring, self.calendar.months
        accounts, place = np.unique(self.account[rows], return_inverse=True)
        size = len(accounts) * (months + 2)
        begin, finish = (self._column(times[rows]) for times in (self.start, self.ended))
        mrr = self.mrr[rows]
        change = np.bincount(place * (months + 2) + begin, mrr, size) - np.bincount(
            place * (months + 2) + finish, mrr, size
        )
        steps = np.rint(change).astype(np.int64).reshape(len(accounts), months + 2)
        return accounts, np.cumsum(steps, axis=1)[:, : months + 1]

    def _column(self, times: np.ndarray) -> np.ndarray:
        """Where times stand in a path: 0 before the start, the month from 1 on, one further for never."""
        month = self.calendar.month_of(times)
        return np.where(times < 0, 0, np.where(month < 0, self.calendar.months, month) + 1)
