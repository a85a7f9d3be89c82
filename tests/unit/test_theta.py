"""Theta: the mean of two lines, simple smoothing with drift, its own variance."""

import numpy as np
import pandas as pd
import pytest

from analysis.forecast import smoothing
from analysis.forecast.season import NO_SEASON
from analysis.forecast.smoothing import SES, Average, Trio, smooth
from analysis.forecast.theta import Theta, ThetaTrio, drift, slope


def monthly(y: np.ndarray) -> pd.Series:
    return pd.Series(y, index=pd.date_range("2015-01-31", periods=len(y), freq="ME"))


def drifting(n: int = 60, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 100 + np.cumsum(rng.normal(0.8, 2, n)) + rng.normal(0, 3, n)


def test_slope_is_that_of_least_squares() -> None:
    y = drifting()
    assert slope(y) == pytest.approx(np.polyfit(np.arange(60), y, 1)[0])


def test_the_mean_of_two_lines() -> None:
    """Assimakopoulos & Nikolopoulos (2000): the trend extrapolated, and the smoothed line of doubled curvature."""
    y, h = drifting(), np.arange(1, 13)
    b, a = np.polyfit(np.arange(60), y, 1)
    doubled = smooth(2 * y - (a + b * np.arange(60)), SES)
    expected = (a + b * (59 + h) + doubled.mean(12)) / 2
    np.testing.assert_allclose(drift(y).mean(12), expected, rtol=1e-9)


def test_smoothing_with_drift() -> None:
    """The recursion with drift of half the slope ends at the same forecasts and has the same errors."""
    y = drifting()
    fit, half = drift(y), np.polyfit(np.arange(60), y, 1)[0] / 2
    unit = (1 - fit.alpha) ** np.arange(60)

    def errors(level: float) -> tuple[np.ndarray, float]:
        found = []
        for value in y:
            found.append(value - level - half)
            level = level + half + fit.alpha * found[-1]
        return np.array(found), level

    start = errors(0.0)[0] @ unit / (unit @ unit)
    found, last = errors(start)
    np.testing.assert_allclose(fit.mean(8), last + half * np.arange(1, 9), rtol=1e-9)
    assert fit.sigma**2 == pytest.approx(found @ found / (60 - 3), rel=1e-9)


def test_published_form_of_the_forecast() -> None:
    """Hyndman & Billah (2003): simple smoothing plus half the slope times h - 1 + 1/alpha, for long series."""
    y = drifting(400)
    fit, half = drift(y), slope(y) / 2
    level = y[0]
    for value in y:
        level += fit.alpha * (value - level)
    expected = level + half * (np.arange(12) + 1 / fit.alpha)
    np.testing.assert_allclose(fit.mean(12), expected, rtol=1e-9)


def test_variance_of_outlook_and_paths() -> None:
    fit = drift(drifting())
    average = Average([fit], NO_SEASON, 60)
    expected = fit.sigma * np.sqrt(1 + np.arange(18) * fit.alpha**2)
    np.testing.assert_allclose(fit.spread(18), expected, rtol=1e-12)
    np.testing.assert_allclose(average.outlook(18).points.std(axis=0), expected, rtol=0.01)
    drawn = average.sample(18, 40000, np.random.default_rng(1))
    np.testing.assert_allclose(drawn.std(axis=0), expected, rtol=0.02)


def test_season_and_half_the_trend() -> None:
    """A line with a season: the season returns, and half the trend."""
    t = np.arange(84)
    noise = np.random.default_rng(5).normal(0, 1, 84)
    factors = 1 + 0.15 * np.sin(t * np.pi / 6)
    y = (300 + 2.0 * t) * factors + noise
    fit = Theta().fit(monthly(y[:72]))
    assert fit.model == "theta"
    mean = fit.predict(12)["mean"].to_numpy()
    rise = np.polyfit(np.arange(12), mean / factors[72:], 1)[0]
    assert 0.8 < rise < 1.4
    assert np.abs(mean - y[72:]).max() < 20


def test_intervals_cover_what_they_say() -> None:
    """Series of smoothing with drift, whose level moves as the variance formula has it: coverage over 300."""
    inside = []
    for seed in range(300):
        error = np.random.default_rng(seed).normal(0, 1, 66)
        y = np.cumsum(np.r_[0.0, 0.3 * error[:-1]]) + error + 50
        table = Average([drift(y[:60], 0)], NO_SEASON, 60).outlook(6).quantiles([0.1, 0.9])
        inside.append(np.mean((y[60:] >= table[0]) & (y[60:] <= table[1])))
    assert np.mean(inside) == pytest.approx(0.8, abs=0.05)


def test_the_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "only 9 values" in Theta().fit(monthly(drifting(9))).note
    assert "constant" in Theta().fit(monthly(np.ones(40))).note
    monkeypatch.setattr(smoothing, "BEYOND", 0.0)
    fit = Theta().fit(monthly(drifting()))
    assert fit.model == "seasonal_naive"
    assert "run away and left out: theta" in fit.note


def test_repairs_are_noted() -> None:
    y = monthly(drifting())
    y.iloc[20] = np.nan
    fit = Theta().fit(y)
    assert fit.model == "theta"
    assert "interpolated" in fit.note


def test_theta_weighs_as_much_as_the_trio() -> None:
    y = monthly(drifting())
    both, parts = ThetaTrio().fit(y).predict(12), [f.fit(y).predict(12) for f in (Theta(), Trio())]
    pd.testing.assert_frame_equal(both, sum(parts) / 2, rtol=1e-9)
