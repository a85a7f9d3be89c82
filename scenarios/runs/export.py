"""Hand a run to other programs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from scenarios.errors import InputError, shown, suggest
from scenarios.runs.claim import unwritable
from scenarios.runs.exports.nixtla import write_series
from scenarios.runs.exports.opening import write_opening
from scenarios.runs.exports.sheets import write_tables
from scenarios.runs.exports.vidigi import write_visits
from scenarios.runs.exports.xes import write_log
from scenarios.runs.files import STAGED, checksum, fresh_folder, publish
from scenarios.runs.manifest import Manifest, read_manifest


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


CSV = "csv"
"""The format that takes all tables and all replications."""

BUNDLE = "bundle"
"""The format that takes everything, of whatever verb: see ``scenarios.bundles``."""

OPENING = "opening"
"""The format that takes a day: where a replication stood on it."""

SINGLE = {
    "xes": Single(write_log, ("accounts", "events")),
    "nixtla": Single(write_series, ("metrics",)),
    "vidigi": Single(write_visits, ("accounts", "events")),
    OPENING: Single(write_opening, ()),
}
"""By name: the formats that take one replication."""

FORMATS = (CSV, *SINGLE)


def export(run: Path, format: str = CSV, replication: int | str | None = None, date: str | None = None) -> Path:
    """Write a run in another format.

    Parameters
    ----------
    run : Path
        A run folder.
    format : str
        ``csv`` (all tables), ``xes`` (the event log as IEEE 1849 XML), ``nixtla`` (monthly series: unique_id, ds, y),
        ``vidigi`` (visits, to be animated) or ``opening`` (files that ``market.opening`` reads).
    replication : int or str, optional
        The replication that a format of one takes; the first one there is by default.
    date : str, optional
        The day of an ``opening``, the first of a month; the last one by default.

    Returns
    -------
    Path
        The folder ``RUN/export/<format>``, replaced as a whole.

    Raises
    ------
    InputError
        For an unknown format, a folder that is no run folder, or a replication or table that it does not hold, or that
        is not as it was written.
    """
    if format not in FORMATS:
        raise InputError([f"format: is unknown, got {shown(format)}; {suggest(format, (*FORMATS, BUNDLE))}"])
    manifest = read_manifest(run)
    if format == CSV and replication is not None:
        raise InputError([f"replication: is not for {CSV}, got {shown(replication)}; {CSV} takes all of them"])
    number = None if format == CSV else _replication(run, manifest, SINGLE[format].tables, replication)
    _check_sound(run, manifest, None if format == CSV else SINGLE[format].tables)
    target = run / "export" / format
    try:
        staged = fresh_folder(target.with_name(target.name + STAGED))
        if number is None:
            write_tables(run, staged)
        elif format == OPENING:
            write_opening(run, staged, number, date)
        else:
            SINGLE[format].write(run, staged, number)
        publish(staged, target)
    except OSError as error:
        raise unwritable(target, error) from None
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


def _replication(run: Path, manifest: Manifest, tables: tuple[str, ...], wanted: int | str | None) -> int:
    """The number of the replication that is meant, after a look whether the run holds what is needed."""
    absent = [name for name in tables if not (run / f"{name}.parquet").is_file()]
    if absent or not manifest.done:
        names = ", ".join(absent) or "finished replications"
        raise InputError([f"{run}: lacks {names}, got a run that is {manifest.status}; tables=[{','.join(tables)}]"])
    if wanted is None:
        return manifest.done[0]
    if str(wanted) not in {str(number) for number in manifest.done}:
        held = f"{manifest.done[0]} to {manifest.done[-1]}"
        raise InputError([f"replication: is not there, got {shown(wanted)}; the run holds {held}"])
    return int(wanted)
