"""How far a run is: a bar on a terminal, a line now and then elsewhere, always on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import IO, Any

from scenarios.replicate import Outcome

EVERY_SECONDS = 2.0
"""Least time between two plain lines."""


class Progress:
    """Counts finished replications.

    Parameters
    ----------
    total : int
        Replications asked for.
    done : int
        Replications that were there before.
    shown : bool
        False: say nothing.
    stream : text stream, optional
        Where to; stderr by default.
    """

    def __init__(self, total: int, done: int = 0, shown: bool = True, stream: IO[str] | None = None) -> None:
        self.total = total
        self.done = self._before = done
        self.steps = 0
        self._stream = stream or sys.stderr
        self._shown = shown
        self._began = self._said = time.monotonic()
        self._bar: Any = None
        self._row: Any = None

    def __enter__(self) -> Progress:
        if self._shown and self._stream.isatty():
            self._bar = _bar(self._stream)
            self._bar.start()
            self._row = self._bar.add_task("replications", total=self.total, completed=self.done, rate="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, outcome: Outcome) -> None:
        """Count one more replication."""
        self.done += 1
        self.steps += outcome.steps
        if self._bar is not None:
            self._bar.update(self._row, completed=self.done, rate=f"{self.rate:,.0f} events/s")
        elif self._shown and time.monotonic() - self._said >= EVERY_SECONDS:
            self._say(f"replications {self.done}/{self.total}, {self.rate:,.0f} events/s, {self._left()}")

    def expect(self, total: int) -> None:
        """Replications asked for, when that has changed."""
        self.total = total
        if self._bar is not None:
            self._bar.update(self._row, total=total)

    def stage(self, name: str) -> None:
        """Say what is being made of the replications now."""
        if self._bar is not None:
            self._bar.update(self._row, description=name)
        elif self._shown and time.monotonic() - self._said >= EVERY_SECONDS:
            self._say(name)

    @property
    def rate(self) -> float:
        """Events of the simulation engine per second since the start of this run."""
        return self.steps / max(time.monotonic() - self._began, 1e-9)

    def _left(self) -> str:
        finished = self.done - self._before
        seconds = (time.monotonic() - self._began) / finished * (self.total - self.done)
        return f"{duration(seconds)} left"

    def _say(self, line: str) -> None:
        self._said = time.monotonic()
        print(line, file=self._stream, flush=True)


def duration(seconds: float) -> str:
    """A time span as a reader says it: ``45 s``, ``3 min``, ``2.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _bar(stream: IO[str]) -> Any:
    from rich import progress as columns
    from rich.console import Console

    return columns.Progress(
        columns.TextColumn("{task.description}"),
        columns.BarColumn(),
        columns.MofNCompleteColumn(),
        columns.TextColumn("{task.fields[rate]}"),
        columns.TimeRemainingColumn(),
        console=Console(file=stream),
        transient=True,
    )
