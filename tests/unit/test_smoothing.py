"""The smoothing trio: seasonal adjustment, the fit, distributions by theory, the ladder."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from analysis.forecast import smoothing
from analysis.forecast.combine import weighted_quantiles
from analysis.forecast.fitted import Forecaster
from analysis.forecast.season import NO_SEASON, Season, decompose, season_of, seasonal
from analysis.forecast.smoothing import (
    DAMPED,
    HOLT,
    SES,
    Average,
    Damped,
    Form,
    Holt,
    Ses,
    Smooth,
    Trio,
    smooth,
)

WAVE = np.sin(np.arange(12) * np.pi / 6)
MEMBERS = (Ses(), Holt(), Damped())
SIMPLE = Smooth(alpha=0.4, beta=0.0, phi=0.0, level=10.0, trend=0.0, sigma=2.0)
TREND = Smooth(alpha=0.4, beta=0.1, phi=1.0, level=10.0, trend=0.5, sigma=2.0)
FADING = Smooth(alpha=0.4, beta=0.1, phi=0.9, level=10.0, trend=0.5, sigma=2.0)


def monthly(y: np.ndarray) -> pd.Series:
    return pd.Series(y, index=pd.date_range("2015-01-31", periods=len(y), freq="ME"))


def wavy(n: int = 72, seed: int = 1) -> np.ndarray:
    t = np.arange(n)
    noise = np.random.default_rng(seed).normal(0, 4, n)
    return 200 + 2 * t + 30 * np.sin(t * np.pi / 6) + noise


def walked(model: Smooth, h: int, paths: int) -> np.ndarray:
    """Paths of the state equations, one step after the other, shape (paths, h)."""
    errors = np.random.default_rng(8).normal(0, model.sigma, (h, paths))
    level, trend = np.full(paths, model.level), np.full(paths, model.trend)
    steps = []
    for error in errors:
        expected = level + model.phi * trend
        steps.append(expected + error)
        level, trend = expected + model.alpha * error, model.phi * trend + model.beta * error
    return np.stack(steps, axis=1)


# The season


@pytest.mark.parametrize("m", [4, 7, 12])
def test_decomposition_finds_a_season_on_a_line_exactly(m: int) -> None:
    terms = np.random.default_rng(2).normal(0, 10, m)
    terms -= terms.mean()
    y = 50 + 3.0 * np.arange(5 * m) + np.tile(terms, 5)
    np.testing.assert_allclose(decompose(y, m, multiplicative=False).indices, terms, atol=1e-9)


def test_decomposition_finds_factors_on_a_level_exactly() -> None:
    factors = 1 + WAVE / 2
    found = decompose(80 * np.tile(factors, 4), 12, multiplicative=True)
    np.testing.assert_allclose(found.indices, factors / factors.mean(), rtol=1e-12)


@pytest.mark.parametrize("multiplicative", [True, False])
def test_adjusting_and_restoring_are_inverse(multiplicative: bool) -> None:
    season = Season(np.array([0.5, 1.5, 0.8, 1.2]), multiplicative)
    y = np.arange(1.0, 12.0)
    np.testing.assert_allclose(season.restore(season.adjust(y), 0), y)
    np.testing.assert_allclose(season.restore(season.adjust(y)[6:], 6), y[6:])


def test_a_season_is_found_where_there_is_one() -> None:
    noise = [np.random.default_rng(seed).normal(size=72) for seed in range(300)]
    season = np.tile(1.5 * WAVE, 6)
    for base in (np.array(noise), np.cumsum(noise, axis=1), noise + 0.2 * np.arange(72)):
        assert np.mean([seasonal(y, 12) for y in base]) < 0.1
        assert np.mean([seasonal(y + season, 12) for y in base]) > 0.9
    assert seasonal(wavy(), 12)
    assert season_of(noise[0][:35], 12) is NO_SEASON
    assert season_of(wavy(35), 12) is NO_SEASON
    assert season_of(np.tile([1.0, 9.0], 30), 1) is NO_SEASON


def test_factors_only_for_positive_data_and_never_near_zero() -> None:
    assert season_of(wavy(), 12).multiplicative
    assert not season_of(wavy() - 250, 12).multiplicative
    nearly_closed = np.tile(np.r_[0.001, np.full(11, 100.0)], 6)
    assert not season_of(nearly_closed, 12).multiplicative


# The fit


@pytest.mark.parametrize("form", [SES, HOLT, DAMPED], ids=lambda form: form.name)
def test_no_candidate_of_a_fine_grid_is_much_better(form: Form) -> None:
    """The search against 4000 random candidates; that their squares are right is the next test."""
    y = wavy(60) / 100
    fit = smooth(y, form)
    mse = fit.sigma**2 / (60 / (60 - form.parameters))
    rng = np.random.default_rng(6)
    low, high = np.array(form.bounds).T
    candidates = low[:, None] + (high - low)[:, None] * rng.uniform(size=(3, 4000))
    squares = smoothing.squares(y, candidates, form.states) / 60
    assert mse <= squares.min() * (1 + 1e-6)


@pytest.mark.parametrize("form", [SES, HOLT, DAMPED], ids=lambda form: form.name)
def test_squares_are_those_of_the_recursion(form: Form) -> None:
    """The best initial states by a numerical optimiser over a plain recursion."""
    from scipy.optimize import minimize

    y = wavy(30) / 100
    alpha, share, phi = 0.3, 0.2 * (form.states - 1), form.bounds[2][1]

    def squares(states: np.ndarray) -> float:
        level, trend = states[0], states[1] if form.states == 2 else 0.0
        total = 0.0
        for value in y:
            error = value - level - phi * trend
            total += error**2
            level, trend = level + phi * trend + alpha * error, phi * trend + alpha * share * error
        return total

    best = minimize(squares, np.array([y[0], 0.0])[: form.states], method="BFGS").fun
    got = smoothing.squares(y, np.array([[alpha], [share], [phi]]), form.states)
    assert got[0] == pytest.approx(best, rel=1e-6)


def test_parameters_of_a_long_series_are_recovered() -> None:
    for model, form in ((SIMPLE, SES), (TREND, HOLT)):
        fit = smooth(walked(model, 3000, 1)[:, :].ravel(), form)
        assert fit.alpha == pytest.approx(model.alpha, abs=0.06)
        assert fit.beta == pytest.approx(model.beta, abs=0.03)
        assert fit.sigma == pytest.approx(model.sigma, rel=0.05)


@pytest.mark.parametrize("form", [SES, HOLT, DAMPED], ids=lambda form: form.name)
def test_sigma_is_corrected_for_all_that_was_estimated(form: Form) -> None:
    y = wavy(60)
    fit = smooth(y, form, others=11)
    best = np.array([[fit.alpha], [fit.beta / fit.alpha], [fit.phi]])
    squares = smoothing.squares(y, best, form.states)[0]
    free = {"ses": 2, "holt": 4, "damped": 5}[form.name]
    assert fit.sigma**2 == pytest.approx(squares / (60 - free - 11), rel=1e-6)


def test_the_season_counts_as_estimated() -> None:
    y = wavy()
    season = season_of(y, 12)
    assert season.parameters == 11
    sigma = smooth(season.adjust(y), SES, 11).sigma
    width = Ses().fit(monthly(y)).predict(1, (80,)).diff(axis=1)["hi-80"].iloc[0]
    assert width == pytest.approx(2 * 1.281552 * sigma * season.indices[0], rel=0.005)


def test_a_line_is_continued_without_error() -> None:
    y = 5 + 3.0 * np.arange(30)
    fit = smooth(y, HOLT)
    np.testing.assert_allclose(fit.mean(4), 5 + 3.0 * np.arange(30, 34), rtol=1e-9)
    assert fit.sigma == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("forecaster", [*MEMBERS, Trio()], ids=lambda f: f.name)
def test_units_do_not_matter(forecaster: Forecaster) -> None:
    small, large = (forecaster.fit(monthly(wavy() * unit)).predict(6) for unit in (1.0, 2.0**30))
    np.testing.assert_allclose(large, small * 2.0**30, rtol=1e-9)


# Distributions


def test_variances_are_the_published_ones() -> None:
    """Hyndman, Koehler, Ord & Snyder (2008), table 6.2: forms ANN, AAN, AAdN, in closed form."""
    h, a, b, f = np.arange(1, 25), 0.4, 0.1, 0.9
    simple = 1 + a**2 * (h - 1)
    trend = 1 + (h - 1) * (a**2 + a * b * h + b**2 * h * (2 * h - 1) / 6)
    fading = 1 + a**2 * (h - 1)
    fading = fading + b * f * h / (1 - f) ** 2 * (2 * a * (1 - f) + b * f)
    fading = fading - b * f * (1 - f**h) / ((1 - f) ** 2 * (1 - f**2)) * (
        2 * a * (1 - f**2) + b * f * (1 + 2 * f - f**h)
    )
    for model, expected in ((SIMPLE, simple), (TREND, trend), (FADING, fading)):
        np.testing.assert_allclose((model.spread(24) / model.sigma) ** 2, expected, rtol=1e-10)


@pytest.mark.parametrize("model", [SIMPLE, TREND, FADING], ids=["ses", "holt", "damped"])
def test_distributions_are_those_of_the_state_equations(model: Smooth) -> None:
    """Mean, spread and correlation over steps of the outlook and of the sample paths, against the recursion."""
    average = Average([model], NO_SEASON, 40)
    truth = walked(model, 15, 40000)
    drawn = average.sample(15, 40000, np.random.default_rng(4))
    view = average.outlook(15)
    spread = truth.std(axis=0)
    np.testing.assert_allclose(view.mean, truth.mean(axis=0), atol=0.03 * spread.max())
    np.testing.assert_allclose(view.points.std(axis=0), spread, rtol=0.02)
    np.testing.assert_allclose(drawn.std(axis=0), spread, rtol=0.02)
    np.testing.assert_allclose(np.corrcoef(drawn.T), np.corrcoef(truth.T), atol=0.03)


def test_the_season_scales_the_distribution() -> None:
    factors = np.array([0.5, 1.5])
    plain, times = (Average([SIMPLE], season, 3) for season in (NO_SEASON, Season(factors, multiplicative=True)))
    expected = plain.outlook(4).points * np.array([1.5, 0.5, 1.5, 0.5])
    np.testing.assert_allclose(times.outlook(4).points, expected)


# The trio


def test_the_trio_averages_its_members() -> None:
    y = monthly(wavy())
    trio, members = Trio().fit(y), [member.fit(y) for member in MEMBERS]
    levels = (50, 80, 95)
    mean = sum(fit.predict(18, levels) for fit in members) / 3
    pd.testing.assert_frame_equal(trio.predict(18, levels), mean, rtol=1e-9)


def test_paths_of_the_trio_are_as_wide_as_its_quantiles() -> None:
    still, jumpy = (Smooth(a, b, phi=1.0, level=10.0, trend=0.5, sigma=2.0) for a, b in ((0.0, 0.0), (1.0, 0.8)))
    average = Average([still, FADING, jumpy], Season(1 + WAVE / 3, multiplicative=True), 50)
    drawn = average.sample(24, 40000, np.random.default_rng(2))
    expected = average.outlook(24).quantiles([0.1, 0.5, 0.9])
    got = np.quantile(drawn, [0.1, 0.5, 0.9], axis=0)
    assert (np.abs(got - expected) < 0.02 * (expected[2] - expected[0])).all()


def test_quantiles_of_the_trio_are_mean_quantiles_not_a_mixture() -> None:
    far = Smooth(alpha=0.4, beta=0.0, phi=0.0, level=40.0, trend=0.0, sigma=1.0)
    view = Average([SIMPLE, far], NO_SEASON, 10).outlook(1)
    low, high = weighted_quantiles(view.points[:, 0], view.weights, [0.1, 0.9])
    assert (low, high) == pytest.approx((25 - 1.281552 * 1.5, 25 + 1.281552 * 1.5), abs=0.01)


# The ladder


def test_a_form_that_runs_away_is_left_out() -> None:
    """Weekly values that grow tenfold a week: Holt's line leaves all bounds within two years."""
    weeks = pd.date_range("2024-01-07", periods=16, freq="W-SUN")
    y = pd.Series(10.0 ** np.arange(16), index=weeks)
    holt = Holt().fit(y)
    assert holt.model == "naive"
    assert "run away and left out: holt" in holt.note
    trio, rest = Trio().fit(y), [f.fit(y) for f in (Ses(), Damped())]
    assert trio.model == "trio"
    assert "left out: holt" in trio.note
    np.testing.assert_allclose(trio.predict(8)["mean"], sum(f.predict(8)["mean"] for f in rest) / 2)


def test_nothing_left_is_naive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoothing, "BEYOND", 0.0)
    fit = Trio().fit(monthly(wavy()))
    assert fit.model == "seasonal_naive"
    assert "ses, holt, damped" in fit.note


def test_a_season_and_nothing_else() -> None:
    """Adjusted data are constant: the season is repeated, without width."""
    y = np.tile([1.0, 2.0, 4.0, 2.0, 1.0, 8.0] * 2, 5)
    table = Trio().fit(monthly(y)).predict(12)
    np.testing.assert_allclose(table["mean"], y[:12], rtol=1e-9)
    np.testing.assert_allclose(table["hi-95"], table["lo-95"], atol=1e-6)


@pytest.mark.parametrize(("n", "model"), [(1, "naive"), (9, "naive"), (10, "trio")])
def test_short_series(n: int, model: str) -> None:
    fit = Trio().fit(monthly(wavy(n)))
    assert fit.model == model
    assert ("only" in fit.note) == (model == "naive")


def test_nothing_heavy_is_imported_to_fit() -> None:
    code = (
        "import sys, numpy as np, pandas as pd\n"
        "from analysis.forecast.smoothing import Trio\n"
        "Trio().fit(pd.Series(np.arange(40.) % 7, index=pd.date_range('2020-01-31', periods=40, freq='ME')))\n"
        "print([m for m in ('scipy.optimize', 'statsmodels') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
