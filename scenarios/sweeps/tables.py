"""Tables of a sweep, read off the files of its jobs: points, results, means with intervals, failures.

Results are written point by point, so that a sweep of many points never holds them all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.runs.files import checksum, write_atomic
from scenarios.studies.digest import combine, table_digest
from scenarios.sweeps.jobs import JobTable
from scenarios.sweeps.points import Design, Planned, aliases
from scenarios.sweeps.settings import PATTERNS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

OWN = ("number", "point", "scenario", "status", "seconds", "error", "command", "key")
"""Columns of points beside those of keys."""

FIGURES = ("metric", "period", "unit", "mean", "ci_low", "ci_high", "sd", "replications", "n_defined")
"""Columns of the table beside those of points."""

FAILED = ("number", "point", "scenario", "replication", "type", "message", "command")
"""Columns of the failures."""

BATCH = 200_000
"""Rows of results that are held before they are written."""


def write_tables(table: JobTable, commands: Mapping[str, str]) -> dict[str, Any]:
    """Write the tables of a sweep from the files of its jobs; entries of the manifest.

    Parameters
    ----------
    table : JobTable
    commands : mapping
        By key of a point: the command that runs it alone.
    """
    from scenarios.runs.derive import arrow, write_frame, write_parquet

    folder, entries = table.folder, {}
    points = points_frame(table, commands)
    entries["points.parquet"] = write_parquet(folder / "points.parquet", arrow(points))
    entries["points.parquet"]["digest"] = table_digest(arrow(points.drop(columns=["seconds", "command"])))
    rows: list[pd.DataFrame] = []
    entries["results.parquet"] = _write_results(table, rows)
    found = _joined(points, rows, table.design.keys)
    entries["table.parquet"] = write_parquet(folder / "table.parquet", arrow(found))
    entries["table.csv"] = write_frame(folder / "table.csv", found)
    entries["failures.csv"] = write_frame(folder / "failures.csv", failures_frame(table, commands))
    return entries


def points_frame(table: JobTable, commands: Mapping[str, str]) -> pd.DataFrame:
    """A row for every point: place in the design, digest of the configuration, scenario, keys in full and by alias,
    status, seconds, error, command."""
    import pandas as pd

    names = aliases(table.design.keys, (*OWN, *FIGURES))
    rows = []
    for point in table.design.points:
        values = {key: _plain(point.values.get(key)) for key in table.design.keys}
        errors = table.failures_of(point.key)
        rows.append(
            {"number": point.number, "point": point.digest, "scenario": point.scenario}
            | values
            | {names[key]: value for key, value in values.items()}
            | {
                "status": table.status(point.key),
                "seconds": sum(part.facts.seconds for part in table.parts(point.key)),
                "error": f"{errors[0].type}: {errors[0].message}" if errors else None,
                "command": commands[point.key],
                "key": point.key,
            }
        )
    frame = pd.DataFrame(rows)
    return frame.assign(**{name: _one_kind(frame[name]) for name in (*names, *names.values())})


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else json.dumps(value)


def _one_kind(column: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers, truth values or text; text where they are mixed."""
    kinds = {type(value) for value in column if value is not None and value == value}
    if kinds <= {int, float} or len(kinds) == 1:
        return column
    return column.map(lambda value: value if value is None or value != value else str(value)).astype(object)


def failures_frame(table: JobTable, commands: Mapping[str, str]) -> pd.DataFrame:
    """A row for every replication that failed, with the command that repeats it."""
    import pandas as pd

    rows = []
    for point in table.design.points:
        for why in table.failures_of(point.key):
            command = f"{commands[point.key]} replications={why.replication + 1}"
            place = point.number, point.digest, point.scenario, why.replication
            rows.append((*place, why.type, why.message, command))
    return pd.DataFrame(rows, columns=list(FAILED))


def _write_results(table: JobTable, rows: list[pd.DataFrame]) -> dict[str, Any]:
    """Write the figures of all points and put their means with intervals into ``rows``."""
    path, count = table.folder / "results.parquet", 0
    digests: dict[int, str] = {}

    def write(staged: Path) -> None:
        nonlocal count
        import pyarrow.parquet as pq

        with pq.ParquetWriter(staged, results_schema(), compression="zstd") as writer:
            for batch in _batches(_results(table, rows, digests)):
                writer.write_table(batch)
                count += batch.num_rows

    write_atomic(path, write)
    return {"rows": count, "digest": combine(digests), "checksum": checksum(path)}


def results_schema() -> pa.Schema:
    """Columns of the results."""
    import pyarrow as pa

    from scenarios.sweeps.run_point import part_schema

    return pa.schema(
        [
            ("number", pa.int64()),
            ("point", pa.string()),
            ("scenario", pa.string()),
            *((f.name, f.type) for f in part_schema()),
        ]
    )


def _results(table: JobTable, rows: list[pd.DataFrame], digests: dict[int, str]) -> Iterator[pa.Table]:
    metrics = metric_names(table.design)
    for point in table.design.points:
        if not table.done(point.key):
            continue
        found = chosen(table.figures(point.key), metrics, table.design.asked.periods)
        digests[point.number] = table_digest(found)
        rows.append(means(found, len(table.done(point.key))).assign(number=point.number))
        yield _numbered(found, point)


def _numbered(found: pa.Table, point: Planned) -> pa.Table:
    import pyarrow as pa

    own = {"number": point.number, "point": point.digest, "scenario": point.scenario}
    for place, (name, value) in enumerate(own.items()):
        found = found.add_column(place, name, pa.repeat(value, found.num_rows))
    return found


def _batches(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    import pyarrow as pa

    held: list[pa.Table] = []
    for each in tables:
        held.append(each)
        if sum(part.num_rows for part in held) >= BATCH:
            yield pa.concat_tables(held).combine_chunks()
            held = []
    if held:
        yield pa.concat_tables(held).combine_chunks()


def metric_names(design: Design) -> tuple[str, ...]:
    """Names of the metrics that are asked for; one of desks stands for its figures of every desk."""
    desks = dict.fromkeys(desk for study in design.bases.values() for desk in study.config["policy"]["desks"])
    names = [name for metric in design.asked.metrics for name in (metric, *(f"{metric}_{desk}" for desk in desks))]
    return tuple(dict.fromkeys(names))


def chosen(found: pa.Table, metrics: tuple[str, ...], periods: tuple[str, ...]) -> pa.Table:
    """Figures of some metrics (all if there are none) and of some kinds of period."""
    import pyarrow as pa
    import pyarrow.compute as pc

    mask = pc.match_substring_regex(found["period"], f"^({'|'.join(PATTERNS[period] for period in periods)})$")
    if metrics:
        mask = pc.and_(mask, pc.is_in(found["metric"], pa.array(metrics, pa.string())))
    return found.filter(mask)


def means(found: pa.Table, replications: int) -> pd.DataFrame:
    """Mean with Willink's interval of every metric and period: ``FIGURES``."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    names = pc.binary_join_element_wise(found["metric"], found["period"], "\n").to_numpy(zero_copy_only=False)
    _, first, row = np.unique(names.astype(str), return_index=True, return_inverse=True)
    number, column = np.unique(found["replication"].to_numpy(), return_inverse=True)
    values = np.full((len(first), max(len(number), 1)), np.nan)
    values[row, column] = found["value"].to_numpy()
    told = found.select(["metric", "period", "unit"]).take(pa.array(first)).to_pandas()
    columns = dict(zip(("mean", "ci_low", "ci_high", "sd"), intervals(values).T, strict=True))
    defined = {"replications": replications, "n_defined": (~np.isnan(values)).sum(axis=1)}
    return pd.DataFrame(told).assign(**columns, **defined)


def intervals(values: np.ndarray, level: float = 0.95) -> np.ndarray:
    """Mean, bounds and standard deviation of rows of replications, NaN left out.

    Parameters
    ----------
    values : float array, shape (rows, replications)

    Returns
    -------
    float array, shape (rows, 4)
        As ``analysis.replications.willink`` gives them, all complete rows at once.
    """
    from analysis.replications import willink, willink_bounds

    found = np.empty((len(values), 4))
    whole = ~np.isnan(values).any(axis=1) & (values.shape[1] > 1)
    if whole.any():
        rows = values[whole]
        found[whole] = np.column_stack([rows.mean(axis=1), *willink_bounds(rows, level), rows.std(axis=1, ddof=1)])
    for i in np.flatnonzero(~whole):
        each = willink(values[i], level)
        found[i] = each.mean, each.low, each.high, each.sd
    return found


def _joined(points: pd.DataFrame, rows: list[pd.DataFrame], keys: Iterable[str]) -> pd.DataFrame:
    """The table: every point with its keys, and its means."""
    import pandas as pd

    told = ["number", "point", "scenario", *keys, "status"]
    figures = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["number", *FIGURES])
    joined = points[told].merge(figures, on="number", how="left" if rows else "inner")
    return joined[[*told[:-1], *FIGURES, "status"]]
