"""Cells of a file of series become dates and numbers, or a reason why they cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from scenarios.errors import InputError, shown

YEARS = (1700, 2200)
"""Years that a date may lie in."""

LARGEST = 1e15
"""Largest magnitude of a value: beyond it a float no longer holds single cents."""

MISSING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "-"}
"""Cells that say that a value is missing, in lower case."""

_ISO = re.compile(
    r"(?P<year>\d{4})(?:[-/.](?P<month>\d{1,2})(?:[-/.](?P<day>\d{1,2})"
    r"(?:[ T](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?\s*(?P<zone>Z|[+-]\d\d:?\d\d)?)?)?)?"
)
_COMPACT = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})?")
_QUARTER = re.compile(r"(?P<year>\d{4})-?[Qq](?P<quarter>[1-4])")
_WEEK = re.compile(r"(?P<year>\d{4})-?W(?P<week>\d{2})")
_DAY_OR_MONTH_FIRST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})[-/.](\d{4}|\d{2})(?:[ T].*)?")
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d+,\d+")
_MONEY = r"(?:[A-Z]{3}|[$€£¥￥])?"
_ZONE_FORMAT = re.compile(r"%[zZ]")


@dataclass(frozen=True)
class Date:
    """A date that was read, with the time zone it bore, or the reason why it could not be."""

    when: datetime | None = None
    zone: str = ""
    reason: str = ""


def read_dates(texts: Sequence[str], date_format: str | None, lines: Sequence[int]) -> tuple[list[Date], list[str]]:
    """Dates of cells, and warnings.

    Parameters
    ----------
    texts : sequence of str
    date_format : str, optional
        As for ``strptime``; without it the year comes first.
    lines : sequence of int
        Line of each cell, for messages.

    Raises
    ------
    InputError
        If most dates do not begin with the year and no format is given, or they bear several time zones.
    """
    read = _iso if date_format is None else _by_format(date_format)
    known = {text: read(text.strip()) for text in dict.fromkeys(texts)}
    found = [known[text] for text in texts]
    if date_format is None:
        _check_order(texts, known)
    zones: dict[str, int] = {}
    for date, line in zip(found, lines, strict=True):
        if date.when is not None:
            zones.setdefault(date.zone, line)
    if len(zones) > 1:
        got = " and ".join(f"{zone or 'none'} in line {line}" for zone, line in list(zones.items())[:3])
        raise InputError([f"forecast.columns.ds: has several time zones, got {got}; the same in all rows, or none"])
    zone = next(iter(zones), "")
    return found, [f"dates bear the time zone {zone}; they are taken as local times"] if zone else []


def _check_order(texts: Sequence[str], known: dict[str, Date]) -> None:
    """Ask for a format where most dates begin with a day or a month."""
    other = [match for text in texts if known[text].when is None and (match := _DAY_OR_MONTH_FIRST.match(text.strip()))]
    if 2 * len(other) <= len(texts):
        return
    mark, year = other[0][2], "%Y" if len(other[0][4]) == 4 else "%y"
    formats = {"%d": f"%d{mark}%m{mark}{year}", "%m": f"%m{mark}%d{mark}{year}"}
    day, month = any(int(m[1]) > 12 for m in other), any(int(m[3]) > 12 for m in other)
    likely = [formats["%d"]] if day and not month else [formats["%m"]] if month and not day else [*formats.values()]
    right = " or ".join(f"forecast.date_format='{each}'" for each in likely)
    raise InputError([f"forecast.date_format: is needed, got {shown(other[0].string)}: day or month first; {right}"])


def _iso(text: str) -> Date:
    """A date that begins with the year."""
    if not text:
        return Date(reason="has no date")
    try:
        if match := _ISO.fullmatch(text):
            parts = [int(match[name] or least) for name, least in _PARTS]
            zone = (match["zone"] or "").replace("Z", "+00:00")
            return _within(datetime(*parts), zone if len(zone) != 5 else f"{zone[:3]}:{zone[3:]}")  # type: ignore[arg-type]
        if match := _COMPACT.fullmatch(text):
            return _within(datetime(int(match["year"]), int(match["month"]), int(match["day"] or 1)))
        if match := _QUARTER.fullmatch(text):
            return _within(datetime(int(match["year"]), 3 * int(match["quarter"]) - 2, 1))
        if match := _WEEK.fullmatch(text):
            return _within(datetime.fromisocalendar(int(match["year"]), int(match["week"]), 1))
    except ValueError:
        pass
    return Date(reason=f"{shown(text)} is no date with the year first")


_PARTS = (("year", 1), ("month", 1), ("day", 1), ("hour", 0), ("minute", 0), ("second", 0))


def _within(when: datetime, zone: str = "") -> Date:
    low, high = YEARS
    if not low <= when.year <= high:
        return Date(reason=f"the year {when.year} lies outside {low} to {high}")
    return Date(when, zone)


def _by_format(date_format: str) -> Callable[[str], Date]:
    """A reader of dates of one format, which is tried on a date first.

    Raises
    ------
    InputError
        If the format does not give back what it wrote.
    """
    probe = datetime(2021, 11, 23)
    try:
        back = datetime.strptime(probe.strftime(date_format), date_format)
        usable = (back.year, back.month) == (2021, 11)
    except (ValueError, TypeError):
        usable = False
    if not usable or _ZONE_FORMAT.search(date_format):
        got, right = shown(date_format), "%d/%m/%Y, %Y-%m-%d %H:%M, ..."
        raise InputError([f"forecast.date_format: is no format of a local date, got {got}; {right}"])

    def read(text: str) -> Date:
        try:
            return _within(datetime.strptime(text, date_format))
        except ValueError:
            return Date(reason=f"{shown(text)} is no date of the form {date_format}" if text else "has no date")

    return read


def read_numbers(
    texts: Sequence[str], decimal: str | None, lines: Sequence[int]
) -> tuple[list[float | str], list[str]]:
    """Numbers of cells, NaN for missing ones, a reason for those that are none; and warnings.

    Parameters
    ----------
    texts : sequence of str
    decimal : {".", ","}, optional
        Declared: numbers may bear a currency and groups of three digits. Without it they are plain, and a decimal
        comma is found where it cannot be anything else.
    lines : sequence of int
        Line of each cell, for messages.

    Raises
    ------
    InputError
        If commas may part thousands as well as decimals.
    """
    stripped = [text.strip() for text in texts]
    if decimal is not None:
        pattern = _declared(decimal)
        return [_number(text, pattern, decimal) for text in stripped], []
    if comma := _has_decimal_comma(stripped, lines):
        stripped = [text.replace(",", ".") if _COMMA.fullmatch(text) else text for text in stripped]
    _check_groups(stripped, lines)
    warnings = ["numbers have a decimal comma"] if comma else []
    return [_number(text, _PLAIN, ".") for text in stripped], warnings


def _has_decimal_comma(texts: Sequence[str], lines: Sequence[int]) -> bool:
    """Whether plain numbers of these cells have a decimal comma."""
    commas = [(text, line) for text, line in zip(texts, lines, strict=True) if "," in text and _COMMA.fullmatch(text)]
    if not commas:
        return False
    if all(len(text.partition(",")[2]) == 3 for text, _ in commas):
        text, line = commas[0]
        right = f"',' for {text.replace(',', '.')} or '.' for {text.replace(',', '')}"
        raise InputError([f"forecast.decimal: is needed, got {shown(text)} in line {line}; {right}"])
    return not any("." in text for text in texts)


def _check_groups(texts: Sequence[str], lines: Sequence[int]) -> None:
    """Ask for the decimal mark where most numbers bear groups or a currency."""
    other = [(text, line) for text, line in zip(texts, lines, strict=True) if not _PLAIN.fullmatch(text)]
    if 2 * len(other) <= len(texts):
        return
    for decimal in (".", ","):
        pattern = _declared(decimal)
        fits = [(text, line) for text, line in other if pattern.fullmatch(text)]
        if 2 * len(fits) > len(texts):
            text, line = next((each for each in fits if decimal in each[0]), fits[0])
            right = f"forecast.decimal='\"{decimal}\"' for {_plain(text, decimal):.15g}"
            raise InputError([f"forecast.decimal: is needed, got {shown(text)} in line {line}; {right}"])


def _declared(decimal: str) -> re.Pattern[str]:
    """Numbers with a currency before or behind them, and groups of three digits."""
    group = "[,' \u00a0\u202f]" if decimal == "." else "[.' \u00a0\u202f]"
    digits = rf"(?:\d{{1,3}}(?:{group}\d{{3}})+|\d+)(?:{re.escape(decimal)}\d*)?"
    return re.compile(rf"(?:[+-]?\s*{_MONEY}\s*|{_MONEY}\s*[+-]){digits}\s*{_MONEY}")


def _number(text: str, pattern: re.Pattern[str], decimal: str) -> float | str:
    if not pattern.fullmatch(text):
        if text.lower() in MISSING:
            return float("nan")
        return f"{shown(text)} is no number" + (", or forecast.decimal is needed" if "," in text else "")
    value = float(text) if pattern is _PLAIN else _plain(text, decimal)
    return value if abs(value) <= LARGEST else f"{shown(text)} is larger than {LARGEST:g}"


def _plain(text: str, decimal: str) -> float:
    kept = "".join(c for c in text if c.isdigit() or c in "+-" or c == decimal)
    return float(kept.replace(decimal, "."))
