"""The headline of an optimisation whose search found no plan: what keeps no limit is not what has no value."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from analysis.report.optimise.build import PART
from analysis.report.optimise.panels import headline
from analysis.report.strings import catalogue

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
