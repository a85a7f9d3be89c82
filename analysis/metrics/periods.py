"""Calendar months of a horizon, and the quarters and fiscal years made of them.

A month is the time (start, end]: what is booked at midnight of the first belongs to the month that ends then,
and a stock at the end of a month is what is there after that. The instant 0 belongs to the first month. Quarters
and fiscal years are three and twelve calendar months from the month in which the horizon starts, or from the month
that is set as the start of the fiscal year. A month that the horizon cuts off at its end counts towards the horizon
only; so do quarters and years that are not over, or had begun before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.units import MICROSECONDS_PER_DAY

MONTH, QUARTER, YEAR, HORIZON = "month", "quarter", "fiscal_year", "horizon"
PERIODS: tuple[str, ...] = (MONTH, QUARTER, YEAR, HORIZON)
"""Names of periods, in the order in which they are listed."""

_LENGTH = {MONTH: 1, QUARTER: 3, YEAR: 12}


@dataclass(frozen=True, eq=False)
class Groups:
    """Consecutive months that make the periods of one kind.

    Attributes
    ----------
    first, last : int array, shape (periods,)
        First and last month of each.
    ends : datetime64[us] array, shape (periods,)
        Last day of each.
    days : float array, shape (periods,)
        Length of each within the horizon.
    """

    first: np.ndarray
    last: np.ndarray
    ends: np.ndarray
    days: np.ndarray

    def __len__(self) -> int:
        return len(self.first)


class Calendar:
    """Months of the horizon.

    Parameters
    ----------
    start : str
        First day, ISO date.
    days : float
        Length.
    fiscal_year_start : int, optional
        Month in which fiscal years begin, 1 for January; by default that of ``start``.

    Attributes
    ----------
    edges : float array, shape (months + 1,)
        Ends of months in days from the start, from 0 to the end of the horizon.
    months : int
        Months, the one that the horizon cuts off included.
    complete : int
        Months that are over.
    groups : dict
        Kind of period to its ``Groups``.
    """

    def __init__(self, start: str, days: float, fiscal_year_start: int | None = None) -> None:
        self.origin = np.datetime64(start, "D").astype("datetime64[us]")
        self.days = float(days)
        first = np.datetime64(start, "M")
        self.offset = 0 if fiscal_year_start is None else (fiscal_year_start - 1 - int(first.astype(int))) % 12
        ends = (first + np.arange(1, int(days / 28) + 3)).astype("datetime64[D]")
        edges = (ends - np.datetime64(start, "D")).astype(float)
        self.complete = int((edges <= self.days).sum())
        cut = self.complete == 0 or edges[self.complete - 1] < self.days
        self.months = self.complete + int(cut)
        self.edges = np.concatenate(([0.0], edges[: self.complete], [self.days] if cut else []))
        self._last_day = ends - np.timedelta64(1, "D")
        self.groups = {period: self._groups(period) for period in PERIODS}

    def _groups(self, period: str) -> Groups:
        if period == HORIZON:
            first, last = np.array([0]), np.array([self.months - 1])
            day = np.floor(self.days) - (1 if self.days == np.floor(self.days) else 0)
            ends = self.origin.astype("datetime64[D]") + np.array([max(day, 0)]).astype("timedelta64[D]")
        else:
            length = _LENGTH[period]
            offset = self.offset % length
            first = np.arange(max(self.complete - offset, 0) // length) * length + offset
            last = first + length - 1
            ends = self._last_day[last]
        return Groups(first, last, ends.astype("datetime64[us]"), self.edges[last + 1] - self.edges[first])

    def days_of(self, timestamps: np.ndarray) -> np.ndarray:
        """Days from the start of ``datetime64`` timestamps; NaN for NaT."""
        stamps = np.asarray(timestamps).astype("datetime64[us]")
        days = (stamps - self.origin).astype(np.int64) / MICROSECONDS_PER_DAY
        return np.where(np.isnat(stamps), np.nan, days)

    def month_of(self, days: np.ndarray) -> np.ndarray:
        """Month of each time, -1 for NaN and times outside the horizon."""
        days = np.asarray(days, float)
        month = np.clip(np.searchsorted(self.edges, days, side="left") - 1, 0, None)
        return np.where((days >= 0) & (days <= self.days), month, -1)

    def month_of_date(self, dates: np.ndarray) -> np.ndarray:
        """Month in which dates such as a month's last day lie, -1 outside the horizon."""
        month = np.asarray(dates).astype("datetime64[M]") - self.origin.astype("datetime64[M]")
        number = month.astype(np.int64)
        return np.where((number >= 0) & (number < self.months), number, -1)

    def total(self, values: np.ndarray, period: str) -> np.ndarray:
        """Sums over the months of each period; the last axis of ``values`` is months."""
        groups = self.groups[period]
        if not len(groups):
            return values[..., :0]
        return np.add.reduceat(values[..., : groups.last[-1] + 1], groups.first, axis=-1)

    def closing(self, values: np.ndarray, period: str) -> np.ndarray:
        """Values of the last month of each period; the last axis of ``values`` is months."""
        return values[..., self.groups[period].last]
