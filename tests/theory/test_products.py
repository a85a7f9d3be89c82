"""Further products: who has them after a year, and who takes the bundle at which discount."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, log

import numpy as np

from sim.simulate import Run, simulate
from sim.spec import DecisionSpec, Effect, StudySpec, Timeline
from sim.spec.policy import Product
from sim.spec.revenue import AddOn, RevenueSpec, Subscription
from tests.fixtures.studies import rows, values, where
from tests.theory.check import SEEDS, Estimate, Theory, assert_agrees, mean
from tests.theory.studies import (
    MARKET,
    POLICY,
    business,
    contacts,
    fixed,
    gate,
    run,
    study,
    term,
    wait,
)

MAIN = Subscription(
    kind="subscription", product="main", starts="signed", cost_share=0.0, units=fixed(10.0), price_year=1200.0,
    term_months=12.0,
)  # fmt: skip
MORE = AddOn(
    kind="add_on", product="more", cost_share=0.0, units=fixed(1.0), per_unit_of="seats", price_year=300.0,
    term_months=12.0,
)  # fmt: skip


def spec(part: AddOn, decisions: dict[str, DecisionSpec], days: float, price: float = 300.0) -> StudySpec:
    """Everyone signs on first contact and is a customer from then on; ``look`` is the way of an offer."""
    route = {
        "door": gate("surely", "life", emits_then="signed"),
        "life": term(24.0, "door"),
        "look": wait(fixed(3.0), "end", decision="accept", emits_then="cross_sold"),
    }
    always = {"surely": DecisionSpec(base=1.0), "accept": DecisionSpec(base=1.0)}
    revenue: dict[str, RevenueSpec] = {"seats": MAIN, "more": replace(part, price_year=price)}
    return study(
        business(route, always | decisions, revenue=revenue),
        days,
        policy=replace(POLICY, products={"main": Product(price=1200.0), "more": Product(price=price)}),
        market=replace(MARKET, reference_price={"more": 300.0}),
        effects={"bundle": {"price_ratio": Effect(strength=-1.5, range=(-4.0, 0.0), evidence=("assumption",))}},
    )


@dataclass(frozen=True)
class Attached(Theory):
    """A customer that wants a product in a month with chance p, and signs for what it is shown with chance q, has it
    after t months with chance 1 - (1 - p q)^t, where an offer takes less than a month."""

    want: float = 0.06
    accept: float = 0.5
    biased = ("want", "accept")
    months = (6, 12)

    def expected(self) -> dict[str, float]:
        return {f"without after {t} months": (1 - self.want * self.accept) ** t for t in self.months}

    def observed(self) -> dict[str, Estimate]:
        decisions = {
            "want": DecisionSpec(base=self.want, occurrence="period"), "accept": DecisionSpec(base=self.accept),
        }  # fmt: skip
        part = replace(MORE, interest="want", way="look")
        found: dict[int, list[np.ndarray]] = {t: [] for t in self.months}
        for seed in SEEDS:
            tables = run(spec(part, decisions, 400.0), seed, contacts(np.full(2_500, 0.5)))
            events = tables["events"]
            sold = where(events, activity="cross_sold")
            day = np.full(2_500, np.inf)
            day[events["account"][sold]] = events["time"][sold]
            for t in self.months:
                found[t].append(day > (t + 0.5) * 365 / 12)
        return {f"without after {t} months": mean(np.concatenate(rows_)) for t, rows_ in found.items()}


def bundled(discount: float, seed: int = 1, accounts: int = 4_000) -> Run:
    """A run in which the further product is sold in a bundle alone."""
    part = replace(MORE, bundle="bundle", bundle_discount=discount)
    study = spec(part, {"bundle": DecisionSpec(base=0.2, frailty=0.0)}, 60.0)
    return simulate(Timeline(spec=study, contacts=contacts(np.full(accounts, 0.5))), seed, 0)


def takers(made: Run) -> set[int]:
    """Accounts that took the bundle."""
    events = made.tables["events"]
    return set(events["account"][where(events, activity="cross_sold", note="bundle")].tolist())


@dataclass(frozen=True)
class Bundled(Theory):
    """At discount d the odds of the bundle are those at list price times (1 - d)^-1.5."""

    discount: float = 0.3
    biased = ("discount",)

    def expected(self) -> dict[str, float]:
        logit = log(0.2 / 0.8) - 1.5 * log(1 - self.discount)
        return {"share without": 1 - 1 / (1 + exp(-logit))}

    def observed(self) -> dict[str, Estimate]:
        shares = [
            np.isin(np.arange(8_000), list(takers(bundled(self.discount, seed, 8_000))), invert=True) for seed in SEEDS
        ]
        return {"share without": mean(np.concatenate(shares))}


THEORIES = (Attached(), Bundled())


def test_who_has_a_further_product_after_some_months() -> None:
    assert_agrees(Attached())


def test_the_share_of_bundles_follows_their_price() -> None:
    assert_agrees(Bundled())


def test_a_deeper_discount_moves_accounts_to_the_bundle_alone() -> None:
    """Nested: who takes it at a small discount takes it at a larger one, and the main product sells as before."""
    runs = [bundled(discount) for discount in (0.0, 0.2, 0.5)]
    small, middle, large = (takers(made) for made in runs)
    assert small < middle < large
    books = [
        rows(r.tables["ledger"], "contract", "cost_centre", mask=where(r.tables["ledger"], product="main"))
        for r in runs
    ]
    assert books[0] == books[1] == books[2]
    signed = [rows(r.tables["events"], mask=where(r.tables["events"], activity="signed")) for r in runs]
    assert signed[0] == signed[1] == signed[2]


def test_the_price_of_a_further_product_leaves_the_main_one_alone() -> None:
    decisions = {
        "want": DecisionSpec(base=0.1, occurrence="period"), "accept": DecisionSpec(base=0.6, frailty=0.5),
    }  # fmt: skip
    part = replace(MORE, interest="want", way="look")
    cheap, dear = (
        simulate(Timeline(spec=spec(part, decisions, 300.0, price), contacts=contacts(np.full(300, 0.5))), 1, 0)
        for price in (300.0, 450.0)
    )
    for name in ("events", "ledger"):
        left, right = (
            rows(r.tables[name], "contract", mask=where(r.tables[name], product="main")) for r in (cheap, dear)
        )
        assert left == right
        assert len(left) > 300
    assert rows(cheap.tables["accounts"], "paid_at") == rows(dear.tables["accounts"], "paid_at")
    assert values(cheap.tables["ledger"]["product"]).tolist().count("more") > 100
