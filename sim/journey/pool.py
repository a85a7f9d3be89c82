"""The lost pool: where accounts go that did not sign, or that left, and from where they come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.decisions import Duration
from sim.events import ACTIVITY_CODE
from sim.journey.case import Case
from sim.journey.stop import Place, Side, Stop
from sim.recorder import THEN
from sim.streams import attempt

if TYPE_CHECKING:
    from sim.world import World


class PoolStop(Stop):
    """Cooling time, then a decision to come back, up to a number of tries (R02, [000]:91, C26)."""

    def __init__(self, world: World, name: str, code: int) -> None:
        super().__init__(world, name, code)
        self.days = Duration(world, f"{name}_days", lambda: self.spec.cooling_days)
        self.calendar = world.calendar
        self.cooled = (self.wake,)

    def connect(self) -> None:
        super().connect()
        spec, world = self.spec, self.world
        self.won_back = Side(world, None, "", spec.win_back or spec.then)

    def enter(self, case: Case, now: float) -> None:
        self.arrive(case, now)
        case.started = now
        case.tries = 0
        self.world.lose(case.account)
        self._cool(case, now)

    def _cool(self, case: Case, now: float) -> None:
        if case.tries >= self.spec.tries:
            self.depart(case, self.no, now)
            return
        case.attempt = attempt(case.journey, case.tries)
        case.callbacks = self.cooled
        self.plan(case, self.calendar.opening(now + self.days.of(case.account, case.attempt)))

    def resume(self, case: Case, place: Place) -> None:
        """The rest of the present cooling, given how long it has lasted."""
        self.arrive(case, place.entered)
        case.started, case.tries, case.callbacks = place.entered, place.tries, self.cooled
        case.attempt = attempt(case.journey, case.tries)
        begun = place.started if place.started == place.started else place.entered
        spent = max(self.world.past.closing - begun, 0.0)
        end = begun + self.days.beyond(case.account, case.attempt, spent)
        self.plan(case, self.calendar.opening(max(end, 0.0)))

    def cooling_since(self, case: Case) -> float:
        """When the present cooling of a case began."""
        begun = case.queued
        for count in range(case.tries):
            begun = self.calendar.opening(begun + self.days.of(case.account, attempt(case.journey, count)))
        return begun

    def wake(self, case: Case) -> None:
        """The account comes to the point of returning."""
        assert self.decide is not None
        returns = self.decide(case)
        case.tries += 1
        if returns:
            self._return(case, case.due)
        else:
            self._cool(case, case.due)

    def _return(self, case: Case, now: float) -> None:
        world = self.world
        world.recorder.visit(case.account, self.code, THEN, -1, case.queued, case.started, now)
        former = world.was_customer[case.account]
        case.next_journey()
        world.fresh(case.account)
        world.announce(case, ACTIVITY_CODE["won_back" if former else "re_entered"], self)
        target = (self.won_back if former else self.yes).stop
        if target is None:
            world.leave(case)
        else:
            target.enter(case, now)
