"""One replication as arrays: what every metric starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from analysis.metrics.books import Books
from analysis.metrics.columns import coded
from analysis.metrics.context import Context
from analysis.metrics.cube import TOTAL, Cube, tally
from analysis.metrics.log import Log
from analysis.metrics.terms import Terms
from analysis.tables import Tables

SEGMENT, CHANNEL, DESK, PRODUCT, STREAM = "segment", "channel", "desk", "product", "stream"
"""Names of dimensions."""

P = ParamSpec("P")
R = TypeVar("R")


class View:
    """One replication.

    Parameters
    ----------
    tables : Tables
        Of one replication.
    context : Context
        What belongs to the study.
    """

    def __init__(self, tables: Tables, context: Context) -> None:
        self.tables, self.context = tables, context
        self.calendar = context.calendar
        self.memory: dict[tuple[Any, ...], Any] = {}

    @cached_property
    def ids(self) -> np.ndarray:
        """Account numbers in the order of the accounts table."""
        return self.tables["accounts"]["account"].to_numpy()

    def position(self, accounts: np.ndarray) -> np.ndarray:
        """Rows of the accounts table of account numbers; -1 for NaN and unknown ones."""
        order = np.argsort(self.ids, kind="stable")
        place = np.clip(np.searchsorted(self.ids[order], accounts), 0, max(len(self.ids) - 1, 0))
        found = order[place] if len(order) else np.full(len(accounts), -1)
        return np.where(self.ids[found] == accounts, found, -1) if len(order) else found

    @cached_property
    def dims(self) -> dict[str, tuple[np.ndarray, tuple[str, ...]]]:
        """Dimensions of accounts: codes by row of the accounts table, and levels."""
        accounts = self.tables["accounts"]
        return {dim: coded(accounts[dim]) for dim in (SEGMENT, CHANNEL)}

    @cached_property
    def levels(self) -> dict[str, tuple[str, ...]]:
        """Levels of the total and of the dimensions of accounts."""
        return {TOTAL: (TOTAL,), **{dim: names for dim, (_, names) in self.dims.items()}}

    def codes(self, account: np.ndarray) -> dict[str, np.ndarray]:
        """Levels of the dimensions for rows that belong to accounts (positions, -1 for none)."""
        return {
            dim: np.where(account >= 0, codes[account], -1) if len(codes) else np.full(len(account), -1)
            for dim, (codes, _) in self.dims.items()
        }

    def count(
        self,
        days: np.ndarray,
        account: np.ndarray,
        weights: np.ndarray | None = None,
        codes: Mapping[str, np.ndarray] | None = None,
    ) -> Cube:
        """Rows (or their weights) by month, segment and channel.

        ``days`` are their times (NaN: left out), ``account`` their accounts, ``codes`` replace the levels that
        the accounts have.
        """
        level = {**self.codes(account), **(codes or {})}
        return tally(self.calendar.months, self.calendar.month_of(days), weights, level, self.levels)

    def level(self, start: np.ndarray, end: np.ndarray, account: np.ndarray, weights: np.ndarray | None = None) -> Cube:
        """Rows (or their weights) that are there at the end of every month: begun, and not ended.

        ``start`` and ``end`` are times, NaN for never. What began before the start of the horizon and had not ended
        by then is there from the outset.
        """
        moved = self.count(start, account, weights) - self.count(end, account, weights)
        return self.opening(start, end, account, weights) + moved.map(lambda v: np.cumsum(v, axis=1))

    def opening(
        self, start: np.ndarray, end: np.ndarray, account: np.ndarray, weights: np.ndarray | None = None
    ) -> Cube:
        """The same at the start of the horizon, before anything happens: shape (levels, 1)."""
        before = np.where((start < 0) & ~(end < 0), 0, -1)
        return tally(1, before, weights, self.codes(account), self.levels)

    def gather(self, account: np.ndarray, values: np.ndarray) -> Cube:
        """Rows of months, shape (n, months), summed by segment and channel of their accounts."""
        level = {TOTAL: np.zeros(len(account), np.int64), **self.codes(account)}
        sums = {}
        for dim, names in self.levels.items():
            kept = level[dim] >= 0
            sums[dim] = np.zeros((len(names), self.calendar.months), values.dtype)
            np.add.at(sums[dim], level[dim][kept], values[kept])
        return Cube(self.levels, sums)

    @cached_property
    def log(self) -> Log:
        """Events."""
        return Log(self.tables["events"], self.position, self.calendar, self.tables["accounts"])

    @cached_property
    def books(self) -> Books:
        """Ledger."""
        return Books(self.tables["ledger"], self.position, self.calendar)

    @cached_property
    def terms(self) -> Terms:
        """Subscriptions."""
        return Terms(self.tables["subscriptions"], self.position, self.calendar)

    def monthly(self, metric: str) -> Cube | None:
        """A metric of the monthly table by segment, NaN in months that it lacks; None if it is absent.

        The total is the row without segment, or the sum of the segments where there is none.
        """
        table = self.tables["monthly"]
        rows = table[table["metric"].to_numpy() == metric]
        if rows.empty:
            return None
        month, (code, names) = self.calendar.month_of_date(rows["ds"].to_numpy()), coded(rows["segment"])
        value = rows["value"].to_numpy(float)
        return self._monthly(month, code, names, value)

    def _monthly(self, month: np.ndarray, code: np.ndarray, names: tuple[str, ...], value: np.ndarray) -> Cube:
        place = {name: number for number, name in enumerate(self.levels[SEGMENT])}
        segment = np.array([place.get(name, -1) for name in names] + [-1], np.int64)[code]
        overall = code < 0 if (code < 0).any() else np.ones(len(code), bool)
        rows = {TOTAL: (overall, np.zeros(len(code), np.int64)), SEGMENT: (segment >= 0, segment)}
        values = {}
        for dim, (chosen, level) in rows.items():
            inside = chosen & (month >= 0)
            values[dim] = np.full((len(self.levels[dim]), self.calendar.months), np.nan)
            values[dim][level[inside], month[inside]] = 0.0
            np.add.at(values[dim], (level[inside], month[inside]), value[inside])
        return Cube(self.levels, values if (segment >= 0).any() else {TOTAL: values[TOTAL]})


def once(function: Callable[Concatenate[View, P], R]) -> Callable[Concatenate[View, P], R]:
    """Compute a function of a view, and of names, once per view; nobody changes what it returns."""

    @wraps(function)
    def remembered(view: View, *args: P.args, **kwargs: P.kwargs) -> R:
        key = (function, *args, *kwargs.items())
        if key not in view.memory:
            view.memory[key] = function(view, *args, **kwargs)
        found: R = view.memory[key]
        return found

    return remembered
