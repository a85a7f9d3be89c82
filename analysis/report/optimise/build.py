"""The page of an optimisation: one HTML file that opens without a network."""

from __future__ import annotations

from pathlib import Path

from analysis.report.build import Page, draw, write_page
from analysis.report.optimise.folder import CURRENT, Optimisation, View
from analysis.report.optimise.panels import PANELS
from analysis.report.strings import Catalogue, catalogue

PART = "optimise"
"""Folder of the texts of this page."""


def build_optimise(path: Path, language: str = "en") -> Path:
    """Write the page of an optimisation into its folder.

    Parameters
    ----------
    path : Path
        Folder of the optimisation.
    language : str
        Language that has a file in ``analysis/report/strings`` and in its folder ``optimise``.

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
    return write_page(Path(path), render(Optimisation(Path(path)), catalogue(language, PART)))


def render(folder: Optimisation, text: Catalogue) -> str:
    """The page as HTML."""
    view = View(folder, text)
    panels = [panel for make in PANELS if (panel := make(view)) is not None]
    version = str((folder.manifest.get("versions") or {}).get("tobsim", ""))
    return draw(Page("optimise.page", view.what(), [("", panels)], attention(view), version), text)


def attention(view: View) -> list[str]:
    """What a reader must know first: failures, warnings, plans that break a limit."""
    manifest, text = view.folder.manifest, view.text
    lines = []
    if manifest.get("failures"):
        lines.append(text("optimise.attention.failures", count=text.count(len(manifest["failures"]))))
    if not view.folder.trials.query(f"role != '{CURRENT}'")["feasible"].any():
        lines.append(text("optimise.attention.infeasible"))
    return lines + [str(each) for each in manifest.get("warnings") or []]
