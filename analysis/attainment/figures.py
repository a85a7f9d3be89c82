"""The metrics table as targets need it: one figure by replication, or a series of months by replication."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from analysis.attainment.period import Period
from analysis.metrics.periods import MONTH


class Figures:
    """Some metrics of a run.

    Parameters
    ----------
    metrics : pandas.DataFrame
        The metrics table.
    names : iterable of str
        Metrics that will be asked for.
    """

    def __init__(self, metrics: pd.DataFrame, names: Iterable[str]) -> None:
        self.replications = np.unique(metrics["replication"].to_numpy())
        rows = metrics[metrics["metric"].isin(set(names)) & metrics["dim2"].isna()]
        month = rows["ds"].to_numpy().astype("datetime64[M]").astype("str")
        kind = rows["period"].astype("str")
        keys = {
            "metric": rows["metric"].astype("str"),
            "kind": kind,
            "dim": rows["dim1"].astype("object").fillna(""),
            "level": rows["level1"].astype("object").fillna(""),
        }
        self._rows = rows.assign(month=month, **keys)
        self._parts = dict(list(self._rows.groupby(list(keys), sort=False)))
        self.units = dict(zip(self._rows["metric"], self._rows["unit"].astype("str"), strict=True))

    def has(self, metric: str, dim: str = "", level: str = "") -> bool:
        """Whether a metric has rows of a part."""
        return any(key[0] == metric and key[2:] == (dim, level) for key in self._parts)

    def values(self, metric: str, period: Period, dim: str = "", level: str = "") -> np.ndarray:
        """One figure by replication, NaN where there is none; shape (replications,)."""
        rows = self._parts.get((metric, period.kind, dim, level))
        if rows is None:
            return np.full(len(self.replications), np.nan)
        if period.end:
            rows = rows[rows["month"] == period.end]
        return rows.set_index("replication")["value"].reindex(self.replications).to_numpy(float)

    def months(self, metric: str, dim: str = "", level: str = "") -> pd.DataFrame:
        """Months down (``YYYY-MM``), replications across."""
        rows = self._parts.get((metric, MONTH, dim, level))
        if rows is None:
            return pd.DataFrame(columns=self.replications, dtype=float)
        table = rows.pivot(index="month", columns="replication", values="value")
        return table.reindex(columns=self.replications).astype(float)

    def levels(self, metric: str, dim: str) -> list[str]:
        """Levels of a dimension in which a metric is measured, in their order."""
        return list(dict.fromkeys(key[3] for key in self._parts if key[0] == metric and key[2] == dim))
