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

EDGE = 0.95
"""Inverse roots of moving averages above which effects would be estimated with too small a standard error."""

SPARE = 4
"""Values that a model needs besides one for each of its parameters."""


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
    """A series, its differences taken, and the polynomial of the differences.

    Attributes
    ----------
    y : float array (n,)
    w : float array (n - d - D season,)
        Its differences.
    d, D : int
        How often differences were taken, at lag 1 and at lag `season`.
    season : int
    z : float array (len(w), k), optional
        The same differences of known influences.
    """

    y: np.ndarray
    w: np.ndarray
    d: int
    D: int
    season: int
    z: np.ndarray | None = None

    @property
    def difference(self) -> np.ndarray:
        """Coefficients of (1 - B)^d (1 - B^m)^D."""
        plain = np.array([1.0, -1.0]) if self.d else np.ones(1)
        return np.convolve(plain, lagged(np.array([-1.0]), self.season)) if self.D else plain


# Differences


def differenced(y: np.ndarray, season: int, x: np.ndarray | None = None) -> Past:
    """Take the differences that the data ask for; cycles that are too long or too few are not modelled.

    With known influences `x` (n, k) it is what they leave unexplained, by least squares, that asks for differences,
    and both sides of the regression are differenced alike.
    """
    m = season if season <= MAX_SEASON and len(y) >= 2 * season + 2 else 1
    rest = y if x is None else unexplained(y, x)
    D = int(m > 1 and seasonal_strength(rest, m) > SEASONAL)
    w = change(rest, m) if D else rest
    d = int(np.ptp(w) > 0 and kpss(w) > KPSS)
    return Past(y, taken(y, d, D, m), d, D, m, None if x is None else taken(x, d, D, m))


def unexplained(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Residuals of the least-squares regression on a constant and `x` (n, k)."""
    whole = np.column_stack([np.ones(len(y)), x])
    return np.asarray(y - whole @ np.linalg.lstsq(whole, y)[0])


def taken(values: np.ndarray, d: int, D: int, season: int) -> np.ndarray:
    """Differences along the first axis: seasonal ones, then ordinary ones."""
    seasonal = change(values, season) if D else values
    return change(seasonal, 1) if d else seasonal


def change(values: np.ndarray, lag: int) -> np.ndarray:
    """Changes along the first axis over `lag` steps."""
    return np.asarray(values[lag:] - values[:-lag])


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
    others = 0 if past.z is None else past.z.shape[1]
    means = {0: (True,), 1: (True, False), 2: (False,)}[past.d + past.D]
    for (P, Q), (p, q), mean in product(seasonal, plain, means):
        if p + q + P + Q + mean + SPARE + others < len(past.w):
            yield Orders(p, q, P, Q, mean)


def shortlist(past: Past) -> list[Orders]:
    """The best orders by the AICc of their conditional sum of squares."""
    return sorted(grid(past), key=partial(rank, past))[:FINALISTS]


def rank(past: Past, orders: Orders) -> float:
    """AICc of the conditional sum of squares; infinite for a regression whose errors are near the edge."""
    coefficients, criterion = conditional(past, orders)
    return np.inf if past.z is not None and on_edge(coefficients, orders) else criterion


def on_edge(coefficients: np.ndarray, orders: Orders) -> bool:
    """Whether a moving average is nearly not invertible, as after one difference too many."""
    _, plain, _, seasonal = parts(coefficients, orders)
    roots = np.r_[np.abs(np.roots(np.r_[1.0, plain])), np.abs(seasonal)]
    return bool((roots > EDGE).any())


def conditional(past: Past, orders: Orders) -> tuple[np.ndarray, float]:
    """Coefficients that minimise the sum of squared errors given zeros before the start, and their AICc.

    The effects of known influences are those of least squares at every trial.
    """
    from scipy.optimize import leastsq

    e, others = (centred(past, orders), 0) if past.z is None else (sides(past, orders), past.z.shape[1])
    x = np.zeros(sum(orders.counts))
    if len(x) and e.any():
        x = leastsq(_trial, x, args=(e, orders, past.season), ftol=1e-6, xtol=1e-5, full_output=True)[0]
    squares = float(np.mean(_trial(x, e, orders, past.season) ** 2))
    return admissible(x, orders), aicc(squares, len(e), orders, others)


def sides(past: Past, orders: Orders) -> np.ndarray:
    """The differences and, as further columns, those of the influences and a constant if there is a mean."""
    assert past.z is not None
    constant = np.ones((len(past.w), int(orders.mean)))
    return np.column_stack([past.w, past.z, constant])


def _trial(x: np.ndarray, e: np.ndarray, orders: Orders, season: int) -> np.ndarray:
    """Errors at unbounded coefficients `x`; of several columns, those of the first on the others."""
    found = errors(e, admissible(x, orders), orders, season)
    return found if found.ndim == 1 else residuals(found)


def residuals(columns: np.ndarray) -> np.ndarray:
    """What the other columns leave of the first, by least squares."""
    others = columns[:, 1:]
    return np.asarray(columns[:, 0] - others @ np.linalg.lstsq(others, columns[:, 0])[0])


def admissible(x: np.ndarray, orders: Orders) -> np.ndarray:
    """Coefficients that are stationary and invertible, from unbounded numbers."""
    ar, ma, sar, sma = parts(x, orders)
    return np.concatenate([stationary(ar), -stationary(ma), stationary(sar), -stationary(sma)])


def stationary(x: np.ndarray) -> np.ndarray:
    """Autoregressive coefficients whose partial autocorrelations are x / sqrt(1 + x^2) (Monahan 1984)."""
    partial = x / np.sqrt(1 + x * x)
    found = partial[:1]
    for r in partial[1:]:
        found = np.concatenate([found - r * found[::-1], [r]])
    return found


def errors(e: np.ndarray, coefficients: np.ndarray, orders: Orders, season: int) -> np.ndarray:
    """One-step errors of centred values along the first axis, taking everything before the first as zero."""
    from scipy.signal import lfilter

    ar, ma, sar, sma = parts(coefficients, orders)
    return np.asarray(lfilter(product_of(-ar, -sar, season), product_of(ma, sma, season), e, axis=0))


def parts(coefficients: np.ndarray, orders: Orders) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Autoregressive and moving average coefficients, plain and seasonal, as `Orders` counts them."""
    p, q, P, _ = orders.counts
    return coefficients[:p], coefficients[p : p + q], coefficients[p + q : p + q + P], coefficients[p + q + P :]


def product_of(plain: np.ndarray, seasonal: np.ndarray, season: int) -> np.ndarray:
    """The polynomial (1 + c1 B + ...)(1 + C1 B^season + ...), where there is at most one seasonal term."""
    k = len(plain)
    found = np.zeros(k + len(seasonal) * season + 1)
    found[0], found[1 : k + 1] = 1, plain
    if len(seasonal):
        found[season] += seasonal[0]
        found[season + 1 : season + k + 1] += seasonal[0] * plain
    return found


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


def aicc(squares: float, n: int, orders: Orders, others: int = 0) -> float:
    """AICc of Gaussian errors with mean square `squares` and `others` more parameters; minus infinity for none."""
    k = sum(orders.counts) + orders.mean + 1 + others
    return n * (np.log(2 * np.pi * squares) + 1) + penalty(n, k) if squares > 0 else -np.inf


def penalty(n: int, k: int) -> float:
    """What AICc adds for `k` parameters."""
    return 2 * k * n / (n - k - 1)
