"""Tables as of a cutoff are those of a run that ended there, column by column; and what contracts and deals tell."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.asof import UNRESOLVED, as_of
from analysis.forecast.contracts import informed_churn
from analysis.forecast.fitted import Fitted
from analysis.forecast.pipeline import informed_signed
from analysis.forecast.registry import FORECASTERS
from analysis.metrics import compute
from analysis.tables import COLUMNS, RUN_TABLES, Tables
from scenarios import compose
from scenarios.runs.replicate import arrow_tables, metrics_context
from sim.simulate import simulate

BUSINESSES = sorted(path.stem for path in (Path(__file__).parents[2] / "conf" / "business").glob("*.yaml"))
ACCOUNTS, WHOLE, MONTH_END, MID_MONTH = 250, 700, 455, 470
"""Days 455 and 470 of a start on 1 January 2025 are 1 and 16 April 2026."""

IN_SUITE = ("tool", "hardware")
"""Terms, gates and sales in one, reorders and deliveries in the other."""

CHANGE = "policy.changes={hire: {key: policy.desks.sales.heads, date: '2026-05-01', value: 1}}"
"""Fewer people, after the cutoff."""

CASES = [
    pytest.param(business, cutoff, (), marks=() if business in IN_SUITE else pytest.mark.slow)
    for business in BUSINESSES
    for cutoff in (MONTH_END, MID_MONTH)
] + [
    pytest.param("tool", MONTH_END, (CHANGE,)),
    pytest.param("tool", MID_MONTH, ("scenario=bundle",)),
    pytest.param("service_saas", MID_MONTH, ("scenario=paid_training",), marks=pytest.mark.slow),
]


@cache
def ran(business: str, days: int, overrides: tuple[str, ...] = ()) -> tuple[Tables, dict[str, Any]]:
    """Tables and configuration of a run that ended after some days."""
    own = [f"market.accounts={ACCOUNTS}", f"horizon.days={days}", "horizon.start='2025-01-01'"]
    study = compose(business=business, overrides=[*own, *overrides])
    return Tables(arrow_tables(simulate(study.timeline, study.seed, 0).tables)), study.config


def differences(ours: pd.DataFrame, theirs: pd.DataFrame) -> set[str]:
    """Columns that differ, ``rows`` if the tables differ in length; floating sums may differ in the last digits."""
    if len(ours) != len(theirs):
        return {"rows"}
    return {column for column in theirs if not same(ours[column], theirs[column])}


def same(ours: pd.Series, theirs: pd.Series) -> bool:
    if ours.dtype.kind == "f":
        return bool(np.allclose(ours, theirs, rtol=1e-12, atol=1e-12, equal_nan=True))
    kinds = [isinstance(column.dtype, pd.CategoricalDtype) for column in (ours, theirs)]
    if any(kinds):
        return all(kinds) and ours.astype(object).equals(theirs.astype(object))
    return ours.equals(theirs)


def rows(metrics: pd.DataFrame) -> pd.Series:
    """Values by what they are of."""
    keys = ["ds", "period", "metric", "dim1", "level1", "dim2", "level2"]
    return metrics.astype(dict.fromkeys(keys, str)).set_index(keys)["value"].sort_index()


@pytest.mark.parametrize(("business", "cutoff", "overrides"), CASES)
def test_tables_as_of_a_cutoff_are_those_of_a_run_that_ended_there(
    business: str, cutoff: int, overrides: tuple[str, ...]
) -> None:
    past, ended = as_of(ran(business, WHOLE, overrides)[0], cutoff), ran(business, cutoff, overrides)[0]
    differ = {name: found for name in RUN_TABLES if (found := differences(past[name], ended[name]))}
    assert all(len(ended[name]) for name in RUN_TABLES)
    assert [list(past[name]) for name in RUN_TABLES] == [list(COLUMNS[name]) for name in RUN_TABLES]
    if cutoff == MONTH_END:
        assert differ == {}
        return
    assert differ == {name: {"rows"} for name in UNRESOLVED}
    broken = ended["staffing"]["ds"] >= pd.Timestamp("2026-04-30")
    assert differences(past["staffing"], ended["staffing"][~broken].reset_index(drop=True)) == set()


@pytest.mark.parametrize(
    "business", [pytest.param(b, marks=() if b == IN_SUITE[0] else pytest.mark.slow) for b in BUSINESSES]
)
def test_metrics_of_both_are_equal(business: str) -> None:
    past = as_of(ran(business, WHOLE)[0], MONTH_END)
    ended, config = ran(business, MONTH_END)
    ours, theirs = (rows(compute(tables, metrics_context(config))) for tables in (past, ended))
    assert ours.index.equals(theirs.index)
    np.testing.assert_allclose(ours.to_numpy(), theirs.to_numpy(), rtol=1e-9, atol=1e-9, equal_nan=True)
    assert theirs.notna().sum() > 500


def test_the_later_run_holds_what_the_earlier_could_not_know() -> None:
    """Otherwise the tests above would say nothing."""
    whole, ended = (ran("tool", days)[0] for days in (WHOLE, MONTH_END))
    known = set(map(tuple, ended["opportunities"][["account", "opened"]].to_numpy()))
    deals = whole["opportunities"]
    mine = deals[[tuple(deal) in known for deal in deals[["account", "opened"]].to_numpy()]].reset_index(drop=True)
    assert {"stage", "closed", "outcome", "reason"} <= differences(mine, ended["opportunities"])
    assert {"last_stage", "customer", "churned_at"} <= differences(whole["accounts"], ended["accounts"])


@pytest.mark.slow
def test_who_knows_contracts_and_deals_forecasts_better() -> None:
    """Paired over worlds at month 24: the loss of the next two months of churn and of signatures is lower."""
    study = compose(
        business="tool", overrides=["market.accounts=1500", "horizon.days=790", "horizon.start='2025-01-01'"]
    )
    losses: dict[str, list[np.ndarray]] = {"churned_customers": [], "signed": []}
    for replication in range(10):
        whole = Tables(arrow_tables(simulate(study.timeline, study.seed, replication).tables))
        metrics, past = compute(whole, metrics_context(study.config)), as_of(whole, 730)
        for measure, found in losses.items():
            y = monthly(metrics, measure)
            own = FORECASTERS["trio"].fit(y[:24], 0.0)
            inform = (informed_signed if measure == "signed" else informed_churn)(past, measure)
            found.append(np.array([loss(fitted, y[24:26].to_numpy()) for fitted in (own, inform(own))]))
    for measure, found in losses.items():
        difference = np.diff(found, axis=1).ravel()
        assert difference.mean() + 2 * difference.std(ddof=1) / np.sqrt(len(difference)) < 0, measure


def monthly(metrics: pd.DataFrame, name: str) -> pd.Series:
    """Totals of a metric by month."""
    chosen = metrics[(metrics["metric"] == name) & (metrics["period"] == "month") & metrics["dim1"].isna()]
    return chosen.sort_values("ds").set_index("ds")["value"].astype(float)


def loss(fitted: Fitted, y: np.ndarray) -> float:
    """Mean pinball loss over quantiles, twice: near the continuous ranked probability score."""
    shares = np.arange(0.025, 1, 0.05)
    above = y - np.maximum(fitted.outlook(len(y)).quantiles(shares.tolist()), 0.0)
    return float(2 * np.where(above > 0, shares[:, None] * above, (shares[:, None] - 1) * above).mean())
