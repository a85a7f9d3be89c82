"""Exponential smoothing, averaged over its forms with weights by AICc.

Error, trend and season may each be absent, additive or multiplicative; the forms that are numerically
unstable (additive error with multiplicative season) and multiplicative trends are left out (Hyndman, Koehler,
Ord & Snyder 2008, Forecasting with exponential smoothing). Weights are exp(-AICc/2), compared only within
one way of initialisation, because the number of estimated states differs between them.

The ladder: all states estimated; initial states from a decomposition; the naive forecast. Every step down is noted.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from analysis.forecast.combine import Outlook, equal_points, mixture
from analysis.forecast.fitted import Fitted, refuse
from analysis.forecast.forms import Form, Member, fit_form, recurse
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


class Ets:
    """The AICc-weighted average of exponential smoothing forms."""

    name = "ets"
    regressors = False

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        """Fit to a series indexed by date; never fails on a series with one finite value.

        Raises
        ------
        ValueError
            If regressors are given, which exponential smoothing would ignore.
        """
        refuse(self.name, regressors)
        history = prepare(y, floor)
        return plain(history) or fit_average(history)


def fit_average(history: History) -> Fitted:
    """Fit every admissible form and average, stepping down the ladder where nothing converges."""
    scale = float(np.mean(np.abs(history.y)))
    notes: tuple[str, ...] = ()
    for start in ("estimated", "decomposed"):
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
        Names of those that did not converge, or weigh something but run away.
    """
    tried = {form: fit_form(y, season, form, start) for form in forms(y, season)}
    failed = [str(form) for form, member in tried.items() if member is None]
    members = [member for member in tried.values() if member is not None]
    chosen = [m for m, w in zip(members, weights(members), strict=True) if w > NEGLIGIBLE]
    failed += [str(m.form) for m in chosen if explodes(m, y, season)]
    return [m for m in chosen if str(m.form) not in failed], failed


def explodes(member: Member, y: np.ndarray, season: int) -> bool:
    """Whether two cycles ahead more than a tenth of the paths lie beyond ``BEYOND`` times all that was seen."""
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((2 * max(season, 6), 64))
    last = np.abs(simulate(member, scores).points[:, -1])
    return not np.quantile(last, 0.9) <= BEYOND * np.abs(y).max()


def weights(members: list[Member]) -> np.ndarray:
    """Weights by AICc, summing to 1; empty for no members."""
    aicc = np.array([m.aicc for m in members])
    raw = np.exp(-(aicc - aicc.min()) / 2) if len(aicc) else aicc
    return raw / raw.sum() if len(raw) else raw


# Forecasts


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
    """Paths of one member with errors `scores` (h, paths) times its residual spread; its mean is the path without.

    The variance of the residuals is corrected for the parameters that were estimated.
    """
    shocks = scores * np.sqrt(member.squares * correction(member.nobs, member.parameters))
    with np.errstate(all="ignore"):
        paths = recurse(member, np.column_stack([np.zeros(len(scores)), shocks]))
    return equal_points(paths[:, 0], paths[:, 1:].T)


def correction(nobs: int, parameters: int) -> float:
    """Factor on the mean squared residual for `parameters` estimated from `nobs` values, at most 2."""
    return nobs / max(nobs - parameters, nobs / 2)


@lru_cache(maxsize=8)
def normal_scores(h: int) -> np.ndarray:
    """Standard normal errors of `h` steps, shape (h, 2**PATHS_LOG2), the same at every call; not to be written to."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    points = qmc.Sobol(h, rng=np.random.default_rng(0)).random_base2(PATHS_LOG2)
    scores = np.asarray(ndtri(points.T))
    scores.flags.writeable = False
    return scores
