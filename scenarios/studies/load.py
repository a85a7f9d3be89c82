"""Work asked of every desk against the work it can do, before anything is simulated.

A fluid approximation (Newell, Applications of Queueing Theory, 1982): companies are an amount that flows along the
route in steps of a week. Decisions send on their base share, durations take their mean, a desk serves as many hours
as its people have. Effects and chance are left out, so the figures say whether a queue grows for good, not how long a
queue of a desk with time to spare is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from sim.calendar import WorkCalendar
from sim.distributions import bind, by_segment
from sim.hiring import stays, strength
from sim.spec import StudySpec, Timeline
from sim.spec.market import Channel
from sim.spec.stops import END
from sim.units import DAYS_PER_MONTH

STEP_DAYS = 7.0
"""Length of a step; convention: delays on a route are of weeks, and three years are 157 steps."""

MOST_STEPS = 300
"""Steps of a long horizon; convention: above it steps grow longer, so that a century takes no longer than six years."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

Flow = np.ndarray
"""Companies by (never a customer, former customer) and segment."""


@dataclass
class DeskLoad:
    """What is asked of one desk.

    Attributes
    ----------
    asked, offered : float
        Hours over the horizon: of the work that arrives, and of the people there.
    waiting : float
        Companies in the queue at the horizon.
    """

    asked: float = 0.0
    offered: float = 0.0
    waiting: float = 0.0

    @property
    def load(self) -> float:
        """Hours asked for one hour on offer."""
        return self.asked / self.offered if self.offered else math.inf


@dataclass
class Rates:
    """The numbers of one specification, by segment, each worked out once."""

    spec: StudySpec
    segments: tuple[str, ...]
    known: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def chance(self, decision: str) -> np.ndarray:
        """Base probability of a decision."""
        if ("chance", decision) not in self.known:
            base = self.spec.business.decisions[decision].base
            self.known["chance", decision] = by_segment(base, self.segments)
        return self.known["chance", decision]

    def mean(self, stop: str, key: str) -> np.ndarray:
        """Mean of a duration of a stop."""
        if (stop, key) not in self.known:
            self.known[stop, key] = bind(getattr(self.spec.business.route[stop], key), self.segments).mean
        return self.known[stop, key]

    def contacts(self, channel: str) -> np.ndarray:
        """First contacts per company and day, before season and word of mouth."""
        if ("contacts", channel) not in self.known:
            each, spend = self.spec.market.channels[channel], self.spec.policy.channels.get(channel)
            factor = _spent(each, spend.spend_month if spend else 0.0, self.spec.market.accounts)
            self.known["contacts", channel] = by_segment(each.rate_month, self.segments) * factor / DAYS_PER_MONTH
        return self.known["contacts", channel]


def _spent(channel: Channel, spend: float, accounts: int) -> float:
    if not channel.reference_spend:
        return 1.0
    ratio = spend / (channel.reference_spend * accounts)
    return float(ratio**channel.elasticity) if ratio > 0 else 0.0


class Fluid:
    """The amounts at every stop of a route, moved on step by step.

    Parameters
    ----------
    timeline : Timeline
        Dated changes take effect in the step in which they begin.
    """

    def __init__(self, timeline: Timeline) -> None:
        self.timeline, spec = timeline, timeline.spec
        self.start, self.days = date.fromisoformat(spec.horizon.start), float(spec.horizon.days)
        self.step = max(STEP_DAYS, self.days / MOST_STEPS)
        self.segments = tuple(spec.market.segments)
        self.size = np.array([s.share for s in spec.market.segments.values()]) * spec.market.accounts
        self.untouched = self.size.copy()
        self.customers = 0.0
        self.rates = Rates(spec, self.segments)
        self.calendar = WorkCalendar(spec.policy.calendar, spec.horizon.start, self.days)
        self.due: dict[int, dict[tuple[str, int], Flow]] = defaultdict(dict)
        self.queue: dict[str, Flow] = {}
        self.living: dict[str, Flow] = {}
        self.desks = {name: DeskLoad() for name in spec.policy.desks}
        self.stays = stays(spec.policy.hiring, spec.horizon.start)
        self.people: dict[str, float] = {}
        self.now = 0

    def run(self) -> dict[str, DeskLoad]:
        """What is asked of every desk over the horizon."""
        edges = np.minimum(np.arange(math.ceil(self.days / self.step) + 1) * self.step, self.days)
        hours = np.diff(self.calendar.worked(edges))
        for self.now, (first, last) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
            self._take_effect(float(first), float(last))
            for (stop, tries), amount in self.due.pop(self.now, {}).items():
                self._over(stop, amount, tries)
            self._leave(float(last - first))
            self._enter(self.spec.business.start, self._contacts(float(first), float(last)))
            self._serve(float(hours[self.now]))
        for stop, amount in self.queue.items():
            self.desks[self._desk(stop)].waiting += float(amount.sum())
        return self.desks

    @property
    def spec(self) -> StudySpec:
        """The specification that holds in this step."""
        return self.rates.spec

    def _take_effect(self, day: float, end: float) -> None:
        hired = strength(self.stays, day, end)
        spec = next((d.spec for d in reversed(self.timeline.later) if d.day <= day), self.timeline.spec)
        if spec is not self.spec:
            self.rates = Rates(spec, self.segments)
        self.people = {name: desk.heads + hired.get(name, 0.0) for name, desk in spec.policy.desks.items()}

    def _contacts(self, first: float, last: float) -> Flow:
        """Companies reached for the first time in a step."""
        return np.stack([self._reached(first, last), np.zeros(len(self.segments))])

    def _reached(self, first: float, last: float) -> np.ndarray:
        trace = self.timeline.contacts
        if trace is not None:
            inside = (trace.day >= first) & (trace.day < last)
            if trace.segment is None:
                return self.size / self.size.sum() * inside.sum()
            return np.bincount(trace.segment[inside], minlength=len(self.segments)).astype(float)
        middle = self.start + timedelta((first + last) / 2)
        rate = np.sum([self.rates.contacts(name) for name in self.spec.market.channels], axis=0)
        rate = rate * self.spec.market.season[_MONTHS[middle.month - 1]]
        mouth = sum(channel.word_of_mouth for channel in self.spec.market.channels.values()) / DAYS_PER_MONTH
        rate = rate + mouth * self.customers / self.size.sum()
        found = self.untouched * -np.expm1(-rate * (last - first))
        self.untouched = self.untouched - found
        return found

    def _enter(self, name: str, amount: Flow) -> None:
        """An amount comes to a stop; what takes no time is passed at once."""
        if name == END or not amount.any():
            return
        stop: Any = self.spec.business.route[name]
        if not getattr(stop, "enabled", True):
            self._enter(stop.otherwise if stop.kind == "gate" else stop.then, amount)
        elif stop.kind == "gate":
            self._decide(name, amount)
        elif stop.kind == "split":
            for target, share in self._shares(stop):
                self._enter(target, amount * share)
        elif stop.kind == "desk":
            self._arrive(name, stop, amount)
        elif stop.kind == "customer":
            self._begin(name, stop, amount)
        elif stop.kind == "pool":
            self._cool(name, stop, amount, 0)
        else:
            self._later(name, amount, self.rates.mean(name, "delay_days"), 0)

    def _decide(self, name: str, amount: Flow) -> None:
        """An amount leaves a stop, each part by its side."""
        stop: Any = self.spec.business.route[name]
        yes = self.rates.chance(stop.decision) if stop.decision else 1.0
        self._enter(stop.then, amount * yes)
        self._enter(stop.otherwise, amount * (1.0 - yes))

    def _shares(self, stop: Any) -> Iterator[tuple[str, Any]]:
        """Where a split sends which share of every segment."""
        market = self.spec.market
        if stop.by == "segment":
            for place, segment in enumerate(self.segments):
                yield stop.to.get(segment, stop.then), np.arange(len(self.segments)) == place
            return
        if stop.by == "channel":
            weights = {name: self.rates.contacts(name) for name in market.channels}
        else:
            groups = market.industries if stop.by == "industry" else market.regions
            weights = {name: np.full(len(self.segments), group.share) for name, group in groups.items()}
        total = np.maximum(sum(weights.values()), 1e-300)
        for name, weight in weights.items():
            yield stop.to.get(name, stop.then), weight / total

    def _later(self, name: str, amount: Flow, days: np.ndarray, tries: int) -> None:
        """An amount stays at a stop, every segment for its own number of days."""
        steps = np.maximum(1, np.rint(days / self.step)).astype(int)
        for count in set(steps.tolist()):
            self._put(count, (name, tries), amount * (steps == count))

    def _put(self, steps: int, key: tuple[str, int], amount: Flow) -> None:
        due = self.due[self.now + steps]
        due[key] = due[key] + amount if key in due else amount

    def _over(self, name: str, amount: Flow, tries: int) -> None:
        """The time at a stop is over."""
        stop: Any = self.spec.business.route[name]
        if stop.kind == "customer":
            self.customers -= float(amount.sum())
            self._enter(stop.then, amount)
        elif stop.kind == "pool":
            self._return(name, stop, amount, tries)
        else:
            self._decide(name, amount)

    def _return(self, name: str, stop: Any, amount: Flow, tries: int) -> None:
        """The lost come to the point of returning."""
        back = amount * self.rates.chance(stop.decision)
        self._enter(stop.then, back * [[1.0], [0.0]])
        self._enter(stop.win_back or stop.then, back * [[0.0], [1.0]])
        self._cool(name, stop, amount - back, tries + 1)

    def _cool(self, name: str, stop: Any, amount: Flow, tries: int) -> None:
        """The lost stay in the pool until the next try, if there is one."""
        if tries >= stop.tries:
            self._enter(stop.otherwise, amount)
        else:
            self._later(name, amount, self.rates.mean(name, "cooling_days"), tries)

    def _begin(self, name: str, stop: Any, amount: Flow) -> None:
        """A life as a customer begins: for a term, or until they leave."""
        amount = np.stack([np.zeros(len(self.segments)), amount.sum(axis=0)])
        self.customers += float(amount.sum())
        if stop.term_months is not None:
            self._later(name, amount, np.full(len(self.segments), stop.term_months * DAYS_PER_MONTH), 0)
        else:
            self.living[name] = self.living.get(name, 0.0) + amount

    def _leave(self, days: float) -> None:
        """Customers without a term leave, month after month."""
        for name, amount in list(self.living.items()):
            stop: Any = self.spec.business.route[name]
            stay = (1.0 - self.rates.chance(stop.leave)) ** (days / DAYS_PER_MONTH) if stop.leave else 1.0
            gone = amount * (1.0 - stay)
            self.living[name] = amount - gone
            self.customers -= float(gone.sum())
            self._enter(stop.otherwise, gone)

    def _desk(self, name: str) -> str:
        stop: Any = self.spec.business.route[name]
        return str(next(iter(stop.desks)))

    def _arrive(self, name: str, stop: Any, amount: Flow) -> None:
        """Work arrives at a desk, or passes by an optional one without people."""
        desk, need = next(iter(stop.desks.items()))
        if need == "optional" and not self.people[desk]:
            self._decide(name, amount)
            return
        self.desks[desk].asked += float((amount * self.rates.mean(name, "work_hours")).sum())
        self.queue[name] = self.queue.get(name, 0.0) + amount

    def _serve(self, hours: float) -> None:
        """Every desk does what its hours allow, the same share of all that waits; it goes on in the next step."""
        asked: dict[str, float] = defaultdict(float)
        for name, amount in self.queue.items():
            asked[self._desk(name)] += float((amount * self.rates.mean(name, "work_hours")).sum())
        for desk, found in self.desks.items():
            found.offered += hours * self.people[desk]
        for name, amount in list(self.queue.items()):
            desk = self._desk(name)
            offered = hours * self.people[desk]
            share = min(1.0, offered / asked[desk]) if asked[desk] else 1.0
            self.queue[name] = amount * (1.0 - share)
            self._put(1, (name, 0), amount * share)


def overloads(timeline: Timeline) -> Iterator[str]:
    """Warnings of desks that are asked for more hours than their people have, with the queue at the horizon."""
    for name, found in Fluid(timeline).run().items():
        if found.offered and found.load > 1:
            hours = f"{found.asked:,.0f} hours of work expected and {found.offered:,.0f} on offer"
            queue = f"about {found.waiting:,.0f} companies wait at the horizon"
            where = f"policy.desks.{name}.heads"
            yield f"{where}: is too few, load {found.load:.2f} ({hours}, effects left out); {queue}"
