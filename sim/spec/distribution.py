"""Specifications of distributions: parameters only; drawing is in ``sim.distributions``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sim.spec.fields import FORBID_EXTRA, BySegment, number


@dataclass(frozen=True)
class Fixed:
    """Always ``value``."""

    __pydantic_config__ = FORBID_EXTRA
    kind: Literal["fixed"]
    value: BySegment = number("as the quantity", "the value itself")


@dataclass(frozen=True)
class Exponential:
    """Memoryless, with the given mean."""

    __pydantic_config__ = FORBID_EXTRA
    kind: Literal["exponential"]
    mean: BySegment = number("as the quantity", "mean", above=0)


@dataclass(frozen=True)
class Lognormal:
    """Logarithm normal: half the values lie below ``median``, ``sigma`` is the spread of the logarithm."""

    __pydantic_config__ = FORBID_EXTRA
    kind: Literal["lognormal"]
    median: BySegment = number("as the quantity", "median", above=0)
    sigma: BySegment = number("1", "standard deviation of the logarithm", low=0, high=5)


@dataclass(frozen=True)
class Weibull:
    """Ageing (shape > 1) or burn-in (shape < 1)."""

    __pydantic_config__ = FORBID_EXTRA
    kind: Literal["weibull"]
    scale: BySegment = number("as the quantity", "63.2 % of the values lie below", above=0)
    shape: BySegment = number("1", "shape", above=0)


@dataclass(frozen=True)
class Uniform:
    """Every value between ``low`` and ``high`` alike."""

    __pydantic_config__ = FORBID_EXTRA
    kind: Literal["uniform"]
    low: BySegment = number("as the quantity", "smallest value")
    high: BySegment = number("as the quantity", "largest value")


@dataclass(frozen=True)
class Triangular:
    """Rises from ``low`` to ``mode`` and falls to ``high``."""

    __pydantic_config__ = FORBID_EXTRA
    kind: Literal["triangular"]
    low: BySegment = number("as the quantity", "smallest value")
    mode: BySegment = number("as the quantity", "most likely value")
    high: BySegment = number("as the quantity", "largest value")


Distribution = Fixed | Exponential | Lognormal | Weibull | Uniform | Triangular
"""Any distribution; ``kind`` tells which."""

__all__ = ["Distribution", "Exponential", "Fixed", "Lognormal", "Triangular", "Uniform", "Weibull"]
