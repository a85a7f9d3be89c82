"""Tables as CSV files: UTF-8 with byte order mark, null as an empty cell, no text that a spreadsheet calculates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

FORMULA = r"^[=+\-@\t\r]"
"""Beginnings that a spreadsheet would take for a formula."""


def write_tables(run: Path, folder: Path) -> None:
    """Write every table of a run folder, all replications, as a CSV file of its name."""
    import pyarrow.parquet as pq

    for source in sorted(run.glob("*.parquet")):
        with (
            pq.ParquetFile(source) as table,
            csv_writer(folder / f"{source.stem}.csv", table.schema_arrow) as writer,
        ):
            for group in range(table.num_row_groups):
                writer.write_table(plain(table.read_row_group(group)))


@contextmanager
def csv_writer(path: Path, schema: pa.Schema) -> Iterator[Any]:
    """Something with ``write_table`` for tables that went through ``plain``.

    Parameters
    ----------
    path : Path
        The CSV file.
    schema : pyarrow.Schema
        Of the tables before they went through ``plain``.
    """
    import pyarrow.csv

    with path.open("wb") as stream:
        stream.write("\ufeff".encode())
        with pyarrow.csv.CSVWriter(stream, plain(schema.empty_table()).schema) as writer:
            yield writer


def plain(table: pa.Table) -> pa.Table:
    """Categories as text, and text that no spreadsheet calculates: what begins like a formula gets a quote in front."""
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
