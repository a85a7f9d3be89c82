"""One series seen from rolling origins: what was known at each, what was forecast, and how far it was from what came.

The last origin lies one horizon before the end of the series. The others lie a horizon apart, or closer where the
first would otherwise have less than two cycles behind it (Tashman 2000, Out-of-sample tests of forecasting
accuracy). Scores use stored values only: what was interpolated is never taken for what came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.evaluate import scores
from analysis.forecast.combine import Outlook, floored
from analysis.forecast.fitted import Fitted, Forecaster
from analysis.forecast.history import History, prepare
from analysis.forecast.registry import FORECASTERS

if TYPE_CHECKING:
    import pandas as pd

LEAST_TRAIN = 4
"""Known values that an origin needs behind it; a seasonal series needs one more than a cycle."""


@dataclass(frozen=True)
class Design:
    """How far ahead, from how many origins, with which central intervals (per cent) a backtest forecasts."""

    horizon: int
    origins: int = 3
    levels: tuple[int, ...] = (80, 95)

    def __post_init__(self) -> None:
        if self.horizon < 1 or self.origins < 1:
            raise ValueError("a backtest needs a horizon and a number of origins of at least 1")
        if not self.levels or not all(0 < level < 100 for level in self.levels):
            raise ValueError("levels are per cent between 0 and 100")

    def places(self, length: int, season: int) -> list[int]:
        """How many values lie behind each origin, ascending; of a short series some are not positive."""
        last = length - self.horizon
        apart = int(np.clip((last - 2 * season) // max(self.origins - 1, 1), 1, self.horizon))
        return [last - apart * back for back in reversed(range(self.origins))]


@dataclass(frozen=True, eq=False)
class Series:
    """One series to be scored.

    Attributes
    ----------
    name : str
        Its id.
    y : pandas.Series of float, indexed by date
    floor : float, optional
        Value that it can never fall below.
    regressors : pandas.DataFrame, optional
        Known influences over all its dates, for the forecasters that use them.
    frequency : str, optional
        Where it is not to be found from the dates.
    """

    name: str
    y: pd.Series
    floor: float | None = None
    regressors: pd.DataFrame | None = None
    frequency: str | None = None


@dataclass(frozen=True, eq=False)
class Regular:
    """A series on its regular dates, NaN where nothing is known, with its cycle and its lowest possible value."""

    dates: pd.DatetimeIndex
    y: np.ndarray
    season: int
    floor: float | None

    def date(self, place: int) -> pd.Timestamp:
        """Date at a place, NaT outside the series."""
        import pandas as pd

        return self.dates[place] if 0 <= place < len(self.dates) else pd.NaT


def score_series(series: Series, asked: Sequence[str | Forecaster], design: Design) -> list[dict[str, object]]:
    """Score forecasters on one series; nothing here depends on any other series.

    Parameters
    ----------
    series : Series
    asked : sequence of str or Forecaster
        Forecasters, or their names in ``analysis.forecast.registry.FORECASTERS``.
    design : Design

    Returns
    -------
    list of dict
        A row for every origin and forecaster, as in ``analysis.evaluate.backtest.backtest``.
    """
    import pandas as pd

    forecasters = [FORECASTERS[each] if isinstance(each, str) else each for each in asked]
    try:
        regular = _regular(prepare(series.y, series.floor, None, series.frequency))
    except ValueError as error:
        rows = [_skipped(each.name, (pd.NaT, pd.NaT), f"skipped: {error}") for each in forecasters]
    else:
        places = design.places(len(regular.y), regular.season)
        given = series.regressors
        rows = [_row(regular, place, (each, given), design) for place, each in product(places, forecasters)]
    return [{"unique_id": series.name, **row} for row in rows]


def _regular(history: History) -> Regular:
    return Regular(history.dates, np.where(history.known, history.y, np.nan), history.season, history.floor)


Way = tuple[Forecaster, "pd.DataFrame | None"]
"""A forecaster and the known influences there are."""


def _row(regular: Regular, place: int, way: Way, design: Design) -> dict[str, object]:
    name = way[0].name
    dates = regular.date(place - 1), regular.date(place + design.horizon - 1)
    if reason := _unfit(regular, place, design.horizon):
        return _skipped(name, dates, f"skipped: {reason}")
    fitted, note = _fit(regular, place, way)
    came = regular.y[place : place + design.horizon]
    scored = _scores(came, _view(fitted, regular, place, design.horizon), regular.y[:place], design.levels)
    scale = scores.absolute_scale(regular.y[:place], regular.season)
    scored |= {"scale": scale, "mase": scored.pop("error") / scale}
    return {"model": name, "cutoff": dates[0], "ends": dates[1], **scored, "note": note}


def _unfit(regular: Regular, place: int, horizon: int) -> str:
    """Why nothing can be said from an origin; empty if something can."""
    least = max(LEAST_TRAIN, regular.season + 1)
    known = int(np.isfinite(regular.y[: max(place, 0)]).sum())
    if known < least:
        return f"{known} values up to the cutoff, {least} are needed"
    if not np.isfinite(regular.y[place : place + horizon]).any():
        return "no known value after the cutoff"
    return ""


def _skipped(name: str, dates: tuple[object, object], note: str) -> dict[str, object]:
    return {"model": name, "cutoff": dates[0], "ends": dates[1], "steps": 0, "note": note}


def _fit(regular: Regular, place: int, way: Way) -> tuple[Fitted, str]:
    """The forecaster fitted to what was known, and what a reader should know of it."""
    import pandas as pd

    forecaster, regressors = way
    known = pd.Series(regular.y[:place], index=regular.dates[:place])
    fitted = forecaster.fit(known, regular.floor, regressors if forecaster.regressors else None)
    instead = f"fitted: {fitted.model}" if fitted.model != forecaster.name else ""
    return fitted, "; ".join(text for text in (instead, fitted.note) if text)


def _view(fitted: Fitted, regular: Regular, place: int, horizon: int) -> Outlook:
    """Outlook of the steps after the cutoff, also where the last known value lies before it."""
    gap = place - 1 - int(regular.dates.get_loc(fitted.history.cutoff))
    whole = fitted.outlook(horizon + gap)
    view = Outlook(whole.mean[gap:], whole.points[:, gap:], whole.weights)
    return view if regular.floor is None else floored(view, regular.floor)


def _scores(y: np.ndarray, view: Outlook, train: np.ndarray, levels: Sequence[int]) -> dict[str, Any]:
    """Means over the steps that are known, and which steps the intervals held."""
    tails = [(1 - level / 100) / 2 for level in levels]
    quantiles = view.quantiles([0.5, *tails, *(1 - tail for tail in tails)])
    lows, highs = quantiles[1 : len(levels) + 1], quantiles[len(levels) + 1 :]
    bounds = np.stack([lows, highs], axis=1)
    inside = {level: scores.covered(y, *bounds[place]) for place, level in enumerate(levels)}
    return {
        "steps": int(np.isfinite(y).sum()),
        "error": scores.known_mean(np.abs(y - view.mean)),
        "rmsse": scores.rmsse(y, view.mean, train),
        "wis": scores.known_mean(scores.wis(y, quantiles[0], bounds, levels)),
        "crps": scores.known_mean(scores.crps_points(y, view.points, view.weights)),
        **{f"cov{level}": scores.known_mean(values) for level, values in inside.items()},
        **{f"inside-{level}": values.tolist() for level, values in inside.items()},
    }
