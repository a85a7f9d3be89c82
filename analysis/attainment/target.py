"""A target: a metric, a period, a value, and who has to reach it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from analysis.attainment.period import Period, ends
from analysis.forecast.targets import AT_LEAST, AT_MOST
from analysis.metrics import REGISTRY
from analysis.metrics.deals import OWNER, TEAM
from analysis.metrics.periods import Calendar
from analysis.metrics.view import CHANNEL, DESK, PRODUCT, SEGMENT

DIMS: tuple[str, ...] = (SEGMENT, CHANNEL, PRODUCT, TEAM, OWNER, DESK)
"""What a target may be broken down by."""

QUOTAS: tuple[str, ...] = ("signed_amount", "deals_signed")
"""Metrics that are measured by the person and the team that signed."""

BY_DESK: tuple[str, ...] = ("utilisation", "wait_days", "heads", "capacity_hours", "busy_hours", "acquisition_hours")
"""Metrics that are measured by desk, and by nothing else."""

LESS: frozenset[str] = frozenset({
    "acquisition_cost", "cac", "cac_payback_months", "cost_of_sales", "payroll_cost", "marketing_cost",
    "commission_cost", "subsidy_cost", "fixed_cost", "bad_debt_cost", "reorder_interval_days", "cash_paid",
    "receivable", "dso_days", "payment_days", "bad_debt_share", "lost", "churned_customers", "logo_churn_month",
    "logo_churn",
    "contraction_mrr", "churned_mrr", "wait_days", "cycle_days", "cycle_days_closed", "break_even_month",
    "top10_share", "top10_customers_share", "pool_size",
})  # fmt: skip
"""Metrics of which a plan wants to stay below its figure, unless it says otherwise."""

MEASURED, UNKNOWN, OUTSIDE, NO_PERIOD, NO_LEVEL, UNDEFINED = (
    "measured", "not in the model", "outside the horizon", "not measured for this kind of period",
    "not measured for this part", "undefined in every replication",
)  # fmt: skip
"""What became of a target."""


@dataclass(frozen=True)
class Target:
    """A figure that a plan asks for.

    Attributes
    ----------
    name : str
        What the plan calls it.
    metric : str
        As in the register of metrics; a name that is none is listed, not measured.
    period : Period
    value : float
        In the unit of the metric.
    sense : str
        ``AT_LEAST`` or ``AT_MOST``.
    dim, level : str
        One of ``DIMS`` and the part it is for; empty for the whole.
    """

    name: str
    metric: str
    period: Period
    value: float
    sense: str = AT_LEAST
    dim: str = ""
    level: str = ""

    def reached(self, value: float) -> bool:
        """Whether a value reaches the target; an undefined one does not."""
        return value >= self.value if self.sense == AT_LEAST else value <= self.value


def sense_of(metric: str, at_least: bool | None) -> str:
    """Which way a target counts: as it says, or as is usual for the metric."""
    if at_least is None:
        return AT_MOST if metric in LESS or metric.startswith("days_") else AT_LEAST
    return AT_LEAST if at_least else AT_MOST


def standing(target: Target, calendar: Calendar) -> str:
    """What can be said of a target before anything is measured: ``MEASURED``, or why it will not be."""
    if target.metric not in REGISTRY:
        return UNKNOWN
    if target.period.kind not in REGISTRY[target.metric].periods:
        return NO_PERIOD
    if target.period.end not in ends(calendar, target.period.kind):
        return OUTSIDE
    return NO_LEVEL if not has_dim(target.metric, target.dim) else MEASURED


def has_dim(metric: str, dim: str) -> bool:
    """Whether a metric may be measured by a dimension, as far as the register can tell."""
    if dim in (OWNER, TEAM):
        return metric in QUOTAS
    if dim == DESK or metric in BY_DESK:
        return not dim or (dim == DESK and metric in BY_DESK)
    return True


def near(name: str) -> str:
    """The metric whose name is nearest, or nothing."""
    close = difflib.get_close_matches("_".join(name.casefold().split()), sorted(REGISTRY), n=1)
    return close[0] if close else ""
