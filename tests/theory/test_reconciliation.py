"""Reconciliation against its theory: generalised least squares, unbiasedness, least variance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.forecast.hierarchy import Hierarchy, reconcile, tree
from analysis.forecast.joint import joined
from analysis.forecast.reconcile import METHODS, nearest, weights

LEAVES = 6


def hierarchy() -> Hierarchy:
    """Six leaves in three groups in one whole."""
    table = pd.DataFrame({"group": list("aabbcc"), "leaf": list("123456")})
    return tree(table, ["group", "leaf"])


def covariance(seed: int = 5) -> np.ndarray:
    """A full covariance of the errors of all nodes."""
    rng = np.random.default_rng(seed)
    root = rng.normal(0, 1, (10, 10))
    return root @ root.T + np.diag(rng.uniform(0.5, 2, 10))


def constraints(summing: np.ndarray) -> np.ndarray:
    """Rows that are zero for values that add up: node less its leaves."""
    above = len(summing) - LEAVES
    return np.hstack([np.eye(above), -summing[:above]])


def test_it_is_the_least_squares_formula_of_the_constraints() -> None:
    """The same minimum by Lagrange multipliers: y - W C' (C W C')^-1 C y."""
    summing, w = hierarchy().summing, covariance()
    rng = np.random.default_rng(6)
    base, c = rng.normal(0, 10, (10, 30)), constraints(hierarchy().summing)
    expected = base - w @ c.T @ np.linalg.solve(c @ w @ c.T, c @ base)
    np.testing.assert_allclose(summing @ nearest(base, summing, w, None), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_unbiased_forecasts_stay_unbiased(method: str) -> None:
    """S G S = S: what adds up is left alone, so that the mean of errors that add up to nothing stays nothing."""
    tree, rng = hierarchy(), np.random.default_rng(7)
    truth = tree.summing @ rng.uniform(10, 50, LEAVES)
    errors = rng.multivariate_normal(np.zeros(10), covariance(), 60)
    draws = truth[:, None] + rng.multivariate_normal(np.zeros(10), covariance(), 40_000).T
    found = reconcile(draws[:, :, None], tree, method, errors)[:, :, 0]
    se = found.std(axis=1) / np.sqrt(found.shape[1])
    assert (np.abs(found.mean(axis=1) - truth) < 4.5 * se).all()


def test_the_spread_of_reconciled_paths_is_that_of_the_theory() -> None:
    """Cov = S (S' W^-1 S)^-1 S', and no node is wider than before."""
    summing, w = hierarchy().summing, covariance()
    rng = np.random.default_rng(8)
    draws = rng.multivariate_normal(np.zeros(10), w, 60_000).T
    found = np.cov(summing @ nearest(draws, summing, w, None))
    expected = summing @ np.linalg.inv(summing.T @ np.linalg.solve(w, summing)) @ summing.T
    np.testing.assert_allclose(found, expected, atol=0.03 * expected.max())
    assert (np.diag(expected) <= np.diag(w) + 1e-9).all()


def test_structural_weights_halve_the_errors_of_two_leaves() -> None:
    """Whole y, leaves a and b: each leaf gains a quarter of y - a - b at weights 2, 1, 1."""
    two = tree(pd.DataFrame({"leaf": ["a", "b"]}), ["leaf"])
    base = np.array([10.0, 3.0, 3.0])[:, None, None]
    found = reconcile(base, two, "wls_struct")[:, 0, 0]
    np.testing.assert_allclose(found, [8.0, 4.0, 4.0])


def test_estimated_weights_beat_the_base_at_every_level_but_the_leaves() -> None:
    """Worlds of random walks seen through noise, forecast by what was last: errors known from 60 steps only.

    The whole and its groups gain, on average over worlds, by more than twice the standard error.
    """
    tree = hierarchy()
    gains = np.array([_gain(tree, seed) for seed in range(150)])
    mean, se = gains.mean(axis=0), gains.std(axis=0) / np.sqrt(len(gains))
    assert (mean[:4] > 2 * se[:4]).all()
    assert mean.sum() > 2 * gains.sum(axis=1).std() / np.sqrt(len(gains))


def _gain(tree: Hierarchy, seed: int) -> np.ndarray:
    """Squared error of the base less that of MinT, by node: each node is smoothed at a rate of its own."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0, 1, (LEAVES, 90)).cumsum(axis=1) * 0.3
    leaves = level + rng.normal(0, 1, (LEAVES, 90)) + rng.normal(0, 0.7, 90)
    y = tree.summing @ leaves
    alpha = rng.uniform(0.1, 0.9, len(y))
    state, errors = y[:, 0].copy(), np.zeros_like(y)
    for t in range(1, 90):
        errors[:, t] = y[:, t] - state
        state = state + alpha * errors[:, t]
    base = y - errors
    found = tree.summing @ nearest(
        base[:, 61:], tree.summing, weights(tree.summing, "mint_shrink", errors[:, 1:61].T), None
    )
    return np.asarray(np.mean((y - base)[:, 61:] ** 2 - (y[:, 61:] - found) ** 2, axis=1))


def test_sums_of_joined_leaves_have_the_variance_of_the_sum() -> None:
    """Normal leaves of correlation r: the variance of the whole is 1' R 1, at every step."""
    correlation = 0.5 * np.ones((LEAVES, LEAVES)) + 0.5 * np.eye(LEAVES)
    rng = np.random.default_rng(3)
    paths = rng.normal(0, 1, (LEAVES, 6000, 4))
    whole = joined(paths, correlation, np.random.default_rng(4)).sum(axis=0)
    np.testing.assert_allclose(whole.var(axis=0), correlation.sum(), rtol=0.08)
    np.testing.assert_allclose(paths.sum(axis=0).var(axis=0), LEAVES, rtol=0.08)
