"""What replications say about a figure: intervals of means, shares and quantiles, and how many are enough.

References
----------
Willink, R. (2005). A confidence interval and test for the mean of an asymmetric distribution.
    Communications in Statistics: Theory and Methods 34, 753-766.
Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22, 209-212.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

FIRST, LOOKS, GROWTH = 20, 5, 1.5
"""Replications at the first look, looks at most, and the growth from one look to the next at most."""

SKEWED, ENOUGH_IF_SKEWED = 2.0, 50
"""Sample skewness above which fewer than this many replications draw a warning."""

HEAVY_TAIL = "heavy tail: likely under-covers"


@dataclass(frozen=True)
class Interval:
    """Mean of replications with its confidence interval.

    Attributes
    ----------
    mean, low, high : float
        NaN where undefined; ``low`` and ``high`` need two values.
    sd : float
        Sample standard deviation (n - 1).
    n : int
        Values that were defined.
    skewness : float
        Sample skewness, NaN under three values or without spread.
    warning : str
        ``HEAVY_TAIL`` or empty.
    """

    mean: float
    low: float
    high: float
    sd: float
    n: int
    skewness: float
    warning: str = ""

    @property
    def half_width(self) -> float:
        """Half the length of the interval."""
        return (self.high - self.low) / 2


def willink(values: np.ndarray, level: float = 0.95) -> Interval:
    """Interval of a mean that allows for skewness; NaN values are left out.

    Two values give Student's interval, because skewness needs three; equal values give an interval of length 0.
    """
    x = np.asarray(values, float)
    x = x[~np.isnan(x)]
    n = len(x)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, math.nan, 0, math.nan)
    if n == 1:
        return Interval(float(x[0]), math.nan, math.nan, math.nan, 1, math.nan)
    low, high = willink_bounds(x[None, :], level)
    skewness = float(_skewness(x[None, :])[0])
    warning = HEAVY_TAIL if skewness > SKEWED and n < ENOUGH_IF_SKEWED else ""
    return Interval(float(x.mean()), float(low[0]), float(high[0]), float(x.std(ddof=1)), n, skewness, warning)


def willink_bounds(samples: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of Willink's interval for many samples at once.

    Parameters
    ----------
    samples : float array, shape (samples, n)
        Without NaN, n >= 2.
    level : float
        Confidence.

    Returns
    -------
    tuple of float array, shape (samples,)
        Lower and upper bounds.
    """
    from scipy.special import stdtrit

    n = samples.shape[1]
    mean, sd = samples.mean(axis=1), samples.std(axis=1, ddof=1)
    skewness = _skewness(samples)
    a = np.where(np.isnan(skewness), 0.0, skewness) / (6 * math.sqrt(n))
    t = float(stdtrit(n - 1, (1 + level) / 2))
    scale = sd / math.sqrt(n)
    return mean - _transformed(t, a) * scale, mean - _transformed(-t, a) * scale


def willink_p(interval: Interval, value: float = 0.0) -> float:
    """Two-sided p of a mean: one less the level at which a bound of Willink's interval touches ``value``.

    Without spread it is 1 if the mean is ``value`` and 0 if it is not; NaN under two values.
    """
    from scipy.special import stdtr

    if interval.n < 2:
        return math.nan
    if interval.sd == 0:
        return float(interval.mean == value)
    root = math.sqrt(interval.n)
    z = (interval.mean - value) * root / interval.sd
    a = 0.0 if math.isnan(interval.skewness) else interval.skewness / (6 * root)
    q = a + z + 2 * a * z**2 + 4 / 3 * a**2 * z**3
    return 2 * float(stdtr(interval.n - 1, -abs(q)))


def cautious(values: np.ndarray, level: float = 0.95) -> Interval:
    """Willink's and Student's interval of a mean together: from the lower of the low bounds to the higher high one.

    Willink's alone allows for skewness where there is none: the *difference* of two long-tailed figures is
    symmetric, its sample skewness is noise, and in 7 to 12 % of 20 such differences the interval excludes a true
    mean of 0. Student's alone fails where skewness is real. Measured coverage of both together at 95 %, n = 20:
    normal .957, exponential .958, lognormal of sigma 1.5 .903, differences of two such variables .955 and more.
    """
    from scipy.special import stdtrit

    found = willink(values, level)
    if found.n < 2:
        return found
    half = float(stdtrit(found.n - 1, (1 + level) / 2)) * found.sd / math.sqrt(found.n)
    return replace(found, low=min(found.low, found.mean - half), high=max(found.high, found.mean + half))


def cautious_p(interval: Interval, value: float = 0.0) -> float:
    """Two-sided p of a mean: one less the level at which a bound of the cautious interval touches ``value``."""
    student = willink_p(replace(interval, skewness=math.nan), value)
    return max(willink_p(interval, value), student)


def wilson(successes: int, n: int, level: float = 0.95) -> tuple[float, float, float]:
    """Share of successes with Wilson's interval: (share, low, high); NaN without trials."""
    from scipy.special import ndtri

    if n == 0:
        return math.nan, math.nan, math.nan
    z = float(ndtri((1 + level) / 2))
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return share, low, high


def order_quantile(values: np.ndarray, share: float, level: float = 0.95) -> tuple[float, float, float]:
    """A quantile with a distribution-free interval between two order statistics: (estimate, low, high).

    The estimate is the smallest value that at least ``share`` of the values do not exceed. Each tail of the
    interval has at most (1 - level) / 2; a bound that so few values cannot give is NaN.
    """
    from scipy.special import bdtr

    x = np.sort(np.asarray(values, float))
    x = x[~np.isnan(x)]
    n, tail = len(x), (1 - level) / 2
    if n == 0:
        return math.nan, math.nan, math.nan
    below = bdtr(np.arange(n, dtype=float), n, share)
    lows = np.flatnonzero(below <= tail)
    highs = np.flatnonzero(below >= 1 - tail)
    estimate = float(x[max(math.ceil(share * n - 1e-9), 1) - 1])
    low = float(x[lows[-1]]) if len(lows) else math.nan
    high = float(x[highs[0]]) if len(highs) else math.nan
    return estimate, low, high


@dataclass(frozen=True)
class Precision:
    """How tight an interval has to be: half-width <= max(absolute, relative * |mean|)."""

    absolute: float = 0.0
    relative: float = 0.0

    def target(self, interval: Interval) -> float:
        """Half-width that is asked for.

        Raises
        ------
        ValueError
            If only a relative target is given and the interval does not exclude 0: no number of replications
            might ever do.
        """
        if not self.absolute and not (interval.low > 0 or interval.high < 0):
            raise ValueError("precision: an absolute target is needed for a figure that may be near zero")
        return max(self.absolute, self.relative * abs(interval.mean))

    def reached(self, interval: Interval) -> bool:
        """Whether the interval is tight enough, and the sample large enough for its skewness."""
        return not interval.warning and interval.half_width <= self.target(interval)


def more_replications(interval: Interval, precision: Precision, look: int) -> int:
    """Total number of replications to have at the next look.

    Parameters
    ----------
    interval : Interval
        Of the replications so far.
    precision : Precision
        What is asked for.
    look : int
        Number of looks taken, this one included; after the last one the number stays.

    Returns
    -------
    int
        At least 20, at most half as many again as now; the number so far if that is enough.
    """
    if interval.n < FIRST:
        return FIRST
    if look >= LOOKS or precision.reached(interval):
        return interval.n
    needed = interval.n * (interval.half_width / precision.target(interval)) ** 2
    wanted = max(math.ceil(needed), ENOUGH_IF_SKEWED if interval.warning else 0, interval.n + 1)
    return min(wanted, math.ceil(GROWTH * interval.n))


def _skewness(samples: np.ndarray) -> np.ndarray:
    """Third central moment, without bias, over the cube of the standard deviation; NaN without spread."""
    n = samples.shape[1]
    if n < 3:
        return np.full(len(samples), np.nan)
    deviation = samples - samples.mean(axis=1, keepdims=True)
    sd = samples.std(axis=1, ddof=1)
    spread = sd > 1e-13 * np.abs(samples).max(axis=1)
    third = n * (deviation**3).sum(axis=1) / ((n - 1) * (n - 2))
    return np.where(spread, third / np.where(spread, sd, 1.0) ** 3, np.nan)


def _transformed(q: float, a: np.ndarray) -> np.ndarray:
    """Willink's G(q), which tends to q as a tends to 0."""
    flat = np.abs(a) < 1e-8
    safe = np.where(flat, 1.0, a)
    return np.where(flat, q, (np.cbrt(1 + 6 * safe * (q - safe)) - 1) / (2 * safe))
