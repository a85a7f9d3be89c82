"""Which of several plans is best, with a stated guarantee: fully sequential selection.

An observation is the mean of ten replications, because replications of money are too skewed for a procedure that
rests on normal observations.

References
----------
Kim, S.-H. & Nelson, B. L. (2001). A fully sequential procedure for indifference-zone selection in simulation.
    ACM Transactions on Modeling and Computer Simulation 11, 251-273.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.compare.ocba import OCBA, ocba
from analysis.compare.sample import BATCH, DECIDED, SPENT, Choice, Observe, Sample, batch_means
from analysis.replications import SKEWED

__all__ = [
    "BATCH", "DECIDED", "FIRST", "KIM_NELSON", "OCBA", "SPENT", "Choice", "Observe", "Rule", "batch_means",
    "boundary", "constants", "kim_nelson", "ocba",
]  # fmt: skip

FIRST = 20
"""Batches of each plan in the first stage."""

KIM_NELSON = "Kim & Nelson"

HEAVY = "; heavy tails: the probability is likely lower"
"""Added to the guarantee where batches of ten did not remove the skewness."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What is asked of a choice.

    Attributes
    ----------
    indifference : float
        Difference that does not matter, in the unit of the metric, above 0.
    confidence : float
        Probability that the choice is right, in [0.5, 1).
    largest : bool
        Whether more is better.
    budget : int, optional
        Replications of all plans together.
    ahead : int
        Batches that are asked for at a time after the first stage, at least 1. The choice does not depend on it
        unless the budget ends first; the number of replications does.
    unit : str
        Of the metric, for the wording.
    """

    indifference: float
    confidence: float = 0.95
    largest: bool = True
    budget: int | None = None
    ahead: int = 1
    unit: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.indifference) and self.indifference > 0):
            raise ValueError(f"indifference must be above 0, got {self.indifference}")
        if not 0.5 <= self.confidence < 1:
            raise ValueError(f"confidence must lie in [0.5, 1), got {self.confidence}")
        if self.ahead < 1:
            raise ValueError(f"ahead must be at least 1, got {self.ahead}")


def constants(plans: int, confidence: float, first: int = FIRST) -> tuple[float, float]:
    """Kim & Nelson's eta and h squared for a number of plans and of batches in the first stage (their c = 1)."""
    eta = ((2 * (1 - confidence) / (plans - 1)) ** (-2 / (first - 1)) - 1) / 2
    return eta, 2 * eta * (first - 1)


def boundary(r: float | np.ndarray, h2: float, s2: float | np.ndarray, indifference: float) -> np.ndarray:
    """Lag W of the mean of r batches beyond which a plan is left behind; arrays broadcast.

    Parameters
    ----------
    r : float or float array
        Batches so far.
    h2 : float
        As ``constants`` gives it.
    s2 : float or float array
        Variance of the difference of the two plans in the first stage.
    indifference : float
        In the unit of the metric.
    """
    return np.maximum(0.0, indifference / (2 * r) * (h2 * s2 / indifference**2 - r))


def kim_nelson(plans: Sequence[str], observe: Observe, rule: Rule) -> Choice:
    """Fully sequential selection of the best mean.

    Twenty batches of each plan give the variance of the difference of every pair. From then on a plan is left
    behind as soon as its mean lags that of another by more than the boundary of the pair; the others get a batch
    more. The boundary closes after h2 s2 / d^2 batches, so that the procedure ends.

    Parameters
    ----------
    plans : sequence of str
        At least two; of equal plans the first is chosen.
    observe : callable
        Gives batch means; batches of a plan are asked for in order, without gaps.
    rule : Rule
        Indifference, confidence, direction and budget.

    Returns
    -------
    Choice
        If the budget ends first, the best mean among the plans that were not left behind, without guarantee.

    Raises
    ------
    ValueError
        If there are fewer than two plans or two of one name, if the budget pays for no batch of each, or if the
        metric is undefined in a batch.

    Notes
    -----
    The theorem is for normal observations, correlated in any way: the best plan is chosen if it leads all others
    by the indifference. That a plan within the indifference of the best is chosen otherwise is measured, not proved.
    Where the first stage shows a skewness above 2 in the difference of a pair, the guarantee says so.
    """
    sample = Sample(plans, observe, rule.largest, rule.budget)
    first = min(FIRST, sample.affordable(len(plans)))
    if first < 1:
        raise ValueError(f"a budget of {rule.budget} replications is too small: one batch of {BATCH} of each plan")
    sample.take_each(first)
    race = _Race(sample, rule)
    while not race.over and (count := min(rule.ahead, sample.affordable(len(sample.running)))) > 0:
        sample.take_each(count)
        race.screen()
    used = [sample.left_at.get(place) or race.r for place in range(len(plans))]
    if not race.over:
        return sample.conclude(used, KIM_NELSON, _broken(sample.replications), SPENT)
    choice = sample.conclude(used, KIM_NELSON, _guarantee(rule), DECIDED)
    return replace(choice, guarantee=choice.guarantee + HEAVY) if race.skewed else choice


class _Race:
    """Screening of a sample, batch after batch.

    Attributes
    ----------
    r : int
        Batches that were screened.
    over : bool
        Whether one plan is left, or every boundary has closed.
    skewed : bool
        Whether a difference of two plans is skewed in the first stage.
    """

    def __init__(self, sample: Sample, rule: Rule) -> None:
        self._sample, self._rule = sample, rule
        self.over = self.skewed = False
        self.r = int(sample.counts.min())
        if self.r < FIRST:
            return
        _, self._h2 = constants(len(sample.plans), rule.confidence)
        values = sample.shared()
        differences = values[:, None] - values[None, :]
        self._s2 = differences.var(axis=2, ddof=1)
        self.skewed = _skewed(differences, sample.dust)
        self.r -= 1
        self.screen()

    def screen(self) -> None:
        """Screen all batches that have come since, in order, until the race is over."""
        while not self.over and self.r < int(self._sample.counts[self._sample.running].min()):
            self._leave_first(self.r + 1)

    def _leave_first(self, start: int) -> None:
        """Go on from batch ``start`` to the first at which a plan is left behind or all boundaries have closed."""
        running = self._sample.running
        values = self._sample.shared()
        r = np.arange(start, values.shape[1] + 1)
        means = (values.cumsum(axis=1)[:, start - 1 :] / r).T
        s2 = self._s2[np.ix_(running, running)]
        lag = boundary(r[:, None, None], self._h2, s2, self._rule.indifference)
        behind = (means[:, :, None] < means[:, None, :] - lag - self._sample.dust).any(axis=2)
        closed = (lag == 0).all(axis=(1, 2))
        stops = np.flatnonzero(behind.any(axis=1) | closed)
        stop = int(stops[0]) if len(stops) else len(r) - 1
        self.r = int(r[stop])
        self._sample.leave(behind[stop], self.r)
        self.over = bool(closed[stop]) or len(self._sample.running) == 1


def _guarantee(rule: Rule) -> str:
    within = f"{rule.indifference:,.12g} {rule.unit}".strip()
    return f"with probability at least {100 * rule.confidence:.12g} % the best plan, or one within {within} of it"


def _skewed(differences: np.ndarray, dust: float) -> bool:
    """Whether any of the samples, shape (..., n), has a skewness beyond the limit; those without spread have none."""
    n = differences.shape[-1]
    deviations = differences - differences.mean(axis=-1, keepdims=True)
    sd = deviations.std(axis=-1, ddof=1)
    third = n * (deviations**3).sum(axis=-1) / ((n - 1) * (n - 2))
    return bool(((sd > dust) & (np.abs(third) > SKEWED * sd**3)).any())


def _broken(replications: int) -> str:
    return (
        f"no guarantee: the budget ended after {replications:,} replications, before the procedure had decided; "
        "the best mean so far"
    )
