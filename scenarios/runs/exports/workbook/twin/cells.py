"""Arithmetic that is a formula and a value at once, so that what a cell says and what it shows cannot part.

An expression has a text and a value for every month; those of a single number are the same in every month. A line is
an expression in a row of its own, to which others then refer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np
from xlsxwriter.utility import quote_sheetname, xl_col_to_name

from scenarios.runs.exports.workbook.book import Sheet

TextAt = Callable[[int, str], str]
"""Month and the sheet on which the text will stand to a text."""


@dataclass(frozen=True, eq=False)
class Expr:
    """Text and value by month; ``known`` is the number of a literal."""

    text: TextAt
    value: Callable[[int], float]
    known: float | None = None

    def __add__(self, other: Expr | float) -> Expr:
        other = of(other)
        if self.known == 0:
            return other
        return self if other.known == 0 else _joined(self, "+", other, lambda a, b: a + b)

    def __sub__(self, other: Expr | float) -> Expr:
        other = of(other)
        return self if other.known == 0 else _joined(self, "-", other, lambda a, b: a - b)

    def __mul__(self, other: Expr | float) -> Expr:
        other = of(other)
        if self.known == 0 or other.known == 0:
            return of(0.0)
        if self.known == 1:
            return other
        return self if other.known == 1 else _joined(self, "*", other, lambda a, b: a * b)

    def __truediv__(self, other: Expr | float) -> Expr:
        other = of(other)
        return self if other.known == 1 else _joined(self, "/", other, lambda a, b: a / b)

    def __pow__(self, other: Expr | float) -> Expr:
        return _joined(self, "^", of(other), lambda a, b: a**b)

    def __rsub__(self, other: float) -> Expr:
        return of(other) - self

    def __rmul__(self, other: float) -> Expr:
        return self * other


def _joined(a: Expr, sign: str, b: Expr, work: Callable[[float, float], float]) -> Expr:
    if a.known is not None and b.known is not None:
        return of(work(a.known, b.known))
    return Expr(lambda m, home: f"({a.text(m, home)}{sign}{b.text(m, home)})", lambda m: work(a.value(m), b.value(m)))


def of(number: Expr | float) -> Expr:
    """An expression, or a literal."""
    if isinstance(number, Expr):
        return number
    value = float(number)
    return Expr(lambda m, home: repr(value).removesuffix(".0").upper(), lambda m: value, value)


def number_at(address: str, value: float) -> Expr:
    """The number in a cell, for all months."""
    return Expr(lambda m, home: address, lambda m: value)


def total(terms: Iterable[Expr]) -> Expr:
    """Sum of expressions, 0 of none."""
    return reduce(lambda a, b: a + b, terms, of(0.0))


def called(name: str, work: Callable[..., float], *given: Expr | float) -> Expr:
    """A function of the spreadsheet, with the function of Python that it equals."""
    terms = [of(g) for g in given]
    return Expr(
        lambda m, home: f"{name}({','.join(t.text(m, home) for t in terms)})",
        lambda m: work(*(t.value(m) for t in terms)),
    )


def ratio(above: Expr, below: Expr) -> Expr:
    """A quotient, 0 where the divisor is not positive."""

    def value(m: int) -> float:
        divisor = below.value(m)
        return above.value(m) / divisor if divisor > 0 else 0.0

    def text(m: int, home: str) -> str:
        divisor = below.text(m, home)
        return f"IF({divisor}>0,{above.text(m, home)}/{divisor},0)"

    return Expr(text, value)


class Cells(Expr):
    """A line of a grid. ``define`` says what it is; until then others may already refer to it."""

    def __init__(self, grid: Grid, row: int) -> None:
        super().__init__(self._address, self._known)
        object.__setattr__(self, "grid", grid)
        object.__setattr__(self, "row", row)
        object.__setattr__(self, "made", {})
        object.__setattr__(self, "content", None)

    grid: Grid
    row: int
    made: dict[int, float]
    content: Expr | None

    def define(self, content: Expr) -> Cells:
        """Say what the line is."""
        object.__setattr__(self, "content", content)
        return self

    def _address(self, m: int, home: str) -> str:
        where = "" if home == self.grid.name else f"{quote_sheetname(self.grid.name)}!"
        return f"{where}{self.grid.column(m)}{self.row + 1}"

    def _known(self, m: int) -> float:
        if m not in self.made:
            assert self.content is not None, f"row {self.row + 1} of {self.grid.name} is not defined"
            self.made[m] = self.content.value(m)
        return self.made[m]

    def before(self) -> Expr:
        """Last month's figure, 0 in the first month."""
        return Expr(lambda m, home: self.text(m - 1, home) if m else "0", lambda m: self.value(m - 1) if m else 0.0)

    def span(self, m: int) -> str:
        """Addresses from the first month to month ``m``, on the same sheet."""
        return f"${self.grid.column(0)}{self.row + 1}:{self.grid.column(m)}{self.row + 1}"

    def lag(self, months: Expr, least: int = 0) -> Expr:
        """What came so many months ago, a part of a month counted as such: inflow is even within a month.

        With ``least`` 1 the delay must not be under one month, and the text refers to no figure of the same month.
        """

        def text(m: int, home: str) -> str:
            if m < least:
                return "0"
            d, n, span = months.text(m, home), f"{self.grid.column(m)}${self.grid.number_row}", self.span(m - least)
            whole = f"IF({n}>INT({d}),INDEX({span},{n}-INT({d})),0)"
            part = f"IF({n}>INT({d})+1,INDEX({span},{n}-INT({d})-1),0)"
            return f"((1-MOD({d},1))*{whole}+MOD({d},1)*{part})"

        def value(m: int) -> float:
            d = months.value(m)
            k, f = math.floor(d), d % 1
            return (1 - f) * (self.value(m - k) if m >= k else 0.0) + f * (self.value(m - k - 1) if m > k else 0.0)

        return Expr(text, value)


class Grid:
    """Lines by month on one sheet, written when all of them are defined.

    Parameters
    ----------
    sheet : Sheet
        Its next free row is the first, and numbers the months.
    months : int
    """

    def __init__(self, sheet: Sheet, months: int) -> None:
        self.sheet, self.name, self.months = sheet, sheet.name, months
        self.lines: list[tuple[Cells, str, str, str, bool]] = []
        self.sections: list[tuple[int, str]] = []
        self.number_row = sheet.row + 1
        self.constants("Month", np.arange(1, months + 1), form="whole")

    def column(self, m: int) -> str:
        """Letters of the column of a month."""
        return str(xl_col_to_name(Sheet.FIRST + m))

    def section(self, name: str) -> None:
        """Name of the lines that follow."""
        self.sections.append((self.sheet.row + 1, name))
        self.sheet.row += 2

    def declare(self, label: str, note: str = "", form: str = "count", *, bold: bool = False) -> Cells:
        """A line that is defined later."""
        line = Cells(self, self.sheet.row)
        self.lines.append((line, label, note, form, bold))
        self.sheet.row += 1
        return line

    def line(self, label: str, content: Expr, note: str = "", form: str = "count", *, bold: bool = False) -> Cells:
        """A line."""
        return self.declare(label, note, form, bold=bold).define(content)

    def constants(self, label: str, values: np.ndarray, note: str = "", form: str = "count") -> Cells:
        """A line of numbers."""
        figures = [float(value) for value in values]
        return self.line(label, Expr(lambda m, home: repr(figures[m]).upper(), lambda m: figures[m]), note, form)

    def evaluate(self) -> None:
        """Work out all figures month by month, so that no line has to be followed far back."""
        for m in range(self.months):
            for line, *_ in self.lines:
                line.value(m)

    def write(self) -> None:
        """Put everything on the sheet."""
        end = self.sheet.row
        for row, name in self.sections:
            self.sheet.text(row, 0, name, "section")
        for line, label, note, form, bold in self.lines:
            self.sheet.row = line.row
            content = line.content
            assert content is not None
            values = np.array([line.value(m) for m in range(self.months)])
            text = lambda m, content=content: content.text(m, self.name)  # noqa: E731
            self.sheet.formulas(label, text, values, form, note=note, bold=bold)
        self.sheet.row = end
