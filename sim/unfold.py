"""Events of a run, unfolded from what was recorded: one row per visit of a stop or mark becomes up to five events.

What a row unfolds into depends on few things: the stop, the outcome, whether anybody was seated, whether work began.
Each combination is a *kind*, whose events are worked out once; rows then only say of which kind they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.events import ACTIVITIES, ACTIVITY_CODE
from sim.journey.desk import DeskStop
from sim.journey.route import side_ways
from sim.journey.wait import GateStop, SplitStop
from sim.recorder import NONE, OPEN, OTHERWISE, PASSED_BY, VISIT
from sim.units import GRID

if TYPE_CHECKING:
    from sim.world import World

_QUEUED, _STARTED, _FINISHED = (ACTIVITY_CODE[a] for a in ("queued", "started", "finished"))
_TIME = np.array([0, 0, 1, 2, 2])
"""Which of the times of a visit (queued, started, finished) holds at each place that it may unfold into: entry
activity, queued, started, finished, exit activity."""
_BY_STOP = 16
"""Kinds of visits of one stop: four outcomes, seated or passed by, work begun or not."""
_ACCOUNT_BITS = 25
"""Room for the account in the key by which events are ordered."""
_PIECE = 1 << 16
"""Events worked on together, so that what is in between stays in the cache."""


def seats(world: World) -> tuple[np.ndarray, tuple[str, ...]]:
    """First owner code of every desk, and names of all owners."""
    most = [desk.seats for desk in world.desks.values()]
    first = np.concatenate([[0], np.cumsum(most)]).astype(np.int64)
    names = [f"{desk.name}-{i + 1}" for desk, n in zip(world.desks.values(), most, strict=True) for i in range(n)]
    return first, tuple(names)


def open_visits(world: World) -> np.ndarray:
    """Visits not finished at the horizon, as rows with outcome OPEN."""
    offers = [c for part in world.parts.values() for c in part.cases()]
    live = [c for c in (*world.cases.values(), *offers) if c.stop is not None]
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


def all_visits(world: World) -> np.ndarray:
    """Finished visits in the order of their end, then open ones."""
    return np.concatenate([world.recorder.visits(), open_visits(world)])


def main_product(world: World) -> int:
    """Code of the business's first product."""
    part = next(iter(world.parts.values()), None)
    return part.product if part else -1


class _Stops:
    """What visits need to know of stops, as columns."""

    def __init__(self, world: World) -> None:
        stops = list(world.stops.values())

        def column(values: list[int]) -> np.ndarray:
            return np.array(values or [-1], np.int64)

        self.count = len(stops)
        self.desk = column([s.desk.code if isinstance(s, DeskStop) else -1 for s in stops])
        self.timed = column([int(not isinstance(s, GateStop | SplitStop)) for s in stops]).astype(bool)
        self.entry = column([-1 if s.entry_loud else s.entry for s in stops])
        self.then = column([-1 if s.yes.loud else s.yes.activity for s in stops])
        self.otherwise = column([-1 if s.no.loud else s.no.activity for s in stops])
        self.note = column([s.no.note for s in stops])
        part_of = side_ways(world.spec.business)
        self.offers = column([world.parts[part_of[s.name]].product if s.name in part_of else -1 for s in stops])
        self.name = column([world.recorder.note(s.name) if s.name in part_of else -1 for s in stops])


class _Kinds:
    """Events of every kind of visit and mark, one after the other.

    Attributes
    ----------
    length : int array
        Number of events by kind.
    first : int array
        Place of its first event in the columns below.
    activity, stage, resource, note : int16 arrays
        What is logged.
    time : int array
        Which of the three times of the row: queued, started, finished.
    worked : bool array
        Whether the event belongs to the person at the desk.
    product : int16 array
        What is offered at a stop beside the account's own journey, -1 elsewhere. Such a visit bears no stage, because
        the account is where its own journey is; the stop is the note at its end.
    """

    def __init__(self, world: World, stops: _Stops) -> None:
        kind = np.arange(stops.count * _BY_STOP)
        code, outcome, seen, begun = kind // _BY_STOP, kind >> 2 & 3, kind & 2 > 0, kind & 1 > 0
        activity = self._activities(stops, code, outcome, seen, begun)
        found = activity >= 0
        row, place = np.nonzero(found)
        marked = np.repeat(np.arange(len(ACTIVITIES)), stops.count + 1)
        stop = np.tile(np.arange(-1, stops.count), len(ACTIVITIES))
        nothing = np.full(len(marked), -1)
        note = self._notes(world, stops, outcome, code)

        def both(of_visits: np.ndarray, of_marks: np.ndarray) -> np.ndarray:
            return np.concatenate([of_visits, of_marks]).astype(np.int16)

        self.length = np.concatenate([np.count_nonzero(found, axis=1), np.ones(len(marked), np.int64)])
        self.first = np.cumsum(self.length) - self.length
        self.activity = both(activity[found], marked)
        aside = stops.offers[code[row]] >= 0
        self.stage = both(np.where(aside, -1, code[row]), stop)
        self.product = both(stops.offers[code[row]], nothing)
        self.resource = both(stops.desk[code[row]], nothing)
        self.note = both(note[found], nothing)
        self.time = both(_TIME[place], 0 * marked)
        self.worked = both(place >= 2, 0 * marked).astype(bool)

    def _activities(
        self, stops: _Stops, code: np.ndarray, outcome: np.ndarray, seen: np.ndarray, begun: np.ndarray
    ) -> np.ndarray:
        """Activity at each place that a visit of a kind may unfold into, -1 for none."""
        activity = np.full((len(code), len(_TIME)), -1)
        timed, over = seen & stops.timed[code], outcome != OPEN
        activity[:, 0] = stops.entry[code]
        activity[timed, 1] = _QUEUED
        activity[seen & begun & (stops.desk[code] >= 0), 2] = _STARTED
        activity[over & timed, 3] = _FINISHED
        side = np.where(outcome == OTHERWISE, stops.otherwise[code], stops.then[code])
        activity[:, 4] = np.where(over, side, -1)
        return activity

    def _notes(self, world: World, stops: _Stops, outcome: np.ndarray, code: np.ndarray) -> np.ndarray:
        """Reason of a refusal at the exit, ``open`` at the last event of a visit under way, the stop of an offer."""
        note = np.full((len(code), len(_TIME)), -1)
        note[:, 3] = stops.name[code]
        note[:, 4] = np.where(outcome == OTHERWISE, stops.note[code], -1)
        begun = (np.arange(len(code)) & 1 > 0) & (stops.desk[code] >= 0)
        under_way = np.flatnonzero(outcome == OPEN)
        note[under_way, np.where(begun, 2, 1)[under_way]] = world.recorder.note("open")
        return note


def _kind(visits: np.ndarray, horizon: float) -> np.ndarray:
    """Kind of every visit."""
    seen, begun = visits["seat"] != PASSED_BY, visits["started"] < horizon
    return visits["code"].astype(np.int32) * _BY_STOP + visits["outcome"] * 4 + seen * 2 + begun


class Unfolded:
    """Events as columns of equal length, in the order of time; of one time and account in the order of recording."""

    def __init__(self, world: World) -> None:
        self.world, self.marks = world, world.recorder.marked()
        stops = _Stops(world)
        self._rows(stops)
        kinds = _Kinds(world, stops)
        row, event = self._as_recorded(kinds)
        order = self._order(row, event, kinds)
        self._columns(row, event, order, kinds)
        del self.times, self.accounts, self.kind, self.seat, self.reached

    def _rows(self, stops: _Stops) -> None:
        """Columns by row: finished visits, open ones, marks."""
        closed, still_open = self.world.recorder.visits(), open_visits(self.world)
        self.visits = len(closed) + len(still_open)
        n = self.visits + len(self.marks)
        self.times, self.accounts = np.empty((n, 3)), np.empty(n, np.int32)
        self.kind, self.seat = np.empty(n, np.int32), np.full(n, -1, np.int32)
        self._enter_visits(slice(0, len(closed)), closed, stops)
        self._enter_visits(slice(len(closed), self.visits), still_open, stops)
        self._enter_marks(slice(self.visits, n), stops)

    def _enter_visits(self, rows: slice, visits: np.ndarray, stops: _Stops) -> None:
        self.accounts[rows] = visits["account"]
        for place, name in enumerate(("queued", "started", "finished")):
            self.times[rows, place] = visits[name]
        self.kind[rows] = _kind(visits, self.world.horizon)
        first, self.owners = seats(self.world)
        desk, seat = stops.desk[visits["code"]], visits["seat"]
        self.seat[rows] = np.where((desk >= 0) & (seat >= 0), first[desk] + seat, -1)

    def _enter_marks(self, rows: slice, stops: _Stops) -> None:
        """Marks bear the channel that touched, all other rows that of the account."""
        world, marks = self.world, self.marks
        self.times[rows], self.accounts[rows] = marks["time"][:, None], marks["account"]
        self.kind[rows] = marks["code"].astype(np.int32) * (stops.count + 1) + marks["stop"]
        self.kind[rows] += stops.count * _BY_STOP + 1
        self.reached = world.channel.astype(np.int16)[self.accounts]
        self.reached[rows] = np.where(marks["channel"] >= 0, marks["channel"], self.reached[rows])

    def _as_recorded(self, kinds: _Kinds) -> tuple[np.ndarray, np.ndarray]:
        """Row of every event, and what of its kind it is, in the order of recording.

        A mark stands before the events of the visit that was recorded after it.
        """
        count = len(self.kind)
        at = self.marks["after"] + np.arange(len(self.marks))
        of_visit = np.ones(count, bool)
        of_visit[at] = False
        rows = np.empty(count, np.int32)
        rows[of_visit], rows[at] = np.arange(self.visits), np.arange(self.visits, count)
        kind = self.kind[rows]
        length = kinds.length[kind]
        begins = np.cumsum(length) - length
        row, event = np.repeat(rows, length), np.repeat((kinds.first[kind] - begins).astype(np.int32), length)
        return row, event + np.arange(len(row), dtype=np.int32)

    def _order(self, row: np.ndarray, event: np.ndarray, kinds: _Kinds) -> np.ndarray:
        """Order of the events by time and account."""
        times, key = self.times.ravel(), np.empty(len(row), np.int64)
        for first in range(0, len(row), _PIECE):
            piece = slice(first, first + _PIECE)
            of = row[piece].astype(np.intp)
            time = times[3 * of + kinds.time[event[piece]]]
            key[piece] = np.rint(time * (1 / GRID)).astype(np.int64) << _ACCOUNT_BITS | self.accounts[of]
        return np.argsort(key, kind="stable").astype(np.int32)

    def _columns(self, row: np.ndarray, event: np.ndarray, order: np.ndarray, kinds: _Kinds) -> None:
        """All columns in order; a piece at a time, to touch little memory."""
        n, times = len(row), self.times.ravel()
        self.time, self.account = np.empty(n), np.empty(n, np.int64)
        self.activity, self.stage, self.resource = (np.empty(n, np.int16) for _ in range(3))
        self.channel, self.note, self.owner = np.empty(n, np.int16), np.empty(n, np.int16), np.empty(n, np.int32)
        self.product = np.full(n, main_product(self.world), np.int16)
        self.amount, self.quantity = np.full(n, NONE), np.full(n, np.nan)
        for first in range(0, n, _PIECE):
            piece = slice(first, first + _PIECE)
            place = order[piece]
            of, what = row[place].astype(np.intp), event[place].astype(np.intp)
            self.time[piece], self.account[piece] = times[3 * of + kinds.time[what]], self.accounts[of]
            self.activity[piece], self.stage[piece] = kinds.activity[what], kinds.stage[what]
            self.resource[piece], self.note[piece] = kinds.resource[what], kinds.note[what]
            self.channel[piece] = self.reached[of]
            aside = kinds.product[what]
            self.product[piece] = np.where(aside >= 0, aside, self.product[piece])
            self.owner[piece] = np.where(kinds.worked[what], self.seat[of], np.int32(-1))
            at = np.flatnonzero(of >= self.visits)
            self._of_marks(first + at, of[at] - self.visits)

    def _of_marks(self, at: np.ndarray, chosen: np.ndarray) -> None:
        """What only marks say, entered at their places."""
        marks = self.marks
        self.amount[at], self.quantity[at] = marks["amount"][chosen], marks["quantity"][chosen]
        self.note[at], product = marks["note"][chosen], marks["product"][chosen]
        product = np.where(product >= 0, product, self.product[at])
        self.product[at] = np.where(marks["channel"][chosen] >= 0, -1, product)
