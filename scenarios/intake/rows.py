"""Rows of one opening file, cell by cell; those that cannot be used are put aside with the reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from scenarios.errors import InputError, nearest, shown, suggest
from scenarios.intake.cells import BLANK, Reader, Unreadable, bad_format, date_reader
from scenarios.intake.shape import FORMS, Form
from scenarios.intake.sheet import EXAMPLES, Sheet, at, check_header, read_sheet
from scenarios.intake.source import Source
from sim.spec.opening_source import OpeningFile

WHERE = "market.opening"

Row = dict[str, Any]
"""One row: the columns of its form, absent ones blank (NaN, empty text or -1), ``line``, and ``cells``: our column to
their name of it and the cell as it stands there."""

_MAIL_HEADER = re.compile(r"e-?mail|邮箱|电子邮件", re.IGNORECASE)
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, order=True)
class Rejected:
    """A row that was put aside: file, line, the column and its cell, and why."""

    file: str
    line: int
    column: str
    value: str
    reason: str


@dataclass
class Content:
    """What one file holds.

    Attributes
    ----------
    rows : list of Row
        Rows that can be used, in the order of the file.
    total : int
        Rows of the file, exact doubles left out.
    """

    name: str
    rows: list[Row] = field(default_factory=list)
    rejects: list[Rejected] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    total: int = 0
    digest: str = ""

    @property
    def where(self) -> str:
        """Key of the configuration that names the file."""
        return f"{WHERE}.{self.name}"

    def reject(self, row: Row, column: str, reason: str) -> None:
        """Put a row aside, for the cell in a column of ours."""
        theirs, cell = row["cells"].get(column, (column, ""))
        self.rejects.append(Rejected(self.name, row["line"], theirs, cell, reason))

    def put_aside(self, found: Iterable[tuple[int, str, str]]) -> None:
        """Put aside the rows at some places, each with column and reason."""
        aside = {place: (column, reason) for place, column, reason in found}
        for place, why in sorted(aside.items()):
            self.reject(self.rows[place], *why)
        self.rows = [row for place, row in enumerate(self.rows) if place not in aside]

    def check(self, most: float) -> None:
        """Refuse the file if more than a share of its rows was put aside.

        Raises
        ------
        InputError
        """
        count = len(self.rejects)
        if count <= most * self.total:
            return
        reasons = Counter(f"{found.column} {found.reason}" for found in self.rejects)
        listed = ", ".join(f"{reason}: {number}" for reason, number in reasons.most_common(EXAMPLES))
        share = f"{WHERE}.max_rejected={_up(count / self.total):g}"
        got = f"got {count} of {self.total} that cannot be used ({listed}; {at(sorted(r.line for r in self.rejects))})"
        raise InputError([f"{self.where}.path: has too many rows to put aside, {got}; rows put right, or {share}"])


def _up(share: float) -> float:
    """A share rounded up to a hundredth."""
    return min(1.0, -(-share * 100 // 1) / 100)


def read_rows(name: str, file: OpeningFile, start: str, names: Mapping[str, Sequence[str]]) -> Content:
    """Rows of an opening file.

    Parameters
    ----------
    name : str
        Which of ``FORMS`` it is.
    file : OpeningFile
    start : str
        ISO date of the opening.
    names : mapping
        Coded column to the names that its cells may bear.

    Raises
    ------
    InputError
        If it is no such table, or its settings do not fit it.
    """
    form, content = FORMS[name], Content(name)
    where = content.where
    read = date_reader(file.date_format)
    problems = [] if read else [bad_format(f"{where}.date_format", file.date_format)]
    problems += _settings(where, file, form, names)
    if problems or read is None:
        raise InputError(problems)
    source = Source(
        where, file.path, form.what, file.encoding, file.delimiter, file.sheet, file.date_format, file.decimal
    )
    sheet = read_sheet(source)
    columns = _columns(sheet, source, file, form)
    content.digest = sheet.digest
    content.warnings += _cautions(content, sheet, columns, form)
    _read(content, sheet, columns, _Cells(form, Reader(file, datetime.fromisoformat(start), read), names))
    _doubles(content, form)
    return content


def _settings(where: str, file: OpeningFile, form: Form, names: Mapping[str, Sequence[str]]) -> list[str]:
    """What is wrong with the settings of a file before it is looked at."""
    problems = []
    for column in file.columns:
        if column not in form.cells:
            reason = f"is no column of {form.what}, got {shown(column)}; {suggest(column, form.cells)}"
            problems.append(f"{where}.columns.{column}: {reason}")
    coded = [column for column, kind in form.cells.items() if kind == "code"]
    for column, values in file.values.items():
        if column not in coded:
            problems.append(f"{where}.values.{column}: is no column of names, got {shown(column)}; {', '.join(coded)}")
            continue
        for value in values:
            if value not in names[column]:
                reason = f"is no {column} here, got {shown(value)}; {suggest(value, names[column])}"
                problems.append(f"{where}.values.{column}.{value}: {reason}")
    if file.thousands == file.decimal:
        problems.append(f"{where}.thousands: is the decimal sign as well, got {shown(file.thousands)}; another one")
    return problems


def _columns(sheet: Sheet, source: Source, file: OpeningFile, form: Form) -> dict[str, str]:
    """Our columns that the file has, with their names there."""
    wanted = {column: file.columns.get(column, column) for column in form.cells}
    must = {column: theirs for column, theirs in wanted.items() if column in (*form.required, *file.columns)}
    check_header(sheet, source, must)
    if not sheet.rows:
        raise InputError([f"{source.where}.path: has a header and no rows, got {source.path}; one row each"])
    return {column: theirs for column, theirs in wanted.items() if theirs in sheet.header}


def _cautions(content: Content, sheet: Sheet, columns: Mapping[str, str], form: Form) -> list[str]:
    """Columns that are personal, or that were probably meant to be read."""
    found = []
    unread = [name for name in sheet.header if name not in columns.values()]
    absent = [column for column in form.cells if column not in columns]
    for name in unread:
        if _MAIL_HEADER.search(name):
            found.append(f"{content.where}.path: has a column of e-mail addresses, got {shown(name)}; it is not read")
        elif close := nearest(name.strip().lower().replace(" ", "_"), absent):
            right = f"{content.where}.columns.{close} if that is meant"
            found.append(f"{content.where}.path: has a column that is not read, got {shown(name)}; {right}")
    ids = columns.get("external_id")
    place = sheet.header.index(ids) if ids else -1
    if ids and any(_MAIL.fullmatch(row[place].strip()) for row in sheet.rows if len(row) > place):
        found.append(
            f"{content.where}.columns.external_id: holds e-mail addresses, which tables of runs will; other ids"
        )
    return found


@dataclass(frozen=True)
class _Cells:
    """How the cells of a row are read."""

    form: Form
    reader: Reader
    names: Mapping[str, Sequence[str]]
    unknown: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def codes(self, column: str) -> dict[str, int]:
        """Their texts and our names, with the place of the name."""
        names, theirs = self.names[column], self.reader.file.values.get(column, {})
        found = {name: place for place, name in enumerate(names)}
        return found | {text: found[name] for name, texts in theirs.items() for text in texts}

    def read(self, column: str, cell: str, line: int, codes: Mapping[str, Mapping[str, int]]) -> Any:
        kind = self.form.cells[column]
        if kind != "code":
            value = getattr(self.reader, kind)(cell)
            if column in self.form.required and (value == "" or value != value):
                raise Unreadable("is empty")
            return value
        text = cell.strip()
        if not text:
            if column in self.form.required:
                raise Unreadable("is empty")
            return -1
        if text not in codes[column]:
            self.unknown.setdefault((column, text), []).append(line)
        return codes[column].get(text, -1)


def _blank(kind: str) -> Any:
    return {"code": -1, "text": ""}.get(kind, BLANK)


def _read(content: Content, sheet: Sheet, columns: Mapping[str, str], cells: _Cells) -> None:
    ragged = set(sheet.ragged)
    places = {column: sheet.header.index(theirs) for column, theirs in columns.items()}
    codes = {column: cells.codes(column) for column in columns if cells.form.cells[column] == "code"}
    for place, raw in enumerate(sheet.rows):
        row: Row = {"line": sheet.lines[place], "cells": {}}
        content.total += 1
        if place in ragged:
            content.reject(row, "", f"has {len(raw)} cells, the header {len(sheet.header)}")
            continue
        for column, kind in cells.form.cells.items():
            if column not in places:
                row[column] = _blank(kind)
                continue
            cell = raw[places[column]]
            row["cells"][column] = (columns[column], cell)
            try:
                row[column] = cells.read(column, cell, row["line"], codes)
            except Unreadable as error:
                content.reject(row, column, str(error))
                break
        else:
            content.rows.append(row)
    _refuse_unknown(content, cells)
    _refuse_dates(content, columns, cells)


def _refuse_unknown(content: Content, cells: _Cells) -> None:
    """Names that mean nothing here are a matter of settings, not of rows."""
    problems = []
    for (column, text), lines in list(cells.unknown.items())[:EXAMPLES]:
        known = cells.names[column]
        reason = f"is no {column} here, got {shown(text)} ({at(lines)}); {suggest(text, known)}"
        right = f", or {content.where}.values.{column}: {{NAME: [{shown(text)}]}} (known: {', '.join(known)})"
        problems.append(f"{content.where}.columns.{column}: {reason}{right}")
    if problems:
        raise InputError(problems)


def _refuse_dates(content: Content, columns: Mapping[str, str], cells: _Cells) -> None:
    """A column without one readable date has another format."""
    reason = f"is no date of the form {cells.reader.file.date_format}"
    wrong = [found for found in content.rejects if found.reason == reason]
    if content.rows or not wrong or len(wrong) < len(content.rejects):
        return
    got = f"{shown(wrong[0].value)} in line {wrong[0].line}"
    form = f"{content.where}.date_format"
    if re.fullmatch(r"[0-9]{1,2}([/.-])[0-9]{1,2}\1[0-9]{4}", wrong[0].value.strip()):
        raise InputError([f"{form}: is not that of the file, got {got}; %d/%m/%Y or %m/%d/%Y, whichever it is"])
    raise InputError([f"{form}: is not that of the file, got {got}; its own format, for example %d.%m.%Y"])


def _key(row: Row, column: str) -> Any:
    """What a row is about; no product is the main one."""
    return max(row[column], 0) if column == "product" else row[column]


def _doubles(content: Content, form: Form) -> None:
    """Exact doubles are dropped and counted; rows of one thing that differ are all put aside."""
    if not form.key:
        return
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, row in enumerate(content.rows):
        groups.setdefault(tuple(_key(row, column) for column in form.key), []).append(place)
    dropped: set[int] = set()
    aside: list[tuple[int, str, str]] = []
    for places in groups.values():
        alike = {repr([content.rows[place][column] for column in FORMS[content.name].cells]) for place in places}
        if len(alike) == 1:
            dropped.update(places[1:])
        else:
            aside += [(place, "external_id", "is there twice with different cells") for place in places]
    if dropped:
        lines = at([content.rows[place]["line"] for place in sorted(dropped)])
        content.warnings.append(f"{content.where}.path: has rows twice, got {len(dropped)} ({lines}); each counts once")
        content.total -= len(dropped)
    gone = {content.rows[place]["line"] for place in dropped}
    content.put_aside(aside)
    content.rows = [row for row in content.rows if row["line"] not in gone]
