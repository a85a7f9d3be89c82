"""Columns of the workbook: every month once, in whole fiscal years and in what stands around them."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.metrics.periods import YEAR, Calendar, Groups
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
