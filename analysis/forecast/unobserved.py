"""Unobserved components: a level or trend that wanders, a season that changes slowly, and noise.

Three trends (a local level, a local linear trend, a smooth trend whose slope alone wanders) are tried with and without
a season in trigonometric form, full for cycles of up to ``FULL`` values and of ``WAVES`` waves for longer ones (Harvey
1989, Forecasting, structural time series models and the Kalman filter). Levels and seasons start from nothing known.
Forms are compared by AICc on the same values, those after the longest start, each predicted from all before it.

With regressors the observation is a regression on them; effects are those of maximum likelihood, and their
uncertainty, given the variances of the components, is part of the predictive variance.

The ladder: estimates from the starting values of statsmodels; from equal variances; the next form; the naive forecast.
Every step down is noted.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.forecast.combine import Outlook, normal
from analysis.forecast.effects import UNUSED, Effects, Influences, effects, influences, left_out, said, unused
from analysis.forecast.ets import correction
from analysis.forecast.fitted import Fitted
from analysis.forecast.history import History, prepare
from analysis.forecast.naive import fit_naive, plain
from analysis.forecast.orders import penalty
from analysis.forecast.space import covariance, root, through, unexpected

if TYPE_CHECKING:
    import pandas as pd

TRENDS = {"local level": "llevel", "local linear trend": "lltrend", "smooth trend": "strend"}
"""Trends, as statsmodels names them."""

FULL = 12
"""Longest cycle whose season is free."""

WAVES = 3
"""Waves in the season of a longer cycle."""

BEYOND = 100.0
"""Forms that run away so far are left out."""

NOISE = 1e-10
"""Errors below this share of the mean absolute value are rounding."""


@dataclass(frozen=True)
class Form:
    """A trend, the length of the cycle (1: none) and the waves in its season."""

    trend: str
    season: int
    waves: int

    def __str__(self) -> str:
        return self.trend + f" with season of {self.waves} waves" * (self.season > 1)

    @property
    def start(self) -> int:
        """Values that it takes until nothing is unknown."""
        return (1 if self.trend == "local level" else 2) + min(2 * self.waves, self.season - 1)


@dataclass(frozen=True, eq=False)
class Member:
    """A fitted form.

    Attributes
    ----------
    form : Form
    results : results of statsmodels
        Run over what the influences leave.
    aicc : float
    factor : float
        On variances, for the parameters that were estimated.
    x : float array (n, k), or None
        The influences.
    effects : Effects or None
    """

    form: Form
    results: Any
    aicc: float
    factor: float
    x: np.ndarray | None = None
    effects: Effects | None = None


class UnobservedComponents:
    """The form of lowest AICc."""

    name = "unobserved_components"
    regressors = True

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        """Fit to a series indexed by date; never fails on a series with one finite value."""
        history = prepare(y, floor, regressors)
        return unused(history, plain(history)) or fit_best(history)


def fit_best(history: History) -> Fitted:
    """Fit every form that the history admits and take the best; naive if none is usable."""
    scale, known = float(np.sqrt(np.mean(np.diff(history.y) ** 2))), influences(history)
    y, x = history.y / scale, None if known is None else known.past
    candidates = list(forms(len(y), history.season, 0 if x is None else x.shape[1]))
    burn = max((form.start for form in candidates), default=0)
    tried = {form: fit_form(y, x, form, burn) for form in candidates}
    sound = [m for m in tried.values() if m is not None and not runs_away(m, y)]
    failed = [str(form) for form in tried if form not in {m.form for m in sound}]
    notes = left_out(history, known) + ((f"not usable: {'; '.join(failed)}",) if failed else ())
    if not sound:
        return fit_naive(history, notes + UNUSED * (known is not None))
    best = min(sound, key=lambda m: m.aicc)
    if known is not None and best.effects is not None:
        notes += said(best.effects, known.names, scale / known.size, best.factor)
    note, model = "; ".join(history.notes + notes), Model(best, scale, known)
    return Fitted(UnobservedComponents.name, history, partial(outlook, model), note, partial(sample, model))


def forms(n: int, season: int, others: int = 0) -> Iterator[Form]:
    """The forms that `n` values admit, with `others` influences; a season needs two cycles and three values more."""
    waves = 0 if season < 2 else season // 2 if season <= FULL else WAVES
    seasons = [(1, 0), (season, waves)] if waves and n >= 2 * season + 3 + others else [(1, 0)]
    for (m, count), trend in product(seasons, TRENDS):
        form = Form(trend, m, count)
        if n - form.start - others >= 8:
            yield form


# Estimates


def fit_form(y: np.ndarray, x: np.ndarray | None, form: Form, burn: int) -> Member | None:
    """Maximise the likelihood of one form; None if that did not converge to finite numbers.

    Parameters
    ----------
    y : float array (n,)
    x : float array (n, k), or None
    form : Form
    burn : int
        Values at the start that the AICc leaves out.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for flat in (False, True):
            try:
                member = likeliest(y, x, form, flat)
            except (ValueError, ArithmeticError, np.linalg.LinAlgError):
                continue
            if member is not None:
                return with_aicc(member, burn)
    return None


def likeliest(y: np.ndarray, x: np.ndarray | None, form: Form, flat: bool) -> Member | None:
    """The form at its maximum likelihood, from equal variances if `flat`; None if it was not found."""
    model, others = components(y, form, x), 0 if x is None else x.shape[1]
    variances = len(model.start_params) - others
    start = np.r_[np.full(variances, np.var(np.diff(y)) / variances), np.zeros(others)] if flat else None
    joint = model.fit(start_params=start, disp=False, cov_type="none", maxiter=100)
    results = components(y, form).filter(joint.params[:variances], cov_type="none")
    found = None
    if x is not None:
        found = effects(results, y, x)
        results = through(results, y - x @ found.coefficients)
    sound = joint.mle_retvals["converged"] and np.isfinite([results.llf, *results.params]).all()
    factor = correction(len(y) - form.start, variances + others)
    return Member(form, results, 0.0, factor, x, found) if sound else None


def components(y: np.ndarray, form: Form, x: np.ndarray | None = None) -> Any:
    """The state space form of statsmodels, whose unknown states start with exactly infinite variance."""
    from statsmodels.tsa.statespace.structural import UnobservedComponents as Structural

    season = [{"period": form.season, "harmonics": form.waves}] if form.season > 1 else None
    return Structural(y, TRENDS[form.trend], freq_seasonal=season, exog=x, use_exact_diffuse=True)


def with_aicc(member: Member, burn: int) -> Member:
    """The member with its AICc on the values after `burn`."""
    values = member.results.llf_obs[burn:]
    parameters = len(member.results.params) + (0 if member.x is None else member.x.shape[1])
    return replace(member, aicc=float(-2 * values.sum() + penalty(len(values), parameters)))


def runs_away(member: Member, y: np.ndarray) -> bool:
    """Whether two cycles ahead nine of ten paths do not stay within ``BEYOND`` times all that was seen.

    Influences are taken as zero.
    """
    h = 2 * max(min(member.form.season, FULL), 6)
    far = np.abs(member.results.forecast(h)[-1]) + 1.645 * np.sqrt(joint_covariance(member, None, h)[-1, -1])
    return not far <= BEYOND * np.abs(y).max()


# Forecasts


@dataclass(frozen=True, eq=False)
class Model:
    """The chosen member, the unit in which it counts, and the influences that it uses."""

    member: Member
    scale: float
    known: Influences | None = None

    def moments(self, h: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean (h,) and covariance (h, h) of the next values, in the units of the data."""
        ahead = None if self.known is None else self.known.ahead(h)
        mean = np.asarray(self.member.results.forecast(h))
        if ahead is not None and self.member.effects is not None:
            mean = mean + ahead @ self.member.effects.coefficients
        return mean * self.scale, joint_covariance(self.member, ahead, h) * self.scale**2


def outlook(model: Model, h: int) -> Outlook:
    """Normal predictive distributions."""
    mean, spread = model.moments(h)
    return normal(mean, np.sqrt(np.diag(spread)))


def sample(model: Model, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    """Sample paths from the joint distribution of the next steps, shape (paths, h)."""
    mean, spread = model.moments(h)
    return np.asarray(mean + rng.standard_normal((paths, h)) @ root(spread))


def joint_covariance(member: Member, ahead: np.ndarray | None, h: int) -> np.ndarray:
    """Covariance of the errors of the next values, with the uncertainty of effects where influences are given."""
    each = covariance(member.results, h)
    if ahead is not None and member.effects is not None and member.x is not None:
        surprise = unexpected(member.results, member.x, ahead)
        each = each + surprise @ member.effects.covariance @ surprise.T
    return np.asarray(each * member.factor)
