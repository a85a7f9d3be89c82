"""Working time against a clock that ticks through it."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.calendar import WorkCalendar, month_ends
from sim.spec.policy import Calendar
from sim.units import GRID

SLOT = 64
"""Slots a day; opening hours and work in whole slots are exact in floating point."""

HOUR_OF_SLOT = 24 / SLOT


Office = tuple[Calendar, date, WorkCalendar]


@st.composite
def offices(draw: st.DrawFn) -> Office:
    """Calendars whose hours are whole slots, holidays included."""
    opening = draw(st.integers(0, SLOT - 4))
    length = draw(st.integers(4, SLOT - opening))
    start = date(2024, 1, 1) + timedelta(draw(st.integers(0, 500)))
    free = draw(st.sets(st.integers(0, 30), max_size=8))
    spec = Calendar(
        workdays=draw(st.integers(1, 7)),
        open_hour=opening * HOUR_OF_SLOT,
        hours=length * HOUR_OF_SLOT,
        holidays={f"h{d}": (start + timedelta(d)).isoformat() for d in free},
    )
    return spec, start, WorkCalendar(spec, start.isoformat(), 60.0)


def open_slots(spec: Calendar, start: date, days: int) -> list[bool]:
    """Whether each slot of the first days is working time, by looking at the date and the hour alone."""
    first = round(spec.open_hour / HOUR_OF_SLOT)
    last = first + round(spec.hours / HOUR_OF_SLOT)
    open_day, closed_day = [first <= slot < last for slot in range(SLOT)], [False] * SLOT
    slots: list[bool] = []
    for day in (start + timedelta(d) for d in range(days)):
        works = day.weekday() < spec.workdays and day.isoformat() not in spec.holidays.values()
        slots += open_day if works else closed_day
    return slots


def ticked(works: list[bool], start: int, work: int) -> tuple[int, int]:
    """(first working slot from ``start`` on, slot in which ``work`` slots begun then are done), slot by slot."""
    slot = start
    while not works[slot]:
        slot += 1
    begin, left = slot, work
    while left:
        if works[slot]:
            left -= 1
        slot += 1
    return begin, slot


@settings(max_examples=100, deadline=None, derandomize=True)
@given(office=offices(), start=st.integers(0, 30 * SLOT), work=st.integers(0, SLOT))
def test_the_table_says_what_the_clock_says(office: Office, start: int, work: int) -> None:
    spec, first, calendar = office
    begin, end = ticked(open_slots(spec, first, 200), start, work)
    opening = calendar.opening(start / SLOT)
    assert opening == begin / SLOT
    assert calendar.finish(opening, work * HOUR_OF_SLOT) == end / SLOT


@settings(max_examples=60, deadline=None, derandomize=True)
@given(office=offices(), slots=st.lists(st.integers(0, 40 * SLOT), min_size=1, max_size=20))
def test_hours_worked_are_counted(office: Office, slots: list[int]) -> None:
    spec, first, calendar = office
    works = np.concatenate([[0], np.cumsum(open_slots(spec, first, 41))])
    counted = calendar.worked(np.array(slots) / SLOT)
    assert counted.tolist() == (works[slots] * HOUR_OF_SLOT).tolist()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    office=offices(),
    times=st.lists(st.floats(0, 50), min_size=2, max_size=12),
    works=st.lists(st.floats(0, 200), min_size=2, max_size=12),
)
def test_both_maps_never_fall_and_stay_on_the_grid(office: Office, times: list[float], works: list[float]) -> None:
    calendar = office[2]
    at = [round(t / GRID) * GRID for t in sorted(times)]
    opened = [calendar.opening(t) for t in at]
    assert opened == sorted(opened)
    assert all(o >= t for o, t in zip(opened, at, strict=True))
    for work in works:
        ends = [calendar.finish(o, work) for o in opened]
        assert ends == sorted(ends)
        assert all(e >= o for e, o in zip(ends, opened, strict=True))
        assert all(e / GRID == int(e / GRID) for e in ends)
    ends = [calendar.finish(opened[0], work) for work in sorted(works)]
    assert ends == sorted(ends)


def plain(**changes: object) -> WorkCalendar:
    named = {"workdays": 5, "open_hour": 9.0, "hours": 8.0} | changes
    return WorkCalendar(Calendar(**named), "2025-01-06", 60.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "work", "begin", "end"),
    [
        (0.0, 4.0, 9 / 24, 13 / 24),
        (10 / 24, 4.0, 10 / 24, 14 / 24),
        (17 / 24, 1.0, 1 + 9 / 24, 1 + 10 / 24),
        (16 / 24, 2.0, 16 / 24, 1 + 10 / 24),
        (4 + 16.5 / 24, 1.0, 4 + 16.5 / 24, 7 + 9.5 / 24),
        (5.5, 8.0, 7 + 9 / 24, 7 + 17 / 24),
        (0.0, 40.0, 9 / 24, 4 + 17 / 24),
        (0.0, 41.0, 9 / 24, 7 + 10 / 24),
    ],
)
def test_an_office_week(now: float, work: float, begin: float, end: float) -> None:
    calendar = plain()
    assert calendar.opening(now) == pytest.approx(begin, abs=GRID)
    assert calendar.finish(calendar.opening(now), work) == pytest.approx(end, abs=2 * GRID)


def test_holidays_are_no_working_days() -> None:
    calendar = plain(holidays={"one": "2025-01-06", "two": "2025-01-07", "weekend": "2025-01-11"})
    assert calendar.opening(0.0) == pytest.approx(2 + 9 / 24, abs=GRID)
    assert calendar.worked(np.array([2.0, 7.0])).tolist() == [0.0, 24.0]


def test_around_the_clock_work_takes_its_hours() -> None:
    calendar = plain(workdays=7, open_hour=0.0, hours=24.0)
    assert calendar.opening(5.25) == 5.25
    assert calendar.finish(5.25, 36.0) == 6.75
    assert calendar.worked(np.array([5.25])).tolist() == [126.0]


def test_an_hour_a_week_is_enough() -> None:
    calendar = plain(workdays=1, hours=1.0)
    assert calendar.finish(calendar.opening(0.0), 3.0) == pytest.approx(14 + 10 / 24, abs=GRID)


def test_month_ends_are_those_of_the_calendar() -> None:
    assert month_ends("2024-01-01", 366) == [31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366]
    assert month_ends("2025-02-10", 100) == [19, 50, 80]
    assert month_ends("2025-02-10", 18) == []
    assert month_ends("2025-12-31", 32) == [1, 32]
    assert month_ends("2024-02-29", 1) == [1]
