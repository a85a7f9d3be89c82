"""Numbers behind the charts: bands over replications, the funnel, retention of cohorts, desks by month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.report.folder import Folder

if TYPE_CHECKING:
    import pandas as pd

LOW, HIGH = 0.1, 0.9
"""Quantiles over replications between which 80 per cent of them lie."""

ROLES = {"touched": "touched", "registered": "lead", "qualified": "qualified", "opened": "opportunity",
         "signed": "signed", "activated": "activated", "paid": "paid"}
"""Columns of accounts that mark a step of the funnel, and the name of the step in the metrics."""

AGES = tuple(range(0, 37, 3))
"""Ages in months at which the retention of a cohort is read."""

MIN_COHORT = 10
"""Customers, over all replications, below which a cohort shows no share."""


@dataclass(frozen=True)
class Rate:
    """A figure with its interval; the interval is NaN where there is none."""

    mean: float
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True)
class Step:
    """One step of the funnel: accounts per replication, share of the step before, median days since then."""

    name: str
    count: float
    low: float
    high: float
    share: Rate
    days: Rate


def bands(frame: pd.DataFrame, value: str = "value") -> pd.DataFrame:
    """Median and 80 per cent band over replications by ``ds``, as columns low, median, high."""
    quantiles = frame.dropna(subset=[value]).groupby("ds")[value].quantile([LOW, 0.5, HIGH]).unstack()
    return quantiles.set_axis(["low", "median", "high"], axis=1).sort_index()


def metric_bands(folder: Folder, metric: str) -> pd.DataFrame:
    """Bands of one monthly metric; empty where it is absent or never defined."""
    rows = folder.months[folder.months["metric"] == metric]
    return bands(rows) if rows["value"].notna().any() else rows.iloc[:0]


def funnel(folder: Folder) -> list[Step]:
    """Steps of the funnel in the order in which accounts take them; steps that nobody took are left out."""
    accounts = folder.accounts
    columns = [f"{s}_at" for s in ROLES if f"{s}_at" in accounts and accounts[f"{s}_at"].notna().any()]
    steps, before = [], ""
    for column in _in_order(accounts, columns):
        steps.append(_step(folder, column, before))
        before = column
    return steps


def _in_order(accounts: pd.DataFrame, columns: list[str]) -> list[str]:
    late = [c for c in columns if c in ("signed_at", "activated_at", "paid_at")]
    if "signed_at" not in late:
        return columns
    lag = {c: (accounts[c] - accounts["signed_at"]).median() for c in late}
    return [c for c in columns if c not in late] + sorted(late, key=lambda c: lag[c])


def _step(folder: Folder, column: str, before: str) -> Step:
    accounts = folder.accounts
    counts = accounts[column].notna().groupby(accounts["replication"]).sum()
    low, high = counts.quantile(LOW), counts.quantile(HIGH)
    nothing = Rate(float("nan"))
    share = days = nothing
    if before:
        names = f"{ROLES[before[:-3]]}_{ROLES[column[:-3]]}"
        both = accounts[accounts[before].notna()]
        share = _published(folder, f"conversion_{names}") or Rate(float(both[column].notna().mean()))
        lag = (both[column] - both[before]).dt.total_seconds() / 86400
        days = _published(folder, f"days_{names}") or Rate(float(lag[lag >= 0].median()))
    return Step(column[:-3], float(counts.mean()), float(low), float(high), share, days)


def _published(folder: Folder, metric: str) -> Rate | None:
    row = folder.figure(metric)
    return None if row is None else Rate(row["mean"], row["ci_low"], row["ci_high"])


def spells(folder: Folder) -> pd.DataFrame:
    """Times as a customer: replication, account, start, stop (NaT while it lasts), months and censored months."""
    rows = folder.spells
    if rows.empty:
        return rows.assign(start=None, stop=None)
    rows = rows.sort_values(["replication", "account", "timestamp"], kind="stable")
    rows["gone"] = rows["activity"] == "churned"
    rows["spell"] = rows.groupby(["replication", "account"])["gone"].cumsum() - rows["gone"]
    keys = ["replication", "account", "spell"]
    start = rows[~rows["gone"]].groupby(keys)["timestamp"].min().rename("start")
    stop = rows[rows["gone"]].groupby(keys)["timestamp"].max().rename("stop")
    return start.to_frame().join(stop).reset_index()


def cohorts(folder: Folder) -> pd.DataFrame:
    """First times as a customer with quarter of signing, months lasted, months that could be seen."""
    first = spells(folder)
    if first.empty:
        return first
    first = first[first["spell"] == 0]
    month = 365.25 / 12
    seen = (folder.end - first["start"]).dt.total_seconds() / 86400 / month
    lasted = (first["stop"] - first["start"]).dt.total_seconds() / 86400 / month
    return first.assign(
        cohort=first["start"].dt.to_period("Q"), seen=seen, lasted=lasted.fillna(float("inf"))
    )


def retention_by_quarter(folder: Folder) -> pd.DataFrame:
    """Share still customers by quarter of signing (index) and age in months (columns), with ``customers``.

    All replications pooled; an age is shown only where every member of the cohort could reach it.
    """
    import pandas as pd

    people = cohorts(folder)
    if people.empty:
        return pd.DataFrame()
    groups = people.groupby("cohort")
    size, seen = groups.size(), groups["seen"].min()
    shares = {
        age: (people["lasted"] > age).groupby(people["cohort"]).mean().where((seen >= age) & (size >= MIN_COHORT))
        for age in AGES
    }
    frame = pd.DataFrame(shares).dropna(axis=1, how="all")
    return frame.assign(customers=size / max(folder.replications, 1)).loc[frame.notna().any(axis=1)]


def retention_curve(folder: Folder) -> pd.DataFrame:
    """Kaplan-Meier share still customers by age in months (index ``ds``), median and band over replications."""
    import pandas as pd

    people = cohorts(folder)
    if people.empty:
        return pd.DataFrame()
    curves = [
        _kaplan_meier(part).rename("value").rename_axis("ds").reset_index().assign(replication=r)
        for r, part in people.groupby("replication")
    ]
    return bands(pd.concat(curves))


def _kaplan_meier(people: pd.DataFrame) -> pd.Series:
    import numpy as np
    import pandas as pd

    lasted, seen = people["lasted"].to_numpy(), people["seen"].to_numpy()
    stop = np.minimum(lasted, seen)
    order = np.argsort(stop, kind="stable")
    stop, gone = stop[order], (lasted <= seen)[order]
    at_risk = len(stop) - np.searchsorted(stop, stop, side="left")
    alive = np.cumprod(1 - gone / np.maximum(at_risk - _rank_in_ties(stop), 1))
    ages = np.arange(0, int(seen.max()) + 1)
    position = np.searchsorted(stop, ages, side="right")
    enough = len(stop) - position >= MIN_COHORT
    return pd.Series(np.where(enough, np.concatenate([[1.0], alive])[position], np.nan), index=ages).dropna()


def _rank_in_ties(values: object) -> object:
    import numpy as np

    array = np.asarray(values)
    return np.arange(len(array)) - np.searchsorted(array, array, side="left")


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
    waited = (rows["wait_days"] * rows["started"]).where(rows["wait_days"].notna())
    rows = rows.assign(waited=waited, waiting=rows["started"].where(rows["wait_days"].notna()))
    sums = rows.groupby("desk", observed=True, sort=False).agg(
        heads=("heads", "mean"), started=("started", "mean"), busy=("busy_hours", "sum"),
        capacity=("capacity_hours", "sum"), waited=("waited", "sum"), waiting=("waiting", "sum"),
    )
    return sums.assign(
        load=sums["busy"] / sums["capacity"].where(sums["capacity"] > 0),
        wait=sums["waited"] / sums["waiting"].where(sums["waiting"] > 0),
    )
