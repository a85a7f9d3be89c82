"""What ends a run before it is done; whatever was finished is kept."""

from __future__ import annotations

import errno
from pathlib import Path


class Interrupted(KeyboardInterrupt):
    """A run was stopped from outside.

    Attributes
    ----------
    path : Path
        The run folder.
    done, total : int
        Replications that are there, and how many were asked for.
    """

    def __init__(self, path: Path, done: int, total: int) -> None:
        super().__init__(f"{done} of {total} replications are kept in {path}")
        self.path, self.done, self.total = path, done, total


class DiskFull(OSError):
    """Nothing more can be written.

    Attributes
    ----------
    path : Path
        The run folder.
    done, total : int
        Replications that are there, and how many were asked for.
    """

    def __init__(self, path: Path, done: int, total: int) -> None:
        super().__init__(errno.ENOSPC, f"{done} of {total} replications are kept in {path}")
        self.path, self.done, self.total = path, done, total


def is_full(error: BaseException) -> bool:
    """Whether an exception says that nothing more can be written."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
