"""Accounts and opportunities: what the events say of every account, one row each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sim.events import ACTIVITY_CODE
from sim.recorder import NONE, Table
from sim.tables import coded, constant, nullable
from sim.unfold import Unfolded, main_product
from sim.units import timestamps

if TYPE_CHECKING:
    from sim.world import World

_OUTCOMES = ("open", "won", "lost")
_PIECE = 1 << 16


def _stamps(start: str, days: np.ndarray) -> np.ndarray:
    known = np.isfinite(days)
    stamps = timestamps(start, np.where(known, days, 0.0))
    stamps[~known] = np.datetime64("NaT")
    return stamps


class _Timeline:
    """First time of an activity by a key of rows."""

    def __init__(self, events: Unfolded, key: np.ndarray, n: int) -> None:
        self.events, self.key, self.n = events, key, n

    def rows(self, activity: str) -> np.ndarray:
        return np.flatnonzero((self.events.activity == ACTIVITY_CODE[activity]) & (self.key >= 0))

    def first(self, activity: str) -> np.ndarray:
        times = np.full(self.n, np.inf)
        rows = self.rows(activity)
        np.minimum.at(times, self.key[rows], self.events.time[rows])
        return times

    def last(self, activity: str) -> np.ndarray:
        times = np.full(self.n, -np.inf)
        rows = self.rows(activity)
        np.maximum.at(times, self.key[rows], self.events.time[rows])
        return times


def accounts(world: World, events: Unfolded, replication: int) -> Table:
    """One row per company of the population."""
    people, n = world.population, world.population.size
    start = world.spec.horizon.start
    line = _Timeline(events, events.account, n)
    owner = np.full(n, -1, np.int64)
    worked = np.flatnonzero(events.owner >= 0)
    owner[events.account[worked]] = events.owner[worked]
    table: Table = {
        "replication": constant(replication, n),
        "account": np.arange(n),
        "external_id": np.array(people.external_id, object),
        "segment": coded(people.segment[:n], people.segments),
        "industry": coded(people.industry[:n], people.industries),
        "region": coded(people.region[:n], people.regions),
        "employees": people.employees[:n].copy(),
        "channel": coded(_reached(world, n), tuple(world.spec.market.channels)),
        "owner": coded(owner, events.owners),
        "last_stage": coded(_last_stage(world, n), (*world.stops, "end")),
    }
    milestones = world.spec.business.milestones
    for column, activity in (
        ("touched_at", "touched"),
        ("registered_at", milestones.lead),
        ("qualified_at", milestones.qualified),
        ("opened_at", milestones.opportunity),
        ("signed_at", "signed"),
        ("activated_at", "activated"),
        ("paid_at", "paid"),
    ):
        table[column] = _stamps(start, line.first(activity))
    table["churned_at"] = _stamps(start, line.last("churned"))
    table["customer"] = world.customer[:n].copy()
    return table


def _last_stage(world: World, n: int) -> np.ndarray:
    stage = np.full(n, -1, np.int64)
    for account, case in world.cases.items():
        if case.stop is not None:
            stage[account] = case.stop.code
    stage[np.array(world.gone, int)] = len(world.stops)
    return stage


def _reached(world: World, n: int) -> np.ndarray:
    """Channel of accounts whose journey began before the horizon."""
    channel = world.channel[:n].copy()
    return channel


def opportunities(world: World, events: Unfolded, replication: int) -> Table:
    """One row per journey that opened an opportunity; of one that was open at the start its amount may be known."""
    milestones = world.spec.business.milestones
    journey, count = _journeys(events)
    line = _Timeline(events, journey, count)
    opened = line.first(milestones.opportunity)
    has = np.flatnonzero(np.isfinite(opened))
    won_at, lost_at = line.first("signed"), _lost(line, opened)
    won, lost = won_at[has], lost_at[has]
    won_first = won <= lost
    closed = np.where(won_first, won, lost)
    outcome = np.where(np.isfinite(closed), np.where(won_first, 1, 2), 0)
    account = np.zeros(count + 1, np.int64)
    account[journey] = events.account  # nobody's events have no journey, -1: the spare place
    start = world.spec.horizon.start
    opening, closing = _places(events, journey, opened, np.minimum(won_at, lost_at), count)
    stage, owner, reason, amount = _details(events, journey, opening, closing, count)
    told = _told(world)[account[has]]
    told = np.where((opened[has] < 0) & ~(closed < 0), told, NONE)
    table: Table = {
        "replication": constant(replication, len(has)),
        "account": account[has],
        "product": coded(np.full(len(has), main_product(world)), world.names["product"]),
        "owner": coded(owner[has], events.owners),
        "stage": coded(stage[has], tuple(world.stops)),
        "amount": nullable(np.where(outcome == 1, amount[has], told)),
        "opened": _stamps(start, opened[has]),
    }
    for column, activity in (("qualified_at", "qualified"), ("met_at", "met"), ("proposed_at", "proposed")):
        table[column] = _stamps(start, line.first(activity)[has])
    table["signed_at"] = _stamps(start, np.where(outcome == 1, won, np.inf))
    table["closed"] = _stamps(start, closed)
    table["outcome"] = coded(outcome, _OUTCOMES)
    table["reason"] = coded(np.where(outcome == 2, reason[has], -1), tuple(world.recorder.notes))
    return table


def _told(world: World) -> np.ndarray:
    """Amounts of the deals of accounts that the state at the start tells, minor units."""
    amounts = np.full(world.population.size, NONE)
    if world.opening is not None:
        standing = world.opening.standing
        known = ~np.isnan(standing.amount)
        amounts[standing.account[known]] = np.rint(standing.amount[known]).astype(np.int64)
    return amounts


def _journeys(events: Unfolded) -> tuple[np.ndarray, int]:
    """Number of the journey that each event belongs to, over all accounts."""
    starts = np.isin(events.activity, [ACTIVITY_CODE["re_entered"], ACTIVITY_CODE["won_back"]])
    if not starts.any():
        return events.account, int(events.account.max(initial=-1)) + 1
    order = np.argsort(events.account, kind="stable")
    account, begins = events.account[order], starts[order]
    fresh = np.ones(len(account), bool)
    fresh[1:] = account[1:] != account[:-1]
    number = np.cumsum(fresh | begins) - 1
    journey = np.empty(len(account), np.int64)
    journey[order] = number
    return journey, int(number[-1]) + 1 if len(number) else 0


def _lost(line: _Timeline, opened: np.ndarray) -> np.ndarray:
    """When a journey was lost after its opportunity opened: a refusal, or the pool without a signature."""
    ends = [line.last(activity) for activity in ("lost", "disqualified", "pooled")]
    valid = [np.where(e >= opened, e, np.inf) for e in ends]
    return np.minimum.reduce(valid)


_CLOSING = tuple(ACTIVITY_CODE[name] for name in ("signed", "lost", "disqualified", "pooled"))


def _places(
    events: Unfolded, journey: np.ndarray, opened: np.ndarray, closed: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows at which each journey's opportunity opens and closes: several stops may share one instant."""
    nowhere = len(events.time)
    opening, closing = np.full(count, nowhere), np.full(count, nowhere)
    for rows in _pieces(nowhere):
        of, time = journey[rows], events.time[rows]
        starts = rows[(time == opened[of]) & (of >= 0)]
        np.minimum.at(opening, journey[starts], starts)
        ends = rows[(time == closed[of]) & (of >= 0) & np.isin(events.activity[rows], _CLOSING)]
        np.minimum.at(closing, journey[ends], ends)
    return opening, closing


def _pieces(n: int) -> Iterator[np.ndarray]:
    """Numbers of rows, in their order, so many at a time that what is in between needs little memory."""
    for first in range(0, n, _PIECE):
        yield np.arange(first, min(first + _PIECE, n))


def _details(
    events: Unfolded, journey: np.ndarray, opening: np.ndarray, closing: np.ndarray, count: int
) -> tuple[np.ndarray, ...]:
    stage, owner = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
    reason, amount = np.full(count, -1, np.int64), np.full(count, NONE)
    for rows in _pieces(len(events.time)):
        of = journey[rows]
        inside = rows[(rows >= opening[of]) & (rows <= closing[of]) & (of >= 0)]
        for column, values, chosen in (
            (stage, events.stage, events.stage[inside] >= 0),
            (owner, events.owner, events.owner[inside] >= 0),
            (reason, events.note, events.activity[inside] == ACTIVITY_CODE["lost"]),
            (amount, events.amount, events.activity[inside] == ACTIVITY_CODE["signed"]),
        ):
            kept = inside[chosen]
            column[journey[kept]] = values[kept]
    return stage, owner, reason, amount
