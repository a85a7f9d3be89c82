"""Inputs as cells, and what a spreadsheet makes of them: one average for every distribution."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlsxwriter.utility import quote_sheetname, xl_col_to_name

from scenarios.runs.derive import INPUTS as COLUMNS
from scenarios.runs.exports.workbook.book import Book, Sheet
from scenarios.runs.exports.workbook.operations import put
from scenarios.runs.exports.workbook.twin.cells import Expr, called, number_at, of
from scenarios.studies.build import origin
from scenarios.studies.resolve import dotted

if TYPE_CHECKING:
    from scenarios.studies.study import Study

INPUTS, MEANS = "Inputs", "Twin means"
VALUE = 1
"""Column of the values of inputs."""


class Inputs:
    """Numbers that entered the run, by key: the address of the cell and the value in it."""

    def __init__(self, known: dict[str, tuple[str, float]]) -> None:
        self.known = known

    def get(self, key: str, segment: str = "", default: float | None = None) -> Expr:
        """The cell of a key, or of its entry for a segment.

        Raises
        ------
        KeyError
            If there is no such number and no default.
        """
        for name in (f"{key}.{segment}", key):
            if name in self.known:
                return number_at(*self.known[name])
        if default is None:
            raise KeyError(key)
        return of(default)

    def mean(self, key: str, distribution: Any, segment: str) -> Expr:
        """Mean of a distribution whose parameters stand under ``key``."""

        def given(name: str) -> Expr:
            return self.get(f"{key}.{name}", segment)

        return _MEANS[distribution.kind](given)


_MEANS: dict[str, Callable[[Callable[[str], Expr]], Expr]] = {
    "fixed": lambda given: given("value"),
    "exponential": lambda given: given("mean"),
    "lognormal": lambda given: given("median") * called("EXP", math.exp, given("sigma") ** 2.0 / 2.0),
    "weibull": lambda g: (
        g("scale") * called("EXP", math.exp, called("GAMMALN", math.lgamma, of(1.0) + of(1.0) / g("shape")))
    ),
    "uniform": lambda given: (given("low") + given("high")) / 2.0,
    "triangular": lambda given: (given("low") + given("mode") + given("high")) / 3.0,
}


def inputs_sheet(book: Book, path: Path, study: Study) -> Inputs:
    """The register of inputs with its origins; a key that takes the value of another one is a formula.

    Parameters
    ----------
    book : Book
    path : Path
        ``inputs.csv`` of the run.
    study : Study
        What was run.
    """
    sheet = book.sheet(INPUTS)
    sheet.title(
        "Inputs", "Every number that entered. The twin follows what is changed in blue; the simulation does not."
    )
    for place, name in enumerate(COLUMNS):
        sheet.text(sheet.row, place, name, "head")
    sheet.page.set_column(0, 0, 56)
    sheet.page.set_column(VALUE, VALUE, 14)
    sheet.page.freeze_panes(sheet.row + 1, 1)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    first = sheet.row + 1
    places = {row["key"]: first + number for number, row in enumerate(rows)}
    known = {}
    for row in rows:
        sheet.row += 1
        value = float(row["value"])
        known[row["key"]] = (f"{INPUTS}!${xl_col_to_name(VALUE)}${sheet.row + 1}", value)
        _row(sheet, row, value, places, study)
    sheet.row += 1
    return Inputs(known)


def _row(sheet: Sheet, row: dict[str, str], value: float, places: dict[str, int], study: Study) -> None:
    key = row["key"]
    source = dotted(origin(tuple(key.split(".")), dict(study.references)))
    for place, name in enumerate(COLUMNS):
        if name != "value":
            put(sheet, place, name, row[name])
    if source != key and source in places:
        formula = f"={xl_col_to_name(VALUE)}{places[source] + 1}"
        sheet.page.write_formula(sheet.row, VALUE, formula, sheet.book.form("number"), value)
    else:
        sheet.page.write_number(sheet.row, VALUE, value, sheet.book.form("number", given=True))


class Means:
    """Averages by segment, each in a cell of its own.

    Parameters
    ----------
    book : Book
    segments : iterable of str
    """

    def __init__(self, book: Book, segments: Iterable[str]) -> None:
        self.segments = tuple(segments)
        self.sheet = book.sheet(MEANS, len(self.segments))
        self.sheet.title("Twin means", "The mean of every distribution, from the cells of Inputs.")
        self.sheet.headings(self.segments, note="unit")

    def add(self, label: str, unit: str, each: Iterable[Expr], form: str = "number") -> list[Expr]:
        """A row with one figure for every segment; the cells."""
        terms = list(each)
        row, home = self.sheet.row, self.sheet.name
        values = [term.value(0) for term in terms]
        self.sheet.formulas(label, lambda s: terms[s].text(0, home), values, form, note=unit)  # type: ignore[arg-type]
        return [_cell(row, place, value) for place, value in enumerate(values)]

    def given(self, label: str, unit: str, value: float, form: str = "number") -> Expr:
        """A number that is no input of the run, and may be changed."""
        self.sheet.text(self.sheet.row, 0, label)
        self.sheet.text(self.sheet.row, 1, unit, "note")
        self.sheet.page.write_number(self.sheet.row, Sheet.FIRST, value, self.sheet.book.form(form, given=True))
        self.sheet.row += 1
        return _cell(self.sheet.row - 1, 0, value)


def _cell(row: int, place: int, value: float) -> Expr:
    return number_at(f"{quote_sheetname(MEANS)}!${xl_col_to_name(Sheet.FIRST + place)}${row + 1}", value)
