"""What is known to act on the series: dated changes and columns of a file, on the dates of past and future."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.errors import InputError, shown, user_path
from scenarios.forecasts.cells import read_dates, read_numbers
from scenarios.forecasts.text import cells_of, read_bytes, text_of

if TYPE_CHECKING:
    import pandas as pd

WHERE = "forecast.regressors"


def influences(series: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame | None:
    """Columns of influences over all dates of the series and the steps ahead; None if there are none.

    Parameters
    ----------
    series : pandas.DataFrame
        unique_id, ds, y.
    settings : mapping
        The group ``forecast`` of the configuration: changes, regressors, horizon, frequency.

    Raises
    ------
    InputError
        If the series have several frequencies, or the file cannot be read or does not reach into the future.
    """
    import pandas as pd

    from analysis.forecast.frequency import places
    from analysis.forecast.regressors import policy_dates

    if not settings["changes"] and settings["regressors"] is None:
        return None
    dates = regular_dates(series, settings)
    changes = {
        name: (each["at"], each.get("shape") or "step", each.get("until")) for name, each in settings["changes"].items()
    }
    found = policy_dates(dates, changes)
    if settings["regressors"] is None:
        return found
    table = read_regressors(user_path(settings["regressors"], "forecast.regressors"), settings)
    if doubled := sorted(set(table.columns) & set(found.columns)):
        raise InputError([f"{WHERE}: has a column named as a change, got {shown(doubled[0])}; another name"])
    place = places(table.index, dates)
    inside = (place >= 0) & (place < len(dates))
    values = np.full((len(dates), table.shape[1]), np.nan)
    values[place[inside]] = table.to_numpy(float)[inside]
    _check_ahead(values, table, dates[-settings["horizon"] :])
    return found.join(pd.DataFrame(values, index=dates, columns=table.columns))


def _check_ahead(values: np.ndarray, table: pd.DataFrame, ahead: pd.DatetimeIndex) -> None:
    bad = np.argwhere(~np.isfinite(values[len(values) - len(ahead) :]))
    if bad.size:
        name, day = table.columns[bad[0][1]], ahead[bad[0][0]]
        right = f"values up to {ahead[-1]:%Y-%m-%d}, which is as far as the forecast goes"
        raise InputError([f"{WHERE}: has no future, got no value of {shown(name)} for {day:%Y-%m-%d}; {right}"])


def regular_dates(series: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DatetimeIndex:
    """Regular dates from the first of any series to the last that is forecast."""
    import pandas as pd

    from analysis.forecast.history import prepare

    found: list[pd.DatetimeIndex] = []
    for _, part in series.groupby("unique_id", sort=False):
        try:
            found.append(prepare(part.set_index("ds")["y"], None, None, settings["frequency"]).dates)
        except ValueError:
            continue
    if not found:
        return pd.DatetimeIndex([])
    names = list(dict.fromkeys(dates.freqstr for dates in found))
    if len(names) > 1:
        right = "series of one frequency, or forecast.frequency"
        raise InputError([f"forecast.changes: act on series of several frequencies, got {', '.join(names)}; {right}"])
    first, last = min(dates[0] for dates in found), max(dates[-1] for dates in found)
    known = pd.date_range(first, last, freq=found[0].freq)
    return pd.date_range(first, periods=len(known) + settings["horizon"], freq=found[0].freq)


def read_regressors(path: Path, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Columns of numbers by date.

    Raises
    ------
    InputError
        If the file cannot be read, has no column beside its dates, a date twice, or cells that are no numbers.
    """
    import pandas as pd

    text = text_of(read_bytes(path, WHERE)[0], settings["encoding"])
    header = next(csv.reader(io.StringIO(text.lstrip()), delimiter=settings["delimiter"] or ","), [])
    names = [name.strip() for name in header if name.strip() and name.strip() != "ds"]
    cells = cells_of(
        text, {"regressors.ds": "ds"} | {f"regressors.{name}": name for name in names}, settings["delimiter"]
    )
    if cells.ragged or not names:
        got = f"another number of cells in line {cells.ragged[0]}" if cells.ragged else "no column beside ds"
        raise InputError([f"{WHERE}: is no table of dates and numbers, got {got}; ds and columns of numbers"])
    dates, _ = read_dates(cells.columns["regressors.ds"], settings["date_format"], cells.lines)
    if wrong := [(d.reason, line) for d, line in zip(dates, cells.lines, strict=True) if d.reason]:
        raise InputError([f"{WHERE}: has no date in line {wrong[0][1]}, got {wrong[0][0]}; a date in each row"])
    columns = {name: _numbers(cells.columns[f"regressors.{name}"], name, cells.lines, settings) for name in names}
    table = pd.DataFrame(columns, index=pd.DatetimeIndex([date.when for date in dates]))
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()][0]
        raise InputError([f"{WHERE}: has a date twice, got {twice:%Y-%m-%d}; one row for each date"])
    return table.sort_index()


def _numbers(texts: list[str], name: str, lines: list[int], settings: Mapping[str, Any]) -> list[float]:
    values, _ = read_numbers(texts, settings["decimal"], lines)
    for value, line in zip(values, lines, strict=True):
        if isinstance(value, str):
            raise InputError([f"{WHERE}: column {shown(name)} is wrong in line {line}, got {value}; a number"])
    return [float(value) for value in values]
