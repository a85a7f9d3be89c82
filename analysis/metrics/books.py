"""The ledger of one replication: flows and balances by month."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import pandas as pd

from analysis.metrics.columns import coded, codes_of, numbers
from analysis.metrics.periods import Calendar
from sim.events import LEDGER_ACCOUNTS, LEDGER_CODE

REVENUE: tuple[str, ...] = tuple(name for name in LEDGER_ACCOUNTS if name.startswith("revenue_"))
"""Accounts of income."""

OPENING = "opening balance"
"""Memo of the postings that bring in what stood before the start of the horizon, the other side being equity, and of
those that settle it."""

COSTS: tuple[str, ...] = (
    "cost_of_sales", "payroll", "commission", "marketing", "subsidy", "fixed_cost", "bad_debt", "depreciation",
)  # fmt: skip
"""Accounts of cost before tax."""


class Books:
    """Postings as arrays, in the order of the table; amounts are integers in minor units.

    Parameters
    ----------
    ledger : pandas.DataFrame
        Of one replication.
    position : callable
        Account numbers to rows of the accounts table, -1 for NaN.
    calendar : Calendar
        Of the horizon.
    """

    def __init__(self, ledger: pd.DataFrame, position: Callable[[np.ndarray], np.ndarray], calendar: Calendar) -> None:
        self.ledger, self.calendar = ledger, calendar
        self.debit = codes_of(ledger["debit"], LEDGER_ACCOUNTS)
        self.credit = codes_of(ledger["credit"], LEDGER_ACCOUNTS)
        self.amount = ledger["amount"].to_numpy(np.int64)
        self.time = ledger["time"].to_numpy(float)
        self.account = position(numbers(ledger["account"]))
        self.month = calendar.month_of(self.time)

    def gain(self, *names: str) -> np.ndarray:
        """What every posting adds to the credit side of some accounts, minor units, shape (postings,)."""
        wanted = np.zeros(len(LEDGER_ACCOUNTS) + 1, np.int64)
        wanted[[LEDGER_CODE[name] for name in names]] = 1
        return self.amount * (wanted[self.credit] - wanted[self.debit])

    def monthly(self, weights: np.ndarray) -> np.ndarray:
        """Sums of integer weights of postings by month."""
        kept = self.month >= 0
        return np.rint(np.bincount(self.month[kept], weights[kept], self.calendar.months)).astype(np.int64)

    @cached_property
    def opening(self) -> np.ndarray:
        """Whether each posting brings in a balance from before the start of the horizon."""
        return self.of_opening & (self.time == 0)

    @cached_property
    def of_opening(self) -> np.ndarray:
        """The same, and what comes of such a balance later: whether its memo says so."""
        return np.asarray(codes_of(self.ledger["memo"], (OPENING,)) == 0)

    @cached_property
    def segment(self) -> np.ndarray:
        """Codes of segments as the ledger names them; see ``segments``."""
        return coded(self.ledger["segment"])[0]

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """Names of segments in the ledger."""
        return coded(self.ledger["segment"])[1]

    @cached_property
    def cash_path(self) -> tuple[np.ndarray, np.ndarray]:
        """Times at which cash moved, ascending, and the balance after each, minor units."""
        change = -self.gain("cash")
        moved = change != 0
        time, place = np.unique(self.time[moved], return_inverse=True)
        steps = np.rint(np.bincount(place, change[moved], len(time))).astype(np.int64)
        return time, np.cumsum(steps)

    def payroll(self, desks: tuple[str, ...]) -> np.ndarray:
        """Payroll of desks by month, minor units."""
        at = codes_of(self.ledger["cost_centre"], desks) >= 0
        return self.monthly(-self.gain("payroll") * at)
