"""The Theta method: simple smoothing of seasonally adjusted data with half their linear trend.

The forecast is the mean of two lines: the least-squares trend, extrapolated, and the simple smoothing of the
"theta = 2" line, which doubles the distances of the data from that trend (Assimakopoulos & Nikolopoulos 2000, The
theta model). It is simple exponential smoothing with a drift of half the slope (Hyndman & Billah 2003, Unmasking the
Theta method), whose variance h steps ahead is sigma^2 (1 + (h-1) alpha^2). That variance is used here; the prediction
intervals of statsmodels' ThetaModel are two to four times as wide.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.forecast.fitted import Fitted
from analysis.forecast.history import History, prepare
from analysis.forecast.naive import fit_naive, plain
from analysis.forecast.season import season_of
from analysis.forecast.smoothing import SES, Average, Smooth, explodes, fitted, smooth

if TYPE_CHECKING:
    import pandas as pd


class Theta:
    """Theta with seasonal adjustment and the variance of smoothing with drift."""

    name = "theta"

    def fit(self, y: pd.Series, floor: float | None = None) -> Fitted:
        """Fit to a series indexed by date; never fails on a series with one finite value."""
        history = prepare(y, floor)
        return plain(history) or fit_theta(history)


def fit_theta(history: History) -> Fitted:
    """Adjust, smooth, put the season back; the naive forecast if the result runs away."""
    season = season_of(history.y, history.season)
    average = Average([drift(season.adjust(history.y), season.parameters)], season, len(history.y))
    if explodes(average, history):
        return fit_naive(history, ("theta runs away",))
    return fitted(Theta.name, history, average)


def drift(y: np.ndarray, others: int = 0) -> Smooth:
    """Simple smoothing with a drift of half the least-squares slope, for data without a season.

    Parameters
    ----------
    y : float array (n,)
    others : int
        Number of parameters, besides the slope, that were taken out of the data before.
    """
    half = slope(y) / 2
    level = smooth(y - half * np.arange(len(y)), SES, others + 1)
    return replace(level, phi=1.0, trend=half, level=level.level + half * (len(y) - 1))


def slope(y: np.ndarray) -> float:
    """Least-squares slope on time."""
    time = np.arange(len(y)) - (len(y) - 1) / 2
    return float(time @ (y - y.mean()) / (time @ time))
