"""May a run be written there? A free place or a folder of the same study; anything else is refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError
from scenarios.files import STAGED
from scenarios.manifest import NAME, Manifest, read_manifest
from scenarios.sets import SETS

if TYPE_CHECKING:
    from scenarios.study import Study

CONFIG = "config.yaml"
SOURCE = "study.yaml"
"""The configuration with its references in place: what a run is reproduced from."""

ASSEMBLED = "assembled"
LOCK = ".lock"


def unwritable(path: Path, error: OSError) -> InputError:
    """The problem of a folder that cannot be written."""
    return InputError([f"out: cannot be written, got {path} ({error.strerror}); a folder you may write to"])


def check_out(path: Path, study: Study, verb: str) -> None:
    """Refuse a place that is not free and not a folder of this study.

    Raises
    ------
    InputError
        Saying what is there, or which settings differ.
    """
    free = "a new folder, or the one of this study"
    if path.is_symlink() or (path / SETS).is_symlink() or (path / ASSEMBLED).is_symlink():
        raise InputError([f"out: is a symbolic link, got {path}; {free}"])
    if path.exists() and not path.is_dir():
        raise InputError([f"out: is a file, got {path}; {free}"])
    try:
        found = {item.name for item in path.iterdir()} if path.is_dir() else set()
    except OSError as error:
        raise unwritable(path, error) from None
    if NAME in found:
        _check_same(path, read_manifest(path), study, verb)
    elif strange := sorted(found - {LOCK, *(name + end for name in (NAME, CONFIG, SOURCE) for end in ("", STAGED))}):
        raise InputError([f"out: holds other files, got {path} with {strange[0]}; {free}"])


def _check_same(path: Path, manifest: Manifest, study: Study, verb: str) -> None:
    if manifest.verb != verb:
        raise InputError([f"out: is of another command, got {path} of {manifest.verb}; another out"])
    if manifest.study_digest != study.digest:
        differing = ", ".join(difference(path, study)) or "an input file differs"
        raise InputError([f"out: holds another study, got {path} ({differing}); its settings, or another out"])


def difference(path: Path, study: Study, most: int = 4) -> list[str]:
    """Keys in which the study of a run folder differs from ``study``, as ``key X there and Y here``."""
    from scenarios.settings import NOT_IN_DIGEST

    try:
        there = flatten(read_config(path))
    except InputError:
        return []
    here = flatten(study.config)
    keys = [key for key in dict.fromkeys([*here, *there]) if key.split(".")[0] not in NOT_IN_DIGEST]
    texts = [
        f"{key} {there.get(key, 'absent')} there and {here.get(key, 'absent')} here"
        for key in keys
        if there.get(key, "absent") != here.get(key, "absent")
    ]
    return texts[:most] + ([f"{len(texts) - most} more"] if len(texts) > most else [])


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one mapping of dotted keys."""
    if not isinstance(config, dict) or not config:
        return {prefix: config}
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat.update(flatten(value, f"{prefix}.{key}" if prefix else str(key)))
    return flat


def read_config(root: Path, name: str = CONFIG) -> dict[str, Any]:
    """A configuration of a run folder.

    Raises
    ------
    InputError
        If it is missing or damaged.
    """
    import yaml

    try:
        content = yaml.safe_load((root / name).read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        content = None
    if not isinstance(content, dict):
        raise InputError([f"{root / name}: cannot be read, got nothing of ours; the file as the run wrote it"])
    return content
