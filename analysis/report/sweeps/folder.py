"""A folder of a sweep as its page reads it: every file is optional, and nothing is read twice."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from analysis.report.folder import Folder, numeric
from analysis.report.forecasts.folder import GUARD, texts

if TYPE_CHECKING:
    import pandas as pd

POINT = ("number", "point", "scenario", "status")
FIGURES = ("metric", "period", "unit", "mean", "ci_low", "ci_high", "sd", "replications", "n_defined")
"""Columns of the tables beside those of keys."""

INDEX = ("metric", "period", "scenario", "method", "key", "alias", "of", "note")
ESTIMATE = ("estimate", "low", "high")

ENDS = ("base_value", "low_value", "high_value")
EFFECTS = tuple(f"{name}{end}" for name in ("low_effect", "high_effect", "swing") for end in ("", "_low", "_high"))
"""Columns of a tornado: values of the key, effects with their intervals."""

RULE = ("scenario", "metric", "period", "key", "alias", "values", "rule", "note")
HOLDS = ("box", "low", "high", "coverage", "density", "mass", "points", "base", "p", "quasi_p")
"""Columns of rules: texts, numbers."""

ORIGIN = ("key", "alias", "kind", "label", "unit", "origin", "source", "meaning", "log", "low", "high", "base",
          "own_low", "own_high", "range_from")  # fmt: skip
"""Columns of the register of keys, all of them texts: a key may be a word."""

FAILED = ("number", "scenario", "replication", "type", "message", "command")


class Swept(Folder):
    """Read-only view of a folder of a sweep."""

    kind: ClassVar[str] = "sweep"

    @cached_property
    def points(self) -> pd.DataFrame:
        """A row for every point: number, scenario, keys, status."""
        found = self.table("points")
        return found.reindex(columns=[*found.columns, *(c for c in POINT if c not in found.columns)])

    @cached_property
    def means(self) -> pd.DataFrame:
        """Means with intervals of the points there are, by metric and period; those without any figure are left out."""
        wanted = ("number", "scenario", *FIGURES)
        found = self.table("table", list(wanted))
        found = found.reindex(columns=[*found.columns, *(c for c in wanted if c not in found.columns)])
        known = found["metric"].notna() & found["number"].isin(self.points["number"])
        return texts(found[known], ("scenario", "metric", "period", "unit"))

    def values(self, metric: str, period: str) -> pd.DataFrame:
        """A metric by point (rows) and replication (columns); NaN where it is undefined."""
        import pandas as pd

        filters = [("metric", "=", metric), ("period", "=", period)]
        found = self.table("results", ["number", "replication", "value"], filters)
        if found.empty:
            return pd.DataFrame(dtype=float)
        return found.pivot_table(index="number", columns="replication", values="value", dropna=False)

    @cached_property
    def sensitivity(self) -> pd.DataFrame:
        """Indices, one a row: of which metric, period, scenario and key, which one, its interval."""
        return self._csv("sensitivity", INDEX, ESTIMATE)

    @cached_property
    def tornado(self) -> pd.DataFrame:
        """Effects of every key alone at both its ends."""
        return self._csv("tornado", (*INDEX[:3], "key", "alias", "note"), ("base", *EFFECTS), ENDS)

    @cached_property
    def discovery(self) -> pd.DataFrame:
        """Limits of the boxes in which failures gather; box 0 is the whole space."""
        return self._csv("discovery", RULE, HOLDS)

    @cached_property
    def origins(self) -> dict[str, dict[str, str]]:
        """By key: what it is and where its range comes from."""
        return {row["key"]: row for row in self._csv("keys", ORIGIN).to_dict("records")}

    @cached_property
    def failed(self) -> pd.DataFrame:
        """Replications that failed, with the command that repeats each."""
        return self._csv("failures", FAILED)

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked of every point."""
        return _mapping(self.manifest.get("settings"))

    @property
    def experiment(self) -> dict[str, Any]:
        """The experiment as its file and the command line had it."""
        return _mapping(self.settings.get("experiment"))

    @cached_property
    def columns(self) -> list[str]:
        """Keys that points set, in their order."""
        told = self.manifest.get("keys")
        names = list(told) if isinstance(told, dict) else [c for c in self.points if "." in str(c)]
        return [name for name in names if name in self.points]

    @cached_property
    def free(self) -> list[str]:
        """Keys that vary by themselves: those linked to others are left out."""
        linked = {key for key, given in _mapping(self.experiment.get("keys")).items() if "equals" in _mapping(given)}
        return [key for key in self.columns if key not in linked and self.points[key].nunique() > 1]

    def _csv(
        self, name: str, words: tuple[str, ...], numbers: tuple[str, ...] = (), either: tuple[str, ...] = ()
    ) -> pd.DataFrame:  # fmt: skip
        """A file with texts, numbers, and columns that hold either as text."""
        found = texts(numeric(self.csv(name, [*words, *numbers, *either]), list(numbers)), (*words, *either))
        return found.assign(**{c: found[c].str.replace(GUARD, "", regex=True) for c in words})


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
