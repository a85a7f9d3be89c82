"""Metrics of a story of six companies, against figures worked out by hand (see ``tests.fixtures.small_tables``)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.metrics import compute
from analysis.metrics.lifecycle import _stages
from analysis.metrics.periods import HORIZON, MONTH, QUARTER, YEAR, Calendar
from analysis.metrics.view import View
from tests.fixtures import small_tables
from tests.fixtures.small_tables import FIRST_YEAR, SECOND_YEAR, context, day, frame, tables

COMMON = {"ltv_months": 12, "reorder_months": 6}


@pytest.fixture(scope="module")
def metrics() -> pd.DataFrame:
    return compute(tables(), context(**COMMON))


def value(
    metrics: pd.DataFrame, metric: str, period: str = HORIZON, ds: str = SECOND_YEAR, level: str | None = None
) -> float:
    """One value of the table; ``level`` of any dimension, None for the total."""
    rows = metrics[(metrics["metric"] == metric) & (metrics["period"] == period) & (metrics["ds"] == ds)]
    rows = rows[rows["dim1"].isna()] if level is None else rows[rows["level1"] == level]
    assert len(rows) == 1
    return float(rows["value"].iloc[0])


GP = {0: 142_503 - 28_501, 1: 38_630 - 7_726, 3: 904_110 - 180_822}
LTV = sum(gp * 1.1 ** (-(364.9 - since) / 365.25) for gp, since in ((GP[0], 14), (GP[1], 130), (GP[3], 90)))
OWED = 120_000 * 31 + 1_200_000 * 61 + 60_000 * 31 + 60_000 * 30 + 89_405 * 31 + 60_000 * 92

BY_HAND = {
    "touches": (5, 1, 6),
    "leads": (4, 1, 5),
    "qualified": (4, 1, 5),
    "opportunities": (4, 2, 6),
    "signed": (3, 1, 4),
    "activated": (2, 1, 3),
    "lost": (1, 0, 1),
    "re_entries": (1, 0, 1),
    "win_backs": (0, 1, 1),
    "re_entry_share": (1 / 3, 0, 0.25),
    "pool_size": (1, 2, 2),
    "active_customers": (3, 2, 2),
    "new_customers": (3, 1, 4),
    "churned_customers": (0, 2, 2),
    "logo_churn_month": (0, 2 / 25, 2 / 52),
    "logo_churn": (0, 1 - np.exp(-2 / (745 / 365.25)), 1 - np.exp(-2 / (1606 / 365.25))),
    "conversion_lead_qualified": (0.8, 1, 5 / 6),
    "conversion_qualified_opportunity": (1, 1, 1),
    "conversion_opportunity_signed": (0.75, 1, 19 / 24),
    "conversion_lead_signed": (0.6, np.nan, 11 / 18),
    "conversion_signed_activated": (2 / 3, 1, 0.75),
    "days_lead_qualified": (1, 5, 2),
    "days_lead_signed": (29, np.nan, 29),
    "days_signed_activated": (10, 10, 10),
    "win_rate": (0.75, 1, 0.8),
    "cycle_days": (20, 20, 20),
    "cycle_days_closed": (28, 20, 24),
    "sales_close": (2 / 3, np.nan, 2 / 3),
    "mrr": (1200, 620, 620),
    "arr": (14_400, 7_440, 7_440),
    "new_mrr": (1150, 0, 1150),
    "expansion_mrr": (50, 0, 50),
    "contraction_mrr": (0, 30, 30),
    "churned_mrr": (0, 1050, 1050),
    "reactivated_mrr": (0, 500, 500),
    "nrr_12m": (np.nan, 620 / 1200, 620 / 1200),
    "grr_12m": (np.nan, 620 / 1200, 620 / 1200),
    "expansion_share_year": (np.nan, 0, 0),
    "acv": (4600, 6000, 4950),
    "renewals_due": (0, 2, 2),
    "renewals_open": (0, 0, 0),
    "renewal_rate": (np.nan, 0.5, 0.5),
    "renewal_on_time": (np.nan, 1, 1),
    "revenue": (10_852.43, 8_078.44, 18_930.87),
    "gross_profit": (8_681.94, 6_462.75, 15_144.69),
    "gross_margin": (8_681.94 / 10_852.43, 6_462.75 / 8_078.44, 15_144.69 / 18_930.87),
    "operating_profit": (6_621.94, 5_962.75, 12_584.69),
    "revenue_per_customer_year": (10_852.43 / (861 / 365.25), 8_078.44 / (745 / 365.25), 18_930.87 / (1606 / 365.25)),
    "cash": (19_863.56, 19_187.87, 19_187.87),
    "cash_min": (9_000, 19_187.87, 9_000),
    "receivable": (0, 6_000, 6_000),
    "deferred_revenue": (3_241.62, 2_603.18, 2_603.18),
    "acquisition_cost": (760, 500, 1260),
    "cac": (760 / 3, 500, 315),
    "cac_payback_months": (
        760 / 3 / (8_681.94 / (861 / 30.4375)),
        500 / (6_462.75 / (745 / 30.4375)),
        315 / (15_144.69 / (1606 / 30.4375)),
    ),
    "ltv": (
        np.nan,
        6_462.75 / 745 / (2 / 745 + np.log(1.1) / 365.25),
        15_144.69 / 1606 / (2 / 1606 + np.log(1.1) / 365.25),
    ),
    "billed": (14_094.05, 7_440, 21_534.05),
    "collected": (13_494.05, 1_440, 14_934.05),
    "dso_days": (OWED / 1_409_405, (144_000 * 31 + 600_000 * 214) / 744_000, None),
    "payment_days": (60, 21, 60),
    "bad_debt_share": (60_000 / 1_409_405, 0, 60_000 / 2_153_405),
    "top10_share": (904_110 / 1_085_243, 641_095 / 807_844, 1_545_205 / 1_893_087),
    "top10_customers_share": (1, 1, 1),
    "deal_size": (1_200, 6_000, 3_600),
    "project_value": (600, 6_000, 900),
    "units_sold": (165, 50, 215),
    "units_first_order": (10, 50, 30),
    "units_reorder": (25, np.nan, 25),
    "reorders": (2, 0, 2),
    "reorder_interval_days": (46, np.nan, 46),
    "repeat_rate": (0.4, np.nan, 1 / 3),
    "utilisation": (200 / 480, np.nan, 200 / 480),
    "wait_days": (6.5 / 6, np.nan, 6.5 / 6),
    "gmv": (4_800, 4_800, 9_600),
    "consumers_active": (511, 523, 523),
    "merchants_active": (2, 2, 2),
    "magic_number": (120_000 / 76_000, -696_000 / 50_000, -576_000 / 126_000),
}
"""Metric: first year, second year, horizon; None is not checked."""


@pytest.mark.parametrize("metric", BY_HAND)
def test_figures_worked_out_by_hand(metrics: pd.DataFrame, metric: str) -> None:
    places = ((YEAR, FIRST_YEAR), (YEAR, SECOND_YEAR), (HORIZON, SECOND_YEAR))
    for (period, ds), expected in zip(places, BY_HAND[metric], strict=True):
        if expected is not None:
            assert value(metrics, metric, period, ds) == pytest.approx(expected, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("lead_rate_month", 5 / (24 * 6)),
        ("break_even_month", 12),
        ("ltv_horizon", LTV / 3 / 100),
        ("ltv_cac", (LTV / 3) / (76_000 / 3)),
        ("reorder_share", 1 / 3),
        ("lifecycle_stage", 3),
        ("north_star", 2),
    ],
)
def test_figures_over_the_horizon(metrics: pd.DataFrame, metric: str, expected: float) -> None:
    assert value(metrics, metric) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("metric", "level", "expected"),
    [
        ("leads", "small", 3),
        ("leads", "large", 2),
        ("touches", "ads", 3),
        ("touches", "web", 3),
        ("mrr", "small", 120),
        ("mrr", "large", 500),
        ("lead_rate_month", "small", 3 / 72),
        ("lead_rate_month", "large", 2 / 72),
        ("revenue", "small", 3_478.82),
        ("revenue", "ads", 18_930.87),
        ("revenue", "seat", 18_930.87),
        ("revenue", "revenue_subscription", 18_930.87),
        ("win_rate", "small", 2 / 3),
        ("active_customers", "large", 1),
        ("utilisation", "sales", 0.5),
        ("utilisation", "cs", 0.25),
        ("wait_days", "sales", 1.5),
        ("wait_days", "cs", 0.875),
        ("gmv", "large", 7_200),
    ],
)
def test_breakdowns(metrics: pd.DataFrame, metric: str, level: str, expected: float) -> None:
    assert value(metrics, metric, level=level) == pytest.approx(expected)


def test_months_and_quarters(metrics: pd.DataFrame) -> None:
    assert value(metrics, "leads", MONTH, "2025-01-31") == 4
    assert value(metrics, "leads", QUARTER, "2025-06-30") == 0
    assert value(metrics, "mrr", MONTH, "2025-03-31") == 1100
    assert value(metrics, "cash_min", MONTH, "2025-01-31") == 9_000
    assert value(metrics, "nrr_12m", MONTH, "2026-01-31") == pytest.approx(1.2)
    assert value(metrics, "grr_12m", MONTH, "2026-01-31") == 1
    assert value(metrics, "expansion_share_year", MONTH, "2026-01-31") == pytest.approx(0.2)
    assert np.isnan(value(metrics, "nrr_12m", MONTH, "2025-12-31"))
    assert value(metrics, "logo_churn_month", MONTH, "2026-02-28") == pytest.approx(1 / 3)


def test_signing_at_midnight_of_the_first_belongs_to_the_month_that_ends(metrics: pd.DataFrame) -> None:
    assert value(metrics, "signed", MONTH, "2025-03-31") == 1
    assert value(metrics, "signed", MONTH, "2025-04-30") == 0


def test_movements_bridge_the_balance_every_month(metrics: pd.DataFrame) -> None:
    rows = metrics[(metrics["period"] == MONTH) & metrics["dim1"].isna()]
    table = rows.pivot(index="ds", columns="metric", values="value")
    net = table["new_mrr"] + table["expansion_mrr"] + table["reactivated_mrr"]
    net = net - table["contraction_mrr"] - table["churned_mrr"]
    assert np.array_equal(net.cumsum().round(6), table["mrr"].round(6))


def test_take_rate_and_adverts_are_shares_of_gmv() -> None:
    ledger = frame("ledger", [
        {"time": 30.9, "account": 0, "debit": "receivable", "credit": "revenue_take_rate", "amount": 1_200},
        {"time": 30.9, "account": 3, "debit": "receivable", "credit": "revenue_adverts", "amount": 600},
    ])  # fmt: skip
    found = compute(tables(ledger=ledger), context(), ["take_rate", "advert_rate", "gmv_merchant_month"])
    assert value(found, "take_rate", MONTH, "2025-01-31") == pytest.approx(12 / 400)
    assert value(found, "take_rate", MONTH, "2025-01-31", "small") == pytest.approx(12 / 100)
    assert value(found, "gmv_merchant_month") == pytest.approx(12 / (12 / 2_400)), "12 kept at the segment's rate"
    assert value(found, "advert_rate", MONTH, "2025-01-31") == pytest.approx(6 / 400)


def test_outcome_fee_is_a_share_of_the_attributed_sales_and_hours_sold_make_a_desk_billable() -> None:
    monthly = frame("monthly", [{"ds": "2025-01-31", "metric": "attributed_sales", "segment": "small", "value": 500.0}])
    ledger = frame("ledger", [
        {"time": 30.9, "account": 0, "debit": "receivable", "credit": "revenue_outcome_share", "amount": 2_500},
        {"time": 30.9, "account": 0, "debit": "receivable", "credit": "revenue_staff_hours", "amount": 9_000},
    ])  # fmt: skip
    found = compute(tables(monthly=monthly, ledger=ledger), context(), ["outcome_fee_share", "billable_utilisation"])
    assert value(found, "outcome_fee_share") == pytest.approx(0.05)
    assert value(found, "billable_utilisation") == pytest.approx(0.25)


def test_trials_count_only_with_ninety_days_observed() -> None:
    rows = [(0, "trial_started", 10), (0, "signed", 60), (1, "trial_started", 10), (1, "lost", 30), (1, "pooled", 30),
            (2, "trial_started", 10), (2, "activated", 20), (3, "trial_started", 10), (3, "signed", 150),
            (4, "trial_started", 700), (4, "signed", 710)]  # fmt: skip
    rows.sort(key=lambda row: row[2])
    events = frame("events", [{"account": a, "activity": w, "time": t, "timestamp": day(t)} for a, w, t in rows])
    found = compute(tables(events=events), context(), ["trials", "trial_conversion", "trial_activation"])
    assert value(found, "trials") == 5
    assert value(found, "trial_conversion") == pytest.approx(0.25)
    assert value(found, "trial_activation") == pytest.approx(0.2)


def test_renewals_are_late_open_or_expired() -> None:
    rows = [(0, "renewal_due", 100), (0, "renewed", 130), (0, "renewal_due", 495), (1, "renewal_due", 100),
            (1, "renewed", 131), (2, "renewal_due", 200), (2, "churned", 210), (3, "renewal_due", 640),
            (4, "renewal_due", 641), (5, "renewal_due", 300), (5, "renewed_late", 305)]  # fmt: skip
    rows.sort(key=lambda row: row[2])
    events = frame("events", [{"account": a, "activity": w, "time": t, "timestamp": day(t)} for a, w, t in rows])
    found = compute(
        tables(events=events), context(), ["renewals_due", "renewals_open", "renewal_rate", "renewal_on_time"]
    )
    assert value(found, "renewals_due") == 7
    assert value(found, "renewals_open") == 1
    assert value(found, "renewal_rate") == pytest.approx(3 / 6)
    assert value(found, "renewal_on_time") == pytest.approx(1 / 3)


def test_two_replications_are_two_computations(metrics: pd.DataFrame) -> None:
    names = ("accounts", "opportunities", "subscriptions", "events", "ledger", "staffing", "monthly")
    story = tables()
    twice = {n: pd.concat([story[n], story[n].assign(replication=np.int32(7))], ignore_index=True) for n in names}
    both = compute(tables(**twice), context(**COMMON))
    columns = [c for c in metrics if c != "replication"]
    for number in (0, 7):
        part = both.loc[both["replication"] == number, columns].reset_index(drop=True)
        pd.testing.assert_frame_equal(part, metrics[columns], check_categorical=False)


def test_currency_and_north_star_carry_their_unit() -> None:
    found = compute(tables(), context(currency="EUR", north_star="mrr"), ["revenue", "north_star", "cac"])
    units = found.groupby("metric", observed=True)["unit"].unique()
    assert [str(units[m][0]) for m in ("revenue", "north_star", "cac")] == ["EUR", "EUR/month", "EUR"]
    assert value(found, "north_star") == 620


def test_a_horizon_that_cuts_a_month_reports_it_over_the_horizon_only() -> None:
    found = compute(tables(), context(days=715.0), ["leads", "nrr_12m", "cash"])
    assert value(found, "leads", ds="2026-12-16") == 5
    assert found[(found["metric"] == "leads") & (found["period"] == MONTH)]["ds"].max() == pd.Timestamp("2026-11-30")
    assert not ((found["period"] == YEAR) & (found["ds"] == SECOND_YEAR)).any()
    assert value(found, "nrr_12m", ds="2026-12-16") == value(found, "nrr_12m", MONTH, "2026-11-30")


def test_calendar_months_start_with_the_month_of_the_horizon() -> None:
    calendar = Calendar("2025-11-15", 120.0)
    assert calendar.edges.tolist() == [0, 16, 47, 78, 106, 120]
    assert (calendar.complete, calendar.months) == (4, 5)
    assert calendar.groups[QUARTER].ends.astype("datetime64[D]").astype(str).tolist() == ["2026-01-31"]
    assert calendar.month_of(np.array([0.0, 16.0, 16.1, 120.0, 120.1, np.nan])).tolist() == [0, 0, 1, 4, -1, -1]


def test_desks_that_work_for_customers_are_no_cost_of_winning_them() -> None:
    from analysis.metrics.desks import acquisition_desks, billable_desks

    assert acquisition_desks(View(tables(), context())) == ("sales",)
    assert acquisition_desks(View(tables(), context(acquisition_desks=("cs",)))) == ("cs",)
    assert billable_desks(View(tables(), context())) == ()


def test_a_stage_of_life_needs_three_months_running() -> None:
    even = np.array([0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], bool)
    customers = np.array([np.nan] * 8 + [0.12, 0.09, 0.09, 0.09, 0.12, 0.16, 0.16, 0.16])
    revenue = np.full(16, np.nan)
    assert _stages(even, customers, revenue).tolist() == [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 2]
    falling = np.array([-0.1, -0.1, -0.1, -0.03, 0.01, 0.01, 0.01])
    stages = _stages(np.ones(10, bool), np.full(10, 0.2), np.concatenate((np.full(3, np.nan), falling)))
    assert stages.tolist() == [1, 1, 2, 2, 2, 4, 4, 4, 4, 3]


def test_the_story_is_told_in_the_columns_of_the_run() -> None:
    from analysis.tables import to_arrow

    story = tables()
    for name in ("accounts", "events", "ledger", "subscriptions", "staffing", "monthly", "opportunities"):
        made = story[name]
        assert to_arrow(name, {column: made[column] for column in made}).num_rows == len(made)
    assert len(small_tables.events()) == 94
