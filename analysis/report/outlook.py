"""The panel of the forecast: history, then the mean in its intervals."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analysis.report import plots
from analysis.report.blocks import Cell, Chart, Charts, Panel, Table
from analysis.report.scaling import scaled
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

MOST_SERIES = 6


def forecast(say: Wording) -> Panel | None:
    """History and forecast of the main series."""
    table = say.folder.forecast
    if table.empty:
        return None
    text = say.text
    levels = sorted(int(c[3:]) for c in table.columns if re.fullmatch(r"lo-\d+", c))
    names = list(dict.fromkeys(table["unique_id"].astype(str)))
    parts = {n: table[table["unique_id"].astype(str) == n] for n in names}
    firsts = {n.split("/")[0]: n for n in reversed(names)}
    shown = [n for n in names if n in firsts.values()][:MOST_SERIES]
    charts = [_fan(say, n, parts[n].set_index("ds"), levels) for n in shown]
    steps = text.count(max(len(p) for p in parts.values()))
    lead = text("forecast.lead", levels=text("words.and").join(say.percent(v / 100) for v in levels))
    head = text("forecast.headline", months=steps, series=text.count(len(firsts)))
    return Panel("forecast", text("forecast.title"), head, lead, [Charts(charts), _forecast_table(say, parts, shown)])


def _fan(say: Wording, name: str, ahead: pd.DataFrame, levels: list[int]) -> Chart:
    import pandas as pd

    text, months = say.text, say.folder.months
    metric, _, replication = name.partition("/")
    rows = months[(months["metric"] == metric) & (months["replication"] == int(replication or 0))]
    history = rows.set_index("ds")["value"].sort_index().dropna()
    unit = str(rows["unit"].iloc[0]) if len(rows) else ""
    numbers = ahead[[c for c in ahead.columns if re.fullmatch(r"mean|(lo|hi)-\d+", c)]].astype(float)
    numbers.index = pd.to_datetime(numbers.index)
    both, words = scaled(say, pd.concat([history.rename("y"), numbers], axis=1).sort_index(), unit, (
        text("forecast.history"), text("forecast.mean"),
        *(text("forecast.level", level=say.percent(v / 100)) for v in levels)))
    past, future = both["y"].dropna(), both[numbers.columns].dropna()
    note = text("forecast.chart_note", model=", ".join(dict.fromkeys(ahead["model"].astype(str))))
    return Chart(f"forecast-{metric}", say.metric(metric), note, plots.fan(past, future, levels, words))


def _forecast_table(say: Wording, parts: dict[str, pd.DataFrame], shown: list[str]) -> Table:
    text, rows = say.text, []
    months = say.folder.months
    units = dict(zip(months["metric"], months["unit"], strict=True))
    for name in shown:
        part, metric = parts[name], name.split("/")[0]
        unit, last = str(units.get(metric, "")), part.iloc[-1]
        notes = [n for n in dict.fromkeys(part["note"].fillna("").astype(str)) if n]
        levels = [c[3:] for c in part.columns if re.fullmatch(r"lo-\d+", c)]
        cells = [Cell(say.interval(last[f"lo-{v}"], last[f"hi-{v}"], unit)) for v in levels]
        rows.append([Cell(say.metric(metric), say.unit(unit)), Cell(text.month(last["ds"])),
                     Cell(say.number(last["mean"], unit)), *cells, Cell("; ".join(notes), look="left")])
    head = [text("words.metric"), text("forecast.month"), text("words.mean"),
            *(text("forecast.level", level=say.percent(int(v) / 100)) for v in levels), text("forecast.note")]
    return Table(head, rows)
