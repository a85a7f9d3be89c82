"""Jobs of a sweep: which replications of which points are there, found by looking at the files, and the rest as jobs.

What is done is never read from a log. A replication that failed or whose process was lost has left no file, so that
it is a job again when the sweep goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.runs.backends import ready, width
from scenarios.runs.execute import settled
from scenarios.runs.files import STAGED
from scenarios.runs.limit import Gone
from scenarios.runs.pool import LOCAL, Pool, pool_of
from scenarios.sweeps.points import Design, Planned
from scenarios.sweeps.run_point import PARTS, Done, Failure, Job, PartFacts, read_part, run_job

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

RUNS = "runs"
"""Folder of the run folders of points, by the first half of their keys."""

WAITING, DONE, FAILED = "waiting", "done", "failed"
"""What may be said of a replication of a point."""

LARGE = 50_000
"""Accounts x replications of one job at most: what a kill can cost, a few seconds to minutes of simulation."""

SPARE = 4
"""Jobs for each process at least, where there are replications enough: no process waits long for the last one."""


@dataclass(frozen=True)
class Part:
    """A sound file of a job."""

    path: Path
    facts: PartFacts


class JobTable:
    """One row for every replication of every point of a design.

    Parameters
    ----------
    folder : Path
        Of the sweep; its files are read, and those that are damaged or half written are removed.
    design : Design
    simulate : callable, optional
        Stands in for the simulator.

    Attributes
    ----------
    wanted : dict
        By key of a point: its replications.
    """

    def __init__(
        self, folder: Path, design: Design, simulate: Callable[[Any, int, int], Any] | None = None
    ) -> None:  # fmt: skip
        self.folder, self.design, self._simulate = folder, design, simulate
        self.points: dict[str, Planned] = {}
        for point in design.points:
            self.points.setdefault(point.key, point)
        self.wanted = dict.fromkeys(self.points, design.asked.replications)
        self._failed: dict[str, dict[int, Failure]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Look at the files again."""
        self._parts: dict[str, list[Part]] = {}
        place = self.folder / PARTS
        for path in sorted(place.iterdir()) if place.is_dir() else []:
            facts = read_part(path) if path.suffix == ".parquet" else None
            if facts is not None and self._told(facts.key):
                self._parts.setdefault(facts.key, []).append(Part(path, facts))
            elif path.name.endswith(STAGED) or path.suffix == ".parquet":
                path.unlink()

    def _told(self, key: str) -> bool:
        """Whether all is there that is kept of a point beside its figures."""
        asked = self.design.asked
        needed = "report.html" if asked.reports else "manifest.json"
        return key not in self.points or not asked.runs or (self.folder / RUNS / key[:16] / needed).is_file()

    def failures_of(self, key: str) -> list[Failure]:
        """Replications of a point that failed this time, in their order."""
        return sorted(self._failed.get(key, {}).values(), key=lambda failure: failure.replication)

    def done(self, key: str) -> list[int]:
        """Replications of a point that are on disk, of those wanted."""
        found = {number for part in self._parts.get(key, ()) for number in part.facts.replications}
        return sorted(number for number in found if number < self.wanted[key])

    @property
    def finished(self) -> int:
        """Replications that are on disk, of all that are wanted."""
        return sum(len(self.done(key)) for key in self.points)

    @property
    def kept(self) -> int:
        """Replications of the points that are on disk, wanted or not."""
        parts = {key: [part.facts.replications for part in self.parts(key)] for key in self.points}
        return sum(len({number for numbers in found for number in numbers}) for found in parts.values())

    @property
    def total(self) -> int:
        """Replications that are wanted."""
        return sum(self.wanted.values())

    def status(self, key: str) -> str:
        """What is said of a point: done, failed if any replication is, or waiting."""
        if len(self.done(key)) == self.wanted[key]:
            return DONE
        return FAILED if key in self._failed else WAITING

    def frame(self) -> pd.DataFrame:
        """The jobs: digest of the point, replication, status."""
        import pandas as pd

        rows = []
        for key, point in self.points.items():
            done = set(self.done(key))
            failures = self._failed.get(key, {})
            for number in range(self.wanted[key]):
                failed = FAILED if number in failures else WAITING
                rows.append((point.digest, number, DONE if number in done else failed))
        return pd.DataFrame(rows, columns=["digest", "replication", "status"])

    def jobs(self, workers: int = 1) -> list[Job]:
        """What is missing and has not failed, in blocks of replications."""
        missing = {key: self._missing(key) for key in self.points}
        share = max(1, sum(map(len, missing.values())) // (SPARE * workers)) if workers > 1 else LARGE
        found = []
        for key, numbers in missing.items():
            point = self.points[key]
            block = max(1, min(share, LARGE // self._accounts(point)))
            block = max(1, len(numbers)) if self.design.asked.runs else block
            found += [self._job(point, numbers[i : i + block]) for i in range(0, len(numbers), block)]
        return found

    def _missing(self, key: str) -> list[int]:
        done = set(self.done(key))
        done.update(self._failed.get(key, {}))
        return [number for number in range(self.wanted[key]) if number not in done]

    def _accounts(self, point: Planned) -> int:
        value = point.values.get("market.accounts", self.design.bases[point.scenario].config["market"]["accounts"])
        return max(1, int(value))

    def _job(self, point: Planned, numbers: Sequence[int]) -> Job:
        source = self.design.bases[point.scenario].source
        own = {"report": {**source["report"], "enabled": self.design.asked.reports}}
        own["forecast"] = {**source["forecast"], "enabled": self.design.asked.reports}
        kept = self.folder / RUNS / point.key[:16] if self.design.asked.runs else None
        return Job(
            point.key, source | own, point.values, tuple(numbers), self.folder, self.design.detail, kept, self._simulate
        )  # fmt: skip

    def add(self, done: Done) -> None:
        """Note why replications failed."""
        for failure in done.failures:
            self._failed.setdefault(failure.key, {})[failure.replication] = failure

    def parts(self, key: str) -> list[Part]:
        """Sound files of a point."""
        return self._parts.get(key, [])

    def figures(self, key: str) -> pa.Table:
        """Figures of the wanted replications of a point that are there: replication, metric, period, value, unit."""
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        taken: set[int] = set()
        tables = []
        for part in self.parts(key):
            fresh = [number for number in part.facts.replications if number not in taken]
            taken.update(fresh)
            kept = [number for number in fresh if number < self.wanted[key]]
            table = pq.ParquetFile(part.path).read().replace_schema_metadata()
            tables.append(table.filter(pc.is_in(table.column("replication"), pa.array(kept, pa.int32()))))
        keys = [(name, "ascending") for name in ("replication", "metric", "period")]
        return pa.concat_tables(tables).sort_by(keys)


def run_jobs(table: JobTable, workers: int) -> Iterator[Done]:
    """Run what is missing and yield what became of each job, in the order in which they end.

    The work of a worker that dies is sent again, in the end one replication at a time. One that ends its process even
    alone is a failure, as one is that takes longer than the limit; under a limit a job is one replication, or a whole
    point if its run folder is kept.
    """
    pool = replace(pool_of(table.design.base.config), workers=workers)
    if pool.here():
        for job in table.jobs():
            yield _noted(table, run_job(job))
        return
    ready(pool, table.folder)
    jobs = _apart(table.jobs(width(pool)), pool)
    if pool.limit is not None and table.design.asked.runs:
        pool = replace(pool, limit=pool.limit * max((len(job.replications) for job in jobs), default=1))
    several = []
    for job, found in _sent(table, jobs, pool):
        if isinstance(found, Gone) and _may_part(job, pool):
            several.append(job)
        else:
            yield _noted(table, _told(job, found))
    singles = [single for job in several for single in _singles(job)]
    for single, found in _sent(table, singles, replace(pool, workers=1)):
        yield _noted(table, _told(single, found))


def _may_part(job: Job, pool: Pool) -> bool:
    """Whether replications of a job may be sent alone: not where two could be at work on one run folder at once."""
    return len(job.replications) > 1 and (job.run_folder is None or pool.backend == LOCAL)


def _apart(jobs: Sequence[Job], pool: Pool) -> list[Job]:
    """Jobs as workers get them: their folders by their whole path, work that they do themselves."""
    here = {"backend": LOCAL, "workers": 1, "address": None, "timeout": None}
    limited = pool.limit is not None
    return [
        replace(
            each,
            source={**each.source, "execution": {**each.source["execution"], **here}},
            folder=each.folder.absolute(),
            run_folder=each.run_folder and each.run_folder.absolute(),
        )
        for job in jobs
        for each in (_singles(job) if limited and job.run_folder is None else [job])
    ]


def _singles(job: Job) -> list[Job]:
    return [replace(job, replications=(number,), alone=True) for number in job.replications]


def _sent(table: JobTable, jobs: list[Job], pool: Pool) -> Iterator[tuple[Job, Any]]:
    """Jobs with what they came to; those that were finished before their worker died have left files."""

    def recall(places: Iterable[int]) -> dict[int, Done]:
        table.refresh()
        found = {place: jobs[place] for place in places}
        return {
            place: Done(job.key, job.replications)
            for place, job in found.items()
            if set(job.replications) <= set(table.done(job.key))
        }

    for place, found in settled([(run_job, job) for job in jobs], pool, table.folder, recall):
        yield jobs[place], found


def _told(job: Job, found: Done | Gone) -> Done:
    if isinstance(found, Done):
        return found
    return Done(job.key, failures=tuple(Failure(job.key, n, found.type, found.message) for n in job.replications))


def _noted(table: JobTable, done: Done) -> Done:
    table.add(done)
    return done


def horizon_values(table: JobTable, key: str, metric: str) -> list[float]:
    """A metric over the horizon by replication of a point, NaN where undefined, in the order of the replications."""
    found = table.figures(key).to_pylist()
    chosen: Mapping[int, Any] = {
        row["replication"]: row["value"] for row in found if (row["metric"], row["period"]) == (metric, "horizon")
    }
    return [float("nan") if chosen.get(number) is None else float(chosen[number]) for number in table.done(key)]
