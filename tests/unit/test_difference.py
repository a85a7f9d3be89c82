"""What two plans differ in, key by key, and the studies between them."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios import InputError, Study, compose
from scenarios.comparisons.difference import NOWHERE, between, changes, players, rows

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"


def study(*overrides: str) -> Study:
    return compose("mini", ["effects=none", *overrides], config_dir=MINI)


BASE = study()


def test_equal_studies_differ_in_nothing() -> None:
    assert changes(BASE, study()) == []
    assert players(BASE, [], 5) == {}
    assert rows(BASE, study(), {}) == []


def test_keys_that_shape_no_table_do_not_count() -> None:
    assert changes(BASE, study("replications=3", "report.enabled=false", "out=x", "compare.players=2")) == []


def test_changed_new_and_deleted_keys() -> None:
    plan = study(
        "policy.desks.sales.heads=5",
        "~policy.channels.search",
        "policy.calendar.holidays.party=2025-03-03",
        "policy.conversion.trial=false",
    )
    found = {change.key: (change.base, change.value) for change in changes(BASE, plan)}
    assert found.pop("policy.channels.search")[1] is NOWHERE
    assert found == {
        "policy.desks.sales.heads": (3, 5),
        "policy.calendar.holidays.party": (NOWHERE, "2025-03-03"),
        "policy.conversion.trial": (True, False),
    }


def test_a_switch_is_not_a_number() -> None:
    """True == 1 in Python; a key that turns from a switch into a number has changed."""
    (change,) = changes(BASE, BASE.__class__(config={}, timeline=BASE.timeline, source=with_trial(1)))
    assert change.key == "policy.conversion.trial"


def with_trial(value: object) -> dict[str, object]:
    source = study().source
    source["policy"]["conversion"]["trial"] = value
    return source


def test_another_kind_is_one_change() -> None:
    plan = study("business.route.call.work_hours={kind: fixed, value: 3}")
    assert [change.key for change in changes(BASE, plan)] == ["business.route.call.work_hours"]


def test_all_changes_together_are_the_plan_and_none_are_the_base() -> None:
    plan = study("policy.desks.sales.heads=5", "policy.conversion.trial_days=7", "policy.finance.fixed_month=1")
    groups = players(BASE, changes(BASE, plan), 5)
    assert list(groups) == ["policy.desks.sales.heads", "policy.finance.fixed_month", "policy.conversion.trial_days"]
    assert between(BASE, groups, groups).digest == plan.digest
    assert between(BASE, groups, ()).digest == BASE.digest
    alone = study("policy.conversion.trial_days=7")
    assert between(BASE, groups, ["policy.conversion.trial_days"]).digest == alone.digest


def test_a_referred_key_takes_what_refers_to_it_along() -> None:
    """Trial days reach the stop through a reference, in the study between as in the plan."""
    plan = study("policy.conversion.trial_days=7")
    groups = players(BASE, changes(BASE, plan), 5)
    assert between(BASE, groups, groups).config["business"]["route"]["trial"]["delay_days"]["value"] == 7


def test_many_keys_are_put_together_by_their_place() -> None:
    plan = study("policy.desks.sales.heads=5", "policy.desks.sales.cost_year=1", "policy.conversion.trial_days=7")
    found = changes(BASE, plan)
    assert list(players(BASE, found, 5)) == [change.key for change in found]
    two = players(BASE, found, 2)
    sizes = {name: len(group) for name, group in two.items()}
    assert sizes == {"policy.desks.sales": 2, "policy.conversion.trial_days": 1}
    assert list(players(BASE, found, 1)) == ["policy"]


def test_the_numbers_of_all_segments_are_one_group() -> None:
    plan = study("policy.products.seat.price={small: 200, large: 190}", "policy.desks.sales.heads=5")
    groups = players(BASE, changes(BASE, plan), 5)
    assert {name: len(group) for name, group in groups.items()} == {
        "policy.desks.sales.heads": 1,
        "policy.products.seat.price": 2,
    }


def test_keys_that_need_each_other_stay_together() -> None:
    """A new stop and the way to it compose only together."""
    plan = study(
        "business.route.pause={kind: wait, delay_days: {kind: fixed, value: 3}, then: offer}",
        "business.route.trial.then=pause",
    )
    groups = players(BASE, changes(BASE, plan), 5)
    assert [len(group) for group in groups.values()] == [2]
    assert between(BASE, groups, groups).digest == plan.digest


def test_the_difference_as_a_table() -> None:
    plan = study("policy.desks.sales.heads=5", "policy.conversion.trial=false")
    groups = players(BASE, changes(BASE, plan), 5)
    first, second = rows(BASE, plan, groups)
    assert (first["key"], first["base"], first["value"], first["unit"]) == (
        "policy.desks.sales.heads",
        "3",
        "5",
        "people",
    )
    assert (second["key"], second["base"], second["value"]) == ("policy.conversion.trial", "true", "false")
    assert first["player"] == first["key"]


def test_a_subset_that_is_no_study_says_so() -> None:
    plan = study("business.route.trial.then=offer", "policy.desks.sales.heads=5")
    groups = players(BASE, changes(BASE, plan), 5)
    groups["broken"] = (next(iter(groups.values()))[0].__class__(("policy", "desks", "sales", "heads"), 3, -1),)
    with pytest.raises(InputError):
        between(BASE, groups, ["broken"])
