"""The monthly series of run folders, with what their tables know of the months ahead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown
from scenarios.forecasts.books import knows, told
from scenarios.forecasts.group import BUSINESS, summed
from scenarios.forecasts.source import RUN, RUNS, Source
from scenarios.runs.manifest import Manifest, read_manifest
from scenarios.studies.digest import json_digest

if TYPE_CHECKING:
    import pandas as pd

    from analysis.forecast.fitted import Fitted
    from analysis.forecast.hierarchy import Hierarchy

Inform = Callable[["Fitted"], "Fitted"]
"""Makes a better informed forecast of the series' own."""

METRICS = "metrics.parquet"


def read_runs(paths: tuple[Path, ...], settings: Mapping[str, Any]) -> Source:
    """Series of run folders; of several, ids begin with the name of the folder.

    Raises
    ------
    InputError
        If a run is not finished, or has not the dimension that is asked for.
    """
    import pandas as pd

    names = {"": paths[0]} if len(paths) == 1 else dict(zip(_labels(paths), paths, strict=True))
    dims = settings["hierarchy"]
    grouped = len(paths) > 1 and dims[:1] == [BUSINESS]
    split = {**settings, "hierarchy": dims[1:]} if grouped else settings
    found = {name: _of_run(path, f"{name}/" if name else "", split) for name, path in names.items()}
    wholes, trees, left = summed(found, dims[1:]) if grouped else ([], _trees(found), [])
    series = pd.concat([*wholes, *(each.series for each in found.values())], ignore_index=True)
    units = {name: unit for each in found.values() for name, unit in each.units.items()}
    return Source(
        RUN if len(paths) == 1 else RUNS,
        paths,
        series,
        json_digest([[name, each.digest] for name, each in found.items()]),
        len(series),
        hierarchies=tuple(trees),
        units=units | {tree.root: units.get(tree.ids[1], "") for tree in trees if grouped},
        names=names,
        warnings=tuple(dict.fromkeys([*(text for each in found.values() for text in each.warnings), *left])),
    )


def _trees(found: Mapping[str, Source]) -> list[Hierarchy]:
    return [tree for each in found.values() for tree in each.hierarchies]


def _labels(paths: Sequence[Path]) -> list[str]:
    """Names of folders, with those of their parents where that is needed to tell them apart."""
    for depth in range(1, 4):
        names = [".".join(path.resolve().parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    raise InputError(["source: has folders of one name, got several alike; other names"])


def _of_run(path: Path, prefix: str, settings: Mapping[str, Any]) -> Source:
    from analysis.series import monthly_series
    from analysis.tables import read

    manifest = _finished(path)
    metrics = read(path, "metrics")
    wanted = min(settings["replications"], manifest.replications)
    told = [f"{path} holds {wanted} replications, fewer than forecast.replications"]
    series = monthly_series(metrics, wanted)
    if series.empty:
        raise InputError([f"{path}: has no series to forecast, got no monthly metrics; a longer horizon.days"])
    parts, trees, said = _dimension(metrics, series, wanted, settings["hierarchy"])
    units = _units(metrics, parts)
    named = _prefixed(parts, prefix)
    return Source(
        RUN,
        (path,),
        named,
        json_digest([manifest.study_digest, manifest.files[METRICS]["digest"]]),
        len(named),
        hierarchies=tuple(_renamed(tree, prefix) for tree in trees),
        units={prefix + name: unit for name, unit in units.items()},
        warnings=(*(told if wanted < settings["replications"] else ()), *said),
    )


def _finished(path: Path) -> Manifest:
    manifest = read_manifest(path)
    if not manifest.replications or METRICS not in manifest.files or not (path / METRICS).is_file():
        raise InputError([f"{path}: has nothing to forecast, got a run that is {manifest.status}; finish it"])
    return manifest


def _prefixed(series: pd.DataFrame, prefix: str) -> pd.DataFrame:
    return series.assign(unique_id=prefix + series["unique_id"].astype(str)) if prefix else series


def _renamed(tree: Hierarchy, prefix: str) -> Hierarchy:
    ids = tuple(prefix + name for name in tree.ids)
    return replace(tree, ids=ids, parents=tuple(None if name is None else prefix + name for name in tree.parents))


def _units(metrics: pd.DataFrame, series: pd.DataFrame) -> dict[str, str]:
    """Units of the series, and of main metrics that occur in other replications alone."""
    from analysis.series import wanted

    units = metrics.drop_duplicates("metric").set_index("metric")["unit"].astype(str).to_dict()
    names = [*series["unique_id"].unique(), *(name for name in wanted() if name in units)]
    return {name: units.get(name.split("/")[0], "") for name in names}


def _dimension(
    metrics: pd.DataFrame, series: pd.DataFrame, replications: int, dims: Sequence[str]
) -> tuple[pd.DataFrame, list[Hierarchy], list[str]]:
    """The series with their parts by a dimension, trees of both, and what has no parts.

    Raises
    ------
    InputError
        For more than one dimension, or one that the metrics do not have.
    """
    import pandas as pd

    from analysis.forecast.hierarchy import aggregate, tree

    if not dims:
        return series, [], []
    known = sorted(str(name) for name in metrics["dim1"].dropna().unique())
    if len(dims) > 1 or dims[0] not in known:
        right = f"one of {', '.join(known)}"
        raise InputError([f"forecast.hierarchy: is no dimension of the run, got {shown(list(dims))}; {right}"])
    leaves = _leaves(metrics, series, dims[0], replications)
    trees = [tree(part, dims, root=str(name)) for name, part in leaves.groupby("root", sort=False)]
    summed = [
        aggregate(part, each) for each, (_, part) in zip(trees, leaves.groupby("root", sort=False), strict=True)
    ]  # fmt: skip
    roots = {each.root for each in trees}
    parts = [each[each["unique_id"] != tree.root] for each, tree in zip(summed, trees, strict=True)]
    left = [name for name in series["unique_id"].unique() if name not in roots]
    said = f"forecast as a whole, not by {dims[0]}: {', '.join(left)} (stocks, their flows, or not split by it)"
    return pd.concat([series, *parts], ignore_index=True), trees, [said] if left else []


def _leaves(metrics: pd.DataFrame, series: pd.DataFrame, dim: str, replications: int) -> pd.DataFrame:
    """Rows of the parts of metrics that are sums of them: root (id of the whole), the dimension, ds, y, floor."""
    import numpy as np
    import pandas as pd

    from analysis.series import MAIN, SEPARATOR, STOCKS

    bound = {*STOCKS, *(flow for flows in STOCKS.values() for flow in flows)}
    rows = metrics[
        (metrics["period"].astype(str) == "month")
        & (metrics["dim1"].astype(str) == dim)
        & metrics["dim2"].isna()
        & metrics["metric"].astype(str).isin([name for name in MAIN if name not in bound])
        & (metrics["replication"] < replications)
    ]
    root = rows["metric"].astype(str)
    root = root if replications == 1 else root + SEPARATOR + rows["replication"].astype(str)
    floor = rows["metric"].astype(str).map(MAIN).astype(float)
    found = pd.DataFrame({"root": root, dim: rows["level1"].astype(str), "ds": pd.to_datetime(rows["ds"])})
    found = found.assign(y=rows["value"].astype(float), floor=floor)
    sums = found.groupby(["root", "ds"])["y"].sum().rename("sum").reset_index()
    both = series.merge(sums, left_on=["unique_id", "ds"], right_on=["root", "ds"])
    close = np.isclose(both["y"], both["sum"], rtol=1e-9, atol=1e-6)
    wrong = set(both.loc[~close & both["y"].notna(), "root"])
    whole = set(series["unique_id"]) - wrong
    return found[found["root"].isin(whole)]


# What is known beside the past


def informed(source: Source, settings: Mapping[str, Any]) -> dict[str, Inform]:
    """By unique_id, what tells the forecast of a run which contracts fall due and which deals are open."""
    found: dict[str, Inform] = {}
    for name, path in source.names.items():
        found |= _informed_run(path, f"{name}/" if name else "", source, settings)
    return found


def _informed_run(path: Path, prefix: str, source: Source, settings: Mapping[str, Any]) -> dict[str, Inform]:
    import pandas as pd

    from analysis.asof import as_of
    from analysis.tables import load_tables
    from scenarios.runs.claim import read_config

    if not knows(path):
        return {}
    ids = set(source.series["unique_id"])
    wanted = min(settings["replications"], read_manifest(path).replications)
    start = pd.Timestamp(read_config(path)["horizon"]["start"])
    end = source.series.loc[source.series["unique_id"].str.startswith(prefix), "ds"].max() + pd.Timedelta(days=1)
    found: dict[str, Inform] = {}
    for number in range(wanted):
        tables = as_of(load_tables(path).replication(number), (end - start) / pd.Timedelta(days=1))
        tail = f"/{number}" if wanted > 1 else ""
        named = {prefix + measure + tail: inform for measure, inform in told(tables, settings).items()}
        found |= {name: inform for name, inform in named.items() if name in ids}
    return found
