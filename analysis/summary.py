"""The summary of a run: every metric by fiscal year and over the horizon, as a mean with its interval."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.metrics.periods import HORIZON, YEAR
from analysis.metrics.view import DESK
from analysis.replications import willink

COLUMNS: tuple[str, ...] = (
    "metric", "period", "unit", "mean", "ci_low", "ci_high", "sd", "replications", "n_defined",
)  # fmt: skip
"""Columns of ``summary.csv``."""


def summary(metrics: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Mean over the replications in which a metric is defined, with Willink's interval.

    Parameters
    ----------
    metrics : pandas.DataFrame
        The metrics table.
    level : float
        Confidence.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS``, one row per metric and period, in the order of the metrics table; the period is ``horizon`` or
        ``FY`` with the year in which the fiscal year ends. Totals, and figures of a desk as ``metric_desk``.
    """
    values = by_replication(metrics)
    replications = int(metrics["replication"].nunique())
    if values.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    found = [willink(v, level) for v in values.to_numpy(float)]
    frame = values.index.to_frame(index=False).drop(columns="place")
    figures = {
        "mean": [f.mean for f in found],
        "ci_low": [f.low for f in found],
        "ci_high": [f.high for f in found],
        "sd": [f.sd for f in found],
        "replications": replications,
        "n_defined": [f.n for f in found],
    }
    return frame.assign(**figures)[list(COLUMNS)]


def by_replication(metrics: pd.DataFrame) -> pd.DataFrame:
    """Rows of the summary with one column per replication; the index is place, metric, period, unit."""
    return _rows(metrics).pivot(index=["place", "metric", "period", "unit"], columns="replication", values="value")


def warnings(metrics: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Metrics whose intervals are doubtful: metric, period, skewness, warning."""
    rows = _rows(metrics)
    groups = rows.groupby(["metric", "period"], sort=False)["value"]
    found = [(m, p, i.skewness, i.warning) for (m, p), v in groups if (i := willink(v.to_numpy(float), level)).warning]
    return pd.DataFrame(found, columns=["metric", "period", "skewness", "warning"])


def _rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """Rows of the summary, one per replication: place, metric, period, unit, replication, value."""
    dim, kind = metrics["dim1"].astype("str"), metrics["period"].astype("str")
    chosen = kind.isin([YEAR, HORIZON]) & (dim.isna() | (dim == DESK)) & metrics["dim2"].isna()
    rows = metrics[chosen]
    year = "FY" + rows["ds"].dt.year.astype("str")
    desk = rows["level1"].astype("str")
    name = rows["metric"].astype("str")
    frame = pd.DataFrame(
        {
            "metric": np.where(desk.isna(), name, name + "_" + desk.fillna("")),
            "period": np.where(kind[chosen] == HORIZON, HORIZON, year),
            "unit": rows["unit"].astype("str").to_numpy(),
            "replication": rows["replication"].to_numpy(),
            "value": rows["value"].to_numpy(float),
        }
    )
    order = frame.drop_duplicates("metric")["metric"]
    place = pd.Categorical(frame["metric"], categories=order).codes
    return frame.assign(place=place)
