"""The patient rule induction method: a box is peeled down to where a response is high, and pasted back.

References
----------
Friedman, J. H. & Fisher, N. I. (1999). Bump hunting in high-dimensional data. Statistics and Computing 9, 123-143.
Kulldorff, M. (1997). A spatial scan statistic. Communications in Statistics: Theory and Methods 26, 1481-1496.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

PEEL = 0.05
"""Share of the points in the box that a step takes off or gives back; .05 to .1 in Friedman & Fisher."""

LEAST = 0.05
"""Share of all points that a box has at least."""

Side = tuple[int, int]
"""0 for the low and 1 for the high side, and the column."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """A box: the least and the largest value in it by column, infinite where it is open.

    Attributes
    ----------
    values : float array, shape (2, columns)
        Values on the bounds are in the box.
    """

    values: np.ndarray

    def sides(self) -> list[Side]:
        """Sides that are bounded."""
        return [(int(side), int(place)) for side, place in np.argwhere(np.isfinite(self.values))]

    def without(self, side: Side) -> Bounds:
        """The box with one side open."""
        return self.moved(side, -math.inf if side[0] == 0 else math.inf)

    def moved(self, side: Side, value: float) -> Bounds:
        """The box with one side elsewhere."""
        values = self.values.copy()
        values[side] = value
        return Bounds(values)


def everything(columns: int) -> Bounds:
    """The box without limits."""
    return Bounds(np.repeat([[-math.inf], [math.inf]], columns, axis=1))


def inside(x: np.ndarray, bounds: Bounds) -> np.ndarray:
    """Which points are in a box, bool array of shape (points,)."""
    return np.asarray(((x >= bounds.values[0]) & (x <= bounds.values[1])).all(axis=1))


def likelihood(y: np.ndarray, held: np.ndarray) -> float:
    """Logarithm of the likelihood ratio that the response is higher inside a box than outside it.

    Parameters
    ----------
    y : float array, shape (points,)
        0 to 1.
    held : bool array, shape (points,)
        Points in the box.

    Returns
    -------
    float
        Of two Bernoulli shares against one (Kulldorff), 0 where the inside is not higher or is everything.
    """
    n, m = len(y), int(held.sum())
    cases, own = float(y.sum()), float(y[held].sum())
    if not 0 < m < n or own * n <= cases * m:
        return 0.0
    return _bernoulli(own, m) + _bernoulli(cases - own, n - m) - _bernoulli(cases, n)


def peel(x: np.ndarray, y: np.ndarray, share: float, least: int) -> tuple[Bounds, float]:
    """Box of the largest likelihood on the way from the whole space to the smallest box.

    Parameters
    ----------
    x : float array, shape (points, columns)
        Where the points are.
    y : float array, shape (points,)
        0 to 1.
    share : float
        Part of the points in the box that a step takes off, more where values are tied.
    least : int
        Points that a box has at least.

    Returns
    -------
    tuple of Bounds and float
        The box and its logarithm of the likelihood ratio; the whole space and 0 if none is better.
    """
    bounds = best = everything(x.shape[1])
    found, rows = 0.0, np.arange(len(y))
    while (step := _cut(x[rows], y[rows], share, least)) is not None:
        side, kept = step
        rows = rows[kept]
        own = x[rows, side[1]]
        bounds = bounds.moved(side, float(own.min() if side[0] == 0 else own.max()))
        held = np.zeros(len(y), dtype=bool)
        held[rows] = True
        if (score := likelihood(y, held)) > found:
            best, found = bounds, score
    return best, found


def paste(x: np.ndarray, y: np.ndarray, bounds: Bounds, share: float) -> Bounds:
    """The box enlarged, side after side, as long as its likelihood grows.

    Parameters are those of ``peel``; a step gives back ``share`` of the points in the box, more where values are tied.
    """
    best = likelihood(y, inside(x, bounds))
    while True:
        wider = [_given_back(x, bounds, side, share) for side in bounds.sides()]
        scores = [likelihood(y, inside(x, box)) for box in wider]
        if not scores or max(scores) <= best:
            return bounds
        best = max(scores)
        bounds = wider[int(np.argmax(scores))]


def boundary(x: np.ndarray, bounds: Bounds, side: Side) -> float:
    """The shortest number between the outermost value in the box and the nearest one beyond it, infinite if open.

    Beyond are points that only this side keeps out. The number may equal the value beyond, never the one inside: the
    box is what lies strictly within.
    """
    if math.isinf(bounds.values[side]):
        return float(bounds.values[side])
    sign = 1.0 if side[0] == 0 else -1.0
    own = sign * x[inside(x, bounds.without(side)), side[1]]
    edge = sign * float(bounds.values[side])
    beyond, within = own[own < edge], own[own >= edge]
    if not (beyond.size and within.size):
        return sign * (edge if beyond.size else -math.inf)
    return sign * _shortest(float(beyond.max()), float(within.min())) + 0.0  # not -0


def _bernoulli(cases: float, n: int) -> float:
    parts = (cases / n, 1 - cases / n)
    return n * sum(part * math.log(part) for part in parts if part > 0)


def _cut(x: np.ndarray, y: np.ndarray, share: float, least: int) -> tuple[Side, np.ndarray] | None:
    """Side whose end is cut off, and which points stay; None if no cut leaves enough."""
    n, k = len(y), math.ceil(share * len(y))
    if n - k < least or not x.shape[1]:
        return None
    ordered = np.sort(x, axis=0)
    kept = np.stack([x > ordered[k - 1], x < ordered[n - k]])
    counts = kept.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = (y @ kept.astype(float) / counts - y.mean()) / (n - counts)
    gain[counts < least] = -math.inf
    side, place = np.unravel_index(int(np.argmax(gain)), gain.shape)
    if math.isinf(gain[side, place]):
        return None
    return (int(side), int(place)), kept[side, :, place]


def _given_back(x: np.ndarray, bounds: Bounds, side: Side, share: float) -> Bounds:
    """The box with the points next to one side added; open if there are no more."""
    sign = 1.0 if side[0] == 0 else -1.0
    beyond = inside(x, bounds.without(side)) & (sign * x[:, side[1]] < sign * bounds.values[side])
    k = math.ceil(share * int(inside(x, bounds).sum()))
    if beyond.sum() <= k:
        return bounds.without(side)
    nearest = np.sort(sign * x[beyond, side[1]])[-k]
    return bounds.moved(side, float(sign * nearest))


def _shortest(low: float, high: float) -> float:
    """Number of the fewest decimal digits that is at least ``low`` and below ``high``."""
    for power in range(math.ceil(math.log10(max(abs(low), abs(high), high - low))), -16, -1):
        step = 10.0**power
        found = float(round((math.ceil(high / step) - 1) * step, max(0, -power)))
        if low <= found < high:
            return found
    return low
