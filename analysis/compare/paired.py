"""The difference between two plans that meet the same customers: replications in pairs.

Replication r of both plans shares every customer's fate (common random numbers), so that what is estimated is the
mean of the differences, and its spread is that of the differences alone. The sign of a difference is arbitrary, so
a long tail on either side is one.

References
----------
Willink, R. (2005). A confidence interval and test for the mean of an asymmetric distribution.
    Communications in Statistics: Theory and Methods 34, 753-766.
Law, A. M. (2015). Simulation Modeling and Analysis, 5th edition, sections 10.2 and 11.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.replications import ENOUGH_IF_SKEWED, HEAVY_TAIL, SKEWED, Interval, cautious, cautious_p

TOUCHED_LEAST = 10
"""Differences other than 0 that an interval needs, and replications below which it is called one of few."""

BENEFIT_LEAST = 1.2
"""Variance ratio below which common random numbers gave no benefit."""

DUST = 1e-12
"""Share of its magnitude below which a difference of two floats is 0."""

CAUTIOUS, NONE = "willink_student", "none"
"""Methods of an interval."""

TOO_FEW = "too few replications touched"
FEW = "few replications"
CONSTANT = "the same in every replication"
NO_BENEFIT = "no benefit from common random numbers"
UNDEFINED = "undefined"


@dataclass(frozen=True)
class Paired:
    """How a plan differs from the base in one metric.

    Attributes
    ----------
    base, mean : float
        Means of the base and of the plan over the pairs in which both are defined.
    difference : float
        Mean of plan - base over the same pairs, exactly 0 if nothing is touched.
    low, high : float
        Interval of the difference, NaN where ``interval_method`` is ``none``.
    level : float
        Confidence of the interval.
    p : float
        Two-sided, of the test whose interval this is; NaN without one.
    correlation : float
        Pearson's, between base and plan; NaN if one of them has no spread.
    variance_ratio : float
        (variance of base + variance of plan) / variance of the difference: how many times the replications
        independent runs would need. NaN if the difference has no spread.
    n_touched : int
        Pairs that differ.
    replications : int
        Pairs in which both are defined.
    left_out : int
        Pairs in which one of them is not.
    interval_method : str
        ``willink_student`` or ``none``.
    note : str
        What to know before relying on it, several parted by ``;``.
    """

    base: float
    mean: float
    difference: float
    low: float
    high: float
    level: float
    p: float
    correlation: float
    variance_ratio: float
    n_touched: int
    replications: int
    left_out: int
    interval_method: str
    note: str

    @property
    def half_width(self) -> float:
        """Half the length of the interval."""
        return (self.high - self.low) / 2


def paired(base: np.ndarray, plan: np.ndarray, level: float = 0.95) -> Paired:
    """Difference of two plans with the cautious interval of the paired differences.

    It holds Willink's interval and Student's: differences of money may be skewed, then Willink's is needed, or the
    symmetric difference of two long tails, then Student's is (``analysis.replications.cautious``).

    - No pair differs: the interval is [0, 0] and p is 1.
    - Some do, but fewer than ten: no interval and no p, since the mean rests on so few values. The exception are
      fewer than ten replications of which *every* one differs, and not all by the same: there is no lump at 0
      then, the interval is that of a small sample, wide by its degrees of freedom, and noted as such.
    - Ten pairs or more differ by the same (a cost that the plan sets): an interval of length 0.

    Parameters
    ----------
    base, plan : float array, shape (replications,)
        One metric by replication, NaN where undefined; differences within 1e-12 of their magnitude are 0.
    level : float
        Confidence.

    Raises
    ------
    ValueError
        If the arrays differ in length.
    """
    base, plan = np.asarray(base, float), np.asarray(plan, float)
    if base.shape != plan.shape:
        raise ValueError(f"replications cannot be paired: {base.size} of the base, {plan.size} of the plan")
    defined = ~(np.isnan(base) | np.isnan(plan))
    left_out = int(defined.size - defined.sum())
    a, b = base[defined], plan[defined]
    if not a.size:
        nan = math.nan
        return Paired(nan, nan, nan, nan, nan, level, nan, nan, nan, 0, 0, left_out, NONE, UNDEFINED)
    return _judged(a, b, level, left_out)


def _judged(base: np.ndarray, plan: np.ndarray, level: float, left_out: int) -> Paired:
    differences = _differences(base, plan)
    touched = int(np.count_nonzero(differences))
    interval = _interval(differences, level)
    ratio = _variance_ratio(base, plan, interval.sd)
    known = _known(interval, touched)
    return Paired(
        base=float(base.mean()),
        mean=float(plan.mean()),
        difference=interval.mean,
        low=interval.low if known else math.nan,
        high=interval.high if known else math.nan,
        level=level,
        p=_p(interval, touched),
        correlation=_correlation(base, plan),
        variance_ratio=ratio,
        n_touched=touched,
        replications=interval.n,
        left_out=left_out,
        interval_method=CAUTIOUS if known else NONE,
        note="; ".join(_notes(interval, touched, ratio, left_out)),
    )


def _differences(base: np.ndarray, plan: np.ndarray) -> np.ndarray:
    """Plan - base without rounding errors of single pairs, and without those between pairs that differ alike."""
    magnitude = np.maximum(np.abs(base), np.abs(plan))
    found = plan - base
    found = np.where(np.abs(found) <= DUST * magnitude, 0.0, found)
    alike = np.ptp(found) <= DUST * magnitude.max()
    return np.full_like(found, found[0]) if alike else found


def _interval(differences: np.ndarray, level: float) -> Interval:
    """The interval, exact to the last bit where all differences are equal."""
    value, n = float(differences[0]), len(differences)
    if np.ptp(differences) > 0:
        return cautious(differences, level)
    bound = value if n > 1 or value == 0 else math.nan
    return Interval(value, bound, bound, 0.0, n, math.nan)


def _known(interval: Interval, touched: int) -> bool:
    """Whether the differences are enough for an interval."""
    small_sample = touched == interval.n > 1 and interval.sd > 0
    return touched == 0 or touched >= TOUCHED_LEAST or small_sample


def _p(interval: Interval, touched: int) -> float:
    if not touched:
        return 1.0
    return cautious_p(interval) if _known(interval, touched) else math.nan


def _notes(interval: Interval, touched: int, ratio: float, left_out: int) -> list[str]:
    tail = abs(interval.skewness) > SKEWED and interval.n < ENOUGH_IF_SKEWED
    notes = {
        TOO_FEW: not _known(interval, touched) and touched < interval.n,
        FEW: interval.n < TOUCHED_LEAST,
        CONSTANT: touched > 0 and interval.n > 1 and interval.sd == 0,
        HEAVY_TAIL: tail and _known(interval, touched),
        NO_BENEFIT: ratio < BENEFIT_LEAST,
        f"{UNDEFINED} in {left_out} of {interval.n + left_out} replications": left_out > 0,
    }
    return [note for note, holds in notes.items() if holds]


def _correlation(base: np.ndarray, plan: np.ndarray) -> float:
    a, b = base - base.mean(), plan - plan.mean()
    if not (_spread(base) and _spread(plan)):
        return math.nan
    return float(np.clip(a @ b / math.sqrt((a @ a) * (b @ b)), -1, 1))


def _variance_ratio(base: np.ndarray, plan: np.ndarray, sd: float) -> float:
    if not sd > 0:
        return math.nan
    return float((base.var(ddof=1) + plan.var(ddof=1)) / sd**2)


def _spread(values: np.ndarray) -> bool:
    return bool(np.ptp(values) > DUST * np.abs(values).max())
