"""The registry of signals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sim.world import World

Accounts = int | np.ndarray
Read = Callable[["World", Accounts], Any]


@dataclass(frozen=True)
class Signal:
    """A named observation with its range, unit and source."""

    name: str
    read: Read
    low: float
    high: float
    unit: str
    source: str
    static: bool
    meaning: str


SIGNALS: dict[str, Signal] = {}


def signal(low: float, high: float, unit: str, source: str, static: bool = False) -> Callable[[Read], Read]:
    """Register a function under its own name; its docstring is the meaning."""

    def register(read: Read) -> Read:
        name = read.__name__
        if name in SIGNALS:
            raise ValueError(f"signal {name!r} is registered twice")
        meaning = (read.__doc__ or "").strip()
        SIGNALS[name] = Signal(name, read, low, high, unit, source, static, meaning)
        return read

    return register
