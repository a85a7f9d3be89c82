"""Hand a run to other programs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from scenarios.errors import InputError, shown, suggest
from scenarios.runs.claim import read_config, unwritable
from scenarios.runs.exports.figures import write_figures
from scenarios.runs.exports.nixtla import write_series
from scenarios.runs.exports.opening import write_opening
from scenarios.runs.exports.sheets import write_tables
from scenarios.runs.exports.vidigi import write_visits
from scenarios.runs.exports.xes import write_log
from scenarios.runs.files import STAGED, checksum, fresh_folder, publish
from scenarios.runs.manifest import Manifest, read_manifest

AGAIN = 10
"""Replications that a workbook simulates again, unless it is told otherwise; convention."""

LONGEST = 6
"""Digits of a number of replications that somebody means."""


@dataclass(frozen=True)
class Single:
    """A format that takes one replication.

    Attributes
    ----------
    write : callable
        Writes a replication of a run folder into a folder.
    tables : tuple of str
        Tables that it reads.
    """

    write: Callable[[Path, Path, int], None]
    tables: tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """What a format of all replications is told.

    Attributes
    ----------
    again : int
        Replications that a workbook simulates again.
    progress : bool
        Whether it shows how far it is.
    """

    again: int = AGAIN
    progress: bool = True


@dataclass(frozen=True)
class Whole:
    """A format that takes all replications.

    Attributes
    ----------
    write : callable
        Writes a run folder into a folder.
    tables : tuple of str
        Tables that it needs.
    """

    write: Callable[[Path, Path, Settings], None]
    tables: tuple[str, ...] = ()


def _workbook(run: Path, folder: Path, settings: Settings) -> None:
    try:
        from scenarios.runs.exports.workbook.write import write_workbook
    except ImportError:
        raise InputError(["format: xlsx needs XlsxWriter, got none installed; pip install 'tobsim[xlsx]'"]) from None
    from scenarios.runs.reproduce import stored_study

    manifest = read_manifest(run)
    study = stored_study(run, manifest, quiet=not settings.progress)
    write_workbook(run, folder / f"{manifest.business}.xlsx", manifest, study, settings.again)


def _figures(run: Path, folder: Path, settings: Settings) -> None:
    write_figures(run, folder, str(read_config(run)["report"]["language"]))


CSV, XLSX = "csv", "xlsx"

BUNDLE = "bundle"
"""The format that takes everything, of whatever verb: see ``scenarios.bundles``."""

OPENING = "opening"
"""The format that takes a day: where a replication stood on it."""

WHOLE = {
    CSV: Whole(lambda run, folder, settings: write_tables(run, folder)),
    XLSX: Whole(_workbook, ("ledger", "staffing", "metrics")),
    "figures": Whole(_figures, ("metrics",)),
}
"""By name: the formats that take all replications."""

SINGLE = {
    "xes": Single(write_log, ("accounts", "events")),
    "nixtla": Single(write_series, ("metrics",)),
    "vidigi": Single(write_visits, ("accounts", "events")),
    OPENING: Single(write_opening, ()),
}
"""By name: the formats that take one replication."""

FORMATS = (*WHOLE, *SINGLE)


def export(
    run: Path, format: str = CSV, replication: int | str | None = None, again: int | str | None = None,
    *, date: str | None = None, progress: bool = True,
) -> Path:  # fmt: skip
    """Write a run in another format.

    Parameters
    ----------
    run : Path
        A run folder.
    format : str
        ``csv`` (all tables), ``xlsx`` (a workbook: books, operations, inputs, a twin in formulas), ``figures`` (charts
        as SVG and PNG), ``xes`` (the event log as IEEE 1849 XML), ``nixtla`` (monthly series: unique_id, ds, y),
        ``vidigi`` (visits, to be animated) or ``opening`` (files that ``market.opening`` reads).
    replication : int or str, optional
        The replication that a format of one takes; the first one there is by default.
    again : int or str, optional
        Replications that ``xlsx`` simulates again to say why the run differs from the twin; ``AGAIN`` by default.
    date : str, optional
        The day of an ``opening``, the first of a month; the last one by default.
    progress : bool
        Show how far that is.

    Returns
    -------
    Path
        The folder ``RUN/export/<format>``, replaced as a whole.

    Raises
    ------
    InputError
        For an unknown format, a folder that is no run folder, a replication or table that it does not hold or that is
        not as it was written, or something that the format needs and this computer lacks.
    """
    if format not in FORMATS:
        raise InputError([f"format: is unknown, got {shown(format)}; {suggest(format, (*FORMATS, BUNDLE))}"])
    manifest = read_manifest(run)
    if format in WHOLE and replication is not None:
        raise InputError([f"replication: is not for {format}, got {shown(replication)}; {format} takes all of them"])
    settings = Settings(_again(again), progress)
    number = None if format in WHOLE else _replication(run, manifest, SINGLE[format].tables, replication)
    if format in WHOLE:
        _complete(run, manifest, WHOLE[format].tables)
    _check_sound(run, manifest, (WHOLE[format].tables or None) if format in WHOLE else SINGLE[format].tables)
    target = run / "export" / format
    staged = target.with_name(target.name + STAGED)
    try:
        fresh_folder(staged)
        if number is None:
            WHOLE[format].write(run, staged, settings)
        elif format == OPENING:
            write_opening(run, staged, number, date)
        else:
            SINGLE[format].write(run, staged, number)
        publish(staged, target)
    except OSError as error:
        raise unwritable(target, error) from None
    finally:
        _remove(staged)
    return target


def _check_sound(run: Path, manifest: Manifest, tables: tuple[str, ...] | None) -> None:
    """Refuse tables, all of the run if none are named, that are not as they were written."""
    for name, entry in manifest.files.items():
        path = run / name
        asked = path.suffix == ".parquet" and (tables is None or path.stem in tables)
        if asked and not (path.is_file() and checksum(path) == entry["checksum"]):
            right = f"tobsim validate {run} names all that is damaged, and the same tobsim run makes it again"
            raise InputError([f"{path}: is damaged, got a file that is not as it was written; {right}"])


def check_settings(format: str, given: Collection[str]) -> None:
    """Refuse a setting of ``tobsim export`` that the format does not take.

    Parameters
    ----------
    format : str
    given : collection of str
        Names of the settings.

    Raises
    ------
    InputError
    """
    if format == BUNDLE and "replication" in given:
        raise InputError([f"replication: is not for {BUNDLE}, got one; {BUNDLE} takes all of them"])
    if format != OPENING and "date" in given:
        raise InputError([f"date: is for {OPENING}, got it with format {shown(format)}; format={OPENING}, or no date"])
    if format != BUNDLE and "out" in given:
        raise InputError([f"out: is for {BUNDLE}, got it with format {shown(format)}; format={BUNDLE}, or no out"])
    if format != XLSX and "again" in given:
        raise InputError([f"again: is for {XLSX}, got it with format {shown(format)}; format={XLSX}, or no again"])


def _again(wanted: int | str | None) -> int:
    text = str(AGAIN if wanted is None else wanted)
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST):
        raise InputError([f"again: must be a whole number, got {shown(wanted)}; 0 or more"])
    return int(text)


def _remove(staged: Path) -> None:
    """Take away what an export that failed has left, and the folder of exports if it was made for it."""
    import shutil

    shutil.rmtree(staged, ignore_errors=True)
    if staged.parent.is_dir() and not any(staged.parent.iterdir()):
        staged.parent.rmdir()


def _complete(run: Path, manifest: Manifest, tables: tuple[str, ...]) -> None:
    """Refuse a run that lacks what a format needs."""
    absent = [name for name in tables if not (run / f"{name}.parquet").is_file()]
    if tables and (absent or not manifest.done):
        names = ", ".join(absent) or "finished replications"
        raise InputError([f"{run}: lacks {names}, got a run that is {manifest.status}; tables=[{','.join(tables)}]"])


def _replication(run: Path, manifest: Manifest, tables: tuple[str, ...], wanted: int | str | None) -> int:
    """The number of the replication that is meant, after a look whether the run holds what is needed."""
    _complete(run, manifest, tables)
    if wanted is None:
        return manifest.done[0]
    if str(wanted) not in {str(number) for number in manifest.done}:
        held = f"{manifest.done[0]} to {manifest.done[-1]}"
        raise InputError([f"replication: is not there, got {shown(wanted)}; the run holds {held}"])
    return int(wanted)
