"""A study: one business in one market under one policy, over one horizon. Frozen; nothing writes back into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.spec.business import BusinessSpec
from sim.spec.fields import FORBID_EXTRA, number
from sim.spec.market import MarketSpec
from sim.spec.opening import Opening, Past
from sim.spec.policy import PolicySpec

if TYPE_CHECKING:
    from sim.spec.contacts import Contacts


@dataclass(frozen=True, kw_only=True)
class Effect:
    """How strongly one signal moves one decision, duration or rate.

    ``strength`` is in logit (decisions) or natural logarithm (durations, rates) per unit of the signal.
    """

    __pydantic_config__ = FORBID_EXTRA
    strength: float = number("logit or log per unit of the signal", "how strongly the signal moves it")
    range: list[float]
    evidence: list[str]
    signal: str = ""


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """From when and for how long; quarters and fiscal years are counted from the first month unless one is set."""

    __pydantic_config__ = FORBID_EXTRA
    start: str
    days: float = number("days", "length of the simulated time", above=0, high=36525)
    fiscal_year_start: int | None = number("month", "month in which fiscal years begin", low=1, high=12, default=None)


@dataclass(frozen=True, kw_only=True)
class StudySpec:
    """What one simulation needs to know; seed and replication come beside it.

    ``effects`` maps the name of a decision, duration or rate to its signals.
    """

    __pydantic_config__ = FORBID_EXTRA
    business: BusinessSpec
    market: MarketSpec
    policy: PolicySpec
    effects: dict[str, dict[str, Effect]]
    horizon: Horizon


@dataclass(frozen=True, kw_only=True)
class Dated:
    """A specification that holds from ``day`` on."""

    day: float
    spec: StudySpec


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What ``simulate`` takes: the specification at the start, later ones, contacts read from a file, and the state at
    the start (None: empty)."""

    spec: StudySpec
    later: tuple[Dated, ...] = ()
    contacts: Contacts | None = field(default=None)
    opening: Opening | Past | None = field(default=None)
