"""A theory, a simulation of it, and the one comparison of the two that every theory test makes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

SEEDS = range(10)
BIAS = 0.05
LARGEST_Z = 4.0
LARGEST_ERROR = 0.006


@dataclass(frozen=True)
class Estimate:
    """A figure of simulated runs and its standard error."""

    value: float
    error: float


def mean(values: Iterable[float] | np.ndarray) -> Estimate:
    """Mean of independent values (accounts, batches or seeds) with its standard error."""
    sample = np.asarray(values if isinstance(values, np.ndarray) else list(values), float)
    return Estimate(float(sample.mean()), float(sample.std(ddof=1) / np.sqrt(sample.size)))


def variance(values: np.ndarray) -> Estimate:
    """Variance of independent values with its standard error."""
    squares = (values - values.mean()) ** 2 * (values.size / (values.size - 1))
    return mean(squares)


def dispersion(counts: np.ndarray) -> Estimate:
    """Variance of independent counts over their mean, 1 for a Poisson process."""
    found = variance(counts)
    return Estimate(found.value / counts.mean(), found.error / counts.mean())


def correlation(one: np.ndarray, other: np.ndarray) -> Estimate:
    """Correlation of pairs, with the standard error that it has when they are independent."""
    return Estimate(float(np.corrcoef(one, other)[0, 1]), 1.0 / np.sqrt(len(one) - 1))


@dataclass(frozen=True)
class Theory(ABC):
    """Parameters of a stochastic model that has both a formula and a study.

    Attributes
    ----------
    biased : tuple of str
        Parameters in which a bias of 5 % must be found out.
    allowed : dict of float
        Largest standard error of figures that no parameter moves (correlations, dispersions).
    """

    biased: ClassVar[tuple[str, ...]]
    allowed: ClassVar[dict[str, float]] = {}

    @abstractmethod
    def expected(self) -> dict[str, float]:
        """Every figure by formula."""

    @abstractmethod
    def observed(self) -> dict[str, Estimate]:
        """Every figure from runs of the simulator over ten seeds."""

    def with_bias(self, parameter: str) -> Self:
        """The same with one parameter 5 % larger."""
        return replace(self, **{parameter: getattr(self, parameter) * (1 + BIAS)})

    def resolution(self, figure: str, found: Estimate) -> float:
        """Standard error of a figure, relative to it or in terms of the parameter that moves it most.

        The second is the share by which that parameter must be off to move the figure by one standard error;
        a wait near full load moves much more than its parameters do.
        """
        base = self.expected()[figure]
        moved = [abs(self.with_bias(p).expected()[figure] - base) for p in self.biased]
        return min(found.error / abs(base), found.error * BIAS / max(moved))


def check(simulated: Theory, assumed: Theory) -> dict[str, float]:
    """Standard score of every figure simulated under some parameters against the formula under others."""
    expected = assumed.expected()
    return {name: (found.value - expected[name]) / found.error for name, found in simulated.observed().items()}


def assert_agrees(theory: Theory) -> None:
    """Simulation and formula agree, and would not if a parameter were 5 % off."""
    expected = theory.expected()
    found = theory.observed()
    assert found.keys() == expected.keys()
    for name, estimate in found.items():
        z = (estimate.value - expected[name]) / estimate.error
        assert abs(z) <= LARGEST_Z, f"{name}: {estimate} against {expected[name]:.6g}, z = {z:.1f}"
        if name in theory.allowed:
            assert estimate.error <= theory.allowed[name], f"{name}: {estimate} is too uncertain"
        else:
            resolution = theory.resolution(name, estimate)
            assert resolution <= LARGEST_ERROR, f"{name}: {estimate} is too uncertain, {resolution:.2%}"
