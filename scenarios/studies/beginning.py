"""The state at the start of a study: out of the user's files, or where another run stood on a day."""

from __future__ import annotations

import json
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown
from scenarios.intake.opening import Taken, take
from scenarios.intake.rows import WHERE
from sim.spec import Contacts, Past, StudySpec
from sim.spec.opening_source import OPENING_FILES, OpeningSource

if TYPE_CHECKING:
    from scenarios.studies.study import Study

SOURCE, MANIFEST = "study.yaml", "manifest.json"
"""Files of a run folder that tell its study."""


def begin(spec: StudySpec, contacts: Contacts | None) -> Taken | None:
    """What a study begins with; None if that is nothing.

    Raises
    ------
    InputError
        If it cannot be read, or does not fit the study.
    """
    source = spec.market.opening
    if source is None:
        return None
    files = [name for name in OPENING_FILES if getattr(source, name) is not None]
    if contacts is not None:
        raise InputError([f"{WHERE}: does not go with first contacts from a file, got both; one of them"])
    if source.run is not None and files:
        raise InputError([f"{WHERE}.run: stands beside files, got {', '.join(files)} as well; a run, or files"])
    if source.run is not None:
        return _from_run(source, spec)
    if source.date is not None or source.replication is not None:
        key = "date" if source.date is not None else "replication"
        raise InputError([f"{WHERE}.{key}: is for a run, got {shown(getattr(source, key))} without one; {WHERE}.run"])
    if not files:
        raise InputError([f"{WHERE}: names nothing to begin with, got no file and no run; {', '.join(OPENING_FILES)}"])
    return take(source, spec)


def _from_run(source: OpeningSource, spec: StudySpec) -> Taken:
    """The past that another run is."""
    path = Path(str(source.run)).expanduser()
    if not (path / SOURCE).is_file() or not (path / MANIFEST).is_file():
        raise InputError([f"{WHERE}.run: is no run folder, got {shown(str(source.run))}; a folder of tobsim run"])
    past, held = _stored(path, (path / SOURCE).stat().st_mtime_ns, (path / MANIFEST).stat().st_mtime_ns)
    start = spec.horizon.start
    if source.date is not None and source.date != start:
        reason = f"is not horizon.start {start}, got {shown(source.date)}; horizon.start={source.date}"
        raise InputError([f"{WHERE}.date: {reason}"])
    was = past.timeline.spec
    day = (date.fromisoformat(start) - date.fromisoformat(was.horizon.start)).days
    if not 0 < day <= was.horizon.days:
        span = f"the run from {was.horizon.start} over {was.horizon.days:g} days"
        raise InputError([f"horizon.start: lies outside {span}, got {start}; a day of that run"])
    if not start.endswith("-01"):
        right = "the first of a month, since it begins from a run"
        raise InputError([f"horizon.start: lies within a month, got {start}; {right}"])
    if past.timeline.contacts is not None:
        got = f"got {shown(str(source.run))} with first contacts from a file"
        raise InputError([f"{WHERE}.run: cannot be gone on with, {got}; a run whose contacts are simulated"])
    _check_same(was, spec)
    if source.replication is not None and source.replication not in held:
        got = f"got {source.replication}; {min(held)} to {max(held)}"
        raise InputError([f"{WHERE}.replication: is not in the run, {got}"])
    opening = Past(past.timeline, past.seed, float(day), source.replication)
    return Taken(opening, files={f"{WHERE}.run": past.digest})


@lru_cache(maxsize=8)
def _stored(path: Path, source_time: int, manifest_time: int) -> tuple[Study, tuple[int, ...]]:
    """The study of a run folder and the replications that it holds; times tell one state of its files from another."""
    import yaml

    from scenarios.studies.study import restore

    try:
        tree: Any = yaml.safe_load((path / SOURCE).read_text("utf-8"))
        manifest: Any = json.loads((path / MANIFEST).read_text("utf-8"))
        held, digest = tuple(sorted(map(int, manifest["parts"]))), str(manifest["study_digest"])
        if not isinstance(tree, dict):
            raise TypeError(SOURCE)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
        raise InputError(
            [f"{WHERE}.run: cannot be read, got {shown(str(path))}; a run folder as it was written"]
        ) from None
    study = restore(tree)
    if study.digest != digest or not held:
        what = "its input files and configuration as they were" if held else "a run that has finished"
        raise InputError([f"{WHERE}.run: is not the run it was, got {shown(str(path))}; {what}"])
    return study, held


def _check_same(was: StudySpec, spec: StudySpec) -> None:
    """Refuse a run of another business, route or market."""
    problems = []
    for key, there, here in (
        ("business.name", was.business.name, spec.business.name),
        ("business.route", list(was.business.route), list(spec.business.route)),
        ("business.revenue", list(was.business.revenue), list(spec.business.revenue)),
        ("market.accounts", was.market.accounts, spec.market.accounts),
        ("market.segments", list(was.market.segments), list(spec.market.segments)),
        ("market.channels", list(was.market.channels), list(spec.market.channels)),
        ("policy.desks", list(was.policy.desks), list(spec.policy.desks)),
    ):
        if there != here:
            problems.append(f"{key}: is not that of the run it begins from, got {shown(here)}; {shown(there)}")
    if problems:
        raise InputError(problems)
