"""The folder of a forecast: what it holds, how it is written, and its tables as data frames."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.cards import card
from scenarios.runs.claim import LOCK, Owner, unwritable
from scenarios.runs.files import checksum, write_text
from scenarios.runs.manifest import NAME, SCHEMA_VERSION, read_entries

if TYPE_CHECKING:
    import pandas as pd

VERB = "forecast"
COMPLETE = "complete"
PAGE = "report.html"

JUDGED = "judged"
"""Entry of the settings that says whether the truth was asked for."""

PARQUET = ("forecast", "backtest", "series", "truth")
"""Tables that are stored as Parquet."""

SHOWN = ("forecast", "backtest")
"""Of these, tables that are stored as CSV as well."""

TABLES = (
    *PARQUET, "summary", "calibration", "targets", "failures", "rejects", "choice", "hierarchy", "truth_coverage",
    "truth_skill", "truth_history", "truth_best", "truth_blind", "truth_effect", "truth_split", "truth_failures",
    "truth_notes",
)  # fmt: skip
"""Tables of a forecast, each an attribute of ``ForecastResult``; most are there only if they were asked for."""


@dataclass
class Record:
    """Content of the manifest of a forecast.

    Attributes
    ----------
    forecast : str
        Digest of the settings and of what is forecast.
    source : dict
        Kind, path, rows, series, units.
    settings : dict
        The group ``forecast`` of the configuration, and whether the truth is asked for.
    failures : list of dict
        Series that could not be forecast.
    """

    forecast: str
    source: dict[str, Any]
    settings: dict[str, Any]
    verb: str = VERB
    schema_version: int = SCHEMA_VERSION
    status: str = "running"
    language: str = "en"
    command: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    times: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, Any] = field(default_factory=dict)

    @property
    def owner(self) -> Owner:
        """Whose folder it is."""
        return Owner(VERB, "forecast", "forecast", self.forecast)

    def write(self, folder: Path) -> None:
        """Replace the manifest in one step."""
        write_text(folder / NAME, json.dumps(asdict(self), indent=1, ensure_ascii=False, default=str) + "\n")


def is_forecast(path: Path) -> bool:
    """Whether a folder holds a forecast."""
    return (path / NAME).is_file() and read_entries(path).get("verb") == VERB


def is_complete(path: Path) -> bool:
    """Whether a folder of a forecast holds all its tables as they were written."""
    if not (path / NAME).is_file():
        return False
    entries = read_entries(path)
    sound = (checksum(path / name) == told["checksum"] for name, told in _files(path, entries) if name != PAGE)
    return entries.get("status") == COMPLETE and all(sound)


def _files(path: Path, entries: Mapping[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Files of the manifest; one that is absent has a checksum that no file has."""
    for name, told in entries.get("files", {}).items():
        yield (name, told) if (path / name).is_file() else (NAME, {"checksum": ""})


def write_tables(path: Path, frames: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Write the tables of a forecast that have rows, remove those of another one, and describe the files.

    Raises
    ------
    InputError
        If they cannot be written.
    """
    from scenarios.runs.derive import arrow, write_frame, write_parquet

    entries: dict[str, Any] = {}
    try:
        for name in TABLES:
            for ending in ("parquet", "csv"):
                (path / f"{name}.{ending}").unlink(missing_ok=True)
        for name, frame in frames.items():
            if frame.empty and name not in PARQUET:
                continue
            if name in PARQUET:
                entries[f"{name}.parquet"] = write_parquet(path / f"{name}.parquet", arrow(frame))
            if name not in PARQUET or name in SHOWN:
                entries[f"{name}.csv"] = write_frame(path / f"{name}.csv", _dated(frame))
    except OSError as error:
        raise unwritable(path, error) from None
    return entries


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame whose dates are ISO texts, without a time where all are at midnight."""
    import pandas as pd

    dates = [name for name in frame if pd.api.types.is_datetime64_any_dtype(frame[name])]
    changed = {}
    for name in dates:
        column = frame[name]
        plain = bool((column.dropna() == column.dropna().dt.normalize()).all())
        text = column.dt.strftime("%Y-%m-%d" if plain else "%Y-%m-%dT%H:%M:%S")
        changed[name] = text.astype(object).where(column.notna(), None)
    return frame.assign(**changed)


def clear(path: Path) -> None:
    """Take a folder back in which nothing was done: the manifest, the lock, and itself if it is empty then."""
    others = {item.name for item in path.iterdir()} - {NAME, LOCK}
    if others:
        return
    for name in (NAME, LOCK):
        (path / name).unlink(missing_ok=True)
    path.rmdir()


class ForecastResult:
    """What a forecast found: ``forecast``, ``backtest``, ``summary``, ``targets`` and the other tables of its folder.

    Every attribute is a new ``pandas.DataFrame`` each time, empty where the forecast was not asked for it.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.record = read_entries(self.path)

    @property
    def warnings(self) -> list[str]:
        """What a reader should know."""
        return list(self.record["warnings"])

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name not in TABLES:
            raise AttributeError(f"a forecast has no {name!r}; it has {', '.join(TABLES)}")
        return _read(self.path, name)

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *TABLES})

    def __repr__(self) -> str:
        source = self.record["source"]
        return f"forecast of {source['series']} series of {source['path']} in {self.path}"

    def _repr_html_(self) -> str:
        """Where each series is at the end, for a notebook."""
        ends = self.forecast.groupby("unique_id", sort=False, observed=True).tail(1)
        return card(
            repr(self), ends.drop(columns=["cutoff", "note"], errors="ignore"), rest="the steps before in .forecast"
        )


def _read(path: Path, name: str) -> pd.DataFrame:
    import pandas as pd

    if (path / f"{name}.parquet").is_file():
        return pd.read_parquet(path / f"{name}.parquet")
    if not (path / f"{name}.csv").is_file():
        return pd.DataFrame()
    texts = dict.fromkeys(("unique_id", "parent", "target", "text"), str)
    file = path / f"{name}.csv"
    return pd.read_csv(file, encoding="utf-8-sig", keep_default_na=False, na_values=[""], dtype=texts)
