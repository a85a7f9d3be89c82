"""Histories: frequencies found and given, what is repaired, what is refused."""

import numpy as np
import pandas as pd
import pytest

from analysis.forecast.history import prepare
from analysis.forecast.naive import plain

MONTH_ENDS = pd.date_range("2020-01-31", periods=40, freq="ME")


def series(index: pd.DatetimeIndex) -> pd.Series:
    """Counting up, on dates that bear no frequency."""
    return pd.Series(np.arange(len(index), dtype=float), index=pd.DatetimeIndex(index.to_numpy()))


@pytest.mark.parametrize(
    ("freq", "start", "season"),
    [
        ("D", "2024-01-01", 7),
        ("D", "2024-01-01 17:00", 7),
        ("10D", "2024-01-15", 1),
        ("W-SUN", "2024-01-01", 52),
        ("2W-SUN", "2024-01-01", 26),
        ("MS", "2024-01-01", 12),
        ("ME", "2024-01-01", 12),
        ("ME", "2024-01-01 17:00", 12),
        ("BMS", "2024-01-01", 12),
        ("BME", "2024-01-01", 12),
        (pd.DateOffset(months=1), "2024-01-15", 12),
        ("2ME", "2024-01-01", 6),
        ("QS-FEB", "2024-01-01", 4),
        ("QE-NOV", "2024-01-01", 4),
        ("BQE", "2024-01-01", 4),
        ("6ME", "2024-01-01", 2),
        ("YE-JUN", "2024-01-01", 1),
        ("YS", "2024-01-01", 1),
        ("B", "2024-01-01", 5),
        ("h", "2024-01-01 00:10", 24),
        ("4h", "2024-01-01", 6),
        ("30min", "2024-01-01", 48),
        ("45min", "2024-01-01", 32),
    ],
)
def test_frequencies_are_found(freq: str, start: str, season: int) -> None:
    """The same dates come back, and the next ones are those that pandas would write."""
    whole = pd.date_range(start, periods=24, freq=freq)
    history = prepare(series(whole[:20]))
    assert history.season == season
    assert history.dates.tolist() == whole[:20].tolist()
    assert history.ahead(4).tolist() == whole[20:].tolist()
    assert history.notes == ()
    assert history.known.all()


@pytest.mark.parametrize(
    ("frequency", "season", "first"),
    [("D", 7, "2020-01-31"), ("W", 52, "2020-02-02"), ("M", 12, "2020-01-31"), ("MS", 12, "2020-01-01")],
)
def test_frequencies_are_given(frequency: str, season: int, first: str) -> None:
    history = prepare(series(MONTH_ENDS), frequency=frequency)
    assert history.season == season
    assert history.dates[0] == pd.Timestamp(first)


@pytest.mark.parametrize(("stored", "frequency"), [("ME", "BME"), ("MS", "BMS"), ("MS", "BME"), ("ME", "BMS")])
def test_first_and_last_business_days_stand_for_their_calendar_months(stored: str, frequency: str) -> None:
    """June 2024 ends on a Sunday and begins on a Saturday."""
    history = prepare(series(pd.date_range("2024-01-01", periods=12, freq=stored)), frequency=frequency)
    assert history.dates.tolist() == pd.date_range("2024-01-01", periods=12, freq=frequency).tolist()
    assert history.y.tolist() == list(range(12))
    assert history.notes == ()


def test_a_letter_for_quarters_and_years_takes_the_last_month() -> None:
    quarters = prepare(series(pd.date_range("2020-02-29", periods=9, freq="QE-NOV")), frequency="Q")
    years = prepare(series(pd.date_range("2000-06-30", periods=9, freq="YE-JUN")), frequency="Y")
    assert quarters.ahead(1)[0] == pd.Timestamp("2022-05-31")
    assert years.ahead(1)[0] == pd.Timestamp("2009-06-30")


def test_the_frequency_of_an_index_is_taken_at_its_word() -> None:
    """Five days from Monday to Friday are days to the eye, business days if the index says so."""
    y = pd.Series(np.arange(5.0), index=pd.date_range("2024-01-01", periods=5, freq="B"))
    assert prepare(y).ahead(1)[0] == pd.Timestamp("2024-01-08")
    assert prepare(series(pd.DatetimeIndex(y.index))).ahead(1)[0] == pd.Timestamp("2024-01-06")


def test_a_given_frequency_travels_with_the_dates() -> None:
    first = prepare(series(MONTH_ENDS[[0, 5, 6, 9, 20]]), frequency="M")
    again = prepare(pd.Series(np.where(first.known, first.y, np.nan), index=first.dates)[:18])
    assert (again.season, again.dates[0]) == (12, MONTH_ENDS[0])
    assert first.known.sum() == 5


@pytest.mark.parametrize("frequency", ["banana", "SME", "", "-1D"])
def test_unknown_frequencies_are_refused(frequency: str) -> None:
    with pytest.raises(ValueError, match="is none of D, W, M, Q, Y, h"):
        prepare(series(MONTH_ENDS), frequency=frequency)


def test_irregular_dates_are_refused_unless_the_frequency_is_given() -> None:
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta([0, 1, 5, 6, 20, 33, 35, 60, 64], unit="D")
    with pytest.raises(ValueError, match="no regular frequency"):
        prepare(series(days))
    history = prepare(series(days), frequency="D")
    assert len(history.y) == 65
    assert "56 missing values" in history.notes[0]


@pytest.mark.parametrize("days", [(15, 31), (1, 15), (10, 20, 31)])
def test_halves_and_thirds_of_months_are_refused(days: tuple[int, ...]) -> None:
    """They have no fixed distance: on one, values would fall on those before them and be lost."""
    months = [MONTH_ENDS[i] for i in range(12)]
    dates = [month.replace(day=min(day, month.day)) for month in months for day in days]
    with pytest.raises(ValueError, match=f"part months, at the days {', '.join(map(str, days))}"):
        prepare(series(pd.DatetimeIndex(dates)))


def test_dates_that_are_nearly_regular() -> None:
    """Seconds off the hour, hours off the day, an unfinished last month."""
    rng = np.random.default_rng(1)
    hours = pd.date_range("2024-01-01", periods=50, freq="h")
    late = series(hours + pd.to_timedelta(rng.integers(-300, 300, 50), unit="s"))
    assert (prepare(late).season, len(prepare(late).y), prepare(late).notes) == (24, 50, ())
    days = series(pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(30) * 24.1, unit="h"))
    assert prepare(days).dates.tolist() == pd.date_range("2024-01-01", periods=30, freq="D").tolist()
    months = series(MONTH_ENDS[:9].append(pd.DatetimeIndex(["2020-10-17"])))
    assert prepare(months).cutoff == pd.Timestamp("2020-10-31")


def test_gaps_and_times_of_day() -> None:
    hours = pd.date_range("2024-03-01 08:30", periods=30, freq="h").delete([3, 4, 17])
    history = prepare(series(hours))
    assert len(history.y) == 30
    assert history.known.sum() == 27
    assert history.dates[3] == pd.Timestamp("2024-03-01 11:30")


def test_local_time_counts() -> None:
    """The night in which the clock goes forward has one hour less."""
    hours = pd.date_range("2024-03-30", periods=48, freq="h", tz="Europe/Berlin")
    history = prepare(pd.Series(np.arange(48.0), index=hours))
    assert len(history.y) == 49
    assert history.dates.tz is None


def test_one_value_counts_as_monthly() -> None:
    history = prepare(series(MONTH_ENDS[:1]))
    assert history.ahead(2).tolist() == MONTH_ENDS[1:3].tolist()


def test_a_regular_index_and_stored_dates_give_the_same_history() -> None:
    y = pd.Series(np.arange(40.0), index=MONTH_ENDS)
    y.iloc[[0, 5, 6, 39]] = np.nan
    regular, stored = prepare(y), prepare(series(MONTH_ENDS).where(y.notna().to_numpy()))
    assert regular.y.tolist() == stored.y.tolist() == list(range(1, 39))
    assert regular.dates.tolist() == stored.dates.tolist() == MONTH_ENDS[1:39].tolist()
    assert regular.dates.freq == stored.dates.freq
    assert regular.known.tolist() == stored.known.tolist()
    assert regular.notes == stored.notes
    assert len(regular.notes) == 2
    with pytest.raises(ValueError, match="no finite value"):
        prepare(y * np.nan)


# Weeks


def weeks(*late: int) -> pd.DatetimeIndex:
    """Twelve Sundays, of which some are stored a day late."""
    sundays = pd.date_range("2025-01-05", periods=12, freq="W-SUN").to_list()
    return pd.DatetimeIndex([day + pd.Timedelta(days=int(place in late)) for place, day in enumerate(sundays)])


@pytest.mark.parametrize("late", [(), (3,), (0, 5), (11,), (0, 3, 7, 11)])
def test_a_week_that_is_stored_a_day_late_is_that_week(late: tuple[int, ...]) -> None:
    """And not the next one, also at either end: most dates say how weeks are dated."""
    y = pd.Series(np.arange(12.0), index=weeks(*late))
    history = prepare(y)
    assert history.y.tolist() == list(range(12))
    assert history.dates.equals(weeks())
    assert not history.notes


@pytest.mark.parametrize("days", [-3, -1, 1, 3])
def test_a_week_may_be_early_or_late_by_three_days(days: int) -> None:
    """The nearest regular date is meant."""
    dates = weeks().to_series()
    dates.iloc[5] += pd.Timedelta(days=days)
    assert prepare(pd.Series(np.arange(12.0), index=pd.DatetimeIndex(dates))).y.tolist() == list(range(12))


def test_days_that_are_asked_for_as_weeks_close_with_their_last() -> None:
    """Only weekly dates are taken for early or late ones."""
    days = pd.Series(np.arange(28.0), index=pd.date_range("2025-01-06", periods=28, freq="D"))
    assert prepare(days, frequency="W").y.tolist() == [6, 13, 20, 27]


def test_one_is_not_many() -> None:
    """Notes count as one speaks."""
    y = pd.Series([1.0, 2.0, np.nan, 4.0, 5.0], index=pd.date_range("2025-01-31", periods=5, freq="ME"))
    assert prepare(y).notes == ("1 missing value inside the series was interpolated",)
    assert "only 1 value; " in getattr(plain(prepare(y[:1])), "note", "")
