"""ARIMA against theory: variances in closed form, likelihoods, differences, the ladder."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from analysis.forecast import arima, orders
from analysis.forecast.arima import Arima, Member
from analysis.forecast.history import prepare
from analysis.forecast.orders import Orders, Past

WHITE = Orders(0, 0, 0, 0, mean=False)
AR1 = Orders(1, 0, 0, 0, mean=False)


def series(y: np.ndarray) -> pd.Series:
    return pd.Series(y, index=pd.date_range("1920-01-31", periods=len(y), freq="ME"))


def autoregression(phi: float, n: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y = np.zeros(n)
    for t, shock in enumerate(rng.normal(0, 1, n)):
        y[t] = phi * y[t - 1] + shock
    return y


def airline(n: int = 120, seed: int = 2) -> np.ndarray:
    """A series whose differences at lags 1 and 12 are a moving average with coefficients -.4 and -.6."""
    e = np.random.default_rng(seed).normal(0, 1, n + 13)
    w = e[13:] - 0.4 * e[12:-1] - 0.6 * e[1:-12] + 0.24 * e[:-13]
    y = np.zeros(n + 13)
    y[:13] = 100 + 10 * np.sin(np.arange(13) * np.pi / 6)
    for t in range(13, n + 13):
        y[t] = y[t - 1] + y[t - 12] - y[t - 13] + w[t - 13]
    return y[13:]


def sd_of(table: pd.DataFrame) -> np.ndarray:
    """Standard deviations that a normal forecast implies by its 95 per cent interval."""
    return ((table["hi-95"] - table["lo-95"]) / (2 * ndtri(0.975))).to_numpy()


def without_differences(y: np.ndarray) -> Past:
    return Past(y, y, 0, 0, 1)


# Variances


@pytest.fixture(scope="module")
def ar1() -> Member:
    member = arima.fit_exact(without_differences(autoregression(0.7, 1000)), AR1, None)
    assert member is not None
    return member


def test_variance_of_an_autoregression(ar1: Member) -> None:
    """h steps ahead it is sigma^2 (1 - phi^2h) / (1 - phi^2)."""
    phi, h = float(ar1.results.params[0]), np.arange(1, 25)
    closed = ar1.variance * (1 - phi ** (2 * h)) / (1 - phi**2)
    assert 0.6 < phi < 0.8
    np.testing.assert_allclose(ar1.variance * np.diag(arima.unit_covariance(ar1, 24)), closed, rtol=1e-9)
    np.testing.assert_allclose(arima.expected(ar1, 24), phi**h * ar1.past.y[-1], rtol=1e-7)


def test_covariance_of_an_autoregression(ar1: Member) -> None:
    """Between steps i and j > i it is phi^(j-i) times the variance at i."""
    phi = float(ar1.results.params[0])
    unit = arima.unit_covariance(ar1, 12)
    np.testing.assert_allclose(unit[3, 9], phi**6 * unit[3, 3], rtol=1e-9)


def test_paths_of_an_autoregression(ar1: Member) -> None:
    phi, h = float(ar1.results.params[0]), np.arange(1, 13)
    paths = arima.sample(arima.Model(ar1, 1.0), 12, 40_000, np.random.default_rng(4))
    closed = ar1.variance * (1 - phi ** (2 * h)) / (1 - phi**2)
    np.testing.assert_allclose(paths.var(axis=0), closed, rtol=0.03)
    np.testing.assert_allclose(paths.mean(axis=0), arima.expected(ar1, 12), atol=0.03)
    assert np.corrcoef(paths[:, 0], paths[:, 1])[0, 1] == pytest.approx(phi / np.sqrt(1 + phi**2), abs=0.02)


def test_an_autoregression_is_found_and_predicted() -> None:
    """From the data alone, against the variance of the process that made them."""
    fitted = Arima().fit(series(50 + autoregression(0.7, 1200)))
    h = np.arange(1, 13)
    assert fitted.model == "arima"
    np.testing.assert_allclose(sd_of(fitted.predict(12)), np.sqrt((1 - 0.7 ** (2 * h)) / (1 - 0.7**2)), rtol=0.1)


def test_variance_of_a_random_walk() -> None:
    """h sigma^2, with sigma^2 the mean square of the changes; from predict and from paths."""
    y = np.cumsum(np.random.default_rng(6).normal(0, 2, 200))
    member = arima.white(Past(y, np.diff(y), 1, 0, 1), WHITE)
    assert member.variance == pytest.approx(np.mean(np.diff(y) ** 2))
    h = np.arange(1, 19)
    view = arima.outlook(arima.Model(member, 1.0), 18)
    low, high = view.quantiles([0.025, 0.975])
    np.testing.assert_allclose((high - low) / (2 * ndtri(0.975)), np.sqrt(member.variance * h), rtol=1e-3)
    np.testing.assert_allclose(view.mean, y[-1])
    paths = arima.sample(arima.Model(member, 1.0), 18, 20_000, np.random.default_rng(7))
    np.testing.assert_allclose(paths.var(axis=0), member.variance * h, rtol=0.04)


def test_variance_of_a_moving_average_of_changes() -> None:
    """ARIMA(0,1,1): sigma^2 (1 + (h - 1)(1 + theta)^2)."""
    e = np.random.default_rng(8).normal(0, 1, 401)
    y = np.cumsum(e[1:] - 0.5 * e[:-1])
    member = arima.fit_exact(Past(y, np.diff(y), 1, 0, 1), Orders(0, 1, 0, 0, mean=False), None)
    assert member is not None
    theta, h = float(member.results.params[0]), np.arange(1, 13)
    np.testing.assert_allclose(np.diag(arima.unit_covariance(member, 12)), 1 + (h - 1) * (1 + theta) ** 2, rtol=1e-6)


def test_forecasts_equal_those_of_statsmodels_with_the_same_parameters() -> None:
    """Differences that are added up here, and a state of levels there."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    y = airline()
    member = arima.fit_exact(Past(y, np.diff(y[12:] - y[:-12]), 1, 1, 12), Orders(0, 1, 0, 1, mean=False), None)
    assert member is not None
    theirs = SARIMAX(y, order=(0, 1, 1), seasonal_order=(0, 1, 1, 12))
    future = theirs.smooth([*member.results.params, member.variance]).get_forecast(18)
    np.testing.assert_allclose(arima.expected(member, 18), future.predicted_mean, rtol=1e-4)
    variance = member.variance * np.diag(arima.unit_covariance(member, 18))
    np.testing.assert_allclose(variance, future.var_pred_mean, rtol=1e-3)


# Regression


def with_step(u: np.ndarray) -> tuple[Past, np.ndarray]:
    """A step of 5 in the middle of errors `u`, undifferenced."""
    x = (np.arange(len(u)) >= len(u) // 2).astype(float)[:, None]
    return Past(5 * x[:, 0] + u, 5 * x[:, 0] + u, 0, 0, 1, x), x


def test_effect_is_unbiased_and_its_error_is_that_of_theory() -> None:
    """Over 60 draws of an autoregression; generalised least squares with its covariance, phi^|i-j| / (1 - phi^2)."""
    phi, n, found, claimed = 0.5, 120, [], []
    for seed in range(60):
        past, x = with_step(autoregression(phi, n + 50, seed)[50:])
        member = arima.fit_exact(past, AR1, None)
        assert member is not None
        assert member.effects is not None
        found.append(member.effects.coefficients[0])
        claimed.append(np.sqrt(member.variance * member.effects.covariance[0, 0]))
    lags = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    theory = np.sqrt(1 / (x.T @ np.linalg.solve(phi**lags / (1 - phi**2), x)).item())
    error = np.array(found) - 5
    assert abs(error.mean()) < 3 * theory / np.sqrt(60)
    assert error.std() == pytest.approx(theory, rel=0.3)
    assert np.mean(claimed) == pytest.approx(theory, rel=0.15)
    assert (np.abs(error) < 3 * np.array(claimed)).mean() > 0.95


def test_effects_and_likelihood_are_those_of_statsmodels() -> None:
    """Of a regression with a mean and errors of orders (1, 1), all estimated together."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    past, x = with_step(50 + autoregression(0.5, 150, 4))
    member = arima.fit_exact(past, Orders(1, 1, 0, 0, mean=True), None)
    assert member is not None
    assert member.effects is not None
    theirs = SARIMAX(past.y, exog=np.column_stack([x, np.ones(150)]), order=(1, 0, 1)).fit(
        disp=False, cov_type="approx"
    )
    np.testing.assert_allclose(member.effects.coefficients, theirs.params[:2], rtol=1e-3)
    np.testing.assert_allclose(member.effects.covariance.diagonal() * theirs.params[-1], theirs.bse[:2] ** 2, rtol=0.05)
    assert member.results.llf == pytest.approx(theirs.llf, abs=1e-3)
    want = theirs.forecast(6, exog=np.column_stack([np.zeros(6), np.ones(6)]))
    np.testing.assert_allclose(arima.expected(member, 6, np.c_[np.zeros(6), np.ones(6)]), want, rtol=1e-4)


def test_variance_holds_that_of_the_effects() -> None:
    """White errors: sigma^2 (1 + x (X'X)^-1 x') at every step, and the second part between steps."""
    past, x = with_step(np.random.default_rng(9).normal(0, 1, 40))
    member = arima.white(past, WHITE)
    ahead = np.ones((5, 1))
    shared = 1 / x.sum()
    np.testing.assert_allclose(arima.unit_covariance(member, 5, ahead), np.eye(5) + shared)
    np.testing.assert_allclose(arima.unit_covariance(member, 5, 0 * ahead), np.eye(5), atol=1e-12)


def test_both_sides_of_a_regression_are_differenced() -> None:
    """A random walk with a step: the step is seen in one change only, and its error is that of one shock."""
    y = np.cumsum(np.random.default_rng(10).normal(0, 1, 160))
    table = pd.DataFrame({"x": (np.arange(170) >= 80.0) & (np.arange(170) < 162)}, index=series(np.zeros(170)).index)
    fitted = Arima().fit(series(100 + y + 30 * table["x"].to_numpy()[:160]), None, table)
    member = fitted.outlook.args[0].member  # type: ignore[attr-defined]
    assert member.past.d == 1
    assert "estimated effects: x" in fitted.note
    mean = fitted.predict(10)["mean"].to_numpy()
    assert mean[1] - mean[2] == pytest.approx(30, abs=3)


def test_errors_at_the_edge_of_invertibility_are_left_out_of_regressions() -> None:
    assert orders.on_edge(np.array([-0.99]), Orders(0, 1, 0, 0, mean=False))
    assert orders.on_edge(np.array([0.5, -0.97]), Orders(1, 0, 0, 1, mean=False))
    assert not orders.on_edge(np.array([0.99, -0.5]), Orders(1, 1, 0, 0, mean=False))
    past, _ = with_step(np.diff(np.random.default_rng(11).normal(0, 1, 121)))
    assert arima.fit_exact(past, Orders(0, 1, 0, 0, mean=False), None) is None
    assert arima.fit_exact(without_differences(past.y), Orders(0, 1, 0, 0, mean=False), None) is not None


def test_white_errors_where_no_regression_is_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arima, "fit_orders", lambda *_: None)
    table = pd.DataFrame({"x": np.arange(132) > 60}, index=series(np.zeros(132)).index)
    fitted = Arima().fit(series(50 + np.random.default_rng(1).normal(0, 1, 120)), None, table)
    assert fitted.model == "arima"
    assert "estimated effects" in fitted.note


def test_a_history_that_is_too_short_says_that_regressors_are_not_used() -> None:
    y = series(airline()[:9])
    fitted = Arima().fit(y, None, pd.DataFrame({"x": np.arange(9.0)}, index=y.index))
    assert "only 9 values; " in fitted.note
    assert "the regressors are not used" in fitted.note


# Differences and orders


def test_airline_model_is_found() -> None:
    """Coefficients of the process that made the data, in the differences."""
    y = airline(400)
    member = arima.fit_exact(Past(y, np.diff(y[12:] - y[:-12]), 1, 1, 12), Orders(0, 1, 0, 1, mean=False), None)
    assert member is not None
    np.testing.assert_allclose(member.results.params, [-0.4, -0.6], atol=0.12)


@pytest.mark.filterwarnings("ignore:The test statistic is outside")
def test_kpss_statistic() -> None:
    """As statsmodels has it, with the same number of lags."""
    from statsmodels.tsa.stattools import kpss

    y = autoregression(0.5, 200)
    assert orders.kpss(y) == pytest.approx(kpss(y, nlags=int(3 * np.sqrt(200) / 13), result_object=False)[0], rel=1e-9)


@pytest.mark.parametrize(("seed", "walk"), [(1, True), (2, True), (1, False), (2, False)])
def test_difference_of_walks_and_of_noise(seed: int, walk: bool) -> None:
    noise = np.random.default_rng(seed).normal(0, 1, 200)
    past = orders.differenced(np.cumsum(noise) if walk else noise, 12)
    assert (past.d, past.D) == (int(walk), 0)


def test_seasonal_strength() -> None:
    noise = np.random.default_rng(3).normal(0, 1, 120)
    wave = 10 * np.sin(np.arange(120) * np.pi / 6)
    assert orders.seasonal_strength(wave + noise, 12) > 0.9
    assert orders.seasonal_strength(noise, 12) < orders.SEASONAL


def test_long_and_short_cycles_are_not_modelled() -> None:
    assert orders.differenced(airline(), 52).season == 1
    assert orders.differenced(airline(25), 12).season == 1


def test_grid_holds_the_random_walk_and_one_set_of_differences() -> None:
    y = np.cumsum(np.random.default_rng(1).normal(0, 1, 100))
    assert WHITE in list(orders.grid(Past(y, np.diff(y), 1, 0, 1)))


def test_coefficients_are_stationary_and_invertible() -> None:
    chosen = Orders(2, 2, 1, 1, mean=False)
    for x in np.random.default_rng(1).normal(0, 3, (200, 6)):
        ar, ma, sar, sma = np.split(orders.admissible(x, chosen), [2, 4, 5])
        for polynomial in (np.r_[1, -ar], np.r_[1, ma], np.r_[1, -sar], np.r_[1, sma]):
            assert (np.abs(np.roots(polynomial)) < 1).all()


def test_conditional_errors_are_those_of_the_recursion() -> None:
    """e(t) = w(t) - phi w(t-1) - Phi w(t-4) + phi Phi w(t-5) - theta e(t-1)."""
    w = np.random.default_rng(1).normal(0, 1, 40)
    found = orders.errors(w, np.array([0.5, 0.3, 0.4]), Orders(1, 1, 1, 0, mean=False), 4)
    t = 20
    want = w[t] - 0.5 * w[t - 1] - 0.4 * w[t - 4] + 0.2 * w[t - 5] - 0.3 * found[t - 1]
    assert found[t] == pytest.approx(want)


def test_criterion_of_white_noise_is_the_same_by_either_likelihood(ar1: Member) -> None:
    """AICc of the closed form and of statsmodels differ by the gain of the autoregression only."""
    n, params = len(ar1.past.w), ar1.results.params
    by_hand = -2 * ar1.results.model.loglike(params) + 4 * n / (n - 3)
    assert ar1.aicc == pytest.approx(by_hand)
    nearly_white = ar1.results.model.loglike([1e-9])
    assert arima.white(ar1.past, WHITE).aicc == pytest.approx(-2 * nearly_white + 2 * n / (n - 2), rel=1e-6)


# The ladder


def test_next_order_where_one_does_not_converge(monkeypatch: pytest.MonkeyPatch) -> None:
    past = orders.differenced(airline() / 100, 12)
    best = orders.shortlist(past)[0]
    exact = arima.fit_exact
    monkeypatch.setattr(arima, "fit_exact", lambda p, o, s: None if o == best else exact(p, o, s))
    fitted = Arima().fit(series(airline()))
    assert fitted.model == "arima"
    assert "not usable" in fitted.note


def test_other_start_where_the_first_does_not_converge(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = arima.fit_exact
    monkeypatch.setattr(arima, "fit_exact", lambda p, o, s: exact(p, o, None) if s is None else None)
    fitted = Arima().fit(series(airline()))
    assert fitted.model == "arima"
    assert fitted.note == ""


def test_naive_where_nothing_is_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arima, "BEYOND", 0.0)
    fitted = Arima().fit(series(airline()))
    assert fitted.model == "seasonal_naive"
    assert fitted.note.count("(") >= orders.FINALISTS


def test_a_line_without_noise_goes_on() -> None:
    fitted = Arima().fit(series(np.arange(36.0)))
    np.testing.assert_allclose(fitted.predict(6)["mean"], np.arange(36.0, 42.0))
    assert "no width" in fitted.note


def test_short_and_constant() -> None:
    assert "only 9 values" in Arima().fit(series(airline()[:9])).note
    assert "constant" in Arima().fit(series(np.full(30, 4.0))).note


def test_units_do_not_matter() -> None:
    small, large = (Arima().fit(series(airline() * unit)).predict(12) for unit in (1.0, 1e9))
    np.testing.assert_allclose(large, small * 1e9, rtol=1e-4)


def test_history_is_kept() -> None:
    y = series(airline())
    assert Arima().fit(y).history.y.tolist() == prepare(y).y.tolist()
