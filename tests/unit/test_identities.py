"""The identities hold for a story that is consistent, and every one fails where it is broken."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from analysis.identities import IDENTITIES, check, collect
from analysis.metrics.books import OPENING
from analysis.tables import Tables
from tests.fixtures.small_tables import context, tables

Table = pd.DataFrame


def without(table: Table, **where: object) -> Table:
    """The table without the first row that has these values."""
    match = np.logical_and.reduce([(table[c] == v).fillna(False).to_numpy(bool) for c, v in where.items()])
    return table.drop(index=int(np.flatnonzero(match)[0])).reset_index(drop=True)


def put(table: Table, column: str, value: object, **where: object) -> Table:
    """The table with another value in the first row that has these values."""
    match = np.logical_and.reduce([(table[c] == v).fillna(False).to_numpy(bool) for c, v in where.items()])
    made = table.copy()
    made.loc[int(np.flatnonzero(match)[0]), column] = value
    return made


def brought_in(table: Table, rows: pd.Series) -> Table:
    """The ledger with some postings as if they stood at the start."""
    return table.assign(memo=table["memo"].astype(object).mask(rows, OPENING), time=table["time"].mask(rows, 0.0))


BREAKS: dict[str, tuple[str, Callable[[Table], Table]]] = {
    "leads": ("accounts", lambda t: put(t, "last_stage", "pool", account=4)),
    "customers": ("events", lambda t: without(t, activity="churned", account=1)),
    "opportunities": ("opportunities", lambda t: put(t, "closed", pd.Timestamp("2025-01-02"), account=0)),
    "stages": ("events", lambda t: without(t, activity="finished", stage="sales", account=3)),
    "mrr_bridge": ("subscriptions", lambda t: put(t, "ended", pd.Timestamp("2028-01-01"), account=3)),
    "product_bridge": (
        "subscriptions",
        lambda t: put(
            put(t.astype({"product": "object"}), "product", "other", contract=5), "product", None, contract=1
        ),
    ),
    "terms": ("subscriptions", lambda t: put(t, "start", pd.Timestamp("2025-07-01"), contract=1)),
    "receivable": ("events", lambda t: without(t, activity="paid", account=0)),
    "billing": ("ledger", lambda t: put(t, "amount", 59_999, credit="deferred_revenue", account=1)),
    "cash": ("ledger", lambda t: put(t, "amount", 119_999, credit="receivable", account=0)),
    "deferred_revenue": ("subscriptions", lambda t: put(t, "end", pd.Timestamp("2027-06-07"), contract=5)),
    "opening": ("ledger", lambda t: brought_in(t, t["debit"] == "receivable")),
    "ledger": ("ledger", lambda t: put(t, "amount", 0, debit="fixed_cost")),
    "capacity": ("staffing", lambda t: put(t, "busy_hours", 160.1, desk="sales")),
    "event_order": ("events", lambda t: put(t, "time", 731.0, activity="touched", account=4)),
    "first_dates": ("accounts", lambda t: put(t, "paid_at", pd.Timestamp("2025-02-05"), account=0)),
}


def test_all_hold_for_the_story() -> None:
    found = check(tables(), context())
    assert found["identity"].tolist() == list(IDENTITIES)
    assert found.loc[~found["holds"], "identity"].tolist() == []
    assert (found["gap"] < 1e-9).all()


def test_all_hold_for_nothing() -> None:
    story = tables()
    untouched = story["accounts"].assign(
        customer=False, last_stage=None, **dict.fromkeys(("touched_at", "signed_at", "paid_at", "churned_at"), pd.NaT)
    )
    assert check(Tables({"accounts": untouched}), context())["holds"].all()


def test_each_has_a_way_to_fail() -> None:
    assert set(BREAKS) == set(IDENTITIES)


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_one_is_found(name: str) -> None:
    table, damage = BREAKS[name]
    found = check(tables(**{table: damage(tables()[table])}), context()).set_index("identity")
    assert not found.loc[name, "holds"]
    assert found.loc[name, "gap"] > 0


def test_a_cent_of_rounding_per_term_is_allowed() -> None:
    story = tables()["subscriptions"]
    moved = put(story, "amount", 600_001, contract=5)
    found = check(tables(subscriptions=moved), context()).set_index("identity")
    assert found.loc["deferred_revenue", "holds"]


def test_work_under_way_is_finished_when_heads_are_reduced() -> None:
    staffing = tables()["staffing"]
    fewer = staffing.assign(heads=[2.0, 1.0, 1.0, 1.0], capacity_hours=[320.0, 160.0, 80.0, 80.0])
    fewer = fewer.assign(busy_hours=[300.0, 250.0, 20.0, 20.0])
    assert check(tables(staffing=fewer), context()).set_index("identity").loc["capacity", "holds"]


def test_replications_are_collected() -> None:
    story = tables()
    names = ("accounts", "opportunities", "subscriptions", "events", "ledger", "staffing", "monthly")
    damaged = {**{n: story[n] for n in names}, "events": BREAKS["receivable"][1](story["events"])}
    both = {n: pd.concat([story[n], damaged[n].assign(replication=np.int32(1))], ignore_index=True) for n in names}
    found = collect(check(tables(**both), context())).set_index("identity")
    assert list(found.columns) == ["replications", "max_gap", "holds"]
    assert (found["replications"] == 2).all()
    assert found.loc["receivable", "max_gap"] == pytest.approx(1200)
    assert not found.loc["receivable", "holds"]
    assert found.loc["leads", "holds"]
