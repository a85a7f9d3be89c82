"""Small counts: Poisson or negative binomial about a log-linear level, trend and season.

The rate of a month is exp(level + trend + season); season is a Fourier series, and the trend is damped ahead, as an
exponential one soon leaves all that was seen. Forms are compared by AICc. The variance is that of the Poisson
distribution, mu, or of the negative binomial one, mu + a mu^2 (Cameron & Trivedi, Regression analysis of count data,
2nd ed., section 3.3). Forecasts hold the uncertainty of the coefficients, drawn from their asymptotic distribution;
one draw is shared by all steps of a path. Counts are never negative and whole.

The ladder: forms that do not converge or run away are left out; without any, and for series that are no small
counts, the naive forecast. Every step down is noted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from analysis.forecast.combine import Outlook, equal_points
from analysis.forecast.ets import normal_scores
from analysis.forecast.fitted import Fitted
from analysis.forecast.history import History, prepare
from analysis.forecast.naive import fit_naive, plain

if TYPE_CHECKING:
    import pandas as pd

SMALL = 30.0
"""Counts with a larger mean are near enough to continuous for the other models."""

DAMPING = 0.9
"""Factor on the trend at every step ahead."""

STEPS = 50
"""Newton steps after which a form counts as not converged."""

BEYOND = 10.0
"""Forms whose counts run away so far beyond the largest seen are left out."""


@dataclass(frozen=True)
class Form:
    """Pairs of Fourier terms, whether there is a trend, whether the counts vary more than Poisson ones."""

    pairs: int
    trend: bool
    dispersed: bool

    def __str__(self) -> str:
        family = "negative binomial" if self.dispersed else "Poisson"
        return family + " with trend" * self.trend + f", {self.pairs} Fourier pairs" * bool(self.pairs)


@dataclass(frozen=True, eq=False)
class Member:
    """A fitted form: coefficients (k,), their covariance, dispersion a (0: Poisson), AICc, length of its past."""

    form: Form
    coefficients: np.ndarray
    covariance: np.ndarray
    dispersion: float
    aicc: float
    n: int
    season: int


class Counts:
    """Poisson or negative binomial regression of small counts on time, of lowest AICc."""

    name = "counts"

    def fit(self, y: pd.Series, floor: float | None = None) -> Fitted:
        """Fit to a series indexed by date; never fails on a series with one finite value."""
        history = prepare(y, floor)
        if (simple := plain(history)) is not None:
            return simple
        if reason := no_small_counts(np.asarray(y, float)):
            return fit_naive(history, (reason,))
        return fit_best(history)


def no_small_counts(y: np.ndarray) -> str:
    """Why the finite values are no small counts; empty if they are."""
    known = y[np.isfinite(y)]
    if known.min() < 0:
        return "no counts: negative values"
    if (known != np.round(known)).any():
        return "no counts: values that are not whole"
    return f"no small counts: their mean is above {SMALL:g}" if known.mean() > SMALL else ""


def fit_best(history: History) -> Fitted:
    """Fit every form to the counts, interpolated ones rounded, and take the one of lowest AICc."""
    y = np.round(history.y)
    tried = {form: fit_form(y, history.season, form) for form in forms(len(y), history.season)}
    sound = [m for m in tried.values() if m is not None and not runs_away(m, y.max())]
    failed = [str(form) for form in tried if form not in {m.form for m in sound}]
    notes = (f"not usable: {'; '.join(failed)}",) if failed else ()
    if not sound:
        return fit_naive(history, notes)
    best = min(sound, key=lambda m: m.aicc)
    note = "; ".join(history.notes + notes)
    return Fitted(Counts.name, history, partial(outlook, best), note, partial(sample, best))


def forms(n: int, season: int) -> Iterator[Form]:
    """The forms that `n` values admit; seasonal ones need two cycles."""
    most = min(2, (season - 1) // 2) if n >= 2 * season + 2 else 0
    for pairs, trend, dispersed in product(range(most + 1), (False, True), (False, True)):
        yield Form(pairs, trend, dispersed)


def design(form: Form, n: int, season: int, h: int = 0) -> np.ndarray:
    """Regressors of the past (n, k), or of the next `h` steps (h, k).

    Time runs from -1 to 0 over the past, and ahead slows down by ``DAMPING`` at every step.
    """
    step = np.arange(n, n + h) if h else np.arange(n)
    ahead = np.cumsum(DAMPING ** np.arange(1, h + 1)) / n
    angles = 2 * np.pi * np.outer(step, np.arange(1, form.pairs + 1)) / season
    columns = [np.ones((len(step), 1)), np.cos(angles), np.sin(angles)]
    if form.trend:
        columns.append((ahead if h else (step - n + 1) / n)[:, None])
    return np.hstack(columns)


# Estimates


def fit_form(y: np.ndarray, season: int, form: Form) -> Member | None:
    """Maximise the likelihood of one form; None if that did not converge or the counts are not dispersed."""
    from scipy.optimize import minimize_scalar

    x = design(form, len(y), season)
    a = 0.0
    with np.errstate(all="ignore"):
        if form.dispersed:
            found = minimize_scalar(partial(_profile, y=y, x=x), bounds=(np.log(1e-4), np.log(20)), method="bounded")
            a = float(np.exp(found.x))
        b = coefficients(y, x, a)
        return None if b is None else _member(y, x, b, (form, a, season))


def _profile(log_a: float, y: np.ndarray, x: np.ndarray) -> float:
    a = float(np.exp(log_a))
    b = coefficients(y, x, a)
    return np.inf if b is None else -log_likelihood(y, np.exp(x @ b), a)


def _member(y: np.ndarray, x: np.ndarray, b: np.ndarray, how: tuple[Form, float, int]) -> Member | None:
    form, a, season = how
    mu = np.exp(x @ b)
    k, n = x.shape[1] + form.dispersed, len(y)
    if n - k - 1 <= 0:
        return None
    covariance = np.linalg.inv(information(x, mu, a))
    aicc = -2 * log_likelihood(y, mu, a) + 2 * k * n / (n - k - 1)
    finite = np.isfinite(covariance).all() and np.isfinite(aicc)
    return Member(form, b, covariance, a, float(aicc), n, season) if finite else None


def coefficients(y: np.ndarray, x: np.ndarray, a: float) -> np.ndarray | None:
    """Maximum likelihood estimates for dispersion `a` by Fisher scoring; None if it did not converge."""
    b = np.zeros(x.shape[1])
    b[0] = np.log(y.mean())
    for _ in range(STEPS):
        mu = np.exp(x @ b)
        try:
            step = np.linalg.solve(information(x, mu, a), x.T @ ((y - mu) / (1 + a * mu)))
        except np.linalg.LinAlgError:
            return None
        b = b + np.clip(step, -2, 2)
        if not np.isfinite(b).all():
            return None
        if np.abs(step).max() < 1e-8:
            return b
    return None


def information(x: np.ndarray, mu: np.ndarray, a: float) -> np.ndarray:
    """Expected information on the coefficients."""
    return np.asarray(x.T @ (x * (mu / (1 + a * mu))[:, None]))


def log_likelihood(y: np.ndarray, mu: np.ndarray, a: float) -> float:
    """Logarithm of the probability of the counts."""
    from scipy.stats import nbinom, poisson

    found = nbinom.logpmf(y, 1 / a, 1 / (1 + a * mu)) if a else poisson.logpmf(y, mu)
    return float(np.sum(found))


def runs_away(member: Member, largest: float) -> bool:
    """Whether within two cycles more than a tenth of the rates lie beyond ``BEYOND`` times the largest count."""
    x = design(member.form, member.n, member.season, 2 * max(member.season, 6))
    sd = np.sqrt(np.einsum("hk,kl,hl->h", x, member.covariance, x))
    return not (x @ member.coefficients + 1.282 * sd).max() <= np.log(max(BEYOND * largest, 1e-9))


# Forecasts


def outlook(member: Member, h: int) -> Outlook:
    """Predictive distributions of the counts, on a fixed low-discrepancy sequence."""
    from scipy.special import ndtr

    k = len(member.coefficients)
    scores = normal_scores(k + h)
    rate = rates(member, scores[:k].T, h)
    return equal_points(rate.mean(axis=0), counts(rate, ndtr(scores[k:]).T, member.dispersion))


def sample(member: Member, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    """Sample paths of whole numbers, shape (paths, h); the steps of one share its coefficients."""
    rate = rates(member, rng.standard_normal((paths, len(member.coefficients))), h)
    return counts(rate, rng.random((paths, h)), member.dispersion)


def rates(member: Member, scores: np.ndarray, h: int) -> np.ndarray:
    """Rates ahead (paths, h) for coefficients drawn with standard normal `scores` (paths, k)."""
    drawn = member.coefficients + scores @ np.linalg.cholesky(member.covariance).T
    return np.exp(drawn @ design(member.form, member.n, member.season, h).T)


def counts(rate: np.ndarray, uniform: np.ndarray, a: float) -> np.ndarray:
    """Counts of these rates at probabilities `uniform`."""
    from scipy.stats import nbinom, poisson

    found = nbinom.ppf(uniform, 1 / a, 1 / (1 + a * rate)) if a else poisson.ppf(uniform, rate)
    return np.asarray(found, float)
