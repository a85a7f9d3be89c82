"""Forecasts are the same on another machine: without newer instructions, and with another kernel of BLAS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
MODELS = ("ets", "arima", "trio", "combination")
OLDER_PROCESSOR = {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL"}
OTHER_KERNEL = {"OPENBLAS_CORETYPE": "Nehalem"}

PROGRAM = """
import json, sys
import numpy as np
import pandas as pd
from analysis.forecast.registry import FORECASTERS

def shapes(n):
    t = np.arange(n + 13)
    e = np.random.default_rng(7).normal(0, 1, n + 13)
    yield "trend and season", 200 + t[:n] + 20 * np.sin(t[:n] * np.pi / 6) + 4 * e[:n]
    yield "random walk", 100 + np.cumsum(e[:n])
    yield "counts", np.random.default_rng(8).poisson(6, n).astype(float)

found = {}
for name, y in shapes(48):
    series = pd.Series(y, index=pd.date_range("2020-01-31", periods=len(y), freq="ME"))
    for model in sys.argv[1].split():
        fitted = FORECASTERS[model].fit(series)
        paths = fitted.simulate(6, 20, np.random.default_rng(1))
        found[f"{name}: {model}"] = [fitted.predict(12).to_numpy().tolist(), paths.tolist()]
print(json.dumps(found))
"""


def forecasts(models: str, environment: dict[str, str]) -> dict[str, list[list[list[float]]]]:
    """Forecasts and paths by series and model, from a process of its own."""
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, models]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


@pytest.mark.slow
@pytest.mark.parametrize("environment", [OLDER_PROCESSOR, OTHER_KERNEL], ids=["older processor", "other kernel"])
def test_forecasts_are_the_same_to_a_millionth(environment: dict[str, str]) -> None:
    here, there = forecasts(" ".join(MODELS), {}), forecasts(" ".join(MODELS), environment)
    assert len(here) == 3 * len(MODELS)
    for name, parts in here.items():
        for mine, theirs in zip(parts, there[name], strict=True):
            np.testing.assert_allclose(theirs, mine, rtol=1e-6, err_msg=name)


def test_the_trio_is_the_same_on_an_older_processor() -> None:
    here, there = forecasts("trio", {}), forecasts("trio", OLDER_PROCESSOR)
    for name, parts in here.items():
        for mine, theirs in zip(parts, there[name], strict=True):
            np.testing.assert_allclose(theirs, mine, rtol=1e-6, err_msg=name)
