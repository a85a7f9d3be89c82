"""What each of several changes did to a metric: Shapley's share of the whole difference, per replication.

A player is a group of changed keys; the value of a subset is the metric of a run in which only those groups are
changed. A player's share is what it adds when it joins, averaged over the orders in which all may join: over every
order up to five players, over eight random orders and their reverses from six to twelve. Either way the shares add
up to the difference between all changes and none, in each replication and hence in the mean.

References
----------
Shapley, L. S. (1953). A value for n-person games. Contributions to the Theory of Games II, 307-317.
Castro, J., Gomez, D. & Tejada, J. (2009). Polynomial calculation of the Shapley value based on sampling. Computers
    & Operations Research 36, 1726-1730.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

EXACT_MOST, PLAYERS_MOST = 5, 12
"""Players up to which all subsets are run, and up to which there is an attribution at all."""

ORDERS = 8
"""Random orders, each with its reverse, where there are more players than ``EXACT_MOST``."""

_KEPT_BITS = 48
"""Shares are multiples of about 2^-48 of the largest value, so that sums of them are exact."""

Subset = frozenset[str]


@dataclass(frozen=True, eq=False)
class Attribution:
    """The difference between all changes and none, by player.

    Attributes
    ----------
    players : tuple of str
        In the order in which shares are summed.
    total : array, shape (replications,) or (replications, metrics)
        Value of all players less the value of none.
    shares : array, shape (players, ...)
        Shapley values in the order of ``players``; they add up to ``total``.
    alone : dict
        Player to what it does where it is the only one, None if that subset was not run.
    last_in : dict
        Player to what it adds to all others, None if they were not run without it.
    interaction : array or None
        ``total`` less the sum of ``alone``; None if one of those is.
    order_error : array, shape (players, ...) or None
        Standard error over the sampled orders of each player's mean over replications; None if all orders count.
    """

    players: tuple[str, ...]
    total: np.ndarray
    shares: np.ndarray
    alone: dict[str, np.ndarray | None]
    last_in: dict[str, np.ndarray | None]
    interaction: np.ndarray | None
    order_error: np.ndarray | None = None


def subsets(players: Sequence[str], orders: int = ORDERS) -> list[Subset]:
    """Subsets of changes that have to be run, the empty one first and all players last.

    Parameters
    ----------
    players : sequence of str
        Names, each once.
    orders : int
        Random orders from which subsets are taken if there are more than five players; their reverses are added.
        The same names in the same order always give the same ones.

    Raises
    ------
    ValueError
        If a name occurs twice, or there are more than twelve: group them.
    """
    _check(players)
    if len(players) <= EXACT_MOST:
        return _complete(players)
    found = {frozenset(order[:size]) for order in _orders(players, orders) for size in range(len(players) + 1)}
    place = {name: number for number, name in enumerate(players)}
    return sorted(found, key=lambda chosen: (len(chosen), sorted(place[name] for name in chosen)))


def attribute(players: Sequence[str], values: Mapping[Subset, np.ndarray], orders: int = ORDERS) -> Attribution:
    """Shares of the players.

    Parameters
    ----------
    players : sequence of str
        Names, each once.
    values : mapping
        Of every subset that ``subsets`` names: the metric by replication, shape (replications,) or (replications,
        metrics), NaN where undefined. Integers (cents) give integer shares by largest remainder.
    orders : int
        As for ``subsets``.

    Returns
    -------
    Attribution
        Float shares and totals are multiples of a power of two, less than 1e-14 of the largest value of any subset in
        that replication; the last player takes what is missing to the total. So they add up to the last bit.

    Raises
    ------
    ValueError
        If a subset is missing, or as for ``subsets``.
    """
    _check(players)
    missing = [chosen for chosen in subsets(players, orders) if chosen not in values]
    if missing:
        raise ValueError(f"attribution: no value for the changes {sorted(missing[0]) or 'none'}")
    names, nobody, everybody = tuple(players), values[frozenset()], values[frozenset(players)]
    if all(chosen in values for chosen in _complete(names)):
        raw, error = shapley(_table(names, values), len(names)), None
    else:
        raw, error = _sampled(names, values, _orders(names, orders))
    alone = {p: _difference(values, frozenset({p}), frozenset()) for p in names}
    last_in = {p: _difference(values, frozenset(names), frozenset(names) - {p}) for p in names}
    single = [found for found in alone.values() if found is not None]
    raw_total = everybody - nobody
    interaction = raw_total - sum(single) if len(single) == len(names) else None
    total, shares = _shared_out(raw, raw_total, values)
    return Attribution(names, total, shares, alone, last_in, interaction, error)


def shapley(values: np.ndarray, players: int) -> np.ndarray:
    """Shapley values of a table of all subsets.

    Parameters
    ----------
    values : array, shape (2, ..., 2, *rest)
        Each of the first ``players`` axes is 0 without a player and 1 with it.
    players : int
        At least 1.

    Returns
    -------
    float array, shape (players, *rest)
    """
    values = np.asarray(values, float)
    size = np.indices((2,) * (players - 1)).sum(axis=0) if players > 1 else np.zeros((), int)
    weight = np.array([1 / (players * math.comb(players - 1, n)) for n in range(players)])[size]
    weight = weight.reshape(weight.shape + (1,) * (values.ndim - players))
    gains = [np.take(values, 1, axis=i) - np.take(values, 0, axis=i) for i in range(players)]
    return np.stack([(gain * weight).sum(axis=tuple(range(players - 1))) for gain in gains])


def largest_remainder(shares: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Shares as integers that add up to an integer total.

    Parameters
    ----------
    shares : float array, shape (parts, ...)
        They add up to ``total`` but for rounding.
    total : int array, shape (...)

    Returns
    -------
    int array, shape (parts, ...)
        Rounded down, then 1 more for those with the largest fractions, the first of equal ones first.
    """
    whole = np.floor(shares)
    order = np.argsort(whole - shares, axis=0, kind="stable")
    place = np.argsort(order, axis=0, kind="stable")
    found = whole.astype(np.int64)
    more: np.ndarray = found + (place < total - found.sum(axis=0))
    return more


def _check(players: Sequence[str]) -> None:
    if len(set(players)) < len(players):
        raise ValueError(f"attribution: each player once, got {', '.join(players)}")
    if not 0 < len(players) <= PLAYERS_MOST:
        raise ValueError(f"attribution: 1 to {PLAYERS_MOST} players, got {len(players)}; group the changed keys")


def _orders(players: Sequence[str], orders: int) -> list[tuple[str, ...]]:
    """Random orders, each followed by its reverse."""
    random = np.random.default_rng(20250101)
    drawn = [tuple(players[i] for i in random.permutation(len(players))) for _ in range(orders)]
    return [order for one in drawn for order in (one, one[::-1])]


def _complete(players: Sequence[str]) -> list[Subset]:
    sizes = range(len(players) + 1)
    return [frozenset(chosen) for size in sizes for chosen in combinations(players, size)]


def _table(players: tuple[str, ...], values: Mapping[Subset, np.ndarray]) -> np.ndarray:
    """Values with one axis of length 2 for every player in front."""
    chosen = [frozenset(p for p, on in zip(players, row, strict=True) if on) for row in np.ndindex((2,) * len(players))]
    table = np.stack([np.asarray(values[subset]) for subset in chosen])
    return table.reshape((2,) * len(players) + table.shape[1:])


def _sampled(
    players: tuple[str, ...], values: Mapping[Subset, np.ndarray], orders: list[tuple[str, ...]]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean gain over the orders, and its standard error over the pairs of an order and its reverse."""
    gains = np.stack([_gains(players, values, order) for order in orders])
    pairs = (gains[0::2] + gains[1::2]) / 2
    means = pairs.mean(axis=2)
    error = means.std(axis=0, ddof=1) / math.sqrt(len(pairs)) if len(pairs) > 1 else np.full_like(means[0], np.nan)
    return gains.mean(axis=0), error


def _gains(players: tuple[str, ...], values: Mapping[Subset, np.ndarray], order: tuple[str, ...]) -> np.ndarray:
    """What every player adds when they join in this order, shape (players, ...)."""
    path = [np.asarray(values[frozenset(order[:size])], float) for size in range(len(order) + 1)]
    return np.stack([path[order.index(player) + 1] - path[order.index(player)] for player in players])


def _difference(values: Mapping[Subset, np.ndarray], more: Subset, less: Subset) -> np.ndarray | None:
    return values[more] - values[less] if more in values and less in values else None


def _shared_out(
    raw: np.ndarray, total: np.ndarray, values: Mapping[Subset, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The total and shares whose sum it is, to the last bit or unit."""
    if np.issubdtype(total.dtype, np.integer):
        return total, largest_remainder(raw, total)
    largest = np.max([np.nan_to_num(np.abs(found)) for found in values.values()], axis=0)
    grain = np.exp2(np.ceil(np.log2(np.where(largest > 0, largest, 1.0))) - _KEPT_BITS)
    total, shares = np.rint(total / grain) * grain, np.rint(raw / grain) * grain
    shares[-1] = total - shares[:-1].sum(axis=0)
    return total, shares
