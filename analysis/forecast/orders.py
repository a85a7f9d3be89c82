"""Orders of ARIMA models: how often to difference, which orders to try, and the best few by conditional squares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np

MAX_SEASON = 24
"""Longer cycles would need too large a state."""

SEASONAL = 0.64
"""Seasonal strength from which a seasonal difference is taken (Wang, Smith & Hyndman 2006)."""

KPSS = 0.463
"""Critical value of the KPSS test of a stationary level at 5 per cent."""

FINALISTS = 3
"""Orders whose exact likelihood is maximised."""


@dataclass(frozen=True)
class Orders:
    """Orders of one model: autoregressive and moving average, plain and seasonal, and whether there is a mean."""

    p: int
    q: int
    P: int
    Q: int
    mean: bool

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Numbers of coefficients, in the order in which statsmodels holds them."""
        return self.p, self.q, self.P, self.Q


@dataclass(frozen=True)
class Past:
    """A series, its differences taken, and the polynomial of the differences."""

    y: np.ndarray
    w: np.ndarray
    d: int
    D: int
    season: int

    @property
    def difference(self) -> np.ndarray:
        """Coefficients of (1 - B)^d (1 - B^m)^D."""
        plain = np.array([1.0, -1.0]) if self.d else np.ones(1)
        return np.convolve(plain, lagged(np.array([-1.0]), self.season)) if self.D else plain


# Differences


def differenced(y: np.ndarray, season: int) -> Past:
    """Take the differences that the data ask for; cycles that are too long or too few are not modelled."""
    m = season if season <= MAX_SEASON and len(y) >= 2 * season + 2 else 1
    D = int(m > 1 and seasonal_strength(y, m) > SEASONAL)
    w = y[m:] - y[:-m] if D else y
    d = int(np.ptp(w) > 0 and kpss(w) > KPSS)
    return Past(y, np.diff(w) if d else w, d, D, m)


def seasonal_strength(y: np.ndarray, season: int) -> float:
    """Share of the detrended variance that is seasonal, in [0, 1]."""
    from statsmodels.tsa.seasonal import STL

    parts = STL(y, period=season, seasonal=11).fit()
    spread = np.var(parts.seasonal + parts.resid)
    return float(max(0.0, 1 - np.var(parts.resid) / spread)) if spread > 0 else 0.0


def kpss(w: np.ndarray) -> float:
    """Statistic of Kwiatkowski, Phillips, Schmidt & Shin (1992) for a stationary level, Bartlett weights."""
    n = len(w)
    e = w - w.mean()
    lags = int(3 * np.sqrt(n) / 13)
    covariances = [e[lag:] @ e[: n - lag] / n for lag in range(lags + 1)]
    bartlett = [1.0, *(2 * (1 - lag / (lags + 1)) for lag in range(1, lags + 1))]
    long_run = float(np.dot(bartlett, covariances))
    return float(np.sum(np.cumsum(e) ** 2) / n**2 / long_run) if long_run > 0 else 0.0


# Orders


def grid(past: Past) -> Iterator[Orders]:
    """Small orders; a mean wherever no difference was taken, tried both ways after one, never after two."""
    seasonal = product((0, 1), (0, 1)) if past.season > 1 else [(0, 0)]
    plain = [(p, q) for p, q in product(range(3), range(3)) if p + q <= 3]
    means = {0: (True,), 1: (True, False), 2: (False,)}[past.d + past.D]
    for (P, Q), (p, q), mean in product(seasonal, plain, means):
        if p + q + P + Q + mean + 4 < len(past.w):
            yield Orders(p, q, P, Q, mean)


def shortlist(past: Past) -> list[Orders]:
    """The best orders by the AICc of their conditional sum of squares."""
    return sorted(grid(past), key=lambda orders: conditional(past, orders)[1])[:FINALISTS]


def conditional(past: Past, orders: Orders) -> tuple[np.ndarray, float]:
    """Coefficients that minimise the sum of squared errors given zeros before the start, and their AICc."""
    from scipy.optimize import least_squares

    e = centred(past, orders)
    x = np.zeros(sum(orders.counts))
    if len(x) and e.any():
        model = partial(_errors_of, e=e, orders=orders, season=past.season)
        x = least_squares(model, x, method="lm", ftol=1e-6, xtol=1e-5).x
    coefficients = admissible(x, orders)
    squares = float(np.mean(errors(e, coefficients, orders, past.season) ** 2))
    return coefficients, aicc(squares, len(e), orders)


def _errors_of(x: np.ndarray, e: np.ndarray, orders: Orders, season: int) -> np.ndarray:
    return errors(e, admissible(x, orders), orders, season)


def admissible(x: np.ndarray, orders: Orders) -> np.ndarray:
    """Coefficients that are stationary and invertible, from free numbers."""
    parts = np.split(x, np.cumsum(orders.counts)[:-1])
    return np.concatenate([stationary(part) * sign for part, sign in zip(parts, (1, -1, 1, -1), strict=True)])


def stationary(x: np.ndarray) -> np.ndarray:
    """Autoregressive coefficients whose partial autocorrelations are x / sqrt(1 + x^2) (Monahan 1984)."""
    found = np.zeros(0)
    for r in x / np.sqrt(1 + x**2):
        found = np.append(found - r * found[::-1], r)
    return found


def errors(e: np.ndarray, coefficients: np.ndarray, orders: Orders, season: int) -> np.ndarray:
    """One-step errors of centred values, taking everything before the first as zero."""
    from scipy.signal import lfilter

    ar, ma, sar, sma = np.split(coefficients, np.cumsum(orders.counts)[:-1])
    top = np.convolve(lagged(-ar, 1), lagged(-sar, season))
    return lfilter(top, np.convolve(lagged(ma, 1), lagged(sma, season)), e)


def lagged(coefficients: np.ndarray, step: int) -> np.ndarray:
    """The polynomial 1 + c1 B^step + c2 B^(2 step) + ..."""
    found = np.zeros(len(coefficients) * step + 1)
    found[0], found[step::step] = 1, coefficients
    return found


def mean_of(past: Past, orders: Orders) -> float:
    """Mean of the differences if the model has one, 0 otherwise."""
    return float(past.w.mean()) if orders.mean else 0.0


def centred(past: Past, orders: Orders) -> np.ndarray:
    """The differences less their mean if the model has one."""
    return past.w - mean_of(past, orders)


def aicc(squares: float, n: int, orders: Orders) -> float:
    """AICc of Gaussian errors with mean square `squares`; minus infinity for none."""
    k = sum(orders.counts) + orders.mean + 1
    return n * (np.log(2 * np.pi * squares) + 1) + penalty(n, k) if squares > 0 else -np.inf


def penalty(n: int, k: int) -> float:
    """What AICc adds for `k` parameters."""
    return 2 * k * n / (n - k - 1)
