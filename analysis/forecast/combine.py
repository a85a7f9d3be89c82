"""Predictive distributions as weighted points, and the quantiles of their mixture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LUMPIEST = 3.0
"""Standard deviation over mean beyond which a mean near the floor is taken for the end of a fall and not believed; a
normal distribution about the floor that is cut there has 1.46. Assumption; [1.5, 5]."""

HURDLE = 0.05
"""Share below the floor from which a distribution has the shape of a hurdle model; convention."""


@dataclass(frozen=True, eq=False)
class Outlook:
    """What a model expects of the next steps.

    Attributes
    ----------
    mean : float array (h,)
    points : float array (k, h)
        Points of the predictive distribution of each step.
    weights : float array (k,)
        Their weights, summing to 1.
    """

    mean: np.ndarray
    points: np.ndarray
    weights: np.ndarray

    def quantiles(self, probabilities: Sequence[float]) -> np.ndarray:
        """Quantiles of every step, shape (len(probabilities), h)."""
        return np.column_stack([weighted_quantiles(column, self.weights, probabilities) for column in self.points.T])


def equal_points(mean: np.ndarray, points: np.ndarray) -> Outlook:
    """An outlook whose points weigh alike."""
    return Outlook(mean, points, np.full(len(points), 1 / len(points)))


def normal(mean: np.ndarray, sd: np.ndarray, size: int = 999) -> Outlook:
    """Normal predictive distributions, as `size` points of equal probability."""
    from scipy.special import ndtri

    scores = ndtri((np.arange(size) + 0.5) / size)
    return equal_points(mean, mean + scores[:, None] * sd)


def mixture(outlooks: Sequence[Outlook], weights: Sequence[float]) -> Outlook:
    """The mixture of several outlooks: its spread holds the noise within and the distance between them."""
    shares = np.asarray(weights, float) / np.sum(weights)
    return Outlook(
        np.average([o.mean for o in outlooks], axis=0, weights=shares),
        np.concatenate([o.points for o in outlooks]),
        np.concatenate([o.weights * share for o, share in zip(outlooks, shares, strict=True)]),
    )


def floored(outlook: Outlook, floor: float) -> Outlook:
    """The outlook of a series that can never fall below `floor`; see ``lifted``."""
    low = outlook.points.min(axis=0) < floor
    mean, points = outlook.mean.copy(), outlook.points.copy()
    for step in np.flatnonzero(low):
        points[:, step] = lifted(points[:, step], outlook.weights, mean[step], floor)
        mean[step] = outlook.weights @ points[:, step]
    return Outlook(mean, points, outlook.weights)


def lifted(values: np.ndarray, weights: np.ndarray, mean: float, floor: float) -> np.ndarray:
    """Weighted values in their order, none below the floor, with the mean and the spread that they had.

    Parameters
    ----------
    values, weights : float arrays (k,)
        The weights sum to 1.
    mean : float
        What the result has as its mean; a distribution that lies so low that its standard deviation is more than
        `LUMPIEST` times its mean has that share of the deviation.
    floor : float

    Notes
    -----
    Cutting alone would raise the mean: the longer the tail below, the more. So what lies below is at the floor, and
    what lies above is drawn towards a gamma distribution that restores mean and variance: a hurdle model, the usual
    shape of a sum that is zero in many months (Duan et al. 1983, A comparison of alternative models for the demand
    for medical care). Where less than `HURDLE` lies below, the shape is on the way from the one to the other.
    """
    above = values > floor
    share = weights[above].sum()
    if share == 0:
        return np.full(len(values), floor)
    excess = values - floor
    spread = np.sqrt(np.maximum(weights @ (excess - weights @ excess) ** 2, 0.0))
    wanted = max(mean - floor, spread / LUMPIEST) / share
    variance = (spread**2 + (wanted * share) ** 2) / share - wanted**2
    own, parts = excess[above], weights[above] / share
    shaped = gamma_points(own, parts, wanted, max(variance, 0.01 * wanted**2))
    part = min(1.0, (1 - share) / HURDLE)
    drawn = part * shaped + (1 - part) * own
    found = np.full(len(values), float(floor))
    found[above] += drawn * wanted / (parts @ drawn)
    return found


def gamma_points(values: np.ndarray, weights: np.ndarray, mean: float, variance: float) -> np.ndarray:
    """Quantiles of a gamma distribution at the ranks of weighted values, in their order."""
    from scipy.special import gammaincinv

    order = np.argsort(values, kind="stable")
    ranks = np.empty(len(values))
    ranks[order] = np.cumsum(weights[order]) - weights[order] / 2
    return np.asarray(gammaincinv(mean**2 / variance, ranks) * variance / mean)


def weighted_quantiles(values: np.ndarray, weights: np.ndarray, probabilities: Sequence[float]) -> np.ndarray:
    """Quantiles of weighted values, linear between the mid-points of their cumulative weights."""
    order = np.argsort(values, kind="stable")
    share = weights[order]
    return np.interp(probabilities, np.cumsum(share) - share / 2, values[order])
