"""Forecast a run, several runs, or a file of series, and store the forecasts with what they are worth."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, bad_name, shown, suggest, user_path
from scenarios.forecasts.folder import (
    COMPLETE,
    PAGE,
    VERB,
    ForecastResult,
    Record,
    clear,
    is_complete,
    write_tables,
)
from scenarios.runs.claim import check_place, held
from scenarios.runs.manifest import now, read_entries, versions
from scenarios.runs.pool import Pool, pool_of

if TYPE_CHECKING:
    from analysis.forecast.run import Mapper
    from scenarios.forecasts.source import Source
    from scenarios.forecasts.steps import Found
    from scenarios.runs.progress import Progress
    from scenarios.studies.study import Study

KEYS = ("forecast", "execution", "report", "progress", "out")
"""Keys of the configuration that a forecast reads."""

NOT_IN_DIGEST = ("enabled",)
"""Settings of a forecast that change nothing in it."""


def forecast(
    source: str | Path | Sequence[str | Path],
    overrides: Sequence[str] = (),
    config_dir: str | os.PathLike[str] | None = None,
    out: str | Path | None = None,
    *,
    truth: bool = False,
    command: str = "",
) -> ForecastResult:
    """Forecast series; the same forecast is not made again.

    Parameters
    ----------
    source : str, Path, or several
        A run folder, the folder of a comparison, a pattern such as ``runs/*``, or a long CSV or Parquet file of
        columns unique_id, ds, y.
    overrides : sequence of str, optional
        As on the command line: ``forecast=fast``, ``forecast.horizon=18``, ``execution.workers=2``.
    config_dir : path, optional
        A folder of the user's own options.
    out : str or Path, optional
        Folder of the forecast; ``runs/forecast-<name>-<digest>`` without it.
    truth : bool
        Judge the forecasts of a run by what the run did next.
    command : str, optional
        What the manifest names as the command.

    Returns
    -------
    ForecastResult

    Raises
    ------
    InputError
        If nothing can be forecast; nothing was written.
    """
    from scenarios.forecasts.reading import read_source
    from scenarios.runs.run import check_language

    study = settings_of(overrides, config_dir)
    settings = study.config["forecast"]
    check_language(study.config["report"]["language"])
    found = read_source(source, settings)
    _check_truth(truth, found)
    record = Record(forecast_digest(found, settings, truth), found.described, {**settings, "judged": truth})
    path = out_folder(record, found, out if out is not None else study.config["out"])
    record.command = command or _command(found, study, path, truth)
    record.language = study.config["report"]["language"]
    check_place(path, record.owner)
    if not is_complete(path):
        _make(path, record, found, study)
    if study.config["report"]["enabled"] and not _has_page(path, record.language):
        rebuild_page(path, record.language)
    return ForecastResult(path)


def settings_of(overrides: Sequence[str], config_dir: str | os.PathLike[str] | None = None) -> Study:
    """The settings of a forecast: those of a study, of which only ``KEYS`` count.

    Raises
    ------
    InputError
        For a key that no forecast reads, and everything else that is wrong.
    """
    from scenarios.studies.compose import compose

    problems = []
    for text in overrides:
        key = text.partition("=")[0].lstrip("+~")
        if key.split(".")[0] not in KEYS:
            right = suggest(key.split(".")[0], (*KEYS, "source", "truth"), "it reads")
            problems.append(f"{key}: is not read by tobsim {VERB}, got {shown(text)}; {right}")
    if problems:
        raise InputError(problems)
    return compose(overrides=overrides, config_dir=config_dir)


def _check_truth(truth: bool, source: Source) -> None:
    from scenarios.forecasts.source import RUN

    if truth and source.kind != RUN:
        raise InputError([f"truth: is known of one run only, got {source.kind}; source=RUN, a run folder"])


def forecast_digest(source: Source, settings: Mapping[str, Any], truth: bool) -> str:
    """Of everything that shapes the tables of a forecast."""
    from scenarios.forecasts.text import read_bytes
    from scenarios.studies.digest import json_digest

    kept = {key: value for key, value in settings.items() if key not in NOT_IN_DIGEST}
    file = settings["regressors"]
    beside = read_bytes(user_path(file, "forecast.regressors"), "forecast.regressors")[1] if file is not None else ""
    return json_digest([kept | {"regressors": beside}, truth, source.kind, source.digest])


def out_folder(record: Record, source: Source, out: str | Path | None) -> Path:
    """Where a forecast goes.

    Raises
    ------
    InputError
        For an empty name.
    """
    if out == "":
        raise InputError(['out: is empty, got ""; a folder, or null for the default'])
    if out is not None:
        return user_path(out, "out")
    name = source.paths[0].resolve().name.split(".")[0]
    name = name if len(source.paths) == 1 and not bad_name(name) else source.kind
    return Path("runs") / f"{VERB}-{name}-{record.forecast[:12]}"


def _command(source: Source, study: Study, path: Path, truth: bool) -> str:
    """The command line that makes a forecast."""
    names = [str(each) for each in source.paths]
    given = names[0] if len(names) == 1 else f"[{','.join(names)}]"
    words = [word for word in study.overrides if not word.lstrip("+").startswith("out=")]
    place = ["--config-dir", study.config_dir] if study.config_dir else []
    judged = ["truth=true"] if truth else []
    return shlex.join(["tobsim", VERB, f"source={given}", *judged, *words, f"out={path}", *place])


def _make(path: Path, record: Record, source: Source, study: Study) -> None:
    """Forecast, then write what was found; nothing is there before all of it is known."""
    from scenarios.forecasts.steps import forecast_steps
    from scenarios.runs.progress import Progress

    began, started = time.perf_counter(), now()
    settings, count = study.config["forecast"], record.source["series"]
    with Progress(count, shown=bool(study.config["progress"]), what="series") as progress:
        mapper = counted(progress, pool_of(study.config))
        found = forecast_steps(source, settings, mapper, lambda name, total: progress.expect(total, name))
        with held(path, record.owner):
            record.times = {"started": started}
            record.write(path)
            if record.settings["judged"]:
                progress.stage("truth")
                _judge(path, source, settings, found, pool_of(study.config))
            _write(path, record, found, round(time.perf_counter() - began, 3))


def counted(progress: Progress, workers: int | Pool) -> Mapper:
    """``map`` over processes that counts what is done."""
    from scenarios.runs.execute import spread

    def mapper(function: Any, items: Iterable[Any]) -> Iterator[Any]:
        for result in spread(function, items, workers):
            progress.count()
            yield result

    return mapper


def _judge(path: Path, source: Source, settings: Mapping[str, Any], found: Found, workers: Pool) -> None:
    """Judge a run's forecasts by the run; where that cannot be done the folder is given back."""
    from scenarios.forecasts.truth import truth_of
    from scenarios.runs.execute import spread

    try:
        found.frames |= truth_of(source.paths[0], settings, path, partial(spread, workers=workers))
    except InputError:
        clear(path)
        raise
    except ValueError as error:
        clear(path)
        raise InputError([f"truth: cannot be told, got {error}; a longer run, or other settings"]) from None


def _write(path: Path, record: Record, found: Found, seconds: float) -> None:
    record.files = write_tables(path, found.frames)
    record.warnings = found.warnings
    failures = found.frames.get("failures")
    record.failures = [] if failures is None else failures.to_dict("records")
    record.status, record.versions = COMPLETE, versions()
    record.times.update(finished=now(), seconds=seconds)
    record.write(path)
    (path / PAGE).unlink(missing_ok=True)


def _has_page(path: Path, language: str) -> bool:
    return (path / PAGE).is_file() and read_entries(path).get("language") == language


def rebuild_page(path: Path, language: str | None = None) -> Path:
    """Build the page of the folder of a forecast again, in its language unless another is named.

    Raises
    ------
    InputError
        If the forecast is not complete, or the language has no texts.
    """
    from analysis.report.forecasts.build import build_forecasts
    from scenarios.runs.run import check_language

    entries = read_entries(path)
    if entries.get("status") != COMPLETE:
        status = entries.get("status")
        raise InputError([f"{path}: has nothing to report, got a forecast that is {status}; finish it"])
    chosen = language or str(entries.get("language", "en"))
    check_language(chosen)
    record = Record(**entries)
    with held(path, record.owner):
        record.language = chosen
        record.write(path)
        return build_forecasts(path, chosen)
