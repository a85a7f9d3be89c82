"""Where the series of a forecast come from: run folders and files are found, and their series read."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown, user_path
from scenarios.forecasts.source import FILE, RUN, RUNS, Source
from scenarios.runs.manifest import NAME, read_entries

if TYPE_CHECKING:
    import pandas as pd

    from analysis.forecast.hierarchy import Hierarchy

MISFIT = 1.9
"""Values in a period of a given frequency, or periods for each value, from which on a warning says so."""


def find(source: str | Path | Sequence[str | Path]) -> tuple[str, tuple[Path, ...]]:
    """The kind of a source, and its run folders or its file.

    Parameters
    ----------
    source : str, Path, or several
        A run folder, a folder of a comparison, a pattern such as ``runs/*``, or a CSV or Parquet file.

    Raises
    ------
    InputError
        If there is nothing, or several files, or runs beside files.
    """
    given = [source] if isinstance(source, str | Path) else list(source)
    if not given or any(not str(each) for each in given):
        raise InputError(["source: is empty, got nothing; a run folder, or a CSV or Parquet file"])
    paths = tuple(dict.fromkeys(path for each in given for path in _meant(user_path(each, "source"))))
    folders = [path for path in paths if path.is_dir()]
    if len(folders) == len(paths):
        return (RUN if len(paths) == 1 else RUNS), paths
    if len(paths) > 1:
        got = ", ".join(str(path) for path in paths[:3])
        raise InputError([f"source: names several files, got {got}; one long table, or run folders alone"])
    return FILE, paths


def _meant(path: Path) -> list[Path]:
    """Run folders or the file that a path or a pattern means."""
    if not path.exists() and glob.has_magic(str(path)):
        found = [Path(match) for match in sorted(glob.glob(str(path)))]
        runs = [run for each in found if each.is_dir() and (each / NAME).is_file() for run in _runs_of(each, True)]
        if not runs and len(found) == 1 and found[0].is_file():
            return found
        if not runs:
            raise InputError([f"source: matches no run folder, got {shown(str(path))}; a pattern such as runs/*"])
        return runs
    if not path.is_dir():
        return [path]
    if not (path / NAME).is_file():
        right = f"a folder that tobsim run wrote, or '{path}/*' for those in it"
        raise InputError([f"source: is no run folder, got {shown(str(path))}; {right}"])
    return _runs_of(path, False)


def _runs_of(folder: Path, passing: bool) -> list[Path]:
    """The run folder, or those of a comparison; with ``passing`` nothing where it is of another command."""
    entries = read_entries(folder)
    if entries.get("verb") == "compare":
        plans: Mapping[str, Any] = entries.get("businesses") or {}
        return [folder / business / name for business, told in plans.items() for name in told["scenarios"]]
    if entries.get("verb") == "run":
        return [folder]
    if passing:
        return []
    what = entries.get("verb", "something else")
    raise InputError([f"source: is the folder of tobsim {what}, got {shown(str(folder))}; a run or a comparison"])


def read_source(source: str | Path | Sequence[str | Path], settings: Mapping[str, Any]) -> Source:
    """Read the series of a source.

    Parameters
    ----------
    source : str, Path, or several
        As for ``find``.
    settings : mapping
        The group ``forecast`` of the configuration.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    kind, paths = find(source)
    if kind == FILE:
        return _file(paths[0], settings)
    from scenarios.forecasts.runs import read_runs

    return read_runs(paths, settings)


# Files


def _file(path: Path, settings: Mapping[str, Any]) -> Source:
    import pandas as pd

    from scenarios.forecasts.series_file import read_series_file

    read = read_series_file(path, settings)
    floor = float("nan") if settings["floor"] is None else float(settings["floor"])
    series = read.series.assign(floor=floor)
    alive = series.groupby("unique_id", sort=False)["y"].transform(lambda y: y.notna().any())
    wrong = dict.fromkeys(series.loc[~alive, "unique_id"], "the series has no finite value")
    wrong |= dict.fromkeys(_single(series[alive], settings.get("frequency")), "a single date says no frequency")
    failures = pd.DataFrame(
        [(name, settings["model"], reason) for name, reason in wrong.items()], columns=["unique_id", "model", "reason"]
    )
    kept = series[~series["unique_id"].isin(list(wrong))].reset_index(drop=True)
    warnings = (*read.warnings, *_misfit(kept, settings.get("frequency")))
    series, trees = _summed(kept, settings["hierarchy"])
    return Source(FILE, (path,), series, read.digest, read.rows, read.rejects, failures, trees, warnings=warnings)


def _misfit(series: pd.DataFrame, frequency: str | None) -> list[str]:
    """Warnings of a given frequency that is far from the dates: values left out, or more made up than known."""
    import pandas as pd

    from analysis.forecast.frequency import given, length_of

    if frequency is None or series.empty:
        return []
    known = series.dropna(subset="y").groupby("unique_id", sort=False)["ds"].agg(["min", "max", "nunique"])
    try:
        length = length_of(given(frequency, pd.DatetimeIndex(series["ds"].unique()).sort_values()))
    except ValueError:
        return []
    values = known["nunique"].sum()
    periods = ((known["max"] - known["min"]) / length + 1).sum()
    if values > MISFIT * periods:
        what = "the last value of each is taken, the others are not: add them up or average them first"
    elif values < periods / MISFIT:
        what = "the others are interpolated: where nothing was, write 0"
    else:
        return []
    told = f"forecast.frequency={frequency} makes about {round(periods)} periods of {values} values"
    return [f"{told}; {what}"]


def _single(series: pd.DataFrame, frequency: str | None) -> list[str]:
    """Series of one date in a file whose longest series is not monthly, which is what a single date counts as."""
    import pandas as pd

    from analysis.forecast.frequency import frequency_of, months_in

    counts = series.dropna(subset="y").groupby("unique_id", sort=False)["ds"].nunique()
    if frequency is not None or counts.empty or counts.max() < 2:
        return []
    longest = series[series["unique_id"] == counts.idxmax()]
    try:
        found = frequency_of(pd.DatetimeIndex(longest["ds"].unique()).sort_values())
    except ValueError:
        return []
    return [] if months_in(found) == 1 else [str(name) for name in counts.index[counts == 1]]


def _summed(series: pd.DataFrame, columns: Sequence[str]) -> tuple[pd.DataFrame, tuple[Hierarchy, ...]]:
    """The series of a file with their sums, and the tree of both.

    Raises
    ------
    InputError
        If a series lies in several groups, or the table makes no tree.
    """
    from analysis.forecast.hierarchy import aggregate, tree

    if not columns or series.empty:
        return series, ()
    several = series.drop_duplicates(["unique_id", *columns])["unique_id"]
    if (doubled := several[several.duplicated()]).size:
        right = "one group for each id"
        raise InputError([f"forecast.hierarchy: has a series in several groups, got {shown(doubled.iloc[0])}; {right}"])
    try:
        found = tree(series, [*columns, "unique_id"])
        return aggregate(_without_gaps(series, columns), found), (found,)
    except ValueError as error:
        raise InputError([f"forecast.hierarchy: makes no tree, got {error}; columns from coarse to fine"]) from None


def _without_gaps(series: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """A row for every date between the first and the last of a series: what is absent there is missing, not zero."""
    import pandas as pd

    dates = pd.DatetimeIndex(sorted(series["ds"].unique()))
    parts: list[pd.DataFrame] = []
    for name, part in series.groupby("unique_id", sort=False):
        own = dates[(dates >= part["ds"].min()) & (dates <= part["ds"].max())]
        full = part.set_index("ds").reindex(own).rename_axis("ds").reset_index()
        fixed = {column: part[column].iloc[0] for column in (*columns, "floor")}
        parts.append(full.assign(unique_id=name, **fixed))
    return pd.concat(parts, ignore_index=True)
