"""Run a study: simulate what is missing, put the tables together, derive what is read off them."""

from __future__ import annotations

import errno
import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, bad_name, shown, suggest, user_path
from scenarios.runs.backends import ready
from scenarios.runs.claim import read_config
from scenarios.runs.execute import execute
from scenarios.runs.halt import DiskFull, Interrupted, is_full
from scenarios.runs.manifest import now, read_manifest
from scenarios.runs.pool import pool_of
from scenarios.runs.precision import check_precision, next_total
from scenarios.runs.progress import Progress
from scenarios.runs.replicate import ALWAYS, METRICS, Outcome, Task
from scenarios.runs.result import TABLES, Result
from scenarios.runs.store import RunFolder
from scenarios.runs.targets import planned
from scenarios.runs.targets import settings as plan_settings

if TYPE_CHECKING:
    from scenarios.studies.study import Study

SIMULATED = tuple(name for name in TABLES if name not in (METRICS, "forecast"))
"""Tables that the simulator returns, in the order in which they are listed."""

SETTINGS = ("forecast", "report", "precision")
"""Keys of the configuration that change what is made of replications, and nothing in them."""


def run(
    study: Study,
    out: str | Path | None = None,
    *,
    command: str = "",
    simulate: Callable[[Any, int, int], Any] | None = None,
) -> Result:
    """Run all replications of a study and store what comes of them in a run folder.

    Replications that the folder holds already are not run again; if nothing is missing, nothing is computed.

    Parameters
    ----------
    study : Study
        As ``compose`` gives it.
    out : str or Path, optional
        The run folder. Without it the ``out`` of the study, and without that
        ``runs/run-<business>-<digest>`` in the current folder, so that the same study finds its own results.
    command : str, optional
        What the manifest names as the command; a command line for the study by default.
    simulate : callable, optional
        Stands in for the simulator: ``(timeline, seed, replication) -> Run``.

    Returns
    -------
    Result
        The tables as data frames; ``failures`` lists the replications that failed.

    Raises
    ------
    InputError
        If ``out`` is not free and not a folder of this study, or cannot be written.
    Interrupted
        On Ctrl-C.
    DiskFull
        When the disk is full.
    """
    path = out_folder(study, out)
    check_precision(study)
    check_language(study.config["report"]["language"])
    check_north_star(study.timeline.spec.business.north_star)
    planned(study.config)
    if not path.exists():
        ready(pool_of(study.config), path)
    with RunFolder(path, study) as folder:
        try:
            tables = folder.keep((*wanted_tables(study), *ALWAYS))
            task = Task(study, path, tables, simulate)
            _advance(folder, task, command or study_command(study, path))
        except KeyboardInterrupt:
            folder.refresh()
            raise Interrupted(path, len(folder.done), study.replications) from None
        except OSError as error:
            if not is_full(error):
                raise
            folder.refresh()
            raise DiskFull(path, len(folder.done), study.replications) from None
    return Result([path])


def out_folder(study: Study, out: str | Path | None = None, verb: str = "run") -> Path:
    """Where the results of a study go.

    Raises
    ------
    InputError
        For an empty name, or a business whose name cannot be part of a path.
    """
    chosen = out if out is not None else study.config.get("out")
    if chosen == "":
        raise InputError(['out: is empty, got ""; a folder, or null for the default'])
    if chosen is not None:
        return user_path(chosen, "out")
    if reason := bad_name(study.business):
        raise InputError([f"business.name: {reason}"])
    return Path("runs") / f"{verb}-{study.business}-{study.digest[:12]}"


def wanted_tables(study: Study) -> tuple[str, ...]:
    """Tables that the study asks to keep, all of them by default; the metrics are kept in any case."""
    names = study.config.get("tables")
    return tuple(name for name in SIMULATED if names is None or name in names)


def check_north_star(metric: str) -> None:
    """Refuse a leading metric that is none.

    Raises
    ------
    InputError
    """
    from analysis.metrics import REGISTRY

    if metric not in REGISTRY:
        raise InputError([f"business.north_star: is unknown, got {shown(metric)}; {suggest(metric, REGISTRY)}"])


def check_language(language: str) -> None:
    """Refuse a language of the report that has no texts.

    Raises
    ------
    InputError
    """
    from analysis.report.strings import languages

    if language not in languages():
        raise InputError([f"report.language: has no texts, got {shown(language)}; {suggest(language, languages())}"])


def study_command(study: Study, path: Path) -> str:
    """The command line that runs a study into a folder."""
    words = [word for word in study.overrides if not word.lstrip("+").startswith("out=")]
    if not any(word.startswith("business=") for word in words):
        words.insert(0, f"business={study.business}")
    place = ["--config-dir", study.config_dir] if study.config_dir else []
    return shlex.join(["tobsim", "run", *words, f"out={path}", *place])


def _advance(folder: RunFolder, task: Task, command: str) -> None:
    """Bring the folder to where the study wants it, doing only what is missing."""
    study, manifest = task.study, folder.manifest
    settings = {name: study.config.get(name) for name in SETTINGS} | plan_settings(study.config)
    if _nothing_missing(folder, settings):
        return
    ready(pool_of(study.config), folder.path)
    began = time.perf_counter()
    manifest.command, manifest.overrides = command, list(study.overrides)
    manifest.stamp()
    folder.prepare()
    with Progress(study.replications, len(folder.done), _shown(study)) as progress:
        outcomes = _replicate_all(folder, task, progress)
        manifest.failures = [_row(study, outcome, command) for outcome in outcomes if outcome.error]
        _note(folder)
        if folder.done:
            progress.stage("tables")
            folder.assemble(task.tables)
            _derive(folder, settings, progress)
    folder.manifest.times.update(finished=now(), seconds=round(time.perf_counter() - began, 3))
    folder.manifest.write(folder.path)


def _nothing_missing(folder: RunFolder, settings: dict[str, Any]) -> bool:
    manifest = folder.manifest
    done = set(range(folder.study.replications)) <= set(manifest.done) and not manifest.failures
    return done and manifest.status == "complete" and manifest.settings == settings


def _replicate_all(folder: RunFolder, task: Task, progress: Progress) -> list[Outcome]:
    """Simulate what is missing, then more as long as the precision asks for it."""
    outcomes: list[Outcome] = []
    total, look = 0, 0
    wanted = task.study.replications
    while wanted > total:
        total, look = wanted, look + 1
        progress.expect(total)
        done = set(folder.done)
        outcomes += _simulate(task, [number for number in range(total) if number not in done], progress)
        folder.refresh()
        wanted = next_total(folder, total, look)
    folder.manifest.requested = total
    return outcomes


def _simulate(task: Task, missing: list[int], progress: Progress) -> list[Outcome]:
    outcomes = []
    for outcome in execute(task, missing):
        if outcome.disk_full:
            raise OSError(errno.ENOSPC, outcome.message)
        progress.advance(outcome)
        outcomes.append(outcome)
        if outcome.trace and debugging():
            print(outcome.trace, file=sys.stderr)
    return sorted(outcomes, key=lambda outcome: outcome.replication)


def _row(study: Study, outcome: Outcome, command: str) -> dict[str, Any]:
    return {
        "replication": outcome.replication,
        "seed": study.seed,
        "type": outcome.error,
        "message": outcome.message,
        "command": command,
    }


def _note(folder: RunFolder) -> None:
    """Enter what the file sets say about themselves into the manifest."""
    manifest, sets = folder.manifest, folder.pending
    manifest.steps += sum(facts.steps for facts in sets.values())
    seconds = sum(facts.seconds for facts in sets.values()) + manifest.times.get("simulated_seconds", 0)
    manifest.times["simulated_seconds"] = round(seconds, 3)
    texts = [text for number in sorted(sets) for text in sets[number].warnings]
    manifest.warnings = list(dict.fromkeys([*folder.study.warnings, *manifest.warnings, *texts]))


def _derive(folder: RunFolder, settings: dict[str, Any], progress: Progress) -> None:
    from scenarios.runs.derive import derive

    manifest = folder.manifest
    manifest.write(folder.path)
    files = derive(folder.path, folder.study, progress.stage)
    manifest.files = {name: entry for name, entry in manifest.files.items() if name in _assembled(folder)} | files
    manifest.settings, manifest.status = settings, "complete"


def _assembled(folder: RunFolder) -> set[str]:
    return {f"{name}.parquet" for name in folder.manifest.tables}


def debugging() -> bool:
    """Whether the user wants to see where an error came from."""
    return os.environ.get("TOBSIM_DEBUG", "") not in ("", "0")


def _shown(study: Study) -> bool:
    return bool(study.config.get("progress", True))


def rebuild_report(path: Path, language: str | None = None) -> Path:
    """Build the report of a run folder again.

    Parameters
    ----------
    path : Path
        A run folder.
    language : str, optional
        Language of the report; the one of the study by default.

    Raises
    ------
    InputError
        If it is no run folder, holds no replication, or the language has no texts.
    """
    from scenarios.runs.derive import write_report

    manifest = read_manifest(path)
    if not manifest.replications:
        raise InputError([f"{path}: has nothing to report, got a run that is {manifest.status}; finish it"])
    chosen = language or read_config(path)["report"]["language"]
    check_language(chosen)
    manifest.files["report.html"] = write_report(path, chosen)
    manifest.write(path)
    return path / "report.html"
