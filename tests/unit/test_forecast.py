"""Parts of the forecasting: histories, mixtures, the ladder, the tables."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from analysis.forecast.combine import LUMPIEST, equal_points, floored, mixture, normal, weighted_quantiles
from analysis.forecast.history import prepare
from analysis.forecast.naive import SeasonalNaive, walk
from analysis.forecast.results import columns
from analysis.forecast.run import Setup, forecast_metrics, forecast_series
from analysis.series import floors, monthly_series


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


LUMPY = normal(np.array([0.5, 1.0, 3.0]), np.array([1.0, 1.0, 1.0]))


def test_a_floor_changes_neither_mean_nor_spread() -> None:
    view = floored(LUMPY, 0.0)
    assert view.points.min() == 0
    np.testing.assert_allclose(view.mean, LUMPY.mean)
    np.testing.assert_allclose(view.weights @ view.points, LUMPY.mean)
    np.testing.assert_allclose(view.points.std(axis=0)[:2], [1, 1], rtol=0.02)
    assert (view.points[:, 0] == 0).mean() == pytest.approx((LUMPY.points[:, 0] <= 0).mean())
    assert (np.diff(view.points, axis=0) >= 0).all()


def test_cutting_alone_would_raise_the_mean() -> None:
    assert np.maximum(LUMPY.points, 0).mean(axis=0)[0] > 1.3 * LUMPY.mean[0]


def test_a_floor_out_of_reach_changes_nothing() -> None:
    view = floored(LUMPY, -5.0)
    np.testing.assert_array_equal(view.points, LUMPY.points)
    np.testing.assert_array_equal(view.mean, LUMPY.mean)


def test_what_falls_below_the_floor_is_not_expected_to_stay_there() -> None:
    view = floored(normal(np.array([-1.0]), np.array([1.0])), 0.0)
    assert view.mean[0] == pytest.approx(1 / LUMPIEST, rel=0.01)
    assert np.median(view.points) == 0
    below = floored(equal_points(np.array([-2.0]), np.array([[-3.0], [-1.0]])), 0.0)
    assert below.points.tolist() == [[0], [0]]
    assert below.mean.tolist() == [0]


def test_spread_of_the_naive_forecasts_grows_by_cycles() -> None:
    y = np.random.default_rng(0).normal(size=48)
    for lag in (1, 12):
        width = np.ptp(walk(y, lag, 36).points, axis=0)
        expected = np.sqrt(np.arange(36) // lag + 1)
        np.testing.assert_allclose(width / width[0], expected)
    assert walk(y, 12, 14).mean.tolist() == [*y[-12:], *y[-12:-10]]


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
    table = forecast_series(long, Setup(3, (50,), SeasonalNaive.name)).table
    assert list(table.columns) == ["unique_id", "ds", "model", "mean", "lo-50", "hi-50", "cutoff", "note"]
    assert table["model"].unique().tolist() == ["seasonal_naive"]


def test_nothing_heavy_is_imported_until_it_is_needed() -> None:
    code = (
        "import sys, analysis.forecast.run, analysis.series;"
        "print([m for m in ('pandas', 'scipy', 'statsmodels') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
