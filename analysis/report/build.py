"""The report of a run: one HTML file that opens without a network."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.opening import open_gaps
from analysis.report.assurance import in_range
from analysis.report.blocks import Panel
from analysis.report.folder import Folder
from analysis.report.panels import panels
from analysis.report.strings import Catalogue, catalogue
from analysis.report.wording import Wording

if TYPE_CHECKING:
    from markupsafe import Markup

HERE = Path(__file__).parent
NAME = "report.html"

ENOUGH = 20
"""Replications below which the reader is warned that intervals are rough."""


def build_report(path: Path, language: str = "en") -> Path:
    """Write the report of a run folder into it.

    Parameters
    ----------
    path : Path
        Run folder; files that are missing leave out the panels that need them.
    language : str
        Language that has a file in ``analysis/report/strings``.

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
    return write_page(Path(path), render(Folder(Path(path)), catalogue(language)))


def write_page(folder: Path, page: str, name: str = NAME) -> Path:
    """Write ``report.html`` or another page into a folder, in one step; returns its path."""
    target = folder / name
    staged = target.with_name(f"{name}.tmp")
    with staged.open("w", encoding="utf-8", newline="\n") as file:
        file.write(page)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(target)
    return target


@dataclass(frozen=True)
class Page:
    """What the template draws: ``group`` holds the texts around the panels, ``what`` fills their fields.

    ``chapters`` are titles with their panels; a page about one thing has one chapter without a title.
    """

    group: str
    what: Mapping[str, str]
    chapters: Sequence[tuple[str, Sequence[Panel]]]
    attention: Sequence[str]
    version: str


def render(folder: Folder, text: Catalogue) -> str:
    """The report as HTML."""
    say = Wording(folder, text)
    version = str(folder.manifest.get("versions", {}).get("tobsim", ""))
    return draw(Page("page", say.what(), [("", panels(say))], attention(say), version), text)


def draw(page: Page, text: Catalogue) -> str:
    """A page as HTML, with its style and its scripts inside."""
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    scripts = [_inline(get_plotlyjs()), _inline((HERE / "report.js").read_text("utf-8"))]
    return str(
        _template().render(
            text=text,
            page=page,
            style=Markup((HERE / "report.css").read_text("utf-8")),
            scripts=[Markup(s) for s in scripts],
            policy=policy(scripts),
        )
    )


def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["figure"] = figure_json
    return environment.get_template("template.html")


def _inline(script: str) -> str:
    return script.replace("</script", "<\\/script").replace("\r\n", "\n").strip()


def figure_json(figure: dict[str, Any]) -> Markup:
    """A chart as JSON that can stand inside a script element."""
    from markupsafe import Markup

    text = json.dumps(figure, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def policy(scripts: list[str]) -> str:
    """Content policy: nothing is loaded from anywhere, and only these scripts run."""
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    allowed = " ".join(f"'sha256-{h}'" for h in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _without_cash(folder: Folder) -> int:
    """Replications in which cash is below zero at the end of a month."""
    months = folder.months
    return int(months.loc[(months["metric"] == "cash") & (months["value"] < 0), "replication"].nunique())


def attention(say: Wording) -> list[str]:
    """What a reader must know before using the figures; empty where nothing is wrong."""
    folder, text, lines = say.folder, say.text, []
    broken = folder.identities.loc[~folder.identities["holds"], "identity"].astype(str)
    outside = folder.plausibility.query("status == 'out'")["metric"].astype(str)
    comma = text("words.list")
    apart = open_gaps(folder.opening)["quantity"].astype(str).unique() if len(folder.opening) else []
    if folder.failures():
        lines.append(text("attention.failures", count=len(folder.failures())))
    if len(broken):
        names = comma.join(text.name("identities", n) for n in broken)
        lines.append(text("attention.broken", count=len(broken), names=names))
    if len(apart):
        lines.append(text("attention.start", names=comma.join(text.name("quantities", n) for n in apart)))
    if folder.replications < ENOUGH:
        lines.append(text("attention.few", replications=folder.replications))
    if in_range(folder.plausibility)[1] and len(outside):
        names = comma.join(say.metric(n) for n in outside)
        lines.append(text("attention.out", count=len(outside), names=names))
    if short := _without_cash(folder):
        lines.append(text("attention.cash", count=short, total=folder.replications))
    if folder.warnings():
        lines.append(text("attention.warnings", count=len(folder.warnings())))
    return lines
