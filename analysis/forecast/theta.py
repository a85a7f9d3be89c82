"""The Theta method: simple smoothing of seasonally adjusted data with half their linear trend.

The forecast is the mean of two lines: the least-squares trend, extrapolated, and the simple smoothing of the
"theta = 2" line, which doubles the distances of the data from that trend (Assimakopoulos & Nikolopoulos 2000, The
theta model). It is simple exponential smoothing with a drift of half the slope (Hyndman & Billah 2003, Unmasking the
Theta method), whose variance h steps ahead is sigma^2 (1 + (h-1) alpha^2). That variance is used here; the prediction
intervals of statsmodels' ThetaModel are two to four times as wide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from analysis.forecast.smoothing import DAMPED, HOLT, SES, Smooth, Smoothing, smooth


class Theta(Smoothing):
    """Theta with seasonal adjustment and the variance of smoothing with drift."""

    name = "theta"

    def candidates(self, adjusted: np.ndarray, others: int) -> Iterator[tuple[str, Smooth, float]]:
        """Theta alone."""
        yield self.name, drift(adjusted, others), 1.0


class ThetaTrio(Smoothing):
    """Theta and the smoothing trio with equal weights, on one seasonal adjustment: no likelihood, no optimiser."""

    name = "theta_trio"
    forms = (SES, HOLT, DAMPED)

    def candidates(self, adjusted: np.ndarray, others: int) -> Iterator[tuple[str, Smooth, float]]:
        """Theta weighs as much as the three others together."""
        yield Theta.name, drift(adjusted, others), float(len(self.forms))
        yield from super().candidates(adjusted, others)


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
