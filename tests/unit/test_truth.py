"""Judging by worlds whose future is known: what forecasters see, what is scored, and what the tables make of it."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.evaluate import scores, skill
from analysis.evaluate.backtest import BENCHMARK
from analysis.evaluate.skill import ENOUGH, FEW, INSIDE, OUTSIDE, Losses, verdict
from analysis.evaluate.truth import Trial, judge, truth_table
from analysis.forecast.combine import Outlook, normal
from analysis.forecast.fitted import Fitted
from analysis.forecast.history import prepare
from analysis.forecast.registry import FORECASTERS
from analysis.forecast.run import Setup

MEAN, SD, H = 50.0, 4.0, 6
MONTHS = pd.date_range("2023-01-31", periods=30, freq="ME")


class Exact:
    """Knows the distribution that the months are drawn from, and keeps what it was shown."""

    name, regressors = "exact", False

    def __init__(self) -> None:
        self.shown: list[pd.Series] = []

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        self.shown.append(y)
        return Fitted(self.name, prepare(y, floor), known)


def known(h: int) -> Outlook:
    return normal(np.full(h, MEAN), np.full(h, SD))


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> Exact:
    forecaster = Exact()
    monkeypatch.setitem(FORECASTERS, Exact.name, forecaster)
    return forecaster


def noise(replications: int, metrics: tuple[str, ...] = ("a",), seed: int = 3) -> pd.DataFrame:
    """Independent normal months."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([metrics, range(replications), MONTHS], names=["unique_id", "replication", "ds"])
    return pd.DataFrame({"y": rng.normal(MEAN, SD, len(index))}, index=index).reset_index()


def trial(**changes: Any) -> Trial:
    return Trial(Setup(H, (80, 95), Exact.name, paths=50), **changes)


def scored(values: dict[str, np.ndarray], train: int = 24) -> pd.DataFrame:
    """A table with these weighted interval scores (replications, steps) by model."""
    rows = [
        {"unique_id": "a", "replication": r, "model": model, "train": train, "step": s + 1, "wis": wis}
        for model, table in values.items() for r, row in enumerate(table) for s, wis in enumerate(row)
    ]  # fmt: skip
    return pd.DataFrame(rows)


# What forecasters see and what is scored


def test_a_row_for_every_series_replication_model_and_step(exact: Exact) -> None:
    table, failures = truth_table(noise(3, ("a", "b")), trial())
    assert len(table) == 2 * 3 * 2 * H
    assert failures.empty
    assert table.columns.tolist() == [
        "unique_id", "replication", "model", "train", "step", "ds", "y", "mean",
        "lo-80", "hi-80", "lo-95", "hi-95", "wis", "scale",
    ]  # fmt: skip
    assert set(table["model"]) == {Exact.name, BENCHMARK}
    assert table.loc[table["step"] == 1, "ds"].unique().tolist() == [MONTHS[24]]


def test_nothing_after_the_cutoff_is_shown_and_what_came_is_what_is_stored(exact: Exact) -> None:
    series = noise(2)
    table, _ = truth_table(series, trial())
    assert [y.index[-1] for y in exact.shown] == [MONTHS[23]] * 2
    stored = series.set_index(["replication", "ds"])["y"]
    own = table[table["model"] == Exact.name].set_index(["replication", "ds"])["y"]
    pd.testing.assert_series_equal(own, stored.loc[own.index])


def test_shorter_histories_are_scored_on_the_same_months(exact: Exact) -> None:
    table, _ = truth_table(noise(2), trial(train=(6, 12, 99)))
    assert sorted({len(y) for y in exact.shown}) == [6, 12, 24]
    assert {len(y): y.index[-1] for y in exact.shown} == dict.fromkeys((6, 12, 24), MONTHS[23])
    assert sorted(table["train"].unique()) == [6, 12, 24]
    assert table.groupby("train")["ds"].agg(["min", "max"]).drop_duplicates().to_numpy().tolist() == [
        [MONTHS[24], MONTHS[29]]
    ]


def test_further_models_are_compared_on_the_whole_history_alone(exact: Exact) -> None:
    table, _ = truth_table(noise(2), trial(train=(12,), models=("ses",)))
    assert table[table["model"] == "ses"]["train"].unique().tolist() == [24]


def test_a_cutoff_may_be_given(exact: Exact) -> None:
    table, _ = truth_table(noise(1), trial(cutoff=MONTHS[14]))
    assert table["ds"].min() == MONTHS[15]
    assert exact.shown[0].index[-1] == MONTHS[14]


def test_the_score_is_that_of_the_stated_distribution(exact: Exact) -> None:
    table, _ = truth_table(noise(4), trial())
    own = table[table["model"] == Exact.name]
    quantiles = normal(np.zeros(1), np.ones(1)).quantiles([0.1, 0.9, 0.025, 0.975])[:, 0] * SD + MEAN
    bounds = np.repeat(quantiles.reshape(2, 2, 1), len(own), axis=2)
    wanted = scores.wis(own["y"].to_numpy(), np.full(len(own), MEAN), bounds, (80, 95))
    assert own["wis"].to_numpy() == pytest.approx(wanted, rel=1e-3)


def test_what_did_not_come_is_not_scored(exact: Exact) -> None:
    series = noise(2)
    series.loc[(series["replication"] == 1) & (series["ds"] == MONTHS[25]), "y"] = np.nan
    table, _ = truth_table(series, trial())
    assert table["wis"].isna().sum() == 2
    assert skill.coverage(table)["covered"].notna().all()


def test_a_series_without_a_known_month_is_a_failure_and_stops_no_other(exact: Exact) -> None:
    series = noise(2, ("a", "b"))
    series.loc[(series["unique_id"] == "b") & (series["ds"] <= MONTHS[23]), "y"] = np.nan
    table, failures = truth_table(series, trial())
    assert set(table["unique_id"]) == {"a"}
    assert failures[["unique_id", "replication", "model"]].to_numpy().tolist() == [["b", 0, "exact"], ["b", 1, "exact"]]
    assert failures["reason"].str.len().min() > 5


def test_a_replication_without_any_forecast_stops_no_other(exact: Exact) -> None:
    series = noise(2)
    series.loc[(series["replication"] == 1) & (series["ds"] <= MONTHS[23]), "y"] = np.nan
    table, failures = truth_table(series, trial())
    assert set(table.loc[table["model"] == "exact", "replication"]) == {0}
    assert table["y"].notna().all()
    assert failures["replication"].tolist() == [1]


def test_no_forecast_at_all_is_said(exact: Exact, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.evaluate.truth._naive", lambda series, setup: series[["unique_id", "ds"]].head(0))
    with pytest.raises(ValueError, match="nothing could be forecast: "):
        truth_table(noise(2).assign(y=np.nan), trial())


def test_what_is_known_beside_the_past_reaches_its_series(exact: Exact) -> None:
    def informed(replication: int, cutoff: pd.Timestamp) -> dict[str, Callable[[Fitted], Fitted]]:
        assert cutoff == MONTHS[23]
        return {"a": partial(moved, by=100.0 * replication)}

    table, _ = truth_table(noise(2, ("a", "b")), trial(), informed=informed)
    own = table[(table["model"] == Exact.name) & (table["step"] == 1)].set_index(["unique_id", "replication"])["mean"]
    assert own.to_dict() == {("a", 0): MEAN, ("a", 1): MEAN + 100, ("b", 0): MEAN, ("b", 1): MEAN}


def moved(fitted: Fitted, by: float) -> Fitted:
    return Fitted(fitted.model, fitted.history, lambda h: normal(np.full(h, MEAN + by), np.full(h, SD)))


def test_chosen_models_are_those_of_the_judged_setup() -> None:
    """They hold for the series that they were chosen for, and not for the models it is compared with."""
    series = noise(1, ("a", "b"))
    setup = Setup(H, (80,), "holt", paths=50, chosen={"a": "ses"})
    judged = truth_table(series, Trial(setup, ("damped",)))[0]
    for name, model, asked in (("a", "ses", "holt"), ("b", "holt", "holt"), ("a", "damped", "damped")):
        plain = truth_table(series, Trial(replace(setup, model=model, chosen={})))[0]
        found = judged.loc[(judged["unique_id"] == name) & (judged["model"] == asked), "mean"]
        assert found.tolist() == plain.loc[(plain["unique_id"] == name) & (plain["model"] == model), "mean"].tolist()


def test_the_naive_forecast_is_of_the_given_frequency() -> None:
    """Business days that are said to be days: both sides of the comparison forecast the weekend."""
    days = pd.bdate_range("2024-01-01", periods=60)
    series = pd.DataFrame({"unique_id": "a", "replication": 0, "ds": days, "y": np.arange(60.0) % 5})
    table, _ = truth_table(series, Trial(Setup(5, (80,), "ses", paths=50, frequency="D")))
    steps = table.groupby("model")["ds"].agg(list)
    assert steps["ses"] == steps[BENCHMARK] == list(days[-5:-2])


def test_what_makes_no_sense_is_refused(exact: Exact) -> None:
    with pytest.raises(ValueError, match="no such forecaster: crystal_ball"):
        truth_table(noise(1), trial(models=("crystal_ball",)))
    with pytest.raises(ValueError, match="none before or none after the cutoff 2022"):
        truth_table(noise(1), trial(cutoff=pd.Timestamp("2022-12-31")))
    with pytest.raises(ValueError, match="length of history"):
        truth_table(noise(1), trial(train=(0,)))


def test_work_may_be_spread() -> None:
    """Jobs do not depend on each other and can be sent to another process."""

    def backwards(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        done = [pickle.loads(pickle.dumps(function))(pickle.loads(pickle.dumps(item))) for item in reversed([*items])]
        return done[::-1]

    plain = Trial(Setup(H, model="ses", paths=50))
    one, other = (judge(noise(3, ("arr", "b")), plain, mapper) for mapper in (map, backwards))
    for name, frame in one.items():
        pd.testing.assert_frame_equal(frame, other[name])


# What the tables say


def test_few_replications_are_never_judged(exact: Exact) -> None:
    found = judge(noise(24), trial())["truth_coverage"]
    assert found["verdict"].tolist() == [FEW] * 4
    own = found[(found["model"] == Exact.name) & (found["level"] == 95)].iloc[0]
    assert own["low"] < 0.95 < own["high"]
    assert own["replications"] == 24


@pytest.mark.parametrize(
    ("interval", "level", "replications", "said"),
    [
        ((0.94, 0.96), 95, ENOUGH, INSIDE), ((0.90, 0.931), 95, ENOUGH, INSIDE), ((0.90, 0.929), 95, ENOUGH, OUTSIDE),
        ((0.971, 0.99), 95, ENOUGH, OUTSIDE), ((0.81, 0.83), 80, ENOUGH, INSIDE), ((0.83, 0.85), 80, ENOUGH, OUTSIDE),
        ((0.94, 0.96), 95, ENOUGH - 1, FEW), ((np.nan, np.nan), 95, ENOUGH, OUTSIDE),
    ],
)  # fmt: skip
def test_the_verdict(interval: tuple[float, float], level: int, replications: int, said: str) -> None:
    assert verdict(interval, level, replications) == said


def test_where_all_replications_agree_coverage_has_the_interval_of_as_many_trials() -> None:
    low, high = skill.covered_bounds(Losses(np.ones((20, 12))))
    assert high == 1.0
    assert low == pytest.approx(1 / (1 + 1.959964**2 / 20))
    assert np.isnan(skill.covered_bounds(Losses(np.ones((4, 12))))).all()


def test_replications_are_the_units_not_months() -> None:
    """Twelve equal months of a replication say no more than one."""
    values = np.random.default_rng(8).normal(10, 1, (60, 1))
    one, twelve = (skill.mean_bounds(Losses(np.repeat(values, k, axis=1))) for k in (1, 12))
    assert twelve == pytest.approx(one)
    assert one[1] - one[0] == pytest.approx(2 * 1.96 * values.std() / np.sqrt(60), rel=0.1)


def test_skill_by_hand() -> None:
    own, naive = np.array([[1.0, 3.0]] * 6), np.array([[2.0, 4.0]] * 6)
    found = skill.skill(scored({"own": own, BENCHMARK: naive})).set_index("step")
    assert found["skill"].to_dict() == {"all": pytest.approx(1 / 3), 1: 0.5, 2: 0.25}
    assert found.loc[2, ["wis", "naive_wis", "low", "high"]].tolist() == [3.0, 4.0, 0.25, 0.25]


def test_skill_is_paired_by_replication() -> None:
    """Worlds differ a hundredfold in scale, the ratio of the two never: its interval has no width."""
    naive = np.geomspace(1, 100, 30)[:, None] * np.ones((1, 3))
    row = skill.skill(scored({"own": 0.7 * naive, BENCHMARK: naive})).iloc[0]
    assert row[["skill", "low", "high"]].tolist() == pytest.approx([0.3] * 3)


def test_a_replication_that_one_side_lacks_does_not_count() -> None:
    own, naive = np.array([[1.0]] * 6 + [[np.nan]]), np.array([[2.0]] * 6 + [[100.0]])
    row = skill.skill(scored({"own": own, BENCHMARK: naive})).iloc[0]
    assert (row["skill"], row["replications"]) == (0.5, 6)


def test_history_is_enough_where_the_interval_is_above_none() -> None:
    rng = np.random.default_rng(6)
    naive = rng.gamma(4, 1, (80, 3))
    parts = [scored({"own": naive * factor, BENCHMARK: naive}, train) for train, factor in ((6, 1.2), (24, 0.8))]
    found = skill.history(pd.concat(parts)).set_index("train")
    assert found["skill"].round(9).to_dict() == {6: -0.2, 24: 0.2}
    assert found["beats"].to_dict() == {6: False, 24: True}


def test_models_are_compared_by_paired_differences() -> None:
    """Two models differ by .1 in worlds that differ by far more; a third is as good as the best."""
    rng = np.random.default_rng(7)
    world = rng.gamma(4, 5, (100, 1))
    values = {
        "best": world + rng.normal(0, 0.05, (100, 3)),
        "alike": world + rng.normal(0.001, 0.05, (100, 3)),
        "worse": world + rng.normal(0.1, 0.05, (100, 3)),
        BENCHMARK: 2 * world * np.ones((1, 3)),
    }
    found = skill.best(scored(values)).set_index("model")
    assert found["best"].sum() == 1
    assert found["alike"].to_dict() == {"best": True, "alike": True, "worse": False, BENCHMARK: False}
    assert found.loc["worse", "low"] < 0.1 < found.loc["worse", "high"]
    assert found.loc["best", "ratio"] == pytest.approx(0.5, abs=0.01)


def test_the_longest_history_counts_for_coverage_and_skill(exact: Exact) -> None:
    table, _ = truth_table(noise(6), trial(train=(12,)))
    pd.testing.assert_frame_equal(skill.coverage(table), skill.coverage(table[table["train"] == 24]))
