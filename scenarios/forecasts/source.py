"""What is forecast: the series of a run, of several runs, or of a file, in one long table."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from analysis.forecast.hierarchy import Hierarchy

RUN, RUNS, FILE = "run", "runs", "file"
"""Kinds of sources."""


@dataclass(frozen=True, eq=False)
class Source:
    """Series that are forecast.

    Attributes
    ----------
    kind : str
        RUN, RUNS or FILE.
    paths : tuple of Path
        Run folders, or the file.
    series : pandas.DataFrame
        unique_id, ds, y, floor (NaN for none); in a hierarchy its sums among them.
    digest : str
        Of what the series are made from.
    rows : int
        Rows of the file, or of the series.
    rejects : pandas.DataFrame or None
        Rows of a file that were put aside: line, reason, text.
    failures : pandas.DataFrame or None
        Series that cannot take part: unique_id, model, reason.
    hierarchies : tuple of Hierarchy
    units : dict
        By unique_id.
    names : dict
        Of several runs: the folder of each by the name that begins its ids.
    warnings : tuple of str
    """

    kind: str
    paths: tuple[Path, ...]
    series: pd.DataFrame
    digest: str
    rows: int
    rejects: pd.DataFrame | None = None
    failures: pd.DataFrame | None = None
    hierarchies: tuple[Hierarchy, ...] = ()
    units: dict[str, str] = field(default_factory=dict)
    names: dict[str, Path] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def described(self) -> dict[str, Any]:
        """What the manifest says of it."""
        count = int(self.series["unique_id"].nunique())
        own = {"kind": self.kind, "path": str(self.paths[0]), "rows": self.rows, "series": count, "units": self.units}
        return own | ({"paths": [str(path) for path in self.paths]} if self.kind == RUNS else {})
