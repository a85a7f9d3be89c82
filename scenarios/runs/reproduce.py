"""Run a run folder's study again and find the first value that differs, if any does."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scenarios.errors import InputError, shown
from scenarios.runs.claim import SOURCE, read_config
from scenarios.runs.differences import changed_versions, first_difference
from scenarios.runs.execute import execute
from scenarios.runs.manifest import Manifest, read_manifest
from scenarios.runs.progress import Progress
from scenarios.runs.replicate import Task
from scenarios.runs.sets import SETS, set_folder
from scenarios.runs.store import read_part
from scenarios.studies.digest import csv_rows, table_digest

if TYPE_CHECKING:
    from scenarios.studies.study import Study

LONGEST = 10
"""Digits of a number that nobody means."""

FORECAST_TOLERANCE = 1e-6
"""Relative difference within which two forecasts are the same: optimisers round differently."""


@dataclass(frozen=True)
class Reproduction:
    """What came of running again.

    Attributes
    ----------
    identical : bool
        Whether every table of every replication has the same values.
    text : str
        That, in words, or the first value that differs.
    notes : tuple of str
        What is not as it was when the run was made.
    """

    identical: bool
    text: str
    notes: tuple[str, ...] = ()


def reproduce(run: Path, workers: str | None = None, *, quiet: bool = False) -> Reproduction:
    """Run the study of a run folder again, in a folder of its own, and compare all tables.

    Parameters
    ----------
    run : Path
        A run folder with a finished run.
    workers : str, optional
        Processes; those of the run by default.
    quiet : bool
        Show no progress.

    Raises
    ------
    InputError
        If it is no run folder, its run is not finished, or its study cannot be built any more.
    """
    manifest = read_manifest(run)
    if not manifest.done:
        raise InputError([f"{run}: has nothing to compare with, got a run that is {manifest.status}; finish it"])
    study = stored_study(run, manifest, workers, quiet)
    notes = changed_versions(manifest.versions, "run")
    with tempfile.TemporaryDirectory(prefix="tobsim-") as place:
        found = _compare(run, manifest, study, Path(place) / "again")
    return Reproduction(not found, found or _identical(manifest), notes)


def stored_study(run: Path, manifest: Manifest, workers: str | None = None, quiet: bool = False) -> Study:
    """The study of a run folder as it was composed then, with as many replications as the folder holds.

    Raises
    ------
    InputError
        If it cannot be built, or is not the study that was run.
    """
    from scenarios.studies.study import restore

    source = read_config(run, SOURCE)
    source |= {"replications": max(manifest.done, default=0) + 1, "precision": None, "out": None, "tables": None}
    source["progress"] = bool(source["progress"]) and not quiet
    source["execution"] = source["execution"] | {"backend": "local", "address": None, "timeout": None}
    if workers is not None:
        source["execution"] = source["execution"] | {"workers": whole(workers)}
    study = restore(source, manifest.overrides)
    if study.digest != manifest.study_digest:
        was = f"got digest {study.digest}, there {manifest.study_digest}"
        raise InputError([f"{run}: is not the study that was run, {was}; its own input files and configuration"])
    return study


def whole(text: str, key: str = "execution.workers") -> int:
    """A whole number of 1 or more.

    Raises
    ------
    InputError
    """
    if not (text.isascii() and text.isdecimal() and len(text) < LONGEST and int(text)):
        raise InputError([f"{key}: must be a whole number, got {shown(text)}; 1 or more"])
    return int(text)


def _compare(run: Path, manifest: Manifest, study: Study, place: Path) -> str:
    """Replicate again and compare table by table; what differs first, or an empty text."""
    (place / SETS).mkdir(parents=True)
    task = Task(study, place, tuple(manifest.tables))
    differing: dict[int, str] = {}
    with Progress(len(manifest.done), shown=bool(study.config["progress"])) as progress:
        for outcome in execute(task, manifest.done, study.config["execution"]["workers"]):
            number = outcome.replication
            error = f"{outcome.error}: {outcome.message}" if outcome.error else ""
            if found := error or _replication(run, manifest, place, number):
                differing[number] = f"replication {number}: {found}"
            progress.advance(outcome)
    return differing[min(differing)] if differing else _derived(run, manifest, study)


def _derived(run: Path, manifest: Manifest, study: Study) -> str:
    """Compare what is read off the tables, which are the same: summary and forecast."""
    import pyarrow.parquet as pq

    from analysis.tables import read
    from scenarios.runs.derive import forecast_table, sheets, write_frame
    from scenarios.runs.targets import sheets as target_sheets
    from scenarios.runs.targets import stored

    metrics = read(run, "metrics")
    with tempfile.TemporaryDirectory(prefix="tobsim-") as place:
        frames = sheets(run, study.business, metrics) | target_sheets(study.config, metrics, stored(run))
        for name, frame in frames.items():
            write_frame(Path(place) / f"{name}.csv", frame)
            was, now = csv_rows(run / f"{name}.csv"), csv_rows(Path(place) / f"{name}.csv")
            if was != now:
                row = next((i for i, pair in enumerate(zip(was, now, strict=False)) if pair[0] != pair[1]), None)
                if row is None:
                    return f"{name}.csv: {len(was)} lines there, {len(now)} here"
                return f"{name}.csv: line {row + 1}: {shown(was[row])} there, {shown(now[row])} here"
    path = run / "forecast.parquet"
    if not path.is_file():
        return f"{path.name}: absent there" if path.name in manifest.files else ""
    again = forecast_table(run, metrics, study.config["forecast"])
    found = first_difference(pq.read_table(path), again, FORECAST_TOLERANCE)
    return f"forecast: {found}" if found else ""


def _replication(run: Path, manifest: Manifest, place: Path, number: int) -> str:
    import pyarrow.parquet as pq

    folder = set_folder(place, number)
    for name in manifest.tables:
        again, there = pq.read_table(folder / f"{name}.parquet"), read_part(run, name, number)
        if table_digest(again) != table_digest(there):
            return f"table {name}: {first_difference(there, again)}"
    shutil.rmtree(folder)
    return ""


def _identical(manifest: Manifest) -> str:
    rows = sum(manifest.files[f"{name}.parquet"]["rows"] for name in manifest.tables)
    return f"identical: {manifest.replications} replications, {len(manifest.tables)} tables, {rows:,} rows"
