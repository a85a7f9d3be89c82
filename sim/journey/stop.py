"""What all stops do: take a case in, decide, send it on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.decisions import Decision
from sim.events import ACTIVITY_CODE
from sim.journey.case import Case
from sim.recorder import OTHERWISE, PASSED_BY, THEN, pack_visit
from sim.spec.stops import END

if TYPE_CHECKING:
    from sim.world import World


class Place(NamedTuple):
    """Where a case stands on day 0: see ``sim.spec.opening.Standing``, whose names these are."""

    entered: float
    started: float
    served: bool
    tries: int


class Side:
    """One way out of a stop: what is logged, and where it leads (None: out of the market)."""

    __slots__ = ("activity", "loud", "note", "plain", "quiet", "stop")

    def __init__(self, world: World, activity: str | None, reason: str, target: str) -> None:
        self.activity = -1 if activity is None else ACTIVITY_CODE[activity]
        self.loud = activity in world.bus
        self.quiet = activity is not None and not self.loud
        self.note = world.recorder.note(reason)
        self.stop: Stop | None = None if target == END else world.stops[target]
        self.plain = self.stop is not None and not self.loud


class Stop:
    """A place in the route. Subclasses say how a case enters and when it leaves.

    An activity is *loud* when somebody listens to it (a revenue part, the state of the account): it is then
    announced and marked with its amount. All other activities are unfolded from visits after the run.
    """

    spec: Any
    optional = False

    def __init__(self, world: World, name: str, code: int) -> None:
        self.world, self.name, self.code = world, name, code
        self.env, self.keep = world.env, world.recorder.keep
        self.plan = world.env.plan
        self.cyclic = False
        self.decide: Callable[[Case], float] | None = None
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
        self.entry_quiet = self.entry >= 0 and not self.entry_loud
        if self.entry_loud or spec.using is not None or spec.paying is not None:
            self.enter = self._enter_announced  # type: ignore[method-assign]
        name = getattr(spec, "decision", None)
        if name is not None:
            self.decide = self._decider(world.decision(name))

    def _decider(self, decision: Decision) -> Callable[[Case], float]:
        """What answers for a case and logs the answer."""
        world, carry, get = self.world, decision.carry, decision.draws.get
        log = self._logger(decision)
        kind = decision.spec.occurrence
        if log is None and decision.settled and kind == "attempt":
            answer = decision.answers.get
            return lambda case: answer(case.account, case.attempt)

        def attempt(case: Case) -> bool:
            account, occurrence = case.account, case.attempt
            p, u = decision.probability(account), get(account, occurrence)
            if log is not None:
                log(account, occurrence, p, u)
            return u < p

        def carried(case: Case) -> bool:
            if case.carried is None:
                case.carried = {}
            yes, p, u = carry(case.account, case.occurrence, case.carried)
            if log is not None:
                log(case.account, case.attempt, p, u)
            return yes

        def other(case: Case) -> bool:
            occurrence = world.period if kind == "period" else 0
            p, u = decision.probability(case.account), get(case.account, occurrence)
            if log is not None:
                log(case.account, occurrence, p, u)
            return u < p

        return {"attempt": attempt, "carried": carried}.get(kind, other)

    def _logger(self, decision: Decision) -> Callable[[int, int, float, float], None] | None:
        """What logs an answer, None if decisions are not logged."""
        code, recorder, env = self.world.decision_code(decision.name), self.world.recorder, self.env

        def log(account: int, occurrence: int, p: float, u: float) -> None:
            recorder.decision(account, code, occurrence, env.now, (u < p, p, u))

        return log if recorder.log_decisions else None

    def enter(self, case: Case, now: float) -> None:
        """The case arrives, ``now`` being the present."""
        raise NotImplementedError

    def open(self, case: Case) -> None:
        """The case's first journey begins here, as the engine's event."""
        self.enter(case, case.due)

    def resume(self, case: Case, place: Place) -> None:
        """The case has been here since before day 0; where cases never stay, it comes in at once."""
        case.callbacks = (self.open,)
        self.plan(case, 0.0)

    def skip(self, case: Case, now: float) -> None:
        """Pass a desk without people by (desk stops only)."""
        raise TypeError(f"stop {self.name} has no desk")

    def begin(self, case: Case, seat: int, now: float) -> None:
        """A person takes up the case (desk stops only)."""
        raise TypeError(f"stop {self.name} has no desk")

    def month(self, now: float) -> None:
        """A month is over; most stops do not care."""

    def _enter_announced(self, case: Case, now: float) -> None:
        self.world.flags(case.account, self.spec.using, self.spec.paying)
        if self.entry_loud:
            self.world.announce(case, self.entry, self)
        type(self).enter(self, case, now)

    def arrive(self, case: Case, now: float) -> None:
        """Book-keeping of an arrival: where the case is, since when, and at which attempt."""
        case.stop = self
        case.queued = now
        case.attempt = case.occurrence if not self.cyclic else case.occurrence + self.count(case)

    def count(self, case: Case) -> int:
        """How often this journey has been here before."""
        if case.counts is None:
            case.counts = {}
        before = case.counts.get(self.code, 0)
        case.counts[self.code] = before + 1
        return before

    def settle(self, case: Case) -> Side:
        """The side by which the case leaves: what its decision says, ``then`` without one."""
        if self.decide is None or self.decide(case):
            return self.yes
        return self.no

    def depart(self, case: Case, side: Side, now: float) -> None:
        """Record the visit and send the case on."""
        outcome = OTHERWISE if side is self.no else THEN
        self.keep(pack_visit(case.account, self.code, -1, outcome, case.queued, case.started, now))
        if side.plain:
            side.stop.enter(case, now)  # type: ignore[union-attr]
        else:
            self.go(case, side, now)

    def pass_by(self, case: Case, side: Side, now: float) -> None:
        """Leave at once: a visit of no length, recorded where the log would else miss what it says."""
        case.started = now
        if side.quiet or self.entry_quiet:
            outcome = OTHERWISE if side is self.no else THEN
            self.keep(pack_visit(case.account, self.code, PASSED_BY, outcome, now, now, now))
        if side.plain:
            side.stop.enter(case, now)  # type: ignore[union-attr]
        else:
            self.go(case, side, now)

    def go(self, case: Case, side: Side, now: float) -> None:
        """Announce what the side logs, then enter the next stop."""
        if side.loud:
            self.world.announce(case, side.activity, self, side.note)
        if side.stop is not None:
            side.stop.enter(case, now)
        else:
            self.world.leave(case)
