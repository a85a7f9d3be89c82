"""What a sweep will take, measured on one replication of its first point before anything is written."""

from __future__ import annotations

import resource
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from scenarios.errors import InputError
from scenarios.runs.backends import width
from scenarios.runs.pool import LOCAL, Pool, pool_of
from scenarios.runs.progress import duration
from scenarios.sweeps.points import Design, Planned, point_study
from scenarios.sweeps.run_point import PartFacts, figures, metrics_table, part_bytes

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Estimate:
    """What a sweep will take if every point is like the first one, apart from its number of accounts.

    Attributes
    ----------
    points, jobs : int
        Points, and their replications.
    seconds : float
        Over all processes.
    memory, disk : float
        Bytes: of all processes at their largest, and of files.
    processes : int
        That work at the same time: those of this computer, or what the cluster offers now.
    warning : str
        Why they are assumed, where the cluster does not say; empty if they are known.
    """

    points: int
    jobs: int
    seconds: float
    memory: float
    disk: float
    processes: int = 1
    warning: str = ""

    @property
    def text(self) -> str:
        """One line each."""
        several = f"{self.processes:,} processes" if self.processes > 1 else "1 process"
        lines = [f"points    {self.points:,}", f"runs      {self.jobs:,} (points x replications)",
                 f"time      about {duration(self.seconds)} ({self.seconds / 3600:.3g} hours) on {several}",
                 f"memory    about {self.memory / MEGABYTE:,.0f} MB",
                 f"disk      about {self.disk / MEGABYTE:,.1f} MB"]  # fmt: skip
        return "\n".join(lines)


def estimate(design: Design) -> Estimate:
    """Run one replication of the first point that is not refused and extrapolate.

    Time, memory and disk grow with the replications; time also with the accounts where points differ in them. Under a
    precision the replications are the first ones only.
    """
    first = next(point for point in design.points if not point.refused)
    base = design.bases[first.scenario]
    began = time.perf_counter()
    study = point_study(base.source, first.values)
    prepared = time.perf_counter() - began
    metrics_table(study, 0)  # what a process does once: imports, tables of random numbers
    began = time.perf_counter()
    metrics, _ = metrics_table(study, 0)
    each = time.perf_counter() - began
    table = figures([metrics], design.detail)
    size = len(part_bytes(PartFacts(first.key, (0,)), table))
    workers, warning = _processes(pool_of(design.base.config))
    jobs = len(design.points) * design.asked.replications
    seconds = (len(design.points) * prepared + each * design.asked.replications * _scale(design, first)) / workers
    memory = _peak() * (1 if workers == 1 else workers + 1)
    return Estimate(len(design.points), jobs, seconds, memory, size * jobs, workers, warning)


def _processes(pool: Pool) -> tuple[int, str]:
    """Processes that will work at the same time, and why they are assumed where the cluster does not say."""
    assumed = max(1, pool.workers)
    if pool.backend == LOCAL or pool.address is None:
        return assumed, ""
    what = f"the prediction assumes {assumed} at work"
    try:
        found = width(pool)
    except InputError as error:
        return assumed, f"{error.problems[0]}; {what}"
    return (found, "") if found else (assumed, f"execution.address: has no worker, got {pool.address}; {what}")


def _scale(design: Design, first: Planned) -> float:
    """Accounts of all points in those of one."""
    counts = [float(point.values.get("market.accounts", design.bases[point.scenario].config["market"]["accounts"]))
              for point in design.points]  # fmt: skip
    return sum(counts) / max(counts[design.points.index(first)], 1.0)


def _peak() -> float:
    """Largest memory of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else peak * 1024)


def check_space(found: Estimate, path: Path) -> None:
    """Refuse a sweep whose files do not fit on the disk.

    Raises
    ------
    InputError
    """
    place = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if found.disk > free:
        text = f"needs about {found.disk / MEGABYTE:,.0f} MB, got {free / MEGABYTE:,.0f} MB free in {place}"
        raise InputError([f"out: {text}; another out, fewer points or replications"])
