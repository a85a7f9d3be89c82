"""What flips must be by theory: none without a change, one-sided under a better offer, as many as chances promise."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from analysis.compare.accounts import account_bridge
from analysis.compare.flips import flips, watched
from analysis.compare.paths import OUTCOME, TIMING, Course, where_ways_part
from analysis.compare.terms import with_terms
from analysis.tables import Tables
from scenarios import compose
from scenarios.comparisons.explain import course
from scenarios.comparisons.explain import explain as explain_study
from scenarios.runs.replicate import arrow_tables
from sim.explain import explain
from sim.simulate import simulate
from tests.fixtures.studies import KINDS, Document, changed, run, study, timeline, values

NOT_OF_THE_ROUTE = {"expand", "shrink"}


def tables(document: Document, *later: tuple[float, Document]) -> Tables:
    return Tables(arrow_tables(run(document, *later).tables))


def rules(document: Document) -> Course:
    route = frozenset(document["business"]["decisions"]) - NOT_OF_THE_ROUTE
    return Course(route=route, monthly=frozenset({"leave", "expand"}))


def told(base: Document, plan: Document) -> pd.DataFrame:
    """Flips with terms."""
    bare = flips(tables(base), tables(plan), rules(base))
    sides = []
    for document in (base, plan):
        made = explain(timeline(document), 1, 0, watched(bare).get(0, []))
        sides.append(pd.DataFrame({name: np.asarray(values(column)) for name, column in made.items()}))
    return with_terms(bare, *sides, rules(base))


# no change


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_that_changes_nothing_flips_nobody(kind: str) -> None:
    document = study(kind)
    base, named = tables(document), changed(document, {"policy.label": "策略", "policy.name": "other"})
    for plan in (tables(named), tables(document, (100.0, document))):
        assert len(flips(base, plan, rules(document))) == 0
        assert len(account_bridge(base, plan, rules(document))) == 0


def test_a_change_of_costs_alone_flips_nobody() -> None:
    document = study("subscription")
    dearer = changed(document, {"policy.desks.field.cost_year": 999999, "policy.finance.fixed_month": 77777})
    assert len(flips(tables(document), tables(dearer), rules(document))) == 0


# a better offer, where nobody meets anybody

BETTER = {
    "price": ("sign", {"policy.products.main.price": 700}),
    "base": ("sign", {"business.decisions.sign.base": {"small": 0.65, "large": 0.55}}),
    "strength": ("qualify", {"effects.qualify.channel_quality.strength": 3.0}),
    "entry": ("answer", {"business.decisions.answer.base": 0.95}),
}
"""The decision that a plan makes easier for everybody, and how."""


@pytest.mark.parametrize("what", BETTER)
@pytest.mark.parametrize("kind", ["subscription", "take_rate", "outcome_share"])
def test_a_better_term_flips_nobody_to_the_worse_at_its_decision(kind: str, what: str) -> None:
    decision, changes = BETTER[what]
    document = study(kind, accounts=400, shared=False)
    found = told(document, changed(document, changes))
    first = found[found["how"] == OUTCOME]
    assert len(first) > 3
    assert set(first["decision"]) == {decision}
    assert (first["p_base"] <= first["uniform"]).all()
    assert (first["uniform"] < first["p_plan"]).all()
    assert set(first["kind"]) == {"direct"}
    worse = told(changed(document, changes), document)
    assert (worse["p_plan"] <= worse["uniform"])[worse["how"] == OUTCOME].all()
    assert (worse["uniform"] < worse["p_base"])[worse["how"] == OUTCOME].all()


def test_customers_that_are_kept_are_told_by_the_chance_of_their_whole_stay() -> None:
    """With effects off the chance of leaving within m months is 1 - (1 - p)^m, in both runs with the same m."""
    document = changed(study("take_rate", accounts=800, shared=False), {"effects": {}})
    kept = changed(document, {"business.decisions.leave.base": 0.02})
    found = told(document, kept)
    left = found[(found["decision"] == "leave") & (found["how"] == OUTCOME)]
    assert len(left) > 20
    assert (left["p_plan"] <= left["uniform"] + 1e-9).all()
    assert (left["uniform"] < left["p_base"]).all()
    assert set(left["kind"]) == {"direct"}
    assert set(left["term"]) == {"base"}
    months = np.log1p(-left["p_base"]) / np.log(0.94)
    assert months.to_numpy() == pytest.approx(np.rint(months), abs=1e-4)
    assert np.log1p(-left["p_plan"]).to_numpy() == pytest.approx(np.rint(months) * np.log(0.98), rel=1e-4)


@pytest.mark.parametrize(("before", "after"), [(0.3, 0.4), (0.5, 0.2), (0.05, 0.9)])
def test_as_many_ways_part_as_the_chances_differ(before: float, after: float) -> None:
    """Of those who are asked, a share |p' - p| gets another answer: numbers are uniform and kept."""
    plain = {"effects": {}, "business.decisions.sign": {"base": before}}
    document = changed(study("subscription", accounts=3000, days=150.0, shared=False), plain)
    plan = changed(document, {"business.decisions.sign.base": after})
    base, other = tables(document), tables(plan)
    asked = base["decisions"][(base["decisions"]["decision"] == "sign") & (base["decisions"]["occurrence"] == 0)]
    accounts = np.sort(asked["account"].to_numpy())
    parted = where_ways_part(base, other, accounts, rules(document))
    turned = (parted["how"] == OUTCOME) & (parted["decision"] == "sign") & (parted["occurrence"] == 0)
    share = abs(after - before)
    assert len(accounts) > 500
    z = (turned.mean() - share) / np.sqrt(share * (1 - share) / len(accounts))
    assert abs(z) <= 4
    assert turned.mean() > share / 2


# a queue


BOTTLENECK = ["market.accounts=3000", "horizon.days=365", "policy.desks.sales.heads=1", "policy.desks.sdr.heads=1"]


NEEDED = ("accounts", "events", "decisions", "ledger")
"""All that flips are read off."""


@cache
def hired(effects: str) -> pd.DataFrame:
    """Flips with terms of three more heads at a desk that is overloaded."""
    extra = [f"effects={effects}"]
    studies = [
        compose("service_saas", [*BOTTLENECK, *extra, *more])
        for more in ([], ["policy.desks.sales.heads=4", "policy.desks.sdr.heads=4"])
    ]
    made = [simulate(s.timeline, s.seed, 0, wanted=NEEDED).tables for s in studies]
    of = course(*studies)
    bare = flips(*(Tables(arrow_tables(some)) for some in made), of)
    return with_terms(bare, *(explain_study(s, watched(bare)) for s in studies), of)


def test_hiring_with_effects_off_decides_nothing_otherwise() -> None:
    """Chances do not depend on time then: accounts come earlier, and that is all."""
    found = hired("none")
    assert len(found) > 30
    assert (found["change"] > 0).sum() > 2
    assert set(found["how"]) == {TIMING}
    assert set(found["kind"]) == {"spillover"}


def test_hiring_acts_through_what_accounts_share_even_with_effects_on() -> None:
    found = hired("base")
    outcomes = found[found["how"] == OUTCOME]
    assert len(outcomes) > 0
    assert set(found["kind"]) == {"spillover"}
    assert outcomes["terms"].str.contains("wait_days|references|season|onboarding|use|tenure").all()


def test_a_shorter_wait_of_their_own_is_no_spillover() -> None:
    """Nobody queues: a plan that halves the deliberation makes accounts earlier by itself."""
    document = study("subscription", accounts=400, shared=False)
    quick = changed(document, {"business.route.think.delay_days": {"kind": "fixed", "value": 1}})
    sides = tables(document), tables(quick)
    found = flips(*sides, rules(document))
    early = found[found["how"] == TIMING]
    assert len(early) > 0
    assert set(early["kind"]) == {"direct"}
