"""Dates as values of a key: a range of them is a list, month by month unless it says how many."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from scenarios.errors import InputError, shown

MOST = 1000
"""Dates of one range."""


def as_date(value: Any) -> date | None:
    """The date of a text as YYYY-MM-DD; None for anything else."""
    try:
        return date.fromisoformat(value) if len(value) == 10 else None
    except (TypeError, ValueError):
        return None


def date_range(where: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    """Dates from ``low`` to ``high``: ``levels`` of them at equal distances, else one in each month from ``low`` on.

    Raises
    ------
    InputError
    """
    for name in ("log", "integer"):
        if given.get(name):
            raise _wrong(f"{where}.{name}", "is for numbers", shown(given[name]), "nothing: the key is a date")
    low, high = (_end(where, given, name) for name in ("low", "high"))
    if low >= high:
        raise _wrong(where, "is an empty range", f"low {low}, high {high}", "low before high")
    levels = given.get("levels")
    if levels is not None and (isinstance(levels, bool) or not isinstance(levels, int) or not 2 <= levels <= MOST):
        raise _wrong(f"{where}.levels", f"must be a whole number from 2 to {MOST}", shown(levels), "levels: 5")
    found = (
        list(_monthly(low, high)) if levels is None else [_between(low, high, k / (levels - 1)) for k in range(levels)]
    )
    if len(found) < 2 or len(found) > MOST:
        raise _wrong(where, f"makes {len(found)} dates", f"low {low}, high {high}", "levels: 5")
    return tuple(dict.fromkeys(day.isoformat() for day in found))


def _end(where: str, given: Mapping[str, Any], name: str) -> date:
    found = as_date(given.get(name))
    if found is None:
        raise _wrong(f"{where}.{name}", "is no date", shown(given.get(name)), "YYYY-MM-DD")
    return found


def _monthly(low: date, high: date) -> Iterator[date]:
    """The same day of every month, its last one where the month is shorter."""
    for month in range(low.year * 12 + low.month - 1, high.year * 12 + high.month):
        year, place = divmod(month, 12)
        day = date(year, place + 1, min(low.day, monthrange(year, place + 1)[1]))
        if day <= high:
            yield day


def _between(low: date, high: date, share: float) -> date:
    return low + timedelta(round((high - low).days * share))


def _wrong(where: str, what: str, got: str, right: str) -> InputError:
    return InputError([f"{where}: {what}, got {got}; {right}"])
