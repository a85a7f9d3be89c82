"""What a business is: its route, its decisions, its ways of earning, its programmes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sim.spec.fields import FORBID_EXTRA, BySegment, number, probability
from sim.spec.programmes import ProgrammeSpec
from sim.spec.revenue import RevenueSpec
from sim.spec.stops import StopSpec

Occurrence = Literal["once", "attempt", "period", "threshold", "carried"]
"""What makes two draws of one decision different: see ``sim.streams``."""


@dataclass(frozen=True, kw_only=True)
class DecisionSpec:
    """A yes-or-no decision: base probability of the average account, and how much accounts differ for good."""

    __pydantic_config__ = FORBID_EXTRA
    base: BySegment = probability("chance of yes for the average account without any effect")
    frailty: float = number("logit", "sd between accounts, lasting over all attempts", low=0, high=5, default=0.0)
    occurrence: Occurrence = "attempt"


@dataclass(frozen=True, kw_only=True)
class Milestones:
    """Which activity counts as which step of the funnel."""

    __pydantic_config__ = FORBID_EXTRA
    lead: str
    qualified: str
    opportunity: str
    conversion: str
    activation: str


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Monthly use of what was sold, between 0 and 1, for every account whose ``using`` flag is set.

    ``use`` next month = use + ``pull`` * (level - use) + noise, where an account's level is ``mean`` shifted
    by its own lasting spread.
    """

    __pydantic_config__ = FORBID_EXTRA
    start: float = number("1", "use in the first month", low=0, high=1)
    mean: BySegment = number("1", "level that use settles at", low=0, high=1)
    spread: float = number("1", "sd of the level between accounts", low=0, high=1)
    pull: float = number("1/month", "share of the distance to the level closed in a month", low=0, high=1)
    noise: float = number("1", "sd of a month's change", low=0, high=1)
    drop: float = number("1", "fall within a month that is logged as used_less", low=0, high=1)


@dataclass(frozen=True, kw_only=True)
class BusinessSpec:
    """A business as a composition. ``route`` starts at ``start``; ids are keys of mappings throughout."""

    __pydantic_config__ = FORBID_EXTRA
    name: str
    start: str
    route: dict[str, StopSpec]
    milestones: Milestones
    decisions: dict[str, DecisionSpec]
    revenue: dict[str, RevenueSpec]
    usage: Usage
    label: str = ""
    currency: str = "CNY"
    north_star: str = "active_customers"
    programmes: dict[str, ProgrammeSpec] = field(default_factory=dict)
