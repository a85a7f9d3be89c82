"""What the points gave: how much was run, and where every metric is highest and lowest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.compare.paired import TOUCHED_LEAST
from analysis.replications import willink_bounds
from analysis.report.blocks import Block, Card, Cards, Cell, Panel, Table
from analysis.report.sweeps.view import MOST_ROWS, View

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.95

HIGHEST, LOWEST = "highest", "lowest"

MOST_COLUMNS, MOST_HEAT, MOST_OPEN = 4, 12, 2
"""Keys that have a column each; values of a key in a table by two keys; metrics of which such a table is open."""


def result(view: View) -> Panel | None:
    """Where every metric is highest and lowest over the points."""
    if not view.metrics:
        return None
    text = view.text
    blocks: list[Block] = [_counts(view), _extremes(view), *heat(view), _points(view)]
    lead = text("sweeps.result.lead", period=period(view))
    return Panel("result", text("sweeps.result.title"), headline(view), lead, blocks)


def headline(view: View) -> str:
    """The range of the first metric, with the points at its ends."""
    rows, unit = view.of(view.main).dropna(subset=["mean"]).sort_values("mean", kind="stable"), view.unit(view.main)
    low, high = rows.iloc[0], rows.iloc[-1]
    fields = {"metric": view.say.metric(view.main), "points": view.text.count(len(rows))}
    if low["mean"] == high["mean"]:
        return view.text("sweeps.result.same", value=view.say.value(high["mean"], unit), **fields)
    ends = {name: view.say.value(row["mean"], unit) for name, row in (("low", low), ("high", high))}
    places = {f"{name}_at": place(view, row["number"]) for name, row in (("low", low), ("high", high))}
    return view.text("sweeps.result.headline", **fields, **ends, **places)


def place(view: View, point: int) -> str:
    """Where a point lies: values of its keys, and its scenario where there are several."""
    parts = [view.where(point), *([view.scenario(view.scenario_of(point))] if len(view.scenarios) > 1 else [])]
    return view.text("words.notes").join(parts)


def period(view: View) -> str:
    """The period of the figures in words."""
    return view.text.name("periods", view.period)


def _counts(view: View) -> Cards:
    text, what, folder = view.text, view.what(), view.folder
    points = set(folder.failed["number"]) if len(folder.failed) else set()
    note = text("sweeps.result.failed_points", count=text.count(len(points))) if points else ""
    cards = [
        Card(text("sweeps.points_card"), what["points"], "", text("sweeps.result.sampler", sampler=sampler(view))),
        Card(text("sweeps.keys_card"), what["keys"], "", ""),
        Card(text("sweeps.scenarios_card"), what["scenarios"], "", ""),
        Card(text("sweeps.runs_card"), what["runs"], "", note or text("sweeps.result.none_failed")),
    ]
    return Cards(cards)


def sampler(view: View) -> str:
    """How the points were laid out, in words."""
    return view.text.name("samplers", view.sampler)


def _extremes(view: View) -> Table:
    text, rows = view.text, []
    for metric in view.metrics:
        found = view.of(metric).dropna(subset=["mean"]).sort_values("mean", kind="stable")
        values = view.folder.values(metric, view.period)
        ends = ((HIGHEST, found.iloc[-1]), (LOWEST, found.iloc[0]))
        rows += [_extreme(view, metric, end, (row, values)) for end, row in ends]
    head = [text("words.metric"), text("sweeps.result.mean"), *_where_heads(view), text("sweeps.result.alike")]
    note = text("sweeps.result.note", level=view.say.percent(LEVEL))
    return Table(head, rows, title=text("sweeps.result.table"), note=note)


def _extreme(view: View, metric: str, end: str, found: tuple[pd.Series, pd.DataFrame]) -> list[Cell]:
    text, unit, (row, values) = view.text, view.unit(metric), found
    bounds = text.interval(row["ci_low"], row["ci_high"], unit)
    alike = as_good(values, int(row["number"]))
    told, word = text("format.undefined") if alike is None else text.count(alike), text.unit(unit)
    name = text(f"sweeps.result.{end}")
    return [
        Cell(view.say.metric(metric), text("sweeps.result.unit", end=name, unit=word) if word else name),
        Cell(text.number(row["mean"], unit), bounds),
        *_where(view, int(row["number"])),
        Cell(told),
    ]


def _where_heads(view: View) -> list[str]:
    """Heads of the columns that say where a point lies: one a key where they are few."""
    if len(view.folder.free) > MOST_COLUMNS:
        return [view.text("sweeps.result.at")]
    scenario = [view.text("sweeps.scenario")] if len(view.scenarios) > 1 else []
    return [view.text("sweeps.number"), *scenario, *(view.key(k) for k in view.folder.free)]


def _where(view: View, point: int) -> list[Cell]:
    name = view.text("sweeps.result.point", point=point)
    if len(view.folder.free) > MOST_COLUMNS:
        return [Cell(place(view, point), name, look="left")]
    scenario = [Cell(view.scenario(view.scenario_of(point)))] if len(view.scenarios) > 1 else []
    units = {k: view.text.unit(view.key_unit(k)) for k in view.folder.free}
    return [Cell(str(point)), *scenario, *(Cell(view.at(point, k), units[k]) for k in view.folder.free)]


def as_good(values: pd.DataFrame, best: int) -> int | None:
    """How many other points cannot be told apart from one.

    Parameters
    ----------
    values : DataFrame
        A metric by point and replication, the same random numbers at every point.
    best : int
        The point.

    Returns
    -------
    int or None
        Points whose paired difference has an interval (Willink's) that holds 0, at a level at which all of them are
        right together in 95 % of cases (Bonferroni); so are those without enough common replications. None below ten
        replications, which are too few for such an interval.
    """
    if best not in values.index or len(values) < 2:
        return None
    own = values.loc[best].to_numpy(float)
    known = ~np.isnan(own)
    if known.sum() < TOUCHED_LEAST:
        return None
    differences = values.drop(index=best).to_numpy(float)[:, known] - own[known]
    whole = ~np.isnan(differences).any(axis=1)
    low, high = willink_bounds(differences[whole], 1 - (1 - LEVEL) / (len(values) - 1))
    apart = (low > 0) | (high < 0)
    return int(len(differences) - apart.sum())


def heat(view: View) -> list[Block]:
    """Of two keys on a grid, a table of every metric by both, a colour for its height."""
    if len(view.folder.free) != 2 or view.sampler not in ("grid", ""):
        return []
    return [table for metric in view.metrics for scenario in view.scenarios if (table := _heat(view, metric, scenario))]


def _heat(view: View, metric: str, scenario: str) -> Table | None:
    first, second = view.folder.free
    rows = view.of(metric, scenario).merge(view.folder.points[["number", first, second]], on="number")
    grid = rows.pivot_table(index=first, columns=second, values="mean")
    if grid.size == 0 or grid.isna().any(axis=None) or len(rows) != grid.size or max(grid.shape) > MOST_HEAT:
        return None
    text, means, unit = view.text, view.of(metric)["mean"], view.unit(metric)
    low, high = means.min(), means.max()
    shade = (grid - low) / (high - low) if high > low else grid * 0 + 0.5
    cells = [
        [
            Cell(view.setting(first, at)),
            *(Cell(text.number(v, unit), heat=float(s)) for v, s in zip(grid.loc[at], shade.loc[at], strict=True)),
        ]
        for at in grid.index
    ]
    head = ["", *(view.setting(second, value) for value in grid.columns)]
    title = view.under(text("sweeps.result.heat", metric=view.say.metric(metric)), scenario)
    note = text("sweeps.result.heat_note", rows=view.key(first), columns=view.key(second))
    return Table(head, cells, title=title, note=note, folded=metric not in view.metrics[:MOST_OPEN])


def _points(view: View) -> Table:
    """All points with their metrics, folded."""
    text, points = view.text, view.folder.points
    means = {m: {int(r["number"]): r for r in view.of(m).to_dict("records")} for m in view.metrics}
    shown = points.head(MOST_ROWS).to_dict("records")
    rows = [_point(view, row, means) for row in shown]
    names = [text("sweeps.number"), text("sweeps.scenario"), *(view.key(k) for k in view.drawn)]
    note = text("sweeps.cut", rows=text.count(MOST_ROWS)) if len(points) > MOST_ROWS else ""
    title = text("sweeps.result.points", count=text.count(len(points)))
    head = [*names, *(view.say.metric(m) for m in view.metrics)]
    return Table(head, rows, title=title, note=note, numbers=2, folded=True, dense=True)


def _point(view: View, row: dict[Any, Any], means: dict[str, dict[int, dict[Any, Any]]]) -> list[Cell]:
    point = int(row["number"])
    cells = [Cell(str(point)), Cell(view.scenario(str(row["scenario"])))]
    cells += [Cell(view.setting(key, row[key])) for key in view.drawn]
    for metric, found in means.items():
        figures, unit = found.get(point, {}), view.unit(metric)
        bounds = view.text.interval(figures.get("ci_low"), figures.get("ci_high"), unit)
        cells.append(Cell(view.text.number(figures.get("mean"), unit), bounds))
    return cells
