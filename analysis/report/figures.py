"""Numbers behind the charts: bands over replications, the funnel, retention of cohorts, desks by month."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.report.folder import Folder

if TYPE_CHECKING:
    import pandas as pd

LOW, HIGH = 0.1, 0.9
"""Quantiles over replications between which 80 per cent of them lie."""

STEPS = {"lead_journeys": "lead", "qualified": "qualified", "opportunities": "opportunity", "signed": "signed",
         "activated": "activated"}  # fmt: skip
"""Metrics that count the steps of the funnel, with the names of the steps in conversions and times."""

MONTH_DAYS = 365.25 / 12

AGES = tuple(range(3, 61, 3))
"""Ages in months at which the retention of a cohort is read."""

MIN_COHORT = 10
"""Customers below which a share is not shown."""


@dataclass(frozen=True)
class Rate:
    """A figure with its interval; NaN where there is none."""

    mean: float = math.nan
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Step:
    """One step of the funnel: how many pass it, which share of the step ``before`` does, how long that takes."""

    name: str
    count: Rate
    share: Rate = Rate()
    days: Rate = Rate()
    before: str = ""


def bands(frame: pd.DataFrame, value: str = "value") -> pd.DataFrame:
    """Median and 80 per cent band over replications by ``ds``, as columns low, median, high."""
    quantiles = frame.dropna(subset=[value]).groupby("ds")[value].quantile([LOW, 0.5, HIGH]).unstack()
    return quantiles.reindex(columns=[LOW, 0.5, HIGH]).set_axis(["low", "median", "high"], axis=1).sort_index()


def metric_bands(folder: Folder, metric: str) -> pd.DataFrame:
    """Bands of one monthly metric; empty where it is nowhere defined, or zero throughout."""
    rows = folder.months[folder.months["metric"] == metric]
    return bands(rows) if rows["value"].fillna(0).ne(0).any() else rows.iloc[:0]


def rate(folder: Folder, metric: str) -> Rate:
    """A metric of the summary over the whole time."""
    row = folder.figure(metric)
    return Rate() if row is None else Rate(row["mean"], row["ci_low"], row["ci_high"])


def funnel(folder: Folder) -> list[Step]:
    """Steps of the funnel that are passed at all, contacts first.

    Where more journeys reach activation than signature, they do so in a trial: activation then comes first.
    """
    counts = {m: c for m in ("touches", *STEPS) if (c := rate(folder, m)).mean > 0}
    order = list(counts)
    if {"signed", "activated"} <= set(order) and counts["activated"].mean > counts["signed"].mean:
        order[order.index("signed") :] = ["activated", "signed"]
    return [_step(folder, metric, counts[metric], order[:place]) for place, metric in enumerate(order)]


def _step(folder: Folder, metric: str, count: Rate, earlier: list[str]) -> Step:
    """The step with its share of the nearest earlier step for which there is one."""
    for before in reversed(earlier):
        names = f"{STEPS.get(before)}_{STEPS.get(metric)}"
        share = rate(folder, f"conversion_{names}")
        if share.mean == share.mean:
            return Step(metric, count, share, rate(folder, f"days_{names}"), before)
    return Step(metric, count)


def spells(folder: Folder) -> pd.DataFrame:
    """First times as a customer: replication, start and stop in days (stop NaN while it lasts)."""
    rows = folder.spells
    days = (rows["timestamp"] - folder.start).dt.total_seconds() / 86400 if len(rows) else rows["timestamp"]
    gone = rows["activity"] == "churned"
    keys = [rows["replication"], rows["account"]]
    start = days[~gone].groupby([k[~gone] for k in keys]).min().rename("start")
    stop = days[gone].groupby([k[gone] for k in keys]).min().rename("stop")
    return start.to_frame().join(stop).reset_index()


def retention_curve(folder: Folder) -> pd.DataFrame:
    """Share still customers by age in months, Kaplan-Meier: all replications together, and their 80 per cent band.

    Columns low, median, high, where ``median`` is the curve of all; the band ends where a replication has too
    few customers left under observation.
    """
    import pandas as pd

    people = spells(folder)
    together = _survival(people, folder.days)
    if together.empty:
        return pd.DataFrame()
    alone = pd.DataFrame({r: _survival(p, folder.days) for r, p in people.groupby("replication")}).dropna()
    edges = alone.quantile([LOW, HIGH], axis=1).T.set_axis(["low", "high"], axis=1)
    return together.rename("median").to_frame().join(edges)


def _survival(people: pd.DataFrame, horizon: float) -> pd.Series:
    import numpy as np
    import pandas as pd

    from analysis.retention import kaplan_meier

    people = people[~(people["stop"] < 0)]
    start, stop = people["start"].to_numpy(float), people["stop"].to_numpy(float)
    observed, entry = np.fmin(stop, horizon) - start, np.maximum(-start, 0.0)
    ages = np.arange(0, int((horizon - start).max() / MONTH_DAYS) + 1) if len(start) else np.arange(0)
    there = (observed[:, None] >= ages * MONTH_DAYS) & (entry[:, None] <= ages * MONTH_DAYS)
    enough = np.logical_and.accumulate(there.sum(axis=0) >= MIN_COHORT)
    shares = kaplan_meier(observed, ~np.isnan(stop), entry=entry).at(ages[enough] * MONTH_DAYS)
    return pd.Series(shares, index=ages[enough], dtype=float)


def retention_by_quarter(folder: Folder) -> pd.DataFrame:
    """Share still customers by quarter of signing (index, a period) and age in months, with ``customers``.

    All replications together; a cell is filled where every member of the cohort could reach the age. Who had signed
    before the start of the horizon belongs to no quarter: those who had left by then are not known.
    """
    import numpy as np
    import pandas as pd

    from analysis.retention import cohort_retention

    people = spells(folder)
    people = people[people["start"] >= 0]
    quarters = pd.period_range(folder.start, folder.end, freq="Q")
    edges = np.array([(q.start_time - folder.start).days for q in quarters] + [folder.days + 1], float)
    start, stop = people["start"].to_numpy(float), people["stop"].to_numpy(float)
    shares = cohort_retention(start, stop, edges, np.array(AGES) * MONTH_DAYS, folder.days)
    size = np.histogram(start, edges)[0]
    frame = pd.DataFrame(shares, index=quarters, columns=AGES)[size >= MIN_COHORT].dropna(axis=1, how="all")
    frame = frame.assign(customers=size[size >= MIN_COHORT] / max(folder.replications, 1))
    return frame[frame.drop(columns="customers").notna().any(axis=1)]


def desk_months(folder: Folder) -> pd.DataFrame:
    """Staffing with ``load``: busy hours over capacity; NaN in months without capacity."""
    rows = folder.staffing
    capacity = rows["capacity_hours"].where(rows["capacity_hours"] > 0)
    return rows.assign(load=rows["busy_hours"] / capacity)


def desk_totals(folder: Folder) -> pd.DataFrame:
    """One row per desk: mean heads, load, wait in days per started work, work started per month."""
    rows = folder.staffing
    if rows.empty:
        return rows
    counted = rows["started"].where(rows["wait_days"].notna())
    rows = rows.assign(waited=rows["wait_days"] * counted, counted=counted)
    how: dict[str, Any] = {"heads": "mean", "started": "mean", "busy_hours": "sum", "capacity_hours": "sum",
                           "waited": "sum", "counted": "sum"}  # fmt: skip
    sums = rows.groupby("desk", observed=True, sort=False).agg(how)
    return sums.assign(
        load=sums["busy_hours"] / sums["capacity_hours"].where(sums["capacity_hours"] > 0),
        wait=sums["waited"] / sums["counted"].where(sums["counted"] > 0),
    )
