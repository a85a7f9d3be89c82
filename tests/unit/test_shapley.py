"""Shapley values: games with a known answer, exact sums, and what was and was not run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import permutations

import numpy as np
import pytest

from analysis.compare.shapley import (
    EXACT_MOST,
    ORDERS,
    PLAYERS_MOST,
    Attribution,
    attribute,
    largest_remainder,
    shapley,
    subsets,
)

GLOVES = ("left", "right", "right too")
MANY = tuple("abcdefg")


def game(players: Iterable[str], worth: Callable[[frozenset[str]], np.ndarray]) -> dict[frozenset[str], np.ndarray]:
    """Values of all subsets that have to be run."""
    return {chosen: worth(chosen) for chosen in subsets(tuple(players))}


def gloves(chosen: frozenset[str]) -> np.ndarray:
    """A pair is worth 1: Shapley's textbook game of gloves."""
    return np.array([float("left" in chosen and len(chosen) > 1)])


def random_worth(
    players: tuple[str, ...], scale: float, replications: int = 4
) -> Callable[[frozenset[str]], np.ndarray]:
    """Values without any order, the same for the same subset."""

    def worth(chosen: frozenset[str]) -> np.ndarray:
        code = sum(1 << players.index(name) for name in chosen)
        return np.round(scale * np.random.default_rng(code).lognormal(0, 2, (replications, 3)), 2)

    return worth


def adds_up(found: Attribution) -> bool:
    """The shares, summed in the order of players, are the total to the last bit."""
    return bool((found.shares.sum(axis=0) == found.total).all())


def test_the_game_of_gloves() -> None:
    found = attribute(GLOVES, game(GLOVES, gloves))
    assert found.shares[:, 0] == pytest.approx([2 / 3, 1 / 6, 1 / 6])
    assert [found.alone[p] for p in GLOVES] == [0, 0, 0]
    assert [found.last_in[p] for p in GLOVES] == [1, 0, 0]
    assert found.interaction == 1
    assert adds_up(found)


def test_the_table_gives_the_mean_over_all_orders() -> None:
    values = np.random.default_rng(1).normal(size=(2, 2, 2, 2, 5))
    by_hand = np.zeros((4, 5))
    for order in permutations(range(4)):
        at = [0, 0, 0, 0]
        for player in order:
            before = values[tuple(at)]
            at[player] = 1
            by_hand[player] += (values[tuple(at)] - before) / 24
    assert shapley(values, 4) == pytest.approx(by_hand)


def test_effects_that_do_not_touch_each_other_are_each_players_own() -> None:
    own = dict(zip("abc", (3.0, -1.5, 10.25), strict=True))
    found = attribute("abc", game("abc", lambda chosen: np.full(2, 100 + sum(own[p] for p in chosen))))
    assert found.shares[:, 0] == pytest.approx(list(own.values()))
    assert found.interaction is not None
    assert found.interaction == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e9])
@pytest.mark.parametrize("players", [("a",), ("a", "b"), tuple("abcde"), MANY])
def test_shares_add_up_to_the_last_bit(players: tuple[str, ...], scale: float) -> None:
    values = game(players, random_worth(players, scale))
    found = attribute(players, values)
    largest = np.max(list(values.values()), axis=0)
    assert (np.abs(found.total - (values[frozenset(players)] - values[frozenset()])) <= 1e-14 * largest).all()
    assert adds_up(found)


def test_shares_of_cents_are_cents() -> None:
    worth = random_worth(MANY, 1e6)
    found = attribute(MANY, game(MANY, lambda chosen: np.rint(worth(chosen)).astype(np.int64)))
    assert found.shares.dtype == np.int64
    assert adds_up(found)


def test_a_metric_that_does_not_change_gives_exactly_nothing() -> None:
    for players in (tuple("abc"), MANY):
        found = attribute(players, game(players, lambda chosen: np.array([0.1, 1 / 3, 12345.67])))
        assert not found.shares.any()
        assert not found.total.any()


def test_undefined_values_leave_other_replications_alone() -> None:
    values = game("ab", lambda chosen: np.array([np.nan if "a" in chosen else 1.0, 2.0 + len(chosen)]))
    found = attribute("ab", values)
    assert np.isnan(found.shares[:, 0]).all()
    assert found.shares[:, 1].tolist() == [1, 1]


@pytest.mark.parametrize("size", range(1, EXACT_MOST + 1))
def test_few_players_need_all_subsets_from_none_to_all(size: int) -> None:
    players = tuple("abcde")[:size]
    found = subsets(players)
    assert len(set(found)) == len(found) == 2**size
    assert (found[0], found[-1]) == (frozenset(), frozenset(players))


def test_many_players_need_the_beginnings_of_sampled_orders() -> None:
    players = tuple("abcdefghijkl")
    found = subsets(players)
    assert (found[0], found[-1]) == (frozenset(), frozenset(players))
    assert len(found) <= 2 * ORDERS * (len(players) - 1) + 2
    assert found == subsets(players)
    assert found != subsets(players, orders=ORDERS - 1)
    complement = {frozenset(players) - chosen for chosen in found}
    assert complement == set(found), "an order and its reverse begin and end alike"


def test_sampled_orders_are_near_the_truth_and_say_how_near() -> None:
    values = game(MANY, lambda chosen: np.array([float(len(chosen) ** 2), 1.0 + ("a" in chosen) * ("b" in chosen)]))
    found = attribute(MANY, values)
    assert found.shares[:, 0] == pytest.approx(np.full(7, 7.0)), "a reverse order undoes what the place in it adds"
    assert found.order_error is not None
    assert found.order_error.shape == (7,)
    assert found.shares[:, 1] == pytest.approx([0.5, 0.5, 0, 0, 0, 0, 0])
    random = attribute(MANY, game(MANY, random_worth(MANY, 1.0)))
    assert random.order_error is not None
    assert (random.order_error > 0).all()


def test_without_its_run_a_change_has_no_effect_alone() -> None:
    players = tuple("abcdefghijkl")
    found = attribute(players, game(players, lambda chosen: np.array([float(len(chosen))])), orders=ORDERS)
    ran = {next(iter(chosen)) for chosen in subsets(players) if len(chosen) == 1}
    assert {p for p, alone in found.alone.items() if alone is not None} == ran
    assert (found.interaction is None) == (len(ran) < len(players))


def test_what_cannot_be_attributed_is_refused() -> None:
    with pytest.raises(ValueError, match="group the changed keys"):
        subsets([f"key {n}" for n in range(PLAYERS_MOST + 1)])
    with pytest.raises(ValueError, match="got 0"):
        subsets([])
    with pytest.raises(ValueError, match="each player once"):
        subsets(["a", "a"])
    with pytest.raises(ValueError, match="no value for the changes"):
        attribute("ab", {frozenset(): np.zeros(1), frozenset("ab"): np.ones(1), frozenset("a"): np.ones(1)})


def test_largest_remainders() -> None:
    assert largest_remainder(np.array([0.4, 0.3, 0.3]), np.array(1)).tolist() == [1, 0, 0]
    assert largest_remainder(np.array([-0.4, -0.3, 2.7]), np.array(2)).tolist() == [-1, 0, 3]
    shares = np.random.default_rng(3).normal(0, 1e6, (6, 50))
    total = np.rint(shares.sum(axis=0)).astype(np.int64)
    shares[-1] += total - shares.sum(axis=0)
    found = largest_remainder(shares, total)
    assert (found.sum(axis=0) == total).all()
    assert np.abs(found - shares).max() < 1
