"""The page of a folder of forecasts: one HTML file that opens without a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from analysis.report.blocks import Panel
from analysis.report.build import Page, draw, write_page
from analysis.report.forecasts.blind import blind, split
from analysis.report.forecasts.calibration import calibrated
from analysis.report.forecasts.choice import chosen
from analysis.report.forecasts.faults import attention, faults, setup
from analysis.report.forecasts.folder import Forecasts
from analysis.report.forecasts.gate import coverage
from analysis.report.forecasts.goals import targets
from analysis.report.forecasts.quality import backtest
from analysis.report.forecasts.result import result
from analysis.report.forecasts.skill import best, history, skill
from analysis.report.forecasts.sums import hierarchy
from analysis.report.forecasts.view import View
from analysis.report.strings import Catalogue, catalogue

PART = "forecasts"
"""Folder of the texts of this page."""

Maker = Callable[[View], Panel | None]

PANELS: tuple[Maker, ...] = (result, targets, backtest, calibrated, chosen, hierarchy)
"""In the order of the questions: what comes, is it enough, how good, do intervals hold, by what model."""

TRUTH: tuple[Maker, ...] = (coverage, skill, history, best, blind, split)
"""What only a simulation can tell: whether intervals hold, how far ahead, after how long, by what, what is hidden."""

LAST: tuple[Maker, ...] = (faults, setup)
"""What failed, and what was run."""


def build_forecasts(path: Path, language: str = "en") -> Path:
    """Write the page of a folder of forecasts into it.

    Parameters
    ----------
    path : Path
        Folder of forecasts; files that are missing leave out the panels that need them.
    language : str
        Language that has a file in ``analysis/report/strings`` and in its folder ``forecasts``.

    Returns
    -------
    Path
        ``report.html`` in the folder, replaced in one step.

    Raises
    ------
    MissingText
        If there are no texts for the language.
    FileNotFoundError
        If the folder does not exist.
    """
    return write_page(Path(path), render(Forecasts(Path(path)), catalogue(language, PART)))


def render(folder: Forecasts, text: Catalogue) -> str:
    """The page as HTML."""
    view = View(folder, text)
    version = str((folder.manifest.get("versions") or {}).get("tobsim", ""))
    return draw(Page("forecasts.page", view.what(), chapters(view), attention(view), version), text)


def chapters(view: View) -> list[tuple[str, list[Panel]]]:
    """Panels of the forecasts, those of the known truth under a title of their own where there is one, what was run."""
    own, last = _made(view, PANELS), _made(view, LAST)
    if not view.folder.judged:
        return [("", [*own, *last])]
    judged = (view.text("forecasts.truth.chapter"), _judged(view))
    return [("", own), judged, *([(view.text("setup.title"), last)] if last else [])]


def _made(view: View, makers: Sequence[Maker]) -> list[Panel]:
    return [panel for make in makers if (panel := make(view)) is not None]


def _judged(view: View) -> list[Panel]:
    """Panels of the known truth; the first says what such a judgement can show."""
    first, *others = _made(view, TRUTH)
    return [replace(first, lead=f"{view.text('forecasts.truth.meaning')} {first.lead}"), *others]
