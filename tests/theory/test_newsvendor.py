"""A newsvendor among the studies of the simulator, and ``tobsim optimise`` on it, with nothing stood in.

Each of n companies wants one unit with probability 1/2; a seller works at it for 170 of the 336 hours of two months, so
each seller serves one company. Sellers are paid before demand is known. With D binomial, q sellers, price p of a unit
and cost c of a seller, profit is p min(D, q) - c q, largest where P(D <= q) first reaches the critical ratio, which is
(p - c) / p (Arrow, Harris & Marschak 1951, Econometrica 19, 250-272).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from scenarios.optimise.folder import Optimum
from scenarios.optimise.optimise import optimise
from scenarios.optimise.problem import make_problem

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
COMPANIES, PRICE, COST = 20, 1000, 300
HEADS = "policy.desks.sales.heads"
BUSINESS = """
# @package _global_
defaults:
  - override /policy: mini
  - override /market: mini
business:
  name: stall
  start: wants
  route:
    wants: {kind: gate, decision: buy, then: work, otherwise: gone, emits_then: qualified}
    work: {kind: desk, desks: {sales: required}, work_hours: {kind: fixed, value: 170}, then: order}
    order: {kind: gate, decision: certain, then: handover, otherwise: gone, emits_then: signed}
    handover: {kind: gate, decision: certain, then: customer, otherwise: gone, emits_then: installed}
    customer: {kind: customer, term_months: 12, then: gone, otherwise: gone, emits: activated}
    gone: {kind: pool, cooling_days: {kind: fixed, value: 1000}, decision: never, tries: 1, then: wants}
  milestones: {lead: touched, qualified: qualified, opportunity: qualified, conversion: signed, activation: activated}
  decisions: {buy: {base: 0.5}, certain: {base: 1.0}, never: {base: 0.0}, leave: {base: 0.0}}
  revenue:
    goods:
      {kind: unit_sale, product: seat, starts: signed, delivered: installed, repeats: reordered, unit_price: 1000,
       first_units: {kind: fixed, value: 1}, reorder_units: {kind: fixed, value: 1}, deposit: 0, retention: 0,
       retention_days: 0, cost_share: 0}
  usage: {start: 0.3, mean: 0.6, spread: 0.1, pull: 0.3, noise: 0.05, drop: 0.2}
"""
STUDY = [
    "business=stall", "effects=none", f"market.accounts={COMPANIES}", "horizon.days=59", "market.noise=0",
    "policy.finance.fixed_month=0", "policy.finance.commission=0", f"policy.desks.sales.cost_year={6 * COST}",
    "policy.channels.search.spend_month=0", "market.channels.search.rate_month=0",
    "market.channels.unknown.rate_month=10", "progress=false", "report.enabled=false",
]  # fmt: skip


def profit(q: int) -> float:
    """Expected profit of q sellers."""
    demand = np.arange(COMPANIES + 1)
    return float(PRICE * (np.minimum(demand, q) * binom.pmf(demand, COMPANIES, 0.5)).sum() - COST * q)


def searched(folder: Path, **settings: object) -> Optimum:
    conf = Path(shutil.copytree(MINI, folder / "conf"))
    (conf / "business" / "stall.yaml").write_text(BUSINESS)
    given = {
        "kind": "optimise", "keys": {HEADS: {"low": 8, "high": COMPANIES}},
        "objectives": [{"metric": "operating_profit", "direction": "maximise"}], **settings,
    }  # fmt: skip
    return optimise(make_problem("stall", given, STUDY, conf), folder / "found")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Optimum:
    budget, confirm = {"trials": 8, "replications": 8, "batch": 4}, {"finalists": 2, "replications": 12}
    return searched(tmp_path_factory.mktemp("stall"), budget=budget, confirm=confirm)


def critical() -> int:
    """The number of sellers at the critical ratio."""
    return int(binom.ppf((PRICE - COST) / PRICE, COMPANIES, 0.5))


def test_the_optimum_is_where_the_critical_ratio_says() -> None:
    assert critical() == max(range(COMPANIES + 1), key=profit)


def test_every_plan_earns_what_its_demand_lets_it(found: Optimum) -> None:
    """Common random numbers: with as many sellers as companies the mean demand shows; fewer never serve more."""
    trials = found.trials[found.trials["role"] == "trial"].drop_duplicates("heads").sort_values("heads")
    served = ((trials["operating_profit"] + COST * trials["heads"]) / PRICE).to_numpy()
    assert (np.diff(served) >= 0).all()
    assert (served <= trials["heads"]).all()
    assert (np.abs(served * 8 - np.round(served * 8)) < 1e-6).all(), "whole companies in 8 replications"


def test_the_optimum_is_found_within_its_interval(found: Optimum) -> None:
    table = found.confirmed.set_index("role")
    best = table[table["best"]].iloc[0]
    assert best["confirmed_low"] <= profit(int(best["heads"])) <= best["confirmed_high"]
    near = found.front["heads"]
    assert near.min() <= critical() <= near.max()
    assert profit(int(best["heads"])) >= 0.9 * profit(critical())


@pytest.mark.slow
def test_enough_replications_find_the_optimum_itself(tmp_path: Path) -> None:
    budget, confirm = {"trials": 24, "replications": 200, "batch": 4}, {"finalists": 3, "replications": 300}
    table = searched(tmp_path, budget=budget, confirm=confirm).confirmed
    best = table[table["best"]].iloc[0]
    assert abs(int(best["heads"]) - critical()) <= 1
    assert best["confirmed_low"] <= profit(int(best["heads"])) <= best["confirmed_high"]
