"""What a study says beside its specification: how often, how it is run, what is made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from scenarios.studies.budget import LIMITS
from sim.spec.fields import FORBID_EXTRA, number
from sim.spec.policy import Change
from sim.spec.study import StudySpec

CONF = Path(__file__).resolve().parents[2] / "conf"
"""The shipped configuration."""

TableName = Literal[
    "accounts", "opportunities", "subscriptions", "events", "decisions", "monthly", "ledger", "staffing"
]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits of a run; a study predicted to be larger is refused before it begins."""

    __pydantic_config__ = FORBID_EXTRA
    events: float = number("events", "largest predicted number of events of a run", above=0)
    memory: float = number(
        "MiB", "largest predicted memory of all processes together", above=0, default=LIMITS["memory"]
    )
    runs: int = number("runs", "most replications of all plans together", low=1, default=LIMITS["runs"])


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Where replications run; it changes nothing in the result."""

    __pydantic_config__ = FORBID_EXTRA
    backend: Literal["local", "dask", "ray"]
    workers: int = number("processes", "replications simulated at the same time", low=1, high=1024)
    address: str | None = None
    timeout: float | None = number("seconds", "longest time of one replication", low=0.1, high=1e7, default=None)
    budget: Budget


@dataclass(frozen=True, kw_only=True)
class Report:
    """The report of a run. ``language`` names a catalogue of texts."""

    __pydantic_config__ = FORBID_EXTRA
    enabled: bool
    language: str


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names that the columns of a file of series have there."""

    __pydantic_config__ = FORBID_EXTRA
    unique_id: str = "unique_id"
    ds: str = "ds"
    y: str = "y"


@dataclass(frozen=True, kw_only=True)
class KnownChange:
    """A date that is known to change the series: for good, ever more, or for one date; up to ``until`` if given."""

    __pydantic_config__ = FORBID_EXTRA
    at: str
    shape: Literal["step", "ramp", "pulse"] = "step"
    until: str | None = None


@dataclass(frozen=True, kw_only=True)
class SeriesTarget:
    """Reach ``value`` of a series in any step up to a date, by default up to the last one."""

    __pydantic_config__ = FORBID_EXTRA
    series: str
    value: float = number("as the series", "value to reach")
    by: str | None = None
    sense: Literal["at_least", "at_most"] = "at_least"


@dataclass(frozen=True, kw_only=True)
class Truth:
    """How forecasts of a run are judged by the run itself."""

    __pydantic_config__ = FORBID_EXTRA
    train: list[int] = field(metadata={"unit": "months", "meaning": "lengths of the history", "low": 3, "high": 240})
    models: list[str] | None = None
    change: dict[str, Change] | None = None
    worlds: int = number("worlds", "drawn from the ranges of the inputs and simulated", low=0, high=10_000)


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Forecasts of series: of a run, of several, or of a file."""

    __pydantic_config__ = FORBID_EXTRA
    enabled: bool
    horizon: int = number("steps", "how far ahead", low=1, high=400)
    levels: list[int] = field(metadata={"unit": "per cent", "meaning": "levels of the intervals", "low": 1, "high": 99})
    replications: int = number("replications", "replications whose series are forecast", low=1, high=100_000)
    model: str
    models: list[str]
    origins: int = number("cutoffs", "rolling origins of the backtest", low=0, high=100)
    paths: int = number("paths", "sample paths of a series", low=100, high=100_000)
    frequency: str | None
    floor: float | None = number("as the series", "value that no series of a file can fall below")
    columns: Columns
    date_format: str | None
    encoding: str | None
    delimiter: str | None
    decimal: Literal[".", ","] | None
    hierarchy: list[str]
    reconcile: Literal["wls_struct", "bottom_up", "mint_shrink", "none"]
    changes: dict[str, KnownChange]
    regressors: str | None
    plan: bool = False
    targets: dict[str, SeriesTarget]
    structure: bool
    prior_decisions: float = number("decisions", "weight of all contracts for one group", low=1, high=100_000)
    prior_slope: float = number("1", "spread of how renewal depends on revenue", low=0.01, high=10, default=0.5)
    share_months: int = number("months", "past that tells the share of open deals", low=1, high=240, default=12)
    truth: Truth


@dataclass(frozen=True, kw_only=True)
class Precision:
    """Replicate until the interval of ``metric`` is this narrow."""

    __pydantic_config__ = FORBID_EXTRA
    metric: str
    relative: float = number("1", "half-width as a share of the mean", low=0, high=1, default=0.0)
    absolute: float = number("as the metric", "half-width", low=0, default=0.0)


@dataclass(frozen=True, kw_only=True)
class Target:
    """Reach ``value`` of a monthly metric in any month up to a date."""

    __pydantic_config__ = FORBID_EXTRA
    metric: str
    value: float = number("as the metric", "value to reach")
    by: str | None = None
    sense: Literal["at_least", "at_most"] = "at_least"


@dataclass(frozen=True, kw_only=True)
class Choose:
    """Choose the best of the plans by a metric over the horizon."""

    __pydantic_config__ = FORBID_EXTRA
    metric: str
    method: Literal["kn", "ocba"] = "kn"
    indifference: float = number("as the metric", "difference that does not matter", above=0)
    confidence: float = number("1", "chance of a right choice", low=0.5, high=0.9999, default=0.95)
    budget: int = number("replications", "most replications of all plans together", low=2, high=10**7, default=5000)
    fresh: int = number("replications", "with a fresh seed, of the chosen plan", low=2, high=100_000, default=50)
    largest: bool = True


@dataclass(frozen=True, kw_only=True)
class Compare:
    """How plans are compared."""

    __pydantic_config__ = FORBID_EXTRA
    metrics: list[str] | None = None
    level: float = number("1", "confidence of an interval, of all primary ones together", low=0.5, high=0.999)
    budget: int = number("replications", "most replications of a plan under a precision", low=2, high=100_000)
    drivers: bool = True
    players: int = number("groups of keys", "groups of changed keys told apart", low=1, high=12)
    flips: bool = True
    targets: dict[str, Target] = field(default_factory=dict)
    choose: Choose | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedFigure:
    """What the plan asks for: ``value`` of a metric in a period, of the whole business or of one part of it.

    Without ``at_least`` the metric decides: costs, losses and waits are to stay below the value, all else above.
    """

    __pydantic_config__ = FORBID_EXTRA
    metric: str
    period: str
    value: float = number("as the metric", "value that the plan asks for")
    at_least: bool | None = None
    segment: str | None = None
    channel: str | None = None
    product: str | None = None
    team: str | None = None
    owner: str | None = None
    desk: str | None = None


@dataclass(frozen=True, kw_only=True)
class PlanFile:
    """A plan or budget as a file: rows of metric, period, value, or a column for every period.

    ``columns`` maps our names to theirs; ``values`` maps names of metrics to the texts that mean them there.
    """

    __pydantic_config__ = FORBID_EXTRA
    path: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    encoding: str = "utf-8"
    delimiter: str = ","
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    currency: str = ""
    sheet: str | None = None
    load: float = number("1", "part of the working hours that a plan fills", above=0, high=1)


@dataclass(frozen=True, kw_only=True)
class Root(StudySpec):
    """Everything a configuration holds."""

    __pydantic_config__ = FORBID_EXTRA
    execution: Execution
    report: Report
    forecast: Forecast
    compare: Compare
    seed: int = number("1", "key of all random numbers", low=0, high=2**128 - 1)
    replications: int = number("replications", "independent repetitions", low=1, high=100_000)
    precision: Precision | None = None
    out: str | None = None
    progress: bool = True
    tables: list[TableName] | None = None
    targets: dict[str, PlannedFigure] = field(default_factory=dict)
    plan: PlanFile | None = None


NOT_IN_DIGEST = (
    "out", "replications", "precision", "execution", "progress", "report", "forecast", "compare", "tables", "targets",
    "plan",
)  # fmt: skip
"""Keys that change no table of a replication."""
