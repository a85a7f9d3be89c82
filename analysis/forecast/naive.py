"""The benchmarks that need no model: what was a cycle ago, or what was last.

The variance of a random walk grows with the number of steps, that of a seasonal one with the number of
cycles (Hyndman & Athanasopoulos, Forecasting: principles and practice, 3rd ed., section 5.5).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from analysis.forecast.combine import Outlook, normal
from analysis.forecast.fitted import Fitted, refuse
from analysis.forecast.history import History, prepare

if TYPE_CHECKING:
    import pandas as pd

MIN_HISTORY = 10
"""Shorter series are forecast naively."""


class SeasonalNaive:
    """The value of the same season one cycle ago; with less than two cycles, the last value."""

    name = "seasonal_naive"
    regressors = False

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        """Fit to a series indexed by date; never fails on a series with one finite value; refuses regressors."""
        refuse(self.name, regressors)
        return fit_naive(prepare(y, floor))


def fit_naive(history: History, reasons: tuple[str, ...] = ()) -> Fitted:
    """The seasonal naive forecast if the history holds two cycles, the last value otherwise.

    Parameters
    ----------
    history : History
    reasons : tuple of str
        Why a better model was not used.
    """
    seasonal = history.season > 1 and len(history.y) >= 2 * history.season
    lag = history.season if seasonal else 1
    notes = [*history.notes, *reasons]
    if history.season > 1 and not seasonal:
        notes.append("under two cycles: the last value is carried forward")
    if history.constant:
        notes.append("constant so far: no width can be estimated")
    model = SeasonalNaive.name if seasonal else "naive"
    return Fitted(model, history, partial(walk, history.y, lag), "; ".join(notes), partial(walks, history.y, lag))


def plain(history: History) -> Fitted | None:
    """The naive forecast of a history that is too short for a model or constant, None for any other."""
    if len(history.y) < MIN_HISTORY:
        return fit_naive(history, (f"only {len(history.y)} value{'s' if len(history.y) > 1 else ''}",))
    return fit_naive(history) if history.constant else None


def walk(y: np.ndarray, lag: int, h: int) -> Outlook:
    """Outlook of the random walk at distance `lag`; its spread is that of the past differences."""
    step = np.arange(h)
    return normal(y[len(y) - lag + step % lag], _spread(y, lag) * np.sqrt(step // lag + 1))


def walks(y: np.ndarray, lag: int, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    """Sample paths of the same walk, shape (paths, h): every season walks on its own."""
    step = np.arange(h)
    shocks = rng.standard_normal((paths, h)) * _spread(y, lag)
    for place in range(lag, h):
        shocks[:, place] += shocks[:, place - lag]
    return y[len(y) - lag + step % lag] + shocks


def _spread(y: np.ndarray, lag: int) -> float:
    changes = y[lag:] - y[:-lag]
    return float(np.sqrt(np.mean(changes**2))) if len(changes) else 0.0
