"""Stops of a route: what an account meets on its way, as data.

A route is a graph. Every stop may change the account's flags (``using``, ``paying``), may log an activity when
it is entered (``emits``), and leads on to ``then`` or, where it decides, to ``then`` or ``otherwise``. The
word ``end`` as a target closes the journey: the account leaves the market for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sim.spec.distribution import Distribution
from sim.spec.fields import FORBID_EXTRA, number

END = "end"
"""Reserved target: the journey is over."""


@dataclass(frozen=True, kw_only=True)
class Stop:
    """What all stops share.

    ``emits`` is logged on entry, ``emits_then`` and ``emits_otherwise`` on the way out; each names an activity
    of ``sim.events.Activity``. ``reason`` is the note written with ``emits_otherwise``.
    """

    __pydantic_config__ = FORBID_EXTRA
    then: str
    otherwise: str = END
    label: str = ""
    emits: str | None = None
    emits_then: str | None = None
    emits_otherwise: str | None = None
    reason: str = ""
    using: bool | None = None
    paying: bool | None = None


@dataclass(frozen=True, kw_only=True)
class DeskStop(Stop):
    """Work done by people of a desk: the account queues, is served first come first served, then may decide.

    A desk marked ``optional`` is skipped while it has no heads; a ``required`` one without heads holds the
    account in its queue.
    """

    kind: Literal["desk"]
    desks: dict[str, Literal["required", "optional"]]
    work_hours: Distribution
    decision: str | None = None


@dataclass(frozen=True, kw_only=True)
class WaitStop(Stop):
    """Time that passes without our people: the buyer's deliberation, a trial, a delivery, a reorder interval.

    With ``working`` the end moves to the next working hour, because companies act in work time.
    While ``enabled`` is false the stop is passed at once on the ``then`` side, without deciding.
    """

    kind: Literal["wait"]
    delay_days: Distribution
    decision: str | None = None
    working: bool = True
    enabled: bool = True


@dataclass(frozen=True, kw_only=True)
class GateStop(Stop):
    """A decision that takes no time. While ``enabled`` is false everyone leaves by ``otherwise``."""

    kind: Literal["gate"]
    decision: str
    enabled: bool = True


@dataclass(frozen=True, kw_only=True)
class SplitStop(Stop):
    """Different ways for different kinds of accounts: ``to`` maps values of ``by`` to stops, others go ``then``."""

    kind: Literal["split"]
    by: Literal["segment", "channel", "industry", "region"]
    to: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class CustomerStop(Stop):
    """Life as a customer.

    With ``term_months`` the customer stays until the term ends and goes ``then`` (to its renewal). Without,
    it stays until the monthly decision ``leave`` lets it go ``otherwise``.
    """

    kind: Literal["customer"]
    term_months: float | None = number("months", "length of a contract term", above=0, default=None)
    leave: str | None = None


@dataclass(frozen=True, kw_only=True)
class PoolStop(Stop):
    """The lost pool: kept warm, an account may come back after a cooling time, as a new journey.

    Returning is a decision made after each ``cooling_days``, at most ``tries`` times in a row; an account that
    has been a customer returns to ``win_back`` (default: ``then``).
    """

    kind: Literal["pool"]
    cooling_days: Distribution
    decision: str
    tries: int = number("times", "how often an account may come to the point of returning", low=0, high=1000)
    win_back: str = ""


StopSpec = DeskStop | WaitStop | GateStop | SplitStop | CustomerStop | PoolStop
"""Any stop; ``kind`` tells which."""
