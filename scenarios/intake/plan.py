"""A plan or budget from a file: rows of metric, period and value, or a row per metric with a column per period."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analysis.attainment.period import FORMS, Period, read_period
from analysis.attainment.target import DIMS
from analysis.metrics import REGISTRY
from scenarios.errors import InputError, shown, suggest
from scenarios.intake.cells import Reader, Unreadable
from scenarios.intake.sheet import EXAMPLES, Sheet, at, read_sheet
from scenarios.intake.source import Source
from sim.spec.opening_source import OpeningFile

WHERE, ACTUAL = "plan", "actual"
WORDS = {WHERE: "a plan", ACTUAL: "months that came"}
"""Keys that name such a file, and what it is called in messages."""

METRIC, PERIOD, VALUE, DIM, LEVEL, SENSE, NAME = "metric", "period", "value", "dim", "level", "at_least", "target"
DATE = "ds"
"""What the period may be called where months come out of another program."""

COLUMNS: tuple[str, ...] = (METRIC, PERIOD, VALUE, NAME, SENSE, DIM, LEVEL, *DIMS)
"""Names of ours that columns may have."""

FORMAT = ("path", "encoding", "delimiter", "decimal", "thousands", "currency", "sheet")

SENSES = {"": None, "true": True, "yes": True, "at_least": True, ">=": True, "1": True,
          "false": False, "no": False, "at_most": False, "<=": False, "0": False}  # fmt: skip
"""What a cell of ``at_least`` may say."""


@dataclass(frozen=True)
class PlannedRow:
    """One figure of the file, with the line it stands in; texts as the file has them, the metric as ours if known."""

    line: int
    name: str
    metric: str
    period: Period
    value: float
    at_least: bool | None
    dim: str
    level: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What the figure is for."""
        return self.metric, self.period.text, self.dim, self.level


def read_plan(plan: Mapping[str, Any], year_end: int, where: str = WHERE) -> tuple[list[PlannedRow], str]:
    """Figures of a plan file, each once, in the order of the file.

    Parameters
    ----------
    plan : mapping
        The key ``plan`` of the configuration: path, columns, values and how numbers are written.
    year_end : int
        Month in which fiscal years end.
    where : str
        What messages call the key: figures that came (``actual``) are written as those of a plan are.

    Returns
    -------
    rows : list of PlannedRow
        A metric that is none of ours keeps its text.
    digest : str
        SHA-256 of the file.

    Raises
    ------
    InputError
        If the file, its columns or any row cannot be read, or two rows contradict each other.
    """
    given = {key: plan[key] for key in FORMAT if plan.get(key) is not None}
    file = OpeningFile(**given)
    source = Source(where, file.path, WORDS[where], file.encoding, file.delimiter, file.sheet, decimal=file.decimal)
    sheet = read_sheet(source)
    if sheet.ragged:
        got = at([sheet.lines[place] for place in sheet.ragged])
        reason = f"rows do not have the {len(sheet.header)} cells of the header"
        raise InputError([f"{where}.path: {reason}, got {got}; quotes around cells that hold a comma"])
    table = _Table(sheet, dict(plan.get("columns") or {}), year_end, where)
    if not sheet.rows:
        raise InputError([f"{where}.path: has a header and no rows, got {file.path}; one row per metric and period"])
    rows = table.rows(Reader(file, datetime.min, datetime.fromisoformat), _names(plan, where))
    return _once(rows, where), sheet.digest


def _names(plan: Mapping[str, Any], where: str) -> dict[str, str]:
    """Our metric by the text that means it."""
    values = plan.get("values") or {}
    if unknown := [key for key in values if key != METRIC]:
        raise InputError([f"{where}.values.{unknown[0]}: has no texts of its own, got {shown(unknown[0])}; metric"])
    found = {text: ours for ours, texts in (values.get(METRIC) or {}).items() for text in texts}
    problems = [
        f"{where}.values.metric.{ours}: is no metric, got {shown(ours)}; {suggest(ours, REGISTRY)}"
        for ours in values.get(METRIC) or {}
        if ours not in REGISTRY
    ]
    if problems:
        raise InputError(problems)
    return found


class _Table:
    """Where in the sheet everything stands."""

    def __init__(self, sheet: Sheet, columns: Mapping[str, str], year_end: int, where: str) -> None:
        self.sheet, self.year_end, self.where = sheet, year_end, where
        self.header = [name.strip() for name in sheet.header]
        self.place: dict[str, int] = {}
        self._find(columns)
        taken = set(self.place.values())
        self.periods = {
            place: period
            for place, name in enumerate(self.header)
            if place not in taken and (period := _period(name, year_end)) is not None
        }
        self._check()

    def _find(self, columns: Mapping[str, str]) -> None:
        lower, what = [name.casefold() for name in self.header], WORDS[self.where]
        problems = [
            f"{self.where}.columns.{ours}: is no column of {what}, got {shown(ours)}; {suggest(ours, COLUMNS)}"
            for ours in columns
            if ours not in COLUMNS
        ]
        doubled = sorted({name for name in self.header if name and self.header.count(name) > 1})
        problems += [f"{self.where}.path: a column is there twice, got {shown(n)}; one header each" for n in doubled]
        for ours in COLUMNS:
            theirs = columns.get(ours)
            if theirs is None and ours in lower:
                self.place[ours] = lower.index(ours)
            elif theirs is None and self.where == ACTUAL and ours == PERIOD and DATE in lower:
                self.place[ours] = lower.index(DATE)
            elif theirs is not None and theirs in self.header:
                self.place[ours] = self.header.index(theirs)
            elif theirs is not None:
                reason = f"is no column of the file, got {shown(theirs)}; {suggest(theirs, self.header)}"
                problems.append(f"{self.where}.columns.{ours}: {reason}")
        if problems:
            raise InputError(problems)

    def _check(self) -> None:
        wanted = [METRIC] if self.wide else [METRIC, PERIOD, VALUE]
        split = " (cells seem to be separated by ;)" if len(self.header) == 1 and ";" in self.header[0] else ""
        found = ", ".join(shown(name) for name in self.header[:30])
        problems = [
            f"{self.where}.columns.{ours}: is no column of the file{split}, got no {ours}; "
            f"columns metric, period, value, or one column per period as in {FORMS} (found: {found})"
            for ours in wanted
            if ours not in self.place
        ]
        if problems:
            raise InputError(problems[:1])

    @property
    def wide(self) -> bool:
        """Whether every period has a column."""
        return PERIOD not in self.place and VALUE not in self.place and bool(self.periods)

    def rows(self, reader: Reader, names: Mapping[str, str]) -> list[PlannedRow]:
        """All figures; everything that cannot be read is told at once."""
        found, wrong = [], []
        for cells, line in zip(self.sheet.rows, self.sheet.lines, strict=True):
            for text, cell in self._figures(cells):
                try:
                    found.append(self._row(line, cells, text, cell, (reader, names)))
                except Unreadable as error:
                    wrong.append(f"{error} in line {line}")
        if wrong:
            more = f" and {len(wrong) - EXAMPLES} more" if len(wrong) > EXAMPLES else ""
            right = "a metric, a period and a number in every row"
            raise InputError(
                [f"{self.where}.path: rows cannot be used, got {', '.join(wrong[:EXAMPLES])}{more}; {right}"]
            )
        return found

    def _figures(self, cells: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Period and value of every figure of a row, as texts; an empty cell below a period is none."""
        if not self.wide:
            yield self._cell(cells, PERIOD), self._cell(cells, VALUE)
            return
        for place, period in self.periods.items():
            if cells[place].strip():
                yield period.text, cells[place]

    def _cell(self, cells: Sequence[str], ours: str) -> str:
        return cells[self.place[ours]].strip() if ours in self.place else ""

    def _row(
        self, line: int, cells: Sequence[str], period: str, value: str, how: tuple[Reader, Mapping[str, str]]
    ) -> PlannedRow:
        reader, names = how
        text = self._cell(cells, METRIC)
        if not text:
            raise Unreadable("no metric")
        dim, level = self._part(cells)
        sense = self._cell(cells, SENSE).casefold()
        if sense not in SENSES:
            raise Unreadable(f"at_least {shown(sense)} (true or false)")
        figure = _number(reader, value)
        known = _known(text, names)
        return PlannedRow(
            line, self._cell(cells, NAME), known, _named(period, self.year_end), figure, SENSES[sense], dim, level
        )

    def _part(self, cells: Sequence[str]) -> tuple[str, str]:
        """Dimension and level that a figure is for, empty for the whole."""
        told = {dim: self._cell(cells, dim) for dim in DIMS}
        if dim := self._cell(cells, DIM):
            if dim not in DIMS:
                raise Unreadable(f"dim {shown(dim)} ({suggest(dim, DIMS)})")
            told[dim] = self._cell(cells, LEVEL)
            if not told[dim]:
                raise Unreadable(f"no level of {dim}")
        parts = [(dim, level) for dim, level in told.items() if level]
        if len(parts) > 1:
            raise Unreadable(f"both {parts[0][0]} and {parts[1][0]}")
        return parts[0] if parts else ("", "")


def _period(text: str, year_end: int) -> Period | None:
    try:
        return read_period(text, year_end)
    except ValueError:
        return None


def _named(text: str, year_end: int) -> Period:
    try:
        return read_period(text, year_end)
    except ValueError as error:
        raise Unreadable(f"period {shown(text)} ({error})") from None


def _number(reader: Reader, text: str) -> float:
    try:
        value = reader.signed(text)
    except Unreadable as error:
        raise Unreadable(f"value {shown(text)} ({error})") from None
    if math.isnan(value):
        raise Unreadable("no value")
    return value


def _known(text: str, names: Mapping[str, str]) -> str:
    """Our metric for a text: as declared, else by its name with blanks for underscores; a text of its own stays."""
    plain = "_".join(text.casefold().split())
    return names.get(text) or (plain if plain in REGISTRY else text)


def _once(rows: Sequence[PlannedRow], where: str) -> list[PlannedRow]:
    """Every figure once; two that differ contradict each other."""
    first: dict[tuple[str, str, str, str], PlannedRow] = {}
    clash = []
    for row in rows:
        before = first.setdefault(row.key, row)
        if (before.value, before.at_least) != (row.value, row.at_least):
            what = " ".join(filter(None, row.key))
            clash.append(f"{shown(what)} in lines {before.line} and {row.line}")
    if clash:
        more = f" and {len(clash) - EXAMPLES} more" if len(clash) > EXAMPLES else ""
        raise InputError([f"{where}.path: says two things of one figure, got {', '.join(clash[:EXAMPLES])}{more}; one"])
    return list(first.values())
