"""Parquet files of series: types that are understood, and those that are refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenarios.errors import InputError
from scenarios.forecasts.series_file import read_series_file

SETTINGS: dict[str, Any] = {
    "columns": {"unique_id": "unique_id", "ds": "ds", "y": "y"},
    "hierarchy": [],
    **dict.fromkeys(("date_format", "encoding", "delimiter", "decimal")),
}


def parquet(tmp_path: Path, **columns: Any) -> Path:
    whole = {"unique_id": ["a", "a"], "ds": pd.to_datetime(["2025-01-31", "2025-02-28"]), "y": [1.0, 2.0]}
    path = tmp_path / "series.parquet"
    pq.write_table(pa.table({name: pa.array(values) for name, values in (whole | columns).items()}), path)
    return path


@pytest.mark.parametrize(
    ("columns", "where"),
    [
        ({"y": ["1", "2"]}, "forecast.columns.y: is of a wrong type, got string"),
        ({"y": [True, False]}, "forecast.columns.y: is of a wrong type, got bool"),
        ({"ds": [1.0, 2.0]}, "forecast.columns.ds: is of a wrong type, got double"),
        ({"unique_id": [[1], [2]]}, "forecast.columns.unique_id: is of a wrong type"),
        ({"unique_id": [0.5, 1.5]}, "forecast.columns.unique_id: is of a wrong type, got double"),
        ({"ds": ["01/02/2025", "01/03/2025"]}, "forecast.date_format: is needed"),
    ],
)
def test_columns_of_a_wrong_type_are_refused(tmp_path: Path, columns: dict[str, Any], where: str) -> None:
    with pytest.raises(InputError) as caught:
        read_series_file(parquet(tmp_path, **columns), SETTINGS)
    assert caught.value.problems[0].startswith(where)


def test_columns_of_other_types_are_understood(tmp_path: Path) -> None:
    zoned = pd.to_datetime(["2025-01-31 10:00", "2025-02-28 10:00"]).tz_localize("Asia/Shanghai")
    columns = {"unique_id": [7, 7], "ds": pa.array(zoned), "y": pa.array([None, 3], pa.int64())}
    found = read_series_file(parquet(tmp_path, **columns), SETTINGS)
    assert found.series["unique_id"].tolist() == ["7", "7"]
    assert found.series["ds"][0] == pd.Timestamp("2025-01-31 10:00")
    np.testing.assert_array_equal(found.series["y"], [np.nan, 3])
    assert "Asia/Shanghai" in found.warnings[0]
    texts = parquet(tmp_path, ds=["2025-01", "2025-02"], y=[1.0, float("inf")])
    found = read_series_file(texts, SETTINGS)
    assert len(found.series) == len(found.rejects) == 1
