"""One screen after a forecast: what comes, how good that is, targets, what failed, where the files are."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.report.build import NAME
from analysis.report.forecasts.build import PART
from analysis.report.forecasts.faults import remarks
from analysis.report.forecasts.folder import Forecasts
from analysis.report.forecasts.gate import FEW, INSIDE, at_gate, edges
from analysis.report.forecasts.goals import chance, goal
from analysis.report.forecasts.quality import counts, held
from analysis.report.forecasts.view import NAIVE, View, last
from analysis.report.strings import Catalogue, catalogue
from analysis.report.terminal import bullet, cut, line, printed, whole

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_LINES = 23
"""A screen has 24; one is left for what comes next."""

NARROWEST, MOST_TARGETS = 20, 3
MOST_FIGURES, FEWEST_FIGURES = 8, 1


def forecasts_screen(path: Path, language: str = "en", *, colour: bool = False, width: int | None = None) -> str:
    """What a folder of forecasts says, on one screen.

    Parameters
    ----------
    path : Path
        Folder of forecasts.
    language : str
        Language that has a file in ``analysis/report/strings`` and in its folder ``forecasts``.
    colour : bool
        Write the marks by which a terminal shows bold and colours.
    width : int, optional
        Columns; those of the terminal by default.

    Returns
    -------
    str
        At most 23 lines where there are 60 columns or more; no newline at the end.
    """
    text, columns = catalogue(language, PART), max(width or shutil.get_terminal_size().columns, NARROWEST)
    return show(Forecasts(Path(path)), text, columns, colour=colour)


def show(folder: Forecasts, text: Catalogue, columns: int, *, colour: bool = False) -> str:
    """The screen of a folder in ``columns`` columns, with as many series as fit."""
    view = View(folder, text)
    head = [cut(text("forecasts.screen.head", **view.what()), "bold", 0)] if folder.ahead else []
    tail = _tail(view)
    for most in range(MOST_FIGURES, FEWEST_FIGURES - 1, -1):
        shown = printed([*head, *_figures(view, most, columns), *tail], columns, colour)
        if shown.count("\n") < MOST_LINES:
            break
    return shown


def _tail(view: View) -> list[RenderableType]:
    """All that follows the figures."""
    told = {"good": _good(view), "truth": _truth(view), "targets": _targets(view), "faults": _faults(view)}
    parts: list[RenderableType] = []
    for title, lines in told.items():
        if lines:
            parts += [line(view.text(f"forecasts.screen.{title}"), "cyan"), *lines]
    page = view.folder.path / NAME
    where = whole(str(page if page.is_file() else view.folder.path))
    return [*parts, line(view.text("forecasts.screen.where"), "cyan"), where]


def _figures(view: View, most: int, columns: int) -> list[RenderableType]:
    """A line per series with its forecast for the last date and the interval; figures are never cut, names are."""
    from rich.table import Table

    if not view.folder.ahead:
        return []
    names = list(view.folder.ahead)
    shown = (view.shown if len(names) > most else names)[:most]
    table = Table.grid(padding=(0, 2), expand=False)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(columns // 2 - 2, NARROWEST // 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True, style="dim")
    date = view.date(max(view.folder.ahead[n].index[-1] for n in shown))
    heads = (view.text("forecasts.screen.what", date=date), "", view.interval_name(view.level))
    table.add_row(*(line(h, "cyan") for h in heads))
    for name in shown:
        row, unit = last(view.folder.ahead[name]), view.unit(name)
        cells = (f"  {view.series(name)}", view.say.value(row["mean"], unit), view.bounds(row, view.level, unit))
        table.add_row(*map(line, cells))
    rest = len(names) - len(shown)
    more = [cut(view.text("forecasts.screen.more", count=view.text.count(rest)))] if rest else []
    return [table, *more]


def _good(view: View) -> list[RenderableType]:
    """The backtest of the model in use."""
    text = view.text
    if not view.models:
        return [bullet(text("forecasts.screen.no_backtest"))] if view.folder.ahead else []
    if not view.tried:
        return [bullet(text("forecasts.screen.short", steps=view.what()["steps"]))]
    tried = counts(view, view.main)
    key = "once" if tried["origins"] == text.count(1) else "backtest"
    lines = [text(f"forecasts.screen.{key}", model=view.model(view.main), **tried)]
    mase, wis = (view.score(view.main, m) for m in ("mase", "wis"))
    if view.main == NAIVE or mase["ratio"] != mase["ratio"]:
        lines.append(text("forecasts.screen.alone", mase=view.decimal(mase["mean"])))
    else:
        lines.append(text("forecasts.screen.against", mase=view.ratio(mase), wis=view.ratio(wis)))
    if shares := held(view, "forecasts.screen.held"):
        lines.append(text("forecasts.screen.coverage", parts=shares))
    return [bullet(each) for each in lines]


def _truth(view: View) -> list[RenderableType]:
    """How many series meet the gate of the coverage."""
    found = at_gate(view)
    if found.empty:
        return []
    if (found["verdict"] == FEW).all():
        count = view.text.count(found["replications"].max())
        return [bullet(view.text("forecasts.screen.few", count=count))]
    fields = {"inside": view.text.count((found["verdict"] == INSIDE).sum()), "total": view.text.count(len(found))}
    return [bullet(view.text("forecasts.screen.gate", **fields, **edges(view)))]


def _targets(view: View) -> list[RenderableType]:
    rows = view.folder.targets.to_dict("records")
    shown = [
        cut(view.text("forecasts.screen.target", chance=chance(view, row), goal=goal(view, row)))
        for row in rows[:MOST_TARGETS]
    ]
    rest = len(rows) - len(shown)
    return [*shown, cut(view.text("forecasts.screen.more", count=view.text.count(rest)))] if rest else shown


def _faults(view: View) -> list[RenderableType]:
    text, folder, lines = view.text, view.folder, []
    if len(folder.missing):
        names = view.names(list(dict.fromkeys(folder.missing["unique_id"])), 2)
        lines.append(text("forecasts.screen.missing", names=names))
    if len(folder.rejects):
        lines.append(text("forecasts.screen.rejects", count=text.count(len(folder.rejects))))
    told = {name for names in remarks(view).values() for name in names}
    if told:
        lines.append(text("forecasts.screen.remarks", count=text.count(len(told))))
    if folder.warnings():
        lines.append(text("screen.warnings", count=len(folder.warnings()), first=folder.warnings()[0]))
    return [cut(each) for each in lines]
