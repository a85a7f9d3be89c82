"""Choosing the best plan: constants and decisions by hand, equal plans, budgets, wording."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm

from analysis.compare.choose import (
    BATCH,
    DECIDED,
    FIRST,
    HEAVY,
    KIM_NELSON,
    OCBA,
    SPENT,
    Choice,
    Observe,
    Rule,
    batch_means,
    boundary,
    constants,
    kim_nelson,
    ocba,
)
from analysis.compare.ocba import PILOT, correct_selection, shares
from analysis.compare.sample import Sample

Values = dict[str, np.ndarray]


def observer(values: Values, asked: list[tuple[str, int, int]] | None = None) -> Observe:
    """Answers from arrays; every request is written down."""

    def observe(plan: str, first: int, count: int) -> np.ndarray:
        if asked is not None:
            asked.append((plan, first, count))
        return values[plan][first : first + count]

    return observe


def choose(values: Values, indifference: float = 0.1, **rule: float | bool | str) -> Choice:
    return kim_nelson(list(values), observer(values), Rule(indifference=indifference, **rule))  # type: ignore[arg-type]


def normal_plans(seed: int, shift: float = 0.3, plans: int = 4, batches: int = 3_000) -> Values:
    """Plans with a common part, of rising means and spreads."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=batches)
    draws = {f"p{k}": 5 + shift * k + (1 + k / 2) * rng.normal(size=batches) + common for k in range(plans)}
    return dict(sorted(draws.items(), key=lambda item: rng.random()))


def alternating(batches: int = 200) -> Values:
    """The plan leads by 2 and 0 in turn, so that S2 is 20 / 19 and the lead after r batches 1, or 1 + 1 / r if odd."""
    base = np.arange(float(batches)) % 7
    return {"base": base, "plan": base + 2 * (1 - np.arange(batches) % 2)}


def test_constants_by_hand() -> None:
    """2 a / (k - 1) is 1 / 10 for two plans and 1 / 40 for five: eta = (10^(2/19) - 1) / 2, (40^(2/19) - 1) / 2."""
    assert constants(2, 0.95) == pytest.approx((0.13713749, 5.21122473), abs=1e-8)
    assert constants(5, 0.95) == pytest.approx((0.23723832, 9.01505599), abs=1e-8)
    assert constants(3, 0.9, first=3) == pytest.approx((4.5, 18))


def test_boundary_by_hand() -> None:
    """1 / (2 * 10) * (5 * 4 / 1 - 10) = .5; it closes at r = 20."""
    assert boundary(10, 5, 4, 1) == pytest.approx(0.5)
    assert boundary(np.array([5, 20, 40]), 5, 4, 1) == pytest.approx([1.5, 0, 0])
    assert boundary(10, 5, 4, 2) == 0
    assert boundary(4, 5, 4, 2) == pytest.approx(0.25)


def test_a_decision_by_hand() -> None:
    """At d = .1 the boundary is .05 (548.55 / r - 1): 1.005 > 1 after 26 batches, .966 < 1 + 1 / 27 after 27."""
    found = choose(alternating(), 0.1)
    assert (found.selected, found.stopped) == ("plan", DECIDED)
    assert found.eliminated_at == {"base": 27, "plan": None}
    assert found.batches == {"base": 27, "plan": 27}
    assert found.means["plan"] - found.means["base"] == pytest.approx(1 + 1 / 27)
    assert choose(alternating(), 0.2).eliminated_at["base"] == FIRST


def written_out(values: Values, rule: Rule) -> tuple[str, dict[str, int]]:
    """The procedure one plan, one pair and one batch at a time."""
    _, h2 = constants(len(values), rule.confidence)
    x = {plan: v if rule.largest else -v for plan, v in values.items()}
    s2 = {(i, j): float(np.var(x[i][:FIRST] - x[j][:FIRST], ddof=1)) for i in x for j in x}
    left: dict[str, int] = {}
    running, r = list(x), FIRST
    while True:
        lag = {(i, j): float(boundary(r, h2, s2[i, j], rule.indifference)) for i in running for j in running}
        mean = {i: float(x[i][:r].mean()) for i in running}
        staying = [i for i in running if all(mean[i] >= mean[j] - lag[i, j] for j in running)]
        left |= {i: r for i in running if i not in staying}
        running = staying
        if len(running) == 1 or not any(lag[i, j] for i in running for j in running):
            return running[0], left
        r += 1


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_screening_in_blocks_is_screening_batch_by_batch(seed: int, largest: bool) -> None:
    values = normal_plans(seed)
    selected, left = written_out(values, Rule(indifference=0.25, largest=largest))
    assert max(left.values()) > FIRST
    for ahead in (1, 7, 1_000):
        found = choose(values, 0.25, largest=largest, ahead=ahead)
        assert found.selected == selected
        assert {plan: at for plan, at in found.eliminated_at.items() if at} == left
        assert found.batches == {plan: left.get(plan, max(left.values())) for plan in values}
        assert found.means == pytest.approx({plan: values[plan][:n].mean() for plan, n in found.batches.items()})


def test_only_plans_in_question_are_asked_for_in_order_and_as_far_ahead_as_told() -> None:
    asked: list[tuple[str, int, int]] = []
    values = normal_plans(1)
    found = kim_nelson(list(values), observer(values, asked), Rule(indifference=0.25, ahead=6))
    for plan in values:
        own = [(first, count) for name, first, count in asked if name == plan]
        assert own[0] == (0, FIRST)
        assert all(count == 6 for _, count in own[1:])
        assert [first for first, _ in own] == [0, *np.cumsum([count for _, count in own])[:-1]]
        assert found.replications[plan] == BATCH * sum(count for _, count in own)
        assert 0 <= found.replications[plan] - BATCH * found.batches[plan] < 6 * BATCH


def test_equal_plans_are_tied_at_once() -> None:
    base = normal_plans(3)["p0"]
    dusty = base * (1 + 1e-15)
    found = choose({"base": base, "same": base.copy(), "dusty": dusty, "worse": base - 1})
    assert (found.selected, found.tied, found.stopped) == ("base", ("same", "dusty"), DECIDED)
    assert found.eliminated_at == {"base": None, "same": None, "dusty": None, "worse": FIRST}
    assert sum(found.replications.values()) == 4 * FIRST * BATCH
    assert found.guarantee.endswith("within 0.1 of it; the same mean: same, dusty")
    zero = choose({"a": np.zeros(30), "b": np.zeros(30)})
    assert (zero.selected, zero.tied) == ("a", ("b",))


def test_a_constant_lead_is_seen_at_once_however_small() -> None:
    base = normal_plans(3)["p0"]
    found = choose({"base": base, "cheaper": base + 0.001}, 10.0)
    assert (found.selected, found.tied, found.eliminated_at["base"]) == ("cheaper", (), FIRST)


def test_equal_plans_are_raced_against_a_third() -> None:
    values = normal_plans(4, shift=0.3, plans=2)
    found = choose({"base": values["p0"], "same": values["p0"], "plan": values["p1"]}, 0.2)
    assert found.selected == "plan"
    assert found.eliminated_at["base"] == found.eliminated_at["same"] > FIRST  # type: ignore[operator]


def test_the_guarantee_is_made_of_the_figures() -> None:
    assert choose(alternating(), 0.1).guarantee == (
        "with probability at least 95 % the best plan, or one within 0.1 of it"
    )
    values = {plan: 1e6 * x for plan, x in alternating().items()}
    found = choose(values, 50_000, confidence=0.9, unit="CNY")
    assert found.guarantee == "with probability at least 90 % the best plan, or one within 50,000 CNY of it"
    assert found.method == KIM_NELSON
    assert math.isnan(found.probability)


def test_a_heavy_tail_in_the_first_stage_is_said() -> None:
    values = alternating()
    values["plan"][3] += 40
    assert choose(values, 3.0).guarantee.endswith(HEAVY)


@pytest.mark.parametrize(("budget", "batches"), [(83, 4), (400, 20), (430, 21)])
def test_a_budget_that_ends_first_leaves_no_guarantee(budget: int, batches: int) -> None:
    found = choose(alternating(), 0.1, budget=budget)
    assert (found.stopped, found.selected) == (SPENT, "plan")
    assert found.replications == {"base": batches * BATCH, "plan": batches * BATCH}
    assert found.batches == {"base": batches, "plan": batches}
    assert found.guarantee.startswith("no guarantee: the budget")
    assert f"{2 * batches * BATCH:,} replications" in found.guarantee
    assert choose(alternating(), 0.1, budget=budget, ahead=50).replications == found.replications


def test_a_budget_that_suffices_changes_nothing() -> None:
    assert choose(alternating(), 0.1, budget=540) == choose(alternating(), 0.1)
    assert choose(alternating(), 0.1, budget=539).stopped == SPENT


def test_among_plans_in_question_the_best_so_far() -> None:
    """One plan was left behind at 20; of the others neither leads by enough."""
    base = np.arange(40.0) % 5
    wave = np.where(np.arange(40) % 2, -3.0, 3.2)
    found = choose({"base": base, "worse": base - 9, "plan": base + wave}, 0.1, budget=3 * 200 + 2 * 30)
    assert (found.selected, found.stopped, found.tied) == ("plan", SPENT, ())
    assert found.batches == {"base": 23, "worse": 20, "plan": 23}


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda v: kim_nelson(["base"], observer(v), Rule(indifference=1)), "at least two plans"),
        (lambda v: kim_nelson(["base", "base"], observer(v), Rule(indifference=1)), "different names"),
        (lambda v: choose(v, budget=19), "too small"),
        (lambda v: choose(v, 0.0), "indifference"),
        (lambda v: choose(v, math.inf), "indifference"),
        (lambda v: choose(v, confidence=1.0), "confidence"),
        (lambda v: choose(v, ahead=0), "ahead"),
        (lambda v: choose({plan: x[:FIRST] for plan, x in v.items()}), "shape"),
        (lambda v: choose(v | {"base": np.where(np.arange(200) == 22, np.nan, v["base"])}), "undefined in batch 22"),
        (lambda v: ocba(["base", "plan"], observer(v), 39), "too small"),
        (lambda v: ocba(["base", "plan"], observer(v), 100, step=0), "step"),
    ],
)
def test_what_cannot_be_chosen(wrong: Callable[[Values], Choice], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        wrong(alternating())


def test_batches_of_replications() -> None:
    values = np.arange(30.0)
    assert batch_means(values) == pytest.approx([4.5, 14.5, 24.5])
    values[10:19], values[20:] = np.nan, np.nan
    assert batch_means(values) == pytest.approx([4.5, 19, np.nan], nan_ok=True)
    assert batch_means(np.array([])).shape == (0,)
    with pytest.raises(ValueError, match="batches of 10"):
        batch_means(np.arange(25.0))


def test_shares_of_a_budget_by_hand() -> None:
    """Others: 1 / 2^2 and 4 / 4^2; the best: sqrt(4 (1 / 2^4 + 4 / 4^4)) = sqrt(5 / 16)."""
    means, variances = np.array([10.0, 8.0, 6.0]), np.array([4.0, 1.0, 4.0])
    weights = np.array([math.sqrt(5 / 16), 0.25, 0.25])
    assert shares(means, variances, np.zeros(3)) == pytest.approx(weights / weights.sum())
    assert shares(means, np.array([4.0, 0.0, 0.0]), np.zeros(3)) == pytest.approx([1, 0, 0])
    tied = shares(np.array([10.0, 10.0, 6.0]), variances, np.array([0.0, 1.0, 1.0]))
    assert tied[0] + tied[1] > 0.99
    assert np.isfinite(tied).all()


def test_the_approximate_probability_by_hand() -> None:
    """Leads 1 and 3 with paired standard errors sqrt(S2 / n) each."""
    x = np.arange(8.0) % 3
    values = {"a": x + 3, "b": x + 2 + np.array([1.0, -1] * 4), "c": x + np.array([2.0, -2] * 4)}
    sample = Sample(list(values), observer(values), True, None)
    sample.take_each(8)
    errors = [math.sqrt(8 / 7 / 8), math.sqrt(4 * 8 / 7 / 8)]
    assert correct_selection(sample) == pytest.approx(1 - norm.cdf(-1 / errors[0]) - norm.cdf(-3 / errors[1]))


def test_unequal_numbers_of_batches_use_the_pairs_they_have() -> None:
    """Mean of 8 against mean of the first 4: 4 pairs of x / 2 - y, and 4 batches of x / 2 on their own."""
    x, y = np.array([1.0, 4, 2, 8, 5, 7, 1, 3]), np.array([2.0, 3, 1, 5])
    sample = Sample(["x", "y"], observer({"x": x, "y": y}), True, None)
    sample.take(0, 8)
    sample.take(1, 4)
    error = math.sqrt((x[:4] / 2 - y).var(ddof=1) / 4 + x.var(ddof=1) * 4 / 64)
    assert correct_selection(sample) == pytest.approx(norm.cdf((x.mean() - y.mean()) / error))


@pytest.mark.parametrize("largest", [True, False])
def test_ocba_spends_its_budget_and_promises_nothing(largest: bool) -> None:
    values = normal_plans(5, shift=0.5)
    found = ocba(list(values), observer(values), 1_005, largest=largest)
    assert found.selected == ("p3" if largest else "p0")
    assert sum(found.replications.values()) == 1_000
    assert (found.method, found.stopped, found.tied) == (OCBA, SPENT, ())
    assert "heuristic" in found.method
    assert found.guarantee.startswith("no guarantee: a heuristic that spends 1,000 replications where they tell most")
    assert f"approximate probability of a correct selection {100 * found.probability:.1f} %" in found.guarantee
    assert 0.5 < found.probability <= 1
    assert found.means == pytest.approx({plan: values[plan][:n].mean() for plan, n in found.batches.items()})
    worst, best = ("p0", "p3") if largest else ("p3", "p0")
    assert found.batches[best] > found.batches[worst]


def test_ocba_settles_equal_and_shifted_plans_by_the_first_batches() -> None:
    values = normal_plans(6, shift=0.4, plans=2)
    plans = {"base": values["p0"], "same": values["p0"], "cheaper": values["p0"] + 0.1, "plan": values["p1"]}
    found = ocba(list(plans), observer(plans), 2_000)
    assert found.eliminated_at == {"base": PILOT, "same": PILOT, "cheaper": None, "plan": None}
    assert found.replications["base"] == found.replications["same"] == PILOT * BATCH
    alone = ocba(["a", "b", "c"], observer({"a": values["p0"], "b": values["p0"], "c": values["p0"] - 1}), 2_000)
    assert (alone.selected, alone.tied, alone.stopped, alone.probability) == ("a", ("b",), DECIDED, 1.0)
    assert sum(alone.replications.values()) == 3 * PILOT * BATCH


def test_ocba_without_spread_and_with_a_chance_tie() -> None:
    flat = {"a": np.full(99, 1.0), "b": np.full(99, 2.0), "c": np.full(99, 2.0)}
    found = ocba(list(flat), observer(flat), 500)
    assert (found.selected, found.tied, found.stopped) == ("b", ("c",), DECIDED)
    one = {"a": np.full(99, 1.0), "b": np.tile([0.0, 3.0, 1.5], 33)}
    assert ocba(list(one), observer(one), 500).replications == {"a": PILOT * BATCH, "b": (50 - PILOT) * BATCH}
    turn = np.tile([1.0, 0.0, 0.5, 0.0, 1.0], 30)
    tied = {"a": turn, "b": np.roll(turn, 2), "c": np.roll(turn, 3), "d": np.roll(turn, 1)}
    assert np.ptp([plan[:PILOT].mean() for plan in tied.values()]) < 1e-15
    even = ocba(list(tied), observer(tied), 800)
    assert sum(even.replications.values()) == 800
    assert 0 <= even.probability < 0.9
