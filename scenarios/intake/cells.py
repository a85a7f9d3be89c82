"""Cells of text become dates, amounts, counts and codes; what cannot be read says why."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from scenarios.errors import shown
from sim.spec.opening_source import OpeningFile

MOST = 1e15
"""Amounts and counts beyond it are mistakes."""

BLANK = float("nan")


class Unreadable(ValueError):
    """A cell that cannot be used; its text is the reason."""


@dataclass(frozen=True)
class Reader:
    """Reads the cells of one file.

    Attributes
    ----------
    file : OpeningFile
    start : datetime
        Day 0.
    date : callable
        Reads a date.
    """

    file: OpeningFile
    start: datetime
    date: Callable[[str], datetime]

    def text(self, cell: str) -> str:
        """As it stands there, blanks around it left out."""
        return cell.strip()

    def past(self, cell: str) -> float:
        """A date not after the opening, in days from it."""
        day = self.day(cell)
        if day > 0:
            raise Unreadable("lies after the opening")
        return day

    def day(self, cell: str) -> float:
        """A date, in days from the opening; NaN for an empty cell."""
        if not cell.strip():
            return BLANK
        try:
            return (self.date(cell.strip()) - self.start) / timedelta(days=1)
        except (ValueError, TypeError, OverflowError):
            raise Unreadable(f"is no date of the form {self.file.date_format}") from None

    def money(self, cell: str) -> float:
        """An amount above zero, in major units; NaN for an empty cell."""
        value = self.signed(cell)
        if value <= 0:
            raise Unreadable("is not above zero")
        return value

    def signed(self, cell: str) -> float:
        """Any amount, in major units; NaN for an empty cell."""
        text = cell.strip()
        if not text:
            return BLANK
        if not (match := _pattern(self.file).fullmatch(text)):
            raise Unreadable(_hint(text, self.file))
        digits = match["digits"].replace(self.file.thousands, "") if self.file.thousands else match["digits"]
        value = float(match["sign"] + digits.replace(self.file.decimal, "."))
        if abs(value) >= MOST:
            raise Unreadable("is beyond 1e15")
        return value

    def share(self, cell: str) -> float:
        """A number from 0 to 1; NaN for an empty cell."""
        value = self.signed(cell)
        if not math.isnan(value) and not 0 <= value <= 1:
            raise Unreadable("is not between 0 and 1")
        return value


def _pattern(file: OpeningFile) -> re.Pattern[str]:
    point, group = re.escape(file.decimal), re.escape(file.thousands)
    whole = rf"(?:[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]+)" if group else "[0-9]+"
    number = rf"(?P<digits>{whole}(?:{point}[0-9]*)?|{point}[0-9]+)"
    sign = rf"(?:{re.escape(file.currency)}\s*)?" if file.currency else ""
    after = rf"(?:\s*{re.escape(file.currency)})?" if file.currency else ""
    return re.compile(rf"(?P<sign>[-+]?){sign}{number}{after}")


def _hint(text: str, file: OpeningFile) -> str:
    """Why an amount cannot be read, with the setting that would read it."""
    if re.fullmatch(r"[-+]?[0-9]+,[0-9]{1,2}", text) and file.decimal == ".":
        return "is no number (a decimal comma needs decimal: ',')"
    if re.search(r"[0-9]", text) and re.fullmatch(r"[-+0-9.,' \u00a0]*", text):
        return "is no number (groups of digits need thousands: ',')"
    if re.fullmatch(r"[-+]?(?:[^\w\s=+@-]{1,3}|[A-Z]{3})\s*[0-9].*|[-+0-9.,']+\s*(?:[^\w\s]{1,3}|[A-Z]{3})", text):
        return "is no number (a currency needs currency: '$')"
    return "is no number"


def date_reader(date_format: str) -> Callable[[str], datetime] | None:
    """A reader of dates; the format itself is tried on a date first, None if it is no format of a local date."""
    known: dict[str, datetime] = {}
    try:
        if "%z" in date_format or "%Z" in date_format:
            return None
        datetime.strptime(datetime(2020, 2, 29, 10).strftime(date_format), date_format)
        if datetime.strptime(datetime(2021, 11, 23).strftime(date_format), date_format).date() != date(2021, 11, 23):
            return None
    except (ValueError, TypeError, re.error):
        return None

    def read(text: str) -> datetime:
        if text not in known:
            known[text] = datetime.strptime(text.strip(), date_format)
        return known[text]

    return read


def bad_format(where: str, date_format: str) -> str:
    """What to say of a date format that is none."""
    return f"{where}: is no format of a local date, got {shown(date_format)}; %Y-%m-%d, %d/%m/%Y, ..."
