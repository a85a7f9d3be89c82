"""The page of a comparison: one HTML file that opens without a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from analysis.report.blocks import Panel
from analysis.report.build import Page, draw, write_page
from analysis.report.comparison.case import Case
from analysis.report.comparison.course import course, funnels
from analysis.report.comparison.decision import decision
from analysis.report.comparison.folder import Comparison
from analysis.report.comparison.levers import changes
from analysis.report.comparison.planned import planned
from analysis.report.comparison.result import gain, result
from analysis.report.comparison.stack import stacked
from analysis.report.comparison.sure import attention, everything, setup, sure
from analysis.report.comparison.who import flips
from analysis.report.comparison.why import drivers
from analysis.report.strings import Catalogue, catalogue

PART = "comparison"
"""Folder of the texts of this page."""

PANELS: tuple[Callable[[Case], Panel | None], ...] = (
    result, stacked, decision, planned, sure, drivers, flips, changes, gain, funnels, course, everything,
)  # fmt: skip
"""In the order of the questions: what differs, which plan, how sure, why, who, what was changed, what it costs."""


def build_comparison(path: Path, language: str = "en") -> Path:
    """Write the page of a comparison folder into it.

    Parameters
    ----------
    path : Path
        Comparison folder; files that are missing leave out the panels that need them.
    language : str
        Language that has a file in ``analysis/report/strings`` and in its folder ``comparison``.

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
    return write_page(Path(path), render(Comparison(Path(path)), catalogue(language, PART)))


def cases(folder: Comparison, text: Catalogue) -> list[Case]:
    """The comparisons of a folder, one per business."""
    return [Case(folder, business, text) for business, scenarios in folder.businesses.items() if scenarios]


def render(folder: Comparison, text: Catalogue) -> str:
    """The page as HTML."""
    found = cases(folder, text)
    chapters = [(case.say.business() if len(found) > 1 else "", _panels(case)) for case in found]
    last = setup(folder, text)
    if last:
        chapters.append((text("compare.page.together") if len(found) > 1 else "", [last]))
    group = "compare.page" if len(found) == 1 else "compare.pages"
    version = str((folder.manifest.get("versions") or {}).get("tobsim", ""))
    return draw(Page(group, _what(folder, found, text), chapters, attention(folder, found, text), version), text)


def _panels(case: Case) -> list[Panel]:
    made = [panel for make in PANELS if (panel := make(case)) is not None]
    return [replace(panel, key=f"{case.business}-{panel.key}") for panel in made]


def _what(folder: Comparison, found: list[Case], text: Catalogue) -> dict[str, str]:
    """Fields of the texts around the panels."""
    if len(found) == 1:
        return found[0].what()
    names = text("words.list").join(case.say.business() for case in found)
    return {"businesses": names, "count": text.count(len(found)), "seed": str(folder.manifest.get("seed", ""))}
