"""Sample paths are kept where they are used: those of thousands of series would fill the memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.forecast.run import Setup, forecast_series

SETUP = Setup(4, model="seasonal_naive", paths=50)
DATES = pd.date_range("2022-01-31", periods=30, freq="ME")


def table(names: list[str]) -> pd.DataFrame:
    """Series that wander; each stock is the sum of what came."""
    rng = np.random.default_rng(4)
    came = {name: rng.poisson(5, len(DATES)).astype(float) for name in names}
    return pd.concat([pd.DataFrame({"unique_id": name, "ds": DATES, "y": y}) for name, y in came.items()])


def test_paths_are_those_that_are_wanted_and_figures_the_same() -> None:
    series = table(["a", "b", "c"])
    whole = forecast_series(series, SETUP)
    found = forecast_series(series, replace(SETUP, kept=frozenset("b")))
    assert set(whole.paths) == {"a", "b", "c"}
    assert set(found.paths) == {"b"}
    np.testing.assert_array_equal(found.paths["b"], whole.paths["b"])
    pd.testing.assert_frame_equal(found.table, whole.table)


def test_a_stock_keeps_all() -> None:
    """It adds up on every path, whatever is wanted of it afterwards."""
    flow = table(["new_customers"])
    stock = flow.assign(unique_id="active_customers", y=flow["y"].cumsum())
    series = pd.concat([flow, stock])
    whole, found = (forecast_series(series, replace(SETUP, kept=kept)) for kept in (None, frozenset[str]()))
    pd.testing.assert_frame_equal(found.table, whole.table)
    assert "flows" in set(found.table["model"])
    assert set(found.paths) == set(whole.paths)
