"""Names of the columns of a workbook: months, and the fiscal years made of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.metrics.periods import YEAR, Calendar


def month_names(calendar: Calendar) -> list[str]:
    """``2025-01`` of every month; one that the horizon cuts off bears its last day."""
    first = calendar.origin.astype("datetime64[M]")
    names = [str(first + month) for month in range(calendar.months)]
    if calendar.months > calendar.complete:
        last = calendar.origin.astype("datetime64[D]") + int(np.ceil(calendar.days)) - 1
        names[-1] = f"to {last}"
    return names


def years(calendar: Calendar) -> Iterator[tuple[str, int, int]]:
    """Name, first and last month of every fiscal year, of months before the first one, and of those after the last."""
    groups = calendar.groups[YEAR]
    names, after = month_names(calendar), 0
    for first, last, end in zip(groups.first.tolist(), groups.last.tolist(), groups.ends, strict=True):
        if first > after:
            yield f"{names[after]} to {names[first - 1]}", after, first - 1
        yield f"year to {str(end)[:10]}", first, last
        after = last + 1
    if after < calendar.months:
        yield f"from {names[after]} on", after, calendar.months - 1
