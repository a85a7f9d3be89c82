"""The seven shipped businesses at their defaults: three years with 5,000 accounts.

The full tests look at 20 replications and bear the marker slow; the suite looks at two.

What makes each type what it is (predicates), results inside the ranges that were written down beforehand, books
that close, desks that are neither idle nor swamped.
"""

from __future__ import annotations

import fcntl
import os
from functools import cache
from pathlib import Path
from tempfile import gettempdir, mkdtemp

import numpy as np
import pandas as pd
import pytest

from analysis.tables import read
from scenarios import compose, run

BUSINESSES = ("platform", "tool", "hardware", "service_saas", "service_staffed", "service_outcome", "cloud")
FULL, SMALL = 20, 2
SHORT = ["forecast.enabled=false", "report.enabled=false", "progress=false"]


SHARED = Path(gettempdir()) / f"tobsim-defaults-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"


@cache
def folder(business: str) -> Path:
    """The run folder of a default run, made once for all test processes: whoever comes first makes it."""
    name, replications = business.split(":")
    out = SHARED / name / f"run-{replications}"
    out.parent.mkdir(parents=True, exist_ok=True)
    with (out.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not out.exists():
            run(compose(business=name, overrides=[*SHORT, f"replications={replications}"]), out=out)
    return out


def events(business: str) -> pd.DataFrame:
    return read(folder(business), "events")


def first(table: pd.DataFrame, activity: str) -> pd.Series:
    """First time of an activity by replication and account."""
    rows = table[table["activity"] == activity]
    return rows.groupby(["replication", "account"], observed=True)["time"].min()


def by_month(business: str, metric: str) -> pd.DataFrame:
    """Monthly totals of a metric, one column per replication."""
    rows = read(folder(business), "monthly")
    rows = rows[rows["metric"] == metric]
    return rows.groupby(["ds", "replication"], observed=True)["value"].sum().unstack()


def revenue(business: str, account: str) -> pd.DataFrame:
    """Postings that credit a revenue account."""
    ledger = read(folder(business), "ledger")
    return ledger[ledger["credit"] == account]


def full(*names: str) -> list[object]:
    """Parameters for the full runs."""
    return [pytest.param(f"{name}:{FULL}", marks=pytest.mark.slow) for name in names]


def both(*names: str) -> list[object]:
    """Parameters for small and full runs."""
    return [*(f"{name}:{SMALL}" for name in names), *full(*names)]


def shipped(business: str) -> str:
    """The name of the business behind a parameter."""
    return business.split(":")[0]


@pytest.mark.parametrize("business", full(*BUSINESSES))
def test_results_lie_in_the_ranges_written_down_before(business: str) -> None:
    table = pd.read_csv(folder(business) / "plausibility.csv")
    outside = table[table["status"] != "in"]
    assert outside.empty, outside[["metric", "low", "high", "mean"]].to_string()
    assert len(table) >= 12
    assert (table["n_defined"] >= 15).all(), table[["metric", "n_defined"]].to_string()


@pytest.mark.parametrize("business", both(*BUSINESSES))
def test_the_books_close_in_every_replication(business: str) -> None:
    table = pd.read_csv(folder(business) / "identities.csv")
    assert table["holds"].all(), table[~table["holds"]].to_string()
    assert (table["replications"] == int(business.split(":")[1])).all()


@pytest.mark.parametrize("business", full(*BUSINESSES))
def test_desks_run_at_70_to_90_per_cent(business: str) -> None:
    staffing = read(folder(business), "staffing").groupby("desk", observed=True)[["busy_hours", "capacity_hours"]].sum()
    load = staffing["busy_hours"] / staffing["capacity_hours"]
    assert load.between(0.70, 0.90).all(), load.to_string()


@pytest.mark.parametrize("business", both("platform"))
def test_platform_signs_without_payment_and_earns_after_first_sales(business: str) -> None:
    log = events(business)
    signed = log[log["activity"] == "signed"]
    assert len(signed) > 0
    assert signed["amount"].isna().all()
    earned = revenue(business, "revenue_take_rate").groupby(["replication", "account"])["time"].min()
    activated = first(log, "activated").reindex(earned.index)
    assert len(earned) > 0
    assert (earned > activated).all()
    assert (first(log, "paid") > first(log, "activated").reindex(first(log, "paid").index)).all()


@pytest.mark.parametrize("business", both("platform"))
def test_platform_consumers_and_merchants_move_together(business: str) -> None:
    merchants, consumers = by_month(business, "merchants"), by_month(business, "consumers")
    together = [np.corrcoef(merchants[r].fillna(0), consumers[r])[0, 1] for r in consumers]
    assert np.mean(together) > 0.7
    assert min(together) > 0.3


@pytest.mark.parametrize("business", both("platform"))
def test_platform_each_side_draws_the_other(business: str) -> None:
    """Twins that share every draw: more attraction brings consumers, more consumers bring sales."""
    weak, strong = (
        run(
            compose(
                business=shipped(business),
                overrides=[
                    *SHORT,
                    "replications=3",
                    "horizon.days=730",
                    f"business.programmes.consumers.attraction={value}",
                ],
            ),
            out=Path(mkdtemp()) / "run",
        )
        for value in (0.0, 0.00008)
    )
    for metric in ("consumers", "gmv"):
        less, more = (r.monthly[r.monthly["metric"] == metric]["value"].sum() for r in (weak, strong))
        assert more > 1.05 * less


@pytest.mark.parametrize("business", both("tool"))
def test_tool_tries_then_converts_then_sells(business: str) -> None:
    log = events(business)
    study = compose(business=shipped(business))
    wait = study.config["policy"]["conversion"]["sales_after_days"] + study.config["policy"]["terms"]["trial_days"]
    trial, signed = first(log, "trial_started"), first(log, "signed")
    assert (trial.reindex(signed.index) < signed).all()
    first_journey = log[~log["activity"].isin(["re_entered", "won_back"])]
    returned = set(first(log, "re_entered").index) | set(first(log, "won_back").index)
    visits = first_journey[(first_journey["stage"] == "sales") & (first_journey["activity"] == "queued")]
    visits = visits.groupby(["replication", "account"])["time"].min()
    visits = visits[~visits.index.isin(returned)]
    assert len(visits) > 50
    assert (visits - trial.reindex(visits.index) >= wait).all()
    converted = first(log, "converted").index
    by_sales = signed.index.difference(converted)
    assert len(converted) > 20
    assert len(by_sales) > 20
    unreturned = converted.difference(pd.MultiIndex.from_tuples(returned))
    assert not unreturned.isin(visits.index).any(), "who converts in the product is not called"


@pytest.mark.parametrize("business", both("hardware"))
def test_hardware_is_paid_before_it_is_installed_and_reordered_in_batches(business: str) -> None:
    log = events(business)
    paid, installed = first(log, "paid"), first(log, "installed")
    both = paid.index.intersection(installed.index)
    assert paid.loc[both].median() < installed.loc[both].median()
    since_order = first(log, "signed").reindex(both)
    assert (paid.loc[both] - since_order).median() < (installed.loc[both] - since_order).median()
    units = log.set_index("activity")["quantity"]
    assert units.loc["reordered"].median() / units.loc["signed"].median() > 2


@pytest.mark.parametrize("business", both("service_saas"))
def test_saas_pays_serves_renews_expands_and_churns(business: str) -> None:
    log = events(business)
    for activity in ("paid", "trained", "activated", "renewed", "upgraded", "churned"):
        per_world = log[log["activity"] == activity].groupby("replication").size()
        assert len(per_world) == int(business.split(":")[1]), activity
    signed, paid, renewed = first(log, "signed"), first(log, "paid"), first(log, "renewed")
    assert (signed.reindex(paid.index) < paid).all()
    assert (renewed - signed.reindex(renewed.index)).min() > 330


@pytest.mark.parametrize("business", both("service_staffed"))
def test_staffed_revenue_is_hours_times_price_and_follows_capacity(business: str) -> None:
    staffing = read(folder(business), "staffing")
    busy = staffing[staffing["desk"] == "consultants"].groupby("replication")["busy_hours"].sum()
    earned = revenue(business, "revenue_staff_hours").groupby("replication")["amount"].sum() / 100
    prices = compose(business=shipped(business)).config["policy"]["products"]["consulting"]["price"]
    low, high = (min(prices.values()), max(prices.values())) if isinstance(prices, dict) else (prices, prices)
    per_hour = earned / busy
    assert per_hour.between(0.97 * low, 1.03 * high).all()
    study = compose(business=shipped(business), overrides=[*SHORT, f"replications={SMALL}"])
    heads = study.config["policy"]["desks"]["consultants"]["heads"]
    half = run(study.with_({"policy.desks.consultants.heads": heads // 2}), out=Path(mkdtemp()) / "run")
    amounts = half.ledger[half.ledger["credit"] == "revenue_staff_hours"].groupby("replication")["amount"].sum() / 100
    assert (amounts < 0.9 * earned.loc[amounts.index]).all()


@pytest.mark.parametrize("business", both("service_outcome"))
def test_outcome_fees_follow_what_the_customer_earns(business: str) -> None:
    fees, gained = by_month(business, "outcome_fees"), by_month(business, "attributed_sales")
    assert all(np.corrcoef(fees[r], gained[r])[0, 1] > 0.95 for r in fees)
    assert ((fees <= gained) | (gained == 0)).all(axis=None)
    log = events(business)
    earned = revenue(business, "revenue_outcome_share").groupby(["replication", "account"])["time"].min()
    assert (earned > first(log, "activated").reindex(earned.index)).all()


@pytest.mark.parametrize("business", both("cloud"))
def test_cloud_signs_orders_meters_invoices_collects(business: str) -> None:
    log = events(business)
    steps = [first(log, activity) for activity in ("signed", "ordered", "activated", "paid")]
    for before, after in zip(steps, steps[1:], strict=False):
        shared = before.index.intersection(after.index)
        assert len(shared) > 50
        assert (before.loc[shared] <= after.loc[shared]).mean() > 0.99
    assert (steps[0].reindex(steps[1].index) <= steps[1]).all()
    metered = by_month(business, "metered")
    booked = revenue(business, "revenue_consumption").groupby("replication")["amount"].sum() / 100
    assert np.allclose(metered.sum(), booked.to_numpy(), rtol=1e-9, atol=1.0)
