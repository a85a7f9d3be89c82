"""Charts as plain plotly figures (data and layout), ready to be written as JSON; all texts are handed in.

Colours are those of Okabe and Ito, which people with the common kinds of colour blindness tell apart.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, INK, GREY = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
    "#1d2a36",
    "#5d6b78",
)
LINES = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY, INK, GREY)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")

FONT = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans", "Noto Sans CJK SC", '
    '"PingFang SC", "Microsoft YaHei", sans-serif'
)
"""The type of the page, CJK included; the chart library measures text in it."""

Figure = dict[str, Any]


@dataclass(frozen=True)
class Mark:
    """Something planned for a day (ISO date), with its label."""

    day: str
    label: str


@dataclass(frozen=True)
class Words:
    """Texts of one chart: names of the parts, what follows a number, date format, separators, marks of dates."""

    names: tuple[str, ...] = ()
    suffix: str = ""
    date: str = ""
    separators: str = ".,"
    marks: tuple[Mark, ...] = ()


def plain(values: Iterable[Any]) -> list[Any]:
    """Values as JSON can hold them: dates as ISO days, floats at six digits, null for what is not finite."""
    return [_plain(v) for v in values]


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()[:10]
    if isinstance(value, str):
        return safe(value)
    return float(f"{float(value):.6g}") if value is not None and math.isfinite(value) else None


def safe(label: str) -> str:
    """A label from outside for a chart: the chart library would read markup in it."""
    return html.escape(label, quote=False)


def tint(colour: str, opacity: float) -> str:
    """A hex colour with an opacity."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def layout(words: Words, **more: Any) -> Figure:
    """The look that all charts share."""
    grid = {"gridcolor": "#e6eaee", "zeroline": False, "linecolor": "#b9c2cb", "fixedrange": True}
    font = {"family": FONT, "size": 12, "color": GREY}
    shared: Figure = {
        "autosize": True,
        "margin": {"l": 8, "r": 10, "t": 30, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": font,
        "separators": words.separators,
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": "#fff", "font": {"family": FONT, "size": 12, "color": INK}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom", "font": {"size": 11}},
        "xaxis": {
            **grid,
            "showgrid": False,
            "ticks": "outside",
            "tickcolor": "#b9c2cb",
            "automargin": True,
            "tickformat": words.date,
            "hoverformat": words.date,
            "nticks": 5,
            "tickangle": 0,
        },
        "yaxis": {
            **grid,
            "automargin": True,
            "nticks": 6,
            "ticksuffix": words.suffix,
            "tickformat": ",~g",
            "hoverformat": ",.3~g" if not words.suffix else ",.0f",
        },
    }
    for key, value in more.items():
        shared[key] = {**shared[key], **value} if isinstance(shared.get(key), dict) else value
    return shared


def _edges(x: list[Any], low: Iterable[Any], high: Iterable[Any], fill: str, name: str) -> list[Figure]:
    hidden = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "x": x}
    return [
        {"type": "scatter", **hidden, "y": plain(low), "showlegend": False},
        {"type": "scatter", **hidden, "y": plain(high), "fill": "tonexty", "fillcolor": fill, "name": name},
    ]


def _line(x: list[Any], y: Iterable[Any], name: str, line: Mapping[str, Any]) -> Figure:
    return {"type": "scatter", "mode": "lines", "x": x, "y": plain(y), "name": safe(name), "line": dict(line)}


def band(frame: pd.DataFrame, words: Words, colour: str = BLUE) -> Figure:
    """Median line in a band; ``frame`` as from ``figures.bands``, ``words.names`` name the line and the band."""
    x = plain(frame.index)
    data = _edges(x, frame["low"], frame["high"], tint(colour, 0.22), words.names[1])
    data.append(_line(x, frame["median"], words.names[0], {"color": colour, "width": 2.2}))
    more: Figure = {}
    if float(frame["low"].min()) < 0 < float(frame["high"].max()):
        more["yaxis"] = {"zeroline": True, "zerolinecolor": "#8a96a1", "zerolinewidth": 1}
    elif float(frame["low"].min()) >= 0:
        more["yaxis"] = {"rangemode": "tozero"}
    return {"data": data, "layout": layout(words, **more)}


def curve(frame: pd.DataFrame, words: Words, ages: str) -> Figure:
    """Share that remains by age: a step line in a band, from 0 to 1; ``ages`` is the title of the axis of ages."""
    edges = frame.dropna(subset=["low", "high"]) * 100
    data = _edges(plain(edges.index), edges["low"], edges["high"], tint(GREEN, 0.22), words.names[1])
    data.append(_line(plain(frame.index), frame["median"] * 100, words.names[0], {"color": GREEN, "width": 2.2}))
    for trace in data:
        trace["line"] = {**trace["line"], "shape": "hv"}
    title = {"text": safe(ages), "font": {"size": 12}, "standoff": 8}
    axes = {"xaxis": {"dtick": 6, "tickformat": "d", "hoverformat": "d", "title": title}, "yaxis": {"range": [0, 102]}}
    return {"data": data, "layout": layout(words, **axes)}


def bars(names: Sequence[str], values: Sequence[float], labels: Sequence[str], words: Words) -> Figure:
    """Horizontal bars from top to bottom with a label at each."""
    shown = plain(values)
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [safe(n) for n in names],
        "x": shown,
        "text": [safe(t) for t in labels],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": [tint(BLUE, 1 - 0.1 * min(i, 6)) for i in range(len(shown))]},
        "hoverinfo": "skip",
        "textfont": {"color": INK, "size": 12},
    }
    top = max([v for v in shown if v is not None], default=1) or 1
    axes = {
        "xaxis": {"visible": False, "range": [0, top * 1.4], "tickformat": "", "hoverformat": ""},
        "yaxis": {
            "autorange": "reversed",
            "showgrid": False,
            "tickfont": {"color": INK, "size": 12},
            "tickformat": "",
            "hoverformat": "",
            "nticks": len(shown) + 1,
            "type": "category",
        },
    }
    return {"data": [trace], "layout": layout(words, bargap=0.25, hovermode=False, **axes)}


def lines(series: Mapping[str, pd.Series], words: Words, target: tuple[float, float] | None = None) -> Figure:
    """One line per entry over dates, told apart by colour and dash; ``target`` shades a range."""
    data = [
        _line(
            plain(values.index),
            values,
            name,
            {"color": LINES[i % len(LINES)], "dash": DASHES[i % len(DASHES)], "width": 2},
        )
        for i, (name, values) in enumerate(series.items())
    ]
    figure: Figure = {"data": data, "layout": layout(words, yaxis={"rangemode": "tozero"})}
    if target:
        figure["layout"]["shapes"] = [
            {
                "type": "rect",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": target[0],
                "y1": target[1],
                "fillcolor": tint(GREEN, 0.12),
                "line": {"width": 0},
                "layer": "below",
            }
        ]
    return figure


def fan(history: pd.Series, ahead: pd.DataFrame, levels: Sequence[int], words: Words) -> Figure:
    """History, then the mean in its intervals; ``words.names``: history, mean, then one name per level."""
    joint = [history.index[-1], *ahead.index] if len(history) else list(ahead.index)
    x, last = plain(joint), list(history.iloc[-1:])
    data: list[Figure] = []
    for i, level in enumerate(sorted(levels, reverse=True)):
        low, high = [*last, *ahead[f"lo-{level}"]], [*last, *ahead[f"hi-{level}"]]
        name = words.names[2 + sorted(levels).index(level)]
        data += _edges(x, low, high, tint(ORANGE, 0.22 + 0.16 * i), name)
    data.append(_line(x, [*last, *ahead["mean"]], words.names[1], {"color": RED, "width": 2, "dash": "dash"}))
    data.append(_line(plain(history.index), history, words.names[0], {"color": INK, "width": 1.8}))
    above = min([float(ahead.min().min()), *history.to_list()]) >= 0
    return {"data": data, "layout": layout(words, yaxis={"rangemode": "tozero" if above else "normal"})}
