"""The chosen plan is the right one as often as it is promised, over 1,000 repeats of each of nine layouts.

A layout says how means, spreads and correlation of five plans lie. Common random numbers are a common normal part
in all plans. The promise is refuted if an exact 95 % interval of the observed share lies below it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import binomtest

from analysis.compare import choose
from analysis.compare.choose import BATCH, FIRST, HEAVY, Choice, Observe, Rule, constants, kim_nelson, ocba
from analysis.compare.targets import mcnemar

PLANS = 5
NAMES = [f"plan {number}" for number in range(PLANS)]
PROMISE, REPEATS, FULL, FEW = 0.95, 1_000, 5_000, 400
INDIFFERENCE = 1 / math.sqrt(FIRST)
"""One standard error of a first-stage mean, as in the experiments of Kim & Nelson."""

STEPS = np.arange(PLANS)
SPREADS = {"equal": np.ones(PLANS), "rising": np.sqrt(1 + STEPS / 4), "falling": 1 / np.sqrt(1 + STEPS / 4)}
SLIPPAGE = np.where(STEPS == 0, INDIFFERENCE, 0.0)

Noise = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
"""Replications of mean 0 and variance 1."""


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(size=shape)


def exponential(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.exponential(size=shape) - 1


def lognormal(sigma: float) -> Noise:
    mean, square = math.exp(sigma**2 / 2), math.exp(2 * sigma**2)
    return lambda rng, shape: (np.exp(sigma * rng.normal(size=shape)) - mean) / math.sqrt(square - mean**2)


@dataclass(frozen=True, eq=False)
class Layout:
    """Means, standard deviations and correlation of the observations of plans."""

    means: np.ndarray
    spread: np.ndarray
    correlation: float
    noise: Noise = normal
    batch: int = 1

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Observations, shape (plans, count); each is the mean of ``batch`` values, scaled to variance 1."""
        common = self.noise(rng, (1, count, self.batch))
        own = self.noise(rng, (len(self.means), count, self.batch))
        mixed = math.sqrt(self.correlation) * common + math.sqrt(1 - self.correlation) * own
        return self.means[:, None] + self.spread[:, None] * mixed.mean(axis=2) * math.sqrt(self.batch)

    def observer(self, rng: np.random.Generator) -> tuple[Observe, np.ndarray]:
        """Answers for one repeat, drawn as far as they are asked for, and the observations of the first stage."""
        drawn = [self.draw(rng, 4 * FIRST)]

        def observe(plan: str, first: int, count: int) -> np.ndarray:
            while sum(part.shape[1] for part in drawn) < first + count:
                drawn.append(self.draw(rng, 8 * FIRST))
            return np.concatenate([part[NAMES.index(plan)] for part in drawn])[first : first + count]

        return observe, drawn[0][:, :FIRST]


def choices(layout: Layout, repeats: int, indifference: float = INDIFFERENCE) -> list[Choice]:
    """What Kim & Nelson choose in independent repeats."""
    rng, rule = np.random.default_rng(1), Rule(indifference=indifference, confidence=PROMISE, ahead=60)
    return [kim_nelson(NAMES, layout.observer(rng)[0], rule) for _ in range(repeats)]


def bounds(right: int, repeats: int) -> tuple[float, float]:
    """Exact (Clopper-Pearson) 95 % interval of a share."""
    found = binomtest(right, repeats).proportion_ci(0.95, "exact")
    return float(found.low), float(found.high)


def assert_kept(found: list[Choice], good: set[str]) -> None:
    """The promise is not excluded by the interval of the share of good choices, which is a narrow one."""
    right = sum(choice.selected in good for choice in found)
    low, high = bounds(right, len(found))
    assert high >= PROMISE, f"right {right} times of {len(found)}, [{low:.3f}, {high:.3f}]"
    assert high - low < 1.3 / math.sqrt(len(found))


@pytest.mark.parametrize("correlation", [0, 0.5, 0.9])
@pytest.mark.parametrize("spread", SPREADS)
def test_the_best_plan_is_chosen(spread: str, correlation: float) -> None:
    assert_kept(choices(Layout(SLIPPAGE, SPREADS[spread], correlation), REPEATS), {NAMES[0]})


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0, 0.5, 0.9])
@pytest.mark.parametrize("spread", SPREADS)
def test_the_best_plan_is_chosen_in_many_repeats(spread: str, correlation: float) -> None:
    found = choices(Layout(SLIPPAGE, SPREADS[spread], correlation), FULL)
    assert_kept(found, {NAMES[0]})
    assert sum(choice.selected == NAMES[0] for choice in found) >= PROMISE * FULL


def test_other_means_are_easier() -> None:
    """Plans at growing distances from the best fall away sooner than plans that are all near it."""
    layout = Layout(-INDIFFERENCE * STEPS, SPREADS["rising"], 0.5)
    found, hard = choices(layout, FEW), choices(Layout(SLIPPAGE, SPREADS["rising"], 0.5), 100)
    assert_kept(found, {NAMES[0]})
    assert spent(found) < 0.8 * spent(hard)


def spent(found: list[Choice]) -> float:
    """Mean number of batches that comparisons rested on, of all plans together."""
    return float(np.mean([sum(choice.batches.values()) for choice in found]))


def test_a_plan_within_the_indifference_is_as_good() -> None:
    """The second plan lags by half the indifference, the others by more than one."""
    means = -INDIFFERENCE * np.array([0, 0.5, 1.1, 1.1, 1.1])
    found = choices(Layout(means, SPREADS["rising"], 0.0), FEW)
    assert_kept(found, set(NAMES[:2]))
    low, high = bounds(sum(choice.selected == NAMES[0] for choice in found), FEW)
    assert high < PROMISE, f"the best alone is chosen in [{low:.3f}, {high:.3f}]: it is not what is promised"


def test_pairing_spares_replications() -> None:
    layouts = [Layout(SLIPPAGE, SPREADS["equal"], correlation) for correlation in (0, 0.5, 0.9)]
    alone, paired, strongly = (spent(choices(layout, 60)) for layout in layouts)
    assert strongly < 0.7 * paired < 0.7 * 0.7 * alone


def test_the_check_finds_a_choice_by_the_first_stage_alone() -> None:
    rng, layout = np.random.default_rng(1), Layout(SLIPPAGE, SPREADS["rising"], 0.0)
    firsts = [layout.observer(rng)[1].mean(axis=1) for _ in range(REPEATS)]
    assert bounds(sum(int(means.argmax()) == 0 for means in firsts), REPEATS)[1] < PROMISE


def test_the_check_finds_a_procedure_that_forgets_how_many_plans_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "constants", lambda plans, confidence: constants(2, confidence))
    found = choices(Layout(SLIPPAGE, SPREADS["equal"], 0.0), FEW)
    assert bounds(sum(choice.selected == NAMES[0] for choice in found), FEW)[1] < PROMISE


@pytest.mark.parametrize("noise", [exponential, lognormal(1.0)], ids=["exponential", "lognormal 1"])
def test_batches_make_skewed_replications_fit(noise: Noise) -> None:
    assert_kept(choices(Layout(SLIPPAGE, SPREADS["equal"], 0.5, noise, BATCH), REPEATS), {NAMES[0]})


def test_single_replications_with_skewness_break_the_promise() -> None:
    """The same question in the unit of single replications: one tenth of the variance, ten times as many."""
    layout = Layout(SLIPPAGE / math.sqrt(BATCH), SPREADS["equal"], 0.0, lognormal(1.0))
    found = choices(layout, FEW // 4, INDIFFERENCE / math.sqrt(BATCH))
    assert bounds(sum(choice.selected == NAMES[0] for choice in found), FEW // 4)[1] < PROMISE


def test_where_batches_do_not_help_enough_the_guarantee_says_so() -> None:
    """Lognormal of sigma 1.5: skewness 33 of a replication, 11 of a batch. The promise is missed, and warned of."""
    found = choices(Layout(SLIPPAGE, SPREADS["equal"], 0.0, lognormal(1.5), BATCH), FEW)
    low, high = bounds(sum(choice.selected == NAMES[0] for choice in found), FEW)
    assert 0.85 <= low < high < PROMISE
    assert np.mean([choice.guarantee.endswith(HEAVY) for choice in found]) > 0.5
    tame = choices(Layout(SLIPPAGE, SPREADS["equal"], 0.0), FEW)
    assert np.mean([choice.guarantee.endswith(HEAVY) for choice in tame]) < 0.02


@pytest.mark.parametrize("correlation", [0, 0.5])
def test_ocba_spends_a_budget_better_than_equal_shares_do(correlation: float) -> None:
    """No promise, but more right choices than the same batches bring when everybody gets the same number."""
    rng, layout, batches = np.random.default_rng(2), Layout(-STEPS / 4, SPREADS["equal"], correlation), 20
    shared, given, told = [], [], []
    for _ in range(400):
        observe, first = layout.observer(rng)
        choice = ocba(NAMES, observe, batches * PLANS * BATCH)
        shared.append(int(first[:, :batches].mean(axis=1).argmax()) == 0)
        given.append(choice.selected == NAMES[0])
        told.append(choice.probability)
        assert sum(choice.replications.values()) == batches * PLANS * BATCH
    assert np.mean(given) > np.mean(shared)
    assert mcnemar(np.array(shared), np.array(given)) < 0.01
    assert np.mean(given) - 0.25 < np.mean(told) <= np.mean(given), "a lower bound, and not an empty one"
