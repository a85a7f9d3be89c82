"""How likely a series reaches a value by a date, read off its sample paths.

A target is reached if a path is at or beyond its value in any step up to the date, so that a stock need not stay
there; the share of paths that are there in the last of these steps is given beside. The intervals are Wilson's and say
how well so many paths know the probability, not how right the model is.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np

from analysis.forecast.frequency import last_days
from analysis.replications import wilson

if TYPE_CHECKING:
    import pandas as pd

    from analysis.forecast.results import Forecasts

AT_LEAST, AT_MOST = "at_least", "at_most"

COLUMNS: tuple[str, ...] = (
    "target", "unique_id", "value", "by", "sense", "probability", "low", "high", "paths", "at", "at_low", "at_high",
)  # fmt: skip
"""Columns of the table of targets; ``at`` and its bounds are of the step of the date itself."""


@dataclass(frozen=True)
class Target:
    """A value that a series has to reach.

    Attributes
    ----------
    name : str
        Of the target.
    series : str
        Id of the series.
    value : float
        In its unit.
    by : datetime.date, optional
        Last day; the last step of the forecast without.
    sense : str
        ``AT_LEAST`` or ``AT_MOST``.
    """

    name: str
    series: str
    value: float
    by: datetime.date | None = None
    sense: str = AT_LEAST

    def __post_init__(self) -> None:
        if self.sense not in (AT_LEAST, AT_MOST):
            raise ValueError(f"target {self.name}: sense is {AT_LEAST} or {AT_MOST}, got {self.sense}")
        if not np.isfinite(self.value):
            raise ValueError(f"target {self.name}: its value must be a finite number, got {self.value}")


@dataclass(frozen=True)
class Chance:
    """A probability and its interval, from so many paths."""

    probability: float
    low: float
    high: float


def reached(paths: np.ndarray, dates: pd.DatetimeIndex, target: Target) -> tuple[Chance, Chance]:
    """How likely a target is reached.

    Parameters
    ----------
    paths : float array (paths, h)
        Of the series of the target.
    dates : pandas.DatetimeIndex (h,)
        Last days of the steps.
    target : Target

    Returns
    -------
    by : Chance
        Of reaching it in any step up to its date.
    at : Chance
        Of being there in the last of these steps.

    Raises
    ------
    ValueError
        If its date lies before the end of the first step or after that of the last one.
    """
    steps = steps_by(dates, target)
    there = paths[:, :steps] >= target.value if target.sense == AT_LEAST else paths[:, :steps] <= target.value
    return _chance(there.max(axis=1)), _chance(there[:, -1])


def steps_by(dates: pd.DatetimeIndex, target: Target) -> int:
    """Number of steps that are over by the date of a target; `dates` are their last days."""
    import pandas as pd

    if target.by is None:
        return len(dates)
    days, by = dates.normalize(), pd.Timestamp(target.by)
    if not days[0] <= by <= days[-1]:
        raise ValueError(
            f"target {target.name}: its date has to lie in the forecast, from {dates[0]:%Y-%m-%d} to "
            f"{dates[-1]:%Y-%m-%d}, got {by:%Y-%m-%d}"
        )
    return int((days <= by).sum())


def _chance(there: np.ndarray) -> Chance:
    return Chance(*wilson(int(there.sum()), len(there)))


def table(forecasts: Forecasts, targets: Sequence[Target]) -> pd.DataFrame:
    """The probabilities of targets: columns ``COLUMNS``, a row each.

    Raises
    ------
    ValueError
        If a series was not forecast, or a date lies outside the forecast.
    """
    import pandas as pd

    dates = {str(name): _ends(part) for name, part in forecasts.table.groupby("unique_id")}
    rows = [_row(forecasts.paths, dates, target) for target in targets]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _ends(part: pd.DataFrame) -> pd.DatetimeIndex:
    """Last days of the steps of a series: a month that is dated by its first day is over on its last."""
    import pandas as pd

    return last_days(pd.DatetimeIndex([*part["cutoff"].dropna().iloc[:1], *part["ds"]]))[-len(part) :]


def _row(
    paths: Mapping[str, np.ndarray], dates: Mapping[str, pd.DatetimeIndex], target: Target
) -> dict[str, object]:  # fmt: skip
    if target.series not in paths:
        close = get_close_matches(target.series, paths, 1)
        right = f"did you mean {close[0]}?" if close else f"there are {', '.join(list(paths)[:8])}"
        raise ValueError(f"target {target.name}: no series {target.series} was forecast; {right}")
    own, steps = paths[target.series], dates[target.series]
    by, at = reached(own, steps, target)
    last = steps[-1].date() if target.by is None else target.by
    return {
        "target": target.name, "unique_id": target.series, "value": target.value, "by": last, "sense": target.sense,
        "probability": by.probability, "low": by.low, "high": by.high, "paths": len(own),
        "at": at.probability, "at_low": at.low, "at_high": at.high,
    }  # fmt: skip
