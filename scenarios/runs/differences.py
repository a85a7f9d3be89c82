"""Where two tables differ first, and which programs are no longer those of then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.errors import shown
from scenarios.runs.manifest import versions
from scenarios.studies.digest import csv_rows, table_digest

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Spot:
    """A cell in which two tables differ."""

    row: int
    column: str
    was: Any
    now: Any

    @property
    def values(self) -> str:
        """What stands in it."""
        return f"{shown(self.was)} there, {shown(self.now)} here"


def first_spot(there: pa.Table, here: pa.Table, relative: float = 0.0) -> Spot | None:
    """The first cell, by row, in which two tables of the same columns differ as far as both have rows.

    Parameters
    ----------
    there, here : pyarrow.Table
        The stored table and the new one.
    relative : float
        Numbers this close are the same.
    """
    rows = min(there.num_rows, here.num_rows)
    spots = []
    for name in there.column_names:
        was, now = (table.column(name).slice(0, rows).to_pylist() for table in (there, here))
        row = next((i for i, pair in enumerate(zip(was, now, strict=True)) if not _same(*pair, relative)), None)
        if row is not None:
            spots.append(Spot(row, name, was[row], now[row]))
    return min(spots, key=lambda spot: (spot.row, spot.column), default=None)


def first_difference(there: pa.Table, here: pa.Table, relative: float = 0.0) -> str:
    """The first value in which two tables differ, or an empty text; parameters as of ``first_spot``."""
    if there.column_names != here.column_names:
        return f"columns {there.column_names} there, {here.column_names} here"
    if spot := first_spot(there, here, relative):
        return f"row {spot.row}, column {spot.column}: {spot.values}"
    return "" if there.num_rows == here.num_rows else f"{there.num_rows} rows there, {here.num_rows} here"


def _same(was: Any, now: Any, relative: float) -> bool:
    if isinstance(was, float) and isinstance(now, float):
        return bool(np.isclose(was, now, rtol=relative, atol=0.0, equal_nan=True))
    if isinstance(was, float) and was != was:
        return now is None
    if isinstance(now, float) and now != now:
        return was is None
    return bool(was == now)


def file_difference(there: Path, here: Path, without: Sequence[str] = (), relative: float = 0.0) -> str:
    """The first value in which two Parquet or CSV files differ, or an empty text.

    Parameters
    ----------
    there, here : Path
        The stored file and the new one.
    without : sequence of str
        Columns that are not compared.
    relative : float
        Numbers this close are the same.
    """
    return (parquet_difference if there.suffix == ".parquet" else csv_difference)(there, here, without, relative)


def parquet_difference(there: Path, here: Path, without: Sequence[str] = (), relative: float = 0.0) -> str:
    """As ``file_difference``; columns of other types are a difference too."""
    import pyarrow.parquet as pq

    was, now = (table.select([name for name in table.column_names if name not in without])
                for table in (pq.read_table(there), pq.read_table(here)))  # fmt: skip
    if table_digest(was) == table_digest(now):
        return ""
    return first_difference(was, now, relative) or ("" if was.schema.equals(now.schema) else "other types of values")


def csv_difference(there: Path, here: Path, without: Sequence[str] = (), relative: float = 0.0) -> str:
    """As ``file_difference``, by line of the file."""
    was, now = (_kept_columns(csv_rows(path), without) for path in (there, here))
    for line, (old, new) in enumerate(zip(was, now, strict=False), 1):
        if len(old) != len(new):
            return f"line {line}: {len(old)} cells there, {len(new)} here"
        pairs = enumerate(zip(old, new, strict=True))
        cell = next((i for i, (one, two) in pairs if one != two and not _close(one, two, relative)), None)
        if cell is not None:
            return f"line {line}, column {was[0][cell]}: {shown(old[cell])} there, {shown(new[cell])} here"
    return "" if len(was) == len(now) else f"{len(was)} lines there, {len(now)} here"


def _close(one: str, two: str, relative: float) -> bool:
    try:
        return relative > 0 and _same(float(one), float(two), relative)
    except ValueError:
        return False


def _kept_columns(rows: list[list[str]], without: Sequence[str]) -> list[list[str]]:
    places = [place for place, name in enumerate(rows[0]) if name not in without] if rows else []
    return [[row[place] for place in places if place < len(row)] for row in rows]


def changed_versions(then: Mapping[str, str], what: str) -> tuple[str, ...]:
    """Programs whose version is no longer the one of then.

    Parameters
    ----------
    then : mapping
        Version by name, as a manifest holds it.
    what : str
        What was made then: ``run``, ``comparison``, ``sweep``, ``forecast``.
    """
    now = versions()
    return tuple(
        f"{name} was {version} when the {what} was made, it is {found} now"
        for name, version in then.items()
        if (found := now.get(name) or _installed(name)) != version
    )


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"
