"""Workbooks of other programs, and damaged ones."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.chart import BarChart

from scenarios.errors import InputError
from scenarios.intake.sheet import read_sheet
from scenarios.intake.source import Source
from scenarios.intake.workbook import records_of

ROWS = [["external_id", "arr", "start"], ["x", 36.125, date(2024, 2, 1)], ["y", 1200.0, date(2024, 3, 1)]]
SHEET = "xl/worksheets/sheet1.xml"


def book(tmp_path: Path) -> tuple[Any, Path]:
    """A workbook of customers, and where it goes."""
    made = openpyxl.Workbook()
    for row in ROWS:
        made.active.append(row)
    return made, tmp_path / "book.xlsx"


def rewritten(path: Path, change: Callable[[bytes], bytes]) -> Path:
    """A copy with another content of its sheet."""
    other = path.with_name("other.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name == SHEET else content)
    return other


def source(path: Path, **more: Any) -> Source:
    """A file of customers as a configuration names it."""
    return Source("market.opening.customers", str(path), "customers", **more)


@pytest.mark.parametrize(("decimal", "number"), [(".", "36.125"), (",", "36,125")])
def test_numbers_of_a_workbook_have_the_declared_decimal_sign(tmp_path: Path, decimal: str, number: str) -> None:
    """A point that groups digits in text cells must not multiply a number by a thousand."""
    made, path = book(tmp_path)
    made.save(path)
    assert [row[1] for row in read_sheet(source(path, decimal=decimal)).rows] == [number, "1200"]


def test_a_size_that_a_sheet_states_wrongly_is_not_believed(tmp_path: Path) -> None:
    """Some programs write A1 for any sheet."""
    made, path = book(tmp_path)
    made.save(path)
    other = rewritten(path, lambda content: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1"', content))
    assert read_sheet(source(other)).rows == read_sheet(source(path)).rows != []


def test_the_first_sheet_is_one_of_cells(tmp_path: Path) -> None:
    """A chart may stand before it."""
    made, path = book(tmp_path)
    chart = BarChart()
    chart.add_data(openpyxl.chart.Reference(made.active, min_col=2, min_row=2, max_row=3))
    made.create_chartsheet("Chart", 0).add_chart(chart)
    made.save(path)
    assert read_sheet(source(path)).header == ROWS[0]


def test_a_damaged_sheet_is_one_line(tmp_path: Path) -> None:
    """Cut off within, or with other bytes."""
    made, path = book(tmp_path)
    made.save(path)
    cut = rewritten(path, lambda content: content[: len(content) // 2]).read_bytes()
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        begin = archive.getinfo(SHEET).header_offset + 30 + len(SHEET) + 20
    raw[begin : begin + 40] = bytes(byte ^ 0x5A for byte in raw[begin : begin + 40])
    for damaged in (cut, bytes(raw)):
        with pytest.raises(InputError) as caught:
            records_of(damaged, source(path))
        (problem,) = caught.value.problems
        assert problem.startswith("market.opening.customers.path: is no workbook")
