"""What one replication holds: clock, random numbers, companies, desks, stops, books."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np

from sim.agenda import Agenda
from sim.billing import Billing, closing_time
from sim.calendar import PastCalendar, WorkCalendar, month_ends
from sim.contracts import Contracts
from sim.decisions import Decision, Duration, Rate
from sim.events import ACTIVITIES, ACTIVITY_CODE
from sim.hiring import Hiring
from sim.journey.case import Case
from sim.journey.marketing import exposed_contacts, trace_contacts
from sim.journey.route import build_stops, connect
from sim.journey.stop import Stop
from sim.ledger import Ledger
from sim.months import Months
from sim.opening import opening_of, streams_of, take_over
from sim.overhead import Overhead
from sim.population import population
from sim.prices import main_price_ratio, price_ratios
from sim.programmes import PROGRAMMES, UsageProgramme
from sim.recorder import Recorder
from sim.revenue import PARTS
from sim.spec import StudySpec, Timeline
from sim.spec.revenue import Offered
from sim.teams import Desk

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAN = float("nan")
_COMMISSIONED = (ACTIVITY_CODE["signed"], ACTIVITY_CODE["reordered"], ACTIVITY_CODE["cross_sold"])
_WORK_SIGNALS = {"wait_days", "presales_hours", "sales_hours"}


class World:
    """One replication under way.

    State of accounts is kept in columns, one element per account: ``use``, ``losses``, ``customer`` and so on.
    Signals read them; stops, revenue parts and programmes write them. ``deciding`` makes its decisions.
    """

    def __init__(
        self,
        timeline: Timeline,
        seed: int,
        replication: int,
        log_decisions: bool = True,
        deciding: Callable[[World, str], Decision] = Decision,
    ) -> None:
        self.deciding = deciding
        self.spec = self.first_spec = timeline.spec
        self.later, self.contacts = timeline.later, timeline.contacts
        self.horizon = float(self.spec.horizon.days)
        self.env = Agenda(self.horizon)
        self.opening = opening_of(timeline.opening, replication)
        self.trait_key = (self.opening.traits if self.opening else None) or (seed, replication)
        self.streams, self.traits = streams_of(self.opening, seed, replication, self.spec.horizon.start)
        self.population = population(self.spec.market, self.traits, self.contacts, self.opening)
        self.calendar = WorkCalendar(self.spec.policy.calendar, self.spec.horizon.start, self.horizon)
        self.recorder = Recorder(self.horizon, log_decisions)
        self.ledger, self.contracts = Ledger(), Contracts()
        self.months = Months(self.population)
        self.cases: dict[int, Case] = {}
        self.warnings: list[str] = []
        self._columns()
        self._read_spec()
        self._build()
        if self.opening is not None:
            take_over(self, self.opening)

    def _columns(self) -> None:
        n = len(self.population.segment)
        self.channel = np.full(n, -1, np.int64)
        self.losses, self.orders = np.zeros(n), np.zeros(n)
        self.wait_days, self.presales_hours, self.desk_hours = np.zeros(n), np.zeros(n), np.zeros(n)
        self.use, self.earning = np.zeros(n), np.zeros(n)
        self.using, self.paying = np.zeros(n, bool), np.zeros(n, bool)
        self.customer, self.was_customer = np.zeros(n, bool), np.zeros(n, bool)
        self.gone: list[int] = []
        self.signed_now, self.activated = np.zeros(n, bool), np.zeros(n, bool)
        self.customer_since, self.activated_at, self.term_ends = np.zeros(n), np.zeros(n), np.zeros(n)
        self.seen = np.zeros(n, bool)
        self.touched: np.ndarray | None = None
        self.years_before = 0.0
        self.peers = np.zeros(len(self.population.industries))
        self.customers = 0
        self.consumers_log = 0.0
        self.further = np.zeros(n)

    def _read_spec(self) -> None:
        spec, segments = self.spec, self.population.segments
        self.price_ratio = main_price_ratio(spec, segments)
        self.price_ratios = price_ratios(spec, segments)
        self.channel_quality = np.array([c.quality for c in spec.market.channels.values()])

    def _build(self) -> None:
        spec = self.spec
        used = {e.signal or name for effects in spec.effects.values() for name, e in effects.items() if e.strength}
        self.tracks_work = bool(used & _WORK_SIGNALS)
        self._set_month(date.fromisoformat(spec.horizon.start))
        self._sums: dict[str, Decision | Rate] = {}
        self._decision_codes: dict[str, int] = {}
        self._products: dict[str, int] = {name: i for i, name in enumerate(spec.policy.products)}
        self.desks = {name: Desk(name, i, d.heads) for i, (name, d) in enumerate(spec.policy.desks.items())}
        self.hiring = Hiring(self)
        self.stops: dict[str, Stop] = build_stops(self)
        self.billing = Billing(self)
        self.overhead = Overhead(self)
        self.usage = UsageProgramme(self)
        self.parts = {name: PARTS[part.kind](self, name) for name, part in spec.business.revenue.items()}
        self.programmes = {n: PROGRAMMES[p.kind](self, n) for n, p in spec.business.programmes.items()}
        self.bus = self._listeners()
        self._listening = [self.bus.get(name, []) for name in ACTIVITIES]
        connect(self)
        self._warn()

    def _warn(self) -> None:
        for stop in self.stops.values():
            desk = getattr(stop, "desk", None)
            if desk is not None and not desk.heads and not stop.optional:
                warning = f"desk {desk.name} has no people: accounts wait at stop {stop.name}"
                if warning not in self.warnings:
                    self.warnings.append(warning)

    def _listeners(self) -> dict[str, list[Callable[[Case, float], Any]]]:
        bus: dict[str, list[Callable[[Case, float], Any]]] = {
            "signed": [self._become_customer],
            "churned": [self._cease],
            "activated": [self._activate],
            "won_back": [],
            "re_entered": [],
        }
        for part in sorted(self.parts.values(), key=lambda part: isinstance(part.spec, Offered)):
            for activity, listener in part.listens().items():
                bus.setdefault(activity, []).append(listener)
        return bus

    # the specification over time

    def spec_at(self, day: float) -> StudySpec:
        """The specification that holds on a day."""
        place = bisect_right([dated.day for dated in self.later], day)
        return self.later[place - 1].spec if place else self.first_spec

    def changes(self) -> Iterator[Any]:
        """Process: take up later specifications on their day."""
        for dated in self.later:
            if dated.day >= self.horizon:
                return
            yield self.env.timeout(dated.day - self.env.now)
            self.spec = dated.spec
            self._reconfigure()

    def _reconfigure(self) -> None:
        self._read_spec()
        for stop in self.stops.values():
            stop.configure()
            for part in vars(stop).values():
                if isinstance(part, Duration):
                    part.configure()
        for configurable in (*self._sums.values(), *self.parts.values(), *self.programmes.values()):
            configurable.configure()
        self.usage.configure()
        self.billing.configure()
        for desk in self.desks.values():
            desk.staff(self.spec.policy.desks[desk.name].heads, self.env.now)
        self._warn()

    # registries

    def decision(self, name: str) -> Decision:
        """The decision of that name, made when first asked for."""
        if name not in self._sums:
            self._sums[name] = self.deciding(self, name)
            self.decision_code(name)
        return self._sums[name]  # type: ignore[return-value]

    def rate(self, name: str) -> Rate:
        """The rate of that name, made when first asked for."""
        key = f"rate {name}"
        if key not in self._sums:
            self._sums[key] = Rate(self, name)
        return self._sums[key]  # type: ignore[return-value]

    def decision_code(self, name: str) -> int:
        """Code of a decision in the log."""
        return self._decision_codes.setdefault(name, len(self._decision_codes))

    def product_code(self, name: str) -> int:
        """Code of a product in the tables."""
        return self._products.setdefault(name, len(self._products))

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """Names behind the codes of decisions and products."""
        return {"decision": tuple(self._decision_codes), "product": tuple(self._products)}

    # what happens to accounts

    def announce(self, case: Case, activity: int, stop: Stop | None, note: int = -1) -> None:
        """Tell everyone who listens, and mark the activity with the amounts they return."""
        now = self.env.now
        amount: int | None = None
        quantity = _NAN
        for listener in self._listening[activity]:
            told = listener(case, now)
            if told is not None:
                amount = (amount or 0) + told[0] if told[0] is not None else amount
                quantity = told[1]
        where = -1 if stop is None or case.offers is not None else stop.code
        product = -1 if case.offers is None else case.offers.part.product
        self.recorder.mark(case.account, activity, now, where, note, amount, quantity, product=product)
        if amount and activity in _COMMISSIONED:
            self.overhead.commission(case, amount)

    def _become_customer(self, case: Case, now: float) -> None:
        account = case.account
        self.signed_now[account] = True
        if not self.customer[account]:
            self.customer[account] = self.was_customer[account] = True
            self.customer_since[account] = now
            self.customers += 1
            self.peers[self.population.industry[account]] += 1

    def _cease(self, case: Case, now: float) -> None:
        account = case.account
        self.using[account] = self.paying[account] = False
        if self.customer[account]:
            self.customer[account] = False
            self.customers -= 1
            self.peers[self.population.industry[account]] -= 1

    def _activate(self, case: Case, now: float) -> None:
        self.activated[case.account], self.activated_at[case.account] = True, now

    def flags(self, account: int, using: bool | None, paying: bool | None) -> None:
        """A stop says whether its accounts use and pay."""
        if using is not None:
            if using and not self.using[account]:
                self.usage.begin(account)
            self.using[account] = using
        if paying is not None:
            self.paying[account] = paying

    def track_work(self, account: int, wait: float, hours: float, presales: bool) -> None:
        """Remember queueing and work of this journey, for signals."""
        self.wait_days[account] += wait
        self.desk_hours[account] += hours
        if presales:
            self.presales_hours[account] += hours

    def lose(self, account: int) -> None:
        """An account enters the pool."""
        self.using[account] = self.paying[account] = False
        if not self.signed_now[account]:
            self.losses[account] += 1

    def fresh(self, account: int) -> None:
        """A new journey begins: nothing of the old one counts."""
        self.wait_days[account] = self.presales_hours[account] = self.desk_hours[account] = 0.0
        self.signed_now[account] = self.activated[account] = False

    def leave(self, case: Case) -> None:
        """The account leaves the market, or an offer is over: its case is done with."""
        if case.offers is not None:
            return case.offers.close(case.account)
        del self.cases[case.account]
        self.gone.append(case.account)
        self.using[case.account] = self.paying[case.account] = False

    # time

    def _set_month(self, day: date) -> None:
        self.period = day.year * 12 + day.month - 1
        self.buying_now = float(np.log(self.spec.market.buying[_MONTHS[day.month - 1]]))

    def month_closings(self) -> Iterator[Any]:
        """Process: close every month at its last moment."""
        start, first = date.fromisoformat(self.spec.horizon.start), 0.0
        for end in month_ends(self.spec.horizon.start, self.horizon):
            yield self.env.timeout(closing_time(end) - self.env.now)
            self._close_month(first, end)
            first = end
            self._set_month(start + timedelta(end))

    def _close_month(self, first: float, end: float) -> None:
        now = self.env.now
        self.months.day = end - 1.0
        self.billing.issue_asked()
        closings: list[Any] = [self.usage, *self.parts.values(), *self.programmes.values(), self.overhead]
        for closing in closings:
            closing.month(now, first)
        for _, stop in sorted(self.stops.items()):
            stop.month(now)

    @cached_property
    def past(self) -> PastCalendar:
        """Working hours before day 0."""
        return PastCalendar(self.spec.policy.calendar, self.spec.horizon.start)

    def run(self, until: float | None = None) -> None:
        """Simulate to the horizon, or to a day before it."""
        env = self.env
        contacts = trace_contacts if self.contacts is not None else exposed_contacts
        for process in (
            env.weeks(),
            self.changes(),
            contacts(self),
            self.month_closings(),
            self.billing.days(),
        ):
            env.process(process)  # type: ignore[arg-type]
        if self.hiring.moves:
            env.process(self.hiring.days())  # type: ignore[arg-type]
        env.run(until=self.horizon if until is None else until)
