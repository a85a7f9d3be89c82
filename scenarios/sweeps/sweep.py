"""A sweep: every point of an experiment, only what is missing, and the tables read off all of them."""

from __future__ import annotations

import errno
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, bad_name, user_path
from scenarios.runs.backends import ready
from scenarios.runs.claim import CONFIG, Owner, check_place, difference, held
from scenarios.runs.files import write_text
from scenarios.runs.halt import DiskFull, Interrupted, is_full
from scenarios.runs.manifest import now, read_entries, versions
from scenarios.runs.pool import pool_of
from scenarios.runs.precision import RIGHT, check_precision, is_reached
from scenarios.runs.progress import Progress
from scenarios.runs.run import check_language
from scenarios.studies.digest import json_digest
from scenarios.studies.overrides import override_text
from scenarios.sweeps.analyses import write_analyses
from scenarios.sweeps.folder import COMPLETE, VERB, Record, Sweep, is_complete
from scenarios.sweeps.jobs import DONE, JobTable, horizon_values, run_jobs
from scenarios.sweeps.page import NAME as PAGE
from scenarios.sweeps.page import rebuild_page, write_page
from scenarios.sweeps.points import Design, Planned, aliases, engine_version
from scenarios.sweeps.points import design as designed
from scenarios.sweeps.run_point import PARTS, Done
from scenarios.sweeps.stored import DESIGN, write_design
from scenarios.sweeps.tables import FIGURES, OWN, failures_frame, write_tables

if TYPE_CHECKING:
    from scenarios.sweeps.experiment import Experiment

Simulate = Callable[[Any, int, int], Any]


class SweepProgress(Progress):
    """Counts points, and says how many of them failed."""

    failed = 0

    def count(self) -> None:
        """Count one more point."""
        if self.failed:
            self._what = f"points ({self.failed} failed)"
            self.expect(self.total)
        super().count()

    def _pace(self) -> str:
        done, began = self._first or (self.done, self._began)
        pace = (self.done - done) / max(time.monotonic() - began, 1e-9)
        return f"{pace:.3g} points/s" if pace else ""


def sweep(
    experiment: Experiment, out: str | Path | None = None, *, command: str = "", simulate: Simulate | None = None
) -> Sweep:
    """Run every point of an experiment; what the folder holds already is not run again.

    Parameters
    ----------
    experiment : Experiment
        As ``read_experiment`` gives it.
    out : str or Path, optional
        Folder of the sweep; by default the ``out`` of the study, and without that
        ``runs/sweep-<business>-<experiment>-<digest>`` in the current folder.
    command : str, optional
        What the manifest names as the command.
    simulate : callable, optional
        Stands in for the simulator.

    Returns
    -------
    Sweep

    Raises
    ------
    InputError
        If the experiment cannot be run or the folder is of something else; nothing was run or written.
    Interrupted
        On Ctrl-C.
    DiskFull
        When the disk is full.
    """
    return run_design(designed(experiment), out, command=command, simulate=simulate)


def run_design(
    design: Design, out: str | Path | None = None, *, command: str = "", simulate: Simulate | None = None
) -> Sweep:
    """Run every point of a design; see ``sweep``."""
    path = check_design(design, out)
    check_language(design.base.config["report"]["language"])
    if not path.exists():
        ready(pool_of(design.base.config), path)
    record = new_record(design)
    record.command = command or sweep_command(design, path)
    with held(path, record.owner):
        table = JobTable(path, design, simulate)
        if is_complete(path, record.design, table.kept):
            _show(path, design.base.config["report"])
            return Sweep(path)
        ready(pool_of(design.base.config), path)
        try:
            _prepare(table, record)
            _advance(table, record)
        except KeyboardInterrupt:
            table.refresh()
            raise Interrupted(path, table.finished, table.total) from None
        except OSError as error:
            if not is_full(error):
                raise
            table.refresh()
            raise DiskFull(path, table.finished, table.total) from None
    return Sweep(path)


def _show(path: Path, settings: Mapping[str, Any]) -> None:
    """Build the page of a complete sweep that has none: it was not asked for until now, or stopped in the making."""
    if settings["enabled"] and PAGE not in read_entries(path)["files"]:
        rebuild_page(path, settings["language"])


def out_folder(design: Design, out: str | Path | None = None) -> Path:
    """Where a sweep goes.

    Raises
    ------
    InputError
        For an empty name, or one that cannot be part of a path.
    """
    chosen = out if out is not None else design.base.config.get("out")
    if chosen == "":
        raise InputError(['out: is empty, got ""; a folder, or null for the default'])
    if chosen is not None:
        return user_path(chosen, "out")
    for where, name in (("business.name", design.base.business), ("experiment", design.name)):
        if reason := bad_name(name):
            raise InputError([f"{where}: {reason}"])
    return Path("runs") / f"{VERB}-{design.base.business}-{design.name}-{design.base.digest[:12]}"


def check_design(design: Design, out: str | Path | None = None) -> Path:
    """The folder of a sweep, if it may run there; more points of the same study may be added to one.

    Raises
    ------
    InputError
        For a place that is not free and not the folder of this sweep, or a precision that names no metric.
    """
    path = out_folder(design, out)
    check_precision(replace(design.base, config=design.base.config | {"precision": design.asked.precision}))
    owner = Owner(VERB, "sweep", "sweep", owner_digest(design))
    check_place(path, owner, lambda: ", ".join(difference(path, design.base)) or _other(path, design))
    return path


def owner_digest(design: Design) -> str:
    """What the folder of a sweep is known by: its points and replications may grow."""
    return json_digest([design.base.digest, design.name])


def _other(path: Path, design: Design) -> str:
    there = read_entries(path).get("experiment")
    return "an input file differs" if there == design.name else f"experiment {there} there and {design.name} here"


def new_record(design: Design) -> Record:
    """What the manifest says before anything was run."""
    base = design.base
    settings = {**asdict(design.asked), "scenarios": list(design.bases), "experiment": dict(design.settings)}
    found = Record(owner_digest(design), design.name, base.business, base.seed, design.digest, settings=settings)
    found.engine, found.points, found.versions = engine_version(), len(design.points), versions()
    found.keys, found.times = aliases(design.keys, (*OWN, *FIGURES)), {"started": now()}
    texts = [text for study in design.bases.values() for text in study.warnings]
    found.warnings = list(dict.fromkeys([*design.warnings, *texts]))
    return found


def _prepare(table: JobTable, record: Record) -> None:
    """Write manifest and configuration before anything is simulated."""
    from scenarios.runs.store import config_text

    record.write(table.folder)
    write_text(table.folder / CONFIG, config_text(table.design.base.config))
    (table.folder / PARTS).mkdir(exist_ok=True)


def _advance(table: JobTable, record: Record) -> None:
    """Bring the folder to where the design wants it, doing only what is missing."""
    began = time.perf_counter()
    config = table.design.base.config
    shown = SweepProgress(len(table.points), _finished(table), bool(config.get("progress", True)), what="points")
    with shown:
        _replicate_all(table, int(config["execution"]["workers"]), shown)
        shown.stage("tables")
        commands = {key: point_command(table.design, point) for key, point in table.points.items()}
        record.files = write_tables(table, commands) | {DESIGN: write_design(table.folder, table.design)}
        shown.stage("analyses")
        record.files |= write_analyses(table.folder, table.design)
    record.failures = failures_frame(table, commands).to_dict("records")
    texts = [text for key in table.points for part in table.parts(key) for text in part.facts.warnings]
    record.warnings = list(dict.fromkeys([*record.warnings, *_imprecise(table), *texts]))
    record.replications, record.status = table.finished, COMPLETE
    record.times.update(finished=now(), seconds=round(time.perf_counter() - began, 3))
    record.write(table.folder)
    if page := write_page(table.folder, config["report"]):
        record.files |= page
        record.write(table.folder)


def _finished(table: JobTable) -> int:
    return sum(table.status(key) == DONE for key in table.points)


def _replicate_all(table: JobTable, workers: int, progress: SweepProgress) -> None:
    """Simulate what is missing, then more of the points whose precision asks for it."""
    look, open_ = 0, list(table.points)
    while open_:
        look += 1
        _simulate(table, workers, progress)
        table.refresh()
        totals = {key: next_total(table, key, look) for key in open_}
        open_ = [key for key in open_ if totals[key] > table.wanted[key]]
        table.wanted |= {key: totals[key] for key in open_}
        if open_:
            progress.expect(len(open_), f"points, look {look + 1}")


def _simulate(table: JobTable, workers: int, progress: SweepProgress) -> None:
    waiting = {key: table.wanted[key] - len(table.done(key)) for key in table.points}
    for done in run_jobs(table, workers):
        if done.disk_full:
            raise OSError(errno.ENOSPC, done.failures[0].message)
        before = waiting[done.key]
        waiting[done.key] -= len(done.replications) + len(done.failures)
        if before > 0 >= waiting[done.key]:
            _count(table, done, progress)


def _count(table: JobTable, done: Done, progress: SweepProgress) -> None:
    progress.failed += bool(table.failures_of(done.key))
    progress.count()


def next_total(table: JobTable, key: str, look: int) -> int:
    """Replications of a point to have at the next look; the number so far if that is enough or more would not help."""
    wanted, total = table.design.asked.precision, table.wanted[key]
    if not wanted or not table.parts(key):
        return total
    import numpy as np

    from analysis.replications import Precision, more_replications, willink

    values = np.array(horizon_values(table, key, wanted["metric"]))
    precision = Precision(wanted.get("absolute", 0.0), wanted.get("relative", 0.0))
    try:
        return max(total, more_replications(willink(values), precision, look))
    except ValueError:
        return total


def _imprecise(table: JobTable) -> list[str]:
    """What is said of points that are not as precise as asked for."""
    import numpy as np

    wanted, known = table.design.asked.precision, [key for key in table.points if table.parts(key)]
    if not wanted:
        return []
    loose = [key for key in known if not is_reached(np.array(horizon_values(table, key, wanted["metric"])), wanted)]
    most = max((table.wanted[key] for key in loose), default=0)
    got = f"got {len(loose)} of {len(known)} points, up to {most} replications"
    return [f"experiment.precision: is not reached for {wanted['metric']}, {got}; {RIGHT}"] if loose else []


def point_command(design: Design, point: Planned) -> str:
    """The command line that runs a point alone, without the number of replications."""
    base = design.bases[point.scenario]
    own = ("scenario=", "out=", "replications=", "business=")
    words = [word for word in base.overrides if not word.lstrip("+").startswith(own)]
    chosen = next((word for word in base.overrides if word.startswith("business=")), f"business={base.business}")
    values = [override_text(key, value) for key, value in point.values.items()]
    words = [chosen, f"scenario={point.scenario}", *words, *values]
    place = ["--config-dir", base.config_dir] if base.config_dir else []
    return shlex.join(["tobsim", "run", *words, *place])


def sweep_command(design: Design, path: Path) -> str:
    """The command line that makes a sweep."""
    base = design.base
    words = [word for word in base.overrides if not word.lstrip("+").startswith("out=")]
    place = ["--config-dir", base.config_dir] if base.config_dir else []
    return shlex.join(["tobsim", "sweep", f"experiment={design.name}", *words, f"out={path}", *place])
