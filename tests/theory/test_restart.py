"""A run begun in its middle tells the same of what comes after: stocks count what lies before, flows do not.

The tables of a run that began from nothing are cut at a month end, what is over is taken out, what stands is brought in
as an opening would (``tests.fixtures.restart``). From then on every figure by month, quarter and fiscal year must be
that of the run itself, and every identity must hold; where a figure looks back to what is over, it is listed why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.asof import as_of
from analysis.identities import check
from analysis.metrics import Context, compute
from analysis.metrics.desks import acquisition_desks, billable_desks
from analysis.metrics.view import View
from analysis.opening import Start, tied
from analysis.tables import RUN_TABLES, Tables
from scenarios import compose
from scenarios.runs.replicate import arrow_tables, metrics_context
from sim.simulate import simulate
from sim.spec.opening import Past
from tests.fixtures.restart import restarted
from tests.theory.test_asof_runs import differences

BUSINESSES = sorted(path.stem for path in (Path(__file__).parents[2] / "conf" / "business").glob("*.yaml"))
IN_SUITE = ("hardware", "tool")
YEAR, MONTH_SEVEN = 365, 212
"""Days from 1 January 2025 to the ends of the 12th and of the 7th month."""

YEARLY = ("nrr_12m", "grr_12m", "expansion_share_year")
LOOKS_BACK = {
    **{(name, period): 12 for name in YEARLY for period in ("month", "quarter", "fiscal_year")},
    ("magic_number", "quarter"): 4,
    ("magic_number", "fiscal_year"): 13,
}
"""Figures that compare with earlier months, which a state does not hold: null or in part until so many are over."""

HORIZON = ("gmv_merchant_month", "acquisition_hours")
"""Read the take rate, or the share of work for customers, of the whole horizon, which is another one."""

RETURNS = ("new_mrr", "reactivated_mrr")
"""Who left before the start and comes back counts as reactivated, whether or not it had paid: equal in sum."""

Cut = tuple[Tables, Context, Tables, Context]


@cache
def cut(business: str, day: int) -> Cut:
    """Tables and contexts of a run, and of the same run as if it had begun on a day.

    Which desks win customers is told by the work of the whole horizon: both take those of the run.
    """
    own = ["market.accounts=250", "horizon.days=912", "horizon.start='2025-01-01'"]
    study = compose(business=business, overrides=own)
    tables = Tables(arrow_tables(simulate(study.timeline, study.seed, 0).tables))
    context = metrics_context(study.config)
    view = View(tables, context)
    context = replace(context, acquisition_desks=acquisition_desks(view), billable_desks=billable_desks(view))
    return tables, context, *restarted(tables, context, day)


def figures(tables: Tables, context: Context, periods: tuple[str, ...], since: str) -> pd.DataFrame:
    """Values by metric, period, date and level from a date on."""
    found = compute(tables, context)
    found = found[found["period"].isin(periods) & (found["ds"] >= pd.Timestamp(since))]
    keys = ["metric", "period", "dim1", "level1"]
    return found.astype(dict.fromkeys(keys, str)).set_index([*keys, "ds"])[["value"]].sort_index()


def both(made: Cut, periods: tuple[str, ...]) -> pd.DataFrame:
    """Figures of both runs side by side, as columns ``whole`` and ``begun``."""
    tables, context, later, moved = made
    sides = [figures(*side, periods, moved.start) for side in ((tables, context), (later, moved))]
    assert sides[0].index.equals(sides[1].index)
    return pd.DataFrame({"whole": sides[0]["value"], "begun": sides[1]["value"]}).reset_index()


def unequal(found: pd.DataFrame) -> pd.DataFrame:
    """Rows in which both are not the same; floating sums may differ in the last digits."""
    close = np.isclose(found["whole"], found["begun"], rtol=1e-12, atol=1e-9, equal_nan=True)
    return found[~close]


def excused(found: pd.DataFrame, start: str) -> np.ndarray:
    """Whether figures of a row look back to what is over."""
    months = np.array([LOOKS_BACK.get(key, 0) for key in zip(found["metric"], found["period"], strict=True)], int)
    passed = found["ds"].dt.to_period("M").astype("int64") - pd.Period(start, "M").ordinal + 1
    early = passed.to_numpy() < months
    return np.asarray(early | found["metric"].isin([*HORIZON, *RETURNS]).to_numpy())


@pytest.mark.parametrize(
    ("business", "day", "periods"),
    [
        pytest.param(business, day, periods, marks=() if business in IN_SUITE and day == YEAR else pytest.mark.slow)
        for business in BUSINESSES
        for day, periods in ((YEAR, ("month", "quarter", "fiscal_year")), (MONTH_SEVEN, ("month",)))
    ],
)
def test_figures_are_those_of_the_run_itself(business: str, day: int, periods: tuple[str, ...]) -> None:
    made = cut(business, day)
    found = both(made, periods)
    differ = unequal(found)
    assert sorted(set(differ.loc[~excused(differ, made[3].start), "metric"])) == []
    assert found["begun"].notna().sum() > 2000
    early = found[found["metric"].isin(YEARLY) & excused(found, made[3].start)]
    assert early["begun"].isna().all()
    keys = ["period", "dim1", "level1", "ds"]
    returns = found[found["metric"].isin(RETURNS)].groupby(keys)[["whole", "begun"]].sum().reset_index()
    assert unequal(returns).empty


@pytest.mark.parametrize(
    ("business", "day"),
    [
        pytest.param(business, day, marks=() if business in IN_SUITE and day == YEAR else pytest.mark.slow)
        for business in BUSINESSES
        for day in (YEAR, MONTH_SEVEN)
    ],
)
def test_identities_hold_with_a_past(business: str, day: int) -> None:
    _, _, later, moved = cut(business, day)
    found = check(later, moved)
    assert found.loc[~found["holds"], "identity"].tolist() == []
    sides = found.set_index("identity")
    assert sides.loc["opening", "lhs"] == sides.loc["opening", "rhs"]
    assert sides.loc["opening", "rhs"] > 0 or (business, day) == ("tool", YEAR)


def drop(activity: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Leave out the first row of an activity that lies before the start."""

    def broken(events: pd.DataFrame) -> pd.DataFrame:
        rows = (events["activity"] == activity) & (events["time"] < 0)
        return events.drop(index=events.index[rows][0]).reset_index(drop=True)

    return broken


def shave(account: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Take two cents off the first opening balance of an account of the ledger."""

    def broken(ledger: pd.DataFrame) -> pd.DataFrame:
        rows = ((ledger["debit"] == account) | (ledger["credit"] == account)) & (ledger["memo"] == "opening balance")
        return ledger.assign(amount=ledger["amount"] - 2 * (ledger.index == ledger.index[rows][0]))

    return broken


@pytest.mark.parametrize(
    ("business", "table", "damage", "found"),
    [
        ("hardware", "events", drop("invoiced"), {"receivable", "opening"}),
        ("tool", "events", drop("signed"), {"customers", "first_dates"}),
        ("tool", "events", drop("queued"), {"stages"}),
        ("hardware", "ledger", shave("receivable"), {"receivable", "opening"}),
        ("tool", "ledger", shave("deferred_revenue"), {"opening", "deferred_revenue"}),
        ("tool", "ledger", lambda t: t.assign(time=t["time"] + (t["memo"] == "opening balance")), {"ledger"}),
        ("tool", "subscriptions", lambda t: t.assign(start=t["start"] + pd.Timedelta(days=1)), {"opening"}),
    ],
)
def test_a_past_that_does_not_fit_is_found(
    business: str, table: str, damage: Callable[[pd.DataFrame], pd.DataFrame], found: set[str]
) -> None:
    """Most damages are of one row, or of two cents."""
    _, _, later, moved = cut(business, YEAR)
    broken = Tables({name: damage(later[name]) if name == table else later[name] for name in RUN_TABLES})
    held = check(broken, moved).set_index("identity")["holds"]
    assert found <= set(held.index[~held])


def test_what_lies_before_the_start_is_an_error_where_nothing_was_brought_in() -> None:
    _, _, later, moved = cut("tool", YEAR)
    plain = later["ledger"].assign(memo=later["ledger"]["memo"].where(later["ledger"]["memo"] != "opening balance"))
    others = {name: later[name] for name in RUN_TABLES if name != "ledger"}
    found = check(Tables({**others, "ledger": plain}), replace(moved, opened=False))
    assert not found.set_index("identity").loc["event_order", "holds"]


@pytest.mark.parametrize(
    "business", [pytest.param(b, marks=() if b == IN_SUITE[1] else pytest.mark.slow) for b in BUSINESSES]
)
def test_cutting_off_the_past_and_the_future_in_either_order(business: str) -> None:
    """Tables as of a later day of a run begun in its middle; owners of work that is over are not kept."""
    tables, context, later, _ = cut(business, YEAR)
    ours, theirs = as_of(later, 730.0 - YEAR), restarted(as_of(tables, 730.0), context, YEAR)[0]
    for name in RUN_TABLES:
        assert differences(ours[name], theirs[name]) <= {"owner"}, name
        assert len(ours[name]), name


def begun_from(business: str) -> tuple[Tables, Context, Tables, Context]:
    """A past of a year with its context, and a quarter that the simulator begins where that past stands."""
    own = ["market.accounts=250", "horizon.start='2025-01-01'"]
    past = compose(business=business, overrides=[*own, f"horizon.days={YEAR}"])
    later = compose(business=business, overrides=[own[0], "horizon.start='2026-01-01'", "horizon.days=90"])
    timeline = replace(later.timeline, opening=Past(timeline=past.timeline, seed=past.seed, day=float(YEAR)))
    runs = [simulate(t, past.seed, 0) for t in (past.timeline, timeline)]
    tables = [Tables(arrow_tables(run.tables)) for run in runs]
    return tables[0], metrics_context(past.config), tables[1], replace(metrics_context(later.config), opened=True)


def state_at_the_end(tables: Tables, context: Context) -> pd.DataFrame:
    """What metrics and tables of a past say of its last day, as opening files would."""
    found = compute(tables, context, ["arr", "active_customers", "cash", "receivable", "deferred_revenue"])
    last = found[(found["period"] == "horizon") & found["dim1"].isna()]
    rows = [(str(row["metric"]), "", row["value"], "") for row in last.to_dict("records")]
    deals, staff = tables["opportunities"], tables["staffing"]
    rows.append(("open_opportunities", "", int((deals["outcome"] == "open").sum()), ""))
    heads = staff[staff["ds"] == staff["ds"].max()]
    rows += [("headcount", str(desk), n, "") for desk, n in zip(heads["desk"], heads["heads"], strict=True)]
    made = pd.DataFrame(rows, columns=["quantity", "dimension", "value", "unit"]).fillna({"value": 0.0})
    return made.assign(rounding=0.0)


@pytest.mark.parametrize(
    "business", [pytest.param(b, marks=() if b in IN_SUITE else pytest.mark.slow) for b in BUSINESSES]
)
def test_a_run_starts_where_its_past_stands(business: str) -> None:
    past, context, tables, moved = begun_from(business)
    start = Start(tables, RUN_TABLES, (0,), np.datetime64(moved.start, "us"))
    found = tied(start.state(), state_at_the_end(past, context))
    assert found["gap"].dropna().tolist() == [0.0] * (6 + len(context_desks(past)))
    held = check(tables, moved)
    assert held.loc[~held["holds"], "identity"].tolist() == []


def context_desks(tables: Tables) -> set[str]:
    """Names of the desks."""
    return set(tables["staffing"]["desk"].astype(str))
