"""Forecasts of tables of series: what ``forecast.parquet`` holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.forecast.registry import DEFAULT, FORECASTERS
from analysis.series import floors, monthly_series

if TYPE_CHECKING:
    import pandas as pd

LEVELS = (80, 95)


def forecast_metrics(
    metrics: pd.DataFrame,
    horizon: int = 12,
    levels: Sequence[int] = LEVELS,
    replications: int = 1,
    model: str = DEFAULT,
) -> pd.DataFrame:
    """Forecast the main monthly metrics of a run.

    Parameters
    ----------
    metrics : pandas.DataFrame
        The table ``metrics.parquet``.
    horizon : int
        Months ahead.
    levels : sequence of int
        Coverage of the intervals in per cent.
    replications : int
        How many of the replications are forecast, each as a history of its own.
    model : str
        Name in ``analysis.forecast.registry.FORECASTERS``.

    Returns
    -------
    pandas.DataFrame
        As ``forecast_series`` gives it.
    """
    series = monthly_series(metrics, replications)
    return forecast_series(series, horizon, levels, model, floors(series["unique_id"].unique()))


def forecast_series(
    series: pd.DataFrame,
    horizon: int,
    levels: Sequence[int] = LEVELS,
    model: str = DEFAULT,
    floor: dict[str, float] | None = None,
) -> pd.DataFrame:
    """Forecast every series of a long table.

    Parameters
    ----------
    series : pandas.DataFrame
        Columns unique_id, ds, y.
    horizon : int
        Steps ahead.
    levels : sequence of int
        Coverage of the intervals in per cent.
    model : str
        Name in ``analysis.forecast.registry.FORECASTERS``.
    floor : dict, optional
        Lowest possible value by unique_id, for the series that have one.

    Returns
    -------
    pandas.DataFrame
        Columns unique_id, ds, model, mean, lo-L and hi-L for every level, cutoff, note; `horizon` rows for
        every series with at least one finite value, none for the others. ``model`` is what was fitted in the
        end; ``note`` says why it is not the model that was asked for, or what was repaired. All numbers are
        finite.
    """
    import pandas as pd

    parts = [
        _forecast_one(name, part.set_index("ds")["y"], horizon, levels, (model, (floor or {}).get(name)))
        for name, part in series.groupby("unique_id", sort=False)
        if part["y"].notna().any()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns(levels))


def columns(levels: Sequence[int]) -> list[str]:
    """Columns of a table of forecasts."""
    bounds = [f"{side}-{level}" for level in levels for side in ("lo", "hi")]
    return ["unique_id", "ds", "model", "mean", *bounds, "cutoff", "note"]


def _forecast_one(
    name: str, y: pd.Series, horizon: int, levels: Sequence[int], how: tuple[str, float | None]
) -> pd.DataFrame:
    model, floor = how
    fitted = FORECASTERS[model].fit(y, floor)
    table = fitted.predict(horizon, levels).reset_index()
    table = table.assign(unique_id=str(name), model=fitted.model, cutoff=fitted.history.cutoff, note=fitted.note)
    return table[columns(levels)]
