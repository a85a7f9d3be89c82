"""Sheets beside the books: bridge of ARR, funnel, headcount, targets, inputs. Figures are those of the run's tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from analysis.metrics.periods import MONTH, Calendar
from analysis.statements import whole_mean
from scenarios.runs.exports.workbook.book import Book, Line, Sheet
from scenarios.runs.exports.workbook.periods import month_names
from scenarios.runs.targets import FILES
from sim.units import MINOR

ARR, FUNNEL, HEADCOUNT, TARGETS = "ARR bridge", "Funnel", "Headcount", "Targets"

MONTHS = 12
MOVES = {"new_mrr": 1, "expansion_mrr": 1, "reactivated_mrr": 1, "contraction_mrr": -1, "churned_mrr": -1}
"""Movements of recurring revenue with the sign they have in the bridge."""

STEPS = ("touches", "leads", "qualified", "opportunities", "signed", "activated", "lost", "re_entries")
STOCKS = ("active_customers", "pool_size")

TEXTS = frozenset((
    "target", "metric", "dim", "level", "period", "kind", "ds", "month", "desk", "sense", "status", "note",
    "key", "unit", "origin", "source", "meaning",
))  # fmt: skip
"""Columns of CSV files of a run that hold texts, whatever they look like: a product may be called 007."""


class Monthly:
    """Totals of the metrics by month.

    Parameters
    ----------
    metrics : pandas.DataFrame
        The table of that name, of all replications.
    calendar : Calendar
        Of the horizon; a month that it cuts off has no figures.
    """

    def __init__(self, metrics: pd.DataFrame, calendar: Calendar) -> None:
        self.calendar = calendar
        chosen = (metrics["period"] == MONTH) & metrics["dim1"].isna()
        columns = ["replication", "ds", "metric", "value"]
        self.rows = metrics.loc[chosen, columns].astype({"metric": str})
        self.known = set(self.rows["metric"])

    def samples(self, metric: str) -> np.ndarray:
        """Values by replication and complete month, NaN where undefined."""
        rows = self.rows[self.rows["metric"] == metric]
        wide = rows.pivot(index="replication", columns="ds", values="value").sort_index(axis=1)
        found = np.full((len(wide), self.calendar.complete), np.nan)
        place = self.calendar.month_of_date(wide.columns.to_numpy())
        found[:, place[place >= 0]] = wide.to_numpy(float)[:, place >= 0]
        return found

    def mean(self, metric: str) -> np.ndarray:
        """Mean over the replications in which it is defined, by complete month."""
        samples = self.samples(metric)
        count = (~np.isnan(samples)).sum(axis=0)
        mean: np.ndarray = np.nansum(samples, axis=0) / np.where(count, count, np.nan)
        return mean


def arr_sheet(book: Book, monthly: Monthly) -> None:
    """From ARR to ARR: what came, grew, shrank, went and came back in every month."""
    calendar = monthly.calendar
    sheet = book.sheet(ARR, calendar.complete)
    sheet.title("ARR bridge", "Twelve times monthly recurring revenue, means over replications, whole cents.")
    if "arr" not in monthly.known:
        sheet.text(sheet.row, 0, "There are no contracts with a fixed recurring fee: ARR is not defined here.")
        return
    sheet.headings(month_names(calendar)[: calendar.complete])
    flows = {name: _yearly(monthly, name) * sign for name, sign in MOVES.items()}
    closing = np.cumsum(np.sum(list(flows.values()), axis=0)) + _before(monthly)
    opening = np.concatenate(([_before(monthly)], closing[:-1]))
    end = Line(ARR, sheet.row + 1 + len(flows), Sheet.FIRST, closing)
    start = lambda m: end.cell(m - 1) if m else f"{opening[0]:.2f}"  # noqa: E731
    first = sheet.formulas("ARR at the beginning", start, opening, bold=True)
    names = [name.removesuffix("_mrr").capitalize() for name in flows]
    parts = [sheet.constants(name, values) for name, values in zip(names, flows.values(), strict=True)]
    last = sheet.total("ARR at the end", [first, *parts])
    assert last.row == end.row
    sheet.row += 1
    sheet.constants("ARR as the metric says", np.round(monthly.mean("arr"), 2), note="mean, unrounded parts")


def _yearly(monthly: Monthly, metric: str) -> np.ndarray:
    samples = np.rint(np.nan_to_num(monthly.samples(metric)) * MINOR).astype(np.int64) * MONTHS
    return whole_mean(samples.sum(axis=0), max(len(samples), 1)) / MINOR


def _before(monthly: Monthly) -> float:
    """ARR before the first month: what the first balance does not owe to the first movements."""
    moved = np.sum([sign * np.nan_to_num(monthly.samples(m)[:, :1]) for m, sign in MOVES.items()], axis=0)
    first = monthly.samples("arr")[:, :1] - MONTHS * moved
    return round(float(np.nanmean(first)), 2) if first.size else 0.0


def funnel_sheet(book: Book, monthly: Monthly) -> None:
    """Steps of the funnel by month, with their shares of the step before."""
    calendar = monthly.calendar
    sheet = book.sheet(FUNNEL, calendar.complete + 1)
    sheet.title("Funnel", "Means over replications of what happened in the month; ratios are of the same month.")
    sheet.headings([*month_names(calendar)[: calendar.complete], "all"])
    steps = [name for name in STEPS if name in monthly.known]
    lines = {name: _with_sum(sheet, name, monthly.mean(name)) for name in steps}
    sheet.section("Share of the step before")
    chain = [name for name in ("leads", "qualified", "opportunities", "signed") if name in lines]
    for before, after in zip(chain, chain[1:], strict=False):
        _share(sheet, f"{_label(after)} / {before}", lines[after], lines[before])
    sheet.section("At the end of the month")
    for name in STOCKS:
        if name in monthly.known:
            sheet.constants(_label(name), monthly.mean(name), "count")


def _label(metric: str) -> str:
    return metric.replace("re_entries", "re-entries").replace("_", " ").capitalize()


def _with_sum(sheet: Sheet, name: str, values: np.ndarray) -> Line:
    """A line of constants and their sum behind them."""
    line = sheet.constants(_label(name), np.nan_to_num(values), "count")
    last = len(values)
    total = float(line.values.sum())
    if last:
        look = sheet.book.form("count", True)
        sheet.page.write_formula(
            line.row, line.first + last, f"=SUM({line.cell(0)}:{line.cell(last - 1)})", look, total
        )
    return Line(line.sheet, line.row, line.first, np.append(line.values, total), line.label)


def _share(sheet: Sheet, label: str, part: Line, whole: Line) -> None:
    ratio = part.values / np.where(whole.values > 0, whole.values, np.nan)
    text = lambda m: f'IF({whole.cell(m)}=0,"",{part.cell(m)}/{whole.cell(m)})'  # noqa: E731
    sheet.formulas(label, text, ratio, "share")


def headcount_sheet(book: Book, staffing: pd.DataFrame, calendar: Calendar) -> None:
    """People, hours on offer and hours worked by desk and month."""
    sheet = book.sheet(HEADCOUNT, calendar.complete)
    sheet.title("Headcount", "Means over replications; hours are working hours.")
    sheet.headings(month_names(calendar)[: calendar.complete])
    means = staffing.astype({"desk": str}).groupby(["desk", "ds"])[["heads", "capacity_hours", "busy_hours"]].mean()
    desks = list(dict.fromkeys(means.index.get_level_values("desk")))
    heads = [sheet.constants(desk, _months(means, desk, "heads", calendar), "count", "people") for desk in desks]
    if heads:
        sheet.total("People", heads, "count")
    for title, column in (("Hours on offer", "capacity_hours"), ("Hours worked", "busy_hours")):
        sheet.section(title)
        lines = [sheet.constants(desk, _months(means, desk, column, calendar), "count", "hours") for desk in desks]
        heads = [*heads, *lines]
    sheet.section("Share of the hours worked")
    for place, desk in enumerate(desks):
        _share(sheet, desk, heads[place + 2 * len(desks)], heads[place + len(desks)])


def _months(means: pd.DataFrame, desk: str, column: str, calendar: Calendar) -> np.ndarray:
    rows = means.loc[desk, column]
    place = calendar.month_of_date(rows.index.to_numpy())
    found = np.zeros(calendar.months)
    found[place[place >= 0]] = rows.to_numpy(float)[place >= 0]
    return found[: calendar.complete]


def targets_sheet(book: Book, run: Path) -> None:
    """The tables of targets as the run folder holds them, if there are any."""
    found = [path for name in FILES if (path := run / f"{name}.csv").is_file()]
    if not found:
        return
    sheet = book.sheet(TARGETS, 12)
    sheet.title("Targets", "As in the files of the run folder.")
    for path in found:
        _table(sheet, path)


def _table(sheet: Sheet, path: Path) -> None:
    """A CSV file under its name."""
    table = pd.read_csv(path, encoding="utf-8-sig", dtype=str, keep_default_na=False)
    sheet.section(path.name)
    for place, name in enumerate(table):
        sheet.text(sheet.row, place, name, "head")
    for row in table.itertuples(index=False):
        sheet.row += 1
        for place, (name, text) in enumerate(zip(table, row, strict=True)):
            put(sheet, place, name, text)
    sheet.row += 1


def put(sheet: Sheet, column: int, name: str, text: str) -> None:
    """A cell of the column ``name`` of a CSV file: text in a column of texts, elsewhere a number if it is one."""
    try:
        value = float("nan") if name in TEXTS else float(text)
    except ValueError:
        value = float("nan")
    if np.isfinite(value):
        sheet.page.write_number(sheet.row, column, value, sheet.book.form("number"))
    elif text:
        sheet.text(sheet.row, column, text)
