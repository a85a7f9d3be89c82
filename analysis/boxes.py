"""Boxes of swept keys in which failures gather: their limits, what they hold, and the words for them.

References
----------
Bryant, B. P. & Lempert, R. J. (2010). Thinking inside the box. Technological Forecasting and Social Change 77, 34-49
    (coverage, density, quasi-p values).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Limit:
    """What a box asks of one key.

    Attributes
    ----------
    key : str
        Name of the key.
    low, high : float
        Values lie above ``low`` and below ``high``; infinite where open. Round numbers between two neighbours.
    values : tuple of str
        Of a key of words, those that are in the box.
    quasi_p : float
        How often a random part, of the same size, of the box without this limit holds as many failures. Too small
        in general, since the limit was looked for.
    """

    key: str
    low: float
    high: float
    values: tuple[str, ...]
    quasi_p: float

    @property
    def rule(self) -> str:
        """The limit in words."""
        if self.values:
            return f"{self.key} is {' or '.join(self.values)}"
        if math.isinf(self.high):
            return f"{self.key} above {_number(self.low)}"
        if math.isinf(self.low):
            return f"{self.key} below {_number(self.high)}"
        return f"{self.key} between {_number(self.low)} and {_number(self.high)}"


@dataclass(frozen=True)
class Box:
    """A region in which failures gather.

    Attributes
    ----------
    limits : tuple of Limit
        The most telling first.
    coverage : float
        Share of all failures that lie in it.
    density : float
        Share of its points that fail: of the points at which it was found, so a little too high for new ones.
    mass : float
        Share of all points that lie in it.
    points : int
        Points in it, without those of boxes before it.
    base : float
        Share of failures among the points at which it was sought.
    p : float
        Share of searches on shuffled failures that look as good, this one counted.
    """

    limits: tuple[Limit, ...]
    coverage: float
    density: float
    mass: float
    points: int
    base: float
    p: float

    @property
    def rule(self) -> str:
        """The box in words."""
        return " and ".join(limit.rule for limit in self.limits)


@dataclass(frozen=True)
class Discovery:
    """Boxes and why there are no more.

    Attributes
    ----------
    boxes : tuple of Box
        In the order in which they were found; every one has a p of at most .05.
    points : int
        Points that were searched.
    failures : float
        Failed points among them; a point that fails in a share of its replications counts by that share.
    stopped : str
        Why no further box is given.
    """

    boxes: tuple[Box, ...]
    points: int
    failures: float
    stopped: str

    def table(self) -> pd.DataFrame:
        """One row per box: ``box, rule, coverage, density, mass, points, base, p``."""
        columns = ["box", "rule", "coverage", "density", "mass", "points", "base", "p"]
        rows = [{name: getattr(box, name) for name in columns[1:]} for box in self.boxes]
        return pd.DataFrame([{"box": n + 1, **row} for n, row in enumerate(rows)], columns=columns)

    def limits(self) -> pd.DataFrame:
        """One row per limit: ``box, key, low, high, values, quasi_p``."""
        columns = ["box", "key", "low", "high", "values", "quasi_p"]
        found = [(n + 1, limit) for n, box in enumerate(self.boxes) for limit in box.limits]
        rows = [
            {"box": n, **{name: getattr(limit, name) for name in columns[1:]}, "values": ", ".join(limit.values)}
            for n, limit in found
        ]
        return pd.DataFrame(rows, columns=columns)


def _number(value: float) -> str:
    """With separators of thousands and without digits that say nothing."""
    digits = f"{value:,.10f}".rstrip("0").rstrip(".")
    return digits if abs(value) >= 1e-6 or value == 0 else f"{value:g}"
