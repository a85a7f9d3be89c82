"""Make a comparison again and find the first value that differs; check its files and its runs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scenarios.comparisons.compare import CSV, PARQUET, compare_plans
from scenarios.comparisons.folder import CHOICE, PARTS, read_record
from scenarios.comparisons.plans import Plans, make_plans
from scenarios.errors import InputError
from scenarios.runs.claim import SOURCE, read_config
from scenarios.runs.differences import changed_versions, file_difference, first_difference
from scenarios.runs.manifest import NAME, read_manifest
from scenarios.runs.reproduce import Reproduction, whole
from scenarios.runs.store import read_part
from scenarios.runs.validate import Check, check_file, validate
from scenarios.studies.digest import table_digest

Record = Mapping[str, Any]

FILES = (*(f"{name}.parquet" for name in PARQUET), *CSV.values())
"""Tables of a comparison, in the order in which they are compared."""

WORDS = ("unit", "meaning")
"""Columns of the CSV files that rest on the option files of then, which a run folder does not keep."""


def reproduce_comparison(path: Path, workers: str | None = None, *, quiet: bool = False) -> Reproduction:
    """Make a comparison again, in a folder of its own, and compare every run and every table.

    All runs are simulated again: those of the plans, those with only some of the changes, and those of a choice.

    Parameters
    ----------
    path : Path
        The folder of a complete comparison.
    workers : str, optional
        Processes; those of the comparison by default.
    quiet : bool
        Show no progress.

    Raises
    ------
    InputError
        If it is no comparison, is not complete, or its studies cannot be built any more.
    """
    record = read_record(path)
    if record.get("status") != "complete":
        got = f"got a comparison that is {record.get('status')}"
        raise InputError([f"{path}: has nothing to compare with, {got}; finish it"])
    plans = [_stored_plans(path, record, business, workers, quiet) for business in record["businesses"]]
    with tempfile.TemporaryDirectory(prefix="tobsim-") as place:
        again = compare_plans(plans, Path(place) / "again")
        found = _failed(record, again.failures) or _runs(path, again.path) or _tables(path, record, again.path)
        text = found or _identical(record, again.path)
    return Reproduction(not found, text, changed_versions(record["versions"], "comparison"))


def _stored_plans(path: Path, record: Record, business: str, workers: str | None, quiet: bool) -> Plans:
    """The plans of a business as they were composed then, with as many replications as the table rests on."""
    from scenarios.studies.study import restore

    told, studies = record["businesses"][business], {}
    for name in told["scenarios"]:
        folder = path / business / name
        source = read_config(folder, SOURCE)
        source |= {"replications": record["replications"][business], "precision": None, "out": None}
        source |= {"progress": bool(source["progress"]) and not quiet}
        source["report"] = source["report"] | {"enabled": False}
        source["compare"] = told.get("compare", source["compare"])
        source["execution"] = source["execution"] | {"backend": "local", "address": None, "timeout": None}
        if workers is not None:
            source["execution"] = source["execution"] | {"workers": whole(workers)}
        studies[name] = restore(source, read_manifest(folder).overrides)
        if studies[name].digest != told["digests"][name]:
            was = f"got digest {studies[name].digest}, there {told['digests'][name]}"
            raise InputError([f"{folder}: is not the study that was run, {was}; its own input files and configuration"])
    return make_plans(studies, {name: tuple(parts) for name, parts in told.get("stacks", {}).items()})


def _failed(record: Record, failures: list[dict[str, Any]]) -> str:
    """The first replication that failed only one of the two times."""
    was, now = ({(row["business"], row["plan"], row["replication"]) for row in rows}
                for rows in (record["failures"], failures))  # fmt: skip
    for business, plan, number in sorted(was ^ now):
        ways = ("failed there", "not here") if (business, plan, number) in was else ("failed here", "not there")
        return f"{business}/{plan}: replication {number}: {', '.join(ways)}"
    return ""


def _runs(there: Path, here: Path) -> str:
    """The first value in which a run differs from the same run made again."""
    for folder in _run_folders(here):
        name = str(folder.relative_to(here))
        if not (there / name / NAME).is_file():
            return f"{name}: absent there, a run here"
        if found := _run(there / name, folder):
            return f"{name}: {found}"
    return ""


def _run_folders(comparison: Path) -> Iterator[Path]:
    """Run folders of a comparison: of the plans, then of what drivers and the choice need."""
    found = {path.parent for path in comparison.glob(f"*/**/{NAME}")}
    return iter(sorted(found, key=lambda path: (len(path.parts), path)))


def _run(there: Path, here: Path) -> str:
    was, now = read_manifest(there), read_manifest(here)
    if missing := sorted(set(now.done) - set(was.done)):
        return f"replication {missing[0]}: absent there"
    for number in now.done:
        for name in now.tables:
            if name not in was.tables:
                return f"table {name}: absent there"
            old, new = read_part(there, name, number), read_part(here, name, number)
            if table_digest(old) != table_digest(new):
                return f"replication {number}: table {name}: {first_difference(old, new)}"
    return ""


def _tables(there: Path, record: Record, here: Path) -> str:
    """The first value in which a table of the comparison differs."""
    for name in FILES:
        if (here / name).is_file() != (name in record["files"]):
            return f"{name}: {'absent there' if (here / name).is_file() else 'absent here'}"
        if not (here / name).is_file():
            continue
        if not (there / name).is_file():
            return f"{name}: absent there"
        if found := file_difference(there / name, here / name, WORDS):
            return f"{name}: {found}"
    return ""


def _identical(record: Record, here: Path) -> str:
    runs = sum(1 for _ in _run_folders(here))
    pairs = ", ".join(f"{number} pairs of {business}" for business, number in record["replications"].items())
    return f"identical: {runs} runs, {pairs}, {len(record['files'])} tables"


def validate_comparison(path: Path) -> list[Check]:
    """Check the files of a comparison against its manifest, and every one of its runs as ``validate`` does.

    Parameters
    ----------
    path : Path
        The folder of a comparison.

    Raises
    ------
    InputError
        If it is no comparison.
    """
    record = read_record(path)
    checks = [Check("manifest", record.get("status") == "complete", f"the comparison is {record.get('status')}")]
    checks += [check_file(path, name, entry) for name, entry in sorted(record["files"].items())]
    for business, told in record["businesses"].items():
        for name in told["scenarios"]:
            checks.append(_study(path / business / name, f"{business}/{name}", told["digests"][name]))
        for folder in _kept(path / business, told["scenarios"]):
            checks += _of_run(folder, str(folder.relative_to(path)))
    return checks


def _kept(folder: Path, plans: list[str]) -> list[Path]:
    """Run folders of a business: its plans, whether they are there or not, and what else was run for them."""
    further = [path for place in (PARTS, CHOICE) if (folder / place).is_dir() for path in (folder / place).iterdir()]
    return [*(folder / name for name in plans), *sorted(path for path in further if path.is_dir())]


def _of_run(folder: Path, name: str) -> list[Check]:
    try:
        return [Check(f"{name}: {check.name}", check.holds, check.detail) for check in validate(folder)]
    except InputError as error:
        return [Check(f"{name}: manifest", False, error.problems[0])]


def _study(folder: Path, name: str, digest: str) -> Check:
    """Whether a run is of the study that was compared."""
    try:
        there = read_manifest(folder).study_digest
    except InputError:
        there = "no run"
    return Check(f"{name}: study", there == digest, digest if there == digest else f"{there}, not {digest}")
