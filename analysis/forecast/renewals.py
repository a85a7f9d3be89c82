"""Renewals of contracts: the shifted-beta-geometric model of cohorts, with Kaplan-Meier beside it.

Every customer leaves at a renewal with a probability of its own, the same at every renewal, and these probabilities
are Beta(alpha, beta) over customers. Those likely to leave go first, so that retention rises with age although
nobody changes: at the t-th renewal it is (beta + t - 1) / (alpha + beta + t - 1). Since the likelihood of a cohort is
the product over renewals, cohorts of different ages, which the present cuts off, add up by renewal.

Under five renewal points the two parameters are not told apart well. Then the decisions of a pool (other cohorts or
segments) are added at a weight of so many decisions, a power prior; without a pool the rate of renewal is taken as
constant. Either is noted.

References
----------
Fader & Hardie (2007). How to project customer retention. Journal of Interactive Marketing 21(1), 76-90.
Ibrahim & Chen (2000). Power prior distributions for regression models. Statistical Science 15, 46-60.
Efron & Tibshirani (1993). An Introduction to the Bootstrap, section 6.5 (parametric bootstrap).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from analysis.forecast.combine import Outlook, equal_points
from analysis.forecast.sbg import ShiftedBetaGeometric, constant, estimate, estimates, pair, retention
from analysis.retention import Curve, kaplan_meier

LEAST_POINTS = 5
"""Renewal points that a cohort needs to stand on its own."""

PRIOR_DECISIONS = 100.0
"""Weight of a pool in decisions unless told. Assumption; [20, 500]: a cohort of as many moves halfway from the pool."""

DRAWS = 200
"""Bootstrap draws of the parameters."""

PATHS = 4000
"""Sample paths behind an outlook."""

SBG, POOLED, CONSTANT = "shifted_beta_geometric", "shifted_beta_geometric_pooled", "constant_renewal"
"""What was fitted in the end."""


@dataclass(frozen=True, eq=False)
class Decisions:
    """Renewal decisions that have been taken, by renewal.

    Attributes
    ----------
    due : float array (renewals,)
        Customers that decided at their first, second, ... renewal.
    kept : float array (renewals,)
        Those of them that renewed.
    """

    due: np.ndarray
    kept: np.ndarray

    def __post_init__(self) -> None:
        if self.due.shape != self.kept.shape or self.due.ndim != 1:
            raise ValueError("decisions due and kept are not of the same renewals")
        if not (np.isfinite(self.due).all() and (self.kept >= 0).all() and (self.kept <= self.due).all()):
            raise ValueError("of those due, between none and all can renew")
        if (self.due[1:] > self.kept[:-1]).any():
            raise ValueError("more customers are due at a renewal than had renewed before")

    @property
    def points(self) -> int:
        """Renewals at which anybody was due."""
        return int((self.due > 0).sum())


@dataclass(frozen=True, eq=False)
class Renewals:
    """A fitted model of renewals.

    Attributes
    ----------
    model : str
        ``SBG``, ``POOLED`` or ``CONSTANT``.
    curve : ShiftedBetaGeometric
        At the estimate.
    draws : float array (DRAWS, 2)
        Bootstrap draws of alpha and beta.
    decisions : Decisions
        What it was fitted to, without a pool.
    note : str
        Why it is not the cohort's own shifted-beta-geometric model; empty if it is.
    """

    model: str
    curve: ShiftedBetaGeometric
    draws: np.ndarray
    decisions: Decisions
    note: str = ""

    def simulate(self, active: np.ndarray, age: np.ndarray, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
        """Customers left after each of the next `h` renewals, shape (paths, cohorts, h).

        One draw of the parameters holds for all cohorts of a path: what is not known of one is not known of the
        others. Customers decide independently given the parameters.
        """
        parameters = self.draws[rng.integers(len(self.draws), size=paths)]
        left = np.broadcast_to(np.asarray(active).round().astype(int), (paths, len(active)))
        steps = []
        for step in range(1, h + 1):
            left = rng.binomial(left, retention(parameters, np.asarray(age) + step))
            steps.append(left)
        return np.stack(steps, axis=2).astype(float)

    def outlook(self, active: np.ndarray, age: np.ndarray, h: int) -> Outlook:
        """Predictive distribution of the customers left of all cohorts together, after each of `h` renewals."""
        paths = self.simulate(active, age, h, PATHS, np.random.default_rng(0))
        return equal_points(self.curve.expected(active, age, h).sum(axis=0), paths.sum(axis=1))

    def observed(self) -> Curve:
        """Kaplan-Meier survival by renewals, which assumes no form; those not yet due again are censored."""
        return survival_of(self.decisions)


def decisions_of(cohorts: Iterable[np.ndarray]) -> Decisions:
    """Decisions of cohorts by their survivors.

    Parameters
    ----------
    cohorts : iterable of float array (ages,)
        Customers of each cohort after 0, 1, ... renewals, NaN after the present.

    Raises
    ------
    ValueError
        If there is no cohort or one grows.
    """
    known = [survivors[~np.isnan(survivors)] for survivors in (np.asarray(cohort, float) for cohort in cohorts)]
    if not known:
        raise ValueError("there is no cohort")
    due, kept = np.zeros((2, max(max(map(len, known)) - 1, 0)))
    for survivors in known:
        due[: max(len(survivors) - 1, 0)] += survivors[:-1]
        kept[: max(len(survivors) - 1, 0)] += survivors[1:]
        if (np.diff(survivors) > 0).any():
            raise ValueError("a cohort of customers cannot grow")
    return Decisions(due, kept)


def survival_of(decisions: Decisions) -> Curve:
    """Kaplan-Meier survival by number of renewals."""
    number = np.arange(1.0, len(decisions.due) + 1)
    waiting = decisions.kept - np.append(decisions.due[1:], 0.0)
    weight = np.concatenate((decisions.due - decisions.kept, waiting))
    event = np.arange(len(weight)) < len(number)
    seen = weight > 0
    return kaplan_meier(np.tile(number, 2)[seen], event[seen], weight[seen])


def fit_renewals(decisions: Decisions, pool: Decisions | None = None, prior: float = PRIOR_DECISIONS) -> Renewals:
    """Fit the model by maximum likelihood, with a pooled prior where the decisions are of few renewals.

    Parameters
    ----------
    decisions : Decisions
        Of one cohort or of several that are taken as alike.
    pool : Decisions, optional
        Of others, to lean on under ``LEAST_POINTS`` renewal points.
    prior : float
        Decisions that the pool counts for at most.

    Raises
    ------
    ValueError
        If no decision was taken, neither here nor in the pool.
    """
    data, model, note = _leaning(decisions, pool, prior)
    left = float((data[0] - data[1]).sum())
    if model != CONSTANT and not 0 < left < data[0].sum():
        model, note = CONSTANT, _joined(note, "all or none renewed so far: the rate of renewal is taken as constant")
    found = None if model == CONSTANT else estimate(*data)
    if model != CONSTANT and found is None:
        model, note = CONSTANT, _joined(note, "no maximum was found: the rate of renewal is taken as constant")
    curve = found or constant(*data)
    return Renewals(model, curve, _resampled(*data, curve, model), decisions, note)


def _leaning(
    decisions: Decisions, pool: Decisions | None, prior: float
) -> tuple[tuple[np.ndarray, np.ndarray], str, str]:
    """Decisions due and kept to fit to, the model that they admit, and why it is not the cohort's own."""
    reason = f"of {LEAST_POINTS} renewal points that are needed there are {decisions.points}"
    if decisions.points >= LEAST_POINTS:
        return (decisions.due, decisions.kept), SBG, ""
    if pool is not None and pool.due.sum() > 0:
        return _with_prior(decisions, pool, prior), POOLED, f"{reason}: a pool was used as prior"
    if decisions.points:
        return (decisions.due, decisions.kept), CONSTANT, f"{reason}: the rate of renewal is taken as constant"
    raise ValueError("no renewal has been decided")


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def _with_prior(decisions: Decisions, pool: Decisions, prior: float) -> tuple[np.ndarray, np.ndarray]:
    """Decisions due and kept, those of the pool at a weight of at most `prior` decisions."""
    weight = min(1.0, prior / float(pool.due.sum()))
    due, kept = np.zeros((2, max(len(decisions.due), len(pool.due))))
    for part, share in ((decisions, 1.0), (pool, weight)):
        due[: len(part.due)] += share * part.due
        kept[: len(part.kept)] += share * part.kept
    return due, kept


def _resampled(due: np.ndarray, kept: np.ndarray, curve: ShiftedBetaGeometric, model: str) -> np.ndarray:
    """Parameters fitted to decisions drawn anew at the fitted retention, shape (DRAWS, 2).

    Decisions that count in part, those of a prior, are rounded up or down at random.
    """
    rng = np.random.default_rng(0)
    times = np.floor(due + rng.random((DRAWS, len(due))))
    drawn = rng.binomial(times.astype(int), curve.retention(len(due)))
    if model == CONSTANT:
        return np.array([pair(constant(*some) if some[0].sum() else curve) for some in zip(times, drawn, strict=True)])
    return estimates(times, drawn, curve)
