"""One screen after a back-test: the scores by metric, what they rest on, where the files are."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.report.backtest import PAGE, View, attention
from analysis.report.terminal import bullet, cut, line, printed, whole

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_LINES, NARROWEST = 23, 20
MOST_METRICS, MOST_LEFT = 14, 3
FULL, HALF = 84, 56
"""Columns from which all figures are shown, and all but the means."""

MEANS, INTERVALS, SCORE = ("actual", "simulated"), ("held_80", "held_95"), ("ratio",)


def backtest_screen(
    path: Path, file: str, language: str = "en", *, colour: bool = False, width: int | None = None
) -> str:
    """What a back-test says, on one screen; parameters as of ``build_backtest``, and the columns of the terminal."""
    view = View(path, file, language)
    columns = max(width or shutil.get_terminal_size().columns, NARROWEST)
    head = cut(view.text("backtest.screen.head", **view.what()), "bold", 0)
    tail = _tail(view, path)
    for most in range(MOST_METRICS, 0, -1):
        shown = printed([head, *_scores(view, columns, most), *tail], columns, colour)
        if shown.count("\n") < MOST_LINES:
            break
    return shown


def _scores(view: View, columns: int, most: int) -> list[RenderableType]:
    """A line per metric; figures are never cut, names are, and columns are left out where there is no room."""
    from rich.table import Table

    names = [*(MEANS if columns >= FULL else ()), "bias", *(INTERVALS if columns >= HALF else ()), *SCORE]
    table = Table.grid(padding=(0, 2), expand=False)
    room = max(columns - 14 * len(names) - 2, NARROWEST // 2)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=room)
    for _ in names:
        table.add_column(justify="right", no_wrap=True)
    table.add_row(*(line(each, "cyan") for each in ("", *(view.text(f"backtest.{name}") for name in names))))
    rows = view.scored.to_dict("records")
    for row in rows[:most]:
        unit = str(row["unit"])
        share = view.share(row)
        cells = {
            "actual": view.say.value(float(row["actual"]), unit),
            "simulated": view.text.number(float(row["simulated"]), unit),
            "bias": share or view.text.number(float(row["bias"]), unit),
            "held_80": view.count_of(row, "held_80"),
            "held_95": view.count_of(row, "held_95"),
            "ratio": view.ratio(float(row["ratio"])),
        }
        table.add_row(line(f"  {view.name(row)}"), *(line(cells[name]) for name in names))
    rest = len(rows) - most
    return [table, *([cut(view.text("backtest.screen.more", count=view.text.count(rest)))] if rest > 0 else [])]


def _tail(view: View, path: Path) -> list[RenderableType]:
    text = view.text
    told = [text("backtest.screen.held", **view.held(view.scored)), view.better(), *attention(view)]
    if view.left:
        told[-1] = _left(view)
    lines = [bullet(each) for each in filter(None, told)]
    where = whole(str(path / PAGE))
    return [line(text("backtest.screen.how"), "cyan"), *lines, line(text("backtest.screen.where"), "cyan"), where]


def _left(view: View) -> str:
    """The first figures that are not scored, and how many more there are."""
    names, rest = [view.reason(row) for row in view.left[:MOST_LEFT]], len(view.left) - MOST_LEFT
    if rest > 0:
        names.append(view.text("backtest.screen.left_more", count=view.text.count(rest)))
    return view.text("backtest.screen.left", names="; ".join(names))
