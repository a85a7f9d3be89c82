"""What a run plans for dates, past and future, as columns that forecasters know.

A key that dated changes, price lists or budgets move becomes its mean value of every month, from 0 (lowest) to 1
(highest); people who are hired become those present by desk, each counted by their speed. What has not varied by the
end of the run leaves nothing to estimate an effect from, and the note of the forecast says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.errors import InputError
from scenarios.forecasts.influences import regular_dates
from scenarios.forecasts.source import RUN, Source
from scenarios.forecasts.twins import monthly, scaled
from scenarios.runs.claim import read_config
from scenarios.studies.changes import moves
from scenarios.studies.resolve import dotted

if TYPE_CHECKING:
    import pandas as pd

    from sim.hiring import Stay

WHERE = "forecast.plan"


def with_plan(known: pd.DataFrame | None, source: Source, settings: Mapping[str, Any]) -> pd.DataFrame | None:
    """Known influences with those of the plan of a run, if they are asked for.

    Parameters
    ----------
    known : pandas.DataFrame or None
        Columns by date that are known otherwise.
    source : Source
    settings : mapping
        The group ``forecast`` of the configuration.

    Raises
    ------
    InputError
        If the source is not one run, or if a name is taken twice.
    """
    if not settings.get("plan"):
        return known
    if source.kind != RUN:
        raise InputError([f"{WHERE}: is known of one run only, got {source.kind}; source=RUN, or forecast.changes"])
    columns = plan_columns(read_config(source.paths[0]), regular_dates(source.series, settings))
    if columns.empty or known is None:
        return known if columns.empty else columns
    if doubled := sorted(set(known.columns) & set(columns.columns)):
        raise InputError([f"{WHERE}: names what is given already, got {doubled[0]}; another name in forecast.changes"])
    return known.join(columns)


def plan_columns(config: Mapping[str, Any], dates: pd.DatetimeIndex) -> pd.DataFrame:
    """What a configuration plans for months.

    Parameters
    ----------
    config : mapping
        Without references.
    dates : pandas.DatetimeIndex (n,)
        Last days of the months.

    Returns
    -------
    pandas.DataFrame (n, keys and desks)
        From 0 to 1; columns that never vary are left out.
    """
    import pandas as pd

    found, _ = moves(dict(config))
    paths = dict.fromkeys(move.path for move in found)
    columns = {dotted(path): monthly(config, [m for m in found if m.path == path], dates) for path in paths}
    columns |= _hired(config, dates)
    return pd.DataFrame({name: values for name, values in columns.items() if np.ptp(values) > 0}, index=dates)


def _hired(config: Mapping[str, Any], dates: pd.DatetimeIndex) -> dict[str, np.ndarray]:
    from sim.hiring import strength

    start = date.fromisoformat(config["horizon"]["start"])
    found = _stays(config)
    ends = [(day.date() - start + timedelta(1)).days for day in dates]
    begins = [(day.replace(day=1).date() - start).days for day in dates]
    people = [strength(found, float(a), float(b)) for a, b in zip(begins, ends, strict=True)]
    desks = dict.fromkeys(stay.desk for stay in found)
    return {f"policy.hiring ({desk})": scaled(np.array([each.get(desk, 0.0) for each in people])) for desk in desks}


def _stays(config: Mapping[str, Any]) -> list[Stay]:
    from sim.hiring import stays
    from sim.spec.policy import Hire

    hires = {name: Hire(**hire) for name, hire in config["policy"].get("hiring", {}).items()}
    return stays(hires, config["horizon"]["start"])
