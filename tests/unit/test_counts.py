"""Forecasts of small counts against Poisson and negative binomial theory."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom, poisson

from analysis.forecast import counts
from analysis.forecast.counts import Counts, Form, Member

RNG = np.random.default_rng(12)
POISSON = Form(0, trend=False, dispersed=False)


def series(y: object) -> pd.Series:
    values = np.asarray(y, float)
    return pd.Series(values, index=pd.date_range("1990-01-31", periods=len(values), freq="ME"))


def known(rate: float, a: float = 0.0) -> Member:
    """A member whose level is known without error."""
    form = Form(0, trend=False, dispersed=a > 0)
    return Member(form, np.array([np.log(rate)]), np.array([[1e-18]]), a, 0.0, 100, 12)


# Distributions


@pytest.mark.parametrize("rate", [0.7, 4.2, 17.3])
def test_poisson_quantiles(rate: float) -> None:
    view = counts.outlook(counts.Model(known(rate)), 6)
    at = [0.1, 0.25, 0.5, 0.75, 0.9]
    want = poisson.ppf(at, rate)[:, None] * np.ones(6)
    np.testing.assert_array_equal(np.round(view.quantiles(at)), want)
    np.testing.assert_allclose(view.mean, rate)


def test_negative_binomial_variance() -> None:
    """mu + a mu^2, of the points and of the paths."""
    member = known(6.0, 0.4)
    want = 6 + 0.4 * 36
    np.testing.assert_allclose(counts.outlook(counts.Model(member), 4).points.var(axis=0), want, rtol=0.03)
    paths = counts.sample(counts.Model(member), 4, 60_000, np.random.default_rng(1))
    np.testing.assert_allclose(paths.var(axis=0), want, rtol=0.04)
    np.testing.assert_allclose(paths.mean(axis=0), 6, rtol=0.02)


def test_likelihoods() -> None:
    y, mu = RNG.poisson(3, 20).astype(float), np.full(20, 2.5)
    assert counts.log_likelihood(y, mu, 0.0) == pytest.approx(poisson.logpmf(y, 2.5).sum())
    assert counts.log_likelihood(y, mu, 0.5) == pytest.approx(nbinom.logpmf(y, 2, 2 / 4.5).sum())


# Estimates


def test_level_of_the_plain_form_is_the_mean() -> None:
    """And its variance that of the logarithm of a Poisson mean, 1 / sum(y)."""
    y = RNG.poisson(4, 60).astype(float)
    member = counts.fit_form(y, 12, POISSON)
    assert member is not None
    assert np.exp(member.coefficients[0]) == pytest.approx(y.mean())
    assert member.covariance[0, 0] == pytest.approx(1 / y.sum())


def test_estimates_are_those_of_statsmodels() -> None:
    from statsmodels.genmod.families import NegativeBinomial
    from statsmodels.genmod.generalized_linear_model import GLM

    form = Form(1, trend=True, dispersed=True)
    t = np.arange(96)
    y = RNG.negative_binomial(3, 3 / (3 + np.exp(1 + 0.01 * t + 0.5 * np.sin(t * np.pi / 6)))).astype(float)
    member = counts.fit_form(y, 12, form)
    assert member is not None
    theirs = GLM(y, counts.design(form, 96, 12), family=NegativeBinomial(alpha=member.dispersion)).fit(tol=1e-12)
    np.testing.assert_allclose(member.coefficients, theirs.params, atol=1e-6)
    np.testing.assert_allclose(member.covariance, theirs.cov_params(), rtol=1e-4, atol=1e-9)
    nearby = [
        counts.log_likelihood(y, np.exp(counts.design(form, 96, 12) @ b), a)
        for a in (member.dispersion * 0.9, member.dispersion * 1.1)
        if (b := counts.coefficients(y, counts.design(form, 96, 12), a)) is not None
    ]
    here = counts.log_likelihood(y, np.exp(counts.design(form, 96, 12) @ member.coefficients), member.dispersion)
    assert len(nearby) == 2
    assert here > max(nearby)


def test_dispersion_is_found() -> None:
    y = np.random.default_rng(2).negative_binomial(2, 2 / 8, 400).astype(float)
    member = counts.fit_form(y, 12, Form(0, trend=False, dispersed=True))
    assert member is not None
    assert member.dispersion == pytest.approx(0.5, rel=0.25)
    plain = counts.fit_form(y, 12, POISSON)
    assert plain is not None
    assert member.aicc < plain.aicc


def test_season_is_found() -> None:
    t = np.arange(72)
    rate = 5 * np.exp(0.9 * np.sin(t * np.pi / 6))
    fitted = Counts().fit(series(np.random.default_rng(3).poisson(rate)))
    mean = fitted.predict(12)["mean"].to_numpy()
    assert fitted.model == "counts"
    np.testing.assert_allclose(mean, 5 * np.exp(0.9 * np.sin(np.arange(12) * np.pi / 6)), rtol=0.3)


def test_trend_slows_down_ahead() -> None:
    form = Form(0, trend=True, dispersed=False)
    past, ahead = counts.design(form, 40, 12)[:, 1], counts.design(form, 40, 12, 200)[:, 1]
    np.testing.assert_allclose(np.diff(past), 1 / 40)
    np.testing.assert_allclose(np.diff(ahead)[:2], [0.9**2 / 40, 0.9**3 / 40])
    assert ahead[-1] < counts.DAMPING / (1 - counts.DAMPING) / 40 + 1e-12


def test_effect_on_the_rate() -> None:
    """A step that doubles the rate, over 40 draws: unbiased on the logarithm, with the error of theory."""
    x = (np.arange(60) >= 30).astype(float)[:, None]
    rate = 4 * np.exp(np.log(2) * x[:, 0])
    found, claimed = [], []
    for seed in range(40):
        member = counts.fit_form(np.random.default_rng(seed).poisson(rate).astype(float), 12, POISSON, x)
        assert member is not None
        found.append(member.coefficients[-1])
        claimed.append(np.sqrt(member.covariance[-1, -1]))
    theory = np.sqrt(1 / (30 * 4) + 1 / (30 * 8))
    assert abs(np.mean(found) - np.log(2)) < 3 * theory / np.sqrt(40)
    assert np.mean(claimed) == pytest.approx(theory, rel=0.1)
    assert (np.abs(np.array(found) - np.log(2)) < 3 * np.array(claimed)).all()


def test_an_influence_far_beyond_all_before_is_not_used() -> None:
    """On the logarithm of the rate four hundred times what was seen gives no number."""
    rng = np.random.default_rng(1)
    dates = pd.date_range("2020-01-31", periods=54, freq="ME")
    x = np.r_[rng.normal(0, 1, 48), np.full(6, 400.0)]
    y = pd.Series(rng.poisson(np.exp(1 + 0.5 * x[:48])).astype(float), index=dates[:48])
    fitted = counts.Counts().fit(y, 0.0, pd.DataFrame({"x": x}, index=dates))
    assert fitted.model == "seasonal_naive"
    assert "not usable: Poisson" in fitted.note
    assert "the regressors are not used" in fitted.note
    near = counts.Counts().fit(y, 0.0, pd.DataFrame({"x": np.minimum(x, 2.0)}, index=dates))
    assert near.model == "counts"


def test_the_end_of_a_policy_is_foreseen_with_its_date() -> None:
    index = pd.date_range("2015-01-31", periods=72, freq="ME")
    table = pd.DataFrame({"offer": (np.arange(72) >= 30) & (np.arange(72) < 60)}, index=index)
    y = pd.Series(np.random.default_rng(5).poisson(np.where(table["offer"], 12, 4)), index=index, dtype=float)
    aware, blind = (Counts().fit(y[:60], None, known) for known in (table, None))
    assert aware.model == blind.model == "counts"
    assert "estimated effects: offer" in aware.note
    assert "logarithm of the rate" in aware.note
    assert aware.predict(12)["mean"].mean() == pytest.approx(4, abs=1.2)
    assert blind.predict(12)["mean"].mean() > 8
    assert aware.simulate(12, 2000, np.random.default_rng(1)).mean() == pytest.approx(
        aware.predict(12)["mean"].mean(), rel=0.05
    )


# Forecasts


@pytest.mark.parametrize(("worlds", "slack"), [(6, 0.08), pytest.param(60, 0.0, marks=pytest.mark.slow)])
def test_coverage_of_poisson_counts(worlds: int, slack: float) -> None:
    """The 80 and 95 per cent intervals hold at least what they say, and not all (of a few worlds, at 80 only)."""
    inside: dict[int, list[bool]] = {80: [], 95: []}
    for seed in range(worlds):
        y = np.random.default_rng(seed).poisson(6, 66)
        table = Counts().fit(series(y[:60])).predict(6)
        for level, found in inside.items():
            low, high = np.floor(table[f"lo-{level}"]), np.ceil(table[f"hi-{level}"])
            found.extend((low <= y[60:]) & (y[60:] <= high))
    assert 0.79 - slack < np.mean(inside[80]) < 0.93 + slack
    assert 0.94 - slack < np.mean(inside[95]) < (1.01 if slack else 0.99)


def test_paths_are_whole_and_never_negative() -> None:
    paths = Counts().fit(series(RNG.poisson(1.2, 40))).simulate(12, 500, np.random.default_rng(1))
    assert paths.min() >= 0
    np.testing.assert_array_equal(paths, np.round(paths))


def test_steps_share_their_level() -> None:
    """With few counts the level is uncertain, and sums over steps vary more than independent steps would."""
    fitted = Counts().fit(series([0, 1, 0, 0, 2, 1, 0, 0, 1, 0, 0, 1]))
    assert fitted.model == "counts"
    paths = fitted.simulate(12, 20_000, np.random.default_rng(1))
    assert paths.sum(axis=1).var() > 1.2 * paths.var(axis=0).sum()


# What is no small count


@pytest.mark.parametrize(
    ("y", "reason"),
    [
        (RNG.poisson(4, 40) - 3.0, "negative"),
        (RNG.poisson(4, 40) + 0.5, "not whole"),
        (RNG.poisson(80, 40), "mean is above"),
        (np.arange(9.0), "only 9"),
        (np.full(40, 3.0), "constant"),
    ],
)
def test_naive_where_these_are_no_small_counts(y: np.ndarray, reason: str) -> None:
    fitted = Counts().fit(series(y))
    assert fitted.model == "seasonal_naive" or len(y) < 24
    assert fitted.model != "counts"
    assert reason in fitted.note


def test_gaps_are_counts_again() -> None:
    y = RNG.poisson(4, 40).astype(float)
    y[[5, 20]] = np.nan
    fitted = Counts().fit(series(y))
    assert fitted.model == "counts"
    assert "interpolated" in fitted.note


def test_forms_that_do_not_converge_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "STEPS", 0)
    fitted = Counts().fit(series(RNG.poisson(4, 40)))
    assert fitted.model == "seasonal_naive"
    assert "Poisson with trend" in fitted.note


def test_forms_that_run_away_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "BEYOND", 0.0)
    assert Counts().fit(series(RNG.poisson(4, 40))).model == "seasonal_naive"
