"""Scores of forecasts against what came.

Every score is of single values and keeps their shape; a mean over steps or series is taken afterwards. Lower is
better, and the scores of distributions are proper: nobody gains by stating another distribution than the one
believed in. What is undefined (nothing came, or a history without changes to scale by) is NaN.

References
----------
Hyndman & Koehler (2006). Another look at measures of forecast accuracy. International Journal of Forecasting 22.
Makridakis, Spiliotis & Assimakopoulos (2022). M5 accuracy competition. International Journal of Forecasting 38.
Bracher, Ray, Gneiting & Reich (2021). Evaluating epidemic forecasts in an interval format.
    PLOS Computational Biology 17.
Gneiting & Raftery (2007). Strictly proper scoring rules, prediction, and estimation. JASA 102.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def absolute_scale(train: np.ndarray, season: int = 1) -> float:
    """Mean absolute change over `season` steps of a history: what MASE divides by.

    Parameters
    ----------
    train : float array (n,)
        Values up to the cutoff, NaN where missing; a change with a missing end does not count.
    season : int
        Steps in a cycle, 1 for none.

    Returns
    -------
    float
        NaN if no change is known or all are 0.
    """
    return _positive_mean(np.abs(_changes(train, season)))


def squared_scale(train: np.ndarray) -> float:
    """Mean squared change over one step of a history: what RMSSE divides by; NaN as in ``absolute_scale``."""
    return _positive_mean(_changes(train, 1) ** 2)


def mase(y: np.ndarray, forecast: np.ndarray, train: np.ndarray, season: int = 1) -> float:
    """Mean absolute error over the steps that are known, in units of ``absolute_scale(train, season)``.

    Parameters
    ----------
    y, forecast : float array (h,)
        What came, NaN where missing, and what was expected.
    train : float array (n,)
        Values up to the cutoff.
    season : int
        Steps in a cycle.
    """
    return known_mean(np.abs(np.asarray(y, float) - forecast)) / absolute_scale(train, season)


def rmsse(y: np.ndarray, forecast: np.ndarray, train: np.ndarray) -> float:
    """Root of the mean squared error over the steps that are known, in units of ``squared_scale(train)``."""
    return float(np.sqrt(known_mean((np.asarray(y, float) - forecast) ** 2) / squared_scale(train)))


def interval_score(y: np.ndarray, low: np.ndarray, high: np.ndarray, level: float) -> np.ndarray:
    """Width of a central interval plus 2/(1 - level) times the distance by which it was missed.

    Parameters
    ----------
    y, low, high : float array, shapes that broadcast
        What came and the bounds.
    level : float
        Coverage of the interval in per cent, within (0, 100).
    """
    alpha = 1 - level / 100
    missed = np.maximum(low - y, 0) + np.maximum(y - high, 0)
    return np.asarray(high - low + 2 / alpha * missed, float)


def wis(y: np.ndarray, median: np.ndarray, bounds: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Weighted interval score: the mean of interval scores weighted by half their alpha, and of half the error.

    Parameters
    ----------
    y, median : float array (...)
        What came and the predictive median.
    bounds : float array (levels, 2, ...)
        Lower and upper bounds of central intervals.
    levels : sequence of float
        Coverage of the intervals in per cent, in the order of `bounds`.

    Returns
    -------
    float array (...)
        In the units of `y`; with ever more levels it comes to the CRPS.
    """
    total = np.abs(y - median) / 2
    for level, (low, high) in zip(levels, bounds, strict=True):
        total = total + (1 - level / 100) / 2 * interval_score(y, low, high, level)
    return np.asarray(total / (len(levels) + 0.5), float)


def pinball(y: np.ndarray, quantile: np.ndarray, probability: float | np.ndarray) -> np.ndarray:
    """Quantile score: `probability` times what came above, 1 - `probability` times what came below."""
    error = np.asarray(y, float) - quantile
    return np.maximum(probability * error, (probability - 1) * error)


def crps_quantiles(y: np.ndarray, quantiles: np.ndarray, probabilities: Sequence[float]) -> np.ndarray:
    """CRPS from quantiles: twice the quantile score, averaged over the probabilities.

    Each probability stands for those nearer to it than to its neighbours, so that levels that lie close together
    do not count more than those that stand alone.

    Parameters
    ----------
    y : float array (...)
        What came.
    quantiles : float array (k, ...)
        Quantiles of the predictive distribution.
    probabilities : sequence of float, length k
        Their probabilities, ascending, within (0, 1).

    Returns
    -------
    float array (...)
        In the units of `y`; an approximation from few quantiles is too small for values in the outer tails.
    """
    at = np.asarray(probabilities, float)
    if not (at.size and at.min() > 0 and at.max() < 1 and (np.diff(at) > 0).all()):
        raise ValueError("probabilities have to ascend and to lie within 0 and 1")
    share = np.diff(np.concatenate(([0.0], (at[1:] + at[:-1]) / 2, [1.0])))
    column = at.reshape(-1, *[1] * np.ndim(y))
    return np.asarray(2 * np.tensordot(share, pinball(y, quantiles, column), 1), float)


def crps_points(y: np.ndarray, points: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """CRPS of a distribution of weighted points, exactly: E|X - y| - E|X - X'| / 2.

    Parameters
    ----------
    y : float array (h,)
        What came.
    points : float array (k, h)
        Points of the predictive distribution of each step.
    weights : float array (k,), optional
        Their weights, summing to 1; equal by default.

    Returns
    -------
    float array (h,)
        In the units of `y`.
    """
    share = np.full(len(points), 1 / len(points)) if weights is None else np.asarray(weights, float)
    order = np.argsort(points, axis=0, kind="stable")
    ordered, shares = np.take_along_axis(points, order, axis=0), share[order]
    below_less_above = 2 * np.cumsum(shares, axis=0) - shares - 1
    distance = (share[:, None] * np.abs(points - y)).sum(axis=0)
    return np.asarray(distance - (shares * below_less_above * ordered).sum(axis=0), float)


def covered(y: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """1 where what came lies within the bounds (inclusive), 0 where it does not, NaN where nothing came."""
    value = np.asarray(y, float)
    return np.where(np.isnan(value), np.nan, (low <= value) & (value <= high))


def known_mean(values: np.ndarray) -> float:
    """Mean of the values that are not NaN; NaN if there are none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _changes(train: np.ndarray, lag: int) -> np.ndarray:
    values = np.asarray(train, float)
    return values[lag:] - values[:-lag]


def _positive_mean(values: np.ndarray) -> float:
    mean = known_mean(values)
    return mean if mean > 0 else float("nan")
