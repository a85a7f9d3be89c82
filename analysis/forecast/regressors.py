"""Known influences on a series: columns by date over the history and the dates to be forecast.

A date from which something is different (a price, a policy, a campaign) becomes a step, a ramp or a pulse (Box & Tiao
1975, Intervention analysis with applications to economic and environmental problems). An influence that has not varied
over the history leaves nothing to estimate it from: it is left out, and the note of the forecast says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.forecast.frequency import DAY, following, frequency_of, last_days, places, seconds_in

if TYPE_CHECKING:
    import pandas as pd

    Change = tuple[str | pd.Timestamp, str, str | pd.Timestamp | None]

SHARE = 1e-8
"""A column whose part that the others do not explain is below this share of it says nothing of its own."""


@dataclass(frozen=True, eq=False)
class Regressors:
    """Influences on the dates of a history and after.

    Attributes
    ----------
    names : tuple of str
    past : float array (n, k)
        Values on the dates of the history.
    dates : pandas.DatetimeIndex (n,)
        Those dates.
    table : pandas.DataFrame
        All rows, indexed by date.
    """

    names: tuple[str, ...]
    past: np.ndarray
    dates: pd.DatetimeIndex
    table: pd.DataFrame

    def ahead(self, h: int) -> np.ndarray:
        """Values on the next `h` dates, shape (h, k).

        Raises
        ------
        ValueError
            If a date is missing or a value is not finite.
        """
        return _values(self.table, following(self.dates, h))


def aligned(table: pd.DataFrame, dates: pd.DatetimeIndex) -> Regressors:
    """The regressors of a history with these regular dates.

    Raises
    ------
    ValueError
        If there is no column, if a value is no number, or if a date of the history has no finite value.
    """
    import pandas as pd

    if table.shape[1] == 0:
        raise ValueError("the table of regressors has no column")
    try:
        index = pd.DatetimeIndex(table.index).tz_localize(None)
        numbers = pd.DataFrame(table.to_numpy(float), index=index, columns=[str(c) for c in table.columns])
    except (TypeError, ValueError) as error:
        raise ValueError(f"regressors must be columns of numbers, indexed by date: {error}") from None
    return Regressors(tuple(numbers.columns), _values(numbers, dates), dates, numbers.sort_index(kind="stable"))


def _values(table: pd.DataFrame, dates: pd.DatetimeIndex) -> np.ndarray:
    place = places(table.index, dates)
    inside = (place >= 0) & (place < len(dates))
    found = np.full((len(dates), table.shape[1]), np.nan)
    found[place[inside]] = table.to_numpy()[inside]
    bad = ~np.isfinite(found)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(f"regressor {table.columns[column]} has no finite value for {dates[row]:%Y-%m-%d %H:%M}")
    return found


# What can be estimated


def telling(x: np.ndarray, beside: np.ndarray) -> list[int]:
    """Columns of `x` (n, k) that neither those of `beside` (n, j) nor the columns before them explain."""
    basis = np.linalg.qr(beside)[0] if beside.size else np.zeros((len(x), 0))
    chosen: list[int] = []
    for place, column in enumerate(x.T):
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        size = float(np.linalg.norm(rest))
        if size > SHARE * max(float(np.linalg.norm(column)), 1e-300):
            chosen.append(place)
            basis = np.column_stack([basis, rest / size])
    return chosen


def silent(names: tuple[str, ...], chosen: list[int]) -> tuple[str, ...]:
    """The note on the regressors that were left out, as a tuple that is empty if none was."""
    left = [name for place, name in enumerate(names) if place not in chosen]
    return (f"no effect can be estimated of: {', '.join(left)}",) if left else ()


# Columns from dates


def policy_dates(index: pd.DatetimeIndex, changes: Mapping[str, Change]) -> pd.DataFrame:
    """Columns of known changes.

    Parameters
    ----------
    index : pandas.DatetimeIndex (n,)
        Dates of the history and of the future, in ascending order. A month in which something changes has changed,
        whether months are dated by their first or by their last day.
    changes : mapping
        From a name to (date, shape, until): the shape is step, ramp or pulse; until is the last date of a step or of
        the rise of a ramp, None for one without an end.

    Returns
    -------
    pandas.DataFrame (n, len(changes))

    Raises
    ------
    ValueError
        If a shape or a date is unknown, if a pulse has an end, or if an end lies before its beginning.
    """
    import pandas as pd

    days = _lived(index)
    return pd.DataFrame({name: _column(days, name, change) for name, change in changes.items()}, index=index)


def _lived(index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Last days of the periods, so that a month counts from its change on, whichever of its days it is dated by."""
    if not len(index) or 0 < seconds_in(frequency_of(index)) < DAY:
        return index
    return last_days(index)


def step(index: pd.DatetimeIndex, at: pd.Timestamp, until: pd.Timestamp | None = None) -> np.ndarray:
    """1 from the first date that is not before `at` on, up to and including `until`; 0 elsewhere; shape (n,)."""
    inside = index >= at
    return np.asarray(inside if until is None else inside & (index <= until), float)


def ramp(index: pd.DatetimeIndex, at: pd.Timestamp, until: pd.Timestamp | None = None) -> np.ndarray:
    """Number of dates since `at`, which counts as the first; it stays where it is after `until`; shape (n,)."""
    return np.cumsum(step(index, at, until))


def pulse(index: pd.DatetimeIndex, at: pd.Timestamp) -> np.ndarray:
    """1 on the first date that is not before `at`, 0 elsewhere; shape (n,)."""
    return (ramp(index, at) == 1).astype(float)


def _column(index: pd.DatetimeIndex, name: str, change: Change) -> np.ndarray:
    import pandas as pd

    at, shape, until = change
    shapes: dict[str, Callable[..., np.ndarray]] = {"step": step, "ramp": ramp, "pulse": pulse}
    if shape not in shapes:
        raise ValueError(f"change {name}: shape {shape!r} is none of {', '.join(shapes)}")
    if shape == "pulse" and until is not None:
        raise ValueError(f"change {name}: a pulse lasts one date; a step can have an end")
    try:
        begin, end = pd.Timestamp(at), None if until is None else pd.Timestamp(until)
    except ValueError:
        raise ValueError(f"change {name}: {at} or {until} is no date") from None
    if end is not None and end < begin:
        raise ValueError(f"change {name}: it ends before it begins")
    return shapes[shape](index, begin) if end is None else shapes[shape](index, begin, end)
