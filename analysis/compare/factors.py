"""What the revenue of a run is made of: tallies of one replication, by segment.

Revenue is leads times births per lead times what a birth earns. A birth is the start of an account's first
contract. Three tallies say how that came about:

- the way from lead to birth, stop by stop of the route, the attempts of returning accounts apart;
- contracts that run on (subscriptions, metered use): births that reach an age in calendar months, those of them
  that are customers at that age, and what these pay;
- orders (contracts of an amount without an agreed end: goods, projects): how many are placed as an account's first,
  second and so on, after how many of them the next was decided, their amounts, and how much of these was earned.

Leads are kept apart by the quarter in which they came, so that earlier leads are told from a faster way; who was under
way before the first day is of the first quarter. Who was a customer then has no way to go: all that these pay is a
fourth tally, by the month of the horizon.
Sources: docs/model.md (journey, contracts, ledger).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from analysis.compare.standing import by_month, customer_months, stood_there
from analysis.metrics.books import REVENUE
from analysis.metrics.columns import codes_of, numbers
from analysis.metrics.view import SEGMENT, View
from sim.units import GRID

QUARTER = 3
"""Months of a cohort of leads."""

NOWHERE = ""
"""Segment of what belongs to no account."""


@dataclass(frozen=True)
class Axes:
    """What tallies of two runs have in common.

    Attributes
    ----------
    segments : tuple of str
        The last one is ``NOWHERE``.
    stages : tuple of str
        Stops of the route.
    months : int
        Of the horizon.
    """

    segments: tuple[str, ...]
    stages: tuple[str, ...]
    months: int


BORN, OUT, OPEN = -3, -2, -1
"""Where an account goes that signs its first contract, that leaves for good, and that stays to the horizon."""


@dataclass(frozen=True, eq=False)
class Path:
    """Stays of accounts in states between lead and birth, in order of account and time.

    State 0 is having become a lead; then come the stops of the first attempt, those of the second, and so on.

    Attributes
    ----------
    account : int array, shape (stays,)
        Account number.
    segment, state : int array, shape (stays,)
        Code of the segment, and the state.
    goes : int array, shape (stays,)
        The state that follows, or ``BORN``, ``OUT`` or ``OPEN``.
    """

    account: np.ndarray
    segment: np.ndarray
    state: np.ndarray
    goes: np.ndarray


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts and cents of one replication; S segments, Q cohorts of leads, A ages, K orders.

    Attributes
    ----------
    path : Path
        The way from lead to birth.
    leads : int array, shape (S, Q)
        Accounts that became a lead, by quarter.
    reached : int array, shape (S, Q, A)
        Births that reach an age within the horizon.
    alive, paid : int array, shape (S, A)
        Births that are customers at an age, and what they pay in that month.
    orders, decided, amount : int array, shape (S, K)
        Orders placed, those after which the next was decided either way, and their amounts.
    earned : int array, shape (S, Q, K)
        Revenue of orders.
    other : int array, shape (S,)
        Revenue that belongs to no contract.
    stood : int array, shape (S, 1)
        Customers on the first day.
    stood_reached : int array, shape (S, 1, A)
        The same in every month of the horizon.
    stood_alive, stood_paid : int array, shape (S, A)
        Those of them that are customers in a month, and what these pay in it.
    """

    path: Path
    leads: np.ndarray
    reached: np.ndarray
    alive: np.ndarray
    paid: np.ndarray
    orders: np.ndarray
    decided: np.ndarray
    amount: np.ndarray
    earned: np.ndarray
    other: np.ndarray
    stood: np.ndarray
    stood_reached: np.ndarray
    stood_alive: np.ndarray
    stood_paid: np.ndarray

    @property
    def revenue(self) -> np.ndarray:
        """Revenue of contracts, shape (S,)."""
        found: np.ndarray = self.paid.sum(axis=1) + self.earned.sum(axis=(1, 2)) + self.stood_paid.sum(axis=1)
        return found


def tally(view: View, axes: Axes) -> Tally:
    """The tallies of one replication."""
    found = _Replication(view, axes)
    parts = found.running() | found.ordered() | found.stands()
    return Tally(found.path(), found.leads(), other=found.other(), **parts)


def aligned(one: Tally, other: Tally) -> tuple[Tally, Tally]:
    """Two tallies with as many orders as either has."""
    most = max(one.orders.shape[1], other.orders.shape[1])
    return _with_orders(one, most), _with_orders(other, most)


def _with_orders(side: Tally, most: int) -> Tally:
    return replace(
        side,
        orders=_padded(side.orders, most),
        decided=_padded(side.decided, most),
        amount=_padded(side.amount, most),
        earned=_padded(side.earned, most),
    )


def _padded(values: np.ndarray, most: int) -> np.ndarray:
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, most - values.shape[-1])])


class _Replication:
    """One replication as arrays over accounts (rows of the accounts table) and contracts."""

    def __init__(self, view: View, axes: Axes) -> None:
        self.view, self.log, self.axes = view, view.log, axes
        self.size = len(view.ids)
        code = codes_of(view.tables["accounts"][SEGMENT], axes.segments)
        self.segment = np.where(code >= 0, code, len(axes.segments) - 1)
        self.quarters = -(-axes.months // QUARTER)
        table = view.tables["subscriptions"]
        self.owner = view.position(table["account"].to_numpy())
        self.begun, self.ended = (view.calendar.days_of(table[c].to_numpy()) for c in ("start", "ended"))
        self.amount = numbers(table["amount"])
        self.is_order = table["end"].isna().to_numpy() & ~np.isnan(self.amount)
        self.contract = table["contract"].to_numpy(np.int64)

    def zeros(self, *shape: int) -> np.ndarray:
        """Counts by segment."""
        return np.zeros((len(self.axes.segments), *shape), np.int64)

    @cached_property
    def entry(self) -> np.ndarray:
        """Place in ``log.order`` at which every account became a lead, -1 if it did not."""
        place = np.flatnonzero(self.log.is_any(self.view.context.milestones["lead"])[self.log.order])
        account = self.log.account[self.log.order][place]
        found = np.full(self.size, -1)
        found[account[::-1]] = place[::-1]
        return found

    @cached_property
    def birth(self) -> np.ndarray:
        """Start of every account's first contract in days, infinity without one."""
        found = np.full(self.size, np.inf)
        np.minimum.at(found, self.owner, self.begun)
        return found

    @cached_property
    def stood(self) -> np.ndarray:
        """Whether every account was a customer, or had a contract, on the first day."""
        return stood_there(self.view) | (self.birth < 0)

    @cached_property
    def cohort(self) -> np.ndarray:
        """Quarter in which every account became a lead, or was born if that came first; -1 for neither."""
        lead = np.append(self.log.time[self.log.order], np.inf)[self.entry]
        first = np.maximum(np.minimum(lead, self.birth), 0.0)
        month = self.view.calendar.month_of(np.where(np.isfinite(first), first, np.nan))
        return np.where((month >= 0) & ~self.stood, month // QUARTER, -1)

    @cached_property
    def born(self) -> np.ndarray:
        """Accounts with a contract that had none on the first day."""
        return np.flatnonzero(np.isfinite(self.birth) & (self.cohort >= 0))

    def leads(self) -> np.ndarray:
        """Accounts that became a lead, by quarter."""
        found, known = self.zeros(self.quarters), np.flatnonzero(self.cohort >= 0)
        np.add.at(found, (self.segment[known], self.cohort[known]), 1)
        return found

    def path(self) -> Path:
        """From the lead to the first contract."""
        account, state = self._states()
        last = np.append(account[1:] != account[:-1], True)[: len(account)]
        gone = codes_of(self.view.tables["accounts"]["last_stage"], ("end",)) == 0
        final = np.where(np.isfinite(self.birth), BORN, np.where(gone, OUT, OPEN))
        goes = np.where(last, final[account], np.append(state[1:], OPEN)[: len(state)])
        return Path(self.view.ids[account], self.segment[account], state, goes)

    def _states(self) -> tuple[np.ndarray, np.ndarray]:
        """Accounts and states in the order in which they were passed, up to the first contract."""
        log, stages = self.log, self.axes.stages
        place = np.flatnonzero(log.is_any("queued")[log.order])
        row = log.order[place]
        account = log.account[row]
        begins = self.entry[account]
        before = (
            (begins >= 0) & ~self.stood[account] & (place > begins) & (log.time[row] < self.birth[account] - GRID / 2)
        )
        place, row, account, begins = place[before], row[before], account[before], begins[before]
        attempt = log.journey[place] - log.journey[begins]
        names = np.array([stages.index(name) for name in log.stage[1]] + [-1])
        state = 1 + attempt * len(stages) + names[log.stage[0][row]]
        known = np.flatnonzero(self.cohort >= 0)
        owner = np.concatenate((known, account))
        order = np.lexsort((np.concatenate((np.full(len(known), -1), place)), owner))
        return owner[order], np.concatenate((np.zeros(len(known), np.int64), state))[order]

    @cached_property
    def postings(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Postings of revenue within the horizon: account, month, cents and row of the contract (-1 for none)."""
        books = self.view.books
        cents = books.gain(*REVENUE)
        rows = np.flatnonzero((cents != 0) & (books.month >= 0))
        number = numbers(books.ledger["contract"])[rows]
        order = np.argsort(self.contract, kind="stable")
        place = np.clip(np.searchsorted(self.contract[order], number), 0, max(len(order) - 1, 0))
        found = order[place] if len(order) else np.full(len(rows), -1)
        contract = np.where(self.contract[found] == number, found, -1) if len(order) else found
        return books.account[rows], books.month[rows], cents[rows], contract

    @cached_property
    def kind(self) -> np.ndarray:
        """Of every posting of revenue: 0 other, 1 of a contract that runs on, 2 of an order, 3 of who stood there."""
        account, month, _, contract = self.postings
        of_order = (contract >= 0) & np.append(self.is_order, False)[contract]
        first = np.append(self.view.calendar.month_of(np.where(np.isfinite(self.birth), self.birth, np.nan)), -1)
        since = (account >= 0) & (first[account] >= 0) & (month >= first[account])
        stood = np.append(self.stood, False)[account]
        return np.where(stood, 3, np.where(of_order, 2, np.where(since, 1, 0)))

    def other(self) -> np.ndarray:
        """Revenue of no contract."""
        account, _, cents, _ = self.postings
        found = self.zeros()
        segment = np.append(self.segment, len(self.axes.segments) - 1)[account]
        np.add.at(found, segment[self.kind == 0], cents[self.kind == 0])
        return found

    def running(self) -> dict[str, np.ndarray]:
        """Births, customers and payments by age in calendar months."""
        months, born = self.axes.months, self.born
        paid, alive = self._paid(1)[self.born], self._alive()
        first = self.view.calendar.month_of(self.birth[born])
        month = first[:, None] + np.arange(months)
        closed = self.view.calendar.complete
        seen = months if paid[:, closed:].any() or not closed else closed
        inside = month < seen
        month = np.minimum(month, months - 1)
        by_age = [np.where(inside, np.take_along_axis(of, month, axis=1), 0) for of in (alive | (paid != 0), paid)]
        reached = self.zeros(self.quarters, months)
        np.add.at(reached, (self.segment[born], self.cohort[born]), inside.astype(np.int64))
        sums = self.zeros(months), self.zeros(months)
        for total, values in zip(sums, by_age, strict=True):
            np.add.at(total, self.segment[born], values.astype(np.int64))
        return {"reached": reached, "alive": sums[0], "paid": sums[1]}

    def stands(self) -> dict[str, np.ndarray]:
        """Customers of the first day: how many, those that still are, and what they pay, by month of the horizon."""
        return by_month(np.flatnonzero(self.stood), self.segment, customer_months(self.view), self._paid(3), self.zeros)

    def _paid(self, kind: int) -> np.ndarray:
        """What postings of a kind bring, cents, shape (accounts, months)."""
        account, month, cents, _ = self.postings
        found = np.zeros((self.size, self.axes.months), np.int64)
        mine = self.kind == kind
        np.add.at(found, (account[mine], month[mine]), cents[mine])
        return found

    def _alive(self) -> np.ndarray:
        """Whether the born have a contract that runs on in each month, shape (born, months)."""
        runs = ~self.is_order
        calendar = self.view.calendar
        until = calendar.month_of(np.where(np.isnan(self.ended), calendar.days, self.ended))
        change = np.zeros((self.size, self.axes.months + 1), np.int64)
        np.add.at(change, (self.owner[runs], calendar.month_of(self.begun)[runs]), 1)
        np.add.at(change, (self.owner[runs], until[runs] + 1), -1)
        return np.cumsum(change, axis=1)[self.born, :-1] > 0

    def ordered(self) -> dict[str, np.ndarray]:
        """Orders by their place among those of the account."""
        rows = np.flatnonzero(self.is_order & ~self.stood[self.owner])
        rows = rows[np.lexsort((self.contract[rows], self.begun[rows], self.owner[rows]))]
        owner = self.owner[rows]
        head = np.append(True, owner[1:] != owner[:-1])[: len(rows)]
        rank = np.arange(len(rows)) - np.maximum.accumulate(np.where(head, np.arange(len(rows)), 0))
        place = np.full(len(self.contract) + 1, -1)
        place[rows] = rank
        size = int(rank.max(initial=-1)) + 1
        orders, decided, amount = (self.zeros(size) for _ in range(3))
        at = (self.segment[owner], rank)
        np.add.at(orders, at, 1)
        np.add.at(amount, at, self.amount[rows].astype(np.int64))
        again = np.append(~head[1:], False)[: len(rows)]
        np.add.at(decided, at, (again | (self._left[owner] >= self.begun[rows])).astype(np.int64))
        _, _, cents, contract = self.postings
        mine = self.kind == 2
        account, earned = self.owner[contract[mine]], self.zeros(self.quarters, size)
        np.add.at(earned, (self.segment[account], self.cohort[account], place[contract[mine]]), cents[mine])
        return {"orders": orders, "decided": decided, "amount": amount, "earned": earned}

    @cached_property
    def _left(self) -> np.ndarray:
        """Time at which every account last ceased to be a customer, minus infinity if it never did."""
        rows = self.log.rows("churned")
        found = np.full(self.size, -np.inf)
        np.maximum.at(found, self.log.account[rows], self.log.time[rows])
        return found
