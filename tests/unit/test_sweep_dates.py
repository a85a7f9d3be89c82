"""Dates as values of a key: ranges of them, what is refused, and what becomes of the entry they are part of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenarios.errors import InputError
from scenarios.optimise.problem import ordered
from scenarios.studies.compose import compose
from scenarios.sweeps.dates import date_range
from scenarios.sweeps.experiment import make_experiment
from scenarios.sweeps.points import planned
from scenarios.sweeps.ranges import Values
from scenarios.sweeps.sampling import points

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
CHANGE = "policy.changes.price={key: products.seat.price, date: 2025-07-01, value: 360}"
HIRE = "policy.hiring.one={desk: sales, heads: 1, requested: 2025-02-01, lead_days: 30}"
DATE, VALUE, ASKED = "policy.changes.price.date", "policy.changes.price.value", "policy.hiring.one.requested"


def made(keys: dict[str, Any], *overrides: str, sampler: str = "grid", **settings: Any) -> Any:
    given = {"kind": "sweep", "sampler": sampler, "keys": keys, **settings}
    return make_experiment("when", given, "mini", ["effects=none", CHANGE, HIRE, *overrides], MINI)


def test_a_range_of_dates_is_one_in_each_month() -> None:
    found = date_range("x", {"low": "2025-11-30", "high": "2026-03-15"})
    assert found == ("2025-11-30", "2025-12-30", "2026-01-30", "2026-02-28")


def test_levels_of_a_range_of_dates_lie_at_equal_distances() -> None:
    found = date_range("x", {"low": "2025-01-01", "high": "2025-01-31", "levels": 4})
    assert found == ("2025-01-01", "2025-01-11", "2025-01-21", "2025-01-31")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"low": "2025-02-30", "high": "2025-03-01"}, 'x.low: is no date, got "2025-02-30"; YYYY-MM-DD'),
        ({"low": "2025-02-03"}, "x.high: is no date, got null; YYYY-MM-DD"),
        ({"low": "2025-02-03", "high": "2025-02-03"}, "x: is an empty range"),
        ({"low": "2025-02-03", "high": "2025-02-20"}, "x: makes 1 dates"),
        ({"low": "2025-02-03", "high": "2026-02-20", "levels": 1}, "x.levels: must be a whole number from 2 to 1000"),
        ({"low": "2025-02-03", "high": "2026-02-20", "log": True}, "x.log: is for numbers"),
    ],
)
def test_a_range_that_is_none_is_one_line(given: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError) as caught:
        date_range("x", given)
    (problem,) = caught.value.problems
    assert problem.startswith(line)


def test_date_and_value_of_a_change_are_swept_together() -> None:
    experiment = made({DATE: {"low": "2025-04-01", "high": "2025-06-01"}, VALUE: [330, 390]})
    found = planned(experiment.studies, points(experiment))
    assert [tuple(point.values.values()) for point in found] == [
        (f"2025-0{month}-01", price) for month in (4, 5, 6) for price in (330, 390)
    ]
    assert len({point.digest for point in found}) == 6
    assert not any(point.refused for point in found)


def test_the_swept_date_is_the_date_of_the_study() -> None:
    early, late = (
        compose("mini", ["effects=none", CHANGE, f"{DATE}={day}"], config_dir=MINI).timeline.later[0].day
        for day in ("2025-04-01", "2025-06-01")
    )
    assert (early, late) == (90.0, 151.0)


def test_dates_of_requisitions_and_lead_times_are_swept_too() -> None:
    experiment = made({ASKED: ["2025-03-01", "2025-09-01"], "policy.hiring.one.lead_days": {"low": 10, "high": 90}},
                      sampler="lhs", points=4)  # fmt: skip
    assert {point.values[ASKED] for point in points(experiment)} == {"2025-03-01", "2025-09-01"}


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({DATE: ["2025-04-31"]}, f'experiment.keys.{DATE}: is no date, got "2025-04-31"; YYYY-MM-DD'),
        ({DATE: [3]}, f'experiment.keys.{DATE}: must be text, got 3; such as "2025-07-01"'),
        ({ASKED: ["soon"]}, f'experiment.keys.{ASKED}: is no date, got "soon"; YYYY-MM-DD'),
        ({"policy.changes.prise.date": ["2025-04-01"]}, "did you mean price?"),
    ],
)
def test_a_mistyped_date_is_one_line(keys: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError) as caught:
        made(keys)
    (problem,) = caught.value.problems
    assert line in problem


def test_a_key_that_an_override_sets_by_itself_is_not_swept_as_well() -> None:
    with pytest.raises(InputError) as caught:
        made({DATE: ["2025-04-01", "2025-05-01"]}, f"{DATE}=2025-08-01")
    assert "is sampled and set by an override" in caught.value.problems[0]


def test_dates_have_an_order_and_words_have_none() -> None:
    assert ordered(Values(("2025-04-01", "2025-03-01")))
    assert not ordered(Values(("early", "late")))
