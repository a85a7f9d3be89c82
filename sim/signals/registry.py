"""The registry of signals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from sim.world import World

Accounts = int | np.ndarray
Read = Callable[["World", Accounts], Any]
Through = Literal["own", "time", "others"]
"""By what a plan can move a signal of one account.

``own``: what the account is, what it is offered, and what it went through. ``time``: when it comes to the decision
and how long its way there took, which its own durations, its first contact and its waiting make. ``others``: what
accounts share, that is queues, peers and consumers, and which channel's budget reached it first.
"""


@dataclass(frozen=True)
class Signal:
    """A named observation with its range, unit and source, and by what a plan can move it."""

    name: str
    read: Read
    low: float
    high: float
    unit: str
    source: str
    static: bool
    meaning: str
    through: Through = "own"


SIGNALS: dict[str, Signal] = {}


def signal(
    low: float, high: float, unit: str, source: str, *, static: bool = False, through: Through = "own"
) -> Callable[[Read], Read]:
    """Register a function under its own name; its docstring is the meaning."""

    def register(read: Read) -> Read:
        name = read.__name__
        if name in SIGNALS:
            raise ValueError(f"signal {name!r} is registered twice")
        meaning = (read.__doc__ or "").strip()
        SIGNALS[name] = Signal(name, read, low, high, unit, source, static, meaning, through)
        return read

    return register
