"""The hiring plan: seats of newcomers, their pace, when they come and go, and what it is neutral to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.calendar import WorkCalendar
from sim.hiring import Pace, Stay, stays, strength
from sim.simulate import Run
from sim.spec import StudySpec, Timeline
from sim.spec.policy import Hire
from sim.units import GRID
from tests.fixtures.studies import changed, run, study, values, well_formed, where
from tests.theory.studies import AROUND_THE_CLOCK, OFFICE_HOURS, START, business, contacts, desk, fixed, policy
from tests.theory.studies import run as run_spec
from tests.theory.studies import study as plain

NEWCOMER = Stay("one", "sales", 1, 10, float("inf"), 40.0, 0.25)
HIRE = Hire(desk="sales", heads=2, requested="2025-01-03", lead_days=7.5, ramp_days=40.0, start_speed=0.25)


def test_part_of_a_day_of_lead_time_counts_as_a_day() -> None:
    hires = {"one": replace(HIRE, leave="2025-06-01"), "other": replace(HIRE, lead_days=0.0)}
    first, second = stays(hires, START)
    assert (first.arrives, first.leaves, second.arrives, second.leaves) == (10, 151.0, 2, float("inf"))
    assert (first.settled, replace(first, start_speed=1.0).settled) == (50.0, 10.0)


def test_speed_is_the_mean_of_a_line() -> None:
    assert float(NEWCOMER.speed(10.0, 50.0)) == pytest.approx((0.25 + 1) / 2)
    assert float(NEWCOMER.speed(10.0, 11.0)) == pytest.approx(0.25 + 0.75 * 0.5 / 40)
    assert float(NEWCOMER.speed(50.0, 60.0)) == pytest.approx(1.0)
    assert float(NEWCOMER.speed(40.0, 60.0)) == pytest.approx((10 * (0.25 + 0.75 * 35 / 40) + 10) / 20)


def test_strength_counts_presence_and_speed() -> None:
    leaving = replace(NEWCOMER, leaves=20.0, heads=3)
    assert strength([leaving], 0.0, 10.0) == {}
    assert strength([leaving], 0.0, 20.0) == {"sales": pytest.approx(3 * 0.5 * (0.25 + 0.75 * 5 / 40))}


@pytest.mark.parametrize("calendar", [AROUND_THE_CLOCK, OFFICE_HOURS], ids=["always", "office"])
def test_hours_of_work_are_the_speed_added_up_over_working_hours(calendar: object) -> None:
    works = WorkCalendar(calendar, START, 90.0)  # type: ignore[arg-type]
    pace = Pace(NEWCOMER, works)
    line = [float(NEWCOMER.speed(float(d), d + 1.0)) * works.hours * works.working[d] for d in range(10, 50)]
    assert pace.gained[50] == pytest.approx(sum(line))
    for begin in np.linspace(10.0, 49.0, 23):
        start = works.opening(float(begin))
        for work in (0.0, 0.3, 2.0, 7.0, 30.0):
            end = pace.finish(start, work)
            assert done(pace, end) - done(pace, start) == pytest.approx(work, abs=24 * GRID)
            assert end >= start


def test_somebody_who_came_before_the_first_day_has_learned_since() -> None:
    early = replace(NEWCOMER, arrives=-20)
    pace = Pace(early, WorkCalendar(AROUND_THE_CLOCK, START, 90.0))
    assert pace.gained[1] == pytest.approx(24 * (0.25 + 0.75 * 20.5 / 40))
    assert pace.finish(0.0, 24 * (0.25 + 0.75 * 20.5 / 40)) == pytest.approx(1.0, abs=GRID)
    spec = sales(0, early=Hire(desk="sales", heads=1, requested="2024-12-12", ramp_days=40.0, start_speed=0.25))
    staffing = run_spec(spec, 1, contacts(np.arange(3.0)))["staffing"]
    assert (staffing["heads"][where(staffing, desk="sales")] == 1).all()


def done(pace: Pace, t: float) -> float:
    """Hours of settled work up to a time, from the days before it and its own share of the day."""
    day, calendar = int(t), pace.calendar
    opens = 0.0 if calendar.around_the_clock else calendar.open_hour
    hour = min(max((t - day) * 24 - opens, 0.0), calendar.hours) * calendar.working[day]
    return float(pace.gained[day] + hour * pace.speed[day])


def test_a_settled_person_works_as_the_calendar_says() -> None:
    works = WorkCalendar(OFFICE_HOURS, START, 90.0)
    pace = Pace(NEWCOMER, works)
    start = works.opening(55.0)
    assert pace.finish(start, 13.0) == works.finish(start, 13.0)


def sales(heads: int, **hires: Hire) -> StudySpec:
    """Two desks in a row, work of three hours each, six accounts a day."""
    route = {"call": desk("sales", fixed(3.0), "sign"), "sign": desk("legal", fixed(1.0), "end")}
    plan = replace(policy({"sales": heads, "legal": 2}, OFFICE_HOURS), hiring=hires)
    return plain(business(route), 120.0, policy=plan)


def tables(spec: StudySpec) -> dict[str, object]:
    return run_spec(spec, 1, contacts(np.arange(0.0, 100.0, 1 / 6)))


def test_settled_people_hired_for_the_first_day_are_standing_staff() -> None:
    early = Hire(desk="sales", heads=2, requested="2024-11-01", lead_days=30, ramp_days=10, start_speed=0.2)
    hired, standing = tables(sales(1, early=early)), tables(sales(3))
    for name in ("events", "ledger", "staffing"):
        for column in set(standing[name]) - {"owner"}:  # type: ignore[call-overload]
            one, other = (values(made[name][column]) for made in (hired, standing))  # type: ignore[index]
            assert np.ma.filled((one == other) | (other != other), True).all(), (name, column)


def test_nobody_hired_is_no_plan_at_all() -> None:
    none = tables(sales(2, nobody=replace(HIRE, heads=0), late=replace(HIRE, requested="2026-01-01")))
    assert np.array_equal(none["events"]["time"], tables(sales(2))["events"]["time"])  # type: ignore[index]


def hired(**hires: object) -> Run:
    plan = {"policy.desks.inside.heads": 2, "policy.desks.field.heads": 20, "policy.hiring": hires}
    return run(changed(study(accounts=600, days=300), plan))


def test_people_come_and_go_on_their_days_and_finish_what_they_began() -> None:
    start = study(accounts=600, days=300)["horizon"]["start"]
    first = np.datetime64(start) + np.timedelta64(40, "D")
    last = np.datetime64(start) + np.timedelta64(130, "D")
    two = {"desk": "inside", "heads": 2, "requested": str(np.datetime64(start) + np.timedelta64(20, "D")),
           "lead_days": 20, "ramp_days": 60, "start_speed": 0.5, "leave": str(last)}  # fmt: skip
    made = hired(two=two, stays={"desk": "inside", "heads": 1, "requested": str(first)})
    well_formed(made)
    events = made.tables["events"]
    mine = where(events, resource="inside", activity="started")
    owners, times = values(events["owner"])[mine], values(events["time"])[mine]
    for seat, low, high in (("inside-3", 40, 130), ("inside-4", 40, 130), ("inside-5", 40, 300)):
        begun = times[owners == seat]
        assert begun.size > 5
        assert low <= begun.min() <= begun.max() <= high + 3
    staffing = made.tables["staffing"]
    heads = values(staffing["heads"])[where(staffing, desk="inside")]
    assert (heads[0], max(heads), heads[-1]) == (2, 5, 3)


def test_people_are_paid_from_their_first_day() -> None:
    start = str(np.datetime64(study(accounts=600, days=300)["horizon"]["start"]) + np.timedelta64(40, "D"))
    one = {"desk": "inside", "heads": 1, "requested": start, "ramp_days": 200, "start_speed": 0.1}
    before, after = hired(), hired(one=one)
    paid = [values(made.tables["ledger"]["amount"])[where(made.tables["ledger"], debit="payroll", cost_centre="inside")]
            for made in (before, after)]  # fmt: skip
    heads = [values(made.tables["staffing"]["heads"])[where(made.tables["staffing"], desk="inside")]
             for made in (before, after)]  # fmt: skip
    assert paid[1][-1] == pytest.approx(1.5 * paid[0][-1], abs=1)
    n = len(paid[0])
    assert paid[1] == pytest.approx(paid[0] * heads[1][:n] / heads[0][:n], abs=1)


def test_an_optional_desk_is_passed_by_until_somebody_arrives() -> None:
    route = {
        "call": desk(
            "sales",
            fixed(3.0),
            "end",
        )
    }
    route["call"] = replace(route["call"], desks={"sales": "optional"})
    late = Hire(desk="sales", heads=1, requested="2025-02-01")
    spec = plain(business(route), 60.0, policy=replace(policy({"sales": 0}), hiring={"late": late}))
    made = run_spec(spec, 1, contacts(np.arange(0.5, 50.0)))
    begun = np.asarray(made["events"]["time"])[where(made["events"], activity="started")]
    assert (begun.size, begun.min()) == (19, 31.5)


def test_the_same_plan_and_seed_make_the_same_run() -> None:
    spec = Timeline(spec=sales(1, ramp=HIRE))
    assert spec == Timeline(spec=sales(1, ramp=HIRE))
    one, two = (tables(sales(1, ramp=HIRE))["events"]["time"] for _ in range(2))  # type: ignore[index]
    assert np.array_equal(one, two)
