"""Run folders: digests of values, whole files, who may write where, and what counts as done."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from scenarios import InputError, compose, run
from scenarios.runs.claim import ASSEMBLED, CONFIG, check_out, flatten
from scenarios.runs.files import STAGED, Lock, checksum, write_atomic, write_text
from scenarios.runs.manifest import SCHEMA_VERSION, Manifest, read_manifest
from scenarios.runs.sets import SETS, Facts, finished_sets, read_facts, set_folder, write_set
from scenarios.runs.store import RunFolder, settle
from scenarios.studies.digest import combine, json_digest, table_digest

SMALL = ["market.accounts=60", "horizon.days=90", "report.enabled=false", "forecast.enabled=false", "progress=false"]


def study(*overrides, replications=2):
    return compose("tool", [*SMALL, f"replications={replications}", *overrides])


def never(*_):
    raise AssertionError("nothing should have been simulated")


def digests(path: Path) -> dict[str, str]:
    files = read_manifest(path).files
    return {name: entry["digest"] for name, entry in files.items() if name.endswith(".parquet")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "run"
    run(study(), path)
    return path


@pytest.fixture
def folder(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "run"))


TABLE = pa.table(
    {
        "name": pa.array(["b", None, "a"]).dictionary_encode(),
        "number": pa.array([1, None, 3], pa.int64()),
        "value": [1.0, None, 0.0],
        "text": ["x", None, ""],
        "when": pa.array([0, None, 5], pa.timestamp("us")),
        "flag": [True, None, False],
    }
)


def test_digest_ignores_what_is_not_a_value():
    other = pa.table(
        {
            "flag": TABLE["flag"],
            "value": [1.0, float("nan"), -0.0],
            "name": pa.DictionaryArray.from_arrays(pa.array([2, None, 0], pa.int16()), ["a", "unused", "b"]),
            **{name: TABLE[name] for name in ("number", "text", "when")},
        }
    )
    chunked = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)])
    assert table_digest(TABLE) == table_digest(other) == table_digest(chunked)


@pytest.mark.parametrize("name", TABLE.column_names)
def test_digest_sees_every_value_null_name_and_type(name):
    column = TABLE.column_names.index(name)
    reversed_rows = TABLE[name].take(pa.array([2, 1, 0]))
    filled = TABLE[name].take(pa.array([0, 0, 2]))
    changed = [TABLE.set_column(column, name, values) for values in (reversed_rows, filled)]
    changed.append(TABLE.rename_columns(["other" if n == name else n for n in TABLE.column_names]))
    found = {table_digest(t) for t in [TABLE, *changed]}
    assert len(found) == 4


def test_digest_tells_types_apart():
    typed = [pa.array([1, 0], kind) for kind in (pa.int32(), pa.timestamp("us"), pa.timestamp("s"))]
    columns = [[1, 0], [1.0, 0.0], [True, False], ["1", "0"], *typed]
    assert len({table_digest(pa.table({"x": column})) for column in columns}) == len(columns)


def test_digest_tells_texts_apart_that_join_alike():
    assert table_digest(pa.table({"x": ["ab", "c"]})) != table_digest(pa.table({"x": ["a", "bc"]}))
    assert table_digest(pa.table({"x": ["", None]})) != table_digest(pa.table({"x": [None, ""]}))


def test_digest_of_empty_and_null_categories():
    kind = pa.dictionary(pa.int32(), pa.string())
    nulls = pa.table({"x": pa.array([None, None], kind)})
    assert table_digest(nulls.slice(0, 0)) == table_digest(pa.table({"x": pa.chunked_array([], kind)}))
    assert table_digest(nulls) != table_digest(nulls.slice(0, 1))


def test_combined_digest_depends_on_numbers_and_not_on_their_order():
    assert combine({0: "a", 10: "b", 2: "c"}) == combine({2: "c", 0: "a", 10: "b"})
    assert combine({0: "a", 1: "b"}) != combine({0: "b", 1: "a"})
    assert json_digest({"a": 1, "b": [2]}) == json_digest({"b": [2], "a": 1})


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    write_text(path, "before")

    def fail(staged: Path) -> None:
        staged.write_text("half")
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        write_atomic(path, fail)
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["file"]


def test_a_lock_is_held_once_and_freed_by_its_end(tmp_path):
    with Lock(tmp_path / "lock"), pytest.raises(BlockingIOError), Lock(tmp_path / "lock"):
        pass
    with Lock(tmp_path / "lock"):
        assert (tmp_path / "lock").exists()


def test_every_damage_of_a_file_set_is_seen(tmp_path):
    (tmp_path / SETS).mkdir()
    table = pa.table({"x": np.arange(5000), "y": pa.array(["a", "b"] * 2500).dictionary_encode()})
    write_set(tmp_path, Facts(3, "study", {}), {"one": table, "two": table})
    assert read_facts(tmp_path, 3).tables["one"]["rows"] == 5000
    dice = random.Random(1)
    names = sorted(path.name for path in set_folder(tmp_path, 3).iterdir())
    for turn in range(100):
        path = set_folder(tmp_path, 3) / names[turn % len(names)]
        whole = path.read_bytes()
        place = dice.randrange(len(whole))
        damaged = whole[:place] if turn % 2 else whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        path.write_bytes(damaged)
        assert read_facts(tmp_path, 3) is None, (path.name, place)
        path.write_bytes(whole)
    assert set(finished_sets(tmp_path, "study")) == {3}
    assert finished_sets(tmp_path, "another") == {}


def test_a_file_set_that_is_being_written_does_not_count(tmp_path):
    (tmp_path / SETS).mkdir()
    write_set(tmp_path, Facts(0, "study", {}), {"one": TABLE})
    set_folder(tmp_path, 0).rename(tmp_path / SETS / f"0001.99{STAGED}")
    assert finished_sets(tmp_path, "study") == {}


def test_a_file_set_under_another_number_does_not_count(tmp_path):
    (tmp_path / SETS).mkdir()
    write_set(tmp_path, Facts(0, "study", {}), {"one": TABLE})
    set_folder(tmp_path, 0).rename(set_folder(tmp_path, 1))
    assert finished_sets(tmp_path, "study") == {}


def refused(path: Path, what: str, which=None) -> None:
    before = sorted(os.listdir(path)) if path.is_dir() else None
    with pytest.raises(InputError) as caught:
        run(which or study(), path, simulate=never)
    assert len(caught.value.problems) == 1
    assert what in caught.value.problems[0]
    assert before is None or sorted(os.listdir(path)) == before


def test_places_that_are_not_free_are_refused(tmp_path, finished):
    file = tmp_path / "file"
    file.write_text("mine")
    refused(file, "is a file")
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    refused(other, "thesis.txt")
    (tmp_path / "link").symlink_to(finished)
    refused(tmp_path / "link", "symbolic link")
    refused(Path("/proc/runs"), "cannot be written")
    refused(file / "below", "cannot be written")


def test_another_study_is_refused_by_naming_the_difference(folder):
    refused(folder, "horizon.days 90 there and 91 here", study("horizon.days=91"))
    refused(folder, "seed 1 there and 2 here", study("seed=2"))


def test_settings_that_change_no_table_are_no_other_study(folder):
    assert run(study("execution.workers=2", "progress=true"), folder, simulate=never).manifest.replications == 2


def test_a_newer_schema_is_refused(folder):
    content = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**content, "schema_version": SCHEMA_VERSION + 1}))
    refused(folder, "newer than this program")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema_version": 1}', '{"schema_version": "1"}'])
def test_a_damaged_manifest_is_refused(folder, text):
    (folder / "manifest.json").write_text(text)
    refused(folder, "manifest.json")


def test_results_of_another_command_are_refused(folder):
    with pytest.raises(InputError, match="another command"):
        check_out(folder, study(), "compare")


def test_a_folder_that_is_being_written_is_refused(folder):
    with RunFolder(folder, study()):
        refused(folder, "is being written")


def test_leavings_of_an_early_end_are_no_obstacle(tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    for name in (".lock", f"manifest.json{STAGED}", CONFIG):
        (path / name).touch()
    assert run(study(), path).manifest.replications == 2


def test_nothing_is_computed_twice(folder):
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    run(study(), folder, simulate=never)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_more_replications_join_those_there(folder, tmp_path):
    more = study(replications=4)
    seen = []

    def simulate(timeline, seed, replication):
        from sim.simulate import simulate as real

        seen.append(replication)
        return real(timeline, seed, replication)

    assert run(more, folder, simulate=simulate).manifest.replications == 4
    assert seen == [2, 3]
    run(more, tmp_path / "fresh")
    assert digests(folder) == digests(tmp_path / "fresh")
    assert not (folder / SETS).exists()


def test_fewer_replications_leave_what_is_there(folder):
    assert run(study(replications=1), folder, simulate=never).manifest.replications == 2


def test_a_damaged_table_is_made_again(folder, finished):
    path = folder / "events.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    assert run(study(), folder).manifest.replications == 2
    assert digests(folder) == digests(finished)


def test_a_damaged_sheet_is_made_again_from_the_tables(folder, finished):
    (folder / "summary.csv").write_text("nonsense")
    run(study(), folder, simulate=never)
    assert checksum(folder / "summary.csv") == checksum(finished / "summary.csv")


def test_only_the_tables_asked_for_are_kept_and_the_figures_stay(tmp_path, finished):
    path = tmp_path / "run"
    run(study("tables=[events,ledger]"), path)
    assert {p.stem for p in path.glob("*.parquet")} == {"events", "ledger", "metrics", "checks"}
    assert checksum(path / "summary.csv") == checksum(finished / "summary.csv")
    run(study("tables=[events]"), path, simulate=never)
    run(study(), path)
    assert digests(path) == digests(finished)


@pytest.mark.parametrize("moved", range(0, 12, 3))
def test_an_end_while_tables_move_into_place_loses_nothing(tmp_path, monkeypatch, finished, moved):
    path, real, count = tmp_path / "run", os.replace, []

    def replace(source, target):
        if Path(source).parent.name == ASSEMBLED:
            count.append(source)
            if len(count) > moved:
                raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            run(study(), path)
    run(study(), path, simulate=never)
    assert digests(path) == digests(finished)
    assert not (path / ASSEMBLED).exists()
    assert not (path / SETS).exists()


def test_settling_where_nothing_waits_changes_nothing(folder):
    before = sorted(os.listdir(folder))
    settle(folder)
    assert sorted(os.listdir(folder)) == before


def test_precision_asks_for_more_replications(tmp_path):
    wanted = "precision={metric: leads, relative: 0.05, absolute: 0}"
    found = run(study(wanted, replications=3), tmp_path / "run")
    assert found.manifest.replications > 20
    again = run(study(wanted, replications=3), tmp_path / "run", simulate=never)
    assert again.manifest.replications == found.manifest.replications


def test_a_precision_that_the_last_look_does_not_reach_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.replications.LOOKS", 1)
    monkeypatch.setattr("analysis.replications.FIRST", 3)
    found = run(study("precision={metric: leads, relative: 0.00001}", replications=3), tmp_path / "run")
    (text,) = [text for text in found.manifest.warnings if text.startswith("precision: ")]
    assert text.startswith("precision: is not reached for leads after 3 replications, got a half-width of ")


def test_precision_for_no_metric_or_width_is_refused(tmp_path):
    with pytest.raises(InputError, match="did you mean leads"):
        run(study("precision={metric: leds, relative: 0.05}"), tmp_path / "run")
    with pytest.raises(InputError, match="asks for no width"):
        run(study("precision={metric: leads}"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_manifest_names_every_dependency():
    manifest = Manifest("run", "tool", "digest", 1, 1)
    manifest.stamp()
    known = {"python", "tobsim", "numpy", "pandas", "pyarrow", "simpy", "hydra-core", "omegaconf"}
    assert known <= set(manifest.versions)
    assert manifest.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert manifest.cpu["count"] == os.cpu_count()


def test_flat_keys():
    assert flatten({"a": {"b": 1, "c": {}}, "d": [1]}) == {"a.b": 1, "a.c": {}, "d": [1]}
