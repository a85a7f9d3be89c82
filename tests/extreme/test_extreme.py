"""Extreme values: nothing, one, everything, the edges of the calendar and of the schema."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.simulate import Run
from sim.spec import Contacts
from tests.fixtures.studies import (
    KINDS,
    Document,
    changed,
    difference,
    effect,
    fixed,
    run,
    standard,
    study,
    values,
    well_formed,
    where,
)

SEED = 2**128 - 1


def activities(made: Run) -> set[str]:
    return set(values(made.tables["events"]["activity"]))


def count(made: Run, **equal: Any) -> int:
    """Events that match."""
    return int(where(made.tables["events"], **equal).sum())


def all_bases(document: Document, base: float) -> Document:
    """Every decision with the same base, nothing that moves it."""
    chances = {
        name: {"base": base, "occurrence": spec.get("occurrence", "attempt")}
        for name, spec in document["business"]["decisions"].items()
    }
    return changed(document, {"business.decisions": chances, "effects": {}})


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_refuses(kind: str) -> None:
    made = run(all_bases(study(kind, accounts=100, days=150), 0.0))
    well_formed(made)
    assert activities(made) == {"touched", "disqualified", "pooled", "queued", "finished"}
    assert not made.tables["decisions"]["outcome"].any()
    assert set(made.tables["decisions"]["probability"].tolist()) == {0.0}
    assert not made.tables["accounts"]["customer"].any()
    assert len(made.tables["opportunities"]["account"]) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_agrees(kind: str) -> None:
    made = run(all_bases(study(kind, accounts=100, days=250), 1.0))
    well_formed(made)
    assert {"lost", "disqualified"} & activities(made) == set()
    assert made.tables["decisions"]["outcome"].all()
    assert set(made.tables["decisions"]["probability"].tolist()) == {1.0}
    signed = ~np.isnat(made.tables["accounts"]["signed_at"])
    assert signed.sum() > 70
    leaves = kind not in ("subscription", "unit_sale", "staff_hours")
    assert ("churned" in activities(made)) == leaves


@pytest.mark.parametrize("kind", KINDS)
def test_one_account(kind: str) -> None:
    made = run(changed(study(kind, accounts=1, days=200), {"market.channels.search.rate_month": 5}))
    well_formed(made)
    assert len(made.tables["accounts"]["account"]) == 1
    assert set(made.tables["events"]["account"].tolist()) == {0}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("days", [2.0**-20, 0.5, 1.0, 20.0])
def test_horizons_shorter_than_a_month(kind: str, days: float) -> None:
    made = run(changed(study(kind, days=days), {"market.channels.search.rate_month": 10}))
    well_formed(made)
    assert len(made.tables["monthly"]["ds"]) == 0 or days > 16
    assert len(made.tables["staffing"]["ds"]) == (4 if days == 20 else 2)
    assert made.tables["events"]["time"].max(initial=0) < days
    assert values(made.tables["ledger"]["memo"])[0] == "opening capital"


def test_nobody_is_reached() -> None:
    document = changed(study("take_rate"), {"market.channels": {"search": {"rate_month": 0}}, "policy.channels": {}})
    made = run(document)
    well_formed(made)
    assert [len(next(iter(made.tables[name].values()))) for name in ("events", "decisions", "subscriptions")] == [0] * 3
    assert np.isnat(made.tables["accounts"]["touched_at"]).all()
    assert set(values(made.tables["accounts"]["last_stage"])) == {None}
    assert set(values(made.tables["accounts"]["channel"])) == {None}
    assert len(made.tables["monthly"]["ds"]) > 0


def test_no_money_is_spent() -> None:
    document = changed(study(), {
        "policy.channels.search.spend_month": 0, "policy.channels.fair.spend_month": 0,
        "policy.desks.inside.cost_year": 0, "policy.desks.field.cost_year": 0, "policy.finance.fixed_month": 0,
        "policy.finance.opening_cash": 0, "policy.finance.commission": 0, "business.revenue.main.cost_share": 0,
    })  # fmt: skip
    made = run(document)
    well_formed(made)
    ledger = made.tables["ledger"]
    assert not where(ledger, credit="cash").any()
    assert not where(ledger, credit="equity").any()
    assert where(ledger, debit="cash").any()


def test_an_optional_desk_without_people_is_passed_by() -> None:
    made = run(changed(study(), {"policy.desks.inside.heads": 0}))
    well_formed(made)
    assert made.warnings == ()
    staffing = made.tables["staffing"]
    mine = where(staffing, desk="inside")
    for column in ("heads", "capacity_hours", "busy_hours", "queue_mean", "started"):
        assert not staffing[column][mine].any(), column
    assert np.isnan(staffing["wait_days"][mine]).all()
    assert count(made, stage="call", activity="queued") == count(made, stage="call", activity="finished") == 0
    decisions = made.tables["decisions"]
    qualify = where(decisions, decision="qualify")
    assert qualify.sum() > 100
    agreed = decisions["outcome"][qualify].sum()
    assert count(made, stage="call", activity="qualified") == agreed
    assert count(made, stage="call", activity="disqualified") == qualify.sum() - agreed


def test_passing_by_logs_the_same_whether_or_not_somebody_listens() -> None:
    """Activities of stops that take no time are in the log, listened to or not."""
    document = changed(study("take_rate"), {
        "policy.desks.inside.heads": 0, "business.route.call.emits": "met",
        "business.route.sort.emits_then": "contacted", "business.route.answer.emits": "trained",
        "business.route.think.enabled": False,
    })  # fmt: skip
    quiet = run(document)
    parts = document["business"]["revenue"]["main"]
    loud = run(changed(document, {
        f"business.revenue.part {activity}": {**parts, "starts": activity, "gmv_month": fixed(0)}
        for activity in ("met", "contacted", "trained", "qualified")
    }))  # fmt: skip
    for activity in ("met", "contacted", "trained", "qualified", "signed"):
        assert count(quiet, activity=activity) == count(loud, activity=activity) > 40, activity


def test_a_required_desk_without_people_holds_its_accounts_and_warns() -> None:
    made = run(changed(study(), {"policy.desks.field.heads": 0}))
    well_formed(made)
    assert any("field" in warning and "present" in warning for warning in made.warnings)
    assert len(set(made.warnings)) == len(made.warnings)
    assert count(made, resource="field", activity="started") == 0
    held = count(made, resource="field", activity="queued")
    assert held == count(made, resource="field", note="open") > 30
    staffing = made.tables["staffing"]
    mine = where(staffing, desk="field")
    assert staffing["queue_mean"][mine][-1] == pytest.approx(held, rel=0.05)
    assert not staffing["started"][mine].any()
    assert standard("subscription").warnings == ()


def test_warnings_are_given_once_however_often_the_policy_changes() -> None:
    document = changed(study(accounts=30, days=60), {"policy.desks.field.heads": 0})
    made = run(document, *((float(day), document) for day in range(10, 20)))
    assert len(made.warnings) == len(set(made.warnings)) > 0


def test_work_that_never_ends() -> None:
    made = run(changed(study(), {"business.route.present.work_hours": fixed(1e6)}))
    well_formed(made)
    assert count(made, stage="present", activity="finished") == 0
    assert count(made, stage="present", activity="started") == 4
    staffing = made.tables["staffing"]
    mine = where(staffing, desk="field")
    assert (staffing["busy_hours"] <= staffing["capacity_hours"] + 1e-6).all()
    assert staffing["busy_hours"][mine][3:] == pytest.approx(staffing["capacity_hours"][mine][3:])


@pytest.mark.parametrize("kind", KINDS)
def test_work_and_waits_that_take_no_time(kind: str) -> None:
    document = study(kind, accounts=100, days=200)
    nothing = {f"business.route.{name}.work_hours": fixed(0) for name in ("call", "present", "setup", "work")}
    nothing |= {f"business.route.{name}.delay_days": fixed(0) for name in ("think", "make")}
    present = {key: value for key, value in nothing.items() if key.split(".")[2] in document["business"]["route"]}
    made = run(changed(document, present))
    well_formed(made)
    assert count(made, activity="signed") > 20
    assert count(made, activity="signed") == count(made, activity="opened") - count(made, activity="lost")


def test_a_start_on_a_weekend_begins_work_on_monday() -> None:
    document = changed(study(start="2025-03-01", days=60), {"market.channels.search.rate_month": 10})
    events = run(document).tables["events"]
    begun = events["timestamp"][where(events, activity="started")]
    assert str(begun.min())[:16] == "2025-03-03T09:00"
    touched = events["timestamp"][where(events, activity="touched")]
    assert str(touched.min())[:10] == "2025-03-01"


@pytest.mark.parametrize("start", ["2024-02-29", "2023-12-31", "2024-01-31", "2025-02-28", "2000-02-29", "2099-12-31"])
def test_months_and_timestamps_at_the_edges_of_the_calendar(start: str) -> None:
    made = run(study("take_rate", accounts=60, start=start, days=70))
    well_formed(made)
    ds = np.unique(made.tables["monthly"]["ds"].astype("datetime64[D]"))
    following = ds + np.timedelta64(1, "D")
    assert (following.astype("datetime64[M]").astype("datetime64[D]") == following).all()
    first = np.datetime64(start, "M")
    last = (np.datetime64(start, "D") + 70).astype("datetime64[M]")
    assert ds.astype("datetime64[M]").tolist() == np.arange(first, last).tolist()
    payroll = where(made.tables["ledger"], memo="payroll", cost_centre="inside").sum()
    assert payroll == len(ds)


def test_a_leap_year_has_its_day() -> None:
    made = run(study(accounts=100, start="2024-01-01", days=366))
    days = {str(day) for day in made.tables["events"]["timestamp"].astype("datetime64[D]")}
    assert "2024-02-29" in days
    assert len(np.unique(made.tables["monthly"]["ds"])) == 12


def test_an_hour_of_work_a_week() -> None:
    office = {"workdays": 1, "open_hour": 9, "hours": 1}
    made = run(changed(study(), {"policy.calendar": office}))
    well_formed(made)
    events = made.tables["events"]
    begun = events["timestamp"][where(events, activity="started")]
    assert len(begun) > 50
    assert np.is_busday(begun.astype("datetime64[D]"), weekmask="1000000").all()
    staffing = made.tables["staffing"]
    assert (staffing["busy_hours"] <= staffing["capacity_hours"] + 1e-6).all()


def test_a_closed_season_brings_nobody() -> None:
    document = changed(study(), {"market.season.mar": 0})
    events = run(document).tables["events"]
    touched = where(events, activity="touched") & ~where(events, channel="friends")
    months = {str(month) for month in events["timestamp"][touched].astype("datetime64[M]")}
    assert "2025-03" not in months
    assert {"2025-02", "2025-04"} <= months


def traced(day: list[float], exact: bool, **more: Any) -> Contacts:
    n = len(day)
    return Contacts(tuple(f"<b>客户 {i}" for i in range(n)), np.array(day), np.arange(n) % 3, exact=exact, **more)


def test_contacts_of_a_file_come_on_their_dates() -> None:
    day = [399.0, 0.0, 12.0, 12.0, 400.0, 7.0, 6.0, 1000.0]
    made = run(study(), contacts=traced(day, exact=False, segment=np.array([0, 1] * 4)))
    well_formed(made)
    accounts, events = made.tables["accounts"], made.tables["events"]
    assert accounts["external_id"].tolist() == [f"<b>客户 {i}" for i in range(8)]
    assert values(accounts["segment"]).tolist() == ["small", "large"] * 4
    touched = where(events, activity="touched")
    times = dict(zip(events["account"][touched].tolist(), events["time"][touched].tolist(), strict=True))
    assert {account: int(time) for account, time in times.items()} == {0: 399, 1: 0, 2: 12, 3: 12, 5: 7, 6: 6}
    assert all(9 / 24 <= time % 1 <= 17 / 24 for time in times.values())
    channels = values(accounts["channel"])
    assert channels.tolist() == ["search", "fair", "friends", "search", None, "friends", "search", None]


def test_contacts_with_exact_times_come_to_the_moment() -> None:
    day = [0.0, 6.999999999, 13.25, 7.0]
    events = run(study(), contacts=traced(day, exact=True)).tables["events"]
    touched = where(events, activity="touched")
    assert sorted(events["time"][touched].tolist()) == [0.0, 7.0, 7.0, 13.25]


@pytest.mark.parametrize("kind", KINDS)
def test_payments_at_once_and_never(kind: str) -> None:
    swift = {"market.payment.delay_days": fixed(0), "market.payment.due_days": 0, "market.payment.bad_debt": 0.5,
             "market.payment.write_off_days": 0}  # fmt: skip
    made = run(changed(study(kind, accounts=120, days=250), swift))
    well_formed(made)
    settled = count(made, activity="paid") + count(made, activity="written_off")
    assert 0 < settled <= count(made, activity="invoiced")
    assert count(made, activity="written_off") > 0


def test_the_largest_seed_and_replication() -> None:
    made = run(study(accounts=50, days=100), seed=SEED, replication=2**31 - 1)
    well_formed(made)
    assert difference(made, run(study(accounts=50, days=100), seed=SEED, replication=2**31 - 1)) == ""


def test_strong_effects_saturate() -> None:
    terms = {name: effect(50) for name in ("need", "log_employees", "losses", "wait_days", "use", "references")}
    made = run(changed(study(), {"effects.sign": terms, "effects.qualify": {"need": effect(-1000)}}))
    well_formed(made)
    p = made.tables["decisions"]["probability"]
    assert ((p >= 0) & (p <= 1)).all()
    assert {0.0, 1.0} < set(p.tolist())


def test_renewals_signed_late_leave_no_term_that_ends_before_it_starts() -> None:
    document = changed(study(days=500), {
        "business.revenue.main.term_months": 1, "business.route.life.term_months": 1,
        "business.route.life.then": "ponder", "business.route.ponder": {
            "kind": "wait", "delay_days": {"kind": "uniform", "low": 1, "high": 100}, "then": "renew",
        },
        "business.decisions.renew": {"base": 0.95, "occurrence": "carried"},
    })  # fmt: skip
    made = run(document)
    well_formed(made)
    table = made.tables["subscriptions"]
    assert where(table, outcome="renewed").sum() > 50
    assert (table["end"] > table["start"]).all()


def test_a_subscription_is_never_smaller_than_a_unit() -> None:
    document = changed(study(days=700), {
        "business.revenue.main.shrink_share": 1, "business.decisions.shrink": {"base": 1, "occurrence": "period"},
        "business.revenue.main.expand": None,
    })  # fmt: skip
    table = run(document).tables["subscriptions"]
    assert values(table["mrr"]).min() == 100_00


@pytest.mark.parametrize(("deposit", "retention"), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.5, 0.5)])
def test_orders_are_paid_once_however_they_are_split(deposit: float, retention: float) -> None:
    document = changed(study("unit_sale"), {
        "business.revenue.main.deposit": deposit, "business.revenue.main.retention": retention,
    })  # fmt: skip
    made = run(document)
    well_formed(made)
    ledger, orders = made.tables["ledger"], made.tables["subscriptions"]
    completed = where(orders, outcome="completed") & (orders["ended"] < np.datetime64("2026-02-10"))
    for contract, amount in zip(orders["contract"][completed], values(orders["amount"])[completed], strict=True):
        mine = np.ma.filled(values(ledger["contract"]) == contract, False) & where(ledger, credit="revenue_unit_sale")
        assert ledger["amount"][mine].sum() == amount
