"""Made again, checked, or shown again: the folder of a run, a comparison, a sweep or a forecast, or a bundle of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scenarios.errors import InputError, shown
from scenarios.runs.exports.unpack import is_bundle, unpacked
from scenarios.runs.manifest import read_entries

if TYPE_CHECKING:
    from scenarios.runs.reproduce import Reproduction
    from scenarios.runs.validate import Check


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
    verb = read_entries(path).get("verb")
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
    verb = read_entries(path).get("verb")
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
