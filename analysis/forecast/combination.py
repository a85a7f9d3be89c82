"""The combination of several forecasters with equal weights: the mean of their quantiles.

Averaging quantiles keeps the typical width of the members, where a mixture would add the distance between them.
Sample paths are those of the members in equal shares; at every step their order is kept and their values are moved
to the averaged distribution, so that paths agree with the quantiles and steps depend on each other as in the members.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from analysis.forecast.combine import Outlook, equal_points
from analysis.forecast.fitted import Fitted, Forecaster
from analysis.forecast.history import prepare
from analysis.forecast.naive import fit_naive

if TYPE_CHECKING:
    import pandas as pd

SIZE = 999
"""Quantiles that are averaged."""

SIMPLE = ("naive", "seasonal_naive")
"""Models that a member falls back to when it cannot be fitted: it is then left out."""


@dataclass(eq=False)
class Combination:
    """Equal weights over the members that fitted.

    Attributes
    ----------
    name : str
        Under which it is registered.
    members : tuple of Forecaster
        What is combined.
    """

    name: str
    members: tuple[Forecaster, ...]

    def fit(self, y: pd.Series, floor: float | None = None) -> Fitted:
        """Fit every member; without any that fitted, the naive forecast."""
        history = prepare(y, floor)
        tried = {member.name: member.fit(y, floor) for member in self.members}
        fitted = [found for found in tried.values() if found.model not in SIMPLE]
        if not fitted:
            first = next(iter(tried.values()))
            return fit_naive(history, tuple(n for n in [first.note] if n and n not in history.notes))
        left = [name for name, found in tried.items() if found.model in SIMPLE]
        notes = [*history.notes, *([f"left out: {', '.join(left)}"] if left else [])]
        return Fitted(self.name, history, partial(average, fitted), "; ".join(notes), partial(_paths, fitted))


def average(fitted: Sequence[Fitted], h: int) -> Outlook:
    """Mean of the quantiles of several forecasts, at `SIZE` equal probabilities."""
    views = [each.outlook(h) for each in fitted]
    shares = (np.arange(SIZE) + 0.5) / SIZE
    points = np.mean([view.quantiles(shares.tolist()) for view in views], axis=0)
    return equal_points(np.mean([view.mean for view in views], axis=0), points)


def _paths(fitted: Sequence[Fitted], h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    each = -(-paths // len(fitted))
    found = np.concatenate([member.simulate(h, each, rng) for member in fitted])
    mixed = rng.permutation(found)[:paths]
    return moved(mixed, average(fitted, h).points)


def moved(paths: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Paths with the order that they have at each step and the distribution of ``points`` (k, h)."""
    ranks = paths.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    shares = (np.arange(len(points)) + 0.5) / len(points)
    wanted = (ranks + 0.5) / len(paths)
    return np.column_stack([np.interp(w, shares, np.sort(p)) for w, p in zip(wanted.T, points.T, strict=True)])
