"""``tobsim forecast`` as published: sources, files, sums, targets, known dates, choice; the same with any workers."""

from __future__ import annotations

import json
import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.tables import read
from scenarios import InputError, compose, forecast, load, run
from scenarios.cli import DONE, STOPPED, WRONG, main
from scenarios.forecasts.folder import ForecastResult
from scenarios.runs.derive import forecast_table
from scenarios.runs.execute import spread
from scenarios.runs.manifest import read_entries

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
SMALL = ["effects=none", "market.accounts=100", "replications=2", "progress=false", "report.enabled=false",
         "forecast.enabled=false"]  # fmt: skip
CHEAP = ["forecast.model=theta", "forecast.models=[theta,ses]", "forecast.paths=100", "forecast.origins=2"]
QUIET = [*CHEAP, "report.enabled=false", "progress=false"]
COLUMNS = ["unique_id", "ds", "model", "mean", "lo-80", "hi-80", "lo-95", "hi-95", "cutoff", "note"]
NAMES = {"east/a": 50.0, "east/b": 30.0, "west/c": 80.0}


def long_table(months: int = 48, step: float = 0.0) -> pd.DataFrame:
    """Three series of two regions, monthly, with a season and noise; from month 24 on higher by ``step``."""
    rng = np.random.default_rng(7)
    dates = pd.date_range("2021-01-31", periods=months, freq="ME")
    age = np.arange(months)
    parts = []
    for name, level in NAMES.items():
        y = level + 0.3 * age + 8 * np.sin(age * np.pi / 6) + rng.normal(0, 2, months) + step * (age >= 24)
        region, own = name.split("/")
        parts.append(pd.DataFrame({"unique_id": own, "region": region, "ds": dates, "y": y}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def table_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "sales.csv"
    long_table().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-six months of two worlds."""
    path = tmp_path_factory.mktemp("run") / "mini"
    run(compose("mini", [*SMALL, "horizon.days=790"], config_dir=MINI), out=path)
    return path


@pytest.fixture(scope="module")
def of_run(run_folder: Path) -> ForecastResult:
    """A run, split by segment, with a target, on one page."""
    words = [*CHEAP, "progress=false", "forecast.horizon=6", "forecast.hierarchy=[segment]",
             "forecast.targets={solvent:{series:cash,value:0,sense:at_most}}"]  # fmt: skip
    return forecast(run_folder, words, out=run_folder.parent / "ahead")


def test_the_folder_holds_what_was_published(of_run: ForecastResult) -> None:
    assert list(of_run.forecast.columns) == COLUMNS
    assert {"unique_id", "model", "cutoff", "mase", "crps", "wis", "cov80", "cov95"} <= set(of_run.backtest.columns)
    assert list(of_run.series.columns) == ["unique_id", "ds", "y"]
    assert {"model", "measure", "mean", "low", "high", "ratio"} <= set(of_run.summary.columns)
    assert list(of_run.calibration.columns)[:5] == ["model", "step", "level", "covered", "low"]
    assert (of_run.path / "report.html").stat().st_size > 10_000
    for name in ("forecast", "backtest"):
        written = pd.read_csv(of_run.path / f"{name}.csv", encoding="utf-8-sig")
        assert len(written) == len(getattr(of_run, name))
        assert written["cutoff"].dropna().str.fullmatch(r"\d{4}-\d\d-\d\d").all()
    record = read_entries(of_run.path)
    assert (record["verb"], record["status"], record["source"]["kind"]) == ("forecast", "complete", "run")
    assert record["source"]["series"] == of_run.series["unique_id"].nunique()
    assert record["settings"]["horizon"] == 6
    on_disk = {path.name for path in of_run.path.iterdir()}
    assert on_disk == {*record["files"], "manifest.json", "report.html", ".lock"}


def test_every_series_is_forecast_with_finite_ordered_figures(of_run: ForecastResult) -> None:
    table = of_run.forecast
    assert set(table["unique_id"]) == set(of_run.series["unique_id"])
    assert (table.groupby("unique_id").size() == 6).all()
    bounds = table[["lo-95", "lo-80", "hi-80", "hi-95"]].to_numpy()
    assert np.isfinite(bounds).all()
    assert (np.diff(bounds, axis=1) >= 0).all()


def test_stocks_follow_from_their_flows_and_sums_from_their_parts(of_run: ForecastResult) -> None:
    wide = of_run.forecast.pivot_table(index="ds", columns="unique_id", values="mean")
    past = of_run.series.pivot_table(index="ds", columns="unique_id", values="y")
    tree = of_run.hierarchy
    for root in tree.loc[tree["parent"].isna(), "unique_id"]:
        parts = tree.loc[tree["parent"] == root, "unique_id"]
        assert len(parts) >= 2
        np.testing.assert_allclose(wide[parts].sum(axis=1), wide[root], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(past[parts].sum(axis=1), past[root], rtol=1e-9, atol=1e-6)
    assert "revenue" in set(tree["unique_id"])
    assert (of_run.forecast.query("unique_id == 'cash'")["model"] == "flows").all()


def test_runs_of_a_group_add_up_over_businesses_and_their_segments(run_folder: Path, tmp_path: Path) -> None:
    for name in ("north", "south"):
        shutil.copytree(run_folder, tmp_path / name)
    words = [*QUIET, "forecast.horizon=6", "forecast.hierarchy=[business,segment]", "forecast.origins=0"]
    found = forecast([tmp_path / "north", tmp_path / "south"], words, out=tmp_path / "ahead")
    tree = found.hierarchy.set_index("unique_id")
    assert set(tree["level"]) == {"total", "business", "segment"}
    assert tree.loc["north/revenue", "parent"] == "total/revenue"
    for frame, value in ((found.forecast, "mean"), (found.series, "y")):
        wide = frame.pivot_table(index="ds", columns="unique_id", values=value)
        for whole, parts in tree.groupby("parent").groups.items():
            np.testing.assert_allclose(wide[parts].sum(axis=1), wide[whole], rtol=1e-9, atol=1e-6)
    past = found.series.pivot_table(index="ds", columns="unique_id", values="y")
    np.testing.assert_allclose(past["total/revenue"], 2 * past["north/revenue"], rtol=1e-12)


def test_runs_of_other_months_are_not_added(run_folder: Path, tmp_path: Path) -> None:
    run(compose("mini", [*SMALL, "horizon.days=820"], config_dir=MINI), out=tmp_path / "longer")
    with pytest.raises(InputError, match=r"sums runs of the same months, got .*2027-02.*; one horizon for all"):
        forecast([run_folder, tmp_path / "longer"], [*QUIET, "forecast.hierarchy=[business]"], out=tmp_path / "ahead")
    assert not (tmp_path / "ahead").exists()


def test_stocks_are_tested_as_they_are_forecast(of_run: ForecastResult) -> None:
    """From the cutoffs of the other models, and against the seasonal naive forecast of the stock itself."""
    own = of_run.backtest[of_run.backtest["model"] == "flows"]
    assert set(own["unique_id"]) <= set(of_run.forecast.loc[of_run.forecast["model"] == "flows", "unique_id"])
    assert "cash" in set(own["unique_id"])
    theta = of_run.backtest[of_run.backtest["model"] == "theta"].set_index(["unique_id", "cutoff"])
    both = own.set_index(["unique_id", "cutoff"]).join(theta.add_suffix("_direct"))
    assert (both["steps"] == both["steps_direct"]).all()
    assert np.allclose(both["scale"], both["scale_direct"])
    assert (both["wis"] > 0).all()
    assert set(of_run.calibration["model"]) >= {"flows", "theta", "seasonal_naive"}


def test_a_target_is_a_probability_with_an_interval(of_run: ForecastResult) -> None:
    (row,) = of_run.targets.to_dict("records")
    assert (row["target"], row["unique_id"], row["sense"], row["paths"]) == ("solvent", "cash", "at_most", 100)
    assert 0 <= row["low"] <= row["probability"] <= row["high"] <= 1


def test_the_same_command_finds_its_results(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["forecast", f"source={run_folder}", *QUIET, "forecast.origins=0", "forecast.horizon=3"]
    monkeypatch.chdir(tmp_path)
    assert main(words) == DONE
    first = capsys.readouterr().out
    (path,) = (tmp_path / "runs").iterdir()
    assert path.name.startswith("forecast-mini-")
    before = {each.name: each.stat().st_mtime_ns for each in path.iterdir()}
    monkeypatch.setattr("scenarios.forecasts.steps.forecast_steps", None)
    assert main(words) == DONE
    assert capsys.readouterr().out == first
    assert {each.name: each.stat().st_mtime_ns for each in path.iterdir()} == before


def test_what_was_stopped_or_damaged_is_made_again(table_file: Path, tmp_path: Path) -> None:
    words, out = [*QUIET, "forecast.origins=0"], tmp_path / "out"
    whole = forecast(table_file, words, out=out).forecast
    (out / "forecast.parquet").write_bytes(b"half")
    pd.testing.assert_frame_equal(forecast(table_file, words, out=out).forecast, whole)
    (out / "series.parquet").unlink()
    content = read_entries(out) | {"status": "running"}
    (out / "manifest.json").write_text(json.dumps(content))
    assert len(forecast(table_file, words, out=out).series) == 144


def test_a_folder_of_something_else_is_refused(
    of_run: ForecastResult, run_folder: Path, table_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    for place, line in ((of_run.path, "out: holds another forecast"), (run_folder, "out: is of another command"),
                        (tmp_path / "mine", "out: holds other files"), (table_file, "out: is a file")):  # fmt: skip
        assert main(["forecast", f"source={table_file}", *QUIET, f"out={place}"]) == WRONG
        assert capsys.readouterr().err.startswith(f"error: {line}")
    assert main(["forecast", f"source={of_run.path}", *QUIET]) == WRONG
    assert "source: is the folder of tobsim forecast" in capsys.readouterr().err


def test_runs_that_cannot_be_forecast_are_refused(run_folder: Path, tmp_path: Path) -> None:
    for words, line in (
        (["forecast.hierarchy=[planet]"], "is no dimension of the run"),
        (["forecast.hierarchy=[segment,channel]"], "is no dimension of the run"),
        (["forecast.targets={t:{series:cahs,value:1}}"], "did you mean cash?"),
    ):
        with pytest.raises(InputError, match=line):
            forecast(run_folder, [*QUIET, *words], out=tmp_path / "out")
    broken = Path(shutil.copytree(run_folder, tmp_path / "broken"))
    (broken / "metrics.parquet").unlink()
    with pytest.raises(InputError, match="has nothing to forecast"):
        forecast(broken, QUIET, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_workers_change_nothing(table_file: Path, tmp_path: Path) -> None:
    one, two = (
        forecast(table_file, [*QUIET, "forecast.origins=2", f"execution.workers={n}"], out=tmp_path / str(n))
        for n in (1, 2)
    )
    for name in ("forecast", "backtest"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name), rtol=1e-9, atol=0)
    assert one.record["forecast"] == two.record["forecast"]


def _square(number: int) -> int:
    return number * number


def _fail(number: int) -> int:
    if number == 1:
        raise ValueError("no 1")
    return number


def _die_once(folder: Path, number: int) -> int:
    """End the process at the first try of number 2."""
    if number == 2 and not (folder / "died").exists():
        (folder / "died").touch()
        os._exit(1)
    return number


def test_work_is_spread_in_order_and_survives_a_lost_worker(tmp_path: Path) -> None:
    assert list(spread(_square, [3], 2)) == list(spread(_square, [3])) == [9]
    with pytest.raises(ValueError, match="no 1"):
        list(spread(_fail, range(3), 2))
    assert list(spread(partial(_die_once, tmp_path), range(5), 2)) == [0, 1, 2, 3, 4]


def test_a_stopped_forecast_leaves_nothing(
    table_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("analysis.forecast.run.forecast_series", stopped)
    assert main(["forecast", f"source={table_file}", *QUIET, f"out={tmp_path / 'out'}"]) == STOPPED
    assert capsys.readouterr().err == "interrupted\n"
    assert not (tmp_path / "out").exists()


def test_sets_of_runs_bear_the_names_of_their_folders(run_folder: Path, tmp_path: Path) -> None:
    """Two folders, a pattern that passes over what is no run, a comparison."""
    naive = ["forecast.model=seasonal_naive", "forecast.origins=0", "forecast.structure=false", *QUIET[4:]]
    for name in ("a", "b"):
        shutil.copytree(run_folder, tmp_path / "runs" / "mini" / name)
    plans = {"mini": {"scenarios": ["a", "b"]}}
    entries = {"schema_version": 1, "verb": "compare", "comparison": "x", "businesses": plans}
    (tmp_path / "runs" / "manifest.json").write_text(json.dumps(entries))
    found = forecast([run_folder, tmp_path / "runs/mini/b"], [*naive, "forecast.replications=2"], out=tmp_path / "two")
    assert {name.split("/")[0] for name in found.forecast["unique_id"]} == {"mini", "b"}
    assert {name.split("/")[2] for name in found.forecast["unique_id"]} == {"0", "1"}
    assert found.record["source"]["kind"] == "runs"
    (tmp_path / "runs" / "mini" / "notes").mkdir()
    for place, source in (("all", str(tmp_path / "runs" / "mini" / "*")), ("plans", tmp_path / "runs")):
        found = forecast(source, naive, out=tmp_path / place)
        assert {name.split("/")[0] for name in found.forecast["unique_id"]} == {"a", "b"}
        found.path.rename(tmp_path / "runs" / "mini" / place)
    assert [path.name for path in load(tmp_path / "runs" / "mini" / "*").paths] == ["a", "b"]


def test_a_parquet_file_is_forecast_as_a_csv_file_is(table_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "sales.parquet"
    long_table().to_parquet(path, index=False)
    words = [*QUIET, "forecast.origins=0"]
    found = [forecast(each, words, out=tmp_path / each.suffix[1:]).forecast for each in (table_file, path)]
    pd.testing.assert_frame_equal(*found, rtol=1e-9)


def test_sums_of_a_file_add_up(table_file: Path, tmp_path: Path) -> None:
    words = [*QUIET, "forecast.hierarchy=[region]", "forecast.origins=1"]
    found = forecast(table_file, words, out=tmp_path / "out")
    wide = found.forecast.pivot_table(index="ds", columns="unique_id", values="mean")
    assert list(found.hierarchy["level"]) == ["total", "region", "region", "unique_id", "unique_id", "unique_id"]
    np.testing.assert_allclose(wide["total"], wide["total/east"] + wide["total/west"], rtol=1e-12)
    np.testing.assert_allclose(wide["total/east"], wide["total/east/a"] + wide["total/east/b"], rtol=1e-12)
    none = forecast(table_file, [*words, "forecast.reconcile=none"], out=tmp_path / "none")
    apart = none.forecast.pivot_table(index="ds", columns="unique_id", values="mean")
    assert (apart["total"] - apart["total/east"] - apart["total/west"]).abs().max() > 1e-6
    long_table().assign(region=["x", "y"] * 72).to_csv(tmp_path / "mixed.csv", index=False)
    with pytest.raises(InputError, match="in several groups"):
        forecast(tmp_path / "mixed.csv", words, out=tmp_path / "mixed")


def test_a_gap_in_a_part_is_missing_in_the_sum_not_zero(tmp_path: Path) -> None:
    long_table().drop(index=[20, 30]).to_csv(tmp_path / "gaps.csv", index=False)
    words = [*QUIET, "forecast.hierarchy=[region]", "forecast.origins=0"]
    found = forecast(tmp_path / "gaps.csv", words, out=tmp_path / "out")
    total = found.series.query("unique_id == 'total'")["y"]
    assert total.isna().sum() == 2
    assert total.min() > 100


def test_known_dates_are_used_and_their_effect_is_found(tmp_path: Path) -> None:
    """A step of 40 that ends when the forecast begins: with the date known the forecast comes down."""
    long_table(48, step=40).query("unique_id == 'c'").to_csv(tmp_path / "step.csv", index=False)
    arima = ["forecast.model=arima", "forecast.models=[arima]", "forecast.origins=0", *QUIET[4:]]
    known = "forecast.changes={offer:{at:2023-01-31,until:2024-12-31}}"
    blind = forecast(tmp_path / "step.csv", arima, out=tmp_path / "blind").forecast
    aware = forecast(tmp_path / "step.csv", [*arima, known], out=tmp_path / "aware").forecast
    age = np.arange(48, 60)
    came = np.mean(80 + 0.3 * age + 8 * np.sin(age * np.pi / 6))
    assert abs(aware["mean"].mean() - came) < 8
    assert blind["mean"].mean() - came > 25
    dates = pd.date_range("2021-01-31", periods=60, freq="ME")
    regressor = pd.DataFrame({"ds": dates, "offer": ((dates >= "2023-01-31") & (dates < "2025-01-31")).astype(int)})
    regressor.to_csv(tmp_path / "offer.csv", index=False)
    words = [*arima, f"forecast.regressors={tmp_path / 'offer.csv'}"]
    same = forecast(tmp_path / "step.csv", words, out=tmp_path / "same").forecast
    np.testing.assert_allclose(same["mean"], aware["mean"], rtol=1e-6)


def test_the_best_model_is_chosen_without_the_last_origin(table_file: Path, tmp_path: Path) -> None:
    words = [*QUIET, "forecast.model=best", "forecast.models=[ses,theta,seasonal_naive]", "forecast.origins=3"]
    found = forecast(table_file, words, out=tmp_path / "out")
    table = found.backtest
    own = table[table["model"] == "best"]
    assert (own["cutoff"] == table["cutoff"].max()).all()
    known = table[(table["ends"] <= table["cutoff"].max()) & (table["model"] != "best")]
    for row in found.choice.itertuples():
        scores = known[known["unique_id"] == row.unique_id].groupby("model")["wis"].mean()
        assert scores.idxmin() == row.model
    used = found.forecast.drop_duplicates("unique_id").set_index("unique_id")["model"]
    assert (used == found.choice.set_index("unique_id")["model"]).all()


@pytest.mark.slow
def test_the_truth_of_a_run_is_judged_beside_it(run_folder: Path, tmp_path: Path) -> None:
    words = [*QUIET, "forecast.horizon=6", "forecast.origins=0", "forecast.truth.train=[12]"]
    found = forecast(run_folder, words, out=tmp_path / "out", truth=True)
    assert {"unique_id", "replication", "model", "step", "y", "wis"} <= set(found.truth.columns)
    assert found.truth["replication"].nunique() == 2
    assert (found.truth_coverage["verdict"] == "too few").all()
    assert len(found.truth_skill)
    assert found.record["settings"]["judged"]


def test_a_run_forecasts_as_the_command_does(run_folder: Path, tmp_path: Path) -> None:
    """What it writes into its folder, and what ``tobsim reproduce`` compares it with."""
    words = [*QUIET, "forecast.origins=0"]
    settings = compose("mini", words, config_dir=MINI).config["forecast"]
    own = forecast_table(run_folder, read(run_folder, "metrics"), settings).to_pandas()
    found = forecast(run_folder, words, out=tmp_path / "out").forecast
    pd.testing.assert_frame_equal(own, found, rtol=1e-9, check_dtype=False)


def test_help_and_the_page_again(of_run: ForecastResult, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forecast", "--help"]) == DONE
    shown = capsys.readouterr().out
    for piece in ("forecast=default|fast|weekly", "forecast.horizon=12", "source=FILE.csv", "truth=true"):
        assert piece in shown
    before = (of_run.path / "report.html").stat().st_mtime_ns
    assert main(["report", str(of_run.path)]) == DONE
    assert capsys.readouterr().out == f"{of_run.path}/report.html\n"
    assert (of_run.path / "report.html").stat().st_mtime_ns > before
    assert main(["forecast", "forecast=weekly", "--cfg", "job", "-p", "forecast.horizon"]) == DONE
    assert capsys.readouterr().out == "forecast.horizon: 13\n"
    assert "<table" in of_run._repr_html_()
    with pytest.raises(AttributeError, match="a forecast has no"):
        _ = of_run.forecasts
