"""The folder of a sweep: its manifest, its tables, and what they are as data frames.

``points`` has a row for every point, ``results`` one for every point, replication, metric and period, ``table`` one
for every point, metric and period with mean and interval, ``failures`` one for every replication that failed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.cards import card
from scenarios.runs.claim import Owner
from scenarios.runs.files import checksum, write_text
from scenarios.runs.manifest import NAME, SCHEMA_VERSION, read_entries

if TYPE_CHECKING:
    import pandas as pd

VERB = "sweep"
COMPLETE = "complete"
FRAMES = {"points": "points.parquet", "results": "results.parquet", "table": "table.parquet",
          "failures": "failures.csv", "keys": "keys.csv", "sensitivity": "sensitivity.parquet",
          "tornado": "tornado.parquet", "discovery": "discovery.parquet"}  # fmt: skip
"""Tables of a sweep, each an attribute of ``Sweep``, and the files that hold them."""


@dataclass
class Record:
    """Content of the manifest of a sweep.

    Attributes
    ----------
    sweep : str
        Digest of the experiment's name and of the study without scenarios and points: whose folder it is.
    design : str
        Digest of all that shapes the tables.
    keys : dict
        Alias by key.
    """

    sweep: str
    experiment: str
    business: str
    seed: int
    design: str = ""
    verb: str = VERB
    schema_version: int = SCHEMA_VERSION
    status: str = "running"
    engine: str = ""
    points: int = 0
    replications: int = 0
    keys: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    times: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, Any] = field(default_factory=dict)

    @property
    def owner(self) -> Owner:
        """Whose folder it is."""
        return Owner(VERB, "sweep", "sweep", self.sweep)

    def write(self, folder: Path) -> None:
        """Replace the manifest in one step."""
        write_text(folder / NAME, json.dumps(asdict(self), indent=1, ensure_ascii=False, default=str) + "\n")


def is_sweep(path: Path) -> bool:
    """Whether a folder holds a sweep."""
    return (path / NAME).is_file() and read_entries(path).get("verb") == VERB


def is_complete(path: Path, design: str, kept: int) -> bool:
    """Whether a folder holds all tables of a design, without failures, as they were written.

    Parameters
    ----------
    path : Path
    design : str
        Digest of the design.
    kept : int
        Replications whose files are sound.
    """
    told = as_written(path, design)
    return told is not None and kept >= told["replications"]


def as_written(path: Path, design: str) -> dict[str, Any] | None:
    """The manifest of a folder that holds all files of a design, without failures, as they were written."""
    if not (path / NAME).is_file():
        return None
    told = read_entries(path)
    if (told.get("status"), told.get("design")) != (COMPLETE, design) or told.get("failures"):
        return None
    sound = all((path / name).is_file() and checksum(path / name) == entry["checksum"]
                for name, entry in told["files"].items())  # fmt: skip
    return told if sound else None


class Sweep:
    """What a sweep found: ``points``, ``results``, ``table`` and ``failures``, a new data frame each time."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.record = read_entries(self.path)

    @property
    def shown(self) -> Path:
        """What to open: the page, or the table where there is none."""
        page = self.path / "report.html"
        return page if page.is_file() else self.path / "table.csv"

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name not in FRAMES:
            raise AttributeError(f"a sweep has no {name!r}; it has {', '.join(FRAMES)}")
        return read_frame(self.path / FRAMES[name])

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *FRAMES})

    def __repr__(self) -> str:
        return f"sweep of {self.record['points']} points of {self.record['business']} in {self.path}"

    def _repr_html_(self) -> str:
        """The table, for a notebook."""
        keys = self.record["keys"]
        shown = (*keys, *keys.values(), "scenario", "metric", "period", "unit", "mean", "ci_low", "ci_high", "status")
        return card(repr(self), self.table, shown, "all in .table")


def read_frame(path: Path) -> pd.DataFrame:
    """A table of a sweep, empty if it is not there."""
    import pandas as pd

    if not path.is_file():
        return pd.DataFrame()
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, encoding="utf-8-sig")
