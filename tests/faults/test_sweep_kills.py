"""Sweeps that are killed again and again, and files that are damaged: nothing lost, nothing twice, nothing half."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from scenarios.sweeps.experiment import read_experiment
from scenarios.sweeps.folder import Sweep
from scenarios.sweeps.jobs import JobTable
from scenarios.sweeps.points import Design
from scenarios.sweeps.points import design as designed
from scenarios.sweeps.run_point import PARTS, read_part
from scenarios.sweeps.sweep import run_design
from tests.faults.sweeps import MINI, POINTS, REPLICATIONS, SMALL, counting, digests, made, parts

ROOT = Path(__file__).parents[2]
KILLS, COMMAND = 5, 0
WAIT_SECONDS = 120


@pytest.fixture(scope="module")
def design() -> Design:
    return made()


@pytest.fixture(scope="module")
def whole(design: Design, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sweep that nothing disturbed."""
    return run_design(design, tmp_path_factory.mktemp("whole") / "sweep").path


def killed(design: Design, path: Path, log: Path, wait: float) -> bool:
    """Sweep in a process of its own and kill that some time after its first new file; whether it was still at work."""
    before, child = parts(path), os.fork()
    if child == 0:
        run_design(design, path, simulate=counting(log))
        os._exit(0)
    end = time.monotonic() + WAIT_SECONDS
    while parts(path) <= before and os.waitpid(child, os.WNOHANG) == (0, 0) and time.monotonic() < end:
        time.sleep(0.005)
    time.sleep(wait)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_a_sweep_killed_again_and_again_loses_and_doubles_nothing(tmp_path: Path, design: Design, whole: Path) -> None:
    path, log, dice = tmp_path / "sweep", tmp_path / "log", random.Random(7)
    for _ in range(KILLS):
        before = parts(path)
        assert killed(design, path, log, dice.random() * 0.1)
        assert before <= parts(path), "lost"
        assert all(read_part(path / PARTS / name) for name in parts(path)), "partial"
    assert KILLS <= len(parts(path)) < POINTS
    run_design(design, path, simulate=counting(log))
    found = [(facts.key, number) for name in parts(path) if (facts := read_part(path / PARTS / name))
             for number in facts.replications]  # fmt: skip
    assert len(found) == len(set(found)) == POINTS * REPLICATIONS, "doubled"
    assert len(log.read_bytes()) <= POINTS * REPLICATIONS + KILLS * REPLICATIONS, "only what was being worked on again"
    assert digests(path) == digests(whole)


def damage(path: Path, dice: random.Random) -> None:
    """Truncate, empty, lengthen, change or remove a file."""
    content, kind = path.read_bytes(), dice.randrange(5)
    place = dice.randrange(len(content))
    changed = content[:place] + bytes([content[place] ^ dice.randrange(1, 256)]) + content[place + 1 :]
    if kind == 4:
        path.unlink()
    else:
        path.write_bytes([content[:place], b"", content + b"\0", changed][kind])


def test_damaged_files_are_found_and_only_their_replications_run_again(
    tmp_path: Path, design: Design, whole: Path
) -> None:  # fmt: skip
    path, log, dice = Path(shutil.copytree(whole, tmp_path / "sweep")), tmp_path / "log", random.Random(3)
    for name in sorted(parts(path))[:6]:
        damage(path / PARTS / name, dice)
    run_design(design, path, simulate=counting(log))
    assert len(log.read_bytes()) == 6 * REPLICATIONS
    assert digests(path) == digests(whole)
    assert JobTable(path, design).finished == POINTS * REPLICATIONS


def test_damaged_tables_are_written_again_without_a_run(tmp_path: Path, design: Design, whole: Path) -> None:
    path, log = Path(shutil.copytree(whole, tmp_path / "sweep")), tmp_path / "log"
    for name in ("results.parquet", "points.parquet", "table.csv"):
        damage(path / name, random.Random(len(name)))
        run_design(design, path, simulate=counting(log))
        assert digests(path) == digests(whole)
    assert not log.exists()


EXPERIMENT = """
kind: sweep
sampler: grid
business: mini
keys: {{policy.desks.sales.heads: {heads}}}
replications: 2
"""


@pytest.mark.slow
def test_a_long_sweep_killed_many_times(tmp_path: Path) -> None:
    """TOBSIM_KILLS kills of a sweep of TOBSIM_POINTS points; 200 and 500 in full size."""
    kills, number = int(os.environ.get("TOBSIM_KILLS", "10")), int(os.environ.get("TOBSIM_POINTS", "40"))
    trial = Trial(tmp_path, number)
    while trial.kills < kills:
        before = parts(trial.path)
        if not trial.killed_once():
            for name in sorted(parts(trial.path))[:: max(1, number // 10)]:
                (trial.path / PARTS / name).unlink()  # it was done: something to do again
            continue
        assert before <= parts(trial.path), "lost"
        assert all(read_part(trial.path / PARTS / name) for name in parts(trial.path) - before), "partial"
    assert trial.finish(trial.path) == trial.finish(tmp_path / "undisturbed")
    found = Sweep(trial.path).results
    assert not found.duplicated(["number", "replication", "metric", "period"]).any(), "doubled"
    assert len(found[["number", "replication"]].drop_duplicates()) == number * REPLICATIONS, "lost"
    assert all(read_part(trial.path / PARTS / name) for name in parts(trial.path)), "partial"
    print(f"{trial.kills} kills, {trial.ends} ends before one; {dict(trial.moments)}")


class Trial:
    """A sweep that is started in one way after the other, and killed.

    Attributes
    ----------
    kills, ends : int
        Starts that were killed at work, and those that were done first.
    moments : Counter
        Kills by what was under way: points or tables.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.path, self.conf, self.number = folder / "sweep", folder / "conf", number
        (Path(shutil.copytree(MINI, self.conf)) / "experiment").mkdir()
        text = EXPERIMENT.format(heads=list(range(1, number + 1)))
        (self.conf / "experiment" / "heads.yaml").write_text(text)
        self.dice, self.kills, self.ends, self.moments = random.Random(11), 0, 0, Counter[str]()
        self.designs = {n: self._designed(n) for n in (1, 2)}

    def _designed(self, workers: int) -> Design:
        words = [*SMALL, f"execution.workers={workers}"]
        return designed(read_experiment("heads", None, words, self.conf))

    def start(self, path: Path, workers: int) -> int:
        """Start it in a process group of its own; with ``COMMAND`` for workers it is the command over two processes."""
        child = os.fork()
        if child == 0:
            try:
                os.setpgid(0, 0)
                if workers == COMMAND:
                    self._become_the_command(path)
                run_design(self.designs[workers], path)
            finally:
                os._exit(0)
        return child

    def _become_the_command(self, path: Path) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        words = ["sweep", "experiment=heads", *SMALL, "execution.workers=2", f"out={path}"]
        words = [sys.executable, "-m", "scenarios", *words, "--config-dir", str(self.conf)]
        os.execve(sys.executable, words, {**os.environ, "PYTHONPATH": str(ROOT)})

    def killed_once(self) -> bool:
        """Start it, wait for a moment, kill it; whether it was still at work.

        One in twenty is the command itself, two more have two worker processes. The whole group is killed, in one of
        these two the parent alone, whose workers then end by themselves. Most are killed soon after their first file,
        one in five at any moment from the start.
        """
        turn, before, dice = (self.kills + self.ends) % 20, parts(self.path), self.dice
        child = self.start(self.path, COMMAND if turn == 0 else 2 if turn in (7, 14) else 1)
        end = time.monotonic() + (2 * dice.random() if turn % 5 == 1 else WAIT_SECONDS)
        while len(parts(self.path)) <= len(before) < self.number and not over(child) and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(dice.random() * (0.3 if len(before) < self.number else 3))
        self.moments["tables" if len(parts(self.path)) >= self.number else "points"] += not over(child)
        with suppress(ProcessLookupError):
            (os.kill if turn == 7 else os.killpg)(child, signal.SIGKILL)
        at_work = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        self.kills, self.ends = self.kills + at_work, self.ends + (not at_work)
        (self.path.parent / "kills").write_text(f"{self.kills} kills, {dict(self.moments)}\n")
        return at_work

    def finish(self, path: Path) -> dict[str, str]:
        """Let the command end; digests of its tables."""
        assert os.waitpid(self.start(path, COMMAND), 0)[1] == 0
        return digests(path)


def over(child: int) -> bool:
    """Whether a child has ended; it can still be waited for."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
