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

from scenarios.errors import InputError, shown, suggest
from scenarios.execute import execute
from scenarios.halt import DiskFull, Interrupted, is_full
from scenarios.manifest import now
from scenarios.progress import Progress
from scenarios.replicate import METRICS, Outcome, Task
from scenarios.result import TABLES, Result
from scenarios.store import RunFolder

if TYPE_CHECKING:
    from scenarios.study import Study

SIMULATED = tuple(name for name in TABLES if name not in (METRICS, "forecast"))
"""Tables that the simulator returns, in the order in which they are listed."""

DERIVED = ("forecast", "report")
"""Groups of the configuration that change what is derived from the tables, and nothing in them."""


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
    wanted = wanted_tables(study)
    with RunFolder(path, study) as folder:
        try:
            tables = folder.keep((*wanted, METRICS))
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
    """Where the results of a study go."""
    chosen = out if out is not None else study.config.get("out")
    return Path(chosen) if chosen is not None else Path("runs") / f"{verb}-{study.business}-{study.digest[:12]}"


def wanted_tables(study: Study) -> tuple[str, ...]:
    """Tables that the study asks to keep, all of them by default.

    Raises
    ------
    InputError
        For a name that is no table.
    """
    names = study.config.get("tables")
    if names is None:
        return SIMULATED
    if not isinstance(names, list):
        raise InputError([f"tables: must be a list, got {shown(names)}; for example [events,ledger]"])
    known = (*SIMULATED, METRICS)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError([f"tables: is no table, got {shown(n)}; {suggest(str(n), known)}" for n in unknown])
    return tuple(name for name in SIMULATED if name in names)


def study_command(study: Study, path: Path) -> str:
    """The command line that runs a study."""
    words = [*study.overrides, *([] if _names_out(study.overrides) else [f"out={path}"])]
    if not any(word.startswith("business=") for word in words):
        words.insert(0, f"business={study.business}")
    return shlex.join(["tobsim", "run", *words])


def _names_out(overrides: Any) -> bool:
    return any(word.lstrip("+").startswith("out=") for word in overrides)


def _advance(folder: RunFolder, task: Task, command: str) -> None:
    """Bring the folder to where the study wants it, doing only what is missing."""
    study = task.study
    missing = [number for number in range(study.replications) if number not in set(folder.done)]
    settings = {name: study.config.get(name) for name in DERIVED}
    manifest = folder.manifest
    if not missing and manifest.status == "complete" and manifest.settings == settings and not folder.pending:
        return
    began = time.perf_counter()
    manifest.requested, manifest.command, manifest.overrides = study.replications, command, list(study.overrides)
    manifest.stamp()
    folder.prepare()
    with Progress(study.replications, study.replications - len(missing), _shown(study)) as progress:
        outcomes = _simulate(task, missing, progress)
        manifest.failures = [_row(study, outcome, command) for outcome in outcomes if outcome.error]
        _note(folder, outcomes)
        if folder.done:
            progress.stage("tables")
            folder.assemble(task.tables)
            _derive(folder, settings, progress)
    folder.manifest.times.update(finished=now(), seconds=round(time.perf_counter() - began, 3))
    folder.manifest.write(folder.path)


def _simulate(task: Task, missing: list[int], progress: Progress) -> list[Outcome]:
    outcomes = []
    workers = int((task.study.config.get("execution") or {}).get("workers", 1))
    for outcome in execute(task, missing, workers):
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


def _note(folder: RunFolder, outcomes: list[Outcome]) -> None:
    """Enter what the file sets say about themselves into the manifest."""
    folder.refresh()
    manifest, sets = folder.manifest, folder.pending
    manifest.steps += sum(facts.steps for facts in sets.values())
    seconds = sum(facts.seconds for facts in sets.values()) + manifest.times.get("simulated_seconds", 0)
    manifest.times["simulated_seconds"] = round(seconds, 3)
    texts = [text for number in sorted(sets) for text in sets[number].warnings]
    manifest.warnings = list(dict.fromkeys([*manifest.warnings, *texts]))


def _derive(folder: RunFolder, settings: dict[str, Any], progress: Progress) -> None:
    from scenarios.derive import derive

    files = derive(folder.path, folder.study, progress.stage)
    manifest = folder.manifest
    manifest.files = {name: entry for name, entry in manifest.files.items() if name in _assembled(folder)} | files
    manifest.settings, manifest.status = settings, "complete"


def _assembled(folder: RunFolder) -> set[str]:
    return {f"{name}.parquet" for name in folder.manifest.tables}


def debugging() -> bool:
    """Whether the user wants to see where an error came from."""
    return os.environ.get("TOBSIM_DEBUG", "") not in ("", "0")


def _shown(study: Study) -> bool:
    return bool(study.config.get("progress", True))

