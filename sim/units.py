"""Units of the model: the day as unit of time, the cent as unit of money, the hour as unit of work."""

from __future__ import annotations

import numpy as np

MINOR = 100
"""Minor units (cents) in one major unit of money."""

GRID = 2.0**-20
"""Times are multiples of this part of a day (about .08 s), so that sums of them are exact in floating point."""

DAYS_PER_MONTH = 365.25 / 12
"""Mean length of a month in days."""

MICROSECONDS_PER_DAY = 86_400_000_000

_PIECE = 1 << 16
"""Times worked on together, so that what is in between needs little memory."""


def snap(days: float | np.ndarray) -> float | np.ndarray:
    """Round a time or duration in days to the time grid; never decreasing."""
    return np.rint(np.asarray(days) / GRID) * GRID if isinstance(days, np.ndarray) else round(days / GRID) * GRID


def to_minor(amount: float | np.ndarray) -> int | np.ndarray:
    """Major units of money to integer minor units, half to even."""
    if isinstance(amount, np.ndarray):
        return np.rint(amount * MINOR).astype(np.int64)
    return round(amount * MINOR)


def timestamps(start: str, days: np.ndarray) -> np.ndarray:
    """Calendar timestamps (microseconds) of times in days from ISO date ``start``."""
    days = np.asarray(days, float)
    micros = np.empty(days.shape, np.int64)
    for first in range(0, len(days), _PIECE):
        piece = slice(first, first + _PIECE)
        micros[piece] = np.rint(days[piece] * MICROSECONDS_PER_DAY)
    micros += np.datetime64(start, "us").astype(np.int64)
    return micros.view("datetime64[us]")
