"""Coming back from the lost pool, as an absorbing Markov chain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.spec import DecisionSpec
from tests.theory.check import SEEDS, Estimate, Theory, assert_agrees, mean
from tests.theory.studies import Events, business, contacts, fixed, gate, pool, run, study, term, wait


@dataclass(frozen=True)
class Recycling(Theory):
    """Deals that are lost, and customers that do not renew, go to the pool and may come back.

    From the pool an account returns with a fixed chance at each of ``tries`` tries in a row: to a first deal
    if it never was a customer, to a win-back deal otherwise. Transient states are the two deals, the term and
    the tries of either kind; expected visits from the first deal are the first row of (I - Q)^-1.
    """

    sign: float = 0.4
    sign_again: float = 0.6
    renew: float = 0.5
    come_back: float = 0.3
    biased = ("sign", "renew", "come_back")
    tries = 3

    def visits(self) -> np.ndarray:
        """Expected visits of first deal, win-back deal, term, tries of the new, tries of former customers."""
        deal, again, customer, new = 0, 1, 2, 3
        former = new + self.tries
        chain = np.zeros((former + self.tries, former + self.tries))
        chain[deal, customer], chain[deal, new] = self.sign, 1 - self.sign
        chain[again, customer], chain[again, former] = self.sign_again, 1 - self.sign_again
        chain[customer, customer], chain[customer, former] = self.renew, 1 - self.renew
        for first, target in ((new, deal), (former, again)):
            for number in range(first, first + self.tries):
                chain[number, target] = self.come_back
                if number + 1 < first + self.tries:
                    chain[number, number + 1] = 1 - self.come_back
        return np.linalg.inv(np.eye(len(chain)) - chain)[deal]

    def expected(self) -> dict[str, float]:
        deals, again, terms, *tries = self.visits()
        return {
            "first deals": deals,
            "win-back deals": again,
            "signatures": deals * self.sign + again * self.sign_again,
            "terms": terms,
            "visits of the pool": tries[0] + tries[self.tries],
        }

    def observed(self) -> dict[str, Estimate]:
        route = {
            "deal": wait(fixed(1.0), "term", decision="sign", otherwise="pool", emits_then="signed"),
            "again": wait(fixed(1.0), "term", decision="sign_again", otherwise="pool", emits_then="signed"),
            "term": term(0.1, "renewal"),
            "renewal": gate("renew", "term", "pool", emits_then="renewed", emits_otherwise="churned"),
            "pool": pool(fixed(2.0), "come_back", self.tries, "deal", win_back="again", emits="pooled"),
        }
        decisions = {name: DecisionSpec(base=getattr(self, name)) for name in ("sign", "sign_again", "come_back")}
        decisions["renew"] = DecisionSpec(base=self.renew, occurrence="carried")
        spec = study(business(route, decisions), 500.0)
        found: dict[str, list[np.ndarray]] = {name: [] for name in self.expected()}
        for seed in SEEDS:
            tables = run(spec, seed, contacts(np.linspace(0.0, 6.0, 2_200)))
            assert (tables["accounts"]["last_stage"].codes == len(route)).all(), "some are still under way"
            events = Events(tables)
            found["first deals"].append(events.count("queued", "deal"))
            found["win-back deals"].append(events.count("queued", "again"))
            found["signatures"].append(events.count("signed"))
            found["terms"].append(events.count("queued", "term"))
            found["visits of the pool"].append(events.count("pooled"))
        return {name: mean(np.concatenate(parts)) for name, parts in found.items()}


@dataclass(frozen=True)
class SecondAttempt(Theory):
    """Accounts differ for good in how they decide: those who come back are the harder ones.

    With chance s = logistic(logit(base) + frailty * Z), Z standard normal, a share E[s] signs at the first attempt
    and 1 - E[(1 - s)^2] within two; expectations by Gauss and Hermite.
    """

    base: float = 0.35
    frailty: float = 1.2
    biased = ("base",)

    def expected(self) -> dict[str, float]:
        z, weight = np.polynomial.hermite_e.hermegauss(60)
        chance = 1 / (1 + (1 - self.base) / self.base * np.exp(-self.frailty * z))
        weight = weight / weight.sum()
        return {"signed at first": weight @ chance, "signed within two": 1 - weight @ (1 - chance) ** 2}

    def observed(self) -> dict[str, Estimate]:
        route = {
            "deal": gate("sign", "end", "pool", emits_then="signed"),
            "pool": pool(fixed(2.0), "come_back", 1, "deal"),
        }
        decisions = {"sign": DecisionSpec(base=self.base, frailty=self.frailty), "come_back": DecisionSpec(base=1.0)}
        spec = study(business(route, decisions), 4.0)
        first, both = [], []
        for seed in SEEDS:
            time = Events(run(spec, seed, contacts(np.full(6_000, 0.5)))).first("signed")
            first.append(time < 1)
            both.append(np.isfinite(time))
        return {"signed at first": mean(np.concatenate(first)), "signed within two": mean(np.concatenate(both))}


THEORIES = (Recycling(), SecondAttempt())


def test_pool_is_an_absorbing_chain() -> None:
    assert_agrees(Recycling())


def test_those_who_come_back_are_harder() -> None:
    assert_agrees(SecondAttempt())
