"""Fronts, screening, measures and limits of plans, each against a case that can be worked out by hand."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom

from analysis.optimise.front import apart, pareto, ruled_out, spread_out
from analysis.optimise.measure import MEAN, QUANTILE, Goal, Limit, estimated, kept, units
from analysis.replications import willink


def test_a_front_is_what_no_other_plan_beats() -> None:
    means = np.array([[1, 5], [2, 4], [2, 3], [3, 1], [0, 5], [2, 4]], float)
    assert pareto(means).tolist() == [True, True, False, True, False, False]


def test_the_front_of_one_objective_is_the_first_largest() -> None:
    assert pareto(np.array([[1.0], [3.0], [2.0], [3.0]])).tolist() == [False, True, False, False]


def test_random_fronts_agree_with_the_definition() -> None:
    rng = np.random.default_rng(5)
    means = rng.integers(0, 6, (40, 3)).astype(float)
    found = pareto(means)
    for i, own in enumerate(means):
        beaten = any((other >= own).all() and (other > own).any() for other in means)
        twin = any((other == own).all() for other in means[:i])
        assert found[i] == (not beaten and not twin)


def test_plans_without_a_figure_beat_nobody_and_stay() -> None:
    means = np.array([[np.nan, 9], [1, 5], [1, 4], [np.nan, 9], [2, np.nan]], float)
    assert pareto(means).tolist() == [True, True, False, True, True]


@pytest.mark.parametrize("called", [pareto, lambda means: apart(means, means + 1)])
def test_memory_grows_with_the_plans_and_not_with_their_pairs(called: Callable[[np.ndarray], np.ndarray]) -> None:
    means = np.random.default_rng(7).standard_normal((2000, 3))
    tracemalloc.start()
    found = called(means)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0 < found.sum() < 2000
    assert peak < 10 * means.nbytes


def test_a_constant_lead_on_common_numbers_rules_out_however_noisy() -> None:
    rng = np.random.default_rng(1)
    noise = 1000 * rng.standard_normal(10)
    samples = np.stack([noise, noise + 1, noise + 1])[:, :, None]
    assert ruled_out(samples).tolist() == [True, False, False]


def test_screening_holds_the_best_plan_as_often_as_it_says() -> None:
    """Three equal plans on common numbers: any one is ruled out in at most 5 % of samples; a far one always."""
    rng = np.random.default_rng(2)
    lost = 0
    for _ in range(600):
        shared = rng.standard_normal((1, 8, 1))
        samples = shared + rng.standard_normal((4, 8, 1))
        samples[3] -= 20
        found = ruled_out(samples)
        assert found[3]
        lost += int(found[0])
    assert lost <= binom.ppf(0.999, 600, 0.05)
    assert lost > 0, "a bound that never fails is too wide"


def test_a_plan_that_is_better_somewhere_is_not_ruled_out() -> None:
    rng = np.random.default_rng(3)
    noise = 0.01 * rng.standard_normal((3, 9, 2))
    samples = noise + np.array([[1, 5], [2, 4], [1, 3]])[:, None]
    assert ruled_out(samples).tolist() == [False, False, True]


def test_one_value_tells_nothing_apart() -> None:
    assert not ruled_out(np.array([[[1.0]], [[9.0]]])).any()


def test_intervals_that_overlap_are_not_told_apart() -> None:
    lows, highs = np.array([[0.0], [2.0], [4.0], [np.nan]]), np.array([[1.0], [3.0], [6.0], [np.nan]])
    assert apart(lows, highs).tolist() == [True, True, False, False]


def test_the_ends_of_a_front_stay_and_the_crowd_goes() -> None:
    means = np.array([[0, 10], [1, 9], [1.1, 8.9], [1.2, 8.8], [6, 4], [10, 0]], float)
    assert spread_out(means, 4).tolist() == [0, 3, 4, 5]
    assert spread_out(means, 9).tolist() == list(range(6))


def test_draws_are_the_independent_values_where_there_are_several() -> None:
    outcomes = np.array([[1.0, 3.0], [5.0, 7.0], [9.0, 11.0]])
    assert units(outcomes).tolist() == [2, 6, 10]
    assert units(outcomes[:1]).tolist() == [1, 3]
    found = estimated(outcomes, Goal())
    plain = willink(np.array([2.0, 6.0, 10.0]))
    assert (found.value, found.low, found.high, found.n) == (plain.mean, plain.low, plain.high, 3)


@pytest.mark.parametrize(("largest", "value"), [(True, 2.0), (False, 19.0)])
def test_a_quantile_leaves_a_share_of_worse_outcomes(largest: bool, value: float) -> None:
    """Of 1 to 20 a tenth is at most 2, and a tenth at least 19."""
    found = estimated(np.arange(1.0, 21.0)[None], Goal(largest, QUANTILE, 0.1))
    assert found.value == value


def test_an_undefined_outcome_leaves_the_objective_undefined() -> None:
    outcomes = np.array([[1.0, np.nan, 3.0]])
    for measure in (MEAN, QUANTILE):
        assert np.isnan(estimated(outcomes, Goal(True, measure)).value)


@pytest.mark.parametrize(
    ("limit", "holds", "value", "excess"),
    [
        (Limit(0.0), True, 0.5, -0.5),
        (Limit(1.0), False, 0.5, 0.5),
        (Limit(0.0, least=False), False, 0.5, 0.5),
        (Limit(-0.5, True, 0.95), False, 0.9, 0.5),
        (Limit(-0.5, True, 0.9), True, 0.9, -0.5),
        (Limit(1.0, False, 1.0), True, 1.0, 0.0),
        (Limit(0.5, False, 0.9), False, 0.6, 0.5),
    ],
)
def test_limits_of_a_mean_and_of_a_share(limit: Limit, holds: bool, value: float, excess: float) -> None:
    """Of ten outcomes one is below 0, and four are above 0.5; their mean is 0.5."""
    outcomes = np.array([[-1.0, 0.0, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0]])
    found = kept(outcomes, limit)
    assert found.holds == holds
    assert found.estimate.value == pytest.approx(value)
    assert found.excess == pytest.approx(excess)


def test_a_limit_holds_exactly_where_the_share_reaches_the_probability() -> None:
    rng = np.random.default_rng(4)
    for _ in range(200):
        outcomes = rng.integers(-3, 4, (1, 12)).astype(float)
        probability = float(rng.choice([0.25, 0.5, 0.75, 0.9, 1.0]))
        found = kept(outcomes, Limit(0.0, True, probability))
        assert found.holds == ((outcomes >= 0).mean() >= probability)


def test_an_undefined_outcome_keeps_no_limit() -> None:
    outcomes = np.array([[np.nan, 5.0, 5.0, 5.0]])
    assert not kept(outcomes, Limit(0.0)).holds
    assert kept(outcomes, Limit(0.0, True, 0.75)).holds
    assert not kept(outcomes, Limit(0.0, True, 0.8)).holds
    assert kept(outcomes, Limit(0.0, True, 0.75)).estimate.value == 0.75
