"""The page on clusters: its commands, on a cluster of this computer."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.docs.test_pages import ROOT, SMALL, blocks, tobsim
from tests.fixtures.clusters import START_SECONDS, ended

pytest.importorskip("distributed", reason="the extra dask is not installed")


def started(command: str, folder: Path) -> subprocess.Popen[bytes]:
    """A command of Dask that stays, with what this process can import."""
    words = [str(Path(sys.executable).parent / "dask"), *shlex.split(command)[1:], "--no-dashboard"]
    with (folder / "log").open("ab") as log:
        own = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(words, cwd=folder, env=own, stdout=log, stderr=log, start_new_session=True)


@pytest.mark.slow
def test_commands_of_the_page(tmp_path: Path) -> None:
    commands = dict(blocks("docs/cluster.md", "command"))
    assert list(commands) == ["scheduler", "worker", "there", "check", "ray"]
    with ended([started(commands["scheduler"], tmp_path)]):
        end = time.monotonic() + START_SECONDS
        while not (tmp_path / "scheduler.json").exists() and time.monotonic() < end:
            time.sleep(0.1)
        with ended([started(commands["worker"], tmp_path)]):
            done = tobsim([*shlex.split(commands["there"])[1:], *SMALL], tmp_path)
            said = [line for line in done.stderr.splitlines() if not line.startswith("no worker at ")]
            assert (done.returncode, said) == (0, []), "a worker may take its time to come"
            again = tobsim([*shlex.split(commands["check"])[1:], "progress=false"], tmp_path)
    assert again.returncode == 0, again.stderr
    assert "identical" in again.stdout


@pytest.mark.slow
def test_the_command_for_ray(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    done = tobsim([*shlex.split(dict(blocks("docs/cluster.md", "command"))["ray"])[1:], *SMALL], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "runs" / "ray" / "events.parquet").is_file()
