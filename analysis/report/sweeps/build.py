"""The page of a folder of a sweep: one HTML file that opens without a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.report.blocks import Panel
from analysis.report.build import Page, draw, write_page
from analysis.report.strings import Catalogue, catalogue
from analysis.report.sweeps.answers import answers
from analysis.report.sweeps.folder import Swept
from analysis.report.sweeps.influence import influence
from analysis.report.sweeps.result import result
from analysis.report.sweeps.rules import rules
from analysis.report.sweeps.swings import swings
from analysis.report.sweeps.trust import attention, failures, ranges, setup
from analysis.report.sweeps.view import View

PART = "sweeps"
"""Folder of the texts of this page."""


def build_sweep(path: Path, language: str = "en") -> Path:
    """Write the page of a folder of a sweep into it.

    Parameters
    ----------
    path : Path
        Folder of a sweep; files that are missing leave out the panels that need them.
    language : str
        Language that has a file in ``analysis/report/strings`` and in its folder ``sweeps``.

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
    return write_page(Path(path), render(Swept(Path(path)), catalogue(language, PART)))


def render(folder: Swept, text: Catalogue) -> str:
    """The page as HTML."""
    view = View(folder, text)
    version = str((folder.manifest.get("versions") or {}).get("tobsim", ""))
    return draw(Page("sweeps.page", view.what(), chapters(view), attention(view), version), text)


def chapters(view: View) -> list[tuple[str, Sequence[Panel]]]:
    """In the order of the questions: what came out, how figures answer, what moves them, when it fails, how sure."""
    text = view.text
    found: dict[str, list[Panel | None]] = {
        "": [result(view)],
        text("sweeps.chapters.answers"): [*answers(view)],
        text("sweeps.chapters.moves"): [*influence(view), swings(view)],
        text("sweeps.chapters.fails"): [*rules(view)],
        text("sweeps.chapters.trust"): [failures(view), ranges(view), setup(view)],
    }
    made = {title: [panel for panel in panels if panel is not None] for title, panels in found.items()}
    return [(title, panels) for title, panels in made.items() if panels]
