"""What every forecaster gives back: a fitted model that predicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from analysis.forecast.combine import Outlook, floored

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
    """

    model: str
    history: History
    outlook: Callable[[int], Outlook]
    note: str = ""

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


class Forecaster(Protocol):
    """A way of forecasting; see ``analysis.forecast.registry`` for what it promises."""

    name: str

    def fit(self, y: pd.Series, floor: float | None = None) -> Fitted:
        """Fit to a series indexed by date."""
        ...
