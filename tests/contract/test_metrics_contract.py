"""What every registered metric must do, whatever it measures."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.metrics import REGISTRY, compute, describe
from analysis.metrics.periods import HORIZON, PERIODS
from analysis.tables import COLUMNS, Tables, to_arrow, to_frame
from sim.events import ACTIVITIES
from tests.fixtures.small_tables import accounts, context, events, frame, ledger, staffing, subscriptions, tables

PROMISED = [
    "touches", "leads", "qualified", "opportunities", "signed", "activated", "active_customers", "pool_size",
    "re_entries", "conversion_lead_qualified", "conversion_qualified_opportunity", "conversion_lead_opportunity",
    "conversion_opportunity_signed", "conversion_lead_signed", "conversion_signed_activated", "cycle_days", "mrr",
    "arr", "new_mrr", "expansion_mrr", "contraction_mrr", "churned_mrr", "reactivated_mrr", "grr_12m", "nrr_12m",
    "logo_churn", "renewal_rate", "renewal_on_time", "cac", "cac_payback_months", "ltv", "ltv_cac", "magic_number",
    "gmv", "take_rate", "consumers_active", "units_sold", "reorder_share", "billable_utilisation", "revenue",
    "gross_margin", "operating_profit", "cash", "cash_min", "receivable", "dso_days", "break_even_month",
    "top10_share", "lifecycle_stage", "north_star", "utilisation", "wait_days",
]  # fmt: skip
"""Metrics that the published contract names."""

ADDITIVE = [
    "touches", "leads", "qualified", "opportunities", "signed", "activated", "lost", "active_customers",
    "new_customers", "churned_customers", "pool_size", "re_entries", "win_backs", "mrr", "arr", "new_mrr",
    "expansion_mrr", "contraction_mrr", "churned_mrr", "reactivated_mrr", "renewals_due", "renewals_open",
    "revenue", "cost_of_sales", "gross_profit", "receivable", "deferred_revenue", "units_sold", "reorders",
    "billed", "collected", "gmv", "merchants_active",
]  # fmt: skip
"""Metrics whose segments add up to the total."""

KEY = ["replication", "ds", "period", "metric", "dim1", "level1", "dim2", "level2"]


@pytest.fixture(scope="module")
def metrics() -> pd.DataFrame:
    return compute(tables(), context(ltv_months=12, reorder_months=6))


@pytest.fixture(params=list(REGISTRY))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def totals(metrics: pd.DataFrame) -> pd.DataFrame:
    """Totals as one row per metric, period and date."""
    rows = metrics[metrics["dim1"].isna()].astype({"metric": "str", "period": "str"})
    return rows.set_index(["metric", "period", "ds"]).sort_index()


def test_what_the_contract_promises_is_there() -> None:
    assert set(PROMISED) <= set(REGISTRY)


def test_it_is_defined_in_words(name: str) -> None:
    metric = REGISTRY[name]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert len(metric.formula) > 10
    tables_named = re.findall(r"[a-z]+", metric.source.split(";")[0])
    assert name == "north_star" or set(tables_named) <= set(COLUMNS)
    assert describe().set_index("metric").loc[name, "formula"] == metric.formula


def test_it_has_a_value_or_a_null_for_every_period_it_names(metrics: pd.DataFrame, name: str) -> None:
    rows = metrics[metrics["metric"] == name]
    assert ((rows["period"] == HORIZON) & rows["dim1"].isna()).sum() == 1
    assert set(rows["period"].astype(str)) <= set(REGISTRY[name].periods) <= set(PERIODS)
    assert rows["unit"].nunique() == 1


def test_no_cell_twice_and_none_infinite(metrics: pd.DataFrame) -> None:
    assert not metrics.duplicated(KEY).any()
    assert not np.isinf(metrics["value"]).any()
    assert (metrics["dim1"].isna() == metrics["level1"].isna()).all()
    assert metrics[["dim2", "level2"]].isna().all(axis=None)


def test_shares_lie_between_zero_and_one(metrics: pd.DataFrame) -> None:
    free = {"gross_margin", "nrr_12m"}
    shares = metrics[(metrics["unit"] == "share") & ~metrics["metric"].isin(free)]["value"].dropna()
    assert shares.between(0, 1 + 1e-12).all()


def test_the_table_has_the_published_columns(metrics: pd.DataFrame) -> None:
    stored = to_arrow("metrics", {column: metrics[column] for column in metrics})
    pd.testing.assert_frame_equal(to_frame(stored, "metrics"), metrics, check_categorical=False)


def test_segments_add_up(metrics: pd.DataFrame) -> None:
    keys = ["metric", "period", "ds"]
    rows = metrics[metrics["metric"].isin(ADDITIVE)].astype({"metric": "str", "period": "str"})
    whole = rows[rows["dim1"].isna()].set_index(keys)["value"]
    parts = rows[rows["dim1"] == "segment"].groupby(keys)["value"].sum()
    assert set(parts.index.get_level_values(0)) == set(ADDITIVE)
    np.testing.assert_allclose(parts, whole.reindex(parts.index), rtol=1e-12, atol=1e-9)


def test_months_add_up_to_years_and_years_to_the_horizon(metrics: pd.DataFrame) -> None:
    rows = metrics[metrics["dim1"].isna() & metrics["metric"].isin(["leads", "revenue", "billed", "new_mrr", "gmv"])]
    sums = rows.groupby(["metric", "period"], observed=True)["value"].sum().unstack()
    for period in ("month", "quarter", "fiscal_year"):
        np.testing.assert_allclose(sums[period], sums[HORIZON], rtol=1e-12)


@pytest.fixture(scope="module")
def nothing() -> pd.DataFrame:
    """Of accounts that nothing ever happened to."""
    return compute(Tables({"accounts": accounts()}), context())


def test_nothing_at_all_is_zero_or_null_never_an_error(nothing: pd.DataFrame, name: str) -> None:
    found = nothing.loc[nothing["metric"] == name, "value"]
    assert len(found)
    assert set(found.dropna()) <= {1.0 if name == "lifecycle_stage" else 0.0}


def test_no_replication_is_an_empty_table() -> None:
    assert compute(Tables({}), context()).empty


def test_a_metric_does_not_depend_on_those_computed_before(metrics: pd.DataFrame) -> None:
    names = list(REGISTRY)[::-1]
    again = totals(compute(tables(), context(ltv_months=12, reorder_months=6), names))
    np.testing.assert_array_equal(again["value"], totals(metrics)["value"])


def test_a_horizon_without_a_whole_month() -> None:
    early = events()
    kept = {
        "accounts": accounts(),
        "events": early[early["time"] <= 10].reset_index(drop=True),
        "ledger": ledger().query("time <= 10").reset_index(drop=True),
        "staffing": staffing(),
    }
    found = compute(Tables(kept), context(days=10.0))
    assert set(found["metric"].astype(str)) == set(REGISTRY)
    assert set(found["period"].astype(str)) == {HORIZON}
    assert set(found["ds"]) == {pd.Timestamp("2025-01-10")}


def test_money_in_another_scale_scales_money_and_nothing_else(metrics: pd.DataFrame) -> None:
    before, after = totals(metrics), totals(compute(scaled(3), context(ltv_months=12, reorder_months=6)))
    factor = np.where(before["unit"].astype(str).str.startswith("CNY"), 3.0, 1.0)
    np.testing.assert_allclose(after["value"], before["value"] * factor, rtol=1e-9)


def scaled(factor: int) -> Tables:
    """The story with all money times ``factor``."""
    story = tables()
    monthly = story["monthly"].copy()
    monthly.loc[monthly["metric"] == "gmv", "value"] *= factor
    changed: dict[str, Any] = {"monthly": monthly}
    for table, columns in (("events", ["amount"]), ("ledger", ["amount"]), ("subscriptions", ["amount", "mrr"])):
        changed[table] = story[table].assign(**{c: story[table][c] * factor for c in columns})
    return tables(**changed)


def test_numbers_of_accounts_and_the_order_of_rows_mean_nothing(metrics: pd.DataFrame) -> None:
    names = {a: 100 - 7 * a for a in range(6)}
    changed = {}
    for name in ("accounts", "opportunities", "subscriptions", "events", "ledger"):
        story = tables()[name]
        changed[name] = story.assign(account=story["account"].map(names).astype(story["account"].dtype))
    changed["accounts"] = changed["accounts"].iloc[::-1].reset_index(drop=True)
    changed["subscriptions"] = subscriptions().assign(account=changed["subscriptions"]["account"]).iloc[::-1]
    changed["ledger"] = changed["ledger"].sample(frac=1, random_state=1)
    again = compute(tables(**changed), context(ltv_months=12, reorder_months=6))
    np.testing.assert_allclose(totals(again)["value"], totals(metrics)["value"], rtol=1e-12)


def test_text_columns_serve_as_well_as_categories(metrics: pd.DataFrame) -> None:
    story = tables()
    plain = {}
    for name in ("accounts", "events", "ledger", "opportunities", "staffing", "monthly"):
        kinds = {c: "str" for c, kind in COLUMNS[name].items() if kind == "category"}
        plain[name] = story[name].astype(kinds)
    again = compute(tables(**plain), context(ltv_months=12, reorder_months=6))
    np.testing.assert_allclose(totals(again)["value"], totals(metrics)["value"], rtol=1e-12)


def test_a_definition_is_registered_once() -> None:
    from analysis.metrics import metric

    with pytest.raises(ValueError, match="defined twice"):
        metric("leads", unit="count", formula="again", source="events")(lambda view: [])
    with pytest.raises(ValueError, match="needs one of the units"):
        metric("new_one", unit="furlongs", formula="again", source="events")(lambda view: [])


def test_every_activity_is_understood() -> None:
    rows = [{"account": 0, "activity": a, "time": float(t), "timestamp": None} for t, a in enumerate(ACTIVITIES)]
    found = compute(tables(events=frame("events", rows)), context(), ["touches", "signed", "churned_customers"])
    whole = found[(found["period"] == HORIZON) & found["dim1"].isna()].set_index("metric")["value"]
    assert whole.to_dict() == {"touches": 1, "signed": 1, "churned_customers": 1}
