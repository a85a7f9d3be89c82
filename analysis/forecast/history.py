"""The past of one series, made regular: ordered, without gaps, finite, with its season and its next dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

STEPS = {"D": 1, "W": 7, "M": 30, "Q": 91, "Y": 365}
"""Days between observations of a daily, weekly, monthly, quarterly and yearly series."""

SEASONS = {"D": 7, "W": 52, "M": 12, "Q": 4, "Y": 1}
"""Observations in a cycle."""

Side = Literal["start", "end"]
"""Whether a period bears the date of its first or of its last day."""


@dataclass(frozen=True, eq=False)
class History:
    """A regular history.

    Attributes
    ----------
    y : float array (n,)
        Finite values, n >= 1.
    periods : pandas.PeriodIndex (n,)
        Consecutive periods.
    side : {"start", "end"}
        How the periods are dated.
    season : int
        Observations in a cycle, 1 for none.
    floor : float or None
        Value that the series can never fall below.
    notes : tuple of str
        What had to be repaired, a sentence each.
    """

    y: np.ndarray
    periods: pd.PeriodIndex
    side: Side
    season: int
    floor: float | None = None
    notes: tuple[str, ...] = ()

    def ahead(self, h: int) -> pd.DatetimeIndex:
        """The next `h` dates."""
        import pandas as pd

        return dated(pd.period_range(self.periods[-1] + 1, periods=h), self.side)

    @property
    def cutoff(self) -> pd.Timestamp:
        """Date of the last value."""
        return dated(self.periods[-1:], self.side)[0]

    @property
    def constant(self) -> bool:
        """Whether all values are equal."""
        return bool(np.ptp(self.y) == 0)


def prepare(y: pd.Series, floor: float | None = None) -> History:
    """Make a series regular.

    Infinite values count as missing. Missing values at either end are cut off, those inside are interpolated,
    and of a period that occurs twice the last value holds; each is said in the notes.

    Parameters
    ----------
    y : pandas.Series of float, indexed by date
        The series as it was stored.
    floor : float, optional
        Value that the series can never fall below.

    Raises
    ------
    ValueError
        If no finite value is left.
    """
    notes: list[str] = []
    stored = _ordered(y)
    unit, side = rhythm(stored.index.unique())
    known = _known(stored, notes)
    regular = _regular(known, period_of(known.index, unit, side), notes)
    return History(regular.to_numpy(float), regular.index, side, SEASONS[unit], floor, tuple(notes))


def rhythm(index: pd.DatetimeIndex) -> tuple[str, Side]:
    """Unit (D, W, M, Q or Y) of ordered dates by their median distance, and how periods are dated.

    A single date counts as monthly. Months are dated by their start where every date is a first.
    """
    gap = float(np.median(np.diff(index.to_numpy("datetime64[D]")).astype(float))) if len(index) > 1 else 30.0
    unit = min(STEPS, key=lambda u: abs(np.log(max(gap, 1) / STEPS[u])))
    first = unit in "MQY" and bool((index.day == 1).all())
    return unit, "start" if first else "end"


def period_of(index: pd.DatetimeIndex, unit: str, side: Side) -> pd.PeriodIndex:
    """Periods of dates; weeks, quarters and years end so that the last date opens or closes one."""
    import pandas as pd

    last = index[-1]
    if unit == "W":
        return index.to_period(f"W-{last:%a}".upper())
    if unit in "QY":
        months = {"Q": 2, "Y": 11}[unit] if side == "start" else 0
        return index.to_period(f"{unit}-{last + pd.DateOffset(months=months):%b}".upper())
    return index.to_period(unit)


def dated(periods: pd.PeriodIndex, side: Side) -> pd.DatetimeIndex:
    """First or last days of periods."""
    return periods.to_timestamp(how=side).normalize()


def _ordered(y: pd.Series) -> pd.Series:
    import pandas as pd

    values = pd.Series(np.asarray(y, float), index=pd.DatetimeIndex(y.index).normalize())
    return values.sort_index(kind="stable")


def _known(values: pd.Series, notes: list[str]) -> pd.Series:
    known = values[np.isfinite(values)]
    if known.empty:
        raise ValueError("the series has no finite value")
    if values.index[-1] > known.index[-1]:
        notes.append(f"the last known value is of {known.index[-1]:%Y-%m-%d}")
    return known


def _regular(values: pd.Series, periods: pd.PeriodIndex, notes: list[str]) -> pd.Series:
    import pandas as pd

    by_period = pd.Series(values.to_numpy(), index=periods)
    if by_period.index.has_duplicates:
        notes.append("of periods that occur twice the last value was used")
        by_period = by_period[~by_period.index.duplicated(keep="last")]
    full = by_period.reindex(pd.period_range(periods[0], periods[-1]))
    if missing := int(full.isna().sum()):
        notes.append(f"{missing} missing values inside the series were interpolated")
        full = full.interpolate()
    return full
