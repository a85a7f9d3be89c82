"""Check the folder of a sweep: are its files as they were written, does its table follow from its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scenarios.errors import InputError
from scenarios.runs.validate import Check, check_file, plain_digest, validate
from scenarios.studies.digest import combine, table_digest
from scenarios.sweeps.folder import COMPLETE, FRAMES, Sweep
from scenarios.sweeps.jobs import RUNS
from scenarios.sweeps.reproduce import BLOCK, UNLIKE, rows_of
from scenarios.sweeps.run_point import PARTS, read_part
from scenarios.sweeps.stored import DESIGN, design_digest

Record = Mapping[str, Any]


def validate_sweep(path: Path) -> list[Check]:
    """Check the files of a sweep against its manifest, the files of its jobs, its table, and the runs it kept.

    Parameters
    ----------
    path : Path
        The folder of a sweep.

    Raises
    ------
    InputError
        If it is no sweep.
    """
    found = Sweep(path)
    record = found.record
    checks = [Check("manifest", record.get("status") == COMPLETE, f"the sweep is {record.get('status')}")]
    checks += [check_file(path, name, entry, _digest(name)) for name, entry in sorted(record["files"].items())]
    checks.append(_parts(path, record))
    if all(check.holds for check in checks):
        checks.append(_means(found))
    return checks + [check for folder in sorted(path.glob(f"{RUNS}/*/")) for check in _kept_run(folder)]


def _digest(name: str) -> Callable[[Path], str | None]:
    """How the values of a file of a sweep are digested."""
    own: dict[str, Callable[[Path], str | None]] = {
        FRAMES["points"]: _points_digest,
        FRAMES["results"]: _results_digest,
        DESIGN: design_digest,
    }
    return own.get(name, plain_digest)


def _points_digest(path: Path) -> str:
    import pyarrow.parquet as pq

    return table_digest(pq.read_table(path).drop_columns(list(UNLIKE)))


def _results_digest(path: Path) -> str:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    digests: dict[int, str] = {}
    numbers = pc.unique(pq.read_table(path, columns=["number"])["number"]).to_pylist()
    for start in range(0, len(numbers), BLOCK):
        block = numbers[start : start + BLOCK]
        table = pq.read_table(path, filters=[("number", "in", block)])
        digests |= {
            number: table_digest(rows_of(table, number).drop_columns(["number", "point", "scenario"]))
            for number in block
        }
    return combine(digests)


def _parts(path: Path, record: Record) -> Check:
    """Whether the files of the jobs are as they were written and hold as many runs as the results."""
    files = sorted((path / PARTS).glob("*.parquet"))
    facts = [read_part(file) for file in files]
    damaged = [file.name for file, fact in zip(files, facts, strict=True) if fact is None]
    if damaged:
        return Check(PARTS, False, f"{len(damaged)} files are not as they were written, the first is {damaged[0]}")
    runs = {(fact.key, number) for fact in facts if fact is not None for number in fact.replications}
    enough = len(runs) >= record["replications"]
    return Check(PARTS, enough, f"{len(files)} files hold {len(runs)} runs, the results {record['replications']}")


def _means(found: Sweep) -> Check:
    """Whether the table holds the means of the results."""
    results, table = found.results, found.table
    own = results.groupby(["number", "metric", "period"], observed=True)["value"].mean()
    told = table.dropna(subset="metric").set_index(["number", "metric", "period"])["mean"]
    if len(own) != len(told):
        return Check("means", False, f"{len(told)} means of {len(own)} figures")
    gap = (own.reindex(told.index) - told).abs() / told.abs().clip(lower=1.0)
    largest = float(gap.max()) if gap.notna().any() else 0.0
    same = bool((own.reindex(told.index).isna() == told.isna()).all()) and largest < 1e-9
    return Check("means", same, f"{len(told):,} means of the results, largest gap {largest:g}")


def _kept_run(folder: Path) -> list[Check]:
    name = f"{RUNS}/{folder.name}"
    try:
        return [Check(f"{name}: {check.name}", check.holds, check.detail) for check in validate(folder)]
    except InputError as error:
        return [Check(f"{name}: manifest", False, error.problems[0])]
