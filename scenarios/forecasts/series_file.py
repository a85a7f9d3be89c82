"""Series from a long CSV or Parquet file: what can be used, what is put aside, and what a reader should know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.errors import InputError, shown
from scenarios.forecasts.cells import LARGEST, YEARS, read_dates, read_numbers
from scenarios.forecasts.text import E_MAIL, cells_of, check_header, e_mail_columns, lines_of, read_bytes, text_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MAX_ROWS = 10_000_000
LONGEST_ID, LONGEST_TEXT = 200, 200
"""Characters of an id, and of a row that is put aside."""

ROW = "row"
"""Column of a frame that holds the line or row of the file."""

_PARQUET = b"PAR1"


@dataclass(frozen=True)
class SeriesFile:
    """What a file of series holds.

    Attributes
    ----------
    series : pandas.DataFrame
        Columns unique_id (text), ds (datetime), y (float, NaN where missing) and the columns of the hierarchy
        (text); in the order of first appearance and by date.
    rejects : pandas.DataFrame
        Rows that were put aside: line, reason, text.
    rows : int
        Rows of the file.
    digest : str
        SHA-256 of its bytes.
    warnings : tuple of str
    """

    series: pd.DataFrame
    rejects: pd.DataFrame
    rows: int
    digest: str
    warnings: tuple[str, ...]


@dataclass
class _Reading:
    """A file on its way to a frame: why rows were put aside, by line, warnings, and its text if it is one."""

    aside: dict[int, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    rows: int = 0
    text: str = ""


def read_series_file(path: Path, settings: Mapping[str, Any]) -> SeriesFile:
    """Read a long table of series.

    Parameters
    ----------
    path : Path
        ``.csv``, ``.csv.gz`` or ``.parquet``; what it is is told from its content.
    settings : mapping
        The group ``forecast`` of the configuration: columns, date_format, encoding, delimiter, decimal, hierarchy.

    Raises
    ------
    InputError
        If the file or its columns cannot be read, or more than half of its rows cannot be used.
    """
    raw, digest = read_bytes(path)
    reading = _Reading()
    wanted = {f"columns.{ours}": theirs for ours, theirs in settings["columns"].items()}
    wanted |= {f"hierarchy.{place}": name for place, name in enumerate(settings["hierarchy"])}
    if raw.startswith(_PARQUET):
        frame = _from_parquet(raw, wanted, settings, reading)
    else:
        frame = _from_text(raw, wanted, settings, reading)
    series = _usable(frame, len(settings["hierarchy"]), reading)
    if reading.aside:
        were = "was" if len(reading.aside) == 1 else "were"
        reading.warnings.append(f"{len(reading.aside)} of {reading.rows} rows {were} put aside: rejects.csv says why")
    names = {f"hierarchy.{place}": name for place, name in enumerate(settings["hierarchy"])}
    series = series.rename(columns=names).drop(columns=ROW).reset_index(drop=True)
    return SeriesFile(series, _rejects(reading), reading.rows, digest, tuple(reading.warnings))


# From the file to a frame


def _from_text(raw: bytes, wanted: Mapping[str, str], settings: Mapping[str, Any], reading: _Reading) -> pd.DataFrame:
    import pandas as pd

    reading.text = text_of(raw, settings["encoding"])
    cells = cells_of(reading.text, wanted, settings["delimiter"])
    reading.warnings += cells.warnings
    reading.rows = len(cells.lines) + len(cells.ragged)
    reading.aside |= dict.fromkeys(cells.ragged, "has another number of cells than the header")
    dates, said = read_dates(cells.columns["columns.ds"], settings["date_format"], cells.lines)
    values, more = read_numbers(cells.columns["columns.y"], settings["decimal"], cells.lines)
    reading.warnings += [*said, *more]
    for line, date, value in zip(cells.lines, dates, values, strict=True):
        if date.reason or isinstance(value, str):
            reading.aside[line] = date.reason or str(value)
    names = {name: cells.columns[name] for name in wanted if name not in ("columns.ds", "columns.y")}
    table = pd.DataFrame(names, dtype=object)
    table["ds"] = _column([date.when for date in dates])
    table["y"] = np.array([np.nan if isinstance(value, str) else value for value in values])
    return _kept(table.assign(**{ROW: cells.lines}), reading)


def _column(dates: list[datetime | None]) -> pd.Series:
    """Dates as a column; equal ones are converted once."""
    import pandas as pd

    known = {date: place for place, date in enumerate(dict.fromkeys(dates))}
    each = pd.Series(list(known), dtype="datetime64[us]").to_numpy()
    return pd.Series(each[[known[date] for date in dates]])


def _kept(table: pd.DataFrame, reading: _Reading) -> pd.DataFrame:
    """The frame without the rows that were put aside."""
    table = table.rename(columns={"columns.unique_id": "unique_id"})
    return table[~table[ROW].isin(list(reading.aside))] if reading.aside else table


def _from_parquet(
    raw: bytes, wanted: Mapping[str, str], settings: Mapping[str, Any], reading: _Reading
) -> pd.DataFrame:
    table = _parquet(raw, wanted, reading)
    reading.rows = table.num_rows
    lines = list(range(1, table.num_rows + 1))
    frame = _typed(table, wanted, settings, lines, reading)
    strange = frame[frame["y"].abs() > LARGEST]
    late = frame[frame["ds"].isna() | ~frame["ds"].dt.year.between(*YEARS)]
    reading.aside |= dict.fromkeys(strange[ROW].tolist(), f"its value is larger than {LARGEST:g}")
    reading.aside |= dict.fromkeys(late[ROW].tolist(), "has no date that can be used")
    return _kept(frame, reading)


def _parquet(raw: bytes, wanted: Mapping[str, str], reading: _Reading) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(raw))
        rows, header = file.metadata.num_rows, list(file.schema_arrow.names)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError([f"source: is a damaged Parquet file, got {shown(reason)}; a whole one"]) from None
    check_header(header, wanted)
    if not 0 < rows <= MAX_ROWS:
        raise InputError([f"source: has no rows or too many, got {rows}; 1 to {MAX_ROWS}"])
    try:
        table = file.read(list(wanted.values()))
        sample = file.schema_arrow.empty_table() if table.num_rows > MAX_ROWS else table
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError([f"source: is a damaged Parquet file, got {shown(reason)}; a whole one"]) from None
    reading.warnings += _e_mails_of_others(file, header, wanted)
    return sample


def _e_mails_of_others(file: Any, header: Sequence[str], wanted: Mapping[str, str]) -> list[str]:
    """Warnings of text columns with e-mail addresses that are not read."""
    import pyarrow as pa

    names = [
        name for name in header
        if name not in wanted.values() and pa.types.is_string(file.schema_arrow.field(name).type)
    ]  # fmt: skip
    if not names:
        return []
    first = next(file.iter_batches(200, columns=names)).to_pylist()
    return e_mail_columns(names, [[str(row[name]) for name in names] for row in first], set())


def _typed(
    table: pa.Table, wanted: Mapping[str, str], settings: Mapping[str, Any], lines: list[int], reading: _Reading
) -> pd.DataFrame:
    """Columns by our names: ids as text, dates without a zone, numbers."""
    import pandas as pd
    import pyarrow as pa

    columns: dict[str, Any] = {ROW: lines}
    for ours, theirs in wanted.items():
        column = table.column(theirs)
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if ours == "columns.ds":
            columns["ds"] = _parquet_dates(column, kind, settings, lines, reading)
        elif ours == "columns.y":
            columns["y"] = _parquet_numbers(column, kind)
        elif pa.types.is_floating(kind) or pa.types.is_nested(kind) or pa.types.is_binary(kind):
            raise InputError([f"forecast.{ours}: is of a wrong type, got {kind}; text or whole numbers"])
        else:
            columns[ours] = [None if each is None else str(each) for each in column.to_pylist()]
    return pd.DataFrame(columns)


def _parquet_dates(column: Any, kind: Any, settings: Mapping[str, Any], lines: list[int], reading: _Reading) -> Any:
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        dates = pd.to_datetime(pd.Series(column.to_pandas()))
        if dates.dt.tz is not None:
            reading.warnings.append(f"dates bear the time zone {dates.dt.tz}; they are taken as local times")
            dates = dates.dt.tz_localize(None)
        return dates.astype("datetime64[us]")
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
        raise InputError([f"forecast.columns.ds: is of a wrong type, got {kind}; dates, or text"])
    texts = ["" if each is None else str(each) for each in column.to_pylist()]
    found, said = read_dates(texts, settings["date_format"], lines)
    reading.warnings += said
    return pd.Series([date.when for date in found], dtype="datetime64[us]")


def _parquet_numbers(column: Any, kind: Any) -> Any:
    import pyarrow as pa

    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise InputError([f"forecast.columns.y: is of a wrong type, got {kind}; numbers"])
    values = column.cast(pa.float64()).to_numpy().copy()
    return values


# From the frame to series


def _usable(frame: pd.DataFrame, depth: int, reading: _Reading) -> pd.DataFrame:
    """Rows with an id, each date of a series once."""
    groups = [f"hierarchy.{place}" for place in range(depth)]
    for name in ["unique_id", *groups]:
        frame = _named(frame, name, reading)
    doubled = frame.duplicated(["unique_id", "ds", "y"])
    if count := int(doubled.sum()):
        reading.warnings.append(f"{count} exact duplicate{'s were' if count > 1 else ' was'} dropped")
        frame = frame[~doubled]
    conflicting = frame[frame.duplicated(["unique_id", "ds"], keep=False)]
    reading.aside |= dict.fromkeys(conflicting[ROW].tolist(), "is one of several values of the same id and date")
    frame = frame.drop(index=conflicting.index)
    if 2 * len(reading.aside) > reading.rows or frame.empty:
        line = min(reading.aside, default=0)
        first = f" (line {line}: {reading.aside[line]})" if reading.aside else ""
        got = f"{len(reading.aside)} of {reading.rows}{first}"
        right = "forecast.date_format, as '%d %b %Y'" if "no date with the year first" in first else "a table of series"
        raise InputError([f"source: has more rows that cannot be used than others, got {got}; {right}"])
    order = frame["unique_id"].map({name: place for place, name in enumerate(frame["unique_id"].unique())})
    frame = frame.assign(_order=order).sort_values(["_order", "ds"], kind="stable")
    return frame[["unique_id", *groups, "ds", "y", ROW]]


def _named(frame: pd.DataFrame, column: str, reading: _Reading) -> pd.DataFrame:
    """Rows whose name in a column can be used; names that are e-mail addresses are replaced by numbers."""
    names = list(dict.fromkeys(frame[column]))
    wrong = {name: reason for name in names if (reason := _wrong_name(name, column))}
    if wrong:
        bad = frame[frame[column].isin(list(wrong))]
        reading.aside |= {line: wrong[name] for line, name in zip(bad[ROW].tolist(), bad[column], strict=True)}
        frame = frame.drop(index=bad.index)
    mails = [name for name in names if name not in wrong and E_MAIL.search(name)]
    if not mails:
        return frame
    label = column.rpartition(".")[2] if column == "unique_id" else "group"
    reading.warnings.append(f"{label}: holds e-mail addresses; they are written as person-1, person-2, ... in order")
    numbered = {name: f"person-{place + 1}" for place, name in enumerate(mails)}
    return frame.assign(**{column: frame[column].map(lambda name: numbered.get(name, name))})


def _wrong_name(name: str | None, column: str) -> str:
    if name is None or not name.strip():
        return "has no id" if column == "unique_id" else "has no name in a column of the hierarchy"
    if len(name) > LONGEST_ID:
        return f"its id has over {LONGEST_ID} characters"
    return "" if name.isprintable() else "its id holds control characters"


def _rejects(reading: _Reading) -> pd.DataFrame:
    import pandas as pd

    texts = lines_of(reading.text, reading.aside)
    rows = [
        {"line": line, "reason": _masked(reason), "text": _masked(texts.get(line, ""))[:LONGEST_TEXT]}
        for line, reason in sorted(reading.aside.items())
    ]
    return pd.DataFrame(rows, columns=["line", "reason", "text"])


def _masked(text: str) -> str:
    return E_MAIL.sub("e-mail", text)
