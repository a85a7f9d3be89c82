"""The folder of an optimisation: its manifest, its tables, and what they are as data frames.

``trials`` has a row for every plan that was tried and one for the plan as it stands, ``front`` those that no other one
beats or that cannot be told from these, ``confirmed`` the best few on fresh seeds, ``failures`` the replications that
failed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.cards import card
from scenarios.runs.claim import Owner
from scenarios.runs.files import write_text
from scenarios.runs.manifest import NAME, SCHEMA_VERSION, read_entries
from scenarios.sweeps.folder import read_frame

if TYPE_CHECKING:
    import pandas as pd

VERB = "optimise"

FRAMES = {"trials": "trials.parquet", "front": "front.parquet", "confirmed": "confirmed.parquet",
          "failures": "failures.csv"}  # fmt: skip
"""Tables, each an attribute of ``Optimum``, and the files that hold them."""


@dataclass
class Record:
    """Content of the manifest.

    Attributes
    ----------
    optimisation : str
        Digest of the experiment and the study without the number of trials and the confirmation: whose folder it is.
    design : str
        Digest of all that shapes the tables.
    keys : dict
        Alias by key.
    objectives, constraints : list of dict
        Columns of the tables, and what stands in them.
    """

    optimisation: str
    experiment: str
    business: str
    seed: int
    design: str = ""
    verb: str = VERB
    schema_version: int = SCHEMA_VERSION
    status: str = "running"
    engine: str = ""
    trials: int = 0
    replications: int = 0
    keys: dict[str, str] = field(default_factory=dict)
    objectives: list[dict[str, Any]] = field(default_factory=list)
    constraints: list[dict[str, Any]] = field(default_factory=list)
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
        return Owner(VERB, "optimisation", "optimisation", self.optimisation)

    def write(self, folder: Path) -> None:
        """Replace the manifest in one step."""
        write_text(folder / NAME, json.dumps(asdict(self), indent=1, ensure_ascii=False, default=str) + "\n")


def is_optimisation(path: Path) -> bool:
    """Whether a folder holds an optimisation."""
    return (path / NAME).is_file() and read_entries(path).get("verb") == VERB


class Optimum:
    """What an optimisation found: ``trials``, ``front``, ``confirmed`` and ``failures``, a new data frame each time."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.record = read_entries(self.path)

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name not in FRAMES:
            raise AttributeError(f"an optimisation has no {name!r}; it has {', '.join(FRAMES)}")
        return read_frame(self.path / FRAMES[name])

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *FRAMES})

    def __repr__(self) -> str:
        return f"optimisation of {self.record['business']} over {self.record['trials']} trials in {self.path}"

    def _repr_html_(self) -> str:
        """The plans that were confirmed, for a notebook."""
        return card(repr(self), self.confirmed, rest="all plans in .trials")
