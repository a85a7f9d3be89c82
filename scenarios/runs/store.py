"""Run folders: who may write one, which replications it holds, and how their file sets become its tables.

The list of finished replications is always rebuilt from the files. They lie first as file sets
(``replications/0007/``), later as rows of the tables of the run folder; a table counts only while its
checksum is the one in the manifest. Tables are put together in a folder beside, which is renamed to
``assembled`` when it is whole; from then on its files are moved into place, by this process or by the next.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError
from scenarios.runs.claim import ASSEMBLED, CONFIG, LOCK, SOURCE, check_out, unwritable
from scenarios.runs.files import STAGED, Lock, checksum, fresh_folder, publish, sync, write_text
from scenarios.runs.manifest import NAME, Manifest, now, read_manifest
from scenarios.runs.pool import LOCAL, pool_of
from scenarios.runs.sets import ROW_GROUP, SETS, Facts, finished_sets, packing, set_folder
from scenarios.studies.digest import combine

if TYPE_CHECKING:
    import pyarrow as pa

    from scenarios.studies.study import Study


SPREAD_ROWS = 2_000_000
"""Rows from which tables are put together by workers: about a second's work, what it takes to begin with some."""


class RunFolder:
    """The folder of one study, held by this process alone while it is open.

    Parameters
    ----------
    path : Path
        Where it is; created on entering if it does not exist.
    study : Study
        The study it belongs to.
    verb : str
        The command that owns it.

    Attributes
    ----------
    manifest : Manifest
        What the folder says, without what is damaged.
    pending : dict
        Facts of the finished replications that are not in the tables yet.

    Raises
    ------
    InputError
        On entering: a file, a link, a folder of something else, one that another process holds, or one that
        cannot be written.
    """

    def __init__(self, path: Path, study: Study, verb: str = "run") -> None:
        self.path = path
        self.study = study
        self.verb = verb
        self.manifest = Manifest(verb, study.business, study.digest, study.seed, study.replications)
        self._lock = Lock(path / LOCK)
        self.pending: dict[int, Facts] = {}
        self._wanted: tuple[str, ...] = ()

    def __enter__(self) -> RunFolder:
        check_out(self.path, self.study, self.verb)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.__enter__()
        except BlockingIOError:
            raise InputError([f"out: is being written, got {self.path}; wait, or another out"]) from None
        except OSError as error:
            raise unwritable(self.path, error) from None
        try:
            self._take_over()
        except BaseException as error:
            self._lock.__exit__(None, None, None)
            if isinstance(error, OSError):
                raise unwritable(self.path, error) from None
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.__exit__(kind, error, trace)

    def _take_over(self) -> None:
        check_out(self.path, self.study, self.verb)
        settle(self.path)
        if (self.path / NAME).exists():
            self.manifest = read_manifest(self.path)
        else:
            self.manifest.times = {"started": now()}
            self._write_config()
            self.manifest.write(self.path)
        for stale in (self.path / SETS).glob(f"*{STAGED}"):
            shutil.rmtree(stale, ignore_errors=True)
        self._forget_damaged()

    def _forget_damaged(self) -> None:
        """Drop from the manifest what is not as it was written; a damaged table takes all rows with it."""
        files = self.manifest.files
        sound = {name: entry for name, entry in files.items() if _sound(self.path / name, entry)}
        if any(f"{name}.parquet" not in sound for name in self.assembled_tables):
            self._forget_all()
        elif len(sound) < len(files):
            self.manifest.files, self.manifest.status = sound, "assembled"

    def _forget_all(self) -> None:
        manifest = self.manifest
        manifest.parts, manifest.files, manifest.status = {}, {}, "running"
        manifest.replications, manifest.steps, manifest.warnings = 0, 0, []

    def refresh(self) -> None:
        """Look at the file sets again."""
        self.pending = {
            number: facts
            for number, facts in finished_sets(self.path, self.study.digest).items()
            if str(number) not in self.manifest.parts and set(self._wanted) <= set(facts.tables)
        }

    @property
    def assembled_tables(self) -> list[str]:
        """Names of the tables that hold the assembled replications."""
        return sorted({name for part in self.manifest.parts.values() for name in part})

    def keep(self, tables: tuple[str, ...]) -> tuple[str, ...]:
        """Tables that every replication here must have: those asked for and those the folder has already.

        Replications that lack one are forgotten, to be run again.
        """
        self._wanted = tuple(dict.fromkeys([*tables, *self.assembled_tables]))
        if self.manifest.parts and not set(tables) <= set(self.assembled_tables):
            self._forget_all()
        self.refresh()
        return self._wanted

    @property
    def done(self) -> list[int]:
        """Numbers of the finished replications, assembled or not."""
        return sorted({*self.manifest.done, *self.pending})

    def prepare(self) -> None:
        """Make room for file sets and write the configuration as it now is, before anything is simulated."""
        (self.path / SETS).mkdir(exist_ok=True)
        self._write_config()

    def _write_config(self) -> None:
        write_text(self.path / CONFIG, config_text(self.study.config))
        write_text(self.path / SOURCE, config_text(self.study.source))

    def assemble(self, tables: tuple[str, ...]) -> None:
        """Put the tables of all finished replications together, in their order, and remove the file sets."""
        if self.pending:
            staged = fresh_folder(self.path / (ASSEMBLED + STAGED))
            parts = self._parts(tables)
            entries = self._merged(staged, tables, parts)
            self.manifest = replace(
                self.manifest,
                status="assembled",
                files=entries,
                parts={str(n): {name: parts[n][name] for name in tables} for n in sorted(parts)},
                replications=len(parts),
                tables=list(tables),
            )
            self.manifest.write(staged)
            publish(staged, self.path / ASSEMBLED)
            settle(self.path)
            self.pending = {}
        shutil.rmtree(self.path / SETS, ignore_errors=True)

    def _parts(self, tables: tuple[str, ...]) -> dict[int, dict[str, Any]]:
        parts = {int(number): part for number, part in self.manifest.parts.items()}
        for number, facts in self.pending.items():
            parts[number] = {name: {k: facts.tables[name][k] for k in ("rows", "digest")} for name in tables}
        return parts

    def _merged(self, staged: Path, tables: tuple[str, ...], parts: dict[int, dict[str, Any]]) -> dict[str, Any]:
        """Put the tables together in ``staged``, large ones by the workers of the study; their entries."""
        from scenarios.runs.execute import spread

        rows = {name: sum(part[name]["rows"] for part in parts.values()) for name in tables}
        pool = pool_of(self.study.config)
        workers = pool.workers if pool.backend == LOCAL and sum(rows.values()) >= SPREAD_ROWS else 1
        merge = partial(merge_parts, self.path.absolute(), staged.absolute(), frozenset(self.pending), sorted(parts))
        largest_first = sorted(tables, key=lambda name: -rows[name])
        checksums = dict(zip(largest_first, spread(merge, largest_first, workers), strict=True))
        digests = {name: combine({n: parts[n][name]["digest"] for n in parts}) for name in tables}
        return {
            f"{name}.parquet": {"rows": rows[name], "digest": digests[name], "checksum": checksums[name]}
            for name in tables
        }

    def part(self, name: str, replication: int) -> pa.Table:
        """Rows of one replication of one table, from its file set or from the assembled table."""
        return _part(self.path, name, replication, replication in self.pending)


def merge_parts(root: Path, staged: Path, pending: Collection[int], numbers: Sequence[int], name: str) -> str:
    """Put one table of some replications together in a file of folder ``staged``; its checksum."""
    import pyarrow.parquet as pq

    path = staged / f"{name}.parquet"
    schema = _part(root, name, numbers[0], numbers[0] in pending).schema
    with pq.ParquetWriter(path, schema, **packing(schema)) as writer:
        for number in numbers:
            part = _part(root, name, number, number in pending)
            writer.write_table(part.cast(schema), row_group_size=ROW_GROUP)
    return checksum(path)


def _part(root: Path, name: str, replication: int, pending: bool) -> pa.Table:
    import pyarrow.parquet as pq

    if pending:
        return pq.read_table(set_folder(root, replication) / f"{name}.parquet")
    return read_part(root, name, replication)


def read_part(root: Path, name: str, replication: int) -> pa.Table:
    """Rows of one replication of an assembled table."""
    import pyarrow.parquet as pq

    return pq.read_table(root / f"{name}.parquet", filters=[("replication", "=", replication)])


def settle(root: Path) -> None:
    """Move finished tables into place, the manifest last, and remove the file sets that went into them."""
    source = root / ASSEMBLED
    if source.is_dir() and not source.is_symlink():
        for path in sorted(source.iterdir(), key=lambda path: (path.name == NAME, path.name)):
            os.replace(path, root / path.name)
        sync(root)
        source.rmdir()
        shutil.rmtree(root / SETS, ignore_errors=True)
    shutil.rmtree(root / (ASSEMBLED + STAGED), ignore_errors=True)


def config_text(config: dict[str, Any]) -> str:
    """The composed configuration as YAML, keys in their order."""
    import yaml

    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=110)


def _sound(path: Path, entry: dict[str, Any]) -> bool:
    return path.is_file() and not path.is_symlink() and checksum(path) == entry.get("checksum")
