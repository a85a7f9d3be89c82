"""The tables of a run: their columns, and that they say of each other what they should."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from sim.events import ACTIVITIES
from sim.recorder import NONE, Coded, Column, Nullable, Recorder
from sim.simulate import Run
from sim.tables import coded, nullable
from tests.fixtures.studies import (
    KINDS,
    changed,
    records,
    run,
    standard,
    study,
    two_products,
    values,
    where,
)

I32, I64, F8, B = "int32", "int64", "float64", "bool"
CODE, MONEY, TEXT, TIME = "category", "nullable int64", "object", "datetime64[us]"

SCHEMA: dict[str, dict[str, str]] = {
    "accounts": {
        "replication": I32, "account": I64, "external_id": TEXT, "segment": CODE, "industry": CODE,
        "region": CODE, "employees": F8, "channel": CODE, "owner": CODE, "last_stage": CODE, "touched_at": TIME,
        "registered_at": TIME, "qualified_at": TIME, "opened_at": TIME, "signed_at": TIME, "activated_at": TIME,
        "paid_at": TIME, "churned_at": TIME, "customer": B,
    },
    "opportunities": {
        "replication": I32, "account": I64, "product": CODE, "owner": CODE, "stage": CODE, "amount": MONEY,
        "opened": TIME, "qualified_at": TIME, "met_at": TIME, "proposed_at": TIME, "signed_at": TIME,
        "closed": TIME, "outcome": CODE, "reason": CODE,
    },
    "subscriptions": {
        "replication": I32, "account": I64, "contract": I64, "product": CODE, "start": TIME, "end": TIME,
        "ended": TIME, "amount": MONEY, "mrr": MONEY, "tenure": F8, "outcome": CODE,
    },
    "events": {
        "replication": I32, "account": I64, "activity": CODE, "stage": CODE, "time": F8, "timestamp": TIME,
        "resource": CODE, "owner": CODE, "channel": CODE, "product": CODE, "amount": MONEY, "quantity": F8,
        "note": CODE,
    },
    "decisions": {
        "replication": I32, "account": I64, "time": F8, "decision": CODE, "occurrence": I64, "probability": F8,
        "uniform": F8, "outcome": B,
    },
    "monthly": {"replication": I32, "ds": TIME, "metric": CODE, "segment": CODE, "value": F8},
    "ledger": {
        "replication": I32, "time": F8, "timestamp": TIME, "account": MONEY, "contract": MONEY, "product": CODE,
        "segment": CODE, "cost_centre": CODE, "debit": CODE, "credit": CODE, "amount": I64, "memo": CODE,
    },
    "staffing": {
        "replication": I32, "ds": TIME, "desk": CODE, "heads": F8, "capacity_hours": F8, "busy_hours": F8,
        "queue_mean": F8, "wait_days": F8, "started": I64,
    },
}  # fmt: skip
"""Columns of every table, in their order, with their types."""

HEADS = {"inside": 3, "field": 4}


def kind_of(column: Column) -> str:
    if isinstance(column, Coded):
        return CODE
    if isinstance(column, Nullable):
        assert column.values.dtype == np.int64
        return MONEY
    return str(column.dtype)


def stamp(start: str, days: np.ndarray) -> np.ndarray:
    """Timestamps to the microsecond."""
    return np.datetime64(start, "us") + np.rint(days * 86_400_000_000).astype("timedelta64[us]")


@pytest.mark.parametrize("kind", KINDS)
def test_tables_have_the_columns_of_the_contract(kind: str) -> None:
    tables = standard(kind).tables
    assert {name: {c: kind_of(v) for c, v in table.items()} for name, table in tables.items()} == SCHEMA
    for name, table in tables.items():
        assert list(table) == list(SCHEMA[name])
        assert len({len(column) for column in table.values()}) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_codes_lie_within_their_names(kind: str) -> None:
    for table in standard(kind).tables.values():
        for column in table.values():
            if isinstance(column, Coded):
                assert len(set(column.names)) == len(column.names)
                assert column.codes.min(initial=-1) >= -1
                assert column.codes.max(initial=-1) < len(column.names)


def test_the_replication_stands_in_every_row() -> None:
    tables = run(study(accounts=50, days=100), replication=7).tables
    assert all(set(table["replication"].tolist()) == {7} for table in tables.values())


@pytest.mark.parametrize("kind", KINDS)
def test_events_are_in_order_and_bear_their_timestamp(kind: str) -> None:
    events = standard(kind).tables["events"]
    assert (np.diff(events["time"]) >= 0).all()
    assert events["time"].min() >= 0
    assert events["time"].max() < 400
    assert events["timestamp"].tolist() == stamp("2025-01-15", events["time"]).tolist()
    assert set(values(events["activity"])) <= set(ACTIVITIES)


@pytest.mark.parametrize("kind", KINDS)
def test_what_joins_a_stop_leaves_it_or_is_open(kind: str) -> None:
    """Per stop and account: queued, then started at desks, then finished; the last may be open. Stops of an offer are
    notes, and who is gone while it waits for a desk leaves the queue."""
    route = study(kind)["business"]["route"]
    state: dict[tuple[int, str], str] = {}
    opened: Counter[int] = Counter()
    events = standard(kind).tables["events"]
    for account, activity, stage, note in records(events, "account", "activity", "stage", "note"):
        opened[account] += note == "open"
        if activity in ("queued", "started", "finished"):
            works = activity == "finished" and route[stage or note]["kind"] == "desk"
            before = {"queued": "finished", "started": "queued", "finished": "started" if works else "queued"}[activity]
            last = state.get((account, stage or "offer"), "finished")
            assert last == before or (stage is None and works and last == "queued")
            state[account, stage or "offer"] = activity
    left_open = [key for key, last in state.items() if last != "finished"]
    assert max(Counter(account for account, stage in left_open if stage != "offer").values()) == 1
    assert +opened == Counter(account for account, _ in left_open)


@pytest.mark.parametrize("kind", KINDS)
def test_resource_and_owner_stand_where_people_work(kind: str) -> None:
    route = study(kind)["business"]["route"]
    for stage, note, activity, resource, owner in records(
        standard(kind).tables["events"], "stage", "note", "activity", "resource", "owner"
    ):
        if activity not in ("queued", "started", "finished") or (stage is None and activity != "finished"):
            continue
        desk = next(iter(route[stage or note].get("desks", {})), None)
        assert resource == desk
        if desk is None or activity == "queued":
            assert owner is None
        else:
            name, seat = owner.rsplit("-", 1)
            assert name == desk
            assert 1 <= int(seat) <= HEADS[desk]


@pytest.mark.parametrize("kind", KINDS)
def test_accounts_sum_up_the_events(kind: str) -> None:
    tables = standard(kind).tables
    accounts, events = tables["accounts"], tables["events"]
    assert accounts["account"].tolist() == list(range(200))
    activity = values(events["activity"])
    for column, name in (
        ("touched_at", "touched"), ("registered_at", "registered"), ("qualified_at", "qualified"),
        ("opened_at", "opened"), ("signed_at", "signed"), ("activated_at", "activated"), ("paid_at", "paid"),
        ("churned_at", "churned"),
    ):  # fmt: skip
        chosen = activity == name
        order = slice(None, None, 1 if name == "churned" else -1)
        stamps = events["timestamp"][chosen][order].tolist()
        found = dict(zip(events["account"][chosen][order].tolist(), stamps, strict=True))
        assert accounts[column].tolist() == [found.get(account) for account in range(200)], column


def crowded() -> Run:
    """Every account reached by several channels within days; contacts are found a week at a time."""
    rates = {f"market.channels.{name}.rate_month": 8 for name in ("search", "fair", "friends")}
    return run(changed(study(days=60, shared=False), rates))


@pytest.mark.parametrize("busy", [False, True])
def test_channel_is_that_of_the_first_touch(busy: bool) -> None:
    made = crowded() if busy else standard("subscription")
    first: dict[int, str] = {}
    begun: set[int] = set()
    for account, activity, channel in records(made.tables["events"], "account", "activity", "channel"):
        if activity == "touched":
            first.setdefault(account, channel)
        else:
            assert channel == first[account]
            begun.add(account)
    assert values(made.tables["accounts"]["channel"]).tolist() == [first.get(account) for account in range(200)]
    assert len(begun) > 100


@pytest.mark.parametrize("kind", KINDS)
def test_last_stage_is_where_the_open_visit_is(kind: str) -> None:
    tables = standard(kind).tables
    events, last = tables["events"], values(tables["accounts"]["last_stage"])
    opened = where(events, note="open") & ~where(events, stage=None)
    stages = dict(zip(events["account"][opened].tolist(), values(events["stage"])[opened], strict=True))
    for account, untouched in enumerate(np.isnat(tables["accounts"]["touched_at"]).tolist()):
        assert last[account] == (None if untouched else stages.get(account, "end"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_opportunity_is_won_lost_or_open(kind: str) -> None:
    tables = standard(kind).tables
    table, events = tables["opportunities"], tables["events"]
    outcome = values(table["outcome"])
    counts = Counter(outcome.tolist())
    assert counts.keys() == {"won", "lost", "open"}
    assert len(outcome) == where(events, activity="opened").sum()
    assert counts["won"] == where(events, activity="signed").sum()
    assert counts["lost"] == where(events, activity="lost").sum()
    won, lost, still = outcome == "won", outcome == "lost", np.isnat(table["closed"])
    assert still.tolist() == (outcome == "open").tolist()
    assert np.isnat(table["signed_at"]).tolist() == (~won).tolist()
    assert (table["closed"][~still] >= table["opened"][~still]).all()
    assert values(table["reason"]).tolist() == ["price" if is_lost else None for is_lost in lost]
    null = np.ma.getmaskarray(values(table["amount"]))
    assert null[~won].all()
    assert not null[won].any() or kind not in ("subscription", "unit_sale", "staff_hours")


@pytest.mark.parametrize("kind", KINDS)
def test_the_stage_of_an_opportunity_is_its_last_stop_before_it_closed(kind: str) -> None:
    """An opportunity opens with the wait ``think`` and closes with it."""
    assert set(values(standard(kind).tables["opportunities"]["stage"])) == {"think"}


def test_who_serves_the_customer_afterwards_does_not_own_the_opportunity() -> None:
    document = changed(study(), {
        "policy.desks.service": {"heads": 3, "cost_year": 0}, "business.route.setup.desks": {"service": "required"},
    })  # fmt: skip
    tables = run(document).tables
    assert where(tables["events"], resource="service", activity="started").sum() > 50
    owners = {owner.split("-")[0] for owner in values(tables["opportunities"]["owner"]) if owner is not None}
    assert "service" not in owners


def test_opportunities_keep_the_main_product_whatever_else_is_sold() -> None:
    tables = run(two_products()).tables
    assert set(values(tables["opportunities"]["product"])) == {"main"}
    assert set(values(tables["subscriptions"]["product"])) == {"main", "more"}
    assert set(values(tables["ledger"]["product"])) == {"main", "more", None}


@pytest.mark.parametrize("kind", KINDS)
def test_contracts_have_a_start_an_end_and_an_outcome(kind: str) -> None:
    table = standard(kind).tables["subscriptions"]
    ended = ~np.isnat(table["ended"])
    assert ended.tolist() == (values(table["outcome"]) != "open").tolist()
    assert (table["ended"][ended] >= table["start"][ended]).all()
    agreed = ~np.isnat(table["end"])
    assert (table["end"][agreed] > table["start"][agreed]).all()
    assert len(set(table["contract"].tolist())) == len(table["contract"])
    assert (table["tenure"] >= 0).all()
    assert np.ma.getmaskarray(values(table["mrr"])).all() == (kind not in ("subscription", "outcome_share", "add_on"))


def test_a_subscription_goes_on_where_its_last_row_ended() -> None:
    table = standard("subscription").tables["subscriptions"]
    outcome, seen = values(table["outcome"]), 0
    for account in set(table["account"].tolist()):
        places = np.flatnonzero(table["account"] == account)
        for one, following in itertools.pairwise(places):
            if outcome[one] in ("renewed", "upgraded"):
                assert table["ended"][one] == table["start"][following]
                seen += 1
            else:
                assert outcome[one] in ("churned", "contracted_down")
    assert seen > 50


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("subscription", ("signed", "renewed", "upgraded")),
        ("unit_sale", ("signed", "reordered")),
        ("staff_hours", ("signed", "reordered")),
    ],
)
def test_signatures_bear_amount_and_quantity(kind: str, told: tuple[str, ...]) -> None:
    events = standard(kind).tables["events"]
    for activity in told:
        chosen = where(events, activity=activity)
        assert (values(events["amount"])[chosen] > 0).all()
        assert (events["quantity"][chosen] > 0).all()
        assert chosen.sum() > 20


def test_monthly_rows_stand_at_the_ends_of_whole_months() -> None:
    monthly = standard("take_rate").tables["monthly"]
    ds = np.unique(monthly["ds"].astype("datetime64[D]"))
    assert [str(d) for d in ds[:2]] == ["2025-01-31", "2025-02-28"]
    assert (len(ds), str(ds[-1])) == (13, "2026-01-31")
    assert {"gmv", "merchants", "use", "using", "consumers"} <= set(values(monthly["metric"]))
    assert set(values(monthly["segment"])) == {"small", "large", None}


def test_merchants_of_the_months_are_those_of_the_contracts() -> None:
    tables = standard("take_rate").tables
    monthly, contracts = tables["monthly"], tables["subscriptions"]
    for ds in np.unique(monthly["ds"]):
        count = monthly["value"][where(monthly, metric="merchants") & (monthly["ds"] == ds)].sum()
        close = ds + np.timedelta64(86_400 - 10, "s")
        alive = (contracts["start"] <= close) & ~(contracts["ended"] < close)
        assert count == alive.sum()


def test_columns_take_the_smallest_sufficient_codes() -> None:
    assert coded(np.array([0, -1]), ("a",)).codes.dtype == np.int16
    assert coded(np.array([0]), tuple(map(str, range(40_000)))).codes.dtype == np.int32
    assert nullable(np.array([5, NONE])).valid.tolist() == [True, False]


def test_the_recorder_keeps_rows_as_they_come() -> None:
    recorder = Recorder(10.0)
    recorder.visit(4, 2, 1, 3, 0.5, 0.75, 1.0)
    recorder.mark(5, 7, 2.0, stop=1, note=recorder.note("why"), amount=12, quantity=3.0)
    recorder.marks(np.array([6, 7]), 8, np.array([3.0, 4.0]), channel=np.array([0, 1]))
    visits, marks = recorder.visits(), recorder.marked()
    assert (visits["account"].tolist(), visits["finished"].tolist()) == ([4], [1.0])
    assert marks["account"].tolist() == [5, 6, 7]
    assert marks["after"].tolist() == [1, 1, 1]
    assert marks["amount"].tolist() == [12, NONE, NONE]
    assert marks["time"].tolist() == [2.0, 3.0, 4.0]
    assert (recorder.note("why"), recorder.note(""), recorder.note("other")) == (0, -1, 1)
    recorder.decision(4, 1, 65536, 2.5, (True, 0.5, 0.25))
    recorder.decisions(np.array([5, 6]), 0, 3, 4.0, np.array([0.5, 0.6]), np.array([0.1, 0.2]))
    decided = recorder.decided()
    assert decided["occurrence"].tolist() == [65536, 3, 3]
    assert decided["outcome"].tolist() == [1, 1, 1]
    assert decided["uniform"].tolist() == [0.25, 0.1, 0.2]
