"""Intervals over replications: known values, coverage, and how many replications are enough."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, t

from analysis.replications import (
    ENOUGH_IF_SKEWED,
    FIRST,
    HEAVY_TAIL,
    LOOKS,
    Interval,
    Precision,
    more_replications,
    order_quantile,
    willink,
    willink_bounds,
    wilson,
)


def test_without_skewness_willinks_interval_is_students() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    found = willink(values)
    half = t.ppf(0.975, 4) * values.std(ddof=1) / math.sqrt(5)
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half))
    assert found.skewness == pytest.approx(0)


def test_willinks_formula_term_by_term() -> None:
    x = np.array([1.0, 2.0, 3.0, 10.0])
    n, mean, sd = 4, 4.0, x.std(ddof=1)
    third = n * ((x - mean) ** 3).sum() / ((n - 1) * (n - 2))
    a = third / (6 * math.sqrt(n) * sd**3)
    q = t.ppf(0.975, n - 1)
    bounds = [mean - (np.cbrt(1 + 6 * a * (s * q - a)) - 1) / (2 * a) * sd / math.sqrt(n) for s in (1, -1)]
    assert (willink(x).low, willink(x).high) == pytest.approx(bounds)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("draw", "mean", "low", "high"),
    [
        (lambda r, s: r.normal(size=s), 0.0, 0.945, 0.955),
        (lambda r, s: r.exponential(size=s), 1.0, 0.938, 0.955),
        (lambda r, s: np.exp(1.5 * r.normal(size=s)), math.exp(1.125), 0.87, 0.92),
    ],
    ids=["normal", "exponential", "lognormal"],
)
def test_coverage_at_twenty_replications(draw: object, mean: float, low: float, high: float, seed: int) -> None:
    samples = draw(np.random.default_rng(seed), (20_000, 20))  # type: ignore[operator]
    lower, upper = willink_bounds(samples)
    assert low <= float(((lower <= mean) & (mean <= upper)).mean()) <= high


def test_few_and_equal_and_undefined_values() -> None:
    assert willink(np.array([])).n == 0
    assert math.isnan(willink(np.array([])).mean)
    one = willink(np.array([np.nan, 3.0]))
    assert (one.mean, one.n) == (3.0, 1)
    assert math.isnan(one.low)
    same = willink(np.full(20, 0.1))
    assert (same.low, same.high) == pytest.approx((0.1, 0.1))
    assert math.isnan(same.skewness)
    two = willink(np.array([1.0, 2.0]))
    assert two.high - two.low == pytest.approx(2 * t.ppf(0.975, 1) * 0.5)


def test_a_heavy_tail_is_said_until_there_are_enough() -> None:
    tail = np.concatenate((np.zeros(19), [100.0]))
    assert willink(tail).warning == HEAVY_TAIL
    assert willink(np.tile(tail, 3)).warning == ""
    assert willink(-tail).warning == ""


def test_wilson() -> None:
    assert wilson(3, 20) == pytest.approx((0.15, 0.0523687, 0.3604189), abs=1e-6)
    assert wilson(0, 10)[:2] == (0, 0)
    assert wilson(10, 10)[::2] == (1, 1)
    assert all(math.isnan(v) for v in wilson(0, 0))


def test_quantile_between_order_statistics() -> None:
    x = np.arange(20.0, 0.0, -1.0)
    assert order_quantile(x, 0.5) == (10, 6, 15)
    inside = sum(binom.pmf(k, 20, 0.5) for k in range(6, 15))
    assert inside >= 0.95
    estimate, low, high = order_quantile(x, 0.95)
    assert (estimate, low) == (19, 17)
    assert math.isnan(high)


def interval(mean: float, half: float, n: int, warning: str = "") -> Interval:
    return Interval(mean, mean - half, mean + half, 1.0, n, 0.0, warning)


def test_precision_takes_the_wider_of_its_targets() -> None:
    assert Precision(0.5, 0.1).reached(interval(2.0, 0.5, 20))
    assert Precision(0.5, 0.1).reached(interval(10.0, 1.0, 20))
    assert not Precision(0.5, 0.1).reached(interval(2.0, 0.51, 20))
    assert not Precision(0.5, 0.1).reached(interval(2.0, 0.1, 20, HEAVY_TAIL))


def test_a_figure_near_zero_needs_an_absolute_target() -> None:
    with pytest.raises(ValueError, match="absolute"):
        Precision(relative=0.1).reached(interval(0.1, 0.5, 20))


def test_replications_grow_by_half_and_stop() -> None:
    wide, precise = interval(10.0, 5.0, 20), Precision(absolute=1.0)
    assert more_replications(interval(10.0, 5.0, 5), precise, 1) == FIRST
    assert more_replications(wide, precise, 1) == 30
    assert more_replications(interval(10.0, 1.05, 20), precise, 1) == 23
    assert more_replications(interval(10.0, 0.9, 20), precise, 1) == 20
    assert more_replications(wide, precise, LOOKS) == 20
    assert more_replications(interval(10.0, 0.9, 40, HEAVY_TAIL), precise, 1) == ENOUGH_IF_SKEWED
