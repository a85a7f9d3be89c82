"""Tables brought to a readable scale, with the words for their axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.plots import Words
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd


def scaled(say: Wording, frame: pd.DataFrame, unit: str, names: tuple[str, ...]) -> tuple[pd.DataFrame, Words]:
    text = say.text
    size, word = text.scale(frame.abs().max())
    size, word = (size, word) if size > 1000 else (1.0, "")
    axis = text("format.scaled", value=word, scale=text.unit(unit)).strip()
    share = unit.startswith("1")
    words = Words(
        axis="" if share else axis,
        names=names,
        suffix=text("format.percent", value="") if share else "",
        date=text("format.axis_date"),
        separators=text("format.decimal") + text("format.thousands"),
    )
    return (frame * 100 if share else frame / size), words
