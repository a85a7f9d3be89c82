"""A comparison folder as its page reads it: every file is optional, and nothing is read twice."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from analysis.report.folder import Folder, numeric
from analysis.report.plan_folder import read_targets

if TYPE_CHECKING:
    import pandas as pd

NUMBERS = (
    "mean",
    "difference",
    "ci_low",
    "ci_high",
    "ci_level",
    "p_holm",
    "correlation",
    "variance_ratio",
    "n_touched",
    "replications",
    "base",
    "p",
)
TEXTS = ("business", "scenario", "metric", "period", "interval_method", "family", "unit", "note")
PRIMARY, EXPLORATORY = "primary", "exploratory"


class Comparison(Folder):
    """Read-only view of a comparison folder."""

    kind: ClassVar[str] = "comparison"

    @cached_property
    def differences(self) -> pd.DataFrame:
        """One row per business, scenario, metric and period; numbers as floats."""
        found = self.table("table")
        return numeric(found.reindex(columns=[*TEXTS, *NUMBERS]), list(NUMBERS))

    @cached_property
    def drivers(self) -> pd.DataFrame:
        """Bridges by replication and segment."""
        columns = ["business", "scenario", "bridge", "metric", "driver", "segment", "replication", "value", "unit"]
        return numeric(self.table("drivers").reindex(columns=columns), ["value"])

    @cached_property
    def driver_means(self) -> pd.DataFrame:
        """Bridges as means over replications with their intervals."""
        numbers = ["mean", "ci_low", "ci_high", "replications", "alone", "last_in", "interaction"]
        texts = ["business", "scenario", "bridge", "metric", "driver", "unit"]
        return numeric(self.csv("drivers", texts + numbers), numbers)

    @cached_property
    def flips(self) -> pd.DataFrame:
        """Accounts that end differently, one row per replication and account."""
        texts = [
            "business",
            "scenario",
            "replication",
            "account",
            "external_id",
            "segment",
            "before",
            "after",
            "decision",
            "how",
            "kind",
            "term",
        ]
        numbers = ["change", "time_base", "time_plan", "p_base", "p_plan", "uniform", "term_base", "term_plan", "value"]
        frame = numeric(self.table("flips").reindex(columns=texts + numbers), numbers)
        return frame.assign(**{t: frame[t].astype(object).where(frame[t].notna(), None) for t in texts})

    @cached_property
    def changes(self) -> pd.DataFrame:
        """Keys of the configuration that differ from the base, as text."""
        columns = ["business", "scenario", "key", "base", "value", "unit", "meaning", "player"]
        return self.csv("config", columns).astype(object).where(lambda f: f.notna(), "").astype(str)

    @cached_property
    def targets(self) -> pd.DataFrame:
        """Shares of replications in which a plan reaches a target."""
        numbers = ["value", "share", "low", "high", "difference", "p", "replications"]
        return numeric(self.csv("targets", ["business", "scenario", "target", "metric", "by", *numbers]), numbers)

    @cached_property
    def planned(self) -> pd.DataFrame:
        """Figures of a plan or budget under every scenario."""
        return read_targets(self, "planned", ("business", "scenario"))

    @cached_property
    def interactions(self) -> pd.DataFrame:
        """What plans of several changes do beside the sum of what each of these does alone."""
        numbers = ["apart", "together", "interaction", "ci_low", "ci_high", "ci_level", "p", "replications"]
        texts = ["business", "scenario", "parts", "metric", "period", "unit"]
        return numeric(self.csv("interaction", texts + numbers), numbers)

    @cached_property
    def choice(self) -> pd.DataFrame:
        """The choice of the best plan."""
        numbers = [
            "replications",
            "mean",
            "eliminated_at",
            "fresh_mean",
            "fresh_low",
            "fresh_high",
            "fresh_replications",
        ]
        texts = ["business", "metric", "method", "guarantee", "scenario", "selected"]
        frame = numeric(self.csv("choice", texts + numbers), numbers)
        return frame.assign(selected=frame["selected"].astype(str).str.lower().isin(["true", "1", "yes"]))

    @cached_property
    def businesses(self) -> dict[str, list[str]]:
        """Scenarios of every business, the base first."""
        told = self.manifest.get("businesses") or {}
        if told:
            return {str(b): [str(s) for s in (entry.get("scenarios") or [])] for b, entry in told.items()}
        pairs = self.differences.drop_duplicates(["business", "scenario"])
        return {str(b): [str(s) for s in rows["scenario"]] for b, rows in pairs.groupby("business", sort=False)}

    def labels_of(self, business: str) -> dict[str, str]:
        """Labels of the scenarios of a business, where they have one; of several at once, those of its parts."""
        entry = (self.manifest.get("businesses") or {}).get(business) or {}
        told = {str(n): str(label) for n, label in (entry.get("labels") or {}).items() if label}
        for plan, parts in (entry.get("stacks") or {}).items():
            told.setdefault(str(plan), " + ".join(told.get(part) or part.replace("_", " ") for part in parts))
        return told

    def replications_of(self, business: str) -> int:
        """Pairs of replications that were compared."""
        told: Any = self.manifest.get("replications") or 0
        return int(told.get(business, 0)) if isinstance(told, dict) else int(told)

    def plan(self, business: str, scenario: str) -> Plan:
        """The run of one scenario."""
        rows = self.differences[self.differences["business"].astype(str) == business]
        own = rows[rows["scenario"].astype(str) == scenario]
        if own.empty:
            own = rows.drop_duplicates(["metric", "period"]).assign(mean=lambda f: f["base"])
        plain = own.assign(ci_low=float("nan"), ci_high=float("nan"), sd=float("nan"), n_defined=own["replications"])
        return Plan(self.path / business / scenario, plain)


class Plan(Folder):
    """The run folder of one scenario, with the means of the comparison as its summary.

    Parameters
    ----------
    path : Path
        Run folder; it may be missing.
    means : pandas.DataFrame
        metric, period, unit and mean, as a summary has them.
    """

    def __init__(self, path: Path, means: pd.DataFrame) -> None:
        self.path = Path(path)
        self.summary = means
