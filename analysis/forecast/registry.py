"""All forecasters by name.

A forecaster has a ``name``, says with ``regressors`` whether it uses known influences, and has
``fit(y, floor=None, regressors=None)``, which takes a series indexed by date and gives an
``analysis.forecast.fitted.Fitted``. Whatever the series (gaps, zeros, negative, constant, short), the result
predicts finite numbers with ordered quantiles and says in its note what had to give. To add one: a file with
such a class, and its line here; the contract test runs over all of them.

``combination`` is the default, ``fast`` needs a tenth of its time, ``weekly`` is for cycles too long to be modelled by
seasonal states: there ARIMA without a season adds nothing.
"""

from __future__ import annotations

from analysis.forecast.arima import Arima
from analysis.forecast.combination import WEEKLY, WIDTHS, Combination, Widened
from analysis.forecast.counts import Counts
from analysis.forecast.ets import Ets
from analysis.forecast.fitted import Forecaster
from analysis.forecast.naive import SeasonalNaive
from analysis.forecast.smoothing import Damped, Holt, Ses, Trio
from analysis.forecast.theta import Theta, ThetaTrio
from analysis.forecast.unobserved import UnobservedComponents

ALL: tuple[Forecaster, ...] = (
    Combination("combination", (Ets(), Arima(), Theta(), Trio()), WIDTHS),
    Widened("fast", ThetaTrio(), WIDTHS),
    Combination("weekly", (Ets(), Theta(), Trio()), WEEKLY),
    Ets(),
    Arima(),
    Theta(),
    Trio(),
    Ses(),
    Holt(),
    Damped(),
    UnobservedComponents(),
    Counts(),
    SeasonalNaive(),
)

FORECASTERS: dict[str, Forecaster] = {forecaster.name: forecaster for forecaster in ALL}

DEFAULT = "combination"
