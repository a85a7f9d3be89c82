"""Hierarchies of series: forecasts of the whole and of its parts that add up, as points and on every sample path.

Every node is forecast by itself; its leaves are then moved (``analysis.forecast.reconcile``) and all sums computed from
them, so that they are exact. Sample paths are joined before, path by path: independent ones would leave the whole too
narrow (Panagiotelis, Gamakumara, Athanasopoulos & Hyndman 2023, Probabilistic forecast reconciliation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.forecast.joint import dependence, joined
from analysis.forecast.reconcile import nearest, weights
from analysis.forecast.results import Forecasts, Outcome, stream, together
from analysis.series import SEPARATOR

if TYPE_CHECKING:
    import pandas as pd

ROOT = "total"
"""Id of the whole, where it has no name of its own."""


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """A whole and its parts, from the top down.

    Attributes
    ----------
    ids : tuple of str (n,)
        Ids of the nodes: the whole, then level by level, leaves last.
    levels : tuple of str (n,)
        Names of their levels: ``total``, then the columns.
    parents : tuple of (str or None) (n,)
        Ids of the nodes that they are part of; None for the whole.
    summing : float array (n, leaves)
        1 where a leaf belongs to a node.
    columns : tuple of str
        Columns of the table that it was made from, coarse to fine.
    """

    ids: tuple[str, ...]
    levels: tuple[str, ...]
    parents: tuple[str | None, ...]
    summing: np.ndarray
    columns: tuple[str, ...]

    @property
    def root(self) -> str:
        """Id of the whole."""
        return self.ids[0]

    @property
    def leaves(self) -> tuple[str, ...]:
        """Ids of the leaves, in the order of the columns of ``summing``."""
        return self.ids[len(self.ids) - self.summing.shape[1] :]


def tree(table: pd.DataFrame, columns: Sequence[str], root: str = ROOT) -> Hierarchy:
    """The hierarchy that some columns of a table make.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns; equal rows count once.
    columns : sequence of str
        Coarse to fine. The id of a node is that of the whole and the values down to it, joined by ``/``.
    root : str
        Id of the whole.

    Raises
    ------
    ValueError
        If a column is absent, a value is missing, or two nodes would bear the same id.
    """
    if absent := [name for name in columns if name not in table.columns]:
        raise ValueError(f"the hierarchy needs a column {absent[0]}; there are {', '.join(map(str, table.columns))}")
    keys = table[list(columns)].drop_duplicates()
    if keys.isna().any(axis=None):
        raise ValueError(f"the hierarchy needs a value of {', '.join(columns)} in every row; some are missing")
    rows = sorted({tuple(row) for row in keys.astype(str).to_numpy()})
    nodes = [part for depth in range(len(columns) + 1) for part in dict.fromkeys(row[:depth] for row in rows)]
    ids = [named(root, node) for node in nodes]
    if len(set(ids)) < len(ids):
        raise ValueError(f"two parts of the hierarchy have the same id {_first_double(ids)}: values hold a {SEPARATOR}")
    summing = np.array([[row[: len(node)] == node for row in rows] for node in nodes], float)
    parents = [named(root, node[:-1]) if node else None for node in nodes]
    levels = [(ROOT, *columns)[len(node)] for node in nodes]
    return Hierarchy(tuple(ids), tuple(levels), tuple(parents), summing, tuple(columns))


def named(root: str, values: Sequence[str]) -> str:
    """Id of the node with these values."""
    return SEPARATOR.join([root, *values])


def _first_double(ids: Sequence[str]) -> str:
    return next(name for place, name in enumerate(ids) if name in ids[:place])


def aggregate(table: pd.DataFrame, hierarchy: Hierarchy) -> pd.DataFrame:
    """Series of all nodes, summed from the rows of the leaves.

    Parameters
    ----------
    table : pandas.DataFrame
        The columns of the hierarchy, ds, y, and optionally floor. Rows of one leaf and date are added.
    hierarchy : Hierarchy
        Of the same table.

    Returns
    -------
    pandas.DataFrame
        Columns unique_id, ds, y, floor, in the order of the nodes and of the dates. A leaf without a row at a date
        counts as zero there; a value that is missing makes the sums missing. The floor of a node is the sum of those
        of its leaves, NaN if one has none.

    Raises
    ------
    ValueError
        If a leaf has no finite value at all.
    """
    import pandas as pd

    keys = table[list(hierarchy.columns)].astype(str).agg(lambda row: named(hierarchy.root, row.tolist()), axis=1)
    rows = pd.DataFrame({"leaf": keys, "ds": pd.to_datetime(table["ds"]), "y": table["y"].astype(float)})
    rows["y"] = rows["y"].where(np.isfinite(rows["y"]))
    if empty := [name for name, part in rows.groupby("leaf")["y"] if part.isna().all()]:
        raise ValueError(f"{empty[0]} has no finite value and cannot be summed: leave it out of the hierarchy")
    wide = rows.groupby(["ds", "leaf"])["y"].sum(skipna=False).unstack()
    there = rows.groupby(["ds", "leaf"]).size().unstack().notna()
    wide = wide.where(there, 0.0).reindex(columns=list(hierarchy.leaves))
    floor = _floors(table, keys).reindex(list(hierarchy.leaves)).to_numpy(float)
    return _long(wide, hierarchy, floor)


def _floors(table: pd.DataFrame, keys: pd.Series) -> pd.Series:
    import pandas as pd

    known = table["floor"] if "floor" in table.columns else pd.Series(np.nan, index=table.index)
    return known.groupby(keys).first()


def _long(wide: pd.DataFrame, hierarchy: Hierarchy, floor: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    values = wide.to_numpy(float)
    missing = np.isnan(values).astype(float) @ hierarchy.summing.T > 0
    sums = np.where(missing, np.nan, np.nan_to_num(values) @ hierarchy.summing.T)
    none = hierarchy.summing @ np.isnan(floor) > 0
    lowest = np.where(none, np.nan, hierarchy.summing @ np.nan_to_num(floor))
    return pd.DataFrame(
        {
            "unique_id": np.repeat(hierarchy.ids, len(wide)),
            "ds": np.tile(wide.index.to_numpy(), len(hierarchy.ids)),
            "y": sums.T.ravel(),
            "floor": np.repeat(lowest, len(wide)),
        }
    )


# Reconciliation


def reconciled(forecasts: Forecasts, hierarchy: Hierarchy, method: str, floor: np.ndarray | None = None) -> Forecasts:
    """Forecasts of all nodes of a hierarchy, made to add up; other series in the table stay as they are.

    Parameters
    ----------
    forecasts : Forecasts
        Of ``aggregate``'s series, and of others.
    hierarchy : Hierarchy
    method : str
        One of ``analysis.forecast.reconcile.METHODS``.
    floor : float array (leaves,), optional
        Lowest values of the leaves, -inf for none.

    Raises
    ------
    ValueError
        If a node has no forecast, or the method cannot be used.
    """
    if lost := [name for name in hierarchy.ids if name not in forecasts.paths]:
        raise ValueError(f"{lost[0]} has no forecast, so that the hierarchy cannot be reconciled")
    parts = {str(name): part for name, part in forecasts.table.groupby("unique_id", sort=False)}
    errors = together(forecasts.surprises[name] for name in hierarchy.ids)
    means = np.stack([parts[name]["mean"].to_numpy(float) for name in hierarchy.ids])[:, None]
    paths = np.stack([forecasts.paths[name] for name in hierarchy.ids])
    paths = joined(paths, dependence(errors), stream(hierarchy.root))
    points, paths = (reconcile(values, hierarchy, method, errors, floor) for values in (means, paths))
    return _replaced(forecasts, hierarchy, method, (points[:, 0], paths))


def _replaced(
    forecasts: Forecasts, hierarchy: Hierarchy, method: str, found: tuple[np.ndarray, np.ndarray]
) -> Forecasts:  # fmt: skip
    import pandas as pd

    parts = {str(name): part for name, part in forecasts.table.groupby("unique_id", sort=False)}
    for name, mean, paths in zip(hierarchy.ids, *found, strict=True):
        outcome = Outcome(parts[name], paths, forecasts.surprises[name]).along(paths)
        note = ["; ".join(filter(None, (text, f"reconciled by {method}"))) for text in parts[name]["note"]]
        parts[name] = outcome.table.assign(mean=mean, note=note)
    table = pd.concat(parts.values(), ignore_index=True)
    return replace(forecasts, table=table, paths=forecasts.paths | dict(zip(hierarchy.ids, found[1], strict=True)))


def reconcile(
    paths: np.ndarray,
    hierarchy: Hierarchy,
    method: str,
    errors: np.ndarray | None = None,
    floor: np.ndarray | None = None,
) -> np.ndarray:
    """Paths of all nodes, made to add up.

    Parameters
    ----------
    paths : float array (n, paths, h)
        In the order of the nodes.
    hierarchy : Hierarchy
    method : str
        One of ``analysis.forecast.reconcile.METHODS``.
    errors : float array (T, n), optional
        One-step errors of the past on the same dates; ``mint_shrink`` needs them.
    floor : float array (leaves,), optional
        Lowest values of the leaves, -inf for none.

    Returns
    -------
    float array (n, paths, h)
        Sums of the leaves, exactly.
    """
    summing, low = hierarchy.summing, floor
    flat = paths.reshape(len(paths), -1)
    if method == "bottom_up":
        leaves = flat[len(flat) - summing.shape[1] :]
        leaves = leaves if low is None else np.maximum(leaves, low[:, None])
    else:
        leaves = nearest(flat, summing, weights(summing, method, errors), low)
    return np.asarray((summing @ leaves).reshape(paths.shape))
