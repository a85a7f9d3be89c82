"""The books of a run as an accountant reads them: income, cash and balances by month, means over replications.

A mean of balances in cents is no whole number of cents, and sides that are rounded one by one no longer balance. So
what is rounded is the sum that ever went from one account to another: every statement is then made of the same whole
cents, balances to the cent in every month, and is off the exact mean by half a cent for each pair of accounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.metrics.books import COSTS, OPENING, REVENUE
from analysis.metrics.columns import codes_of
from analysis.metrics.periods import Calendar
from sim.events import LEDGER_ACCOUNTS, LEDGER_CODE

ASSETS: tuple[str, ...] = ("cash", "receivable", "retention_money", "unbilled", "inventory", "fixed_assets")
"""Accounts of what there is and what is owed to us; depreciation is booked against ``fixed_assets``."""

LIABILITIES: tuple[str, ...] = (
    "customer_prepayment", "deferred_revenue", "commission_payable", "payable", "vat_payable", "debt",
)  # fmt: skip
"""Accounts of what we owe."""

EQUITY: tuple[str, ...] = ("equity",)
"""Accounts of what the owners paid in."""

EXPENSES: tuple[str, ...] = (*COSTS, "tax")
"""Accounts of cost, tax included."""

_ACCOUNTS = len(LEDGER_ACCOUNTS)


@dataclass(frozen=True, eq=False)
class Statements:
    """Postings between pairs of accounts by month, minor units.

    Attributes
    ----------
    calendar : Calendar
        Of the horizon; a month that the horizon cuts off is a column of its own.
    flows : int array, shape (accounts, accounts, months + 1)
        What was debited to the first and credited to the second account, mean over replications; column 0 holds what
        was booked before the start.
    samples : float array, shape (replications, accounts, months + 1)
        What every replication added to the credit side of each account.
    """

    calendar: Calendar
    flows: np.ndarray
    samples: np.ndarray

    def gain(self, *names: str) -> np.ndarray:
        """Credits less debits of some accounts by month, minor units, shape (months + 1,)."""
        chosen = [LEDGER_CODE[name] for name in names]
        return (self.flows[:, chosen].sum(axis=(0, 1)) - self.flows[chosen].sum(axis=(0, 1))).astype(np.int64)

    def balance(self, name: str) -> np.ndarray:
        """Balance at the end of every month: debits less credits of an asset, credits less debits of the others."""
        return np.cumsum(self.gain(name)) * (-1 if name in ASSETS else 1)

    def result(self) -> np.ndarray:
        """Revenue less all costs since the beginning, at the end of every month."""
        return np.cumsum(self.gain(*REVENUE, *EXPENSES))

    def cash_with(self, name: str) -> np.ndarray:
        """Cash that came in against an account, negative where it went out, by month."""
        cash, other = LEDGER_CODE["cash"], LEDGER_CODE[name]
        moved: np.ndarray = self.flows[cash, other] - self.flows[other, cash]
        return moved

    def used(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of some accounts that have postings."""
        return tuple(n for n in names if self.flows[LEDGER_CODE[n]].any() or self.flows[:, LEDGER_CODE[n]].any())

    def gains(self, *names: str) -> np.ndarray:
        """``gain`` of every replication, shape (replications, months + 1)."""
        found: np.ndarray = self.samples[:, [LEDGER_CODE[name] for name in names]].sum(axis=1)
        return found

    def check(self) -> None:
        """Hold the books against each other.

        Raises
        ------
        ArithmeticError
            If in some month assets differ from liabilities, equity and result, or cash from what moved it.
        """
        owned = np.sum([self.balance(name) for name in ASSETS], axis=0)
        owed = np.sum([self.balance(name) for name in (*LIABILITIES, *EQUITY)], axis=0) + self.result()
        moved = np.cumsum(np.sum([self.cash_with(n) for n in LEDGER_ACCOUNTS if n != "cash"], axis=0))
        if (owned != owed).any() or (moved != self.balance("cash")).any():
            raise ArithmeticError("the books do not balance: the ledger holds an account that no statement knows")


def statements(ledger: pd.DataFrame, calendar: Calendar, replications: Sequence[int] = ()) -> Statements:
    """Statements of a run, checked.

    Parameters
    ----------
    ledger : pandas.DataFrame
        Postings of all replications: replication, time, debit, credit, amount, memo; balances that were brought in at
        the start count as booked before it.
    calendar : Calendar
        Of the horizon.
    replications : sequence of int, optional
        Those that were simulated: one that books nothing counts in the means.
    """
    booked = ledger["replication"].to_numpy(np.int64)
    numbers = np.union1d(booked, np.asarray(replications, np.int64))
    place = np.searchsorted(numbers, booked)
    debit, credit = (codes_of(ledger[side], LEDGER_ACCOUNTS) for side in ("debit", "credit"))
    time, amount = ledger["time"].to_numpy(float), ledger["amount"].to_numpy(np.int64)
    brought_in = (time <= 0) & (codes_of(ledger["memo"], (OPENING,)) == 0)
    month = np.where(brought_in | (time < 0), 0, calendar.month_of(time) + 1)
    pairs = np.zeros((_ACCOUNTS, _ACCOUNTS, calendar.months + 1), np.int64)
    np.add.at(pairs, (debit, credit, month), amount)
    samples = np.zeros((len(numbers), _ACCOUNTS, calendar.months + 1))
    np.add.at(samples, (place, credit, month), amount)
    np.subtract.at(samples, (place, debit, month), amount)
    found = Statements(calendar, whole_mean(pairs, max(len(numbers), 1)), samples)
    found.check()
    return found


def whole_mean(sums: np.ndarray, count: int) -> np.ndarray:
    """Sums by month over ``count`` replications to means in whole units, of which the running totals are rounded."""
    total = np.cumsum(sums, axis=-1)
    mean = (2 * total + count) // (2 * count)
    return np.diff(mean, axis=-1, prepend=0)
