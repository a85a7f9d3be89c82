"""First contacts, thinning, independence, cycle times: an account's way without queues."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import exp

import numpy as np

from sim.spec import DecisionSpec, Effect
from sim.spec.distribution import Lognormal
from sim.spec.market import Channel
from sim.units import DAYS_PER_MONTH
from tests.theory.check import SEEDS, Estimate, Theory, assert_agrees, correlation, dispersion, mean, variance
from tests.theory.studies import (
    MONTHS,
    START,
    WEEKDAYS,
    Events,
    Tables,
    business,
    contacts,
    exponential,
    fixed,
    gate,
    market,
    poisson,
    run,
    study,
    wait,
)

NEVER = {"never": DecisionSpec(base=0.0)}


@dataclass(frozen=True)
class SeasonalContacts(Theory):
    """Contacts of a finite population by two channels whose exposure follows season and weekday.

    An account is untouched by channel c up to t with probability exp(-H_c(t)), H_c the cumulative exposure
    (a change of time); contacts of a finite population are binomial, Poisson only where exposure is small. The
    first contact is by channel c with probability H_c / H, because exposures are in a fixed proportion.
    """

    level: float = 0.1
    advert: float = 0.6
    second_quarter: float = 1.4
    biased = ("level", "advert", "second_quarter")

    def _season(self) -> dict[str, float]:
        quarters = (0.8, self.second_quarter, 0.6, 1.2)
        return {month: quarters[i // 3] for i, month in enumerate(MONTHS)}

    def _weekday(self) -> dict[str, float]:
        return dict(zip(WEEKDAYS, (1.4, 1.2, 1.0, 1.0, 0.8, 0.4, 0.2), strict=True))

    def _exposure(self, days: int) -> float:
        """Sum over days of season * weekday, the weekdays' mean being 1."""
        season, weekday = self._season(), self._weekday()
        level = sum(weekday.values()) / 7
        dates = [date.fromisoformat(START) + timedelta(day) for day in range(days)]
        return sum(season[MONTHS[d.month - 1]] * weekday[WEEKDAYS[d.weekday()]] / level for d in dates)

    def expected(self) -> dict[str, float]:
        rate = self.level / DAYS_PER_MONTH
        touched = {days: 1 - exp(-rate * self._exposure(days)) for days in (90, 181, 365)}
        return {
            "touched in the first quarter": touched[90],
            "touched in the second quarter": touched[181] - touched[90],
            "touched in the year": touched[365],
            "touched first by advert": self.advert * touched[365],
            "touched at all by referral": 1 - exp(-rate * (1 - self.advert) * self._exposure(365)),
        }

    def observed(self) -> dict[str, Estimate]:
        shares = {"advert": self.advert, "referral": 1 - self.advert}
        channels = {name: Channel(rate_month=self.level * share) for name, share in shares.items()}
        there = market(accounts=16_000, channels=channels, season=self._season(), weekday=self._weekday())
        spec = study(business({"door": gate("never", "end")}, NEVER), 365.0, market=there)
        found: dict[str, list[np.ndarray]] = {name: [] for name in self.expected()}
        for seed in SEEDS:
            tables = run(spec, seed)
            time = Events(tables).first("touched")
            found["touched in the first quarter"].append(time < 90)
            found["touched in the second quarter"].append((time >= 90) & (time < 181))
            found["touched in the year"].append(time < 365)
            found["touched first by advert"].append(tables["accounts"]["channel"].codes == 0)
            found["touched at all by referral"].append(self._by_referral(tables))
        return {name: mean(np.concatenate(parts)) for name, parts in found.items()}

    @staticmethod
    def _by_referral(tables: Tables) -> np.ndarray:
        log = tables["events"]
        touched = log["activity"].codes == log["activity"].names.index("touched")
        touched &= log["channel"].codes == log["channel"].names.index("referral")
        return np.bincount(log["account"][touched], minlength=len(tables["accounts"]["account"])) > 0


@dataclass(frozen=True)
class Thinning(Theory):
    """A Poisson process of contacts, thinned by three independent decisions.

    The signed of a day are Poisson with mean rate * p1 * p2 * p3, and independent of those lost at the first
    decision on the same day.
    """

    p1: float = 0.6
    p2: float = 0.5
    p3: float = 0.7
    biased = ("p1", "p2", "p3")
    allowed = {"dispersion of signed by day": 0.03, "correlation of signed and disqualified by day": 0.02}

    def expected(self) -> dict[str, float]:
        return {
            "qualified": self.p1,
            "opened": self.p1 * self.p2,
            "signed": self.p1 * self.p2 * self.p3,
            "dispersion of signed by day": 1.0,
            "correlation of signed and disqualified by day": 0.0,
        }

    def observed(self) -> dict[str, Estimate]:
        route = {
            "check": gate("p1", "offer", emits_then="qualified", emits_otherwise="disqualified"),
            "offer": gate("p2", "deal", emits_then="opened"),
            "deal": gate("p3", "end", emits_then="signed"),
        }
        decisions = {name: DecisionSpec(base=getattr(self, name)) for name in self.biased}
        days = 400
        spec = study(business(route, decisions), float(days))
        share: dict[str, list[np.ndarray]] = {"qualified": [], "opened": [], "signed": []}
        daily: dict[str, list[np.ndarray]] = {"signed": [], "disqualified": []}
        for seed in SEEDS:
            events = Events(run(spec, seed, poisson(30.0, days, seed)))
            for name, parts in share.items():
                parts.append(events.count(name))
            for name, parts in daily.items():
                parts.append(np.bincount(events.time[events.rows(name)].astype(int), minlength=days))
        signed, refused = (np.concatenate(daily[name]) for name in ("signed", "disqualified"))
        return {
            **{name: mean(np.concatenate(parts)) for name, parts in share.items()},
            "dispersion of signed by day": dispersion(signed),
            "correlation of signed and disqualified by day": correlation(signed, refused),
        }


@dataclass(frozen=True)
class Independence(Theory):
    """Two decisions asked of every account, and the same decision asked of neighbouring accounts.

    Without a common trait in both, the answers are independent. ``shared`` plants such a trait (logit per sd).
    """

    p1: float = 0.5
    p2: float = 0.6
    shared: float = 0.0
    biased = ("p1", "p2")
    allowed = {"correlation of two decisions": 0.004, "correlation of neighbours": 0.004}

    def expected(self) -> dict[str, float]:
        return {
            "yes to both": self.p1 * self.p2,
            "correlation of two decisions": 0.0,
            "correlation of neighbours": 0.0,
        }

    def observed(self) -> dict[str, Estimate]:
        route = {
            "one": gate("p1", "two", "two", emits_then="approved"),
            "two": gate("p2", "end", "end", emits_then="met"),
        }
        decisions = {"p1": DecisionSpec(base=self.p1), "p2": DecisionSpec(base=self.p2)}
        trait = {"need": Effect(strength=self.shared, range=[0.0, 1.0], evidence=[])}
        spec = study(business(route, decisions), 10.0, effects={"p1": trait, "p2": trait})
        first, second = [], []
        for seed in SEEDS:
            events = Events(run(spec, seed, contacts(np.ones(8_000))))
            first.append(events.count("approved"))
            second.append(events.count("met"))
        one, two = np.concatenate(first), np.concatenate(second)
        return {
            "yes to both": mean(one * two),
            "correlation of two decisions": correlation(one, two),
            "correlation of neighbours": correlation(one[1:], one[:-1]),
        }


@dataclass(frozen=True)
class CycleTime(Theory):
    """Two independent waits: exponential, then lognormal. Means add, and so do variances."""

    exponential_mean: float = 10.0
    lognormal_median: float = 12.0
    sigma: float = 0.5
    biased = ("exponential_mean", "lognormal_median")

    def expected(self) -> dict[str, float]:
        factor = exp(self.sigma**2)
        second = self.lognormal_median * factor**0.5
        return {
            "mean": self.exponential_mean + second,
            "variance": self.exponential_mean**2 + second**2 * (factor - 1),
        }

    def observed(self) -> dict[str, Estimate]:
        route = {
            "think": wait(exponential(self.exponential_mean), "negotiate"),
            "negotiate": wait(Lognormal("lognormal", self.lognormal_median, self.sigma), "end", emits_then="signed"),
        }
        spec = study(business(route), 700.0)
        parts = []
        for seed in SEEDS:
            start = np.linspace(0.0, 50.0, 9_000)
            events = Events(run(spec, seed, contacts(start)))
            parts.append(events.first("signed") - events.first("touched"))
        days = np.concatenate(parts)
        return {"mean": mean(days), "variance": variance(days)}


THEORIES = (SeasonalContacts(), Thinning(), Independence(), CycleTime())


def test_contacts_follow_season_weekday_and_channel() -> None:
    assert_agrees(SeasonalContacts())


def test_contacts_are_poisson_where_exposure_is_small() -> None:
    """Exposed accounts few of which are reached: daily counts have variance equal to their mean."""
    there = market(accounts=40_000, channels={"one": Channel(rate_month=0.004)})
    spec = study(business({"door": gate("never", "end")}, NEVER), 150.0, market=there)
    daily = [np.bincount(Events(run(spec, s)).first("touched").clip(max=150).astype(int))[:150] for s in SEEDS]
    found = dispersion(np.concatenate(daily))
    assert abs(found.value - 1.0) <= 4 * found.error
    assert found.error < 0.05


def test_funnel_thins_and_splits_independently() -> None:
    assert_agrees(Thinning())


def test_decisions_are_independent() -> None:
    assert_agrees(Independence())


def test_cycle_times_add() -> None:
    assert_agrees(CycleTime())


def test_a_wait_of_fixed_length_adds_no_variance() -> None:
    route = {"a": wait(fixed(3.0), "b"), "b": wait(fixed(4.0), "end", emits_then="signed")}
    events = Events(run(study(business(route), 20.0), 1, contacts(np.arange(8) / 8)))
    assert (events.first("signed") - events.first("touched") == 7.0).all()


def test_common_trait_is_seen() -> None:
    """The correlation that the test of independence bounds does appear when a trait is shared."""
    found = replace(Independence(), shared=0.45).observed()["correlation of two decisions"]
    assert found.value / found.error > 4
