"""Probabilities of reaching a value by a date."""

from __future__ import annotations

import datetime
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.forecast.results import Forecasts, columns
from analysis.forecast.targets import COLUMNS, Target, reached, table

DATES = pd.date_range("2026-01-31", periods=3, freq="ME")
PATHS = np.array([[1.0, 5.0, 2.0], [1.0, 2.0, 5.0], [1.0, 2.0, 2.0], [6.0, 2.0, 2.0]])


def target(by: str | None = None, value: float = 5.0, sense: str = "at_least", series: str = "arr") -> Target:
    return Target("goal", series, value, None if by is None else datetime.date.fromisoformat(by), sense)


@pytest.mark.parametrize(
    ("wish", "by", "at"),
    [
        (target(), 0.75, 0.25),
        (target("2026-02-28"), 0.5, 0.25),
        (target("2026-03-30"), 0.5, 0.25),
        (target("2026-01-31"), 0.25, 0.25),
        (target(value=1.0, sense="at_most"), 0.75, 0.0),
        (target(value=100.0), 0.0, 0.0),
        (target(value=2.0, sense="at_most"), 1.0, 0.75),
    ],
)
def test_shares_of_paths(wish: Target, by: float, at: float) -> None:
    found, there = reached(PATHS, DATES, wish)
    assert (found.probability, there.probability) == (by, at)
    assert 0 <= found.low <= by <= found.high <= 1


def test_dates_with_a_time_of_day() -> None:
    hours = pd.date_range("2026-01-01 06:00", periods=8, freq="6h")
    rising = np.arange(8.0)[None]
    assert reached(rising, hours, target("2026-01-01", value=2.0))[0].probability == 1
    assert reached(rising, hours, target("2026-01-01", value=3.0))[0].probability == 0
    assert reached(rising, hours, target("2026-01-02", value=6.0))[0].probability == 1


def test_the_interval_is_that_of_so_many_paths() -> None:
    """Wilson's: (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)."""
    rng = np.random.default_rng(1)
    paths = rng.normal(0, 1, (400, 1))
    found = reached(paths, DATES[:1], target(value=0.0))[0]
    p, n, z = float((paths >= 0).mean()), 400, 1.959963984540054
    middle, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    np.testing.assert_allclose([found.low, found.high], np.array([middle - half, middle + half]) / (1 + z**2 / n))


def test_a_random_walk_reaches_by_more_often_than_at() -> None:
    """The reflection principle: of a symmetric walk, by is at most twice at."""
    rng = np.random.default_rng(2)
    paths = rng.normal(0, 1, (20_000, 50)).cumsum(axis=1)
    dates = pd.date_range("2026-01-01", periods=50, freq="D")
    by, at = reached(paths, dates, target(value=7.0))
    assert 1.6 < by.probability / at.probability < 2.0


@pytest.mark.parametrize("by", ["2025-12-31", "2026-04-01", "2030-01-01"])
def test_dates_outside_the_forecast(by: str) -> None:
    with pytest.raises(ValueError, match=f"goal: its date has to lie in the forecast, from 2026-01-31 .* got {by}"):
        reached(PATHS, DATES, target(by))


def test_targets_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="sense is at_least or at_most, got above"):
        target(sense="above")
    with pytest.raises(ValueError, match="finite number, got nan"):
        target(value=float("nan"))


def forecasts() -> Forecasts:
    rows = pd.DataFrame({"unique_id": "arr", "ds": DATES, "note": ""}).reindex(columns=columns((80, 95)))
    return Forecasts(rows, {"arr": PATHS}, pd.DataFrame(), {})


def test_the_table_has_a_row_for_every_target() -> None:
    found = table(forecasts(), [target(), target("2026-02-28", value=1.0, sense="at_most")])
    assert tuple(found) == COLUMNS
    assert found["by"].tolist() == [datetime.date(2026, 3, 31), datetime.date(2026, 2, 28)]
    assert found[["probability", "at", "paths"]].to_numpy().tolist() == [[0.75, 0.25, 4], [0.75, 0.0, 4]]
    assert table(forecasts(), []).empty


@pytest.mark.parametrize(
    ("by", "probability"), [("2026-01-31", 0.25), ("2026-02-15", 0.25), ("2026-02-28", 0.5), ("2026-03-31", 0.75)]
)
def test_months_dated_by_their_first_day_are_over_on_their_last(by: str, probability: float) -> None:
    ahead = forecasts()
    rows = ahead.table.assign(ds=pd.date_range("2026-01-01", periods=3, freq="MS"), cutoff=pd.Timestamp("2025-12-01"))
    found = table(replace(ahead, table=rows), [target(by), target()])
    assert found["probability"].tolist() == [probability, 0.75]
    assert found["by"].iloc[1] == datetime.date(2026, 3, 31)
    with pytest.raises(ValueError, match="from 2026-01-31 to 2026-03-31, got 2026-01-15"):
        table(replace(ahead, table=rows), [target("2026-01-15")])


def test_unknown_series() -> None:
    with pytest.raises(ValueError, match="no series arrr was forecast; did you mean arr"):
        table(forecasts(), [target(series="arrr")])
    with pytest.raises(ValueError, match="no series gmv was forecast; there are arr"):
        table(forecasts(), [target(series="gmv")])
