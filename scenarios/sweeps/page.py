"""The page of a sweep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenarios.errors import InputError
from scenarios.runs.claim import read_config
from scenarios.runs.files import checksum, write_text
from scenarios.runs.manifest import NAME as MANIFEST
from scenarios.runs.manifest import read_entries
from scenarios.sweeps.folder import COMPLETE

NAME = "report.html"


def write_page(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Build the page of a sweep whose manifest and tables are there; its entry for the manifest.

    Parameters
    ----------
    folder : Path
    settings : mapping
        The group ``report`` of the configuration; a page that is not asked for is taken away.
    """
    if not settings["enabled"]:
        (folder / NAME).unlink(missing_ok=True)
        return {}
    from analysis.report.sweeps.build import build_sweep

    path = build_sweep(folder, settings["language"])
    return {path.name: {"rows": None, "digest": None, "checksum": checksum(path)}}


def rebuild_page(path: Path, language: str | None = None) -> Path:
    """Build the page of a sweep again, in its own language unless another is named.

    Raises
    ------
    InputError
        If the sweep is not complete, or the language has no texts.
    """
    from scenarios.runs.run import check_language

    record = read_entries(path)
    if record.get("status") != COMPLETE:
        raise InputError([f"{path}: has nothing to report, got a sweep that is {record.get('status')}; finish it"])
    settings = read_config(path)["report"] | {"enabled": True}
    settings |= {} if language is None else {"language": language}
    check_language(settings["language"])
    record["files"] |= write_page(path, settings)
    write_text(path / MANIFEST, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return path / NAME
