"""Desk load by month, read off the visits: capacity, busy hours, queues, waits. Nothing is counted twice.

Of visits that began before day 0 the hours and the queue count from then on, a wait from its true beginning; work that
had been taken up before is none of that taken up in a month.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.journey.desk import DeskStop
from sim.recorder import PASSED_BY, Table
from sim.tables import coded, constant, month_bounds

if TYPE_CHECKING:
    from sim.teams import Desk
    from sim.world import World


def overlap(begin: np.ndarray, end: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Sum over intervals of their overlap with each of the stretches between ``bounds``."""
    return np.diff(_sum_up_to(end, bounds) - _sum_up_to(begin, bounds))


def _sum_up_to(times: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Sum of the times, each cut at a bound, for every bound."""
    ordered = np.sort(times)
    place = np.searchsorted(ordered, bounds)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    return sums[place] + bounds * (len(ordered) - place)


def capacity(world: World, desk: Desk, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean heads and working hours on offer by month."""
    heads, hours = [], []
    for first, last in zip(bounds[:-1], bounds[1:], strict=True):
        changes = [t for t, _ in desk.history if first < t < last]
        edges = np.array([first, *changes, last])
        worked = np.diff(world.calendar.worked(edges))
        present = np.array([next(n for t, n in reversed(desk.history) if t <= e) for e in edges[:-1]])
        heads.append(desk.mean_heads(first, last))
        hours.append(float((worked * present).sum()))
    return np.array(heads), np.array(hours)


def staffing(world: World, rows: np.ndarray, replication: int) -> Table:
    """The staffing table, read off all visits of the run."""
    edges, ends = month_bounds(world.spec.horizon.start, world.horizon)
    bounds = np.array(edges)
    rows = rows[rows["seat"] != PASSED_BY]
    desk_of = np.array([s.desk.code if isinstance(s, DeskStop) else -1 for s in world.stops.values()])
    rows = rows[desk_of[rows["code"]] >= 0]
    desk_code = desk_of[rows["code"]]
    desks = [desk for _, desk in sorted(world.desks.items())]
    parts = [_desk(world, desk, rows[desk_code == desk.code], bounds) for desk in desks]
    months = len(ends)

    def column(name: str) -> np.ndarray:
        return np.concatenate([p[name] for p in parts]) if parts else np.empty(0)

    return {
        "replication": constant(replication, months * len(parts)),
        "ds": np.tile(ends, len(parts)),
        "desk": coded(np.repeat(np.arange(len(parts)), months), tuple(desk.name for desk in desks)),
        "heads": column("heads"),
        "capacity_hours": column("capacity_hours"),
        "busy_hours": column("busy_hours"),
        "queue_mean": column("queue_mean"),
        "wait_days": column("wait_days"),
        "started": column("started").astype(np.int64),
    }


def _desk(world: World, desk: Desk, rows: np.ndarray, bounds: np.ndarray) -> dict[str, np.ndarray]:
    horizon = world.horizon
    heads, hours = capacity(world, desk, bounds)
    begun = rows["started"] < horizon
    end = np.where(rows["finished"] < horizon, rows["finished"], horizon)
    begin = np.where(begun, rows["started"], end)
    worked = world.calendar.worked
    busy = overlap(worked(begin), worked(np.maximum(end, begin)), worked(bounds))
    queue = overlap(rows["queued"], begin, bounds) / np.diff(bounds)
    taken = rows[begun & (rows["started"] >= 0)]
    month = np.searchsorted(bounds, taken["started"], side="right") - 1
    n = len(bounds) - 1
    started = np.bincount(month, minlength=n)
    waits = np.bincount(month, taken["started"] - taken["queued"], n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_wait = waits / started
    return {
        "heads": heads,
        "capacity_hours": hours,
        "busy_hours": busy,
        "queue_mean": queue,
        "wait_days": mean_wait,
        "started": started,
    }
