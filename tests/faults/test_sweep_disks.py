"""Sweeps on disks that are full or may not be written, and several at once on one folder."""

from __future__ import annotations

import io
import json
import mmap
import os
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from scenarios.cli import DONE, FAILED, WRONG, main
from scenarios.errors import InputError
from scenarios.sweeps.points import Design
from scenarios.sweeps.run_point import PARTS, read_part
from scenarios.sweeps.sweep import run_design
from tests.faults.sweeps import MINI, REPLICATIONS, SMALL, counting, digests, made, parts

ROOT = Path(__file__).parents[2]
EXPERIMENT = """
kind: sweep
sampler: grid
business: mini
keys: {policy.desks.sales.heads: [1, 2, 3, 4, 5, 6, 7, 8]}
replications: 2
"""
RUNS = 16
WAIT_SECONDS = 600
TOGETHER, FEW = 3, 8
ALONE = ["unshare", "--user", "--map-root-user", "--mount"]
"""Starts a program that may mount disks of its own, which nobody else sees."""


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def swept(place: Path, *more: str) -> dict[str, Any]:
    """What the command says on a disk, and what is there afterwards."""
    shown = io.StringIO()
    words = [f"out={place / 'sweep'}", "report.enabled=false", *SMALL, *more]
    words += ["--config-dir", str(place.parent / "conf")]
    with redirect_stderr(shown), redirect_stdout(io.StringIO()):
        code = main(["sweep", "experiment=heads", *words])
    path = place / "sweep"
    sound = [bool(read_part(path / PARTS / name)) for name in sorted(parts(path))]
    names = sorted(file.name for file in path.rglob("*")) if path.is_dir() else []
    made_ = digests(path) if code == DONE else {}
    return {"code": code, "says": shown.getvalue(), "sound": sound, "names": names, "digests": made_}


def on_a_small_disk(place: Path) -> list[dict[str, Any]]:
    """A sweep where it does not fit, again after space is freed, again where nothing may be written."""
    mount("-t", "tmpfs", "-o", f"size={10 * mmap.PAGESIZE}", "tmpfs", str(place))
    found = [swept(place)]
    mount("-o", f"remount,size={1000 * mmap.PAGESIZE}", str(place))
    found += [swept(place)]
    mount("-o", "remount,ro", str(place))
    return [*found, swept(place, "experiment.replications=3")]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What happened on a small disk, in a process that may make one."""
    if os.name != "posix" or subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs Linux and the right to mount a disk in a name space of one's own (unshare)")
    folder = tmp_path_factory.mktemp("disk")
    (folder / "place").mkdir()
    own_conf(folder / "conf")
    program = f"import tests.faults.{Path(__file__).stem} as t; t.tell(t.Path({str(folder / 'place')!r}))"
    done = subprocess.run(
        [*ALONE, sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def own_conf(folder: Path) -> None:
    import shutil

    shutil.copytree(MINI, folder)
    (folder / "experiment").mkdir()
    (folder / "experiment" / "heads.yaml").write_text(EXPERIMENT)


def tell(place: Path) -> None:
    """Print what happens on a small disk as the last line."""
    print(json.dumps(on_a_small_disk(place)))


def test_a_disk_that_fills_keeps_what_is_good_and_says_so(stages: list[dict[str, Any]], tmp_path: Path) -> None:
    full, freed, _ = stages
    kept = REPLICATIONS * len(full["sound"])
    assert 0 < kept < RUNS
    says = f"error: out: the disk is full, {kept} of {RUNS} replications are kept in "
    assert (full["code"], full["says"].count("\n")) == (FAILED, 1)
    assert full["says"].startswith(says)
    assert all(full["sound"])
    assert not [name for name in full["names"] if name.endswith((".tmp", ".csv"))], "nothing half, and no tables"
    own_conf(tmp_path / "conf")
    (tmp_path / "place").mkdir()
    assert (freed["code"], freed["says"]) == (DONE, "")
    assert freed["digests"] == swept(tmp_path / "place")["digests"]


def test_a_folder_that_may_not_be_written_is_refused(stages: list[dict[str, Any]]) -> None:
    _, freed, refused = stages
    assert (refused["code"], refused["says"].count("\n")) == (WRONG, 1)
    assert refused["says"].startswith("error: out: cannot be written, got ")
    assert refused["says"].endswith("(Read-only file system); a folder you may write to\n")
    assert refused["names"] == freed["names"]


def sweep_until_done(design: Design, path: Path, log: Path) -> None:
    """Sweep as often as it is refused."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        try:
            run_design(design, path, simulate=counting(log))
        except InputError as refused:
            if "is being written" not in str(refused):
                raise
            log.with_suffix(".refused").touch()
            time.sleep(0.1)
        else:
            os._exit(0)


def test_sweeps_at_once_on_one_folder_do_nothing_twice(tmp_path: Path) -> None:
    design, path, log, children = made(FEW), tmp_path / "sweep", tmp_path / "log", []
    for _ in range(TOGETHER):
        child = os.fork()
        if child == 0:
            try:
                sweep_until_done(design, path, log)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * TOGETHER
    assert log.with_suffix(".refused").exists(), "they met"
    assert len(log.read_bytes()) == FEW * REPLICATIONS
    assert digests(path) == digests(run_design(design, tmp_path / "alone").path)
