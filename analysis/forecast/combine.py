"""Predictive distributions as weighted points, and the quantiles of their mixture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


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
    """The outlook of a series that can never fall below `floor`."""
    return Outlook(np.maximum(outlook.mean, floor), np.maximum(outlook.points, floor), outlook.weights)


def weighted_quantiles(values: np.ndarray, weights: np.ndarray, probabilities: Sequence[float]) -> np.ndarray:
    """Quantiles of weighted values, linear between the mid-points of their cumulative weights."""
    order = np.argsort(values, kind="stable")
    share = weights[order]
    return np.interp(probabilities, np.cumsum(share) - share / 2, values[order])
