"""What every forecaster gives back: a fitted model that predicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from analysis.forecast.combine import Outlook, equal_points, floored

if TYPE_CHECKING:
    import pandas as pd

    from analysis.forecast.history import History


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted forecaster.

    Attributes
    ----------
    model : str
        Name of the model that was fitted in the end, after any step down the ladder.
    history : History
        What it was fitted to.
    outlook : callable
        From the number of steps to their outlook.
    note : str
        What a reader should know: repairs, members left out, fallbacks; empty if nothing.
    paths : callable, optional
        From steps, number of paths and a generator to sample paths, shape (paths, steps). Without it steps are
        drawn from the outlook, independently of each other.
    """

    model: str
    history: History
    outlook: Callable[[int], Outlook]
    note: str = ""
    paths: Callable[[int, int, np.random.Generator], np.ndarray] | None = None

    def predict(self, h: int, levels: Sequence[int] = (80, 95)) -> pd.DataFrame:
        """Mean and central intervals of the next `h` dates.

        Parameters
        ----------
        h : int
            Steps ahead, at least 1.
        levels : sequence of int
            Coverage of the intervals in per cent.

        Returns
        -------
        pandas.DataFrame
            Indexed by date; columns mean, then lo-L and hi-L for every level. All numbers are finite.
        """
        import pandas as pd

        view = self.outlook(h)
        if self.history.floor is not None:
            view = floored(view, self.history.floor)
        columns = {"mean": view.mean}
        for level in levels:
            tail = (1 - level / 100) / 2
            columns[f"lo-{level}"], columns[f"hi-{level}"] = view.quantiles([tail, 1 - tail])
        return pd.DataFrame(columns, index=self.history.ahead(h).rename("ds"))

    def simulate(self, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
        """Sample paths of the next `h` steps, shape (paths, h), all finite; for sums over steps and identities."""
        found = self.draw(h, paths, rng)
        if self.history.floor is None:
            return found
        return floored(equal_points(found.mean(axis=0), found), self.history.floor).points

    def draw(self, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
        """Sample paths as they come from the model, which may not know the floor."""
        return (self.paths or self._independent)(h, paths, rng)

    def _independent(self, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
        view = self.outlook(h)
        chosen = rng.choice(len(view.weights), size=(paths, h), p=view.weights)
        return view.points[chosen, np.arange(h)]


class Forecaster(Protocol):
    """A way of forecasting; see ``analysis.forecast.registry`` for what it promises.

    Attributes
    ----------
    name : str
    regressors : bool
        Whether known influences are used; a forecaster that would ignore them refuses them with a ValueError.
    """

    @property
    def name(self) -> str: ...

    @property
    def regressors(self) -> bool: ...

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        """Fit to a series indexed by date.

        Parameters
        ----------
        y : pandas.Series of float
        floor : float, optional
            Value that the series can never fall below.
        regressors : pandas.DataFrame of float, optional
            Known influences, a column each, indexed by date: the dates of the history and those to be forecast.

        Raises
        ------
        ValueError
            If there is no finite value, if the dates follow no frequency, or if the regressors are refused.
        """
        ...


def refuse(name: str, regressors: pd.DataFrame | None) -> None:
    """Raise the ValueError of a forecaster that has no use for regressors."""
    if regressors is not None:
        raise ValueError(f"{name} ignores regressors: choose a model that uses them, such as arima")
