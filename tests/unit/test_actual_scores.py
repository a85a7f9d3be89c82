"""Scores of a simulation against what came: by their definitions, and nominal where the model is true."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.evaluate.actuals import LEVELS, MONTHS, NO_RIVAL, SCORES, months, rival, scored
from analysis.forecast.naive import SeasonalNaive


def dates(first: str, count: int) -> pd.DatetimeIndex:
    return pd.date_range(first, periods=count, freq="MS")


def world(count: int, replications: int, seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Replications of months that hang together, and one more of the same kind as what came."""
    rng = np.random.default_rng(20261101)
    steps = rng.spawn(seed + 1)[seed].normal(size=(count, replications + 1)).cumsum(axis=0)
    index = dates("2026-01-01", count)
    return pd.DataFrame(50 + steps[:, 1:], index), pd.Series(50 + steps[:, 0], index)


def history(count: int) -> pd.Series:
    """Months up to December 2025 with a season."""
    index = pd.date_range(end="2025-12-01", periods=count, freq="MS")
    return pd.Series(40 + 5 * np.sin(index.month / 2) + np.arange(count) / 7, index)


@pytest.mark.parametrize("worlds", [80, pytest.param(800, marks=pytest.mark.slow)])
def test_intervals_hold_as_promised_where_the_model_is_true(worlds: int) -> None:
    """39 replications have order statistics exactly at the ends of both intervals."""
    held = []
    for seed in range(worlds):
        simulated, came = world(6, 39, seed)
        against = rival(came.iloc[:0], came.index[-1])
        (row, *_) = scored(months(simulated, came, against), against)
        held.append([row["held_80"] / 6, row["held_95"] / 6])
    found, error = np.mean(held, axis=0), np.std(held, axis=0) / np.sqrt(len(held))
    assert (np.abs(found - [0.8, 0.95]) < 4 * error).all()
    assert (error < 0.35 / np.sqrt(worlds)).all()


def test_few_replications_hold_no_more_than_their_range() -> None:
    """The interval is not stretched beyond what was simulated."""
    simulated, came = world(3, 5, 0)
    table = months(simulated, came, rival(came.iloc[:0], came.index[-1]))
    assert (table["lo-95"] == simulated.min(axis=1).to_numpy()).all()
    assert (table["hi-95"] == simulated.max(axis=1).to_numpy()).all()


def test_scores_by_their_definitions() -> None:
    simulated, came = world(4, 39, 3)
    against = rival(history(30), came.index[-1])
    table = months(simulated, came, against)
    assert list(table) == list(MONTHS)
    for place, day in enumerate(came.index):
        values, y = np.sort(simulated.loc[day].to_numpy()), came[day]
        total = abs(y - np.median(values)) / 2
        for level in LEVELS:
            tail = (100 - level) / 200
            low, high = values[round(40 * tail) - 1], values[round(40 * (1 - tail)) - 1]
            total += tail * (high - low) + max(low - y, 0) + max(y - high, 0)
        assert table["wis"][place] == pytest.approx(total / 3.5)
        assert table["error"][place] == pytest.approx(values.mean() - y)
    (row, *_) = scored(table, against)
    assert list(row) == list(SCORES)
    assert row["bias"] == pytest.approx((simulated.mean(axis=1) - came).mean())
    assert row["bias_share"] == pytest.approx((simulated.mean(axis=1) - came).sum() / came.sum())
    assert row["ratio"] == pytest.approx(table["wis"].mean() / table["rival_wis"].mean())


def test_a_planted_bias_is_found() -> None:
    """Adding to what was simulated adds as much to the bias."""
    simulated, came = world(6, 39, 5)
    none = rival(came.iloc[:0], came.index[-1])
    (before, *_), (after, *_) = (scored(months(simulated + more, came, none), none) for more in (0.0, 25.0))
    assert after["bias"] - before["bias"] == pytest.approx(25)
    assert after["held_95"] == 0
    assert after["wis"] > before["wis"]


@pytest.mark.parametrize(
    ("known", "name"), [(30, "seasonal_naive"), (24, "seasonal_naive"), (23, "naive"), (1, "naive")]
)
def test_the_rival_is_the_naive_forecast(known: int, name: str) -> None:
    past, (simulated, came) = history(known), world(5, 9, 1)
    against = rival(past, came.index[-1])
    expected = SeasonalNaive().fit(past.asfreq("MS")).predict(5, LEVELS)
    table = months(simulated, came, against)
    assert (against.name, against.history) == (name, known)
    assert np.allclose(table["rival_mean"], expected["mean"])
    assert np.allclose(table["rival_lo-95"], expected["lo-95"])


def test_a_gap_before_the_start_lengthens_the_rivals_way() -> None:
    """What is known up to October is forecast from November on."""
    past, (simulated, came) = history(30).iloc[:-2], world(5, 9, 1)
    table = months(simulated, came, rival(past, came.index[-1]))
    expected = SeasonalNaive().fit(past.asfreq("MS")).predict(7, LEVELS)
    assert np.allclose(table["rival_hi-80"], expected["hi-80"].iloc[2:])


def test_without_months_before_there_is_no_rival() -> None:
    simulated, came = world(5, 9, 1)
    against = rival(came.iloc[:0], came.index[-1])
    (row, *_) = scored(months(simulated, came, against), against)
    assert (row["rival"], row["history"], row["note"]) == (None, 0, NO_RIVAL)
    assert np.isnan([row["rival_wis"], row["ratio"]]).all()


def test_spans_and_steps_count_months_from_the_start() -> None:
    simulated, came = world(14, 9, 2)
    against = rival(history(30), came.index[-1])
    rows = scored(months(simulated, came.drop(came.index[1]), against), against)
    assert {row["horizon"]: row["n"] for row in rows} == {"all": 13, "1-3": 2, "4-6": 3, "7-12": 6, "13 on": 2}
    assert sum(row["held_80"] for row in rows[1:]) == rows[0]["held_80"]


def test_months_in_which_the_metric_is_undefined_are_not_scored() -> None:
    simulated, came = world(4, 9, 2)
    simulated.iloc[0] = np.nan
    simulated.iloc[1, 1:] = np.nan
    simulated.iloc[2, 0] = np.nan
    against = rival(history(30), came.index[-1])
    table = months(simulated, came, against)
    assert table["replications"].tolist() == [0, 1, 8, 9]
    assert scored(table, against)[0]["n"] == 2
