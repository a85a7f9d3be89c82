"""Budgets read from a file: channel, month, amount, one row each.

What the file says is written into the configuration that is built, beside budgets that stand there already and hold
against the file. The digest of a study has the content of the file in place of its path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scenarios.errors import InputError, shown, suggest
from scenarios.intake.sheet import Sheet, at, check_header, read_sheet
from scenarios.intake.source import Source
from scenarios.studies.resolve import Tree, resolve

WHERE = "policy.budgets"
COLUMNS = ("channel", "month", "amount")
AMOUNT = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")
MOST = 1e15
"""Amounts beyond it are mistakes."""


def with_budgets(tree: Tree) -> tuple[Tree, dict[str, str]]:
    """A configuration with the budgets of its file, and the digest of the file by its key.

    Raises
    ------
    InputError
        With one problem per kind of mistake; rows are named by their line.
    """
    policy = tree.get("policy")
    given = policy.get("budgets") if isinstance(policy, Mapping) else None
    if not isinstance(given, Mapping) or not isinstance(given.get("path"), str) or not isinstance(policy, Mapping):
        return tree, {}
    channels = policy.get("channels")
    if not isinstance(channels, Mapping) or not all(isinstance(each, Mapping) for each in channels.values()):
        return tree, {}
    found, digest = read_budgets(given, list(channels))
    merged = {name: _beside(tree, spec, found[name]) if name in found else spec for name, spec in channels.items()}
    return {**tree, "policy": {**policy, "channels": merged}}, {f"{WHERE}.path": digest}


def _beside(tree: Tree, spec: Tree, found: Mapping[str, float]) -> Tree:
    """A channel with the budgets of the file beside its own; what is no budget stays, and is said later."""
    own = resolve({**tree, "": spec.get("budget") or {}}).tree[""]
    return {**spec, "budget": {**found, **own}} if isinstance(own, Mapping) else spec


def read_budgets(given: Mapping[str, Any], channels: list[str]) -> tuple[dict[str, dict[str, float]], str]:
    """Amounts by channel and month of a file, and its digest; see ``with_budgets``."""
    columns = _columns(given)
    sheet = _sheet(given, columns)
    problems: list[str] = []
    names = _channels(sheet, columns["channel"], channels, problems)
    months = _months(sheet, columns["month"], _month_format(given), problems)
    amounts = _amounts(sheet, columns["amount"], problems)
    if problems or (problems := _twice(sheet, names, months)):
        raise InputError(problems)
    found: dict[str, dict[str, float]] = {}
    for name, month, amount in zip(names, months, amounts, strict=True):
        found.setdefault(name, {})[month] = amount
    return found, sheet.digest


def _columns(given: Mapping[str, Any]) -> dict[str, str]:
    """Our names of columns to those of the file."""
    theirs = given.get("columns") or {}
    if not isinstance(theirs, Mapping):
        raise InputError([f"{WHERE}.columns: must be a mapping of keys, got {shown(theirs)}"])
    for name, header in theirs.items():
        if name not in COLUMNS:
            where = f"{WHERE}.columns.{name}"
            raise InputError([f"{where}: is unknown, got {shown(header)}; {suggest(str(name), COLUMNS)}"])
    return {name: str(theirs.get(name, name)) for name in COLUMNS}


def _sheet(given: Mapping[str, Any], columns: Mapping[str, str]) -> Sheet:
    source = Source(
        WHERE, str(given["path"]), "budgets", str(given.get("encoding", "utf-8")), date_format=_month_format(given)
    )
    sheet = read_sheet(source)
    check_header(sheet, source, columns)
    if not sheet.rows:
        reason = f"has a header and no rows, got {shown(source.path)}"
        raise InputError([f"{WHERE}.path: {reason}; one row for each channel and month"])
    if ragged := [sheet.lines[place] for place in sheet.ragged]:
        reason = f"rows do not have the {len(sheet.header)} cells of the header"
        raise InputError([f"{WHERE}.path: {reason}, got {at(ragged)}; quotes around cells that hold a comma"])
    return sheet


def _month_format(given: Mapping[str, Any]) -> str:
    """How months are written; dates of a workbook are read as months in this form."""
    return str(given.get("month_format", "%Y-%m"))


def _channels(sheet: Sheet, column: str, known: list[str], problems: list[str]) -> list[str]:
    names = [cell.strip() for cell in sheet.column(column)]
    for name in sorted({name for name in names if name not in known}):
        lines = [line for line, each in zip(sheet.lines, names, strict=True) if each == name]
        reason = f"is no channel of the policy, got {shown(name)} ({at(lines)}); {suggest(name, known)}"
        problems.append(f"{WHERE}.columns.channel: {reason}")
    return names


def _months(sheet: Sheet, column: str, month_format: str, problems: list[str]) -> list[str]:
    if not _tells_months(month_format):
        reason = f"is no format of a month, got {shown(month_format)}"
        problems.append(f"{WHERE}.month_format: {reason}; %Y-%m, %m/%Y, %Y-%m-%d, ...")
        return []
    found, bad = [], []
    for cell, line in zip(sheet.column(column), sheet.lines, strict=True):
        try:
            found.append(f"{datetime.strptime(cell.strip(), month_format):%Y-%m}")
        except ValueError:
            bad.append((cell, line))
    if bad:
        reason = f"is no month of the form {month_format}, got {shown(bad[0][0])} ({at([line for _, line in bad])})"
        problems.append(f"{WHERE}.columns.month: {reason}; a month in each row, or another month_format")
    return found


def _tells_months(month_format: str) -> bool:
    """Whether a format gives back year and month of a date."""
    try:
        found = datetime.strptime(datetime(2021, 11, 23).strftime(month_format), month_format)
    except (ValueError, re.error):
        return False
    return (found.year, found.month) == (2021, 11)


def _amounts(sheet: Sheet, column: str, problems: list[str]) -> list[float]:
    cells = [cell.strip() for cell in sheet.column(column)]
    bad = [(cell, line) for cell, line in zip(cells, sheet.lines, strict=True)
           if not AMOUNT.fullmatch(cell) or float(cell) >= MOST]  # fmt: skip
    if bad:
        reason = f"is no amount, got {shown(bad[0][0])} ({at([line for _, line in bad])})"
        problems.append(f"{WHERE}.columns.amount: {reason}; a plain number such as 1200.50 in each row")
        return []
    return [float(cell) for cell in cells]


def _twice(sheet: Sheet, names: list[str], months: list[str]) -> list[str]:
    """Rows that give a month of a channel again."""
    seen: dict[tuple[str, str], int] = {}
    again = []
    for key, line in zip(zip(names, months, strict=True), sheet.lines, strict=True):
        if seen.setdefault(key, line) != line:
            again.append((key, line))
    if not again:
        return []
    (name, month), _ = again[0]
    lines = at([line for _, line in again])
    return [f"{WHERE}.path: has a month of a channel twice, got {name} {month} ({lines}); one row for each"]
