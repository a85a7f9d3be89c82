"""The registry of signals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Accounts = int | np.ndarray
Read = Callable[..., Any]
Through = Literal["own", "time", "others"]
"""By what a plan can move a signal of one account.

``own``: what the account is, what it is offered, and what it went through. ``time``: when it comes to the decision
and how long its way there took, which its own durations, its first contact and its waiting make. ``others``: what
accounts share, that is queues, peers and consumers, and which channel's budget reached it first.
"""


@dataclass(frozen=True)
class Signal:
    """A named observation with its range, unit and source, and by what a plan can move it.

    One that is ``about`` something takes the name of the decision, duration or rate that sees it, as ``about``.
    """

    name: str
    read: Read
    low: float
    high: float
    unit: str
    source: str
    static: bool
    meaning: str
    through: Through = "own"
    about: bool = False


SIGNALS: dict[str, Signal] = {}


def signal(
    low: float,
    high: float,
    unit: str,
    source: str,
    *,
    static: bool = False,
    through: Through = "own",
    about: bool = False,
) -> Callable[[Read], Read]:
    """Register a function under its own name; its docstring is the meaning."""

    def register(read: Read) -> Read:
        name = read.__name__
        if name in SIGNALS:
            raise ValueError(f"signal {name!r} is registered twice")
        meaning = (read.__doc__ or "").strip()
        SIGNALS[name] = Signal(name, read, low, high, unit, source, static, meaning, through, about)
        return read

    return register
