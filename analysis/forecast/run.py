"""Forecasts of tables of series: what ``forecast.parquet`` holds, and the sample paths behind it.

Every series is forecast by itself, which can be spread over processes. The series of one business are then joined, and
its stocks and flows made to add up (``analysis.forecast.flows``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.forecast import flows
from analysis.forecast.fitted import Fitted
from analysis.forecast.history import prepare
from analysis.forecast.joint import surprises
from analysis.forecast.registry import DEFAULT, FORECASTERS
from analysis.forecast.results import Forecasts, Outcome, columns, stream
from analysis.series import monthly_series

if TYPE_CHECKING:
    import pandas as pd

LEVELS = (80, 95)

Change = Callable[[Fitted], Fitted]
Mapper = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True, eq=False)
class Setup:
    """What is asked of a forecast.

    Attributes
    ----------
    horizon : int
        Steps ahead.
    levels : sequence of int
        Coverage of the intervals in per cent.
    model : str
        Name in ``analysis.forecast.registry.FORECASTERS``.
    chosen : mapping
        Models of the series, by id, that are to have another one.
    paths : int
        Sample paths of each series.
    regressors : pandas.DataFrame or None
        Known influences, a column each, indexed by date over the past and the steps ahead.
    frequency : str or None
        Of all series; None: found for each one from its dates.
    structure : bool
        Whether stocks and their flows are made to add up where both are there.
    kept : collection of str or None
        Ids of the series whose paths are wanted; None: all. A table with stocks keeps all.
    """

    horizon: int = 12
    levels: Sequence[int] = LEVELS
    model: str = DEFAULT
    chosen: Mapping[str, str] = field(default_factory=dict)
    paths: int = 2000
    regressors: pd.DataFrame | None = None
    frequency: str | None = None
    structure: bool = True
    kept: Collection[str] | None = None

    def __post_init__(self) -> None:
        for name, least in (("horizon", 1), ("paths", 2)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if wrong := [level for level in self.levels if not 0 < level < 100]:
            raise ValueError(f"levels of intervals lie between 0 and 100 per cent, got {wrong[0]}")
        if unknown := [name for name in (self.model, *self.chosen.values()) if name not in FORECASTERS]:
            raise ValueError(f"no such forecaster: {unknown[0]}; there are {', '.join(FORECASTERS)}")

    def model_of(self, name: str) -> str:
        """Name of the forecaster of a series."""
        return self.chosen.get(name, self.model)


@dataclass(frozen=True, eq=False)
class Item:
    """A series to forecast: id, values by date, floor, what turns its fit into a better informed one, paths kept?"""

    name: str
    y: pd.Series
    floor: float | None
    setup: Setup
    informed: Change | None = None
    kept: bool = True


def forecast_metrics(
    metrics: pd.DataFrame,
    horizon: int = 12,
    levels: Sequence[int] = LEVELS,
    replications: int = 1,
    model: str = DEFAULT,
) -> pd.DataFrame:
    """The table of forecasts of the main monthly metrics of a run; see ``forecast_run``."""
    return forecast_run(metrics, Setup(horizon, tuple(levels), model), replications).table


def forecast_run(
    metrics: pd.DataFrame,
    setup: Setup | None = None,
    replications: int = 1,
    informed: Mapping[str, Change] | None = None,
    mapper: Mapper = map,
) -> Forecasts:
    """Forecast the main monthly metrics of a run and the flows of its stocks.

    Parameters
    ----------
    metrics : pandas.DataFrame
        The table ``metrics.parquet``.
    setup : Setup, optional
    replications : int
        How many of the replications are forecast, each as a history of its own.
    informed, mapper
        As for ``forecast_series``.
    """
    return forecast_series(monthly_series(metrics, replications), setup, informed, mapper)


def forecast_series(
    series: pd.DataFrame,
    setup: Setup | None = None,
    informed: Mapping[str, Change] | None = None,
    mapper: Mapper = map,
) -> Forecasts:
    """Forecast every series of a long table.

    Parameters
    ----------
    series : pandas.DataFrame
        Columns unique_id, ds, y, and optionally floor: the value that a series can never fall below, or NaN.
    setup : Setup, optional
        The defaults without one.
    informed : mapping, optional
        By unique_id, what turns the fit of a series into a better informed one.
    mapper : callable
        Like ``map``: applies a function to items and yields the results in their order.

    Raises
    ------
    ValueError
        If regressors are given to a model that would ignore them.
    """
    setup = setup or Setup()
    _refuse(setup)
    systems = flows.systems(series) if setup.structure else []
    whole = replace(setup, kept=None) if systems else setup
    items = {item.name: item for item in _items(series, whole, informed or {})}
    found, failed = _tried(list(items.values()), mapper)
    if systems:
        known = [system for system in systems if not failed.keys() & system.flows.keys()]
        found = flows.structured(found, known)
        failed = {name: reason for name, reason in failed.items() if name not in found}
    return collected({name: found[name] for name in items if name in found}, failed, setup)


def _tried(items: Sequence[Item], mapper: Mapper) -> tuple[dict[str, Outcome], dict[str, str]]:
    """Outcomes of the series that could be forecast, and why others could not."""
    results = dict(zip([item.name for item in items], mapper(attempt, items), strict=True))
    found = {name: result for name, result in results.items() if isinstance(result, Outcome)}
    return found, {name: result for name, result in results.items() if isinstance(result, str)}


def _refuse(setup: Setup) -> None:
    asked = dict.fromkeys((setup.model, *setup.chosen.values())) if setup.regressors is not None else {}
    for name in asked:
        if not FORECASTERS[name].regressors:
            raise ValueError(f"{name} ignores regressors: choose a model that uses them, such as arima")


def _items(series: pd.DataFrame, setup: Setup, informed: Mapping[str, Change]) -> Iterator[Item]:
    own = replace(setup, kept=None)
    for name, part in series.groupby("unique_id", sort=False):
        kept = setup.kept is None or str(name) in setup.kept
        yield Item(str(name), part.set_index("ds")["y"], floor_of(part), own, informed.get(str(name)), kept)


def floor_of(part: pd.DataFrame) -> float | None:
    """The lowest possible value of the series whose rows these are, if one is given."""
    known = part["floor"].dropna() if "floor" in part.columns else part.iloc[:0, 0]
    return float(known.iloc[0]) if len(known) else None


def attempt(item: Item) -> Outcome | str:
    """Forecast a series; the reason, where that is not possible."""
    try:
        return forecast_one(item)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        return str(error) or type(error).__name__


def forecast_one(item: Item) -> Outcome:
    """Fit, inform, predict, simulate.

    Raises
    ------
    ValueError
        If the series cannot be forecast, or its forecast is not finite.
    """
    import pandas as pd

    setup = item.setup
    history = prepare(item.y, item.floor, None, setup.frequency)
    regular = pd.Series(np.where(history.known, history.y, np.nan), index=history.dates)
    fitted = FORECASTERS[setup.model_of(item.name)].fit(regular, item.floor, setup.regressors)
    notes = dict.fromkeys([*history.notes, *filter(None, fitted.note.split("; "))])
    if item.informed is not None:
        fitted = item.informed(fitted)
        notes |= dict.fromkeys(filter(None, fitted.note.split("; ")))
    table = fitted.predict(setup.horizon, setup.levels).reset_index()
    table = table.assign(unique_id=item.name, model=fitted.model, cutoff=history.cutoff, note="; ".join(notes))
    paths = fitted.simulate(setup.horizon, setup.paths, stream(item.name))
    if not (np.isfinite(paths).all() and np.isfinite(table.select_dtypes("number").to_numpy()).all()):
        raise ValueError(f"{fitted.model} runs away: its forecast is not finite")
    paths = paths if item.kept else paths[:0].copy()
    return Outcome(table[columns(setup.levels)], paths, pd.Series(surprises(history), index=history.dates))


def collected(found: Mapping[str, Outcome], failed: Mapping[str, str], setup: Setup) -> Forecasts:
    """Outcomes and failures as one result."""
    import pandas as pd

    tables = [outcome.table for outcome in found.values()]
    return Forecasts(
        pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns(setup.levels)),
        {name: outcome.paths for name, outcome in found.items() if len(outcome.paths)},
        pd.DataFrame(
            [(name, setup.model_of(name), reason) for name, reason in failed.items()],
            columns=["unique_id", "model", "reason"],
        ),
        {name: outcome.surprises for name, outcome in found.items() if len(outcome.surprises)},
    )
