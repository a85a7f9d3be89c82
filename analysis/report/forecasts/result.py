"""What was forecast: headline figures, fans, and the table of all series."""

from __future__ import annotations

from analysis.report import plots
from analysis.report.blocks import Block, Card, Cards, Cell, Chart, Charts, Panel, Table
from analysis.report.forecasts.view import MOST_ROWS, View, last
from analysis.report.markers import marked
from analysis.report.scaling import scaled

MOST_CARDS = 4
MOST_PAST, PER_STEP = 60, 5
"""Values of the past that are drawn, and how many for each step ahead where there are many steps."""


def result(view: View) -> Panel | None:
    """History and forecast of the first series, and all of them in figures."""
    ahead, text = view.folder.ahead, view.text
    if not ahead:
        return None
    lead = text("forecasts.result.lead", model=view.what()["model"], cutoff=view.what()["cutoff"])
    blocks: list[Block] = [Cards([_card(view, n) for n in view.shown[:MOST_CARDS]])]
    blocks += [Charts([_fan(view, n, i) for i, n in enumerate(view.shown)]), _table(view, view.shown)]
    others = [n for n in ahead if n not in view.shown]
    if others:
        blocks.append(_table(view, others, folded=True))
    return Panel("result", text("forecasts.result.title"), headline(view), lead, blocks)


def headline(view: View) -> str:
    """The first series at the last date with its interval."""
    name = view.shown[0]
    row, unit = last(view.folder.ahead[name]), view.unit(name)
    fields = {"series": view.series(name), "date": view.date(view.folder.ahead[name].index[-1])}
    mean = view.say.value(row["mean"], unit)
    interval = view.bounds(row, view.level, unit)
    level = view.say.percent(view.level / 100)
    return view.text("forecasts.result.headline", **fields, mean=mean, level=level, interval=interval)


def _card(view: View, name: str) -> Card:
    rows = view.folder.ahead[name]
    row, unit = last(rows), view.unit(name)
    interval = view.bounds(row, view.level, unit)
    fields = {"level": view.say.percent(view.level / 100), "interval": interval, "date": view.date(rows.index[-1])}
    note = view.text("forecasts.result.card", **fields)
    return Card(view.series(name), view.text.number(row["mean"], unit), view.text.unit(unit), note)


def _fan(view: View, name: str, place: int) -> Chart:
    import pandas as pd

    ahead, levels = view.folder.ahead[name], view.folder.levels
    numbers = ahead[["mean", *(f"{side}-{v}" for v in levels for side in ("lo", "hi"))]].astype(float)
    unknown = pd.Series(dtype=float, index=pd.DatetimeIndex([]))
    past = view.folder.past.get(name, unknown).astype(float).rename("past")
    past = past[past.index < numbers.index[0]].iloc[-max(MOST_PAST, PER_STEP * len(numbers)) :]
    both, unit = scaled(view.say, pd.concat([past, numbers], axis=1).sort_index(), view.unit(name))
    text = view.text
    named = view.words(text("forecast.history"), text("forecast.mean"), *(view.interval_name(v) for v in levels))
    figure = marked(plots.fan(both["past"].dropna(), both[numbers.columns].dropna(), levels, named), named.marks)
    note = text("forecast.chart_note", model=view.model(str(ahead["model"].iloc[0])))
    return Chart(f"fan-{place}", view.series(name), unit, note, figure)


def _table(view: View, names: list[str], *, folded: bool = False) -> Table:
    text, levels = view.text, view.folder.levels
    head = [text("forecasts.series"), text("forecasts.date"), text("forecast.mean")]
    head += [*(view.interval_name(v) for v in levels), text("forecasts.model")]
    rows = [_row(view, n) for n in names[:MOST_ROWS]]
    title = text("forecasts.result.others", count=text.count(len(names))) if folded else ""
    note = text("forecasts.cut", rows=text.count(MOST_ROWS)) if len(names) > MOST_ROWS else ""
    return Table(head, rows, title=title, note=note, folded=folded, dense=folded)


def _row(view: View, name: str) -> list[Cell]:
    rows, unit = view.folder.ahead[name], view.unit(name)
    row = last(rows)
    bounds = [Cell(view.bounds(row, v, unit)) for v in view.folder.levels]
    model = Cell(view.model(row["model"]), look="left")
    name_cell = Cell(view.series(name), view.text.unit(unit))
    return [name_cell, Cell(view.date(rows.index[-1])), Cell(view.text.number(row["mean"], unit)), *bounds, model]
