"""A comparison made again, and its files and runs checked: equal as it was made, and any change found and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml

from scenarios import InputError, Study, compare, compose
from scenarios.comparisons.compare import compare_plans
from scenarios.comparisons.folder import Comparison
from scenarios.comparisons.plans import Plans, compose_plans
from scenarios.comparisons.reproduce import reproduce_comparison, validate_comparison

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
SMALL = [
    "effects=none", "horizon.days=200", "progress=false", "market.accounts=80", "report.enabled=false",
]  # fmt: skip
ASKED = ["compare.targets={solvent:{metric:cash,value:0,sense:at_most,by:2025-06-30}}"]
HIRED = ["policy.desks.sales.heads=2", "policy.conversion.trial_days=5"]
FILES = ["table.parquet", "drivers.parquet", "flips.parquet", "table.csv", "drivers.csv", "config.csv", "targets.csv"]


def studies(*further: str, replications: int = 4) -> dict[str, Study]:
    further = (*further, f"replications={replications}")
    plans = {"base": ["policy.desks.sales.heads=1"], "hired": HIRED}
    return {name: compose("mini", [*SMALL, *further, *words], config_dir=MINI) for name, words in plans.items()}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compare(scenarios=studies(*ASKED), out=tmp_path_factory.mktemp("again") / "out").path


@pytest.fixture
def folder(compared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(compared, tmp_path / "out"))


@pytest.fixture
def again(compared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the comparison as it was made in the place of making it again, which another test shows to be the same."""

    def copied(plans: Sequence[Plans], out: Path) -> Comparison:
        assert [list(each.studies) for each in plans] == [["base", "hired"]]
        return Comparison(Path(shutil.copytree(compared, out)))

    monkeypatch.setattr("scenarios.comparisons.reproduce.compare_plans", copied)


def change(path: Path, column: str, value: Callable[[pa.Array], pa.Array], row: int = 0) -> None:
    """Rewrite one cell of a Parquet file."""
    table = pq.read_table(path)
    place = table.schema.get_field_index(column)
    cells = table.column(column).combine_chunks()
    changed = pa.concat_arrays([cells[:row], value(cells[row : row + 1]), cells[row + 1 :]])
    pq.write_table(table.set_column(place, table.schema.field(column), changed), path)


def one_more(cells: pa.Array) -> pa.Array:
    return pc.add(cells, pa.scalar(1, cells.type))


def test_a_comparison_is_reproduced(compared: Path) -> None:
    assert pq.read_table(compared / "flips.parquet").num_rows > 0
    before = {path: path.stat().st_mtime_ns for path in compared.rglob("*")}
    found = reproduce_comparison(compared, "1", quiet=True)
    assert found.identical, found.text
    runs = len(list(compared.glob("mini/**/manifest.json")))
    assert runs == 4
    assert found.text == f"identical: {runs} runs, 4 pairs of mini, 7 tables"
    assert found.notes == ()
    assert {path: path.stat().st_mtime_ns for path in compared.rglob("*")} == before


@pytest.mark.parametrize(
    ("name", "column", "text"),
    [
        ("table.parquet", "difference", "table.parquet: row 0, column difference: "),
        ("drivers.parquet", "value", "drivers.parquet: row 0, column value: "),
        ("flips.parquet", "account", "flips.parquet: row 0, column account: "),
        ("mini/hired/ledger.parquet", "amount", "mini/hired: replication 0: table ledger: row 0, column amount: "),
    ],
)
@pytest.mark.usefixtures("again")
def test_the_first_differing_cell_is_named(folder: Path, name: str, column: str, text: str) -> None:
    change(folder / name, column, one_more)
    found = reproduce_comparison(folder, quiet=True)
    assert not found.identical
    assert found.text.startswith(text), found.text


@pytest.mark.usefixtures("again")
def test_runs_behind_the_drivers_and_sheets_are_compared_too(folder: Path) -> None:
    part = sorted((folder / "mini" / "parts").iterdir())[0]
    change(part / "metrics.parquet", "value", lambda cells: pa.array([12345.0], cells.type), row=3)
    text = reproduce_comparison(folder, quiet=True).text
    assert text.startswith(
        f"mini/parts/{part.name}: replication 0: table metrics: row 3, column value: 12345.0 there, "
    )
    shutil.rmtree(part)
    assert reproduce_comparison(folder, quiet=True).text == f"mini/parts/{part.name}: absent there, a run here"


@pytest.mark.usefixtures("again")
def test_a_changed_sheet_is_a_difference(folder: Path) -> None:
    path = folder / "config.csv"
    path.write_text(path.read_text("utf-8-sig").replace("policy.conversion", "policy.conversions", 1), "utf-8-sig")
    text = reproduce_comparison(folder, quiet=True).text
    assert text == (
        'config.csv: line 3, column key: "policy.conversions.trial_days" there, "policy.conversion.trial_days" here'
    )


def test_a_comparison_on_fewer_pairs_than_its_runs_hold_is_reproduced(tmp_path: Path) -> None:
    """The table rests on the pairs that were asked for last."""
    off = ["compare.drivers=false", "compare.flips=false"]
    plans = studies(*off, replications=3)
    compare(scenarios=plans, out=tmp_path / "out")
    fewer = {name: study.with_({"replications": 2}) for name, study in plans.items()}
    compare(scenarios=fewer, out=tmp_path / "out")
    found = reproduce_comparison(tmp_path / "out", quiet=True)
    assert found.text == "identical: 2 runs, 2 pairs of mini, 3 tables"


def test_the_settings_of_the_comparison_win_over_those_of_its_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another level or metric simulates nothing, so that runs keep the settings under which they were simulated."""
    told = json.loads((folder / "manifest.json").read_text("utf-8"))["businesses"]
    settings = {**yaml.safe_load((folder / "mini/base/study.yaml").read_text("utf-8"))["compare"], "level": 0.8}
    edit(folder, businesses={"mini": {**told["mini"], "compare": settings}})

    def seen(plans: Sequence[Plans], out: Path) -> Comparison:
        assert [each.settings["level"] for each in plans] == [0.8]
        return Comparison(Path(shutil.copytree(folder, out)))

    monkeypatch.setattr("scenarios.comparisons.reproduce.compare_plans", seen)
    assert reproduce_comparison(folder, quiet=True).identical


@pytest.mark.slow
def test_several_businesses_and_a_precision_are_reproduced(tmp_path: Path) -> None:
    conf = Path(shutil.copytree(MINI, tmp_path / "conf"))
    text = (conf / "business" / "mini.yaml").read_text("utf-8").replace("name: mini", "name: other", 1)
    (conf / "business" / "other.yaml").write_text(text, encoding="utf-8")
    words = [*SMALL, "compare.drivers=false", "compare.flips=false", "compare.budget=12", "replications=10"]
    words += ["precision={metric:revenue,relative:0.0001}"]
    plans = compose_plans(["mini", "other"], ["baseline", "cheaper"], words, conf)
    compare_plans(plans, tmp_path / "out")
    shutil.rmtree(conf)
    found = reproduce_comparison(tmp_path / "out", quiet=True)
    assert found.text == "identical: 4 runs, 12 pairs of mini, 12 pairs of other, 3 tables"


def edit(folder: Path, **entries: object) -> None:
    """Change entries of the manifest of a comparison."""
    record = json.loads((folder / "manifest.json").read_text("utf-8"))
    (folder / "manifest.json").write_text(json.dumps({**record, **entries}), "utf-8")


@pytest.mark.usefixtures("again")
def test_a_failure_that_does_not_come_again_is_a_difference(folder: Path) -> None:
    edit(folder, failures=[{"business": "mini", "plan": "hired", "replication": 2}])
    assert reproduce_comparison(folder, quiet=True).text == "mini/hired: replication 2: failed there, not here"


def test_what_cannot_be_reproduced_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"execution\.workers: must be a whole number, got"):
        reproduce_comparison(folder, "two", quiet=True)
    with pytest.raises(InputError, match="cannot be read, got"):
        reproduce_comparison(folder / "mini", quiet=True)
    path = folder / "mini" / "hired" / "study.yaml"
    path.write_text(path.read_text("utf-8").replace("seed: 1\n", "seed: 2\n"), "utf-8")
    with pytest.raises(InputError, match="is not the study that was run, got digest"):
        reproduce_comparison(folder, quiet=True)
    edit(folder, status="running")
    with pytest.raises(InputError, match="got a comparison that is running; finish it"):
        reproduce_comparison(folder, quiet=True)


@pytest.mark.usefixtures("again")
def test_changed_versions_are_told(folder: Path) -> None:
    edit(folder, versions={"numpy": "1.0"})
    (note,) = reproduce_comparison(folder, quiet=True).notes
    assert note.startswith("numpy was 1.0 when the comparison was made, it is ")


def failing(folder: Path) -> dict[str, str]:
    return {check.name: check.detail for check in validate_comparison(folder) if not check.holds}


def test_a_comparison_is_valid_as_it_was_made(compared: Path) -> None:
    checks = validate_comparison(compared)
    names = [check.name for check in checks]
    assert all(check.holds for check in checks), [check for check in checks if not check.holds]
    assert names[: len(FILES) + 1] == ["manifest", *sorted(FILES)]
    assert len(set(names)) == len(names)
    for plan in ("base", "hired"):
        assert f"mini/{plan}: study" in names
        assert sum(name.startswith(f"mini/{plan}: identity ") for name in names) >= 5
    assert sum(name.endswith(": metrics.parquet") for name in names) == 4


def test_a_comparison_that_was_damaged_is_not_valid(folder: Path) -> None:
    change(folder / "table.parquet", "mean", one_more, row=5)
    (folder / "flips.parquet").write_bytes(b"PAR1")
    (folder / "drivers.csv").unlink()
    change(folder / "mini" / "hired" / "ledger.parquet", "amount", one_more)
    found = failing(folder)
    assert found.pop("flips.parquet").startswith("cannot be read: ")
    assert found == {
        "table.parquet": "its content is not what was written",
        "drivers.csv": "is missing",
        "mini/hired: ledger.parquet": "its content is not what was written",
    }


def test_other_or_absent_runs_are_not_valid(folder: Path) -> None:
    shutil.rmtree(folder / "mini" / "hired")
    assert set(failing(folder)) == {"mini/hired: study", "mini/hired: manifest"}
    shutil.copytree(folder / "mini" / "base", folder / "mini" / "hired")
    found = failing(folder)
    assert set(found) == {"mini/hired: study"}
    edit(folder, status="running")
    assert failing(folder)["manifest"] == "the comparison is running"


def test_tables_in_other_bytes_are_valid(folder: Path) -> None:
    table = pq.read_table(folder / "table.parquet")
    pq.write_table(table, folder / "table.parquet", row_group_size=10)
    (check,) = (each for each in validate_comparison(folder) if each.name == "table.parquet")
    assert check.holds
    assert "other bytes, same values" in check.detail
