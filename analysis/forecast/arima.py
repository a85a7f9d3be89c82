"""ARIMA with a small grid of orders, chosen by AICc.

Differences come first: a seasonal one where the seasonal strength of an STL decomposition is above
``SEASONAL``, an ordinary one where the KPSS test rejects a stationary level (Hyndman & Athanasopoulos,
Forecasting: principles and practice, 3rd ed., sections 9.1 and 9.7). Orders are then compared on the same
differenced values, as AICc of other data say nothing: the whole grid by conditional sum of squares, the best few
by exact likelihood. The plain random walk is one of them.

The ladder: estimates from conditional starting values; from those of statsmodels; the next order; the naive
forecast. Every step down is noted.

With regressors it is a regression whose errors are such a model, differenced on both sides. Effects are estimated by
maximum likelihood together with the orders' coefficients, and their uncertainty, given the latter, is part of the
predictive variance. Errors whose moving average is all but a unit root are left out: they would let effects seem
known almost exactly.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.forecast.combine import Outlook, normal
from analysis.forecast.effects import (
    UNUSED,
    Effects,
    Influences,
    effects,
    influences,
    left_out,
    said,
    unused,
)
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
    errors,
    mean_of,
    on_edge,
    parts,
    penalty,
    shortlist,
    sides,
    taken,
)
from analysis.forecast.regressors import telling
from analysis.forecast.space import covariance, root, through, unexpected

if TYPE_CHECKING:
    import pandas as pd

BEYOND = 100.0
"""Forecasts that run away so far are left out."""

INSIDE = 0.98
"""Factor on the inverse roots of starting values."""

NOISE = 1e-10
"""Errors below this share of the mean absolute value are rounding."""


OPTIMISER = {"disp": False, "cov_type": "none", "maxiter": 50}
"""How likelihoods are maximised."""


@dataclass(frozen=True, eq=False)
class Member:
    """A fitted model of the differences.

    Attributes
    ----------
    orders : Orders
    past : Past
    mean : float
        Mean of the differences, without the influences.
    variance : float
        Of the residuals.
    aicc : float
    results : results of statsmodels, or None
        State space form of what mean and influences leave; None if that is white.
    effects : Effects or None
        Of the influences, and of the constant if there is a mean.
    """

    orders: Orders
    past: Past
    mean: float
    variance: float
    aicc: float
    results: Any = None
    effects: Effects | None = None

    def __str__(self) -> str:
        o, past = self.orders, self.past
        seasonal = f"({o.P},{past.D},{o.Q})[{past.season}]" if past.season > 1 else ""
        return f"({o.p},{past.d},{o.q}){seasonal}" + " with mean" * o.mean


class Arima:
    """The ARIMA model of lowest AICc in a small grid."""

    name = "arima"
    regressors = True

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        """Fit to a series indexed by date; never fails on a series with one finite value."""
        history = prepare(y, floor, regressors)
        return unused(history, plain(history)) or fit_best(history)


def fit_best(history: History) -> Fitted:
    """Difference, rank the grid, fit the finalists; naive if none is usable."""
    scale = float(np.mean(np.abs(history.y)))
    past, known = changes(history, scale)
    members, failed = finalists(past)
    notes = left_out(history, known) + ((f"not usable: {', '.join(failed)}",) if failed else ())
    if not members:
        return fit_naive(history, notes + UNUSED * (known is not None))
    best = min(members, key=lambda m: m.aicc)
    if best.variance == 0:
        notes += ("no noise so far: no width can be estimated",)
    if known is not None and best.effects is not None:
        notes += said(best.effects, known.names, scale / known.size, best.variance)
    note, model = "; ".join(history.notes + notes), Model(best, scale, known)
    return Fitted(Arima.name, history, partial(outlook, model), note, partial(sample, model))


def finalists(past: Past) -> tuple[list[Member], list[str]]:
    """The best orders, fitted, and names of those that failed; a regression has white errors if all did."""
    failed: list[str] = []
    members = [m for orders in shortlist(past) if (m := fit_orders(past, orders, failed)) is not None]
    if not members and past.z is not None:
        members = [white(past, Orders(0, 0, 0, 0, mean=past.d + past.D == 0))]
    return members, failed


def changes(history: History, scale: float) -> tuple[Past, Influences | None]:
    """Differences of a history and of the influences that can still be told apart after differencing."""
    known = influences(history)
    past = differenced(history.y / scale, history.season, None if known is None else known.past)
    if known is None or past.z is None:
        return past, None
    kept = telling(past.z, np.ones((len(past.w), 1)))
    return replace(past, z=past.z[:, kept] if kept else None), known.only(kept)


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
    found = None if past.z is None else effects(None, past.w, sides(past, orders)[:, 1:])
    e = remainder(past, orders, found)
    squares = float(np.mean(e**2))
    squares = squares if squares > NOISE**2 else 0.0
    variance = squares * correction(len(e), parameters(past, orders))
    criterion = aicc(squares, len(e), orders, parameters(past, orders) - sum(orders.counts) - orders.mean)
    return Member(orders, past, level(past, orders, found), variance, criterion, None, found)


def parameters(past: Past, orders: Orders) -> int:
    """Number of coefficients: of the orders, the mean and the influences."""
    return sum(orders.counts) + orders.mean + (0 if past.z is None else past.z.shape[1])


def level(past: Past, orders: Orders, found: Effects | None) -> float:
    """Mean of the differences; with influences, the coefficient of the constant, which is the last."""
    if found is None:
        return mean_of(past, orders)
    return float(found.coefficients[-1]) if orders.mean else 0.0


def remainder(past: Past, orders: Orders, found: Effects | None) -> np.ndarray:
    """What the mean and the influences leave of the differences."""
    return centred(past, orders) if found is None else past.w - sides(past, orders)[:, 1:] @ found.coefficients


def fit_exact(past: Past, orders: Orders, start: np.ndarray | None) -> Member | None:
    """Maximise the likelihood of the differences; None if that did not converge to finite numbers."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            fit = likeliest if past.z is None else regressed
            results, found, converged = fit(past, orders, start)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return None
    n, k = len(past.w), parameters(past, orders)
    criterion = -2 * results.llf + penalty(n, k + 1)
    sound = converged and np.isfinite([criterion, results.scale, *results.params]).all()
    variance = float(results.scale) * correction(n, k)
    return Member(orders, past, level(past, orders, found), variance, criterion, results, found) if sound else None


def likeliest(past: Past, orders: Orders, start: np.ndarray | None) -> tuple[Any, None, bool]:
    """The model of the centred differences, no effects, and whether the optimiser converged."""
    model = sarimax(centred(past, orders), orders, past.season)
    results = model.fit(start_params=None if start is None else inner(start, orders), **OPTIMISER)
    return results, None, results.mle_retvals["converged"]


def regressed(past: Past, orders: Orders, start: np.ndarray | None) -> tuple[Any, Effects, bool]:
    """The model of what the influences leave, their effects, and whether the optimiser converged."""
    whole = sides(past, orders)
    y, columns, guess = whole[:, 0], whole[:, 1:], None
    if start is not None:
        errors_of = errors(whole, start, orders, past.season)
        guess = np.r_[effects(None, errors_of[:, 0], errors_of[:, 1:]).coefficients, inner(start, orders)]
    joint = sarimax(y, orders, past.season, columns).fit(start_params=guess, **OPTIMISER)
    own = sarimax(y, orders, past.season).filter(joint.params[columns.shape[1] :], cov_type="none")
    found = effects(own, y, columns)
    sound = joint.mle_retvals["converged"] and not on_edge(own.params, orders)
    return through(own, y - columns @ found.coefficients), found, sound


def sarimax(e: np.ndarray, orders: Orders, season: int, columns: np.ndarray | None = None) -> Any:
    """The state space form of statsmodels."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    p, q, P, Q = orders.counts
    seasonal = (P, 0, Q, season if P or Q else 0)
    return SARIMAX(e, exog=columns, order=(p, 0, q), seasonal_order=seasonal, concentrate_scale=True)


def inner(coefficients: np.ndarray, orders: Orders) -> np.ndarray:
    """Coefficients whose roots are moved away from the unit circle, where no optimiser can start."""
    return np.concatenate([part * INSIDE ** np.arange(1, len(part) + 1) for part in parts(coefficients, orders)])


def runs_away(member: Member) -> bool:
    """Whether two cycles ahead nine of ten paths do not stay within ``BEYOND`` times all that was seen.

    Differences of the influences are taken as zero.
    """
    h = 2 * max(member.past.season, 6)
    mean, unit = expected(member, h), unit_covariance(member, h)
    far = np.abs(mean[-1]) + 1.645 * np.sqrt(member.variance * unit[-1, -1])
    return not far <= BEYOND * np.abs(member.past.y).max()


# Forecasts


@dataclass(frozen=True, eq=False)
class Model:
    """The chosen member, the unit in which it counts, and the influences that it uses."""

    member: Member
    scale: float
    known: Influences | None = None

    def ahead(self, h: int) -> np.ndarray | None:
        """Differences of the influences, and the constant, over the next `h` steps; None without influences."""
        if self.known is None:
            return None
        past = self.member.past
        whole = taken(np.vstack([self.known.past, self.known.ahead(h)]), past.d, past.D, past.season)
        return np.column_stack([whole[-h:], np.ones((h, int(self.member.orders.mean)))])


def outlook(model: Model, h: int) -> Outlook:
    """Normal predictive distributions, in the units of the data."""
    ahead = model.ahead(h)
    sd = np.sqrt(model.member.variance * np.diag(unit_covariance(model.member, h, ahead)))
    return normal(expected(model.member, h, ahead) * model.scale, sd * model.scale)


def sample(model: Model, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    """Sample paths from the joint distribution of the next steps, shape (paths, h)."""
    ahead = model.ahead(h)
    mixing = root(unit_covariance(model.member, h, ahead))
    shocks = rng.standard_normal((paths, h)) @ mixing * np.sqrt(model.member.variance)
    return (expected(model.member, h, ahead) + shocks) * model.scale


def expected(member: Member, h: int, ahead: np.ndarray | None = None) -> np.ndarray:
    """Means of the next `h` values: those of the differences, added up from the last values."""
    from scipy.signal import lfilter, lfiltic

    past, steps = member.past, np.full(h, member.mean)
    if member.results is not None:
        steps = steps + np.asarray(member.results.forecast(h))
    if member.effects is not None and ahead is not None:
        k = ahead.shape[1] - member.orders.mean
        steps = steps + ahead[:, :k] @ member.effects.coefficients[:k]
    poly = past.difference
    before = lfiltic([1.0], poly, past.y[::-1][: len(poly) - 1])
    return np.asarray(lfilter([1.0], poly, steps, zi=before)[0])


def unit_covariance(member: Member, h: int, ahead: np.ndarray | None = None) -> np.ndarray:
    """Covariance of the errors of the next `h` values for residuals of variance 1, shape (h, h).

    The state at the end is uncertain and every step adds a shock; effects are uncertain by as much of the influences
    as the model does not expect; differences are added up.
    """
    from scipy.linalg import toeplitz
    from scipy.signal import lfilter

    each = covariance(member.results, h)
    if member.effects is not None and ahead is not None:
        surprise = unexpected(member.results, sides(member.past, member.orders)[:, 1:], ahead)
        each = each + surprise @ member.effects.covariance @ surprise.T
    added = lfilter([1.0], member.past.difference, np.eye(h)[0])
    total = np.tril(toeplitz(added))
    return np.asarray(total @ each @ total.T)
