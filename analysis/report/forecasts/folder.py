"""A folder of forecasts as its page reads it: most files are optional, and nothing is read twice."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from analysis.report.folder import Folder, numeric

if TYPE_CHECKING:
    import pandas as pd

TRUTH = ("coverage", "skill", "history", "best", "blind", "effect", "split", "failures", "notes")
"""Tables of a judgement by a known truth; each is ``truth_NAME.csv``."""

GUARD = r"^'(?=[=+\-@\t\r])"
"""Sign that keeps spreadsheets from taking a text for a formula; it stands in CSV files alone."""

ALL = "all"
"""Step of rows that take all steps together."""


class Forecasts(Folder):
    """Read-only view of a folder of forecasts."""

    kind: ClassVar[str] = "forecast"

    @cached_property
    def forecast(self) -> pd.DataFrame:
        """Forecasts by series and date: unique_id, ds, model, mean, bounds by level, cutoff, note."""
        import pandas as pd

        found = self.table("forecast")
        found = found.reindex(columns=[*found.columns, *(c for c in COLUMNS if c not in found.columns)])
        dates = {c: pd.to_datetime(found[c]) for c in ("ds", "cutoff")}
        return texts(found.assign(**dates), ("unique_id", "model", "note"))

    @cached_property
    def ahead(self) -> dict[str, pd.DataFrame]:
        """Forecasts of every series by date, in the order of the table; of several models the first."""
        found = {str(n): rows for n, rows in self.forecast.groupby("unique_id", sort=False)}
        first = {n: rows[rows["model"] == rows["model"].iloc[0]] for n, rows in found.items()}
        return {n: rows.sort_values("ds").set_index("ds") for n, rows in first.items()}

    @cached_property
    def levels(self) -> list[int]:
        """Coverage of the intervals in per cent, ascending."""
        return sorted(int(c[3:]) for c in self.forecast.columns if re.fullmatch(r"lo-\d+", c))

    @cached_property
    def past(self) -> dict[str, pd.Series]:
        """What was forecast, up to the cutoff, by series."""
        import pandas as pd

        found = self.table("series", ["unique_id", "ds", "y"])
        found = found.assign(ds=pd.to_datetime(found["ds"]), unique_id=found["unique_id"].astype(str))
        return {str(n): rows.set_index("ds")["y"].sort_index() for n, rows in found.groupby("unique_id", sort=False)}

    @cached_property
    def backtest(self) -> pd.DataFrame:
        """Scores by series, origin and model."""
        found = self.table("backtest")
        return texts(found.reindex(columns=[*found.columns, *(c for c in SCORED if c not in found.columns)]), SCORED)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Scores by model and measure with their intervals; made from the backtest where the file is absent."""
        if not (self.path / "summary.csv").is_file() and len(self.backtest):
            from analysis.evaluate.backtest import summary

            return summary(self.backtest)
        return self._csv("summary", ("model", "measure"), BOUNDS)

    @cached_property
    def calibration(self) -> pd.DataFrame:
        """Share of the outcomes inside the intervals by model, step and level (in per cent)."""
        return self._csv("calibration", ("model", "step"), ("level", "covered", "low", "high", "n"))

    @cached_property
    def targets(self) -> pd.DataFrame:
        """Probabilities that series reach a value by a date."""
        return self._csv("targets", ("target", "unique_id", "by", "sense"), ("value", *CHANCES, "paths", *CHANCES_AT))

    @cached_property
    def missing(self) -> pd.DataFrame:
        """Series that could not be forecast."""
        return self._csv("failures", ("unique_id", "model", "reason"))

    @cached_property
    def rejects(self) -> pd.DataFrame:
        """Rows of the source that were put aside."""
        return self._csv("rejects", ("line", "reason", "text"))

    @cached_property
    def choice(self) -> pd.DataFrame:
        """Which model was chosen for which series, and by what."""
        return self._csv("choice", ("unique_id", "model", "by"))

    @cached_property
    def hierarchy(self) -> pd.DataFrame:
        """Level and parent of every series that is part of a sum; the parent of a total is empty."""
        return self._csv("hierarchy", ("unique_id", "level", "parent"))

    def truth(self, name: str) -> pd.DataFrame:
        """One of the tables ``TRUTH``; numbers as floats, empty where the file is absent."""
        return self._truth[name]

    @cached_property
    def _truth(self) -> dict[str, pd.DataFrame]:
        tables = {name: self._csv(f"truth_{name}", *TRUTH_COLUMNS[name]) for name in TRUTH}
        order = {metric: place for place, metric in enumerate(dict.fromkeys(tables["coverage"]["metric"]))}
        return {name: _in_order(table, order) for name, table in tables.items()}

    @cached_property
    def judged(self) -> bool:
        """Whether forecasts were judged by a known truth."""
        return any(len(table) for table in self._truth.values())

    @property
    def source(self) -> dict[str, Any]:
        """What was forecast: kind, path, rows, series."""
        found = self.manifest.get("source")
        return dict(found) if isinstance(found, dict) else {}

    @property
    def paths(self) -> list[str]:
        """Run folders, or the file, that were forecast."""
        found = self.source.get("paths") or [self.source.get("path")]
        return [str(path) for path in found if path]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the forecast."""
        found = self.manifest.get("settings")
        return dict(found) if isinstance(found, dict) else {}

    def _csv(self, name: str, words: tuple[str, ...], numbers: tuple[str, ...] = ()) -> pd.DataFrame:
        found = texts(numeric(self.csv(name, [*words, *numbers]), list(numbers)), words)
        return found.assign(**{c: found[c].str.replace(GUARD, "", regex=True) for c in words})


COLUMNS = ("unique_id", "ds", "model", "mean", "cutoff", "note")
SCORED = ("unique_id", "model", "note")
CHANCES = ("probability", "low", "high")
CHANCES_AT = ("at", "at_low", "at_high")
"""The probability of being there on the date itself."""

BOUNDS = ("mean", "low", "high", "ratio", "ratio_low", "ratio_high", "clusters", "rows")
EFFECT = ("effect", "effect_low", "effect_high")
"""What a change really does, with its interval."""

RECOVERED = ("recovered", "recovered_low", "recovered_high")
"""The share of it that knowing the date gives back, with its interval."""

VARIANCES = ("demand", "parameters", "model")
VARIANCE_BOUNDS = tuple(f"{part}_share_{end}" for part in VARIANCES for end in ("low", "high"))
"""Where uncertainty comes from: columns of variances, and of the intervals of their shares."""

TRUTH_COLUMNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "coverage": (("metric", "model", "verdict"), ("level", "covered", "low", "high", "replications")),
    "skill": (("metric", "model", "step"), ("wis", "naive_wis", "skill", "low", "high")),
    "history": (("metric", "model"), ("train", "skill", "low", "high")),
    "best": (("metric", "model", "best", "alike"), ("ratio", "difference", "low", "high")),
    "blind": (
        ("metric", "part", "reason"),
        ("covered80", "covered95", "bias", "low", "high", *EFFECT, *RECOVERED, "replications", "failed"),
    ),
    "effect": (("metric",), ("step", "effect", "low", "high")),
    "split": (("metric",), ("step", "worlds", *VARIANCES, *VARIANCE_BOUNDS)),
    "failures": (("unique_id", "model", "reason"), ("replication",)),
    "notes": (("part", "note"), ()),
}
"""Columns of the tables of a judgement: texts, then numbers."""


def texts(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """``frame`` with ``columns`` as text, empty where they are null."""
    return frame.assign(**{c: frame[c].astype(object).where(frame[c].notna(), "").astype(str) for c in columns})


def _in_order(table: pd.DataFrame, order: dict[str, int]) -> pd.DataFrame:
    """A table with its metrics in a given order, and rows of one metric as they stand."""
    if "metric" not in table or not order:
        return table
    return table.sort_values("metric", key=lambda names: names.map(order).fillna(len(order)), kind="stable")
