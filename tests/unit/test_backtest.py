"""Rolling origins: what a forecaster may know, where origins lie, and what the summary makes of the scores."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from analysis.evaluate.backtest import BENCHMARK, LEAST_CLUSTERS, backtest, best, calibration, columns, summary
from analysis.evaluate.origins import Design
from analysis.forecast.combine import Outlook, normal
from analysis.forecast.fitted import Fitted
from analysis.forecast.history import prepare
from analysis.forecast.registry import FORECASTERS

MEAN, SD = 100.0, 5.0
H = 12
AHEAD, ONCE = Design(H), Design(H, origins=1)


class Exact:
    """Knows the distribution that the series are drawn from."""

    name = "exact"
    regressors = False

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        return Fitted(self.name, prepare(y, floor), partial(known, MEAN, SD))


class Seen:
    """Keeps what it was shown, and expects the number of steps of every step."""

    name = "seen"
    regressors = True

    def __init__(self) -> None:
        self.shown: list[pd.Series] = []
        self.known: list[pd.DataFrame | None] = []

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        self.shown.append(y)
        self.known.append(regressors)
        return Fitted(self.name, prepare(y, floor), counting)


def known(mean: float, sd: float, h: int) -> Outlook:
    return normal(np.full(h, mean), np.full(h, sd))


def counting(h: int) -> Outlook:
    return normal(np.arange(1.0, h + 1), np.zeros(h), 3)


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(FORECASTERS, Exact.name, Exact())
    return Exact.name


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    forecaster = Seen()
    monkeypatch.setitem(FORECASTERS, Seen.name, forecaster)
    return forecaster


def long(y: np.ndarray, name: str = "a", start: str = "2018-01-31", freq: str = "ME") -> pd.DataFrame:
    return pd.DataFrame({"unique_id": name, "ds": pd.date_range(start, periods=len(y), freq=freq), "y": y})


def panel(count: int, length: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    return pd.concat([long(rng.normal(MEAN, SD, length), f"s{number}") for number in range(count)])


def scored(values: dict[str, list[float]], measure: str = "mase") -> pd.DataFrame:
    """A backtest of the naive forecast with one row a series and the benchmark at 2."""
    table = pd.DataFrame(columns=columns((80,)))
    rows = [
        {"unique_id": name, "model": model, "cutoff": pd.Timestamp("2020-01-31") + pd.DateOffset(months=place),
         "ends": pd.Timestamp("2021-01-31") + pd.DateOffset(months=place), "steps": 12, "scale": 1.0, "note": "",
         measure: value if model == "own" else 2.0}
        for name, several in values.items() for place, value in enumerate(several) for model in ("own", BENCHMARK)
    ]  # fmt: skip
    return pd.DataFrame(rows).reindex(columns=table.columns)


def test_always_beside_seasonal_naive() -> None:
    table = backtest(panel(1), [BENCHMARK, BENCHMARK], AHEAD)
    assert list(table.columns) == columns((80, 95))
    assert table["model"].tolist() == [BENCHMARK] * 3


def test_origins_lie_a_horizon_apart_and_the_last_ends_with_the_series() -> None:
    table = backtest(panel(1), [], AHEAD)
    assert table["cutoff"].dt.strftime("%Y-%m").tolist() == ["2019-12", "2020-12", "2021-12"]
    assert table["ends"].dt.strftime("%Y-%m").tolist() == ["2020-12", "2021-12", "2022-12"]
    assert (table["steps"] == H).all()


@pytest.mark.parametrize(
    ("length", "places"),
    [(60, [24, 36, 48]), (48, [24, 30, 36]), (36, [22, 23, 24]), (200, [164, 176, 188]), (20, [6, 7, 8])],
)
def test_origins_move_together_before_the_first_has_less_than_two_cycles(length: int, places: list[int]) -> None:
    assert Design(H).places(length, 12) == places


def test_scores_of_the_seasonal_naive_forecast_by_hand() -> None:
    """The series repeats, except that 6 is added to its last year."""
    y = np.tile(np.arange(12.0), 4) + np.repeat([0.0, 2.0, 1.0, 7.0], 12)
    row = backtest(long(y), [], ONCE).iloc[0]
    assert row["scale"] == 1.5
    assert row["mase"] == 6 / 1.5
    changes = np.diff(y[:36])
    assert row["rmsse"] == pytest.approx(6 / np.sqrt(np.mean(changes**2)))


def test_nothing_after_the_cutoff_is_shown(seen: Seen) -> None:
    y = panel(1)["y"].to_numpy(copy=True)
    y[[23, 24, 40]] = np.nan
    table = backtest(long(y), [seen.name], AHEAD)
    cutoffs = table.loc[table["model"] == seen.name, "cutoff"]
    assert [series.index[-1] for series in seen.shown] == cutoffs.tolist()
    for series in seen.shown:
        np.testing.assert_array_equal(series.to_numpy(), y[: len(series)])


def test_steps_are_counted_from_the_cutoff_even_if_the_last_values_are_missing(seen: Seen) -> None:
    """Two values before the cutoff are missing, so the first step that is scored is the third of the forecast."""
    y = np.r_[np.sin(np.arange(34.0)), np.nan, np.nan, np.arange(3.0, 3 + H)]
    table = backtest(long(y), [seen.name], ONCE).set_index("model")
    assert table.loc[seen.name, "mase"] == 0
    assert table.loc[seen.name, ["cov80", "cov95"]].tolist() == [1, 1]


def test_interpolated_values_are_not_taken_for_what_came(seen: Seen) -> None:
    y = np.r_[np.sin(np.arange(36.0)), np.arange(1.0, 1 + H)]
    y[[38, 41]] = np.nan
    y[40] = np.inf
    row = backtest(long(y), [seen.name], ONCE).iloc[0]
    assert row["steps"] == H - 3
    assert row["mase"] == 0


def test_too_short_is_skipped_with_a_note() -> None:
    table = backtest(pd.concat([panel(1), long(np.arange(20.0), "short"), long(np.full(9, np.nan), "none")]), [], AHEAD)
    short = table[table["unique_id"] == "short"]
    assert short["note"].str.contains("values up to the cutoff, 13 are needed").all()
    assert short[["mase", "wis", "crps", "cov80", "cov95"]].isna().all(axis=None)
    assert table.loc[table["unique_id"] == "none", "note"].tolist() == ["skipped: the series has no finite value"]
    assert table.loc[table["unique_id"] == "s0", "mase"].notna().all()
    assert summary(table)["clusters"].max() == 1


def test_what_was_fitted_instead_is_noted() -> None:
    table = backtest(panel(1, 30), [], ONCE)
    assert table["note"].iloc[0].startswith("fitted: naive; under two cycles")


def test_a_floor_holds_in_the_scores(seen: Seen) -> None:
    y = np.r_[np.sin(np.arange(36.0)), np.full(H, 20.0)]
    table = backtest(long(y).assign(floor=20.0), [seen.name], ONCE)
    assert table["mase"].iloc[0] == 0


def test_any_frequency() -> None:
    weekly = long(np.random.default_rng(2).normal(9, 1, 160), "w", "2022-01-03", "W-MON")
    quarterly = long(np.random.default_rng(2).normal(9, 1, 40), "q", "2010-01-01", "QS")
    table = backtest(pd.concat([weekly, quarterly]), [], Design(8))
    assert table["mase"].notna().all()
    assert set(table.loc[table["unique_id"] == "q", "cutoff"].dt.day) == {1}
    assert set(table.loc[table["unique_id"] == "w", "cutoff"].dt.day_name()) == {"Monday"}


def test_an_irregular_series_is_skipped_with_a_note_unless_its_frequency_is_given() -> None:
    dates = pd.Timestamp("2015-01-01") + pd.to_timedelta(np.cumsum(np.random.default_rng(3).integers(1, 40, 90)), "D")
    odd = pd.DataFrame({"unique_id": "odd", "ds": dates, "y": np.random.default_rng(4).normal(MEAN, SD, 90)})
    assert backtest(odd, [], AHEAD)["note"].str.startswith("skipped: ").all()
    assert backtest(odd, [], AHEAD, frequency="M")["mase"].notna().all()


def test_regressors_go_to_those_who_use_them(seen: Seen) -> None:
    known = pd.DataFrame({"step": 1.0}, index=pd.date_range("2018-01-31", periods=60, freq="ME"))
    backtest(panel(1), [seen.name, "ses"], AHEAD, regressors=known)
    assert all(given is known for given in seen.known)


def test_forecasters_with_settings_of_their_own() -> None:
    own = Exact()
    table = backtest(panel(2), [own], AHEAD)
    assert set(table["model"]) == {own.name, BENCHMARK}
    with pytest.raises(ValueError, match="two forecasters are called exact"):
        backtest(panel(1), [own, Exact()], AHEAD)


def test_calibration_by_step_by_hand() -> None:
    table = scored({f"s{number}": [1.0] for number in range(6)}, "mase")
    lists = [[1.0, 0.0, np.nan], [1.0, 1.0, 1.0]]
    table["inside-80"] = [lists[place // 2 % 2] for place in range(len(table))]
    found = calibration(table[table["model"] == "own"]).set_index("step")
    assert found["covered"].to_dict() == {"all": 12 / 15, 1: 1.0, 2: 0.5, 3: 1.0}
    assert found["n"].to_dict() == {"all": 15, 1: 6, 2: 6, 3: 3}
    assert np.isnan(found.loc[1, "low"])
    assert found.loc[2, "low"] < 0.5 < found.loc[2, "high"]


def test_calibration_agrees_with_the_summary(exact: str) -> None:
    table = backtest(panel(8), [exact], AHEAD)
    by_step, whole = calibration(table), summary(table).set_index(["model", "measure"])
    for row in by_step[by_step["step"] == "all"].itertuples():
        assert row.covered == pytest.approx(whole.loc[(row.model, f"cov{row.level}"), "mean"])
    own = by_step[(by_step["model"] == exact) & (by_step["level"] == 95)]
    assert own.loc[own["step"] != "all", "covered"].mean() == pytest.approx(own["covered"].iloc[0])
    assert calibration(backtest(long(np.arange(5.0)), [], AHEAD)).empty


def test_work_may_be_spread() -> None:
    """The items of work do not depend on each other and can be sent to another process."""

    def backwards(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        done = [pickle.loads(pickle.dumps(function))(pickle.loads(pickle.dumps(item))) for item in reversed([*items])]
        return done[::-1]

    pd.testing.assert_frame_equal(
        backtest(panel(3), ["ses"], AHEAD, mapper=backwards), backtest(panel(3), ["ses"], AHEAD)
    )


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="no such forecaster: crystal_ball"):
        backtest(panel(1), ["crystal_ball"], AHEAD)
    for bad in ({"horizon": 0}, {"origins": 0}, {"levels": (100,)}, {"levels": ()}):
        with pytest.raises(ValueError, match=r"at least 1|between 0 and 100"):
            backtest(panel(1), [], Design(**({"horizon": H} | bad)))  # type: ignore[arg-type]


def test_an_exact_forecaster_covers_what_it_says_and_beats_the_naive_one(exact: str) -> None:
    table = backtest(panel(40), [exact], AHEAD)
    steps = int(table.loc[table["model"] == exact, "steps"].sum())
    assert steps == 40 * 3 * H
    found = summary(table).set_index(["model", "measure"])
    for level in (80, 95):
        row = found.loc[(exact, f"cov{level}")]
        low, high = binom.ppf([0.0005, 0.9995], steps, level / 100) / steps
        assert low <= row["mean"] <= high
        assert row["low"] < row["mean"] < row["high"]
    for measure in ("mase", "rmsse", "wis", "crps"):
        assert found.loc[(exact, measure), "ratio_high"] < 1
        assert found.loc[(BENCHMARK, measure), ["ratio", "ratio_low", "ratio_high"]].tolist() == [1, 1, 1]


def test_expected_error_of_the_naive_one_is_root_two_times_that_of_the_exact_one(exact: str) -> None:
    """Of independent normal values, y - mean has spread sd, y - y' sd times the root of 2."""
    row = summary(backtest(panel(40), [exact], AHEAD)).set_index(["model", "measure"]).loc[(exact, "mase")]
    assert row["ratio_low"] < 1 / np.sqrt(2) < row["ratio_high"]


def test_means_and_ratios_by_hand() -> None:
    table = scored({"a": [1.0, 3.0], "b": [2.0]})
    row = summary(table).set_index(["model", "measure"]).loc[("own", "mase")]
    assert row[["mean", "ratio", "clusters", "rows"]].tolist() == [2, 1, 2, 3]
    assert np.isnan(row[["low", "high", "ratio_low", "ratio_high"]].to_numpy(float)).all()


def test_scores_in_units_of_the_series_are_scaled_before_they_are_averaged() -> None:
    table = scored({"a": [4.0], "b": [6000.0]}, "crps")
    table["scale"] = np.where(table["unique_id"] == "a", 4.0, 2000.0)
    row = summary(table).set_index(["model", "measure"]).loc[("own", "crps")]
    assert row["mean"] == 2


def test_intervals_come_from_clusters_not_from_rows() -> None:
    """Rows of a series that are all alike say no more than one: the width is that of a mean of 40 values."""
    values = np.random.default_rng(8).normal(10, 1, 40)
    table = scored({f"s{number}": [value] * 9 for number, value in enumerate(values)})
    row = summary(table).set_index(["model", "measure"]).loc[("own", "mase")]
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * values.std() / np.sqrt(40), rel=0.1)
    halved = table.assign(world=table["unique_id"].str[-1])
    world = summary(halved, cluster="world").set_index(["model", "measure"]).loc[("own", "mase")]
    assert world["clusters"] == 10
    assert world["mean"] == row["mean"]


@pytest.mark.parametrize("count", [LEAST_CLUSTERS - 1, LEAST_CLUSTERS])
def test_few_clusters_give_no_interval(count: int) -> None:
    table = scored({f"s{number}": [float(number + 1)] for number in range(count)})
    row = summary(table).set_index(["model", "measure"]).loc[("own", "mase")]
    assert np.isnan(row["low"]) == np.isnan(row["ratio_high"]) == (count < LEAST_CLUSTERS)


def test_where_all_clusters_agree_the_mean_has_no_interval() -> None:
    row = summary(scored({f"s{number}": [1.0] for number in range(9)}, "cov80")).set_index(["model", "measure"])
    assert row.loc[("own", "cov80"), "mean"] == 1
    assert np.isnan(row.loc[("own", "cov80"), "low"])


def test_nothing_scored_is_undefined() -> None:
    found = summary(backtest(long(np.arange(5.0)), [], AHEAD))
    assert found[["mean", "low", "ratio"]].isna().all(axis=None)
    assert (found["rows"] == 0).all()


def test_the_choice_does_not_look_at_the_last_origin(exact: str) -> None:
    """Its window is made to favour the other model; the choice stays."""
    table = backtest(panel(3), [exact], AHEAD)
    assert best(table) == dict.fromkeys(["s0", "s1", "s2"], exact)
    last = table["cutoff"] == table["cutoff"].max()
    table.loc[last & (table["model"] == exact), "wis"] = 1e9
    assert best(table) == dict.fromkeys(["s0", "s1", "s2"], exact)
    table.loc[~last & (table["model"] == exact), "wis"] = 1e9
    assert best(table) == dict.fromkeys(["s0", "s1", "s2"], BENCHMARK)


def test_windows_that_reach_beyond_the_last_cutoff_choose_nothing(exact: str) -> None:
    assert best(backtest(panel(1, 40), [exact], AHEAD)) == {}


def test_the_same_answer_twice() -> None:
    first, second = (summary(backtest(panel(6), [], AHEAD)) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
