"""Tables of a sweep are the same however they came about: processes, hash seeds, order, stops and growth."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scenarios.runs.halt import Interrupted
from scenarios.sweeps.experiment import read_experiment
from scenarios.sweeps.folder import Sweep
from scenarios.sweeps.jobs import JobTable
from scenarios.sweeps.points import design as designed
from scenarios.sweeps.run_point import Job
from scenarios.sweeps.sweep import run_design

ROOT = Path(__file__).parents[2]
MINI = ROOT / "tests" / "fixtures" / "mini_conf"
SMALL = ["effects=none", "market.accounts=40", "horizon.days=100", "progress=false"]
HEADS = "policy.desks.sales.heads"
EXPERIMENT = """
kind: sweep
sampler: grid
business: mini
keys:
  policy.desks.sales.heads: [1, 2, 3]
scenarios: [baseline, cheaper]
replications: 2
periods: [horizon, month]
"""
POINTS, RUNS = 6, 12

Simulate = Callable[[Any, int, int], Any]


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(shutil.copytree(MINI, tmp_path_factory.mktemp("own") / "conf"))
    (folder / "experiment").mkdir()
    (folder / "experiment" / "heads.yaml").write_text(EXPERIMENT)
    return folder


def swept(path: Path, conf: Path, *more: str, simulate: Simulate | None = None) -> dict[str, str]:
    """Digests of the tables of the experiment, made in this process."""
    design = designed(read_experiment("heads", None, [*SMALL, *more], conf))
    return digests(run_design(design, path, simulate=simulate).path)


def digests(path: Path) -> dict[str, str]:
    return {name: entry["digest"] for name, entry in Sweep(path).record["files"].items()}


@pytest.fixture(scope="module")
def whole(conf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sweep at once, in one process."""
    path = tmp_path_factory.mktemp("whole") / "sweep"
    swept(path, conf)
    return path


class Counted:
    """The simulator, with a count of its calls and one at which it is stopped."""

    def __init__(self, stop: int = -1) -> None:
        self.calls, self.stop = 0, stop

    def __call__(self, timeline: Any, seed: int, replication: int) -> Any:
        from sim.simulate import simulate

        if self.calls == self.stop:
            raise KeyboardInterrupt
        self.calls += 1
        return simulate(timeline, seed, replication)


def test_the_figures_differ_by_point_replication_and_seed(whole: Path, conf: Path, tmp_path: Path) -> None:
    """What the other tests find equal would be different if anything were mixed up."""
    wide = Sweep(whole).results.pivot_table(
        index=["number", "replication"], columns=["metric", "period"], values="value"
    )
    assert len(wide) == len(wide.drop_duplicates()) == RUNS
    other = swept(tmp_path / "sweep", conf, "seed=2")
    assert other["results.parquet"] != digests(whole)["results.parquet"]
    assert other["table.parquet"] != digests(whole)["table.parquet"]


@pytest.mark.parametrize(("workers", "seed"), [(1, "0"), (2, "1")], ids=["one process", "two processes"])
def test_processes_and_hash_seeds_change_nothing(
    whole: Path, conf: Path, tmp_path: Path, workers: int, seed: str
) -> None:
    words = ["sweep", "experiment=heads", *SMALL, f"execution.workers={workers}", f"out={tmp_path / 'sweep'}"]
    command = [sys.executable, "-m", "scenarios", *words, "--config-dir", str(conf)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert digests(tmp_path / "sweep") == digests(whole)


def test_the_order_and_the_size_of_jobs_change_nothing(
    whole: Path, conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, dice, order = JobTable.jobs, random.Random(3), list[tuple[str, int]]()

    def shuffled(table: JobTable, workers: int = 1) -> list[Job]:
        found = [table._job(table.points[job.key], [n]) for job in real(table, workers) for n in job.replications]
        dice.shuffle(found)
        order.extend((job.key, job.replications[0]) for job in found)
        return found

    monkeypatch.setattr(JobTable, "jobs", shuffled)
    assert swept(tmp_path / "sweep", conf) == digests(whole)
    assert len(order) == RUNS
    assert order != sorted(order)


def test_the_order_of_points_changes_their_numbers_alone(whole: Path, conf: Path, tmp_path: Path) -> None:
    path, simulate = Path(shutil.copytree(whole, tmp_path / "sweep")), Counted()
    swept(path, conf, f"experiment.keys.{HEADS}=[3,1,2]", "experiment.scenarios=[cheaper,baseline]", simulate=simulate)
    assert simulate.calls == 0, "the same points"
    names = ["scenario", HEADS, "metric", "period"]
    one, other = (Sweep(each).table.set_index(names).sort_index() for each in (whole, path))
    assert (one["number"] != other["number"]).any()
    assert one.drop(columns="number").equals(other.drop(columns="number"))


@pytest.mark.parametrize("stop", [0, 5, RUNS - 1])
def test_a_sweep_that_was_stopped_ends_the_same(whole: Path, conf: Path, tmp_path: Path, stop: int) -> None:
    path, first, then = tmp_path / "sweep", Counted(stop), Counted()
    with pytest.raises(Interrupted):
        swept(path, conf, simulate=first)
    assert swept(path, conf, simulate=then) == digests(whole)
    assert first.calls + then.calls == RUNS, "nothing twice"


def test_a_sweep_that_grew_is_the_sweep_at_once(whole: Path, conf: Path, tmp_path: Path) -> None:
    path, simulate = tmp_path / "sweep", Counted()
    fewer, once = f"experiment.keys.{HEADS}=[2]", "experiment.replications=1"
    steps = [[fewer, once, "experiment.scenarios=[cheaper]"], [fewer], [once], [], ["experiment.replications=3"]]
    calls = []
    for more in steps:
        swept(path, conf, *more, simulate=simulate)
        calls.append(simulate.calls)
    assert calls == [1, 4, 8, RUNS, RUNS + POINTS]
    assert swept(path, conf, simulate=simulate) == digests(whole), "of three replications, the first two"
    assert simulate.calls == RUNS + POINTS
