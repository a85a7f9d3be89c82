"""Tables put together from the file sets of replications: by whom does not matter, and how they are stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenarios import compose, run
from scenarios.runs import execute
from scenarios.runs.manifest import read_manifest
from scenarios.runs.sets import packing
from scenarios.studies.study import Study

SMALL = ["market.accounts=60", "horizon.days=90", "report.enabled=false", "forecast.enabled=false", "progress=false"]


def study(replications: int, *overrides: str) -> Study:
    return compose("tool", [*SMALL, f"replications={replications}", *overrides])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("assembly") / "run"
    run(study(3), path)
    return path


def tables(path: Path) -> dict[str, tuple[int, str]]:
    """Rows and digests of the tables, in the order of the manifest."""
    files = read_manifest(path).files
    return {name: (entry["rows"], entry["digest"]) for name, entry in files.items() if name.endswith(".parquet")}


def test_tables_put_together_by_workers_are_the_same(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a part of the rows is in the tables already."""
    asked: list[tuple[int, str]] = []
    spread: Any = execute.spread

    def noted(function: Any, items: list[str], workers: int) -> Any:
        asked.append((workers, items[0]))
        return spread(function, items, workers)

    monkeypatch.setattr("scenarios.runs.store.SPREAD_ROWS", 0)
    monkeypatch.setattr(execute, "spread", noted)
    run(study(2, "execution.workers=2"), tmp_path / "run")
    run(study(3, "execution.workers=2"), tmp_path / "run")
    assert [workers for workers, _ in asked] == [2, 2]
    found, wanted = tables(tmp_path / "run"), tables(finished)
    assert found == wanted
    assert list(found) == list(wanted)
    rows = {name: count for name, (count, _) in found.items()}
    assert f"{asked[-1][1]}.parquet" == max(rows, key=lambda name: rows[name]), "the largest is begun first"
    for name in found:
        assert pq.read_table(tmp_path / "run" / name).equals(pq.read_table(finished / name))


def test_small_tables_wait_for_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def noted(function: Any, items: list[str], workers: int) -> Any:
        asked.append(workers)
        return map(function, items)

    monkeypatch.setattr(execute, "spread", noted)
    run(study(2, "execution.workers=2"), tmp_path / "run")
    assert asked == [1]


def test_what_has_a_dictionary_and_what_a_range(finished: Path) -> None:
    """A reader finds the rows of a replication by its range; a dictionary of numbers would only cost time."""
    for name in json.loads((finished / "manifest.json").read_text("utf-8"))["tables"]:
        file = pq.ParquetFile(finished / f"{name}.parquet")
        group = file.metadata.row_group(0)
        for place, field in enumerate(file.schema_arrow):
            column = group.column(place)
            named = pa.types.is_dictionary(field.type) or pa.types.is_string(field.type)
            assert ("RLE_DICTIONARY" in column.encodings) == named, (name, field.name)
            assert column.is_stats_set != named, (name, field.name)
            assert column.compression == "ZSTD"


def test_a_table_of_texts_alone_is_stored() -> None:
    table, sink = pa.table({"a": ["x", None]}), pa.BufferOutputStream()
    pq.write_table(table, sink, **packing(table.schema))
    assert pq.read_table(pa.BufferReader(sink.getvalue())).equals(table)
