"""A job of a sweep: some replications of one point, from its values to one file, in whatever process it is sent to.

The file of a job is an ordinary Parquet file that is written in one step. Its name holds the key of the point and the
checksum of the file, so that a file which is not exactly as it was written is never believed.
"""

from __future__ import annotations

import hashlib
import json
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.runs.files import checksum, write_atomic
from scenarios.runs.halt import is_full
from scenarios.runs.limit import Gone
from scenarios.runs.replicate import METRICS, Task, arrow_tables, metrics_context, simulator
from scenarios.studies.resolve import Tree
from scenarios.sweeps.points import point_study

if TYPE_CHECKING:
    import pyarrow as pa

    from scenarios.studies.study import Study

PARTS = "parts"
"""Folder of the files of jobs."""

FACTS = b"tobsim"
"""Entry of the file's schema that holds what the file says about itself."""

HORIZON, YEAR, DESK = "horizon", "fiscal_year", "desk"
"""Names of the metrics table."""

LABELS = {HORIZON: "horizon", YEAR: "FY%Y", "quarter": "Q%Y-%m", "month": "%Y-%m"}
"""Labels of periods, short ones by the month in which they end."""


@dataclass(frozen=True)
class Job:
    """Replications of one point.

    Attributes
    ----------
    key : str
        What the results are kept under.
    source : dict
        Configuration of the scenario, references in place.
    values : dict
        Values of the point by key.
    replications : tuple of int
        Their numbers.
    folder : Path
        Of the sweep.
    detail : tuple of str
        Periods kept beside fiscal years and the horizon.
    run_folder : Path or None
        Where the run folder of the point is kept; None keeps figures only.
    simulate : callable, optional
        Stands in for the simulator.
    alone : bool
        Replications that the run folder lacks beside these are not tried: they were, and have ended their worker.
    """

    key: str
    source: Tree
    values: Mapping[str, Any]
    replications: tuple[int, ...]
    folder: Path
    detail: tuple[str, ...] = ()
    run_folder: Path | None = None
    simulate: Callable[[Any, int, int], Any] | None = None
    alone: bool = False


@dataclass(frozen=True)
class Failure:
    """A replication that raised, or whose process ended."""

    key: str
    replication: int
    type: str
    message: str


@dataclass(frozen=True)
class Done:
    """What became of a job: the replications that are on disk, and those that failed."""

    key: str
    replications: tuple[int, ...] = ()
    failures: tuple[Failure, ...] = ()
    steps: int = 0
    seconds: float = 0.0
    disk_full: bool = False


@dataclass(frozen=True)
class PartFacts:
    """What the file of a job says about itself."""

    key: str
    replications: tuple[int, ...]
    steps: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()


@dataclass
class _Made:
    """Figures of the replications of a job so far."""

    tables: list[pa.Table] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)
    steps: int = 0


def run_job(job: Job) -> Done:
    """Simulate the replications of a job and write their figures; exceptions become failures.

    On Ctrl-C the replications that are finished are written first.
    """
    began = time.perf_counter()
    made = _Made()
    try:
        study = point_study(job.source, job.values)
        if job.run_folder is not None:
            _kept_run(job, study, made)
        else:
            _replicate_all(job, study, made)
    except KeyboardInterrupt:
        _store(job, made, began)
        raise
    except Exception as error:
        return Done(job.key, failures=_all(job, error), disk_full=is_full(error))
    try:
        return _store(job, made, began)
    except Exception as error:
        return Done(job.key, failures=_all(job, error), disk_full=is_full(error))


def _replicate_all(job: Job, study: Study, made: _Made) -> None:
    for number in job.replications:
        try:
            table, run = metrics_table(study, number, job.simulate)
        except Exception as error:
            if is_full(error):
                raise
            made.failures.append(_failure(job, number, error))
            continue
        made.tables.append(table)
        made.numbers.append(number)
        made.steps += int(run.steps)
        made.warnings.update(dict.fromkeys([*study.warnings, *run.warnings]))


def metrics_table(study: Study, replication: int, simulate: Callable[..., Any] | None = None) -> tuple[pa.Table, Any]:
    """Metrics of one replication, and what the simulator returned."""
    from analysis.metrics import compute
    from analysis.tables import Tables, to_arrow

    run = simulator(Task(study, Path(), (), simulate))(study.timeline, study.seed, replication)
    metrics = compute(Tables(arrow_tables(run.tables)), metrics_context(study.config))
    return to_arrow(METRICS, {column: metrics[column] for column in metrics}), run


class WorkerLost(RuntimeError):
    """What a replication came to that has ended its worker, or was late, when it was worked on alone."""


@dataclass(frozen=True)
class Alone:
    """The simulator for some replications of a run; others that its folder lacks have ended their worker before."""

    simulate: Callable[[Any, int, int], Any] | None
    replications: tuple[int, ...]

    def __call__(self, timeline: Any, seed: int, replication: int) -> Any:
        if replication not in self.replications:
            raise WorkerLost(Gone().message)
        if self.simulate is not None:
            return self.simulate(timeline, seed, replication)
        from sim.simulate import simulate

        return simulate(timeline, seed, replication)


def _kept_run(job: Job, study: Study, made: _Made) -> None:
    """Run the point into a run folder of its own and read its metrics there."""
    import pyarrow.parquet as pq

    from scenarios.runs.run import run

    assert job.run_folder is not None
    total = max(job.replications) + 1
    asked = replace(study, config=study.config | {"replications": total})
    result = run(asked, job.run_folder, simulate=Alone(job.simulate, job.replications) if job.alone else job.simulate)
    failed = {row["replication"]: row for row in result.failures}
    for number in job.replications:
        if row := failed.get(number):
            made.failures.append(Failure(job.key, number, row["type"], row["message"]))
    made.numbers += [number for number in job.replications if number in result.manifest.done]
    if made.numbers:
        filters = [("replication", "in", made.numbers)]
        made.tables.append(pq.read_table(job.run_folder / f"{METRICS}.parquet", filters=filters))
    made.steps = result.manifest.steps
    made.warnings.update(dict.fromkeys(result.manifest.warnings))


def _store(job: Job, made: _Made, began: float) -> Done:
    seconds = time.perf_counter() - began
    if made.numbers:
        facts = PartFacts(job.key, tuple(made.numbers), made.steps, seconds, tuple(made.warnings))
        write_part(job.folder, facts, figures(made.tables, job.detail))
    return Done(job.key, tuple(made.numbers), tuple(made.failures), made.steps, seconds)


def _all(job: Job, error: Exception) -> tuple[Failure, ...]:
    return tuple(_failure(job, number, error) for number in job.replications)


def _failure(job: Job, number: int, error: Exception) -> Failure:
    from scenarios.runs.run import debugging

    if debugging():
        traceback.print_exception(error)
    return Failure(job.key, number, type(error).__name__, " ".join(str(error).split()))


def figures(tables: Sequence[pa.Table], detail: Sequence[str] = ()) -> pa.Table:
    """Figures of replications: replication, metric, period, value, unit, ordered by the first three.

    Parameters
    ----------
    tables : sequence of pyarrow.Table
        Metrics, of one or more replications each.
    detail : sequence of str
        ``month`` and ``quarter``, if their totals are wanted beside those of fiscal years and the horizon.
    """
    import pyarrow as pa

    metrics = pa.concat_tables(tables, promote_options="permissive")
    found = pa.concat_tables(_labelled(metrics, period) for period in (HORIZON, YEAR, *detail))
    return found.sort_by([(name, "ascending") for name in ("replication", "metric", "period")])


def _labelled(metrics: pa.Table, period: str) -> pa.Table:
    """Totals, and over years and the horizon figures of desks, with the names and labels of the summary."""
    import pyarrow as pa
    import pyarrow.compute as pc

    desks = pc.equal(metrics["dim1"].cast(pa.string()), DESK) if period in (HORIZON, YEAR) else pa.scalar(False)
    mask = pc.and_(pc.is_null(metrics["dim2"]), pc.or_kleene(pc.is_null(metrics["dim1"]), desks))
    chosen = metrics.filter(pc.and_(mask, pc.equal(metrics["period"].cast(pa.string()), period)))
    name, level = chosen["metric"].cast(pa.string()), chosen["level1"].cast(pa.string())
    whole = pc.coalesce(pc.binary_join_element_wise(name, level, "_"), name)
    label = pc.strftime(chosen["ds"], LABELS[period])
    value = pc.if_else(pc.is_nan(chosen["value"]), pa.scalar(None, pa.float64()), chosen["value"])
    columns = [chosen["replication"], whole, label, value, chosen["unit"].cast(pa.string())]
    return pa.table(columns, schema=part_schema())


def part_schema() -> pa.Schema:
    """Columns of the file of a job."""
    import pyarrow as pa

    text = pa.string()
    kinds = {"replication": pa.int32(), "metric": text, "period": text, "value": pa.float64(), "unit": text}
    return pa.schema(list(kinds.items()))


def part_bytes(facts: PartFacts, table: pa.Table) -> bytes:
    """The file of a job."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    told = json.dumps(asdict(facts), ensure_ascii=False).encode()
    pq.write_table(table.replace_schema_metadata({FACTS: told}), sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def write_part(folder: Path, facts: PartFacts, table: pa.Table) -> Path:
    """Write the file of a job in one step, under its key and its checksum."""
    content = part_bytes(facts, table)
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    path = folder / PARTS / f"{facts.key}-{digest}.parquet"
    write_atomic(path, lambda staged: _fill(staged, content))
    return path


def _fill(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def read_part(path: Path) -> PartFacts | None:
    """What a file of a job says about itself, or None if it is not exactly as it was written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    key, _, digest = path.stem.partition("-")
    try:
        if path.is_symlink() or checksum(path) != digest:
            return None
        told = json.loads(pq.read_schema(path).metadata[FACTS])
        facts = PartFacts(**told | {name: tuple(told[name]) for name in ("replications", "warnings")})
    except (OSError, ValueError, TypeError, KeyError, pa.ArrowException):
        return None
    return facts if facts.key == key else None
