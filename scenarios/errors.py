"""What the user got wrong, in words: one line per problem, and helpers that word them alike."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

SHOWN = 60
"""Longest piece of a value that a message repeats."""

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""A name that may become a key or part of a path."""

RESERVED = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
"""Names that some file systems keep for devices."""


class InputError(ValueError):
    """The user's input is wrong; nothing was run or written.

    Parameters
    ----------
    problems : sequence of str
        Each ``where: what is wrong, got VALUE; what would be right``.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type[InputError], tuple[list[str]]]:
        return type(self), (self.problems,)


def shown(value: Any) -> str:
    """A value as a message repeats it: on one line, short, control characters escaped."""
    if isinstance(value, float) and value != value:
        return "nan"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = repr(value)
    text = "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant, or an empty text."""
    found = difflib.get_close_matches(name, [str(k) for k in known], n=1, cutoff=0.6)
    return found[0] if found else ""


def suggest(name: str, known: Iterable[str], what: str = "one of") -> str:
    """``did you mean X?`` where something is near, otherwise the names there are."""
    names = sorted(str(k) for k in known)
    close = nearest(name, names)
    if close:
        return f"did you mean {close}?"
    if not names:
        return "there is none"
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return f"{what} {', '.join(names[:20])}{more}"


def bad_name(name: str) -> str:
    """Why ``name`` may not be a name, or an empty text."""
    if not NAME.fullmatch(name) or set(name) == {"."} or name.startswith("-"):
        return f"is no name, got {shown(name)}; 1 to 64 of A-Z a-z 0-9 . _ -"
    if name.split(".")[0].lower() in RESERVED:
        return f"is a reserved name, got {shown(name)}; another name"
    return ""


def user_path(text: Any, where: str) -> Path:
    """A path as the user wrote it, ``~`` followed.

    Raises
    ------
    InputError
        If it names the home of nobody.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise InputError([f"{where}: names the home of nobody, got {shown(str(text))}; a path"]) from None
