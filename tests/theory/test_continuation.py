"""A run that begins where another stands goes on like that one: paired over replications, in every main figure.

Both have the same past, to the account; what happens from the day on is drawn anew. So each replication gives a
difference whose mean is zero if nothing of the state was lost, forgotten or biased.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from analysis import identities
from analysis.metrics import compute
from analysis.tables import Tables
from scenarios import Study, compose
from scenarios.runs.replicate import arrow_tables, metrics_context
from sim.simulate import simulate
from sim.spec import Opening, Past, Timeline
from sim.spec.opening import OpenOffers
from sim.standing import reached

BUSINESSES = (
    "platform", "tool", "hardware", "service_saas", "service_staffed", "service_outcome", "cloud",
)  # fmt: skip
DAY = 730.0
"""Two years from the start of 2026 to that of 2028."""

MAIN = (
    "touches", "leads", "qualified", "opportunities", "signed", "new_customers", "churned_customers",
    "active_customers", "arr", "revenue", "gross_profit", "operating_profit", "cash", "cash_received", "cash_paid",
    "billed", "collected", "receivable", "deferred_revenue", "gmv", "units_sold", "utilisation", "wait_days", "queue",
    "attach_rate", "cross_sell_mrr", "cross_sell_revenue",
)  # fmt: skip
"""Figures that a strategy team reads; a business has those of them that it has."""

FURTHER = {
    "cross_sell": (
        "business.decisions.want.base=0.1", "business.decisions.keep.base=0.5",
        "business.route.analytics_choice.delay_days.median=60",
    ),
    "paid_training": ("business.decisions.want_training.base=0.1",),
}  # fmt: skip
"""Further products that so many want for so long that many an offer is under way on any day."""

FAMILY = 0.01
"""Chance that any figure of a business is found to differ although none does (Bonferroni)."""


@cache
def studies(business: str, accounts: int, *changes: str) -> tuple[Study, Study]:
    """Three years from 2026 on, and the third of them alone."""
    sized = [f"market.accounts={accounts}", *changes]
    return (
        compose(business=business, overrides=[*sized, "horizon.start=2026-01-01", "horizon.days=1096"]),
        compose(business=business, overrides=[*sized, "horizon.start=2028-01-01", "horizon.days=366"]),
    )


def monthly(study: Study, timeline: Timeline, replication: int) -> tuple[pd.Series, pd.DataFrame]:
    """Main figures by metric and month, and the checks of the identities."""
    tables = Tables(arrow_tables(simulate(timeline, 1, replication).tables))
    context = replace(metrics_context(study.config), opened=timeline.opening is not None)
    found = compute(tables, context)
    kept = (found["period"] == "month") & found["dim1"].isna() & found["metric"].isin(MAIN)
    return found[kept].set_index(["metric", "ds"])["value"], identities.check(tables, context)


def differences(
    business: str, accounts: int, replications: int, opening: Any = None, changes: tuple[str, ...] = ()
) -> pd.DataFrame:
    """The third year begun anew minus the third year gone on with: rows by replication, metric and month."""
    whole, third = studies(business, accounts, *changes)
    past = Past(whole.timeline, 1, DAY)
    found = {}
    for number in range(replications):
        state = past if opening is None else opening(reached(past, number))
        went_on, _ = monthly(whole, whole.timeline, number)
        begun, checks = monthly(third, replace(third.timeline, opening=state), number)
        if opening is None:
            assert checks["holds"].all(), checks[~checks["holds"]]
        found[number] = (begun - went_on).dropna()
    return pd.concat(found, names=["replication"]).unstack("replication")


def suspicious(found: pd.DataFrame) -> dict[str, float]:
    """Metrics whose mean over the year or over its first quarter differs from zero, with p, at the family's level."""
    tested = {}
    for name, months in found.groupby(level="metric"):
        for stretch, part in (("year", months), ("quarter", months.iloc[:3])):
            mean = part.mean().dropna()
            if len(mean) > 4 and mean.abs().max() > 0:
                tested[f"{name}, {stretch}"] = float(ttest_1samp(mean, 0.0).pvalue) if mean.std() > 0 else 0.0
    assert len(tested) > 20
    return {name: p for name, p in tested.items() if p < FAMILY / len(tested)}


def test_a_continuation_goes_on_like_its_past() -> None:
    assert suspicious(differences("tool", 200, 6)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("business", BUSINESSES)
def test_every_business_goes_on_like_its_past(business: str) -> None:
    assert suspicious(differences(business, 300, 24)) == {}


def _with(scenario: str) -> tuple[str, ...]:
    return (f"scenario={scenario}", *FURTHER[scenario])


def test_what_was_delivered_stays_delivered() -> None:
    assert suspicious(differences("service_saas", 120, 6, changes=_with("paid_training"))) == {}


@pytest.mark.slow
@pytest.mark.parametrize("scenario", FURTHER)
def test_further_products_go_on_like_their_past(scenario: str) -> None:
    """Offers, contracts that run and projects delivered: who wants, has or had a further product is not forgotten."""
    assert suspicious(differences("service_saas", 300, 24, changes=_with(scenario))) == {}


def _without_deals(state: Opening) -> Opening:
    """A state that has forgotten everybody who is no customer."""
    customers = ~np.isnan(state.standing.customer_since)
    return replace(state, standing=state.standing.take(np.flatnonzero(customers)))


def _new_contracts(state: Opening) -> Opening:
    """A state whose customers have all renewed on the first day."""
    rows, standing = state.agreements, state.standing
    moved = replace(rows, end=rows.end - rows.start, start=rows.start * 0.0 - 1.0)
    return replace(state, agreements=moved, standing=replace(standing, term_ends=standing.term_ends + 200.0))


def _without_offers(state: Opening) -> Opening:
    """A state that has forgotten which offers of further products are under way."""
    return replace(state, offers=OpenOffers.make(0))


@pytest.mark.slow
def test_offers_that_are_forgotten_are_found_out() -> None:
    assert suspicious(differences("service_saas", 300, 24, _without_offers, _with("cross_sell"))) != {}


@pytest.mark.slow
@pytest.mark.parametrize("forget", [_without_deals, _new_contracts])
def test_a_state_that_forgets_is_found_out(forget: Any) -> None:
    """What the test above would see if deals or renewal dates were lost."""
    assert suspicious(differences("service_saas", 300, 24, forget)) != {}


def test_the_state_of_a_past_is_that_of_its_own_tables() -> None:
    """Customers, yearly recurring revenue and every balance of the books are those of the run at that instant."""
    whole, _ = studies("tool", 200)
    state = reached(Past(whole.timeline, 1, DAY), 0)
    went_on, _ = monthly(whole, whole.timeline, 0)
    last = pd.Timestamp("2027-12-31")
    assert (~np.isnan(state.standing.customer_since)).sum() == went_on["active_customers", last]
    assert np.nansum(state.agreements.mrr) * 12 / 100 == pytest.approx(went_on["arr", last])
    assert state.balances["cash"] / 100 == pytest.approx(went_on["cash", last])
    waiting = state.unpaid.amount[state.unpaid.credit < 0]
    assert waiting.sum() / 100 == pytest.approx(went_on["receivable", last])
