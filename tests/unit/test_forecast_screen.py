"""The screen of a forecast: what it says was tried, and how it tells dates."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from analysis.report.forecasts.build import PART
from analysis.report.forecasts.folder import Forecasts
from analysis.report.forecasts.screen import show
from analysis.report.forecasts.view import View
from analysis.report.strings import catalogue
from tests.fixtures.fake_forecast import Recipe, write_fake_forecast

FILE = Recipe("file", horizon=3)


def screen(folder: Path) -> str:
    return show(Forecasts(folder), catalogue(part=PART), 100).replace("\u00a0", " ")


def test_hours_are_told_with_their_time(tmp_path: Path) -> None:
    folder = write_fake_forecast(tmp_path / "hours", Recipe("file", horizon=6, history=60, frequency="h"))
    last = Forecasts(folder).forecast["ds"].max()
    assert f"Forecast for {last:%Y-%m-%d %H:%M}" in screen(folder)


@pytest.mark.parametrize(("left", "words"), [(3, "up to 3 earlier dates"), (2, "up to 2 "), (1, "one earlier date\n")])
def test_dates_are_counted_from_which_the_model_in_use_was_scored(tmp_path: Path, left: int, words: str) -> None:
    """The choice of the best is judged at the last date alone, whatever its rivals were tried at."""
    folder = write_fake_forecast(tmp_path / "file", FILE)
    table = pd.read_parquet(folder / "backtest.parquet")
    assert table.groupby("model")["cutoff"].nunique().eq(3).all()
    main = View(Forecasts(folder), catalogue(part=PART)).main
    kept = sorted(table["cutoff"].unique())[-left:]
    kept_rows = table[(table["model"] != main) | table["cutoff"].isin(kept)]
    kept_rows.to_parquet(folder / "backtest.parquet")
    assert words in screen(folder)


def test_a_series_without_changes_counts_as_tried(tmp_path: Path) -> None:
    """Its error has nothing to be scaled by, its intervals are scored all the same."""
    folder = write_fake_forecast(tmp_path / "file", FILE)
    table = pd.read_parquet(folder / "backtest.parquet")
    first = table["unique_id"].iloc[0]
    table.loc[table["unique_id"] == first, ["mase", "scale"]] = float("nan")
    table.to_parquet(folder / "backtest.parquet")
    assert f"tried on {table['unique_id'].nunique()} series" in screen(folder)
