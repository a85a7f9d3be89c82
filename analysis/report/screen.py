"""One screen after a run: what happened, how sure, where the files are."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.report.assurance import in_range, origins
from analysis.report.figures import desk_totals
from analysis.report.folder import Folder
from analysis.report.plan import lines as plan_lines
from analysis.report.results import headline_metrics
from analysis.report.strings import catalogue
from analysis.report.terminal import bullet, cut, line, printed, whole
from analysis.report.wording import Wording

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_LINES = 23
"""A screen has 24; one is left for what comes next."""

SIZES = (*((figures, 3) for figures in range(9, 4, -1)), *((4, targets) for targets in (3, 2, 1, 0)), (3, 0), (2, 0))
"""Figures and targets that are shown, the most that fit."""

UNPLANNED = 6
"""How many of the sizes make a difference without targets."""

NARROW, NARROWEST = 66, 20
MOST_NAMES, MOST_DESKS = 2, 4
REPORT, FIGURES, TABLES = "report.html", "summary.csv", "*.parquet"


def screen(path: Path, language: str = "en", width: int | None = None, *, colour: bool = False) -> str:
    """What a run folder says, on one screen.

    Parameters
    ----------
    path : Path
        Run folder.
    language : str
        Language that has a file in ``analysis/report/strings``.
    width : int, optional
        Columns; those of the terminal by default.
    colour : bool
        Write the marks by which a terminal shows bold and colours.

    Returns
    -------
    str
        Less than 24 lines where there are 80 columns or more; no newline at the end.
    """
    columns = max(width or shutil.get_terminal_size().columns, NARROWEST)
    return show(Wording(Folder(Path(path)), catalogue(language)), columns, colour=colour)


def show(say: Wording, columns: int, *, colour: bool = False) -> str:
    """The screen of one run in ``columns`` columns, with as many figures as fit."""
    for figures, targets in SIZES if plan_lines(say, 0) else SIZES[:UNPLANNED]:
        shown = printed(_parts(say, figures, targets, columns < NARROW), columns, colour)
        if shown.count("\n") < MOST_LINES:
            break
    return shown


def _parts(say: Wording, figures: int, targets: int, narrow: bool) -> list[RenderableType]:
    head = line(say.text("screen.head", **say.what()), "bold")
    sure = [_titled(say, "screen.sure"), *map(bullet, _sure(say)), *map(cut, _warnings(say))]
    told = plan_lines(say, targets)
    plan = [_titled(say, "plan.title"), *map(cut, told), ""] if told else []
    return [head, "", _figures(say, figures, narrow), "", *plan, *sure, "", _titled(say, "screen.where"),
            whole(str(say.folder.path)), *map(bullet, _tables(say))]  # fmt: skip


def _titled(say: Wording, key: str) -> RenderableType:
    return line(say.text(key), "cyan")


def _figures(say: Wording, most: int, narrow: bool) -> RenderableType:
    from rich.table import Table

    rows = [_figure(say, metric) for metric in headline_metrics(say)[:most]]
    what, interval = say.text("screen.what"), say.text("screen.interval")
    table = Table.grid(padding=(0, 2), expand=False)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    if narrow:
        table.add_row(line(what, "cyan"), "")
        lines = [(a, b) for name, value, bounds in rows for a, b in ((name, value), (f"    {interval}", bounds))]
        for pair in lines:
            table.add_row(*map(line, pair))
        return table
    table.add_column(justify="right", no_wrap=True, style="dim")
    table.add_row(line(what, "cyan"), "", line(interval))
    for row in rows:
        table.add_row(*map(line, row))
    return table


def _figure(say: Wording, metric: str) -> tuple[str, str, str]:
    row: dict[str, Any] = say.folder.figure(metric) or {}
    unit, name = str(row["unit"]), say.metric(metric)
    if metric == say.north_star():
        name = say.text("screen.north_star", metric=name)
    return f"  {name}", say.value(row["mean"], unit), say.text.interval(row["ci_low"], row["ci_high"], unit)


def _sure(say: Wording) -> list[str]:
    text, folder = say.text, say.folder
    lines = [text("screen.intervals", replications=text.count(folder.replications))]
    if folder.failures():
        requested = folder.manifest.get("requested", folder.replications + len(folder.failures()))
        lines.append(text("screen.failed", count=len(folder.failures()), requested=requested))
    lines += [line for line in (_identities(say), _plausible(say), _inputs(say), _desks(say)) if line]
    return lines


def _identities(say: Wording) -> str:
    text, table = say.text, say.folder.identities
    if table.empty:
        return ""
    line = text("screen.identities", holds=int(table["holds"].sum()), checks=len(table))
    broken = [text.name("identities", n) for n in table.loc[~table["holds"], "identity"].astype(str)]
    return _with_names(say, line, "screen.broken", broken)


def _plausible(say: Wording) -> str:
    table = say.folder.plausibility
    inside, judged = in_range(table)
    if not judged:
        return ""
    line = say.text("screen.plausible", inside=inside, judged=judged)
    outside = [say.metric(n) for n in table.query("status == 'out'")["metric"].astype(str)]
    return _with_names(say, line, "screen.outside", outside)


def _with_names(say: Wording, line: str, key: str, names: list[str]) -> str:
    if not names:
        return line
    return say.text("words.notes").join((line, say.text(key, names=_listed(say, names, MOST_NAMES))))


def _listed(say: Wording, names: list[str], most: int) -> str:
    listed = say.text("words.list").join(names[:most])
    return say.text("screen.more", names=listed, count=len(names) - most) if len(names) > most else listed


def _inputs(say: Wording) -> str:
    text, register = say.text, say.folder.inputs
    if register.empty:
        return ""
    parts = [text("screen.origin", count=text.count(n), origin=text.name("origins", o)) for o, n in origins(register)]
    return text("screen.inputs", total=text.count(len(register)), parts=text("words.list").join(parts))


def _desks(say: Wording) -> str:
    text, totals = say.text, desk_totals(say.folder)
    if totals.empty:
        return ""
    loads = totals["load"].sort_values(ascending=False).items()
    names = [text("screen.load", desk=say.desks.get(str(n), str(n)), load=say.percent(v)) for n, v in loads]
    return text("screen.desks", loads=_listed(say, names, MOST_DESKS))


def _warnings(say: Wording) -> list[str]:
    found = say.folder.warnings()
    return [say.text("screen.warnings", count=len(found), first=found[0])] if found else []


def _tables(say: Wording) -> list[str]:
    path, text = say.folder.path, say.text
    there = [n for n in (REPORT, FIGURES) if (path / n).is_file()]
    count = len(list(path.glob(TABLES)))
    parts = [text(f"screen.file_{n.split('.')[0]}", name=n) for n in there]
    parts += [text("screen.tables", count=count, name=TABLES)] if count else []
    return [text("words.list").join(parts)] if parts else []
