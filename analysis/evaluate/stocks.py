"""Backtests of stocks as they are forecast in use: through their flows, from earlier dates.

``analysis.evaluate.backtest`` looks at each series by itself. A stock whose flows are known is forecast from these
(``analysis.forecast.flows``); here that is done again from the same cutoffs, with what was known then.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from analysis.evaluate import scores
from analysis.evaluate.truth import Trial, truth_table
from analysis.forecast import flows

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
        As in use; nothing that tables of contracts or deals know enters.
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
    cutoffs = sorted(scored["cutoff"].unique())
    found = mapper(partial(_at, part, setup, scored), cutoffs)
    rows = [row for rows in found for row in rows]
    return pd.DataFrame(rows, columns=list(table.columns)) if rows else table.iloc[:0]


def _at(part: pd.DataFrame, setup: Setup, scored: pd.DataFrame, cutoff: pd.Timestamp) -> list[dict[str, object]]:
    """Rows of the stocks that the backtest scored from this cutoff."""
    own = scored[scored["cutoff"] == cutoff].drop_duplicates("unique_id").set_index("unique_id")
    found, _ = truth_table(part.assign(replication=0), Trial(setup, cutoff=cutoff))
    rows = []
    for name, ahead in found[found["model"] == setup.model].groupby("unique_id", sort=False):
        if name in own.index:
            past = part[(part["unique_id"] == name) & (part["ds"] <= cutoff)]["y"].to_numpy(float)
            dates = {column: own.loc[name, column] for column in ("cutoff", "ends", "scale")}
            rows.append(
                {"unique_id": name, "model": FLOWS, **dates, **_scores(ahead, past, setup.levels), "note": NOTE}
            )
            rows[-1]["mase"] = rows[-1].pop("error") / rows[-1]["scale"]
    return rows


def _scores(ahead: pd.DataFrame, past: np.ndarray, levels: Sequence[int]) -> dict[str, object]:
    """Means over the steps that are known."""
    y, mean = ahead["y"].to_numpy(float), ahead["mean"].to_numpy(float)
    inside = {
        level: scores.covered(y, ahead[f"lo-{level}"].to_numpy(float), ahead[f"hi-{level}"].to_numpy(float))
        for level in levels
    }
    return {
        "steps": float(np.isfinite(y).sum()),
        "error": scores.known_mean(np.abs(y - mean)),
        "rmsse": scores.rmsse(y, mean, past),
        "wis": scores.known_mean(ahead["wis"].to_numpy(float)),
        "crps": float("nan"),
        **{f"cov{level}": scores.known_mean(values) for level, values in inside.items()},
        **{f"inside-{level}": values.tolist() for level, values in inside.items()},
    }
