"""The panel of the forecast: history, then the mean in its intervals."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analysis.report import plots
from analysis.report.blocks import Block, Cell, Chart, Charts, Panel, Table
from analysis.report.markers import marked
from analysis.report.scaling import scaled, words
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

MOST_SERIES = 6


def series_to_show(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Forecasts by date of the first replication of every metric, in the order of the table."""
    import pandas as pd

    table = table.assign(unique_id=table["unique_id"].astype(str), ds=pd.to_datetime(table["ds"]))
    firsts: dict[str, str] = {}
    for name in table["unique_id"].unique():
        firsts.setdefault(name.split("/")[0], name)
    return {n: table[table["unique_id"] == n].set_index("ds") for n in list(firsts.values())[:MOST_SERIES]}


def levels_of(table: pd.DataFrame) -> list[int]:
    """Coverage of the intervals in per cent, ascending."""
    return sorted(int(c[3:]) for c in table.columns if re.fullmatch(r"lo-\d+", c))


def forecast(say: Wording) -> Panel | None:
    """History and forecast of the main series."""
    table = say.folder.forecast
    if table.empty:
        return None
    text, levels, parts = say.text, levels_of(table), series_to_show(table)
    charts = [_fan(say, name, ahead, levels) for name, ahead in parts.items()]
    lead = text("forecast.lead", levels=text("words.and").join(say.percent(v / 100) for v in levels))
    blocks: list[Block] = [Charts(charts), _table(say, parts, levels)]
    return Panel("forecast", text("forecast.title"), _headline(say, parts, levels), lead, blocks)


def _headline(say: Wording, parts: dict[str, pd.DataFrame], levels: list[int]) -> str:
    name, part = next(iter(parts.items()))
    metric, last, text = name.split("/")[0], part.iloc[-1], say.text
    unit, level = say.folder.units.get(metric, ""), levels[0]
    return text(
        "forecast.headline",
        metric=say.metric(metric),
        month=text.month(part.index[-1]),
        mean=say.value(last["mean"], unit),
        level=say.percent(level / 100),
        interval=text.interval(last[f"lo-{level}"], last[f"hi-{level}"], unit),
    )


def _fan(say: Wording, name: str, ahead: pd.DataFrame, levels: list[int]) -> Chart:
    import pandas as pd

    text, months = say.text, say.folder.months
    metric, _, replication = name.partition("/")
    rows = months[(months["metric"] == metric) & (months["replication"] == int(replication or 0))]
    past = rows.set_index("ds")["value"].sort_index().rename("past")
    numbers = ahead[["mean", *(f"{side}-{v}" for v in levels for side in ("lo", "hi"))]].astype(float)
    both, unit = scaled(say, pd.concat([past, numbers], axis=1).sort_index(), say.folder.units.get(metric, ""))
    named = words(say, text("forecast.history"), text("forecast.mean"), *(_level(say, v) for v in levels))
    figure = marked(plots.fan(both["past"].dropna(), both[numbers.columns].dropna(), levels, named), named.marks)
    note = text("forecast.chart_note", model=text("words.list").join(dict.fromkeys(ahead["model"].astype(str))))
    return Chart(f"forecast-{metric}", say.metric(metric), unit, note, figure)


def _level(say: Wording, level: int) -> str:
    return say.text("forecast.level", level=say.percent(level / 100))


def _table(say: Wording, parts: dict[str, pd.DataFrame], levels: list[int]) -> Table:
    text, rows = say.text, []
    for name, part in parts.items():
        metric, last = name.split("/")[0], part.iloc[-1]
        unit = say.folder.units.get(metric, "")
        notes = dict.fromkeys(n for n in part["note"].fillna("").astype(str) if n)
        figures = [text.number(last["mean"], unit)]
        figures += [text.interval(last[f"lo-{v}"], last[f"hi-{v}"], unit) for v in levels]
        name_cell = Cell(say.metric(metric), text.unit(unit))
        note = Cell(text("words.notes").join(notes), look="left")
        rows.append([name_cell, Cell(text.month(part.index[-1])), *map(Cell, figures), note])
    head = [text("words.metric"), text("forecast.month"), text("words.mean"), *(_level(say, v) for v in levels)]
    return Table([*head, text("forecast.note")], rows)
