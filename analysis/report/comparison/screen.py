"""One screen after a comparison: what differs, how sure, why, who, where the page is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.report.build import NAME
from analysis.report.comparison.build import PART, cases
from analysis.report.comparison.case import SURE, ZERO, Case, Difference
from analysis.report.comparison.decision import decided
from analysis.report.comparison.folder import Comparison
from analysis.report.comparison.planned import reached
from analysis.report.comparison.sure import stopped
from analysis.report.comparison.who import counts as flipped
from analysis.report.comparison.why import told as driven
from analysis.report.strings import Catalogue, catalogue
from analysis.report.terminal import bullet, cut, line, printed, whole

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_LINES = 23
"""A screen has 24; one is left for what comes next."""

NARROWEST, METRIC, BASE, PLAN, MOST_PLAN, SHORTEST = 20, 36, 12, 20, 30, 8
"""Columns of the narrowest screen, of a metric with its base, of the base alone, of a plan, of the widest plan, and of
the shortest name."""

MOST_METRICS, FEWEST_METRICS = 8, 1


def comparison_screen(path: Path, language: str = "en", *, colour: bool = False, width: int | None = None) -> str:
    """What a comparison folder says, on one screen per business.

    Parameters
    ----------
    path : Path
        Comparison folder.
    language : str
        Language that has a file in ``analysis/report/strings`` and in its folder ``comparison``.
    colour : bool
        Write the marks by which a terminal shows bold and colours.
    width : int, optional
        Columns; those of the terminal by default.

    Returns
    -------
    str
        At most 23 lines per business where there are 60 columns or more and three plans or fewer; no newline at the
        end.
    """
    text, columns = catalogue(language, PART), max(width or shutil.get_terminal_size().columns, NARROWEST)
    return show(Comparison(Path(path)), text, columns, colour=colour)


def show(folder: Comparison, text: Catalogue, columns: int, *, colour: bool = False) -> str:
    """The screens of a comparison in ``columns`` columns, with as many metrics as fit."""
    where = _where(folder, text)
    found = cases(folder, text)
    if not found:
        return printed(where, columns, colour)
    tails: list[list[RenderableType]] = [[] for _ in found[1:]]
    return "\n\n".join(_fitted(case, tail, columns, colour) for case, tail in zip(found, [*tails, where], strict=True))


def _fitted(case: Case, tail: list[RenderableType], columns: int, colour: bool) -> str:
    for most in range(MOST_METRICS, FEWEST_METRICS - 1, -1):
        shown = printed([*_parts(case, most, columns), *tail], columns, colour)
        if shown.count("\n") < MOST_LINES:
            break
    return shown


def _parts(case: Case, most: int, columns: int) -> list[RenderableType]:
    text, metrics = case.text, [m for m in (case.primary or case.metrics) if case.across(m)][:most]
    fits = METRIC + PLAN * len(case.plans) <= columns
    table = _wide(case, metrics, columns) if fits else _stacked(case, metrics, columns)
    parts = [cut(text("compare.screen.head", **case.what()), "bold", 0), table]
    if sentences := decided(case):
        parts += [line(text("compare.decision.title"), "cyan"), *map(cut, sentences)]
    if counted := reached(case):
        parts += [line(text("plan.title"), "cyan"), *map(cut, counted)]
    if len(case.of(case.folder.driver_means)):
        why = {p: driven(case, p) or text("compare.screen.no_driver") for p in case.plans}
        parts += [line(text("compare.screen.why"), "cyan"), *_lines(case, why)]
    if len(case.of(case.folder.flips)):
        parts += [line(text("compare.screen.who"), "cyan"), *_lines(case, {p: _flips(case, p) for p in case.plans})]
    pairs = text("compare.screen.pairs", replications=text.count(case.replications))
    why_stopped = text("words.notes").join(t for t in (pairs, stopped(case.folder)) if t)
    legend = text("compare.screen.legend", mark=text("compare.screen.mark"), level=case.say.percent(case.level))
    return [*parts, line(text("compare.screen.sure"), "cyan"), bullet(why_stopped), bullet(legend)]


def _flips(case: Case, plan: str) -> str:
    shown = [case.text.number(v, "count") for v in flipped(case, plan)]
    if not any(flipped(case, plan)):
        return case.text("compare.flips.nobody")
    return case.text("compare.screen.flips", gained=shown[0], lost=shown[1], other=shown[2])


def _lines(case: Case, told: dict[str, str]) -> list[RenderableType]:
    """A line per plan, its label left out where there is one plan."""
    if len(told) == 1:
        return [cut(t) for t in told.values()]
    short = {p: clipped(case.label(p), PLAN) for p in told}
    return [cut(case.text("compare.screen.line", plan=short[p], text=t)) for p, t in told.items()]


def clipped(label: str, most: int) -> str:
    """A label in at most so many columns."""
    from rich.cells import cell_len, set_cell_size

    return label if cell_len(label) <= most else f"{set_cell_size(label, most - 1).rstrip()}…"


def _wide(case: Case, metrics: list[str], columns: int) -> RenderableType:
    """Metrics down, plans across, intervals below the differences; figures are never cut, names are."""
    from rich.table import Table

    room = min((columns - METRIC) // len(case.plans), MOST_PLAN) - 1
    table = Table.grid(padding=(0, 1), expand=False)
    table.add_column(no_wrap=True)
    for _ in (case.base, *case.plans):
        table.add_column(justify="right", no_wrap=True, overflow="ellipsis")
    labels = [clipped(case.label(case.base), BASE), *(f"{clipped(case.label(p), room - 2)}  " for p in case.plans)]
    table.add_row(*(line(h, "cyan") for h in (clipped(case.text("compare.screen.metric"), METRIC - BASE - 2), *labels)))
    for metric in metrics:
        found = [case.row(p, metric) for p in case.plans]
        one = next(r for r in found if r)
        name = clipped(f"  {case.say.metric(metric)}", METRIC - BASE - 2)
        base = case.text.number(one.base, one.unit)
        table.add_row(line(name), line(base), *(line(_value(case, r)) for r in found))
        bounds = [clipped(_bounds(case, r), room - 2) for r in found]
        if any(bounds):
            table.add_row(line(f"    {case.text.unit(one.unit)}", "dim"), "", *(line(f"{b}  ", "dim") for b in bounds))
    return table


def _value(case: Case, row: Difference | None) -> str:
    if row is None:
        return f"{case.text('format.undefined')}  "
    mark = case.text("compare.screen.mark") if row.verdict == SURE else " "
    return f"{case.shown(row, bare=True)} {mark}"


def _bounds(case: Case, row: Difference | None) -> str:
    return "" if row is None or row.verdict == ZERO else case.interval(row)


def _stacked(case: Case, metrics: list[str], columns: int) -> RenderableType:
    """A line per metric with its base, and one per plan below it; figures are never cut, names are."""
    from rich.cells import cell_len
    from rich.table import Table

    lines: list[tuple[str, str, str]] = []
    for metric in metrics:
        rows = case.across(metric)
        one = next(iter(rows.values()))
        base = clipped(case.text("compare.screen.base", base=case.label(case.base)), PLAN)
        lines.append((case.say.metric(metric), f"{case.say.value(one.base, one.unit)}  ", base))
        lines += [(f"  {case.label(p)}", _value(case, r), _bounds(case, r)) for p, r in rows.items()]
    taken = sum(max(cell_len(row[i]) for row in lines) + 1 for i in (1, 2)) if lines else 0
    table = Table.grid(padding=(0, 1), expand=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", style="dim")
    for name, value, bounds in lines:
        style = "" if name.startswith(" ") else "cyan"
        table.add_row(line(clipped(name, max(columns - taken, SHORTEST)), style), line(value), line(bounds))
    return table


def _where(folder: Comparison, text: Catalogue) -> list[RenderableType]:
    page = folder.path / NAME
    return [line(text("compare.screen.where"), "cyan"), whole(str(page if page.is_file() else folder.path))]
