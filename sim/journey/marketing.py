"""First contacts: when which channel reaches which account.

Every account has one exponential threshold per channel, reached when the cumulative exposure of its segment to
that channel passes it (a change of time: exact for independent channels, a finite population and word of
mouth). The earliest crossing opens the journey, later ones are logged as touches. More spend means earlier
contacts, never other ones. Exposure carries a weekly factor common to all accounts, because leads vary more
than independent accounts do. Where exposure depends on the number of customers it steps by day, else by week.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.distributions import by_segment, normal
from sim.events import ACTIVITY_CODE
from sim.journey.case import Case
from sim.spec import StudySpec
from sim.units import DAYS_PER_MONTH, GRID

if TYPE_CHECKING:
    from sim.world import World

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TOUCHED = ACTIVITY_CODE["touched"]


class Opener:
    """Opens journeys: turns (account, channel, time) into scheduled cases and touches into rows."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen = world.seen
        self.first = (world.stops[world.spec.business.start].open,)

    def open(self, accounts: np.ndarray, channels: np.ndarray, times: np.ndarray) -> None:
        """Log touches that happen before the horizon and start the journeys of accounts never touched."""
        if not accounts.size:
            return
        world = self.world
        order = np.lexsort((accounts, times))
        order = order[times[order] < world.horizon]
        accounts, channels, times = accounts[order], channels[order], times[order]
        world.recorder.marks(accounts, _TOUCHED, times, channel=channels)
        _, firsts = np.unique(accounts, return_index=True)
        firsts = np.sort(firsts[~self.seen[accounts[firsts]]])
        self.seen[accounts[firsts]] = True
        world.channel[accounts[firsts]] = channels[firsts]
        rows = zip(accounts[firsts].tolist(), channels[firsts].tolist(), times[firsts].tolist(), strict=True)
        world.env.take_up([(time, self._case(account, channel, time)) for account, channel, time in rows])

    def _case(self, account: int, channel: int, time: float) -> Case:
        case = self.world.cases[account] = Case(account, channel)
        case.callbacks, case.due = self.first, time
        return case


def trace_contacts(world: World) -> Iterator[Any]:
    """Process: contacts read from a file, each on its own date, within working hours."""
    contacts, opener = world.contacts, Opener(world)
    assert contacts is not None
    times = np.asarray(contacts.day, float)
    if not contacts.exact:
        u = world.streams.uniforms(world.streams.name("contact.hour"), 0, 0, len(times))
        calendar = world.spec.policy.calendar
        times = times + (calendar.open_hour + calendar.hours * u) / 24.0
    times = np.rint(times / GRID) * GRID
    accounts = np.argsort(times, kind="stable")
    weeks = range(0, int(world.horizon) + 8, 7)
    for first, last in pairwise(np.searchsorted(times[accounts], weeks).tolist()):
        chosen = accounts[first:last]
        opener.open(chosen, np.asarray(contacts.channel)[chosen], times[chosen])
        yield world.env.timeout(7)


class Exposure:
    """Cumulative exposure of every segment to every channel, and who crosses its threshold when."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.start = date.fromisoformat(world.spec.horizon.start)
        market, population = world.spec.market, world.population
        self.channels = tuple(market.channels)
        self.reached = np.zeros((len(population.segments), len(self.channels)))
        self.sorted: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
        self.place: defaultdict[tuple[int, int], int] = defaultdict(int)
        self.mouth = np.array([c.word_of_mouth for c in market.channels.values()]) / DAYS_PER_MONTH
        self.step = 1 if self.mouth.any() else 7
        weekday = np.array([market.weekday[d] for d in _WEEKDAYS], float)
        self.weekday = weekday / weekday.mean()
        self.first_week = self.start.toordinal() // 7
        self.noise = self._noise().tolist()
        self._rates: dict[int, np.ndarray] = {}
        self.upcoming = np.full(self.reached.shape, np.inf)
        for c, name in enumerate(self.channels):
            self._threshold(c, name)

    def _threshold(self, channel: int, name: str) -> None:
        streams, population = self.world.streams, self.world.population
        threshold = -np.log(streams.uniforms(streams.name(f"contact.{name}"), 0, 0, population.size))
        if self.world.touched is not None:
            threshold[self.world.touched[:, channel]] = np.inf
        for s in range(len(population.segments)):
            members = np.flatnonzero(population.segment[: population.size] == s)
            order = np.argsort(threshold[members], kind="stable")
            self.sorted[s, channel] = (threshold[members][order], members[order])
            self.upcoming[s, channel] = threshold[members].min(initial=np.inf)

    def rates(self, spec: StudySpec) -> np.ndarray:
        """Contacts per day and account by segment and channel, before season, weekday and noise."""
        if id(spec) not in self._rates:
            columns = [self._rate(spec, name) for name in self.channels]
            self._rates[id(spec)] = np.array(columns).T / DAYS_PER_MONTH
        return self._rates[id(spec)]

    def _rate(self, spec: StudySpec, name: str) -> np.ndarray:
        channel, population = spec.market.channels[name], self.world.population
        rate = by_segment(channel.rate_month, population.segments)
        if not channel.reference_spend:
            return rate
        spend = spec.policy.channels[name].spend_month if name in spec.policy.channels else 0.0
        ratio = spend / (channel.reference_spend * population.size)
        return rate * (ratio**channel.elasticity if ratio > 0 else 0.0)

    def _noise(self) -> np.ndarray:
        """Factor of every week of the horizon, mean 1; the number of the week is that of the calendar."""
        streams, sd = self.world.streams, self.world.spec.market.noise
        code = streams.name("market.noise")
        weeks = range(self.first_week, (self.start.toordinal() + int(self.world.horizon) + self.step) // 7 + 1)
        u = np.concatenate([streams.uniforms(code, week, 0, 1) for week in weeks])
        return np.exp(sd * normal(u) - sd * sd / 2)

    def day(self, number: int) -> np.ndarray:
        """Exposure added in one day, by segment and channel."""
        today = self.start + timedelta(number)
        spec = self.world.spec_at(number)
        factor = spec.market.season[_MONTHS[today.month - 1]] * self.weekday[today.weekday()]
        factor *= self.noise[today.toordinal() // 7 - self.first_week]
        added = self.rates(spec) * factor
        return added + self.mouth * (self.world.customers / self.world.population.size)

    def crossings(self, first: int, days: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(accounts, channels, times) of all thresholds passed in ``days`` days from day ``first`` on."""
        path = np.cumsum(np.stack([self.reached, *(self.day(d) for d in range(first, first + days))]), axis=0)
        edges = np.arange(first, first + days + 1, dtype=float)
        passed = path[-1] >= self.upcoming
        self.reached = path[-1]
        accounts, channels, times = [np.empty(0, int)], [np.empty(0, int)], [np.empty(0)]
        for s, c in zip(*(where.tolist() for where in np.nonzero(passed)), strict=True):
            threshold, members = self.sorted[s, c]
            low = self.place[s, c]
            high = self.place[s, c] = int(threshold.searchsorted(path[-1, s, c], side="right"))
            accounts.append(members[low:high])
            channels.append(np.full(high - low, c))
            times.append(np.interp(threshold[low:high], path[:, s, c], edges))
            self.upcoming[s, c] = threshold[high] if high < len(threshold) else np.inf
        return np.concatenate(accounts), np.concatenate(channels), np.rint(np.concatenate(times) / GRID) * GRID


def exposed_contacts(world: World) -> Iterator[Any]:
    """Process: contacts by exposure."""
    exposure, opener = Exposure(world), Opener(world)
    for first in range(0, int(np.ceil(world.horizon)), exposure.step):
        opener.open(*exposure.crossings(first, exposure.step))
        yield world.env.timeout(exposure.step)
