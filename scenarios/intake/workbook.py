"""Sheets of xlsx workbooks, as text: dates in the declared format, formulas by the value stored with them."""

from __future__ import annotations

import io
import zipfile
import zlib
from datetime import date, datetime
from typing import Any

from scenarios.errors import InputError, shown, suggest
from scenarios.intake.source import Source

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError, ValueError, OSError, SyntaxError)
"""What a file raises that is no workbook, or one that is damaged inside."""

MAX_CONTENT = 2**29
"""Most bytes of a workbook once it is unpacked."""


def records_of(raw: bytes, source: Source) -> tuple[list[list[str]], list[int]]:
    """Rows of cells with their row in the sheet; empty rows are passed over.

    Raises
    ------
    InputError
        If it is no workbook, lacks the sheet, or would be too large.
    """
    book = _open(raw, source)
    try:
        page = _page(book, source)
        found = [(line, [_cell(cell, source) for cell in row]) for line, row in _rows(page)]
    except InputError:
        raise
    except DAMAGED:
        raise InputError([_no_workbook(source)]) from None
    finally:
        book.close()
    filled = [(line, row) for line, row in found if any(row)]
    if not filled:
        return [], []
    width = len(_trimmed(filled[0][1]))
    records = [row[:width] if not any(row[width:]) else _trimmed(row) for _, row in filled]
    return [[*row, *[""] * (width - len(row))] for row in records], [line for line, _ in filled]


def _open(raw: bytes, source: Source) -> Any:
    try:
        import openpyxl
    except ImportError:
        reason = f"needs a library that is not there, got {shown(source.path)}; pip install tobsim[xlsx], or a CSV file"
        raise InputError([f"{source.where}.path: {reason}"]) from None
    try:
        content = sum(item.file_size for item in zipfile.ZipFile(io.BytesIO(raw)).infolist())
        if content > MAX_CONTENT:
            reason = f"is too large once unpacked, got {content} bytes; at most {MAX_CONTENT}"
            raise InputError([f"{source.where}.path: {reason}"])
        return openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
    except InputError:
        raise
    except DAMAGED:
        raise InputError([_no_workbook(source)]) from None


def _no_workbook(source: Source) -> str:
    return f"{source.where}.path: is no workbook, got {shown(source.path)}; an xlsx or a CSV file"


def _page(book: Any, source: Source) -> Any:
    names = [page.title for page in book.worksheets]
    if not names:
        raise InputError([_no_workbook(source)])
    if source.sheet is None:
        return book[names[0]]
    if source.sheet not in names:
        reason = f"is not in the workbook, got {shown(source.sheet)}; {suggest(source.sheet, names)}"
        raise InputError([f"{source.where}.sheet: {reason}"])
    return book[source.sheet]


def _rows(page: Any) -> list[tuple[int, tuple[Any, ...]]]:
    page.reset_dimensions()  # what some programs write there is not the size of the sheet
    return list(enumerate(page.iter_rows(values_only=True), start=1))


def _trimmed(row: list[str]) -> list[str]:
    return row[: max((place + 1 for place, cell in enumerate(row) if cell), default=0)]


def _cell(value: Any, source: Source) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.strftime(source.date_format)
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 2**53
        return repr(int(value)) if whole else repr(value).replace(".", source.decimal)
    return str(value)
