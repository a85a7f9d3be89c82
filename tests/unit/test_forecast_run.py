"""Forecasts of tables of series: one table, paths, failures, the same results however the work is spread."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.forecast.fitted import Fitted
from analysis.forecast.results import columns, stream
from analysis.forecast.run import Item, Setup, forecast_metrics, forecast_run, forecast_series

LEVELS = (80, 95)


def dates(n: int, freq: str = "ME") -> pd.DatetimeIndex:
    return pd.date_range("2023-01-31", periods=n, freq=freq)


def long(values: dict[str, Iterable[float]], freq: str = "ME") -> pd.DataFrame:
    parts = [
        pd.DataFrame({"unique_id": name, "ds": dates(len(list(y)), freq), "y": list(y)}) for name, y in values.items()
    ]
    return pd.concat(parts, ignore_index=True)


def noisy(n: int = 36, level: float = 100.0, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return level + rng.normal(0, 5, n)


SERIES = long({"a": noisy(), "b": noisy(seed=2), "nothing": np.full(36, np.nan)})
SETUP = Setup(horizon=6, model="trio", paths=200)


def test_table_paths_and_failures() -> None:
    found = forecast_series(SERIES, SETUP)
    assert list(found.table) == columns(LEVELS)
    assert found.table["unique_id"].tolist() == ["a"] * 6 + ["b"] * 6
    assert {name: paths.shape for name, paths in found.paths.items()} == {"a": (200, 6), "b": (200, 6)}
    assert found.failures.to_dict("records") == [
        {"unique_id": "nothing", "model": "trio", "reason": "the series has no finite value"}
    ]
    assert np.isfinite(found.table[["mean", "lo-95", "hi-95"]].to_numpy(float)).all()
    assert (found.table["cutoff"] == dates(36)[-1]).all()


def test_nothing_at_all() -> None:
    found = forecast_series(SERIES[SERIES["unique_id"] == "nothing"], SETUP)
    assert found.table.empty
    assert list(found.table) == columns(LEVELS)
    assert not found.paths


def test_a_series_is_forecast_alike_whatever_else_is() -> None:
    both, alone = forecast_series(SERIES, SETUP), forecast_series(SERIES[SERIES["unique_id"] == "b"], SETUP)
    np.testing.assert_array_equal(both.paths["b"], alone.paths["b"])
    assert not np.array_equal(both.paths["a"], both.paths["b"])


def backwards(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """A mapper that works in another order and sends everything through a pickle, as processes do."""
    sent = [pickle.loads(pickle.dumps((function, item))) for item in items]
    done = [pickle.loads(pickle.dumps(work(item))) for work, item in reversed(sent)]
    return iter(done[::-1])


def test_work_can_be_spread() -> None:
    here, there = forecast_series(SERIES, SETUP), forecast_series(SERIES, SETUP, mapper=backwards)
    pd.testing.assert_frame_equal(here.table, there.table)
    np.testing.assert_array_equal(here.paths["a"], there.paths["a"])


def doubled(fitted: Fitted) -> Fitted:
    """A made-up better knowledge: a note and another name."""
    return replace(fitted, model="informed", note="knows more")


def test_what_is_known_of_a_series_is_used() -> None:
    found = forecast_series(SERIES, SETUP, {"a": doubled})
    first = found.table.groupby("unique_id")[["model", "note"]].first()
    assert first.loc["a"].tolist() == ["informed", "knows more"]
    assert first.loc["b", "model"] == "trio"


def test_series_can_have_models_of_their_own() -> None:
    found = forecast_series(SERIES, Setup(6, model="trio", paths=50, chosen={"b": "ses"}))
    assert found.table.groupby("unique_id")["model"].first().to_dict() == {"a": "trio", "b": "ses"}


def test_repairs_are_noted() -> None:
    y = noisy()
    y[[3, 35]] = np.nan
    note = forecast_series(long({"a": y}), SETUP).table["note"].iloc[0]
    assert "1 missing value " in note
    assert "the last known value is of 2025-11-30" in note


def test_a_frequency_can_be_given() -> None:
    """Values on some days of a month: irregular, unless they are said to be monthly."""
    rng = np.random.default_rng(3)
    days = pd.DatetimeIndex([day - pd.Timedelta(days=int(rng.integers(0, 27))) for day in dates(30)])
    series = pd.DataFrame({"unique_id": "a", "ds": days, "y": noisy(30)})
    found = forecast_series(series, replace(SETUP, frequency="M"))
    ahead = pd.DatetimeIndex(found.table["ds"])
    assert ahead.to_period("M").tolist() == pd.period_range("2025-07", periods=6, freq="M").tolist()


def test_floors_hold_on_paths() -> None:
    series = long({"a": np.abs(noisy(level=3.0))}).assign(floor=0.0)
    found = forecast_series(series, SETUP)
    assert found.paths["a"].min() >= 0
    assert found.table["lo-95"].min() >= 0


def test_regressors_are_refused_where_they_would_be_ignored() -> None:
    known = pd.DataFrame({"x": 1.0}, index=dates(48))
    with pytest.raises(ValueError, match="trio ignores regressors"):
        forecast_series(SERIES, replace(SETUP, regressors=known))


def test_a_forecast_that_is_not_finite_is_a_failure() -> None:
    def endless(fitted: Fitted) -> Fitted:
        return replace(fitted, paths=lambda h, paths, rng: np.full((paths, h), np.inf))

    found = forecast_series(SERIES, SETUP, {"a": endless})
    assert found.table["unique_id"].unique().tolist() == ["b"]
    assert found.failures.set_index("unique_id").loc["a", "reason"] == "trio runs away: its forecast is not finite"


def test_regressors_that_do_not_reach_are_a_failure() -> None:
    known = pd.DataFrame({"x": (np.arange(36) >= 20) * 1.0}, index=dates(36))
    found = forecast_series(SERIES, replace(SETUP, model="arima", regressors=known))
    reasons = found.failures.set_index("unique_id")["reason"]
    assert set(reasons.index) == {"a", "b", "nothing"}
    assert "x" in reasons["a"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"horizon": 0}, "horizon must be at least 1"),
        ({"paths": 1}, "paths must be at least 2"),
        ({"levels": (80, 100)}, "levels of intervals"),
        ({"model": "crystal_ball"}, "no such forecaster: crystal_ball"),
        ({"chosen": {"a": "magic"}}, "no such forecaster: magic"),
    ],
)
def test_settings_that_make_no_sense(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Setup(**wrong)


def test_random_numbers_of_series_differ() -> None:
    first, again, other = (stream(name).random(3) for name in ("a", "a", "b"))
    assert first.tolist() == again.tolist() != other.tolist()


def test_items_say_what_is_forecast() -> None:
    item = Item("a", SERIES.set_index("ds")["y"], None, SETUP)
    assert item.setup.model_of("a") == "trio"
    assert item.informed is None


def metric_rows(metric: str, y: np.ndarray, replication: int = 0) -> pd.DataFrame:
    known = {"replication": replication, "period": "month", "metric": metric, "dim1": None, "dim2": None}
    return pd.DataFrame({"ds": dates(len(y)), "value": y}).assign(**known)


def test_metrics_of_replications_are_histories_of_their_own() -> None:
    table = pd.concat([metric_rows("revenue", noisy(seed=r), r) for r in range(3)], ignore_index=True)
    found = forecast_run(table, SETUP, replications=2)
    assert list(found.paths) == ["revenue/0", "revenue/1"]
    same = forecast_metrics(table, 6, LEVELS, 2, "trio")
    pd.testing.assert_frame_equal(same, forecast_run(table, Setup(6, LEVELS, "trio"), 2).table)
