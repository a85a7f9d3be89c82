"""Figures by month, in total and by the levels of a few dimensions, and how periods are made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from analysis.metrics.periods import HORIZON, PERIODS, Calendar

TOTAL = ""
"""Name of the dimension without levels."""

Levels = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Cells:
    """Values of one kind of period and one dimension.

    Attributes
    ----------
    period : str
        Kind of period.
    dim : str
        Dimension, ``TOTAL`` for none.
    levels : tuple of str
        Its levels; one, of any name, for the total.
    values : float array, shape (levels, periods)
        NaN is null.
    """

    period: str
    dim: str
    levels: tuple[str, ...]
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Cube:
    """Figures by month.

    Attributes
    ----------
    levels : mapping
        Dimension to its levels; the total has one.
    values : dict
        Dimension to an array of shape (levels, months).
    """

    levels: Levels
    values: dict[str, np.ndarray]

    def map(self, change: Callable[[np.ndarray], np.ndarray]) -> Cube:
        """The cube of changed arrays."""
        return Cube(self.levels, {dim: change(values) for dim, values in self.values.items()})

    def join(self, other: Cube, operation: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Cube:
        """An operation on two cubes, for the dimensions that both have."""
        both = {d: operation(v, other.values[d]) for d, v in self.values.items() if d in other.values}
        return Cube(self.levels, both)

    def __add__(self, other: Cube) -> Cube:
        return self.join(other, np.add)

    def __sub__(self, other: Cube) -> Cube:
        return self.join(other, np.subtract)

    @property
    def total(self) -> np.ndarray:
        """The total by month, shape (months,)."""
        return self.values[TOTAL][0]


def tally(
    months: int, month: np.ndarray, weights: np.ndarray | None, codes: Mapping[str, np.ndarray], levels: Levels
) -> Cube:
    """Sums of ``weights`` (counts without) by month and level.

    Parameters
    ----------
    months : int
        Number of months.
    month : int array, shape (n,)
        Month of each row; rows with -1 are left out.
    weights : array, shape (n,), optional
        Integer weights give exact integer sums.
    codes : mapping
        Dimension to the level of each row, -1 for none.
    levels : mapping
        Dimension to its levels.
    """
    exact = weights is None or weights.dtype.kind in "iub"
    values = {}
    for dim, names in levels.items():
        code = np.zeros(len(month), np.int64) if dim == TOTAL else codes[dim]
        kept = (month >= 0) & (code >= 0)
        chosen = None if weights is None else weights[kept]
        sums = np.bincount(code[kept] * months + month[kept], chosen, len(names) * months)
        values[dim] = (np.rint(sums).astype(np.int64) if exact else sums).reshape(len(names), months)
    return Cube(levels, values)


def divide(top: np.ndarray | float, bottom: np.ndarray | float) -> np.ndarray:
    """Quotients, NaN where the denominator is 0 or undefined."""
    top, bottom = np.asarray(top, float), np.asarray(bottom, float)
    defined = np.isfinite(bottom) & (bottom != 0)
    return np.where(defined, top / np.where(defined, bottom, 1.0), np.nan)


def flow(calendar: Calendar, cube: Cube) -> list[Cells]:
    """Sums over every period."""
    return [
        Cells(period, dim, cube.levels[dim], calendar.total(values, period).astype(float))
        for period in PERIODS
        for dim, values in cube.values.items()
    ]


def stock(calendar: Calendar, cube: Cube) -> list[Cells]:
    """Values at the end of every period."""
    return [
        Cells(period, dim, cube.levels[dim], calendar.closing(values, period).astype(float))
        for period in PERIODS
        for dim, values in cube.values.items()
    ]


def ratio(calendar: Calendar, top: Cube, bottom: Cube, factor: float = 1.0) -> list[Cells]:
    """Sum of one cube over the sum of another, for every period; null where the latter is 0."""
    found = []
    for period in PERIODS:
        for dim, values, below in _pairs(top, bottom):
            quotient = divide(calendar.total(values, period), calendar.total(below, period))
            found.append(Cells(period, dim, top.levels[dim], factor * quotient))
    return found


def stock_ratio(calendar: Calendar, top: Cube, bottom: Cube, factor: float = 1.0) -> list[Cells]:
    """One cube over another at the end of every period; null where the latter is 0."""
    return stock(calendar, top.join(bottom, lambda a, b: factor * divide(a, b)))


def horizon_only(value: float) -> list[Cells]:
    """A single figure over the horizon."""
    return [Cells(HORIZON, TOTAL, (TOTAL,), np.array([[value]], float))]


def _pairs(top: Cube, bottom: Cube) -> list[tuple[str, np.ndarray, np.ndarray]]:
    return [(dim, values, bottom.values[dim]) for dim, values in top.values.items() if dim in bottom.values]
