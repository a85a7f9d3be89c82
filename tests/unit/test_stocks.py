"""Backtests of stocks through their flows: the same windows, what was known then, the scores of those forecasts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.evaluate import scores
from analysis.evaluate.backtest import backtest, summary
from analysis.evaluate.origins import Design
from analysis.evaluate.stocks import FLOWS, stocks_backtest
from analysis.forecast.run import Setup, forecast_series

MONTHS, HORIZON = 40, 6
SETUP = Setup(HORIZON, (80, 95), "ses", paths=200)


def books() -> pd.DataFrame:
    """Cash with what came in and went out, and a series of no business."""
    rng = np.random.default_rng(3)
    dates = pd.date_range("2022-01-31", periods=MONTHS, freq="ME")
    received, paid = 100 + rng.normal(0, 5, MONTHS), 90 + rng.normal(0, 5, MONTHS)
    values = {"cash_received": received, "cash_paid": paid, "cash": 500 + np.cumsum(received - paid), "rain": received}
    parts = [pd.DataFrame({"unique_id": name, "ds": dates, "y": y, "floor": np.nan}) for name, y in values.items()]
    return pd.concat(parts, ignore_index=True)


def test_scores_are_those_of_the_forecast_made_at_the_cutoff() -> None:
    series = books()
    table = backtest(series, ["ses"], Design(HORIZON, 2))
    found = stocks_backtest(series, table, SETUP)
    assert list(found.columns) == list(table.columns)
    assert found["unique_id"].tolist() == ["cash", "cash"]
    assert (found["model"] == FLOWS).all()
    direct = table[(table["unique_id"] == "cash") & (table["model"] == "ses")]
    assert found["cutoff"].tolist() == direct["cutoff"].tolist()
    row = found.iloc[-1]
    bound = series[series["unique_id"] != "rain"]
    past, came = bound[bound["ds"] <= row["cutoff"]], bound[bound["ds"] > row["cutoff"]]
    ahead = forecast_series(past, SETUP).table.query("unique_id == 'cash'")
    y = came.loc[came["unique_id"] == "cash", "y"].to_numpy()
    scale = scores.absolute_scale(past.loc[past["unique_id"] == "cash", "y"].to_numpy(), 12)
    assert np.isclose(row["mase"], np.abs(y - ahead["mean"].to_numpy()).mean() / scale)
    assert row["cov80"] == np.mean([a <= b <= c for a, b, c in zip(ahead["lo-80"], y, ahead["hi-80"], strict=True)])
    assert row["inside-80"] == scores.covered(y, ahead["lo-80"].to_numpy(), ahead["hi-80"].to_numpy()).tolist()


def test_a_stock_is_held_against_the_naive_forecast_of_itself() -> None:
    series = books()
    table = backtest(series, ["ses"], Design(HORIZON, 2))
    whole = pd.concat([table, stocks_backtest(series, table, SETUP)], ignore_index=True)
    row = summary(whole.drop(columns=["inside-80", "inside-95"])).set_index(["model", "measure"]).loc[(FLOWS, "mase")]
    naive = table[(table["unique_id"] == "cash") & (table["model"] == "seasonal_naive")]
    own = whole[whole["model"] == FLOWS]
    assert np.isclose(row["ratio"], own["mase"].sum() / naive["mase"].sum())


def test_chosen_models_are_judged_at_the_last_cutoff() -> None:
    """Their choice saw the others."""
    series = books()
    table = backtest(series, ["ses"], Design(HORIZON, 3))
    chosen = dict.fromkeys(("cash", "cash_received", "cash_paid"), "ses")
    found = stocks_backtest(series, table, replace(SETUP, model="holt", chosen=chosen))
    assert found["cutoff"].tolist() == [table["cutoff"].max()]
    assert found["mase"].iloc[0] == stocks_backtest(series, table, SETUP)["mase"].iloc[-1]


def test_a_naive_forecast_of_flows_is_one_through_flows() -> None:
    series = books()
    table = backtest(series, [], Design(HORIZON, 1))
    found = stocks_backtest(series, table, replace(SETUP, model="seasonal_naive")).iloc[0]
    assert found["mase"] != table[table["unique_id"] == "cash"]["mase"].iloc[0]


def test_dates_off_the_end_of_the_month_are_scored() -> None:
    """Months stored on their last business day but one are dated as the forecast dates them."""
    series = books()
    jittered = series.assign(ds=series["ds"] - pd.to_timedelta(series["ds"].dt.month % 3, unit="D"))
    found = stocks_backtest(jittered, backtest(jittered, ["ses"], Design(HORIZON, 1)), SETUP)
    same = stocks_backtest(series, backtest(series, ["ses"], Design(HORIZON, 1)), SETUP)
    assert found["steps"].tolist() == [HORIZON]
    assert found["wis"].tolist() == same["wis"].tolist()


def test_without_flows_there_is_nothing_to_add() -> None:
    series = books().query("unique_id != 'cash_paid' and unique_id != 'cash_received'")
    table = backtest(series, ["ses"], Design(HORIZON, 1))
    assert stocks_backtest(series, table, SETUP).empty
    assert list(stocks_backtest(series, table, SETUP).columns) == list(table.columns)
