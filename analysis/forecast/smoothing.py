"""The smoothing trio: simple, Holt's and damped-trend exponential smoothing of seasonally adjusted data.

The data are adjusted by classical decomposition where the season is significant, smoothed, and the season is put
back: the benchmarks of the M competitions (Makridakis, Spiliotis & Assimakopoulos 2020, The M4 Competition). Errors
are additive and normal, so that distributions follow from the impulse response: the variance h steps ahead is
sigma^2 (1 + c_1^2 + ... + c_{h-1}^2) with c_j = alpha + beta (phi + ... + phi^j) (Hyndman, Koehler, Ord & Snyder
2008, Forecasting with exponential smoothing, class 1).

One-step errors are linear in the initial states, which are therefore solved by least squares, and only alpha, beta
and phi are searched, on a grid that closes in on its best point. All candidates run at once, there is no start to
choose and nothing that can fail to converge. A fit takes about as long as that of the same form by statsmodels, but
not the second or so that its import takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.forecast.combine import Outlook, normal
from analysis.forecast.ets import BEYOND, correction
from analysis.forecast.fitted import Fitted, refuse
from analysis.forecast.history import History, prepare
from analysis.forecast.naive import fit_naive, plain
from analysis.forecast.season import Season, season_of

if TYPE_CHECKING:
    import pandas as pd

CANDIDATES = 343
"""Points of the grid, about."""

RESOLUTION = 5e-3
"""The grid closes in until it is no wider."""

REACH = 1.5
"""Cells on either side of the best point that the next grid spans."""

DECILE = 1.2815515655446004
"""Ninth decile of the standard normal distribution."""

POWERS = np.array([[2], [1], [1]])
"""The grid is even in the root of alpha: the least squares of smooth series lie in narrow valleys near zero."""


@dataclass(frozen=True)
class Form:
    """A form of smoothing by the bounds of its parameters.

    Attributes
    ----------
    name : str
    bounds : three pairs of float
        Of alpha, of beta as a share of alpha, and of phi.
    states : int
        1 for a level, 2 for a level and a trend.
    """

    name: str
    bounds: tuple[tuple[float, float], ...]
    states: int

    @property
    def parameters(self) -> int:
        """Number of states and of parameters that are free."""
        return self.states + sum(low < high for low, high in self.bounds)


SES = Form("ses", ((0.0, 1.0), (0.0, 0.0), (0.0, 0.0)), 1)
HOLT = Form("holt", ((0.0, 1.0), (0.0, 1.0), (1.0, 1.0)), 2)
DAMPED = Form("damped", ((0.0, 1.0), (0.0, 1.0), (0.8, 0.98)), 2)


@dataclass(frozen=True)
class Smooth:
    """A fitted smoothing.

    Attributes
    ----------
    alpha, beta, phi : float
        Weight of an error in the level, its weight in the trend, and what is left of the trend a step later.
    level, trend : float
        States after the last value.
    sigma : float
        Standard deviation of the errors, corrected for the parameters that were estimated.
    """

    alpha: float
    beta: float
    phi: float
    level: float
    trend: float
    sigma: float

    def mean(self, h: int) -> np.ndarray:
        """Expected values of the next `h` steps."""
        return self.level + self.trend * self._damping(h)

    def impulse(self, h: int) -> np.ndarray:
        """What an error of one sigma adds to the value of its own step and of the h - 1 following ones."""
        return self.sigma * np.r_[1.0, self.alpha + self.beta * self._damping(h - 1)]

    def spread(self, h: int) -> np.ndarray:
        """Standard deviations of the next `h` steps."""
        return np.sqrt(np.cumsum(self.impulse(h) ** 2))

    def _damping(self, h: int) -> np.ndarray:
        return np.cumsum(self.phi ** np.arange(1, h + 1))


def smooth(y: np.ndarray, form: Form, others: int = 0) -> Smooth:
    """Fit a form by least squares of the one-step errors.

    Parameters
    ----------
    y : float array (n,)
        Without a season, at least three values.
    form : Form
    others : int
        Number of parameters that were taken out of the data before, such as those of the season.
    """
    centre, scale = y.mean(), np.ptp(y) or 1.0
    values = (y - centre) / scale
    parameters = search(values, form)
    errors, last = respond(values, parameters[:, None], form.states)
    initial = np.linalg.lstsq(-errors[:, 1:, 0], errors[:, 0, 0], rcond=None)[0]
    weights = np.r_[1.0, initial]
    level, trend = (last[:, :, 0] @ weights).tolist()
    mse = np.mean((errors[:, :, 0] @ weights) ** 2) * correction(len(y), form.parameters + others)
    alpha, share, phi = parameters.tolist()
    return Smooth(alpha, alpha * share, phi, level * scale + centre, trend * scale, float(np.sqrt(mse)) * scale)


def search(y: np.ndarray, form: Form) -> np.ndarray:
    """Alpha, beta's share and phi with the least sum of squares, by a grid that closes in."""
    lower, upper = np.array(form.bounds).T
    points = round(CANDIDATES ** (1 / np.count_nonzero(lower < upper)))
    low, high, best = lower, upper, lower
    while np.max(high - low) > RESOLUTION:
        axes = [np.linspace(a, b, points if a < b else 1) for a, b in zip(low, high, strict=True)]
        candidates = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])
        best = candidates[:, np.argmin(squares(y, candidates**POWERS, form.states))]
        reach = REACH * (high - low) / (points - 1)
        low, high = np.maximum(lower, best - reach), np.minimum(upper, best + reach)
    return best ** POWERS[:, 0]


def squares(y: np.ndarray, candidates: np.ndarray, states: int) -> np.ndarray:
    """Sum of squared errors of each candidate (3, k) with the initial states that suit it best, shape (k,)."""
    errors = respond(y, candidates, states)[0].transpose(2, 1, 0)
    products = errors @ errors.transpose(0, 2, 1)
    cross = products[:, 1:, :1]
    explained = cross * np.linalg.solve(products[:, 1:, 1:], cross)
    return products[:, 0, 0] - explained.sum(axis=(1, 2))


def respond(y: np.ndarray, candidates: np.ndarray, states: int) -> tuple[np.ndarray, np.ndarray]:
    """One-step errors, split by cause: the data from states of zero, then each initial state of 1 without data.

    Returns
    -------
    errors : float array (n, 1 + states, k)
    last : float array (2, 1 + states, k)
        Level and trend after the last value.
    """
    alpha, share, phi = candidates
    beta = alpha * share
    level, trend = (np.zeros((1 + states, len(alpha))) for _ in range(2))
    level[1], trend[2:] = 1, 1
    errors = np.empty((len(y), *level.shape))
    step = np.empty_like(level)
    for error, value in zip(errors, y, strict=True):
        trend *= phi
        level += trend
        np.negative(level, out=error)
        error[0] += value
        level += np.multiply(alpha, error, out=step)
        trend += np.multiply(beta, error, out=step)
    return errors, np.stack([level, trend])


@dataclass(frozen=True, eq=False)
class Average:
    """Weighted average of the quantiles of smoothings, with the season put back.

    The average of normal quantiles is normal: its mean and standard deviation are the averages of the members'.

    Attributes
    ----------
    members : sequence of Smooth
        Of the seasonally adjusted history.
    season : Season
    n : int
        Length of the history.
    weights : sequence of float, optional
        Of the members, in any unit; equal by default.
    """

    members: Sequence[Smooth]
    season: Season
    n: int
    weights: Sequence[float] | None = None

    def outlook(self, h: int) -> Outlook:
        """Normal predictive distributions of the next `h` steps."""
        view = normal(self._mean(h), self._spread(h))
        return Outlook(self._restore(view.mean), self._restore(view.points), view.weights)

    def ends(self, h: int) -> np.ndarray:
        """Ends of the 80 % intervals of the next `h` steps, shape (2, h)."""
        return self._restore(self._mean(h) + np.array([[-1], [1]]) * DECILE * self._spread(h))

    def sample(self, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
        """Sample paths, shape (paths, h): the members meet the same shocks, each step is as wide as the outlook.

        Members that respond differently to a shock would partly cancel; each step is widened by what they lose.
        """
        response = self._over([m.impulse(h) for m in self.members])
        own = np.sqrt(np.cumsum(response**2))
        widening = np.divide(self._spread(h), own, out=np.ones(h), where=own > 0)
        lag = np.arange(h) - np.arange(h)[:, None]
        shocks = rng.standard_normal((paths, h)) @ np.where(lag >= 0, response[lag], 0.0)
        return self._restore(self._mean(h) + shocks * widening)

    def _mean(self, h: int) -> np.ndarray:
        return self._over([m.mean(h) for m in self.members])

    def _spread(self, h: int) -> np.ndarray:
        return self._over([m.spread(h) for m in self.members])

    def _over(self, values: list[np.ndarray]) -> np.ndarray:
        return np.average(values, axis=0, weights=self.weights)

    def _restore(self, values: np.ndarray) -> np.ndarray:
        return self.season.restore(values, self.n)


def explodes(average: Average, history: History) -> bool:
    """Whether two cycles ahead the 80 % interval leaves ``BEYOND`` times all that was seen, or is not finite."""
    with np.errstate(all="ignore"):
        ends = average.ends(2 * max(history.season, 6))
    return not np.abs(ends).max() <= BEYOND * np.abs(history.y).max()


class Smoothing:
    """Forecaster that averages one or more forms of smoothing."""

    name: str
    forms: tuple[Form, ...] = ()
    regressors = False

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        """Fit to a series indexed by date; never fails on a series with one finite value.

        Forms that run away are left out; with none left the forecast is the naive one, and the note says so.
        Regressors are refused.
        """
        refuse(self.name, regressors)
        history = prepare(y, floor)
        if (simple := plain(history)) is not None:
            return simple
        return self._average(history)

    def candidates(self, adjusted: np.ndarray, others: int) -> Iterator[tuple[str, Smooth, float]]:
        """Names, fits and weights of what is averaged.

        Parameters
        ----------
        adjusted : float array (n,)
            The history without its season.
        others : int
            Parameters that were estimated before, those of the season.
        """
        for form in self.forms:
            yield form.name, smooth(adjusted, form, others), 1.0

    def _average(self, history: History) -> Fitted:
        season = season_of(history.y, history.season)
        adjusted = season.adjust(history.y)
        members: list[Smooth] = []
        weights: list[float] = []
        failed: list[str] = []
        for name, member, weight in self.candidates(adjusted, season.parameters):
            if explodes(Average([member], season, len(adjusted)), history):
                failed.append(name)
            else:
                members.append(member)
                weights.append(weight)
        reasons = (f"run away and left out: {', '.join(failed)}",) if failed else ()
        return fitted(self.name, history, Average(members, season, len(adjusted), weights), reasons)


def fitted(name: str, history: History, average: Average, reasons: tuple[str, ...] = ()) -> Fitted:
    """The average as a fitted forecaster, or the naive forecast if it has no members."""
    if not average.members:
        return fit_naive(history, reasons)
    return Fitted(name, history, average.outlook, "; ".join([*history.notes, *reasons]), average.sample)


class Ses(Smoothing):
    """Simple exponential smoothing: a level, no trend."""

    name = "ses"
    forms = (SES,)


class Holt(Smoothing):
    """Holt's method: a level and a linear trend."""

    name = "holt"
    forms = (HOLT,)


class Damped(Smoothing):
    """Damped trend: a level and a trend that fades."""

    name = "damped"
    forms = (DAMPED,)


class Trio(Smoothing):
    """The average of the quantiles of simple, Holt's and damped-trend smoothing."""

    name = "trio"
    forms = (SES, HOLT, DAMPED)
