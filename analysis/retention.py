"""Times until something happens, when the horizon cuts some of them off: survival and retention of cohorts.

What had not happened when observation ended is censored, never counted as a no. At equal times events come
before censorings.

References
----------
Kaplan & Meier (1958); Aalen & Johansen (1978).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CENSORED, EVENT, RIVAL = 0, 1, 2
"""Fates: still open when observation ended, what one waits for, something that rules it out."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A step function of time: ``value[i]`` holds from ``time[i]`` (inclusive) to ``time[i + 1]``.

    Attributes
    ----------
    time : float array, shape (steps,)
        Times of events, ascending; empty if there were none.
    value : float array, shape (steps,)
        Share surviving (``kaplan_meier``) or share to which it has happened (``incidence``).
    at_risk : float array, shape (steps,)
        Weight under observation just before each time.
    start : float
        Value before the first step.
    """

    time: np.ndarray
    value: np.ndarray
    at_risk: np.ndarray
    start: float

    def at(self, times: np.ndarray | float) -> np.ndarray:
        """Value at ``times``."""
        place = np.searchsorted(self.time, np.asarray(times, float), side="right")
        return np.concatenate(([self.start], self.value))[place]

    @property
    def last(self) -> float:
        """Value after the last step."""
        return float(self.value[-1]) if len(self.value) else self.start


def kaplan_meier(
    duration: np.ndarray, event: np.ndarray, weight: np.ndarray | None = None, entry: np.ndarray | None = None
) -> Curve:
    """Share that has not had its event yet, by time since the start.

    Whoever came under observation late is at risk from then on only: that others like it had their event before is
    not known (delayed entry, left truncation).

    Parameters
    ----------
    duration : float array, shape (n,)
        Time to the event or to the end of observation, in any unit, not negative.
    event : bool array, shape (n,)
        False: censored.
    weight : float array, shape (n,), optional
        Weights, 1 by default.
    entry : float array, shape (n,), optional
        Time since the start at which observation began, 0 by default; below the duration.
    """
    time, events, _, at_risk = _steps(duration, np.where(event, EVENT, CENSORED), weight)
    if entry is not None:
        at_risk = at_risk - _not_yet(time, entry, weight)
    return Curve(time, np.cumprod(1 - events / at_risk), at_risk, 1.0)


def incidence(duration: np.ndarray, fate: np.ndarray, weight: np.ndarray | None = None) -> Curve:
    """Share to which the event has happened, by time, when another event may rule it out (Aalen-Johansen).

    Where nothing is censored this is the plain share.

    Parameters
    ----------
    duration : float array, shape (n,)
        Time to the fate.
    fate : int array, shape (n,)
        ``CENSORED``, ``EVENT`` or ``RIVAL``.
    weight : float array, shape (n,), optional
        Weights, 1 by default.
    """
    time, events, rivals, at_risk = _steps(duration, fate, weight)
    left = np.cumprod(1 - (events + rivals) / at_risk)
    before = np.concatenate(([1.0], left[:-1]))
    return Curve(time, np.minimum(np.cumsum(before * events / at_risk), 1.0), at_risk, 0.0)


def median(curve: Curve) -> float:
    """Time at which half have had their event, NaN if fewer than half ever did."""
    return quantile(curve, 0.5)


def quantile(curve: Curve, share: float) -> float:
    """Smallest time by which ``share`` of all have had their event, NaN if it was not reached."""
    happened = curve.value if curve.start == 0.0 else 1 - curve.value
    reached = np.flatnonzero(happened >= share - 1e-12)
    return float(curve.time[reached[0]]) if len(reached) else float("nan")


def median_of_events(curve: Curve) -> float:
    """Time by which half of those to whom it ever happens have had it, of an ``incidence`` curve."""
    return quantile(curve, curve.last / 2) if curve.last > 0 else float("nan")


def cohort_retention(
    start: np.ndarray, end: np.ndarray, cohort_edges: np.ndarray, ages: np.ndarray, horizon: float
) -> np.ndarray:
    """Share of every cohort still there at every age.

    Parameters
    ----------
    start, end : float array, shape (n,)
        Beginning and end of each spell in days; the end is NaN while it lasts.
    cohort_edges : float array, shape (cohorts + 1,)
        A spell belongs to the cohort in whose (edge, next edge] it starts; the first takes its lower edge too.
    ages : float array, shape (ages,)
        Ages in days.
    horizon : float
        End of observation in days.

    Returns
    -------
    float array, shape (cohorts, ages)
        NaN where the cohort is empty or its youngest member cannot have reached the age.
    """
    cohort = np.clip(np.searchsorted(cohort_edges, start, side="left") - 1, 0, None)
    lasted = np.where(np.isnan(end), np.inf, end - start)
    shares = np.full((len(cohort_edges) - 1, len(ages)), np.nan)
    for number in range(len(shares)):
        members = cohort == number
        if members.any():
            seen = horizon - start[members].max() >= ages
            shares[number, seen] = (lasted[members][:, None] > ages[seen]).mean(axis=0)
    return shares


def _not_yet(time: np.ndarray, entry: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Weight that has not come under observation before each time."""
    order = np.argsort(entry)
    weights = np.ones(len(entry)) if weight is None else np.asarray(weight, float)[order]
    before = np.concatenate(([0.0], np.cumsum(weights)))
    return np.where(time > 0, before[-1] - before[np.searchsorted(entry[order], time, side="left")], 0.0)


def _steps(
    duration: np.ndarray, fate: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Times with events or rivals, the weight of both at each, and the weight at risk just before."""
    weights = np.ones(len(duration)) if weight is None else np.asarray(weight, float)
    time, place = np.unique(np.asarray(duration, float), return_inverse=True)
    size = len(time)
    leaving = np.bincount(place, weights, size)
    events = np.bincount(place, weights * (fate == EVENT), size)
    rivals = np.bincount(place, weights * (fate == RIVAL), size)
    at_risk = np.cumsum(leaving[::-1])[::-1]
    happened = events + rivals > 0
    return time[happened], events[happened], rivals[happened], at_risk[happened]
