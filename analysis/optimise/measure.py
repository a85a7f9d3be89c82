"""Objectives and limits of one plan, estimated from its outcomes.

An outcome is a figure of one replication under one draw of what is uncertain. Draws are independent of each other;
replications under one draw are not, so that an interval rests on the means of draws where there are several.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.replications import order_quantile, willink, wilson

MEAN, QUANTILE = "mean", "quantile"
"""Measures of an objective."""

LEVEL = 0.95
"""Confidence of intervals unless another is asked for."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval; NaN where undefined. ``n`` are the independent values behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Goal:
    """What a plan is judged by.

    Attributes
    ----------
    largest : bool
        Whether more is better.
    measure : str
        ``MEAN``, or ``QUANTILE``: what all but a share ``level`` of the outcomes are at least as good as.
    level : float
        Share of worse outcomes of a quantile.
    """

    largest: bool = True
    measure: str = MEAN
    level: float = 0.1


@dataclass(frozen=True)
class Limit:
    """What an outcome has to keep.

    Attributes
    ----------
    bound : float
    least : bool
        Whether the bound is the least there may be, not the most.
    probability : float or None
        Share of the outcomes that have to keep it; None: their mean has to.
    """

    bound: float
    least: bool = True
    probability: float | None = None


@dataclass(frozen=True)
class Kept:
    """How far a limit is kept.

    Attributes
    ----------
    estimate : Estimate
        Mean, or share of outcomes that keep it.
    excess : float
        How far it is missed in the unit of the metric, above 0 where it is: of the mean, or of the outcome that is the
        last to be counted.
    """

    estimate: Estimate
    excess: float

    @property
    def holds(self) -> bool:
        """Whether it is kept."""
        return self.excess <= 0


def units(outcomes: np.ndarray) -> np.ndarray:
    """Independent values: replications, or where there are several draws their means.

    Parameters
    ----------
    outcomes : float array, shape (draws, replications)
    """
    found: np.ndarray = outcomes[0] if len(outcomes) == 1 else outcomes.mean(axis=1)
    return found


def estimated(outcomes: np.ndarray, goal: Goal, level: float = LEVEL) -> Estimate:
    """The objective of a plan; NaN if any outcome is undefined.

    Parameters
    ----------
    outcomes : float array, shape (draws, replications)
    goal : Goal
    level : float
        Confidence of the interval: Willink's of a mean, that of two order statistics of a quantile.
    """
    values = units(outcomes)
    if np.isnan(values).any():
        return Estimate(math.nan, math.nan, math.nan, len(values))
    if goal.measure == MEAN:
        found = willink(values, level)
        return Estimate(found.mean, found.low, found.high, found.n)
    side = 1.0 if goal.largest else -1.0
    value, low, high = (side * x for x in order_quantile(side * values, goal.level, level))
    return Estimate(value, *((low, high) if goal.largest else (high, low)), len(values))


def kept(outcomes: np.ndarray, limit: Limit, level: float = LEVEL) -> Kept:
    """Whether a plan keeps a limit; an undefined outcome does not keep it, an undefined mean neither.

    A share is kept if the outcome that is the last to be counted keeps the bound: of 20 outcomes and a probability of
    0.95 the second worst. Its interval is Wilson's, of as many trials as there are independent values.
    """
    side = 1.0 if limit.least else -1.0
    bound, values = side * limit.bound, side * outcomes
    if limit.probability is None:
        found = willink(units(values), level)
        defined = not np.isnan(values).any()
        low, high = sorted((side * found.low, side * found.high)) if found.n > 1 else (math.nan, math.nan)
        estimate = Estimate(side * found.mean if defined else math.nan, low, high, found.n)
        return Kept(estimate, bound - found.mean if defined else math.inf)
    ordered = np.sort(np.where(np.isnan(values), -math.inf, values), axis=None)
    worse = min(math.floor(len(ordered) * (1 - limit.probability) + 1e-9), len(ordered) - 1)
    share, n = float((ordered >= bound).mean()), len(units(outcomes))
    return Kept(Estimate(share, *_wilson(share, n, level), n), float(bound - ordered[worse]))


def _wilson(share: float, n: int, level: float) -> tuple[float, float]:
    """Wilson's interval of a share; where the count is not whole, as wide as those of its neighbours together."""
    below, above = (wilson(count, n, level) for count in (math.floor(share * n + 1e-9), math.ceil(share * n - 1e-9)))
    return below[1], above[2]
