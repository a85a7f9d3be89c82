"""What all stops do: take a case in, decide, send it on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sim.decisions import Decision
from sim.events import ACTIVITY_CODE
from sim.journey.case import Case
from sim.recorder import OTHERWISE, PASSED_BY, THEN
from sim.spec.stops import END

if TYPE_CHECKING:
    from sim.world import World

Drawn = tuple[bool, float, float]


class Side:
    """One way out of a stop: what is logged, and where it leads (None: out of the market)."""

    __slots__ = ("activity", "loud", "note", "stop")

    def __init__(self, world: World, activity: str | None, reason: str, target: str) -> None:
        self.activity = -1 if activity is None else ACTIVITY_CODE[activity]
        self.loud = activity in world.bus
        self.note = world.recorder.note(reason)
        self.stop: Stop | None = None if target == END else world.stops[target]


class Stop:
    """A place in the route. Subclasses say how a case enters and when it leaves.

    An activity is *loud* when somebody listens to it (a revenue part, the state of the account): it is then
    announced and marked with its amount. All other activities are unfolded from visits after the run.
    """

    spec: Any
    optional = False

    def __init__(self, world: World, name: str, code: int) -> None:
        self.world, self.name, self.code = world, name, code
        self.env, self.record = world.env, world.recorder.visit
        self.horizon = world.horizon
        self.cyclic = False
        self.decide: Callable[[Case], Drawn] | None = None
        self.configure()

    def configure(self) -> None:
        """Take numbers from the specification that holds now."""
        self.spec = self.world.spec.business.route[self.name]

    def connect(self) -> None:
        """Find the neighbours, once all stops exist."""
        world, spec = self.world, self.spec
        self.yes = Side(world, spec.emits_then, "", spec.then)
        self.no = Side(world, spec.emits_otherwise, spec.reason, spec.otherwise)
        self.entry = -1 if spec.emits is None else ACTIVITY_CODE[spec.emits]
        self.entry_loud = spec.emits in world.bus
        if self.entry_loud or spec.using is not None or spec.paying is not None:
            self.enter = self._enter_announced  # type: ignore[method-assign]
        name = getattr(spec, "decision", None)
        if name is not None:
            self.decide = self._decider(world.decision(name))

    def _decider(self, decision: Decision) -> Callable[[Case], Drawn]:
        world, code, log = self.world, self.world.decision_code(decision.name), self.world.recorder.decision
        env, kind = self.env, decision.spec.occurrence

        def attempt(case: Case) -> Drawn:
            drawn = decision.decide(case.account, case.attempt)
            log(case.account, code, case.attempt, env.now, drawn)
            return drawn

        def carried(case: Case) -> Drawn:
            if case.carried is None:
                case.carried = {}
            drawn = decision.carry(case.account, case.occurrence, case.carried)
            log(case.account, code, case.attempt, env.now, drawn)
            return drawn

        def other(case: Case) -> Drawn:
            occurrence = world.period if kind == "period" else 0
            drawn = decision.decide(case.account, occurrence)
            log(case.account, code, occurrence, env.now, drawn)
            return drawn

        return {"attempt": attempt, "carried": carried}.get(kind, other)

    def enter(self, case: Case) -> None:
        """The case arrives now."""
        raise NotImplementedError

    def skip(self, case: Case) -> None:
        """Pass a desk without people by (desk stops only)."""
        raise TypeError(f"stop {self.name} has no desk")

    def begin(self, case: Case, seat: int, now: float) -> None:
        """A person takes up the case (desk stops only)."""
        raise TypeError(f"stop {self.name} has no desk")

    def month(self, now: float) -> None:
        """A month is over; most stops do not care."""

    def _enter_announced(self, case: Case) -> None:
        self.world.flags(case.account, self.spec.using, self.spec.paying)
        if self.entry_loud:
            self.world.announce(case, self.entry, self)
        type(self).enter(self, case)

    def arrive(self, case: Case) -> None:
        """Book-keeping of an arrival: where the case is, since when, and at which attempt."""
        case.stop = self
        case.queued = self.env.now
        if not self.cyclic:
            case.attempt = case.occurrence
            return
        if case.counts is None:
            case.counts = {}
        count = case.counts.get(self.code, 0)
        case.counts[self.code] = count + 1
        case.attempt = case.occurrence + count

    def settle(self, case: Case) -> Side:
        """The side by which the case leaves: what its decision says, ``then`` without one."""
        if self.decide is None or self.decide(case)[0]:
            return self.yes
        return self.no

    def depart(self, case: Case, side: Side, seat: int = -1) -> None:
        """Record the visit and send the case on."""
        now = self.env.now
        outcome = OTHERWISE if side is self.no else THEN
        self.record(case.account, self.code, outcome, seat, case.queued, case.started, now)
        self.go(case, side)

    def pass_by(self, case: Case, side: Side) -> None:
        """Leave at once: a visit of no length, recorded where the log would else miss what it says."""
        case.started = case.queued
        said = (side.activity >= 0 and not side.loud) or (self.entry >= 0 and not self.entry_loud)
        if said:
            self.depart(case, side, PASSED_BY)
        else:
            self.go(case, side)

    def go(self, case: Case, side: Side) -> None:
        """Announce what the side logs, then enter the next stop."""
        if side.loud:
            self.world.announce(case, side.activity, self, side.note)
        if side.stop is not None:
            side.stop.enter(case)
        else:
            self.world.leave(case)

    def plan(self, case: Case, end: float) -> None:
        """Schedule the case's next event; what lies beyond the horizon never happens."""
        if end < self.horizon:
            self.env.schedule(case, 1, end - self.env.now)  # type: ignore[arg-type]
