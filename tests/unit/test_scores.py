"""Scores of forecasts: by hand, against closed forms of the normal distribution, and where they are undefined."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from analysis.evaluate import scores

TRAIN = np.array([1.0, 2.0, 4.0, 4.0, 5.0])
EVENLY = (np.arange(20_000) + 0.5) / 20_000
"""Probabilities at which a normal distribution is laid out in points of equal weight."""


def crps_of_normal(y: np.ndarray, mean: float, sd: float) -> np.ndarray:
    """Closed form: Gneiting, Raftery, Westveld & Goldman (2005), Monthly Weather Review 133, equation 5."""
    z = (y - mean) / sd
    return np.asarray(sd * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi)))


def test_scales_by_hand() -> None:
    assert scores.absolute_scale(TRAIN) == (1 + 2 + 0 + 1) / 4
    assert scores.absolute_scale(TRAIN, 2) == (3 + 2 + 1) / 3
    assert scores.squared_scale(TRAIN) == (1 + 4 + 0 + 1) / 4


def test_a_change_with_a_missing_end_does_not_count() -> None:
    holed = np.array([1.0, np.nan, 4.0, 5.0])
    assert scores.absolute_scale(holed) == 1
    assert scores.absolute_scale(holed, 2) == 3


def test_mase_and_rmsse_by_hand() -> None:
    y, forecast = np.array([6.0, 9.0]), np.array([5.0, 6.0])
    assert scores.mase(y, forecast, TRAIN) == 2
    assert scores.mase(y, forecast, TRAIN, 2) == 1
    assert scores.rmsse(y, forecast, TRAIN) == pytest.approx(np.sqrt(5 / 1.5))


def test_what_did_not_come_is_left_out() -> None:
    y, forecast = np.array([6.0, np.nan]), np.array([5.0, 6.0])
    assert scores.mase(y, forecast, TRAIN) == 1
    assert np.isnan(scores.mase(np.full(2, np.nan), forecast, TRAIN))
    assert np.isnan(scores.covered(y, forecast, forecast + 2)).tolist() == [False, True]
    assert np.isnan(scores.crps_points(y, np.zeros((3, 2)))).tolist() == [False, True]


@pytest.mark.parametrize("train", [[3.0, 3.0, 3.0], [3.0], [3.0, np.nan]])
def test_a_history_without_changes_scales_nothing(train: list[float]) -> None:
    y = np.array([4.0])
    assert np.isnan(scores.mase(y, y, np.array(train)))
    assert np.isnan(scores.rmsse(y, y, np.array(train)))


def test_interval_score_by_hand() -> None:
    y = np.array([5.0, 1.0, 11.0])
    assert scores.interval_score(y, np.full(3, 2.0), np.full(3, 10.0), 80) == pytest.approx([8, 8 + 10, 8 + 10])


def test_weighted_interval_score_by_hand() -> None:
    bounds = np.array([[[4.0], [6.0]], [[2.0], [10.0]]])
    found = scores.wis(np.array([11.0]), np.array([5.0]), bounds, (50, 80))
    assert found == pytest.approx([(6 / 2 + 0.25 * (2 + 4 * 5) + 0.1 * (8 + 10 * 1)) / 2.5])


def test_weighted_interval_score_is_the_mean_of_doubled_quantile_scores() -> None:
    y, levels = np.array([-1.3, 0.2, 2.9]), (50, 80, 95)
    tails = np.array([(1 - level / 100) / 2 for level in levels])
    bounds = np.stack([norm.ppf(tails), norm.ppf(1 - tails)], axis=1)[:, :, None] + np.zeros(3)
    at = [0.5, *tails, *(1 - tails)]
    doubled = [2 * scores.pinball(y, norm.ppf(p), p) for p in at]
    assert scores.wis(y, np.zeros(3), bounds, levels) == pytest.approx(np.mean(doubled, axis=0))


def test_expected_weighted_interval_score_of_the_true_normal() -> None:
    """E[IS] of a true normal interval (-u, u) is 4/alpha times the density at u; E|y| is twice that at 0."""
    levels = (50, 80, 95)
    upper = norm.ppf([(1 + level / 100) / 2 for level in levels])
    y = norm.ppf(EVENLY)
    bounds = np.stack([-upper, upper], axis=1)[:, :, None]
    theory = (norm.pdf(0) + 2 * norm.pdf(upper).sum()) / (len(levels) + 0.5)
    assert scores.wis(y, np.zeros(1), bounds, levels).mean() == pytest.approx(theory, abs=2e-4)


def test_with_ever_more_levels_it_comes_to_the_crps() -> None:
    y, levels = np.array([-4.0, 0.0, 1.5]), np.arange(0.5, 100, 0.5)
    upper = norm.ppf((1 + levels / 100) / 2)
    bounds = np.stack([-upper, upper], axis=1)[:, :, None]
    assert scores.wis(y, np.zeros(1), bounds, levels.tolist()) == pytest.approx(crps_of_normal(y, 0, 1), rel=0.01)


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (3.0, 0.5), (-100.0, 30.0)])
def test_crps_of_points_and_of_quantiles_is_that_of_the_normal(mean: float, sd: float) -> None:
    y = mean + sd * np.array([-3.0, -0.7, 0.0, 1.0, 4.0])
    points = np.repeat(norm.ppf(EVENLY, mean, sd)[:, None], len(y), axis=1)
    theory = crps_of_normal(y, mean, sd)
    assert scores.crps_points(y, points) == pytest.approx(theory, rel=1e-3)
    assert scores.crps_quantiles(y, points, EVENLY.tolist()) == pytest.approx(theory, rel=1e-3)


def test_crps_of_weighted_points_by_their_distances() -> None:
    rng = np.random.default_rng(3)
    points, weights, y = rng.normal(size=(7, 4)), rng.dirichlet(np.ones(7)), rng.normal(size=4)
    apart = np.abs(points[:, None] - points[None])
    theory = weights @ np.abs(points - y) - np.einsum("i,j,ijh->h", weights, weights, apart) / 2
    assert scores.crps_points(y, points, weights) == pytest.approx(theory)


def test_crps_of_one_point_is_the_absolute_error() -> None:
    assert scores.crps_points(np.array([3.0, -1.0]), np.array([[1.0, 1.0]])).tolist() == [2, 2]
    assert scores.crps_quantiles(np.array([3.0, -1.0]), np.array([[1.0, 1.0]]), [0.5]).tolist() == [2, 2]


def test_levels_that_lie_close_together_count_no_more() -> None:
    """0.5 stands for [0, 0.7], 0.9 for the rest; split in two, 0.9 and a close 0.9001 stand for the same rest."""
    y = np.array([2.0])
    two = scores.crps_quantiles(y, np.array([[0.0], [1.0]]), [0.5, 0.9])
    assert two == pytest.approx([2 * (0.7 * 0.5 * 2 + 0.3 * 0.9 * 1)])
    assert scores.crps_quantiles(y, np.array([[0.0], [1.0], [1.0]]), [0.5, 0.9, 0.9001]) == pytest.approx(two, rel=1e-3)


@pytest.mark.parametrize("probabilities", [[0.5, 0.4], [0.0, 0.5], [0.5, 1.0], [0.5, 0.5], []])
def test_probabilities_that_are_none(probabilities: list[float]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        scores.crps_quantiles(np.zeros(1), np.zeros((len(probabilities), 1)), probabilities)


@pytest.mark.parametrize(("mean", "sd"), [(0.5, 1.0), (0.0, 0.6), (0.0, 1.6)])
def test_another_distribution_than_the_true_one_scores_worse(mean: float, sd: float) -> None:
    y = norm.ppf((np.arange(2001) + 0.5) / 2001)
    levels = (80, 95)
    upper = norm.ppf([(1 + level / 100) / 2 for level in levels])
    bounds = np.stack([-upper, upper], axis=1)[:, :, None]
    assert crps_of_normal(y, mean, sd).mean() > crps_of_normal(y, 0, 1).mean()
    points = np.repeat(norm.ppf((np.arange(400) + 0.5) / 400)[:, None], len(y), axis=1)
    assert scores.crps_points(y, mean + sd * points).mean() > scores.crps_points(y, points).mean()
    other = scores.wis(y, np.full(1, mean), mean + sd * bounds, levels).mean()
    assert other > scores.wis(y, np.zeros(1), bounds, levels).mean()


def test_bounds_belong_to_the_interval() -> None:
    y = np.array([1.0, 2.0, 3.0, 0.9, 3.1])
    assert scores.covered(y, np.full(5, 1.0), np.full(5, 3.0)).tolist() == [1, 1, 1, 0, 0]
