"""What every sheet of a workbook is made of: lines of constants and of live formulas, both with their values.

A formula is written together with the value it has, so that a viewer that does not calculate shows it too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.utility import quote_sheetname, xl_col_to_name

from scenarios.runs.exports.sheets import FORMULA

FORMATS: dict[str, str] = {
    "money": "#,##0;[Red]-#,##0;0", "cents": "#,##0.00;[Red]-#,##0.00;0.00", "share": "0.0%", "count": "#,##0.0",
    "number": "General", "factor": "0.0000", "whole": "0",
}  # fmt: skip
"""Number formats by name."""

EPOCH = datetime(2000, 1, 1)
"""Date of every workbook, so that the same run makes the same bytes."""

LABEL_WIDTH, NOTE_WIDTH, CELL_WIDTH = 38, 18, 13
UNMARKED, EVERYWHERE = ("formula_differs", "formula_range", "number_stored_as_text"), "A1:XFD1048576"
"""Habits that a spreadsheet marks in a corner of the cell, and that are meant here."""

A4 = 9
"""Number of the paper size in the format."""

PER_PAGE = 13
"""Columns of figures on a printed page: a year and a sum."""

LONGEST = 32_000
"""Characters of a cell's text; the format holds 32,767."""

_RISKY = re.compile(FORMULA)

Text = Callable[[int], str]


def guarded(text: str) -> str:
    """Text that no spreadsheet calculates, not even after it went through a CSV file."""
    text = text[:LONGEST]
    return f"'{text}" if _RISKY.match(text) else text


@dataclass(frozen=True, eq=False)
class Line:
    """A row of figures on a sheet.

    Attributes
    ----------
    sheet : str
        Name of the sheet.
    row : int
        Row, counted from 0.
    first : int
        Column of the first figure.
    values : float array
        Figures as shown.
    label : str
        What it says in front.
    """

    sheet: str
    row: int
    first: int
    values: np.ndarray
    label: str = ""

    def cell(self, place: int) -> str:
        """Address of a figure on the same sheet."""
        return f"{xl_col_to_name(self.first + place)}{self.row + 1}"

    def outer(self, place: int) -> str:
        """Address of a figure from another sheet."""
        return f"{quote_sheetname(self.sheet)}!{self.cell(place)}"

    def span(self, first: int, last: int) -> str:
        """Addresses of consecutive figures from another sheet."""
        return f"{self.outer(first)}:{self.cell(last)}"


class Sheet:
    """A sheet that grows downwards: a title, headings, then lines.

    Parameters
    ----------
    book : Book
    name : str
        At most 31 characters.
    columns : int
        Figures of a line.
    """

    FIRST = 2
    """Column of the first figure, after label and note."""

    def __init__(self, book: Book, name: str, columns: int) -> None:
        self.book, self.name, self.columns, self.row = book, name, columns, 0
        self.page = book.file.add_worksheet(name)
        self.page.ignore_errors(dict.fromkeys(UNMARKED, EVERYWHERE))
        self.page.set_landscape()
        self.page.set_paper(A4)
        self.page.fit_to_pages(max(1, math.ceil(columns / PER_PAGE)), 0)
        self.page.repeat_columns(0, 1)
        self.page.set_column(0, 0, LABEL_WIDTH)
        self.page.set_column(1, 1, NOTE_WIDTH)
        if columns:
            self.page.set_column(2, 1 + columns, CELL_WIDTH)

    def title(self, title: str, *notes: str) -> None:
        """Title of the sheet, and what one must know to read it."""
        self.text(self.row, 0, title, "title")
        for note in notes:
            self.row += 1
            self.text(self.row, 0, note, "note")
        self.row += 2

    def headings(self, names: Sequence[str], label: str = "", note: str = "", *, frozen: bool = True) -> None:
        """Names of the columns; what stands above stays in sight."""
        for place, name in enumerate((label, note, *names)):
            self.text(self.row, place, name, "head" if place < self.FIRST else "head_right")
        self.row += 1
        if frozen:
            self.page.freeze_panes(self.row, self.FIRST)

    def section(self, name: str) -> None:
        """Name of the lines that follow."""
        self.row += 1
        self.text(self.row, 0, name, "section")
        self.row += 1

    def constants(self, label: str, values: np.ndarray, form: str = "money", note: str = "") -> Line:
        """A line of constants; NaN is an empty cell."""
        line = self._line(label, values, note, "")
        for place, value in enumerate(line.values.tolist()):
            if math.isfinite(value):
                self.page.write_number(line.row, line.first + place, value, self.book.form(form))
        return line

    def formulas(
        self, label: str, text: Text, values: np.ndarray, form: str = "money", *, note: str = "", bold: bool = False
    ) -> Line:
        """A line of formulas by column, without the sign of equality, with the values they have."""
        line = self._line(label, values, note, "bold" if bold else "")
        look = self.book.form(form, bold)
        for place, value in enumerate(line.values.tolist()):
            shown = value if math.isfinite(value) else ""
            self.page.write_formula(line.row, line.first + place, f"={text(place)}", look, shown)
        return line

    def total(self, label: str, lines: Sequence[Line], form: str = "money") -> Line:
        """Sum of consecutive lines above."""
        first, last = lines[0], lines[-1]
        values = np.sum([line.values for line in lines], axis=0)
        text = lambda place: f"SUM({first.cell(place)}:{last.cell(place)})"  # noqa: E731
        return self.formulas(label, text, values, form, bold=True)

    def text(self, row: int, column: int, text: str, look: str = "") -> None:
        """Text in a cell, never a formula."""
        self.page.write_string(row, column, guarded(str(text)), self.book.looks.get(look))

    def _line(self, label: str, values: np.ndarray, note: str, look: str) -> Line:
        self.text(self.row, 0, label, look)
        if note:
            self.text(self.row, 1, note, "note")
        self.row += 1
        return Line(self.name, self.row - 1, self.FIRST, np.asarray(values, float), label)


class Book:
    """A workbook being written.

    Parameters
    ----------
    path : Path
        The file.
    title : str
        Title in its properties.
    """

    def __init__(self, path: Path, title: str) -> None:
        self._path, self._made = path, BytesIO()
        self.file = Workbook(self._made, {"strings_to_formulas": False, "strings_to_urls": False})
        self.file.set_properties({"title": title, "created": EPOCH})
        self.file.set_calc_mode("auto")
        add = self.file.add_format
        self.looks: dict[str, Any] = {
            "title": add({"bold": True, "font_size": 14}),
            "note": add({"font_color": "#5d6b78"}),
            "head": add({"bold": True, "bottom": 1}),
            "head_right": add({"bold": True, "bottom": 1, "align": "right"}),
            "section": add({"bold": True, "font_color": "#0072b2"}),
            "bold": add({"bold": True}),
            "wrap": add({"text_wrap": True, "valign": "top"}),
        }
        self._forms: dict[tuple[str, bool, bool], Any] = {}

    def sheet(self, name: str, columns: int = 0) -> Sheet:
        """A new sheet, after those there are."""
        return Sheet(self, name, columns)

    def form(self, name: str, bold: bool = False, given: bool = False) -> Any:
        """The look of a number: its format, bold with a line above for a sum, blue for what a reader may change."""
        key = (name, bold, given)
        if key not in self._forms:
            more: dict[str, Any] = {"bold": True, "top": 1} if bold else {}
            more |= {"font_color": "#0000c0"} if given else {}
            self._forms[key] = self.file.add_format({"num_format": FORMATS[name], **more})
        return self._forms[key]

    def close(self) -> None:
        """Write the file.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        try:
            self.file.close()
        except FileCreateError as error:
            raise error.args[0] from None
        self._path.write_bytes(self._made.getvalue())
