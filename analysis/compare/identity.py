"""Revenue as a product of quantities, and what each of them does to the difference between two runs.

Revenue of a segment is the sum over cohorts of leads q and ages a of

    L[q] * B(F, J, R) * T[q, a] * S[a] * P[a]

L leads; B births (first contracts) per lead: the chance that a chain of stops ends in a contract, where F is the
share of accounts that leave a stop before the horizon, J where those go that left (R where the stop is the lost
pool); T how many of the births of a cohort reach an age within the horizon, relative to its leads times B; S the
share of these that are customers still, P what such a customer pays in that month. Orders (goods, projects) are a
second sum of the same form, over an account's first, second and later orders: S is the share of customers that
order again, among those that decided, P the amount of an order, T what was placed and earned within the horizon
relative to that. Who was a customer on the first day already is a third sum, without B and by the month of the horizon:
L are these customers, S those that still are, P what such a one pays in that month, whatever for. A ratio that a run
cannot tell (nobody was there) is that of the other run.

The runs share their accounts, so who comes to a decision is told from how it is decided: exchanging J alone leaves
the accounts that left a stop and gives those that left it in both runs the way that they took in the other; for the
others the shares change as they do for these. So a shorter queue, which brings more accounts to the same decision,
does not look like another conversion because these happen to decide differently.

Drivers are Shapley's shares of exchanging these quantities:

- volume: L. returns: R. conversion: J. churn: S (winning back and buying again included).
- speed_capacity: F and T together, since both say what happened in time. T is what the other quantities leave over,
  so that the product is the revenue of either run.
- price: P, which holds price, quantity and use.

The split is by accounting, not by cause: a lever may work through several drivers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.compare.factors import BORN, OPEN, OUT, Path, Tally, aligned
from analysis.compare.shapley import largest_remainder, shapley

PLAYERS: tuple[str, ...] = ("volume", "returns", "speed_capacity", "conversion", "churn", "price")
"""Drivers of revenue that are exchanged between the runs."""

_DAMPING = 1 - 1e-9
"""Keeps a chain solvable in which mixed quantities would let accounts go round for ever; either run's own births
are not touched, because T is relative to B."""


@dataclass(frozen=True, eq=False)
class _Way:
    """From lead to birth, N states.

    Attributes
    ----------
    leaves : array, shape (2, S, N)
        F of either run.
    goes : array, shape (2, 2, S, N, N + 2)
        Of the accounts that left a state in one run (first axis), the shares that went to each state, were born or
        were out, had they decided as in one run (second axis).
    """

    leaves: np.ndarray
    goes: np.ndarray

    def births(self, leaving: int, deciding: int, returning: int, lost: np.ndarray) -> np.ndarray:
        """B, shape (S,), with either run's accounts, decisions and, in ``lost`` states, returns."""
        goes = np.where(lost[None, :, None], self.goes[leaving, returning], self.goes[leaving, deciding])
        flow = _DAMPING * self.leaves[leaving][:, :, None] * goes
        size = flow.shape[1]
        found = np.linalg.solve(np.eye(size) - flow[:, :, :size], flow[:, :, size : size + 1])
        births: np.ndarray = found[:, 0, 0]
        return births


@dataclass(frozen=True, eq=False)
class _Earning:
    """From birth to revenue: T, shape (S, Q, A), S and P, shape (S, A); NaN where a run cannot tell.

    ``stays`` is S itself, or with ``chained`` the factor by which S changes from one place to the next.
    """

    in_time: np.ndarray
    stays: np.ndarray
    pays: np.ndarray
    chained: bool = False


def revenue_drivers(base: Tally, plan: Tally, pools: np.ndarray) -> np.ndarray:
    """The difference in revenue of contracts, by driver.

    Parameters
    ----------
    base, plan : Tally
        Of one replication.
    pools : bool array, shape (stages,)
        Stops from which accounts return.

    Returns
    -------
    int array, shape (players, S)
        Cents; they add up to the difference of ``Tally.revenue``.
    """
    sides = aligned(base, plan)
    leads = np.stack([side.leads for side in sides])
    way, lost = _way(base.path, plan.path, leads.shape[1], pools)
    mixed = np.stack([way.births(speed, won, back, lost) for back, speed, won in np.ndindex(2, 2, 2)])
    births = mixed[0], mixed[-1]
    running, ordered = ([kind(s, b) for s, b in zip(sides, births, strict=True)] for kind in (_running, _ordered))
    earned = _product(leads, *running) + _product(leads, *ordered)
    stood = _product(np.stack([side.stood for side in sides]), *map(_standing, sides))
    values = mixed.reshape(2, 2, 2, -1)[None, :, :, :, None, None] * earned[:, None, :, None]
    values = values + stood[:, None, :, None]
    return largest_remainder(shapley(values, len(PLAYERS)), plan.revenue - base.revenue)


def _way(base: Path, plan: Path, segments: int, pools: np.ndarray) -> tuple[_Way, np.ndarray]:
    """Quantities of the way, and which states are a lost pool."""
    attempts = -(-max(int(path.state.max(initial=1)) for path in (base, plan)) // max(len(pools), 1))
    lost = np.append(False, np.tile(pools, attempts))
    size = (segments, len(lost))
    entered, finished = (np.stack([_visits(p, size, left) for p in (base, plan)]) for left in (False, True))
    leaves = _told(*_ratio(finished, entered))
    goes = _exchanged(base, plan, size) / np.maximum(finished, 1)[:, None, :, :, None]
    none = finished == 0
    known = [[np.where(none[who][:, :, None], np.nan, goes[who, how]) for how in (0, 1)] for who in (0, 1)]
    return _Way(leaves, np.stack([_told(known[0][how], known[1][how]) for how in (0, 1)], axis=1)), lost


def _visits(path: Path, size: tuple[int, int], left: bool) -> np.ndarray:
    """Accounts that came into a state, or those that left it, shape (S, N)."""
    found = np.zeros(size)
    rows = path.goes != OPEN if left else slice(None)
    np.add.at(found, (path.segment[rows], path.state[rows]), 1)
    return found


def _exchanged(base: Path, plan: Path, size: tuple[int, int]) -> np.ndarray:
    """Where accounts went from each state, shape (2, 2, S, N, N + 2): who left it, and how they decided."""
    left = [np.flatnonzero(path.goes != OPEN) for path in (base, plan)]
    keys = [path.account[rows] * size[1] + path.state[rows] for path, rows in zip((base, plan), left, strict=True)]
    _, *places = np.intersect1d(*keys, return_indices=True)
    both, alone = [], []
    for path, rows, place in zip((base, plan), left, places, strict=True):
        shared = np.isin(np.arange(len(rows)), place)
        both.append(_targets(path, rows[shared], size))
        alone.append(_targets(path, rows[~shared], size))
    swapped = [both[1 - who] + _shifted(alone[who], both[who], both[1 - who]) for who in (0, 1)]
    own = [both[who] + alone[who] for who in (0, 1)]
    return np.stack((np.stack((own[0], swapped[0])), np.stack((swapped[1], own[1]))))


def _targets(path: Path, rows: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Counts by segment, state and where they went: the states, then born and out."""
    found = np.zeros((*size, size[1] + 2))
    goes = path.goes[rows]
    goes = np.select([goes == BORN, goes == OUT], [size[1], size[1] + 1], goes)
    np.add.at(found, (path.segment[rows], path.state[rows], goes), 1)
    return found


def _shifted(counts: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Counts whose shares change as those of others did; one account more on either side keeps few from saying much."""
    moved = counts * (after + 1) / (before + 1)
    total = moved.sum(axis=2, keepdims=True)
    return moved * np.where(total > 0, counts.sum(axis=2, keepdims=True) / np.where(total > 0, total, 1.0), 0.0)


def _product(leads: np.ndarray, base: _Earning, plan: _Earning) -> np.ndarray:
    """Sums of L * T * S * P for every mixture, shape (2 volume, 2 speed_capacity, 2 churn, 2 price, S)."""
    in_time, stays, pays = (_told(getattr(base, n), getattr(plan, n)) for n in ("in_time", "stays", "pays"))
    if base.chained:
        stays = np.cumprod(stays, axis=2)
    reach = np.einsum("vsq,psqa->vpsa", leads, in_time)
    found: np.ndarray = np.einsum("vpsa,csa,wsa->vpcws", reach, stays, pays)
    return found


def _running(side: Tally, births: np.ndarray) -> _Earning:
    """Contracts that run on, by age in months."""
    reached = side.reached.sum(axis=1)
    return _Earning(
        _ratio(side.reached, side.leads[:, :, None] * births[:, None, None]),
        _ratio(side.alive, reached),
        _ratio(side.paid, side.alive),
    )


def _standing(side: Tally) -> _Earning:
    """Customers of the first day, by month of the horizon."""
    return _Earning(
        _ratio(side.stood_reached, side.stood[:, :, None]),
        _ratio(side.stood_alive, side.stood_reached.sum(axis=1)),
        _ratio(side.stood_paid, side.stood_alive),
    )


def _ordered(side: Tally, births: np.ndarray) -> _Earning:
    """Orders, by their place among those of a customer."""
    again = _ratio(side.orders[:, 1:], side.decided[:, :-1])
    stays = np.concatenate((np.ones_like(side.orders[:, :1], float), again), axis=1)
    pays = _ratio(side.amount, side.orders)
    leads = (side.leads * births[:, None])[:, :, None]
    expected = leads * (np.cumprod(stays, axis=1) * pays)[:, None, :]
    early = _too_early(side)[:, None, :] & (leads > 0)
    return _Earning(np.where(early, 0.0, _ratio(side.earned, expected)), stays, pays, chained=True)


def _too_early(side: Tally) -> np.ndarray:
    """Whether there are no orders of a place because the decision on them has not come, shape (S, K)."""
    placed = side.orders > 0
    last = np.maximum(placed.sum(axis=1, keepdims=True) - 1, 0)
    if not placed.shape[1]:
        return placed
    early: np.ndarray = ~placed & placed[:, :1] & (np.take_along_axis(side.decided, last, axis=1) == 0)
    return early


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Quotients, NaN where the denominator is 0 or undefined."""
    told = np.isfinite(bottom) & (bottom != 0)
    return np.where(told, top / np.where(told, bottom, 1.0), np.nan)


def _told(base: np.ndarray, plan: np.ndarray) -> np.ndarray:
    """Both sides stacked, each filled with what the other knows, and 0 where neither does."""
    return np.nan_to_num(np.stack((np.where(np.isnan(base), plan, base), np.where(np.isnan(plan), base, plan))))
