"""Targets reached by a date: shares, intervals and McNemar's test against figures worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from analysis.compare.targets import AT_LEAST, AT_MOST, COLUMNS, Target, mcnemar, reached, read_targets, targets
from analysis.metrics import compute
from analysis.metrics.periods import HORIZON, MONTH, QUARTER
from tests.fixtures import small_tables

ENDS = pd.to_datetime(["2026-01-31", "2026-02-28", "2026-03-31"])
GOAL = {"metric": "customers", "value": 10}


def table(paths: Sequence[Sequence[float]], first: int = 0) -> pd.DataFrame:
    """A metrics table with one metric by month, one path for every replication, and figures that do not count."""
    rows: list[dict[str, Any]] = []
    for replication, path in enumerate(paths, first):
        months = zip(ENDS, path, strict=True)
        rows += [{"replication": replication, "ds": ds, "period": MONTH, "value": value} for ds, value in months]
        rows += [{"replication": replication, "ds": ENDS[-1], "period": p, "value": 1e9} for p in (QUARTER, HORIZON)]
        for dims in ({"dim1": "segment", "level1": "small"}, {"dim2": "segment", "level2": "small"}):
            rows.append({"replication": replication, "ds": ENDS[0], "period": MONTH, "value": 1e9, **dims})
    columns = ["replication", "ds", "period", "metric", "dim1", "level1", "dim2", "level2", "value"]
    made = pd.DataFrame(rows).assign(metric="customers").reindex(columns=columns)
    return made.astype({"period": "category", "metric": "category", "dim1": "category", "level1": "category"})


def one(runs: dict[str, pd.DataFrame], **entry: Any) -> pd.DataFrame:
    """The table for a single target."""
    return targets(runs, {"goal": {**GOAL, **entry}})


def successes(metrics: pd.DataFrame, **entry: Any) -> list[bool]:
    return reached(metrics, read_targets({"goal": {**GOAL, **entry}})[0]).tolist()


def test_reached_in_any_month_that_has_ended_by_the_date() -> None:
    metrics = table([[10, 0, 0], [9, 12, 3], [9, 9, 10], [9, 9, 9.99]])
    assert successes(metrics) == [True, True, True, False]
    assert successes(metrics, by="2026-03-31") == [True, True, True, False]
    assert successes(metrics, by="2026-03-30") == [True, True, False, False]
    assert successes(metrics, by="2026-02-28") == [True, True, False, False]
    assert successes(metrics, by="2026-01-31") == [True, False, False, False]


def test_at_most_is_reached_from_above() -> None:
    metrics = table([[5, -1, 5], [5, 5, 5], [5, 0, 5]])
    assert successes(metrics, value=0, sense="at_most") == [True, False, True]
    assert successes(metrics, value=0, sense="at_most", by="2026-01-31") == [False, False, False]


def test_undefined_is_not_reached() -> None:
    metrics = table([[np.nan, np.nan, 11], [np.nan] * 3])
    assert successes(metrics) == [True, False]
    assert successes(metrics, sense="at_most", value=1e6) == [True, False]
    assert successes(metrics, by="2026-02-28") == [False, False]


def test_a_metric_that_does_not_apply_is_reached_by_nobody() -> None:
    metrics = table([[11, 11, 11]] * 4)
    nothing = metrics[metrics["period"] == HORIZON].assign(metric="other", value=np.nan)
    found = one({"base": pd.concat([metrics, nothing])}, metric="other")
    assert found["share"].tolist() == [0]


def test_shares_with_wilsons_interval_and_differences() -> None:
    base = table([[0, 0, 11]] * 3 + [[0, 0, 0]] * 17)
    plan = table([[0, 0, 11]] * 2 + [[0, 0, 0]] * 8 + [[11, 0, 0]] * 10)
    found = targets({"base": base, "plan": plan}, {"ten customers": GOAL}).set_index("scenario")
    assert list(found.reset_index().columns) == list(COLUMNS)
    assert found.loc["base", ["share", "low", "high"]].tolist() == pytest.approx([0.15, 0.0523687, 0.3604189])
    assert found.loc["plan", "share"] == 0.6
    assert found["difference"].tolist() == pytest.approx([0, 0.45])
    assert math.isnan(found.loc["base", "p"])
    assert found.loc["plan", "p"] == pytest.approx(2 * (1 + 11) / 2**11)
    assert found["replications"].tolist() == [20, 20]
    assert found["by"].tolist() == ["2026-03-31"] * 2
    wide = targets({"base": base}, {"ten customers": GOAL}, level=0.99)
    assert wide["low"][0] < 0.0523 < 0.3605 < wide["high"][0]


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [(0, 0, 1), (1, 0, 1), (5, 5, 1), (0, 6, 2 / 64), (8, 1, 2 * 10 / 512), (10, 2, 2 * 79 / 4096)],
)
def test_mcnemar_counts_the_pairs_that_differ(gained: int, lost: int, p: float) -> None:
    base = np.array([True] * lost + [False] * gained + [True, False] * 7)
    plan = np.array([False] * lost + [True] * gained + [True, False] * 7)
    assert mcnemar(base, plan) == mcnemar(plan, base) == pytest.approx(p)
    if gained + lost:
        assert mcnemar(base, plan) == pytest.approx(binomtest(gained, gained + lost).pvalue)


def test_mcnemar_keeps_its_level() -> None:
    """Two plans of equal chance, correlated: p <= .05 in at most 5 % of samples, as an exact test has it."""
    rng = np.random.default_rng(3)
    u, v = rng.random((4_000, 40)), rng.random((4_000, 40))
    mixed = np.where(rng.random((4_000, 40)) < 0.5, u, v)
    ps = np.array([mcnemar(a, b) for a, b in zip(u < 0.5, mixed < 0.5, strict=True)])
    assert 0.01 < (ps <= 0.05).mean() <= 0.05
    better = np.array([mcnemar(a, b) for a, b in zip(u < 0.35, mixed < 0.65, strict=True)])
    assert (better <= 0.05).mean() > 0.5


def test_plans_are_paired_by_the_replications_that_both_have() -> None:
    base = table([[0, 0, 0], [0, 0, 0], [11, 0, 0]])
    plan = table([[11, 0, 0], [11, 0, 0], [11, 0, 0], [0, 0, 0]], first=1)
    found = one({"base": base, "plan": plan}).set_index("scenario")
    assert found["replications"].tolist() == [3, 4]
    assert found["share"].tolist() == pytest.approx([1 / 3, 3 / 4])
    assert found.loc["plan", "difference"] == pytest.approx(0.5)
    apart = one({"base": base, "plan": table([[0, 0, 0]], first=9)})
    assert apart[["difference", "p"]].iloc[1].isna().all()


def test_equal_plans_differ_by_exactly_zero() -> None:
    runs = {"base": table([[0, 0, 11], [0, 0, 0]]), "same": table([[0, 0, 11], [0, 0, 0]])}
    found = one(runs)
    assert found["difference"].tolist() == [0, 0]
    assert found["p"].tolist()[1] == 1


def test_targets_of_a_run_as_metrics_give_it() -> None:
    """Of the six companies the third signs on day 130, in May 2025; there is always money, and sales have worked."""
    metrics = compute(small_tables.tables(), small_tables.context())
    found = targets(
        {"base": metrics},
        {
            "three": {"metric": "active_customers", "value": 3},
            "in May": {"metric": "active_customers", "value": 3, "by": "2025-05-31"},
            "in April": {"metric": "active_customers", "value": 3, "by": "2025-04-30"},
            "broke": {"metric": "cash_min", "value": 0, "sense": "at_most"},
            "busy": {"metric": "utilisation_sales", "value": 1e-6},
        },
    )
    assert found["share"].tolist() == [1, 1, 0, 0, 1]
    assert found["by"].tolist() == ["2026-12-31", "2025-05-31", "2025-04-30", "2026-12-31", "2026-12-31"]


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"metric": "customer"}, "metric customer is unknown; did you mean customers"),
        ({"metric": "xyz"}, "metric xyz is unknown; metrics are customers"),
        ({"metric": None}, "names no metric"),
        ({"value": "many"}, "value must be a number, got 'many'"),
        ({"value": None}, "value must be a number"),
        ({"value": True}, "value must be a number"),
        ({"value": math.inf}, "value must be a number"),
        ({"sense": "above"}, "sense is at_least or at_most, got above"),
        ({"when": "2026-03-31"}, "when is unknown"),
        ({"by": "March 2026"}, "by must be a date such as 2026-06-30, got 'March 2026'"),
        ({"by": "2026-01-30"}, "2026-01-30 lies outside the months of the horizon, 2026-01-31 to 2026-03-31"),
        ({"by": "2026-04-30"}, "2026-04-30 lies outside"),
    ],
)
def test_what_is_no_target(entry: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=f"target goal: .*{text}"):
        one({"base": table([[0, 0, 0]])}, **entry)


def test_a_date_within_the_last_month_that_is_cut_off_is_allowed() -> None:
    assert one({"base": table([[0, 0, 11]])}, by="2026-04-29")["share"].tolist() == [1]


def test_a_metric_without_months_is_refused() -> None:
    metrics = table([[0, 0, 0]])
    yearly = metrics[metrics["period"] == HORIZON].assign(metric="ltv")
    with pytest.raises(ValueError, match="ltv is not measured by month"):
        one({"base": pd.concat([metrics, yearly])}, metric="ltv")


def test_targets_are_read_with_their_defaults() -> None:
    found = read_targets({"a": {"metric": "m", "value": "3"}, "b": {"metric": "m", "value": 1, "sense": "at_most"}})
    assert found[0] == Target("a", "m", 3.0, None, AT_LEAST)
    assert found[1].sense == AT_MOST
    assert targets({"base": table([[1, 2, 3]])}, {}).columns.tolist() == list(COLUMNS)
