"""Tables brought to a readable scale, with the words for their chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.report.plots import Words
from analysis.report.strings import SCALED_FROM, SHARES
from analysis.report.wording import Wording

if TYPE_CHECKING:
    import pandas as pd


def scaled(say: Wording, frame: pd.DataFrame, unit: str) -> tuple[pd.DataFrame, str]:
    """``frame`` in a scale that suits its largest value, and the word for its unit in that scale."""
    text = say.text
    if unit.split("/")[0] in SHARES:
        return frame * 100, f"{text('format.percent', value='').strip()} {text.unit(unit)}".strip()
    top = frame.abs().max().max()
    size, word = text.scale([top]) if top >= SCALED_FROM else (1.0, "")
    name = text.unit(unit)
    return frame / size, text("format.scaled", value=word, scale=name) if word and name else word or name


def words(say: Wording, *names: str, share: bool = False, dates: bool = True) -> Words:
    """Formats of a chart in the language of the report."""
    text = say.text
    return Words(
        names=names,
        suffix=text("format.percent", value="") if share else "",
        date=text("format.axis_date") if dates else "",
        separators=text("format.decimal") + text("format.thousands"),
        marks=say.marks if dates else (),
    )
