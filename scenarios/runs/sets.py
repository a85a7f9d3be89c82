"""File sets of finished replications: whole, with their own digests, believed only after a check."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.runs.files import STAGED, checksum, fresh_folder, publish, write_text
from scenarios.studies.digest import json_digest, table_digest

if TYPE_CHECKING:
    import pyarrow as pa

SETS = "replications"
FACTS = "facts.json"
ROW_GROUP = 262_144
"""Rows of a row group: what a writer holds in memory at once."""


@dataclass(frozen=True)
class Facts:
    """What a file set says about itself.

    Attributes
    ----------
    tables : dict
        By table: ``rows``, ``digest`` (values), ``checksum`` (bytes of the file).
    steps : int
        Events of the simulation engine.
    seconds : float
        Time it took.
    """

    replication: int
    study_digest: str
    tables: dict[str, dict[str, Any]]
    steps: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()


def set_folder(root: Path, replication: int) -> Path:
    """Where the file set of a replication lies in run folder ``root``."""
    return root / SETS / f"{replication:04d}"


def write_set(root: Path, facts: Facts, tables: dict[str, pa.Table]) -> Facts:
    """Write the tables of one replication so that either all of them are there or none.

    Returns
    -------
    Facts
        ``facts`` with the rows and digests of the tables.
    """
    target = set_folder(root, facts.replication)
    staged = fresh_folder(target.with_name(f"{target.name}.{os.getpid()}{STAGED}"))
    described = {name: write_table(staged / f"{name}.parquet", table) for name, table in tables.items()}
    content = {**facts.__dict__, "warnings": list(facts.warnings), "tables": described}
    content["check"] = json_digest(content)
    write_text(staged / FACTS, json.dumps(content, ensure_ascii=False))
    publish(staged, target)
    return Facts(**{**facts.__dict__, "tables": described})


def packing(schema: pa.Schema) -> dict[str, Any]:
    """How Parquet is to hold a table.

    Texts and categories have a dictionary, from which numbers gain nothing; numbers and times have their least and
    largest value by row group, by which readers find a replication.
    """
    import pyarrow.types as kinds

    named = [f.name for f in schema if kinds.is_dictionary(f.type) or kinds.is_string(f.type)]
    others = [name for name in schema.names if name not in named]
    return {"compression": "zstd", "use_dictionary": named, "write_statistics": others}


def write_table(path: Path, table: pa.Table) -> dict[str, Any]:
    """Write one Parquet file that is soon read as a whole; rows, digest of the values and checksum of the file."""
    import pyarrow.parquet as pq

    quick = packing(table.schema) | {"compression": "lz4", "write_statistics": False}
    pq.write_table(table, path, row_group_size=ROW_GROUP, **quick)
    return {"rows": table.num_rows, "digest": table_digest(table), "checksum": checksum(path)}


def read_facts(root: Path, replication: int) -> Facts | None:
    """Facts of a file set, or None if it is absent or not exactly as it was written."""
    folder = set_folder(root, replication)
    try:
        content = json.loads((folder / FACTS).read_text("utf-8"))
        check = content.pop("check")
        facts = Facts(**{**content, "warnings": tuple(content["warnings"])})
        sound = check == json_digest(content) and all(
            checksum(folder / f"{name}.parquet") == entry["checksum"] for name, entry in facts.tables.items()
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return facts if sound and facts.replication == replication else None


def finished_sets(root: Path, study_digest: str) -> dict[int, Facts]:
    """Facts of every sound file set of this study, found by looking at the files."""
    folder = root / SETS
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    found = {int(name): read_facts(root, int(name)) for name in names if name.isdigit()}
    return {number: facts for number, facts in found.items() if facts and facts.study_digest == study_digest}
