"""Waits at desks and in pipelines: Erlang, Pollaczek and Khinchine, Jackson, Little."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import erfc, exp, log, sqrt

import numpy as np
import pytest

from sim.spec import DecisionSpec
from sim.spec.distribution import Lognormal
from sim.spec.policy import Calendar
from tests.theory.check import SEEDS, Estimate, Theory, assert_agrees, mean
from tests.theory.studies import (
    AROUND_THE_CLOCK,
    OFFICE_HOURS,
    Events,
    Tables,
    business,
    contacts,
    desk,
    exponential,
    poisson,
    policy,
    run,
    study,
    wait,
)


def erlang_c(servers: int, load: float) -> float:
    """Chance to wait in M/M/c, by the recursion of Erlang B; ``load`` in Erlang."""
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def batches(arrived: np.ndarray, values: np.ndarray, first: int, last: int) -> Iterator[float]:
    """Mean value of those who arrived in each day from ``first`` to ``last``."""
    for day in range(first, last):
        yield float(values[(arrived >= day) & (arrived < day + 1)].mean())


@dataclass(frozen=True)
class CallCentre(Theory):
    """Three desks of 12, 13 and 14 agents in series, each offered 10 Erlang: 100 calls in 30 minutes, 180 s each.

    What leaves M/M/c is again Poisson (Burke), so that every desk is an M/M/c queue of its own. The day of the
    simulation stands for five hours of the call centre: 1000 calls.
    """

    calls: float = 1000.0
    seconds: float = 180.0
    biased = ("calls", "seconds")
    agents = (12, 13, 14)
    days = 14

    @property
    def service(self) -> float:
        """Mean service in days of the simulation."""
        return self.seconds / (5 * 3600)

    def expected(self) -> dict[str, float]:
        load = self.calls * self.service
        figures = {}
        for agents in self.agents:
            waits = erlang_c(agents, load)
            figures[f"{agents} agents: chance to wait"] = waits
            figures[f"{agents} agents: wait in seconds"] = waits * self.seconds / (agents - load)
            figures[f"{agents} agents: utilisation"] = load / agents
        return figures

    def observed(self) -> dict[str, Estimate]:
        names = [f"desk{agents}" for agents in self.agents]
        ways = [*names[1:], "end"]
        route = {n: desk(n, exponential(self.service * 24), then) for n, then in zip(names, ways, strict=True)}
        heads = dict(zip(names, self.agents, strict=True))
        spec = study(business(route), self.days + 2.0, policy=policy(heads))
        found: dict[str, list[float]] = {name: [] for name in self.expected()}
        for seed in SEEDS:
            tables = run(spec, seed, poisson(self.calls, self.days, seed))
            self._collect(found, tables)
        return {name: mean(values) for name, values in found.items()}

    def _collect(self, found: dict[str, list[float]], tables: Tables) -> None:
        events, staffing = Events(tables), tables["staffing"]
        for place, agents in enumerate(self.agents):
            queued, started = (events.first(activity, f"desk{agents}") for activity in ("queued", "started"))
            waited = started - queued
            unit = self.seconds / self.service
            found[f"{agents} agents: chance to wait"] += batches(queued, waited > 0, 1, self.days)
            found[f"{agents} agents: wait in seconds"] += batches(queued, waited * unit, 1, self.days)
            busy = staffing["busy_hours"][staffing["desk"].codes == place].sum()
            found[f"{agents} agents: utilisation"].append(float(busy) / (24 * self.days * agents))


@dataclass(frozen=True)
class OnePerson(Theory):
    """M/G/1 with lognormal work: the mean wait of Pollaczek and Khinchine, rate E[S^2] / (2 (1 - load))."""

    rate: float = 500.0
    median: float = 0.0009
    sigma: float = 0.5
    biased = ("rate", "median")

    def expected(self) -> dict[str, float]:
        work = self.median * exp(self.sigma**2 / 2)
        second_moment = work**2 * exp(self.sigma**2)
        load = self.rate * work
        return {"wait": self.rate * second_moment / (2 * (1 - load)), "chance to wait": load}

    def observed(self) -> dict[str, Estimate]:
        days = 26
        work = Lognormal("lognormal", self.median * 24, self.sigma)
        spec = study(business({"work": desk("one", work, "end")}), days + 1.0, policy=policy({"one": 1}))
        found: dict[str, list[float]] = {"wait": [], "chance to wait": []}
        for seed in SEEDS:
            events = Events(run(spec, seed, poisson(self.rate, days, seed)))
            queued, started = events.first("queued"), events.first("started")
            found["wait"] += batches(queued, started - queued, 1, days)
            found["chance to wait"] += batches(queued, started > queued, 1, days)
        return {name: mean(values) for name, values in found.items()}


@dataclass(frozen=True)
class Rework(Theory):
    """One person whose work fails and comes back with a fixed chance: Jackson's network of one node.

    Visits per account are geometric; the node behaves as M/M/1 of load rate * work / (1 - again), although its
    input is not Poisson.
    """

    rate: float = 400.0
    work: float = 0.001
    again: float = 0.2
    biased = ("rate", "work", "again")

    def expected(self) -> dict[str, float]:
        visits = 1 / (1 - self.again)
        load = self.rate * visits * self.work
        return {"visits": visits, "days inside": load / (1 - load) / self.rate}

    def observed(self) -> dict[str, Estimate]:
        days = 40
        route = {
            "work": desk("one", exponential(self.work * 24), "end", decision="good", otherwise="work",
                         emits_then="delivered"),
        }  # fmt: skip
        decisions = {"good": DecisionSpec(base=1 - self.again)}
        spec = study(business(route, decisions), days + 1.0, policy=policy({"one": 1}))
        found: dict[str, list[float]] = {"visits": [], "days inside": []}
        for seed in SEEDS:
            events = Events(run(spec, seed, poisson(self.rate, days, seed)))
            arrived = events.first("touched")
            found["visits"] += batches(arrived, events.count("started"), 1, days)
            found["days inside"] += batches(arrived, events.first("delivered") - arrived, 1, days)
        return {name: mean(values) for name, values in found.items()}


@dataclass(frozen=True)
class Pipeline(Theory):
    """Deals under negotiation from an empty start: M/G/infinity with lognormal stay.

    Their number at t is Poisson with mean rate * (integral from 0 to t of the chance to stay longer than u).
    """

    rate: float = 400.0
    median: float = 10.0
    sigma: float = 0.8
    biased = ("rate", "median")
    days = (10, 20, 50)

    def expected(self) -> dict[str, float]:
        def longer(u: float) -> float:
            return 0.5 * erfc(log(u / self.median) / self.sigma / sqrt(2))

        def integral(t: float) -> float:
            steps = 2_000
            return sum(longer((k + 0.5) * t / steps) for k in range(steps)) * t / steps

        return {f"open on day {t}": self.rate * integral(t) for t in self.days}

    def observed(self) -> dict[str, Estimate]:
        route = {"talks": wait(Lognormal("lognormal", self.median, self.sigma), "end")}
        spec = study(business(route), float(self.days[-1]) + 1)
        found: dict[str, list[int]] = {f"open on day {t}": [] for t in self.days}
        for seed in SEEDS:
            events = Events(run(spec, seed, poisson(self.rate, self.days[-1], seed)))
            begun, over = events.first("queued"), events.first("finished")
            for t in self.days:
                found[f"open on day {t}"].append(int(np.count_nonzero((begun <= t) & (over > t))))
        return {name: _poisson_mean(counts) for name, counts in found.items()}


def _poisson_mean(counts: list[int]) -> Estimate:
    """Mean of Poisson counts, whose variance is their mean."""
    value = float(np.mean(counts))
    return Estimate(value, sqrt(value / len(counts)))


THEORIES = (CallCentre(), OnePerson(), Rework(), Pipeline())


def test_erlang_c_of_the_call_centre() -> None:
    """The published figures of the example, by the formula alone."""
    found = [round(erlang_c(agents, 10.0), 3) for agents in (12, 13, 14)]
    assert found == [0.449, 0.285, 0.174]


def test_waits_at_desks_follow_erlang() -> None:
    assert_agrees(CallCentre())


def test_wait_for_one_person_follows_pollaczek_and_khinchine() -> None:
    assert_agrees(OnePerson())


def test_rework_follows_jackson() -> None:
    assert_agrees(Rework())


def test_pipeline_fills_from_empty() -> None:
    assert_agrees(Pipeline())


@pytest.mark.parametrize("calendar", [AROUND_THE_CLOCK, OFFICE_HOURS], ids=["around the clock", "office hours"])
def test_little_holds_exactly(calendar: Calendar) -> None:
    """The integral of the queue is the sum of the waits on every path: times are dyadic, so to the last bit."""
    days = 60.0
    work = Lognormal("lognormal", 5.0, 1.0)
    spec = study(business({"work": desk("team", work, "end")}), days, policy=policy({"team": 3}, calendar))
    tables = run(spec, 1, poisson(12.0, days, 1))
    events = Events(tables)
    queued = events.first("queued")
    joined = np.isfinite(queued)
    taken = np.minimum(events.first("started"), days)
    waits = (taken[joined] - queued[joined]).sum()
    assert np.isinf(events.first("started")[joined]).any(), "some still wait at the horizon"
    assert area(queued[joined], taken[joined]) == waits
    month = np.array([31.0, 28.0, 1.0])
    assert (tables["staffing"]["queue_mean"] * month).sum() == pytest.approx(waits, rel=1e-12)


def area(joined: np.ndarray, left: np.ndarray) -> float:
    """Integral over time of the number that have joined and not left, read off the path itself."""
    times = np.concatenate([joined, left])
    order = np.argsort(times, kind="stable")
    number = np.cumsum(np.concatenate([np.ones(len(joined)), -np.ones(len(left))])[order])
    return float((number[:-1] * np.diff(times[order])).sum())


def test_work_is_done_in_the_order_of_arrival() -> None:
    """One person, everyone at hand at once: account k waits for the work of all before it."""
    work = exponential(2.0)
    spec = study(business({"work": desk("one", work, "end")}), 400.0, policy=policy({"one": 1}))
    events = Events(run(spec, 3, contacts(np.arange(200) * 2.0**-20)))
    started, finished = events.first("started"), events.first("finished")
    assert (started[1:] == finished[:-1]).all()
