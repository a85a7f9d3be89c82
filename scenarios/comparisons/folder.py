"""The folder of a comparison: who may write it, what it holds, and its tables as data frames."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.cards import card
from scenarios.errors import InputError
from scenarios.runs.claim import Owner, held
from scenarios.runs.files import write_text
from scenarios.runs.manifest import NAME, SCHEMA_VERSION, now, read_entries

if TYPE_CHECKING:
    import pandas as pd

VERB = "compare"
PARTS, CHOICE = "parts", "choice"
"""Folders of runs that only drivers and only the choice need."""

FRAMES = {
    "table": "table.parquet",
    "drivers": "drivers.csv",
    "driver_parts": "drivers.parquet",
    "config": "config.csv",
    "flips": "flips.parquet",
    "interaction": "interaction.csv",
    "targets": "targets.csv",
    "choice": "choice.csv",
    "planned": "planned.csv",
}
"""Tables of a comparison, each an attribute of ``Comparison``, and the files that hold them."""

SHOWN = ("business", "scenario", "metric", "unit", "base", "mean", "difference", "ci_low", "ci_high", "p_holm")
"""Columns of the table that a notebook shows."""


@dataclass
class Record:
    """Content of the manifest of a comparison.

    Attributes
    ----------
    comparison : str
        Digest of the studies and their names.
    businesses : dict
        By business: names of its plans, the base first.
    replications : dict
        By business: pairs that the table rests on.
    primary : list of str
        Metrics of the family.
    stopped : str
        Why no more was replicated.
    """

    comparison: str
    seed: int
    businesses: dict[str, dict[str, Any]]
    verb: str = VERB
    schema_version: int = SCHEMA_VERSION
    status: str = "running"
    level: float = 0.95
    primary: list[str] = field(default_factory=list)
    precision: dict[str, Any] | None = None
    replications: dict[str, int] = field(default_factory=dict)
    stopped: str = ""
    command: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    times: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Replace the manifest in one step."""
        write_text(folder / NAME, json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")


@contextmanager
def comparison_folder(path: Path, record: Record) -> Iterator[None]:
    """The folder of one comparison, held by this process alone, with its first manifest in it.

    Raises
    ------
    InputError
        For anything but a free place or the folder of the same comparison.
    """
    with held(path, Owner(VERB, "comparison", "comparison", record.comparison)):
        record.times = {"started": now()}
        record.write(path)
        yield


def read_record(path: Path) -> dict[str, Any]:
    """The manifest of a comparison as it stands.

    Raises
    ------
    InputError
        If there is none that can be read.
    """
    return read_entries(path)


def is_comparison(path: Path) -> bool:
    """Whether a folder holds a comparison."""
    try:
        return read_record(path).get("verb") == VERB
    except InputError:
        return False


class Comparison:
    """What a comparison found: ``table``, ``drivers``, ``config``, ``flips``, ``interaction``, ``targets``,
    ``choice`` and ``planned``; ``driver_parts`` are the drivers by replication.

    Every attribute is a new ``pandas.DataFrame`` each time, empty where the comparison did not ask for it.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.record = read_record(self.path)

    @property
    def failures(self) -> list[dict[str, Any]]:
        """Replications that failed, with the plan they belong to."""
        return list(self.record["failures"])

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name not in FRAMES:
            raise AttributeError(f"a comparison has no {name!r}; it has {', '.join(FRAMES)}")
        return _read(self.path, name)

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *FRAMES})

    def __repr__(self) -> str:
        lines = [
            f"{business}: {' against '.join(reversed(_ends(told['scenarios'])))}, "
            f"{self.record['replications'].get(business, 0)} replications"
            for business, told in self.record["businesses"].items()
        ]
        return "\n".join([f"comparison in {self.path}", *lines])

    def _repr_html_(self) -> str:
        """The primary differences, for a notebook."""
        table = self.table
        if table.empty:
            return card(repr(self))
        return card(repr(self), table[table["family"] == "primary"], SHOWN, "other metrics in .table")


def _ends(scenarios: Sequence[str]) -> tuple[str, str]:
    return scenarios[0], ", ".join(scenarios[1:])


def _read(path: Path, name: str) -> pd.DataFrame:
    import pandas as pd

    file = path / FRAMES[name]
    if not file.is_file():
        return pd.DataFrame()
    if file.suffix == ".parquet":
        return pd.read_parquet(file)
    return pd.read_csv(file, encoding="utf-8-sig", keep_default_na=False, na_values=[""])
