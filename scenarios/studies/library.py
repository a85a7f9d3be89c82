"""The library of scenarios: which businesses each of them asks about, and what it asks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scenarios.studies.settings import CONF

COMMAND = re.compile(r"^# tobsim \w+ business=(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """One scenario.

    Attributes
    ----------
    name : str
        Name of its file.
    businesses : tuple of str
        Businesses that its own command lines name.
    question : str
        The first line of its comment.
    """

    name: str
    businesses: tuple[str, ...]
    question: str


def library(config_dir: str | os.PathLike[str] | None = None) -> list[Entry]:
    """Scenarios that are shipped and those of the user's own folder, by name."""
    folders = [CONF, *([Path(config_dir)] if config_dir else [])]
    files = {path.stem: path for folder in folders for path in sorted((folder / "scenario").glob("*.yaml"))}
    return [_entry(name, files[name]) for name in sorted(files)]


def of_business(business: str, config_dir: str | os.PathLike[str] | None = None) -> Iterator[Entry]:
    """Scenarios whose command lines name a business."""
    return (entry for entry in library(config_dir) if business in entry.businesses)


def _entry(name: str, path: Path) -> Entry:
    text = path.read_text("utf-8", errors="replace")
    lines = (line[2:] for line in text.splitlines() if line.startswith("# ") and not line.startswith("# @"))
    return Entry(name, tuple(dict.fromkeys(COMMAND.findall(text))), next(lines, ""))
