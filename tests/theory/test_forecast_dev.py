"""Accuracy and coverage on published series (M3 monthly, Makridakis & Hibon 2000; M4 weekly, Makridakis et al. 2020).

The last 18 months or 13 weeks are forecast from what came before. Beside other programs these are measured by
``python -m benchmarks.forecast``.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.evaluate.scores import absolute_scale
from analysis.forecast.combination import Combination
from analysis.forecast.fitted import Forecaster
from analysis.forecast.registry import FORECASTERS

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "forecast_dev"
MONTHLY, WEEKLY = ("m3_monthly_half.csv.gz", 18, 12), ("m4_weekly_half.csv.gz", 13, 52)

needs_series = pytest.mark.skipif(
    not (FOLDER / MONTHLY[0]).exists(), reason="../shared/data/forecast_dev is absent: it is no part of this project"
)


def named(model: str) -> Forecaster:
    """A registered forecaster; ``plain`` is the default with the widths of its members."""
    if model != "plain":
        return FORECASTERS[model]
    default = FORECASTERS["combination"]
    assert isinstance(default, Combination)
    return Combination(model, default.members)


@cache
def scores(model: str, panel: tuple[str, int, int], every: int = 1) -> pd.DataFrame:
    """Scores of each series: mase, cov80, cov95."""
    file, h, season = panel
    forecaster, data = named(model), pd.read_csv(FOLDER / file, parse_dates=["ds"])
    chosen = sorted(data["unique_id"].unique())[::every]
    rows = {i: score(forecaster, data.loc[data["unique_id"] == i].set_index("ds")["y"], h, season) for i in chosen}
    return pd.DataFrame.from_dict(rows, orient="index")


def score(forecaster: Forecaster, y: pd.Series, h: int, season: int) -> dict[str, float]:
    past, came = y.iloc[:-h], y.iloc[-h:].to_numpy()
    table = forecaster.fit(past).predict(h)
    inside = {f"cov{n}": float(np.mean((came >= table[f"lo-{n}"]) & (came <= table[f"hi-{n}"]))) for n in (80, 95)}
    return {"mase": float(np.abs(came - table["mean"]).mean() / absolute_scale(past.to_numpy(), season)), **inside}


def interval(values: np.ndarray) -> tuple[float, float]:
    """Bounds at 95 % of the mean, from resampled series."""
    rng = np.random.default_rng(7)
    means = values[rng.integers(len(values), size=(2000, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def gain(model: str, rival: str, panel: tuple[str, int, int], every: int = 1) -> tuple[float, float]:
    """Interval of the mean MASE of a rival less that of a model."""
    own, other = (scores(name, panel, every)["mase"].to_numpy() for name in (model, rival))
    return interval(other - own)


@needs_series
def test_a_few_series() -> None:
    """Every twentieth: better than the seasonal naive forecast, and neither far too wide nor far too narrow."""
    for model in ("combination", "fast"):
        found = scores(model, MONTHLY, 20).mean()
        assert found["mase"] < scores("seasonal_naive", MONTHLY, 20)["mase"].mean()
        assert 0.6 <= found["cov80"] <= 0.95
        assert 0.8 <= found["cov95"] <= 1


@needs_series
@pytest.mark.slow
def test_the_default_on_all_monthly_series() -> None:
    """Clearly better than seasonal naive, no worse than each member, as good as its members as they are."""
    assert gain("combination", "seasonal_naive", MONTHLY)[0] > 0.15
    for rival in ("ets", "theta", "trio", "fast"):
        assert gain("combination", rival, MONTHLY)[0] > -0.01
    assert scores("combination", MONTHLY)["mase"].mean() <= 1.01 * scores("plain", MONTHLY)["mase"].mean()


@needs_series
@pytest.mark.slow
@pytest.mark.parametrize("level", [80, 95])
def test_the_default_covers_what_it_says(level: int) -> None:
    low, high = interval(scores("combination", MONTHLY)[f"cov{level}"].to_numpy())
    assert low <= level / 100 <= high


@needs_series
@pytest.mark.slow
def test_weekly_series() -> None:
    """Half the error of the seasonal naive forecast, and no worse than the default; coverage within its noise."""
    assert gain("weekly", "seasonal_naive", WEEKLY)[0] > 0.2
    assert gain("weekly", "combination", WEEKLY)[0] > -0.02
    for level in (80, 95):
        low, high = interval(scores("weekly", WEEKLY)[f"cov{level}"].to_numpy())
        assert low <= level / 100 <= high
