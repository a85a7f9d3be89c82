"""Work done by people: qualification, sales, presales, contract review, onboarding, delivery."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.decisions import Duration
from sim.journey.case import Case
from sim.journey.stop import Stop
from sim.recorder import OTHERWISE, THEN

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

    def enter(self, case: Case) -> None:
        desk = self.desk
        if self.optional and not desk.heads:
            self.arrive(case)
            self.skip(case)
            return
        self.arrive(case)
        if desk.free:
            self.begin(case, desk.free.pop(), case.queued)
        else:
            case.started = _NAN
            desk.queue.append(case)

    def skip(self, case: Case) -> None:
        """An optional desk without people is passed by."""
        self.pass_by(case, self.settle(case))

    def begin(self, case: Case, seat: int, now: float) -> None:
        hours = self.hours.of(case.account, case.attempt)
        start = self.calendar.opening(now)
        case.seat, case.started = seat, start
        if self.tracked:
            self.world.track_work(case.account, start - case.queued, hours, self.presales)
        case.callbacks = self.done
        end = self.calendar.finish(start, hours)
        if end < self.horizon:
            self.env.schedule(case, 1, end - now)  # type: ignore[arg-type]

    def finish(self, case: Case) -> None:
        """Work is done: the seat takes up the next case, this one goes on."""
        now = self.env.now
        seat = case.seat
        side = self.yes if self.decide is None or self.decide(case)[0] else self.no
        outcome = THEN if side is self.yes else OTHERWISE
        self.record(case.account, self.code, outcome, seat, case.queued, case.started, now)
        for tell in self.finished_by:
            tell(case, now)
        self.desk.release(seat, now)
        self.go(case, side)
