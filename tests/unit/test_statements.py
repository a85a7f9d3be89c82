"""The books as statements: whole cents that balance, whatever the number of replications."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.metrics.books import COSTS, OPENING, REVENUE
from analysis.metrics.periods import Calendar
from analysis.statements import ASSETS, EQUITY, EXPENSES, LIABILITIES, statements, whole_mean
from sim.events import LEDGER_ACCOUNTS

CALENDAR = Calendar("2025-01-01", 100)

Posting = tuple[int, float, str, str, int]


def ledger(*rows: Posting, memo: str = "") -> pd.DataFrame:
    columns = ["replication", "time", "debit", "credit", "amount"]
    return pd.DataFrame(rows, columns=columns).assign(memo=memo)


def owned_and_owed(found: Any) -> tuple[np.ndarray, np.ndarray]:
    owned = np.sum([found.balance(name) for name in ASSETS], axis=0)
    owed = np.sum([found.balance(name) for name in (*LIABILITIES, *EQUITY)], axis=0) + found.result()
    return owned, owed


def test_every_account_of_the_ledger_stands_in_one_statement() -> None:
    named = [*ASSETS, *LIABILITIES, *EQUITY, *REVENUE, *EXPENSES]
    assert sorted(named) == sorted(LEDGER_ACCOUNTS)
    assert set(COSTS) < set(EXPENSES)


def test_a_month_by_hand() -> None:
    found = statements(
        ledger(
            (0, 0.0, "cash", "equity", 1000),
            (0, 10.0, "receivable", "deferred_revenue", 600),
            (0, 30.9, "deferred_revenue", "revenue_subscription", 50),
            (0, 40.0, "cash", "receivable", 600),
            (0, 58.9, "payroll", "cash", 300),
        ),
        CALENDAR,
    )
    assert found.balance("cash").tolist() == [0, 1000, 1300, 1300, 1300]
    assert found.balance("receivable").tolist() == [0, 600, 0, 0, 0]
    assert found.balance("deferred_revenue").tolist() == [0, 550, 550, 550, 550]
    assert found.result().tolist() == [0, 50, -250, -250, -250]
    assert found.cash_with("receivable").tolist() == [0, 0, 600, 0, 0]
    assert found.cash_with("payroll").tolist() == [0, 0, -300, 0, 0]
    assert found.used(ASSETS) == ("cash", "receivable")


def test_means_are_rounded_in_their_running_totals() -> None:
    assert whole_mean(np.array([1, 1, 1, 1]), 2).tolist() == [1, 0, 1, 0]
    assert whole_mean(np.array([-1, -1]), 2).tolist() == [0, -1]


def test_a_replication_that_books_nothing_counts_in_the_mean() -> None:
    found = statements(ledger((0, 1.0, "cash", "equity", 900), (2, 1.0, "cash", "equity", 300)), CALENDAR, [0, 1, 2])
    assert found.balance("cash").tolist() == [0, 400, 400, 400, 400]
    assert found.gains("equity")[:, 1].tolist() == [900, 0, 300]


def test_what_was_brought_in_stands_before_the_first_month() -> None:
    rows = ledger((0, 0.0, "cash", "equity", 70), (0, 0.75, "cash", "receivable", 9), memo=OPENING)
    found = statements(rows, CALENDAR)
    assert found.balance("cash").tolist() == [70, 79, 79, 79, 79]
    assert found.cash_with("equity")[1:].tolist() == [0, 0, 0, 0]


POSTINGS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.floats(0, 100),
        st.sampled_from(LEDGER_ACCOUNTS),
        st.sampled_from(LEDGER_ACCOUNTS),
        st.integers(1, 10**12),
    ).filter(lambda row: row[2] != row[3]),
    min_size=1,
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(POSTINGS)
def test_any_books_balance_to_the_cent_and_stay_near_their_exact_mean(rows: list[Posting]) -> None:
    found = statements(ledger(*rows), CALENDAR)
    owned, owed = owned_and_owed(found)
    assert (owned == owed).all()
    exact = -np.cumsum(found.gains("cash").mean(axis=0))
    assert np.abs(found.balance("cash") - exact).max() <= 0.5 * len(rows)


def test_an_account_that_no_statement_knows_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.statements.LIABILITIES", LIABILITIES[1:])
    with pytest.raises(ArithmeticError, match="do not balance"):
        statements(ledger((0, 1.0, "cash", LIABILITIES[0], 5)), CALENDAR)
