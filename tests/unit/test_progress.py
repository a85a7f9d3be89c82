"""Progress: what is told of the time left, and when it is worth telling."""

from __future__ import annotations

import io
import re

import pytest

from scenarios.runs.progress import LEAST, Progress
from scenarios.sweeps.sweep import SweepProgress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that a test moves by hand."""
    now = [0.0]
    monkeypatch.setattr("scenarios.runs.progress.time.monotonic", lambda: now[0])
    return now


def test_the_first_one_says_nothing_of_the_time_left(clock: list[float]) -> None:
    """It took a minute, mostly to begin; the others take three seconds each, and that is what is told."""
    stream = io.StringIO()
    with Progress(20, stream=stream, what="series") as progress:
        for seconds in (60, 3, 3, 3):
            clock[0] += seconds
            progress.count()
    lines = stream.getvalue().splitlines()
    assert lines == ["series 1/20", "series 2/20", "series 3/20, 51 s left", "series 4/20, 48 s left"]
    assert LEAST == 2


def test_what_was_there_before_is_no_pace(clock: list[float]) -> None:
    """Resumed: ten are there at once, and count for nothing."""
    stream = io.StringIO()
    with Progress(20, done=10, stream=stream) as progress:
        for _ in range(3):
            clock[0] += 5
            progress.count()
    assert stream.getvalue().splitlines()[-1] == "replications 13/20, 35 s left"


def test_nothing_is_left_at_the_end_and_a_new_part_begins_anew(clock: list[float]) -> None:
    """The last line ends with the count; what comes next has a pace of its own."""
    stream = io.StringIO()
    with Progress(4, stream=stream) as progress:
        for _ in range(4):
            clock[0] += 5
            progress.count()
        progress.expect(3, "tables")
        clock[0] += 5
        progress.count()
    assert [bool(re.search("left", line)) for line in stream.getvalue().splitlines()] == [
        False, False, True, False, False,
    ]  # fmt: skip


def test_a_terminal_is_told_the_rate_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar and the plain lines say the same."""
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    with SweepProgress(40, stream=stream, what="points") as progress:
        for _ in range(8):
            progress.count()
        assert progress._bar.tasks[0].fields["rate"].endswith(" points/s")
