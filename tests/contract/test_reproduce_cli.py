"""``tobsim export format=bundle``, ``reproduce`` and ``validate`` on a command line, of runs and of sweeps."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scenarios.cli import DONE, FAILED, WRONG, main

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
SMALL = ["effects=none", "market.accounts=25", "horizon.days=40", "progress=false"]
OWN = ["--config-dir", str(MINI)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "run"
    off = ["report.enabled=false", "forecast.enabled=false", "replications=2"]
    assert main(["run", "business=mini", *SMALL, *off, f"out={path}", *OWN]) == DONE
    return path


def test_a_bundle_and_the_command_in_it(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command of its README, run where it was unpacked, says identical."""
    path = tmp_path / "mini.zip"
    assert main(["export", str(folder), "format=bundle", f"out={path}"]) == DONE
    assert capsys.readouterr().out == f"{path}\n"
    with zipfile.ZipFile(path) as opened:
        opened.extractall(tmp_path / "there")
    guide = (tmp_path / "there" / "README.md").read_text("utf-8")
    (command,) = re.findall(r"^PYTHONPATH=program env/bin/python (-m scenarios reproduce \.)$", guide, re.MULTILINE)
    done = subprocess.run(
        [sys.executable, *command.split()], cwd=tmp_path / "there", capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": "program"},
    )  # fmt: skip
    assert done.returncode == DONE, done.stderr
    assert done.stdout.startswith("identical: 2 replications, ")
    assert main(["validate", str(path)]) == DONE


def test_a_bad_command_says_one_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "there.zip"
    there.write_text("mine", "utf-8")
    for words, text in (
        (["export", str(folder), "format=bundle", f"out={there}"], "out: exists"),
        (["export", str(folder), "format=bundle", "replication=1"], "replication: is not for bundle"),
        (["export", str(folder), "format=csv", f"out={tmp_path / 'x'}"], "out: is for bundle"),
        (["export", str(folder), "format=bundel"], "format: is unknown"),
        (["export", str(tmp_path), "format=bundle"], "cannot be read"),
        (["reproduce", str(there)], "is no bundle"),
        (["reproduce", str(folder), "points=3"], "points: is for a sweep"),
        (["validate", str(tmp_path / "absent")], "cannot be read"),
    ):
        assert main(words) == WRONG
        shown = capsys.readouterr()
        assert shown.out == ""
        assert len(shown.err.splitlines()) == 1
        assert text in shown.err


def test_a_sweep_is_reproduced_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf = Path(shutil.copytree(MINI, tmp_path / "conf"))
    (conf / "experiment").mkdir(exist_ok=True)
    keys = "kind: sweep\nsampler: grid\nbusiness: mini\nkeys:\n  policy.desks.sales.heads: [1, 2, 3]\n"
    (conf / "experiment" / "heads.yaml").write_text(f"{keys}replications: 2\nmetrics: [cash]\n", "utf-8")
    out = tmp_path / "out"
    assert main(["sweep", "experiment=heads", *SMALL, f"out={out}", "--config-dir", str(conf)]) == DONE
    shutil.rmtree(conf)
    capsys.readouterr()
    assert main(["validate", str(out)]) == DONE
    assert main(["reproduce", str(out), "points=2"]) == DONE
    shown = capsys.readouterr()
    assert shown.out.endswith("identical: 2 of 3 points, 4 runs, 4 figures\n")
    assert shown.err.splitlines()[0] == "2 of 3 points again, spread evenly"
    (out / "table.csv").unlink()
    assert main(["validate", str(out)]) == FAILED
