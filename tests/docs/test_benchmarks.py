"""The benchmarks run and their engines agree; how fast they are is printed, never asserted here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_quick_benchmark_runs_and_the_engines_agree() -> None:
    command = [sys.executable, "-m", "benchmarks.engine", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all engines agree" in done.stdout
    assert "textbook SimPy" in done.stdout
