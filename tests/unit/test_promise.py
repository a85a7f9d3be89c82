"""Every customer keeps its fate: what a change does not reach stays as it is, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.recorder import Table
from sim.simulate import Run
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
    values,
    where,
)

ALONE = tuple(kind for kind in KINDS if kind not in ("staff_hours", "project"))
"""Businesses that can do without desks."""


SOME = ("subscription", "take_rate", "staff_hours")
"""Contracts by term, by month and by project."""


def decided(made: Run, *names: str) -> dict[tuple[Any, ...], tuple[float, float, bool]]:
    """(probability, uniform, outcome) by (account, decision, occurrence)."""
    table = made.tables["decisions"]
    keys = zip(table["account"].tolist(), values(table["decision"]), table["occurrence"].tolist(), strict=True)
    drawn = zip(*(table[c].tolist() for c in ("probability", "uniform", "outcome")), strict=True)
    found = dict(zip(keys, drawn, strict=True))
    return {key: value for key, value in found.items() if not names or key[1] in names}


def reversed_mappings(document: Document, *paths: str) -> Document:
    """The same document with the entries of some mappings in reverse order."""
    for path in paths:
        node = document
        for name in path.split("."):
            node = node[name]
        document = changed(document, {path: dict(reversed(node.items()))})
    return document


@pytest.mark.parametrize("kind", KINDS)
def test_an_unchanged_study_gives_identical_tables(kind: str) -> None:
    again = run(study(kind))
    assert difference(standard(kind), again) == ""
    assert again.steps == standard(kind).steps
    for name, table in again.tables.items():
        for column, value in table.items():
            other = standard(kind).tables[name][column]
            if isinstance(value, np.ndarray) and value.dtype != object:
                assert value.tobytes() == other.tobytes(), (name, column)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dated_change_to_what_holds_already_changes_nothing(kind: str) -> None:
    document = study(kind)
    assert difference(standard(kind), run(document, (100, document), (200.5, document))) == ""


@pytest.mark.parametrize("kind", SOME)
def test_a_change_on_a_date_changes_nothing_before_it(kind: str) -> None:
    document = study(kind)
    later = changed(document, {
        "policy.desks.inside.heads": 1, "policy.desks.field.heads": 9, "business.decisions.sign.base": 0.9,
        "policy.channels.search.spend_month": 9000, "market.payment.bad_debt": 0.5,
    })  # fmt: skip
    made = run(document, (150, later))
    assert before(standard(kind), 150) == before(made, 150)
    assert difference(standard(kind), made) != ""


@pytest.mark.parametrize("kind", SOME)
def test_seeds_and_replications_differ(kind: str) -> None:
    assert difference(standard(kind), run(study(kind), seed=2)) != ""
    assert difference(standard(kind), run(study(kind), replication=1), without=("replication",)) != ""


def test_labels_change_nothing() -> None:
    document = study("take_rate")
    named = changed(document, {
        "market.label": "市场", "policy.label": "策略", "business.label": "平台",
        "market.segments.small.label": "小", "market.channels.fair.label": "展会", "policy.desks.inside.label": "内勤",
        "business.route.call.label": "电话", "policy.products.main.label": "主", "market.name": "other",
        "business.name": "other", "policy.name": "other",
    })  # fmt: skip
    assert difference(standard("take_rate"), run(named)) == ""


UNORDERED = {
    "effects": ("effects", "effects.sign", "effects.leave", "effects.gmv"),
    "groups": ("market.segments", "market.industries", "market.regions"),
    "channels": ("market.channels", "policy.channels"),
    "calendar": ("market.season", "market.weekday", "market.buying", "policy.calendar.holidays"),
    "desks": ("policy.desks",),
    "products": ("policy.products", "market.reference_price"),
    "decisions": ("business.decisions",),
    "route": ("business.route",),
}
"""Mappings whose order means nothing."""


@pytest.mark.parametrize("what", UNORDERED)
def test_order_of_entries_changes_nothing(what: str) -> None:
    turned = run(reversed_mappings(study("take_rate"), *UNORDERED[what]))
    assert difference(standard("take_rate"), turned) == ""


def test_order_of_all_entries_at_once_changes_nothing() -> None:
    paths = (path for what in UNORDERED.values() for path in what)
    assert difference(standard("subscription"), run(reversed_mappings(study("subscription"), *paths))) == ""


@pytest.mark.parametrize("kind", SOME)
def test_zero_strength_is_absence(kind: str) -> None:
    document = study(kind)
    present = {
        f"effects.{target}": document["effects"].get(target, {}) | {signal: effect(0)}
        for target, signal in (
            ("sign", "presales_hours"), ("qualify", "references"), ("think_days", "fit"), ("leave", "need"),
            ("gmv", "tenure_years"), ("call_hours", "wait_days"), ("answer", "use"),
        )
    }  # fmt: skip
    assert difference(standard(kind), run(changed(document, present))) == ""


def test_zero_frailty_is_absence() -> None:
    document = changed(study(), {"business.decisions.come_back": {"base": 0.3, "frailty": 0.0}})
    assert difference(standard("subscription"), run(document)) == ""


@pytest.mark.parametrize("kind", ["subscription", "take_rate"])
def test_a_channel_without_budget_is_no_channel(kind: str) -> None:
    document = study(kind)
    broke = changed(document, {"policy.channels.search.spend_month": 0})
    gone = changed(document, {"policy.channels.search": None, "market.channels.search": None})
    unlisted = changed(document, {"policy.channels.search": None})
    made = run(broke)
    assert difference(made, run(gone)) == ""
    assert difference(made, run(unlisted)) == ""
    assert "search" not in set(values(made.tables["events"]["channel"]))


def test_a_channel_without_rate_is_no_channel() -> None:
    document = changed(study(), {"policy.channels.fair.spend_month": 0})
    none = changed(document, {"market.channels.fair.rate_month": 0})
    gone = changed(document, {"market.channels.fair": None, "policy.channels.fair": None})
    assert difference(run(none), run(gone)) == ""


def before(made: Run, day: float) -> dict[str, list[tuple[Any, ...]]]:
    """What is over by a day: events, decisions, postings and months, without the marks of open visits."""
    tables = made.tables
    found = {}
    for name in ("events", "decisions", "ledger"):
        table = tables[name]
        found[name] = rows(table, "note", mask=table["time"] < day)
        if name == "events":
            notes = values(table["note"])[table["time"] < day]
            found["notes"] = [(None if note == "open" else note,) for note in notes]
    start = np.datetime64(made_start(made), "D")
    ended = (tables["monthly"]["ds"].astype("datetime64[D]") - start).astype(int) < day
    found["monthly"] = rows(tables["monthly"], mask=ended)
    return found


def made_start(made: Run) -> str:
    """The first day of a run, from its events."""
    events = made.tables["events"]
    return str((events["timestamp"][0] - np.timedelta64(round(events["time"][0] * 86_400e6), "us")).astype("M8[D]"))


@pytest.mark.parametrize("days", [120.5, 351])
@pytest.mark.parametrize("kind", KINDS)
def test_a_shorter_horizon_is_the_beginning_of_a_longer_one(kind: str, days: float) -> None:
    short = run(study(kind, days=days))
    cut = before(standard(kind), days)
    assert before(short, days) == cut
    assert all(len(short.tables[name]["time"]) == len(cut[name]) for name in ("events", "decisions", "ledger"))
    assert len(short.tables["monthly"]["ds"]) == len(cut["monthly"])


def first(table: Table, accounts: int, *without: str) -> list[tuple[Any, ...]]:
    """Rows of the first accounts."""
    return rows(table, *without, mask=np.ma.filled(values(table["account"]) < accounts, False))


def in_order(found: list[tuple[Any, ...]]) -> list[str]:
    """Rows in canonical order: postings of one close follow the order in which accounts asked for them."""
    return sorted(map(str, found))


@pytest.mark.parametrize("kind", ALONE)
def test_accounts_that_share_nothing_live_alike_in_a_larger_population(kind: str) -> None:
    small, large = standard(kind, shared=False), run(study(kind, shared=False, accounts=500))
    for name in ("accounts", "opportunities", "decisions", "events"):
        assert rows(small.tables[name]) == first(large.tables[name], 200), name
    for name in ("subscriptions", "ledger"):
        table = small.tables[name]
        own = np.ma.filled(values(table["account"]) >= 0, False)
        assert in_order(rows(table, mask=own)) == in_order(first(large.tables[name], 200)), name


@pytest.mark.parametrize("kind", ALONE)
def test_what_one_segment_is_offered_does_not_reach_the_other(kind: str) -> None:
    document = study(kind, shared=False)
    other = run(changed(document, {
        "business.decisions.sign.base": {"small": 0.9, "large": 0.4},
        "policy.products.main.price": {"small": 700, "large": 1200},
    }))  # fmt: skip
    plain = standard(kind, shared=False)
    large = np.flatnonzero(where(plain.tables["accounts"], segment="large"))
    for name in ("accounts", "opportunities", "decisions", "events", "subscriptions", "ledger"):
        left, right = (
            rows(made.tables[name], mask=np.isin(np.asarray(values(made.tables[name]["account"])), large))
            for made in (plain, other)
        )
        assert left == right, name
    assert difference(plain, other) != ""


def test_a_head_more_changes_nothing_where_nobody_waits() -> None:
    document = changed(study(), {"policy.desks.inside.heads": 300, "policy.desks.field.heads": 300})
    more = changed(document, {"policy.desks.inside.heads": 301, "policy.desks.field.heads": 340})
    one, other = run(document), run(more)
    for name in ("accounts", "opportunities", "subscriptions", "events", "decisions", "monthly"):
        assert rows(one.tables[name]) == rows(other.tables[name]), name
    left, right = (rows(made.tables["staffing"], "heads", "capacity_hours") for made in (one, other))
    assert left == right
    left, right = (rows(m.tables["ledger"], mask=~where(m.tables["ledger"], memo="payroll")) for m in (one, other))
    assert left == right


def with_more(changes: Document, *names: str, shared: bool = False) -> tuple[Any, Any]:
    document = study("subscription", shared=shared)
    return decided(standard("subscription", shared), *names), decided(run(changed(document, changes)), *names)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"business.decisions.sign.base": {"small": 0.55, "large": 0.5}}, "sign"),
        ({"policy.products.main.price": 900}, "sign"),
        ({"effects.sign.need": effect(0.5), "effects.sign.buying_season": effect(0.2)}, "sign"),
        ({"business.decisions.answer.base": 0.9}, "answer"),
        ({"market.channels.fair.quality": 1.0}, "qualify"),
        ({"business.usage.mean": 0.9}, "renew"),
    ],
)
def test_more_of_a_favourable_term_never_makes_its_decision_worse(changes: Document, name: str) -> None:
    """The same account at the same occurrence: a higher chance never turns a yes into a no."""
    plain, better = with_more(changes, name)
    common = plain.keys() & better.keys()
    assert len(common) > 50
    gained = 0
    for key in common:
        (p, u, yes), (q, v, still) = plain[key], better[key]
        if name != "renew":
            assert u == v
        if q >= p and u == v:
            assert still or not yes
            gained += still and not yes
        elif q <= p and u == v:
            assert yes or not still
    assert gained > 0 or name in ("answer", "renew")


def test_a_decision_with_the_same_inputs_has_the_same_outcome() -> None:
    """Also where desks are shared and everything else moves."""
    plain = decided(standard("subscription"))
    other = decided(run(changed(study(), {"policy.desks.inside.heads": 1, "policy.channels.fair.spend_month": 0})))
    common = plain.keys() & other.keys()
    assert len(common) > 500
    for key in common:
        assert plain[key][1] == other[key][1] or key[1] in ("renew", "leave")
        if plain[key][:2] == other[key][:2]:
            assert plain[key][2] == other[key][2]
    assert any(plain[key] != other[key] for key in common)


def test_more_spend_means_earlier_contacts_never_others() -> None:
    document = changed(study(), {"market.channels.friends": None})
    plain, more = (
        touches(run(changed(document, {"policy.channels.search.spend_month": spend}))) for spend in (600, 1800)
    )
    assert plain.keys() < more.keys()
    assert all(more[key] <= plain[key] for key in plain)
    assert all(more[key] == plain[key] for key in plain if key[1] == "fair")
    assert any(more[key] < plain[key] for key in plain)


def touches(made: Run) -> dict[tuple[int, str], float]:
    events = made.tables["events"]
    touched = where(events, activity="touched")
    keys = zip(events["account"][touched].tolist(), values(events["channel"])[touched], strict=True)
    return dict(zip(keys, events["time"][touched].tolist(), strict=True))


def payments(made: Run, memo: str) -> dict[tuple[int, float], float]:
    """Delay from invoice to payment by (account, time of the invoice)."""
    events = made.tables["events"]
    mine = where(events, note=memo)
    waiting: dict[int, list[float]] = {}
    delays: dict[tuple[int, float], float] = {}
    columns = (values(events[c])[mine].tolist() for c in ("account", "activity", "time"))
    for account, activity, time in zip(*columns, strict=True):
        if activity == "invoiced":
            waiting.setdefault(account, []).append(time)
        elif activity == "paid" and len(waiting[account]) == 1:
            begun = waiting[account].pop()
            delays[account, begun] = time - begun
    return delays


@pytest.mark.parametrize(
    ("kind", "changes", "memo"),
    [
        ("unit_sale", {"business.revenue.main.deposit": 0.0}, "balance"),
        ("unit_sale", {"business.revenue.main.deposit": 0.0, "business.revenue.main.retention": 0.0}, "balance"),
        ("unit_sale", {"business.revenue.main.retention": 0.0}, "deposit"),
        ("take_rate", {"business.revenue.main.rate": 0.0}, "adverts"),
        ("staff_hours", {"business.revenue.main.prepaid": 0.0}, "project balance"),
    ],
)
def test_payments_do_not_depend_on_what_else_is_invoiced(kind: str, changes: Document, memo: str) -> None:
    plain, other = payments(standard(kind), memo), payments(run(changed(study(kind), changes)), memo)
    assert len(plain) > 30
    common = plain.keys() & other.keys()
    assert len(common) > 0.9 * len(plain)
    assert {key: plain[key] for key in common} == {key: other[key] for key in common}


MONEY: dict[str, tuple[str, ...]] = {
    "subscription": ("business.revenue.main.price_year",),
    "take_rate": ("business.revenue.main.gmv_month.median", "business.programmes.consumers.subsidy_month"),
    "unit_sale": ("business.revenue.main.unit_price",),
    "staff_hours": ("business.revenue.main.rate_hour",),
    "outcome_share": ("business.revenue.main.customer_sales_month.median", "business.revenue.main.base_year"),
    "consumption": ("business.revenue.main.use_month.median",),
    "add_on": ("business.revenue.main.price_year",),
    "project": ("business.revenue.main.fee.small", "business.revenue.main.fee.large"),
}
"""Money of the businesses, besides that of every market and policy."""

COMMON_MONEY = (
    "market.channels.search.reference_spend", "market.reference_price.main", "policy.desks.inside.cost_year",
    "policy.desks.field.cost_year", "policy.channels.search.spend_month", "policy.channels.fair.spend_month",
    "policy.products.main.price", "policy.finance.opening_cash", "policy.finance.fixed_month",
)  # fmt: skip


def scaled(document: Document, k: int, kind: str) -> Document:
    """All inputs in money times k; strengths per unit of money divided by it."""
    changes: Document = {}
    for path in COMMON_MONEY + MONEY[kind]:
        node: Any = document
        for name in path.split("."):
            node = node[name]
        changes[path] = node * k
    if kind == "take_rate":
        changes["business.programmes.consumers.response"] = 1e-6 / k
    return changed(document, changes)


@pytest.mark.parametrize("kind", KINDS)
def test_scaling_all_money_scales_the_books(kind: str) -> None:
    """By 4: a power of two leaves every ratio as it is; amounts agree to the rounding of a cent."""
    plain, quadruple = standard(kind).tables, run(scaled(study(kind), 4, kind)).tables
    for name in ("accounts", "decisions"):
        assert rows(plain[name]) == rows(quadruple[name])
    left, right = plain["ledger"], quadruple["ledger"]
    alike = ("time", "account", "contract", "product", "debit", "credit", "memo", "cost_centre")
    dropped = tuple(column for column in left if column not in alike)
    assert rows(left, *dropped) == rows(right, *dropped)
    off = np.abs(right["amount"] - 4 * left["amount"])
    assert off.max() <= 16
    whole = np.isin(values(left["memo"]), ["opening capital", "channel", "fixed costs", "payroll", "subsidy"])
    assert whole.sum() > 30
    assert off[whole].max() == 0


def test_scaling_all_money_is_exact_where_nothing_is_rounded() -> None:
    document = changed(study("unit_sale"), {
        "business.revenue.main.deposit": 0.25, "business.revenue.main.retention": 0.25,
        "business.revenue.main.cost_share": 0.5, "policy.finance.commission": 0.5,
    })  # fmt: skip
    left, right = (run(d).tables["ledger"] for d in (document, scaled(document, 4, "unit_sale")))
    assert (4 * left["amount"]).tolist() == right["amount"].tolist()


def test_a_fixed_stretch_off_the_grid_is_put_on_it() -> None:
    document = changed(study(), {
        "business.route.think.delay_days": fixed(0.1), "business.route.think.working": False,
        "business.route.pool.cooling_days": fixed(7.3), "policy.calendar": {"workdays": 7, "open_hour": 0, "hours": 24},
        "business.route.call.work_hours": fixed(1.7),
    })  # fmt: skip
    for table in (run(document).tables[name] for name in ("events", "decisions", "ledger")):
        assert (table["time"] * 2**20 == np.rint(table["time"] * 2**20)).all()
        assert (np.diff(table["time"]) >= 0).all()


def test_specifications_are_not_written_to() -> None:
    document = study("take_rate")
    spec, again = build(document), build(document)
    run(document)
    from sim.simulate import simulate
    from sim.spec import Timeline

    simulate(Timeline(spec=spec), 1, 0)
    assert spec == again


def test_order_of_replications_is_irrelevant() -> None:
    document = study(accounts=60, days=120)
    forward = [run(document, replication=r) for r in (0, 1, 2)]
    backward = [run(document, replication=r) for r in (2, 1, 0)][::-1]
    assert [difference(a, b) for a, b in zip(forward, backward, strict=True)] == ["", "", ""]
