"""Plans that are simulated: every plan under every draw of what is uncertain, with the same random numbers.

A plan under a draw is a point of a sweep, and its jobs are those of a sweep: files in the folder of their batch, looked
at again when an optimisation goes on. A point that an earlier batch had is not simulated twice.
"""

from __future__ import annotations

import errno
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.optimise.problem import LAST, Problem, Quantity, last_year
from scenarios.sweeps.jobs import JobTable, run_jobs
from scenarios.sweeps.points import Asked, Design, Planned, planned
from scenarios.sweeps.run_point import PARTS
from scenarios.sweeps.sampling import Point
from scenarios.sweeps.sweep import point_command

if TYPE_CHECKING:
    from scenarios.studies.study import Study

Simulate = Callable[[Any, int, int], Any]


@dataclass(frozen=True)
class Setup:
    """How plans are simulated.

    Attributes
    ----------
    folder : Path
        Of the files of jobs; each batch has a folder in it.
    seed : int
        Of the study: search and confirmation have different ones.
    replications : int
    draws : sequence of dict
        Values of what is uncertain.
    workers : int
    simulate : callable, optional
        Stands in for the simulator.
    """

    folder: Path
    seed: int
    replications: int
    draws: Sequence[Mapping[str, Any]]
    workers: int = 1
    simulate: Simulate | None = None

    @property
    def runs(self) -> int:
        """Replications of one plan."""
        return self.replications * len(self.draws)


@dataclass(frozen=True, eq=False)
class Tried:
    """What became of a plan.

    Attributes
    ----------
    digest : str
        Of its configuration under the first draw.
    command : str
        The command line that runs it.
    outcomes : dict
        By figure: float array, shape (draws, replications), NaN where undefined; empty if a replication failed.
    failures : list of dict
        Why replications failed, with commands that repeat them.
    """

    digest: str
    command: str
    outcomes: Mapping[Quantity, np.ndarray]
    failures: list[dict[str, Any]] = field(default_factory=list)
    warnings: tuple[str, ...] = ()


class Bench:
    """Simulates plans of a problem in one setup.

    Attributes
    ----------
    done, asked : int
        Replications that are there, and all that were asked for so far; each point counts once.
    """

    def __init__(self, problem: Problem, setup: Setup) -> None:
        self._problem, self._setup = problem, setup
        self._study = _seeded(problem.study, setup)
        self._figures: dict[str, dict[Quantity, np.ndarray]] = {}
        self._table: JobTable | None = None
        self._before = (0, 0)

    @property
    def done(self) -> int:
        """Replications that are on disk."""
        return self._before[0] + (self._table.finished if self._table else 0)

    @property
    def asked(self) -> int:
        """Replications that were asked for."""
        return self._before[1] + (self._table.total if self._table else 0)

    def refresh(self) -> None:
        """Look at the files of the batch again."""
        if self._table:
            self._table.refresh()

    def run(self, name: str, plans: Sequence[Mapping[str, Any]]) -> list[Tried]:
        """Simulate what is missing of a batch.

        Parameters
        ----------
        name : str
            Of the batch's folder.
        plans : sequence of dict
            Chosen values by key; an empty plan is the study as it stands.
        """
        points = planned({self._problem.scenario: self._study}, self._points(plans))
        self._before = self.done, self.asked
        self._table = self._jobs(name, [point for point in points if point.key not in self._figures])
        for done in run_jobs(self._table, self._setup.workers):
            if done.disk_full:
                raise OSError(errno.ENOSPC, done.failures[0].message)
        self._table.refresh()
        for key in self._table.points:
            if len(self._table.done(key)) == self._setup.replications:
                self._figures[key] = self._read(self._table, key)
        each = len(self._setup.draws)
        return [self._tried(points[i : i + each]) for i in range(0, len(points), each)]

    def _points(self, plans: Sequence[Mapping[str, Any]]) -> list[Point]:
        """A point for every plan and draw; where links follow what is uncertain, they follow the draw."""
        space, scenario = self._problem.space, self._problem.scenario
        pairs = [(plan, draw) for plan in plans for draw in self._setup.draws]
        values = [space.complete(scenario, {**plan, **draw}) if plan else dict(draw) for plan, draw in pairs]
        return [Point(number, scenario, value) for number, value in enumerate(values)]

    def _jobs(self, name: str, points: Sequence[Planned]) -> JobTable:
        folder = self._setup.folder / name
        (folder / PARTS).mkdir(parents=True, exist_ok=True)
        return JobTable(folder, self._design(points), self._setup.simulate)

    def _design(self, points: Sequence[Planned]) -> Design:
        bases = {self._problem.scenario: self._study}
        return Design(self._problem.name, self._problem.base, bases, tuple(points), Asked(self._setup.replications))

    def _read(self, table: JobTable, key: str) -> dict[Quantity, np.ndarray]:
        """Figures of a point by replication."""
        year = last_year(self._problem.study.config)
        frame = table.figures(key).to_pydict()
        rows = zip(frame["metric"], frame["period"], frame["replication"], frame["value"], strict=True)
        found = {(metric, period, number): value for metric, period, number, value in rows if value is not None}
        numbers = range(self._setup.replications)
        return {
            each: np.array([found.get((each.metric, year if each.period == LAST else each.period, number), np.nan)
                            for number in numbers], float)
            for each in self._problem.quantities
        }  # fmt: skip

    def _tried(self, points: Sequence[Planned]) -> Tried:
        assert self._table is not None
        failures = [row for point in points for row in self._failures(point)]
        parts = [part for point in points for part in self._table.parts(point.key)]
        warnings = tuple(dict.fromkeys(text for part in parts for text in part.facts.warnings))
        known = [self._figures.get(point.key) for point in points]
        outcomes = {} if failures or None in known else {
            each: np.stack([figures[each] for figures in known if figures]) for each in self._problem.quantities
        }  # fmt: skip
        return Tried(points[0].digest, self._command(points[0]), outcomes, failures, warnings)

    def _command(self, point: Planned) -> str:
        """What runs a point alone; without what changes no figure, so that tables do not depend on it."""
        words = shlex.split(point_command(self._design(()), point))
        kept = [word for word in words if not word.lstrip("+").startswith(("execution", "progress="))]
        seed = [] if self._setup.seed == self._problem.study.seed else [f"seed={self._setup.seed}"]
        return shlex.join([*kept, *seed])

    def _failures(self, point: Planned) -> list[dict[str, Any]]:
        assert self._table is not None
        command = self._command(point)
        return [
            {"replication": why.replication, "type": why.type, "message": why.message,
             "command": f"{command} replications={why.replication + 1}"}
            for why in self._table.failures_of(point.key)
        ]  # fmt: skip


def _seeded(study: Study, setup: Setup) -> Study:
    """A study of the setup's seed; its budget counts one replication, since a process keeps no more at once."""
    changed = {"replications": 1, "seed": setup.seed, "progress": False, "precision": None}
    return replace(study, config=study.config | changed, source=study.source | changed)
