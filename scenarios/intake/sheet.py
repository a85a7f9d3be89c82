"""Sheets of cells as text: a CSV file in a declared encoding, or a sheet of an xlsx workbook."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scenarios.errors import InputError, shown, suggest
from scenarios.intake.source import Source

MAX_BYTES = 2**29
EXAMPLES = 5
"""Rows named in one message."""

SHIPPED = "conf://"
"""Beginning of a path below the shipped configuration."""

CONF = Path(__file__).resolve().parents[2] / "conf"


@dataclass(frozen=True)
class Sheet:
    """Rows of cells below a header.

    Attributes
    ----------
    lines : list of int
        Line of the file on which each row ends, or its row in the workbook.
    digest : str
        SHA-256 of the file's bytes.
    """

    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    digest: str = field(default="", repr=False)

    @property
    def ragged(self) -> list[int]:
        """Places of rows that do not have as many cells as the header."""
        return [place for place, row in enumerate(self.rows) if len(row) != len(self.header)]

    def column(self, name: str) -> list[str]:
        """Cells of a column, of rows that are not ragged."""
        place = self.header.index(name)
        return [row[place] for row in self.rows]


def input_path(text: str) -> Path:
    """The place of an input file; ``conf://`` stands for the shipped configuration."""
    if text.startswith(SHIPPED):
        place = (CONF / text.removeprefix(SHIPPED)).resolve()
        return place if place.is_relative_to(CONF) else CONF / "nowhere"
    return Path(text).expanduser() if text.startswith("~/") else Path(text)


def read_sheet(source: Source) -> Sheet:
    """All cells of a file.

    Raises
    ------
    InputError
        If it cannot be read as a table with a header.
    """
    raw = _bytes(source)
    if raw.startswith(b"PK\x03\x04"):
        from scenarios.intake.workbook import records_of

        records, lines = records_of(raw, source)
    elif source.sheet is not None:
        reason = f"is no workbook, got {shown(source.path)} beside a sheet; an xlsx file, or no sheet"
        raise InputError([f"{source.where}.sheet: {reason}"])
    else:
        records, lines = _records(_text(raw, source), source)
    if not records:
        raise InputError([f"{source.where}.path: is empty, got {source.path}; a CSV file with a header"])
    return Sheet(records[0], records[1:], lines[1:], hashlib.sha256(raw).hexdigest())


def _bytes(source: Source) -> bytes:
    where, path = f"{source.where}.path", input_path(source.path)
    if not source.path or not path.exists():
        raise InputError([f"{where}: does not exist, got {shown(source.path)}; a CSV file of {source.what}"])
    if not path.is_file():
        raise InputError([f"{where}: is no file, got {shown(source.path)}; a CSV file of {source.what}"])
    try:
        before = path.stat()
        if before.st_size > MAX_BYTES:
            raise InputError([f"{where}: is too large, got {before.st_size} bytes; at most {MAX_BYTES}"])
        raw, after = path.read_bytes(), path.stat()
    except OSError as error:
        raise InputError([f"{where}: cannot be read, got {error.strerror}; a readable file"]) from None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(raw) != after.st_size:
        raise InputError([f"{where}: changed while it was read, got {shown(source.path)}; a file nobody writes"])
    return raw


def _text(raw: bytes, source: Source) -> str:
    encoding = "utf-8-sig" if source.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else source.encoding
    where = f"{source.where}.encoding"
    try:
        text = raw.decode(encoding)
    except LookupError:
        reason = "is unknown, got " + shown(source.encoding)
        raise InputError([f"{where}: {reason}; utf-8, gb18030, latin-1, ..."]) from None
    except UnicodeError as error:
        position = getattr(error, "start", 0)
        line = raw[:position].count(b"\n") + 1
        got = f"byte 0x{raw[position]:02x} in line {line}" if position < len(raw) else "an incomplete character"
        reason = f"does not fit the file ({source.encoding}), got {got}; the file's own encoding, for example gb18030"
        raise InputError([f"{where}: {reason}"]) from None
    if "\0" in text:
        reason = "is no text, got NUL characters; a CSV file, its encoding declared"
        raise InputError([f"{source.where}.path: {reason}"])
    return text


def _records(text: str, source: Source) -> tuple[list[list[str]], list[int]]:
    """Rows of cells with the line each ends on; blank lines are passed over."""
    if len(source.delimiter) != 1 or source.delimiter in '"\r\n':
        reason = f"must be one character, got {shown(source.delimiter)}; a comma, a semicolon, ..."
        raise InputError([f"{source.where}.delimiter: {reason}"])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=source.delimiter, strict=True)
    records, lines = [], []
    try:
        for row in reader:
            if row:
                records.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        got = f"got {shown(source.path)} near line {reader.line_num}"
        raise InputError([f"{source.where}.path: is no CSV ({error}), {got}; quotes closed and doubled"]) from None
    return records, lines


def check_header(sheet: Sheet, source: Source, wanted: Mapping[str, str]) -> None:
    """Refuse a header with doubles, or without a column that is wanted.

    Parameters
    ----------
    sheet : Sheet
    source : Source
    wanted : mapping
        Our names of columns to theirs.

    Raises
    ------
    InputError
    """
    header, where = sheet.header, source.where
    doubled = sorted({name for name in header if header.count(name) > 1})
    problems = [f"{where}.path: a column is there twice, got {shown(name)}; one header each" for name in doubled]
    found = ", ".join(shown(name) for name in header[:30])
    split = " (cells seem to be separated by ;)" if len(header) == 1 and ";" in header[0] else ""
    for ours, theirs in wanted.items():
        if theirs not in header:
            reason = f"is no column of the file{split}, got {shown(theirs)}; {suggest(theirs, header)}"
            problems.append(f"{where}.columns.{ours}: {reason} (found: {found})")
    if problems:
        raise InputError(problems)


def at(lines: Sequence[int]) -> str:
    """Lines as a message names them."""
    more = f" and {len(lines) - EXAMPLES} more" if len(lines) > EXAMPLES else ""
    return f"line{'s' * (len(lines) > 1)} {', '.join(map(str, lines[:EXAMPLES]))}{more}"
