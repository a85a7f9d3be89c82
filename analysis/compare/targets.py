"""How likely each plan reaches a target by a date, and whether it does so more often than the base.

A target is reached in a replication if the metric is at or beyond its value in any month that has ended by the
date. So a stock such as customers need not stay there, and "lowest cash of a month at most 0" is the probability
of running out of money by then. Shares have Wilson's intervals; a plan and the base share their replications, so
that the test counts the replications in which only one of the two reaches the target.

References
----------
McNemar, Q. (1947). Note on the sampling error of the difference between correlated proportions or percentages.
    Psychometrika 12, 153-157.
"""

from __future__ import annotations

import datetime
import difflib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.metrics.periods import MONTH
from analysis.metrics.view import DESK
from analysis.replications import wilson

COLUMNS: tuple[str, ...] = (
    "scenario", "target", "metric", "value", "by", "share", "low", "high", "difference", "p", "replications",
)  # fmt: skip
"""Columns of the table of targets."""

AT_LEAST, AT_MOST = "at_least", "at_most"


@dataclass(frozen=True)
class Target:
    """A value that a metric has to reach.

    Attributes
    ----------
    name : str
        Of the target.
    metric : str
        A metric that is measured by month; of a desk as ``metric_desk``.
    value : float
        In the unit of the metric.
    by : datetime.date, optional
        Last day; the end of the horizon without.
    sense : str
        ``AT_LEAST`` or ``AT_MOST``.
    """

    name: str
    metric: str
    value: float
    by: datetime.date | None = None
    sense: str = AT_LEAST


def targets(
    runs: Mapping[str, pd.DataFrame], wanted: Mapping[str, Mapping[str, Any]], level: float = 0.95
) -> pd.DataFrame:
    """Probability that each plan reaches each target.

    Parameters
    ----------
    runs : mapping
        Scenario to its metrics table; the first is the base.
    wanted : mapping
        Name of a target to ``metric`` and ``value``, and if need be ``by`` (ISO date, None: the end) and ``sense``
        (``at_least``, the default, or ``at_most``).
    level : float
        Confidence of the intervals.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS``, one row per target and scenario. ``by`` is the date asked for, otherwise the end of the last
        month. ``difference`` and ``p`` are over the replications that both have; ``p`` is McNemar's exact one, NaN
        for the base. A replication in which the metric is undefined has not reached the target.

    Raises
    ------
    ValueError
        If a target is not well formed, its metric is unknown or not measured by month, or its date lies outside
        the months of the horizon.
    """
    figures = {scenario: _figures(metrics) for scenario, metrics in runs.items()}
    rows = [row for target in read_targets(wanted) for row in _rows(figures, target, level)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def read_targets(wanted: Mapping[str, Mapping[str, Any]]) -> list[Target]:
    """Targets as a configuration writes them; see ``targets``.

    Raises
    ------
    ValueError
        If one has no metric, no finite value, an unknown key or sense, or a date that is none.
    """
    return [_target(str(name), entry) for name, entry in wanted.items()]


def reached(metrics: pd.DataFrame, target: Target) -> pd.Series:
    """Whether a target is reached, by replication.

    Parameters
    ----------
    metrics : pandas.DataFrame
        The metrics table of a run; without a value of the metric, no replication has reached it.
    target : Target
        Metric, value, date and sense.

    Returns
    -------
    pandas.Series
        Bool, indexed by replication, ascending.
    """
    return _reached(_figures(metrics), target)


def mcnemar(base: np.ndarray, plan: np.ndarray) -> float:
    """Two-sided exact p of two paired shares: of the pairs that differ, as many either way; 1 if none differs.

    Parameters
    ----------
    base, plan : bool array, shape (n,)
        By pair.
    """
    from scipy.special import bdtr

    gained, lost = int((plan & ~base).sum()), int((base & ~plan).sum())
    return min(1.0, 2 * float(bdtr(float(min(gained, lost)), gained + lost, 0.5)))


def _rows(figures: Mapping[str, pd.DataFrame], target: Target, level: float) -> list[dict[str, Any]]:
    """One row per scenario."""
    last = _last_month(figures, target)
    successes = {scenario: _reached(frame, target) for scenario, frame in figures.items()}
    base = next(iter(figures))
    rows = []
    for scenario, found in successes.items():
        share, low, high = wilson(int(found.sum()), len(found), level)
        difference, p = _against(successes[base], found)
        rows.append({
            "scenario": scenario, "target": target.name, "metric": target.metric, "value": target.value,
            "by": (target.by or last).isoformat(), "share": share, "low": low, "high": high,
            "difference": difference, "p": math.nan if scenario == base else p, "replications": len(found),
        })  # fmt: skip
    return rows


def _figures(metrics: pd.DataFrame) -> pd.DataFrame:
    """Totals and figures of desks: replication, ds, period, name, value; the name is ``metric_desk`` of a desk."""
    chosen = (metrics["dim1"].isna() | (metrics["dim1"] == DESK)) & metrics["dim2"].isna()
    rows = metrics.loc[chosen, ["replication", "ds", "period", "metric", "dim1", "level1", "value"]]
    name = rows["metric"].astype("str")
    name = name.where(rows["dim1"].isna(), name + "_" + rows["level1"].astype("str"))
    return rows.assign(name=name).drop(columns=["metric", "dim1", "level1"])


def _reached(figures: pd.DataFrame, target: Target) -> pd.Series:
    chosen = (figures["period"] == MONTH) & (figures["name"] == target.metric)
    if target.by is not None:
        chosen &= figures["ds"] <= pd.Timestamp(target.by)
    values = figures[chosen]
    beyond = values["value"] >= target.value if target.sense == AT_LEAST else values["value"] <= target.value
    found = beyond.groupby(values["replication"]).any()
    return found.reindex(np.unique(figures["replication"]), fill_value=False).astype(bool)


def _against(base: pd.Series, plan: pd.Series) -> tuple[float, float]:
    """Difference of the shares and p over common replications; NaN if there are none."""
    common = base.index.intersection(plan.index)
    if not len(common):
        return math.nan, math.nan
    one, other = base[common].to_numpy(), plan[common].to_numpy()
    return float(other.mean() - one.mean()), mcnemar(one, other)


def _last_month(figures: Mapping[str, pd.DataFrame], target: Target) -> datetime.date:
    """End of the last month that all runs measure, after checks of the metric and of the date."""
    _check_metric(figures, target)
    ends = [frame.loc[frame["period"] == MONTH, "ds"] for frame in figures.values()]
    if not all(map(len, ends)):
        raise ValueError(f"target {target.name}: no month of the horizon is over")
    first = max(end.min() for end in ends).date()
    last: datetime.date = min(end.max() for end in ends).date()
    if target.by is not None and not first <= target.by < _next_month_end(last):
        raise ValueError(f"target {target.name}: {target.by} lies outside the months of the horizon, {first} to {last}")
    return last


def _check_metric(figures: Mapping[str, pd.DataFrame], target: Target) -> None:
    """Refuse a metric that no run has, or that has values but none by month."""
    known = {str(name) for frame in figures.values() for name in frame["name"].unique()}
    if target.metric not in known:
        raise ValueError(f"target {target.name}: metric {target.metric} is unknown; {_near(target.metric, known)}")
    rows = [frame[frame["name"] == target.metric] for frame in figures.values()]
    monthly = any((frame["period"] == MONTH).any() for frame in rows)
    if not monthly and any(frame["value"].notna().any() for frame in rows):
        raise ValueError(f"target {target.name}: metric {target.metric} is not measured by month")


def _next_month_end(last: datetime.date) -> datetime.date:
    """Last day of the month after the one that ends on ``last``."""
    return (pd.Timestamp(last) + pd.offsets.MonthEnd(1)).date()


def _target(name: str, entry: Mapping[str, Any]) -> Target:
    unknown = sorted(set(entry) - {"metric", "value", "by", "sense"})
    if unknown:
        raise ValueError(f"target {name}: {', '.join(unknown)} is unknown; metric, value, by, sense")
    if not entry.get("metric"):
        raise ValueError(f"target {name}: names no metric")
    sense = entry.get("sense") or AT_LEAST
    if sense not in (AT_LEAST, AT_MOST):
        raise ValueError(f"target {name}: sense is {AT_LEAST} or {AT_MOST}, got {sense}")
    return Target(name, str(entry["metric"]), _number(name, entry.get("value")), _date(name, entry.get("by")), sense)


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool):
        raise ValueError(f"target {name}: value must be a number, got {value!r}")
    return number


def _date(name: str, by: Any) -> datetime.date | None:
    if by is None:
        return None
    try:
        return datetime.date.fromisoformat(str(by))
    except ValueError:
        raise ValueError(f"target {name}: by must be a date such as 2026-06-30, got {by!r}") from None


def _near(metric: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(metric, sorted(known), n=1)
    return f"did you mean {close[0]}?" if close else f"metrics are {', '.join(sorted(known))}"
