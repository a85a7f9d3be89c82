"""A limit of time that nothing escapes: a call that takes longer ends its process and leaves a note of where it was.

The watch is the one of ``faulthandler``, a thread outside Python: it also ends a call that never comes back from
compiled code. An empty note is of a call that is being worked on, one with text of a call that was late.
"""

from __future__ import annotations

import faulthandler
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NOTES = ".limit"
"""Folder of the notes, inside the one that is written; it goes when the work is done."""

LOST, LATE = "WorkerLost", "Timeout"
"""Types of failures that are no exceptions of the simulator."""


@dataclass(frozen=True)
class Gone:
    """What is known of a call that has no result.

    Attributes
    ----------
    type : str
        ``WorkerLost`` or ``Timeout``.
    message : str
    """

    type: str = LOST
    message: str = "the process that ran it ended without a word"


@contextmanager
def limited(seconds: float | None, note: Path | None) -> Iterator[None]:
    """End this process if what is done in here takes longer than some seconds; the note then says where it was."""
    if seconds is None or note is None:
        yield
        return
    with note.open("w", encoding="utf-8") as stream:
        faulthandler.dump_traceback_later(seconds, file=stream, exit=True)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
    note.unlink(missing_ok=True)


def late(seconds: float | None, note: Path | None) -> Gone | None:
    """What a note says of a call that was late; None if there is none."""
    try:
        text = note.read_text("utf-8", errors="replace") if note is not None else ""
    except OSError:
        return None
    return Gone(LATE, f"took longer than {seconds:g} s{_place(text)}") if text else None


def _place(trace: str) -> str:
    """Where the thread was that worked on the call, if the trace reaches down to it."""
    threads = [part for part in re.split(r"\n(?=Thread|Current thread)", trace) if "in in_worker" in part]
    found = re.search(r'File "(?:[^"]*/)?([^"/]+)", line (\d+) in (\S+)', threads[0]) if threads else None
    return f"; it was in {found[3]} ({found[1]}, line {found[2]})" if found else ""
