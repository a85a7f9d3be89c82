"""What comes of forecasting many series: tables of forecasts, sample paths, and what failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

STREAM = 2**64
"""Numbers of the generator between the streams of two series."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """The forecast of one series.

    Attributes
    ----------
    table : pandas.DataFrame
        Its rows of the table of forecasts.
    paths : float array (paths, h)
    surprises : pandas.Series
        One-step errors of its past, by date; empty where it was not forecast by itself.
    """

    table: pd.DataFrame
    paths: np.ndarray
    surprises: pd.Series

    def along(self, paths: np.ndarray) -> Outcome:
        """The same series with other paths (paths, h), its figures read off them."""
        return replace(self, table=self.table.assign(**figures(paths, levels_of(self.table))), paths=paths)


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Forecasts of a table of series.

    Attributes
    ----------
    table : pandas.DataFrame
        Columns unique_id, ds, model, mean, lo-L and hi-L for every level, cutoff, note; as many rows as steps for
        every series that could be forecast. ``model`` is what was fitted in the end, ``flows`` for a stock; ``note``
        says why it is not the model that was asked for, or what was repaired. All numbers are finite.
    paths : dict
        Sample paths by unique_id, shape (paths, h), of the series whose paths were wanted.
        Path p of the series of one business is one world.
    failures : pandas.DataFrame
        Columns unique_id, model, reason: what could not be forecast at all.
    surprises : dict
        One-step errors of the past by unique_id, as Series by date.
    """

    table: pd.DataFrame
    paths: dict[str, np.ndarray]
    failures: pd.DataFrame
    surprises: dict[str, pd.Series]


def columns(levels: Sequence[int]) -> list[str]:
    """Columns of a table of forecasts."""
    bounds = [f"{side}-{level}" for level in levels for side in ("lo", "hi")]
    return ["unique_id", "ds", "model", "mean", *bounds, "cutoff", "note"]


def levels_of(table: pd.DataFrame) -> list[int]:
    """Coverage of the intervals of a table of forecasts, in per cent, in its order."""
    return [int(name[3:]) for name in table.columns if name.startswith("lo-")]


def figures(paths: np.ndarray, levels: Sequence[int]) -> dict[str, np.ndarray]:
    """Mean and central intervals of paths (paths, h), by column of a table of forecasts."""
    found = {"mean": paths.mean(axis=0)}
    for level in levels:
        tail = (1 - level / 100) / 2
        found[f"lo-{level}"], found[f"hi-{level}"] = np.quantile(paths, [tail, 1 - tail], axis=0)
    return found


def together(surprises: Iterable[pd.Series]) -> np.ndarray:
    """One-step errors of several series on the dates that all of them have, shape (dates, series)."""
    import pandas as pd

    common: np.ndarray = pd.concat(list(surprises), axis=1, join="inner").to_numpy(float)
    return common


def stream(name: str) -> np.random.Generator:
    """The random numbers of a series: the same whatever else is forecast, others for another id."""
    rng = np.random.default_rng(20261122)
    bits: Any = rng.bit_generator
    bits.advance(crc32(name.encode()) * STREAM)
    return rng
