"""Points of a sweep by replications: what the keys do to a metric, and what is noise of the replications.

Every value is that of a point x in a replication r. Its variance over both is that of the mean at a point (what the
keys do), that of a shift which replication r gives to all points alike (under common random numbers), and the rest:

    y(x, r) = g(x) + c(r) + e(x, r).

References
----------
Searle, S. R., Casella, G. & McCulloch, C. E. (1992). Variance Components, chapter 4 (two-way crossed classification).
Law, A. M. (2015). Simulation Modeling and Analysis, 5th edition, section 11.2 (common random numbers).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

DUST = 1e-12
"""Share of its magnitude below which the spread of a metric is rounding."""

NO_EFFECT = "no effect beyond replication noise"
CONSTANT = "the same at every point"
ONE_REPLICATION = "one replication: noise unknown"


@dataclass(frozen=True, eq=False)
class Responses:
    """A metric at the points of a design.

    Attributes
    ----------
    values : float array, shape (points, replications)
        In the order of the points; NaN where undefined, or where the point has no results.
    replications : int array, shape (replications,)
        Those that every point with results has.
    """

    values: np.ndarray
    replications: np.ndarray


@dataclass(frozen=True)
class Split:
    """Variance of a metric over points and replications, by what makes it.

    Attributes
    ----------
    keys : float
        Variance over points of the expected metric, at least 0.
    shared : float
        Variance of the shift that a replication gives to all points alike: about 0 where points do not share random
        numbers, and of no harm to differences between points where they do.
    own : float
        Variance of the rest: noise that a replication gives to single points.
    p : float
        Of the F test that the expected metric is the same at every point (normal noise).

    All are NaN with one replication.
    """

    keys: float
    shared: float
    own: float
    p: float

    @property
    def noise_share(self) -> float:
        """Share of the variance of single replications that is noise, 0 for a constant metric."""
        total = self.keys + self.shared + self.own
        return (self.shared + self.own) / total if total != 0 else 0.0

    @property
    def shared_share(self) -> float:
        """Share of the noise that all points have in common, 0 without noise."""
        noise = self.shared + self.own
        return self.shared / noise if noise != 0 else 0.0


def responses(points: pd.DataFrame, results: pd.DataFrame, metric: str) -> Responses:
    """A metric as a matrix of points by replications.

    Parameters
    ----------
    points : DataFrame
        Column ``number``, each once, in the order of the design.
    results : DataFrame
        Columns ``number``, ``replication``, ``metric``, ``value``: one period, one scenario.
    metric : str
        Which one.

    Raises
    ------
    ValueError
        If a point is listed twice, has two values of a replication, or no replication is there at all points.
    """
    if points["number"].duplicated().any():
        raise ValueError(f"point {points['number'][points['number'].duplicated()].iloc[0]} is listed twice")
    rows = results[(results["metric"] == metric) & results["number"].isin(points["number"])]
    if rows.duplicated(["number", "replication"]).any():
        raise ValueError(f"{metric}: several values of one point and replication; choose a period and a scenario")
    counts = rows.groupby("replication").size()
    everywhere = counts.index[counts == rows["number"].nunique()]
    if everywhere.empty:
        raise ValueError(f"{metric}: no replication has results at every point")
    wide = rows.pivot(index="number", columns="replication", values="value").reindex(points["number"])
    return Responses(wide[everywhere].to_numpy(float), everywhere.to_numpy(int))


def matrix(points: pd.DataFrame, keys: Sequence[str]) -> np.ndarray:
    """Numbers of the keys by point, shape (points, keys).

    Raises
    ------
    ValueError
        If there is no key, a key has no column, or is not a number at some point.
    """
    if not keys:
        raise ValueError("sensitivity needs at least one key")
    for key in keys:
        if key not in points:
            raise ValueError(f"the points have no column {key}")
        if not pd.api.types.is_numeric_dtype(points[key]) or points[key].isna().any():
            raise ValueError(f"{key} is not a number at every point")
    return points[list(keys)].to_numpy(float)


def split(values: np.ndarray) -> Split:
    """Components of variance of independent points, by the moments of the analysis of variance.

    Parameters
    ----------
    values : float array, shape (points, replications)
        Without NaN, at least two points.
    """
    n, r = values.shape
    if r < 2:
        return Split(math.nan, math.nan, math.nan, math.nan)
    centre, by_point, by_replication = values.mean(), values.mean(axis=1), values.mean(axis=0)
    rest = values - by_point[:, None] - by_replication[None, :] + centre
    between = r * float(((by_point - centre) ** 2).sum()) / (n - 1)
    shifts = n * float(((by_replication - centre) ** 2).sum()) / (r - 1)
    own = float((rest**2).sum()) / ((n - 1) * (r - 1))
    p = _p(between, own, n, r)
    return Split(max(0.0, (between - own) / r), max(0.0, (shifts - own) / n), own, p)


def constant(values: np.ndarray) -> bool:
    """Whether values differ by rounding alone."""
    return bool(np.ptp(values) <= DUST * np.abs(values).max())


def _p(between: float, own: float, n: int, r: int) -> float:
    from scipy.special import fdtrc

    if own == 0:
        return float(between == 0)
    return float(fdtrc(n - 1, (n - 1) * (r - 1), between / own))
