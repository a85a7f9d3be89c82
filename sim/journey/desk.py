"""Work done by people: qualification, sales, presales, contract review, onboarding, delivery."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sim.decisions import Duration
from sim.journey.case import Case
from sim.journey.stop import Place, Stop
from sim.recorder import OTHERWISE, THEN, pack_visit

if TYPE_CHECKING:
    from sim.world import World

_NAN = float("nan")


class DeskStop(Stop):
    """Queue at the desk, work, then perhaps a decision. Sources: [000]:83-95 (R03, R04)."""

    def __init__(self, world: World, name: str, code: int) -> None:
        super().__init__(world, name, code)
        self.finished_by: list[Callable[[Case, float], None]] = []
        desk, need = next(iter(self.spec.desks.items()))
        self.desk = world.desks[desk]
        self.optional = need == "optional"
        self.hours = Duration(world, f"{name}_hours", lambda: self.spec.work_hours)
        self.calendar = world.calendar
        self.tracked = world.tracks_work
        self.presales = desk == "presales"
        self.done = (self.finish,)

    def enter(self, case: Case, now: float) -> None:
        desk = self.desk
        case.stop, case.queued = self, now
        case.attempt = case.occurrence if not self.cyclic else case.occurrence + self.count(case)
        if desk.free:
            self.begin(case, desk.free.pop(), now)
        elif self.optional and not desk.heads:
            self.skip(case, now)
        else:
            case.started = _NAN
            desk.queue.append(case)

    def skip(self, case: Case, now: float) -> None:
        """An optional desk without people is passed by."""
        self.pass_by(case, self.settle(case), now)

    def begin(self, case: Case, seat: int, now: float) -> None:
        hours, calendar = self.hours.of(case.account, case.attempt), self.calendar
        case.seat = seat
        case.started = start = now if calendar.around_the_clock else calendar.opening(now)
        if self.tracked:
            self.world.track_work(case.account, start - case.queued, hours, self.presales)
        case.callbacks = self.done
        self.plan(case, self.desk.paces.get(seat, calendar).finish(start, hours))

    def resume(self, case: Case, place: Place) -> None:
        """Waiting since before day 0, or in work: then for the rest of its hours, given those already worked."""
        self.arrive(case, place.entered)
        if self.optional and not self.desk.heads:
            case.callbacks = (self._go_without,)
            self.plan(case, 0.0)
            return
        if not (place.served and self.desk.free):
            case.started = _NAN
            self.desk.queue.append(case)
            return
        past, account, attempt = self.world.past, case.account, case.attempt
        case.seat, case.callbacks = self.desk.free.pop(), self.done
        if place.started == place.started:
            worked = float(past.since(np.array([place.started]))[0])
            left = self.hours.beyond(account, attempt, worked) - worked
            case.started = place.started
        else:
            whole, left = self.hours.under_way(account, attempt)
            case.started = max(past.ago(whole - left), place.entered)
        pace = self.desk.paces.get(case.seat, self.calendar)
        self.plan(case, pace.finish(self.calendar.opening(max(case.started, 0.0)), left))

    def _go_without(self, case: Case) -> None:
        self.skip(case, case.due)

    def finish(self, case: Case) -> None:
        """Work is done: the seat takes up the next case, this one goes on."""
        now, seat, desk = case.due, case.seat, self.desk
        yes = self.decide is None or self.decide(case)
        outcome = THEN if yes else OTHERWISE
        self.keep(pack_visit(case.account, self.code, seat, outcome, case.queued, case.started, now))
        for tell in self.finished_by:
            tell(case, now)
        if seat < desk.standing and not desk.queue:
            desk.free.append(seat)
        else:
            desk.release(seat, now)
        side = self.yes if yes else self.no
        if side.plain:
            side.stop.enter(case, now)  # type: ignore[union-attr]
        else:
            self.go(case, side, now)
