"""Check a run folder: are its files as they were written, do its books hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

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
    unnamed = [f"{name}.parquet" for name in manifest.tables if f"{name}.parquet" not in manifest.files]
    checks += [Check(name, False, "is not among the files of the manifest") for name in unnamed]
    checks += [
        check_file(run, name, entry, partial(file_digest, manifest=manifest))
        for name, entry in sorted(manifest.files.items())
    ]
    return checks + (identities(run) if all(check.holds for check in checks) else [])


def check_file(
    folder: Path, name: str, entry: Mapping[str, Any], digest: Callable[[Path], str | None] | None = None
) -> Check:
    """Whether a file of a folder says what its manifest says of it.

    Parameters
    ----------
    folder : Path
    name : str
    entry : mapping
        What the manifest says: rows, digest of the values, checksum of the bytes.
    digest : callable, optional
        How its values are digested: as one table by default.
    """
    path = folder / name
    if not path.is_file():
        return Check(name, False, "is missing")
    try:
        found = (digest or plain_digest)(path)
    except Exception as error:
        return Check(name, False, f"cannot be read: {' '.join(str(error).split())}")
    unchanged = checksum(path) == entry.get("checksum")
    if found != entry.get("digest") or (found is None and not unchanged):
        return Check(name, False, "its content is not what was written")
    rows = "" if entry.get("rows") is None else f"{entry['rows']:,} rows, "
    return Check(name, True, rows + ("unchanged" if unchanged else "other bytes, same values"))


def plain_digest(path: Path) -> str | None:
    """Digest of the values of a file of one table or one mapping; None for a file without one."""
    import pyarrow.parquet as pq
    import yaml

    if path.suffix == ".csv":
        return json_digest(csv_rows(path))
    if path.suffix == ".yaml":
        return json_digest(yaml.safe_load(path.read_text("utf-8")))
    return table_digest(pq.read_table(path)) if path.suffix == ".parquet" else None


def file_digest(path: Path, manifest: Manifest) -> str | None:
    """Digest of the values of a file of a run folder, its tables replication by replication; None without one."""
    if path.suffix != ".parquet" or path.stem not in manifest.tables:
        return plain_digest(path)
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
