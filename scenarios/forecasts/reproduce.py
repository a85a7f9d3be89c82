"""Make a forecast again and find the first value that differs; check its files."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenarios.errors import InputError
from scenarios.forecasts.folder import COMPLETE, JUDGED, PAGE, PARQUET, ForecastResult
from scenarios.forecasts.forecast import forecast
from scenarios.runs.differences import changed_versions, file_difference
from scenarios.runs.manifest import read_entries
from scenarios.runs.reproduce import FORECAST_TOLERANCE, Reproduction, whole
from scenarios.runs.validate import Check, check_file, plain_digest
from scenarios.studies.overrides import override_text


def reproduce_forecast(path: Path, workers: str | None = None, *, quiet: bool = False) -> Reproduction:
    """Make a forecast again, in a folder of its own, from the source that its manifest names, and compare all tables.

    Parameters
    ----------
    path : Path
        The folder of a complete forecast.
    workers : str, optional
        Processes; one by default.
    quiet : bool
        Show no progress.

    Raises
    ------
    InputError
        If it is no forecast, is not complete, or its source is not there or not what it was.
    """
    record = read_entries(path)
    if record.get("status") != COMPLETE:
        raise InputError(
            [f"{path}: has nothing to compare with, got a forecast that is {record.get('status')}; finish it"]
        )
    with tempfile.TemporaryDirectory(prefix="tobsim-") as place:
        again = _again(record, Path(place) / "again", workers, quiet)
        if again.record["forecast"] != record["forecast"]:
            was = f"got digest {again.record['forecast']}, there {record['forecast']}"
            raise InputError([f"{path}: is not the forecast of this source, {was}; the source as it was"])
        text = _tables(path, record, again.path)
    return Reproduction(not text, text or _identical(record), changed_versions(record["versions"], "forecast"))


def _again(record: Mapping[str, Any], place: Path, workers: str | None, quiet: bool) -> ForecastResult:
    source, settings = record["source"], dict(record["settings"])
    judged = bool(settings.pop(JUDGED, False))
    overrides = [override_text(f"forecast.{key}", value) for key, value in settings.items()]
    overrides += [f"execution.workers={whole(workers) if workers else 1}", "report.enabled=false"]
    overrides += [f"progress={'false' if quiet else 'true'}"]
    return forecast(source.get("paths") or source["path"], overrides, out=place, truth=judged)


def _tables(there: Path, record: Mapping[str, Any], here: Path) -> str:
    """The first value in which a table differs by more than optimisers round."""
    now = read_entries(here)["files"]
    for name in sorted({*record["files"], *now}, key=_place):
        if name == PAGE:
            continue
        for entries, folder, where in ((record["files"], there, "there"), (now, here, "here")):
            if name not in entries or not (folder / name).is_file():
                return f"{name}: absent {where}"
        if found := file_difference(there / name, here / name, relative=FORECAST_TOLERANCE):
            return f"{name}: {found}"
    return ""


def _place(name: str) -> tuple[int, str]:
    """Series first, then what was made of them."""
    stem = name.rpartition(".")[0]
    return (PARQUET.index(stem) if stem in PARQUET else len(PARQUET), name)


def _identical(record: Mapping[str, Any]) -> str:
    tables = sum(name != PAGE for name in record["files"])
    return f"identical: {record['source']['series']} series, {tables} tables"


def validate_forecast(path: Path) -> list[Check]:
    """Check the files of a forecast against its manifest.

    Parameters
    ----------
    path : Path
        The folder of a forecast.

    Raises
    ------
    InputError
        If it is no forecast.
    """
    record = read_entries(path)
    checks = [Check("manifest", record.get("status") == COMPLETE, f"the forecast is {record.get('status')}")]
    return checks + [check_file(path, name, entry, plain_digest) for name, entry in sorted(record["files"].items())]
