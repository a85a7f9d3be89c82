"""Backtests of stocks as they are forecast in use: through their flows, from earlier dates.

``analysis.evaluate.backtest`` looks at each series by itself. A stock whose flows are known is forecast from these
(``analysis.forecast.flows``); here that is done again from the same cutoffs, with what was known then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from analysis.evaluate import scores
from analysis.evaluate.truth import MIDDLE
from analysis.forecast import flows
from analysis.forecast.history import prepare
from analysis.forecast.run import floor_of, forecast_series

if TYPE_CHECKING:
    import pandas as pd

    from analysis.forecast.run import Mapper, Setup

FLOWS = "flows"
"""Name of the model in the backtest."""

NOTE = "forecast through its flows"


def stocks_backtest(series: pd.DataFrame, table: pd.DataFrame, setup: Setup, mapper: Mapper = map) -> pd.DataFrame:
    """Scores of stocks that are forecast through their flows.

    Parameters
    ----------
    series : pandas.DataFrame
        Columns unique_id, ds, y, floor.
    table : pandas.DataFrame
        The backtest of the same series, from whose cutoffs stocks are forecast again.
    setup : Setup
        As in use; nothing that tables of contracts or deals know enters. Models that were chosen for some series are
        judged at the last cutoff alone, as their choice saw the others.
    mapper : callable
        Like ``map``; is given one item for each cutoff.

    Returns
    -------
    pandas.DataFrame
        Rows of a backtest with model ``flows``; crps is NaN, as only intervals are kept. Empty without such stocks.
    """
    import pandas as pd

    known = flows.systems(series) if setup.structure else []
    stocks = [system.stock for system in known]
    part = series[series["unique_id"].isin([*stocks, *(flow for system in known for flow in system.flows)])]
    scored = table[table["unique_id"].isin(stocks) & (table["steps"] > 0)]
    if setup.chosen:
        scored = scored[scored["cutoff"] == scored.groupby("unique_id")["cutoff"].transform("max")]
    part = _regular(part, setup) if len(scored) else part
    cutoffs = sorted(scored["cutoff"].unique())
    found = mapper(partial(_at, part, setup, scored), cutoffs)
    rows = [row for rows in found for row in rows]
    return pd.DataFrame(rows, columns=list(table.columns)) if rows else table.iloc[:0]


def _regular(part: pd.DataFrame, setup: Setup) -> pd.DataFrame:
    """The series on their regular dates, as the backtest saw them; missing where nothing is known."""
    import pandas as pd

    rows = []
    for name, own in part.groupby("unique_id", sort=False):
        past = prepare(own.set_index("ds")["y"], None, None, setup.frequency)
        y = np.where(past.known, past.y, np.nan)
        rows.append(pd.DataFrame({"unique_id": name, "ds": past.dates, "y": y, "floor": floor_of(own)}))
    return pd.concat(rows, ignore_index=True)


def _at(part: pd.DataFrame, setup: Setup, scored: pd.DataFrame, cutoff: pd.Timestamp) -> list[dict[str, object]]:
    """Rows of the stocks that the backtest scored from this cutoff."""
    own = scored[scored["cutoff"] == cutoff].drop_duplicates("unique_id").set_index("unique_id")
    known = part["ds"] <= cutoff
    found = forecast_series(part[known], replace(setup, levels=(*setup.levels, MIDDLE))).table
    rows = []
    for name, ahead in found.merge(part, on=["unique_id", "ds"]).groupby("unique_id", sort=False):
        if name in own.index:
            past = part.loc[(part["unique_id"] == name) & known, "y"].to_numpy(float)
            dates = {column: own.loc[name, column] for column in ("cutoff", "ends", "scale")}
            rows.append(
                {"unique_id": name, "model": FLOWS, **dates, **_scores(ahead, past, setup.levels), "note": NOTE}
            )
            rows[-1]["mase"] = rows[-1].pop("error") / rows[-1]["scale"]
    return rows


def _scores(ahead: pd.DataFrame, past: np.ndarray, levels: Sequence[int]) -> dict[str, object]:
    """Means over the steps that are known."""
    y, mean = ahead["y"].to_numpy(float), ahead["mean"].to_numpy(float)
    bounds = {level: ahead[[f"lo-{level}", f"hi-{level}"]].to_numpy(float).T for level in (*levels, MIDDLE)}
    inside = {level: scores.covered(y, *bounds[level]) for level in levels}
    limits = np.array([bounds[level] for level in levels])
    return {
        "steps": float(np.isfinite(y).sum()),
        "error": scores.known_mean(np.abs(y - mean)),
        "rmsse": scores.rmsse(y, mean, past),
        "wis": scores.known_mean(scores.wis(y, bounds[MIDDLE].mean(axis=0), limits, levels)),
        "crps": float("nan"),
        **{f"cov{level}": scores.known_mean(values) for level, values in inside.items()},
        **{f"inside-{level}": values.tolist() for level, values in inside.items()},
    }
