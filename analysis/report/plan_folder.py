"""What a run folder says of its plan: targets, coverage, capacity, risk, and the course of what was planned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.report.figures import bands
from analysis.report.folder import HORIZON, Folder, numeric

if TYPE_CHECKING:
    import pandas as pd

MEASURED = "measured"
"""Status of a target that the run has figures for."""

TEXTS = ("target", "metric", "dim", "level", "period", "kind", "ds", "sense", "unit", "status")
NUMBERS = (
    "value", "mean", "ci_low", "ci_high", "attainment", "attainment_low", "attainment_high", "variance",
    "variance_low", "variance_high", "hits", "chance", "chance_low", "chance_high", "replications", "n_defined",
)  # fmt: skip

SERIES = ["metric", "dim", "level", "kind"]
"""What the figures of one course have in common."""


def read_targets(folder: Folder, name: str = "targets", more: tuple[str, ...] = ()) -> pd.DataFrame:
    """Targets with what came of them, and further columns of text; empty without a plan."""
    frame = numeric(folder.csv(name, [*more, *TEXTS, *NUMBERS]), list(NUMBERS))
    return frame.assign(**{c: frame[c].fillna("") for c in (*more, *TEXTS)})


def read_coverage(folder: Folder) -> pd.DataFrame:
    """Pipeline coverage by target and month."""
    texts = ["target", "metric", "period", "month", "unit"]
    numbers = ["value", "pipeline", "missing", "coverage", "coverage_low", "coverage_high", "needed", "replications",
               "n_defined", "reached"]  # fmt: skip
    return numeric(folder.csv("coverage", [*texts, *numbers]), numbers)


def read_capacity(folder: Folder) -> pd.DataFrame:
    """Hours and heads by target and desk."""
    texts = ["target", "metric", "period", "desk"]
    numbers = ["value", "hours_needed", "hours_offered", "load", "heads", "required_heads", "hires"]
    return numeric(folder.csv("capacity", [*texts, *numbers]), numbers)


def read_risk(folder: Folder) -> pd.DataFrame:
    """Chance of cash below zero by month; the index is the last day of the month."""
    import pandas as pd

    numbers = ["chance", "chance_low", "chance_high", "ever", "ever_low", "ever_high", "replications"]
    frame = numeric(folder.csv("cash_risk", ["month", *numbers]), numbers)
    return frame.set_index(pd.PeriodIndex(frame["month"].astype(str), freq="M").to_timestamp(how="end").normalize())


@dataclass(frozen=True)
class Course:
    """What was planned of one metric for several periods of one kind.

    Attributes
    ----------
    metric, dim, level, kind, unit : str
    plan : pandas.Series
        The planned values by last day of the period.
    """

    metric: str
    dim: str
    level: str
    kind: str
    unit: str
    plan: pd.Series

    @property
    def id(self) -> str:
        """Name of a chart of it."""
        return "-".join(filter(None, ("plan", self.metric, self.level, self.kind)))


def courses(targets: pd.DataFrame, fewest: int = 2) -> Iterator[Course]:
    """Courses of at least so many periods, in the order of the plan."""
    import pandas as pd

    rows = targets[(targets["status"] == MEASURED) & (targets["kind"] != HORIZON)]
    for key, part in rows.groupby(SERIES, sort=False):
        plan = pd.Series(part["value"].to_numpy(float), pd.to_datetime(part["ds"]), name="plan").sort_index()
        plan = plan[~plan.index.duplicated()]
        if len(plan) >= fewest:
            metric, dim, level, kind = map(str, key)
            yield Course(metric, dim, level, kind, str(part["unit"].iloc[0]), plan)


def simulated(folder: Folder, course: Course) -> pd.DataFrame:
    """Bands of what was simulated over all periods of the kind of a course: low, median, high by last day."""
    import pandas as pd

    chosen: list[tuple[str, str, Any]] = [("period", "=", course.kind), ("metric", "=", course.metric)]
    rows = folder.table("metrics", ["replication", "ds", "dim1", "level1", "value"], chosen)
    for column, value in (("dim1", course.dim), ("level1", course.level)):
        rows = rows[rows[column].astype(str) == value] if value else rows[rows[column].isna()]
    rows = rows.assign(ds=pd.to_datetime(rows["ds"]).dt.normalize())
    return bands(rows) if rows["value"].notna().any() else pd.DataFrame(columns=["low", "median", "high"], dtype=float)
