"""Chances of targets against a planted distribution; heads that a plan needs against work that is fixed."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from analysis.attainment.attain import attain
from analysis.attainment.capacity import capacity
from analysis.attainment.period import read_period
from analysis.attainment.target import Target
from analysis.metrics import Context, compute
from analysis.metrics.periods import Calendar
from analysis.tables import Tables, to_arrow
from sim.spec import DecisionSpec
from tests.theory.studies import AROUND_THE_CLOCK, business, contacts, desk, fixed, gate, policy, run, study

MEAN, SD, REPLICATIONS, SAMPLES = 100.0, 15.0, 400, 25
CALENDAR = Calendar("2025-01-01", 365)
SHARE, HOURS, DAYS = 0.4, 5.0, 365
GRID = 1e-5
"""Relative error of hours: times are whole multiples of 2^-20 day."""


def planted(seed: int) -> pd.DataFrame:
    """A metric that is normal over replications."""
    values = np.random.default_rng([seed, 4711]).normal(MEAN, SD, REPLICATIONS)
    table = pd.DataFrame({"replication": np.arange(REPLICATIONS), "value": values})
    same = {"ds": pd.Timestamp("2025-12-31"), "period": "fiscal_year", "metric": "arr", "unit": "CNY/year"}
    return table.assign(**same, dim1=None, level1=None, dim2=None, level2=None)


def test_the_chance_is_that_of_the_planted_distribution() -> None:
    """Over 25 samples Wilson's interval covers the true chance about as often as it says, and is not biased."""
    values = [80.0, 95.0, 100.0, 110.0, 130.0]
    goals = [Target(str(value), "arr", read_period("FY2025"), value) for value in values]
    found = [attain(planted(seed), goals, CALENDAR).set_index("value") for seed in range(SAMPLES)]
    for value in values:
        truth, rows = norm.sf(value, MEAN, SD), [table.loc[value] for table in found]
        inside = sum(row["chance_low"] <= truth <= row["chance_high"] for row in rows)
        error = math.sqrt(truth * (1 - truth) / (REPLICATIONS * SAMPLES))
        assert inside >= 0.95 * SAMPLES - 4 * math.sqrt(0.95 * 0.05 * SAMPLES)
        assert abs(np.mean([row["chance"] for row in rows]) - truth) < 4 * error


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """A desk that works five hours on each of ten leads a day, of whom some sign: metrics of a simulated year."""
    route = {
        "sales": desk("sales", fixed(HOURS), "decide"),
        "decide": gate("buy", "end", emits_then="signed", emits_otherwise="lost"),
    }
    spec = study(
        business(route, {"buy": DecisionSpec(base=SHARE)}), DAYS, policy=policy({"sales": 4}, AROUND_THE_CLOCK)
    )
    people = contacts(np.arange(0, DAYS - 1, 0.1))
    columns = run(spec, 1, people)
    tables = Tables({name: to_arrow(name, table) for name, table in columns.items()})
    return compute(tables, Context(start="2025-01-01", days=DAYS, accounts=len(people.external_id)))


def value(table: pd.DataFrame, metric: str, period: str = "horizon") -> float:
    """A total."""
    rows = table[(table["metric"] == metric) & (table["period"] == period) & table["dim1"].isna()]
    return float(rows["value"].iloc[0])


@pytest.mark.parametrize("plan", [100.0, 150.0, 240.0, 1000.0])
def test_required_heads_of_fixed_work(table: pd.DataFrame, plan: float) -> None:
    """Each signature costs five hours for itself and for those who were lost, whatever the plan."""
    leads, signed = DAYS * 10 - 10, value(table, "signed")
    assert value(table, "busy_hours") == pytest.approx(HOURS * leads, rel=GRID)
    found = capacity(table, [Target("goal", "signed", read_period("2025-03"), plan)], CALENDAR, 0.85).iloc[0]
    needed = plan * HOURS * leads / signed
    assert found["hours_needed"] == pytest.approx(needed, rel=GRID)
    assert found["hours_of_a_head"] == pytest.approx(31 * 24)
    assert found["required_heads"] == math.ceil(needed / (31 * 24 * 0.85))
    assert found["hires"] == max(0, found["required_heads"] - 4)


def test_teams_and_owners_add_up_to_all_signatures(table: pd.DataFrame) -> None:
    rows = table[(table["metric"] == "deals_signed") & (table["period"] == "horizon")]
    parts = rows.groupby("dim1", observed=True)["value"].sum()
    assert parts["owner"] == parts["team"] == value(table, "deals_signed") == value(table, "signed")
    owners = rows[rows["dim1"] == "owner"]
    assert set(owners["level1"].astype(str)) == {f"sales-{n}" for n in range(1, 5)}
