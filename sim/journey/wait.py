"""Stops without our people: waits, gates, splits. Sources: [000]:77-95, [000]:674-678, [002]:68-70."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.decisions import Duration
from sim.journey.case import Case
from sim.journey.stop import Place, Side, Stop
from sim.spec.stops import END

if TYPE_CHECKING:
    from sim.world import World


class WaitStop(Stop):
    """Time that passes: deliberation ([000]:269), a trial ([000]:674), a delivery, a reorder interval."""

    def __init__(self, world: World, name: str, code: int) -> None:
        super().__init__(world, name, code)
        self.days = Duration(world, f"{name}_days", lambda: self.spec.delay_days)
        self.calendar = world.calendar
        self.done = (self.finish,)

    def enter(self, case: Case, now: float) -> None:
        self.arrive(case, now)
        case.started = now
        if not self.spec.enabled:
            self.pass_by(case, self.yes, now)
            return
        end = now + self.days.of(case.account, case.attempt)
        case.callbacks = self.done
        self.plan(case, self.calendar.opening(end) if self.spec.working else end)

    def resume(self, case: Case, place: Place) -> None:
        """The rest of a wait, given how long it has lasted; what ended after hours ends at the opening."""
        self.arrive(case, place.entered)
        case.started, case.callbacks, end = place.entered, self.done, 0.0
        if self.spec.enabled:
            over = self.world.past.closing if self.spec.working else 0.0
            spent = max(over - place.entered, 0.0)
            end = max(place.entered + self.days.beyond(case.account, case.attempt, spent), 0.0)
        self.plan(case, self.calendar.opening(end) if self.spec.working else end)

    def finish(self, case: Case) -> None:
        """The time is over."""
        self.depart(case, self.settle(case), case.due)


class GateStop(Stop):
    """A decision that takes no time: automatic conversion ([000]:676), a first filter ([000]:83)."""

    def configure(self) -> None:
        super().configure()
        self.enabled = self.spec.enabled

    def enter(self, case: Case, now: float) -> None:
        case.stop, case.queued = self, now
        case.attempt = case.occurrence if not self.cyclic else case.occurrence + self.count(case)
        yes = self.enabled and self.decide(case)  # type: ignore[misc]
        self.pass_by(case, self.yes if yes else self.no, now)


class SplitStop(Stop):
    """Different ways for different kinds of accounts (R15: big-B and small-B routing, [002]:68-70)."""

    def connect(self) -> None:
        super().connect()
        world, by = self.world, self.spec.by
        names = {
            "segment": world.population.segments,
            "industry": world.population.industries,
            "region": world.population.regions,
            "channel": tuple(world.spec.market.channels),
        }[by]
        self.column = world.channel if by == "channel" else getattr(world.population, by)
        self.targets = [self._side(self.spec.to.get(name, self.spec.then)) for name in names]

    def _side(self, target: str) -> Side:
        return Side(self.world, self.spec.emits_then, "", target if target else END)

    def enter(self, case: Case, now: float) -> None:
        self.arrive(case, now)
        self.pass_by(case, self.targets[self.column[case.account]], now)
