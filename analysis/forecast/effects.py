"""Effects of known influences in a linear model of the errors: generalised least squares by running a filter.

A model of the errors is a linear filter: whatever it does to the series it does to every column of influences. Its
one-step errors are white, so that the effects are those of ordinary least squares on them, and the effect on a
forecast is the part of a column's future that the filter does not expect from its past (Harvey 1989, Forecasting,
structural time series models and the Kalman filter, section 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.forecast.regressors import silent, telling
from analysis.forecast.space import innovations

if TYPE_CHECKING:
    from analysis.forecast.fitted import Fitted
    from analysis.forecast.history import History
    from analysis.forecast.regressors import Regressors

UNUSED = ("the regressors are not used",)
"""Note of a simpler model that was fitted in place of one with regressors."""


@dataclass(frozen=True, eq=False)
class Influences:
    """The influences that can be told apart in a history.

    Attributes
    ----------
    source : Regressors
    chosen : tuple of int
        Columns that are used.
    size : float array (k,)
        Largest absolute value of each so far, by which they are divided.
    """

    source: Regressors
    chosen: tuple[int, ...]
    size: np.ndarray

    @property
    def names(self) -> list[str]:
        """Names of those that are used."""
        return [self.source.names[place] for place in self.chosen]

    @property
    def past(self) -> np.ndarray:
        """Their values over the history, shape (n, k)."""
        return np.asarray(self.source.past[:, self.chosen] / self.size)

    def ahead(self, h: int) -> np.ndarray:
        """Their values on the next `h` dates, shape (h, k)."""
        return np.asarray(self.source.ahead(h)[:, self.chosen] / self.size)

    @property
    def future(self) -> np.ndarray:
        """Their values in all rows after the history, up to the first that is not finite, shape (rows, k)."""
        rows = self.source.table[self.source.table.index > self.source.dates[-1]].to_numpy(float)[:, self.chosen]
        return np.asarray(rows[np.logical_and.accumulate(np.isfinite(rows).all(axis=1))] / self.size)

    def only(self, kept: list[int]) -> Influences | None:
        """Those at the places `kept`; None if there is none."""
        return Influences(self.source, tuple(self.chosen[place] for place in kept), self.size[kept]) if kept else None


def influences(history: History) -> Influences | None:
    """The regressors that vary over a history and are no sums of each other; None if there is none."""
    source = history.regressors
    if source is None:
        return None
    chosen = telling(source.past, np.ones((len(history.y), 1)))
    return Influences(source, tuple(chosen), np.abs(source.past[:, chosen]).max(axis=0)) if chosen else None


def unused(history: History, simple: Fitted | None) -> Fitted | None:
    """A simpler forecast, with a note that it uses no regressors if there are any."""
    if simple is None or history.regressors is None:
        return simple
    return replace(simple, note="; ".join(filter(None, (simple.note, *UNUSED))))


def left_out(history: History, used: Influences | None) -> tuple[str, ...]:
    """The note on the regressors of a history that are not used; empty if all are, or if there are none."""
    if history.regressors is None:
        return ()
    return silent(history.regressors.names, [] if used is None else list(used.chosen))


# Estimates


@dataclass(frozen=True, eq=False)
class Effects:
    """Coefficients (k,) and their covariance (k, k) for errors of variance 1."""

    coefficients: np.ndarray
    covariance: np.ndarray


def effects(results: Any, y: np.ndarray, columns: np.ndarray) -> Effects:
    """Generalised least squares of `y` (n,) on `columns` (n, k), given a fitted model of the errors.

    Parameters
    ----------
    results : results of a state space model of statsmodels, or None
        The model of the errors; None if they are white.
    """
    white = np.column_stack([innovations(results, column) for column in (y, *columns.T)])
    coefficients = np.linalg.lstsq(white[:, 1:], white[:, 0])[0]
    return Effects(coefficients, np.linalg.pinv(white[:, 1:].T @ white[:, 1:]))


def said(effects: Effects, names: list[str], unit: np.ndarray, variance: float) -> tuple[str, ...]:
    """The note on estimated effects, in the units of the data: `unit` (k,) is what a coefficient of 1 amounts to.

    A constant after them, where the model has one, is no effect.
    """
    error = np.sqrt(variance * np.diag(effects.covariance))[: len(names)]
    found = zip(names, effects.coefficients[: len(names)] * unit, error * unit, strict=True)
    return ("estimated effects: " + ", ".join(f"{n} {b:.4g} (standard error {e:.2g})" for n, b, e in found),)
