"""Life as a customer and what it brings: renewals, monthly leave, revenue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, sqrt

import numpy as np

from sim.calendar import month_ends
from sim.spec import DecisionSpec, StudySpec
from sim.spec.distribution import Distribution, Lognormal
from sim.spec.revenue import Subscription
from sim.spec.stops import Stop
from sim.units import MINOR
from tests.theory.check import SEEDS, Estimate, Theory, assert_agrees, mean, variance
from tests.theory.studies import (
    START,
    Events,
    business,
    contacts,
    fixed,
    gate,
    monthly,
    poisson,
    run,
    study,
    term,
)


def subscription(units: Distribution, price_year: float, term_months: float) -> Subscription:
    """A subscription that starts with the signature and costs nothing to serve."""
    return Subscription(
        kind="subscription", product="seat", starts="signed", cost_share=0.0,
        units=units, price_year=price_year, term_months=term_months,
    )  # fmt: skip


def customers_at_once(
    route: Mapping[str, Stop], days: float, decisions: dict[str, DecisionSpec], part: Subscription | None = None
) -> StudySpec:
    """Everyone signs on first contact and enters the first stop of ``route``."""
    door = {"door": gate("surely", next(iter(route), "end"), emits_then="signed")}
    revenue = {"seats": part} if part else {}
    return study(business(door | dict(route), {"surely": DecisionSpec(base=1.0)} | decisions, revenue=revenue), days)


@dataclass(frozen=True)
class Renewals(Theory):
    """Terms until the first refusal are geometric; the value of a customer is a geometric series.

    With ``discount`` per term the expected value is amount / (1 - renew * discount).
    """

    renew: float = 0.7
    price_year: float = 4800.0
    biased = ("renew", "price_year")
    discount = 0.95
    months = 0.25

    def expected(self) -> dict[str, float]:
        amount = self.price_year * self.months / 12
        return {
            "terms": 1 / (1 - self.renew),
            "renewed three times": self.renew**3,
            "lifetime value": amount / (1 - self.renew * self.discount),
        }

    def observed(self) -> dict[str, Estimate]:
        route = {
            "term": term(self.months, "renewal"),
            "renewal": gate("renew", "term", emits_then="renewed", emits_otherwise="churned"),
        }
        decisions = {"renew": DecisionSpec(base=self.renew, occurrence="carried")}
        part = subscription(fixed(1.0), self.price_year, self.months)
        spec = customers_at_once(route, 360.0, decisions, part)
        terms, value = [], []
        for seed in SEEDS:
            table = run(spec, seed, contacts(np.linspace(0.0, 7.0, 1_600)))["subscriptions"]
            account, amount = table["account"], table["amount"].values
            number = np.bincount(account)
            terms.append(number)
            order = np.argsort(account, kind="stable")
            which = np.arange(len(account)) - np.repeat(np.cumsum(number) - number, number)
            value.append(np.bincount(account[order], amount[order] / MINOR * self.discount**which))
        lives = np.concatenate(terms)
        return {
            "terms": mean(lives),
            "renewed three times": mean(lives > 3),
            "lifetime value": mean(np.concatenate(value)),
        }


@dataclass(frozen=True)
class Subscribers(Theory):
    """A stock that gains A customers a month and of which a share c leaves every month.

    After t months it is A / c + (N0 - A / c) (1 - c)^t. A customer who came j months ago is still there with
    chance (1 - c)^j, so that the stock is a sum of binomials.
    """

    arrivals: float = 100.0
    leave: float = 0.05
    biased = ("arrivals", "leave")
    opening = 700
    months = (6, 12, 36)

    def expected(self) -> dict[str, float]:
        rest = self.arrivals / self.leave
        return {f"month {t}": rest + (self.opening - rest) * (1 - self.leave) ** t for t in self.months}

    def _variance(self, months: int) -> float:
        stay = (1 - self.leave) ** np.arange(months + 1)
        binomial = stay * (1 - stay)
        return float(self.opening * binomial[-1] + self.arrivals * binomial[:-1].sum())

    def observed(self) -> dict[str, Estimate]:
        ends = month_ends(START, 1150.0)[: self.months[-1]]
        come = np.repeat([0.5, *(end + 0.5 for end in ends)], [self.opening, *[round(self.arrivals)] * len(ends)])
        route = {"member": monthly("leave", emits_otherwise="churned")}
        decisions = {"leave": DecisionSpec(base=self.leave, occurrence="threshold")}
        spec = customers_at_once(route, ends[-1] + 2.0, decisions)
        stock: dict[int, list[int]] = {t: [] for t in self.months}
        for seed in SEEDS:
            gone = Events(run(spec, seed, contacts(come))).first("churned")
            for t, found in stock.items():
                now = ends[t - 1] + 1.0
                found.append(int(np.count_nonzero((come < now) & (gone > now))))
        error = {t: sqrt(self._variance(t) / len(SEEDS)) for t in self.months}
        return {f"month {t}": Estimate(float(np.mean(found)), error[t]) for t, found in stock.items()}


@dataclass(frozen=True)
class SignedRevenue(Theory):
    """Contract value signed in an hour: a Poisson number of independent lognormal amounts.

    Its mean is rate * E[X], its variance rate * E[X^2].
    """

    rate: float = 1.0
    median: float = 1000.0
    biased = ("rate", "median")
    sigma = 0.4

    def expected(self) -> dict[str, float]:
        first = self.median * exp(self.sigma**2 / 2)
        return {"mean of an hour": self.rate * first, "variance of an hour": self.rate * first**2 * exp(self.sigma**2)}

    def observed(self) -> dict[str, Estimate]:
        hours = 3_400
        part = subscription(Lognormal("lognormal", self.median, self.sigma), 12.0, 1.0)
        spec = customers_at_once({}, hours / 24, {}, part)
        hourly = []
        for seed in SEEDS:
            tables = run(spec, seed, poisson(self.rate * 24, hours / 24, seed))
            events = Events(tables)
            rows = events.rows("signed")
            amounts = tables["events"]["amount"].values[rows] / MINOR
            hourly.append(np.bincount((events.time[rows] * 24).astype(int), amounts, minlength=hours))
        revenue = np.concatenate(hourly)
        return {"mean of an hour": mean(revenue), "variance of an hour": variance(revenue)}


THEORIES = (Renewals(), Subscribers(), SignedRevenue())


def test_renewals_are_geometric() -> None:
    assert_agrees(Renewals())


def test_stock_of_subscribers_follows_its_closed_form() -> None:
    assert_agrees(Subscribers())


def test_signed_revenue_is_compound_poisson() -> None:
    assert_agrees(SignedRevenue())
