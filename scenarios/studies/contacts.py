"""First contacts read from a file: one account per row, its id kept exactly as it stands there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from scenarios.errors import InputError, shown, suggest
from scenarios.intake.cells import bad_format, date_reader
from scenarios.intake.sheet import EXAMPLES, at, check_header, read_sheet
from scenarios.intake.source import Source
from sim.spec.contacts import Contacts
from sim.spec.market import MarketSpec, Trace
from sim.spec.study import Horizon

WHERE = "market.first_contacts"
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
    source = Source(WHERE, trace.path, "first contacts", trace.encoding)
    sheet = read_sheet(source)
    check_header(sheet, source, {str(ours): theirs for ours, theirs in trace.columns.items()})
    if not sheet.rows:
        raise InputError([f"{WHERE}.path: has a header and no rows, got {trace.path}; one row per account"])
    if ragged := [sheet.lines[place] for place in sheet.ragged]:
        reason = f"rows do not have the {len(sheet.header)} cells of the header"
        raise InputError([f"{WHERE}.path: {reason}, got {at(ragged)}; quotes around cells that hold a comma"])
    return Rows({ours: sheet.column(theirs) for ours, theirs in trace.columns.items()}, sheet.lines, sheet.digest)


def _ids(rows: Rows, trace: Trace, problems: list[str]) -> tuple[str, ...]:
    ids, name = rows.columns["external_id"], trace.columns["external_id"]
    empty = [line for line, value in zip(rows.lines, ids, strict=True) if not value.strip()]
    if empty:
        problems.append(f"{WHERE}.columns.external_id: {shown(name)} is empty, got {at(empty)}; an id for each row")
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
    read = date_reader(trace.date_format)
    if read is None:
        problems.append(bad_format(f"{WHERE}.date_format", trace.date_format))
        return np.zeros(len(rows.lines))
    start = datetime.fromisoformat(horizon.start)
    day, bad = np.zeros(len(rows.lines)), []
    for index, text in enumerate(rows.columns["date"]):
        try:
            day[index] = (read(text) - start) / timedelta(days=1)
        except (ValueError, TypeError):
            bad.append(f"{shown(text)} in line {rows.lines[index]}")
    if bad:
        more = f" and {len(bad) - EXAMPLES} more" if len(bad) > EXAMPLES else ""
        reason = f"is no date of the form {trace.date_format}, got {', '.join(bad[:EXAMPLES])}{more}"
        problems.append(f"{WHERE}.columns.date: {reason}; a date in each row, or another date_format")
    else:
        problems += _outside(day, rows, horizon, trace)
    return day


def _outside(day: np.ndarray, rows: Rows, horizon: Horizon, trace: Trace) -> Iterable[str]:
    where, dates = f"{WHERE}.columns.date", rows.columns["date"]
    for wrong, text, key in (
        (day < 0, f"lie before horizon.start {horizon.start}", "horizon.start"),
        (day >= horizon.days, f"lie after the horizon of {horizon.days:g} days", "horizon.days"),
    ):
        hits = np.flatnonzero(wrong)
        if hits.size:
            worst = int(np.argmin(day)) if key == "horizon.start" else int(np.argmax(day))
            lines = at([rows.lines[i] for i in hits])
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
        reason = f"is no {column} of the market, got {shown(text)} ({at(hits)}); {suggest(text, names)}"
        problems.append(f"{WHERE}.columns.{column}: {reason} (known: {', '.join(names)})")
    if len(strange) > EXAMPLES:
        reason = f"has further unknown values, got {', '.join(strange[EXAMPLES:30])}"
        problems.append(f"{WHERE}.columns.{column}: {reason}; {column}s of the market")
    return np.array([code.get(text, 0) for text in texts], np.int64)
