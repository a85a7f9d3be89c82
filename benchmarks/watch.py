"""Processor time and memory of a command and of all processes that it starts, read off Linux's /proc while it runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 0.1
"""Between two looks: what a process does after the last look at it is not seen."""


@dataclass
class Watched:
    """What a command took.

    Attributes
    ----------
    seconds : float
        From its start to its end, by the clock on the wall.
    cpu : dict
        Processor seconds by process; the command itself is the first.
    peak_mb : dict
        Largest memory by process, in MB of 2**20 bytes.
    """

    seconds: float = 0.0
    cpu: dict[int, float] = field(default_factory=dict)
    peak_mb: dict[int, float] = field(default_factory=dict)

    @property
    def path(self) -> float:
        """Processor seconds that no second core saves: those of the command and of its busiest worker."""
        first, *others = self.cpu.values()
        return first + max(others, default=0.0)

    @property
    def total_mb(self) -> float:
        """Sum of the peaks, which need not fall together."""
        return sum(self.peak_mb.values())


def watched(words: Sequence[str]) -> Watched:
    """Run ``python -m scenarios`` with these words to its end.

    Raises
    ------
    RuntimeError
        If it fails, with what it said.
    """
    begun, found = time.monotonic(), Watched()
    command = [sys.executable, "-m", "scenarios", *words]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            _look(process.pid, found)
            time.sleep(SECONDS)
        _look(process.pid, found)
        _, said = process.communicate()
    found.seconds = time.monotonic() - begun
    if process.returncode:
        raise RuntimeError(said)
    return found


def _look(session: int, found: Watched) -> None:
    """Note time and memory of every process of a session."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(stat[3]) == session:
                    found.cpu[int(folder.name)] = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
                    found.peak_mb[int(folder.name)] = _peak(folder, found.peak_mb.get(int(folder.name), 0.0))
            except OSError:
                continue  # it has ended


def _peak(folder: Path, before: float) -> float:
    lines = (folder / "status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), before)
