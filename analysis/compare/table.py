"""The table of a comparison: every metric of every plan against the base, and when there are replications enough."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.compare.family import check_family, holm, single_level
from analysis.compare.paired import Paired, paired
from analysis.metrics.periods import HORIZON
from analysis.replications import ENOUGH_IF_SKEWED, FIRST, GROWTH, HEAVY_TAIL, LOOKS, Precision
from analysis.summary import by_replication

COLUMNS: tuple[str, ...] = (
    "scenario", "metric", "period", "mean", "difference", "ci_low", "ci_high", "ci_level", "interval_method", "family",
    "p_holm", "correlation", "variance_ratio", "n_touched", "replications", "unit", "base", "p", "note",
)  # fmt: skip
"""Columns of a comparison, before the business is put in front."""

PRIMARY, EXPLORATORY = "primary", "exploratory"
"""Whether a difference belongs to the family."""

REACHED, BUDGET_SPENT, LOOKS_SPENT = "reached", "budget spent", "looks spent"
"""Why replications end."""


def comparison(runs: Mapping[str, pd.DataFrame], primary: Sequence[str], level: float = 0.95) -> pd.DataFrame:
    """Every metric of every plan against the base, by fiscal year and over the horizon.

    The primary metrics over the horizon are a family: their intervals hold at once (Bonferroni), ``ci_level`` is
    the level of the single one, ``p_holm`` the adjusted p. All others are exploratory and unadjusted.

    Parameters
    ----------
    runs : mapping of str to pandas.DataFrame
        Metrics tables by scenario, the base first. Replications are paired by number; one that only one of the
        two has is left out, and so is a metric that only one of them defines.
    primary : sequence of str
        Names as in the summary, such as ``revenue`` or ``utilisation_sales``.
    level : float
        Confidence of the family, and of every exploratory interval.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS``; rows by scenario in the order of ``runs``, by metric and period in the order of the base.

    Raises
    ------
    ValueError
        For fewer than two runs, a family that is too large, or a primary metric that no run has.
    """
    if len(runs) < 2:
        raise ValueError(f"a comparison needs a base and at least one plan, got {len(runs)} runs")
    check_family(primary, len(runs) - 1)
    base, *plans = [by_replication(metrics).droplevel("place") for metrics in runs.values()]
    single = single_level(len(primary) * len(plans), level)
    rows = [
        {"scenario": name, **row}
        for name, plan in zip(list(runs)[1:], plans, strict=True)
        for row in _rows(base, plan, dict.fromkeys(primary, single), level)
    ]
    _check_primary(primary, rows)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    chosen = table["family"] == PRIMARY
    table["p_holm"] = np.nan
    table.loc[chosen, "p_holm"] = holm(table.loc[chosen, "p"].to_numpy(float))
    return table


def _rows(
    base: pd.DataFrame, plan: pd.DataFrame, primary: Mapping[str, float], level: float
) -> Iterator[dict[str, Any]]:
    """Rows of one plan; ``primary`` gives the levels of the family."""
    place = base.index.append(plan.index.difference(base.index, sort=False))
    numbers = base.columns.union(plan.columns)
    ours, theirs = (frame.reindex(index=place, columns=numbers).to_numpy(float) for frame in (base, plan))
    for row, (metric, period, unit) in enumerate(place):
        member = period == HORIZON and metric in primary
        found = paired(ours[row], theirs[row], primary[metric] if member else level)
        family = PRIMARY if member else EXPLORATORY
        yield {"metric": metric, "period": period, "unit": unit, "family": family, **_columns(found)}


def _columns(found: Paired) -> dict[str, Any]:
    return {
        "mean": found.mean,
        "base": found.base,
        "difference": found.difference,
        "ci_low": found.low,
        "ci_high": found.high,
        "ci_level": found.level,
        "interval_method": found.interval_method,
        "p": found.p,
        "correlation": found.correlation,
        "variance_ratio": found.variance_ratio,
        "n_touched": found.n_touched,
        "replications": found.replications,
        "note": found.note,
    }


def _check_primary(primary: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    there = {row["metric"] for row in rows if row["family"] == PRIMARY}
    missing = [metric for metric in primary if metric not in there]
    if missing:
        raise ValueError(f"primary metric {', '.join(missing)} has no value over the horizon in any of the runs")


class Look(NamedTuple):
    """What a look at the replications so far says.

    Attributes
    ----------
    total : int
        Replications to have at the next look; those so far if they are the last.
    stopped : str
        ``reached``, ``budget spent`` or ``looks spent``; empty if there is a next look.
    """

    total: int
    stopped: str


def difference_precision(
    base: np.ndarray, plan: np.ndarray, precision: Precision, look: int, budget: int, *, level: float = 0.95
) -> Look:
    """Whether a difference is tight enough, and how many replications to have next if it is not.

    The half-width asked for is the larger of ``absolute`` and ``relative`` times the *base's* mean: the difference
    itself may be near zero, and no number of replications makes an interval small beside that. Twenty replications
    come first, then at most half as many again at each of at most five looks. A heavy tail needs fifty. An
    interval at which one has stopped covers a little less than it says, because narrow ones stop earlier.

    Parameters
    ----------
    base, plan : float array, shape (replications,)
        The metric so far.
    precision : Precision
        What is asked for.
    look : int
        Number of looks taken, this one included.
    budget : int
        Most replications of each plan.
    level : float
        Confidence of the interval as the table shows it: of a member of a family the single level.

    Raises
    ------
    ValueError
        If no width is asked for, or the budget or the look is not positive.
    """
    if max(precision.absolute, precision.relative) <= 0:
        raise ValueError("precision: asks for no width, got neither relative nor absolute")
    if budget < 1 or look < 1:
        raise ValueError(f"budget and look must be positive, got {budget} and {look}")
    n = len(base)
    found = paired(base, plan, level)
    target = _target(found, precision)
    if n >= min(FIRST, budget) and _reached(found, target):
        return Look(n, REACHED)
    if n >= budget:
        return Look(n, BUDGET_SPENT)
    if n >= FIRST and look >= LOOKS:
        return Look(n, LOOKS_SPENT)
    return Look(min(_wanted(n, found, target), budget), "")


def _target(found: Paired, precision: Precision) -> float:
    relative = 0.0 if math.isnan(found.base) else precision.relative * abs(found.base)
    return max(precision.absolute, relative)


def _reached(found: Paired, target: float) -> bool:
    return HEAVY_TAIL not in found.note and found.half_width <= target


def _wanted(n: int, found: Paired, target: float) -> int:
    """Replications at which the interval should be tight enough, as far as growth allows."""
    most = math.ceil(GROWTH * n)
    if n < FIRST:
        return FIRST
    if not found.half_width < math.inf or target <= 0:
        return most
    needed = n * min((found.half_width / target) ** 2, GROWTH)
    enough = ENOUGH_IF_SKEWED if HEAVY_TAIL in found.note else 0
    return min(max(math.ceil(needed), enough, n + 1), most)
