"""Made again, checked, or shown again: the folder of a run, a comparison, a sweep or a forecast, or a bundle of one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown
from scenarios.runs.exports.unpack import is_bundle, unpacked
from scenarios.runs.halt import DiskFull
from scenarios.runs.manifest import NAME, read_entries

if TYPE_CHECKING:
    from scenarios.runs.reproduce import Reproduction
    from scenarios.runs.validate import Check


SHARED: Mapping[str, type] = {"files": dict, "versions": dict, "status": str}
OWN: Mapping[str, Mapping[str, type]] = {
    "sweep": {"points": int, "replications": int, "keys": dict, "settings": dict, "failures": list},
    "compare": {"businesses": dict, "replications": dict, "failures": list},
    "forecast": {"forecast": str, "source": dict, "settings": dict},
    "optimise": {},
}
RUN: Mapping[str, type] = {"parts": dict, "tables": list, "replications": int}
"""Entries of manifests, and what they are: of all, by verb, and of the run that any other verb makes."""


def entries(path: Path) -> dict[str, Any]:
    """The manifest of a folder that any verb wrote, with all that is needed to look at its files.

    Raises
    ------
    InputError
        If there is none, it is damaged, or it names files outside of the folder.
    """
    record = read_entries(path)
    needed = {**SHARED, **OWN.get(str(record.get("verb")), RUN)}
    wrong = [key for key, kind in needed.items() if not isinstance(record.get(key), kind)]
    if not wrong and not all(isinstance(told, dict) and _within(name) for name, told in record["files"].items()):
        wrong = ["files"]
    if wrong:
        got = f"got {shown(record.get(wrong[0]))} as {wrong[0]}"
        raise InputError([f"{path / NAME}: is damaged or not ours, {got}; the manifest as tobsim wrote it"])
    return record


def _within(name: str) -> bool:
    place = PurePosixPath(name)
    return not place.is_absolute() and ".." not in place.parts


def reproduce(
    path: Path, workers: str | None = None, points: str | None = None, *, quiet: bool = False
) -> Reproduction:
    """Make a result again and say identical, or the first value that differs.

    Parameters
    ----------
    path : Path
        A folder that a verb wrote, a bundle, or the folder a bundle was unpacked into.
    workers : str, optional
        Processes; those of then by default.
    points : str, optional
        Of a sweep: so many points only, spread evenly.
    quiet : bool
        Show no progress.

    Raises
    ------
    InputError
        If it is nothing of ours, is not complete, or cannot be made again.
    """
    if is_bundle(path):
        with unpacked(path) as folder:
            return _reproduce(folder, workers, points, quiet)
    return _reproduce(path, workers, points, quiet)


def _reproduce(path: Path, workers: str | None, points: str | None, quiet: bool) -> Reproduction:
    """Made again; what fails because a file there is damaged is a difference, anything else a defect of ours."""
    from scenarios.runs.reproduce import Reproduction

    try:
        return _made_again(path, workers, points, quiet)
    except (InputError, DiskFull):
        raise
    except Exception:
        damaged = next((check for check in _validate(path) if not check.holds), None)
        if damaged is None:
            raise
        return Reproduction(False, f"{damaged.name}: {damaged.detail}")


def _made_again(path: Path, workers: str | None, points: str | None, quiet: bool) -> Reproduction:
    record = entries(path)
    verb = record.get("verb")
    if verb == "optimise":
        again = 'the "command" of its manifest, with another out'
        raise InputError([f"{path}: is an optimisation, which is not made again, got verb {shown(verb)}; {again}"])
    if verb == "sweep":
        from scenarios.sweeps.reproduce import reproduce_sweep

        return reproduce_sweep(path, workers, points, quiet=quiet)
    if points is not None:
        raise InputError([f"points: is for a sweep, got {shown(points)} of a {verb}; no points"])
    if verb == "compare":
        from scenarios.comparisons.reproduce import reproduce_comparison

        return reproduce_comparison(path, workers, quiet=quiet)
    if verb == "forecast":
        from scenarios.forecasts.reproduce import reproduce_forecast

        return reproduce_forecast(path, workers, quiet=quiet)
    from scenarios.runs.reproduce import reproduce as reproduce_run

    return reproduce_run(path, workers, quiet=quiet)


def validate(path: Path) -> list[Check]:
    """Check the files and the books of a result; parameters and errors as of ``reproduce``."""
    if is_bundle(path):
        with unpacked(path, placed=False) as folder:
            return _validate(folder)
    return _validate(path)


def _validate(path: Path) -> list[Check]:
    record = entries(path)
    verb = record.get("verb")
    if verb == "optimise":
        return _of_optimisation(path, record)
    if verb == "sweep":
        from scenarios.sweeps.validate import validate_sweep

        return validate_sweep(path)
    if verb == "compare":
        from scenarios.comparisons.reproduce import validate_comparison

        return validate_comparison(path)
    if verb == "forecast":
        from scenarios.forecasts.reproduce import validate_forecast

        return validate_forecast(path)
    from scenarios.runs.validate import validate as validate_run

    return validate_run(path)


def _of_optimisation(path: Path, record: Mapping[str, Any]) -> list[Check]:
    """The files of an optimisation, by their bytes: digests of its tables leave out what differs between machines."""
    from scenarios.runs.validate import Check, check_file

    checks = [Check("manifest", record["status"] == "complete", f"the optimisation is {record['status']}")]
    told = {name: {"checksum": entry.get("checksum")} for name, entry in sorted(record["files"].items())}
    return checks + [check_file(path, name, entry, lambda _: None) for name, entry in told.items()]


def rebuild_page(path: Path, language: str | None = None) -> Path:
    """Build the page of a folder again, in its own language unless another is named.

    Raises
    ------
    InputError
        If it is nothing of ours, is not complete, or the language has no texts.
    """
    verb = read_entries(path).get("verb")
    if verb == "sweep":
        from scenarios.sweeps.page import rebuild_page as of_sweep

        return of_sweep(path, language)
    if verb == "optimise":
        from scenarios.optimise.optimise import rebuild_page as of_search

        return of_search(path, language)
    if verb == "compare":
        from scenarios.comparisons.compare import rebuild_page as of_comparison

        return of_comparison(path, language)
    if verb == "forecast":
        from scenarios.forecasts.forecast import rebuild_page as of_forecast

        return of_forecast(path, language)
    from scenarios.runs.run import rebuild_report

    return rebuild_report(path, language)
