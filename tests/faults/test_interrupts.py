"""Runs that are stopped, killed or fail in part: what was finished stays, and the rest makes the same tables."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scenarios import compose, run
from scenarios.cli import DEFECT, FAILED, STOPPED, main
from scenarios.runs.execute import execute
from scenarios.runs.halt import DiskFull, Interrupted
from scenarios.runs.manifest import read_manifest
from scenarios.runs.replicate import Outcome, Task
from scenarios.runs.sets import SETS, finished_sets
from scenarios.runs.validate import validate
from tests.fixtures.deaths import dying

ROOT = Path(__file__).parents[2]
QUICK = ["report.enabled=false", "forecast.enabled=false", "progress=false"]
TINY = ["market.accounts=60", "horizon.days=90", *QUICK]
SMALL = ["business=tool", "market.accounts=300", "horizon.days=200", *QUICK]
MANY = 6
PATIENCE_SECONDS = 120


def digests(path: Path) -> dict[str, str]:
    files = read_manifest(path).files
    return {name: entry["digest"] for name, entry in files.items() if name.endswith(".parquet")}


def tobsim(out: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "scenarios", "run", *SMALL, f"out={out}", *words]
    return subprocess.Popen(
        command,
        cwd=out.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heeds_signals,
    )


def heeds_signals() -> None:
    """A command starts as on a terminal, even where the tests themselves run in the background and ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def sets(path: Path) -> list[str]:
    folder = path / SETS
    return sorted(p.name for p in folder.iterdir() if p.name.isdigit()) if folder.is_dir() else []


def wait_for_sets(process: subprocess.Popen[str], path: Path, count: int) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while len(sets(path)) < count and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)


def stopped(path: Path, number: signal.Signals, *words: str, after: int = 2) -> tuple[int, str, str]:
    """Start a run, send its process group a signal when some replications are there, and wait for its end."""
    process = tobsim(path, f"replications={MANY}", *words)
    wait_for_sets(process, path, after)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, out, err


def finish(path: Path, *words: str) -> dict[str, str]:
    run(compose(overrides=[*SMALL, f"replications={MANY}", *words]), path)
    return digests(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Digests of the run that nothing disturbed."""
    return finish(tmp_path_factory.mktemp("whole") / "run")


@pytest.mark.parametrize(
    ("number", "workers"),
    [(signal.SIGINT, 1), (signal.SIGINT, 2), (signal.SIGTERM, 1)],
    ids=["int-1", "int-2", "term-1"],
)
def test_a_stopped_run_keeps_what_is_finished_and_goes_on(tmp_path, whole, number, workers):
    path = tmp_path / "run"
    code, out, err = stopped(path, number, f"execution.workers={workers}")
    assert code == STOPPED
    assert out == ""
    kept = len(sets(path))
    says = f"interrupted; {kept} of {MANY} replications are kept in {path}; the same command goes on from there\n"
    assert err == says
    assert 2 <= kept < MANY
    assert finish(path) == whole


def test_a_killed_run_goes_on(tmp_path, whole):
    path = tmp_path / "run"
    code, *_ = stopped(path, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert not (path / "events.parquet").exists()
    assert finish(path, "execution.workers=2") == whole


def test_processes_do_not_outlive_a_killed_parent(tmp_path):
    process = tobsim(tmp_path / "run", "replications=1000", "execution.workers=2")
    wait_for_sets(process, tmp_path / "run", 2)
    process.kill()
    process.communicate(timeout=PATIENCE_SECONDS)
    time.sleep(3)
    before = sets(tmp_path / "run")
    time.sleep(1)
    assert sets(tmp_path / "run") == before


def test_a_run_killed_again_and_again_loses_and_doubles_nothing(tmp_path, whole):
    path, dice = tmp_path / "run", random.Random(7)
    for _ in range(2):
        before = sets(path)
        process = tobsim(path, f"replications={MANY}")
        wait_for_sets(process, path, len(before) + 1)
        time.sleep(dice.random() * 0.3)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE_SECONDS)
        assert set(before) <= set(sets(path))
        assert len(finished_sets(path, read_manifest(path).study_digest)) == len(sets(path))
    assert finish(path) == whole
    assert all(check.holds for check in validate(path))


def test_processes_and_hash_seeds_change_nothing(tmp_path, whole):
    for name, words, seed in (("two", ["execution.workers=2"], "1"), ("one", [], "2")):
        process = tobsim(tmp_path / name, f"replications={MANY}", *words, PYTHONHASHSEED=seed)
        _, err = process.communicate(timeout=2 * PATIENCE_SECONDS)
        assert process.returncode == 0, err
        assert digests(tmp_path / name) == whole


def study(*overrides, replications=4):
    return compose("tool", [*TINY, f"replications={replications}", *overrides])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    path = tmp_path_factory.mktemp("undisturbed") / "run"
    run(study(), path)
    return digests(path)


def failing(number: int):
    """A simulator that raises in one replication; made anew so that it travels to other processes by value."""

    def simulate(timeline, seed, replication):
        from sim.simulate import simulate as real

        if replication == number:
            raise ZeroDivisionError("no customers\nat all")
        return real(timeline, seed, replication)

    return simulate


@pytest.mark.parametrize("workers", [1, 2])
def test_a_replication_that_fails_is_a_row_and_the_rest_goes_on(tmp_path, undisturbed, workers):
    path = tmp_path / "run"
    found = run(study(f"execution.workers={workers}"), path, command="tobsim run x", simulate=failing(2))
    row = {"replication": 2, "seed": 1, "type": "ZeroDivisionError", "message": "no customers at all"}
    assert found.failures == [{**row, "command": "tobsim run x"}]
    assert found.manifest.done == [0, 1, 3]
    assert sorted(set(found.metrics["replication"])) == [0, 1, 3]
    assert run(study(), path).failures == []
    assert digests(path) == undisturbed


def test_a_run_in_which_all_fail_says_so(tmp_path, monkeypatch, capsys):
    import sim.simulate

    def broken(*_):
        raise ZeroDivisionError("no customers")

    monkeypatch.setattr(sim.simulate, "simulate", broken)
    assert main(["run", "business=tool", *TINY, "replications=2", f"out={tmp_path / 'run'}"]) == FAILED
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("failed: replication 0: ZeroDivisionError: no customers; seed 1, again: tobsim run ")


def test_the_work_of_a_lost_process_is_sent_again(tmp_path, undisturbed):
    path = tmp_path / "run"
    found = run(study("execution.workers=2"), path, simulate=dying(tmp_path / "died", replication=1))
    assert found.failures == []
    assert digests(path) == undisturbed


def test_a_replication_that_always_ends_its_process_fails_alone(tmp_path):
    found = run(study("execution.workers=2"), tmp_path / "run", simulate=dying(None, replication=1))
    assert [(row["replication"], row["type"]) for row in found.failures] == [(1, "WorkerLost")]
    assert found.manifest.done == [0, 2, 3]


def test_a_full_disk_stops_the_run_and_keeps_what_is_good(tmp_path, undisturbed):
    def simulate(timeline, seed, replication):
        from sim.simulate import simulate as real

        if replication == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(timeline, seed, replication)

    path = tmp_path / "run"
    with pytest.raises(DiskFull) as caught:
        run(study(), path, simulate=simulate)
    assert (caught.value.done, caught.value.total) == (2, 4)
    assert sets(path) == ["0000", "0001"]
    run(study(), path)
    assert digests(path) == undisturbed


def test_a_disk_that_fills_while_tables_are_put_together(tmp_path, monkeypatch, undisturbed):
    import pyarrow.parquet

    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(pyarrow.parquet.ParquetWriter, "write_table", full)
        with pytest.raises(DiskFull):
            run(study(), path, simulate=None)
    run(study(), path)
    assert digests(path) == undisturbed


def test_ctrl_c_from_python_is_a_keyboard_interrupt_that_counts(tmp_path):
    def simulate(timeline, seed, replication):
        from sim.simulate import simulate as real

        if replication == 1:
            raise KeyboardInterrupt
        return real(timeline, seed, replication)

    with pytest.raises(Interrupted) as caught:
        run(study(), tmp_path / "run", simulate=simulate)
    assert (caught.value.done, caught.value.total) == (1, 4)


def test_words_for_a_full_disk_and_for_a_defect(monkeypatch, capsys, tmp_path):
    from scenarios import verbs

    def full(_):
        raise DiskFull(tmp_path, 3, 20)

    def defect(_):
        raise TypeError("one\ntwo")

    monkeypatch.setattr(verbs, "run", full)
    assert main(["run"]) == FAILED
    text = f"error: out: the disk is full, 3 of 20 replications are kept in {tmp_path}; free space, "
    assert capsys.readouterr().err.startswith(text)
    monkeypatch.setattr(verbs, "run", defect)
    assert main(["run"]) == DEFECT
    assert capsys.readouterr().err.splitlines() == [
        "error: tobsim: a defect of the program, got TypeError: one two; TOBSIM_DEBUG=1 shows where"
    ]
    monkeypatch.setenv("TOBSIM_DEBUG", "1")
    assert main(["run"]) == DEFECT
    assert "Traceback" in capsys.readouterr().err


def test_execute_yields_every_replication_once(tmp_path):
    (tmp_path / SETS).mkdir()
    found = list(execute(Task(study(), tmp_path, ("events",)), [5, 3, 9], workers=2))
    assert sorted(outcome.replication for outcome in found) == [3, 5, 9]
    assert all(isinstance(outcome, Outcome) and not outcome.error for outcome in found)
