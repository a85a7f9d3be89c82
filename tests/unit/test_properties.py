"""What holds for every study: identities and order, over random routes, markets and policies."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.recorder import Table
from sim.simulate import Run
from tests.fixtures.studies import (
    KINDS,
    Document,
    changed,
    difference,
    effect,
    fixed,
    lognormal,
    rows,
    run,
    study,
    uniform,
    values,
    where,
)

some = settings(max_examples=25, deadline=None, derandomize=True)
most = settings(some, max_examples=40)

CHANCES = (0.0, 0.05, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
STRENGTHS = (-2.0, -0.3, 0.0, 0.4, 1.5)
SIGNALS = ("need", "fit", "use", "references", "losses", "wait_days", "tenure_years", "orders", "consumers", "earning")
BOUNDED = ("need", "use", "consumers", "earning")
"""What may move amounts of money, which know no bounds of their own."""

OFFICES = ((5, 9, 8), (7, 0, 24), (6, 8.5, 9.5), (1, 10, 2), (5, 0, 24))
STARTS = ("2024-02-27", "2025-01-01", "2025-03-15", "2025-12-20")


def length(die: Random, scale: float) -> Document:
    """A distribution of days or hours."""
    size = scale * die.choice([0.01, 0.3, 1.0, 4.0])
    return die.choice([
        fixed(size),
        {"kind": "exponential", "mean": size},
        lognormal(size, die.choice([0.0, 0.5, 1.5])),
        uniform(0, 2 * size),
        {"kind": "triangular", "low": 0, "mode": size, "high": 3 * size},
        {"kind": "weibull", "scale": size, "shape": die.choice([0.7, 2.0])},
    ])  # fmt: skip


def visits(die: Random, document: Document) -> Document:
    """Other lengths, desks, tries and ways for the stops of the route."""
    changes: Document = {}
    for name, stop in document["business"]["route"].items():
        at = f"business.route.{name}"
        if stop["kind"] == "desk":
            changes[f"{at}.work_hours"] = length(die, 6.0)
            need = die.choice(["required", "optional"])
            changes[f"{at}.desks"] = {die.choice(["inside", "field"]): need}
        elif stop["kind"] == "wait":
            changes[f"{at}.delay_days"] = length(die, 12.0)
            changes[f"{at}.working"] = die.random() < 0.5
        elif stop["kind"] == "pool":
            changes[f"{at}.cooling_days"] = uniform(5, die.choice([6, 60]))
            changes[f"{at}.tries"] = die.randrange(5)
        elif stop["kind"] == "split":
            by, names = die.choice([("segment", ("large",)), ("region", ("east", "west")), ("channel", ("fair",))])
            ways = {name: die.choice(["present", "call", "think"]) for name in names}
            changes[at] = stop | {"by": by, "to": ways}
    return changes


def detour(die: Random, document: Document) -> Document:
    """A further decision between thinking and what follows, perhaps switched off."""
    following = document["business"]["route"]["think"]["then"]
    gate = {
        "kind": "gate", "decision": "nod", "enabled": die.random() < 0.5, "emits_then": "approved",
        "emits_otherwise": "vetoed", "then": following, "otherwise": following,
    }  # fmt: skip
    return {"business.route.think.then": "nod", "business.route.nod": gate, "business.decisions.nod": {"base": 0.5}}


def numbers(die: Random, document: Document) -> Document:
    """Other chances, effects, hours, people, contacts and payments."""
    changes: Document = {
        f"business.decisions.{name}": spec | {"base": die.choice(CHANCES), "frailty": die.choice([0.0, 1.0])}
        for name, spec in document["business"]["decisions"].items()
    }
    targets = dict.fromkeys(("qualify", "sign", "renew", "leave", "think_days", "call_hours"), SIGNALS)
    targets |= dict.fromkeys(("gmv", "consumption"), BOUNDED)
    changes["effects"] = {
        name: {signal: effect(die.choice(STRENGTHS)) for signal in die.sample(signals, 2)}
        for name, signals in targets.items()
    }
    workdays, open_hour, hours = die.choice(OFFICES)
    changes["policy.calendar"] = {"workdays": workdays, "open_hour": open_hour, "hours": hours}
    for desk in ("inside", "field"):
        changes[f"policy.desks.{desk}.heads"] = die.choice([0, 1, 2, 7])
    changes["market.channels.search.rate_month"] = die.choice([0.0, 0.5, 2.0])
    changes["market.payment.bad_debt"] = die.choice([0.0, 0.3])
    changes["market.payment.due_days"] = die.choice([0, 20])
    return changes


def document_of(seed: int) -> Document:
    """A valid study that may be anything but large."""
    die = Random(seed)
    document = study(
        die.choice(KINDS), accounts=die.choice([1, 20, 60, 90]), days=die.choice([40.0, 130.5, 181.0, 240.0]),
        start=die.choice(STARTS),
    )  # fmt: skip
    changes = visits(die, document) | numbers(die, document)
    if die.random() < 0.5:
        changes |= detour(die, document)
    if document["business"]["name"] == "unit_sale":
        changes["business.revenue.main.trust_gain"] = 0.0
    return changed(document, changes)


seeds = st.integers(0, 10**9)
documents = seeds.map(document_of)


def events_of(made: Run) -> list[tuple[Any, ...]]:
    """(account, activity, stage, time, note) of all events."""
    table = made.tables["events"]
    names = ("account", "activity", "stage", "time", "note")
    return list(zip(*(values(table[name]).tolist() for name in names), strict=True))


@most
@given(document=documents)
def test_funnel_stops_customers_and_times(document: Document) -> None:
    """Identities of the log, all on one run."""
    made = run(document)
    found = events_of(made)
    _times(made)
    _funnel(made, found)
    _stops(found)
    _customers(made, found)
    _capacity(made)


def _times(made: Run) -> None:
    """Times never go back, over all and so for every account; nothing lies beyond the horizon."""
    for name in ("events", "decisions", "ledger"):
        time = made.tables[name]["time"]
        assert (np.diff(time) >= 0).all()
        assert (time * 2**20 == np.rint(time * 2**20)).all()
    accounts = made.tables["accounts"]
    steps = [accounts[c] for c in ("touched_at", "registered_at", "qualified_at", "opened_at", "signed_at")]
    for earlier, later in ((steps[0], step) for step in steps[1:]):
        assert not (np.isnat(earlier) & ~np.isnat(later)).any()
        assert not (later < earlier).any()


def _funnel(made: Run, found: list[tuple[Any, ...]]) -> None:
    """Leads = won + lost + open, in every journey that opened an opportunity."""
    table = made.tables["opportunities"]
    outcome = Counter(zip(table["account"].tolist(), values(table["outcome"]).tolist(), strict=True))
    opened, signed, lost = (
        Counter(account for account, what, *_ in found if what == activity) for activity in ("opened", "signed", "lost")
    )
    for account in range(len(made.tables["accounts"]["account"])):
        won, gone, still = (outcome[account, name] for name in ("won", "lost", "open"))
        assert opened[account] == won + gone + still
        assert (won, gone) == (signed[account], lost[account])
        assert still <= 1


def _stops(found: list[tuple[Any, ...]]) -> None:
    """Stage in = out + inside, for every stop; an account is in one place."""
    inside: Counter[tuple[int, str]] = Counter()
    opened: Counter[tuple[int, str]] = Counter()
    for account, activity, stage, _, note in found:
        inside[account, stage] += (activity == "queued") - (activity == "finished")
        opened[account, stage] += note == "open"
        assert inside[account, stage] in (0, 1)
    assert +inside == +opened
    assert max(Counter(account for account, _ in +inside).values(), default=1) == 1


def _customers(made: Run, found: list[tuple[Any, ...]]) -> None:
    """The customer flag is what was signed minus what churned."""
    flag = dict.fromkeys(range(len(made.tables["accounts"]["account"])), False)
    for account, activity, *_ in found:
        if activity in ("signed", "churned"):
            flag[account] = activity == "signed"
    assert made.tables["accounts"]["customer"].tolist() == list(flag.values())


def _capacity(made: Run) -> None:
    """Nobody works more than the hours on offer."""
    staffing = made.tables["staffing"]
    assert (staffing["busy_hours"] <= staffing["capacity_hours"] + 1e-6).all()
    assert (staffing["busy_hours"] >= -1e-9).all()
    assert (staffing["queue_mean"] >= -1e-9).all()


def _balance(ledger: Table, accounts: tuple[str, ...]) -> Counter[int]:
    """Debits minus credits by company."""
    sums: Counter[int] = Counter()
    for side, sign in (("debit", 1), ("credit", -1)):
        for account in accounts:
            mine = where(ledger, **{side: account})
            for company, amount in zip(
                values(ledger["account"])[mine].tolist(), ledger["amount"][mine].tolist(), strict=True
            ):
                sums[company] += sign * amount
    return sums


@most
@given(document=documents)
def test_the_books(document: Document) -> None:
    """Postings are positive and balance; billed - collected - given up = receivable, company by company."""
    made = run(document)
    ledger, events = made.tables["ledger"], made.tables["events"]
    assert (ledger["amount"] > 0).all()
    assert (values(ledger["debit"]) != values(ledger["credit"])).all()
    owed: Counter[int] = Counter()
    for activity, sign in (("invoiced", 1), ("paid", -1), ("written_off", -1)):
        mine = where(events, activity=activity)
        for company, amount in zip(
            events["account"][mine].tolist(), values(events["amount"])[mine].tolist(), strict=True
        ):
            owed[company] += sign * amount
            assert amount > 0
            assert owed[company] >= 0
    books = _balance(ledger, ("receivable", "retention_money"))
    assert {k: v for k, v in books.items() if v} == {k: v for k, v in owed.items() if v}
    for account in ("deferred_revenue", "unbilled"):
        sign = -1 if account == "deferred_revenue" else 1
        assert all(sign * amount >= -1 for amount in _unexplained(ledger, account).values())
    _terms(made)


def _unexplained(ledger: Table, account: str) -> Counter[int]:
    """Balances by company, those with an invoice still to be issued at the close left out."""
    last = ledger["time"].max(initial=0.0)
    recent = {
        c for c, t in zip(values(ledger["account"]).tolist(), ledger["time"].tolist(), strict=True) if t > last - 1.0
    }
    balance = _balance(ledger, (account,))
    return Counter({company: amount for company, amount in balance.items() if company not in recent})


def _terms(made: Run) -> None:
    """Contracts follow one another, none ends before it begins."""
    table = made.tables["subscriptions"]
    assert not (table["end"] < table["start"]).any()
    assert not (table["ended"] < table["start"]).any()
    running = np.isnat(table["ended"])
    pairs = zip(table["account"][running].tolist(), values(table["product"])[running].tolist(), strict=True)
    assert max(Counter(pairs).values(), default=1) == 1
    assert set(values(table["outcome"])[running]) <= {"open"}


@some
@given(document=documents, seed=st.integers(0, 2**128 - 1), replication=st.integers(0, 2**31 - 1))
def test_an_unchanged_study_is_identical(document: Document, seed: int, replication: int) -> None:
    one, again = (run(document, seed=seed, replication=replication) for _ in range(2))
    assert difference(one, again) == ""


@some
@given(document=documents, part=st.floats(0.05, 0.95))
def test_a_shorter_horizon_is_the_beginning_of_a_longer_one(document: Document, part: float) -> None:
    days = round(document["horizon"]["days"] * part * 64) / 64
    short, long = run(changed(document, {"horizon.days": days})), run(document)
    for name in ("events", "decisions", "ledger"):
        table = long.tables[name]
        assert rows(short.tables[name], "note") == rows(table, "note", mask=table["time"] < days), name
    months = short.tables["monthly"]["ds"]
    assert rows(short.tables["monthly"]) == rows(long.tables["monthly"])[: len(months)]


@some
@given(document=documents, signal=st.sampled_from(SIGNALS))
def test_zero_strength_is_absence_whatever_else_there_is(document: Document, signal: str) -> None:
    absent = {target: {k: v for k, v in terms.items() if k != signal} for target, terms in document["effects"].items()}
    zero = {target: terms | {signal: effect(0.0)} for target, terms in absent.items()}
    left, right = (run(changed(document, {"effects": effects})) for effects in (absent, zero))
    assert difference(left, right) == ""


@some
@given(document=documents, base=st.sampled_from(CHANCES))
def test_decisions_obey_their_uniforms(document: Document, base: float) -> None:
    """A decision met again with the same chance has the same outcome; a higher chance never turns it down."""
    other = changed(document, {"business.decisions.sign.base": base})
    left, right = (_decided(run(d)) for d in (document, other))
    for key in left.keys() & right.keys():
        (p, u, yes), (q, v, still) = left[key], right[key]
        assert yes == (u < p)
        if key[1] not in ("renew", "leave"):
            assert u == v
            assert (q >= p) <= (still >= yes)


def _decided(made: Run) -> dict[tuple[Any, ...], tuple[float, float, bool]]:
    table = made.tables["decisions"]
    keys = list(zip(table["account"].tolist(), values(table["decision"]), table["occurrence"].tolist(), strict=True))
    assert len(set(keys)) == len(keys)
    drawn = zip(*(table[c].tolist() for c in ("probability", "uniform", "outcome")), strict=True)
    return dict(zip(keys, drawn, strict=True))


@some
@given(document=documents, order=seeds)
def test_order_of_the_configuration_changes_nothing(document: Document, order: int) -> None:
    assert difference(run(document), run(_shuffled(document, Random(order)))) == ""


def _shuffled(node: Any, order: Random, path: str = "") -> Any:
    """All mappings in another order; of revenue parts and stops' desks the first one has a meaning."""
    if not isinstance(node, dict):
        return node
    names = list(node)
    if not path.endswith((".revenue", ".desks", ".programmes")):
        order.shuffle(names)
    return {name: _shuffled(node[name], order, f"{path}.{name}") for name in names}
