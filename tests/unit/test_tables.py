"""Columns of a run to Arrow, to disk and back; the summary and the plausible ranges that are made of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.metrics import compute
from analysis.plausibility import COLUMNS as VERDICT
from analysis.plausibility import judge, read_ranges
from analysis.replications import HEAVY_TAIL
from analysis.summary import COLUMNS, summary, warnings
from analysis.tables import COLUMNS as TABLES
from analysis.tables import RUN_TABLES, Tables, load_tables, read, schema, to_arrow
from tests.fixtures.small_tables import context, tables


@dataclass
class Coded:
    codes: np.ndarray
    names: tuple[str, ...]


@dataclass
class Nullable:
    values: np.ndarray
    valid: np.ndarray


def raw() -> dict[str, object]:
    """Raw columns of the ledger as a simulator gives them."""
    return {
        "replication": np.zeros(3, np.int32),
        "time": np.array([0.0, 1.0, 2.0]),
        "timestamp": np.array(["2025-01-01", "2025-01-02", "2025-01-03"], "datetime64[us]"),
        "account": Nullable(np.array([0, 2**53 + 1, 2]), np.array([False, True, True])),
        "contract": Nullable(np.array([-1, 5, -1]), np.array([False, True, False])),
        "product": Coded(np.array([-1, 0, 0], np.int16), ("seat",)),
        "segment": Coded(np.array([-1, 1, 0], np.int16), ("small", "大客户")),
        "cost_centre": Coded(np.full(3, -1, np.int16), ()),
        "debit": Coded(np.zeros(3, np.int16), ("cash",)),
        "credit": Coded(np.zeros(3, np.int16), ("equity",)),
        "amount": np.array([1, 2, 3], np.int64),
        "memo": Coded(np.zeros(3, np.int16), ("x",)),
    }


def test_raw_columns_become_the_schema() -> None:
    table = to_arrow("ledger", raw())
    assert table.schema.equals(schema("ledger"))
    assert table.column("account").to_pylist() == [None, 2**53 + 1, 2]
    assert table.column("segment").to_pylist() == [None, "大客户", "small"]
    assert table.column("cost_centre").null_count == 3


def test_what_is_missing_or_unknown_is_named() -> None:
    columns = raw()
    columns["surprise"] = columns.pop("memo")
    with pytest.raises(ValueError, match=r"missing columns \['memo'\], unknown columns \['surprise'\]"):
        to_arrow("ledger", columns)
    with pytest.raises(ValueError, match="differ in length"):
        to_arrow("ledger", {**raw(), "amount": np.array([1])})
    with pytest.raises(KeyError, match="no table 'legder'"):
        schema("legder")


def test_tables_survive_the_disk(tmp_path: Path) -> None:
    pq.write_table(to_arrow("ledger", raw()), tmp_path / "ledger.parquet")
    found = read(tmp_path, "ledger")
    assert found["account"].dtype == pd.Int64Dtype()
    assert found["account"].tolist()[1:] == [2**53 + 1, 2]
    assert found["segment"].dtype == pd.CategoricalDtype(["small", "大客户"])
    assert found["segment"].isna().tolist() == [True, False, False]
    assert str(found["timestamp"].dtype) == "datetime64[us]"
    pd.testing.assert_frame_equal(load_tables(tmp_path)["ledger"], found)


def test_external_ids_stay_text() -> None:
    story = tables()["accounts"]
    odd = ["007", "NA", "null", "1e5", " x ", "客户"]
    table = to_arrow("accounts", {c: (odd if c == "external_id" else story[c]) for c in story})
    assert Tables({"accounts": table})["accounts"]["external_id"].tolist() == odd


def test_chunks_with_other_dictionaries_are_one_column() -> None:
    second = {**raw(), "segment": Coded(np.array([0, 0, -1], np.int16), ("huge",))}
    table = pa.concat_tables([to_arrow("ledger", raw()), to_arrow("ledger", second)])
    found = Tables({"ledger": table})["ledger"]["segment"]
    assert found.astype(object).where(found.notna(), None).tolist() == [None, "大客户", "small", "huge", "huge", None]


def test_a_table_that_is_absent_is_empty() -> None:
    nothing = Tables({})
    for name in RUN_TABLES:
        assert list(nothing[name].columns) == list(TABLES[name])
        assert len(nothing[name]) == 0
    assert nothing.replications() == ()


def three(values: dict[str, list[float]]) -> pd.DataFrame:
    """A metrics table of three replications with other values for some metrics over the horizon."""
    one = compute(tables(), context())
    parts = []
    for number in range(3):
        part = one.assign(replication=np.int32(number))
        for metric, found in values.items():
            chosen = (part["metric"] == metric) & (part["period"] == "horizon") & part["dim1"].isna()
            part.loc[chosen, "value"] = found[number]
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def test_summary_by_year_and_over_the_horizon() -> None:
    found = summary(three({"leads": [1.0, 2.0, 3.0], "renewal_rate": [0.5, np.nan, 0.7]}))
    assert tuple(found.columns) == COLUMNS
    assert set(found["period"]) == {"FY2025", "FY2026", "horizon"}
    assert not found.duplicated(["metric", "period"]).any()
    rows = found.set_index(["metric", "period"])
    leads = rows.loc[("leads", "horizon")]
    assert (leads["mean"], leads["sd"], leads["replications"], leads["n_defined"]) == (2, 1, 3, 3)
    assert leads["ci_low"] == pytest.approx(2 - 4.302653 / np.sqrt(3), abs=1e-6)
    renewal = rows.loc[("renewal_rate", "horizon")]
    assert (renewal["mean"], renewal["n_defined"], renewal["replications"]) == (pytest.approx(0.6), 2, 3)
    assert rows.loc[("utilisation_cs", "horizon"), "mean"] == pytest.approx(0.25)
    never = rows.loc[("billable_utilisation", "horizon")]
    assert never["n_defined"] == 0
    assert np.isnan(never["mean"])


def test_summary_says_where_tails_are_heavy() -> None:
    one = compute(tables(), context(), ["leads", "cash"])
    rows = pd.concat([one.assign(replication=np.int32(r)) for r in range(7)], ignore_index=True)
    chosen = (rows["metric"] == "leads") & (rows["period"] == "horizon") & rows["dim1"].isna()
    rows.loc[chosen, "value"] = [0, 0, 0, 0, 0, 0, 50]
    found = warnings(rows)
    assert found[["metric", "period", "warning"]].to_numpy().tolist() == [["leads", "horizon", HEAVY_TAIL]]


def test_outcomes_are_in_out_or_undefined(tmp_path: Path) -> None:
    path = tmp_path / "ranges.csv"
    path.write_text(
        "\ufeffmetric,type,period,low,high,unit,source,confidence\n"
        "leads,tool,horizon,5,7,1,assumption,low\n"
        'utilisation_cs,tool,horizon,0.7,0.9,1,"a, b",medium\n'
        "take_rate,tool,horizon,0.01,0.05,1,assumption,low\n"
        "orders_per_moon,tool,horizon,0,1,1,assumption,low\n"
        "leads,cloud,horizon,0,1,1,assumption,low\n",
        encoding="utf-8",
    )
    metrics = compute(tables(ledger=tables()["ledger"].iloc[:0], monthly=tables()["monthly"].iloc[:0]), context())
    found = judge(read_ranges(path), summary(metrics), "tool")
    assert tuple(found.columns) == VERDICT
    assert found["status"].tolist() == ["in", "out", "undefined", "undefined"]
    assert found["n_defined"].tolist() == [1, 1, 0, 0]
    assert judge(read_ranges(path), summary(metrics), "bakery").empty


def test_ranges_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ranges.csv"
    path.write_text("metric,type,low,high\nleads,tool,1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="are missing"):
        read_ranges(path)
    path.write_text("metric,type,period,low,high,unit,source,confidence\nleads,tool,horizon,2,1,1,x,low\n", "utf-8")
    with pytest.raises(ValueError, match="low is above high"):
        read_ranges(path)


def test_the_shipped_ranges_name_metrics_and_desks() -> None:
    from analysis.metrics import REGISTRY

    shipped = read_ranges(Path(__file__).parents[2] / "conf" / "plausibility.csv")
    unknown = [m for m in shipped["metric"] if m not in REGISTRY and not m.startswith(("utilisation_", "wait_days_"))]
    assert unknown == []
    assert (shipped.groupby("type").size() >= 12).all()
