"""Workers that die and work that hangs, on this computer and on a cluster: nothing lost, nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scenarios import Study, compose, run
from scenarios.runs.dask_cluster import connected
from scenarios.runs.limit import LATE, LOST, NOTES, Gone, late
from scenarios.runs.manifest import read_entries, read_manifest
from scenarios.sweeps.guard import estimate
from scenarios.sweeps.points import Asked, Design, make_design
from scenarios.sweeps.run_point import PARTS, read_part
from scenarios.sweeps.sampling import Point
from scenarios.sweeps.sweep import run_design
from tests.fixtures.clusters import cluster, joined, scheduler
from tests.fixtures.deaths import dying

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
SHORT = ["effects=none", "market.accounts=20", "horizon.days=40", "progress=false"]
SMALL = [*SHORT, "report.enabled=false", "forecast.enabled=false", "replications=3"]
HEADS, METRICS = "policy.desks.sales.heads", ("cash", "signed")
LIMIT = 4.0
"""Seconds; a replication here takes a tenth of one on a machine that is not busy."""


def small(*words: str) -> Study:
    return compose("mini", [*SMALL, *words], config_dir=MINI)


def design(number: int, *words: str) -> Design:
    base = compose("mini", [*SHORT, *words], config_dir=MINI)
    points = [Point(i, "baseline", {HEADS: 1 + i}) for i in range(number)]
    return make_design("heads", base, {"baseline": base}, points, Asked(1, metrics=METRICS))


def digests(path: Path) -> dict[str, str]:
    files = read_entries(path)["files"].items()
    return {name: entry["digest"] for name, entry in files if name.endswith("parquet")}


def faulty(raising: int, hanging: int, every: int) -> Callable[[Any, int, int], Any]:
    """A simulator that raises in one point of so many, and hangs in another one."""

    def simulate(timeline: Any, seed: int, replication: int) -> Any:
        from sim.simulate import simulate as real

        place = timeline.spec.policy.desks["sales"].heads % every
        if place == raising:
            raise ZeroDivisionError("no customers")
        while place == hanging:
            pass
        return real(timeline, seed, replication)

    return simulate


def check_faulty(path: Path, number: int, every: int, *words: str, limit: float = LIMIT) -> None:
    """Points that raise and points that hang are rows with a command; a second sweep does only those."""
    found = run_design(design(number, *words, f"execution.timeout={limit}"), path, simulate=faulty(3, 7, every))
    kinds = found.failures["type"].value_counts().to_dict()
    assert kinds == {"ZeroDivisionError": number // every, LATE: number // every}
    told = found.failures[found.failures["type"] == LATE].iloc[0]
    assert told["message"].startswith(f"took longer than {limit:g} s; it was in simulate (test_lost_workers.py, line ")
    assert told["command"].startswith("tobsim run business=mini ")
    assert (found.points["status"] == "done").sum() == number - 2 * (number // every)
    assert not (path / NOTES).exists()
    before = {file.name: file.stat().st_mtime_ns for file in (path / PARTS).iterdir()}
    assert len(before) == number - 2 * (number // every)
    run_design(design(number, *words), path)
    after = {file.name: file.stat().st_mtime_ns for file in (path / PARTS).iterdir()}
    assert len(after) == number
    assert before.items() <= after.items()


@pytest.mark.parametrize("number", [10, pytest.param(30, marks=pytest.mark.slow)])
def test_points_that_raise_or_hang_are_rows_and_the_rest_goes_on(tmp_path: Path, number: int) -> None:
    check_faulty(tmp_path / "sweep", number, 10, "execution.workers=2")
    run_design(design(number), tmp_path / "undisturbed")
    assert digests(tmp_path / "sweep") == digests(tmp_path / "undisturbed")


@pytest.mark.slow
@pytest.mark.skipif("TOBSIM_FAULTY_POINTS" not in os.environ, reason="a quarter of an hour; see CONTRIBUTING.md")
def test_a_large_sweep_of_which_some_raise_or_hang(tmp_path: Path) -> None:
    """TOBSIM_FAULTY_POINTS points, of which one in a hundred raises and one hangs; 1,000 in full size."""
    number = int(os.environ["TOBSIM_FAULTY_POINTS"])
    check_faulty(tmp_path / "sweep", number, 100, "execution.workers=2", limit=20)
    run_design(design(number, "execution.workers=2"), tmp_path / "undisturbed")
    assert digests(tmp_path / "sweep") == digests(tmp_path / "undisturbed")


def hanging(number: int) -> Callable[[Any, int, int], Any]:
    """A simulator that in one replication holds the lock of the interpreter and never gives it back."""

    def simulate(timeline: Any, seed: int, replication: int) -> Any:
        import ctypes

        from sim.simulate import simulate as real

        if replication == number:
            ctypes.PyDLL(None).pause()
        return real(timeline, seed, replication)

    return simulate


def test_a_replication_that_never_comes_back_from_compiled_code_is_ended_also_with_one_worker(tmp_path: Path) -> None:
    path = tmp_path / "run"
    found = run(small(f"execution.timeout={LIMIT}"), path, command="tobsim run x", simulate=hanging(1))
    (row,) = found.failures
    assert (row["replication"], row["type"], row["command"]) == (1, LATE, "tobsim run x")
    assert row["message"].startswith(f"took longer than {LIMIT:g} s; it was in simulate (test_lost_workers.py, line ")
    assert found.manifest.done == [0, 2]
    assert not (path / NOTES).exists()


def test_a_note_says_where_it_was_or_nothing(tmp_path: Path) -> None:
    note = tmp_path / "0"
    assert late(2, note) is None
    note.touch()
    assert late(2, note) is None
    note.write_text("Timeout (0:00:02)!\nThread 0x1 (most recent call first):\n  <no Python frame>\n")
    assert late(2, note) == Gone(LATE, "took longer than 2 s")


def killed(number: int) -> Callable[[Any, int, int], Any]:
    """A simulator whose process dies in one replication, always."""

    def simulate(timeline: Any, seed: int, replication: int) -> Any:
        from sim.simulate import simulate as real

        if replication == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(timeline, seed, replication)

    return simulate


def test_a_replication_that_kills_its_worker_costs_no_other_one_of_a_kept_run(tmp_path: Path) -> None:
    words = ("execution.workers=2", "report.enabled=false", "forecast.enabled=false")
    asked = Asked(3, metrics=METRICS, runs=True)
    base = compose("mini", [*SHORT, *words], config_dir=MINI)
    planned = make_design("heads", base, {"baseline": base}, [Point(0, "baseline", {HEADS: 2})], asked)
    found = run_design(planned, tmp_path / "sweep", simulate=killed(0))
    assert found.failures[["replication", "type"]].to_numpy().tolist() == [[0, LOST]]
    assert sorted(set(found.results["replication"])) == [1, 2]
    (kept,) = (tmp_path / "sweep" / "runs").iterdir()
    assert read_manifest(kept).done == [1, 2]
    assert [row["type"] for row in read_manifest(kept).failures] == [LOST]


# On a cluster


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    with cluster(tmp_path_factory.mktemp("cluster")) as file:
        yield file


@pytest.mark.slow
def test_a_worker_of_a_cluster_that_is_killed(tmp_path: Path, address: str) -> None:
    """A job that had been written when its worker was killed may be given again; its figures are there once."""
    words = ("execution=dask", f"execution.address={address}")
    found = run_design(design(8, *words), tmp_path / "sweep", simulate=dying(tmp_path / "died", heads=4))
    assert (tmp_path / "died").exists()
    assert found.failures.empty
    numbers = [(facts.key, n) for file in (tmp_path / "sweep" / PARTS).iterdir() if (facts := read_part(file))
               for n in facts.replications]  # fmt: skip
    assert len(set(numbers)) == 8
    results = pq.read_table(tmp_path / "sweep" / "results.parquet").to_pandas()
    assert not results.duplicated(["number", "replication", "metric", "period"]).any()
    run_design(design(8), tmp_path / "undisturbed")
    assert digests(tmp_path / "sweep") == digests(tmp_path / "undisturbed")


@pytest.mark.slow
def test_a_point_that_always_kills_its_worker_fails_alone(tmp_path: Path, address: str) -> None:
    words = ("execution=dask", f"execution.address={address}")
    found = run_design(design(6, *words), tmp_path / "sweep", simulate=dying(None, heads=2))
    assert found.failures["type"].tolist() == [LOST]
    assert (found.points["status"] == "done").sum() == 5


@pytest.mark.slow
def test_a_dry_run_counts_what_works_at_a_cluster(address: str) -> None:
    """Not the processes of this computer."""
    connected(address).wait_for_workers(2, timeout=60)
    found = estimate(design(4, "execution=dask", f"execution.address={address}", "execution.workers=7"))
    assert (found.processes, found.warning) == (2, "")


@pytest.mark.slow
def test_points_that_hang_on_a_cluster(tmp_path: Path, address: str) -> None:
    check_faulty(tmp_path / "sweep", 10, 10, "execution=dask", f"execution.address={address}")


@pytest.mark.slow
def test_a_scheduler_that_ends_leaves_rows_and_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    from scenarios.runs import dask_cluster

    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 2.0)
    monkeypatch.setattr(dask_cluster, "GIVE_UP_SECONDS", 3.0)
    with scheduler(tmp_path) as (file, process), joined(tmp_path, file):
        words = ("execution=dask", f"execution.address={file}")
        threading.Thread(target=_kill_after, args=(process, tmp_path / "sweep"), daemon=True).start()
        found = run_design(design(4, *words), tmp_path / "sweep", simulate=slow())
    assert set(found.failures["type"]) == {LOST}
    assert 1 <= len(found.failures) < 4
    assert "no scheduler answers" in found.failures["message"].iloc[0]
    run_design(design(4), tmp_path / "sweep")
    run_design(design(4), tmp_path / "undisturbed")
    assert digests(tmp_path / "sweep") == digests(tmp_path / "undisturbed")


def slow() -> Callable[[Any, int, int], Any]:
    """A simulator that takes three seconds; made here, so that it travels whole."""

    def simulate(timeline: Any, seed: int, replication: int) -> Any:
        from sim.simulate import simulate as real

        time.sleep(3)
        return real(timeline, seed, replication)

    return simulate


def _kill_after(process: subprocess.Popen[bytes], sweep: Path) -> None:
    while not (sweep / PARTS).is_dir() or not any((sweep / PARTS).iterdir()):
        time.sleep(0.05)
    process.kill()
