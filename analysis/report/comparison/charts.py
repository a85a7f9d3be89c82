"""Charts of differences as plain plotly figures; all texts are handed in.

Differences are drawn across, names down, so that long names stay readable on a narrow screen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.report.plots import BLUE, GREY, INK, RED, Figure, Words, layout, plain, safe, tint

if TYPE_CHECKING:
    import pandas as pd

ROW, FRAME = 34, 64
"""Pixels of a row and of what stands around the rows."""

ROOM, LONG, PER_SIGN = 0.7, 8, 0.03
"""Share of the width that bars may take where figures stand at the right, less so much per sign above a length."""

MOST_BANDS = 3
"""Plans above which bands would hide each other."""


@dataclass(frozen=True)
class Bar:
    """One row of a chart of differences: its value with an interval (NaN: none), and the figure beside it."""

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    label: str = ""
    colour: str = BLUE
    firm: bool = True


def height(rows: int) -> int:
    """Pixels of a chart with so many rows."""
    return FRAME + ROW * rows


def _reach(bars: Sequence[Bar], starts: Sequence[float], margin: float = 0.06) -> tuple[float, float]:
    ends = [0.0]
    for bar, start in zip(bars, starts, strict=True):
        ends += [start + v for v in (0.0, bar.value, bar.low, bar.high) if math.isfinite(v)]
    room = margin * (max(ends) - min(ends)) or 1.0
    return min(ends) - room, max(ends) + room


def _whiskers(bars: Sequence[Bar]) -> Figure:
    some = [math.isfinite(b.low) and math.isfinite(b.high) and b.high > b.low for b in bars]
    return {
        "type": "data",
        "symmetric": False,
        "array": [b.high - b.value if s else 0 for b, s in zip(bars, some, strict=True)],
        "arrayminus": [b.value - b.low if s else 0 for b, s in zip(bars, some, strict=True)],
        "thickness": 1.6,
        "width": 4,
        "color": INK,
    }


def _across(names: Sequence[str], reach: tuple[float, float], words: Words, **more: Any) -> Figure:
    """Axes of a chart with names down the side and a line at 0."""
    axes: Figure = {
        "xaxis": {"range": list(reach), "tickformat": ",~g", "hoverformat": ",.3~g", "nticks": 5, "showgrid": True},
        "yaxis": {
            "autorange": "reversed", "showgrid": False, "tickfont": {"color": INK, "size": 12}, "tickformat": "",
            "hoverformat": "", "type": "category", "nticks": len(names) + 1, "ticklabelstandoff": 4,
        },
    }  # fmt: skip
    axes["shapes"] = [{"type": "line", "xref": "x", "yref": "paper", "x0": 0, "x1": 0, "y0": 0, "y1": 1,
                       "line": {"color": INK, "width": 1}, "layer": "below"}]  # fmt: skip
    margin = {"margin": {"l": 8, "r": 10, "t": 10, "b": 8}, "hovermode": False, "showlegend": False}
    return layout(words, **(axes | margin | more))


def _domain(bars: Sequence[Bar]) -> list[float]:
    """Part of the width for the bars: the longer the figures beside them, the less."""
    longest = max(len(bar.label) for bar in bars)
    return [0, round(ROOM - PER_SIGN * max(longest - LONG, 0), 2)]


def _beside(bars: Sequence[Bar], names: Sequence[str]) -> Figure:
    """Figures at the right end of the rows."""
    notes = [
        {"xref": "paper", "x": 1, "xanchor": "right", "yref": "y", "y": name, "text": safe(bar.label),
         "showarrow": False, "font": {"color": INK, "size": 12}}
        for bar, name in zip(bars, names, strict=True)
        if bar.label
    ]  # fmt: skip
    return {"annotations": notes}


def dots(bars: Sequence[Bar], words: Words) -> Figure:
    """A dot with its interval per row; hollow where the interval includes 0 or there is none."""
    names = wrapped([b.name for b in bars])
    trace = {
        "type": "scatter", "mode": "markers", "y": names, "x": plain([b.value for b in bars]),
        "error_x": _whiskers(bars), "hoverinfo": "skip",
        "marker": {"size": 11, "color": [b.colour if b.firm else "#fff" for b in bars],
                   "line": {"width": 2, "color": [b.colour for b in bars]}},
    }  # fmt: skip
    figure = _across(names, _reach(bars, [0.0] * len(bars)), words, **_beside(bars, names))
    figure["xaxis"]["domain"] = _domain(bars)
    figure["yaxis"]["range"] = [len(bars) - 0.5, -0.5]
    del figure["yaxis"]["autorange"]
    return {"data": [trace], "layout": figure}


def waterfall(steps: Sequence[Bar], total: Bar, words: Words) -> Figure:
    """Drivers one after the other from 0 to the total, each with the interval of its own part."""
    starts, place = [], 0.0
    for step in steps:
        starts.append(place)
        place += step.value
    bars, starts = [*steps, total], [*starts, 0.0]
    names = wrapped([b.name for b in bars])
    colours = [INK if b is total else tint(BLUE if b.value >= 0 else RED, 1 if b.firm else 0.45) for b in bars]
    trace = {
        "type": "bar", "orientation": "h", "y": names, "x": plain([b.value for b in bars]), "base": plain(starts),
        "marker": {"color": colours}, "error_x": {**_whiskers(bars), "color": GREY}, "hoverinfo": "skip",
    }  # fmt: skip
    figure = _across(names, _reach(bars, starts), words, bargap=0.35, **_beside(bars, names))
    figure["xaxis"]["domain"] = _domain(bars)
    return {"data": [trace], "layout": figure}


def opposed(names: Sequence[str], gained: Sequence[float], lost: Sequence[float], words: Words) -> Figure:
    """Bars to both sides of 0; ``words.names``: gained, lost."""
    rows = wrapped(names)
    sides = ((gained, 1, BLUE), (lost, -1, RED))
    data = [
        {"type": "bar", "orientation": "h", "y": rows, "x": plain(sign * v for v in values), "name": words.names[i],
         "marker": {"color": colour}, "hoverinfo": "skip", "text": [f"{v:.2f}" if v else "" for v in values],
         "textposition": "auto", "insidetextanchor": "end"}
        for i, (values, sign, colour) in enumerate(sides)
    ]  # fmt: skip
    bars = [Bar("", v) for v in (*gained, *(-v for v in lost))]
    more = {"barmode": "relative", "bargap": 0.35, "showlegend": True, "margin": {"l": 8, "r": 10, "t": 34, "b": 8}}
    reach = _reach(bars, [0.0] * len(bars), margin=0.16)
    return {"data": data, "layout": _across(rows, reach, words, **more)}


def side_by_side(
    names: Sequence[str], sides: Mapping[str, tuple[Sequence[float], Sequence[str]]], colours: Sequence[str],
    words: Words,
) -> Figure:  # fmt: skip
    """Bars of several plans at every step, with a figure at each; ``sides``: values and figures by plan."""
    rows = wrapped(names)
    data = [
        {"type": "bar", "orientation": "h", "y": rows, "x": plain(values), "name": safe(name), "hoverinfo": "skip",
         "text": [safe(t) for t in texts], "textposition": "outside", "cliponaxis": False,
         "marker": {"color": colour}, "textfont": {"color": INK, "size": 11}}
        for (name, (values, texts)), colour in zip(sides.items(), colours, strict=True)
    ]  # fmt: skip
    top = max((v for values, _ in sides.values() for v in values if math.isfinite(v)), default=1.0) or 1.0
    more = {"barmode": "group", "bargap": 0.3, "showlegend": True, "legend": {"traceorder": "normal"},
            "margin": {"l": 8, "r": 10, "t": 40, "b": 8}}  # fmt: skip
    figure = _across(rows, (0.0, top * 1.3), words, **more)
    figure["xaxis"]["visible"] = False
    return {"data": data, "layout": figure}


def courses(frames: Mapping[str, pd.DataFrame], colours: Sequence[str], words: Words) -> Figure:
    """A line per plan in its band over time; without bands where there are many plans."""
    data: list[Figure] = []
    for frame, colour in zip(frames.values(), colours, strict=True):
        if len(frames) <= MOST_BANDS + 1:
            edges: Figure = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip",
                             "x": plain(frame.index), "showlegend": False}  # fmt: skip
            data.append(edges | {"y": plain(frame["low"])})
            data.append(edges | {"y": plain(frame["high"]), "fill": "tonexty", "fillcolor": tint(colour, 0.13)})
    for place, ((name, frame), colour) in enumerate(zip(frames.items(), colours, strict=True)):
        line = {"color": colour, "width": 2.2, "dash": "dash" if place == 0 else "solid"}
        data.append({"type": "scatter", "mode": "lines", "x": plain(frame.index), "y": plain(frame["median"]),
                     "name": safe(name), "line": line})  # fmt: skip
    low = min(float(f["low"].min()) for f in frames.values())
    zero = {"zeroline": True, "zerolinecolor": "#8a96a1"} if low < 0 else {"rangemode": "tozero"}
    return {"data": data, "layout": layout(words, yaxis=zero, legend={"traceorder": "normal"})}


def wrapped(names: Sequence[str], most: int = 20) -> list[str]:
    """Names in lines of about ``most`` signs; a name that occurs twice stays two rows."""
    rows: list[str] = []
    for name in names:
        row = "<br>".join(safe(part) for part in _lines(name, most))
        while row in rows:
            row += "\u200b"
        rows.append(row)
    return rows


def _lines(name: str, most: int) -> list[str]:
    lines = [""]
    for word in name.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    lines = [part if len(part) <= most else f"{part[: most - 1]}…" for part in lines]
    return lines if len(lines) <= 2 else [lines[0], f"{lines[1][: most - 1]}…"]
