"""Small studies for theory tests: a route, its decisions, and everything else at rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from sim.simulate import simulate
from sim.spec import (
    BusinessSpec,
    Contacts,
    DecisionSpec,
    Effect,
    Horizon,
    MarketSpec,
    Milestones,
    PolicySpec,
    StudySpec,
    Timeline,
    Usage,
)
from sim.spec.distribution import Distribution, Exponential, Fixed
from sim.spec.market import Channel, Exposure, Group, Payment, Segment
from sim.spec.policy import Calendar, Desk, Finance
from sim.spec.stops import CustomerStop, DeskStop, GateStop, PoolStop, Stop, StopSpec, WaitStop

Tables = dict[str, Any]
"""Tables of a run; what their columns are, ``sim.recorder`` says."""

START = "2025-01-01"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
AROUND_THE_CLOCK = Calendar(workdays=7, open_hour=0.0, hours=24.0)
OFFICE_HOURS = Calendar(workdays=5, open_hour=9.0, hours=8.0)

MARKET = MarketSpec(
    name="plain",
    accounts=1,
    segments={"all": Segment(share=1.0, employees=Fixed("fixed", 10.0))},
    industries={"one": Group(share=1.0)},
    regions={"one": Group(share=1.0)},
    channels={"one": Channel(rate_month=0.0)},
    first_contacts=Exposure(kind="exposure"),
    payment=Payment(delay_days=Fixed("fixed", 30.0), bad_debt=0.0, write_off_days=180.0),
    season=dict.fromkeys(MONTHS, 1.0),
    buying=dict.fromkeys(MONTHS, 1.0),
    weekday=dict.fromkeys(WEEKDAYS, 1.0),
    noise=0.0,
    reference_price={},
)
POLICY = PolicySpec(
    name="plain",
    desks={},
    channels={},
    calendar=AROUND_THE_CLOCK,
    products={},
    finance=Finance(opening_cash=0.0, fixed_month=0.0, commission=0.0),
)
USAGE = Usage(start=0.0, mean=0.0, spread=0.0, pull=0.0, noise=0.0, drop=1.0)
MILESTONES = Milestones(
    lead="registered", qualified="qualified", opportunity="opened", conversion="signed", activation="activated"
)


def business(
    route: Mapping[str, Stop], decisions: Mapping[str, DecisionSpec] | None = None, **more: Any
) -> BusinessSpec:
    """A business whose route starts at its first stop."""
    return BusinessSpec(
        name="plain", start=next(iter(route)), route=cast(dict[str, StopSpec], dict(route)), milestones=MILESTONES,
        decisions=dict(decisions or {}), revenue=more.pop("revenue", {}), usage=USAGE, **more,
    )  # fmt: skip


def study(
    business: BusinessSpec,
    days: float,
    *,
    market: MarketSpec = MARKET,
    policy: PolicySpec = POLICY,
    effects: Mapping[str, dict[str, Effect]] | None = None,
) -> StudySpec:
    """A study over ``days`` days."""
    horizon = Horizon(start=START, days=days)
    return StudySpec(business=business, market=market, policy=policy, effects=dict(effects or {}), horizon=horizon)


def market(**changes: Any) -> MarketSpec:
    """The plain market with some keys changed."""
    return replace(MARKET, **changes)


def policy(heads: Mapping[str, int], calendar: Calendar = AROUND_THE_CLOCK, **changes: Any) -> PolicySpec:
    """The plain policy with desks of so many heads."""
    desks = {name: Desk(heads=n, cost_year=0.0) for name, n in heads.items()}
    return replace(POLICY, desks=desks, calendar=calendar, **changes)


def gate(decision: str, then: str, otherwise: str = "end", **more: Any) -> GateStop:
    """A decision that takes no time."""
    return GateStop(kind="gate", decision=decision, then=then, otherwise=otherwise, **more)


def wait(days: Distribution, then: str, **more: Any) -> WaitStop:
    """Time that passes, weekends and nights included."""
    return WaitStop(kind="wait", delay_days=days, then=then, working=False, **more)


def desk(name: str, hours: Distribution, then: str, **more: Any) -> DeskStop:
    """Work at one desk."""
    return DeskStop(kind="desk", desks={name: "required"}, work_hours=hours, then=then, **more)


def term(months: float, then: str, **more: Any) -> CustomerStop:
    """A contract term."""
    return CustomerStop(kind="customer", term_months=months, then=then, **more)


def monthly(leave: str, otherwise: str = "end", **more: Any) -> CustomerStop:
    """A customer that may leave every month."""
    return CustomerStop(kind="customer", leave=leave, then="end", otherwise=otherwise, **more)


def pool(days: Distribution, decision: str, tries: int, then: str, **more: Any) -> PoolStop:
    """A lost pool."""
    return PoolStop(kind="pool", cooling_days=days, decision=decision, tries=tries, then=then, **more)


def fixed(value: float) -> Fixed:
    """Always the same."""
    return Fixed("fixed", value)


def exponential(value: float) -> Exponential:
    """Memoryless with mean ``value``."""
    return Exponential("exponential", value)


def contacts(times: np.ndarray) -> Contacts:
    """One account per time, in days."""
    names = tuple(map(str, range(len(times))))
    return Contacts(names, np.asarray(times, float), np.zeros(len(times), int), exact=True)


def poisson(rate: float, days: float, seed: int) -> Contacts:
    """Contacts of a Poisson process of ``rate`` a day over ``days`` days."""
    rng = np.random.default_rng([seed, 20250101])
    return contacts(np.sort(rng.random(rng.poisson(rate * days)) * days))


def run(spec: StudySpec, seed: int, contacts: Contacts | None = None, replication: int = 0) -> Tables:
    """Tables of one replication; decisions are not logged."""
    return simulate(Timeline(spec=spec, contacts=contacts), seed, replication, log_decisions=False).tables


def size(tables: Tables) -> int:
    """Number of accounts."""
    return len(tables["accounts"]["account"])


class Events:
    """The event log by activity and stage."""

    def __init__(self, tables: Tables) -> None:
        table = tables["events"]
        self.accounts = size(tables)
        self.account, self.time = table["account"], table["time"]
        self._activity, self._stage = table["activity"], table["stage"]

    def rows(self, activity: str, stage: str | None = None) -> np.ndarray:
        """Places of the rows of an activity (at a stage) in the order of time."""
        chosen = self._activity.codes == self._activity.names.index(activity)
        if stage is not None:
            chosen &= self._stage.codes == self._stage.names.index(stage)
        return np.flatnonzero(chosen)

    def count(self, activity: str, stage: str | None = None) -> np.ndarray:
        """How often an activity happened to every account."""
        return np.bincount(self.account[self.rows(activity, stage)], minlength=self.accounts)

    def first(self, activity: str, stage: str | None = None) -> np.ndarray:
        """When an activity first happened to every account, infinity if never."""
        times = np.full(self.accounts, np.inf)
        rows = self.rows(activity, stage)[::-1]
        times[self.account[rows]] = self.time[rows]
        return times
