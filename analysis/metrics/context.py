"""What metrics need to know beside the tables: the horizon, the funnel's milestones, a few conventions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from analysis.metrics.periods import Calendar

MILESTONES: dict[str, str] = {
    "lead": "registered",
    "qualified": "qualified",
    "opportunity": "opened",
    "conversion": "signed",
    "activation": "activated",
}
"""Which activity counts as which step of the funnel, unless the business says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """Of one study, the same for all its replications.

    Attributes
    ----------
    start : str
        First day of the horizon, ISO date.
    days : float
        Length of the horizon.
    fiscal_year_start : int, optional
        Month in which fiscal years begin; by default the first one of the horizon.
    accounts : int
        Companies that the vendor can reach.
    milestones : mapping
        lead, qualified, opportunity, conversion, activation to names of activities.
    north_star : str
        Metric that the business steers by.
    currency : str
        Unit of all money.
    opened : bool
        Whether the horizon opens with a state: rows may then be dated before its start.
    offered : tuple of str
        Products that are offered beside the main one: what nobody took is 0, not undefined.
    acquisition_desks : tuple of str, optional
        Desks whose payroll is a cost of winning customers. By default those that do most of their work on
        accounts that are not customers at the time.
    billable_desks : tuple of str, optional
        Desks whose hours are sold. By default, where hours are sold at all, those whose work is mostly for
        customers.
    discount_year : float
        Discount rate per year, for lifetime values.
    ltv_months : int
        Length of the observed lifetime value.
    reorder_months : int
        Time within which a first-time buyer counts as reordering.
    trial_days : int
        Time within which a trial counts as converted.
    on_time_days : int
        Time after the end of a term within which a renewal is on time.
    grace_days : int
        Time after the end of a term from which an undecided renewal counts as lost.
    """

    start: str
    days: float
    accounts: int
    milestones: Mapping[str, str] = field(default_factory=lambda: dict(MILESTONES))
    north_star: str = "active_customers"
    currency: str = "CNY"
    opened: bool = False
    offered: tuple[str, ...] = ()
    acquisition_desks: tuple[str, ...] | None = None
    billable_desks: tuple[str, ...] | None = None
    discount_year: float = 0.10
    ltv_months: int = 24
    reorder_months: int = 24
    trial_days: int = 90
    on_time_days: int = 30
    grace_days: int = 90
    fiscal_year_start: int | None = None

    @property
    def calendar(self) -> Calendar:
        """Months, quarters and fiscal years of the horizon."""
        return Calendar(self.start, self.days, self.fiscal_year_start)
