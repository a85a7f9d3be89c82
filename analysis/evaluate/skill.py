"""What forecasts of many worlds amount to: coverage against its gate, skill against seasonal naive, which model when.

Replications of a simulation are worlds of one truth, independent of each other; the months within one are not. So a
replication is one unit: shares and means are taken over all, their intervals come from resampling whole
replications (Cameron, Gelbach & Miller 2008), the same resamples for both sides of a comparison. Coverage is
marginal over worlds: a calibrated forecaster covers its level on the average of worlds, not in each.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from analysis.evaluate.backtest import BENCHMARK, LEAST_CLUSTERS, bounds, resamples
from analysis.replications import wilson

if TYPE_CHECKING:
    import pandas as pd

GATE = 0.02
"""Coverage may lie so far from its level: [.93, .97] at 95 per cent."""

ENOUGH = 400
"""Replications under which coverage is not judged: its interval would meet the gate for want of data."""

LEVEL = 0.95
"""Confidence of all intervals."""

INSIDE, OUTSIDE, FEW = "inside", "outside", "too few"


@dataclass(frozen=True, eq=False)
class Losses:
    """A score by replication and step, NaN where nothing was scored.

    Attributes
    ----------
    values : float array (replications, steps)
    """

    values: np.ndarray

    @property
    def totals(self) -> np.ndarray:
        """Sum of the known scores of every replication, shape (replications,)."""
        return np.asarray(np.where(np.isfinite(self.values), self.values, 0.0).sum(axis=1))

    @property
    def counts(self) -> np.ndarray:
        """Known scores of every replication, shape (replications,)."""
        return np.asarray(np.isfinite(self.values).sum(axis=1))

    @property
    def replications(self) -> int:
        """Replications with a known score."""
        return int((self.counts > 0).sum())

    @property
    def mean(self) -> float:
        """Mean of all known scores; NaN without any."""
        return _ratio(self.totals.sum(), self.counts.sum())

    def drawn(self, draws: np.ndarray) -> np.ndarray:
        """Mean of every resample, shape (draws,)."""
        with np.errstate(invalid="ignore"):
            return np.asarray((draws @ self.totals) / (draws @ self.counts))


def coverage(table: pd.DataFrame) -> pd.DataFrame:
    """How often intervals covered what came, against the gate.

    Parameters
    ----------
    table : pandas.DataFrame
        As ``analysis.evaluate.truth.truth_table`` gives it; of several lengths of history the longest counts.

    Returns
    -------
    pandas.DataFrame
        metric, model, level (per cent), covered, low, high, replications, verdict. ``inside`` where the interval
        meets the gate, ``outside`` where it does not, ``too few`` under ``ENOUGH`` replications, never ``inside``
        there. Where all replications agree, resampling has nothing to vary and the interval is Wilson's with the
        replications as trials; bounds are NaN under ``LEAST_CLUSTERS``.
    """
    import pandas as pd

    full = longest(table)
    levels = [int(name.removeprefix("lo-")) for name in table.columns if name.startswith("lo-")]
    rows = []
    for (metric, model), part in full.groupby(["unique_id", "model"], sort=False):
        for level in levels:
            inside = (part[f"lo-{level}"] <= part["y"]) & (part["y"] <= part[f"hi-{level}"])
            scored = losses(part.assign(inside=inside.astype(float).where(part["y"].notna())), "inside")
            rows.append({"metric": metric, "model": model, "level": level, **_covered(scored, level)})
    return pd.DataFrame(rows, columns=["metric", "model", "level", *_COVERED])


_COVERED = ["covered", "low", "high", "replications", "verdict"]


def _covered(scored: Losses, level: int) -> dict[str, object]:
    low, high = covered_bounds(scored)
    return {
        "covered": scored.mean,
        "low": low,
        "high": high,
        "replications": scored.replications,
        "verdict": verdict((low, high), level, scored.replications),
    }


def covered_bounds(scored: Losses) -> tuple[float, float]:
    """Interval of a share of covered values; NaN under ``LEAST_CLUSTERS`` replications."""
    if scored.replications < LEAST_CLUSTERS:
        return np.nan, np.nan
    known = scored.counts > 0
    own = scored.totals[known] / scored.counts[known]
    if np.ptp(own) == 0 and own[0] in (0.0, 1.0):
        return wilson(int(own.sum()), len(own), LEVEL)[1:]
    return bounds(scored.drawn(resamples(len(scored.values))), LEVEL)


def verdict(interval: tuple[float, float], level: int, replications: int) -> str:
    """Whether an interval of coverage meets the gate of its level."""
    if replications < ENOUGH:
        return FEW
    low, high = interval
    return INSIDE if low <= level / 100 + GATE and high >= level / 100 - GATE else OUTSIDE


def skill(table: pd.DataFrame) -> pd.DataFrame:
    """Weighted interval score against that of the seasonal naive forecast of the same months, by step.

    Returns
    -------
    pandas.DataFrame
        metric, model, step (1 to h, and ``all``), wis, naive_wis (in units of the metric), skill (one less their
        ratio: 0 is as good as naive, 1 perfect), low, high, replications.
    """
    import pandas as pd

    full = longest(table)
    rows: list[dict[str, object]] = []
    for metric, part in full.groupby("unique_id", sort=False):
        wide = by_model(part)
        for model in (name for name in wide if name != BENCHMARK):
            rows += [{"metric": metric, "model": model, **row} for row in _by_step(wide[model], wide[BENCHMARK])]
    return pd.DataFrame(rows, columns=["metric", "model", "step", "wis", "naive_wis", *_SKILL])


_SKILL = ["skill", "low", "high", "replications"]


def _by_step(own: Losses, rival: Losses) -> list[dict[str, object]]:
    steps: list[tuple[object, slice]] = [("all", slice(None))]
    steps += [(step + 1, slice(step, step + 1)) for step in range(own.values.shape[1])]
    rows = []
    for step, places in steps:
        one, other = _paired(own.values[:, places], rival.values[:, places])
        rows.append({"step": step, "wis": one.mean, "naive_wis": other.mean, **_skill(one, other)})
    return rows


def history(table: pd.DataFrame) -> pd.DataFrame:
    """How skill grows with the months of history, scored on the same months.

    Every forecaster, the seasonal naive one too, sees the same history; under two years of it that one carries the
    last value forward.

    Returns
    -------
    pandas.DataFrame
        metric, model, train (months), skill, low, high, replications, beats (whether the interval lies above 0).
    """
    import pandas as pd

    rows: list[dict[str, object]] = []
    for (metric, train), part in table.groupby(["unique_id", "train"], sort=False):
        wide = by_model(part)
        for model in (name for name in wide if name != BENCHMARK):
            found = _skill(*_paired(wide[model].values, wide[BENCHMARK].values))
            rows.append({"metric": metric, "model": model, "train": train, **found, "beats": found["low"] > 0})
    found_table = pd.DataFrame(rows, columns=["metric", "model", "train", *_SKILL, "beats"])
    return found_table.sort_values(["metric", "model", "train"], kind="stable", ignore_index=True)


def best(table: pd.DataFrame) -> pd.DataFrame:
    """Which model suits which series: losses against the model with the lowest mean, paired by replication.

    Returns
    -------
    pandas.DataFrame
        metric, model, wis (mean), ratio (to the seasonal naive forecast), difference (mean loss less that of the best
        model), low, high (simultaneous over the models of a metric, by Bonferroni), best (whether it has the
        lowest mean), alike (whether the difference may be 0). The best is found on the losses that it is judged
        by, so that its lead is a little too large.
    """
    import pandas as pd

    rows: list[dict[str, object]] = []
    for metric, part in longest(table).groupby("unique_id", sort=False):
        wide = by_model(part)
        rows += [{"metric": metric, **row} for row in _ranked(wide)]
    columns = ["metric", "model", "wis", "ratio", "difference", "low", "high", "best", "alike"]
    return pd.DataFrame(rows, columns=columns)


def _ranked(wide: dict[str, Losses]) -> list[dict[str, object]]:
    scored = {name: found for name, found in wide.items() if np.isfinite(found.mean)}
    if not scored:
        return []
    first = min(scored, key=lambda name: scored[name].mean)
    level = 1 - (1 - LEVEL) / max(len(scored) - 1, 1)
    rows = []
    for name, own in scored.items():
        away = Losses(own.values - scored[first].values)
        low, high = (0.0, 0.0) if name == first else mean_bounds(away, level)
        one, other = _paired(own.values, wide[BENCHMARK].values)
        row = {"model": name, "wis": own.mean, "ratio": _ratio(one.mean, other.mean), "difference": away.mean}
        rows.append(row | {"low": low, "high": high, "best": name == first, "alike": not low > 0})
    return rows


def mean_bounds(scored: Losses, level: float = LEVEL) -> tuple[float, float]:
    """Interval of a mean score by resampling replications; NaN under ``LEAST_CLUSTERS``."""
    if scored.replications < LEAST_CLUSTERS:
        return np.nan, np.nan
    return bounds(scored.drawn(resamples(len(scored.values))), level)


def longest(table: pd.DataFrame) -> pd.DataFrame:
    """The rows with the longest history of every series."""
    return table[table["train"] == table.groupby("unique_id")["train"].transform("max")]


def losses(part: pd.DataFrame, measure: str = "wis") -> Losses:
    """A score of one metric and model by replication and step."""
    return Losses(part.pivot(index="replication", columns="step", values=measure).to_numpy(float))


def by_model(part: pd.DataFrame) -> dict[str, Losses]:
    """Weighted interval scores of one metric by model, on the same replications and steps."""
    replications, steps = sorted(part["replication"].unique()), sorted(part["step"].unique())
    wide = part.pivot(index="replication", columns=["model", "step"], values="wis")
    names = list(dict.fromkeys([*part["model"].unique(), BENCHMARK]))
    wide = wide.reindex(index=replications, columns=list(product(names, steps)))
    return {name: Losses(wide[name].to_numpy(float)) for name in names}


def _paired(own: np.ndarray, rival: np.ndarray) -> tuple[Losses, Losses]:
    """Both scores where both are known."""
    known = np.isfinite(own) & np.isfinite(rival)
    return Losses(np.where(known, own, np.nan)), Losses(np.where(known, rival, np.nan))


def _skill(own: Losses, rival: Losses) -> dict[str, float]:
    low = high = np.nan
    if own.replications >= LEAST_CLUSTERS:
        draws = resamples(len(own.values))
        with np.errstate(all="ignore"):
            low, high = bounds(1 - own.drawn(draws) / rival.drawn(draws), LEVEL)
    return {"skill": 1 - _ratio(own.mean, rival.mean), "low": low, "high": high, "replications": own.replications}


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below > 0 else float("nan")
