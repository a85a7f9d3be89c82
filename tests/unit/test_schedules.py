"""Plans in time: budgets by month to the cent, price lists, the hiring plan as configured, fiscal years."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from analysis.metrics import compute
from analysis.metrics.periods import MONTH, QUARTER, YEAR, Calendar
from analysis.summary import summary
from analysis.tables import Tables
from scenarios.errors import InputError
from scenarios.runs.replicate import arrow_tables, metrics_context
from scenarios.studies.compose import compose
from scenarios.studies.load import Fluid
from scenarios.studies.overrides import override_text, read_overrides
from scenarios.studies.study import Study, restore
from sim.calendar import month_ends
from sim.simulate import Run, simulate
from tests.fixtures.studies import values, where

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
BUDGET = "policy.channels.search.budget={2025-02: 30000, 2025-03: 1234.56, 2025-12: 0}"
PRICES = "policy.products.seat.price_list={2025-04-01: {small: 310}, 2025-07-01: 290}"


def mini(*overrides: str) -> Study:
    """The small study of the fixtures."""
    return compose("mini", ["effects=none", "market.accounts=120", "horizon.days=730", *overrides], config_dir=MINI)


def ran(study: Study) -> Run:
    return simulate(study.timeline, 1, 0)


def spent(run: Run) -> list[int]:
    """Marketing money of every whole month, in minor units."""
    ledger, months = run.tables["ledger"], month_ends("2025-01-01", 730.0)
    rows = where(ledger, debit="marketing", cost_centre="search")
    place = np.searchsorted(months, values(ledger["time"])[rows])
    return np.bincount(place, values(ledger["amount"])[rows], len(months)).astype(int).tolist()


def problems_of(*overrides: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        mini(*overrides)
    return caught.value.problems


def test_a_month_spends_its_budget_to_the_cent_and_other_months_as_always() -> None:
    months = spent(ran(mini(BUDGET)))
    named = {1: 3_000_000, 2: 123_456, 11: 0}
    assert months == [named.get(month, 200_000) for month in range(24)]


def test_a_budget_of_what_is_spent_anyway_is_no_change() -> None:
    assert mini("policy.channels.search.budget={2025-02: 2000, 2025-07: 2000.0}").timeline.later == ()


def test_the_budget_of_a_month_holds_whatever_else_changes() -> None:
    change = "policy.changes.more={key: channels.search.spend_month, date: 2025-02-10, value: 5000}"
    months = spent(ran(mini(BUDGET, change)))
    assert months[:5] == [200_000, 3_000_000, 123_456, 500_000, 500_000]


def test_more_money_in_a_month_brings_no_contact_later() -> None:
    more = mini("policy.channels.search.budget={2025-02: 30000}")
    never = np.datetime64("2100-01-01", "us")
    times = [values(ran(each).tables["accounts"]["touched_at"]).astype("datetime64[us]") for each in (mini(), more)]
    before, after = (np.where(np.isnat(each), never, each) for each in times)
    assert (after <= before).all()
    assert (after < before).sum() > 30


def test_months_outside_the_horizon_are_told() -> None:
    cautions = mini("policy.channels.search.budget={2024-12: 1, 2025-01: 1, 2027-01: 5}").cautions
    assert [line.split(", got ")[1] for line in cautions] == ["2024-12, 2027-01"]


def test_prices_hold_from_their_dates_on_for_the_segments_they_name() -> None:
    study = mini(PRICES)
    prices = [(dated.day, dated.spec.policy.products["seat"].price) for dated in study.timeline.later]
    assert prices == [(90.0, {"small": 310, "large": 250}), (181.0, 290)]
    contract = [dated.spec.business.revenue["seats"].price_year for dated in study.timeline.later]  # type: ignore[union-attr]
    assert contract == [price for _, price in prices], "whoever refers to the price follows it"


def test_new_terms_take_the_price_of_their_day() -> None:
    dear = "policy.products.seat.price_list={2025-07-01: 3000}"
    before, after = (ran(mini("seed=3", *more)).tables["subscriptions"] for more in ((), (dear,)))
    day = np.datetime64("2025-07-01", "us")
    early = values(before["start"]).astype("datetime64[us]") < day
    same = values(after["start"]).astype("datetime64[us]") < day
    assert np.array_equal(values(before["mrr"])[early], values(after["mrr"])[same])
    assert np.ma.sum(values(after["mrr"])) > 3 * np.ma.sum(values(before["mrr"]))


def test_a_price_list_takes_its_place_among_the_changes() -> None:
    change = "policy.changes.sale={key: products.seat.price, date: 2025-05-01, value: 100, until: 2025-06-01}"
    later = mini(PRICES, change).timeline.later
    assert [dated.spec.policy.products["seat"].price for dated in later] == [
        {"small": 310, "large": 250}, 100, {"small": 310, "large": 250}, 290
    ]  # fmt: skip


def test_a_stored_study_holds_the_same_plan() -> None:
    study = mini(BUDGET, PRICES, "policy.hiring.one={desk: sales, heads: 1, requested: 2025-02-01}")
    again = restore(study.source)
    assert again.digest == study.digest
    assert [dated.spec.policy for dated in again.timeline.later] == [d.spec.policy for d in study.timeline.later]


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("policy.channels.search.budget={2025-13: 3}", "budget.2025-13: is no month"),
        ("policy.channels.search.budget={2025-02: -3}", "budget.2025-02: must be 0 or more, got -3"),
        ("policy.products.seat.price_list={2025-02-30: 3}", "price_list.2025-02-30: is no date"),
        ("policy.products.seat.price_list={2025-02-03: {smal: 3}}", 'is no segment, got "smal"; did you mean small?'),
        ("policy.products.seat.price_list={2025-02-03: -3}", "price_list.2025-02-03: must be 0 or more, got -3"),
        ("policy.changes.x={key: channels.search.budget, date: 2025-02-03, value: {2025-02: 4}}", "cannot change in"),
        ("policy.changes.x={key: channels.search, date: 2025-02-03, value: {budget: {}}}", "cannot hold budget"),
        ("policy.hiring.a={desk: sale, heads: 1, requested: 2025-02-01}", "a.desk: is no desk of policy.desks"),
        ("policy.hiring.a={desk: sales, heads: 1, requested: 2025-02-31}", "a.requested: is no date"),
        ("policy.hiring.a={desk: sales, heads: 1, requested: 2025-02-01, start_speed: 0}", "above 0 and at most 1"),
        ("policy.hiring.a={desk: sales, heads: 1.5, requested: 2025-02-01}", "a whole number (people)"),
        (
            "policy.hiring.a={desk: sales, heads: 1, requested: 2025-02-01, lead_days: 60, leave: 2025-03-01}",
            "a.leave: must be after the first day at work, got 2025-03-01; later than 2025-04-02",
        ),
        ("horizon.fiscal_year_start=13", "horizon.fiscal_year_start: must be from 1 to 12, got 13"),
    ],
)
def test_what_cannot_be_planned_is_said_in_one_line(override: str, line: str) -> None:
    problems = problems_of(override, *_with(override))
    assert len(problems) == 1
    assert line in problems[0]


def _with(override: str) -> tuple[str, ...]:
    """A budget to change, where the override changes one."""
    return (BUDGET,) if "channels.search.budget," in override else ()


def test_two_plans_for_the_same_day_and_price_clash() -> None:
    change = "policy.changes.sale={key: products.seat.price, date: 2025-07-01, value: 100}"
    (line,) = problems_of(PRICES, change)
    assert line.startswith("policy.products.seat.price_list.2025-07-01: sets policy.products.seat.price on the same")


def test_a_plan_that_makes_the_study_wrong_is_blamed() -> None:
    (line,) = problems_of("policy.products.seat.price=300", "policy.products.seat.price_list={2025-07-01: {small: 9}}")
    assert line.startswith("policy.products.seat.price_list.2025-07-01: makes policy.products.seat.price wrong")


def test_plans_are_inputs_with_unit_and_origin() -> None:
    rows = {row["key"]: row for row in mini(BUDGET, PRICES).inputs}
    assert rows["policy.channels.search.budget.2025-02"]["unit"] == "money"
    assert rows["policy.products.seat.price_list.2025-04-01.small"]["origin"] == "yours"
    assert rows["policy.products.seat.price_list.2025-07-01"]["unit"] == "money/unit"


def test_hired_people_count_before_anything_is_simulated() -> None:
    hire = "policy.hiring.a={{desk: sales, heads: 3, requested: 2025-01-01, ramp_days: {ramp}, start_speed: 0.1}}"
    none, slow, fast = (
        Fluid(mini(*more).timeline).run()["sales"].offered
        for more in ((), (hire.format(ramp=700),), (hire.format(ramp=0),))
    )
    assert fast == pytest.approx(2 * none)
    assert slow == pytest.approx(none * (1 + ((0.1 + 1) / 2 * 700 + 30) / 730), rel=0.01)


def test_useless_parts_of_a_hiring_plan_are_told() -> None:
    late = "policy.hiring.late={desk: sales, heads: 1, requested: 2026-12-01, lead_days: 60}"
    told = mini(late, "policy.hiring.fast={desk: sales, heads: 1, requested: 2025-01-01, ramp_days: 9}").cautions
    assert any("arrives after the horizon, on 2027-01-30" in line for line in told)
    assert any("ramp_days: does nothing, start_speed is 1" in line for line in told)


def test_a_required_desk_may_be_staffed_by_hiring_alone() -> None:
    hire = "policy.hiring.a={desk: sales, heads: 1, requested: 2025-03-01}"
    assert not any("for good" in line for line in mini("policy.desks.sales.heads=0", hire).cautions)
    assert any("for good" in line for line in mini("policy.desks.sales.heads=0").cautions)


# fiscal years


def test_fiscal_years_and_quarters_begin_in_their_month() -> None:
    calendar = Calendar("2025-01-01", 1095.0, 4)
    assert calendar.groups[YEAR].first.tolist() == [3, 15]
    assert [str(day)[:10] for day in calendar.groups[YEAR].ends] == ["2026-03-31", "2027-03-31"]
    assert calendar.groups[QUARTER].first[:3].tolist() == [0, 3, 6]
    other = Calendar("2025-01-01", 1095.0, 2)
    assert other.groups[QUARTER].first[:2].tolist() == [1, 4]
    assert all(b - a == 12 for a, b in pairwise(other.groups[YEAR].first.tolist()))


@pytest.mark.parametrize("month", range(1, 13))
def test_a_fiscal_year_from_the_first_month_on_is_what_it_was(month: int) -> None:
    start = f"2025-{month:02d}-01"
    plain, named = Calendar(start, 1000.0), Calendar(start, 1000.0, month)
    for period in (QUARTER, YEAR):
        assert np.array_equal(plain.groups[period].first, named.groups[period].first)


def test_a_horizon_without_a_whole_fiscal_year_has_none() -> None:
    calendar = Calendar("2025-02-01", 400.0, 1)
    assert len(calendar.groups[YEAR]) == 0
    assert calendar.total(np.ones(calendar.months), YEAR).size == 0


def test_figures_of_a_fiscal_year_are_those_of_its_months() -> None:
    study = mini("horizon.fiscal_year_start=4")
    tables = Tables(arrow_tables(ran(study).tables))
    found = compute(tables, metrics_context(study.config), ["revenue", "arr", "cash_min"])
    by = {period: found[found["period"] == period].set_index("ds") for period in (MONTH, YEAR)}
    year = {name: by[YEAR][by[YEAR]["metric"] == name]["value"] for name in ("revenue", "arr", "cash_min")}
    months = {name: by[MONTH][(by[MONTH]["metric"] == name) & by[MONTH]["dim1"].isna()]["value"] for name in year}
    (end,) = {f"{day:%Y-%m-%d}" for day in by[YEAR].index}
    assert end == "2026-03-31"
    inside = {name: values["2025-04-30":"2026-03-31"] for name, values in months.items()}  # type: ignore[misc]
    assert len(inside["arr"]) == 12
    assert year["revenue"].iloc[0] == pytest.approx(inside["revenue"].sum())
    assert year["arr"].iloc[0] == inside["arr"].iloc[-1]
    assert year["cash_min"].iloc[0] == inside["cash_min"].min()
    assert set(summary(found)["period"]) == {"FY2026", "horizon"}


# single months and dates as keys


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("policy.channels.search.budget.2025-03", 5, "policy.channels.search.budget={2025-03: 5}"),
        ("a.price_list.2025-06-01.small", [1, 2], "a.price_list={2025-06-01: {small: [1,2]}}"),
        ("policy.desks.sales.heads", 5, "policy.desks.sales.heads=5"),
    ],
)
def test_a_key_with_a_date_is_written_as_a_mapping(key: str, value: object, text: str) -> None:
    assert override_text(key, value) == text
    settings, problems = read_overrides([text, f"{key}={value}"])
    assert problems == []
    assert settings[0].path == settings[1].path
    assert settings[0].value == settings[1].value


def test_one_month_of_a_budget_is_set_by_its_key() -> None:
    study = mini(BUDGET, "policy.channels.search.budget.2025-03=7")
    assert study.config["policy"]["channels"]["search"]["budget"] == {"2025-02": 30000, "2025-03": 7, "2025-12": 0}
    again = study.with_({"policy.channels.search.budget.2025-03": 9}).config["policy"]["channels"]["search"]
    assert again["budget"] == {"2025-02": 30000, "2025-03": 9, "2025-12": 0}
