"""Results of runs as data frames, read from their folders when they are asked for."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.cards import card
from scenarios.errors import InputError
from scenarios.runs.manifest import NAME, Manifest, read_entries, read_manifest

if TYPE_CHECKING:
    import pandas as pd

TABLES = (
    "accounts",
    "opportunities",
    "subscriptions",
    "events",
    "decisions",
    "monthly",
    "ledger",
    "staffing",
    "metrics",
    "forecast",
)
"""Tables of a run folder, each an attribute of ``Result``."""

SHEETS = ("summary", "inputs", "plausibility", "identities")
"""CSV files of a run folder, each an attribute of ``Result``."""

PLANNED = ("targets", "coverage", "capacity", "cash_risk")
"""CSV files of a run folder where a plan was given, each an attribute of ``Result``, empty without one."""


MAIN = ("revenue", "operating_profit", "active_customers", "new_customers", "cash_min")
"""Metrics that a notebook shows first."""

SHOWN = ("run", "metric", "unit", "mean", "ci_low", "ci_high", "replications")
"""Columns of the summary that a notebook shows."""


class Result:
    """One run folder or several, table by table.

    ``metrics``, ``events``, ``accounts``, ``ledger``, ``summary`` and the other tables of the run folder are
    attributes; each is a new ``pandas.DataFrame`` every time, so that changing one changes no other.

    Parameters
    ----------
    paths : iterable of Path
        Run folders.
    named : bool
        True: every frame has a first column ``run`` with the name of the folder a row comes from.
    """

    def __init__(self, paths: Iterable[Path], named: bool = False) -> None:
        self.paths = tuple(paths)
        self.named = named
        self.manifests: tuple[Manifest, ...] = tuple(read_manifest(path) for path in self.paths)

    @property
    def path(self) -> Path:
        """The run folder, the first one where there are several."""
        return self.paths[0]

    @property
    def manifest(self) -> Manifest:
        """The manifest, the first one where there are several."""
        return self.manifests[0]

    @property
    def failures(self) -> list[dict[str, Any]]:
        """Replications that failed: replication, seed, type, message, command."""
        return [failure for manifest in self.manifests for failure in manifest.failures]

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name not in (*TABLES, *SHEETS, *PLANNED):
            raise AttributeError(f"a result has no {name!r}; it has {', '.join((*TABLES, *SHEETS, *PLANNED))}")
        return self._frame(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *TABLES, *SHEETS, *PLANNED})

    def _frame(self, name: str) -> pd.DataFrame:
        import pandas as pd

        frames = [_read(path, name) for path in self.paths]
        if not self.named:
            return frames[0]
        for path, frame in zip(self.paths, frames, strict=True):
            frame.insert(0, "run", path.name)
        return pd.concat(frames, ignore_index=True)

    def __repr__(self) -> str:
        lines = [
            f"{path}: {manifest.business}, {manifest.replications} replications"
            + (f", {len(manifest.failures)} failed" if manifest.failures else "")
            for path, manifest in zip(self.paths, self.manifests, strict=True)
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The runs and their main figures over the horizon, for a notebook."""
        try:
            summary = self.summary
        except FileNotFoundError:
            return card(repr(self))
        horizon = summary[summary["period"] == "horizon"]
        main_first = horizon.sort_values("metric", key=lambda names: ~names.isin(MAIN), kind="stable")
        return card(repr(self), main_first, SHOWN, "all in .summary")


def _read(path: Path, name: str) -> pd.DataFrame:
    import pandas as pd

    if name in PLANNED and not (path / f"{name}.csv").is_file():
        return pd.DataFrame()
    if name in (*SHEETS, *PLANNED):
        return pd.read_csv(path / f"{name}.csv", encoding="utf-8-sig", keep_default_na=False, na_values=[""])
    file = path / f"{name}.parquet"
    if not file.is_file():
        raise FileNotFoundError(f"{file}: this run did not keep the table {name}")
    if name == "forecast":
        return pd.read_parquet(file)
    from analysis.tables import read

    return read(path, name)


def load(pattern: str | Path) -> Result:
    """Results of the run folders that match a path or a glob pattern, with a column ``run``.

    Parameters
    ----------
    pattern : str or Path
        A run folder, or a pattern such as ``runs/*``; what matches and is no run folder is passed over.

    Raises
    ------
    InputError
        If no run folder matches, or a newer version of the program wrote one.
    """
    if (Path(pattern) / NAME).is_file():
        return Result([Path(pattern)], named=True)
    paths = [Path(match) for match in sorted(glob.glob(str(pattern)))]
    runs = [path for path in paths if (path / NAME).is_file() and not _of_another_command(path)]
    if not runs:
        raise InputError([f"load: no run folder there, got {pattern}; a folder with a {NAME}, or a pattern"])
    return Result(runs, named=True)


def _of_another_command(path: Path) -> bool:
    """Whether a folder holds what is no run; what cannot be read is taken for a run, which says so."""
    try:
        return read_entries(path).get("verb", "run") in ("compare", "forecast", "sweep", "optimise")
    except InputError:
        return False
