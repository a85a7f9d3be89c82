"""Whether those who work elsewhere would do what is done here: the same versions, code and folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scenarios.runs.claim import unwritable

OURS = ("sim", "analysis", "scenarios")
"""Packages whose code has to be the same everywhere."""


def look(token: Path | None) -> dict[str, Any]:
    """Versions and code of this process, and the folder of ``token`` if it is seen from here."""
    from scenarios.runs.manifest import versions

    digest, root = hashlib.blake2b(digest_size=8), Path(__file__).parents[2]
    for file in sorted(file for name in OURS for file in (root / name).rglob("*.py")):
        digest.update(file.read_bytes())
    seen = str(token.parent) if token is not None and token.exists() else None
    return {**versions(), "code of tobsim": digest.hexdigest(), "folder": seen}


@contextmanager
def token_in(place: Path | None) -> Iterator[Path | None]:
    """A file that is there for as long as the workers look for it, in the folder or in what will hold it.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    if place is None:
        yield None
        return
    near = next(folder for folder in (place, *place.absolute().parents) if folder.is_dir()).absolute()
    try:
        handle, name = tempfile.mkstemp(dir=near, prefix=".tobsim-")
    except OSError as error:
        raise unwritable(place, error) from None
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def unlike(found: Mapping[str, Any], token: Path | None) -> list[str]:
    """What keeps workers from doing what this process would do, one line for each kind of it.

    Parameters
    ----------
    found : mapping
        By worker: what ``look`` gave there, or the exception that it raised.
    token : Path, optional
    """
    own = look(token)
    problems: dict[str, str] = {}
    for worker, theirs in sorted(found.items()):
        if isinstance(theirs, BaseException):
            text = f"cannot run tobsim, got {type(theirs).__name__}: {' '.join(str(theirs).split())}"
            problems.setdefault("run", f"execution.address: worker {worker} {text}; install it there")
            continue
        for key, value in theirs.items():
            if value != own.get(key):
                problems.setdefault(key, _line(worker, key, value, own.get(key)))
    return list(problems.values())[:4]


def _line(worker: str, key: str, theirs: Any, own: Any) -> str:
    if key == "folder":
        return f"out: is not seen by worker {worker}, got {own}; a folder that all workers share"
    text = f"worker {worker} has another {key}, got {theirs} there and {own} here"
    return f"execution.address: {text}; the same everywhere"
