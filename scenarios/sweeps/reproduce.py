"""Make a sweep again, all of it or some points, and find the first figure that differs."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError
from scenarios.runs.differences import Spot, changed_versions, file_difference, first_spot
from scenarios.runs.reproduce import Reproduction, whole
from scenarios.studies.digest import table_digest
from scenarios.sweeps.folder import COMPLETE, FRAMES, Sweep
from scenarios.sweeps.points import engine_version
from scenarios.sweeps.stored import DESIGN, point_numbers, read_design
from scenarios.sweeps.sweep import run_design

if TYPE_CHECKING:
    import pyarrow as pa

    from scenarios.sweeps.points import Design

Record = Mapping[str, Any]

UNLIKE = ("seconds", "command")
"""Columns that differ from one time to the next: how long a point took, and the command that names folders."""

IDENTIFYING = ("point", "key")
"""Columns that name the paths of input files and the engine: whether the points are those of then is seen before."""

NAMING = ("number", "replication", "metric", "period")
"""Columns that name a row."""

NAMED = {"number": "point", "replication": "replication"}
"""What those that are numbers are called."""

BLOCK = 100
"""Points whose figures are compared at once: what memory holds of the results."""


def reproduce_sweep(
    path: Path, workers: str | None = None, points: str | None = None, *, quiet: bool = False
) -> Reproduction:
    """Make a sweep again, in a folder of its own, and compare every figure, every mean and every point.

    Parameters
    ----------
    path : Path
        The folder of a complete sweep.
    workers : str, optional
        Processes; those of the sweep by default.
    points : str, optional
        So many points only, spread evenly over their numbers; all by default.
    quiet : bool
        Show no progress.

    Raises
    ------
    InputError
        If it is no sweep, is not complete, or its studies cannot be built any more.
    """
    found = _complete(path)
    numbers = _numbers(path, points)
    design = _design(path, found, numbers, workers, quiet)
    if not quiet:
        print(_announcement(found.record, len(numbers)), file=sys.stderr, flush=True)
    sampled = len(numbers) < found.record["points"]
    with tempfile.TemporaryDirectory(prefix="tobsim-") as place:
        again = run_design(design, Path(place) / "again")
        text = _failed(found.record, again.record, numbers) or _figures(path, again.path, numbers)
        text = text or _frames(path, again.path, numbers, _keys(found.record) if sampled else ())
        text = text or ("" if sampled else _others(path, found.record, again.path))
        told = again.record
    notes = (*changed_versions(found.record["versions"], "sweep"), *_changed_engine(found.record))
    return Reproduction(not text, text or _identical(found.record, told, len(numbers)), notes)


def _complete(path: Path) -> Sweep:
    found = Sweep(path)
    if found.record.get("status") != COMPLETE:
        got = f"got a sweep that is {found.record.get('status')}"
        raise InputError([f"{path}: has nothing to compare with, {got}; finish it"])
    return found


def _numbers(path: Path, points: str | None) -> list[int]:
    """Numbers of the points that are made again: the first, the last, and between them at equal distances."""
    import numpy as np

    numbers = point_numbers(path)
    wanted = len(numbers) if points is None else whole(points, "points")
    if wanted >= len(numbers):
        return numbers
    return [numbers[place] for place in np.linspace(0, len(numbers) - 1, wanted).round().astype(int)]


def _design(path: Path, found: Sweep, numbers: Sequence[int], workers: str | None, quiet: bool) -> Design:
    """The design of those points, which must be those that were run."""
    further: dict[str, Any] = {"progress": not quiet, "out": None, "precision": None}
    further["execution"] = {"backend": "local", "address": None, "timeout": None}
    if workers is not None:
        further["execution"]["workers"] = whole(workers)
    design = read_design(path, numbers, further)
    if any(study.files for study in design.bases.values()):  # a digest of points names the path of an input file
        return replace(design, asked=replace(design.asked, runs=False, reports=False))
    there = dict(found.points[["number", "point"]].itertuples(index=False, name=None))
    for point in design.points:
        if there.get(point.number) != point.digest:
            was = f"got digest {point.digest}, there {there.get(point.number)}"
            raise InputError([f"{path}: point {point.number}: is not the study that was run, {was}; its own {DESIGN}"])
    return replace(design, asked=replace(design.asked, runs=False, reports=False))


def _announcement(record: Record, number: int) -> str:
    total, runs = record["points"], record["replications"]
    if number < total:
        return f"{number} of {total} points again, spread evenly"
    return f"all {total} points again, {runs} runs; points=20 makes 20 of them again, spread evenly"


def _failed(record: Record, again: Record, numbers: Sequence[int]) -> str:
    """The first replication that failed only one of the two times."""
    was, now = ({(row["number"], row["replication"]) for row in each["failures"] if row["number"] in set(numbers)}
                for each in (record, again))  # fmt: skip
    for point, replication in sorted(was ^ now):
        ways = ("failed there", "not here") if (point, replication) in was else ("failed here", "not there")
        return f"point {point}, replication {replication}: {', '.join(ways)}"
    return ""


def _figures(there: Path, here: Path, numbers: Sequence[int]) -> str:
    """The first figure of a replication that differs."""
    for start in range(0, len(numbers), BLOCK):
        if found := _table(there, here, FRAMES["results"], numbers[start : start + BLOCK], IDENTIFYING):
            return found
    return ""


def _frames(there: Path, here: Path, numbers: Sequence[int], keys: Sequence[str]) -> str:
    """The first difference of the points or of the means; ``keys`` are left out, as some of them need not be typed
    as all of them are."""
    for name in ("points", "table"):
        if found := _table(there, here, FRAMES[name], numbers, (*UNLIKE, *IDENTIFYING, *keys)):
            return f"{FRAMES[name]}: {found}"
    return ""


def _table(there: Path, here: Path, name: str, numbers: Sequence[int], without: Sequence[str] = UNLIKE) -> str:
    """The first cell in which the rows of some points differ, named by point, replication, metric and period."""
    import pyarrow.parquet as pq

    if missing := next((where for where in (there, here) if not (where / name).is_file()), None):
        return f"{name}: absent {'there' if missing == there else 'here'}"
    was, now = (pq.read_table(path / name, filters=[("number", "in", list(numbers))]) for path in (there, here))
    was, now = (table.select([c for c in table.column_names if c not in without]) for table in (was, now))
    if table_digest(was) == table_digest(now):
        return ""
    if was.column_names != now.column_names:
        return f"columns {was.column_names} there, {now.column_names} here"
    for number in numbers:
        if found := _of_point(number, *(rows_of(table, number) for table in (was, now))):
            return found
    return f"{was.num_rows} rows there, {now.num_rows} here" if was.num_rows != now.num_rows else "other types"


def rows_of(table: pa.Table, number: int) -> pa.Table:
    """The rows of a point."""
    import pyarrow.compute as pc

    return table.filter(pc.equal(table["number"], number))


def _of_point(number: int, was: pa.Table, now: pa.Table) -> str:
    if spot := first_spot(was, now):
        return f"{_row(was, spot)}: {spot.column} {spot.values}"
    return "" if was.num_rows == now.num_rows else f"point {number}: {was.num_rows} rows there, {now.num_rows} here"


def _row(table: pa.Table, spot: Spot) -> str:
    """A row by its names: ``point 3, replication 1, revenue, horizon``."""
    cells = {name: table.column(name)[spot.row].as_py() for name in NAMING if name in table.column_names}
    return ", ".join(f"{NAMED[name]} {cells[name]}" if name in NAMED else str(cells[name]) for name in cells)


def _keys(record: Record) -> tuple[str, ...]:
    return (*record["keys"], *record["keys"].values())


def _others(there: Path, record: Record, here: Path) -> str:
    """The first difference of the tables that rest on all points: the failures, and what is read off the results."""
    known = (*(FRAMES[name] for name in ("points", "results", "table")), DESIGN)
    for name in sorted(name for name in record["files"] if name not in known and _is_table(name)):
        for place, where in ((there, "there"), (here, "here")):
            if not (place / name).is_file():
                return f"{name}: absent {where}"
        if found := file_difference(there / name, here / name, (*UNLIKE, *IDENTIFYING)):
            return f"{name}: {found}"
    return ""


def _is_table(name: str) -> bool:
    return Path(name).suffix in (".parquet", ".csv")


def _changed_engine(record: Record) -> Iterator[str]:
    if record.get("engine") != engine_version():
        yield f"the engine was {record.get('engine')} when the sweep was made, it is {engine_version()} now"


def _identical(record: Record, again: Record, number: int) -> str:
    some = f" of {record['points']}" if number < record["points"] else ""
    rows = again["files"][FRAMES["results"]]["rows"]
    return f"identical: {number}{some} points, {again['replications']} runs, {rows:,} figures"
