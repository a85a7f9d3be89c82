"""How a number in a specification says what it is: unit, admissible range and meaning travel with the field."""

from __future__ import annotations

from dataclasses import MISSING, field
from typing import Any

BySegment = float | dict[str, float]
"""One number for all segments, or a mapping from every segment to its number."""

FORBID_EXTRA = {"extra": "forbid"}
"""Value of ``__pydantic_config__``: a key that no field bears is an error, never a silent default."""


def number(
    unit: str,
    meaning: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    default: Any = MISSING,
) -> Any:
    """A dataclass field for a number.

    Parameters
    ----------
    unit : str
        Unit as shown to a reader, ``"1"`` for a pure number, ``"probability"`` for a chance.
    meaning : str
        One sentence, shown by ``tobsim levers``.
    low, high : float, optional
        Closed bounds, checked for every segment's value when a specification is built.
    above : float, optional
        Open lower bound.
    default : optional
        Default; without it the key is required.
    """
    metadata = {"unit": unit, "meaning": meaning, "low": low, "high": high, "above": above}
    return field(default=default, metadata=metadata)


def probability(meaning: str, *, default: Any = MISSING) -> Any:
    """A field for a probability in [0, 1]."""
    return number("probability", meaning, low=0.0, high=1.0, default=default)
