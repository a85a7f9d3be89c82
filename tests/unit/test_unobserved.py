"""Unobserved components against theory: variances in closed form, effects, the ladder."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from analysis.forecast import unobserved
from analysis.forecast.space import covariance, root
from analysis.forecast.unobserved import Form, Member, Model, UnobservedComponents

LEVEL = Form("local level", 1, 0)
SMOOTH = Form("smooth trend", 1, 0)


def quarters(y: np.ndarray) -> pd.Series:
    return pd.Series(y, index=pd.date_range("1950-03-31", periods=len(y), freq="QE"))


def local_level(n: int, ratio: float, seed: int = 1) -> np.ndarray:
    """Noise of variance 1 about a random walk of variance `ratio`."""
    rng = np.random.default_rng(seed)
    return 50 + np.cumsum(rng.normal(0, np.sqrt(ratio), n)) + rng.normal(0, 1, n)


@pytest.fixture(scope="module")
def level() -> Member:
    member = unobserved.fit_form(local_level(400, 0.3), None, LEVEL, 1)
    assert member is not None
    return member


# Variances


def test_variance_of_a_local_level(level: Member) -> None:
    """P + (h - 1) q + r, with P the variance of the next level given the past, which solves P^2 = q P + q r."""
    r, q = level.results.params
    assert (r, q) == pytest.approx((1, 0.3), abs=0.2)
    predicted = (q + np.sqrt(q**2 + 4 * q * r)) / 2
    h = np.arange(1, 25)
    np.testing.assert_allclose(np.diag(covariance(level.results, 24)), predicted + (h - 1) * q + r, rtol=1e-6)
    np.testing.assert_allclose(covariance(level.results, 24)[3, 9], predicted + 3 * q, rtol=1e-6)


def test_variances_are_those_of_statsmodels() -> None:
    """With a trend and a season."""
    y = local_level(120, 0.2, 2) + 4 * np.sin(np.arange(120) * np.pi / 2)
    member = unobserved.fit_form(y, None, Form("local linear trend", 4, 2), 5)
    assert member is not None
    theirs = member.results.get_forecast(12)
    np.testing.assert_allclose(np.diag(covariance(member.results, 12)), theirs.var_pred_mean, rtol=1e-8)


def test_paths_have_the_moments_of_the_outlook(level: Member) -> None:
    model = Model(level, 10.0)
    paths = unobserved.sample(model, 12, 40_000, np.random.default_rng(3))
    mean, spread = model.moments(12)
    np.testing.assert_allclose(paths.mean(axis=0), mean, atol=0.4)
    np.testing.assert_allclose(np.cov(paths.T), spread, rtol=0.06)
    low, high = unobserved.outlook(model, 12).quantiles([0.025, 0.975])
    np.testing.assert_allclose((high - low) / (2 * ndtri(0.975)), np.sqrt(np.diag(spread)), rtol=2e-3)


def test_root_of_a_covariance_without_full_rank() -> None:
    a = np.random.default_rng(4).normal(0, 1, (6, 2))
    half = root(a @ a.T)
    np.testing.assert_allclose(half @ half, a @ a.T, atol=1e-12)
    np.testing.assert_allclose(half, half.T, atol=1e-12)


# Forms


def test_forms_by_length_and_season() -> None:
    assert len(list(unobserved.forms(60, 12))) == 6
    assert {form.season for form in unobserved.forms(26, 12)} == {1}
    assert {form.waves for form in unobserved.forms(200, 52)} == {0, unobserved.WAVES}
    assert list(unobserved.forms(9, 4)) == [LEVEL]


def test_criteria_are_on_the_same_values() -> None:
    """The sum of the logarithms of the densities after the longest start, with the penalty of AICc."""
    y = local_level(60, 0.3, 5)
    for form, k in ((LEVEL, 2), (SMOOTH, 2), (Form("local linear trend", 1, 0), 3)):
        member = unobserved.fit_form(y, None, form, 7)
        assert member is not None
        run = member.results.filter_results
        error, variance = run.forecasts_error[0, 7:], run.forecasts_error_cov[0, 0, 7:]
        density = -0.5 * np.sum(np.log(2 * np.pi * variance) + error**2 / variance)
        assert member.aicc == pytest.approx(-2 * density + 2 * k * 53 / (53 - k - 1))


def test_season_and_trend_are_found() -> None:
    t = np.arange(100)
    wave = 10 * np.sin(t * np.pi / 2)
    y = 100 + 2 * t + wave + np.random.default_rng(6).normal(0, 1, 100)
    fitted = UnobservedComponents().fit(quarters(y[:92]))
    assert fitted.model == "unobserved_components"
    np.testing.assert_allclose(fitted.predict(8)["mean"], 100 + 2 * t[92:] + wave[92:], atol=4)


@pytest.mark.slow
def test_coverage_on_its_own_process() -> None:
    """Over 30 worlds of a local level, at the steps 1 to 8."""
    inside: dict[int, list[bool]] = {80: [], 95: []}
    for seed in range(30):
        y = local_level(68, 0.2, seed)
        table = UnobservedComponents().fit(quarters(y[:60])).predict(8)
        for covered, found in inside.items():
            found.extend((table[f"lo-{covered}"] <= y[60:]) & (y[60:] <= table[f"hi-{covered}"]))
    assert 0.7 < np.mean(inside[80]) < 0.9
    assert 0.88 < np.mean(inside[95]) < 0.99


# Regression


def test_effect_is_unbiased_within_its_error() -> None:
    """A step of 5 on a local level, over 30 draws; the claimed error is that of the draws."""
    x = (np.arange(80) >= 40).astype(float)[:, None]
    found, claimed = [], []
    for seed in range(30):
        member = unobserved.fit_form(local_level(80, 0.1, seed) + 5 * x[:, 0], x, LEVEL, 1)
        assert member is not None
        assert member.effects is not None
        found.append(member.effects.coefficients[0] - 5)
        claimed.append(np.sqrt(member.effects.covariance[0, 0]))
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(30)
    assert np.mean(claimed) == pytest.approx(np.std(found), rel=0.3)
    assert (np.abs(found) < 3 * np.array(claimed)).all()


def test_effects_are_those_of_statsmodels() -> None:
    x = (np.arange(80) >= 40).astype(float)[:, None]
    y = local_level(80, 0.1, 7) + 5 * x[:, 0]
    member = unobserved.fit_form(y, x, LEVEL, 1)
    theirs = unobserved.components(y, LEVEL, x).fit(disp=False, cov_type="approx")
    assert member is not None
    assert member.effects is not None
    assert member.effects.coefficients[0] == pytest.approx(theirs.params[-1], rel=1e-3)
    assert np.sqrt(member.effects.covariance[0, 0]) == pytest.approx(theirs.bse[-1], rel=0.01)


# The ladder


def test_other_start_then_next_form_then_naive(monkeypatch: pytest.MonkeyPatch) -> None:
    y, exact = quarters(local_level(40, 0.3)), unobserved.likeliest
    monkeypatch.setattr(unobserved, "likeliest", lambda *a: exact(*a) if a[3] else None)
    assert UnobservedComponents().fit(y).note == ""
    monkeypatch.setattr(unobserved, "likeliest", lambda *a: None if a[2].trend == "local level" else exact(*a))
    assert "local level" in UnobservedComponents().fit(y).note
    monkeypatch.setattr(unobserved, "likeliest", lambda *_: None)
    assert UnobservedComponents().fit(y).model == "seasonal_naive"


def test_forms_that_run_away_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unobserved, "BEYOND", 0.0)
    fitted = UnobservedComponents().fit(quarters(local_level(40, 0.3)))
    assert fitted.model == "seasonal_naive"
    assert "smooth trend" in fitted.note


@pytest.mark.parametrize("unit", [1e-6, 1e9])
def test_units_do_not_matter(unit: float) -> None:
    y = local_level(40, 0.3)
    usual, other = (UnobservedComponents().fit(quarters(y * u)).predict(6) for u in (1.0, unit))
    np.testing.assert_allclose(other, usual * unit, rtol=1e-4)


def test_short_constant_and_without_noise() -> None:
    assert "only 9 values" in UnobservedComponents().fit(quarters(local_level(9, 0.3))).note
    assert "constant" in UnobservedComponents().fit(quarters(np.full(30, 4.0))).note
    line = UnobservedComponents().fit(quarters(np.arange(36.0)))
    assert np.isfinite(line.predict(6)).all(axis=None)
