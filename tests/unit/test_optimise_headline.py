"""What an optimisation says first: why there is no plan, and the plans with what their marks mean."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from analysis.report.optimise.build import PART
from analysis.report.optimise.panels import headline
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
