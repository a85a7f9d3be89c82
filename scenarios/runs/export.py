"""Hand the tables of a run to other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown, suggest
from scenarios.runs.files import STAGED, fresh_folder, publish
from scenarios.runs.manifest import read_manifest

if TYPE_CHECKING:
    import pyarrow as pa

FORMULA = r"^[=+\-@\t\r]"
"""Beginnings that a spreadsheet would take for a formula."""


def export(run: Path, format: str = "csv") -> Path:
    """Write the tables of a run folder in another format.

    Parameters
    ----------
    run : Path
        A run folder.
    format : str
        A name in ``FORMATS``.

    Returns
    -------
    Path
        The folder ``RUN/export/<format>``, replaced as a whole.

    Raises
    ------
    InputError
        For an unknown format or a folder that is no run folder.
    """
    if format not in FORMATS:
        raise InputError([f"format: is unknown, got {shown(format)}; {suggest(format, FORMATS)}"])
    read_manifest(run)
    target = run / "export" / format
    staged = fresh_folder(target.with_name(target.name + STAGED))
    for path in sorted(run.glob("*.parquet")):
        FORMATS[format](path, staged)
    publish(staged, target)
    return target


def _csv(source: Path, folder: Path) -> None:
    """One Parquet file as CSV: UTF-8 with byte order mark, null as an empty cell, no formulas."""
    import pyarrow.csv
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as table, (folder / f"{source.stem}.csv").open("wb") as stream:
        stream.write("\ufeff".encode())
        schema = _plain(table.schema_arrow.empty_table()).schema
        with pyarrow.csv.CSVWriter(stream, schema) as writer:
            for group in range(table.num_row_groups):
                writer.write_table(_plain(table.read_row_group(group)))


def _plain(table: pa.Table) -> pa.Table:
    """Categories as text, and text that no spreadsheet calculates."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for index, field in enumerate(table.schema):
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            text = table.column(index).cast(kind)
            guarded = pc.binary_join_element_wise(pa.scalar("'", kind), text, pa.scalar("", kind))
            risky = pc.fill_null(pc.match_substring_regex(text, FORMULA), False)
            table = table.set_column(index, pa.field(field.name, kind), pc.if_else(risky, guarded, text))
    return table


FORMATS: dict[str, Callable[[Path, Path], Any]] = {"csv": _csv}
"""By name: writes one Parquet file into a folder."""
