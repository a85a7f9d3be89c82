"""Frequencies: found from dates or given, as offsets of pandas; their cycle; the regular dates behind stored ones.

A frequency is found from the middle gap between dates. Months, and whole numbers of them, are recognised by dates
that are all first, last, first or last business, or same days; anything else is a fixed distance, where weeks, days,
hours and round minutes are preferred to their near neighbours. Dates without a rhythm are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from pandas.tseries.offsets import BaseOffset

LENGTHS = {"M": 1, "Q": 3, "Y": 12}
"""Months of the letters that stand for whole numbers of months."""

LETTERS = ("D", "W", *LENGTHS, "h")
"""Frequencies that can be given without saying how their periods are dated."""

MONTHS = (12, 6, 4, 3, 2, 1)
"""Numbers of months that are recognised."""

DAY = 86400
"""Seconds of a day."""

DISTANCES = tuple(DAY * d for d in (7, 1)) + tuple(3600 * h for h in (12, 8, 6, 4, 3, 2, 1)) + (1800, 900, 600, 300, 60)
"""Fixed distances, in seconds, that are preferred to others within a tenth."""

NEAR = 0.25
"""Share of the middle gap within which another gap is explained by it."""

PARTS = (9 * DAY, 17 * DAY)
"""Middle gaps, in seconds, of dates that may be halves or thirds of months."""

UNITS = {"Year": 12, "Quarter": 3, "Month": 1}
"""Months in the units of pandas' offsets."""

SIDES = {"Begin": "{}Begin", "End": "{}End", "BBegin": "B{}Begin", "BEnd": "B{}End"}
"""How periods of whole months can be dated, by their first, last, first or last business day, and offsets so named."""


def frequency_of(dates: pd.DatetimeIndex) -> BaseOffset:
    """The frequency of dates in ascending order without duplicates; a single one counts as monthly.

    Raises
    ------
    ValueError
        If the middle gap explains under half of all gaps, or if the dates part months.
    """
    gaps = _gaps(dates)
    if len(gaps) and np.median(gaps) > 0.75 * DAY:
        dates = dates.normalize().unique()
        gaps = _gaps(dates)
    if not len(gaps):
        return _months(dates, 1)
    gap = int(np.sort(gaps)[(len(gaps) - 1) // 2])
    near = int(np.sum(np.abs(gaps / gap - 1) <= NEAR))
    if near < len(gaps) / 2:
        raise ValueError(
            f"the dates follow no regular frequency: {near} of {len(gaps)} gaps are near the middle one of "
            f"{gap / DAY:.3g} days; give the frequency"
        )
    if PARTS[0] <= gap <= PARTS[1] and len(days := _parting(dates)):
        raise ValueError(f"the dates part months, at the days {', '.join(days)}: add the values up to months first")
    months = _months_between(dates, gaps, gap)
    return _months(dates, months) if months else _fixed(dates, gap)


def given(frequency: object, dates: pd.DatetimeIndex) -> BaseOffset:
    """The frequency that a user names: one of ``LETTERS``, or an offset of pandas or its name.

    Raises
    ------
    ValueError
        If it is neither, or an offset whose dates are not regular.
    """
    import pandas as pd
    from pandas.tseries.frequencies import to_offset

    if frequency in LENGTHS:
        return _months(dates, LENGTHS[str(frequency)])
    if frequency == "W":
        return pd.offsets.Week(weekday=_weekday(dates))
    try:
        offset = to_offset(frequency)  # type: ignore[call-overload]
    except (ValueError, TypeError):
        offset = None
    if not regular(offset):
        raise ValueError(f"frequency {frequency!r} is none of {', '.join(LETTERS)} and no offset of pandas such as MS")
    return offset


def regular(offset: object) -> bool:
    """Whether an offset has dates that are known here to be regular."""
    from pandas.tseries.offsets import BaseOffset, BusinessDay

    if not isinstance(offset, BaseOffset) or offset.n < 1:
        return False
    return bool(months_in(offset) or seconds_in(offset) or type(offset) is BusinessDay)


def season_of(offset: BaseOffset) -> int:
    """Observations in a cycle: a year of months or weeks, a week of days, a day of anything shorter; 1 for none."""
    if months := months_in(offset):
        return 12 // months if 12 % months == 0 else 1
    seconds = seconds_in(offset)
    if not seconds:
        return 5 if offset.n == 1 else 1
    cycle = 364 * DAY if seconds >= 7 * DAY else 7 * DAY if seconds >= DAY else DAY
    return cycle // seconds if cycle % seconds == 0 else 1


def months_in(offset: BaseOffset) -> int:
    """Months between the dates of a frequency of whole months, 0 for any other."""
    name = type(offset).__name__
    if name == "DateOffset" and list(offset.kwds) == ["months"]:
        return int(offset.n * offset.kwds["months"])
    bare = name.removeprefix("Business").removeprefix("B").removesuffix("Begin").removesuffix("End")
    return int(offset.n) * (UNITS.get(bare, 0) if bare != name else 0)


def seconds_in(offset: BaseOffset) -> int:
    """Seconds between the dates of a frequency of fixed distance, 0 for any other."""
    import pandas as pd
    from pandas.tseries.offsets import Day, Tick, Week

    if isinstance(offset, Tick):
        return int(pd.Timedelta(offset).total_seconds())
    return int(offset.n) * {Day: DAY, Week: 7 * DAY}.get(type(offset), 0)


def length_of(offset: BaseOffset) -> pd.Timedelta:
    """How long a period is, on average over years."""
    import pandas as pd

    if months := months_in(offset):
        return pd.Timedelta(days=months * 365.2425 / 12)
    return pd.Timedelta(seconds=seconds_in(offset) or offset.n * 7 * DAY / 5)


# Regular dates


def grid(dates: pd.DatetimeIndex, offset: BaseOffset) -> pd.DatetimeIndex:
    """The regular dates from the first to the last of stored ones, which are in ascending order.

    The time of day is kept where all dates have the same.
    """
    import pandas as pd

    days = dates if _short(offset) else dates.normalize()
    near = _early(days, offset)
    last = _slot(near[-1], offset)
    shortest = seconds_in(offset) or 28 * DAY * months_in(offset) or DAY
    many = int((last - near[0]).total_seconds() // shortest) + 2
    whole = pd.date_range(end=last, periods=many, freq=offset)
    start = max(int(places(near[:1], whole)[0]), 0)
    times = (dates - days).unique()
    time = times[0] if len(times) == 1 else pd.Timedelta(0)
    return pd.date_range(whole[start] + time, periods=many - start, freq=offset)


def following(dates: pd.DatetimeIndex, h: int) -> pd.DatetimeIndex:
    """The next `h` dates after regular ones."""
    import pandas as pd

    return pd.date_range(dates[-1], periods=h + 1, freq=dates.freq)[1:]


def places(dates: pd.DatetimeIndex, whole: pd.DatetimeIndex) -> np.ndarray:
    """Which of the regular dates `whole` each date stands for, shape (n,); -1 before them, len(whole) after them.

    A period that is dated by its last day holds the days before it, any other those after it. Periods of whole months
    hold those months from the first to the last day, on whatever day they are dated; where dates are less than a day
    apart, the nearest is meant.
    """
    offset = whole.freq
    if months := months_in(offset):
        return _whole_months(_month(dates), _month(whole), months if _closes(offset) else -months)
    if _short(offset):
        half = np.timedelta64(seconds_in(offset) * 500, "ms")
        found = np.searchsorted(whole.to_numpy(), dates.to_numpy() + half, side="right") - 1
        return np.where(dates.to_numpy() >= whole[-1].to_numpy() + half, len(whole), found)
    slots, days = whole.normalize().to_numpy(), dates.normalize().to_numpy()
    if _closes(offset):
        opens = (whole[0] - offset).normalize().to_numpy()
        return np.where(days > opens, np.searchsorted(slots, days, side="left"), -1)
    ends = following(whole, 1).normalize().to_numpy()[0]
    return np.where(days < ends, np.searchsorted(slots, days, side="right") - 1, len(whole))


def own_places(dates: pd.DatetimeIndex, whole: pd.DatetimeIndex) -> np.ndarray:
    """`places` of the stored dates from which `whole` was made: of weeks, the nearest is meant, be it early or late."""
    return places(_early(dates, whole.freq), whole)


def _early(dates: pd.DatetimeIndex, offset: BaseOffset) -> pd.DatetimeIndex:
    """Dates of weeks, most of which are of one day, moved to before the regular one they are nearest to; else as is."""
    import pandas as pd

    if type(offset) is not pd.offsets.Week or (dates.day_of_week == offset.weekday).mean() <= 0.5:
        return dates
    return dates - pd.Timedelta(days=(7 * offset.n - 1) // 2)


def _short(offset: BaseOffset) -> bool:
    return 0 < seconds_in(offset) < DAY


def _closes(offset: BaseOffset) -> bool:
    name = type(offset).__name__
    return name.endswith("End") or name == "Week"


def _slot(day: pd.Timestamp, offset: BaseOffset) -> pd.Timestamp:
    """The regular date of the period in which a day lies; first and last business days may lie on its other side."""
    import pandas as pd

    if not months_in(offset) or type(offset).__name__ == "DateOffset":
        return offset.rollforward(day) if _closes(offset) else offset.rollback(day)
    return offset.rollforward(day.replace(day=1)) if _closes(offset) else offset.rollback(day + pd.offsets.MonthEnd(0))


def _month(dates: pd.DatetimeIndex) -> np.ndarray:
    return np.asarray(dates.year * 12 + dates.month)


def _whole_months(found: np.ndarray, slots: np.ndarray, length: int) -> np.ndarray:
    """Places of months among those of regular dates; `length` is negative where a period is dated by its first one."""
    if length > 0:
        return np.where(found > slots[0] - length, np.searchsorted(slots, found, side="left"), -1)
    return np.where(found < slots[-1] - length, np.searchsorted(slots, found, side="right") - 1, len(slots))


def last_days(dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Last days of the periods that regular dates stand for: only those of months are not dated by them."""
    offset = frequency_of(dates)
    months = months_in(offset)
    if not months:
        return dates.normalize()
    later = 0 if _closes(offset) else months - 1
    return (dates.to_period("M") + later).to_timestamp(how="end").normalize()


# What a frequency is found from


def _gaps(dates: pd.DatetimeIndex) -> np.ndarray:
    return np.diff(dates.to_numpy("datetime64[s]")).astype(int)


def _side(dates: pd.DatetimeIndex) -> str:
    """How months are dated: Begin, End, BBegin, BEnd (first or last business day), same day; empty if none of these."""
    from pandas.tseries.offsets import BMonthBegin, BMonthEnd

    if (dates.day == 1).all():
        return "Begin"
    if (dates.day == dates.days_in_month).all():
        return "End"
    if len(dates) < 2:
        return ""
    for name, offset in (("BBegin", BMonthBegin()), ("BEnd", BMonthEnd())):
        if all(offset.is_on_offset(day) for day in dates):
            return name
    return "same" if dates.day.nunique() == 1 and dates[0].day <= 28 else ""


def _weekday(dates: pd.DatetimeIndex) -> int:
    """The day of the week of more than half of the dates, else that of the last one."""
    many = np.bincount(dates.day_of_week, minlength=7)
    return int(many.argmax() if many.max() > len(dates) / 2 else dates[-1].day_of_week)


def _months(dates: pd.DatetimeIndex, months: int) -> BaseOffset:
    """The frequency of so many months whose periods are dated as the dates are, by their ends if in doubt."""
    import pandas as pd

    side = _side(dates) or ("Begin" if (dates.day == 1).mean() > 0.5 else "End")
    if side == "same":
        return pd.DateOffset(months=months)
    unit, length = next((u, n) for u, n in UNITS.items() if months % n == 0)
    kind = getattr(pd.offsets, SIDES[side].format(unit))
    anchor = {"Year": {"month": dates[-1].month}, "Quarter": {"startingMonth": dates[-1].month}}.get(unit, {})
    return kind(months // length, **anchor)


def _months_between(dates: pd.DatetimeIndex, gaps: np.ndarray, gap: int) -> int:
    """Whole months between dates, 0 if their distance is fixed or shorter."""
    if gap >= 28 * DAY and _side(dates):
        steps = np.diff(dates.year * 12 + dates.month)
        middle = int(np.sort(steps)[(len(steps) - 1) // 2])
        whole = middle if middle in MONTHS else int(np.gcd.reduce(steps))
        return next(m for m in MONTHS if whole % m == 0)
    if len(gaps) > 1 and np.ptp(gaps) == 0:
        return 0
    return next((m for m in MONTHS if abs(gap / (m * 365.25 / 12 * DAY) - 1) <= 0.05), 0)


def _parting(dates: pd.DatetimeIndex) -> list[str]:
    """The two or three days of the month, 31 for the last one, that all of six dates or more are on; else none."""
    days = np.unique(np.where(dates.day == dates.days_in_month, 31, dates.day))
    return [str(day) for day in days] if len(dates) >= 6 and len(days) <= 3 else []


def _fixed(dates: pd.DatetimeIndex, gap: int) -> BaseOffset:
    """The frequency of a fixed distance; business days where no date is on a weekend that was passed."""
    import pandas as pd
    from pandas.tseries.frequencies import to_offset

    distance = next((d for d in DISTANCES if abs(gap / d - 1) <= 0.1), round(gap / DAY) * DAY if gap > DAY else gap)
    if distance == 7 * DAY:
        return pd.offsets.Week(weekday=_weekday(dates))
    if (
        distance == DAY
        and (dates.day_of_week < 5).all()
        and len(pd.bdate_range(dates[0], dates[-1])) <= (dates[-1] - dates[0]).days
    ):
        return pd.offsets.BusinessDay()
    return pd.offsets.Day(distance // DAY) if distance % DAY == 0 else to_offset(pd.Timedelta(seconds=distance))
