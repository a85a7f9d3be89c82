"""May it be written there? A free place, or the folder of the same study or the like; anything else is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError
from scenarios.runs.files import STAGED, Lock
from scenarios.runs.manifest import NAME, read_entries, read_manifest
from scenarios.runs.sets import SETS

if TYPE_CHECKING:
    from scenarios.studies.study import Study

CONFIG = "config.yaml"
SOURCE = "study.yaml"
"""The configuration with its references in place: what a run is reproduced from."""

ASSEMBLED = "assembled"
LOCK = ".lock"


@dataclass(frozen=True)
class Owner:
    """What a folder has to belong to.

    Attributes
    ----------
    verb : str
        The command that writes it.
    what : str
        What the command makes there, as a message calls it.
    key, digest : str
        Entry of the manifest that tells one from another, and its value.
    """

    verb: str
    what: str
    key: str
    digest: str


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
    owner = Owner(verb, "study", "study_digest", study.digest)
    check_place(path, owner, lambda: ", ".join(difference(path, study)) or "an input file differs")
    if (path / NAME).exists():
        read_manifest(path)


def check_place(path: Path, owner: Owner, differing: Callable[[], str] = lambda: "") -> None:
    """Refuse a place that is not free and not the folder of ``owner``.

    Parameters
    ----------
    path : Path
    owner : Owner
    differing : callable, optional
        Says in which settings the owner of the folder differs.

    Raises
    ------
    InputError
        Saying what is there.
    """
    free = f"a new folder, or the one of this {owner.what}"
    if path.is_symlink() or (path / SETS).is_symlink() or (path / ASSEMBLED).is_symlink():
        raise InputError([f"out: is a symbolic link, got {path}; {free}"])
    if path.exists() and not path.is_dir():
        raise InputError([f"out: is a file, got {path}; {free}"])
    try:
        found = {item.name for item in path.iterdir()} if path.is_dir() else set()
    except OSError as error:
        raise unwritable(path, error) from None
    if NAME in found:
        _check_same(path, owner, differing)
    elif strange := sorted(found - {LOCK, *(name + end for name in (NAME, CONFIG, SOURCE) for end in ("", STAGED))}):
        raise InputError([f"out: holds other files, got {path} with {strange[0]}; {free}"])


def _check_same(path: Path, owner: Owner, differing: Callable[[], str]) -> None:
    there = read_entries(path)
    if there.get("verb", owner.verb) != owner.verb:
        raise InputError([f"out: is of another command, got {path} of {there['verb']}; another out"])
    if owner.key not in there:
        raise InputError([f"{path / NAME}: lacks entries, got no {owner.key}; a manifest of ours, or another out"])
    if there[owner.key] != owner.digest:
        how = f" ({text})" if (text := differing()) else ""
        raise InputError([f"out: holds another {owner.what}, got {path}{how}; its settings, or another out"])


@contextmanager
def held(path: Path, owner: Owner) -> Iterator[None]:
    """A folder of ``owner``, made if it is not there, that no other process writes meanwhile.

    Raises
    ------
    InputError
        For a place of something else, one that another process holds, or one that cannot be written.
    """
    check_place(path, owner)
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = Lock(path / LOCK).__enter__()
    except BlockingIOError:
        raise InputError([f"out: is being written, got {path}; wait, or another out"]) from None
    except OSError as error:
        raise unwritable(path, error) from None
    try:
        check_place(path, owner)
        yield
    finally:
        lock.__exit__(None, None, None)


def difference(path: Path, study: Study, most: int = 4) -> list[str]:
    """Keys in which the study of a run folder differs from ``study``, as ``key X there and Y here``."""
    from scenarios.studies.settings import NOT_IN_DIGEST

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
