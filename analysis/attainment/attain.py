"""What of a plan is attained: value against target, the variance to plan, and the chance to reach it.

Attainment is the simulated value over the target, the variance to plan is the simulated value less the target; both
move with the value alone, so that their intervals are the interval of the mean (Willink 2005), moved and scaled. The
chance is the share of replications that reach the target, with Wilson's interval (1927): it says how well so many
replications know the probability under the model, not how right the model is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.attainment.figures import Figures
from analysis.attainment.target import MEASURED, NO_LEVEL, UNDEFINED, Target, standing
from analysis.metrics.periods import Calendar
from analysis.replications import willink, wilson

COLUMNS: tuple[str, ...] = (
    "target", "metric", "dim", "level", "period", "kind", "ds", "value", "sense", "unit", "status", "mean", "ci_low",
    "ci_high", "attainment", "attainment_low", "attainment_high", "variance", "variance_low", "variance_high", "hits",
    "chance", "chance_low", "chance_high", "replications", "n_defined",
)  # fmt: skip
"""Columns of the table of targets; ``ds`` is the last day of the period."""


def attain(metrics: pd.DataFrame, targets: Sequence[Target], calendar: Calendar, level: float = 0.95) -> pd.DataFrame:
    """Every target against a run.

    Parameters
    ----------
    metrics : pandas.DataFrame
        The metrics table.
    targets : sequence of Target
    calendar : Calendar
        Months of the horizon.
    level : float
        Confidence of the intervals.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS``, a row per target in their order; those that cannot be measured say so in ``status`` and have no
        figures. Attainment is null where the target is not positive. A replication in which the metric is undefined
        has not reached the target.
    """
    figures = Figures(metrics, {target.metric for target in targets})
    rows = [_row(figures, target, calendar, level) for target in targets]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"hits": "Int64"})


def _row(figures: Figures, target: Target, calendar: Calendar, level: float) -> dict[str, Any]:
    period, status = target.period, standing(target, calendar)
    values = figures.values(target.metric, period, target.dim, target.level)
    if status == MEASURED and np.isnan(values).all():
        status = UNDEFINED if figures.has(target.metric, target.dim, target.level) else NO_LEVEL
    told: dict[str, Any] = {
        "target": target.name, "metric": target.metric, "dim": target.dim or None, "level": target.level or None,
        "period": period.text, "kind": period.kind, "ds": _last_day(period.end, calendar), "value": target.value,
        "sense": target.sense, "unit": figures.units.get(target.metric, ""), "status": status,
        "replications": len(values), "n_defined": 0,
    }  # fmt: skip
    return told | (_judged(target, values, level) if status == MEASURED else {})


def _judged(target: Target, values: np.ndarray, level: float) -> dict[str, Any]:
    found = willink(values, level)
    bounds = (found.mean, found.low, found.high)
    hits = int(sum(target.reached(value) for value in values))
    share, low, high = wilson(hits, len(values), level)
    part = [b / target.value if target.value > 0 else math.nan for b in bounds]
    gap = [b - target.value for b in bounds]
    return {
        "mean": found.mean, "ci_low": found.low, "ci_high": found.high, "attainment": part[0],
        "attainment_low": part[1], "attainment_high": part[2], "variance": gap[0], "variance_low": gap[1],
        "variance_high": gap[2], "hits": hits, "chance": share, "chance_low": low, "chance_high": high,
        "n_defined": found.n,
    }  # fmt: skip


def _last_day(end: str, calendar: Calendar) -> str:
    if not end:
        return str(calendar.groups["horizon"].ends[0].astype("datetime64[D]"))
    return str((np.datetime64(end, "M") + 1).astype("datetime64[D]") - 1)
