"""The run folder as published: its files, columns, manifest, and what Python and the other verbs make of it."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from scenarios import InputError, compose, load, run
from scenarios.runs.export import export
from scenarios.runs.manifest import read_manifest
from scenarios.runs.reproduce import first_difference, reproduce
from scenarios.runs.result import SHEETS, TABLES
from scenarios.runs.validate import validate
from scenarios.studies.digest import table_digest
from tests.fixtures.rewritten import rewritten

SMALL = ["market.accounts=300", "horizon.days=200", "replications=3", "progress=false"]

CATEGORY = pa.dictionary(pa.int32(), pa.string())
MICROSECONDS = pa.timestamp("us")

EVENTS = {
    "replication": pa.int32(),
    "account": pa.int64(),
    "activity": CATEGORY,
    "stage": CATEGORY,
    "time": pa.float64(),
    "timestamp": MICROSECONDS,
    "resource": CATEGORY,
    "owner": CATEGORY,
    "channel": CATEGORY,
    "product": CATEGORY,
    "amount": pa.int64(),
    "quantity": pa.float64(),
    "note": CATEGORY,
}

COLUMNS = {
    "decisions": "replication account time decision occurrence probability uniform outcome",
    "monthly": "replication ds metric segment value",
    "ledger": "replication time timestamp account contract product segment cost_centre debit credit amount memo",
    "metrics": "replication ds period metric dim1 level1 dim2 level2 value unit",
    "forecast": "unique_id ds model mean lo-80 hi-80 lo-95 hi-95 cutoff note",
}

AT_LEAST = {
    "accounts": "replication account external_id segment industry region employees owner last_stage",
    "opportunities": "replication account product owner stage amount opened closed outcome reason",
    "subscriptions": "replication account product start end amount mrr tenure outcome",
    "staffing": "replication ds desk heads capacity_hours busy_hours queue_mean wait_days",
}

HEADERS = {
    "summary": "metric period unit mean ci_low ci_high sd replications n_defined",
    "inputs": "key value unit origin source low high meaning",
    "identities": "identity replications max_gap holds",
    "plausibility": "metric type period low high unit source confidence mean ci_low ci_high n_defined status",
}


def study(*overrides):
    return compose("tool", [*SMALL, *overrides])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return run(study(), tmp_path_factory.mktemp("contract") / "run", command="tobsim run business=tool")


@pytest.fixture
def folder(finished, tmp_path):
    return Path(shutil.copytree(finished.path, tmp_path / "run"))


def test_all_files_are_there_and_nothing_else(finished):
    tables = {f"{name}.parquet" for name in (*TABLES, "checks")}
    sheets = {f"{name}.csv" for name in SHEETS}
    others = {"manifest.json", "config.yaml", "study.yaml", "report.html", ".lock"}
    assert {path.name for path in finished.path.iterdir()} == tables | sheets | others


def test_columns_of_the_event_log(finished):
    schema = pq.read_schema(finished.path / "events.parquet")
    assert {field.name: field.type for field in schema} == EVENTS
    assert schema.names == list(EVENTS)


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_tables(finished, name):
    assert pq.read_schema(finished.path / f"{name}.parquet").names == COLUMNS[name].split()


@pytest.mark.parametrize("name", AT_LEAST)
def test_columns_that_tables_have_at_least(finished, name):
    assert set(AT_LEAST[name].split()) <= set(pq.read_schema(finished.path / f"{name}.parquet").names)


@pytest.mark.parametrize("name", HEADERS)
def test_sheets_are_utf8_with_a_mark_and_have_their_columns(finished, name):
    raw = (finished.path / f"{name}.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(raw.decode("utf-8-sig").splitlines()))
    assert rows[0] == HEADERS[name].split()
    assert len(rows) > 5
    assert {len(row) for row in rows} == {len(rows[0])}


def test_rows_are_in_order_of_replication_and_time(finished):
    events = finished.events
    keys = list(zip(events["replication"], events["time"], strict=True))
    assert keys == sorted(keys)
    assert sorted(set(events["replication"])) == [0, 1, 2]


def test_the_manifest_says_what_was_run(finished):
    manifest = json.loads((finished.path / "manifest.json").read_text("utf-8"))
    expected = {"schema_version": 1, "verb": "run", "status": "complete", "business": "tool", "seed": 1}
    assert expected.items() <= manifest.items()
    assert manifest["study_digest"] == study().digest
    assert (manifest["replications"], manifest["requested"], manifest["failures"]) == (3, 3, [])
    assert manifest["command"] == "tobsim run business=tool"
    assert {"python", "tobsim", "numpy", "simpy", "pandas", "pyarrow"} <= set(manifest["versions"])
    assert manifest["platform"]
    assert manifest["cpu"]["count"] >= 1
    assert {"started", "finished", "seconds", "simulated_seconds"} <= set(manifest["times"])


def test_the_manifest_lists_files_with_rows_and_digests(finished):
    files = finished.manifest.files
    there = {path.name for path in finished.path.iterdir()} - {"manifest.json", ".lock"}
    assert set(files) == there
    for name in there:
        if name.endswith(".parquet"):
            assert files[name]["rows"] == pq.read_metadata(finished.path / name).num_rows
            assert len(files[name]["digest"]) == 32


def test_the_config_is_whole_plain_and_composes_to_the_same_study(finished):
    from scenarios.studies.study import restore

    config = yaml.safe_load((finished.path / "config.yaml").read_text("utf-8"))
    assert config == study().config
    assert "${" not in (finished.path / "config.yaml").read_text("utf-8")
    assert restore(config).digest == study().digest


def test_results_are_frames_that_do_not_share(finished):
    for name in (*TABLES, *SHEETS):
        assert isinstance(getattr(finished, name), pd.DataFrame)
        assert len(getattr(finished, name)) > 0
    frame = finished.metrics
    frame.loc[:, "value"] = 0.0
    assert (finished.metrics["value"] != 0).any()
    with pytest.raises(AttributeError, match="it has accounts"):
        _ = finished.figures
    assert set(TABLES) <= set(dir(finished))


def test_a_notebook_shows_runs_with_nothing_that_acts(finished, tmp_path):
    assert "<table" in finished._repr_html_()
    path = Path(shutil.copytree(finished.path, tmp_path / "<script>x"))
    assert "<script>" not in load(path)._repr_html_()


def test_load_reads_folders_by_pattern_with_their_names(finished, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(finished.path, tmp_path / "runs" / name)
    (tmp_path / "runs" / "notes.txt").write_text("mine")
    both = load(str(tmp_path / "runs" / "*"))
    assert list(dict.fromkeys(both.summary["run"])) == ["a", "b"]
    assert both.metrics.columns[0] == "run"
    assert len(both.metrics) == 2 * len(finished.metrics)
    assert list(load(tmp_path / "runs" / "a").accounts["run"].unique()) == ["a"]
    with pytest.raises(InputError, match="no run folder"):
        load(str(tmp_path / "*"))


def test_a_study_finds_its_own_results_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quick = study("market.accounts=40", "horizon.days=60", "report.enabled=false", "forecast.enabled=false")
    found = run(quick)
    assert found.path == Path("runs") / f"run-tool-{quick.digest[:12]}"
    assert found.manifest.command == f"tobsim run business=tool {' '.join(quick.overrides[1:])} out={found.path}"

    def never(*_):
        raise AssertionError

    assert run(quick, simulate=never).path == found.path
    elsewhere = quick.with_({"out": str(tmp_path / "x")})
    assert run(elsewhere).path == tmp_path / "x"
    assert run(elsewhere, tmp_path / "y").path == tmp_path / "y"


def test_without_forecast_and_report_their_files_are_gone(folder):
    run(study("forecast.enabled=false", "report.enabled=false"), folder)
    assert not (folder / "report.html").exists()
    assert not (folder / "forecast.parquet").exists()
    assert all(check.holds for check in validate(folder))
    run(study("forecast.horizon=3"), folder)
    assert len(load(folder).forecast) == 3 * load(folder).forecast["unique_id"].nunique()


def test_a_language_without_texts_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"report\.language"):
        run(study("report.language=xx"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_sound_run_is_valid(folder):
    checks = validate(folder)
    assert all(check.holds for check in checks), [check for check in checks if not check.holds]
    assert any(check.name.startswith("identity ") for check in checks)


def test_validation_sees_changed_values_missing_files_and_broken_books(folder):
    table = pq.read_table(folder / "ledger.parquet")
    amount = table.schema.get_field_index("amount")
    more = pa.array([value + 1 for value in table["amount"].to_pylist()])
    pq.write_table(table.set_column(amount, "amount", more), folder / "ledger.parquet")
    (folder / "summary.csv").unlink()
    bad = {check.name: check.detail for check in validate(folder) if not check.holds}
    assert bad == {"ledger.parquet": "its content is not what was written", "summary.csv": "is missing"}
    manifest = read_manifest(folder)
    manifest.files = {}
    manifest.write(folder)
    assert [check.name for check in validate(folder) if not check.holds]


def test_validation_does_not_mind_other_bytes_with_the_same_values(folder):
    table = pq.read_table(folder / "events.parquet")
    pq.write_table(table, folder / "events.parquet", compression="none")
    found = {check.name: check for check in validate(folder)}
    assert found["events.parquet"].holds
    assert "other bytes" in found["events.parquet"].detail


def test_a_run_is_reproduced(folder):
    found = reproduce(folder)
    assert found.identical, found.text
    assert found.text.startswith("identical: 3 replications, 10 tables")
    assert found.notes == ()


def test_the_first_difference_is_named(folder):
    table = pq.read_table(folder / "accounts.parquet")
    rows = [0.0 if row == 305 else value for row, value in enumerate(table["employees"].to_pylist())]
    place = table.schema.get_field_index("employees")
    pq.write_table(table.set_column(place, "employees", pa.array(rows)), folder / "accounts.parquet")
    found = reproduce(folder)
    assert not found.identical
    assert found.text.startswith("replication 1: table accounts: row 5, column employees: 0.0 there, ")


def test_a_changed_sheet_is_a_difference(folder):
    text = (folder / "summary.csv").read_text("utf-8-sig")
    (folder / "summary.csv").write_text(text.replace("horizon", "horizons", 1), "utf-8-sig")
    assert reproduce(folder).text.startswith("summary.csv: line ")


def test_a_changed_configuration_is_not_the_study_that_was_run(folder):
    text = (folder / "study.yaml").read_text("utf-8").replace("seed: 1\n", "seed: 2\n")
    (folder / "study.yaml").write_text(text, "utf-8")
    with pytest.raises(InputError, match="is not the study that was run"):
        reproduce(folder)


def test_changed_versions_are_told(folder):
    manifest = read_manifest(folder)
    manifest.versions = {**manifest.versions, "numpy": "1.0"}
    manifest.write(folder)
    assert any(note.startswith("numpy was 1.0 ") for note in reproduce(folder).notes)


def test_a_run_with_dated_changes_is_reproduced(tmp_path):
    change = "policy.changes.raise={key: policy.terms.trial_days, date: '2025-03-01', value: 30}"
    quick = study(change, "market.accounts=100", "report.enabled=false", "forecast.enabled=false")
    run(quick, tmp_path / "run")
    assert reproduce(tmp_path / "run").identical


def test_differences_between_tables():
    a = pa.table({"x": [1, 2, 3], "y": [1.0, None, 3.0]})
    assert first_difference(a, a) == ""
    assert first_difference(a, a.set_column(1, "y", [[1.0, float("nan"), 3.0]])) == ""
    assert first_difference(a, a.set_column(0, "x", [[1, 2, 4]])) == "row 2, column x: 3 there, 4 here"
    assert first_difference(a, a.slice(0, 2)) == "3 rows there, 2 here"
    near = a.set_column(1, "y", [[1.0, None, 3.0 + 1e-7]])
    assert first_difference(a, near, 1e-6) == ""
    assert first_difference(a, near) != ""
    assert first_difference(a, a.select(["x"])).startswith("columns ")


def test_export_as_csv(folder):
    events = pq.read_table(folder / "events.parquet")
    place = events.schema.get_field_index("note")
    names = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", 'a "b", c', None]
    notes = pa.array([names[row % len(names)] for row in range(events.num_rows)]).dictionary_encode()
    rewritten(folder, "events", events.set_column(place, "note", notes))
    target = export(folder)
    assert target == folder / "export" / "csv"
    assert {path.stem for path in target.iterdir()} == {path.stem for path in folder.glob("*.parquet")}
    raw = (target / "events.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    frame = pd.read_csv(target / "events.csv", encoding="utf-8-sig")
    assert len(frame) == events.num_rows
    assert list(frame["note"][:7]) == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", 'a "b", c']
    assert frame["note"][7] != frame["note"][7]
    assert frame["time"].tolist() == events["time"].to_pylist()
    assert export(folder) == target


def test_export_in_an_unknown_format_is_refused(folder):
    with pytest.raises(InputError, match="format: is unknown"):
        export(folder, "ods")
    assert not (folder / "export").exists()


def test_exporting_leaves_a_folder_of_the_same_study(folder):
    export(folder)
    assert run(study(), folder).manifest.status == "complete"
    assert table_digest(pq.read_table(folder / "events.parquet"))
