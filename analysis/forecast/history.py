"""The past of one series, made regular: ordered, without gaps, finite, with its season and its next dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.forecast.frequency import following, frequency_of, given, grid, own_places, regular, season_of
from analysis.forecast.regressors import Regressors, aligned

if TYPE_CHECKING:
    import pandas as pd
    from pandas.tseries.offsets import BaseOffset


@dataclass(frozen=True, eq=False)
class History:
    """A regular history.

    Attributes
    ----------
    y : float array (n,)
        Finite values, n >= 1.
    dates : pandas.DatetimeIndex (n,)
        Consecutive dates; their ``freq`` is the frequency.
    season : int
        Observations in a cycle, 1 for none.
    known : bool array (n,)
        Which values were stored; the others are interpolated.
    floor : float or None
        Value that the series can never fall below.
    notes : tuple of str
        What had to be repaired, a sentence each.
    regressors : Regressors or None
        Known influences on the same dates and on those ahead.
    """

    y: np.ndarray
    dates: pd.DatetimeIndex
    season: int
    known: np.ndarray
    floor: float | None = None
    notes: tuple[str, ...] = ()
    regressors: Regressors | None = None

    def ahead(self, h: int) -> pd.DatetimeIndex:
        """The next `h` dates."""
        return following(self.dates, h)

    @property
    def cutoff(self) -> pd.Timestamp:
        """Date of the last value."""
        return self.dates[-1]

    @property
    def constant(self) -> bool:
        """Whether all values are equal."""
        return bool(np.ptp(self.y) == 0)


def prepare(
    y: pd.Series,
    floor: float | None = None,
    regressors: pd.DataFrame | None = None,
    frequency: str | BaseOffset | None = None,
) -> History:
    """Make a series regular.

    Infinite values count as missing. Missing values at either end are cut off, those inside are interpolated,
    and of a period that occurs twice the last value holds; each is said in the notes.

    Parameters
    ----------
    y : pandas.Series of float, indexed by date
        The series as it was stored; of dates with a time zone the local time counts.
    floor : float, optional
        Value that the series can never fall below.
    regressors : pandas.DataFrame of float, indexed by date
        Known influences, for all dates of the history and those to be forecast.
    frequency : str or offset of pandas, optional
        One of ``frequency.LETTERS``, or an offset or its name. Without it, the frequency that the index bears, or
        else the one that its dates have.

    Raises
    ------
    ValueError
        If no finite value is left, if the dates follow no frequency and none is given, or if the regressors do not
        cover the history.
    """
    notes: list[str] = []
    values = _as_it_is(y, frequency, notes)
    if values is None:
        values = _from_stored(y, frequency, notes)
    known = np.isfinite(values.to_numpy())
    if missing := int((~known).sum()):
        many = (
            "1 missing value inside the series was"
            if missing == 1
            else f"{missing} missing values inside the series were"
        )
        notes.append(f"{many} interpolated")
    time = np.arange(len(known))
    whole = np.interp(time, time[known], values.to_numpy()[known])
    influences = None if regressors is None else aligned(regressors, values.index)
    return History(whole, values.index, season_of(values.index.freq), known, floor, tuple(notes), influences)


def _as_it_is(y: pd.Series, frequency: str | BaseOffset | None, notes: list[str]) -> pd.Series | None:
    """The series without missing ends, if its index is regular already and no other frequency is asked for."""
    index = y.index
    if frequency is not None or not regular(getattr(index, "freq", None)) or index.tz is not None:
        return None
    values = np.asarray(y, float)
    inside = np.flatnonzero(np.isfinite(values))
    if not len(inside):
        raise ValueError("the series has no finite value")
    if inside[-1] < len(values) - 1:
        notes.append(f"the last known value is of {_day(index[inside[-1]])}")
    kept = slice(inside[0], inside[-1] + 1)
    return type(y)(values[kept], index=index[kept])


def _from_stored(y: pd.Series, frequency: str | BaseOffset | None, notes: list[str]) -> pd.Series:
    """Values on regular dates, NaN where none is known."""
    stored = _ordered(y)
    known = stored[np.isfinite(stored)]
    if known.empty:
        raise ValueError("the series has no finite value")
    if stored.index[-1] > known.index[-1]:
        notes.append(f"the last known value is of {_day(known.index[-1])}")
    return _regular(known, grid(known.index, _frequency(y, stored.index.unique(), frequency)), notes)


def _frequency(y: pd.Series, dates: pd.DatetimeIndex, frequency: str | BaseOffset | None) -> BaseOffset:
    if frequency is not None:
        return given(frequency, dates)
    borne = getattr(y.index, "freq", None)
    return borne if regular(borne) else frequency_of(dates)


def _ordered(y: pd.Series) -> pd.Series:
    import pandas as pd

    index = pd.DatetimeIndex(y.index).tz_localize(None)
    return pd.Series(np.asarray(y, float), index=index).sort_index(kind="stable")


def _regular(values: pd.Series, dates: pd.DatetimeIndex, notes: list[str]) -> pd.Series:
    """Values at the regular dates that theirs stand for, the last one where there are several."""
    import pandas as pd

    place = pd.Series(own_places(values.index, dates))
    if place.duplicated().any():
        notes.append("of periods that occur twice the last value was used")
    last = ~place.duplicated(keep="last").to_numpy()
    full = np.full(len(dates), np.nan)
    full[place[last]] = values.to_numpy()[last]
    return pd.Series(full, index=dates)


def _day(date: pd.Timestamp) -> str:
    return f"{date:%Y-%m-%d}" if date == date.normalize() else f"{date:%Y-%m-%d %H:%M}"
