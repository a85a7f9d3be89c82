"""What other programs are handed, read back and held against the tables of the run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.series import monthly_series
from scenarios import InputError, compose, run
from scenarios.forecasts.series_file import read_series_file
from scenarios.runs.export import SINGLE, check_settings, export
from scenarios.runs.exports import xes
from tests.fixtures.rewritten import rewritten

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
SMALL = ["effects=none", "market.accounts=150", "horizon.days=500", "replications=2", "progress=false"]
OFF = ["report.enabled=false", "forecast.enabled=false"]

TYPES: dict[str, Callable[[str], Any]] = {"string": str, "date": datetime.fromisoformat, "int": int, "float": float}
VISIT = ["queued", "started", "finished"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(compose("mini", [*SMALL, *OFF], config_dir=MINI), tmp_path_factory.mktemp("export") / "run").path


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run", ignore=shutil.ignore_patterns("export")))


def table(folder: Path, name: str, replication: int = 1) -> pd.DataFrame:
    frame = pd.read_parquet(folder / f"{name}.parquet", filters=[("replication", "=", replication)])
    texts = [column for column in frame if isinstance(frame[column].dtype, pd.CategoricalDtype)]
    return frame.astype(dict.fromkeys(texts, object)).reset_index(drop=True)


def log(folder: Path) -> ElementTree.Element:
    (path,) = export(folder, "xes", 1).iterdir()
    return ElementTree.parse(path).getroot()


def own(element: ElementTree.Element) -> list[tuple[str, ElementTree.Element]]:
    """Children with their names, which all lie in the name space of the standard."""
    assert all(child.tag.startswith("{http://www.xes-standard.org/}") for child in element)
    return [(child.tag.partition("}")[2], child) for child in element]


def attributes(element: ElementTree.Element) -> dict[str, Any]:
    """Attributes of a log, trace or event by key, as their types say; each key once."""
    found = [(child.attrib["key"], TYPES[tag](child.attrib["value"])) for tag, child in own(element) if tag in TYPES]
    assert len(dict(found)) == len(found)
    return dict(found)


def test_the_log_has_the_structure_of_the_standard(finished: Path) -> None:
    """Order of elements, their obligatory attributes, declared prefixes: the schema of IEEE Std 1849."""
    root = log(finished)
    assert re.fullmatch(r"\d+\.\d+", root.attrib["xes.version"])
    order = ["extension", "global", "classifier", *["attribute"] * len(TYPES), "trace"]
    seen = ["attribute" if tag in TYPES else tag for tag, _ in own(root)]
    assert seen == sorted(seen, key=order.index)
    assert set(seen) == set(order)
    prefixes = {child.attrib["prefix"] for tag, child in own(root) if tag == "extension"}
    keys = {child.attrib["key"] for child in root.iter() if "key" in child.attrib}
    assert {key.partition(":")[0] for key in keys if ":" in key} == prefixes
    assert all(re.fullmatch(r"[A-Za-z_][\w.-]*(:[\w.-]+)?", key) for key in keys)
    for tag, trace in own(root):
        if tag == "trace":
            assert re.fullmatch("a+e+", "".join("e" if name == "event" else "a" for name, _ in own(trace)))
    (classifier,) = (child for tag, child in own(root) if tag == "classifier")
    globals_ = {child.attrib["scope"]: set(attributes(child)) for tag, child in own(root) if tag == "global"}
    assert set(classifier.attrib["keys"].split()) <= globals_["event"]
    for scope, wanted in globals_.items():
        assert all(wanted <= set(attributes(each)) for tag, each in _all(root) if tag == scope)


def _all(root: ElementTree.Element) -> list[tuple[str, ElementTree.Element]]:
    return [(each.tag.partition("}")[2], each) for each in root.iter()]


def test_traces_and_events_are_those_of_the_tables(finished: Path) -> None:
    events, people = table(finished, "events"), table(finished, "accounts").set_index("account")
    traces = [trace for tag, trace in own(log(finished)) if tag == "trace"]
    told = [attributes(trace) for trace in traces]
    assert [each["account"] for each in told] == sorted(events["account"].unique())
    rows = []
    for each, trace in zip(told, traces, strict=True):
        row = people.loc[each["account"]]
        assert each["concept:name"] == row["external_id"]
        for name in ("segment", "industry", "region", "employees", "channel"):
            assert each.get(name) == (None if pd.isna(row[name]) else row[name])
        rows += [{"account": each["account"], **attributes(e)} for tag, e in own(trace) if tag == "event"]
    back = pd.DataFrame(rows)
    wanted = events.sort_values("account", kind="stable").reset_index(drop=True)
    assert (pd.to_datetime(back["time:timestamp"]).dt.tz_localize(None) == wanted["timestamp"]).all()
    names = {"owner": "org:resource", "resource": "org:group"}
    for name in ("activity", "stage", "channel", "product", "amount", "quantity", "note", "owner", "resource"):
        assert _same(back[names.get(name, name)], wanted[name]), name
    visits = wanted["activity"].isin(VISIT)
    assert _same(back["concept:name"], wanted["activity"].where(~visits, wanted["stage"]))
    steps = dict(zip(VISIT, ["schedule", "start", "complete"], strict=True))
    assert (back["lifecycle:transition"] == wanted["activity"].map(lambda name: steps.get(name, "complete"))).all()


def _same(found: pd.Series, wanted: pd.Series) -> bool:
    return bool((found.isna() == wanted.isna()).all() and (found[found.notna()] == wanted[wanted.notna()]).all())


def test_the_log_is_the_same_however_many_accounts_are_in_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (export(folder, "xes", 0) / "events-0.xes").read_bytes()
    monkeypatch.setattr(xes, "BLOCK", 7)
    assert (export(folder, "xes", 0) / "events-0.xes").read_bytes() == whole


def test_text_in_the_log_is_escaped(folder: Path) -> None:
    people = pq.read_table(folder / "accounts.parquet")
    hostile = "<script a=\"1\" b='2'>&amp;\n\t大\x01\x0b"
    names = pa.array([hostile] * people.num_rows)
    place = people.schema.get_field_index("external_id")
    rewritten(folder, "accounts", people.set_column(place, "external_id", names))
    first = next(trace for tag, trace in own(log(folder)) if tag == "trace")
    assert attributes(first)["concept:name"] == hostile.replace("\x01", "\ufffd").replace("\x0b", "\ufffd")


def test_series_are_those_of_the_metrics(finished: Path) -> None:
    (path,) = export(finished, "nixtla", "1").iterdir()
    found = pd.read_csv(path, parse_dates=["ds"])
    assert list(found) == ["unique_id", "ds", "y"]
    metrics = table(finished, "metrics")
    chosen = metrics[(metrics["period"] == "month") & metrics["dim1"].isna() & metrics["dim2"].isna()]
    values = chosen.set_index(["metric", "ds"])["value"]
    assert len(found) > 50
    assert (found["y"].to_numpy() == values.loc[list(zip(found["unique_id"], found["ds"], strict=True))]).all()
    ids = monthly_series(metrics.assign(replication=0))["unique_id"]
    assert found["unique_id"].tolist() == ids.tolist()


def test_series_can_be_forecast_as_a_file(finished: Path) -> None:
    path = export(finished, "nixtla") / "series-0.csv"
    settings = compose("mini", SMALL, config_dir=MINI).config["forecast"]
    read = read_series_file(path, settings).series
    written = pd.read_csv(path)
    assert sorted(read["unique_id"].unique()) == sorted(written["unique_id"].unique())
    assert read["y"].sum() == pytest.approx(written["y"].sum())


def shown(folder: Path) -> pd.DataFrame:
    (path,) = export(folder, "vidigi", 1).iterdir()
    return pd.read_csv(path)


def test_visits_are_those_of_the_events(finished: Path) -> None:
    rows, events = shown(finished), table(finished, "events")
    columns = ["entity_id", "event_type", "event", "time", "timestamp", "resource_id", "pathway", "run_number"]
    assert list(rows) == columns
    kinds = ["arrival_departure", "queue", "resource_use", "resource_use_end"]
    assert sorted(rows["event_type"].unique()) == kinds
    assert rows["time"].is_monotonic_increasing
    for kind, activity in zip(kinds[1:], VISIT, strict=True):
        back = rows[rows["event_type"] == kind]
        there = events[(events["activity"] == activity) & (events["owner"].notna() | (activity == "queued"))]
        assert back["entity_id"].tolist() == there["account"].tolist()
        assert back["time"].tolist() == there["time"].tolist()
        ends = there["resource"].map(lambda desk, kind=kind: _end(kind, desk))
        assert back["event"].tolist() == (there["stage"] + ends).tolist()
    used = rows[rows["event_type"].str.startswith("resource")]
    assert used["resource_id"].ge(1).all()
    segments = table(finished, "accounts").set_index("account")["segment"]
    assert rows["pathway"].tolist() == segments.loc[rows["entity_id"]].tolist()


def _end(kind: str, desk: object) -> str:
    waits = " wait" if isinstance(desk, str) else ""
    return {"queue": waits, "resource_use": "", "resource_use_end": " end"}[kind]


def test_accounts_arrive_once_and_depart_when_nothing_is_under_way(finished: Path) -> None:
    rows, events = shown(finished), table(finished, "events")
    visits = events[events["activity"].isin(VISIT)].groupby("account")
    arrivals = rows[rows["event"] == "arrival"].set_index("entity_id")["time"]
    assert arrivals.sort_index().to_dict() == visits["time"].min().to_dict()
    under_way = set(events.loc[events["note"] == "open", "account"])
    gone = {who: time for who, time in visits["time"].max().items() if who not in under_way}
    departs = rows[rows["event"] == "depart"].set_index("entity_id")["time"]
    assert departs.sort_index().to_dict() == gone
    assert 0 < len(departs) < len(arrivals)
    assert set(rows.groupby("entity_id")["event"].first()) == {"arrival"}
    last = rows.groupby("entity_id")["event"].last()
    assert (last[list(gone)] == "depart").all()


def test_at_any_time_the_latest_event_puts_accounts_where_they_are(finished: Path) -> None:
    """What vidigi does: everyone stands at the latest event; a seat holds one account."""
    rows, events = shown(finished), table(finished, "events")
    busy = 0
    for time in rows.loc[rows["event_type"] == "resource_use", "time"].iloc[::3]:
        past = events[events["time"] <= time]
        counts = past[past["owner"].notna()].groupby("activity").size()
        latest = rows[rows["time"] <= time].groupby("entity_id").tail(1)
        used = latest[latest["event_type"] == "resource_use"]
        assert len(used) == counts.get("started", 0) - counts.get("finished", 0)
        assert not used.duplicated(["event", "resource_id"]).any()
        busy += len(used)
    assert busy > 10


def test_visits_are_the_same_however_the_table_is_cut(folder: Path) -> None:
    whole = (export(folder, "vidigi", 1) / "visits-1.csv").read_bytes()
    rewritten(folder, "events", pq.read_table(folder / "events.parquet"), row_group_size=37)
    assert (export(folder, "vidigi", 1) / "visits-1.csv").read_bytes() == whole


def test_visits_begin_with_no_formula(folder: Path) -> None:
    people = pq.read_table(folder / "accounts.parquet")
    place = people.schema.get_field_index("segment")
    risky = pa.array(["=1+1"] * people.num_rows).dictionary_encode()
    rewritten(folder, "accounts", people.set_column(place, "segment", risky))
    assert set(shown(folder)["pathway"]) == {"'=1+1"}


def test_the_first_replication_is_taken_unless_another_is_named(finished: Path) -> None:
    logs = [name for name in SINGLE if name != "opening"]
    assert [next(export(finished, name).iterdir()).stem for name in logs] == ["events-0", "series-0", "visits-0"]


@pytest.mark.parametrize("wanted", [2, "two", "-1", "", "01"])
def test_a_replication_that_is_not_there_is_refused(finished: Path, wanted: int | str) -> None:
    with pytest.raises(InputError, match=r"replication: is not there, got .*; the run holds 0 to 1"):
        export(finished, "xes", wanted)


def test_what_cannot_be_exported_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match='format: is unknown, got "xe"; did you mean xes'):
        export(folder, "xe")
    with pytest.raises(InputError, match='replication: is not for csv, got "1"'):
        export(folder, "csv", "1")
    (folder / "events.parquet").unlink()
    for name in ("xes", "vidigi"):
        with pytest.raises(InputError, match=r"lacks events, .*; tables=\[accounts,events\]"):
            export(folder, name)
    assert not (folder / "export").exists()


@pytest.mark.parametrize("form", ["csv", "xes", "vidigi"])
@pytest.mark.parametrize("place", [0, 5000, -8])
def test_a_damaged_table_is_named_and_nothing_is_left(folder: Path, form: str, place: int) -> None:
    with (folder / "events.parquet").open("r+b") as file:
        file.seek(place, 0 if place >= 0 else 2)
        file.write(b"damage")
    with pytest.raises(InputError, match=r"events\.parquet: is damaged, got .*; tobsim validate"):
        export(folder, form)
    assert not (folder / "export").exists()


def test_settings_that_a_format_does_not_take_are_refused() -> None:
    check_settings("bundle", {"format": "bundle", "out": "x.zip"})
    check_settings("xes", ["format", "replication"])
    for form, given, text in (("bundle", "replication", "is not for bundle"), ("csv", "out", "out: is for bundle")):
        with pytest.raises(InputError, match=text):
            check_settings(form, [given])
