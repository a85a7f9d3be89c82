"""Sweeps that are killed again and again, and files that are damaged: nothing lost, nothing twice, nothing half."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scenarios import compose
from scenarios.sweeps.folder import Sweep
from scenarios.sweeps.jobs import JobTable
from scenarios.sweeps.points import Asked, Design, make_design
from scenarios.sweeps.run_point import PARTS, read_part
from scenarios.sweeps.sampling import Point
from scenarios.sweeps.sweep import run_design

ROOT = Path(__file__).parents[2]
MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
SMALL = ["effects=none", "market.accounts=20", "horizon.days=40", "progress=false"]
METRICS = ("revenue", "cash", "signed", "touches")
POINTS, REPLICATIONS, KILLS = 20, 2, 5
PATIENCE_SECONDS = 120


def made(number: int = POINTS) -> Design:
    base = compose("mini", SMALL, config_dir=MINI)
    points = [Point(i, "baseline", {"policy.desks.sales.heads": 1 + i}) for i in range(number)]
    return make_design("heads", base, {"baseline": base}, points, Asked(REPLICATIONS, metrics=METRICS))


@pytest.fixture(scope="module")
def design() -> Design:
    return made()


@pytest.fixture(scope="module")
def whole(design: Design, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sweep that nothing disturbed."""
    return run_design(design, tmp_path_factory.mktemp("whole") / "sweep").path


def digests(path: Path) -> dict[str, str]:
    return {name: entry["digest"] for name, entry in Sweep(path).record["files"].items()}


def counting(log: Path) -> Callable[[Any, int, int], Any]:
    """A simulator that leaves a byte for every replication that it begins."""

    def simulate(timeline: Any, seed: int, replication: int) -> Any:
        from sim.simulate import simulate as real

        with log.open("ab") as stream:
            stream.write(b".")
        return real(timeline, seed, replication)

    return simulate


def parts(path: Path) -> set[str]:
    folder = path / PARTS
    return {file.name for file in folder.iterdir() if file.suffix == ".parquet"} if folder.is_dir() else set()


def killed(design: Design, path: Path, log: Path, wait: float) -> bool:
    """Sweep in a process of its own and kill that some time after its first new file; whether it was still at work."""
    before, child = parts(path), os.fork()
    if child == 0:
        run_design(design, path, simulate=counting(log))
        os._exit(0)
    end = time.monotonic() + PATIENCE_SECONDS
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


@pytest.mark.slow
def test_a_long_sweep_killed_many_times(tmp_path: Path) -> None:
    """TOBSIM_KILLS kills of the whole process group of a sweep of TOBSIM_POINTS points; 200 and 500 in full size."""
    kills, number = int(os.environ.get("TOBSIM_KILLS", "10")), int(os.environ.get("TOBSIM_POINTS", "40"))
    conf = Path(shutil.copytree(MINI, tmp_path / "conf"))
    (conf / "experiment").mkdir(exist_ok=True)
    keys = f"{{policy.desks.sales.heads: {list(range(1, number + 1))}}}"
    text = f"kind: sweep\nsampler: grid\nbusiness: mini\nkeys: {keys}\nreplications: 2\nmetrics: [cash, signed]\n"
    (conf / "experiment" / "heads.yaml").write_text(text)
    dice, path = random.Random(11), tmp_path / "sweep"
    for _ in range(kills):
        before, process = parts(path), _started(path, conf)
        end = time.monotonic() + PATIENCE_SECONDS
        while parts(path) <= before and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(dice.random() * 0.3)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert before <= parts(path)
        assert all(read_part(path / PARTS / name) for name in parts(path))
    assert _started(path, conf).wait() == 0
    assert _started(tmp_path / "undisturbed", conf).wait() == 0
    found = [(facts.key, n) for name in parts(path) if (facts := read_part(path / PARTS / name))
             for n in facts.replications]  # fmt: skip
    assert len(found) == len(set(found)) == number * 2
    assert digests(path) == digests(tmp_path / "undisturbed")


def _started(path: Path, conf: Path) -> subprocess.Popen[bytes]:
    words = ["sweep", "experiment=heads", *SMALL, "execution.workers=2", f"out={path}", "--config-dir", str(conf)]
    return subprocess.Popen(
        [sys.executable, "-m", "scenarios", *words],
        cwd=path.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
