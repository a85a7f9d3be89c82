"""A file of series as cells of text: unpacked, decoded and split, with the line that each row ends on."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.errors import InputError, nearest, shown
from scenarios.studies.forecast_checks import MARKS

MAX_BYTES = 2**28
"""Largest file, packed and unpacked."""

LOOKED_AT = 200
"""Rows of a column that are looked at for e-mail addresses."""

E_MAIL = re.compile(r"[^\s@,;<>\"']+@[^\s@,;<>\"']+\.[A-Za-z]{2,}")
_MAGIC = {b"PK\x03\x04": "a spreadsheet or an archive", b"\xd0\xcf\x11\xe0": "an old spreadsheet", b"%PDF": "a PDF"}
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_PACKED = b"\x1f\x8b"


@dataclass(frozen=True)
class Cells:
    """Rows of a CSV file.

    Attributes
    ----------
    columns : dict
        Cells of the wanted columns, by our names.
    lines : list of int
        Line that each row ends on.
    ragged : list of int
        Lines of rows with another number of cells than the header.
    warnings : list of str
    """

    columns: dict[str, list[str]]
    lines: list[int]
    ragged: list[int]
    warnings: list[str]


def read_bytes(path: Path, where: str = "source") -> tuple[bytes, str]:
    """Bytes of a file that did not change while it was read, and their SHA-256.

    Raises
    ------
    InputError
        If it is absent, no file, too large, changing, or cannot be read.
    """
    right = "a run folder, or a CSV or Parquet file" if where == "source" else "a CSV file"
    if not path.exists():
        raise InputError([f"{where}: does not exist, got {shown(str(path))}; {right}"])
    if not path.is_file():
        raise InputError([f"{where}: is no file, got {shown(str(path))}; {right}"])
    before = path.stat()
    if before.st_size > MAX_BYTES:
        raise InputError([f"{where}: is too large, got {before.st_size} bytes; at most {MAX_BYTES}"])
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError([f"{where}: cannot be read, got {error.strerror}; a readable file"]) from None
    after = path.stat()
    if (before.st_size, before.st_mtime_ns, before.st_ino) != (after.st_size, after.st_mtime_ns, after.st_ino):
        raise InputError([f"{where}: changed while it was read, got {shown(str(path))}; a file that nobody writes"])
    return raw, hashlib.sha256(raw).hexdigest()


def text_of(raw: bytes, encoding: str | None) -> str:
    """Text of a file, unpacked if it is gzipped.

    Raises
    ------
    InputError
        If it is no text in the encoding, or unpacks to too much.
    """
    raw = _unpacked(raw) if raw.startswith(_PACKED) else raw
    for magic, what in _MAGIC.items():
        if raw.startswith(magic):
            raise InputError([f"source: is no CSV file, got {what}; the table saved as CSV"])
    if raw.startswith(_WIDE) and encoding is None:
        raise InputError(["forecast.encoding: is not UTF-8, got UTF-16; forecast.encoding=utf-16"])
    text = _decoded(raw, encoding or "utf-8")
    if "\0" in text:
        raise InputError(["source: is no text, got NUL characters; a CSV file, its encoding declared"])
    if not text.strip():
        raise InputError(["source: is empty, got nothing; a CSV file with a header"])
    return text


def _unpacked(raw: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
            found = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError([f"source: cannot be unpacked, got {shown(str(error))}; a whole gzip file"]) from None
    if len(found) > MAX_BYTES:
        raise InputError([f"source: unpacks to too much, got over {MAX_BYTES} bytes of {len(raw)}; a smaller file"])
    return found


def _decoded(raw: bytes, encoding: str) -> str:
    name = encoding.lower().replace("_", "-")
    try:
        return raw.decode("utf-8-sig" if name in ("utf-8", "utf8") else name)
    except LookupError:
        known = "utf-8, gb18030, latin-1, ..."
        raise InputError([f"forecast.encoding: is unknown, got {shown(encoding)}; {known}"]) from None
    except UnicodeError as error:
        at = int(getattr(error, "start", 0))
        line = raw[:at].count(b"\n") + 1
        got = f"byte 0x{raw[at]:02x} in line {line}" if at < len(raw) else "an incomplete character"
        right = "the file's own encoding, for example latin-1 or gb18030"
        raise InputError([f"forecast.encoding: does not fit the file ({encoding}), got {got}; {right}"]) from None


def cells_of(text: str, wanted: Mapping[str, str], delimiter: str | None) -> Cells:
    """Cells of the wanted columns.

    Parameters
    ----------
    text : str
        The file.
    wanted : mapping
        Names of columns in the file, by the key that says so.
    delimiter : str, optional
        Between the cells; found from the header without it.

    Raises
    ------
    InputError
        If it is no CSV file, or a column is missing or there twice.
    """
    first = next(line for line in text.splitlines() if line.strip())
    chosen = delimiter or _delimiter(first, list(wanted.values()))
    reader = _reader(text, chosen)
    try:
        header = [cell.strip() for cell in next(row for row in reader if row)]
        check_header(header, wanted)
        found, looked = _split(reader, header, wanted)
    except csv.Error as error:
        at = f"near line {reader.line_num}"
        raise InputError([f"source: is no CSV file ({error}), got it {at}; quotes closed and doubled"]) from None
    if not found.lines and not found.ragged:
        raise InputError(["source: has a header and no rows, got no values; one row for each id and date"])
    if chosen != "," and delimiter is None:
        found.warnings.append(f"cells are separated by {shown(chosen)}")
    found.warnings.extend(e_mail_columns(header, looked, set(wanted.values())))
    return found


def _reader(text: str, delimiter: str) -> Any:
    try:
        return csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    except TypeError:
        right = "one character, for example ';'"
        raise InputError([f"forecast.delimiter: cannot be used, got {shown(delimiter)}; {right}"]) from None


def _split(reader: Any, header: Sequence[str], wanted: Mapping[str, str]) -> tuple[Cells, list[list[str]]]:
    """Cells by column, and the first rows whole; blank lines are passed over."""
    found = Cells({ours: [] for ours in wanted}, [], [], [])
    looked: list[list[str]] = []
    places = [(header.index(theirs), found.columns[ours].append) for ours, theirs in wanted.items()]
    width = len(header)
    for row in reader:
        if len(row) == width:
            found.lines.append(reader.line_num)
            for place, append in places:
                append(row[place])
            if len(looked) < LOOKED_AT:
                looked.append(row)
        elif row:
            found.ragged.append(reader.line_num)
    return found, looked


def lines_of(text: str, numbers: Iterable[int]) -> dict[int, str]:
    """Lines of a text by their number, counted from 1."""
    wanted = set(numbers)
    stream = io.StringIO(text, newline="")
    return {number: line.rstrip("\r\n") for number, line in enumerate(stream, 1) if number in wanted}


def _delimiter(header: str, wanted: Sequence[str]) -> str:
    """The delimiter under which most wanted columns are found; of equals the one with most cells, a comma first."""

    def found(mark: str) -> tuple[int, int]:
        names = [name.strip() for name in next(csv.reader([header], delimiter=mark), [])]
        return sum(name in names for name in wanted), len(names)

    return max(MARKS, key=found)


def check_header(header: Sequence[str], wanted: Mapping[str, str]) -> None:
    """Refuse a header that lacks a wanted column or has it twice.

    Raises
    ------
    InputError
        Naming the columns that were found.
    """
    found = ", ".join(shown(name) for name in header[:30])
    marks = [mark for mark in MARKS if len(header) == 1 and mark in header[0]]
    found += f"; cells seem to be separated by {shown(marks[0])}" if marks else ""
    own = [ours for ours in wanted if ours.startswith("columns.")]
    if len(own) > 1 and not any(wanted[ours] in header for ours in own):
        given = ", ".join(f'{ours.removeprefix("columns.")}: "NAME"' for ours in own)
        got = ", ".join(shown(wanted[ours]) for ours in own)
        right = f"'forecast.columns={{{given}}}' (found: {found})"
        raise InputError([f"forecast.columns: are none of the file's, got {got}; {right}"])
    problems = []
    for ours, theirs in wanted.items():
        if theirs not in header:
            close = nearest(theirs, header)
            right = f"did you mean {close}?" if close else "a column of the file"
            reason = f"is no column of the file, got {shown(theirs)}; {right}"
            problems.append(f"forecast.{ours}: {reason} (found: {found})")
        elif list(header).count(theirs) > 1:
            problems.append(f"source: has a column twice, got {shown(theirs)}; one header each (found: {found})")
    if problems:
        raise InputError(problems)


def e_mail_columns(header: Sequence[str], rows: Sequence[Sequence[str]], wanted: set[str]) -> list[str]:
    """Warnings of columns that hold e-mail addresses and are not read."""
    return [
        f"column {shown(name)} holds e-mail addresses; it is not read"
        for place, name in enumerate(header)
        if name not in wanted and any(E_MAIL.search(row[place]) for row in rows)
    ]
