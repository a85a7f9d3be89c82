"""Periods as a plan names them: a month, a quarter, a fiscal year, or the horizon.

``2027-03`` is a month; ``2027-Q1`` the three months that end in March 2027; ``FY2027`` the fiscal year that ends in
2027, as in the summary of a run, and ``FY2027-Q1`` its first quarter; ``horizon`` the whole time. A date stands for its
month, because a spreadsheet keeps months as dates.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from analysis.metrics.periods import HORIZON, MONTH, QUARTER, YEAR, Calendar

FORMS = "2027-03, 2027-Q1, FY2027 or horizon"
"""How periods are written."""

YEAR_END = 12
"""Month in which a fiscal year ends unless the run says otherwise."""


@dataclass(frozen=True)
class Period:
    """A period of a plan.

    Attributes
    ----------
    kind : str
        As in the metrics table.
    end : str
        Last month, ``YYYY-MM``; empty for the horizon.
    text : str
        As it is written in full.
    """

    kind: str
    end: str
    text: str


def read_period(text: str, year_end: int = YEAR_END) -> Period:
    """The period that a text names.

    Parameters
    ----------
    text : str
        See the module; upper and lower case and spaces do not matter.
    year_end : int
        Month in which fiscal years end.

    Raises
    ------
    ValueError
        Says what would be right.
    """
    plain = re.sub(r"\s+", "", text).upper()
    for form, make in _FORMS:
        if found := form.fullmatch(plain):
            return make(found, year_end)
    raise ValueError(_nearest(plain))


def _horizon(_: re.Match[str], year_end: int) -> Period:
    return Period(HORIZON, "", HORIZON)


def _month(found: re.Match[str], year_end: int) -> Period:
    year, month = int(found[1]), int(found[2])
    if not 1 <= month <= 12:
        raise ValueError(f"a month from 01 to 12, as in {year:04}-03")
    return Period(MONTH, f"{year:04}-{month:02}", f"{year:04}-{month:02}")


def _quarter(found: re.Match[str], year_end: int) -> Period:
    year, number = int(found[1]), int(found[2])
    return Period(QUARTER, f"{year:04}-{3 * number:02}", f"{year:04}-Q{number}")


def _year(found: re.Match[str], year_end: int) -> Period:
    return Period(YEAR, f"{int(found[1]):04}-{year_end:02}", f"FY{int(found[1]):04}")


def _year_quarter(found: re.Match[str], year_end: int) -> Period:
    year, number = int(found[1]), int(found[2])
    months = 12 * year + year_end - 1 - 3 * (4 - number)
    return Period(QUARTER, f"{months // 12:04}-{months % 12 + 1:02}", f"FY{year:04}-Q{number}")


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], int], Period]], ...] = (
    (re.compile(r"HORIZON"), _horizon),
    (re.compile(r"(\d{4})-(\d{2})(?:-\d{2}(?:T?00:00(?::00)?)?)?"), _month),
    (re.compile(r"(\d{4})-?Q([1-4])"), _quarter),
    (re.compile(r"FY(\d{4})"), _year),
    (re.compile(r"FY(\d{4})-?Q([1-4])"), _year_quarter),
)


def _nearest(plain: str) -> str:
    """What was probably meant."""
    year = re.search(r"(?<!\d)(\d{4})(?!\d)", plain)
    if not year:
        return FORMS
    rest = plain.replace(year[1], "", 1)
    number = re.search(r"\d{1,2}", rest)
    if "Q" in rest and number and 1 <= int(number[0]) <= 4:
        return f"did you mean {year[1]}-Q{int(number[0])}?"
    if re.fullmatch(r"[-/.]?\d{1,2}[-/.]?", rest) and number and 1 <= int(number[0]) <= 12:
        return f"did you mean {year[1]}-{int(number[0]):02}?"
    if re.fullmatch(r"[-/]?[A-Z]{0,2}[-/]?", rest):
        return f"did you mean FY{year[1]}?"
    return FORMS


def ends(calendar: Calendar, kind: str) -> list[str]:
    """Last months (``YYYY-MM``) of the periods of one kind that a horizon holds in full; ``""`` of the horizon."""
    if kind == HORIZON:
        return [""]
    return [str(month) for month in calendar.groups[kind].ends.astype("datetime64[M]")]


def year_end(calendar: Calendar) -> int:
    """Month in which the fiscal years of a horizon end."""
    last = calendar.origin.astype("datetime64[M]") + calendar.offset - 1
    return int(last.item().month)
