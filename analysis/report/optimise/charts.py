"""Charts of trials as plain plotly figures; all texts are handed in.

``words.names`` are those of plans that keep all limits, of those that do not, and of the best so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analysis.report.plots import BLUE, GREEN, GREY, Figure, Words, layout, plain, safe

if TYPE_CHECKING:
    import pandas as pd

MARKS = ((True, BLUE, "circle"), (False, GREY, "x-thin-open"))
"""Whether limits are kept, with colour and symbol."""


def course(trials: pd.DataFrame, told: dict[str, Any], words: Words) -> Figure:
    """An objective by trial, and the best so far among those that keep all limits."""
    name = told["column"]
    good = trials[trials["feasible"]]
    best = good[name].cummax() if told["largest"] else good[name].cummin()
    data = _dots(trials, "trial", name, words)
    data.append({"type": "scatter", "mode": "lines", "x": plain(good["trial"]), "y": plain(best), "name":
                 safe(words.names[2]), "line": {"color": GREEN, "shape": "hv", "width": 2}})  # fmt: skip
    return {"data": data, "layout": layout(words, xaxis={"tickformat": "d"}, hovermode="closest")}


def against(trials: pd.DataFrame, told: dict[str, Any], alias: str, words: Words) -> Figure:
    """An objective against a key."""
    data = _dots(trials, alias, told["column"], words)
    return {"data": data, "layout": layout(words, xaxis={"title": {"text": safe(alias)}}, hovermode="closest")}


def trade(trials: pd.DataFrame, front: pd.DataFrame, told: Sequence[dict[str, Any]], words: Words) -> Figure:
    """One objective against another, with the plans that no other one beats and their intervals."""
    one, other = told[0]["column"], told[1]["column"]
    best = front[front["best"]].sort_values(one)
    bars = {axis: {"type": "data", "symmetric": False, "color": GREEN, "thickness": 1.2,
                   "array": plain(best[f"{name}_high"] - best[name]),
                   "arrayminus": plain(best[name] - best[f"{name}_low"])}
            for axis, name in (("error_x", one), ("error_y", other))}  # fmt: skip
    data = _dots(trials, one, other, words)
    data.append({"type": "scatter", "mode": "markers", "x": plain(best[one]), "y": plain(best[other]),
                 "name": safe(words.names[2]), "marker": {"color": GREEN, "size": 10}, **bars})  # fmt: skip
    return {"data": data, "layout": layout(words, xaxis={"title": {"text": safe(words.names[3])}}, hovermode="closest")}


def _dots(trials: pd.DataFrame, x: str, y: str, words: Words) -> list[Figure]:
    """Trials, those that keep all limits apart from those that do not."""
    found = []
    for (feasible, colour, symbol), name in zip(MARKS, words.names[:2], strict=True):
        rows = trials[trials["feasible"] == feasible]
        if len(rows):
            found.append({"type": "scatter", "mode": "markers", "x": plain(rows[x]), "y": plain(rows[y]),
                          "name": safe(name), "marker": {"color": colour, "symbol": symbol, "size": 8,
                                                         "line": {"color": colour, "width": 1.5}}})  # fmt: skip
    return found
