"""The gate on worlds whose truth is known in closed form: the right model is inside, another is outside.

Theory: of x(t) = m + p (x(t-1) - m) + e, |p| < 1, the value h steps ahead is normal with mean m + p^h (x - m) and
variance s^2 (1 - p^(2h)) / (1 - p^2); of a random walk, with mean x and variance s^2 h. The expected weighted interval
score of a normal forecast that is right is its sd times a constant (``scores``), so that the ratio of the scores of two
forecasters is known as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from analysis.evaluate.backtest import BENCHMARK
from analysis.evaluate.scores import wis
from analysis.evaluate.skill import ENOUGH, INSIDE, OUTSIDE, best, coverage, skill
from analysis.evaluate.truth import Trial, judge, truth_table
from analysis.forecast.combine import Outlook, normal
from analysis.forecast.fitted import Fitted
from analysis.forecast.history import prepare
from analysis.forecast.registry import FORECASTERS
from analysis.forecast.run import Setup

LEVEL, P, SD, H = 100.0, 0.7, 5.0, 12
MONTHS = pd.date_range("2023-01-31", periods=36, freq="ME")


@dataclass(frozen=True)
class Known:
    """A forecaster that knows the process, with intervals of so many times the right width."""

    name: str
    p: float
    width: float = 1.0
    regressors: bool = False

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        last = float(y.iloc[-1])
        return Fitted(self.name, prepare(y, floor), partial(ahead, last, self.p, self.width))


def ahead(last: float, p: float, width: float, h: int) -> Outlook:
    step = np.arange(1, h + 1)
    return normal(LEVEL + p**step * (last - LEVEL), width * spread(p, h))


def spread(p: float, h: int) -> np.ndarray:
    """Closed form of the standard deviation, by adding up: right at p = 1 as well."""
    return SD * np.sqrt(np.cumsum(p ** (2 * np.arange(h))))


def worlds(p: float, count: int, seed: int) -> pd.DataFrame:
    """Independent worlds of the process, from its stationary distribution (a walk from its level)."""
    rng = np.random.default_rng(seed)
    x = np.empty((count, len(MONTHS)))
    x[:, 0] = LEVEL + rng.normal(0, SD / np.sqrt(1 - p**2) if p < 1 else SD, count)
    for place in range(1, len(MONTHS)):
        x[:, place] = LEVEL + p * (x[:, place - 1] - LEVEL) + rng.normal(0, SD, count)
    index = pd.MultiIndex.from_product([range(count), MONTHS], names=["replication", "ds"])
    return pd.DataFrame({"y": x.ravel()}, index=index).reset_index().assign(unique_id="a")


RIGHT, HALF, WALK = Known("right", P), Known("half", P, 0.5), Known("walk", 1.0)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for forecaster in (RIGHT, HALF, WALK):
        monkeypatch.setitem(FORECASTERS, forecaster.name, forecaster)


@cache
def judged(p: float, seed: int = 1) -> dict[str, pd.DataFrame]:
    """The whole way, from series through forecasters to tables."""
    trial = Trial(Setup(H, model=RIGHT.name, paths=2, structure=False), models=(HALF.name, WALK.name))
    return judge(worlds(p, ENOUGH, seed), trial)


@cache
def stated(p: float, seed: int = 1) -> pd.DataFrame:
    """The same forecasts as a table, written down from the closed forms."""
    wide = worlds(p, ENOUGH, seed).pivot(index="replication", columns="ds", values="y").to_numpy()
    known, came = wide[:, :-H], wide[:, -H:]
    step = np.arange(1, H + 1)
    right = LEVEL + p**step * (known[:, -1:] - LEVEL)
    walk = np.repeat(known[:, -1:], H, axis=1)
    walked = np.sqrt(np.mean((known[:, 12:] - known[:, :-12]) ** 2, axis=1, keepdims=True))
    return pd.concat(
        [
            rows(RIGHT.name, came, right, spread(p, H)),
            rows(HALF.name, came, right, spread(p, H) / 2),
            rows(WALK.name, came, walk, spread(1.0, H)),
            rows(BENCHMARK, came, known[:, -12:], walked),
        ]
    )


def rows(model: str, came: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> pd.DataFrame:
    """Normal forecasts (replications, steps) beside what came."""
    index = pd.MultiIndex.from_product([range(len(came)), range(1, H + 1)], names=["replication", "step"])
    bounds = {
        f"{side}-{level}": mean + sign * norm.ppf((1 + level / 100) / 2) * sd
        for level in (80, 95) for side, sign in (("lo", -1), ("hi", 1))
    }  # fmt: skip
    limits = np.array([[bounds[f"{side}-{level}"] for side in ("lo", "hi")] for level in (80, 95)])
    values = {"y": came, "mean": mean, **bounds, "wis": wis(came, mean, limits, (80, 95))}
    table = pd.DataFrame({name: value.ravel() for name, value in values.items()}, index=index).reset_index()
    return table.assign(unique_id="a", model=model, train=24)


def test_closed_form_of_the_spread() -> None:
    step = np.arange(1, H + 1)
    assert spread(P, H) == pytest.approx(SD * np.sqrt((1 - P ** (2 * step)) / (1 - P**2)))
    assert spread(1.0, H) == pytest.approx(SD * np.sqrt(step))


def test_the_right_model_is_inside_and_half_its_width_is_not() -> None:
    check_verdicts(coverage(stated(P)))


def check_verdicts(table: pd.DataFrame) -> None:
    covered = table.set_index(["model", "level"])
    assert covered.loc[(RIGHT.name, 95), "verdict"] == INSIDE
    assert covered.loc[(RIGHT.name, 80), "verdict"] == INSIDE
    assert covered.loc[(HALF.name, 95), "verdict"] == OUTSIDE
    for level in (80, 95):
        expected = 2 * norm.cdf(norm.ppf((1 + level / 100) / 2) / 2) - 1
        row = covered.loc[(HALF.name, level)]
        assert row["low"] - 0.01 <= expected <= row["high"] + 0.01
    assert covered.loc[(WALK.name, 95), "verdict"] == OUTSIDE, "a walk is too wide for what returns to its level"


def test_scores_have_the_expected_ratio() -> None:
    check_scores(skill(stated(P)), best(stated(P)))


def check_scores(by_step: pd.DataFrame, ranked: pd.DataFrame) -> None:
    """Seasonal naive on a stationary AR(1) misses by the difference of two values twelve months apart."""
    right, model = by_step[by_step["model"] == RIGHT.name].set_index("step"), ranked.set_index("model")
    assert model.index[model["best"]].tolist() == [RIGHT.name]
    assert not model.loc[HALF.name, "alike"]
    naive = np.sqrt(2 * (1 - P**12) / (1 - P**2)) * SD
    for step in (1, 4, 12):
        row = right.loc[step]
        assert row["low"] - 0.03 <= 1 - spread(P, H)[step - 1] / naive <= row["high"] + 0.03
    assert right.loc[1, "low"] > right.loc[12, "skill"]


def test_a_random_walk_is_inside_with_its_own_model() -> None:
    table = stated(1.0)
    covered = coverage(table).set_index(["model", "level"])["verdict"]
    assert covered[(WALK.name, 95)] == INSIDE
    assert covered[(HALF.name, 95)] == OUTSIDE
    assert (skill(table).query("model == 'walk'")["skill"] > 0).all()


def test_the_right_model_is_inside_in_every_source_and_the_others_in_none() -> None:
    said = set()
    for seed in range(2, 7):
        covered = coverage(stated(P, seed)).set_index(["model", "level"])["verdict"]
        said.add(tuple(covered[(model.name, 95)] for model in (RIGHT, HALF, WALK)))
    assert said == {(INSIDE, OUTSIDE, OUTSIDE)}


def test_forecasters_are_judged_as_their_closed_forms() -> None:
    """The whole way gives the table that is written down, on a part of the worlds."""
    some = worlds(P, ENOUGH, 1).query("replication < 12")
    trial = Trial(Setup(H, model=RIGHT.name, paths=2, structure=False), models=(HALF.name,))
    key, figures = ["model", "replication", "step"], ["y", "mean", "lo-80", "hi-80", "lo-95", "hi-95", "wis"]
    found = truth_table(some, trial)[0].set_index(key)[figures].sort_index()
    wanted = stated(P).set_index(key)[figures].loc[found.index]
    assert len(found) == 3 * 12 * H
    np.testing.assert_allclose(found, wanted, rtol=2e-3)


@pytest.mark.slow
def test_the_whole_way_at_full_size() -> None:
    found = judged(P)
    check_verdicts(found["truth_coverage"])
    check_scores(found["truth_skill"], found["truth_best"])
