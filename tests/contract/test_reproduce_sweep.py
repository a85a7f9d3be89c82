"""A sweep made again, all of it or some points, and its files checked: any change is found and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from scenarios import InputError, compose
from scenarios.runs.manifest import NAME
from scenarios.studies.digest import table_digest
from scenarios.sweeps.experiment import make_experiment
from scenarios.sweeps.folder import Sweep
from scenarios.sweeps.points import Asked, Design, make_design
from scenarios.sweeps.reproduce import reproduce_sweep
from scenarios.sweeps.sampling import Point
from scenarios.sweeps.stored import DESIGN, design_digest, read_design, write_design
from scenarios.sweeps.sweep import run_design, sweep
from scenarios.sweeps.validate import validate_sweep

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
SMALL = ["effects=none", "market.accounts=25", "horizon.days=40", "progress=false"]
HEADS, TRIAL = "policy.desks.sales.heads", "policy.conversion.trial_days"
ASKED = Asked(2, metrics=("revenue", "cash", "touches"))


def designed(asked: Asked = ASKED, points: int = 6) -> Design:
    names = ("baseline", "cheaper")
    bases = {name: compose("mini", [*SMALL, f"scenario={name}"], config_dir=MINI) for name in names}
    drawn = [Point(i, names[i % 2], {HEADS: 1 + i // 2, TRIAL: 5.0 + i}) for i in range(points)]
    return make_design("small", compose("mini", SMALL, config_dir=MINI), bases, drawn, asked)


def made(path: Path, design: Design, simulate: Callable[..., Any] | None = None) -> Path:
    """A sweep with its design beside it."""
    run_design(design, path, simulate=simulate)
    entry = write_design(path, design)
    edit(path, files=Sweep(path).record["files"] | {DESIGN: entry})
    return path


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("again") / "sweep", designed())


@pytest.fixture
def folder(swept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(swept, tmp_path / "sweep"))


@pytest.fixture
def again(swept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the sweep as it was made in the place of making it again, which another test shows to be the same."""

    def copied(design: Design, out: Path) -> Sweep:
        return Sweep(Path(shutil.copytree(swept, out)))

    monkeypatch.setattr("scenarios.sweeps.reproduce.run_design", copied)


def edit(folder: Path, **entries: Any) -> None:
    """Change entries of the manifest."""
    record = json.loads((folder / NAME).read_text("utf-8"))
    (folder / NAME).write_text(json.dumps({**record, **entries}), "utf-8")


def change(path: Path, column: str, row: int) -> None:
    """Add one to a number of a Parquet file."""
    table = pq.read_table(path)
    place, cells = table.schema.get_field_index(column), table.column(column).combine_chunks()
    more = pc.add(cells[row : row + 1], pa.scalar(1, cells.type))
    changed = pa.concat_arrays([cells[:row], more, cells[row + 1 :]])
    pq.write_table(table.set_column(place, table.schema.field(column), changed), path)


def spot(path: Path, **cells: Any) -> int:
    """Number of the first row with these cells."""
    rows = pq.read_table(path).to_pylist()
    return next(i for i, row in enumerate(rows) if all(row[name] == value for name, value in cells.items()))


def test_the_design_is_read_as_it_was_written(swept: Path) -> None:
    design, found = designed(), read_design(swept)
    assert found.digest == design.digest
    assert design_digest(swept / DESIGN) == Sweep(swept).record["files"][DESIGN]["digest"]
    assert [dict(point.values) for point in found.points] == [dict(point.values) for point in design.points]
    assert [point.number for point in read_design(swept, [4, 1]).points] == [1, 4]


def test_a_sweep_is_reproduced(swept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in swept.rglob("*")}
    found = reproduce_sweep(swept, "1")
    assert found.identical, found.text
    assert found.text == "identical: 6 points, 12 runs, 36 figures"
    assert found.notes == ()
    shown = "all 6 points again, 12 runs; points=20 makes 20 of them again, spread evenly"
    assert capsys.readouterr().err.splitlines()[0] == shown
    assert {path: path.stat().st_mtime_ns for path in swept.rglob("*")} == before


SIGN = "business.decisions.sign.base.small"
FILE: dict[str, Any] = {"kind": "sweep", "replications": 1, "metrics": ["cash"], "keys": {SIGN: None}}
ANALYSED = [
    pytest.param({"sampler": "one_at_a_time"}, "tornado.csv"),
    pytest.param({"sampler": "sobol", "base_samples": 4}, "sensitivity.csv", marks=pytest.mark.slow),
    pytest.param({"sampler": "lhs", "points": 20, "discovery": {"metric": "cash", "below": 9e5}}, "discovery.csv",
                 marks=pytest.mark.slow),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "table"), ANALYSED)
def test_what_is_read_off_all_points_is_made_again(settings: dict[str, Any], table: str, tmp_path: Path) -> None:
    """Of an experiment file, whose ranges and words may stand in remarks of other files: every table, keys too."""
    path = sweep(make_experiment("file", FILE | settings, "mini", SMALL, MINI), tmp_path / "sweep").path
    assert {"keys.csv", table} <= set(Sweep(path).record["files"])
    found = reproduce_sweep(path, quiet=True)
    assert found.identical, found.text
    edit(path, settings=Sweep(path).record["settings"] | {"experiment": {"sampler": "grid"}})
    with pytest.raises(InputError, match="is damaged or not ours"):
        reproduce_sweep(path, quiet=True)


def test_some_points_are_reproduced_from_the_first_to_the_last(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[int] = []

    def noted(design: Design, out: Path) -> Sweep:
        seen.extend(point.number for point in design.points)
        return run_design(design, out)

    monkeypatch.setattr("scenarios.sweeps.reproduce.run_design", noted)
    change(folder / "results.parquet", "value", spot(folder / "results.parquet", number=1))
    assert reproduce_sweep(folder, points="3").text == "identical: 3 of 6 points, 6 runs, 18 figures"
    assert seen == [0, 2, 5]
    assert capsys.readouterr().err.splitlines()[0] == "3 of 6 points again, spread evenly"
    change(folder / "results.parquet", "value", spot(folder / "results.parquet", number=2))
    assert reproduce_sweep(folder, points="3", quiet=True).text.startswith("point 2, replication 0, cash, horizon: ")


@pytest.mark.usefixtures("again")
def test_the_first_differing_figure_is_named(folder: Path) -> None:
    path = folder / "results.parquet"
    cells = {"number": 3, "replication": 1, "metric": "revenue", "period": "horizon"}
    was = pq.read_table(path).to_pylist()[spot(path, **cells)]["value"]
    change(path, "value", spot(path, **cells))
    change(path, "value", spot(path, number=5))
    found = reproduce_sweep(folder, quiet=True)
    assert not found.identical
    assert found.text == f"point 3, replication 1, revenue, horizon: value {was + 1} there, {was} here"


@pytest.mark.usefixtures("again")
def test_a_changed_mean_or_point_is_named(folder: Path) -> None:
    row = spot(folder / "table.parquet", number=2, metric="cash", period="horizon")
    change(folder / "table.parquet", "mean", row)
    text = reproduce_sweep(folder, quiet=True).text
    assert text.startswith("table.parquet: point 2, cash, horizon: mean ")
    change(folder / "points.parquet", HEADS, 4)
    assert reproduce_sweep(folder, quiet=True).text == f"points.parquet: point 4: {HEADS} 4 there, 3 here"


@pytest.mark.usefixtures("again")
def test_absent_rows_and_files_are_named(folder: Path) -> None:
    path = folder / "results.parquet"
    pq.write_table(pq.read_table(path).slice(0, 34), path)
    assert reproduce_sweep(folder, quiet=True).text == "point 5: 4 rows there, 6 here"
    path.unlink()
    assert reproduce_sweep(folder, quiet=True).text == "results.parquet: absent there"


def test_a_failure_that_does_not_come_again_is_a_difference(tmp_path: Path) -> None:
    import sim.simulate

    def failing(timeline: Any, seed: int, replication: int) -> Any:
        if timeline.spec.policy.desks["sales"].heads == 2 and replication == 1:
            raise ZeroDivisionError("no customers")
        return sim.simulate.simulate(timeline, seed, replication)

    path = made(tmp_path / "sweep", designed(points=3), failing)
    assert reproduce_sweep(path, quiet=True).text == "point 2, replication 1: failed there, not here"


@pytest.mark.usefixtures("again")
def test_a_changed_engine_and_changed_versions_are_told(folder: Path) -> None:
    edit(folder, versions={"numpy": "1.0"}, engine="another")
    notes = reproduce_sweep(folder, quiet=True).notes
    assert notes[0].startswith("numpy was 1.0 when the sweep was made, it is ")
    assert notes[1].startswith("the engine was another when the sweep was made, it is ")


def rewrite(folder: Path, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    content = json.loads((folder / DESIGN).read_text("utf-8"))
    (folder / DESIGN).write_text(json.dumps(change(content)), "utf-8")


def test_what_cannot_be_reproduced_is_refused(folder: Path) -> None:
    for workers, points, text in (("two", None, "execution.workers"), (None, "0", "points"), (None, "-1", "points")):
        with pytest.raises(InputError, match=rf"{text}: must be a whole number, got"):
            reproduce_sweep(folder, workers, points, quiet=True)
    rewrite(folder, lambda told: told | {"base": told["base"] | {"source": "x"}})
    with pytest.raises(InputError, match="is damaged or not ours"):
        reproduce_sweep(folder, quiet=True)
    rewrite(folder, lambda told: {})
    with pytest.raises(InputError, match="is damaged or not ours, got no design"):
        reproduce_sweep(folder, quiet=True)
    (folder / DESIGN).unlink()
    with pytest.raises(InputError, match="cannot be read, got No such file"):
        reproduce_sweep(folder, quiet=True)
    edit(folder, status="running")
    with pytest.raises(InputError, match="got a sweep that is running; finish it"):
        reproduce_sweep(folder, quiet=True)


def test_another_study_is_refused(folder: Path) -> None:
    rewrite(folder, lambda told: told | {"points": [[n, s, {**v, HEADS: 7}] for n, s, v in told["points"]]})
    with pytest.raises(InputError, match=r"point 0: is not the study that was run, got digest"):
        reproduce_sweep(folder, quiet=True)


def failing_checks(folder: Path) -> dict[str, str]:
    return {check.name: check.detail for check in validate_sweep(folder) if not check.holds}


def test_a_sweep_is_valid_as_it_was_made(swept: Path) -> None:
    found = {check.name: check for check in validate_sweep(swept)}
    files = sorted(Sweep(swept).record["files"])
    assert list(found) == ["manifest", *files, "parts", "means"]
    assert all(check.holds for check in found.values()), found
    assert found["parts"].detail == "6 files hold 12 runs, the results 12"
    assert found["means"].detail.startswith("18 means of the results, largest gap ")


def test_a_damaged_sweep_is_not_valid(folder: Path) -> None:
    change(folder / "results.parquet", "value", 0)
    change(folder / "points.parquet", "number", 3)
    (folder / "table.csv").unlink()
    part = sorted((folder / "parts").iterdir())[0]
    part.write_bytes(part.read_bytes()[:-1])
    rewrite(folder, lambda told: told | {"points": [[n, s, {**v, HEADS: 7}] for n, s, v in told["points"]]})
    assert failing_checks(folder) == {
        "design.json": "its content is not what was written",
        "results.parquet": "its content is not what was written",
        "points.parquet": "its content is not what was written",
        "table.csv": "is missing",
        "parts": f"1 files are not as they were written, the first is {part.name}",
    }
    edit(folder, status="running")
    assert failing_checks(folder)["manifest"] == "the sweep is running"


def test_a_table_that_does_not_follow_from_the_results_is_not_valid(folder: Path) -> None:
    change(folder / "table.parquet", "mean", 0)
    entry = Sweep(folder).record["files"]["table.parquet"]
    digest = table_digest(pq.read_table(folder / "table.parquet"))
    edit(folder, files=Sweep(folder).record["files"] | {"table.parquet": entry | {"digest": digest}})
    assert list(failing_checks(folder)) == ["means"]


@pytest.mark.slow
def test_kept_runs_are_checked_and_not_made_again(tmp_path: Path) -> None:
    path = made(tmp_path / "sweep", designed(Asked(1, metrics=("cash",), runs=True), points=1))
    (run,) = (path / "runs").iterdir()
    names = [check.name for check in validate_sweep(path)]
    assert f"runs/{run.name}: metrics.parquet" in names
    assert reproduce_sweep(path, quiet=True).text == "identical: 1 points, 1 runs, 1 figures"
    change(run / "ledger.parquet", "amount", 0)
    assert failing_checks(path) == {f"runs/{run.name}: ledger.parquet": "its content is not what was written"}
