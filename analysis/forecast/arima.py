"""ARIMA with a small grid of orders, chosen by AICc.

Differences come first: a seasonal one where the seasonal strength of an STL decomposition is above
``SEASONAL``, an ordinary one where the KPSS test rejects a stationary level (Hyndman & Athanasopoulos,
Forecasting: principles and practice, 3rd ed., sections 9.1 and 9.7). Orders are then compared on the same
differenced values, as AICc of other data say nothing: the whole grid by conditional sum of squares, the best few
by exact likelihood. The plain random walk is one of them.

The ladder: estimates from conditional starting values; from those of statsmodels; the next order; the naive
forecast. Every step down is noted.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.forecast.combine import Outlook, normal
from analysis.forecast.ets import correction
from analysis.forecast.fitted import Fitted
from analysis.forecast.history import History, prepare
from analysis.forecast.naive import fit_naive, plain
from analysis.forecast.orders import (
    Orders,
    Past,
    aicc,
    centred,
    conditional,
    differenced,
    mean_of,
    penalty,
    shortlist,
)

if TYPE_CHECKING:
    import pandas as pd

BEYOND = 100.0
"""Forecasts that run away so far are left out."""

INSIDE = 0.98
"""Factor on the inverse roots of starting values."""

NOISE = 1e-10
"""Errors below this share of the mean absolute value are rounding."""


@dataclass(frozen=True, eq=False)
class Member:
    """A fitted model of the differences: mean, residual variance, AICc, and its state space form (None: white)."""

    orders: Orders
    past: Past
    mean: float
    variance: float
    aicc: float
    results: Any = None

    def __str__(self) -> str:
        o, past = self.orders, self.past
        seasonal = f"({o.P},{past.D},{o.Q})[{past.season}]" if past.season > 1 else ""
        return f"({o.p},{past.d},{o.q}){seasonal}" + " with mean" * o.mean


class Arima:
    """The ARIMA model of lowest AICc in a small grid."""

    name = "arima"

    def fit(self, y: pd.Series, floor: float | None = None) -> Fitted:
        """Fit to a series indexed by date; never fails on a series with one finite value."""
        history = prepare(y, floor)
        return plain(history) or fit_best(history)


def fit_best(history: History) -> Fitted:
    """Difference, rank the grid, fit the finalists; naive if none is usable."""
    scale = float(np.mean(np.abs(history.y)))
    past = differenced(history.y / scale, history.season)
    failed: list[str] = []
    members = [m for orders in shortlist(past) if (m := fit_orders(past, orders, failed)) is not None]
    notes: tuple[str, ...] = (f"not usable: {', '.join(failed)}",) if failed else ()
    if not members:
        return fit_naive(history, notes)
    best = min(members, key=lambda m: m.aicc)
    if best.variance == 0:
        notes += ("no noise so far: no width can be estimated",)
    note = "; ".join(history.notes + notes)
    return Fitted(Arima.name, history, partial(outlook, best, scale), note, partial(sample, best, scale))


# Estimates


def fit_orders(past: Past, orders: Orders, failed: list[str]) -> Member | None:
    """Fit by exact likelihood; None, and its name in `failed`, if nothing converged or the forecast runs away."""
    if not any(orders.counts):
        return white(past, orders)
    start = conditional(past, orders)[0]
    for guess in (start, None):
        member = fit_exact(past, orders, guess)
        if member is not None and not runs_away(member):
            return member
    failed.append(str(Member(orders, past, 0, 0, 0)))
    return None


def white(past: Past, orders: Orders) -> Member:
    """The model whose differences are independent: a random walk, a seasonal one, or noise about a mean."""
    e = centred(past, orders)
    squares = float(np.mean(e**2))
    squares = squares if squares > NOISE**2 else 0.0
    variance = squares * correction(len(e), sum(orders.counts) + orders.mean)
    return Member(orders, past, mean_of(past, orders), variance, aicc(squares, len(e), orders))


def fit_exact(past: Past, orders: Orders, start: np.ndarray | None) -> Member | None:
    """Maximise the likelihood of the differences; None if that did not converge to finite numbers."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    e = centred(past, orders)
    p, q, P, Q = orders.counts
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            seasonal = (P, 0, Q, past.season if P or Q else 0)
            model = SARIMAX(e, order=(p, 0, q), seasonal_order=seasonal, concentrate_scale=True)
            guess = None if start is None else inner(start, orders)
            results = model.fit(start_params=guess, disp=False, cov_type="none", maxiter=50)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return None
    criterion = -2 * results.llf + penalty(len(e), sum(orders.counts) + orders.mean + 1)
    sound = results.mle_retvals["converged"] and np.isfinite([criterion, results.scale, *results.params]).all()
    variance = float(results.scale) * correction(len(e), sum(orders.counts) + orders.mean)
    return Member(orders, past, mean_of(past, orders), variance, criterion, results) if sound else None


def inner(coefficients: np.ndarray, orders: Orders) -> np.ndarray:
    """Coefficients whose roots are moved away from the unit circle, where no optimiser can start."""
    parts = np.split(coefficients, np.cumsum(orders.counts)[:-1])
    return np.concatenate([part * INSIDE ** np.arange(1, len(part) + 1) for part in parts])


def runs_away(member: Member) -> bool:
    """Whether two cycles ahead nine of ten paths do not stay within ``BEYOND`` times all that was seen."""
    h = 2 * max(member.past.season, 6)
    mean, unit = expected(member, h), unit_covariance(member, h)
    far = np.abs(mean[-1]) + 1.645 * np.sqrt(member.variance * unit[-1, -1])
    return not far <= BEYOND * np.abs(member.past.y).max()


# Forecasts


def outlook(member: Member, scale: float, h: int) -> Outlook:
    """Normal predictive distributions, in the units of the data."""
    sd = np.sqrt(member.variance * np.diag(unit_covariance(member, h)))
    return normal(expected(member, h) * scale, sd * scale)


def sample(member: Member, scale: float, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    """Sample paths from the joint distribution of the next steps, shape (paths, h)."""
    root = np.linalg.cholesky(unit_covariance(member, h))
    shocks = rng.standard_normal((paths, h)) @ root.T * np.sqrt(member.variance)
    return (expected(member, h) + shocks) * scale


def expected(member: Member, h: int) -> np.ndarray:
    """Means of the next `h` values: those of the differences, added up from the last values."""
    from scipy.signal import lfilter, lfiltic

    past, ahead = member.past, np.zeros(h)
    if member.results is not None:
        ahead = np.asarray(member.results.forecast(h))
    poly = past.difference
    before = lfiltic([1.0], poly, past.y[::-1][: len(poly) - 1])
    return np.asarray(lfilter([1.0], poly, ahead + member.mean, zi=before)[0])


def unit_covariance(member: Member, h: int) -> np.ndarray:
    """Covariance of the errors of the next `h` values for residuals of variance 1, shape (h, h).

    The state at the end is uncertain and every step adds a shock; differences are added up.
    """
    from scipy.linalg import toeplitz
    from scipy.signal import lfilter

    added = lfilter([1.0], member.past.difference, np.eye(h)[0])
    total = np.tril(toeplitz(added))
    return np.asarray(total @ _of_differences(member.results, h) @ total.T)


def _of_differences(results: Any, h: int) -> np.ndarray:
    from scipy.linalg import toeplitz

    if results is None:
        return np.eye(h)
    space = results.model.ssm
    transition, shock = space["transition"], space["selection"][:, 0]
    rows = [space["design"][0]]
    for _ in range(h - 1):
        rows.append(rows[-1] @ transition)
    seen = np.array(rows)
    shocks = np.tril(toeplitz(np.r_[0.0, (seen @ shock)[:-1]]))
    return np.asarray(seen @ (results.predicted_state_cov[..., -1] / results.scale) @ seen.T + shocks @ shocks.T)
