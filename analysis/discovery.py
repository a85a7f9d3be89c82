"""When does the plan fail: boxes of the swept keys in which failures gather, in words (PRIM, scenario discovery).

A box starts as the whole space. Peeling cuts off, again and again, the few per cent of its points at one end of one
key that raise the share of failures most per point; pasting gives back what was cut too much. Of all boxes on the way
the one is taken whose inside and outside differ most by likelihood. Limits that chance explains are dropped, and the
same search on shuffled failures tells how often noise alone looks as good. Further boxes are sought outside the first.

References
----------
Friedman, J. H. & Fisher, N. I. (1999). Bump hunting in high-dimensional data. Statistics and Computing 9, 123-143.
Bryant, B. P. & Lempert, R. J. (2010). Thinking inside the box. Technological Forecasting and Social Change 77, 34-49
    (coverage, density, quasi-p values).
Kulldorff, M. (1997). A spatial scan statistic. Communications in Statistics: Theory and Methods 26, 1481-1496.
Besag, J. & Clifford, P. (1991). Sequential Monte Carlo p-values. Biometrika 78, 301-304.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.boxes import Box, Discovery, Limit
from analysis.prim import LEAST, PEEL, Bounds, Side, boundary, inside, paste, peel

SIGNIFICANT = 0.05
"""Quasi-p of a limit, and p of a box, above which it is put down to chance."""

DRAWS, SHUFFLES = 999, 99
"""Random subsets for the quasi-p of a limit, shuffled searches for the p of a box."""

AS_GOOD = 10
"""Shuffled searches as good as the true one after which no more are made."""

ROUNDING = 1e-9
"""Sums of shares this close are equal."""

BOXES_MOST, CASES_LEAST = 3, 10
"""Boxes that are sought, and failures without which none is."""


def failures(
    results: pd.DataFrame, metric: str, *, below: float | None = None, above: float | None = None
) -> pd.Series:
    """Share of replications by point in which a metric is below or above a threshold.

    Parameters
    ----------
    results : DataFrame
        ``number``, ``replication``, ``metric``, ``value``: one scenario, one period.
    metric : str
        Which one.
    below, above : float, optional
        The threshold, exactly one of them.

    Returns
    -------
    Series
        By ``number``, over the replications in which the metric is defined; NaN where it is in none.

    Raises
    ------
    ValueError
        If there is not exactly one threshold, the metric has no rows, or a replication of a point several.
    """
    if (below is None) == (above is None):
        raise ValueError("a plan fails below or above a threshold: give one of them")
    rows = results[results["metric"] == metric]
    if rows.empty:
        raise ValueError(f"the results hold no metric {metric}")
    if rows.duplicated(["number", "replication"]).any():
        raise ValueError(f"{metric}: several values of one point and replication; choose a period and a scenario")
    failed = rows["value"] < below if below is not None else rows["value"] > above
    return failed.astype(float).where(rows["value"].notna()).groupby(rows["number"]).mean()


def discover(
    points: pd.DataFrame, failed: pd.Series, keys: Sequence[str], rng: np.random.Generator | None = None
) -> Discovery:
    """Boxes of the keys in which failures gather.

    Parameters
    ----------
    points : DataFrame
        ``number`` and a column per key, numbers or words; from a sample that fills the space (Latin hypercube,
        Sobol, a grid).
    failed : Series
        By ``number``, 0 to 1 (``failures``); points that it lacks, or that are NaN, are left out.
    keys : sequence of str
        Keys in which limits are sought.
    rng : Generator, optional
        For shuffles and random parts; the same by default at every call.

    Returns
    -------
    Discovery
        At most three boxes. None if fewer than ten points fail, or fewer than ten do not.

    Raises
    ------
    ValueError
        If a key has no column, a value is missing, or a share is not within 0 and 1.
    """
    if rng is None:
        rng = np.random.default_rng(1999)
    y = points["number"].map(failed).to_numpy(float)
    known = ~np.isnan(y)
    if ((y[known] < 0) | (y[known] > 1)).any():
        raise ValueError("the share of replications that fail lies within 0 and 1")
    space = _Space(points[known], keys)
    boxes, stopped = _cover(space, y[known], rng)
    return Discovery(tuple(boxes), int(known.sum()), float(y[known].sum()), stopped)


class _Space:
    """Keys of a design as numbers: a key of words becomes one column of 0 and 1 for each of its values."""

    def __init__(self, points: pd.DataFrame, keys: Sequence[str]) -> None:
        columns: list[np.ndarray] = []
        self.names: list[tuple[str, str | None]] = []
        for key in keys:
            if key not in points or points[key].isna().any():
                raise ValueError(f"{key} has no value at some point")
            if pd.api.types.is_numeric_dtype(points[key]) and not pd.api.types.is_bool_dtype(points[key]):
                columns.append(points[key].to_numpy(float))
                self.names.append((key, None))
                continue
            words = points[key].astype(str).to_numpy()
            for word in np.unique(words):
                columns.append((words == word).astype(float))
                self.names.append((key, str(word)))
        self.x = np.column_stack(columns) if columns else np.empty((len(points), 0))

    def words(self, key: str, held: np.ndarray, x: np.ndarray) -> tuple[str, ...]:
        """Values of a key of words that some of the points have."""
        places = [place for place, (name, _) in enumerate(self.names) if name == key]
        return tuple(str(self.names[place][1]) for place in places if x[held, place].any())


def _cover(space: _Space, y: np.ndarray, rng: np.random.Generator) -> tuple[list[Box], str]:
    boxes: list[Box] = []
    left = np.ones(len(y), dtype=bool)
    while len(boxes) < BOXES_MOST:
        if min(y[left].sum(), (1 - y[left]).sum()) < CASES_LEAST:
            return boxes, f"fewer than {CASES_LEAST} points fail, or fewer than that do not"
        box, held = _box(space, y, left, rng)
        if box is None:
            return boxes, "no limit that chance does not explain"
        if box.p > SIGNIFICANT:
            return boxes, f"a further box is no better than chance (p = {box.p:.2f})"
        boxes.append(box)
        left &= ~held
    return boxes, f"{BOXES_MOST} boxes, more are not sought"


def _box(space: _Space, y: np.ndarray, left: np.ndarray, rng: np.random.Generator) -> tuple[Box | None, np.ndarray]:
    """The best box among the points that are left, and the points in it."""
    x, own = space.x[left], y[left]
    least = max(2, math.ceil(LEAST * len(y)))
    found, best = peel(x, own, PEEL, least)
    bounds, quasi = _simplified(x, own, paste(x, own, found, PEEL), rng)
    if not quasi:
        return None, np.zeros(len(y), dtype=bool)
    p = _p(best, (peel(x, rng.permutation(own), PEEL, least)[1] for _ in range(SHUFFLES)))
    held = np.zeros(len(y), dtype=bool)
    held[left] = inside(x, bounds)
    limits = tuple(sorted(_limits(space, x, bounds, quasi), key=lambda limit: limit.quasi_p))
    shares = float(y[held].sum() / y.sum()), float(y[held].mean()), float(held.mean())
    return Box(limits, *shares, int(held.sum()), float(own.mean()), p), held


def _p(best: float, shuffled: Iterable[float]) -> float:
    """Share of shuffled searches that look as good, which end early once ten of them do."""
    as_good = drawn = 0
    for score in shuffled:
        drawn += 1
        as_good += score >= best - ROUNDING
        if as_good == AS_GOOD:
            return as_good / drawn
    return (1 + as_good) / (1 + drawn)


def _simplified(
    x: np.ndarray, y: np.ndarray, bounds: Bounds, rng: np.random.Generator
) -> tuple[Bounds, dict[Side, float]]:
    """The box without limits that chance explains, and the quasi-p by (side, column) of those that stay."""
    while True:
        quasi = {side: _quasi_p(x, y, bounds, side, rng) for side in bounds.sides()}
        worst = max(quasi, key=lambda side: quasi[side], default=None)
        if worst is None or quasi[worst] <= SIGNIFICANT:
            return bounds, quasi
        bounds = bounds.without(worst)


def _quasi_p(x: np.ndarray, y: np.ndarray, bounds: Bounds, side: Side, rng: np.random.Generator) -> float:
    wider = inside(x, bounds.without(side))
    held, values = inside(x, bounds), y[wider]
    size = int(held.sum())
    if size == len(values):
        return 1.0
    shares, counts = np.unique(values, return_counts=True)
    drawn = rng.multivariate_hypergeometric(counts, size, DRAWS) @ shares
    return (1 + int(np.sum(drawn >= y[held].sum() - ROUNDING))) / (1 + DRAWS)


def _limits(space: _Space, x: np.ndarray, bounds: Bounds, quasi: dict[Side, float]) -> list[Limit]:
    """Limits key by key; a bound that moves out to a round number does so before the next one is looked at."""
    limits: dict[str, Limit] = {}
    for side, p in quasi.items():
        key, word = space.names[side[1]]
        before = limits.get(key, Limit(key, -math.inf, math.inf, (), 0.0))
        known = replace(before, quasi_p=max(p, before.quasi_p))
        if word is None:
            edge = boundary(x, bounds, side)
            bounds = bounds.moved(side, float(np.nextafter(edge, math.inf if side[0] == 0 else -math.inf)))
            limits[key] = replace(known, low=edge) if side[0] == 0 else replace(known, high=edge)
        else:
            limits[key] = replace(known, values=space.words(key, inside(x, bounds), x))
    return list(limits.values())
