"""Terms of decisions: recording them changes nothing, they add up, and they say by what they can be moved."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scenarios import Study, compose
from scenarios.comparisons.explain import course
from scenarios.comparisons.explain import explain as explain_study
from sim.decisions import Decision
from sim.explain import Watch, WatchedDecision, explain
from sim.recorder import Table
from sim.signals import SIGNALS
from sim.simulate import Run, collect
from sim.spec import Timeline
from sim.world import World
from tests.fixtures.studies import KINDS, Document, changed, difference, effect, run, standard, study, timeline, values

MONTHLY = ("leave", "expand", "want")
"""Decisions of the small studies that are logged only when they are yes."""


def everything(document: Document) -> list[tuple[int, str]]:
    """Every account at every decision."""
    return [(a, d) for d in document["business"]["decisions"] for a in range(document["market"]["accounts"])]


def frame(table: Table) -> pd.DataFrame:
    return pd.DataFrame({name: np.asarray(values(column)) for name, column in table.items()})


@cache
def explained(kind: str) -> pd.DataFrame:
    document = study(kind)
    return frame(explain(timeline(document), 1, 0, everything(document)))


def evaluations(terms: pd.DataFrame) -> pd.DataFrame:
    """One row per evaluation: the probability, and the one that its terms give."""
    keys = ["account", "decision", "occurrence", "time"]
    found = terms.groupby(keys, sort=False).agg(p=("probability", "first"), logit=("value", "sum")).reset_index()
    with np.errstate(over="ignore"):
        return found.assign(by_terms=1 / (1 + np.exp(-found["logit"].to_numpy(float))))


def watched_run(spec: Timeline, watch: Watch) -> Run:
    world = World(spec, 1, 0, deciding=watch.decision)
    world.run()
    return collect(world, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_watching_everybody_changes_no_table(kind: str) -> None:
    document = study(kind)
    watch = Watch(everything(document))
    made = watched_run(timeline(document), watch)
    assert difference(standard(kind), made) == ""
    assert made.steps == standard(kind).steps
    assert watch.rows


def test_watching_changes_no_table_when_the_policy_changes_on_a_date() -> None:
    document = study("subscription")
    later = (150.0, changed(document, {"business.decisions.sign.base": 0.9, "policy.desks.field.heads": 1}))
    made = watched_run(timeline(document, later), Watch(everything(document)))
    assert difference(run(document, later), made) == ""


def test_a_world_in_which_nothing_is_watched_has_plain_decisions() -> None:
    spec = timeline(study("subscription"))
    assert type(World(spec, 1, 0).decision("sign")) is Decision
    watch = Watch([(3, "renew")])
    world = World(spec, 1, 0, deciding=watch.decision)
    assert type(world.decision("sign")) is Decision
    assert type(world.decision("renew")) is WatchedDecision


@pytest.mark.parametrize("kind", KINDS)
def test_terms_add_up_to_the_probability(kind: str) -> None:
    found = evaluations(explained(kind))
    assert len(found) > 200
    assert found["by_terms"].to_numpy() == pytest.approx(found["p"].to_numpy(), rel=1e-6)


@pytest.mark.parametrize("base", [0.0, 1.0])
def test_terms_of_certain_decisions_add_up_too(base: float) -> None:
    document = changed(study(), {"business.decisions.sign": {"base": base, "frailty": 2.0}})
    terms = frame(explain(timeline(document), 1, 0, everything(document)))
    found = evaluations(terms[terms["decision"] == "sign"])
    assert (found["p"] == base).all()
    assert found["by_terms"].to_numpy() == pytest.approx(base, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_every_logged_decision_has_been_evaluated_with_its_probability(kind: str) -> None:
    logged = frame(standard(kind).tables["decisions"])
    found = evaluations(explained(kind))
    keys = ["account", "decision", "occurrence", "time"]

    def rows(some: pd.DataFrame, p: str) -> Counter[tuple[Any, ...]]:
        return Counter(some[[*keys, p]].itertuples(index=False, name=None))

    assert not rows(logged, "probability") - rows(found, "p")
    asked_only = ~found["decision"].isin(MONTHLY)
    assert rows(found[asked_only], "p") == rows(logged[~logged["decision"].isin(MONTHLY)], "probability")


def test_a_monthly_decision_is_evaluated_every_month_until_the_account_leaves() -> None:
    found = evaluations(explained("take_rate"))
    logged = frame(standard("take_rate").tables["decisions"])
    left = logged[logged["decision"] == "leave"]
    assert len(left) > 10
    for row in left.itertuples():
        chosen = (found["account"] == row.account) & (found["decision"] == "leave")
        months = found[chosen & (found["occurrence"] == row.occurrence)]
        assert months["time"].max() == row.time
        assert np.diff(months["time"]) == pytest.approx(30.4, abs=2.5)
        assert months["p"].iloc[-1] == row.probability


def test_only_what_is_watched_is_recorded() -> None:
    made = frame(explain(timeline(study()), 1, 0, [(7, "sign"), (8, "answer"), (8, "no such decision")]))
    assert set(zip(made["account"], made["decision"], strict=True)) <= {(7, "sign"), (8, "answer")}
    assert (8, "answer") in set(zip(made["account"], made["decision"], strict=True))
    assert len(frame(explain(timeline(study()), 1, 0, []))) == 0


def test_terms_name_their_signal_and_strength() -> None:
    document = changed(study(), {"effects.sign": {"severity": effect(0.7, "need"), "losses": effect(-0.2)}})
    made = frame(explain(timeline(document), 1, 0, everything(document)))
    terms = made[made["decision"] == "sign"].drop_duplicates("term").set_index("term")
    assert terms["signal"].dropna().to_dict() == {"severity": "need", "losses": "losses"}
    assert terms["strength"].to_dict() == {"base": 1, "frailty": 1, "losses": -0.2, "severity": 0.7}
    assert set(terms["through"]) == {"own"}


# by what signals can be moved


def every_signal(shared: bool = True) -> Document:
    """A study in which every signal moves every decision a little."""
    document = study("take_rate", shared=shared, accounts=150, days=300)
    terms = {name: effect(0.01) for name in SIGNALS}
    return changed(document, {"effects": dict.fromkeys(document["business"]["decisions"], terms)})


def moved(before: Document, after: Document) -> set[str]:
    """Signals that differ at some decision that the account meets in both studies after the same answers."""
    terms, met = [], []
    for document in (before, after):
        terms.append(frame(explain(timeline(document), 1, 0, everything(document))))
        table = frame(run(document).tables["decisions"])
        met.append(_histories(table[~table["decision"].isin(MONTHLY)]))
    keys = ["account", "decision", "occurrence", "history", "term"]
    a, b = (t.merge(m, on=["account", "decision", "occurrence", "time"]) for t, m in zip(terms, met, strict=True))
    both = a.merge(b, on=keys, suffixes=("_a", "_b"))
    assert len(both) > 1000
    return set(both.loc[(both["value_a"] - both["value_b"]).abs() > 1e-12, "signal_a"])


def _histories(decisions: pd.DataFrame) -> pd.DataFrame:
    """Decisions with all that the account answered before."""
    past: dict[int, tuple[Any, ...]] = {}
    found = []
    for row in decisions.itertuples():
        found.append(past.get(row.account, ()))
        past[row.account] = (*found[-1], (row.decision, row.occurrence, row.outcome))
    kept = decisions[["account", "decision", "occurrence", "time"]]
    return kept.assign(history=[str(history) for history in found])


def test_queues_move_what_others_or_time_can_move_and_nothing_else() -> None:
    document = every_signal()
    found = moved(document, changed(document, {"policy.desks.field.heads": 1, "policy.desks.inside.heads": 1}))
    assert {"wait_days", "references", "consumers", "buying_season"} <= found
    assert {SIGNALS[name].through for name in found} == {"time", "others"}


def test_budgets_move_the_channel() -> None:
    document = every_signal()
    found = moved(document, changed(document, {"policy.channels.search.spend_month": 20000}))
    assert "channel_quality" in found
    assert {SIGNALS[name].through for name in found} == {"time", "others"}


def test_the_price_moves_what_is_the_accounts_own() -> None:
    document = every_signal(shared=False)
    found = moved(document, changed(document, {"policy.products.main.price": 1100}))
    assert {name for name in found if SIGNALS[name].through == "own"} == {"price_ratio"}
    assert not {"wait_days", "channel_quality"} & found


def test_work_done_for_an_account_is_its_own() -> None:
    document = every_signal()
    found = moved(document, changed(document, {"business.route.think.delay_days": {"kind": "fixed", "value": 3}}))
    assert {"buying_season"} <= found
    assert not {"presales_hours", "sales_hours", "losses", "need"} & found
    hours = {"kind": "fixed", "value": 9}
    assert "sales_hours" in moved(document, changed(document, {"business.route.call.work_hours": hours}))


@pytest.mark.parametrize("name", SIGNALS)
def test_static_signals_are_the_accounts_own(name: str) -> None:
    assert SIGNALS[name].through in ("own", "time", "others")
    assert not SIGNALS[name].static or SIGNALS[name].through == "own"


# of studies


@cache
def small(*overrides: str) -> Study:
    return compose("service_saas", ["market.accounts=120", "horizon.days=300", *overrides])


def test_a_study_is_explained_for_the_replications_that_are_asked_for() -> None:
    asked = {3: [(a, "register") for a in range(50, 60)], 0: [(a, "register") for a in range(120)], 7: []}
    found = explain_study(small(), asked)
    assert found["replication"].unique().tolist() == [0, 3]
    assert set(found.loc[found["replication"] == 3, "account"]) <= set(range(50, 60))
    alone = frame(explain(small().timeline, small().seed, 0, asked[0]))
    pd.testing.assert_frame_equal(
        found[found["replication"] == 0].reset_index(drop=True), alone, check_dtype=False, check_index_type=False
    )


def test_processes_change_nothing() -> None:
    asked = {number: [(a, "register") for a in range(40)] for number in range(3)}
    pd.testing.assert_frame_equal(explain_study(small(), asked, workers=2), explain_study(small(), asked))


def test_nothing_asked_gives_the_columns_alone() -> None:
    found, full = explain_study(small(), {2: []}), explain_study(small(), {0: [(5, "register")]})
    assert len(found) == 0
    assert list(found) == list(full)


def test_the_course_of_equal_studies_says_what_is_asked_when() -> None:
    found = course(small(), small())
    assert found.route == {"register", "qualify", "appoint", "sign", "renew", "re_enter"}
    assert found.monthly == {"expand"}
    assert (found.paced, found.set_signals, found.by_channel) == (frozenset(), frozenset(), False)
    assert course(compose("platform"), compose("platform")).monthly == {"leave", "give_up"}


@pytest.mark.parametrize(
    ("override", "paced", "signals"),
    [
        ("business.route.proposal.delay_days.sigma=0.9", {"proposal"}, set()),
        ("effects.proposal_days.buying_season.strength=0", {"proposal"}, set()),
        ("business.usage.start=0.9", set(), {"use"}),
        ("market.buying.dec=3", set(), {"buying_season"}),
        ("policy.desks.sales.heads=9", set(), set()),
    ],
)
def test_the_course_says_what_a_plan_sets_itself(override: str, paced: set[str], signals: set[str]) -> None:
    found = course(small(), small(override))
    assert (found.paced, found.set_signals) == (paced, signals)


def test_another_calendar_changes_the_pace_of_every_stop() -> None:
    found = course(small(), small("policy.calendar.hours=7"))
    assert found.paced == set(small().timeline.spec.business.route)


def test_dated_changes_count() -> None:
    change = "policy.changes.shorter={key:policy.calendar.hours,date:2025-06-01,value:7}"
    later = small(change)
    assert course(small(), later).paced
    assert not course(later, later).paced
