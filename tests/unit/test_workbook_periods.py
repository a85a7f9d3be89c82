"""Columns of the workbook: every month once, in whole fiscal years and in what stands around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.metrics.periods import YEAR, Calendar, Groups
from analysis.statements import statements
from scenarios.runs.exports.workbook.accounts import balance_sheet, cash_sheet, income_sheet
from scenarios.runs.exports.workbook.book import Book
from scenarios.runs.exports.workbook.periods import month_names, years


def with_years(calendar: Calendar, first: list[int]) -> Calendar:
    """The calendar with fiscal years from these months on."""
    starts = np.array(first)
    ends = np.array([np.datetime64("2025-01-01", "M") + month + 12 for month in first]).astype("datetime64[D]")
    groups = Groups(starts, starts + 11, (ends - 1).astype("datetime64[us]"), np.full(len(first), 365.0))
    calendar.groups[YEAR] = groups
    return calendar


def test_a_month_that_is_cut_off_bears_its_last_day() -> None:
    assert month_names(Calendar("2025-01-01", 60)) == ["2025-01", "2025-02", "to 2025-03-01"]
    assert month_names(Calendar("2025-01-01", 59)) == ["2025-01", "2025-02"]
    assert month_names(Calendar("2025-01-17", 15)) == ["2025-01"]


@pytest.mark.parametrize(
    ("days", "first", "expected"),
    [
        (730, [0, 12], [("year to 2025-12-31", 0, 11), ("year to 2026-12-31", 12, 23)]),
        (500, [0], [("year to 2025-12-31", 0, 11), ("from 2026-01 on", 12, 16)]),
        (90, [], [("from 2025-01 on", 0, 2)]),
        (730, [3], [("2025-01 to 2025-03", 0, 2), ("year to 2026-03-31", 3, 14), ("from 2026-04 on", 15, 23)]),
    ],
)
def test_years_and_what_is_around_them(days: int, first: list[int], expected: list[tuple[str, int, int]]) -> None:
    calendar = with_years(Calendar("2025-01-01", days), first)
    found = list(years(calendar))
    assert found == expected
    assert [month for _, a, b in found for month in range(a, b + 1)] == list(range(calendar.months))


def test_books_without_a_movement_of_cash_have_a_line_of_it(tmp_path: Path) -> None:
    """A horizon of days in which something is invoiced and nothing paid yet."""
    columns = ["replication", "time", "debit", "credit", "amount", "memo"]
    rows = pd.DataFrame([(0, 1.0, "receivable", "deferred_revenue", 600, "")], columns=columns)
    books, book = statements(rows, Calendar("2025-01-01", 20)), Book(tmp_path / "a.xlsx", "a")
    income, balances = income_sheet(book, books), balance_sheet(book, books)
    cash_sheet(book, books, income, balances)
    book.close()
    assert [balances[name].values.tolist() for name in ("cash", "receivable")] == [[0, 0], [0, 6]]
