"""How far a run is: a bar on a terminal, a line now and then elsewhere, always on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import IO, Any

from scenarios.runs.replicate import Outcome

EVERY_SECONDS = 2.0
"""Least time between two plain lines."""

LEAST = 2
"""Of what is counted, how much must be done after the first before a time left is told: the first one also waits for
processes to start and libraries to load."""


class Progress:
    """Counts finished replications, or whatever else is worked on.

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
    what : str
        What is counted.
    """

    def __init__(
        self,
        total: int,
        done: int = 0,
        shown: bool = True,
        stream: IO[str] | None = None,
        what: str = "replications",
    ) -> None:
        self.total = total
        self._what = what
        self.done = done
        self.steps = 0
        self._stream = stream or sys.stderr
        self._shown = shown
        self._began = self._said = time.monotonic()
        self._first: tuple[int, float] | None = None
        self._bar: Any = None
        self._row: Any = None

    def __enter__(self) -> Progress:
        if self._shown and self._stream.isatty():
            self._bar = _bar(self._stream)
            self._bar.start()
            self._row = self._bar.add_task(self._what, total=self.total, completed=self.done, rate="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, outcome: Outcome) -> None:
        """Count one more replication."""
        self.steps += outcome.steps
        self.count()

    def count(self) -> None:
        """Count one more."""
        self.done += 1
        if self._first is None:
            self._first = self.done, time.monotonic()
        rate = self._pace()
        if self._bar is not None:
            self._bar.update(self._row, completed=self.done, rate=rate)
        elif self._shown and time.monotonic() - self._said >= EVERY_SECONDS:
            self._say(", ".join(filter(None, (f"{self._what} {self.done}/{self.total}", rate, self._left()))))

    def expect(self, total: int, what: str = "") -> None:
        """Replications asked for, when that has changed; or what is counted from now on, from nothing."""
        self.total = total
        if what:
            self._what, self.done, self._first, self._began = what, 0, None, time.monotonic()
        if self._bar is not None:
            self._bar.update(self._row, total=total, completed=self.done, description=self._what)

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

    def _pace(self) -> str:
        """How fast it goes, as it is told; empty while that is not known."""
        return f"{self.rate:,.0f} events/s" if self.steps else ""

    def _left(self) -> str:
        """The time left at the pace since the first one was done; empty while that says little, and at the end."""
        done, began = self._first or (self.done, 0.0)
        if self.done - done < LEAST or self.done >= self.total:
            return ""
        seconds = (time.monotonic() - began) / (self.done - done) * (self.total - self.done)
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
