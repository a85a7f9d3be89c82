"""What follows from the results of a sweep: sensitivity, tornado and rules of failure, as its design admits.

Each analysis is of one scenario, one metric and one period at a time, over the horizon and fiscal years (rules of
failure over the period they are asked for); where it cannot be had (a metric that is undefined at most points, too few
points) there are rows without figures that say why. Replications have the same random numbers at every point, since
the seed is that of the study.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.sweeps.points import Design, aliases
from scenarios.sweeps.rules import COLUMNS as RULES
from scenarios.sweeps.rules import rules
from scenarios.sweeps.sampling import layout
from scenarios.sweeps.settings import ONE_AT_A_TIME, PATTERNS
from scenarios.sweeps.tables import FIGURES, OWN

if TYPE_CHECKING:
    import pandas as pd

    from scenarios.sweeps.experiment import Experiment

ANALYSED = re.compile(f"{PATTERNS['horizon']}|{PATTERNS['fiscal_year']}")
"""Periods that are analysed; a discovery may be of any one that is kept."""

SENSITIVITY = (
    "metric", "period", "scenario", "method", "key", "alias", "of", "reading", "estimate", "low", "high", "note",
    "samples", "left_out", "replications",
)  # fmt: skip
"""Columns of the sensitivity: ``of`` names the index, ``reading`` whether it is of the expected metric or of one
replication, ``samples`` counts blocks or trajectories. The noise share of Sobol's indices has no key."""

INDICES: Mapping[str, tuple[str, ...]] = {"sobol": ("s1", "st"), "morris": ("mu", "mu_star", "sigma")}
"""Indices with intervals by method, as ``analysis.sensitivity`` names them."""

NOISE: Mapping[str, tuple[str, ...]] = {"sobol": ("noise_share", "shared_share"), "morris": ("noise",)}
"""What the replications add, by method."""

UNKNOWN = ("estimate", "low", "high")

Group = tuple[str, str, str]
"""Scenario, period and metric."""


def write_analyses(folder: Path, design: Design) -> dict[str, Any]:
    """Write the tables of the analyses that a design admits, and its keys; entries of the manifest.

    Tables of analyses that are not of this design are removed from the folder.

    Parameters
    ----------
    folder : Path
        Of the sweep, with ``results.parquet``.
    design : Design
        Without an experiment there is nothing to analyse.
    """
    from scenarios.runs.derive import arrow, write_frame, write_parquet
    from scenarios.sweeps.keys import keys_frame

    entries: dict[str, Any] = {}
    found = analysed(folder, design) if design.experiment else {}
    for name in ("sensitivity", "tornado", "discovery"):
        for path in (folder / f"{name}.parquet", folder / f"{name}.csv"):
            if name in found:
                write = write_frame(path, found[name]) if path.suffix == ".csv" else write_parquet(
                    path, arrow(found[name]))  # fmt: skip
                entries[path.name] = write
            else:
                path.unlink(missing_ok=True)
    if design.experiment:
        entries["keys.csv"] = write_frame(folder / "keys.csv", keys_frame(design.experiment))
    return entries


def analysed(folder: Path, design: Design) -> dict[str, pd.DataFrame]:
    """Tables of a sweep's analyses by name: ``sensitivity`` or ``tornado`` by the sampler, ``discovery`` if asked for.

    Parameters
    ----------
    folder : Path
        Of the sweep, with ``results.parquet``.
    design : Design
        With its experiment.
    """
    experiment = design.experiment
    assert experiment is not None
    results = read_results(folder / "results.parquet")
    found: dict[str, pd.DataFrame] = {}
    if experiment.base_samples:
        found["sensitivity"] = _joined(SENSITIVITY, design, results, _indices(experiment))
    if experiment.sampler == ONE_AT_A_TIME:
        from analysis.sensitivity.tornado import COLUMNS

        names = ("metric", "period", "scenario", "key", "alias")
        found["tornado"] = _joined((*names, *COLUMNS[2:]), design, results, _bars(experiment))
    if experiment.discovery:
        period = experiment.discovery["period"]
        own = results if ANALYSED.fullmatch(period) else read_results(folder / "results.parquet", period)
        found["discovery"] = _rules(design, own)
    return found


def read_results(path: Path, period: str | None = None) -> pd.DataFrame:
    """Results over the horizon and fiscal years, texts as categories.

    Parameters
    ----------
    path : Path
        ``results.parquet``.
    period : str, optional
        Over this one alone, which may be a quarter or a month.
    """
    import pyarrow.parquet as pq

    texts = ["scenario", "metric", "period"]
    table = pq.read_table(path, columns=["number", *texts, "replication", "value"], read_dictionary=texts)
    frame: pd.DataFrame = table.to_pandas()
    kept = [period] if period else [each for each in frame["period"].cat.categories if ANALYSED.fullmatch(each)]
    return frame[frame["period"].isin(kept)]


def points_of(design: Design, scenario: str) -> pd.DataFrame:
    """Number and values of the points of a scenario, in the order of the design."""
    import pandas as pd

    return pd.DataFrame([{"number": p.number, **p.values} for p in design.points if p.scenario == scenario])


def short_names(design: Design) -> dict[str, str]:
    """Alias by key; the name of a group of shares stands for itself."""
    return aliases(design.keys, (*OWN, *FIGURES))


Analyse = Callable[["pd.DataFrame", "pd.DataFrame"], "pd.DataFrame"]
"""From points and results of one scenario, metric and period to rows with ``key``."""


def _joined(columns: tuple[str, ...], design: Design, results: pd.DataFrame, analyse: Analyse) -> pd.DataFrame:
    """Rows of an analysis for every scenario, metric and period, in this order."""
    import pandas as pd

    names = short_names(design)
    frames = []
    for scenario, period, metric, own in _groups(results):
        found = analyse(points_of(design, scenario), own)
        known = {"scenario": scenario, "period": period, "metric": metric}
        frames.append(found.assign(**known, alias=[names.get(key, key) for key in found["key"]]))
    if not frames:
        return pd.DataFrame(columns=list(columns))
    return pd.concat([frame.reindex(columns=list(columns)).astype(object) for frame in frames]).infer_objects()


def _groups(results: pd.DataFrame) -> Iterator[tuple[str, str, str, pd.DataFrame]]:
    for name, own in results.groupby(["scenario", "period", "metric"], observed=True):
        scenario, period, metric = (str(part) for part in name)
        yield scenario, period, metric, own.assign(metric=metric)


def _indices(experiment: Experiment) -> Analyse:
    """Tidy indices of Sobol's or of Morris' design."""
    design = layout(experiment)
    keys, method = list(dict.fromkeys(design.groups)), experiment.sampler

    def analyse(points: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
        from analysis.sensitivity.morris import Screening, morris
        from analysis.sensitivity.sobol import sobol

        try:
            if method == "sobol":
                wide = sobol(points, results, keys, second_order=experiment.second_order)
            else:
                screening = Screening(design.unit, design.groups, experiment.levels)
                wide = morris(points, results, keys, screening)
        except ValueError as error:
            return _without(keys, method, str(error))
        return tidy(wide, method)

    return analyse


def tidy(wide: pd.DataFrame, method: str) -> pd.DataFrame:
    """One row for every key and index of a table of ``analysis.sensitivity``, noise last.

    Parameters
    ----------
    wide : DataFrame
        As ``sobol`` or ``morris`` gives it, of one metric.
    method : {"sobol", "morris"}
    """
    import pandas as pd

    common = wide[["key", "note", "left_out", "replications"]].assign(
        method=method, reading=wide.get("of", ""),
        samples=wide["blocks"] if "blocks" in wide else wide["trajectories"],
    )  # fmt: skip
    frames = [
        common.assign(of=name, estimate=wide[name], low=wide[f"{name}_low"], high=wide[f"{name}_high"])
        for name in INDICES[method]
    ]
    for name in NOISE[method]:
        rows = common.assign(of=name, estimate=wide[name], low=math.nan, high=math.nan)
        frames.append(rows.head(1).assign(key="", reading="") if method == "sobol" else rows)
    return pd.concat(frames, ignore_index=True)


def _without(keys: list[str], method: str, why: str) -> pd.DataFrame:
    """Rows of indices that cannot be had."""
    import pandas as pd

    rows = [{"key": key, "of": name, "reading": ""} for name in INDICES[method] for key in keys]
    return pd.DataFrame(rows).assign(method=method, note=why, **dict.fromkeys(UNKNOWN, math.nan))


def _bars(experiment: Experiment) -> Analyse:
    """Bars of a tornado of the free keys."""
    keys = list(experiment.space.free)

    def analyse(points: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        from analysis.sensitivity.tornado import tornado

        try:
            return tornado(points, results, keys)
        except ValueError as error:
            return pd.DataFrame({"key": keys, "note": str(error)})

    return analyse


def _rules(design: Design, results: pd.DataFrame) -> pd.DataFrame:
    """Rules of failure of every scenario."""
    import pandas as pd

    experiment = design.experiment
    assert experiment is not None
    assert experiment.discovery is not None
    sought, names = experiment.discovery, short_names(design)
    frames = []
    for scenario in experiment.scenarios:
        mask = (results["scenario"] == scenario) & (results["period"] == sought["period"])
        points = points_of(design, scenario)
        filling = points.iloc[_independent(experiment, len(points))]
        found = rules(experiment, filling, results[mask & (results["metric"] == sought["metric"])])
        frames.append(found.assign(scenario=scenario, alias=[names.get(key, key) for key in found["key"]]))
    return pd.concat(frames, ignore_index=True)[["scenario", "alias", *RULES]]


def _independent(experiment: Experiment, number: int) -> list[int]:
    """Points that fill the space; of Saltelli's blocks the first and the last, which share no value."""
    if not experiment.base_samples:
        return list(range(number))
    size = number // experiment.base_samples
    return [place for start in range(0, number, size) for place in (start, start + size - 1)]
