"""Times until something happens, by cohort of their beginning: conversions, delays, intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.metrics.cube import TOTAL, Cells
from analysis.metrics.periods import HORIZON, YEAR
from analysis.metrics.view import View
from analysis.retention import CENSORED, EVENT, RIVAL, incidence, kaplan_meier, median, median_of_events

COHORTS = (YEAR, HORIZON)
"""Periods for which figures that need many cases are reported."""


@dataclass(frozen=True, eq=False)
class Waiting:
    """Cases that wait for something.

    Attributes
    ----------
    account : int array, shape (n,)
        Row of the accounts table.
    start, duration : float array, shape (n,)
        Days.
    fate : int array, shape (n,)
        ``CENSORED``, ``EVENT`` or ``RIVAL``.
    weight : float array, shape (n,), optional
    """

    account: np.ndarray
    start: np.ndarray
    duration: np.ndarray
    fate: np.ndarray
    weight: np.ndarray | None = None

    def part(self, chosen: np.ndarray) -> Waiting:
        """Some of the cases."""
        weight = None if self.weight is None else self.weight[chosen]
        return Waiting(self.account[chosen], self.start[chosen], self.duration[chosen], self.fate[chosen], weight)


def waiting(account: np.ndarray, start: np.ndarray, event: np.ndarray, rival: np.ndarray, horizon: float) -> Waiting:
    """Cases from the times of their beginning, event and rival event (NaN: not within the horizon).

    Cases without beginning are left out. The event counts whenever it came, at once if it came before.
    """
    begun = ~np.isnan(start)
    account, start, event, rival = account[begun], start[begun], event[begun], rival[begun]
    fate = np.where(~np.isnan(event), EVENT, np.where(~np.isnan(rival), RIVAL, CENSORED))
    end = np.select([fate == EVENT, fate == RIVAL], [event, rival], horizon)
    return Waiting(account, start, np.maximum(end - start, 0.0), fate)


def share(cases: Waiting) -> float:
    """Share to which it happens, open cases censored (Aalen-Johansen); NaN while none is decided."""
    if not (cases.fate != CENSORED).any():
        return float("nan")
    return incidence(cases.duration, cases.fate, cases.weight).last


def median_wait(cases: Waiting) -> float:
    """Median time of those to whom it happens, open cases censored."""
    return median_of_events(incidence(cases.duration, cases.fate, cases.weight))


def median_end(cases: Waiting) -> float:
    """Median time until a fate of either kind, open cases censored (Kaplan-Meier)."""
    return median(kaplan_meier(cases.duration, cases.fate != CENSORED, cases.weight))


def by_cohort(view: View, cases: Waiting, statistic: Callable[[Waiting], float]) -> list[Cells]:
    """A statistic of the cases that begin in each fiscal year and over the horizon, by segment and channel."""
    month = view.calendar.month_of(cases.start)
    codes = {TOTAL: np.zeros(len(month), np.int64), **view.codes(cases.account)}
    found = []
    for period in COHORTS:
        groups = view.calendar.groups[period]
        for dim, names in view.levels.items():
            values = np.full((len(names), len(groups)), np.nan)
            for p, (first, last) in enumerate(zip(groups.first, groups.last, strict=True)):
                inside = (month >= first) & (month <= last)
                for level in np.unique(codes[dim][inside & (codes[dim] >= 0)]):
                    values[level, p] = statistic(cases.part(inside & (codes[dim] == level)))
            found.append(Cells(period, dim, names, values))
    return found


def medians(view: View, account: np.ndarray, time: np.ndarray, value: np.ndarray) -> list[Cells]:
    """Medians of the defined values by time, see ``by_cohort``."""
    kept = ~np.isnan(value) & ~np.isnan(time)
    cases = Waiting(account[kept], time[kept], value[kept], np.full(int(kept.sum()), EVENT))
    return by_cohort(view, cases, lambda part: float(np.median(part.duration))) if kept.any() else []
