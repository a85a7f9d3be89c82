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
from sim.recorder import NONE, OPEN, OTHERWISE, PASSED_BY, VISIT, Coded, Nullable, Table
from sim.units import GRID, timestamps

if TYPE_CHECKING:
    from sim.world import World

_QUEUED, _STARTED, _FINISHED = (ACTIVITY_CODE[a] for a in ("queued", "started", "finished"))
_TIME = np.array([0, 0, 1, 2, 2])
"""Which of the times of a visit (queued, started, finished) holds at each place that it may unfold into: entry
activity, queued, started, finished, exit activity."""
_ACCOUNT_BITS = 25
"""Room for the account in the key by which events are ordered."""
_PIECE = 1 << 16


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
    live = [c for c in world.cases.values() if c.stop is not None]
    live = [c for c in live if not isinstance(c.stop, GateStop | SplitStop)]
    rows = np.zeros(len(live), VISIT)
    rows["account"] = [c.account for c in live]
    rows["code"] = [c.stop.code for c in live]
    rows["outcome"] = OPEN
    rows["queued"] = [c.queued for c in live]
    rows["started"] = started = np.array([c.started for c in live], float)
    rows["finished"] = np.nan
    rows["seat"] = np.where(started < world.horizon, [c.seat for c in live], -1)
    return rows


def visits(world: World, replication: int) -> Table:
    """The log as recorded: one row per visit of a stop, finished ones in the order of their end, then open ones."""
    rows = np.concatenate([world.recorder.visits(), open_visits(world)])
    outcomes = ("", "then", "otherwise", "open")
    return {
        "replication": constant(replication, len(rows)),
        "account": rows["account"].copy(),
        "stage": coded(rows["code"], tuple(world.stops)),
        "seat": rows["seat"].copy(),
        "queued": rows["queued"].copy(),
        "started": rows["started"].copy(),
        "finished": rows["finished"].copy(),
        "outcome": coded(rows["outcome"], outcomes),
    }


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
    """Events as columns of equal length, in the order of time; of one time and account in the order of recording.

    Columns are made per visit and mark, all visits first, and then spread over the events that these unfold into.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.visits = np.concatenate([world.recorder.visits(), open_visits(world)])
        self.marks = world.recorder.marked()
        stops = _Stops(world)
        activity = self._places(stops)
        row, place, code = self._as_recorded(activity)
        order = self._order(row, place)
        self.activity = code[order]
        row, place = row[order], place[order]
        del activity, code, order
        self._columns(row, place, stops)

    def _as_recorded(self, activity: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row of the columns, place and activity of every event, marks put in among the visits without a sort.

        A mark stands before the events of the visit that was recorded after it.
        """
        marks, found = self.marks, activity >= 0
        begins = np.concatenate([[0], np.cumsum(np.count_nonzero(found, axis=1))])
        at = begins[marks["after"]] + np.arange(len(marks))
        of_visit = np.ones(begins[-1] + len(marks), bool)
        of_visit[at] = False
        row, place = np.empty(len(of_visit), np.int32), np.zeros(len(of_visit), np.int8)
        code = np.empty(len(of_visit), np.int16)
        row[of_visit], place[of_visit] = np.nonzero(found)
        row[at] = np.arange(len(self.visits), len(self.visits) + len(marks))
        code[of_visit], code[at] = activity[found], marks["code"]
        return row, place, code

    def _both(self, of_visits: np.ndarray, of_marks: np.ndarray) -> np.ndarray:
        return np.concatenate([of_visits, of_marks])

    def _places(self, stops: _Stops) -> np.ndarray:
        """Activity at each place that a visit may unfold into, -1 for none."""
        rows, code = self.visits, self.visits["code"]
        activity = np.full((len(rows), len(_TIME)), -1, np.int16)
        desk, seen, over = stops.desk[code] >= 0, rows["seat"] != PASSED_BY, rows["outcome"] != OPEN
        timed = seen & stops.timed[code]
        activity[:, 0] = stops.entry[code]
        activity[timed, 1] = _QUEUED
        activity[seen & desk & (rows["started"] < self.world.horizon), 2] = _STARTED
        activity[over & timed, 3] = _FINISHED
        side = np.where(rows["outcome"] == OTHERWISE, stops.otherwise[code], stops.then[code])
        activity[:, 4] = np.where(over, side, -1)
        return activity

    def _order(self, row: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Time and account of every event, and the order of the events; a piece at a time, to touch little memory."""
        rows, marks = self.visits, self.marks
        times = np.stack([self._both(rows[name], marks["time"]) for name in ("queued", "started", "finished")])
        accounts = self._both(rows["account"], marks["account"])
        time, key = np.empty(len(row)), np.empty(len(row), np.int64)
        for first in range(0, len(row), _PIECE):
            piece = slice(first, first + _PIECE)
            time[piece] = times[_TIME[place[piece]], row[piece]]
            key[piece] = np.rint(time[piece] / GRID)
            key[piece] = key[piece] << _ACCOUNT_BITS | accounts[row[piece]]
        del times
        order = np.argsort(key, kind="stable")
        self.time = time[order]
        del time
        self.account = key[order] & ((1 << _ACCOUNT_BITS) - 1)
        return order

    def _columns(self, row: np.ndarray, place: np.ndarray, stops: _Stops) -> None:
        visits, marks, both = self.visits, self.marks, self._both
        none = np.full(len(marks), -1, np.int16)
        code, seat, product = visits["code"], visits["seat"], marks["product"]
        desk = stops.desk[code]
        first, self.owners = seats(self.world)
        owner = np.where((desk >= 0) & (seat >= 0), first[np.maximum(desk, 0)] + seat, -1).astype(np.int32)
        self.owner = np.where(place >= 2, both(owner, none)[row], np.int32(-1))
        self.stage = both(code, marks["stop"]).astype(np.int16)[row]
        self.resource = both(desk.astype(np.int16), none)[row]
        self.touched = both(np.zeros(len(visits), bool), marks["channel"] >= 0)[row]
        self.channel = self.world.channel.astype(np.int16)[self.account]
        main = main_product(self.world)
        sold = np.where(marks["channel"] >= 0, -1, np.where(product >= 0, product, main))
        self.product = both(np.full(len(visits), main, np.int16), sold.astype(np.int16))[row]
        self.amount = both(np.full(len(visits), NONE), marks["amount"])[row]
        self.quantity = both(np.full(len(visits), np.nan), marks["quantity"])[row]
        by = both(np.full(len(visits), -1, np.int16), marks["channel"])[row]
        self.channel = np.where(self.touched, by, self.channel)
        self.note = self._notes(row, place, stops)

    def _notes(self, row: np.ndarray, place: np.ndarray, stops: _Stops) -> np.ndarray:
        """Reason of a refusal, ``open`` at the last event of a visit under way, note of a mark."""
        visits, outcome, code = self.visits, self.visits["outcome"], self.visits["code"]
        refusal = np.where(outcome == OTHERWISE, stops.note[code], -1).astype(np.int32)
        begun = (visits["started"] < self.world.horizon) & (stops.desk[code] >= 0)
        last = np.where(outcome == OPEN, np.where(begun, 2, 1), -1).astype(np.int8)
        none = np.full(len(self.marks), -1, np.int8)
        exit_note = self._both(refusal, none)[row]
        note = np.where(place == 4, exit_note, self._both(np.full(len(visits), -1, np.int32), self.marks["note"])[row])
        return np.where(place == self._both(last, none)[row], np.int32(self.world.recorder.note("open")), note)

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
