"""Monthly state that neither events nor ledger hold: use, GMV, consumers."""

from __future__ import annotations

import numpy as np

from sim.population import Population

MONTHLY = np.dtype([("day", "<f8"), ("metric", "<i2"), ("segment", "<i2"), ("value", "<f8")])


class Months:
    """Rows of (month end, metric, segment or all, value)."""

    def __init__(self, population: Population) -> None:
        self._segment, self._segments = population.segment, len(population.segments)
        self._order = sorted(range(self._segments), key=population.segments.__getitem__)
        self.metrics: dict[str, int] = {}
        self.rows: list[tuple[float, int, int, float]] = []
        self.day = 0.0

    def _add(self, metric: str, segment: int, value: float) -> None:
        self.rows.append((self.day, self.metrics.setdefault(metric, len(self.metrics)), segment, value))

    def by_segment(self, metric: str, accounts: np.ndarray, values: np.ndarray) -> None:
        """Sum of values in every segment."""
        sums = np.bincount(self._segment[accounts], values, self._segments)
        for segment in self._order:
            self._add(metric, segment, float(sums[segment]))

    def count(self, metric: str, accounts: np.ndarray) -> None:
        """Number of accounts in every segment."""
        self.by_segment(metric, accounts, np.ones(len(accounts)))

    def mean(self, metric: str, accounts: np.ndarray, values: np.ndarray) -> None:
        """Mean in every segment that has accounts, and over all."""
        for segment in self._order:
            chosen = values[self._segment[accounts] == segment]
            if chosen.size:
                self._add(metric, segment, float(chosen.sum() / chosen.size))
        if values.size:
            self._add(metric, -1, float(values.sum() / values.size))

    def total(self, metric: str, value: float) -> None:
        """One number for all."""
        self._add(metric, -1, value)

    def table(self) -> np.ndarray:
        """All rows."""
        return np.array(self.rows, MONTHLY)
