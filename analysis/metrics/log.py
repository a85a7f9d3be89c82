"""The event log of one replication: journeys of accounts, and spells in a state such as being a customer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from analysis.metrics.columns import coded, codes_of, heads, numbers
from analysis.metrics.periods import Calendar
from sim.events import ACTIVITIES, ACTIVITY_CODE

FIRST, RE_ENTERED, WON_BACK = 0, 1, 2
"""How a journey began: with the first contact, from the pool, or after having been a customer."""

_NO_STEP = ("touched", "invoiced", "paid", "overdue", "written_off")
_CLOSING = ("lost", "pooled", "churned")


@dataclass(frozen=True, eq=False)
class Journeys:
    """Attempts of accounts, in order of account and time.

    Attributes
    ----------
    account : int array, shape (journeys,)
        Row of the accounts table.
    start : float array
        Days from the start of the horizon.
    kind : int array
        ``FIRST``, ``RE_ENTERED`` or ``WON_BACK``.
    latest : bool array
        Whether it is the account's last one.
    final : float array
        Time of the last step, contacts and payments aside.
    closed : float array
        When it ended without further prospect: lost, pooled, churned or gone; NaN if it goes on.
    """

    account: np.ndarray
    start: np.ndarray
    kind: np.ndarray
    latest: np.ndarray
    final: np.ndarray
    closed: np.ndarray


@dataclass(frozen=True, eq=False)
class Spells:
    """Times in a state: account (row of the accounts table), start, and end (NaN while it lasts), in days."""

    account: np.ndarray
    start: np.ndarray
    end: np.ndarray


class Log:
    """Events as arrays, in the order of the table.

    Parameters
    ----------
    events, accounts : pandas.DataFrame
        Of one replication.
    position : callable
        Account numbers to rows of the accounts table.
    calendar : Calendar
        Of the horizon.
    """

    def __init__(
        self,
        events: pd.DataFrame,
        position: Callable[[np.ndarray], np.ndarray],
        calendar: Calendar,
        accounts: pd.DataFrame,
    ) -> None:
        self.events, self.calendar = events, calendar
        self.activity = codes_of(events["activity"], ACTIVITIES)
        self.time = events["time"].to_numpy(float)
        self.account = position(events["account"].to_numpy())
        self._gone = codes_of(accounts["last_stage"], ("end",)) == 0
        self._first: dict[tuple[str, ...], np.ndarray] = {}

    def is_any(self, *activities: str) -> np.ndarray:
        """Whether each row is one of some activities."""
        wanted = np.zeros(len(ACTIVITIES) + 1, bool)
        wanted[[ACTIVITY_CODE[a] for a in activities]] = True
        return wanted[self.activity]

    def rows(self, *activities: str) -> np.ndarray:
        """Row numbers of activities, in order of time."""
        return np.flatnonzero(self.is_any(*activities))

    @cached_property
    def amount(self) -> np.ndarray:
        """Amounts in minor units, NaN for null."""
        return numbers(self.events["amount"])

    @cached_property
    def quantity(self) -> np.ndarray:
        """Quantities, NaN for null."""
        return numbers(self.events["quantity"])

    @cached_property
    def stage(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """Codes and names of stops."""
        return coded(self.events["stage"])

    @cached_property
    def desk(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """Codes and names of desks."""
        return coded(self.events["resource"])

    @cached_property
    def still_open(self) -> np.ndarray:
        """Whether a row stands for a visit that the horizon cut off."""
        return codes_of(self.events["note"], ("open",)) == 0

    @cached_property
    def order(self) -> np.ndarray:
        """Rows by account, each account's in order of time."""
        return np.argsort(self.account, kind="stable")

    @cached_property
    def journey(self) -> np.ndarray:
        """Number of the journey of each row in ``order``."""
        account = self.account[self.order]
        begins = self.is_any("re_entered", "won_back")[self.order]
        begins[:1] = True
        begins[1:] |= account[1:] != account[:-1]
        return np.cumsum(begins) - 1

    @cached_property
    def journeys(self) -> Journeys:
        """All journeys."""
        order, journey = self.order, self.journey
        begin = np.flatnonzero(np.diff(journey, prepend=-1))
        account, activity = self.account[order][begin], self.activity[order][begin]
        kind = np.select([activity == ACTIVITY_CODE["re_entered"], activity == ACTIVITY_CODE["won_back"]], [1, 2], 0)
        start = self.time[order][begin]
        latest = np.append(account[1:] != account[:-1], True)[: len(account)]
        final = self._final(start)
        closed = self.first(*_CLOSING)
        over = np.isnan(closed) & (~latest | self._gone[account] if len(account) else latest)
        return Journeys(account, start, kind, latest, final, np.where(over, final, closed))

    def _final(self, start: np.ndarray) -> np.ndarray:
        step = ~self.is_any(*_NO_STEP)[self.order]
        final = start.copy()
        final[self.journey[step]] = self.time[self.order][step]
        return final

    def first(self, *activities: str) -> np.ndarray:
        """Time of the first of some activities in every journey, NaN where there is none."""
        if activities not in self._first:
            self._first[activities] = self.first_of(self.is_any(*activities))
        return self._first[activities]

    def first_of(self, chosen: np.ndarray) -> np.ndarray:
        """Time of the first chosen row (bool array over rows) in every journey, NaN where there is none."""
        size = int(self.journey[-1]) + 1 if len(self.journey) else 0
        mine = chosen[self.order]
        found = np.full(size, np.nan)
        found[self.journey[mine][::-1]] = self.time[self.order[mine]][::-1]
        return found

    def has(self, *activities: str) -> bool:
        """Whether any of some activities occurs."""
        return bool(self.is_any(*activities).any())

    @cached_property
    def customers(self) -> Spells:
        """Times as a customer: from ``signed`` to ``churned``."""
        return self.spells(self.rows("signed"), self.rows("churned"))

    @cached_property
    def pooled(self) -> Spells:
        """Times in the lost pool, until the account comes back or leaves the stop that others come back from."""
        back = self.rows("re_entered", "won_back")
        stages = np.unique(self.stage[0][back])
        left = self.rows("finished")
        left = left[np.isin(self.stage[0][left], stages[stages >= 0]) & ~self.still_open[left]]
        return self.spells(self.rows("pooled"), np.union1d(back, left))

    def spells(self, entering: np.ndarray, leaving: np.ndarray) -> Spells:
        """Times in a state that some rows begin and some end; entering twice begins it once."""
        kind = self._marks(entering, leaving)
        chosen = np.flatnonzero(kind)
        kind, row = kind[chosen], self.order[chosen]
        account = self.account[row]
        before = np.append(0, kind[:-1])[: len(row)]
        before[heads(account)] = 0
        turn = np.flatnonzero(((kind == 1) & (before != 1)) | ((kind == -1) & (before == 1)))
        kind, account, time = kind[turn], account[turn], self.time[row[turn]]
        following = np.append(kind[1:], 0)[: len(kind)] == -1
        end = np.where(following, np.append(time[1:], np.nan)[: len(time)], np.nan)
        begins = kind == 1
        return Spells(account[begins], time[begins], end[begins])

    @cached_property
    def is_customer(self) -> np.ndarray:
        """Whether the account was a customer just after each row, in the order of the table."""
        kind = self._marks(self.rows("signed"), self.rows("churned"))
        account = self.account[self.order]
        latest = np.maximum.accumulate(np.where(kind != 0, np.arange(len(kind)), -1)) if len(kind) else kind
        known = (latest >= 0) & (account[latest] == account)
        state = np.empty(len(kind), bool)
        state[self.order] = known & (kind[latest] == 1)
        return state

    def _marks(self, entering: np.ndarray, leaving: np.ndarray) -> np.ndarray:
        mark = np.zeros(len(self.activity), np.int8)
        mark[entering], mark[leaving] = 1, -1
        return mark[self.order]
