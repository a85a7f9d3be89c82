"""Where on a route customers, open deals and leads stand, read off the route alone.

The stop that emits the signature parts the route: behind it live customers, before it deals from where the opportunity
opens, and before that leads. A customer of whom nothing else is said stands at the first stop of kind ``customer``
behind the signature, or, where there is none, at the stop that ends in the next order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from typing import Any

from sim.distributions import bind
from sim.spec import StudySpec
from sim.spec.stops import END
from sim.units import DAYS_PER_MONTH


class Places:
    """The stops of a route by what stands at them.

    Parameters
    ----------
    spec : StudySpec
        The study as it is on day 0.
    """

    def __init__(self, spec: StudySpec) -> None:
        self.spec, self.route = spec, spec.business.route
        self.code = {name: place for place, name in enumerate(self.route)}
        self.segments = tuple(spec.market.segments)
        self.milestones = spec.business.milestones
        self.passed, self.rest, self.emitters = cache(self._passed), cache(self._rest), cache(self._emitters)
        self.share_of_way, self.cycle = cache(self._share_of_way), cache(self._cycle)

    def _emitters(self, activity: str) -> list[str]:
        """Stops that an account leaves with an activity, in the order of the route."""
        return [name for name, stop in self.route.items() if activity in (stop.emits_then, stop.emits_otherwise)]

    def openers(self, activity: str) -> list[str]:
        """Stops at which an account stands once an activity has happened."""
        entered = [name for name, stop in self.route.items() if stop.emits == activity]
        return entered or [self.route[name].then for name in self.emitters(activity)]

    def onward(
        self, first: Iterable[str], segment: str | None = None, until: Callable[[str], bool] = lambda name: False
    ) -> list[str]:
        """Stops that can be reached, nearest first, without the pool; not beyond those for which ``until`` holds."""
        found: dict[str, None] = dict.fromkeys(name for name in first if self._stands(name))
        waiting = list(found)
        while waiting:
            name = waiting.pop(0)
            for after in () if until(name) else self._after(name, segment):
                if after not in found and self._stands(after):
                    found[after] = None
                    waiting.append(after)
        return list(found)

    def _stands(self, name: str) -> bool:
        return name != END and self.route[name].kind != "pool"

    def _after(self, name: str, segment: str | None) -> Iterator[str]:
        stop: Any = self.route[name]
        if stop.kind == "split":
            by_segment = stop.by == "segment" and segment is not None
            yield from [stop.to.get(segment, stop.then)] if by_segment else [*stop.to.values(), stop.then]
            return
        yield stop.then
        yield stop.otherwise

    @cached_property
    def signed(self) -> list[str]:
        """Stops behind the signature."""
        return self.onward(self.route[name].then for name in self.emitters(self.milestones.conversion))

    @cached_property
    def deals(self) -> list[str]:
        """Stops of an open opportunity."""
        behind, signs = set(self.signed), set(self.emitters(self.milestones.conversion))
        reached = self.onward(self.openers(self.milestones.opportunity), until=lambda name: name in signs)
        return [name for name in reached if name not in behind and self.route[name].kind in ("desk", "wait")]

    @cached_property
    def leads(self) -> list[str]:
        """Stops before the opportunity, and the pool of those who were lost."""
        opens = set(self.openers(self.milestones.opportunity))
        behind = {*opens, *self.onward(opens), *self.signed}
        reached = self.onward([self.spec.business.start])
        pools = [name for name, stop in self.route.items() if stop.kind == "pool"]
        return [*(name for name in reached if name not in behind and self.route[name].kind != "split"), *pools]

    @cached_property
    def customers(self) -> list[str]:
        """Stops behind the signature at which an account can stand."""
        return [name for name in self.signed if self.route[name].kind in ("desk", "wait", "customer")]

    @property
    def first_deal(self) -> str:
        """Where an open opportunity stands of which no stage is said."""
        return self.deals[0]

    @property
    def first_lead(self) -> str:
        """Where a lead stands of which no stage is said: behind the stop that makes it one."""
        after = [self.route[name].then for name in self.emitters(self.milestones.lead)]
        return next((name for name in after if name in self.leads), self.leads[0])

    def _rest(self, segment: int, dated: bool) -> str:
        """Where a customer stands of whom no stage is said.

        Parameters
        ----------
        segment : int
            Index of its segment, -1: not known.
        dated : bool
            Whether it has a renewal date.
        """
        name = self.segments[segment] if segment >= 0 else None
        way = self.onward((self.route[s].then for s in self.emitters(self.milestones.conversion)), name)
        lives: list[Any] = [stop for stop in way if self.route[stop].kind == "customer"]
        paying = [stop for stop in lives if self.route[stop].paying or self.route[stop].using] or lives
        fitting = [stop for stop in paying if (self.term(stop) is not None) == dated]
        if paying:
            return str((fitting or paying)[0])
        again = {part.repeats for part in self.spec.business.revenue.values() if part.kind == "unit_sale"}
        ends = [stop for stop in way if self.route[stop].emits_then in {*again, "reordered"}]
        return ends[0] if ends else way[-1]

    def term(self, stop: str) -> float | None:
        """Length of a term at a stop in days; None where a customer stays until it leaves."""
        months = getattr(self.route[stop], "term_months", None)
        return None if months is None else float(months) * DAYS_PER_MONTH

    def _passed(self, activity: str) -> set[str]:
        """Customers' stops behind an activity; all of them if it comes before the signature."""
        if not set(self.emitters(activity)) & {*self.signed, *self.emitters(self.milestones.conversion)}:
            return set(self.customers)
        return set(self.onward(self._behind(activity)))

    def _behind(self, activity: str) -> list[str]:
        """Stops to which an account goes with an activity."""
        there = self.route.values()
        return [s.then for s in there if s.emits_then == activity] + [
            s.otherwise for s in there if s.emits_otherwise == activity
        ]

    def between(self, begins: Iterable[str], ends: Callable[[str], bool]) -> set[str]:
        """Stops from those behind some activities up to those for which ``ends`` holds."""
        after = [stop for activity in begins for stop in self._behind(activity)]
        return set(self.onward(after, until=ends))

    def days(self, stop: str, segment: int) -> float:
        """Mean time at a stop, queues left out; 0 where none passes, or a life is spent."""
        spec: Any = self.route[stop]
        if spec.kind == "wait":
            return float(bind(spec.delay_days, self.segments).mean[segment]) if spec.enabled else 0.0
        if spec.kind != "desk":
            return 0.0
        week = self.spec.policy.calendar
        hours = float(bind(spec.work_hours, self.segments).mean[segment])
        return hours / (week.hours * week.workdays / 7)

    def typical(self, segment: int) -> int:
        """A segment, or the one of most companies where it is not known."""
        if segment >= 0:
            return segment
        shares = [group.share for group in self.spec.market.segments.values()]
        return shares.index(max(shares))

    def _share_of_way(self, stop: str, segment: int) -> float:
        """Part of a deal's age that lies before it came to a stop, as mean times on the way have it."""
        passed = sum(self.days(name, segment) for name in self._way(stop))
        whole = passed + self.days(stop, segment)
        return passed / whole if whole else 0.0

    def _way(self, stop: str) -> list[str]:
        """Stops from where a deal opens to one before ``stop``, the shortest way."""
        before: dict[str, str] = {}
        waiting = self.openers(self.milestones.opportunity)
        seen = set(waiting)
        while waiting and stop not in seen:
            name = waiting.pop(0)
            for after in self._after(name, None):
                if after not in seen and self._stands(after):
                    before[after] = name
                    seen.add(after)
                    waiting.append(after)
        way = []
        while stop in before:
            stop = before[stop]
            way.append(stop)
        return way

    def _cycle(self, stop: str, segment: int) -> float:
        """Mean time from one order to the next, for a stop that ends in one."""
        way = self.onward([self.route[stop].then], until=lambda name: name == stop)
        return max(sum(self.days(name, segment) for name in way), 1.0)
