"""Small counts: Poisson or negative binomial about a log-linear level, trend and season.

The rate of a month is exp(level + trend + season); season is a Fourier series, and the trend is damped ahead, as an
exponential one soon leaves all that was seen. Regressors act on the logarithm of the rate. Forms are compared by AICc.
The variance is that of the Poisson distribution, mu, or of the negative binomial one, mu + a mu^2 (Cameron & Trivedi,
Regression analysis of count data, 2nd ed., section 3.3). Forecasts hold the uncertainty of the coefficients, drawn from
their asymptotic distribution; one draw is shared by all steps of a path. Counts are never negative and whole.

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
from analysis.forecast.effects import UNUSED, Effects, Influences, influences, left_out, said, unused
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

    @property
    def others(self) -> int:
        """Number of influences, whose coefficients are the last."""
        return len(self.coefficients) - 1 - 2 * self.form.pairs - self.form.trend


class Counts:
    """Poisson or negative binomial regression of small counts on time, of lowest AICc."""

    name = "counts"
    regressors = True

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        """Fit to a series indexed by date; never fails on a series with one finite value."""
        history = prepare(y, floor, regressors)
        simple = plain(history)
        if simple is None and (reason := no_small_counts(np.asarray(y, float))):
            simple = fit_naive(history, (reason,))
        return unused(history, simple) or fit_best(history)


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
    y, known = np.round(history.y), influences(history)
    x = None if known is None else known.past
    tried = {form: fit_form(y, history.season, form, x) for form in forms(len(y), history.season)}
    future = None if known is None else known.future
    sound = [m for m in tried.values() if m is not None and not runs_away(m, y.max(), future)]
    failed = [str(form) for form in tried if form not in {m.form for m in sound}]
    notes = left_out(history, known) + ((f"not usable: {'; '.join(failed)}",) if failed else ())
    if not sound:
        return fit_naive(history, notes + UNUSED * (known is not None))
    best = min(sound, key=lambda m: m.aicc)
    if known is not None:
        notes += said_of(best, known)
    note = "; ".join(history.notes + notes)
    model = Model(best, known)
    return Fitted(Counts.name, history, partial(outlook, model), note, partial(sample, model))


def said_of(member: Member, known: Influences) -> tuple[str, ...]:
    """The note on the estimated effects, on the logarithm of the rate."""
    last = slice(len(member.coefficients) - member.others, None)
    found = Effects(member.coefficients[last], member.covariance[last, last])
    return tuple(f"{text} on the logarithm of the rate" for text in said(found, known.names, 1 / known.size, 1.0))


def forms(n: int, season: int) -> Iterator[Form]:
    """The forms that `n` values admit; seasonal ones need two cycles."""
    most = min(2, (season - 1) // 2) if n >= 2 * season + 2 else 0
    for pairs, trend, dispersed in product(range(most + 1), (False, True), (False, True)):
        yield Form(pairs, trend, dispersed)


def design(form: Form, n: int, season: int, h: int = 0, x: np.ndarray | None = None) -> np.ndarray:
    """Columns of the past (n, k), or of the next `h` steps (h, k), followed by those of the influences `x`.

    Time runs from -1 to 0 over the past, and ahead slows down by ``DAMPING`` at every step.
    """
    step = np.arange(n, n + h) if h else np.arange(n)
    ahead = np.cumsum(DAMPING ** np.arange(1, h + 1)) / n
    angles = 2 * np.pi * np.outer(step, np.arange(1, form.pairs + 1)) / season
    columns = [np.ones((len(step), 1)), np.cos(angles), np.sin(angles)]
    if form.trend:
        columns.append((ahead if h else (step - n + 1) / n)[:, None])
    return np.hstack(columns if x is None else [*columns, x])


# Estimates


def fit_form(y: np.ndarray, season: int, form: Form, others: np.ndarray | None = None) -> Member | None:
    """Maximise the likelihood of one form; None if that did not converge or the counts are not dispersed."""
    from scipy.optimize import minimize_scalar

    x = design(form, len(y), season, 0, others)
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


def runs_away(member: Member, largest: float, future: np.ndarray | None = None) -> bool:
    """Whether within two cycles more than a tenth of the rates lie beyond ``BEYOND`` times the largest count.

    Influences are taken as zero there, and besides as they are known to be in the `future` (rows, k).
    """
    h = 2 * max(member.season, 6)
    x = design(member.form, member.n, member.season, h, np.zeros((h, member.others)))
    if future is not None and len(future):
        x = np.vstack([x, design(member.form, member.n, member.season, len(future), future)])
    sd = np.sqrt(np.einsum("hk,kl,hl->h", x, member.covariance, x))
    return not (x @ member.coefficients + 1.282 * sd).max() <= np.log(max(BEYOND * largest, 1e-9))


# Forecasts


@dataclass(frozen=True, eq=False)
class Model:
    """The chosen member and the influences that it uses."""

    member: Member
    known: Influences | None = None

    def rates(self, scores: np.ndarray, h: int) -> np.ndarray:
        """Rates ahead (paths, h) for coefficients drawn with standard normal `scores` (paths, k)."""
        member = self.member
        ahead = None if self.known is None else self.known.ahead(h)
        drawn = member.coefficients + scores @ np.linalg.cholesky(member.covariance).T
        return np.exp(drawn @ design(member.form, member.n, member.season, h, ahead).T)


def outlook(model: Model, h: int) -> Outlook:
    """Predictive distributions of the counts, on a fixed low-discrepancy sequence."""
    from scipy.special import ndtr

    k = len(model.member.coefficients)
    scores = normal_scores(k + h)
    rate = model.rates(scores[:k].T, h)
    return equal_points(rate.mean(axis=0), counts(rate, ndtr(scores[k:]).T, model.member.dispersion))


def sample(model: Model, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    """Sample paths of whole numbers, shape (paths, h); the steps of one share its coefficients."""
    rate = model.rates(rng.standard_normal((paths, len(model.member.coefficients))), h)
    return counts(rate, rng.random((paths, h)), model.member.dispersion)


def counts(rate: np.ndarray, uniform: np.ndarray, a: float) -> np.ndarray:
    """Counts of these rates at probabilities `uniform`."""
    from scipy.stats import nbinom, poisson

    found = nbinom.ppf(uniform, 1 / a, 1 / (1 + a * rate)) if a else poisson.ppf(uniform, rate)
    return np.asarray(found, float)
