"""Decision, Duration, Rate: probabilities, what moves them, carried and threshold occurrences."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from sim.decisions import Decision, Duration, Rate
from sim.units import GRID
from sim.world import World
from tests.fixtures.studies import (
    Document,
    changed,
    effect,
    fixed,
    lognormal,
    rows,
    run,
    study,
    timeline,
    values,
    where,
)

EVERYONE = np.arange(200)


def world(changes: Document | None = None) -> World:
    return World(timeline(changed(study(), changes or {})), 1, 0)


def decision(base: object, effects: Document | None = None, **more: object) -> Decision:
    document = {"business.decisions.sign": {"base": base, **more}, "effects": {"sign": effects or {}}}
    return world(document).decision("sign")


def logit(p: float) -> float:
    return math.log(p / (1 - p))


@pytest.mark.parametrize("base", [0.0, 1e-6, 0.02, 0.5, 0.97, 1.0])
def test_without_effects_the_probability_is_the_base(base: float) -> None:
    made = decision(base)
    assert made.chance(EVERYONE) == pytest.approx(base, rel=1e-6)
    assert [made.probability(a) for a in range(200)] == made.chance(EVERYONE).tolist()


@pytest.mark.parametrize("base", [0.0, 1.0])
def test_certain_bases_stay_certain_whatever_moves_them(base: float) -> None:
    made = decision(base, {"need": effect(5), "losses": effect(-9), "use": effect(9)}, frailty=5.0)
    made.world.losses[:] = 50
    assert set(made.chance(EVERYONE)) == {base}
    assert {made.probability(a) for a in range(200)} == {base}
    assert {made.decide(a, 0)[0] for a in range(200)} == {base == 1.0}


def test_the_logit_is_the_sum_of_base_frailty_and_effects() -> None:
    terms = {"need": effect(0.7), "log_employees": effect(-0.2), "losses": effect(-0.5), "use": effect(2)}
    made = decision({"small": 0.3, "large": 0.6}, terms, frailty=0.8)
    at = made.world
    at.losses[:200], at.use[:200] = EVERYONE % 3, EVERYONE / 200
    base = np.where(at.population.segment == 0, logit(0.3), logit(0.6))[:200]
    total = base + 0.7 * at.population.need[:200] - 0.2 * np.log(at.population.employees[:200] / 100)
    total += -0.5 * at.losses[:200] + 2 * (at.use[:200] - 0.5)
    frailty = [made.base_terms(a)["frailty"] for a in range(200)]
    expected = 1 / (1 + np.exp(-(total + frailty)))
    assert made.chance(EVERYONE) == pytest.approx(expected, rel=1e-6)
    for account in range(0, 200, 17):
        explained = made.terms(account) | made.base_terms(account)
        assert explained.keys() == {"need", "log_employees", "losses", "use", "base", "frailty"}
        assert sum(explained.values()) == pytest.approx(logit(expected[account]), abs=1e-9)


def test_frailty_is_standard_normal_and_lasts() -> None:
    made = decision(0.5, frailty=1.5)
    everyone = np.arange(1024)
    drawn = np.array([made.base_terms(a)["frailty"] for a in everyone]) / 1.5
    assert abs(drawn.mean()) < 4 / 32
    assert abs(drawn.std() - 1) < 0.1
    assert made.chance(everyone).tolist() == made.chance(everyone).tolist()


def test_one_account_and_many_get_the_same_probability() -> None:
    made = decision(0.4, {"need": effect(0.7), "use": effect(1.1), "references": effect(0.4)}, frailty=1.0)
    made.world.use[:200] = EVERYONE / 200
    made.world.peers[:] = (3, 1, 0)
    assert [made.probability(a) for a in range(200)] == made.chance(EVERYONE).tolist()


def test_probabilities_are_single_precision() -> None:
    made = decision(0.4, {"need": effect(0.7), "use": effect(1.1)})
    chance = made.chance(EVERYONE)
    assert chance.astype(np.float32).astype(float).tolist() == chance.tolist()


def test_an_outcome_is_whether_the_uniform_lies_below_the_probability() -> None:
    made = decision(0.4, {"need": effect(0.7)})
    for account in range(200):
        for occurrence in (0, 1, 65536):
            yes, p, u = made.decide(account, occurrence)
            assert yes == (u < p)
            assert p == made.probability(account)
            assert made.decide(account, occurrence) == (yes, p, u)


@pytest.mark.parametrize("signal", ["need", "use", "references"])
def test_zero_strength_is_absence(signal: str) -> None:
    absent, zero = decision(0.4, {"fit": effect(1)}), decision(0.4, {"fit": effect(1), signal: effect(0)})
    assert zero.chance(EVERYONE).tolist() == absent.chance(EVERYONE).tolist()
    assert zero.terms(3) == absent.terms(3)


def test_order_of_effects_changes_no_bit() -> None:
    terms = {name: effect(0.1 + 0.3 * i) for i, name in enumerate(("need", "fit", "log_employees", "price_ratio"))}
    later = {"use": effect(0.7), "losses": effect(0.1), "tenure_years": effect(0.3), "orders": effect(0.37)}
    made, turned = decision(0.4, terms | later), decision(0.4, dict(reversed((terms | later).items())))
    for one in (made, turned):
        one.world.use[:200], one.world.losses[:200], one.world.orders[:200] = EVERYONE / 190, EVERYONE % 7, EVERYONE
    assert made.many(EVERYONE).tolist() == turned.many(EVERYONE).tolist()
    assert [made.one(a) for a in range(200)] == [turned.one(a) for a in range(200)]


def test_a_signal_may_bear_another_name() -> None:
    named = decision(0.4, {"need": effect(0.5)})
    renamed = decision(0.4, {"severity": effect(0.5, "need")})
    assert named.chance(EVERYONE).tolist() == renamed.chance(EVERYONE).tolist()
    assert renamed.terms(0).keys() == {"severity"}


def lifetimes(p: float, terms: int = 60) -> np.ndarray:
    """Renewals of every account before the first refusal, at most ``terms``."""
    made = decision(p, occurrence="carried")
    lives = []
    for account in range(1024):
        carried: dict[str, float] = {}
        life = 0
        while life < terms and made.carry(account, 0, carried)[0]:
            life += 1
        lives.append(life)
    return np.array(lives)


def test_carried_lifetimes_are_nested() -> None:
    chances = (0.5, 0.7, 0.8, 0.9)
    lives = [lifetimes(p) for p in chances]
    for short, long in itertools.pairwise(lives):
        assert (short <= long).all()
        assert (short < long).any()


@pytest.mark.parametrize("p", [0.5, 0.8, 0.9])
def test_carried_lifetimes_are_geometric(p: float) -> None:
    lives = lifetimes(p)
    mean = p / (1 - p)
    assert abs(lives.mean() - mean) < 4 * math.sqrt(mean * (1 + mean) / len(lives))
    survivors = np.array([(lives >= k).mean() for k in range(1, 8)])
    theory = p ** np.arange(1, 8)
    assert (np.abs(survivors - theory) < 4 * np.sqrt(theory * (1 - theory) / len(lives))).all()


def test_carried_uniforms_stay_uniform() -> None:
    """Given k renewals the uniform of the next is uniform again: its mean is one half, whatever k."""
    made = decision(0.8, occurrence="carried")
    by_term: list[list[float]] = [[] for _ in range(4)]
    for account in range(1024):
        carried: dict[str, float] = {}
        for term in by_term:
            yes, _, u = made.carry(account, 0, carried)
            term.append(u)
            if not yes:
                break
    for term in by_term:
        assert abs(np.mean(term) - 0.5) < 4 * math.sqrt(1 / 12 / len(term))
        assert 0 < min(term) <= max(term) < 1


def test_renewals_of_a_run_are_nested() -> None:
    def ends(p: float) -> dict[int, float]:
        document = changed(study("subscription", days=1000, shared=False), {
            "business.decisions.renew.base": p, "effects.renew": {}, "business.decisions.come_back.base": 0.0,
        })  # fmt: skip
        events = run(document).tables["events"]
        churned = where(events, activity="churned")
        return dict(zip(events["account"][churned].tolist(), events["time"][churned].tolist(), strict=True))

    low, high = ends(0.6), ends(0.9)
    assert set(high) < set(low)
    assert all(low[account] <= high[account] for account in high)


def departures(document: Document) -> dict[int, float]:
    """First departure of every account."""
    events = run(document).tables["events"]
    churned = where(events, activity="churned")
    found: dict[int, float] = {}
    for account, time in zip(events["account"][churned].tolist(), events["time"][churned].tolist(), strict=True):
        found.setdefault(account, time)
    return found


def test_a_larger_hazard_never_leaves_later() -> None:
    document = changed(study("take_rate", days=800, shared=False), {"business.decisions.come_back.base": 0.0})
    calm, harsh = (departures(changed(document, {"business.decisions.leave.base": p})) for p in (0.03, 0.06))
    assert set(calm) < set(harsh)
    assert all(harsh[account] <= calm[account] for account in calm)
    assert any(harsh[account] < calm[account] for account in calm)


def test_departures_are_geometric() -> None:
    """Months survived, with the same chance to leave each month."""
    document = changed(study("take_rate", accounts=1000, days=900, shared=False), {
        "business.decisions.leave": {"base": 0.1, "occurrence": "threshold"}, "effects.leave": {},
        "business.decisions.come_back.base": 0.0,
    })  # fmt: skip
    tables = run(document).tables
    decisions = tables["decisions"]
    left = np.count_nonzero(where(decisions, decision="leave"))
    months = values(tables["monthly"]["value"])[where(tables["monthly"], metric="merchants")].sum()
    assert left > 150
    assert abs(left / months - 0.1) < 4 * math.sqrt(0.1 * 0.9 / months)


def test_departures_are_logged_with_a_conditional_uniform() -> None:
    decisions = run(study("take_rate", days=800, shared=False)).tables["decisions"]
    left = where(decisions, decision="leave")
    p, u = values(decisions["probability"])[left], values(decisions["uniform"])[left]
    assert ((u > 0) & (u < p) & (p < 1)).all()
    assert abs((u / p).mean() - 0.5) < 4 * math.sqrt(1 / 12 / left.sum())


def test_zero_hazard_never_leaves_and_certain_hazard_leaves_at_the_first_month_end() -> None:
    document = changed(study("take_rate", shared=False), {"effects.leave": {}})
    assert departures(changed(document, {"business.decisions.leave.base": 0.0})) == {}
    certain = run(changed(document, {"business.decisions.leave.base": 1.0})).tables
    stays = certain["subscriptions"]
    length = (stays["ended"] - stays["start"]).astype("timedelta64[D]").astype(int)
    assert (length[~np.isnat(stays["ended"])] <= 31).all()


@pytest.mark.parametrize("kind", ["subscription", "unit_sale", "outcome_share"])
def test_every_logged_decision_obeys_its_uniform_and_is_made_once(kind: str) -> None:
    decisions = run(study(kind)).tables["decisions"]
    assert decisions["outcome"].tolist() == (decisions["uniform"] < decisions["probability"]).tolist()
    assert ((decisions["uniform"] > 0) & (decisions["uniform"] < 1)).all()
    keys = list(zip(values(decisions["decision"]), decisions["account"], decisions["occurrence"], strict=True))
    assert len(set(keys)) == len(keys)


def test_once_is_one_draw_for_all_attempts() -> None:
    document = changed(study("subscription"), {"business.decisions.sign.occurrence": "once"})
    decisions = run(document).tables["decisions"]
    signing = where(decisions, decision="sign")
    accounts, uniforms = decisions["account"][signing], decisions["uniform"][signing]
    assert len(set(accounts.tolist())) < len(accounts)
    assert len(set(zip(accounts.tolist(), uniforms.tolist(), strict=True))) == len(set(accounts.tolist()))


def duration(read: Document, effects: Document | None = None) -> Duration:
    document = {"business.route.think.delay_days": read, "effects": {"think_days": effects or {}}}
    made = world(document).stops["think"].days  # type: ignore[attr-defined]
    assert isinstance(made, Duration)
    return made


def test_durations_are_their_distribution_times_the_effects() -> None:
    plain = duration(lognormal({"small": 5, "large": 20}))
    moved = duration(lognormal({"small": 5, "large": 20}), {"need": effect(0.4), "use": effect(1)})
    moved.world.use[:200] = EVERYONE / 200
    need, use = moved.world.population.need, moved.world.use
    for account in range(200):
        for occurrence in (0, 3):
            expected = plain.of(account, occurrence) * math.exp(0.4 * need[account] + use[account] - 0.5)
            assert moved.of(account, occurrence) == pytest.approx(expected, abs=20 * GRID)


@pytest.mark.parametrize("read", [lognormal(3), fixed(0.1), fixed(-3), {"kind": "uniform", "low": -5, "high": 5}])
def test_durations_lie_on_the_grid_and_are_not_negative(read: Document) -> None:
    for made in (duration(read), duration(read, {"need": effect(0.3)}), duration(read, {"use": effect(0.3)})):
        lengths = [made.of(account, 0) for account in range(200)]
        assert min(lengths) >= 0
        assert all(length / GRID == round(length / GRID) for length in lengths)


def test_durations_of_another_median_keep_every_account_in_its_place() -> None:
    short, long = duration(lognormal(5)), duration(lognormal(6))
    lengths = np.array([(short.of(a, 0), long.of(a, 0)) for a in range(200)])
    assert lengths[:, 1] / lengths[:, 0] == pytest.approx(1.2, rel=1e-4)


def test_rates_are_factors() -> None:
    at = world({"effects": {"gmv": {"need": effect(0.3), "use": effect(0.5)}}})
    at.use[:200] = EVERYONE / 200
    rate = at.rate("gmv")
    assert isinstance(rate, Rate)
    expected = np.exp(0.3 * at.population.need[:200] + 0.5 * (at.use[:200] - 0.5))
    assert rate.factor(EVERYONE) == pytest.approx(expected)
    assert at.rate("other").factor(EVERYONE).tolist() == [1.0] * 200


def test_runs_log_the_same_decisions_or_none() -> None:
    from sim.simulate import simulate

    quiet = simulate(timeline(study()), 1, 0, log_decisions=False).tables
    loud = run(study()).tables
    assert rows(quiet["decisions"]) == []
    assert rows(quiet["events"]) == rows(loud["events"])
