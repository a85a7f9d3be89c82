"""Further products: their terms, the work on them, their end, their prices, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.identities import check
from analysis.metrics import compute
from analysis.metrics.context import Context
from analysis.tables import Tables
from scenarios import compose
from scenarios.runs.replicate import arrow_tables, metrics_context
from scenarios.studies.product_checks import PRODUCT_CHECKS
from sim.prices import price_ratios
from sim.simulate import Run, simulate
from sim.world import World
from tests.fixtures.studies import (
    Document,
    build,
    changed,
    effect,
    fixed,
    records,
    run,
    study,
    timeline,
    values,
    where,
)

WAY: Document = {
    "look": {"kind": "wait", "delay_days": fixed(8), "decision": "accept", "then": "end", "emits_then": "cross_sold"},
}
DECISIONS: Document = {
    "want": {"base": 0.15, "occurrence": "period"}, "accept": {"base": 0.7},
    "keep": {"base": 0.7, "occurrence": "period"},
}  # fmt: skip


def two(**part: Any) -> Document:
    """A subscription by the quarter, and an add-on to it."""
    add_on = {
        "kind": "add_on", "product": "more", "cost_share": 0.1, "interest": "want", "way": "look", "keep": "keep",
        "units": fixed(0.5), "per_unit_of": "main", "price_year": 600, "term_months": 3, "grace_days": 60,
    }  # fmt: skip
    document = study("subscription")
    return changed(document, {
        "business.route": document["business"]["route"] | WAY,
        "business.decisions": document["business"]["decisions"] | DECISIONS,
        "business.revenue.more": add_on | part,
        "policy.products.more": {"price": 600},
    })  # fmt: skip


def terms(document: Document, product: str) -> list[dict[str, Any]]:
    """Contracts of a product, as mappings."""
    table = run(document).tables["subscriptions"]
    names = ("account", "start", "end", "ended", "amount", "mrr", "outcome")
    mine = where(table, product=product)
    return [dict(zip(names, row, strict=True)) for row, own in zip(records(table, *names), mine, strict=True) if own]


def test_a_co_termed_contract_ends_with_the_main_one_and_is_paid_for_the_rest() -> None:
    found, main = terms(two(), "more"), terms(two(), "main")
    ends = {(row["account"], row["end"]) for row in main}
    assert len(found) > 60
    for row in found:
        assert (row["account"], row["end"]) in ends
        months = (row["end"] - row["start"]).total_seconds() / 86400 / 30.4375
        if row["outcome"] != "renewed" and months < 2.9:
            assert row["amount"] == pytest.approx(row["mrr"] * months, abs=2)
    assert {row["outcome"] for row in found} >= {"renewed", "churned", "open"}


def test_a_contract_of_its_own_runs_its_own_term() -> None:
    found = terms(two(co_termed=False), "more")
    assert len(found) > 50
    for row in found:
        assert (row["end"] - row["start"]).total_seconds() == pytest.approx(3 * 30.4375 * 86400, abs=1)
        assert row["amount"] == pytest.approx(3 * row["mrr"], abs=2)
        if row["outcome"] == "renewed":
            assert row["ended"] == row["end"]


def test_units_follow_the_main_product_at_every_renewal() -> None:
    made = run(two(keep=None, units=fixed(1.0)))
    table, events = made.tables["subscriptions"], made.tables["events"]
    sold = where(events, activity="cross_sold")
    assert sold.sum() > 20
    mrr: dict[tuple[int, str], dict[int, int]] = {}
    for account, product, start, value in records(table, "account", "product", "start", "mrr"):
        mrr.setdefault((account, product), {})[start] = value
    common = [
        (value, mrr[account, "more"][start])
        for (account, product), rows in mrr.items() if product == "main"
        for start, value in rows.items() if start in mrr.get((account, "more"), {})
    ]  # fmt: skip
    assert len(common) > 20
    assert all(more == pytest.approx(value / 2, abs=1) for value, more in common)


def test_nobody_has_it_who_is_no_customer() -> None:
    made = run(two())
    events = made.tables["events"]
    for account in set(events["account"][where(events, activity="churned")].tolist()):
        own = events["account"] == account
        customer = False
        for activity in values(events["activity"])[own & ~where(events, activity="invoiced")]:
            customer = activity == "signed" or (customer and activity != "churned")
            assert activity not in ("cross_sold", "dropped") or customer
    table = made.tables["subscriptions"]
    running = np.isnat(table["ended"])
    assert made.tables["accounts"]["customer"][table["account"][running]].all()


def test_who_is_gone_is_worked_for_no_longer() -> None:
    """At a desk that is overrun: who leaves is taken out of the queue, and nobody begins to work for it."""
    desk = {"kind": "desk", "desks": {"late": "required"}, "work_hours": fixed(60), "then": "look"}
    document = two(way="show")
    document = changed(document, {
        "business.route": document["business"]["route"] | {"show": desk},
        "policy.desks": document["policy"]["desks"] | {"late": {"heads": 1, "cost_year": 0}},
        "business.decisions.renew.base": 0.4,
    })  # fmt: skip
    made = run(document)
    events = made.tables["events"]
    assert (where(events, activity="finished", note="show") & where(events, owner=None)).sum() > 3
    customer = np.zeros(200, bool)
    for account, activity, resource in records(events, "account", "activity", "resource"):
        if activity in ("signed", "churned"):
            customer[account] = activity == "signed"
        assert customer[account] or (activity, resource) != ("started", "late")
    staffing = made.tables["staffing"]
    late = where(staffing, desk="late")
    assert 0 < staffing["busy_hours"][late].sum() <= staffing["capacity_hours"][late].sum()
    assert where(events, activity="started", resource="late").sum() == staffing["started"][late].sum()
    check_of(made, document)


def context(document: Document) -> Context:
    """What belongs to a study."""
    horizon = document["horizon"]
    return Context(
        start=horizon["start"], days=horizon["days"], accounts=200, milestones=document["business"]["milestones"]
    )


def check_of(made: Run, document: Document) -> None:
    """All identities of a run hold."""
    found = check(Tables(arrow_tables(made.tables)), context(document))
    assert "product_bridge" in set(found["identity"])
    assert found.loc[~found["holds"], "identity"].tolist() == []


@pytest.mark.parametrize("part", [{}, {"co_termed": False, "keep": None}, {"way": None, "grace_days": 0}])
def test_identities_hold(part: Document) -> None:
    check_of(run(two(**part)), two(**part))


def test_a_project_is_earned_as_it_is_worked_and_paid_as_agreed() -> None:
    document = study("project")
    made = run(document)
    table, ledger, events = made.tables["subscriptions"], made.tables["ledger"], made.tables["events"]
    done = where(table, outcome="completed")
    earned = dict.fromkeys(table["contract"].tolist(), 0)
    for contract, amount in zip(
        values(ledger["contract"])[where(ledger, credit="revenue_project")],
        ledger["amount"][where(ledger, credit="revenue_project")], strict=True,
    ):  # fmt: skip
        earned[int(contract)] += int(amount)
    assert done.sum() > 40
    for contract, amount, over in zip(table["contract"], values(table["amount"]), done, strict=True):
        assert earned[int(contract)] == amount if over else earned[int(contract)] < amount
    work = where(events, activity="finished", note="teach")
    assert work.sum() == done.sum()
    assert set(values(events["resource"])[work]) == {"field"}
    assert len(set(table["account"][done].tolist())) < done.sum() + 1


def test_decisions_see_the_price_of_what_they_are_about() -> None:
    document = changed(two(bundle="pack", bundle_discount=0.25), {
        "business.decisions.pack": {"base": 0.3}, "market.reference_price": {"main": 1000, "more": 500},
    })  # fmt: skip
    found = price_ratios(build(document), ("small", "large"))
    assert found["want"] == pytest.approx([np.log(600 / 500)] * 2)
    assert found["pack"] == pytest.approx([np.log(450 / 500)] * 2)
    assert found["accept"] == pytest.approx(found["look_days"])
    assert "sign" not in found
    plain, moved = (
        run(changed(document, {"effects.accept": terms_, "effects.sign": {"price_ratio": effect(-1)}}))
        for terms_ in ({}, {"price_ratio": effect(-2)})
    )
    for made, p in ((plain, 0.7), (moved, 0.7)):
        table = made.tables["decisions"]
        seen = table["probability"][where(table, decision="accept")]
        odds = p / (1 - p) * (1.0 if made is plain else (600 / 500) ** -2)
        assert len(seen) > 20
        assert seen == pytest.approx(odds / (1 + odds), abs=1e-6)


def test_nothing_is_offered_while_it_is_switched_off() -> None:
    off = run(two(enabled=False))
    assert not where(off.tables["events"], activity="cross_sold").any()
    later = changed(two(enabled=False), {"business.revenue.more.enabled": True})
    made = timeline(two(enabled=False), (200.0, later))
    world = World(made, 1, 0)
    world.run()
    days = np.array([row.start for row in world.contracts.rows if row.product == world.product_code("more")])
    assert days.min() > 200
    assert len(days) > 10


def test_who_left_the_market_as_a_customer_is_offered_nothing() -> None:
    """A customer whose journey ends without leaving us stays a customer, but nobody can reach it."""
    document = two(co_termed=False)
    over = changed(document, {"business.route.renew.otherwise": "end", "business.route.renew.emits_otherwise": None})
    tables = run(over).tables
    events, wants = tables["events"], tables["decisions"]
    left = where(events, activity="finished", stage="life")
    ended = dict(zip(events["account"][left].tolist(), events["time"][left].tolist(), strict=True))
    gone = {account for account, stage in enumerate(values(tables["accounts"]["last_stage"])) if stage == "end"}
    asked = where(wants, decision="want")
    assert len(gone & set(ended)) > 20
    for account, time in zip(wants["account"][asked], wants["time"][asked], strict=True):
        assert account not in gone or time <= ended.get(account, 0.0)


def test_metrics_tell_products_apart() -> None:
    document = two()
    made = run(document)
    found = compute(Tables(arrow_tables(made.tables)), context(document))
    found = found[found["period"] == "horizon"]
    whole = found[found["dim1"].isna()].set_index("metric")["value"]
    each = found[found["dim1"] == "product"].set_index(["metric", "level1"])["value"]
    for metric in ("revenue", "arr", "gross_profit", "expansion_mrr", "churned_mrr", "new_mrr"):
        assert each[metric].sum() == pytest.approx(whole[metric])
    table = made.tables["subscriptions"]
    alive = np.isnat(table["ended"])
    has = set(table["account"][alive & where(table, product="more")].tolist())
    customers = int(made.tables["accounts"]["customer"].sum())
    assert each["attach_rate", "more"] == pytest.approx(len(has) / customers)
    assert each["contract_customers", "more"] == len(has) > 10
    assert 0 < whole["cross_sell_mrr"] < whole["expansion_mrr"]
    assert whole["cross_sell_revenue"] == pytest.approx(each["revenue", "more"])
    assert each["gross_margin", "more"] == pytest.approx(0.9, abs=1e-3)


def test_what_nobody_took_is_none_of_it_and_not_undefined() -> None:
    """Otherwise a mean over replications would leave out those without a sale."""
    document = changed(two(), {"business.decisions.want.base": 0.0})
    tables = Tables(arrow_tables(run(document).tables))
    found = compute(tables, replace(context(document), offered=("more",)))
    found = found[(found["period"] == "horizon") & (found["dim1"].isna() | (found["dim1"] == "product"))]
    found = found.assign(level=found["level1"].astype(object).fillna("")).set_index(["metric", "level"])["value"]
    for metric in ("revenue", "arr", "gross_profit", "expansion_mrr", "contract_customers", "attach_rate"):
        assert found[metric, "more"] == 0, metric
    for metric in ("attach_rate", "cross_sell_mrr", "cross_sell_revenue"):
        assert found[metric, ""] == 0, metric
    assert found["arr", "main"] == found["arr", ""] > 0
    assert check(tables, replace(context(document), offered=("more",)))["holds"].all()


def test_a_study_says_what_it_offers() -> None:
    assert metrics_context(compose("service_saas", ["scenario=cross_sell"]).config).offered == ("analytics",)
    assert metrics_context(compose("service_saas").config).offered == ()


def test_the_main_product_is_what_it_is_without_the_other() -> None:
    """Contracts of the further product are no first contracts, and its rows none of the journey."""
    both, alone = two(co_termed=False), study("subscription")
    found, plain = (compute(Tables(arrow_tables(run(d).tables)), context(d)) for d in (both, alone))
    for metric in ("acv", "signed", "active_customers", "cycle_days", "renewal_rate", "units_sold", "win_rate"):
        left, right = (f[(f["metric"] == metric) & f["dim1"].isna()] for f in (found, plain))
        assert left["value"].to_numpy() == pytest.approx(right["value"].to_numpy(), nan_ok=True), metric


def problems(document: Document) -> list[str]:
    """What the checks of further products say, as keys."""
    return [f"{where_}: {text}" for one in PRODUCT_CHECKS for where_, text in one(document)]


PART, LOOK = "business.revenue.more", "business.route.look"


@pytest.mark.parametrize(("changes", "said"), [
    ({f"{PART}.way": "lok"}, f'{PART}.way: is no stop of the route, got "lok"; did you mean look?'),
    ({f"{PART}.way": "setup"}, f"{PART}.way: joins the account's own journey, got a way over answer, sort, call; "),
    ({f"{LOOK}.emits_then": None}, f"{PART}.way: never sells, got no stop that logs cross_sold"),
    ({f"{LOOK}.emits": "met"}, f'{LOOK}.emits: is on the way of an offer, got "met"; nothing or cross_sold'),
    ({f"{LOOK}.paying": True}, f"{LOOK}.paying: is on the way of an offer, got true; no paying"),
    ({f"{PART}.product": "main"}, f'{PART}.product: is sold by main as well, got "main"; a product of its own'),
    ({f"{PART}.keep": "want"}, f'{PART}.keep: is asked by more.interest as well, got "want"; a decision of its own'),
    ({f"{PART}.per_unit_of": "mian"}, f'{PART}.per_unit_of: is no subscription of the business, got "mian"; '),
    ({f"{PART}.interest": None}, f"{PART}.interest: is missing, got nothing"),
    ({"effects.accept": {"price_ratio": effect(-1)}}, "market.reference_price.more: is missing, got nothing"),
])  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(changes: Document, said: str) -> None:
    found = problems(changed(changed(two(), {"effects.sign": {}}), changes))
    assert len(found) == 1
    assert found[0].startswith(said)


def test_a_project_needs_a_way_over_its_desk() -> None:
    document = study("project")
    assert problems(document) == []
    nowhere = changed(document, {"business.revenue.main.stop": "call"})
    assert problems(nowhere)[0].startswith('business.revenue.main.stop: is not on the way of the offer, got "call"')
    optional = changed(document, {"business.route.teach.desks": {"field": "optional"}})
    assert problems(optional) == ['business.route.teach.desks.field: works a project, got "optional"; required']


def test_opening_files_bring_contracts_of_both_products(tmp_path: Path) -> None:
    rows = [
        "external_id,product,segment,arr,seats,start,renewal_date", "a,seats,small,3000,10,2024-03-01,2025-09-01",
        "a,automation,small,1000,10,2024-09-01,2025-09-01", "b,seats,small,3600,12,2024-06-01,2025-06-01",
    ]  # fmt: skip
    (tmp_path / "customers.csv").write_text("\n".join(rows), encoding="utf-8")
    path = f"market.opening.customers.path={tmp_path / 'customers.csv'}"
    composed = compose("tool", ["scenario=bundle", path, "market.accounts=50", "horizon.days=300"])
    tables = simulate(composed.timeline, composed.seed, 0).tables
    table = tables["subscriptions"]
    before = table["start"] < np.datetime64("2025-01-01")
    assert sorted(values(table["product"])[before].tolist()) == ["automation", "seats", "seats"]
    assert values(table["mrr"])[before & where(table, product="automation")].tolist() == [8333]
    ends = {str(end)[:10] for end in table["end"][before & (table["account"] == table["account"][before][0])]}
    assert ends == {"2025-09-01"}
