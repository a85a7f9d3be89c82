"""Known influences on series: files that are refused in one line, and series that they cannot act on together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scenarios.errors import InputError
from scenarios.forecasts.influences import influences

SETTINGS: dict[str, Any] = dict.fromkeys(("date_format", "encoding", "delimiter", "decimal", "regressors", "frequency"))


def months() -> pd.DataFrame:
    """Forty months of one series."""
    return pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2020-01-31", periods=40, freq="ME"), "y": 1.0})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("date,x\n2025-01-31,1\n", "forecast.regressors.ds: is no column of the file"),
        ("ds\n2025-01-31\n", "no column beside ds"),
        ("ds,x\n2025-01-31,1,2\n", "another number of cells in line 2"),
        ("ds,x\nsoon,1\n", "has no date in line 2"),
        ("ds,x\n2025-01-31,1\n2025-01-31,2\n", "has a date twice, got 2025-01-31"),
        ("ds,x\n2025-01-31,many\n", 'column "x" is wrong in line 2, got "many" is no number'),
        ("ds,offer\n2025-01-31,1\n", "has a column named as a change"),
    ],
)
def test_a_wrong_file_of_regressors_is_one_line(tmp_path: Path, content: str, words: str) -> None:
    beside = tmp_path / "regressors.csv"
    beside.write_text(content)
    changes = {"offer": {"at": "2021-01-31"}}
    asked = {"regressors": str(beside), "changes": changes, "horizon": 2, "frequency": None}
    with pytest.raises(InputError) as caught:
        influences(months(), SETTINGS | asked)
    (problem,) = caught.value.problems
    assert problem.startswith("forecast.regressors")
    assert words in problem


def test_known_dates_need_series_of_one_frequency() -> None:
    weeks = pd.DataFrame({"unique_id": "w", "ds": pd.date_range("2020-01-05", periods=30, freq="W"), "y": 1.0})
    asked = {"changes": {"offer": {"at": "2021-01-31"}}, "horizon": 2}
    with pytest.raises(InputError, match="several frequencies"):
        influences(pd.concat([months(), weeks], ignore_index=True), SETTINGS | asked)


def test_columns_reach_over_past_and_future(tmp_path: Path) -> None:
    """A date of a month stands for the month; changes and columns of the file stand side by side."""
    dates = pd.date_range("2020-01-01", periods=42, freq="MS")
    pd.DataFrame({"ds": dates, "x": range(42)}).to_csv(tmp_path / "x.csv", index=False)
    asked = {"regressors": str(tmp_path / "x.csv"), "changes": {"offer": {"at": "2023-05-01"}}, "horizon": 2}
    found = influences(months(), SETTINGS | asked)
    assert found is not None
    assert found["x"].tolist() == list(range(42))
    assert found["offer"].tolist() == [0] * 40 + [1, 1]
    assert found.index[-1] == pd.Timestamp("2023-06-30")
    assert influences(months(), SETTINGS | {"changes": {}}) is None
