"""Indices, effects and bars of functions that have them in closed form, without and with replication noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from SALib.sample import morris as morris_sample
from SALib.sample import sobol as sobol_sample

from analysis.sensitivity.morris import Screening, morris
from analysis.sensitivity.sobol import EXPECTED, ONE, sobol
from analysis.sensitivity.tornado import tornado
from tests.theory.check import mean

ISHIGAMI_A, ISHIGAMI_B = 7.0, 0.1


def problem(keys: int, low: float = 0.0, high: float = 1.0) -> dict[str, object]:
    return {"num_vars": keys, "names": names(keys), "bounds": [[low, high]] * keys}


def names(keys: int) -> list[str]:
    return [f"policy.key_{place}" for place in range(keys)]


def frames(x: np.ndarray, y: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Points and results of a sweep: y by point and replication."""
    points = pd.DataFrame(x, columns=names(x.shape[1])).assign(number=np.arange(len(x)))
    n, count = y.shape
    results = pd.DataFrame({
        "number": np.repeat(np.arange(n), count), "replication": np.tile(np.arange(count), n), "metric": "arr",
        "value": y.ravel(),
    })  # fmt: skip
    return points, results


def indices(found: pd.DataFrame, of: str, keys: int) -> pd.DataFrame:
    return found[found["of"] == of].set_index("key").loc[names(keys)]


def covered(found: pd.DataFrame, first: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Which true indices lie in their intervals, shape (2, keys)."""
    truth = zip(("s1", "st"), (first, total), strict=True)
    return np.array([found[f"{name}_low"].le(value) & found[f"{name}_high"].ge(value) for name, value in truth])


def ishigami() -> tuple[np.ndarray, np.ndarray]:
    """First-order and total indices (Ishigami & Homma 1990)."""
    a, b = ISHIGAMI_A, ISHIGAMI_B
    one, two = 0.5 * (1 + b * np.pi**4 / 5) ** 2, a**2 / 8
    both = b**2 * np.pi**8 * (1 / 18 - 1 / 50)
    whole = one + two + both
    return np.array([one, two, 0]) / whole, np.array([one + both, two, both]) / whole


def test_the_indices_of_ishigami_lie_in_their_intervals() -> None:
    first, total = ishigami()
    hits, errors = [], []
    for seed in range(20):
        x = sobol_sample.sample(problem(3, -np.pi, np.pi), 512, calc_second_order=False, seed=seed + 1)
        y = np.sin(x[:, 0]) * (1 + ISHIGAMI_B * x[:, 2] ** 4) + ISHIGAMI_A * np.sin(x[:, 1]) ** 2
        found = indices(sobol(*frames(x, y[:, None]), names(3)), EXPECTED, 3)
        hits.append(covered(found, first, total))
        errors.append([found["s1"] - first, found["st"] - total])
    assert np.mean(hits) >= 0.9
    for error in np.reshape(errors, (20, 6)).T:
        assert abs(mean(error).value) < 4 * mean(error).error + 0.001
        assert mean(error).error < 0.015


def test_the_indices_of_a_linear_model_are_its_squared_weights() -> None:
    weights = np.array([3.0, 2.0, 1.0, 0.0])
    x = sobol_sample.sample(problem(4), 512, calc_second_order=True, seed=3)
    found = indices(sobol(*frames(x, (x @ weights)[:, None]), names(4), second_order=True), EXPECTED, 4)
    truth = weights**2 / (weights**2).sum()
    assert found["s1"].to_numpy() == pytest.approx(truth, abs=0.02)
    assert found["st"].to_numpy() == pytest.approx(truth, abs=0.02)
    assert covered(found, truth, truth).all()


@dataclass(frozen=True)
class Funnel:
    """Customers who pass three steps one by one, the chance of each step uniform between two bounds."""

    customers: int
    low = np.array([0.2, 0.4, 0.1])
    high = np.array([0.6, 0.9, 0.3])

    def chances(self, x: np.ndarray) -> np.ndarray:
        return self.low + (self.high - self.low) * x

    def truth(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the expected number: a product of independent factors with squared variations q."""
        q = (self.high - self.low) ** 2 / 12 / ((self.low + self.high) / 2) ** 2
        whole = np.prod(1 + q) - 1
        return q / whole, q * np.prod(1 + q) / (1 + q) / whole

    def shared(self, x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Numbers by point and replication, every customer with the same uniforms at all points."""
        p = self.chances(x)
        worlds = rng.random((count, self.customers, 3))
        return np.array([(u[None] < p[:, None]).all(axis=2).sum(axis=1) for u in worlds], dtype=float).T

    def independent(self, x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """The same with new uniforms at every point."""
        chance = self.chances(x).prod(axis=1)
        return rng.binomial(self.customers, chance[:, None], (len(x), count)).astype(float)


@pytest.mark.parametrize("common", [True, False])
def test_the_indices_of_a_noisy_funnel_lie_in_their_intervals(common: bool) -> None:
    funnel, hits, widths = Funnel(100), [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x = sobol_sample.sample(problem(3), 128, calc_second_order=False, seed=seed + 1)
        y = (funnel.shared if common else funnel.independent)(x, 6, rng)
        found = indices(sobol(*frames(x, y), names(3), common=common), EXPECTED, 3)
        hits.append(covered(found, *funnel.truth()))
        widths.append((found[["s1_high", "st_high"]].to_numpy() - found[["s1_low", "st_low"]].to_numpy()).mean())
    assert np.mean(hits) >= 0.9
    assert np.mean(widths) < 0.5


@pytest.mark.parametrize("common", [True, False])
def test_noise_is_taken_off_the_total_indices(common: bool) -> None:
    """Over many samples the error has mean 0; that of the averages themselves has not where noise is new everywhere."""
    funnel = Funnel(15)
    errors, plain = [], []
    for seed in range(16):
        rng = np.random.default_rng(100 + seed)
        x = sobol_sample.sample(problem(3), 64, calc_second_order=False, seed=seed + 1)
        y = (funnel.shared if common else funnel.independent)(x, 8, rng)
        found = indices(sobol(*frames(x, y), names(3), common=common), EXPECTED, 3)
        average = indices(sobol(*frames(x, y.mean(axis=1, keepdims=True)), names(3)), EXPECTED, 3)
        errors.append((found["st"] - funnel.truth()[1]).mean())
        plain.append((average["st"] - funnel.truth()[1]).mean())
    left, naive = mean(errors), mean(plain)
    assert abs(left.value) < 4 * left.error
    assert left.error < 0.03
    assert common or naive.value > 4 * naive.error


def test_the_indices_of_one_replication_are_those_of_its_own_function() -> None:
    """Replication r adds r x_0 to x_1: its indices are known, and their mean is not that of the expected metric."""
    x = sobol_sample.sample(problem(2), 512, calc_second_order=False, seed=5)
    slopes = np.array([0.0, 1.0, 2.0, 3.0])
    found = sobol(*frames(x, x[:, :1] * slopes + x[:, 1:]), names(2))
    each = slopes**2 / (slopes**2 + 1)
    one = indices(found, ONE, 2)
    assert one["s1"].to_numpy() == pytest.approx([each.mean(), 1 - each.mean()], abs=0.01)
    assert covered(one, *[np.array([each.mean(), 1 - each.mean()])] * 2).all()
    # the expected slope squared, without the noise of the four: the product of two different ones
    square = (slopes.sum() ** 2 - (slopes**2).sum()) / 12
    expected = np.array([square, 1]) / (square + 1)
    assert indices(found, EXPECTED, 2)["s1"].to_numpy() == pytest.approx(expected, abs=0.01)
    assert indices(found, EXPECTED, 2)["st"].to_numpy() == pytest.approx(expected, abs=0.01)


def test_the_share_of_noise_is_that_of_the_binomial() -> None:
    funnel = Funnel(100)
    x = sobol_sample.sample(problem(3), 512, calc_second_order=False, seed=2)
    chance = funnel.chances(x).prod(axis=1)
    noise, keys = (100 * chance * (1 - chance)).mean(), (100 * chance).var()
    rng = np.random.default_rng(8)
    found = sobol(*frames(x, funnel.independent(x, 8, rng)), names(3), common=False)
    assert found["noise_share"].iloc[0] == pytest.approx(noise / (noise + keys), abs=0.03)
    assert found["shared_share"].iloc[0] < 0.01
    rng = np.random.default_rng(9)
    assert sobol(*frames(x[:500], funnel.shared(x[:500], 8, rng)), names(3))["shared_share"].iloc[0] > 0.3


def test_the_effects_of_a_linear_model_are_its_weights() -> None:
    weights = np.array([4.0, -2.0, 0.5, 0.0])
    x = morris_sample.sample(problem(4, 10, 30), 10, num_levels=4, seed=1)
    found = morris(*frames(x, (x @ weights)[:, None]), names(4)).set_index("key").loc[names(4)]
    whole = weights * 20
    for column, truth in (("mu", whole), ("mu_star", np.abs(whole)), ("sigma", 0 * whole)):
        assert found[column].to_numpy() == pytest.approx(truth, abs=1e-9)
        assert found[f"{column}_low"].to_numpy() == pytest.approx(truth, abs=1e-9)
        assert found[f"{column}_high"].to_numpy() == pytest.approx(truth, abs=1e-9)


def test_the_effects_of_a_noisy_linear_model() -> None:
    weights, hits = np.array([4.0, -2.0, 0.0]), []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x = morris_sample.sample(problem(3), 20, num_levels=4, seed=seed + 1)
        y = (x @ weights)[:, None] + rng.normal(0, 0.5, (len(x), 8))
        found = morris(*frames(x, y), names(3), Screening(common=False)).set_index("key").loc[names(3)]
        hits.append(found["mu_low"].le(weights) & found["mu_high"].ge(weights))
        assert found["note"].tolist()[:2] == ["", ""]
        # one averaged effect is 1.5 times a difference of two means of 8
        assert found["noise"].to_numpy() == pytest.approx(np.sqrt(2 / np.pi) * 1.5 * 0.5 * np.sqrt(2 / 8), rel=0.25)
        assert found["mu_star"].iloc[2] == pytest.approx(found["noise"].iloc[2], rel=0.6)
    assert np.mean(hits) >= 0.8


def test_the_bars_of_a_linear_model_are_its_weights() -> None:
    weights = np.array([1.0, -3.0, 2.0])
    base = np.array([5.0, 5.0, 5.0])
    x = np.array([base, *(base + sign * step for step in np.eye(3) for sign in (-1, 1))])
    rng = np.random.default_rng(4)
    shifts = rng.normal(0, 100, 12)  # what all points of a replication share cancels
    found = tornado(*frames(x, (x @ weights)[:, None] + shifts), names(3))
    assert found["key"].tolist() == [names(3)[place] for place in (1, 2, 0)]
    ordered = weights[[1, 2, 0]]
    assert found["low_effect"].to_numpy() == pytest.approx(-ordered)
    assert found["high_effect"].to_numpy() == pytest.approx(ordered)
    assert found["swing_low"].to_numpy() == pytest.approx(2 * ordered)
    assert found["swing_high"].to_numpy() == pytest.approx(2 * ordered)
