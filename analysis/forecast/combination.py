"""The combination of several forecasters with equal weights: the mean of their quantiles, with calibrated widths.

Averaging quantiles keeps the typical width of the members, where a mixture would add the distance between them.
Sample paths are those of the members in equal shares; at every step their order is kept and their values are moved
to the averaged distribution, so that paths agree with the quantiles and steps depend on each other as in the members.

The members' errors are normal and go on as they went. Those of real series have longer tails and now and then a
break: their distance from the median is therefore stretched, in the tails more than in the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from analysis.forecast.combine import Outlook, equal_points
from analysis.forecast.fitted import Fitted, Forecaster, refuse
from analysis.forecast.history import History, prepare
from analysis.forecast.naive import fit_naive

if TYPE_CHECKING:
    import pandas as pd

SIZE = 999
"""Quantiles that are averaged."""

SIMPLE = ("naive", "seasonal_naive")
"""Models that a member falls back to when it cannot be fitted: it is then left out."""

Widths = tuple[tuple[float, float], ...]
"""Pairs of a level in per cent and the factor on the width of its central interval, ascending."""

AS_THEY_ARE: Widths = ((80, 1.0),)

WIDTHS: Widths = ((80, 1.04), (95, 1.12))
"""Factors for monthly series: assumptions with ranges 1 to 1.13 and 1 to 1.27.

Fitted on the training parts of 120 series of M3 monthly (Makridakis & Hibon 2000) by seven rolling origins, 18 to 72
months before their ends, 18 steps each. There the plain combination covers 75.0 and 90.0 per cent, 77.1 and 91.8
without the two origins whose windows hold the turn of 1987; coverage would be exact with the upper ends of the
ranges, and WIS is flat within them. The median of the errors is as it should be, one window in sixteen loses half of
its steps at 95 per cent: tails and breaks, not the variance of the residuals. AutoETS, which covers 69.2 and 85.0 at
the three latest of these origins, was measured at 74.2 and 88.1 on the last 18 months of 86 series: widths for the
use at the end of longer histories need a third to a half of the stretch.
"""

WEEKLY: Widths = ((80, 0.95), (95, 1.04))
"""Factors for weekly series: assumptions with ranges 0.9 to 1.03 and 1 to 1.1.

Fitted on the training parts of 62 series of M4 weekly (Makridakis, Spiliotis & Assimakopoulos 2020) by thirteen
rolling origins, 13 to 52 weeks before their ends, 13 steps each: the plain average of ETS, Theta and the trio covers
81.7 and 94.4 per cent.
"""


@dataclass(eq=False)
class Combination:
    """Equal weights over the members that fitted.

    Attributes
    ----------
    name : str
        Under which it is registered.
    members : tuple of Forecaster
        What is combined.
    widths : Widths
        Factors on the widths of the averaged quantiles.
    """

    name: str
    members: tuple[Forecaster, ...]
    widths: Widths = AS_THEY_ARE

    @property
    def regressors(self) -> bool:
        """Whether a member uses regressors."""
        return any(member.regressors for member in self.members)

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        """Fit every member; without any that fitted, the naive forecast.

        Given regressors, only the members that use them are combined, and the note names the others.

        Raises
        ------
        ValueError
            If there is no finite value, or if regressors are given and no member uses them.
        """
        if not self.regressors:
            refuse(self.name, regressors)
        history = prepare(y, floor, regressors)
        used = [member for member in self.members if regressors is None or member.regressors]
        ignoring = [member.name for member in self.members if member not in used]
        regular = _regular(history)
        tried = {member.name: _fit(member, regular, floor, regressors) for member in used}
        fitted = [found for found in tried.values() if found.model not in SIMPLE]
        if not fitted:
            return fit_naive(history, tuple(_new(next(iter(tried.values())).note, history.notes)))
        left = [name for name, found in tried.items() if found.model in SIMPLE]
        notes = [*history.notes, *([f"left out: {', '.join(left)}"] if left else [])]
        if ignoring:
            notes += [f"left out, as they ignore regressors: {', '.join(ignoring)}"]
            notes += [note for found in fitted for note in _new(found.note, notes)]
        view, paths = partial(average, fitted, self.widths), partial(_paths, fitted, self.widths)
        return Fitted(self.name, history, view, "; ".join(notes), paths)


@dataclass(eq=False)
class Widened:
    """A forecaster with calibrated widths.

    Attributes
    ----------
    name : str
        Under which it is registered.
    member : Forecaster
    widths : Widths
        Factors on the widths of its quantiles.
    """

    name: str
    member: Forecaster
    widths: Widths

    @property
    def regressors(self) -> bool:
        """Whether the member uses regressors."""
        return self.member.regressors

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        """Fit the member; what it falls back to when it cannot be fitted keeps its widths."""
        if not self.regressors:
            refuse(self.name, regressors)
        fitted = _fit(self.member, y, floor, regressors)
        if fitted.model in SIMPLE:
            return fitted
        view, paths = partial(average, [fitted], self.widths), partial(_paths, [fitted], self.widths)
        return replace(fitted, model=self.name, outlook=view, paths=paths)


def _regular(history: History) -> pd.Series:
    """The history on its regular dates, missing where it was."""
    import pandas as pd

    return pd.Series(np.where(history.known, history.y, np.nan), index=history.dates)


def _fit(member: Forecaster, y: pd.Series, floor: float | None, regressors: pd.DataFrame | None) -> Fitted:
    return member.fit(y, floor) if regressors is None else member.fit(y, floor, regressors)


def _new(note: str, known: Sequence[str]) -> list[str]:
    """Sentences of a note that are not known yet."""
    return [sentence for sentence in note.split("; ") if sentence and sentence not in known]


def average(fitted: Sequence[Fitted], widths: Widths, h: int) -> Outlook:
    """Mean of the quantiles of several forecasts, at `SIZE` equal probabilities, stretched."""
    views = [each.outlook(h) for each in fitted]
    shares = (np.arange(SIZE) + 0.5) / SIZE
    points = np.mean([view.quantiles(shares.tolist()) for view in views], axis=0)
    return equal_points(np.mean([view.mean for view in views], axis=0), stretched(points, widths))


def stretched(points: np.ndarray, widths: Widths) -> np.ndarray:
    """Ascending quantiles (k, h) of equal probability with their distances from the median stretched.

    Between two levels the factor is linear in the normal score, below the lowest and above the highest it is theirs.
    """
    from scipy.special import ndtri

    levels, factors = np.array(widths).T
    scores = np.abs(ndtri((np.arange(len(points)) + 0.5) / len(points)))
    factor = np.interp(scores, ndtri(0.5 + levels / 200), factors)
    median = np.median(points, axis=0)
    return np.asarray(median + (points - median) * factor[:, None])


def _paths(fitted: Sequence[Fitted], widths: Widths, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    each = -(-paths // len(fitted))
    found = np.concatenate([member.draw(h, each, rng) for member in fitted])
    mixed = rng.permutation(found)[:paths]
    return moved(mixed, average(fitted, widths, h).points)


def moved(paths: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Paths with the order that they have at each step and the distribution of ``points`` (k, h)."""
    ranks = paths.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    shares = (np.arange(len(points)) + 0.5) / len(points)
    wanted = (ranks + 0.5) / len(paths)
    return np.column_stack([np.interp(w, shares, np.sort(p)) for w, p in zip(wanted.T, points.T, strict=True)])
