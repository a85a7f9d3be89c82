"""What is read off the tables of a run: registers, checks, summary, forecast, report."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.digest import csv_rows, json_digest, table_digest
from scenarios.files import checksum, write_atomic, write_text

if TYPE_CHECKING:
    import pandas as pd

    from scenarios.study import Study

BOM = "\ufeff"
"""Byte order mark: spreadsheets then read UTF-8."""

Files = dict[str, dict[str, Any]]


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> dict[str, Any]:
    """Write a CSV file in UTF-8 with byte order mark; null is an empty cell.

    Returns
    -------
    dict
        Rows, digest of the cells and checksum of the file.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    write_text(path, BOM + text.getvalue())
    cells = csv_rows(path)
    return {"rows": len(cells) - 1, "digest": json_digest(cells), "checksum": checksum(path)}


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    text = repr(float(value)) if isinstance(value, float) else str(value)
    return "'" + text if isinstance(value, str) and text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
