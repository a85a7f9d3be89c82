"""Charts of the report of a run as pictures that stand alone: for slides, with a title and on white."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path

from analysis.report.blocks import Chart, Charts
from analysis.report.folder import Folder
from analysis.report.panels import panels
from analysis.report.plots import FONT, INK, Figure, safe
from analysis.report.strings import catalogue
from analysis.report.wording import Wording

WIDTH, HEIGHT = 800, 450
"""Size in pixels at scale 1: 16:9, in which the type of the page is large enough to be read from afar."""

TOP = 78
"""Room for the title and the legend below it, in pixels."""

NAME = re.compile(r"[^A-Za-z0-9._-]+")


def pictures(path: Path, language: str = "en") -> Iterator[tuple[str, Figure]]:
    """Name and figure of every chart of the report.

    Parameters
    ----------
    path : Path
        Run folder.
    language : str
        Language that has a file in ``analysis/report/strings``.
    """
    say = Wording(Folder(path), catalogue(language))
    for panel in panels(say):
        for block in panel.blocks:
            for chart in block.charts if isinstance(block, Charts) else ():
                yield NAME.sub("-", chart.id), picture(chart)


def picture(chart: Chart) -> Figure:
    """The figure of a chart with its title and unit, in a fixed size."""
    figure = copy.deepcopy(chart.figure)
    title = safe(chart.title) + (f" <span style='font-size:13px'>({safe(chart.unit)})</span>" if chart.unit else "")
    figure["layout"] |= {
        "autosize": False,
        "width": WIDTH,
        "height": HEIGHT,
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "margin": {"l": 16, "r": 24, "t": TOP, "b": 16},
        "title": {
            "text": title, "x": 0.02, "xanchor": "left", "y": 0.96, "yanchor": "top",
            "font": {"family": FONT, "size": 18, "color": INK},
        },
    }  # fmt: skip
    return figure
