"""Files that are either whole or absent: written beside their place, flushed to the disk, then renamed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO

STAGED = ".tmp"
"""Ending of what is being written: nothing reads it, and whoever writes there next removes it."""


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a file beside ``path``, then put it there in one step."""
    staged = path.with_name(path.name + STAGED)
    try:
        write(staged)
        sync(staged)
        os.replace(staged, path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    sync(path.parent)


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write a text file in one step, line ends as given."""
    write_atomic(path, lambda staged: _write(staged, text.encode(encoding)))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def publish(staged: Path, target: Path) -> None:
    """Flush every file of folder ``staged``, then rename it to ``target``, replacing what was there."""
    for file in sorted(staged.iterdir()):
        sync(file)
    sync(staged)
    if target.exists():
        shutil.rmtree(target)
    staged.rename(target)
    sync(target.parent)


def fresh_folder(path: Path) -> Path:
    """An empty folder at ``path``, whatever was there before."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def checksum(path: Path) -> str:
    """BLAKE2b digest of the bytes of a file: tells whether it is still as it was written."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


class Lock:
    """An exclusive lock on an open file: the kernel frees it when its holder ends, however it ends.

    Parameters
    ----------
    path : Path
        The lock file; its existence means nothing.

    Raises
    ------
    BlockingIOError
        On entering, if another process holds the lock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream: IO[str] | None = None

    def __enter__(self) -> Lock:
        stream = self.path.open("a")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            stream.close()
            raise
        self._stream = stream
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
