"""The policy: what we decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sim.spec.fields import FORBID_EXTRA, BySegment, number

PRICES = {"unit": "money/unit", "meaning": "list price from this date on", "low": 0, "some": True}
"""Of a price list, which may name ``some`` segments and leave the others as they are."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """People who do one kind of work."""

    __pydantic_config__ = FORBID_EXTRA
    heads: int = number("people", "people at the desk", low=0)
    cost_year: float = number("money/head/year", "loaded cost of one head", low=0)
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Spend:
    """Marketing money on one channel: ``budget`` by month (2027-01: 30000), ``spend_month`` in months without one."""

    __pydantic_config__ = FORBID_EXTRA
    spend_month: float = number("money/month", "spend", low=0)
    budget: dict[str, float] = field(
        default_factory=dict, metadata={"unit": "money", "meaning": "spend of one calendar month", "low": 0}
    )


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """When our people and our customers work. ``holidays`` maps a name to an ISO date.

    ``make_up_days`` are worked although the week says otherwise, ``country`` and ``region`` say where both come from
    beside those that are named.
    """

    __pydantic_config__ = FORBID_EXTRA
    workdays: int = number("days/week", "working days from Monday on", low=1, high=7)
    open_hour: float = number("hour of day", "start of work", low=0, high=24)
    hours: float = number("hours/day", "hours of work in a day", above=0, high=24)
    holidays: dict[str, str] = field(default_factory=dict)
    make_up_days: dict[str, str] = field(default_factory=dict)
    country: str | None = None
    region: str | None = None


@dataclass(frozen=True, kw_only=True)
class Product:
    """Something sold, with its price, and with the prices that hold from later dates on in ``price_list``."""

    __pydantic_config__ = FORBID_EXTRA
    price: BySegment = number("money/unit", "list price", low=0)
    price_list: dict[str, BySegment] = field(default_factory=dict, metadata=PRICES)
    label: str = ""
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Finance:
    """Money that does not depend on customers."""

    __pydantic_config__ = FORBID_EXTRA
    opening_cash: float = number("money", "equity paid in at the start", low=0)
    fixed_month: float = number("money/month", "rent, management, research and development", low=0)
    commission: float = number("1", "share of the signed amount paid to the seller a month later", low=0, high=1)


@dataclass(frozen=True, kw_only=True)
class Change:
    """A dated change of one policy key: ``value`` from ``date`` (over ``ramp_days``) on, back at ``until``."""

    __pydantic_config__ = FORBID_EXTRA
    key: str
    date: str
    value: Any
    ramp_days: float = number("days", "time over which the value moves", low=0, default=0.0)
    until: str | None = None
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Hire:
    """People who join a desk ``lead_days`` after they were requested, on top of its ``heads``, up to ``leave``."""

    __pydantic_config__ = FORBID_EXTRA
    desk: str
    heads: int = number("people", "people hired", low=0, high=1000)
    requested: str
    lead_days: float = number("days", "from the request to the first day at work", low=0, high=3650, default=0.0)
    ramp_days: float = number("days", "from the first day to full speed", low=0, high=3650, default=0.0)
    start_speed: float = number("1", "speed on the first day, 1 for a settled person", above=0, high=1, default=1.0)
    leave: str | None = None
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Budgets:
    """A CSV file of budgets by channel and month; ``columns`` maps channel, month and amount to its headers."""

    __pydantic_config__ = FORBID_EXTRA
    path: str
    columns: dict[str, str] = field(default_factory=dict)
    month_format: str = "%Y-%m"
    encoding: str = "utf-8"


@dataclass(frozen=True, kw_only=True)
class PolicySpec:
    """Teams, channels, prices, terms. ``terms`` holds named settings that a business refers to by interpolation."""

    __pydantic_config__ = FORBID_EXTRA
    name: str
    desks: dict[str, Desk]
    channels: dict[str, Spend]
    calendar: Calendar
    products: dict[str, Product]
    finance: Finance
    conversion: dict[str, Any] = field(default_factory=dict)
    terms: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)
    hiring: dict[str, Hire] = field(default_factory=dict)
    budgets: Budgets | None = None
    label: str = ""
