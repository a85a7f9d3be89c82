"""The study in a folder of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scenarios.errors import InputError, shown, user_path

if TYPE_CHECKING:
    from scenarios.studies.study import Study

GROUPS = ("business", "opening")
"""Groups of which a folder's only option is taken unless another is chosen."""


def place_of(source: str | Path) -> Path:
    """The folder that a source names.

    Raises
    ------
    InputError
        If there is none.
    """
    path = user_path(source, "source")
    if str(source) == "" or not path.exists():
        raise InputError([f"source: does not exist, got {shown(str(source))}; a study folder or a run folder"])
    if not path.is_dir():
        raise InputError([f"source: is a file, got {shown(str(source))}; a study folder or a run folder"])
    return path


def own_study(folder: Path, overrides: Sequence[str]) -> Study:
    """Compose the study of a folder, which has to start from a past.

    Parameters
    ----------
    folder : Path
        Laid out as ``conf``; the only business and the only opening there are taken if none is chosen.
    overrides : sequence of str
        As for a run.

    Raises
    ------
    InputError
        If nothing or more than one thing could be meant, or the study starts from an empty company.
    """
    from scenarios.studies.compose import compose

    words = [*_chosen(folder, overrides), *overrides]
    study = compose(overrides=words, config_dir=folder)
    if not (study.config.get("market") or {}).get("opening"):
        right = "a file in its folder opening/, or opening=NAME (docs/opening.md)"
        raise InputError([f"source: starts from an empty company, got {folder} without market.opening; {right}"])
    return study


def _chosen(folder: Path, overrides: Sequence[str]) -> list[str]:
    """Options that need not be said, because the folder has one only."""
    found = []
    for group in GROUPS:
        there = sorted(path.stem for path in (folder / group).glob("*.yaml"))
        if any(word.partition("=")[0].lstrip("+~") == group for word in overrides):
            continue
        if len(there) > 1:
            raise InputError([f"{group}: is not chosen, got {', '.join(there)} in {folder}; {group}={there[0]}"])
        if not there and group == "business":
            right = "a folder as tobsim init writes it, a run folder, or business=NAME"
            raise InputError([f"source: holds no study, got {folder} without business/NAME.yaml; {right}"])
        found += [f"{group}={name}" for name in there]
    return found
