"""Optimal computing budget allocation: under a budget, batches go where they tell most about which plan is best.

References
----------
Chen, C.-H., Lin, J., Yücesan, E. & Chick, S. E. (2000). Simulation budget allocation for further enhancing the
    efficiency of ordinal optimization. Discrete Event Dynamic Systems 10, 251-270.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.compare.sample import BATCH, DECIDED, SPENT, Choice, Observe, Sample

PILOT, STEP = 5, 10
"""Batches of each plan at first, and batches given out before the shares are computed again."""

OCBA = "OCBA (heuristic)"

NARROW = 0.1
"""A gap counts as at least this share of its standard error, so that a tie does not take the whole budget."""


def ocba(plans: Sequence[str], observe: Observe, budget: int, *, largest: bool = True, step: int = STEP) -> Choice:
    """Choose the best mean under a budget, without guarantee.

    Parameters
    ----------
    plans : sequence of str
        At least two; of equal plans the first is chosen.
    observe : callable
        Gives batch means; batches of a plan are asked for in order, without gaps.
    budget : int
        Replications of all plans together.
    largest : bool
        Whether more is better.
    step : int
        Batches given out before the shares are computed again, at least 1.

    Returns
    -------
    Choice
        With ``probability``, the Bonferroni bound of the approximate probability of correct selection (APCS-B).

    Raises
    ------
    ValueError
        If there are fewer than two plans or two of one name, if the budget pays for fewer than two batches of
        each, or if the metric is undefined in a batch.

    Notes
    -----
    The shares treat plans as independent, and unequal numbers of batches give up a part of the pairing. Of plans
    that differ by a constant throughout the first batches, only the best goes on.
    """
    if step < 1:
        raise ValueError(f"step must be at least 1, got {step}")
    sample = Sample(plans, observe, largest, budget)
    first = min(PILOT, sample.affordable(len(plans)))
    if first < 2:
        raise ValueError(f"a budget of {budget} replications is too small: two batches of {BATCH} of each plan")
    sample.take_each(first)
    _settle(sample)
    while len(sample.running) > 1 and (left := min(step, sample.affordable(1))) > 0:
        _give_out(sample, left)
    probability = correct_selection(sample)
    stopped = DECIDED if len(sample.running) == 1 else SPENT
    used = [int(count) for count in sample.counts]
    return replace(
        sample.conclude(used, OCBA, _caveat(sample.replications, probability), stopped), probability=probability
    )


def shares(means: np.ndarray, variances: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Share of a budget that each plan should have.

    Parameters
    ----------
    means, variances : float array, shape (plans,)
        Of the batches; more is better.
    errors : float array, shape (plans,)
        Standard error of the difference from the best mean.

    Returns
    -------
    float array, shape (plans,)
        Proportional to variance over squared gap; the best has the root of its variance times the sum of their
        squares, each over its variance. Sums to 1.
    """
    best = int(np.argmax(means))
    gap = np.maximum(means[best] - means, NARROW * errors)
    others = np.arange(len(means)) != best
    weights = np.zeros(len(means))
    weights[others] = variances[others] / gap[others] ** 2
    weights[best] = np.sqrt(variances[best] * (variances[others] / gap[others] ** 4).sum())
    if not weights.any():
        weights[best] = 1.0  # it alone varies: the others are known
    return weights / weights.sum()


def correct_selection(sample: Sample) -> float:
    """1 minus the sum over other plans of the normal probability that they are the better one, at least 0."""
    from scipy.special import ndtr

    if len(sample.running) < 2:
        return 1.0
    means, _, errors = _moments(sample)
    best = int(np.argmax(means))
    wrong = ndtr((np.delete(means, best) - means[best]) / np.delete(errors, best))
    return max(0.0, 1.0 - float(wrong.sum()))


def _settle(sample: Sample) -> None:
    """Leave plans that lag another by a constant; of equal ones, all but the first."""
    values, dust = sample.shared(), sample.dust
    ahead = values[None, :, :] - values[:, None, :]
    constant = np.ptp(ahead, axis=2) <= 2 * dust
    lead = ahead.mean(axis=2)
    behind = (constant & (lead > dust)).any(axis=1)
    sample.leave(behind, values.shape[1])
    equal = (constant & (np.abs(lead) <= dust))[~behind][:, ~behind]
    sample.leave(np.tril(equal, -1).any(axis=1), None)


def _give_out(sample: Sample, batches: int) -> None:
    """Give out batches to the plans that have fewest against their shares of the new total."""
    counts = sample.counts[sample.running]
    goal = (counts.sum() + batches) * shares(*_moments(sample))
    lacking = np.maximum(goal - counts, 0.0)
    exact = batches * lacking / lacking.sum()
    given = np.floor(exact).astype(int)
    given[np.argsort(given - exact, kind="stable")[: batches - int(given.sum())]] += 1
    for place, count in zip(sample.running, given, strict=True):
        if count:
            sample.take(int(place), int(count))


def _moments(sample: Sample) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means, variances and standard errors of the difference from the best mean, of the plans in question."""
    values = [sample.values[place] for place in sample.running]
    means = np.array([x.mean() for x in values])
    best = values[int(np.argmax(means))]
    errors = np.array([_error(best, x) for x in values])
    return means, np.array([x.var(ddof=1) for x in values]), errors


def _error(one: np.ndarray, other: np.ndarray) -> float:
    """Standard error of the difference of two means whose first batches are paired.

    The longer mean is a weighted mean of its paired batches and of the rest, which is independent of them.
    """
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    both, all_ = len(shorter), len(longer)
    paired = (both / all_ * longer[:both] - shorter).var(ddof=1) / both
    return float(np.sqrt(paired + (all_ - both) / all_**2 * longer.var(ddof=1)))


def _caveat(replications: int, probability: float) -> str:
    return (
        f"no guarantee: a heuristic that spends {replications:,} replications where they tell most; "
        f"approximate probability of a correct selection {100 * probability:.1f} % (Bonferroni bound, APCS-B)"
    )
