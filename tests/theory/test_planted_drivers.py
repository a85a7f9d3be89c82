"""Planted changes are found again: one lever is moved, effects are off, and its own driver takes the difference.

What one change does to others through the business itself is taken out where it would blur the answer: desks that
are not meant have people to spare, customers do not bring customers, and all months are alike.
"""

from __future__ import annotations

from functools import cache

import pandas as pd
import pyarrow as pa
import pytest

from analysis.compare.drivers import business_bridge
from analysis.compare.identity import PLAYERS
from analysis.metrics import Context, compute
from analysis.tables import Tables
from scenarios import compose
from scenarios.runs.replicate import arrow_tables, metrics_context
from sim.simulate import simulate

BUSINESSES = ("cloud", "hardware", "platform", "service_outcome", "service_saas", "service_staffed", "tool")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
ALIKE = f"market.buying={{{', '.join(f'{month}: 1' for month in MONTHS)}}}"
QUIET = ("effects=none", "market.channels.referral.word_of_mouth=0", ALIKE)
OTHER_MOST = 0.01
"""Share of the gross movement that may belong to no driver."""

PRICES = {
    "tool": "policy.products.seats.price={small: 330, medium: 300, large: 260}",
    "hardware": "policy.products.machine.price={small: 17000, medium: 18500, large: 19000}",
    "platform": "policy.products.marketplace.price={small: 0.04, medium: 0.035, large: 0.03}",
    "service_staffed": "policy.products.consulting.price={small: 385, medium: 418, large: 440}",
    "service_outcome": "policy.products.growth.price={small: 0.08, medium: 0.08, large: 0.07}",
}
SPARE = {
    "service_saas": ("sdr", "sales", "presales", "cs"),
    "hardware": ("sales", "install"),
    "service_staffed": ("sales",),
    "platform": ("bd", "coaching"),
    "service_outcome": ("sales", "cs"),
    "tool": ("sales", "cs"),
}


@cache
def run(business: str, overrides: tuple[str, ...], replications: int) -> tuple[Tables, Context]:
    """Tables of several replications and their context."""
    study = compose(business=business, overrides=list(overrides))
    runs = [
        arrow_tables(simulate(study.timeline, study.seed, r, log_decisions=False).tables) for r in range(replications)
    ]
    joined = {name: pa.concat_tables([tables[name] for tables in runs]).unify_dictionaries() for name in runs[0]}
    return Tables(joined), metrics_context(study.config)


def bridge(business: str, common: tuple[str, ...], change: tuple[str, ...], replications: int) -> pd.DataFrame:
    """The bridge from a study to the same with some keys changed."""
    base, context = run(business, common, replications)
    plan, plan_context = run(business, common + change, replications)
    return business_bridge(base, plan, context, plan_context)


def shares(drivers: pd.DataFrame) -> pd.Series:
    """Drivers of revenue as shares of the mean difference."""
    rows = drivers[drivers["metric"] == "revenue"]
    sums = rows.groupby("driver", observed=True)["value"].sum()
    return sums / sums.sum()


def spare(business: str, *scarce: str) -> tuple[str, ...]:
    """People to spare at all desks but some."""
    return tuple(f"policy.desks.{desk}.heads=40" for desk in SPARE[business] if desk not in scarce)


def metrics(tables: Tables, context: Context) -> pd.DataFrame:
    """Revenue and operating profit over the horizon, metrics by replications, in cents."""
    table = compute(tables, context, ["revenue", "operating_profit"])
    rows = table[(table["period"] == "horizon") & table["dim1"].isna()]
    return (rows.pivot(index="metric", columns="replication", values="value") * 100).round().astype("int64")


@pytest.mark.parametrize("business", BUSINESSES)
def test_drivers_add_up_to_the_cent_and_nothing_is_left(business: str) -> None:
    common, change = ("market.accounts=300", "horizon.days=640"), ("effects=none", "policy.finance.fixed_month=77777")
    found = bridge(business, common, change, 2)
    cents = found.assign(cents=(found["value"] * 100).round().astype("int64"))
    sums = cents.groupby(["metric", "replication"], observed=True)["cents"].sum().unstack()
    wanted = metrics(*run(business, common + change, 2)) - metrics(*run(business, common, 2))
    assert wanted.to_numpy().all()
    assert sums.loc[list(wanted.index)].to_numpy().tolist() == wanted.to_numpy().tolist()
    rows = found[found["metric"] == "revenue"]
    gross = rows.groupby("driver", observed=True)["value"].agg(lambda v: v.abs().sum())
    assert set(gross.index) == {*PLAYERS, "other"}
    assert gross["other"] <= OTHER_MOST * gross.sum()


@pytest.mark.parametrize("business", PRICES)
def test_a_price_alone_is_price(business: str) -> None:
    found = shares(bridge(business, ("market.accounts=400", "effects=none"), (PRICES[business],), 1))
    assert found["price"] >= 0.95
    assert found.drop("price").abs().max() <= 0.01


STAFFING = {
    "service_saas": ("sales", 1, 4, ("business.revenue.subscription.units.sigma=0.01",)),
    "hardware": ("install", 1, 8, ()),
    "service_staffed": ("consultants", 12, 40, ()),
    "tool": ("sales", 1, 6, ("business.revenue.subscription.units.sigma=0.01",)),
}


def staffing(business: str, accounts: int, replications: int) -> pd.Series:
    """Shares of drivers where one desk that holds all up gets more people."""
    desk, few, many, alike = STAFFING[business]
    common = (f"market.accounts={accounts}", *QUIET, *spare(business, desk), *alike, f"policy.desks.{desk}.heads={few}")
    return shares(bridge(business, common, (f"policy.desks.{desk}.heads={many}",), replications))


def test_people_at_a_bottleneck_are_speed_and_capacity() -> None:
    found = staffing("service_saas", 3000, 2)
    assert found["speed_capacity"] >= 0.95
    assert found[["conversion", "returns", "volume"]].abs().max() <= 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("business", STAFFING)
def test_people_at_a_bottleneck_are_speed_and_capacity_in_many_replications(business: str) -> None:
    found = staffing(business, 4000, 20)
    assert 0.95 <= found["speed_capacity"] <= 1.05
    assert found[["conversion", "returns", "volume"]].abs().max() <= 1e-6


def volume(accounts: int, replications: int) -> pd.Series:
    """Shares of drivers where two channels reach more companies, and the same ones earlier."""
    alike = "business.revenue.subscription.units={kind: lognormal, median: 50, sigma: 0.01}"
    common = (f"market.accounts={accounts}", *QUIET, *spare("tool"), alike)
    rates = tuple(f"market.channels.{name}.rate_month=0.03" for name in ("search", "content"))
    return shares(bridge("tool", common, rates, replications))


def test_more_contacts_are_volume() -> None:
    found = volume(4000, 2)
    assert 0.85 <= found["volume"] <= 1.15
    assert found[["conversion", "returns"]].abs().max() <= 1e-6


@pytest.mark.slow
def test_more_contacts_are_volume_in_many_replications() -> None:
    assert 0.95 <= volume(4000, 20)["volume"] <= 1.05


def test_fewer_that_leave_are_churn() -> None:
    common = ("market.accounts=2000", *QUIET, *spare("service_outcome"))
    change = "business.decisions.leave.base={small: 0.01, medium: 0.008, large: 0.004}"
    found = shares(bridge("service_outcome", common, (change,), 2))
    assert 0.9 <= found["churn"] <= 1.1


def test_more_that_sign_are_conversion() -> None:
    common = ("market.accounts=3000", *QUIET, *spare("platform"), "business.revenue.take_rate.gmv_month.sigma=0.01")
    change = "business.decisions.sign.base={small: 0.3, medium: 0.35, large: 0.35}"
    found = shares(bridge("platform", common, (change,), 2))
    assert 0.9 <= found["conversion"] <= 1.1


def test_a_mended_pool_is_returns() -> None:
    common = ("market.accounts=3000", *QUIET, *spare("tool"), "business.revenue.subscription.units.sigma=0.01")
    found = shares(bridge("tool", common, ("business.decisions.re_enter.base=0.4",), 2))
    assert found["returns"] >= 0.8, "returns bring leads of accounts that were none before, which is volume"


def test_equal_runs_differ_in_nothing() -> None:
    found = bridge("hardware", ("market.accounts=300", "horizon.days=640"), (), 2)
    assert set(found["driver"]) >= {*PLAYERS, "other", "cost_of_sales", "cost_payroll"}
    assert (found["value"] == 0).all()
