"""Several run folders as one group: the whole over businesses, of the metrics that are sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from scenarios.errors import InputError, shown

if TYPE_CHECKING:
    import pandas as pd

    from analysis.forecast.hierarchy import Hierarchy
    from scenarios.forecasts.source import Source

BUSINESS = "business"
"""Level of a hierarchy over run folders; the only one that stands above the dimensions of a run's metrics."""

Found = Mapping[str, "Source"]
"""Series of run folders by the name of the folder."""


def summed(found: Found, dims: Sequence[str]) -> tuple[list[pd.DataFrame], list[Hierarchy], list[str]]:
    """Sums over run folders, with their trees and what was left out.

    Parameters
    ----------
    found : mapping
        Sources whose ids begin with the name of their folder, split by `dims` already.
    dims : sequence of str
        Dimension of the metrics below the folders, or none.

    Returns
    -------
    wholes : list of pandas.DataFrame
        Series ``total/METRIC``: unique_id, ds, y, floor.
    trees : list of Hierarchy
        From the whole over the folders (``FOLDER/METRIC``) to their parts, in place of the trees of the folders.
    left : list of str
        What is not summed and why, a sentence each.

    Raises
    ------
    InputError
        If the folders do not cover the same months.
    """
    from analysis.forecast.hierarchy import aggregate, tree

    _same_months(found)
    wholes, trees, left = [], [], []
    for key in _keys(found, dims):
        units = {source.units.get(f"{name}/{key}", "") for name, source in found.items()} - {""}
        if len(units) > 1:
            left.append(f"not summed over runs: {key} (units {', '.join(sorted(units))})")
            continue
        leaves = _leaves(found, key, dims)
        made = tree(leaves, [BUSINESS, *dims], root=key)
        sums = aggregate(leaves, made)
        wholes.append(sums[sums["unique_id"] == key].assign(unique_id=_whole(key)))
        trees.append(_placed(made, key))
    return wholes, trees, left


def _same_months(found: Found) -> None:
    months = {name: tuple(sorted(source.series["ds"].unique())) for name, source in found.items()}
    if len(set(months.values())) > 1:
        ends = [f"{name} {dates[0]:%Y-%m} to {dates[-1]:%Y-%m}" for name, dates in months.items()]
        raise InputError([f"forecast.hierarchy: sums runs of the same months, got {shown(ends)}; one horizon for all"])


def _keys(found: Found, dims: Sequence[str]) -> list[str]:
    """Metrics that are sums, and are split by the dimension where there is one, of any folder."""
    from analysis.series import MAIN, SEPARATOR, STOCKS

    bound = {*STOCKS, *(flow for flows in STOCKS.values() for flow in flows)}
    keys: dict[str, None] = {}
    for name, source in found.items():
        ids = [each.root for each in source.hierarchies] if dims else source.series["unique_id"].unique()
        keys |= dict.fromkeys(str(each).removeprefix(f"{name}/") for each in ids)
    return [key for key in keys if (metric := key.split(SEPARATOR)[0]) in MAIN and metric not in bound]


def _leaves(found: Found, key: str, dims: Sequence[str]) -> pd.DataFrame:
    """Rows of the finest parts of a metric: the folder, the dimension where there is one, ds, y, floor."""
    import pandas as pd

    parts = []
    for name, source in found.items():
        own = f"{name}/{key}"
        trees = [each for each in source.hierarchies if each.root == own]
        ids = trees[0].leaves if trees else () if dims else (own,)
        rows = source.series[source.series["unique_id"].isin(ids)]
        below = {dim: rows["unique_id"].str.removeprefix(f"{own}/") for dim in dims}
        parts.append(rows[["ds", "y", "floor"]].assign(**{BUSINESS: name}, **below))
    return pd.concat(parts, ignore_index=True)


def _whole(key: str) -> str:
    from analysis.forecast.hierarchy import ROOT

    return f"{ROOT}/{key}"


def _placed(made: Hierarchy, key: str) -> Hierarchy:
    """A tree whose ids begin with the folder, as all ids of several runs do."""

    def place(name: str) -> str:
        if name == key:
            return _whole(key)
        folder, *below = name.removeprefix(f"{key}/").split("/", 1)
        return "/".join([folder, key, *below])

    parents = tuple(None if name is None else place(name) for name in made.parents)
    return replace(made, ids=tuple(map(place, made.ids)), parents=parents)
