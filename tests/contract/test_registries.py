"""One contract over everything that is registered: stops, signals, revenue parts, programmes."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from sim.events import ACTIVITIES, LEDGER_ACCOUNTS
from sim.journey.route import STOPS
from sim.journey.stop import Stop
from sim.programmes import PROGRAMMES
from sim.revenue import PARTS, RevenuePart
from sim.signals import SIGNALS
from sim.spec.distribution import Distribution
from sim.spec.programmes import ProgrammeSpec
from sim.spec.revenue import RevenueSpec
from sim.spec.stops import StopSpec
from sim.streams import Streams
from sim.world import World
from tests.fixtures.studies import (
    KINDS,
    Document,
    build,
    changed,
    difference,
    effect,
    fixed,
    rows,
    run,
    standard,
    study,
    timeline,
    values,
    where,
)

SOURCE = re.compile(r"\[00\d\]|\b[RCL]\d{2,3}\b|[Aa]ssumption|practitioner")
"""What counts as a source: a document, an entry of the register, or the word assumption."""


def specs(union: Any) -> dict[str, type]:
    """Specifications of a union by the kind that selects them."""
    members = get_args(union) or (union,)
    return {get_args(get_type_hints(member)["kind"])[0]: member for member in members}


def documented(item: Any) -> str:
    """Docstrings of a class or function and of its module."""
    return f"{inspect.getdoc(item) or ''}\n{sys.modules[item.__module__].__doc__ or ''}"


REGISTRIES: dict[str, tuple[dict[str, Any], dict[str, type]]] = {
    "stops": (STOPS, specs(StopSpec)),
    "parts": (PARTS, specs(RevenueSpec)),
    "programmes": (PROGRAMMES, specs(ProgrammeSpec)),
}

ENTRIES = [(registry, name) for registry, (entries, _) in REGISTRIES.items() for name in entries]


@pytest.mark.parametrize("registry", REGISTRIES)
def test_every_kind_has_a_specification_and_every_specification_a_kind(registry: str) -> None:
    entries, known = REGISTRIES[registry]
    assert entries.keys() == known.keys()


@pytest.mark.parametrize(("registry", "name"), ENTRIES)
def test_entries_say_what_they_model_and_on_what_evidence(registry: str, name: str) -> None:
    item = REGISTRIES[registry][0][name]
    assert inspect.getdoc(item), f"{item.__name__} has no docstring"
    assert SOURCE.search(documented(item)), f"{item.__name__} names no source"


@pytest.mark.parametrize(("registry", "name"), ENTRIES)
def test_specifications_are_frozen_data_with_units_and_meanings(registry: str, name: str) -> None:
    spec = REGISTRIES[registry][1][name]
    assert inspect.getdoc(spec)
    assert is_dataclass(spec)
    assert spec.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert spec.__pydantic_config__ == {"extra": "forbid"}  # type: ignore[attr-defined]
    for field in fields(spec):
        hint = get_type_hints(spec)[field.name]
        if hint in (float, int) or float in get_args(hint):
            assert field.metadata["unit"], field.name
            assert len(field.metadata["meaning"]) > 3, field.name
    distributions = [f for f in fields(spec) if get_type_hints(spec)[f.name] == Distribution]
    assert all(field.default is MISSING for field in distributions)


@cache
def world(kind: str, changes: tuple[tuple[str, Any], ...] = ()) -> World:
    """A finished world."""
    made = World(timeline(changed(study(kind), dict(changes))), 1, 0)
    made.run()
    return made


def snapshot(at: World) -> dict[str, bytes]:
    """All arrays of a world, of its population, parts and programmes."""
    found = {}
    owners = {"world": at, "population": at.population, "usage": at.usage, **at.parts, **at.programmes}
    for owner, item in owners.items():
        for name, value in vars(item).items():
            if isinstance(value, np.ndarray):
                found[f"{owner}.{name}"] = value.tobytes()
            elif isinstance(value, int | float | str):
                found[f"{owner}.{name}"] = repr(value).encode()
    found["log"] = bytes(at.recorder.rows) + bytes(at.recorder.decision_rows)
    found["books"] = at.ledger.postings().tobytes()
    return found


# signals


def observing(kind: str, changes: Document | None = None) -> dict[str, list[np.ndarray]]:
    """What every signal showed of all accounts every 20 days of a run."""
    at = World(timeline(changed(study(kind), changes or {})), 1, 0)
    seen: dict[str, list[np.ndarray]] = {name: [] for name in SIGNALS}
    everyone = np.arange(at.population.size)

    def look() -> Iterator[Any]:
        while True:
            for name, signal in SIGNALS.items():
                seen[name].append(np.broadcast_to(np.asarray(signal.read(at, everyone), float), everyone.shape).copy())
            yield at.env.timeout(20)

    at.env.process(look())  # type: ignore[arg-type]
    at.run()
    return seen


@cache
def observed(kind: str) -> dict[str, list[np.ndarray]]:
    return observing(kind)


@pytest.mark.parametrize("name", SIGNALS)
def test_signals_are_described(name: str) -> None:
    signal = SIGNALS[name]
    assert signal.name == name
    assert signal.low < signal.high
    assert np.isfinite([signal.low, signal.high]).all()
    assert signal.unit
    assert signal.source
    assert signal.meaning.endswith(".")
    assert SOURCE.search(signal.source)


@pytest.mark.parametrize("name", SIGNALS)
def test_signals_stay_within_their_range(name: str) -> None:
    signal = SIGNALS[name]
    for kind in KINDS:
        for shown in observed(kind)[name]:
            assert np.isfinite(shown).all()
            assert (signal.low <= shown).all()
            assert (shown <= signal.high).all()


MOVED = {
    "use": "take_rate", "losses": "take_rate", "tenure_years": "take_rate", "onboarding_months": "subscription",
    "earning": "take_rate", "orders": "unit_sale", "wait_days": "subscription", "sales_hours": "subscription",
    "activated": "subscription", "buying_season": "subscription", "references": "subscription",
    "consumers": "take_rate", "further_products": "add_on",
}  # fmt: skip
"""Signals that must not stand still, and where."""


@pytest.mark.parametrize("name", SIGNALS)
def test_signals_show_something(name: str) -> None:
    if SIGNALS[name].static or name == "channel_quality":
        shown = observed("subscription")[name]
        assert name == "price_ratio" or len(np.unique(shown[-1])) > 1
        assert not SIGNALS[name].static or all((month == shown[0]).all() for month in shown)
    elif name in MOVED:
        months = observed(MOVED[name])[name]
        assert any((month != months[0]).any() for month in months)
    else:
        assert name == "presales_hours"


def test_presales_hours_are_those_of_the_presales_desk() -> None:
    desks = study()["policy"]["desks"]
    months = observing("subscription", {
        "policy.desks": desks | {"presales": {"heads": 3, "cost_year": 0}},
        "business.route.present.desks": {"presales": "required"},
    })["presales_hours"]  # fmt: skip
    assert max(month.max() for month in months) > 0


EXTREMES: dict[str, Callable[[World], None]] = {
    "never": lambda at: None,
    "long ago": lambda at: at.env._queue.clear() or setattr(at.env, "_now", 36_525.0),  # type: ignore[func-returns-value]
    "worked for ever": lambda at: _fill(at, 36_525.0, "wait_days", "presales_hours", "desk_hours"),
    "lost ever again": lambda at: _fill(at, 1000.0, "losses", "orders"),
    "everybody": lambda at: _fill(at, True, "customer", "activated", "using", "was_customer"),
}


def _fill(at: World, value: Any, *columns: str) -> None:
    for name in columns:
        getattr(at, name)[:] = value


@pytest.mark.parametrize("extreme", EXTREMES)
@pytest.mark.parametrize("name", SIGNALS)
def test_signals_stay_within_their_range_in_extreme_states(name: str, extreme: str) -> None:
    at = World(timeline(study("take_rate")), 1, 0)
    EXTREMES[extreme](at)
    shown = np.asarray(SIGNALS[name].read(at, np.arange(at.population.size)), float)
    assert (SIGNALS[name].low <= shown).all()
    assert (shown <= SIGNALS[name].high).all()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("price_ratio", {"policy.products.main.price": 0}),
        ("price_ratio", {"policy.products.main.price": 1e9}),
        ("consumers", {"business.programmes.consumers.opening": 0, "business.programmes.consumers.attraction": 1}),
        ("consumers", {"business.programmes.consumers.churn": 1, "business.programmes.consumers.opening": 1e9,
                       "business.programmes.consumers.market": 1e9, "business.programmes.consumers.attraction": 0}),
        ("log_employees", {"market.segments.large.employees": fixed(0)}),
        ("log_employees", {"market.segments.large.employees": fixed(2_000_000)}),
        ("buying_season", {"market.buying.feb": 0.06}),
        ("earning", {"business.revenue.main.gmv_month": fixed(0)}),
        ("channel_quality", {"market.channels.fair.quality": -10}),
    ],
)  # fmt: skip
def test_signals_stay_within_their_range_under_extreme_studies(name: str, changes: Document) -> None:
    for shown in observing("take_rate", changes)[name]:
        assert (SIGNALS[name].low <= shown).all()
        assert (shown <= SIGNALS[name].high).all()


@pytest.mark.parametrize("name", SIGNALS)
def test_signals_are_pure(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same twice, nothing written, nothing drawn."""

    def drawn(*_: Any, **__: Any) -> None:
        raise AssertionError("a signal draws")

    at = world("take_rate")
    everyone = np.arange(at.population.size)
    before = snapshot(at)
    with monkeypatch.context() as patch:
        patch.setattr(Streams, "raw", drawn)
        first, again = (np.array(SIGNALS[name].read(at, everyone), float) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert snapshot(at) == before


@pytest.mark.parametrize("name", SIGNALS)
def test_signals_accept_one_account_and_many(name: str) -> None:
    at = world("take_rate")
    chosen = np.array([3, 150, 3, 0])
    many = np.broadcast_to(np.asarray(SIGNALS[name].read(at, chosen), float), chosen.shape)
    one = [float(SIGNALS[name].read(at, account)) for account in chosen.tolist()]
    assert one == many.tolist()
    assert np.asarray(SIGNALS[name].read(at, np.empty(0, int))).size in (0, 1)


@pytest.mark.parametrize("name", SIGNALS)
def test_signals_can_move_a_decision_a_duration_and_a_rate(name: str) -> None:
    moved = {
        "effects.sign": {name: effect(0.7)}, "effects.think_days": {name: effect(0.2)},
        "effects.gmv": {name: effect(0.01)}, "effects.leave": {"any name": effect(-0.1, name)},
    }  # fmt: skip
    made = run(changed(study("take_rate", accounts=60, days=150), moved))
    assert len(made.tables["decisions"]["account"]) > 50
    p = made.tables["decisions"]["probability"]
    assert ((p >= 0) & (p <= 1)).all()


def test_a_name_is_registered_once() -> None:
    from sim.signals.registry import signal

    def use() -> None:
        """Taken."""

    with pytest.raises(ValueError, match="registered twice"):
        signal(0, 1, "1", "assumption")(use)


# stops


def stops_of(kind: str) -> Iterator[tuple[str, str]]:
    """(name, kind) of the stops of a business."""
    for name, stop in study(kind)["business"]["route"].items():
        yield name, stop["kind"]


@pytest.mark.parametrize("kind", STOPS)
def test_stops_have_the_common_face(kind: str) -> None:
    item = STOPS[kind]
    assert issubclass(item, Stop)
    made = [stop for business in KINDS for name, stop in world(business).stops.items() if stop.spec.kind == kind]
    assert made
    for stop in made:
        assert type(stop).enter is not Stop.enter
        assert stop.spec is stop.world.spec.business.route[stop.name]
        assert stop.yes.stop in (None, *stop.world.stops.values())


@pytest.mark.parametrize("kind", STOPS)
def test_stops_are_passed_in_real_runs_and_let_everybody_out(kind: str) -> None:
    """Stage in = out + inside; stops that take time are logged, others are passed at once."""
    timed = kind in ("desk", "wait", "customer", "pool")
    visited = 0
    for business in KINDS:
        events = standard(business).tables["events"]
        for name, made in stops_of(business):
            if made != kind:
                continue
            entered, left = (where(events, stage=name, activity=a).sum() for a in ("queued", "finished"))
            inside = where(events, stage=name, note="open").sum()
            assert entered == left + inside
            visited += entered
    assert (visited > 0) == timed


def test_stops_that_need_nobody_leave_other_accounts_alone() -> None:
    """Every kind but the desk: what one account does changes nothing for another one."""
    document = study("take_rate", shared=False, accounts=40)
    alone = changed(document, {"market.accounts": 20})
    large, small = run(document), run(alone)
    mine = large.tables["events"]["account"] < 20
    assert rows(small.tables["events"]) == rows(large.tables["events"], mask=mine)


# revenue parts


@pytest.mark.parametrize("kind", PARTS)
def test_parts_have_the_common_face(kind: str) -> None:
    at = world(kind)
    part = at.parts["main"]
    assert isinstance(part, RevenuePart)
    assert type(part) is PARTS[kind]
    listened = part.listens()
    assert set(listened) <= set(ACTIVITIES)
    assert {part.spec.starts, "churned"} <= set(listened)
    assert part.spec is at.spec.business.revenue["main"]
    assert type(part).month is not RevenuePart.month
    assert type(part).start is not RevenuePart.start


@pytest.mark.parametrize("kind", PARTS)
def test_parts_earn_bill_and_collect(kind: str) -> None:
    made = standard(kind)
    ledger, events = made.tables["ledger"], made.tables["events"]
    credits = set(values(ledger["credit"]))
    assert credits <= set(LEDGER_ACCOUNTS)
    assert any(account.startswith("revenue_") for account in credits)
    mine = np.array([account is not None for account in values(ledger["account"]).tolist()])
    assert set(values(ledger["product"])[mine]) - {None} == {"main"}
    assert (ledger["amount"] > 0).all()
    sums = {
        a: int(values(events["amount"])[where(events, activity=a)].sum()) for a in ("invoiced", "paid", "written_off")
    }
    owed = sum(
        sign * int(ledger["amount"][where(ledger, **{side: account})].sum())
        for side, sign in (("debit", 1), ("credit", -1)) for account in ("receivable", "retention_money")
    )  # fmt: skip
    assert sums["invoiced"] - sums["paid"] - sums["written_off"] == owed
    assert sums["paid"] > 0


@pytest.mark.parametrize("kind", PARTS)
def test_parts_number_their_contracts_and_keep_to_their_account(kind: str) -> None:
    made = standard(kind)
    ledger, contracts = made.tables["ledger"], made.tables["subscriptions"]
    owner = dict(zip(contracts["contract"].tolist(), contracts["account"].tolist(), strict=True))
    assert len(owner) == len(contracts["contract"]) > 40
    for contract, account in zip(values(ledger["contract"]).tolist(), values(ledger["account"]).tolist(), strict=True):
        assert contract is None or owner[contract] == account


@pytest.mark.parametrize("kind", PARTS)
def test_parts_without_customers_do_nothing(kind: str) -> None:
    document = changed(study(kind, accounts=80, days=100), {"business.decisions.sign.base": 0, "effects.sign": {}})
    made = run(document)
    assert len(made.tables["subscriptions"]["account"]) == 0
    ledger = made.tables["ledger"]
    assert not any(str(account).startswith("revenue_") for account in values(ledger["credit"]))
    assert values(ledger["account"]).tolist() == [None] * len(ledger["amount"])


@pytest.mark.parametrize("kind", PARTS)
def test_parts_serve_at_their_share_of_cost(kind: str) -> None:
    ledger = standard(kind).tables["ledger"]
    revenue = sum(
        int(ledger["amount"][where(ledger, credit=a)].sum()) - int(ledger["amount"][where(ledger, debit=a)].sum())
        for a in LEDGER_ACCOUNTS if a.startswith("revenue_")
    )  # fmt: skip
    cost = ledger["amount"][where(ledger, debit="cost_of_sales")]
    assert cost.sum() == pytest.approx(0.2 * revenue, abs=len(cost))
    free = run(changed(study(kind), {"business.revenue.main.cost_share": 0})).tables["ledger"]
    assert not where(free, debit="cost_of_sales").any()


@pytest.mark.parametrize("kind", sorted(PARTS.keys() - {"staff_hours", "project"}))
def test_parts_of_two_names_do_not_disturb_each_other(kind: str) -> None:
    """A second part of another product leaves the first one's postings as they are (hours can be sold once)."""
    still = {"effects.reorder": {}} | ({"business.revenue.main.trust_gain": 0} if kind == "unit_sale" else {})
    document = changed(study(kind), still)
    more = document["business"]["revenue"]["main"] | {"product": "more"}
    both = changed(document, {"business.revenue.more": more, "policy.products.more": {"price": 1}})
    plain, ledger = (run(made).tables["ledger"] for made in (document, both))
    columns = ("contract", "cost_centre", "replication", "timestamp", "segment", "product")
    left, right = (rows(table, *columns, mask=where(table, product="main")) for table in (plain, ledger))
    assert left == right
    assert where(ledger, product="more").sum() > 50


# programmes


@pytest.mark.parametrize("kind", PROGRAMMES)
def test_programmes_have_the_common_face(kind: str) -> None:
    programmes = [p for business in KINDS for p in world(business).programmes.values() if p.spec.kind == kind]
    assert programmes
    for programme in programmes:
        assert type(programme) is PROGRAMMES[kind]
        assert programme.spec is programme.world.spec.business.programmes[programme.name]
        assert callable(programme.month)
        assert callable(programme.configure)


def test_consumers_follow_their_equation() -> None:
    made = standard("take_rate")
    monthly, accounts = made.tables["monthly"], world("take_rate")
    stock = values(monthly["value"])[where(monthly, metric="consumers")]
    spec = build(study("take_rate")).business.programmes["consumers"]
    assert ((stock >= 0) & (stock <= spec.market)).all()
    before = np.concatenate([[spec.opening], stock[:-1]])
    won = (stock - before * (1 - spec.churn)) / (spec.market - before)
    merchants = (won - spec.response * spec.subsidy_month) / spec.attraction
    assert merchants == pytest.approx(np.rint(merchants), abs=1e-3)
    assert 0 <= merchants.min() <= merchants.max() <= accounts.population.size
    assert merchants.max() > 20


def test_programmes_are_seen_only_through_signals() -> None:
    """Without an effect of consumers, a subsidy changes its own money and stock and nothing else."""
    document = changed(study("take_rate"), {"effects.gmv": {}})
    plain = run(document)
    generous = run(changed(document, {"business.programmes.consumers.subsidy_month": 90000}))
    for name in ("accounts", "events", "decisions", "subscriptions", "staffing"):
        assert rows(plain.tables[name]) == rows(generous.tables[name])
    assert difference(plain, generous) != ""
    gone = run(changed(document, {"business.programmes": {}}))
    assert values(gone.tables["events"]["activity"]).tolist() == values(plain.tables["events"]["activity"]).tolist()
    assert "consumers" not in set(values(gone.tables["monthly"]["metric"]))
