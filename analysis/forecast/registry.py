"""All forecasters by name.

A forecaster has a ``name`` and ``fit(y, floor=None)``, which takes a series indexed by date and gives an
``analysis.forecast.fitted.Fitted``. Whatever the series (gaps, zeros, negative, constant, short), the result
predicts finite numbers with ordered quantiles and says in its note what had to give. To add one: a file with
such a class, and its line here; the contract test runs over all of them.
"""

from __future__ import annotations

from analysis.forecast.combination import Combination
from analysis.forecast.ets import Ets
from analysis.forecast.fitted import Forecaster
from analysis.forecast.naive import SeasonalNaive
from analysis.forecast.smoothing import Damped, Holt, Ses, Trio
from analysis.forecast.theta import Theta

ALL: tuple[Forecaster, ...] = (
    Ets(),
    SeasonalNaive(),
    Ses(),
    Holt(),
    Damped(),
    Trio(),
    Theta(),
    Combination("combination", (Ets(), Theta(), Trio())),
    Combination("fast", (Theta(), Trio())),
)

FORECASTERS: dict[str, Forecaster] = {forecaster.name: forecaster for forecaster in ALL}

DEFAULT = Ets.name
