"""What an optimisation says first: why there is no plan, and the plans with what their marks mean."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from analysis.report.optimise.build import PART
from analysis.report.optimise.folder import View
from analysis.report.optimise.panels import headline, tried
from analysis.report.strings import catalogue
from scenarios.optimise.screen import optimise_screen

OBJECTIVE = {"metric": "arr", "period": "horizon"}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (["undefined", "failed"], "No plan has a value of every objective on fresh seeds."),
        (["undefined", "done"], "No plan keeps all limits on fresh seeds."),
    ],
)
def test_without_a_best_plan_the_headline_says_why(status: list[str], told: str) -> None:
    rows = [{**OBJECTIVE, "kind": "objective", "status": each, "best": False, "role": "trial"} for each in status]
    view: Any = SimpleNamespace(
        text=catalogue("en", PART), folder=SimpleNamespace(objectives=[OBJECTIVE], confirmed=pd.DataFrame(rows))
    )
    assert headline(view) == told


def test_the_screen_says_what_its_marks_mean_and_shows_money_in_full() -> None:
    row = OBJECTIVE | {"kind": "objective", "status": "done", "best": True, "near": True, "feasible": True, "trial": 3,
                       "role": "trial", "price": 251.984, "confirmed": 4_492_300.0, "confirmed_low": math.nan,
                       "confirmed_high": 4_510_000.0, "searched": 4_600_000.0, "unit": "CNY/year"}  # fmt: skip
    current = row | {"role": "current", "best": False}
    record = {"failures": [], "trials": 4, "replications": 8, "objectives": [OBJECTIVE], "keys": {"a.price": "price"}}
    found: Any = SimpleNamespace(record=record, confirmed=pd.DataFrame([row, current]), path=Path("runs"))
    lines = optimise_screen(found).splitlines()
    figures = "arr 4,492,300 (unknown to 4,510,000) CNY/year, searched 4,600,000"
    assert lines[2:4] == [f"* trial 3: price 251.98: {figures}", f"= as it stands: price 251.98: {figures}"]
    assert lines[4].startswith("* best, = not to be told from it, ! ")


def test_objectives_are_drawn_in_a_scale_that_can_be_read() -> None:
    """An axis of millions would otherwise read 1e+6."""
    told = {"metric": "arr", "period": "horizon", "column": "arr", "unit": "CNY/year", "largest": True}
    trials = pd.DataFrame({"trial": [0, 1], "role": "trial", "status": "done", "feasible": True, "price": [1.0, 2.0],
                           "arr": [2e6, 4e6], "arr_low": [1e6, 3e6], "arr_high": [3e6, 5e6]})  # fmt: skip
    folder: Any = SimpleNamespace(objectives=[told], front=trials.assign(best=True), trials=trials, keys={"a": "price"},
                                  manifest={}, labels=lambda key: {})  # fmt: skip
    found = tried(View(folder, catalogue("en", PART)))
    charts: Any = found and found.blocks[0]
    assert [chart.unit for chart in charts.charts] == ["m\N{NO-BREAK SPACE}CNY/year"] * 2
    assert [chart.figure["data"][0]["y"] for chart in charts.charts] == [[2, 4], [2, 4]]
