"""Check a run folder: are its files as they were written, do its books hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scenarios.digest import combine, csv_rows, json_digest, table_digest
from scenarios.files import checksum
from scenarios.manifest import Manifest, read_manifest


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

    from scenarios.store import read_part

    if path.suffix == ".csv":
        return json_digest(csv_rows(path))
    if path.suffix == ".yaml":
        return json_digest(yaml.safe_load(path.read_text("utf-8")))
    if path.suffix != ".parquet":
        return None
    if path.stem not in manifest.tables:
        return table_digest(pq.read_table(path))
    return combine({n: table_digest(read_part(path.parent, path.stem, n)) for n in manifest.done})
