"""Page and screen of a back-test: what they say of scores made up for the purpose, and that every text is used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.report import backtest, backtest_screen
from analysis.report.strings import Catalogue, catalogue
from scenarios.runs.actual import Actual
from scenarios.runs.backtest import frames
from scenarios.runs.derive import arrow, write_parquet
from tests.fixtures.fake_run import write_fake_run

LEFT = (
    "not in the model", "outside the horizon", "not measured for this kind of period", "not measured for this part",
    "not a month", "only before the start", "only in part in the horizon",
)  # fmt: skip


def written(folder: Path, months: int, earlier: int) -> Path:
    """A run folder with a back-test of two metrics: three replications around 100, what came around 90."""
    path = write_fake_run(folder)
    days = pd.date_range("2025-01-01", periods=months, freq="MS")
    rows = [
        {"replication": k, "ds": day + pd.offsets.MonthEnd(0), "period": "month", "metric": metric, "dim1": None,
         "level1": None, "dim2": None, "unit": "CNY", "value": 100.0 + k + place if metric != "cac" else np.nan}
        for k in range(3) for place, day in enumerate(days) for metric in ("revenue", "arr", "cac")
    ]  # fmt: skip
    key, past = ("revenue", "", ""), pd.date_range(end="2024-12-01", periods=earlier, freq="MS")
    came = {
        name: pd.Series(90.0 + np.arange(months), days)
        for name in (key, ("cac", "", ""), ("cash", "segment", "small"), ("arr", "", ""))
    }
    before = {key: pd.Series(80.0 + np.arange(earlier) % 5, past)} if earlier else {}
    left = [(("reveneu_x" if reason == LEFT[0] else "arr", "", ""), reason, "2026-01") for reason in LEFT]
    span = tuple(f"{day:%Y-%m}" for day in days)
    table, course = frames(pd.DataFrame(rows), Actual("came.csv", span, came, before, left))
    write_parquet(path / "backtest.parquet", arrow(table))
    write_parquet(path / "backtest_months.parquet", arrow(course))
    return path


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    place = tmp_path_factory.mktemp("runs")
    sizes = {"year": (14, 30), "young": (4, 5), "bare": (2, 0)}
    return [written(place / name, *size) for name, size in sizes.items()]


def test_every_text_is_used(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """By one page or another, or their screens."""
    made: list[Catalogue] = []

    def remembered(language: str, part: str) -> Catalogue:
        made.append(catalogue(language, part))
        return made[-1]

    monkeypatch.setattr(backtest, "catalogue", remembered)
    monkeypatch.setattr(backtest, "MOST_CHARTS", 0)
    backtest.build_backtest(folders[0], "came.csv")
    monkeypatch.undo()
    monkeypatch.setattr(backtest, "catalogue", remembered)
    for folder in folders:
        page = backtest.build_backtest(folder, "came.csv").read_text("utf-8")
        assert "came.csv" in page
        assert "ARR" in backtest_screen.backtest_screen(folder, "came.csv", width=100)
    monkeypatch.setattr(backtest_screen, "MOST_METRICS", 1)
    assert "ARR" not in backtest_screen.backtest_screen(folders[2], "came.csv", width=100)
    used = {key for text in made for key in text.used}
    unused = {key for key in made[0].keys() if key.startswith("backtest.") and key not in used}  # noqa: SIM118
    assert unused == set()


def test_the_page_says_what_was_found(folders: list[Path]) -> None:
    page = backtest.build_backtest(folders[0], "came.csv").read_text("utf-8")
    assert "The 80 % intervals held 0 of 28 figures, the 95 % intervals 0 of 28." in page
    assert "known in fewer than two replications" in page
    assert "not measured in this run" in page
    assert "No rival" not in page
    assert "No rival" in backtest.build_backtest(folders[2], "came.csv").read_text("utf-8")


@pytest.mark.parametrize("width", [40, 60, 100])
def test_the_screen_keeps_to_its_size(folders: list[Path], width: int) -> None:
    for folder in folders:
        lines = backtest_screen.backtest_screen(folder, "came.csv", width=width).splitlines()
        assert max(map(len, lines[:-1])) <= width
        assert len(lines) <= 23 or width < 60


def test_one_replication_is_said_to_be_too_few() -> None:
    """It is known there, only not how widely it spreads."""
    day = pd.Timestamp("2025-01-31")
    row = {"replication": 0, "ds": day, "period": "month", "metric": "arr", "dim1": None, "level1": None, "dim2": None,
           "value": 1.0, "unit": "CNY/year"}  # fmt: skip
    came = {("arr", "", ""): pd.Series([2.0], [pd.Timestamp("2025-01-01")])}
    table, _ = frames(pd.DataFrame([row]), Actual("came.csv", ("2025-01",), came))
    assert table["status"].tolist() == ["known in fewer than two replications"]
