"""Shifted-beta-geometric renewals: published parameters, hand-worked cases, the integral, Kaplan-Meier, coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import betaln
from scipy.stats import binom

from analysis.forecast import renewals
from analysis.forecast.renewals import (
    CONSTANT,
    POOLED,
    SBG,
    Decisions,
    decisions_of,
    fit_renewals,
    survival_of,
)
from analysis.forecast.sbg import CONCENTRATED, ShiftedBetaGeometric, constant, estimate, estimates
from analysis.retention import kaplan_meier

REGULAR = [100, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1, 22.3, 20.7, 19.4, 18.3, 17.3]
HIGH_END = [100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1, 46.8, 44.5, 42.7, 40.9, 39.4]
"""Per cent of two groups of customers left after 0 to 12 years: Fader & Hardie (2007), J. Interactive Marketing 21."""

FITTED_YEARS = 7
PUBLISHED = [(REGULAR, 0.704, 1.182, 0.35), (HIGH_END, 0.668, 3.806, 1.65)]
"""Survival, alpha, beta (ibidem) and the largest error in points of years 8 to 12."""


def cohort(curve: ShiftedBetaGeometric, size: int, years: int, rng: np.random.Generator) -> np.ndarray:
    """Survivors of customers who each have a probability of leaving of their own."""
    leaving = rng.beta(curve.alpha, curve.beta, size)
    lifetime = rng.geometric(np.maximum(leaving, 1e-12))
    return (lifetime[:, None] > np.arange(years + 1)).sum(axis=0).astype(float)


def likelihood(due: np.ndarray, kept: np.ndarray, alpha: float, beta: float) -> float:
    """Of lifetimes as published: ln B(alpha + 1, beta + t - 1) of who left at t, ln B(alpha, beta + T) of the rest."""
    lost, last = due - kept, len(due)
    left_at = betaln(alpha + 1, beta + np.arange(last)) @ lost
    return float(left_at + kept[-1] * betaln(alpha, beta + last) - due[0] * betaln(alpha, beta))


@pytest.mark.parametrize(("per_cent", "alpha", "beta", "largest"), PUBLISHED)
def test_published_parameters_and_projection(per_cent: list[float], alpha: float, beta: float, largest: float) -> None:
    survivors = np.array(per_cent) * 10
    found = fit_renewals(decisions_of([survivors[: FITTED_YEARS + 1]]))
    assert (found.model, found.note) == (SBG, "")
    assert round(found.curve.alpha, 3) == alpha
    assert round(found.curve.beta, 3) == beta
    projected = 100 * found.curve.survival(12)
    assert np.abs(projected - per_cent)[8:].max() < largest


@pytest.mark.parametrize(("per_cent", "alpha", "beta", "largest"), PUBLISHED)
def test_a_constant_rate_would_be_far_off(per_cent: list[float], alpha: float, beta: float, largest: float) -> None:
    """What the two parameters are for: with customers alike, survival falls geometrically."""
    decisions = decisions_of([np.array(per_cent[: FITTED_YEARS + 1]) * 10])
    alike = constant(decisions.due, decisions.kept)
    assert np.abs(100 * alike.survival(12) - per_cent)[8:].max() > 3 * largest


def test_curve_by_hand() -> None:
    """alpha = beta = 1: retention 1/2, 2/3, 3/4, so a share of 1/(t+1) is left."""
    curve = ShiftedBetaGeometric(1.0, 1.0)
    assert curve.retention(3) == pytest.approx([1 / 2, 2 / 3, 3 / 4])
    assert curve.survival(4) == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    assert curve.survival(0).tolist() == [1]
    expected = curve.expected(np.array([100.0, 60.0]), np.array([0, 2]), 2)
    assert expected.tolist() == [pytest.approx([50, 100 / 3]), pytest.approx([45, 36])]


@pytest.mark.parametrize(("alpha", "beta"), [(0.7, 1.2), (3.0, 8.0), (0.05, 0.4)])
def test_survival_is_the_mean_over_customers(alpha: float, beta: float) -> None:
    """S(t) is the expectation of (1 - leaving)^t over a Beta: B(alpha, beta + t) / B(alpha, beta)."""
    ages = np.arange(13)
    theory = np.exp(betaln(alpha, beta + ages) - betaln(alpha, beta))
    assert ShiftedBetaGeometric(alpha, beta).survival(12) == pytest.approx(theory, rel=1e-12)


def test_the_estimate_maximises_the_likelihood_of_lifetimes() -> None:
    decisions = decisions_of([np.array(REGULAR[:8]) * 10])
    found = estimate(decisions.due, decisions.kept)
    assert found is not None
    top = likelihood(decisions.due, decisions.kept, found.alpha, found.beta)
    for up, across in [(1.001, 1), (0.999, 1), (1, 1.001), (1, 0.999), (1.002, 1.002), (0.998, 0.998)]:
        assert likelihood(decisions.due, decisions.kept, found.alpha * up, found.beta * across) < top


def test_many_data_sets_at_once_have_the_estimates_of_each_alone() -> None:
    decisions = decisions_of([np.array(HIGH_END[:8])])
    start = ShiftedBetaGeometric(0.668, 3.806)
    due = np.tile(decisions.due.round(), (40, 1))
    kept = np.random.default_rng(3).binomial(due.astype(int), start.retention(len(decisions.due))).astype(float)
    together = [ShiftedBetaGeometric(*row).survival(12) for row in estimates(due, kept, start)]
    alone = [(estimate(*row) or start).survival(12) for row in zip(due, kept, strict=True)]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_where_the_rate_is_constant_customers_are_alike() -> None:
    """A rate of 90 % at every renewal: the curve is geometric."""
    survivors = 1e6 * 0.9 ** np.arange(7)
    found = fit_renewals(decisions_of([survivors]))
    assert found.curve.survival(12) == pytest.approx(0.9 ** np.arange(13), rel=1e-3)
    assert found.curve.alpha + found.curve.beta > CONCENTRATED / 100


def test_cohorts_of_different_ages_give_back_the_parameters() -> None:
    rng, truth = np.random.default_rng(7), ShiftedBetaGeometric(0.7, 1.2)
    found = fit_renewals(decisions_of([cohort(truth, 20_000, years, rng) for years in range(1, 9)]))
    error = found.draws.std(axis=0)
    assert abs(found.curve.alpha - truth.alpha) < 4 * error[0] < 0.2 * truth.alpha
    assert abs(found.curve.beta - truth.beta) < 4 * error[1] < 0.2 * truth.beta


def test_decisions_of_cohorts_by_hand() -> None:
    found = decisions_of([np.array([10, 8, 4, np.nan]), np.array([5, 5]), np.array([7.0])])
    assert found.due.tolist() == [15, 8]
    assert found.kept.tolist() == [13, 4]
    assert found.points == 2


def test_kaplan_meier_of_one_cohort_is_its_share_left() -> None:
    survivors = np.array([40.0, 31, 25, 25, 11])
    curve = survival_of(decisions_of([survivors]))
    assert curve.at(np.arange(5)) == pytest.approx(survivors / 40)


def test_kaplan_meier_with_cohorts_that_the_present_cuts_off() -> None:
    """By hand 13/15, then 4/8 of it; and the same as from every customer's own duration."""
    curve = survival_of(decisions_of([np.array([10.0, 8, 4]), np.array([5.0, 5])]))
    assert curve.at(np.array([0.0, 1.0, 2.0])) == pytest.approx([1, 13 / 15, 13 / 15 / 2])
    duration = np.repeat([1.0, 2.0, 2.0, 1.0], [2, 4, 4, 5])
    left = np.repeat([True, True, False, False], [2, 4, 4, 5])
    own = kaplan_meier(duration, left)
    np.testing.assert_allclose(curve.value, own.value)
    np.testing.assert_allclose(curve.at_risk, own.at_risk)


def test_beside_the_model_kaplan_meier_of_the_fitted_years() -> None:
    found = fit_renewals(decisions_of([np.array(REGULAR[:8]) * 10]))
    model = found.curve.survival(FITTED_YEARS)
    assert found.observed().at(np.arange(8)) == pytest.approx(model, abs=0.01)


def test_few_points_lean_on_the_pool_the_more_the_smaller_they_are() -> None:
    pool = decisions_of([np.array(HIGH_END) * 10])
    far = np.array([1.0, 0.5, 0.25])
    small, large = (fit_renewals(decisions_of([size * far]), pool) for size in (4, 4000))
    assert small.model == large.model == POOLED
    assert "there are 2: a pool was used as prior" in small.note
    shape = estimate(pool.due, pool.kept)
    assert shape is not None
    own, pooled = 0.5, shape.retention(1)[0]
    assert small.curve.retention(1)[0] == pytest.approx(pooled, abs=0.25 * (pooled - own))
    assert large.curve.retention(1)[0] == pytest.approx(own, abs=0.02)


def test_a_cohort_without_decisions_is_its_pool_and_as_unsure_as_the_weight_of_the_pool() -> None:
    """Retention at the first renewal spreads as a share of the decisions that the prior counts for, not of all."""
    pool = decisions_of([np.array(REGULAR) * 1000])
    found = fit_renewals(Decisions(np.array([]), np.array([])), pool)
    whole = fit_renewals(pool)
    assert found.curve.alpha == pytest.approx(whole.curve.alpha, rel=1e-3)
    assert found.curve.beta == pytest.approx(whole.curve.beta, rel=1e-3)
    assert found.draws[:, 0].std() > 5 * whole.draws[:, 0].std()


def test_the_weight_of_the_pool_is_told() -> None:
    """Half stay of the cohort's own and 86.9 % of the pool's: of 100 own decisions a prior of 100 goes half the way."""
    pool, own = decisions_of([np.array(HIGH_END[:2]) * 1000]), decisions_of([np.array([100.0, 50.0])])
    for prior in (20.0, 100.0, 500.0):
        between = (50 + 0.869 * prior) / (100 + prior)
        assert fit_renewals(own, pool, prior).curve.retention(1)[0] == pytest.approx(between, abs=1e-3)
    assert fit_renewals(own, pool).curve == fit_renewals(own, pool, renewals.PRIOR_DECISIONS).curve


def test_five_points_stand_on_their_own() -> None:
    pool, own = decisions_of([np.array(HIGH_END)]), decisions_of([np.array(REGULAR[:6]) * 10])
    assert fit_renewals(own, pool).curve == fit_renewals(own).curve
    assert fit_renewals(own, pool).model == SBG


def test_without_a_pool_few_points_have_a_constant_rate() -> None:
    found = fit_renewals(decisions_of([np.array([100.0, 90.0])]))
    assert found.model == CONSTANT
    assert "there are 1: the rate of renewal is taken as constant" in found.note
    assert found.curve.survival(5) == pytest.approx((90.5 / 101) ** np.arange(6), rel=1e-3)
    assert found.draws.std(axis=0).min() > 0


def test_where_nobody_left_the_curve_falls_all_the_same() -> None:
    found = fit_renewals(decisions_of([np.full(7, 50.0)]))
    assert found.model == CONSTANT
    assert "all or none renewed" in found.note
    assert 0.99 < found.curve.survival(1)[1] < 1
    assert found.outlook(np.array([50]), np.array([6]), 12).quantiles([0.025])[0, -1] < 50


@pytest.mark.parametrize(
    "survivors", [[3.0, 2, 2, 1, 1, 1], [1e6, 1e6 - 1, 1e6 - 2, 1e6 - 3, 5, 4], [9, 9, 9, 9, 9, 0]]
)
def test_awkward_cohorts_give_finite_numbers(survivors: list[float]) -> None:
    found = fit_renewals(decisions_of([np.array(survivors)]))
    view = found.outlook(np.array([survivors[-1] + 5]), np.array([5]), 8)
    assert np.isfinite(found.draws).all()
    assert np.isfinite(view.points).all()
    assert (np.diff(view.mean) <= 0).all()


@pytest.mark.parametrize(
    ("due", "kept", "word"),
    [([5.0], [6.0], "between none and all"), ([5.0, 5.0], [4.0, 3.0], "had renewed before"), ([5.0], [], "not of the")],
)
def test_impossible_decisions_are_refused(due: list[float], kept: list[float], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Decisions(np.array(due), np.array(kept))


def test_nothing_to_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="no renewal has been decided"):
        fit_renewals(decisions_of([np.array([7.0])]))
    with pytest.raises(ValueError, match="no cohort"):
        decisions_of([])
    with pytest.raises(ValueError, match="cannot grow"):
        decisions_of([np.array([7.0, 5.0, 6.0]), np.array([70.0, 50.0, 40.0])])


def test_paths_never_grow_and_scatter_as_the_theory_says() -> None:
    """With known parameters the number left of n is binomial with the survival from the age on."""
    curve = ShiftedBetaGeometric(0.7, 1.2)
    found = renewals.Renewals(SBG, curve, np.array([[0.7, 1.2]]), decisions_of([np.array([2.0, 1.0])]))
    paths = found.simulate(np.array([200, 90]), np.array([0, 3]), 4, 20_000, np.random.default_rng(5))
    assert paths.shape == (20_000, 2, 4)
    assert (np.diff(paths, axis=2) <= 0).all()
    survival = curve.survival(7)
    for place, (size, age) in enumerate([(200, 0), (90, 3)]):
        share = survival[age + 1 : age + 5] / survival[age]
        error = np.sqrt(size * share * (1 - share) / 20_000)
        assert (np.abs(paths[:, place].mean(axis=0) - size * share) < 4.5 * error).all()
        assert paths[:, place].var(axis=0) == pytest.approx(size * share * (1 - share), rel=0.06)


def test_what_is_not_known_of_one_cohort_is_not_known_of_the_others() -> None:
    found = fit_renewals(decisions_of([np.array(REGULAR[:8])]))
    paths = found.simulate(np.array([5000, 5000]), np.array([0, 0]), 5, 4000, np.random.default_rng(5))[:, :, -1]
    assert np.corrcoef(paths.T)[0, 1] > 0.5


def test_predictive_intervals_hold_what_they_say() -> None:
    """The eleventh year of simulated cohorts of which six renewals are known."""
    rng, truth, cohorts = np.random.default_rng(17), ShiftedBetaGeometric(0.7, 1.2), 100
    inside = 0
    for _ in range(cohorts):
        survivors = cohort(truth, 400, 11, rng)
        found = fit_renewals(decisions_of([survivors[:7]]))
        low, high = found.outlook(survivors[6:7], np.array([6]), 5).quantiles([0.1, 0.9])[:, -1]
        inside += bool(low <= survivors[11] <= high)
    assert binom.ppf(0.001, cohorts, 0.8) <= inside <= binom.ppf(0.999, cohorts, 0.8)
