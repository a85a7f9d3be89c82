"""Parts of the forecasting: histories, mixtures, the ladder, the tables."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.forecast import ets
from analysis.forecast.combine import equal_points, floored, mixture, normal, weighted_quantiles
from analysis.forecast.history import prepare
from analysis.forecast.naive import SeasonalNaive, walk
from analysis.forecast.run import columns, forecast_metrics, forecast_series
from analysis.series import floors, monthly_series

M3 = Path(__file__).parents[3] / "shared" / "data" / "forecast_dev" / "m3_monthly_half.csv.gz"


def months(n: int, start: str = "2024-01-31") -> pd.DatetimeIndex:
    return pd.date_range(start, periods=n, freq="ME")


def seasonal(n: int = 48, seed: int = 3) -> pd.Series:
    t = np.arange(n)
    noise = np.random.default_rng(seed).normal(0, 3, n)
    return pd.Series(200 + 2 * t + 30 * np.sin(t * np.pi / 6) + noise, index=months(n))


def metric_rows(metric: str, y: np.ndarray, replication: int = 0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "replication": replication,
            "ds": months(len(y)),
            "period": "month",
            "metric": metric,
            "dim1": None,
            "level1": None,
            "dim2": None,
            "level2": None,
            "value": y,
            "unit": "1",
        }
    )


# Histories


def test_gaps_are_interpolated_and_ends_cut() -> None:
    y = pd.Series([np.nan, 1.0, np.nan, np.inf, 4.0, np.nan], index=months(6))
    history = prepare(y)
    assert history.y.tolist() == [1, 2, 3, 4]
    assert history.cutoff == pd.Timestamp("2024-05-31")
    assert history.ahead(2).tolist() == [pd.Timestamp("2024-06-30"), pd.Timestamp("2024-07-31")]
    assert "2 missing" in " ".join(history.notes)
    assert "2024-05-31" in " ".join(history.notes)


def test_a_missing_row_is_a_missing_month() -> None:
    y = pd.Series([1.0, 2.0, 3.0, 4.0, 6.0], index=months(6)[[0, 1, 2, 3, 5]])
    assert prepare(y).y.tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("freq", "season", "following"),
    [
        ("D", 7, "2024-01-06"),
        ("W-SUN", 52, "2024-02-11"),
        ("MS", 12, "2024-06-01"),
        ("ME", 12, "2024-06-30"),
        ("QS-FEB", 4, "2025-05-01"),
        ("QE-NOV", 4, "2025-05-31"),
        ("YE-DEC", 1, "2029-12-31"),
        ("YS-JAN", 1, "2029-01-01"),
    ],
)
def test_rhythm(freq: str, season: int, following: str) -> None:
    index = pd.date_range("2024-01-01", periods=5, freq=freq)
    history = prepare(pd.Series(range(5), index=index, dtype=float))
    assert history.season == season
    assert len(history.y) == 5
    assert history.cutoff == index[-1]
    assert history.ahead(1)[0] == pd.Timestamp(following)


def test_order_and_duplicates() -> None:
    index = months(3)[[2, 0, 1, 1]]
    history = prepare(pd.Series([3.0, 1.0, 9.0, 2.0], index=index))
    assert history.y.tolist() == [1, 2, 3]
    assert "twice" in history.notes[0]


def test_nothing_to_forecast() -> None:
    with pytest.raises(ValueError, match="no finite value"):
        prepare(pd.Series([np.nan, np.inf], index=months(2)))


# Predictive distributions


def test_normal_points_have_normal_quantiles() -> None:
    view = normal(np.array([10.0, 0.0]), np.array([2.0, 1.0]))
    got = view.quantiles([0.025, 0.1, 0.5, 0.9, 0.975])
    z = np.array([-1.959964, -1.281552, 0, 1.281552, 1.959964])
    np.testing.assert_allclose(got, np.column_stack([10 + 2 * z, z]), atol=2e-3)


def test_quantiles_follow_the_weights() -> None:
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([0.2, 0.6, 0.2])
    assert weighted_quantiles(values, weights, [0.3, 0.7, 0.9]).tolist() == pytest.approx([1, 2, 3])


def test_a_mixture_is_wider_than_its_members() -> None:
    left, right = normal(np.array([-3.0]), np.array([1.0])), normal(np.array([3.0]), np.array([1.0]))
    both = mixture([left, right], [1, 1])
    assert both.mean[0] == pytest.approx(0)
    assert both.weights.sum() == pytest.approx(1)
    spread = np.average(both.points[:, 0] ** 2, weights=both.weights)
    assert spread == pytest.approx(1 + 9, rel=0.01)


def test_floor() -> None:
    view = floored(equal_points(np.array([-1.0]), np.array([[-3.0], [1.0]])), 0.0)
    assert view.mean.tolist() == [0]
    assert view.points.tolist() == [[0], [1]]


def test_spread_of_the_naive_forecasts_grows_by_cycles() -> None:
    y = np.random.default_rng(0).normal(size=48)
    for lag in (1, 12):
        width = np.ptp(walk(y, lag, 36).points, axis=0)
        expected = np.sqrt(np.arange(36) // lag + 1)
        np.testing.assert_allclose(width / width[0], expected)
    assert walk(y, 12, 14).mean.tolist() == [*y[-12:], *y[-12:-10]]


# Exponential smoothing


def test_forms_by_what_the_data_admit() -> None:
    positive, mixed = np.arange(1.0, 40), np.arange(-5.0, 34)
    names = {str(form) for form in ets.forms(positive, 12)}
    assert len(names) == 15
    assert {"ANN", "MAdM", "MNA"} <= names
    assert not {"ANM", "AAM", "AAdM"} & names
    assert {str(f) for f in ets.forms(mixed, 12)} == {"ANN", "AAN", "AAdN", "ANA", "AAA", "AAdA"}
    assert {str(f) for f in ets.forms(positive[:25], 12)} == {"ANN", "AAN", "AAdN", "MNN", "MAN", "MAdN"}


def test_scores_are_standard_normal_and_always_the_same() -> None:
    scores = ets.normal_scores(12)
    assert scores.shape == (12, 2**ets.PATHS_LOG2)
    np.testing.assert_allclose(scores.mean(axis=1), 0, atol=0.003)
    np.testing.assert_allclose(scores.std(axis=1), 1, atol=0.005)
    np.testing.assert_array_equal(scores, ets.normal_scores(12))


def test_paths_have_the_published_variance() -> None:
    """Additive Holt: variance 1 + (h-1)(alpha^2 + alpha beta h + beta^2 h (2h-1)/6) (Hyndman et al. 2008)."""
    y = seasonal().to_numpy()
    member = ets.fit_form(y / y.mean(), 12, ets.Form("add", "add", False, None), "estimated")
    assert member is not None
    h = np.arange(1, 13)
    a, b = member.results.smoothing_level, member.results.smoothing_trend
    expected = 1 + (h - 1) * (a**2 + a * b * h + b**2 * h * (2 * h - 1) / 6)
    view = ets.simulate(member, ets.normal_scores(12))
    factor = ets.correction(len(y), member.parameters) * member.results.scale
    np.testing.assert_allclose(view.points.var(axis=0), expected * factor, rtol=0.03)


def test_weights_favour_low_aicc() -> None:
    members = [ets.Member(ets.Form("add", None, False, None), None, aicc, 3) for aicc in (100.0, 102.0, 140.0)]
    got = ets.weights(members)
    assert got.sum() == pytest.approx(1)
    assert got[0] / got[1] == pytest.approx(np.e)
    assert got[2] < 1e-8


def test_season_and_trend_are_found() -> None:
    y = seasonal(60)
    table = ets.Ets().fit(y.iloc[:48]).predict(12)
    assert np.abs(table["mean"] - y.iloc[48:]).max() < 15
    assert table["hi-95"].sub(table["lo-95"]).mean() < 40


def test_the_ladder_notes_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = ets.fit_form

    def fails_if_estimated(y: np.ndarray, season: int, form: ets.Form, start: str) -> ets.Member | None:
        return None if start == "estimated" else fit(y, season, form, start)

    monkeypatch.setattr(ets, "fit_form", fails_if_estimated)
    second = ets.Ets().fit(seasonal())
    assert second.model == "ets"
    assert "not usable with estimated start: ANN" in second.note
    monkeypatch.setattr(ets, "fit_form", lambda *_: None)
    last = ets.Ets().fit(seasonal())
    assert last.model == "seasonal_naive"
    assert "heuristic" in last.note


def test_scale_of_the_data_does_not_matter() -> None:
    small, large = ets.Ets().fit(seasonal()).predict(6), ets.Ets().fit(seasonal() * 2.0**20).predict(6)
    np.testing.assert_allclose(large, small * 2.0**20, rtol=1e-6)


# Tables


def test_series_of_one_history() -> None:
    n = 6
    rows = [metric_rows("signed", np.arange(n) * 1.0, r) for r in (0, 1)]
    rows.append(metric_rows("revenue", np.arange(n) * 10.0))
    rows.append(metric_rows("gmv", np.zeros(n)))
    rows.append(metric_rows("wait_days", np.ones(n)))
    rows.append(metric_rows("signed", np.ones(n)).assign(dim1="segment", level1="small"))
    rows.append(metric_rows("signed", np.ones(n)).assign(period="quarter"))
    table = pd.concat(rows).sample(frac=1, random_state=0)
    one = monthly_series(table)
    assert one["unique_id"].tolist() == ["revenue"] * n + ["signed"] * n
    assert one["y"].tolist() == [*(np.arange(n) * 10.0), *np.arange(n)]
    two = monthly_series(table, replications=2)
    assert two["unique_id"].unique().tolist() == ["revenue/0", "signed/0", "signed/1"]
    assert floors(["cash/1", "signed/1", "revenue"]) == {"signed/1": 0.0, "revenue": 0.0}


def test_forecast_table() -> None:
    ramp = np.r_[np.zeros(6), np.arange(18.0)]
    parts = [metric_rows("leads", ramp + 1), metric_rows("cash", -ramp), metric_rows("revenue", ramp / 100)]
    table = forecast_metrics(pd.concat(parts), horizon=12, levels=[80, 95], replications=1)
    assert list(table.columns) == columns((80, 95))
    assert table.groupby("unique_id", sort=False).size().to_dict() == {"revenue": 12, "cash": 12, "leads": 12}
    assert (table["cutoff"] == pd.Timestamp("2025-12-31")).all()
    assert table["ds"].min() == pd.Timestamp("2026-01-31")
    assert np.isfinite(table[["mean", "lo-80", "hi-80", "lo-95", "hi-95"]]).all().all()
    assert table.loc[table["unique_id"] == "revenue", "lo-95"].min() >= 0
    assert table.loc[table["unique_id"] == "cash", "lo-95"].max() < 0
    assert table["note"].map(type).eq(str).all()


def test_an_empty_table_has_the_columns() -> None:
    empty = forecast_metrics(metric_rows("leads", np.zeros(24)))
    assert list(empty.columns) == columns((80, 95))
    assert empty.empty


def test_other_levels_and_models() -> None:
    long = seasonal(30).rename("y").rename_axis("ds").reset_index().assign(unique_id="a")
    table = forecast_series(long, 3, (50,), SeasonalNaive.name)
    assert list(table.columns) == ["unique_id", "ds", "model", "mean", "lo-50", "hi-50", "cutoff", "note"]
    assert table["model"].unique().tolist() == ["seasonal_naive"]


def test_better_than_seasonal_naive_on_published_series() -> None:
    """M3 monthly series (Makridakis & Hibon 2000), every twentieth of those at hand, 18 months ahead."""
    if not M3.exists():
        pytest.skip(f"{M3.name} is not at hand: it belongs to no distribution of this project")
    data = pd.read_csv(M3, parse_dates=["ds"])
    chosen = data[data["unique_id"].isin(sorted(data["unique_id"].unique())[::20])]
    past, future = (chosen[chosen["split"] == part] for part in ("train", "test"))
    scores = {}
    for model in (ets.Ets.name, SeasonalNaive.name):
        table = forecast_series(past, 18, model=model).merge(future, on=["unique_id", "ds"], validate="1:1")
        error = (table["y"] - table["mean"]).abs().groupby(table["unique_id"]).mean()
        inside = table["y"].between(table["lo-95"], table["hi-95"]).mean()
        scores[model] = error / past.groupby("unique_id")["y"].apply(lambda y: y.diff(12).abs().mean())
        assert 0.85 <= inside <= 1
    assert scores["ets"].mean() < scores["seasonal_naive"].mean()


def test_nothing_heavy_is_imported_until_it_is_needed() -> None:
    code = (
        "import sys, analysis.forecast.run, analysis.series;"
        "print([m for m in ('pandas', 'scipy', 'statsmodels') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
