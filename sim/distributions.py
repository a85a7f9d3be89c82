"""Distributions bound to segments: one uniform in, one value out, and each knows its mean.

Every value comes by inversion from one uniform, so that a change of a parameter moves each account's value
without reshuffling it. The inverse normal is Wichura's algorithm AS 241 (Applied Statistics 37, 1988).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sim.spec import distribution as spec
from sim.spec.fields import BySegment

_CENTRE = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
_TAIL = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
_FAR = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], r: np.ndarray) -> np.ndarray:
    above, below = coefficients
    top, bottom = np.full_like(r, above[-1]), np.full_like(r, below[-1])
    for a, b in zip(above[-2::-1], below[-2::-1], strict=True):
        top, bottom = top * r + a, bottom * r + b
    return top / bottom


def normal(u: np.ndarray) -> np.ndarray:
    """Standard normal quantiles of uniforms in (0, 1), accurate to about 1e-15."""
    q = u - 0.5
    z = q * _ratio(_CENTRE, 0.180625 - q * q)
    tail = np.flatnonzero(np.abs(q) > 0.425)
    if tail.size:
        r = np.sqrt(-np.log(np.minimum(u[tail], 1.0 - u[tail])))
        outer = np.where(r <= 5.0, _ratio(_TAIL, r - 1.6), _ratio(_FAR, r - 5.0))
        z[tail] = np.copysign(outer, q[tail])
    return z


def by_segment(value: BySegment, segments: tuple[str, ...]) -> np.ndarray:
    """One number per segment, in the order of the market's segments."""
    if isinstance(value, dict):
        return np.array([value[name] for name in segments], float)
    return np.full(len(segments), float(value))


@dataclass(frozen=True)
class Bound:
    """A distribution whose parameters are known for every segment.

    ``ppf(u, segment)`` maps uniforms to values, ``cdf(x, segment)`` values to uniforms, all arrays of one length;
    ``mean`` and ``median`` hold one number per segment.
    """

    ppf: Callable[[np.ndarray, np.ndarray], np.ndarray]
    cdf: Callable[[np.ndarray, np.ndarray], np.ndarray]
    mean: np.ndarray

    @property
    def median(self) -> np.ndarray:
        """Median per segment."""
        n = len(self.mean)
        return self.ppf(np.full(n, 0.5), np.arange(n))


def bind(distribution: spec.Distribution, segments: tuple[str, ...]) -> Bound:
    """Resolve the parameters of a distribution for all segments."""

    def per(value: BySegment) -> np.ndarray:
        return by_segment(value, segments)

    match distribution:
        case spec.Fixed():
            return _fixed(per(distribution.value))
        case spec.Exponential():
            return _exponential(per(distribution.mean))
        case spec.Lognormal():
            return _lognormal(per(distribution.median), per(distribution.sigma))
        case spec.Weibull():
            return _weibull(per(distribution.scale), per(distribution.shape))
        case spec.Uniform():
            return _uniform(per(distribution.low), per(distribution.high))
        case spec.Triangular():
            return _triangular(per(distribution.low), per(distribution.mode), per(distribution.high))
    raise TypeError(f"no such distribution: {distribution!r}")


def longer(bound: Bound, spent: np.ndarray, u: np.ndarray, segment: np.ndarray) -> np.ndarray:
    """Values given that they are longer than ``spent``, from one uniform each: F^-1(F(spent) + (1 - F(spent)) u)."""
    reached = bound.cdf(spent, segment)
    return np.maximum(bound.ppf(np.minimum(reached + (1 - reached) * u, _BELOW_ONE), segment), spent)


def seen(bound: Bound, u: np.ndarray, segment: np.ndarray) -> np.ndarray:
    """Lengths of what is found under way at an arbitrary moment, from one uniform each.

    Long ones are found more often, in proportion to their length; a uniform part of each is then left (the
    equilibrium distribution of a renewal process). Inverted on a grid of quantiles.
    """
    found = np.empty(len(u))
    for i, s in enumerate(segment.tolist()):
        lengths = bound.ppf(_QUANTILES, np.full(len(_QUANTILES), s))
        weight = np.cumsum(lengths)
        found[i] = lengths[min(int(np.searchsorted(weight, u[i] * weight[-1])), len(lengths) - 1)]
    return found


_BELOW_ONE = 1.0 - 2.0**-53
_QUANTILES = (np.arange(2048) + 0.5) / 2048


def normal_cdf(z: np.ndarray) -> np.ndarray:
    """Standard normal distribution function."""
    return np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in np.asarray(z, float).tolist()])


def _fixed(value: np.ndarray) -> Bound:
    return Bound(lambda u, s: value[s] + 0.0 * u, lambda x, s: (x >= value[s]).astype(float), value)


def _exponential(mean: np.ndarray) -> Bound:
    return Bound(lambda u, s: -mean[s] * np.log1p(-u), lambda x, s: -np.expm1(-np.maximum(x, 0.0) / mean[s]), mean)


def _lognormal(median: np.ndarray, sigma: np.ndarray) -> Bound:
    def cdf(x: np.ndarray, s: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.log(np.maximum(x, 0.0) / median[s]) / sigma[s]
        return np.where(sigma[s] > 0, normal_cdf(z), (x >= median[s]).astype(float))

    return Bound(lambda u, s: median[s] * np.exp(sigma[s] * normal(u)), cdf, median * np.exp(sigma**2 / 2))


def _weibull(scale: np.ndarray, shape: np.ndarray) -> Bound:
    mean = scale * np.array([math.gamma(1 + 1 / k) for k in shape])
    return Bound(
        lambda u, s: scale[s] * (-np.log1p(-u)) ** (1 / shape[s]),
        lambda x, s: -np.expm1(-((np.maximum(x, 0.0) / scale[s]) ** shape[s])),
        mean,
    )


def _uniform(low: np.ndarray, high: np.ndarray) -> Bound:
    def cdf(x: np.ndarray, s: np.ndarray) -> np.ndarray:
        span = (high - low)[s]
        within = np.divide(x - low[s], span, out=(x >= high[s]).astype(float), where=span > 0)
        return np.clip(within, 0.0, 1.0)

    return Bound(lambda u, s: low[s] + (high - low)[s] * u, cdf, (low + high) / 2)


def _triangular(low: np.ndarray, mode: np.ndarray, high: np.ndarray) -> Bound:
    span = np.where(high > low, high - low, 1.0)
    knee = (mode - low) / span

    def ppf(u: np.ndarray, s: np.ndarray) -> np.ndarray:
        rising = low[s] + np.sqrt(u * span[s] * (mode - low)[s])
        falling = high[s] - np.sqrt((1 - u) * span[s] * (high - mode)[s])
        return np.where(u < knee[s], rising, falling)

    def cdf(x: np.ndarray, s: np.ndarray) -> np.ndarray:
        up, down = np.maximum(x - low[s], 0.0), np.maximum(high[s] - x, 0.0)
        rise, fall = span[s] * (mode - low)[s], span[s] * (high - mode)[s]
        rising = np.divide(up * up, rise, out=np.zeros_like(up), where=rise > 0)
        falling = 1.0 - np.divide(down * down, fall, out=np.zeros_like(down), where=fall > 0)
        return np.clip(np.where(x < mode[s], rising, falling), 0.0, 1.0)

    return Bound(ppf, cdf, (low + mode + high) / 3)
