"""Programmes: things with a life of their own, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sim.spec.fields import FORBID_EXTRA, number


@dataclass(frozen=True, kw_only=True)
class Consumers:
    """The consumer side of a two-sided business as one monthly stock.

    next = stock * (1 - churn) + (market - stock) * min(1, attraction * merchants + subsidy * response), where
    merchants are the accounts that are selling. ``subsidy_month`` is money; it is spent while it is set.
    """

    __pydantic_config__ = FORBID_EXTRA
    kind: Literal["consumers"]
    opening: float = number("people", "consumers at the start", low=0)
    market: float = number("people", "consumers that can be reached", above=0)
    churn: float = number("1/month", "share of consumers lost in a month", low=0, high=1)
    attraction: float = number("1/merchant/month", "share of the remaining market won by one merchant", low=0, high=1)
    response: float = number("1/money", "share of the remaining market won by one unit of subsidy", low=0)
    subsidy_month: float = number("money/month", "subsidy paid to consumers", low=0)


ProgrammeSpec = Consumers
"""Any programme; ``kind`` tells which."""
