"""The file of months that came: what is scored, what is known before, what is listed, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenarios import compose
from scenarios.errors import InputError
from scenarios.runs.actual import Actual, read_actual, read_settings


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return dict(compose("tool", ["horizon.start=2025-01-01", "horizon.days=184"]).config)


def read(folder: Path, text: str, config: dict[str, Any], **more: Any) -> Actual:
    (folder / "came.csv").write_text(text, "utf-8")
    return read_actual({"path": str(folder / "came.csv"), **more}, config)


def test_months_go_where_they_belong(tmp_path: Path, config: dict[str, Any]) -> None:
    text = (
        "metric,ds,value,segment\narr,2024-11-30,90,\narr,2024-12-31,100,\narr,2025-01-31,110,\nARR,2025-06-30,130,\n"
        "arr,2025-07-31,140,\narr,2025-02,60,small\nactive customers,2025-03,7,\nsigned,2024-12,3,\n"
        "Net promoter score,2025-01,40,\nrevenue,2025-Q1,9,\n"
    )
    came = read(tmp_path, text, config)
    assert came.span == tuple(f"2025-0{month}" for month in range(1, 7))
    assert {key: values.to_list() for key, values in came.months.items()} == {
        ("arr", "", ""): [110, 130], ("arr", "segment", "small"): [60], ("active_customers", "", ""): [7],
    }  # fmt: skip
    assert came.before(("arr", "", "")).to_list() == [90, 100]
    assert came.before(("arr", "segment", "small")).empty
    assert {(key[0], reason): note for key, reason, note in came.left} == {
        ("arr", "outside the horizon"): "2025-07", ("Net promoter score", "not in the model"): "2025-01",
        ("revenue", "not a month"): "2025-Q1", ("signed", "only before the start"): "2024-12",
    }  # fmt: skip


def test_a_month_of_which_a_part_is_simulated_is_not_scored(tmp_path: Path) -> None:
    """What came is of all of it."""
    config = dict(compose("tool", ["horizon.start=2025-01-17", "horizon.days=60"]).config)
    came = read(tmp_path, "metric,period,value\nsigned,2025-01,9\nsigned,2025-02,8\n", config)
    assert came.span == ("2025-01", "2025-02")
    assert [day.month for day in came.months["signed", "", ""].index] == [2]
    assert came.left == [(("signed", "", ""), "only in part in the horizon", "2025-01")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("metric,period,value\narrr,2025-01,1\n", 'names no metric of ours, got "arrr" in line 2; did you mean arr?'),
        (
            "metric,period,value\narr,2024-01,1\n",
            "nothing of the horizon to score, got 2024-01; months from 2025-01 to",
        ),
        ("metric,period,value\narr,2025-09,1\narr,2026-01,1\n", "got 2025-09 to 2026-01 (outside the horizon)"),
        ("metric,period,value\nNet promoter score,2025-01,1\n", "(not in the model)"),
        ("metric,period,value\narr,2025-01,x\n", 'actual.path: rows cannot be used, got value "x"'),
        ("metric,period,value\narr,2025-01,1\narr,2025-01,2\n", "actual.path: says two things of one figure"),
        ("metric,value\narr,1\n", "actual.columns.period: is no column of the file"),
        ("metric,period,value\n", "actual.path: has a header and no rows"),
        ("", "actual.path: is empty"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path, config: dict[str, Any], text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text, config)
    (problem,) = caught.value.problems
    assert words in problem


def test_how_it_is_written_is_said_as_of_a_plan(tmp_path: Path, config: dict[str, Any]) -> None:
    words = ["actual.delimiter=';'", "actual.decimal=','", "actual.values={metric: {revenue: [Umsatz]}}"]
    more = read_settings([*words, "actual.columns.metric=Zeile"])
    came = read(tmp_path, "Zeile;period;value\nUmsatz;2025-01;1,5\n", config, **more)
    assert came.months["revenue", "", ""].to_list() == [1.5]
    assert read_settings(["actual=x.csv"]) == {"path": "x.csv"}


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("actual.decimals=','", 'actual.decimals: is an unknown key, got ","; did you mean decimal?'),
        ("actual.decimal=5", "actual.decimal: must be one of"),
        ("actual.load=1", "actual.load: is an unknown key"),
        ("actual=5", "actual.path: must be the path of a file, got 5"),
        ("~actual.path", "is no setting"),
    ],
)
def test_settings_that_are_none(word: str, text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_settings([word])
    assert text in caught.value.problems[0]
