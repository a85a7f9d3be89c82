"""Working days of a country: holidays that move, days in lieu, weekend days that are worked."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from scenarios import InputError, compose
from scenarios.studies.study import Study, restore
from sim.calendar import WorkCalendar

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
WORKED = ["2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11"]
"""Weekend days that were worked in China in 2025: General Office of the State Council, notice of 2024-11-12."""

OFF = [
    *(f"2025-{day}" for day in ("01-01", "01-28", "01-29", "01-30", "01-31", "02-03", "02-04", "04-04")),
    *(f"2025-{day}" for day in ("05-01", "05-02", "05-05", "06-02")),
    *(f"2025-10-{day:02}" for day in (1, 2, 3, 6, 7, 8)),
]
"""Days off in 2025 that fall on Monday to Friday, from the same notice."""


def study(*words: str) -> Study:
    return compose("mini", ["horizon.start=2025-01-01", "horizon.days=365", *words], MINI)


def working(found: Study) -> list[bool]:
    spec = found.timeline.spec
    calendar = WorkCalendar(spec.policy.calendar, spec.horizon.start, spec.horizon.days)
    return calendar.working[:365]


def test_the_working_days_of_a_year_in_china_are_those_of_the_notice() -> None:
    days = [date(2025, 1, 1) + timedelta(n) for n in range(365)]
    expected = [(day.weekday() < 5 and str(day) not in OFF) or str(day) in WORKED for day in days]
    assert working(study("policy.calendar.country=CN")) == expected


def test_without_a_country_nothing_is_added() -> None:
    assert study().config["policy"]["calendar"]["holidays"] == {"new_year": "2025-01-01"}


def test_dates_of_the_users_own_stay() -> None:
    found = study(
        "policy.calendar.country=DE", "policy.calendar.region=BY", "policy.calendar.holidays.party=2025-07-07"
    )
    calendar = found.config["policy"]["calendar"]
    assert {"2025-07-07", "2025-11-01", "2025-12-25"} <= set(calendar["holidays"].values())
    assert not calendar["make_up_days"]


def test_a_stored_study_keeps_its_dates_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    found = study("policy.calendar.country=CN")
    monkeypatch.setattr("scenarios.studies.holidays._known", None)
    assert restore(found.source).digest == found.digest


def test_years_without_notice_are_said() -> None:
    assert not [w for w in study("policy.calendar.country=CN").warnings if "country" in w]
    (warning,) = [w for w in study("policy.calendar.country=CN", "horizon.days=8000").warnings if "country" in w]
    assert "working days at weekends of CN are known until" in warning


def test_payments_and_desks_use_the_days_that_make_up() -> None:
    spec = study("policy.calendar.country=CN").timeline.spec
    calendar = WorkCalendar(spec.policy.calendar, spec.horizon.start, spec.horizon.days)
    sunday = (date.fromisoformat(WORKED[0]) - date(2025, 1, 1)).days
    assert calendar.opening(float(sunday)) == pytest.approx(sunday + 9 / 24)
    assert np.diff(calendar.worked(np.array([sunday, sunday + 1.0])))[0] == 8


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["policy.calendar.country=China"], 'policy.calendar.country: is unknown, got "China"; an ISO code such as'),
        (["policy.calendar.country=DE", "policy.calendar.region=XX"], 'policy.calendar.region: is unknown, got "XX"'),
        (["policy.calendar.make_up_days.x=1.5.2025"], "policy.calendar.make_up_days.x: is no date"),
        (
            ["policy.calendar.country=DE", "policy.calendar.holidays=[2025-01-01]"],
            "policy.calendar.holidays: must be a mapping of dates, got ",
        ),
    ],
)
def test_what_is_wrong_is_said(words: list[str], line: str) -> None:
    with pytest.raises(InputError) as caught:
        study(*words)
    assert any(problem.startswith(line) for problem in caught.value.problems), caught.value.problems


def test_a_region_without_a_country_is_told() -> None:
    (line,) = [text for text in study("policy.calendar.region=BY").cautions if "region" in text]
    assert line == 'policy.calendar.region: is not read without a country, got "BY"; both of them'
