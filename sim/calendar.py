"""Working time: which hours of which days people work, and where so many hours of work end.

All times are days from the start of the horizon. Both maps (to the next opening, to the end of some work) cost
the same however far they reach, and never decrease.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from sim.spec.policy import Calendar
from sim.units import GRID

SLACK = 1500
"""Days beyond the horizon for which working days are known: where work ends that begins within it."""

_INVERSE = 1.0 / GRID
_SNAP = 1.5 * 2.0**52 * GRID
"""Added and taken away again, it leaves a multiple of the grid, half to even: the sum has no finer bits."""


def month_ends(start: str, days: float) -> list[float]:
    """Ends of the calendar months that close within the horizon, in days from ``start``."""
    first = date.fromisoformat(start)
    ends: list[float] = []
    year, month = first.year, first.month
    while True:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        end = float((date(year, month, 1) - first).days)
        if end > days:
            return ends
        ends.append(end)


def _working(spec: Calendar, start: str, days: int) -> np.ndarray:
    """Whether each of ``days`` days from ``start`` on is a working day; a day that makes up for another one is."""
    first = date.fromisoformat(start)
    working = (first.weekday() + np.arange(days)) % 7 < spec.workdays
    for named, works in ((spec.holidays, False), (spec.make_up_days, True)):
        places = [(date.fromisoformat(day) - first).days for day in named.values()]
        working[[day for day in places if 0 <= day < days]] = works
    return working


class WorkCalendar:
    """Working hours over a horizon and `SLACK` days beyond it.

    Parameters
    ----------
    spec : Calendar
        Working days a week from Monday on, opening hour, hours a day, holidays, weekend days that are worked.
    start : str
        ISO date of day 0.
    days : float
        Length of the horizon.
    """

    def __init__(self, spec: Calendar, start: str, days: float, slack: int = SLACK) -> None:
        self.days_known = int(days) + slack
        self._is_working = _working(spec, start, self.days_known)
        self.working = self._is_working.tolist()
        self.work_days = np.flatnonzero(self._is_working).tolist()
        self._before = np.concatenate([[0], np.cumsum(self._is_working)])
        self.before = self._before.tolist()
        self.open_hour, self.hours = spec.open_hour, spec.hours
        self.around_the_clock = all(self.working) and spec.hours == 24

    def opening(self, t: float) -> float:
        """First working moment at or after ``t``."""
        if self.around_the_clock:
            return t
        d = int(t)
        if d >= self.days_known:
            return t
        if self.working[d]:
            hour = (t - d) * 24.0 - self.open_hour
            if 0.0 <= hour < self.hours:
                return t
            if hour < 0.0:
                return self._time(d, 0.0)
            d += 1
        return self._nth(self.before[d], 0.0)

    def finish(self, t: float, work: float) -> float:
        """When ``work`` hours begun at ``t`` are done, counting working time only."""
        if self.around_the_clock:
            return t + work / 24.0 + _SNAP - _SNAP
        d = int(t)
        if d >= self.days_known:
            return t + work / self.hours
        done = 0.0
        if self.working[d]:
            done = min(max((t - d) * 24.0 - self.open_hour, 0.0), self.hours)
        full, rest = divmod(done + work, self.hours)
        if rest <= 0.0 and full > 0.0:
            full, rest = full - 1.0, self.hours
        return self._nth(self.before[d] + int(full), rest)

    def worked(self, t: np.ndarray) -> np.ndarray:
        """Working hours before each of the times ``t``."""
        t = np.asarray(t, float)
        d = np.clip(t.astype(np.int64), 0, self.days_known - 1)
        hour = np.clip((t - d) * 24.0 - self.open_hour, 0.0, self.hours)
        return self._before[d] * self.hours + np.where(self._is_working[d], hour, 0.0)

    def moment(self, day: int, hour: float) -> float:
        """So many hours after the opening of a day; days that are worked around the clock open at midnight."""
        return self._time(day, hour - self.open_hour if self.around_the_clock else hour)

    def _nth(self, k: int, hour: float) -> float:
        if k >= len(self.work_days):
            return float(self.days_known)
        return self._time(self.work_days[k], hour)

    def _time(self, day: int, hour: float) -> float:
        return day + (self.open_hour + hour) / 24.0 + _SNAP - _SNAP


class PastCalendar:
    """Working hours before day 0, for work that was under way then. Times are days from day 0, negative.

    Parameters
    ----------
    spec : Calendar
        The working week and its exceptions, taken to have held before as well.
    start : str
        ISO date of day 0.
    days : int
        How far back working days are known; what began earlier counts from there.
    """

    def __init__(self, spec: Calendar, start: str, days: int = SLACK) -> None:
        self.days = days
        first = (date.fromisoformat(start) - timedelta(days)).isoformat()
        self._calendar = WorkCalendar(spec, first, days, slack=0)
        self.all = float(self._calendar.worked(np.array([float(days)]))[0])

    @property
    def closing(self) -> float:
        """The last working moment; 0 where work never rests."""
        calendar = self._calendar
        if calendar.around_the_clock or not calendar.work_days:
            return 0.0
        return calendar.work_days[-1] + (calendar.open_hour + calendar.hours) / 24.0 - self.days

    @property
    def last_day(self) -> int:
        """The last working day, -1 being the day before day 0."""
        return self._calendar.work_days[-1] - self.days if self._calendar.work_days else -1

    def since(self, times: np.ndarray) -> np.ndarray:
        """Working hours between each of the times and day 0; none after it."""
        place = np.clip(np.asarray(times, float), -self.days, 0.0) + self.days
        return self.all - self._calendar.worked(place)

    def ago(self, hours: float) -> float:
        """The moment since which so many hours have been worked."""
        calendar = self._calendar
        full, rest = divmod(max(self.all - hours, 0.0), calendar.hours)
        if int(full) >= len(calendar.work_days):
            return 0.0
        moment = calendar.work_days[int(full)] + (calendar.open_hour + rest) / 24.0 - self.days
        return min(round(moment / GRID) * GRID, 0.0)
