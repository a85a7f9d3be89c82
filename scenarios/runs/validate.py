"""Check a run folder: are its files as they were written, do its books hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scenarios.runs.claim import read_config
from scenarios.runs.files import checksum
from scenarios.runs.manifest import Manifest, read_manifest
from scenarios.runs.replicate import metrics_context
from scenarios.runs.store import read_part
from scenarios.studies.digest import combine, csv_rows, json_digest, table_digest


@dataclass(frozen=True)
class Check:
    """One thing that must hold.

    Attributes
    ----------
    name : str
        What was looked at.
    holds : bool
        Whether it is as it should be.
    detail : str
        What was found.
    """

    name: str
    holds: bool
    detail: str


def validate(run: Path) -> list[Check]:
    """Check the files of a run folder against its manifest, and its tables against the identities.

    Raises
    ------
    InputError
        If it is no run folder.
    """
    manifest = read_manifest(run)
    checks = [Check("manifest", manifest.status == "complete", f"the run is {manifest.status}")]
    checks += [_file(run, name, manifest) for name in sorted(manifest.files)]
    return checks + (identities(run) if all(check.holds for check in checks) else [])


def _file(run: Path, name: str, manifest: Manifest) -> Check:
    entry, path = manifest.files[name], run / name
    if not path.is_file():
        return Check(name, False, "is missing")
    try:
        found = file_digest(path, manifest)
    except Exception as error:
        return Check(name, False, f"cannot be read: {' '.join(str(error).split())}")
    unchanged = checksum(path) == entry["checksum"]
    if found != entry["digest"] or (found is None and not unchanged):
        return Check(name, False, "its content is not what was written")
    rows = "" if entry["rows"] is None else f"{entry['rows']:,} rows, "
    return Check(name, True, rows + ("unchanged" if unchanged else "other bytes, same values"))


def file_digest(path: Path, manifest: Manifest) -> str | None:
    """Digest of the values of a file of a run folder; None for a file without one."""
    import pyarrow.parquet as pq
    import yaml

    if path.suffix == ".csv":
        return json_digest(csv_rows(path))
    if path.suffix == ".yaml":
        return json_digest(yaml.safe_load(path.read_text("utf-8")))
    if path.suffix != ".parquet":
        return None
    if path.stem not in manifest.tables:
        return table_digest(pq.read_table(path))
    return combine({n: table_digest(read_part(path.parent, path.stem, n)) for n in manifest.done})


def identities(run: Path) -> list[Check]:
    """The identities of the books, checked anew on the tables as they lie on the disk, replication by replication."""
    from analysis.identities import check, collect
    from analysis.tables import RUN_TABLES, Tables

    manifest = read_manifest(run)
    absent = [name for name in RUN_TABLES if name not in manifest.tables]
    if absent:
        return [Check("identities", True, f"not checked again: the run did not keep {', '.join(absent)}")]
    import pandas as pd

    context = metrics_context(read_config(run))
    parts = [Tables({name: read_part(run, name, number) for name in RUN_TABLES}) for number in manifest.done]
    found = collect(pd.concat([check(part, context) for part in parts], ignore_index=True))
    return [
        Check(f"identity {row['identity']}", bool(row["holds"]), f"largest gap {row['max_gap']:g}")
        for row in found.to_dict("records")
    ]
