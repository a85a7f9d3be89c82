"""Charts of a sweep as plain plotly figures; all texts are handed in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analysis.report.comparison.charts import wrapped
from analysis.report.plots import BLUE, GREY, INK, RED, SKY, Figure, Words, layout, plain, safe, tint

if TYPE_CHECKING:
    import pandas as pd

ROW, FRAME = 40, 92
"""Pixels of a row of two bars, and of what stands around the rows."""

MOST_BARS = 72
"""Points of a chart above which their intervals would hide each other."""

MOST_SIGNS = 36
"""Signs of a line of the title of an axis, which a narrow screen holds."""

FAILS, HOLDS = RED, SKY


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points of one scenario: ``frame`` with x, y, low, high, name; ``line`` the means of points by x."""

    name: str
    colour: str
    frame: pd.DataFrame
    line: pd.Series


@dataclass(frozen=True)
class Pair:
    """A row of two bars, each with its interval (NaN: none)."""

    name: str
    values: tuple[float, float]
    lows: tuple[float, float]
    highs: tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """The axis of a key: its title, whether it is logarithmic, its order where it holds words."""

    title: str
    log: bool = False
    order: tuple[str, ...] = field(default=())

    def drawn(self) -> Figure:
        """As the chart library wants it."""
        shared: Figure = {"title": titled(self.title), "tickformat": ",~g", "hoverformat": ",.4~g", "tickangle": "auto"}
        if self.order:
            order = [safe(word) for word in self.order]
            return shared | {"type": "category", "categoryorder": "array", "categoryarray": order, "tickformat": ""}
        return shared | ({"type": "log"} if self.log else {})


def titled(text: str) -> Figure:
    """Title of an axis, in two lines where it is long."""
    return {"text": wrapped([text], MOST_SIGNS)[0], "font": {"size": 12}, "standoff": 8}


def height(rows: int) -> int:
    """Pixels of a chart with so many rows of two bars."""
    return FRAME + ROW * rows


def response(clouds: Sequence[Cloud], axis: Axis, words: Words) -> Figure:
    """A metric against one key: points with their intervals where there is room, and a line through their means."""
    bars = sum(len(cloud.frame) for cloud in clouds) <= MOST_BARS
    shifts = _apart(clouds, axis)
    data = [_points(cloud, bars=bars, shift=shift) for cloud, shift in zip(clouds, shifts, strict=True)]
    if len(clouds) == 1:
        data[0]["name"] = words.names[0]
    data += [_line(cloud, only=len(clouds) == 1, words=words) for cloud in clouds if len(cloud.line) > 1]
    low, high = _ends(clouds, bars=bars)
    zero = {"zeroline": True, "zerolinecolor": "#8a96a1"} if low < 0 < high else {}
    more: Figure = {"hovermode": "closest", "legend": {"traceorder": "normal"}}
    if axis.order:
        more["scattermode"] = "group"
    side = {"hoverformat": ",.4~g", "range": [low, high], **zero}
    return {"data": data, "layout": layout(words, xaxis=axis.drawn(), yaxis=side, **more)}


def _apart(clouds: Sequence[Cloud], axis: Axis) -> list[float]:
    """Shifts along the key that keep the intervals of scenarios apart, in units of the key."""
    if axis.order or axis.log:
        return [0.0] * len(clouds)
    ends = [float(v) for cloud in clouds for v in (cloud.frame["x"].min(), cloud.frame["x"].max())]
    return [0.012 * (max(ends) - min(ends)) * (n - (len(clouds) - 1) / 2) for n in range(len(clouds))]


def _ends(clouds: Sequence[Cloud], *, bars: bool) -> tuple[float, float]:
    """Lowest and highest that is drawn, with some room."""
    columns = ("y", "low", "high") if bars else ("y",)
    drawn = [float(v) for cloud in clouds for c in columns for v in cloud.frame[c] if math.isfinite(v)]
    low, high = min(drawn, default=0.0), max(drawn, default=1.0)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return (0.0 if 0 <= low <= 0.3 * high else low - room), high + room


def _points(cloud: Cloud, *, bars: bool, shift: float) -> Figure:
    frame, dense = cloud.frame, len(cloud.frame) > MOST_BARS
    x = frame["x"] + shift if shift else frame["x"]
    trace: Figure = {
        "type": "scatter", "mode": "markers", "x": plain(x), "y": plain(frame["y"]),
        "text": [safe(name) for name in frame["name"]], "hovertemplate": "%{text}: %{y}<extra></extra>",
        "name": safe(cloud.name), "offsetgroup": safe(cloud.name),
        "marker": {"size": 5 if dense else 7, "color": tint(cloud.colour, 0.45 if dense else 0.75)},
    }  # fmt: skip
    if bars:
        trace["error_y"] = whiskers(frame["y"], frame["low"], frame["high"], tint(cloud.colour, 0.5))
    return trace


def _line(cloud: Cloud, *, only: bool, words: Words) -> Figure:
    line = {"color": INK if only else cloud.colour, "width": 2.2}
    return {"type": "scatter", "mode": "lines", "x": plain(cloud.line.index), "y": plain(cloud.line), "line": line,
            "hoverinfo": "skip", "name": words.names[1], "showlegend": only}  # fmt: skip


def whiskers(values: Sequence[float], lows: Sequence[float], highs: Sequence[float], colour: str) -> Figure:
    """Intervals around values; none where a bound is not known."""
    rows = list(zip(values, lows, highs, strict=True))
    known = [math.isfinite(low) and math.isfinite(high) for _, low, high in rows]
    return {
        "type": "data", "symmetric": False, "thickness": 1.4, "width": 3, "color": colour,
        "array": plain(max(h - v, 0) if k else 0 for (v, _, h), k in zip(rows, known, strict=True)),
        "arrayminus": plain(max(v - w, 0) if k else 0 for (v, w, _), k in zip(rows, known, strict=True)),
    }  # fmt: skip


def paired_bars(rows: Sequence[Pair], words: Words, colours: tuple[str, str], marks: Sequence[float] = ()) -> Figure:
    """Two bars a row from 0 with their intervals, names down the side; ``words.names`` are those of the bars.

    ``marks`` has one value a row that is drawn as a diamond beside its bars, named by the third name.
    """
    names = wrapped([row.name for row in rows])
    data = [_bars(rows, names, words, (side, colours[side])) for side in range(len(colours)) if words.names[side]]
    if any(math.isfinite(mark) for mark in marks):
        data.append({"type": "scatter", "mode": "markers", "y": names, "x": plain(marks), "name": words.names[2],
                     "marker": {"symbol": "line-ns-open", "size": 26, "color": RED, "line": {"width": 2}},
                     "hoverinfo": "skip"})  # fmt: skip
    ends = [v for row in rows for group in (row.values, row.lows, row.highs) for v in group if math.isfinite(v)]
    reach = [min([0.0, *ends]), max([0.0, *ends])]
    room = 0.06 * (reach[1] - reach[0]) or 1.0
    axes: Figure = {
        "xaxis": {"range": [reach[0] - (room if reach[0] < 0 else 0), reach[1] + room], "tickformat": ",~g",
                  "hoverformat": ",.3~g", "nticks": 5, "showgrid": True, "ticksuffix": words.suffix},
        "yaxis": {"autorange": "reversed", "showgrid": False, "tickfont": {"color": INK, "size": 12},
                  "tickformat": "", "hoverformat": "", "ticksuffix": "", "type": "category", "nticks": len(names) + 1,
                  "ticklabelstandoff": 4},
    }  # fmt: skip
    zero = {"type": "line", "xref": "x", "yref": "paper", "x0": 0, "x1": 0, "y0": 0, "y1": 1,
            "line": {"color": INK, "width": 1}, "layer": "below"}  # fmt: skip
    more: Figure = {"barmode": "group", "bargap": 0.3, "bargroupgap": 0.06, "hovermode": False, "shapes": [zero]}
    legend = {"traceorder": "normal"}
    return {"data": data, "layout": layout(words, **axes, **more, legend=legend)}


def _bars(rows: Sequence[Pair], names: list[str], words: Words, side: tuple[int, str]) -> Figure:
    place, colour = side
    values, lows, highs = ([group(row)[place] for row in rows] for group in (_values, _lows, _highs))
    return {
        "type": "bar", "orientation": "h", "y": names, "x": plain(values), "name": words.names[place],
        "marker": {"color": colour}, "error_x": whiskers(values, lows, highs, GREY), "hoverinfo": "skip",
    }  # fmt: skip


def _values(row: Pair) -> tuple[float, float]:
    return row.values


def _lows(row: Pair) -> tuple[float, float]:
    return row.lows


def _highs(row: Pair) -> tuple[float, float]:
    return row.highs


def boxed(points: pd.DataFrame, box: Mapping[str, float], axes: tuple[Axis, Axis], words: Words) -> Figure:
    """Points by two quantities, those that fail apart, and a box with its open sides at the edge of the chart.

    ``points`` has x, y, share (of replications that fail), name; ``box`` x0, x1, y0, y1, NaN where open.
    ``words.names``: holds, fails.
    """
    failing = points["share"] >= 0.5
    data = [
        _marks(points[~failing], words.names[0], HOLDS, "circle-open"),
        _marks(points[failing], words.names[1], FAILS, "circle"),
    ]
    edges = {name: value if math.isfinite(value) else None for name, value in box.items()}
    spans = {axis: _reach(points[axis], log=drawn.log) for axis, drawn in zip("xy", axes, strict=True)}
    shape: dict[str, Any] = {"type": "rect", "xref": "x", "yref": "y", "layer": "below", "fillcolor": tint(FAILS, 0.1),
                             "line": {"color": FAILS, "width": 1.6, "dash": "dot"}}  # fmt: skip
    for axis, (low, high) in spans.items():
        shape |= {f"{axis}0": low if edges[f"{axis}0"] is None else edges[f"{axis}0"]}
        shape |= {f"{axis}1": high if edges[f"{axis}1"] is None else edges[f"{axis}1"]}
    drawn = {
        f"{axis}axis": own.drawn() | {"range": [math.log10(v) for v in spans[axis]] if own.log else list(spans[axis])}
        for axis, own in zip("xy", axes, strict=True)
    }
    more: Figure = {"hovermode": "closest", "legend": {"traceorder": "normal"}, "shapes": [shape]}
    return {"data": [trace for trace in data if trace["x"]], "layout": layout(words, **drawn, **more)}


def _marks(points: pd.DataFrame, name: str, colour: str, symbol: str) -> Figure:
    return {
        "type": "scatter", "mode": "markers", "x": plain(points["x"]), "y": plain(points["y"]), "name": name,
        "text": [safe(each) for each in points["name"]], "hovertemplate": "%{text}<extra></extra>",
        "marker": {"size": 8, "color": colour, "symbol": symbol, "line": {"color": colour, "width": 1.4}},
    }  # fmt: skip


def _reach(values: pd.Series, *, log: bool) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if log:
        room = (high / low) ** 0.05
        return low / room, high * room
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


DARK, PALE = BLUE, SKY
