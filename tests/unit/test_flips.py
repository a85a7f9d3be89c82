"""Flipped accounts and the account bridge: ways that part, end states, kinds, terms, and sums that add up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.compare.accounts import NO_ACCOUNT, TIMING_ONLY, account_bridge, customer_at, drivers_of
from analysis.compare.flips import COLUMNS, ON_ITS_OWN, STATES, end_states, flips, revenue_cents, stories, watched
from analysis.compare.paths import OUTCOME, ROUTE, TIMING, Course, where_ways_part
from analysis.compare.terms import with_terms
from analysis.metrics import compute
from analysis.tables import Tables
from scenarios import Study, compose
from scenarios.comparisons.explain import course, explain
from scenarios.runs.replicate import arrow_tables, metrics_context
from sim.simulate import simulate

Decided = tuple[int, float, str, int, bool]
"""Account, time, decision, occurrence, outcome."""
Event = tuple[int, float, str, str]
"""Account, time, activity, stage."""

START = np.datetime64("2025-01-01", "us")


def stamp(days: float) -> np.datetime64:
    return START + np.timedelta64(round(days * 86_400_000_000), "us")


def decisions(*rows: Decided) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["account", "time", "decision", "occurrence", "outcome"])
    frame = frame.sort_values("time", kind="stable").reset_index(drop=True)
    return frame.assign(replication=0, probability=0.5, uniform=np.where(frame["outcome"], 0.2, 0.7))


def events(*rows: Event) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["account", "time", "activity", "stage"]).sort_values("time", kind="stable")
    frame = frame.reset_index(drop=True).astype({"time": float})
    last = ~frame.duplicated("account", keep="last") & (frame["activity"] == "queued")
    stamps = np.array([stamp(time) for time in frame["time"]], "datetime64[us]")
    at_desk = frame["stage"].where(frame["stage"] == "desk")
    return frame.assign(replication=0, timestamp=stamps, resource=at_desk, note=np.where(last, "open", None))


def ledger(*closings: float) -> pd.DataFrame:
    stamps = np.array([stamp(day - 2.0**-20) for day in closings], "datetime64[us]")
    empty = pd.array([pd.NA] * len(closings), "Int64")
    return pd.DataFrame({
        "replication": 0, "timestamp": stamps, "account": empty, "debit": "payroll", "credit": "cash", "amount": 1,
    })  # fmt: skip


Side = pd.DataFrame | dict[str, pd.DataFrame]
"""Decisions, or several tables."""


def parted(base: Side, plan: Side, rules: Course | None = None) -> dict[str, Any]:
    """Where the ways of account 0 part."""
    sides = [Tables(side if isinstance(side, dict) else {"decisions": side}) for side in (base, plan)]
    return dict(where_ways_part(*sides, np.array([0]), rules or Course()).loc[0])


def test_ways_part_where_the_same_question_has_another_answer() -> None:
    base = decisions((0, 1, "qualify", 0, True), (0, 5, "sign", 0, False), (0, 50, "return", 0, True))
    plan = decisions((0, 1, "qualify", 0, True), (0, 4, "sign", 0, True), (0, 99, "renew", 0, False))
    found = parted(base, plan)
    assert (found["decision"], found["occurrence"], found["how"]) == ("sign", 0, OUTCOME)
    assert (found["time_base"], found["time_plan"], found["u_base"], found["u_plan"]) == (5, 4, 0.7, 0.2)


def test_ways_part_where_only_one_run_asks() -> None:
    base = decisions((0, 1, "qualify", 0, True), (0, 2, "trial", 0, False), (0, 5, "sign", 0, False))
    plan = decisions((0, 1, "qualify", 0, True), (0, 4, "sign", 0, False))
    for one, other, column in ((base, plan, "time_base"), (plan, base, "time_plan")):
        found = parted(one, other)
        assert (found["decision"], found["how"], found[column]) == ("trial", ROUTE, 2)
        assert sum(np.isnan(found[c]) for c in ("time_base", "time_plan")) == 1


def test_of_two_questions_the_one_that_the_other_run_asks_nobody_is_told() -> None:
    base = decisions((0, 2, "trial", 0, True), (1, 2, "trial", 0, False), (1, 4, "sign", 0, True))
    plan = decisions((0, 3, "sign", 0, False), (1, 4, "sign", 0, True))
    assert parted(base, plan)["decision"] == "trial"
    assert parted(plan, base)["decision"] == "trial"


@pytest.mark.parametrize("later", [(0, 7, "sign", 0, True), (0, 7, "renew", 3, False)])
def test_a_way_that_is_not_as_far_parts_by_timing(later: Decided) -> None:
    near, far = decisions((0, 1, "qualify", 0, True)), decisions((0, 1, "qualify", 0, True), later)
    for found, column in ((parted(near, far), "time_plan"), (parted(far, near), "time_base")):
        assert (found["decision"], found["how"], found[column]) == (later[2], TIMING, 7)


def test_equal_ways_have_no_decision_at_which_they_part() -> None:
    same = decisions((0, 1, "qualify", 0, True), (0, 8, "sign", 0, True))
    later = decisions((0, 3, "qualify", 0, True), (0, 9, "sign", 0, True))
    found = parted(same, later)
    assert found["how"] == TIMING
    assert pd.isna(found["decision"])
    assert pd.isna(found["occurrence"])


def test_other_occurrences_are_other_questions_and_those_beside_the_route_are_left_out() -> None:
    base = decisions((0, 1, "expand", 24300, True), (0, 5, "sign", 65536, True))
    plan = decisions((0, 5, "sign", 0, True))
    rules = Course(route=frozenset({"sign"}))
    assert parted(base, plan)["decision"] == "expand"
    found = parted(base, plan, rules)
    assert (found["decision"], found["how"]) == ("sign", ROUTE)
    assert found["occurrence"] == 0


@pytest.mark.parametrize(("entered", "how"), [(12, OUTCOME), (61, OUTCOME), (91, TIMING), (300, TIMING)])
def test_who_outlives_a_departure_decided_otherwise(entered: float, how: str) -> None:
    """The base's customer came in February and left at the end of March, asked twice; four months are closed."""
    left = 90 - 2.0**-20
    rules = Course(monthly=frozenset({"leave"}))
    gone = {
        "decisions": decisions((0, 2, "sign", 0, True), (0, left, "leave", 0, True)),
        "events": events((0, 33, "queued", "life"), (0, left, "finished", "life"), (0, left, "queued", "pool")),
        "ledger": ledger(31, 59, 90, 120),
    }
    there = {
        "decisions": decisions((0, 2, "sign", 0, True)),
        "events": events((0, 3, "queued", "desk"), (0, entered, "queued", "life")),
        "ledger": ledger(31, 59),
    }
    assert parted(gone, there, rules)["how"] == how
    assert parted(there, gone, rules)["how"] == how
    assert parted(gone, there)["how"] == TIMING
    elsewhere = there | {"events": events((0, entered, "queued", "desk"))}
    assert parted(gone, elsewhere, rules)["how"] == TIMING


def people(**columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"replication": 0, **columns})
    frame["account"] = np.arange(len(frame))
    return frame


def test_end_states() -> None:
    known, none = pd.Timestamp("2025-03-01"), pd.NaT
    accounts = people(
        customer=[True, False, False, False, False, False, False],
        last_stage=["life", "pool", "end", "cellar", "end", "sales", None],
        signed_at=[known, known, known, none, none, known, none],
        touched_at=[known, known, known, known, known, known, none],
    )
    made = Tables({"accounts": accounts, "events": events((1, 5, "pooled", "pool"), (3, 6, "pooled", "cellar"))})
    found = [STATES[code] for code in end_states(made, np.arange(8))]
    assert found == [
        "customer", "former customer", "former customer", "lost", "lost", "open", "not reached", "not reached",
    ]  # fmt: skip


def test_whether_an_account_was_a_customer_at_a_time() -> None:
    made = events((0, 5, "signed", "a"), (0, 9, "churned", "a"), (0, 12, "signed", "a"), (2, 1, "churned", "a"))
    asked = [(0, 4.0), (0, 5.0), (0, 8.9), (0, 9.0), (0, 30.0), (1, 30.0), (2, 30.0)]
    found = customer_at(made, *(np.array(column) for column in zip(*asked, strict=True)))
    assert found.tolist() == [False, True, True, False, True, False, False]


# real businesses


@dataclass(frozen=True)
class Pair:
    """Two studies, their tables, metrics and flips with terms."""

    studies: tuple[Study, Study]
    tables: tuple[Tables, Tables]
    rules: Course
    bare: pd.DataFrame
    flips: pd.DataFrame


REPLICATIONS = (0, 1)

PLANS: dict[str, tuple[str, ...]] = {
    "platform": ("policy.desks.coaching.heads=3", "business.decisions.leave.base=0.08"),
    "tool": ("policy.conversion.automatic=false", "policy.products.seats.price.small=340"),
    "hardware": ("policy.desks.sales.heads=1", "policy.products.machine.price.small=15000"),
    "service_saas": ("policy.desks.presales.heads=0", "policy.desks.cs.heads=1"),
    "service_staffed": ("policy.desks.consultants.heads=4", "policy.products.consulting.price.small=440"),
    "service_outcome": ("policy.desks.cs.heads=3", "policy.products.growth.price.small=0.1"),
    "cloud": ("policy.desks.presales.heads=0", "policy.products.compute.price=1.5"),
}
"""Two things are changed at a time: something of a desk or the route, and something that buyers see."""


def made(study: Study) -> Tables:
    import pyarrow as pa

    runs = [arrow_tables(simulate(study.timeline, study.seed, number).tables) for number in REPLICATIONS]
    return Tables({name: pa.concat_tables([run[name] for run in runs]) for name in runs[0]})


@cache
def pair(business: str) -> Pair:
    small = ["market.accounts=400", "horizon.days=550"]
    studies = compose(business, small), compose(business, [*small, *PLANS[business]])
    tables = made(studies[0]), made(studies[1])
    rules = course(*studies)
    bare = flips(*tables, rules)
    asked = watched(bare)
    full = with_terms(bare, *(explain(study, asked) for study in studies), rules)
    return Pair(studies, tables, rules, bare, full)


def metric(study: Study, tables: Tables, name: str) -> dict[int, float]:
    found = {}
    for number, some in tables.split():
        rows = compute(some, metrics_context(study.config))
        chosen = rows[(rows["metric"] == name) & (rows["period"] == "horizon") & rows["dim1"].isna()]
        found[number] = float(chosen["value"].iloc[0])
    return found


@pytest.mark.parametrize("business", PLANS)
def test_changes_add_up_to_the_difference_in_customers(business: str) -> None:
    both = pair(business)
    before, after = (metric(s, t, "active_customers") for s, t in zip(both.studies, both.tables, strict=True))
    assert len(both.flips) > 5
    for number in REPLICATIONS:
        own = both.flips[both.flips["replication"] == number]
        assert own["change"].sum() == after[number] - before[number]


@pytest.mark.parametrize("business", PLANS)
def test_the_account_bridge_adds_up_to_the_cent(business: str) -> None:
    both = pair(business)
    bridge = account_bridge(*both.tables, both.rules)
    before, after = (metric(s, t, "revenue") for s, t in zip(both.studies, both.tables, strict=True))
    cents = np.rint(bridge["value"] * 100).astype(int)
    assert (cents / 100 == bridge["value"]).all()
    for number in REPLICATIONS:
        assert cents[bridge["replication"] == number].sum() == round((after[number] - before[number]) * 100)
    known = set(both.studies[0].config["business"]["decisions"]) | {TIMING_ONLY, NO_ACCOUNT}
    assert set(bridge["driver"]) <= known
    assert set(bridge["metric"]) == {"revenue"}
    assert not bridge.duplicated(["driver", "segment", "replication"]).any()
    assert (bridge.groupby(["driver", "segment"], dropna=False).size() == len(REPLICATIONS)).all()


@pytest.mark.parametrize("business", PLANS)
def test_the_bridge_books_flipped_accounts_to_the_decision_of_their_flip(business: str) -> None:
    both, compared = pair(business), 0
    for number, own in both.flips.groupby("replication"):
        own = own.sort_values("account")
        sides = [tables.replication(int(number)) for tables in both.tables]
        driver = drivers_of(*sides, own["account"].to_numpy(), both.rules)
        bought = np.array([name in ("expand", "shrink") for name in driver])
        expected = np.where(own["how"] == TIMING, TIMING_ONLY, own["decision"])
        assert (driver[~bought] == expected[~bought]).all()
        assert bought.sum() <= 0.2 * len(own)
        compared += int((~bought).sum())
        cents = [revenue_cents(side, own["account"].to_numpy())[:-1] for side in sides]
        assert np.rint(own["value"] * 100).astype(int).tolist() == (cents[1] - cents[0]).tolist()
    assert compared > 5


@pytest.mark.parametrize("business", PLANS)
def test_flips_with_terms_have_the_columns_of_the_table_and_a_kind_each(business: str) -> None:
    found = pair(business).flips
    assert tuple(found) == COLUMNS
    assert found["occurrence"].dtype == "Int64"
    assert set(found["kind"]) <= {"direct", "spillover"}
    outcome = found[found["how"] == OUTCOME]
    assert found.loc[found["how"] != OUTCOME, "terms"].isna().all()
    assert outcome[["p_base", "p_plan"]].notna().all(axis=None)
    assert (found["before"] != found["after"]).all()
    assert not found.duplicated(["replication", "account"]).any()


@pytest.mark.parametrize("business", PLANS)
def test_the_number_lies_between_the_two_probabilities(business: str) -> None:
    """An outcome is another because the same number falls on the other side, of a monthly decision as well."""
    both = pair(business)
    found = both.flips[(both.flips["how"] == OUTCOME) & both.flips["uniform"].notna()]
    low, high = found[["p_base", "p_plan"]].min(axis=1), found[["p_base", "p_plan"]].max(axis=1)
    assert (low <= found["uniform"] + 1e-6).all()
    assert (found["uniform"] < high + 1e-6).all()
    assert (found["p_base"] != found["p_plan"]).all()
    assert found["term"].notna().all()


def test_some_departures_are_outcomes_and_their_chance_is_that_of_the_whole_stay() -> None:
    both = pair("platform")
    left = both.flips[(both.flips["how"] == OUTCOME) & both.flips["decision"].isin(both.rules.monthly)]
    assert len(left) > 3
    logged = both.bare.loc[left.index]
    assert (left["uniform"] >= logged["uniform"] - 1e-9).all()
    assert (left[["p_base", "p_plan"]].max(axis=1) >= logged[["p_base", "p_plan"]].max(axis=1) - 1e-9).all()


def test_a_desk_that_is_closed_acts_directly_through_the_work_it_does_not_do() -> None:
    found = pair("service_saas").flips
    lost = found[(found["decision"] == "sign") & (found["change"] == -1)]
    assert len(lost) > 3
    assert set(lost["kind"]) == {"direct"}
    assert lost["terms"].str.contains("presales_hours").all()
    assert (lost["term_plan"] <= lost["term_base"]).mean() > 0.8


def test_a_route_that_is_switched_off_is_told_as_a_route_and_direct() -> None:
    found = pair("tool").flips
    routes = found[found["how"] == ROUTE]
    assert len(routes) > 10
    assert set(routes["decision"]) == {"convert"}
    assert set(routes["kind"]) == {"direct"}


def test_flips_without_explained_terms_keep_what_was_logged() -> None:
    both = pair("service_saas")
    empty = explain(both.studies[0], {})
    bare = with_terms(both.bare, empty, empty, both.rules)
    outcome = both.bare["how"] == OUTCOME
    assert bare.loc[outcome, "kind"].isna().all()
    assert bare.loc[outcome, "term"].isna().all()
    pd.testing.assert_frame_equal(bare, both.bare.drop(columns=ON_ITS_OWN))


def test_without_flips_there_are_columns_alone() -> None:
    tables = pair("cloud").tables[0]
    found = flips(tables, tables)
    assert len(found) == 0
    assert tuple(with_terms(found, *[explain(pair("cloud").studies[0], {})] * 2)) == COLUMNS
    assert account_bridge(tables, tables)["value"].sum() == 0
    assert watched(found) == {}
    assert len(stories(found, 3)) == 0


def test_replications_of_one_side_alone_are_left_out() -> None:
    both = pair("cloud")
    one = flips(both.tables[0].replication(1), both.tables[1], both.rules)
    assert set(one["replication"]) == {1}
    assert len(one) == (both.bare["replication"] == 1).sum()


# stories


def test_stories_show_different_things_and_the_largest_of_each() -> None:
    found = pair("platform").flips
    told = stories(found, 6)
    assert len(told) == 6
    assert tuple(told) == COLUMNS
    assert told["term"].notna().all()
    groups = [*zip(told["decision"], told["kind"], told["change"], strict=True)]
    known = found[found["term"].notna()]
    assert len(set(groups)) == min(6, len(known.groupby(["decision", "kind", "change"])))
    for group in set(groups):
        alike = known[(known["decision"] == group[0]) & (known["kind"] == group[1]) & (known["change"] == group[2])]
        own = told[(told["decision"] == group[0]) & (told["kind"] == group[1]) & (told["change"] == group[2])]
        assert own["value"].abs().max() == alike["value"].abs().max()


def test_stories_fall_back_on_flips_without_terms_and_end_with_the_flips() -> None:
    found = pair("tool").flips
    assert len(stories(found, 10_000)) == len(found)
    assert stories(found[found["term"].isna()], 2)["value"].abs().iloc[0] == found.loc[
        found["term"].isna(), "value"].abs().max()  # fmt: skip


def test_stories_are_the_same_in_any_order_of_rows() -> None:
    found = pair("platform").flips
    turned = found.iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(stories(found, 5), stories(turned, 5))
