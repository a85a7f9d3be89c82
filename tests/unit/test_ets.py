"""Exponential smoothing: its forms, their likelihood and recursion beside statsmodels, the average, the ladder."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.forecast import ets, forms
from analysis.forecast.forms import Errors, Form, Member, fit_form, least_squares, recurse

FORMS = [Form(e, t, d, s) for e in ("add", "mul") for t, d in ((None, False), ("add", True)) for s in (None, "add")]
FORMS += [Form("mul", "add", False, "mul"), Form("mul", None, False, "mul")]


def monthly(y: np.ndarray) -> pd.Series:
    return pd.Series(y, index=pd.date_range("2015-01-31", periods=len(y), freq="ME"))


def seasonal(n: int = 60, seed: int = 3) -> np.ndarray:
    t = np.arange(n)
    noise = np.random.default_rng(seed).normal(0, 3, n)
    return 200 + 2 * t + 30 * np.sin(t * np.pi / 6) + noise


def fitted(form: Form, y: np.ndarray) -> tuple[Member, Any, np.ndarray]:
    """Our fit, statsmodels' model of the same form, and our estimates in its order."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    season = 12 if form.seasonal else None
    named = {"error": form.error, "trend": form.trend, "damped_trend": form.damped, "seasonal": form.seasonal}
    model = ETSModel(y, **named, seasonal_periods=season)
    member, errors = fit_form(y, 12, form, "estimated"), Errors(y, 12, form, "estimated")
    assert member is not None
    errors(least_squares_of(errors))
    alpha, beta, gamma, phi, *states = errors.whole
    np.testing.assert_array_equal(member.shares, [alpha, beta, gamma, phi])
    used = [True, form.trend, form.seasonal, form.damped, True, form.trend, *[form.seasonal] * (12 if season else 1)]
    whole = np.r_[alpha, alpha * beta, (1 - alpha) * gamma, phi, states]
    return member, model, whole[[bool(u) for u in used]]


def least_squares_of(errors: Errors) -> np.ndarray:
    found = least_squares(errors, errors.begin, errors.low, errors.high)
    assert found is not None
    return found


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_likelihood_and_its_maximum_are_those_of_statsmodels(form: Form) -> None:
    """Ours at our estimates is the published one, and their optimiser finds no higher one."""
    y = seasonal() / 250
    member, model, estimates = fitted(form, y)
    k = member.parameters
    assert k == len(estimates) + (0 if form.seasonal else 1)
    own = -(member.aicc - 2 * k * 60 / (60 - k - 1)) / 2
    assert own == pytest.approx(model.loglike(estimates), abs=1e-6)
    assert own > model.fit(disp=False).llf - 0.01


@pytest.mark.parametrize("form", FORMS[:8], ids=str)
def test_paths_are_those_of_statsmodels(form: Form) -> None:
    """Forms without multiplicative seasons, whose season statsmodels simulates otherwise than it fits."""
    y = seasonal() / 250
    member, model, estimates = fitted(form, y)
    results = model.smooth(estimates)
    shocks = np.random.default_rng(4).normal(0, 0.05, (18, 5))
    theirs = results.simulate(18, anchor="end", repetitions=5, random_errors=shocks)
    np.testing.assert_allclose(recurse(member, shocks), theirs, rtol=1e-8)
    mean = ets.simulate(member, shocks).mean
    np.testing.assert_allclose(mean, results.forecast(18), rtol=1e-8)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_recursion_ahead_is_the_one_that_was_fitted(form: Form) -> None:
    """The last twenty values come back from the state before them and the errors that were made on them."""
    y = seasonal() / 250
    errors = Errors(y, 12, form, "estimated")
    x = least_squares_of(errors)
    error = errors.own(x)
    member = Member(form, errors.whole[:4], errors.states[39], 0.0, 60, len(x) + 1, 0.0)
    np.testing.assert_allclose(recurse(member, error[40:, None])[:, 0], y[40:], rtol=1e-9)


def test_forms_by_what_the_data_admit() -> None:
    positive, mixed = np.arange(1.0, 40), np.arange(-5.0, 34)
    names = {str(form) for form in ets.forms(positive, 12)}
    assert len(names) == 15
    assert {"ANN", "MAdM", "MNA"} <= names
    assert not {"ANM", "AAM", "AAdM"} & names
    assert {str(f) for f in ets.forms(mixed, 12)} == {"ANN", "AAN", "AAdN", "ANA", "AAA", "AAdA"}
    assert {str(f) for f in ets.forms(positive[:25], 12)} == {"ANN", "AAN", "AAdN", "MNN", "MAN", "MAdN"}


def test_scores_are_standard_normal_and_always_the_same() -> None:
    scores = ets.normal_scores(12)
    assert scores.shape == (12, 2**ets.PATHS_LOG2)
    np.testing.assert_allclose(scores.mean(axis=1), 0, atol=0.003)
    np.testing.assert_allclose(scores.std(axis=1), 1, atol=0.005)
    np.testing.assert_array_equal(scores, ets.normal_scores(12))
    with pytest.raises(ValueError, match="read-only"):
        scores[0, 0] = 0


def test_paths_have_the_published_variance() -> None:
    """Additive Holt: variance 1 + (h-1)(alpha^2 + alpha beta h + beta^2 h (2h-1)/6) (Hyndman et al. 2008)."""
    y = seasonal(48)
    member = fit_form(y / y.mean(), 12, Form("add", "add", False, None), "estimated")
    assert member is not None
    h = np.arange(1, 13)
    a, b = member.shares[0], member.shares[0] * member.shares[1]
    expected = 1 + (h - 1) * (a**2 + a * b * h + b**2 * h * (2 * h - 1) / 6)
    view = ets.simulate(member, ets.normal_scores(12))
    assert member.parameters == 5
    np.testing.assert_allclose(view.points.var(axis=0), expected * member.squares * 48 / (48 - 5), rtol=0.03)


def test_weights_favour_low_aicc() -> None:
    member = fit_form(seasonal() / 250, 12, Form("add", None, False, None), "estimated")
    assert member is not None
    got = ets.weights([replace(member, aicc=aicc) for aicc in (100.0, 102.0, 140.0)])
    assert got.sum() == pytest.approx(1)
    assert got[0] / got[1] == pytest.approx(np.e)
    assert got[2] < 1e-8


def test_season_and_trend_are_found() -> None:
    y = monthly(seasonal())
    table = ets.Ets().fit(y.iloc[:48]).predict(12)
    assert np.abs(table["mean"] - y.iloc[48:]).max() < 15
    assert table["hi-95"].sub(table["lo-95"]).mean() < 40


def test_the_ladder_notes_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails_if_estimated(y: np.ndarray, season: int, form: Form, start: str) -> Member | None:
        return None if start == "estimated" else fit_form(y, season, form, start)

    y = monthly(seasonal(48))
    monkeypatch.setattr(ets, "fit_form", fails_if_estimated)
    second = ets.Ets().fit(y)
    assert second.model == "ets"
    assert "not usable with estimated start: ANN" in second.note
    monkeypatch.setattr(ets, "fit_form", lambda *_: None)
    last = ets.Ets().fit(y)
    assert last.model == "seasonal_naive"
    assert "decomposed" in last.note


def test_what_does_not_come_to_rest_is_no_member(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "ITERATIONS", 2)
    members, failed = ets.fit_members(seasonal() / 250, 12, "estimated")
    assert len(members) + len(failed) <= 15
    assert {"AAA", "MAM"} <= set(failed)


@pytest.mark.parametrize("bound", [-2.0, 0.25, 3.0])
def test_least_squares_within_bounds(bound: float) -> None:
    """The banana-shaped valley of Rosenbrock (1960): least at (1, 1), or on the bound of the second number."""

    def valley(x: np.ndarray) -> np.ndarray:
        return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])

    high = np.array([np.inf, bound])
    found = forms.least_squares(valley, np.array([-1.2, -3.0]), np.array([-np.inf, -3.0]), high)
    assert found is not None
    grid = np.linspace(-2, 2, 400_001)
    on_bound = grid[np.argmin(100 * (bound - grid**2) ** 2 + (1 - grid) ** 2)]
    expected = [1.0, 1.0] if bound > 1 else [on_bound, bound]
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_scale_of_the_data_does_not_matter() -> None:
    y = monthly(seasonal(48))
    small, large = ets.Ets().fit(y).predict(6), ets.Ets().fit(y * 2.0**20).predict(6)
    np.testing.assert_allclose(large, small * 2.0**20, rtol=1e-6)
