"""Targets of a plan: periods, attainment, coverage, capacity and cash against figures worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.attainment.attain import COLUMNS, attain
from analysis.attainment.capacity import SERVED, WON, capacity
from analysis.attainment.cash import cash_risk
from analysis.attainment.coverage import FROM_DEALS, coverage, months_of
from analysis.attainment.period import Period, ends, read_period, year_end
from analysis.attainment.target import (
    AT_LEAST,
    AT_MOST,
    BY_DESK,
    LESS,
    NO_LEVEL,
    NO_PERIOD,
    OUTSIDE,
    QUOTAS,
    UNDEFINED,
    UNKNOWN,
    Target,
    near,
    sense_of,
    standing,
)
from analysis.metrics import REGISTRY
from analysis.metrics.periods import Calendar
from analysis.replications import willink, wilson
from scenarios.runs.derive import write_frame
from scenarios.runs.targets import stored

YEAR = Calendar("2025-01-01", 365)
MONTHS = [f"2025-{m:02}" for m in range(1, 13)]


def target(metric: str, period: str, value: float, **more: Any) -> Target:
    """A target on the whole business unless told otherwise."""
    return Target(f"{metric} {period}", metric, read_period(period), value, **more)


def metrics(figures: Mapping[tuple[str, ...], Sequence[Any]]) -> pd.DataFrame:
    """A metrics table.

    ``figures`` maps (metric, kind, end, and perhaps dim and level) to the values of all replications.
    """
    rows = []
    for key, values in figures.items():
        metric, kind, end, dim, level = (*key, None, None) if len(key) == 3 else key
        ds = pd.Timestamp(f"{end}-01") + pd.offsets.MonthEnd(0)
        rows += [
            {"replication": n, "ds": ds, "period": kind, "metric": metric, "dim1": dim, "level1": level, "dim2": None,
             "level2": None, "value": float(value), "unit": "count"}
            for n, value in enumerate(values)
        ]  # fmt: skip
    return pd.DataFrame(rows).astype({"metric": "category", "period": "category", "dim1": "category"})


@pytest.mark.parametrize(
    ("text", "kind", "end"),
    [
        ("2027-03", "month", "2027-03"),
        ("2027-03-31", "month", "2027-03"),
        ("2027-03-01 00:00:00", "month", "2027-03"),
        ("2027-Q1", "quarter", "2027-03"),
        ("2027 q4", "quarter", "2027-12"),
        ("FY2027", "fiscal_year", "2027-12"),
        ("fy2027-q2", "quarter", "2027-06"),
        (" Horizon ", "horizon", ""),
    ],
)
def test_periods_are_read(text: str, kind: str, end: str) -> None:
    found = read_period(text)
    assert (found.kind, found.end) == (kind, end)
    assert read_period(found.text) == found


@pytest.mark.parametrize(("text", "end"), [("FY2027", "2027-03"), ("FY2027-Q1", "2026-06"), ("FY2027-Q4", "2027-03")])
def test_fiscal_years_that_end_in_march(text: str, end: str) -> None:
    assert read_period(text, 3).end == end


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("2027-13", "a month from 01 to 12"),
        ("2027", "did you mean FY2027?"),
        ("Q3/2027", "did you mean 2027-Q3?"),
        ("2027-3", "did you mean 2027-03?"),
        ("3/2027", "did you mean 2027-03?"),
        ("CY2027", "did you mean FY2027?"),
        ("2027-Q5", "2027-03, 2027-Q1"),
        ("spring", "2027-03, 2027-Q1"),
        ("", "2027-03, 2027-Q1"),
        ("2027-03-01 12:00", "2027-03, 2027-Q1"),
    ],
)
def test_what_is_no_period_says_what_would_be_right(text: str, right: str) -> None:
    with pytest.raises(ValueError, match=right.replace("?", r"\?")):
        read_period(text)


def test_periods_of_a_horizon() -> None:
    assert ends(YEAR, "month") == MONTHS
    assert ends(YEAR, "quarter") == ["2025-03", "2025-06", "2025-09", "2025-12"]
    assert ends(YEAR, "horizon") == [""]
    others = (Calendar("2025-04-01", 365), Calendar("2025-04-01", 90), Calendar("2025-02-01", 90, 7))
    assert [year_end(calendar) for calendar in (YEAR, *others)] == [12, 3, 3, 6]
    assert ends(Calendar("2025-01-01", 730, 4), "fiscal_year") == ["2026-03"]
    assert months_of(read_period("2025-Q2"), YEAR) == ["2025-04", "2025-05", "2025-06"]
    assert months_of(read_period("horizon"), YEAR) == MONTHS


def test_named_metrics_exist() -> None:
    assert {*LESS, *QUOTAS, *BY_DESK, *FROM_DEALS, *WON, *SERVED} <= set(REGISTRY)


def test_costs_are_to_stay_below_and_all_else_above_unless_told() -> None:
    assert sense_of("revenue", None) == AT_LEAST
    costs = {name for name in REGISTRY if "cost" in name.split("_")}
    assert {"cost_of_sales", "payroll_cost", "fixed_cost"} < costs
    assert {sense_of(m, None) for m in ("cac", "days_lead_signed", *costs)} == {AT_MOST}
    assert (sense_of("cac", True), sense_of("revenue", False)) == (AT_LEAST, AT_MOST)
    assert near("Revenu") == "revenue"


def test_attainment_variance_and_chance() -> None:
    values = [80.0, 100.0, 120.0, 140.0]
    row = attain(metrics({("arr", "quarter", "2025-06"): values}), [target("arr", "2025-Q2", 100)], YEAR).iloc[0]
    mean = willink(np.array(values))
    assert row["status"] == "measured"
    assert (row["mean"], row["ci_low"], row["ci_high"]) == (110, mean.low, mean.high)
    assert row["attainment"] == pytest.approx(1.10)
    assert (row["attainment_low"], row["attainment_high"]) == pytest.approx((mean.low / 100, mean.high / 100))
    assert (row["variance"], row["variance_low"]) == pytest.approx((10, mean.low - 100))
    assert (row["hits"], row["chance"], row["chance_low"], row["chance_high"]) == (3, *wilson(3, 4))
    assert row["ds"] == "2025-06-30"


def test_a_ceiling_counts_the_other_way_and_an_undefined_replication_does_not_reach() -> None:
    table = metrics({("cac", "month", "2025-02"): [10, 20, 30, np.nan]})
    found = attain(table, [target("cac", "2025-02", 20, sense=AT_MOST), target("cac", "2025-02", 20)], YEAR)
    assert found["hits"].tolist() == [2, 2]
    assert found["n_defined"].tolist() == [3, 3]
    assert found["mean"].tolist() == [20, 20]


def test_attainment_of_nothing_and_of_a_loss_is_null() -> None:
    table = metrics({("operating_profit", "month", "2025-02"): [-10.0, -20.0]})
    goals = [target("operating_profit", "2025-02", value) for value in (0.0, -30.0)]
    found = attain(table, goals, YEAR)
    assert found["attainment"].isna().all()
    assert found["variance"].tolist() == [-15, 15]
    assert found["chance"].tolist() == [0, 1]


def test_parts_of_the_business_are_measured_apart() -> None:
    table = metrics({
        ("signed_amount", "month", "2025-01"): [30, 30],
        ("signed_amount", "month", "2025-01", "owner", "sales-1"): [10, 20],
        ("signed_amount", "month", "2025-01", "team", "sales"): [30, 30],
    })  # fmt: skip
    goals = [target("signed_amount", "2025-01", 15, dim=d, level=n) for d, n in (("owner", "sales-1"), ("team", "x"))]
    found = attain(table, goals, YEAR)
    assert found["status"].tolist() == ["measured", NO_LEVEL]
    assert found["mean"].iloc[0] == 15
    assert found["hits"].iloc[0] == 1


def test_what_cannot_be_measured_is_listed_with_its_reason() -> None:
    table = metrics({("revenue", "month", "2025-01"): [1.0], ("gmv", "month", "2025-01"): [np.nan]})
    goals = [target("nps", "2025-01", 1), target("revenue", "2029-01", 1), target("cycle_days", "2025-01", 1),
             target("arr", "2025-01", 1, dim="team", level="sales"), target("gmv", "2025-01", 1)]  # fmt: skip
    found = attain(table, goals, YEAR)
    assert found["status"].tolist() == [UNKNOWN, OUTSIDE, NO_PERIOD, NO_LEVEL, UNDEFINED]
    assert found[["mean", "chance", "variance"]].isna().all(axis=None)
    assert found["value"].tolist() == [1] * 5
    assert list(found) == list(COLUMNS)
    assert standing(target("utilisation", "2025-01", 1, dim="segment", level="x"), YEAR) == NO_LEVEL


def test_coverage_is_what_is_open_over_what_is_missing() -> None:
    """A signature brings 200 in both; January leaves 6 and 8 open; of 500 it has brought 100 and 500."""
    table = metrics({
        ("open_opportunities", "month", "2025-01"): [6, 8],
        ("open_opportunities", "month", "2025-02"): [3, 3],
        ("signed_amount", "month", "2025-01"): [100, 500],
        ("signed_amount", "month", "2025-02"): [100, 0],
        ("signed_amount", "horizon", "2025-12"): [400, 800],
        ("deals_signed", "horizon", "2025-12"): [2, 4],
        ("win_rate", "horizon", "2025-12"): [0.2, 0.3],
    })  # fmt: skip
    found = coverage(table, [target("signed_amount", "2025-Q1", 500)], YEAR).set_index("month")
    assert list(found.index) == ["2025-02", "2025-03"]
    first = found.loc["2025-02"]
    assert first["pipeline"] == np.mean([6 * 200, 8 * 200])
    assert first["missing"] == np.mean([400, 0])
    assert (first["coverage"], first["n_defined"], first["reached"]) == (3.0, 1, 1)
    assert first["needed"] == pytest.approx(4)
    assert found.loc["2025-03", "coverage"] == 2.0


def test_amounts_that_are_told_count_as_they_are() -> None:
    """One deal of 900 that was open at the start, two without an amount at 200 each, against 500 still to sign."""
    table = metrics({
        ("open_opportunities", "month", "2025-01"): [3],
        ("open_unpriced", "month", "2025-01"): [2],
        ("open_amount", "month", "2025-01"): [900],
        ("signed_amount", "month", "2025-01"): [0],
        ("signed_amount", "horizon", "2025-12"): [400],
        ("deals_signed", "horizon", "2025-12"): [2],
    })  # fmt: skip
    found = coverage(table, [target("signed_amount", "2025-Q1", 500)], YEAR).iloc[0]
    assert (found["pipeline"], found["coverage"]) == (1300, 2.6)


def test_coverage_is_of_what_opportunities_turn_into() -> None:
    table = metrics({("open_opportunities", "month", "2025-01"): [6]})
    goals = [target("revenue", "2025-Q1", 5), target("signed", "2025-Q1", 5, sense=AT_MOST),
             target("signed", "2025-Q1", 5, dim="segment", level="x"), target("signed", "2029-Q1", 5)]  # fmt: skip
    assert coverage(table, goals, YEAR).empty


def staffed() -> pd.DataFrame:
    """One desk of 2 heads with 160 hours each a month; 5 hours win a signature, 40 of 90 hours serve 20 customers."""
    figures: dict[tuple[str, ...], Sequence[Any]] = {}
    for desk in (("desk", "sales"), ()):
        figures[("capacity_hours", "month", "2025-02", *desk)] = [320, 320]
        figures[("heads", "month", "2025-02", *desk)] = [2, 2]
        figures[("busy_hours", "month", "2025-02", *desk)] = [90, 90]
        figures[("acquisition_hours", "month", "2025-02", *desk)] = [50, 50]
        figures[("acquisition_hours", "horizon", "2025-12", *desk)] = [400, 600]
    figures[("signed", "horizon", "2025-12")] = [80, 120]
    figures[("active_customers", "month", "2025-02")] = [15, 25]
    return metrics(figures)


def test_heads_are_the_hours_needed_over_the_hours_that_a_plan_fills() -> None:
    goals = [target("signed", "2025-02", 140), target("active_customers", "2025-02", 100)]
    found = capacity(staffed(), goals, YEAR, 0.8).set_index("metric")
    won, served = found.loc["signed"], found.loc["active_customers"]
    assert (won["hours_per_unit"], won["hours_needed"]) == (5.0, 140 * 5 + 40)
    assert (won["hours_of_a_head"], won["load"]) == (160, 740 / 320)
    assert (won["required_heads"], won["hires"]) == (6, 4)  # 740 / 128 = 5.78
    assert (served["hours_per_unit"], served["hours_needed"]) == (2.0, 100 * 2 + 50)
    assert (served["required_heads"], served["hires"]) == (2, 0)  # 250 / 128 = 1.95


def test_a_load_that_fits_exactly_needs_nobody_more() -> None:
    """40 hours serve, 216 win: 256 = 2 heads x 160 hours x 0.8."""
    found = capacity(staffed(), [target("signed", "2025-02", 43.2)], YEAR, 0.8).iloc[0]
    assert (found["required_heads"], found["hires"]) == (2, 0)


def test_cash_below_zero_in_a_month_and_by_then() -> None:
    table = metrics({
        ("cash_min", "month", "2025-01"): [1, -1, 5, 0],
        ("cash_min", "month", "2025-02"): [-1, 4, 5, 0],
        ("cash_min", "month", "2025-03"): [3, 4, 5, 0],
    })  # fmt: skip
    found = cash_risk(table)
    assert found["chance"].tolist() == [0.25, 0.25, 0]
    assert found["ever"].tolist() == [0.25, 0.5, 0.5]
    assert found.loc[0, ["chance_low", "chance_high"]].tolist() == list(wilson(1, 4)[1:])
    assert cash_risk(metrics({("arr", "month", "2025-01"): [1]})).empty


def test_a_horizon_target_is_read_over_the_horizon() -> None:
    table = metrics({("leads", "horizon", "2025-12"): [10, 30], ("leads", "month", "2025-12"): [1, 1]})
    found = attain(table, [target("leads", "horizon", 20)], YEAR).iloc[0]
    assert (found["mean"], found["hits"], found["ds"]) == (20, 1, "2025-12-31")
    assert Period("horizon", "", "horizon") == read_period("horizon")


def test_targets_are_read_back_from_the_run_folder_as_they_were(tmp_path: Path) -> None:
    """Names of digits keep their zeros, and values all their digits."""
    goals = (
        Target("01", "arr", read_period("2025-Q2"), 0.1 + 0.2),
        Target("02", "signed", read_period("horizon"), 1e22 / 7, AT_MOST, "segment", "007"),
    )
    write_frame(tmp_path / "targets.csv", attain(metrics({("arr", "quarter", "2025-06"): [1.0]}), goals, YEAR))
    assert stored(tmp_path) == goals
