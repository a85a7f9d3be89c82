"""Tables of a run, made of what was recorded: the public contract between simulation and analysis.

A table is a mapping from column name to column. Codes refer to names, so that a category costs two bytes.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sim.calendar import month_ends
from sim.events import ACTIVITIES, ACTIVITY_CODE, LEDGER_ACCOUNTS
from sim.journey.desk import DeskStop
from sim.journey.wait import GateStop, SplitStop
from sim.recorder import IS_VISIT, NONE, OPEN, OTHERWISE, PASSED_BY, VISIT, Coded, Nullable, Table
from sim.units import GRID, timestamps

if TYPE_CHECKING:
    from sim.world import World

_QUEUED, _STARTED, _FINISHED = (ACTIVITY_CODE[a] for a in ("queued", "started", "finished"))
_PLACES = 5
"""Rows that a visit may unfold into: entry activity, queued, started, finished, exit activity."""


def coded(codes: np.ndarray, names: tuple[str, ...]) -> Coded:
    """A category column in the smallest sufficient integers."""
    return Coded(np.asarray(codes, np.int16 if len(names) < 2**15 else np.int32), names)


def nullable(values: np.ndarray) -> Nullable:
    """A money column whose nulls were recorded as ``NONE``."""
    return Nullable(values, values != NONE)


def constant(value: int, n: int) -> np.ndarray:
    """The replication column."""
    return np.full(n, value, np.int32)


def seats(world: World) -> tuple[np.ndarray, tuple[str, ...]]:
    """First owner code of every desk, and names of all owners."""
    most = [max(heads for _, heads in desk.history) for desk in world.desks.values()]
    first = np.concatenate([[0], np.cumsum(most)]).astype(np.int64)
    names = [f"{desk.name}-{i + 1}" for desk, n in zip(world.desks.values(), most, strict=True) for i in range(n)]
    return first, tuple(names)


def open_visits(world: World) -> np.ndarray:
    """Visits not finished at the horizon, as rows with outcome OPEN."""
    live = [c for c in world.cases.values() if c.stop is not None and not world.gone[c.account]]
    live = [c for c in live if not isinstance(c.stop, GateStop | SplitStop)]
    rows = np.zeros(len(live), VISIT)
    rows["account"] = [c.account for c in live]
    rows["code"] = [c.stop.code for c in live]
    rows["outcome"], rows["channel"], rows["note"], rows["product"] = OPEN, -1, -1, -1
    rows["queued"] = [c.queued for c in live]
    rows["started"] = started = np.array([c.started for c in live], float)
    rows["finished"], rows["amount"], rows["quantity"] = np.nan, NONE, np.nan
    rows["seat"] = np.where(started < world.horizon, [c.seat for c in live], -1)
    return rows


class _Stops:
    """What visits need to know of stops, as columns."""

    def __init__(self, world: World) -> None:
        stops = list(world.stops.values())

        def column(values: list[int]) -> np.ndarray:
            return np.array(values or [-1], np.int64)

        self.desk = column([s.desk.code if isinstance(s, DeskStop) else -1 for s in stops])
        self.timed = column([int(not isinstance(s, GateStop | SplitStop)) for s in stops]).astype(bool)
        self.entry = column([-1 if s.entry_loud else s.entry for s in stops])
        self.then = column([-1 if s.yes.loud else s.yes.activity for s in stops])
        self.otherwise = column([-1 if s.no.loud else s.no.activity for s in stops])
        self.note = column([s.no.note for s in stops])


class Unfolded:
    """Events as columns of equal length, in the order of time."""

    def __init__(self, world: World) -> None:
        rows = np.concatenate([world.recorder.visits(), open_visits(world)])
        stops = _Stops(world)
        self.world = world
        self.note = np.empty(0, np.int64)
        is_open = rows["outcome"] == OPEN
        open_note = world.recorder.note("open")
        activity, time = self._places(rows, stops)
        kept = (activity >= 0) & (time < world.horizon)
        row, place = np.nonzero(kept)
        at, account = time[kept], rows["account"][row].astype(np.int64)
        key = (np.rint(at / GRID).astype(np.int64) << 25) | account
        order = np.argsort(key, kind="stable")
        row, place = row[order], place[order]
        self.activity, self.time, self.account = activity[kept][order], at[order], account[order]
        self._columns(rows[row], place, stops)
        last = np.where(np.isnan(rows["started"]) | ~(rows["started"] < world.horizon), 1, 2)
        last = np.where(stops.desk[np.minimum(rows["code"], len(stops.desk) - 1)] < 0, 1, last)
        self.note = np.where(is_open[row] & (place == last[row]), open_note, self.note)

    def _places(self, rows: np.ndarray, stops: _Stops) -> tuple[np.ndarray, np.ndarray]:
        n = len(rows)
        activity, time = np.full((n, _PLACES), -1, np.int16), np.empty((n, _PLACES))
        visit = rows["kind"] == IS_VISIT
        code = np.where(visit, rows["code"], 0)
        visit_time = visit & (rows["seat"] != PASSED_BY)
        timed, desk = visit_time & stops.timed[code], visit_time & (stops.desk[code] >= 0)
        activity[:, 0] = np.where(visit, stops.entry[code], rows["code"])
        activity[timed, 1] = _QUEUED
        activity[desk & ~np.isnan(rows["started"]), 2] = _STARTED
        over = visit & (rows["outcome"] != OPEN)
        activity[over & timed, 3] = _FINISHED
        side = np.where(rows["outcome"] == OTHERWISE, stops.otherwise[code], stops.then[code])
        activity[over, 4] = side[over]
        time[:, 0] = time[:, 1] = rows["queued"]
        time[:, 2] = rows["started"]
        time[:, 3] = time[:, 4] = rows["finished"]
        return activity, time

    def _columns(self, rows: np.ndarray, place: np.ndarray, stops: _Stops) -> None:
        world = self.world
        visit = rows["kind"] == IS_VISIT
        code = np.where(visit, rows["code"], 0)
        self.stage = np.where(visit, rows["code"], rows["seat"]).astype(np.int64)
        self.resource = np.where(visit, stops.desk[code], -1)
        first, self.owners = seats(world)
        worked = visit & (place >= 2) & (self.resource >= 0) & (rows["seat"] >= 0)
        self.owner = np.where(worked, first[np.maximum(self.resource, 0)] + rows["seat"], -1)
        self.touched = ~visit & (rows["channel"] >= 0)
        self.channel = np.where(self.touched, rows["channel"], world.channel[self.account])
        product = np.where(rows["product"] >= 0, rows["product"], main_product(world))
        self.product = np.where(self.touched, -1, product)
        self.amount = np.where(visit, NONE, rows["amount"])
        self.quantity = np.where(visit, np.nan, rows["quantity"])
        refused = visit & (place == 4) & (rows["outcome"] == OTHERWISE)
        self.note = np.where(refused, stops.note[code], np.where(visit, -1, rows["note"]))

    def table(self, replication: int) -> Table:
        """The events table."""
        world, n = self.world, len(self.time)
        return {
            "replication": constant(replication, n),
            "account": self.account,
            "activity": coded(self.activity, ACTIVITIES),
            "stage": coded(self.stage, tuple(world.stops)),
            "time": self.time,
            "timestamp": timestamps(world.spec.horizon.start, self.time),
            "resource": coded(self.resource, tuple(world.desks)),
            "owner": coded(self.owner, self.owners),
            "channel": coded(self.channel, tuple(world.spec.market.channels)),
            "product": coded(self.product, world.names["product"]),
            "amount": nullable(self.amount),
            "quantity": self.quantity,
            "note": coded(self.note, tuple(world.recorder.notes)),
        }


def main_product(world: World) -> int:
    """Code of the business's first product."""
    part = next(iter(world.parts.values()), None)
    return part.product if part else -1


def decisions(world: World, replication: int) -> Table:
    """All decisions with probability, uniform and outcome; of monthly ones the departures and changes."""
    rows = world.recorder.decided()
    rows = rows[np.lexsort((np.arange(len(rows)), rows["account"], rows["time"]))]
    return {
        "replication": constant(replication, len(rows)),
        "account": rows["account"].astype(np.int64),
        "time": rows["time"].copy(),
        "decision": coded(rows["decision"], world.names["decision"]),
        "occurrence": rows["occurrence"].copy(),
        "probability": rows["probability"].copy(),
        "uniform": rows["uniform"].copy(),
        "outcome": rows["outcome"].astype(bool),
    }


def ledger(world: World, replication: int) -> Table:
    """All postings up to the horizon."""
    rows = world.ledger.postings()
    account = rows["account"].astype(np.int64)
    segment = np.where(account >= 0, world.population.segment[account], -1)
    return {
        "replication": constant(replication, len(rows)),
        "time": rows["time"].copy(),
        "timestamp": timestamps(world.spec.horizon.start, rows["time"]),
        "account": Nullable(account, account >= 0),
        "contract": Nullable(rows["contract"].copy(), rows["contract"] >= 0),
        "product": coded(rows["product"], world.names["product"]),
        "segment": coded(segment, world.population.segments),
        "cost_centre": coded(rows["cost_centre"], tuple(world.ledger.centres)),
        "debit": coded(rows["debit"], LEDGER_ACCOUNTS),
        "credit": coded(rows["credit"], LEDGER_ACCOUNTS),
        "amount": rows["amount"].copy(),
        "memo": coded(rows["memo"], tuple(world.ledger.memos)),
    }


def subscriptions(world: World, replication: int) -> Table:
    """One row per contract or term."""
    rows, start = world.contracts.rows, world.spec.horizon.start
    outcomes = ("open", "renewed", "upgraded", "contracted_down", "churned", "completed")

    def when(values: list[float]) -> np.ndarray:
        days = np.array(values, float)
        stamps = timestamps(start, np.nan_to_num(days))
        stamps[np.isnan(days)] = np.datetime64("NaT")
        return stamps

    return {
        "replication": constant(replication, len(rows)),
        "account": np.array([r.account for r in rows], np.int64),
        "contract": np.array([r.contract for r in rows], np.int64),
        "product": coded(np.array([r.product for r in rows], np.int16), world.names["product"]),
        "start": when([r.start for r in rows]),
        "end": when([r.end for r in rows]),
        "ended": when([r.ended for r in rows]),
        "amount": nullable(np.array([r.amount for r in rows], np.int64)),
        "mrr": nullable(np.array([r.mrr for r in rows], np.int64)),
        "tenure": np.array([r.tenure for r in rows], float),
        "outcome": coded(np.array([outcomes.index(r.outcome) for r in rows], np.int16), outcomes),
    }


def monthly(world: World, replication: int) -> Table:
    """Monthly state."""
    rows = world.months.table()
    first = np.datetime64(world.spec.horizon.start, "D")
    return {
        "replication": constant(replication, len(rows)),
        "ds": (first + rows["day"].astype("timedelta64[D]")).astype("datetime64[us]"),
        "metric": coded(rows["metric"], tuple(world.months.metrics)),
        "segment": coded(rows["segment"], world.population.segments),
        "value": rows["value"].copy(),
    }


def month_bounds(start: str, horizon: float) -> tuple[list[float], np.ndarray]:
    """Bounds of all months touched by the horizon, and the calendar end date of each."""
    ends = month_ends(start, horizon)
    if not ends or ends[-1] < horizon:
        ends = [*ends, horizon]
    firsts = [0.0, *ends[:-1]]
    dates = []
    for first in firsts:
        day = date.fromisoformat(start) + timedelta(int(first))
        following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        dates.append(np.datetime64(following - timedelta(1), "us"))
    return [0.0, *ends], np.array(dates)
