"""Exponential smoothing, averaged over its forms with weights by AICc.

Error, trend and season may each be absent, additive or multiplicative; the forms that are numerically
unstable (additive error with multiplicative season) and multiplicative trends are left out (Hyndman, Koehler,
Ord & Snyder 2008, Forecasting with exponential smoothing). Weights are exp(-AICc/2), compared only within
one way of initialisation, because the number of estimated states differs between them.

The ladder: all states estimated; heuristic initial states; the naive forecast. Every step down is noted.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.forecast.combine import Outlook, equal_points, mixture
from analysis.forecast.fitted import Fitted
from analysis.forecast.history import History, prepare
from analysis.forecast.naive import fit_naive, plain

if TYPE_CHECKING:
    import pandas as pd

MAX_SEASON = 24
"""Longer cycles have too many states to estimate."""

NEGLIGIBLE = 0.01
"""Members with a smaller weight are left out of the mixture."""

BEYOND = 100.0
"""Forms that run away so far are left out."""

PATHS_LOG2 = 11
"""2 to this power paths are simulated for every member, on a fixed low-discrepancy sequence."""


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
    """A fitted form: its results object, its AICc, its number of parameters."""

    form: Form
    results: Any
    aicc: float
    parameters: int


class Ets:
    """The AICc-weighted average of exponential smoothing forms."""

    name = "ets"

    def fit(self, y: pd.Series, floor: float | None = None) -> Fitted:
        """Fit to a series indexed by date; never fails on a series with one finite value."""
        history = prepare(y, floor)
        return plain(history) or fit_average(history)


def fit_average(history: History) -> Fitted:
    """Fit every admissible form and average, stepping down the ladder where nothing converges."""
    scale = float(np.mean(np.abs(history.y)))
    notes: tuple[str, ...] = ()
    for start in ("estimated", "heuristic"):
        members, failed = fit_members(history.y / scale, history.season, start)
        if failed:
            notes += (f"not usable with {start} start: {', '.join(failed)}",)
        if members:
            note = "; ".join(history.notes + notes)
            return Fitted(Ets.name, history, partial(outlook, members, scale), note, partial(sample, members, scale))
    return fit_naive(history, notes)


def forms(y: np.ndarray, season: int) -> Iterator[Form]:
    """The forms that the data admit: multiplicative ones need positive values, seasonal ones two cycles."""
    positive = bool(y.min() > 0)
    seasonal = 1 < season <= MAX_SEASON and len(y) >= 2 * season + 2
    trends = ((None, False), ("add", False), ("add", True))
    for error, (trend, damped), form in product(("add", "mul"), trends, (None, "add", "mul")):
        unstable = error == "add" and form == "mul"
        needs_positive = "mul" in (error, form)
        if not unstable and (positive or not needs_positive) and (seasonal or form is None):
            yield Form(error, trend, damped, form)


def fit_members(y: np.ndarray, season: int, start: str) -> tuple[list[Member], list[str]]:
    """Fit the forms from one way of initialisation.

    Returns
    -------
    members : list of Member
        Those that converged to finite values and weigh more than ``NEGLIGIBLE``.
    failed : list of str
        Names of those that did not converge.
    """
    tried = {form: fit_form(y, season, form, start) for form in forms(y, season)}
    failed = [str(form) for form, member in tried.items() if member is None]
    members = [member for member in tried.values() if member is not None]
    weight = weights(members)
    chosen = [m for m, w in zip(members, weight, strict=True) if w > NEGLIGIBLE]
    failed += [str(m.form) for m in chosen if explodes(m, y, season)]
    return [m for m in chosen if str(m.form) not in failed], failed


def explodes(member: Member, y: np.ndarray, season: int) -> bool:
    """Whether two cycles ahead more than a tenth of the paths lie beyond ``BEYOND`` times all that was seen."""
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((2 * max(season, 6), 64))
    last = np.abs(simulate(member, scores).points[:, -1])
    return not np.quantile(last, 0.9) <= BEYOND * np.abs(y).max()


def fit_form(y: np.ndarray, season: int, form: Form, start: str) -> Member | None:
    """Fit one form; None if the optimiser did not converge or anything is not finite."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            model = ETSModel(
                y,
                error=form.error,
                trend=form.trend,
                damped_trend=form.damped,
                seasonal=form.seasonal,
                seasonal_periods=season if form.seasonal else None,
                initialization_method=start,
            )
            results = model.fit(disp=False)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return None
    numbers = [results.aicc, results.scale, *results.params, *results.states[-1]]
    sound = results.mle_retvals["converged"] and np.isfinite(numbers).all()
    return Member(form, results, float(results.aicc), int(results.df_model)) if sound else None


def weights(members: list[Member]) -> np.ndarray:
    """Weights by AICc, summing to 1; empty for no members."""
    aicc = np.array([m.aicc for m in members])
    raw = np.exp(-(aicc - aicc.min()) / 2) if len(aicc) else aicc
    return raw / raw.sum() if len(raw) else raw


def outlook(members: list[Member], scale: float, h: int) -> Outlook:
    """Mixture of the members' predictive distributions, in the units of the data."""
    scores = normal_scores(h)
    views = [simulate(member, scores) for member in members]
    mixed = mixture(views, weights(members).tolist())
    return Outlook(mixed.mean * scale, mixed.points * scale, mixed.weights)


def sample(members: list[Member], scale: float, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    """Sample paths, shape (paths, h): every path is one of a member that is drawn by its weight."""
    counts = rng.multinomial(paths, weights(members))
    parts = [
        simulate(member, rng.standard_normal((h, count))).points
        for member, count in zip(members, counts, strict=True)
        if count
    ]
    return rng.permutation(np.concatenate(parts)) * scale


def simulate(member: Member, scores: np.ndarray) -> Outlook:
    """Paths of one member with errors `scores` (h, paths) times its residual spread.

    The variance of the residuals is corrected for the parameters that were estimated.
    """
    results = member.results
    sigma = np.sqrt(results.scale * correction(results.nobs, member.parameters))
    with np.errstate(all="ignore"):
        paths = results.simulate(len(scores), anchor="end", repetitions=scores.shape[1], random_errors=scores * sigma)
    return equal_points(np.asarray(results.forecast(len(scores))), paths.T)


def correction(nobs: int, parameters: int) -> float:
    """Factor on the mean squared residual for `parameters` estimated from `nobs` values, at most 2."""
    return nobs / max(nobs - parameters, nobs / 2)


def normal_scores(h: int) -> np.ndarray:
    """Standard normal errors of `h` steps, shape (h, 2**PATHS_LOG2), the same at every call."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    points = qmc.Sobol(h, rng=np.random.default_rng(0)).random_base2(PATHS_LOG2)
    return ndtri(points.T)
