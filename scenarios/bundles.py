"""Bundles of what any verb wrote: an archive that holds the result, what it was made from, and the program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown, user_path
from scenarios.forecasts.folder import JUDGED
from scenarios.intake.sheet import SHIPPED, input_path
from scenarios.reproduction import entries
from scenarios.runs.claim import SOURCE
from scenarios.runs.exports.bundle import write_bundle
from scenarios.runs.manifest import NAME, read_manifest

if TYPE_CHECKING:
    from scenarios.studies.study import Study
    from scenarios.sweeps.points import Design


def bundle(path: Path, out: str | Path | None = None) -> Path:
    """Write the folder of a run, a comparison, a sweep or a forecast into one archive.

    Parameters
    ----------
    path : Path
        The folder.
    out : str or Path, optional
        The archive, which must not exist; ``FOLDER/export/bundle.zip`` without it.

    Returns
    -------
    Path
        The archive.

    Raises
    ------
    InputError
        If it is no complete folder of ours, what it was made from is not there or not what it was, or the archive
        cannot be written.
    """
    if out == "":
        raise InputError(['out: is empty, got ""; a file name'])
    record = entries(path)
    if record.get("verb") == "optimise":
        raise InputError([f"{path}: is not bundled, got an optimisation, which is not made again; its folder itself"])
    found = dict(inputs_of(path, record))
    return write_bundle(path, found, None if out is None else user_path(out, "out"))


def inputs_of(path: Path, record: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Files and run folders that a result was made from, by their paths as its files name them.

    Parameters
    ----------
    path : Path
        The folder of the result.
    record : mapping
        Its manifest.
    """
    if record.get("verb") == "forecast":
        yield from _of_forecast(path, record)
        return
    if record.get("verb") == "sweep":
        yield from _of_sweep(path)
    from scenarios.runs.reproduce import stored_study

    for folder in sorted(file.parent for file in path.rglob(SOURCE) if (file.parent / NAME).is_file()):
        yield from _of_study(stored_study(folder, read_manifest(folder)))


def _of_sweep(path: Path) -> Iterator[tuple[str, Path]]:
    from scenarios.sweeps.stored import read_design

    design = read_design(path)
    found = [pair for study in design.bases.values() for pair in _of_study(study)]
    if found:
        _check_inputs(path, design)
    yield from found


def _check_inputs(path: Path, design: Design) -> None:
    """Refuse input files that are other ones now; the keys of points tell, as long as the engine is that of then."""
    from scenarios.sweeps.folder import Sweep
    from scenarios.sweeps.points import engine_version

    sweep = Sweep(path)
    if sweep.record.get("engine") != engine_version():
        return
    there = dict(sweep.points[["number", "key"]].itertuples(index=False, name=None))
    if changed := [point.number for point in design.points if there.get(point.number) != point.key]:
        got = f"got other ones for point {changed[0]}"
        raise InputError([f"{path}: is not the sweep of these input files, {got}; the files as they were"])


def _of_study(study: Study) -> Iterator[tuple[str, Path]]:
    from scenarios.studies.resolve import follow

    for key in study.files:
        text = str(follow(study.config, tuple(key.split("."))))
        if not text.startswith(SHIPPED):  # those come with the program
            yield text, input_path(text)
    if plan := (study.config.get("plan") or {}).get("path"):
        if not input_path(plan).is_file():
            raise InputError([f"plan.path: is no longer there, got {shown(plan)}; the file of the plan"])
        if not plan.startswith(SHIPPED):
            yield plan, input_path(plan)


def _of_forecast(path: Path, record: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    source, found = record["source"], {}
    for text in (*source.get("paths", [source["path"]]), record["settings"].get("regressors")):
        if text is None:
            continue
        if not Path(text).expanduser().exists():
            raise InputError([f"source: is no longer there, got {shown(text)}; the source of the forecast"])
        found[text] = Path(text).expanduser()
    _check_source(path, record)
    yield from found.items()


def _check_source(path: Path, record: Mapping[str, Any]) -> None:
    """Refuse a source that is another one now, of which the bundle could not make the forecast again."""
    from scenarios.forecasts.forecast import forecast_digest, settings_of
    from scenarios.forecasts.reading import read_source

    source = record["source"]
    settings = {key: value for key, value in record["settings"].items() if key != JUDGED}
    now = read_source(source.get("paths") or source["path"], settings_of(()).config["forecast"] | settings)
    if forecast_digest(now, settings, bool(record["settings"].get(JUDGED))) != record["forecast"]:
        got = f"got {shown(source['path'])}, which is another one now"
        raise InputError([f"{path}: is not the forecast of this source, {got}; the source as it was"])
