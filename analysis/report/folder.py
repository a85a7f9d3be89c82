"""A run folder as the report reads it: every file is optional, and nothing is read twice."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import pandas as pd

MONTH, HORIZON = "month", "horizon"
"""Names of periods in the tables."""


class Folder:
    """Read-only view of a run folder.

    Parameters
    ----------
    path : Path
        Folder with the files of a run; a missing file is an empty table.
    """

    kind: ClassVar[str] = "run"

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise FileNotFoundError(f"{self.path}: not a {self.kind} folder")

    def table(self, name: str, columns: list[str] | None = None, filters: Any = None) -> pd.DataFrame:
        """Table ``name``; columns that the file lacks are left out."""
        import pandas as pd
        import pyarrow.parquet as pq

        file = self.path / f"{name}.parquet"
        if not file.is_file():
            return pd.DataFrame(columns=columns or [])
        there = set(pq.read_schema(file).names)
        wanted = [c for c in columns if c in there] if columns else None
        return pq.read_table(file, columns=wanted, filters=filters).to_pandas()

    def csv(self, name: str, columns: list[str]) -> pd.DataFrame:
        """CSV file ``name`` with at least ``columns``, all of them text; an empty cell is null."""
        import pandas as pd

        file = self.path / f"{name}.csv"
        if not file.is_file():
            return pd.DataFrame(columns=columns)
        frame = pd.read_csv(file, encoding="utf-8-sig", dtype=str, keep_default_na=False, na_values=[""])
        return frame.reindex(columns=[*frame.columns, *(c for c in columns if c not in frame.columns)])

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What was run; empty without a manifest."""
        file = self.path / "manifest.json"
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        return found

    @cached_property
    def config(self) -> dict[str, Any]:
        """The composed configuration."""
        import yaml

        file = self.path / "config.yaml"
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        found = yaml.load(file.read_text(encoding="utf-8"), Loader=loader) if file.is_file() else {}
        return found if isinstance(found, dict) else {}

    def setting(self, key: str, default: Any = None) -> Any:
        """A value of the configuration by its dotted key."""
        node: Any = self.config
        for part in key.split("."):
            if not isinstance(node, dict) or node.get(part) is None:
                return default
            node = node[part]
        return node

    def labels(self, key: str) -> dict[str, str]:
        """Labels of the entries of a mapping of the configuration; entries without one keep their name."""
        entries = self.setting(key, {})
        pairs = entries.items() if isinstance(entries, dict) else ()
        return {str(n): str((isinstance(e, dict) and e.get("label")) or n) for n, e in pairs}

    @cached_property
    def replications(self) -> int:
        """How many replications the tables hold."""
        found = self.manifest.get("replications") or self.setting("replications", 0)
        return len(found) if isinstance(found, list) else int(found)

    @cached_property
    def start(self) -> pd.Timestamp:
        """First day of the horizon."""
        import pandas as pd

        return pd.Timestamp(str(self.setting("horizon.start", "1970-01-01")))

    @cached_property
    def days(self) -> float:
        """Length of the horizon."""
        return float(self.setting("horizon.days", 0))

    @cached_property
    def end(self) -> pd.Timestamp:
        """End of the horizon."""
        import pandas as pd

        return self.start + pd.Timedelta(days=self.days)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """`summary.csv`, numbers as numbers."""
        columns = ["metric", "period", "unit", "mean", "ci_low", "ci_high", "sd", "replications", "n_defined"]
        return numeric(self.csv("summary", columns), columns[3:])

    @cached_property
    def plausibility(self) -> pd.DataFrame:
        """Outcome metrics beside the ranges in which they are plausible."""
        numbers = ["low", "high", "mean", "ci_low", "ci_high"]
        texts = ["metric", "type", "period", "unit", "source", "confidence", "status"]
        return numeric(self.csv("plausibility", texts + numbers), numbers)

    @cached_property
    def identities(self) -> pd.DataFrame:
        """Identities of the books, with the largest gap found."""
        frame = numeric(self.csv("identities", ["identity", "replications", "max_gap", "holds"]), ["max_gap"])
        return frame.assign(holds=frame["holds"].astype(str).str.lower().isin(["true", "1", "yes"]))

    @cached_property
    def opening(self) -> pd.DataFrame:
        """Where the run starts, beside what its files say; empty for a run that starts from nothing."""
        numbers = ["in_files", "in_model", "gap", "rounding"]
        frame = numeric(self.csv("opening", ["quantity", "dimension", "unit", *numbers]), numbers)
        return frame.assign(dimension=frame["dimension"].fillna(""))

    @cached_property
    def inputs(self) -> pd.DataFrame:
        """Register of the numbers that entered."""
        columns = ["key", "value", "unit", "origin", "source", "low", "high", "meaning"]
        return self.csv("inputs", columns).astype(object).where(lambda f: f.notna(), "").astype(str)

    @cached_property
    def staffing(self) -> pd.DataFrame:
        """Desks by month."""
        hours = ["heads", "capacity_hours", "busy_hours", "wait_days", "started"]
        return self.table("staffing", ["replication", "ds", "desk", *hours])

    @cached_property
    def months(self) -> pd.DataFrame:
        """Totals of all metrics by calendar month and replication."""
        import pandas as pd

        file = self.path / "metrics.parquet"
        if not file.is_file():
            return pd.DataFrame(columns=["replication", "ds", "metric", "value", "unit"])
        frame = self.table("metrics", filters=[("period", "=", MONTH)])
        total = frame["dim1"].isna() if "dim1" in frame else frame["metric"].notna()
        frame = frame.loc[total, ["replication", "ds", "metric", "value", "unit"]]
        return frame.assign(ds=pd.to_datetime(frame["ds"]), metric=frame["metric"].astype(str))

    @cached_property
    def units(self) -> dict[str, str]:
        """Unit of every metric by month."""
        pairs = self.months.drop_duplicates("metric")
        return dict(zip(pairs["metric"], pairs["unit"].astype(str), strict=True))

    @cached_property
    def spells(self) -> pd.DataFrame:
        """Rows of the event log that begin or end being a customer, in order of time."""
        wanted = ["signed", "churned"]
        columns = ["replication", "account", "activity", "timestamp"]
        frame = self.table("events", columns, filters=[("activity", "in", wanted)])
        return frame.assign(activity=frame["activity"].astype(str))

    @cached_property
    def forecast(self) -> pd.DataFrame:
        """Forecasts, long."""
        return self.table("forecast")

    def figure(self, metric: str, period: str = HORIZON) -> dict[str, Any] | None:
        """Row of the summary for one metric and period, ``None`` if it is absent or nowhere defined."""
        return self._figures.get((metric, period))

    @cached_property
    def _figures(self) -> dict[tuple[str, str], dict[str, Any]]:
        rows = self.summary[self.summary["mean"].notna()].to_dict("records")
        return {(str(row["metric"]), str(row["period"])): row for row in rows}

    def warnings(self) -> list[str]:
        """What the run warned about, each once."""
        found = self.manifest.get("warnings") or []
        lines = [str(w.get("message", w)) if isinstance(w, dict) else str(w) for w in found]
        return list(dict.fromkeys(lines))

    def failures(self) -> list[dict[str, Any]]:
        """Replications that failed."""
        found = self.manifest.get("failures") or []
        return [f if isinstance(f, dict) else {"message": str(f)} for f in found]

    def overrides(self) -> list[str]:
        """What the user changed on the command line."""
        return [str(o) for o in self.manifest.get("overrides") or []]


def numeric(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """``frame`` with ``columns`` as floats; what is no number becomes NaN."""
    import pandas as pd

    return frame.assign(**{c: pd.to_numeric(frame[c], errors="coerce") for c in columns})
