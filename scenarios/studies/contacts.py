"""First contacts read from a file: one account per row, its id kept exactly as it stands there."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from scenarios.errors import InputError, shown, suggest
from sim.spec.contacts import Contacts
from sim.spec.market import MarketSpec, Trace
from sim.spec.study import Horizon

WHERE = "market.first_contacts"
MAX_BYTES = 2**29
EXAMPLES = 5
"""Rows named in one message."""

_CLOCK = re.compile(r"%[HIcXT]")


@dataclass(frozen=True)
class Rows:
    """A CSV file as text: cells by column, the line each row ends on, and the digest of the file's bytes."""

    columns: dict[str, list[str]]
    lines: list[int]
    digest: str


def read_contacts(market: MarketSpec, trace: Trace, horizon: Horizon) -> tuple[Contacts, str]:
    """First contacts of a trace, in the order of the file.

    Returns
    -------
    contacts : Contacts
        ``day`` in days from the start of the horizon; ``exact`` if the date format has hours.
    digest : str
        SHA-256 of the file, which enters the digest of the study in place of its path.

    Raises
    ------
    InputError
        With one problem per kind of mistake; rows are named by their line.
    """
    rows = read_rows(trace)
    problems: list[str] = []
    ids = _ids(rows, trace, problems)
    day = _days(rows, trace, horizon, problems)
    channel = _codes(rows, trace, "channel", list(market.channels), trace.blank_channel, problems)
    segment = None
    if "segment" in trace.columns:
        segment = _codes(rows, trace, "segment", list(market.segments), "", problems)
    if problems:
        raise InputError(problems)
    return Contacts(ids, day, channel, segment, exact=bool(_CLOCK.search(trace.date_format))), rows.digest


def read_rows(trace: Trace) -> Rows:
    """The declared columns of the file.

    Raises
    ------
    InputError
        If the file cannot be read as the table that is declared.
    """
    raw = _bytes(trace.path)
    records, lines = _records(_text(raw, trace), trace.path)
    if not records:
        raise InputError([f"{WHERE}.path: is empty, got {trace.path}; a CSV file with a header"])
    header, body = records[0], records[1:]
    _check_header(header, trace)
    if not body:
        raise InputError([f"{WHERE}.path: has a header and no rows, got {trace.path}; one row per account"])
    ragged = [line for line, row in zip(lines[1:], body, strict=True) if len(row) != len(header)]
    if ragged:
        reason = f"rows do not have the {len(header)} cells of the header"
        raise InputError([f"{WHERE}.path: {reason}, got {_at(ragged)}; quotes around cells that hold a comma"])
    columns: dict[str, list[str]] = {}
    for ours, theirs in trace.columns.items():
        columns[ours] = [row[header.index(theirs)] for row in body]
    return Rows(columns, lines[1:], hashlib.sha256(raw).hexdigest())


def _bytes(name: str) -> bytes:
    path = Path(name)
    if not name or not path.exists():
        raise InputError([f"{WHERE}.path: does not exist, got {shown(name)}; a CSV file of first contacts"])
    if not path.is_file():
        raise InputError([f"{WHERE}.path: is no file, got {shown(name)}; a CSV file of first contacts"])
    if path.stat().st_size > MAX_BYTES:
        raise InputError([f"{WHERE}.path: is too large, got {path.stat().st_size} bytes; at most {MAX_BYTES}"])
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError([f"{WHERE}.path: cannot be read, got {error.strerror}; a readable file"]) from None
    return raw


def _text(raw: bytes, trace: Trace) -> str:
    encoding = "utf-8-sig" if trace.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else trace.encoding
    try:
        text = raw.decode(encoding)
    except LookupError:
        reason = "is unknown, got " + shown(trace.encoding)
        raise InputError([f"{WHERE}.encoding: {reason}; utf-8, gb18030, latin-1, ..."]) from None
    except UnicodeError as error:
        position = getattr(error, "start", 0)
        line = raw[:position].count(b"\n") + 1
        got = f"byte 0x{raw[position]:02x} in line {line}" if position < len(raw) else "an incomplete character"
        reason = f"does not fit the file ({trace.encoding}), got {got}; the file's own encoding, for example gb18030"
        raise InputError([f"{WHERE}.encoding: {reason}"]) from None
    if "\0" in text:
        raise InputError([f"{WHERE}.path: is no text, got NUL characters; a CSV file, its encoding declared"])
    return text


def _records(text: str, name: str) -> tuple[list[list[str]], list[int]]:
    """Rows of cells with the line each ends on; blank lines are passed over."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records, lines = [], []
    try:
        for row in reader:
            if row:
                records.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        reason = f"is no CSV ({error}), got {shown(name)} near line {reader.line_num}; quotes closed and doubled"
        raise InputError([f"{WHERE}.path: {reason}"]) from None
    return records, lines


def _check_header(header: list[str], trace: Trace) -> None:
    doubled = sorted({name for name in header if header.count(name) > 1})
    problems = [f"{WHERE}.path: a column is there twice, got {shown(name)}; one header each" for name in doubled]
    found = ", ".join(shown(name) for name in header[:30])
    split = " (cells seem to be separated by ;)" if len(header) == 1 and ";" in header[0] else ""
    for ours, theirs in trace.columns.items():
        if theirs not in header:
            reason = f"is no column of the file{split}, got {shown(theirs)}; {suggest(theirs, header)}"
            problems.append(f"{WHERE}.columns.{ours}: {reason} (found: {found})")
    if problems:
        raise InputError(problems)


def _at(lines: Sequence[int]) -> str:
    """Lines as a message names them."""
    more = f" and {len(lines) - EXAMPLES} more" if len(lines) > EXAMPLES else ""
    return f"line{'s' * (len(lines) > 1)} {', '.join(map(str, lines[:EXAMPLES]))}{more}"


def _ids(rows: Rows, trace: Trace, problems: list[str]) -> tuple[str, ...]:
    ids, name = rows.columns["external_id"], trace.columns["external_id"]
    empty = [line for line, value in zip(rows.lines, ids, strict=True) if not value.strip()]
    if empty:
        problems.append(f"{WHERE}.columns.external_id: {shown(name)} is empty, got {_at(empty)}; an id for each row")
    first: dict[str, int] = {}
    same: list[str] = []
    conflicting: list[str] = []
    cells = list(zip(*rows.columns.values(), strict=True))
    for index, value in enumerate(ids):
        earlier = first.setdefault(value, index)
        if earlier != index and value.strip():
            found = same if cells[index] == cells[earlier] else conflicting
            found.append(f"{shown(value)} in line {rows.lines[index]}")
    _doubles(same, "are there twice", "one row per account", problems)
    _doubles(conflicting, "are there twice with different cells", "one row per account, the right one", problems)
    return tuple(ids)


def _doubles(found: list[str], wrong: str, right: str, problems: list[str]) -> None:
    if found:
        more = f" and {len(found) - EXAMPLES} more" if len(found) > EXAMPLES else ""
        listed = ", ".join(found[:EXAMPLES])
        problems.append(f"{WHERE}.columns.external_id: ids {wrong}, got {listed}{more}; {right}")


def _days(rows: Rows, trace: Trace, horizon: Horizon, problems: list[str]) -> np.ndarray:
    """Days from the start of the horizon."""
    read = _date_reader(trace.date_format, problems)
    start = datetime.fromisoformat(horizon.start)
    day, bad = np.zeros(len(rows.lines)), []
    for index, text in enumerate(rows.columns["date"]):
        try:
            day[index] = (read(text) - start) / timedelta(days=1)
        except (ValueError, TypeError):
            bad.append(f"{shown(text)} in line {rows.lines[index]}")
    if bad and read is not _unreadable:
        more = f" and {len(bad) - EXAMPLES} more" if len(bad) > EXAMPLES else ""
        reason = f"is no date of the form {trace.date_format}, got {', '.join(bad[:EXAMPLES])}{more}"
        problems.append(f"{WHERE}.columns.date: {reason}; a date in each row, or another date_format")
    elif not bad:
        problems += _outside(day, rows, horizon, trace)
    return day


def _unreadable(text: str) -> datetime:
    raise ValueError(text)


def _date_reader(date_format: str, problems: list[str]) -> Callable[[str], datetime]:
    """A reader of dates; the format itself is tried on a date first."""
    known: dict[str, datetime] = {}
    try:
        if "%z" in date_format or "%Z" in date_format:
            raise ValueError
        datetime.strptime(datetime(2020, 2, 29, 10).strftime(date_format), date_format)
        if datetime.strptime(datetime(2021, 11, 23).strftime(date_format), date_format).date().day != 23:
            raise ValueError
    except (ValueError, TypeError):
        where = f"{WHERE}.date_format"
        problems.append(f"{where}: is no format of a local date, got {shown(date_format)}; %Y-%m-%d, %d/%m/%Y, ...")
        return _unreadable

    def read(text: str) -> datetime:
        if text not in known:
            known[text] = datetime.strptime(text.strip(), date_format)
        return known[text]

    return read


def _outside(day: np.ndarray, rows: Rows, horizon: Horizon, trace: Trace) -> Iterable[str]:
    where, dates = f"{WHERE}.columns.date", rows.columns["date"]
    for wrong, text, key in (
        (day < 0, f"lie before horizon.start {horizon.start}", "horizon.start"),
        (day >= horizon.days, f"lie after the horizon of {horizon.days:g} days", "horizon.days"),
    ):
        hits = np.flatnonzero(wrong)
        if hits.size:
            worst = int(np.argmin(day)) if key == "horizon.start" else int(np.argmax(day))
            lines = _at([rows.lines[i] for i in hits])
            yield f"{where}: dates {text}, got {shown(dates[worst])} ({lines}); {_remedy(key, day, horizon)}"


def _remedy(key: str, day: np.ndarray, horizon: Horizon) -> str:
    if key == "horizon.days":
        return f"horizon.days={int(day.max()) + 1} or more"
    first = datetime.fromisoformat(horizon.start) + timedelta(days=int(np.floor(day.min())))
    return f"horizon.start={first.date().isoformat()} or earlier"


def _codes(rows: Rows, trace: Trace, column: str, names: list[str], blank: str, problems: list[str]) -> np.ndarray:
    """Indices into ``names``; a blank cell is ``blank``."""
    code = {name: index for index, name in enumerate(names)}
    cells = rows.columns.get(column, [""] * len(rows.lines))
    texts = [text.strip() or blank for text in cells]
    strange = sorted({text for text in texts if text not in code})
    for text in strange[:EXAMPLES]:
        hits = [line for line, value in zip(rows.lines, texts, strict=True) if value == text]
        reason = f"is no {column} of the market, got {shown(text)} ({_at(hits)}); {suggest(text, names)}"
        problems.append(f"{WHERE}.columns.{column}: {reason} (known: {', '.join(names)})")
    if len(strange) > EXAMPLES:
        reason = f"has further unknown values, got {', '.join(strange[EXAMPLES:30])}"
        problems.append(f"{WHERE}.columns.{column}: {reason}; {column}s of the market")
    return np.array([code.get(text, 0) for text in texts], np.int64)
