"""A frequency that is given for a file and is not that of its dates: the reader is warned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scenarios.forecasts.reading import read_source

SETTINGS: dict[str, Any] = {
    "columns": {"unique_id": "unique_id", "ds": "ds", "y": "y"},
    "hierarchy": [],
    **dict.fromkeys(("date_format", "encoding", "delimiter", "decimal", "floor", "frequency")),
    "model": "seasonal_naive",
}


def warned(folder: Path, stored: str, frequency: str | None) -> tuple[str, ...]:
    """Warnings of two series of 60 dates."""
    dates = pd.date_range("2024-01-31", periods=60, freq=stored)
    rows = pd.DataFrame({"unique_id": ["a"] * 60 + ["b"] * 60, "ds": [*dates, *dates], "y": range(120)})
    rows.to_csv(folder / "series.csv", index=False)
    return read_source(folder / "series.csv", SETTINGS | {"frequency": frequency}).warnings


@pytest.mark.parametrize(("stored", "frequency"), [("D", "W"), ("D", "M"), ("ME", "Q"), ("h", "D"), ("B", "W")])
def test_values_that_are_left_out_are_said(tmp_path: Path, stored: str, frequency: str) -> None:
    found = warned(tmp_path, stored, frequency)
    assert len(found) == 1
    assert found[0].startswith(f"forecast.frequency={frequency} makes about ")
    assert "of 120 values; the last value of each is taken" in found[0]


@pytest.mark.parametrize(("stored", "frequency"), [("ME", "W"), ("ME", "D"), ("W", "B"), ("YE", "Q")])
def test_values_that_are_made_up_are_said(tmp_path: Path, stored: str, frequency: str) -> None:
    found = warned(tmp_path, stored, frequency)
    assert len(found) == 1
    assert "the others are interpolated: where nothing was, write 0" in found[0]


@pytest.mark.parametrize(
    ("stored", "frequency"),
    [("D", "D"), ("D", "B"), ("W", "W"), ("ME", "M"), ("MS", "M"), ("BME", "M"), ("QE", "Q"), ("h", "h"), ("ME", None)],
)
def test_its_own_frequency_needs_no_word(tmp_path: Path, stored: str, frequency: str | None) -> None:
    assert warned(tmp_path, stored, frequency) == ()
