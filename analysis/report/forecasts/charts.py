"""Charts of how good forecasts are, as plain plotly figures; all texts are handed in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analysis.report.comparison.charts import Bar, dots
from analysis.report.plots import DASHES, GREEN, GREY, INK, LINES, Figure, Words, layout, plain, safe, tint

if TYPE_CHECKING:
    import pandas as pd

MOST_BANDS = 2
"""Lines above which bands would hide each other."""

MARGIN = 0.06
"""Room at the ends of an axis as a share of its length."""

PARTS = (LINES[0], LINES[4], LINES[3])
"""Colours of the parts of a whole."""


def beside(bars: Sequence[Bar], marks: Sequence[float], words: Words, reach: Sequence[float] = ()) -> Figure:
    """A dot with its interval per row beside a line at one mark, or a shaded range between two.

    The axis holds what there is, and the values of ``reach``.
    """
    figure = dots(bars, words)
    ends = [v for b in bars for v in (b.value, b.low, b.high) if math.isfinite(v)]
    low, high = min([*ends, *marks, *reach]), max([*ends, *marks, *reach])
    room = MARGIN * (high - low) or 1.0
    figure["layout"]["xaxis"]["range"] = [low - room, high + room]
    figure["layout"]["xaxis"]["ticksuffix"] = words.suffix
    figure["layout"]["shapes"] = [_mark(marks)]
    return figure


def _mark(marks: Sequence[float]) -> Figure:
    place = {"xref": "x", "yref": "paper", "x0": marks[0], "x1": marks[-1], "y0": 0, "y1": 1, "layer": "below"}
    if len(marks) == 1:
        return {"type": "line", "line": {"color": INK, "width": 1}, **place}
    return {"type": "rect", "line": {"width": 0}, "fillcolor": tint(GREEN, 0.16), **place}


def calibration(frames: Mapping[str, pd.DataFrame], words: Words) -> Figure:
    """Covered against nominal per cent by model, with intervals; on the dotted line they are equal.

    Frames hold covered, low and high by level; ``words.names``: the line of equality, the axes of what was promised.
    """
    spread = _apart(len(frames))
    data: list[Figure] = [_error_dots(frame, i, name, spread[i]) for i, (name, frame) in enumerate(frames.items())]
    values = [v for f in frames.values() for v in [*f.index, *f["covered"], *f["low"]] if v == v]
    start = max(math.floor((min(values) - 4) / 10) * 10, 0)
    line = {"color": GREY, "dash": "dot", "width": 1.2}
    data.append({"type": "scatter", "mode": "lines", "x": [start, 100], "y": [start, 100], "name": words.names[0],
                 "line": line, "hoverinfo": "skip"})  # fmt: skip
    level = {"range": [start, 101], "tickvals": sorted({*(int(v) for f in frames.values() for v in f.index), 100}),
             "ticksuffix": words.suffix, "title": titled(words.names[1]), **WHOLE}  # fmt: skip
    return {"data": data, "layout": layout(words, xaxis=level, yaxis={"range": [start, 101]}, hovermode="closest")}


WHOLE = {"tickformat": "d", "hoverformat": "d"}
"""Formats of an axis of whole numbers."""


def _apart(count: int) -> list[float]:
    """Shifts that keep the intervals of models apart, in points."""
    return [0.9 * (i - (count - 1) / 2) for i in range(count)]


def _error_dots(frame: pd.DataFrame, place: int, name: str, shift: float) -> Figure:
    colour = LINES[place % len(LINES)]
    return {
        "type": "scatter", "mode": "markers", "x": plain(float(v) + shift for v in frame.index),
        "y": plain(frame["covered"]), "name": safe(name), "marker": {"size": 9, "color": colour},
        "error_y": {"type": "data", "symmetric": False, "thickness": 1.4, "width": 3, "color": colour,
                    "array": plain(frame["high"] - frame["covered"]),
                    "arrayminus": plain(frame["covered"] - frame["low"])},
    }  # fmt: skip


def titled(text: str) -> dict[str, Any]:
    """Title of an axis."""
    return {"text": safe(text), "font": {"size": 12}, "standoff": 8}


def tracks(frames: Mapping[str, pd.DataFrame], marks: Sequence[float], words: Words) -> Figure:
    """A line per entry over steps, the first ones in their bands, with dotted lines at the marks.

    Frames hold value, low and high by step; ``words.names``: the axis of steps.
    """
    data: list[Figure] = []
    for place, frame in enumerate(frames.values()):
        known = frame.dropna(subset=["low", "high"])
        if len(known) and place < MOST_BANDS:
            edge: Figure = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip",
                            "x": plain(known.index), "showlegend": False}  # fmt: skip
            fill = {"fill": "tonexty", "fillcolor": tint(LINES[place], 0.16)}
            data += [edge | {"y": plain(known["low"])}, edge | {"y": plain(known["high"])} | fill]
    for place, (name, frame) in enumerate(frames.items()):
        style = place % len(LINES)
        line = {"color": LINES[style], "dash": DASHES[style], "width": 2.2}
        data.append({"type": "scatter", "mode": "lines+markers", "x": plain(frame.index), "y": plain(frame["value"]),
                     "name": safe(name), "line": line, "marker": {"size": 5}, "showlegend": True})  # fmt: skip
    more: Figure = {"xaxis": {**WHOLE, "title": titled(words.names[0])}, "yaxis": {"ticksuffix": words.suffix}}
    more["legend"] = {"traceorder": "normal"}
    return {"data": data, "layout": layout(words, **more, shapes=[_level(mark) for mark in marks])}


def _level(mark: float) -> Figure:
    line = {"color": GREY, "dash": "dot", "width": 1.4}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": mark, "y1": mark, "line": line, "layer": "below"}


def stacked(parts: Mapping[str, pd.Series], words: Words) -> Figure:
    """Parts of a whole in per cent as stacked bars over steps; ``words.names``: the axis of steps."""
    data = [
        {"type": "bar", "x": plain(values.index), "y": plain(values), "name": safe(name),
         "marker": {"color": PARTS[i % len(PARTS)]}}
        for i, (name, values) in enumerate(parts.items())
    ]  # fmt: skip
    steps = max((len(values) for values in parts.values()), default=0)
    x = {**WHOLE, "title": titled(words.names[0]), "dtick": max(round(steps / 6), 1)}
    axes = {"xaxis": x, "yaxis": {"range": [0, 100], "ticksuffix": words.suffix, "hoverformat": ".0f"}}
    legend = {"traceorder": "normal"}
    return {"data": data, "layout": layout(words, barmode="stack", bargap=0.25, legend=legend, **axes)}
