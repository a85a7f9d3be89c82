"""The forms of exponential smoothing: their likelihood, its maximum, their recursion.

The likelihood is that of statsmodels' ``ETSModel``, whose compiled recursion is used. For additive errors it is least
squares; for multiplicative ones it becomes so when the relative errors are multiplied by the geometric mean of the
one-step forecasts. Levenberg-Marquardt steps that keep within the bounds (Levenberg 1944, Marquardt 1963; Bertsekas
1982 for the projection) need about nine iterations, where a general optimiser needs fifty and more, and often stops
before the bounds on which many estimates lie.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.forecast.season import decompose

Residuals = Callable[[np.ndarray], np.ndarray]

LOW = np.array([1e-4, 1e-4, 1e-4, 0.8])
HIGH = np.array([1 - 1e-4, 1 - 1e-4, 1 - 1e-4, 0.98])
"""Bounds of alpha, beta as a share of alpha, gamma as a share of 1 - alpha, and phi: those of statsmodels."""

BEGIN = np.array([0.2, 0.1, 0.1, 0.9])
"""Where the search for them begins."""

ITERATIONS = 100
"""Of the search, at most."""

TOLERANCE = 1e-5
"""The search ends when an iteration lowers the sum of squares by less than this share."""

LEAST_DAMPED, MOST_DAMPED = 1e-7, 1e6
"""Range of the damping; where more does not lower the squares either, the search is at rest."""

TINY = 1e-12
"""Keeps equations solvable where a number has no effect."""

STEP = 1e-6
"""Of the numerical derivatives; data are of size one."""


@dataclass(frozen=True)
class Form:
    """One form of exponential smoothing; None stands for absent."""

    error: str
    trend: str | None
    damped: bool
    seasonal: str | None

    def __str__(self) -> str:
        letter = {None: "N", "add": "A", "mul": "M"}
        return letter[self.error] + letter[self.trend] + "d" * self.damped + letter[self.seasonal]


@dataclass(frozen=True, eq=False)
class Member:
    """A fitted form.

    Attributes
    ----------
    form : Form
    shares : float array (4,)
        Alpha, beta as a share of alpha, gamma as a share of 1 - alpha, phi; 0 and phi 1 where absent.
    states : float array (2 + m,)
        Level, trend and the season's last cycle, newest first, after the last value.
    squares : float
        Mean squared error, of relative errors for a form with multiplicative ones.
    nobs, parameters : int
        Values that it was fitted to, and what was estimated from them, the variance included.
    aicc : float
    """

    form: Form
    shares: np.ndarray
    states: np.ndarray
    squares: float
    nobs: int
    parameters: int
    aicc: float


class Errors:
    """One-step errors of a form as a function of free numbers, to be squared and minimised.

    The free numbers are alpha, beta, gamma and phi as far as the form has them (shares, as in ``Member``), and the
    initial states where they are estimated.
    """

    def __init__(self, y: np.ndarray, season: int, form: Form, start: str) -> None:
        from statsmodels.tsa.exponential_smoothing import _ets_smooth

        m = season if form.seasonal else 1
        self.y, self.relative = np.ascontiguousarray(y), form.error == "mul"
        self._smooth = _ets_smooth._ets_smooth_add_mul if form.seasonal == "mul" else _ets_smooth._ets_smooth_add_add
        trend, seasonal = bool(form.trend), bool(form.seasonal)
        used = np.flatnonzero([True, trend, seasonal, form.damped])
        states = np.flatnonzero([True, trend, *[seasonal] * (m - 1), False]) + 4
        self._free = np.r_[used, states] if start == "estimated" else used
        self._all = np.r_[0.0, 0.0, 0.0, 1.0, initial_states(y, m, form)]
        self._fixed = np.zeros(len(self._all), np.int64)
        self._mean, self._states = np.zeros(len(y)), np.zeros((len(y), 2 + m))
        unbounded = np.full(len(self._free) - len(used), np.inf)
        self.low, self.high = np.r_[LOW[used], -unbounded], np.r_[HIGH[used], unbounded]
        self.begin = np.r_[BEGIN[used], self._all[self._free[len(used) :]]]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Errors (n,) whose mean square is least where the likelihood is largest."""
        error = self.own(x)
        return error * np.exp(np.log(np.abs(self._mean)).mean()) if self.relative else error

    def own(self, x: np.ndarray) -> np.ndarray:
        """Errors (n,), relative to the one-step forecast for a form with multiplicative errors."""
        self._all[self._free] = x
        self._smooth(self._all, self.y, self._mean, self._states, self._fixed, self._all, True, True)
        error = self.y - self._mean
        return error / self._mean if self.relative else error

    @property
    def whole(self) -> np.ndarray:
        """Alpha, beta's and gamma's share, phi, and the states before the first value: of the last call."""
        return self._all.copy()

    @property
    def states(self) -> np.ndarray:
        """States after each value, shape (n, 2 + m): of the last call."""
        return self._states.copy()


def initial_states(y: np.ndarray, m: int, form: Form) -> np.ndarray:
    """Level, trend and season (newest first) before the first value, from a decomposition and a line.

    A season is only known up to a constant: of the first position it is 0, or 1 if multiplicative.
    """
    index = np.zeros(m)
    multiplicative = form.seasonal == "mul"
    if form.seasonal:
        season = decompose(y, m, multiplicative)
        y, index = season.adjust(y), season.indices[::-1]
    early = y[: max(10, m)]
    trend, level = np.polyfit(np.arange(1, len(early) + 1), early, 1) if form.trend else (0.0, early.mean())
    first = index[-1]
    if multiplicative:
        return np.r_[level * first, trend * first, index / first]
    return np.r_[level + first, trend, index - first]


def fit_form(y: np.ndarray, season: int, form: Form, start: str) -> Member | None:
    """Find the largest likelihood; None if the search does not come to rest or anything is not finite.

    Parameters
    ----------
    y : float array (n,)
        Of mean absolute value 1.
    season : int
    form : Form
    start : {"estimated", "decomposed"}
        Whether initial states are estimated or stay those of the decomposition.
    """
    errors = Errors(y, season, form, start)
    with np.errstate(all="ignore"):
        x = least_squares(errors, errors.begin, errors.low, errors.high)
        if x is None:
            return None
        squares, own = np.mean(errors(x) ** 2), float(np.mean(errors.own(x) ** 2))
        n, k = len(y), len(x) + 1
        aicc = float(n * (np.log(2 * np.pi * squares) + 1) + 2 * k * n / max(n - k - 1, 1))
    sound = np.isfinite([aicc, own, *errors.whole, *errors.states[-1]]).all()
    return Member(form, errors.whole[:4], errors.states[-1], own, n, k, aicc) if sound else None


def least_squares(errors: Residuals, x: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray | None:
    """The point within bounds where the squares of the errors are least; None if the search does not come to rest.

    Numbers at a bound that the gradient points out of are held there. A step is damped until it lowers the squares.
    """
    error = errors(x)
    damping = 1e-2
    for _ in range(ITERATIONS):
        slopes = jacobian(errors, x, error, high)
        gradient = slopes.T @ error
        free = ~((x <= low) & (gradient > 0) | (x >= high) & (gradient < 0))
        curvature = slopes[:, free].T @ slopes[:, free]
        if not np.isfinite(curvature).all():
            return None
        before = error @ error
        while damping < MOST_DAMPED:
            tried = x.copy()
            tried[free] -= downhill(curvature, gradient[free], damping)
            tried = np.clip(tried, low, high)
            error = errors(tried)
            if error @ error < before:
                break
            damping *= 4
        else:
            return x
        x, damping = tried, max(damping / 8, LEAST_DAMPED)
        if before - error @ error <= TOLERANCE * before:
            return x
    return None


def downhill(curvature: np.ndarray, gradient: np.ndarray, damping: float) -> np.ndarray:
    """Step against the gradient, damped in the units of each number; empty for none."""
    diagonal = np.diag(curvature) + TINY * (np.trace(curvature) + TINY)
    return np.linalg.solve(curvature + np.diag(damping * diagonal + TINY * diagonal.sum()), gradient)


def jacobian(errors: Residuals, x: np.ndarray, error: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Derivatives of the errors by forward differences, backward at an upper bound, shape (n, len(x))."""
    steps = np.where(x + STEP <= high, STEP, -STEP)
    return np.stack([(errors(x + step) - error) / step.sum() for step in np.diag(steps)], axis=1)


def recurse(member: Member, shocks: np.ndarray) -> np.ndarray:
    """Values (h, k) of the fitted recursion when these errors (h, k) come; relative ones of multiplicative forms."""
    alpha, beta, gamma, phi = member.shares
    times = member.form.seasonal == "mul"
    level, trend, *season = (np.full(shocks.shape[1], state) for state in member.states)
    values = np.empty_like(shocks)
    for t, shock in enumerate(shocks):
        index, before = season.pop(), level
        expected = level + phi * trend
        mean = expected * index if times else expected + index
        value = values[t] = mean * (1 + shock) if member.form.error == "mul" else mean + shock
        level = alpha * (value / index if times else value - index) + (1 - alpha) * expected
        trend = beta * (level - before) + (1 - beta) * phi * trend
        season.insert(0, gamma * (value / level if times else value - level) + (1 - gamma) * index)
    return values
