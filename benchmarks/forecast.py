"""How accurate, how honest and how fast the forecasters are, beside statsforecast on published series.

The last 18 months of M3 monthly and the last 13 weeks of M4 weekly series are forecast from what came before. A ratio
is that of mean MASE over the same series; its interval and those of coverage resample whole series. CPU seconds are
those of one thread of this process and of statsforecast's own, which runs before and after; ratios are within the
run. Statsforecast needs an older pandas than this project, hence an environment of its own:

    python3 -m venv sf && sf/bin/pip install statsforecast 'pandas<3'
    python -m benchmarks.forecast --statsforecast sf/bin/python

Without it, ratios to it are left out; TOBSIM_STATSFORECAST names the same python. The data are no part of this
project: ``--data`` is a folder with m3_monthly_half.csv.gz and m4_weekly_half.csv.gz (columns unique_id, ds, y, split).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.evaluate.scores import absolute_scale
from analysis.forecast.combination import Combination
from analysis.forecast.fitted import Forecaster
from analysis.forecast.registry import FORECASTERS
from benchmarks.workload import machine

THREADS = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "forecast_dev"
RIVAL = Path(__file__).with_name("rival.py")
PLAIN = "plain combination"
"""The members of the default without calibrated widths."""

DRAWS = 2000
"""Resamples of series behind an interval."""

ORIGINS = range(13, 53, 3)
"""Weeks before the end of the training parts from which windows of a quarter are forecast there."""

AUTO_ETS, THETA = "AutoETS", "DynamicOptimizedTheta"


@dataclass(frozen=True)
class Panel:
    """Series of one kind: file, horizon, cycle, statsforecast's models, ours, and the model that the gate is on."""

    name: str
    file: str
    horizon: int
    season: int
    rivals: tuple[str, ...]
    models: tuple[str, ...]


MONTHLY = Panel(
    name="M3 monthly",
    file="m3_monthly_half.csv.gz",
    horizon=18,
    season=12,
    rivals=(AUTO_ETS, THETA),
    models=("combination", PLAIN, "fast", "ets", "arima", "theta", "trio", "seasonal_naive"),
)
WEEKLY = Panel(
    name="M4 weekly",
    file="m4_weekly_half.csv.gz",
    horizon=13,
    season=52,
    rivals=(THETA,),
    models=("weekly", "combination", "theta", "trio", "seasonal_naive"),
)


@dataclass(frozen=True)
class Gate:
    """A bound that is either met or not."""

    text: str
    value: float
    met: bool

    def __str__(self) -> str:
        return f"  {'pass' if self.met else 'FAIL'}  {self.text}: {self.value:.3f}"


# Forecasts


def read(panel: Panel, folder: Path, series: int | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What was known and what came; the first `series` of the panel, or all."""
    data = pd.read_csv(folder / panel.file, parse_dates=["ds"])
    data = data[data["unique_id"].isin(sorted(data["unique_id"].unique())[:series])]
    place = data.groupby("unique_id").cumcount(ascending=False)
    return data[place >= panel.horizon], data[place < panel.horizon]


def forecaster(name: str) -> Forecaster:
    """A registered forecaster, or the default with the widths of its members."""
    if name == PLAIN:
        default = FORECASTERS["combination"]
        assert isinstance(default, Combination)
        return Combination(PLAIN, default.members)
    return FORECASTERS[name]


def ours(past: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Forecasts of every model: unique_id, model, step, mean, bounds, CPU seconds of fit and forecast."""
    groups = [(name, part.set_index("ds")["y"]) for name, part in past.groupby("unique_id")]
    parts = []
    for model in map(forecaster, panel.models):
        model.fit(groups[0][1]).predict(panel.horizon)
        for unique_id, y in groups:
            begin = time.process_time()
            table = model.fit(y).predict(panel.horizon)
            seconds = time.process_time() - begin
            steps = {"unique_id": unique_id, "model": model.name, "step": np.arange(1, panel.horizon + 1)}
            parts.append(table.reset_index(drop=True).assign(**steps, cpu=seconds))
    return pd.concat(parts)


def theirs(past: pd.DataFrame, panel: Panel, python: str | None) -> pd.DataFrame:
    """Forecasts of statsforecast in the same form, empty without its python."""
    if not python:
        return pd.DataFrame()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "series.csv", Path(folder) / "forecasts.csv"
        past[["unique_id", "y"]].to_csv(source, index=False)
        command = [python, str(RIVAL), str(source), str(panel.horizon), str(panel.season), str(target), *panel.rivals]
        subprocess.run(command, check=True)
        return pd.read_csv(target)


# Scores


def scored(table: pd.DataFrame, past: pd.DataFrame, future: pd.DataFrame, season: int) -> pd.DataFrame:
    """Scores of every model and series: mase, cov80, cov95, cpu."""
    came = future.assign(step=future.groupby("unique_id").cumcount() + 1)[["unique_id", "step", "y"]]
    scale = past.groupby("unique_id")["y"].apply(lambda y: absolute_scale(y.to_numpy(), season))
    whole = table.merge(came, on=["unique_id", "step"], validate="m:1")
    held = whole.assign(
        mase=(whole["y"] - whole["mean"]).abs() / whole["unique_id"].map(scale),
        cov80=whole["y"].between(whole["lo-80"], whole["hi-80"]).astype(float),
        cov95=whole["y"].between(whole["lo-95"], whole["hi-95"]).astype(float),
    )
    return held.groupby(["model", "unique_id"])[["mase", "cov80", "cov95", "cpu"]].mean()


def interval(above: np.ndarray, below: np.ndarray | None = None) -> tuple[float, float]:
    """Interval at 95 % of a mean over series, or of the ratio of two means."""
    rng = np.random.default_rng(20250103)
    drawn = rng.integers(len(above), size=(DRAWS, len(above)))
    means = above[drawn].mean(axis=1) / (1.0 if below is None else below[drawn].mean(axis=1))
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def spans(scores: pd.DataFrame, model: str, measure: str, rival: str | None = None) -> tuple[float, float, float]:
    """Mean of a measure, or ratio of the mean to a rival's, with its interval."""
    own = scores.loc[model, measure].sort_index().to_numpy(float)
    other = None if rival is None else scores.loc[rival, measure].sort_index().to_numpy(float)
    value = own.mean() / (1.0 if other is None else other.mean())
    return float(value), *interval(own, other)


def show(panel: Panel, scores: pd.DataFrame) -> None:
    """Print a line for every model: MASE, its ratio to statsforecast's first model, coverage, CPU."""
    models = list(scores.index.unique(0))
    rival = next((name for name in panel.rivals if name in models), None)
    count = len(scores.index.unique(1))
    print(f"{panel.name}, {count} series, {panel.horizon} steps; ratios to {rival or 'nothing: no statsforecast'}")
    print(f"  {'model':22} {'MASE':>6} {'ratio':>20} {'80 %':>20} {'95 %':>20} {'CPU s':>7} {'times':>6}")
    for model in sorted(models, key=lambda name: scores.loc[name, "mase"].mean()):
        cells = [f"{scores.loc[model, 'mase'].mean():6.3f}"]
        cells.append(told(spans(scores, model, "mase", rival)) if rival else " " * 20)
        cells += [told(spans(scores, model, level)) for level in ("cov80", "cov95")]
        cells.append(f"{scores.loc[model, 'cpu'].mean():7.4f}")
        cells.append(f"{spans(scores, model, 'cpu', rival)[0]:6.2f}" if rival else "")
        print(f"  {model:22} {' '.join(cells)}")


def told(values: tuple[float, float, float]) -> str:
    """A number and its interval."""
    return "{:.3f} [{:.3f}, {:.3f}]".format(*values).rjust(20)


# Gates


def monthly_gates(scores: pd.DataFrame) -> list[Gate]:
    """Accuracy beside AutoETS and the plain combination, coverage, CPU time."""
    plain = spans(scores, "combination", "mase", PLAIN)[0]
    gates = [Gate("MASE to that of the plain combination, at most 1.01", plain, plain <= 1.01)]
    for level in (80, 95):
        value, low, high = spans(scores, "combination", f"cov{level}")
        gates.append(Gate(f"interval of coverage holds {level} %", value, low <= level / 100 <= high))
    if AUTO_ETS in scores.index.unique(0):
        high = spans(scores, "combination", "mase", AUTO_ETS)[2]
        gates.append(Gate("upper end of MASE to AutoETS, below 1", high, high < 1))
        for model, most in (("combination", 6.0), ("fast", 0.5)):
            times = spans(scores, model, "cpu", AUTO_ETS)[0]
            gates.append(Gate(f"{model}: CPU to AutoETS, at most {most:g}", times, times <= most))
    return gates


def weekly_gates(scores: pd.DataFrame) -> list[Gate]:
    """Accuracy beside the optimised Theta, coverage."""
    gates = []
    for level, margin in ((80, 2), (95, 2)):
        value = spans(scores, "weekly", f"cov{level}")[0]
        inside = abs(100 * value - level) <= margin
        gates.append(Gate(f"weekly: coverage {level - margin}-{level + margin} %", value, inside))
    if THETA in scores.index.unique(0):
        ratio = spans(scores, "weekly", "mase", THETA)[0]
        gates.append(Gate(f"weekly: MASE to {THETA}, at most 1", ratio, ratio <= 1))
    return gates


# Within the training parts


def windows(panel: Panel, past: pd.DataFrame, model: str) -> pd.DataFrame:
    """Coverage of a model in windows before the end of what is known: weeks before it, unique_id, cov80, cov95."""
    rows = []
    for back in ORIGINS:
        for unique_id, part in past.groupby("unique_id"):
            y = part.set_index("ds")["y"]
            came = y.iloc[len(y) - back :][: panel.horizon].to_numpy()
            table = FORECASTERS[model].fit(y.iloc[: len(y) - back]).predict(panel.horizon)
            held = {f"cov{level}": np.mean((table[f"lo-{level}"] <= came) & (came <= table[f"hi-{level}"]))
                    for level in (80, 95)}  # fmt: skip
            rows.append({"back": back, "unique_id": unique_id, **held})
    return pd.DataFrame(rows)


def show_windows(found: pd.DataFrame) -> None:
    """Print coverage by window, and of all windows together with its interval."""
    measures = ["cov80", "cov95"]
    for back, part in found.groupby("back"):
        print(f"  {back:3} weeks before the end  " + "  ".join(f"{part[m].mean():.3f}" for m in measures))
    series = found.groupby("unique_id")[measures].mean().to_numpy(float)
    print("  all windows  " + "  ".join(told((values.mean(), *interval(values))) for values in series.T))


def judge(panel: Panel, gates: Callable[[pd.DataFrame], list[Gate]], chosen: argparse.Namespace) -> bool:
    """Forecast, score and print one panel; are its gates met?"""
    past, future = read(panel, chosen.data, chosen.series)
    before = theirs(past, panel, chosen.statsforecast)
    own = ours(past, panel)
    after = theirs(past, panel, chosen.statsforecast)
    if not before.empty:
        before["cpu"] = (before["cpu"] + after["cpu"]) / 2
    scores = scored(pd.concat([before, own]), past, future, panel.season)
    show(panel, scores)
    found = gates(scores)
    print("\n".join(map(str, found)))
    return all(gate.met for gate in found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Forecast, print, judge."""
    parser = argparse.ArgumentParser(description="Accuracy, coverage and CPU time of the forecasters.")
    parser.add_argument("--data", type=Path, default=FOLDER, help="folder of the series")
    python = os.environ.get("TOBSIM_STATSFORECAST")
    parser.add_argument("--statsforecast", default=python, metavar="PYTHON", help="python that has statsforecast")
    parser.add_argument("--series", type=int, metavar="N", help="only the first N of each panel, without gate")
    parser.add_argument("--training", action="store_true", help="coverage of weekly within the training parts alone")
    chosen = parser.parse_args(arguments)
    if not all((chosen.data / panel.file).exists() for panel in (MONTHLY, WEEKLY)):
        print(
            f"skipped: {chosen.data} does not hold {MONTHLY.file} and {WEEKLY.file}, which are no part of the project"
        )
        return 0
    if chosen.training:
        show_windows(windows(WEEKLY, read(WEEKLY, chosen.data, chosen.series)[0], "weekly"))
        return 0
    if not chosen.statsforecast:
        print("without statsforecast: python3 -m venv sf && sf/bin/pip install statsforecast 'pandas<3',")
        print("then --statsforecast sf/bin/python")
    print(machine())
    met = [judge(MONTHLY, monthly_gates, chosen), judge(WEEKLY, weekly_gates, chosen)]
    return 0 if all(met) or chosen.series else 1


def alone() -> None:
    """Start anew with one thread of linear algebra, which has to be asked for before numpy is loaded."""
    if any(os.environ.get(name) != value for name, value in THREADS.items()):
        command = [sys.executable, "-m", "benchmarks.forecast", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | THREADS)


if __name__ == "__main__":
    alone()
    sys.exit(main())
