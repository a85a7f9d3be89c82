"""The market: what is outside our control."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from sim.spec.distribution import Distribution
from sim.spec.fields import FORBID_EXTRA, BySegment, number, probability
from sim.spec.opening_source import OpeningSource


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A size class of companies."""

    __pydantic_config__ = FORBID_EXTRA
    share: float = probability("share of the addressable accounts")
    employees: Distribution
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Group:
    """An industry or a region."""

    __pydantic_config__ = FORBID_EXTRA
    share: float = probability("share of the accounts")
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Channel:
    """How a channel reaches accounts when ``reference_spend`` per account and month is spent on it.

    Intensity of first contact = rate_month * (spend / reference)^elasticity * season * weekday * noise
    + word_of_mouth * (active customers / accounts).
    """

    __pydantic_config__ = FORBID_EXTRA
    rate_month: BySegment = number("1/month", "share of the accounts reached in a month", low=0, high=10)
    reference_spend: float = number("money/account/month", "spend at which rate_month holds", low=0, default=0.0)
    elasticity: float = number("1", "per cent more contacts for one per cent more spend", low=0, high=2, default=0.0)
    word_of_mouth: float = number("1/month", "contacts per month if all accounts were customers", low=0, default=0.0)
    quality: float = number("logit", "how much better its leads decide", low=-10, high=10, default=0.0)
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """First contacts come from exposure to channels."""

    __pydantic_config__ = FORBID_EXTRA
    kind: Literal["exposure"]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """First contacts come from a file: one account per row, with its own id, date and channel."""

    __pydantic_config__ = FORBID_EXTRA
    kind: Literal["trace"]
    path: str
    columns: dict[Literal["external_id", "date", "channel", "segment"], str]
    date_format: str = "%Y-%m-%d"
    encoding: str = "utf-8"
    blank_channel: str = "unknown"


FirstContacts = Exposure | Trace


@dataclass(frozen=True, kw_only=True)
class Payment:
    """How the customers of this market pay."""

    __pydantic_config__ = FORBID_EXTRA
    delay_days: Distribution
    bad_debt: BySegment = probability("chance that an invoice is never paid")
    write_off_days: float = number("days", "age at which an unpaid invoice is written off", low=0)
    due_days: float | None = number("days", "agreed payment term; null: none is tracked", low=0, default=None)


@dataclass(frozen=True, kw_only=True)
class MarketSpec:
    """Companies that this vendor can reach, and how they come, buy and pay.

    ``season`` (12 months, jan..dec) multiplies exposure, ``buying`` is seen by decisions as its logarithm;
    ``weekday`` (mon..sun) multiplies exposure. ``noise`` is the sd of the logarithm of a weekly factor common
    to all accounts. ``figures`` are named numbers that a business refers to by interpolation (buyers' own
    durations, for example). ``opening`` says where the state at the start is read from; null:
    a study starts from empty.
    """

    __pydantic_config__ = FORBID_EXTRA
    name: str
    accounts: int = number("accounts", "addressable companies of the study", low=1)
    segments: dict[str, Segment]
    industries: dict[str, Group]
    regions: dict[str, Group]
    channels: dict[str, Channel]
    first_contacts: FirstContacts
    payment: Payment
    season: dict[str, float] = number("1", "factor on exposure by month", low=0)
    buying: dict[str, float] = number("1", "factor on buying by month", above=0)
    weekday: dict[str, float] = number("1", "factor on exposure by weekday", low=0)
    noise: float = number("1", "sd of the logarithm of a week's exposure", low=0, high=3)
    reference_price: dict[str, BySegment] = number("money/unit", "price buyers compare with, by product", above=0)
    label: str = ""
    opening: OpeningSource | None = None
    figures: dict[str, Any] = field(default_factory=dict)
