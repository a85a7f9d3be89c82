"""``tobsim sweep`` as published: folder and tables, going on, growing, failing, stopping, refusing, dry run."""

from __future__ import annotations

import errno
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sim.simulate
from scenarios import compose, run
from scenarios.cli import DONE, FAILED, STOPPED, WRONG, main
from scenarios.runs.claim import LOCK
from scenarios.runs.files import Lock, checksum
from scenarios.runs.result import Result
from scenarios.sweeps.folder import Sweep
from scenarios.sweeps.points import Asked, make_design
from scenarios.sweeps.sampling import Point
from scenarios.sweeps.sweep import SweepProgress, run_design

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
SMALL = ["effects=none", "market.accounts=25", "horizon.days=40"]
HEADS = "policy.desks.sales.heads"
EXPERIMENT = """
kind: sweep
sampler: grid
business: mini
keys:
  policy.desks.sales.heads: [1, 2, 3]
scenarios: [baseline, cheaper]
replications: 2
metrics: [revenue, cash, signed, utilisation]
"""
METRICS = {"revenue", "cash", "signed", "utilisation", "utilisation_sales"}
COUNT = len(METRICS)
POINTS = ["number", "point", "scenario", HEADS, "heads", "status", "seconds", "error", "command", "key"]
TABLE = ["number", "point", "scenario", HEADS, "metric", "period", "unit", "mean", "ci_low", "ci_high", "sd",
         "replications", "n_defined", "status"]  # fmt: skip


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the user's own with an experiment in it."""
    folder = Path(shutil.copytree(MINI, tmp_path_factory.mktemp("own") / "conf"))
    (folder / "experiment").mkdir(exist_ok=True)
    (folder / "experiment" / "heads.yaml").write_text(EXPERIMENT)
    (folder / "experiment" / "other.yaml").write_text(EXPERIMENT.replace("[1, 2, 3]", "[1, 4]"))
    return folder


class Counted:
    """The simulator, with a count, and a place and a kind of failure."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []
        self.fails: dict[tuple[int, int], BaseException] = {}
        self._real = sim.simulate.simulate

    def __call__(self, timeline: Any, seed: int, replication: int) -> Any:
        at = timeline.spec.policy.desks["sales"].heads, replication
        self.calls.append(at)
        if at in self.fails:
            raise self.fails[at]
        return self._real(timeline, seed, replication)


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted()
    monkeypatch.setattr(sim.simulate, "simulate", counted)
    return counted


def words(out: Path, conf: Path, *more: str) -> list[str]:
    return ["sweep", "experiment=heads", *SMALL, "progress=false", f"out={out}", "--config-dir", str(conf), *more]


def digests(path: Path) -> dict[str, str]:
    return {name: entry["digest"] for name, entry in Sweep(path).record["files"].items()}


@pytest.fixture(scope="module")
def swept(conf: Path, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    path = tmp_path_factory.mktemp("swept") / "sweep"
    assert main(words(path, conf)) == DONE
    return Sweep(path)


@pytest.fixture
def copy(swept: Sweep, tmp_path: Path) -> Path:
    return Path(shutil.copytree(swept.path, tmp_path / "sweep"))


def test_the_folder_holds_what_was_published(swept: Sweep) -> None:
    assert list(swept.points.columns) == POINTS
    assert list(swept.table.columns) == TABLE
    assert list(swept.results.columns) == [
        "number",
        "point",
        "scenario",
        "replication",
        "metric",
        "period",
        "value",
        "unit",
    ]
    assert len(swept.points) == 6
    assert len(swept.results) == 6 * 2 * COUNT
    assert len(swept.table) == 6 * COUNT
    assert swept.failures.empty
    assert set(swept.table["metric"]) == METRICS
    assert (swept.points["status"] == "done").all()
    assert swept.points[HEADS].tolist() == swept.points["heads"].tolist() == [1, 2, 3, 1, 2, 3]
    record = swept.record
    assert (record["verb"], record["status"], record["points"], record["replications"]) == ("sweep", "complete", 6, 12)
    assert record["keys"] == {HEADS: "heads"}
    assert all(checksum(swept.path / name) == entry["checksum"] for name, entry in record["files"].items())
    written = pd.read_csv(swept.path / "table.csv", encoding="utf-8-sig")
    np.testing.assert_allclose(written["mean"], swept.table["mean"])
    on_disk = {path.name for path in swept.path.iterdir()}
    assert on_disk == {*record["files"], "manifest.json", "config.yaml", "parts", LOCK}


def test_a_point_is_the_run_that_its_command_makes(swept: Sweep, conf: Path, tmp_path: Path) -> None:
    row = swept.points.set_index(["scenario", "heads"]).loc[("cheaper", 2)]
    command = row["command"].split()[2:]
    assert command[:2] == ["business=mini", "scenario=cheaper"]
    place = command.index("--config-dir")
    extra = ["replications=2", "report.enabled=false", "forecast.enabled=false", "progress=false"]
    study = compose(overrides=[*command[:place], *extra], config_dir=command[place + 1])
    assert study.digest == row["point"]
    summary = run(study, tmp_path / "run").summary
    own = summary[summary["period"] == "horizon"].set_index("metric")
    found = swept.table[swept.table["number"] == row["number"]].set_index("metric")
    assert len(found) == COUNT
    for column in ("mean", "ci_low", "ci_high", "sd", "n_defined"):
        np.testing.assert_allclose(found[column].astype(float), own.loc[found.index, column].astype(float))


def test_the_same_command_runs_nothing_and_changes_nothing(
    copy: Path, conf: Path, simulator: Counted, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in copy.iterdir()}
    assert main(words(copy, conf)) == DONE
    shown = capsys.readouterr()
    assert shown.out.startswith(f"6 points, 12 runs in {copy}\npoint  scenario  heads  metric")
    assert shown.out.splitlines()[-2:] == ["10 more rows", str(copy / "report.html")]
    assert simulator.calls == []
    assert {path.name: path.stat().st_mtime_ns for path in copy.iterdir()} == before


def test_more_points_and_more_replications_run_only_what_is_new(
    copy: Path, conf: Path, simulator: Counted, tmp_path: Path
) -> None:
    grown = [f"experiment.keys.{HEADS}=[1,2,3,4]", "experiment.replications=3"]
    assert main(words(copy, conf, grown[0])) == DONE
    assert sorted(simulator.calls) == [(4, 0)] * 2 + [(4, 1)] * 2
    simulator.calls.clear()
    assert main(words(copy, conf, *grown)) == DONE
    assert sorted(simulator.calls) == sorted([(heads, 2) for heads in (1, 2, 3, 4)] * 2)
    assert len(Sweep(copy).results) == 8 * 3 * COUNT
    at_once = tmp_path / "at once"
    assert main(words(at_once, conf, *grown, "execution.workers=2")) == DONE
    mine, theirs = digests(copy), digests(at_once)
    assert mine == theirs, "the same tables at once, and over two processes"


def test_other_metrics_and_periods_of_the_table_run_nothing(copy: Path, conf: Path, simulator: Counted) -> None:
    assert main(words(copy, conf, "experiment.metrics=[touches]")) == DONE
    assert simulator.calls == []
    assert set(Sweep(copy).table["metric"]) == {"touches"}


def test_what_fails_is_a_row_and_the_rest_goes_on(
    conf: Path, tmp_path: Path, swept: Sweep, simulator: Counted, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sweep"
    simulator.fails = {(2, 1): ZeroDivisionError("no customers")}
    assert main(words(path, conf)) == FAILED
    shown = capsys.readouterr()
    assert shown.err.splitlines()[0].startswith(
        "failed: point 1 replication 1: ZeroDivisionError: no customers; again: tobsim run business=mini "
    )
    assert "nan" not in shown.out.split(), "what one replication does not say stays empty"
    found = Sweep(path)
    assert found.failures[["number", "replication", "type"]].values.tolist() == [
        [1, 1, "ZeroDivisionError"], [4, 1, "ZeroDivisionError"],
    ]  # fmt: skip
    assert found.failures["command"].str.contains(f"{HEADS}=2 .*replications=2").all()
    assert found.points["status"].tolist() == ["done", "failed", "done"] * 2
    assert len(found.results) == 10 * COUNT
    simulator.fails, simulator.calls = {}, []
    assert main(words(path, conf)) == DONE
    assert simulator.calls == [(2, 1), (2, 1)]
    assert digests(path) == digests(swept.path)


def test_a_point_that_is_refused_is_a_row(conf: Path, tmp_path: Path) -> None:
    base = compose("mini", [*SMALL, "progress=false"], config_dir=conf)
    points = [Point(0, "baseline", {HEADS: 1}), Point(1, "baseline", {HEADS: -1})]
    found = run_design(make_design("heads", base, {"baseline": base}, points, Asked(2)), tmp_path / "sweep")
    assert found.points["status"].tolist() == ["done", "failed"]
    assert set(found.failures["type"]) == {"InputError"}
    assert "heads: must be" in found.points["error"][1]
    table = found.table.set_index("number")
    assert table.loc[1, "status"] == "failed"
    assert np.isnan(table.loc[1, "mean"])


def test_ctrl_c_keeps_what_is_finished(
    conf: Path, tmp_path: Path, swept: Sweep, simulator: Counted, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sweep"
    simulator.fails = {(2, 1): KeyboardInterrupt()}
    assert main(words(path, conf)) == STOPPED
    kept = f"interrupted; 3 of 12 replications are kept in {path}; the same command goes on from there\n"
    assert capsys.readouterr() == ("", kept)
    simulator.fails, simulator.calls = {}, []
    assert main(words(path, conf)) == DONE
    assert len(simulator.calls) == 9
    assert digests(path) == digests(swept.path)


def test_a_full_disk_stops_the_sweep_and_keeps_what_is_good(
    conf: Path, tmp_path: Path, simulator: Counted, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sweep"
    simulator.fails = {(3, 0): OSError(errno.ENOSPC, "No space left on device")}
    assert main(words(path, conf)) == FAILED
    kept = f"error: out: the disk is full, 4 of 12 replications are kept in {path}; free space, "
    assert capsys.readouterr().err.startswith(kept)


def test_a_folder_in_use_or_of_something_else_is_refused(
    copy: Path, conf: Path, tmp_path: Path, simulator: Counted, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    before = {path.name: path.stat().st_mtime_ns for path in copy.iterdir()}
    with Lock(copy / LOCK):
        assert main(words(copy, conf, "experiment.replications=3")) == WRONG
        assert capsys.readouterr().err == f"error: out: is being written, got {copy}; wait, or another out\n"
    for more, line in (
        (["market.accounts=30"], "out: holds another sweep, got {} (market.accounts 25 there and 30 here); its "),
        (["experiment=other"], "out: holds another sweep, got {} (experiment heads there and other here); its "),
        ([f"out={tmp_path / 'mine'}"], f"out: holds other files, got {tmp_path / 'mine'} with thesis.txt; "),
        (["out="], 'out: is empty, got ""; '),
    ):
        assert main(words(copy, conf, *more)) == WRONG
        assert capsys.readouterr().err.startswith(f"error: {line.format(copy)}")
    assert main(["run", "business=mini", *SMALL, f"out={copy}", "--config-dir", str(conf)]) == WRONG
    assert "is of another command" in capsys.readouterr().err
    assert simulator.calls == []
    assert {path.name: path.stat().st_mtime_ns for path in copy.iterdir()} == before


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (["experiment=heds"], 'error: experiment: is unknown, got "heds"; did you mean heads?'),
        (["experiment="], "error: experiment: is missing, got nothing; tobsim sweep experiment=NAME"),
        (["dry=yes"], 'error: dry: must be true or false, got "yes"; dry=true'),
        (["precision={metric: cahs, relative: 0.1}"], "error: precision.metric: is unknown"),
    ],
)
def test_wrong_command_lines_are_one_line_and_nothing_is_written(
    conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], line: str
) -> None:
    path = tmp_path / "sweep"
    assert main(words(path, conf, *more)) == WRONG
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(line)
    assert not path.exists()


def test_a_dry_run_predicts_and_writes_nothing(conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sweep"
    assert main(words(path, conf, "dry=true", "experiment.replications=40")) == DONE
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert list(rows) == ["points", "runs", "time", "memory", "disk"]
    assert (rows["points"], rows["runs"]) == ("6", "240 (points x replications)")
    hours = float(rows["time"].split("(")[1].split()[0])
    assert 240 * 0.005 / 3600 < hours < 240 * 5 / 3600
    assert float(rows["memory"].split()[1]) > 50
    assert 0 < float(rows["disk"].split()[1]) < 10
    assert not path.exists()


def test_run_folders_of_points_are_kept_on_request(conf: Path, tmp_path: Path, swept: Sweep) -> None:
    path = tmp_path / "sweep"
    assert main(words(path, conf, "experiment.keep={runs: true}", f"experiment.keys.{HEADS}=[1]")) == DONE
    found = Sweep(path)
    assert len(list((path / "runs").iterdir())) == 2
    for _, row in found.points.iterrows():
        result = Result([path / "runs" / row["key"][:16]])
        assert result.manifest.study_digest == row["point"]
        assert result.manifest.replications == 2
    shutil.rmtree(path / "runs")
    assert main(words(path, conf, "experiment.keep={runs: true}", f"experiment.keys.{HEADS}=[1]")) == DONE
    assert len(list((path / "runs").iterdir())) == 2, "made again where they are gone"
    whole = swept.table[swept.table[HEADS] == 1]
    np.testing.assert_allclose(found.table["mean"], whole["mean"])


@pytest.mark.parametrize(("relative", "told"), [(0.15, False), (0.00001, True)])
def test_a_precision_goes_on_where_it_is_not_reached(
    relative: float, told: bool, conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most five looks; what is wider than asked for after the last one, here the second, is told."""
    monkeypatch.setattr("analysis.replications.LOOKS", 2 if told else 5)
    path = tmp_path / "sweep"
    asked = [f"experiment.precision={{metric: touches, relative: {relative}}}", f"experiment.keys.{HEADS}=[1]",
             "experiment.scenarios=[baseline]"]  # fmt: skip
    assert main(words(path, conf, *asked)) == DONE
    (count,) = set(Sweep(path).results.groupby("number")["replication"].nunique())
    assert count >= 20
    values = Sweep(path).results.query("metric == 'cash'")["replication"].tolist()
    assert values == list(range(count))
    line = f"experiment.precision: is not reached for touches, got 1 of 1 points, up to {count} replications; "
    assert any(text.startswith(line) for text in Sweep(path).record["warnings"]) == told


def test_progress_is_in_points_with_rate_time_left_and_failures() -> None:
    stream = io.StringIO()
    with SweepProgress(40, 1, stream=stream, what="points") as progress:
        for _ in range(8):
            progress.count()
        progress.failed = 1
        progress._said = -1e9
        progress.count()
    line = stream.getvalue()
    assert line.startswith("points (1 failed) 10/40, ")
    assert " points/s, " in line
    assert line.endswith(" left\n")


def test_help_lists_experiments_and_keys(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "--help", "--config-dir", str(conf)]) == DONE
    shown = capsys.readouterr().out
    for piece in ("tobsim sweep experiment=NAME", "  heads", "dry=true", "execution.workers=2", "--config-dir DIR"):
        assert piece in shown


def test_tables_are_read_by_pandas_alone(swept: Sweep) -> None:
    table = pd.read_parquet(swept.path / "table.parquet")
    wide = table.pivot_table(index=["scenario", HEADS], columns="metric", values="mean")
    assert wide.shape == (6, COUNT)
