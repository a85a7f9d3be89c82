"""The combination: averaged quantiles, stretched widths, paths of both, members that are left out."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from analysis.forecast.combination import AS_THEY_ARE, SIZE, Combination, Widened, average, moved, stretched
from analysis.forecast.combine import Outlook, normal
from analysis.forecast.fitted import Fitted
from analysis.forecast.history import prepare
from analysis.forecast.naive import fit_naive, walks

Y = pd.Series(np.arange(24.0) % 7, index=pd.date_range("2024-01-31", periods=24, freq="ME"))
WIDE = ((80, 1.5), (95, 2.0))


def view(mean: float, sd: float, h: int) -> Outlook:
    return normal(np.full(h, mean), sd * np.sqrt(np.arange(1, h + 1)))


@dataclass(frozen=True)
class Normal:
    """A forecaster of a normal walk; with `fails` it falls back to the naive forecast."""

    name: str
    mean: float
    sd: float
    fails: bool = False
    regressors: bool = False

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        history = prepare(y, floor, regressors)
        if self.fails:
            return fit_naive(history, ("it failed",))
        return Fitted(self.name, history, partial(view, self.mean, self.sd), "", self.paths)

    def paths(self, h: int, paths: int, rng: np.random.Generator) -> np.ndarray:
        return self.mean + self.sd * np.cumsum(rng.standard_normal((paths, h)), axis=1)


LOW, HIGH = Normal("low", 10.0, 1.0), Normal("high", 20.0, 3.0)


def test_the_average_of_normal_quantiles_is_normal() -> None:
    """Mean and standard deviation are the averages; a mixture would be five wider."""
    table = Combination("both", (LOW, HIGH)).fit(Y).predict(4, (80, 95))
    root = np.sqrt(np.arange(1, 5))
    np.testing.assert_allclose(table["mean"], 15.0)
    np.testing.assert_allclose(table["hi-80"], 15 + 2 * root * norm.ppf(0.9), rtol=2e-3)
    np.testing.assert_allclose(table["lo-95"], 15 - 2 * root * norm.ppf(0.975), rtol=2e-3)


def test_widths_are_stretched_by_level() -> None:
    plain, wide = (Combination("both", (LOW, HIGH), w).fit(Y).predict(3, (50, 80, 95, 98)) for w in (AS_THEY_ARE, WIDE))
    pd.testing.assert_series_equal(plain["mean"], wide["mean"])
    for level, factor in ((50, 1.5), (80, 1.5), (95, 2.0), (98, 2.0)):
        before, after = (table[f"hi-{level}"] - table[f"lo-{level}"] for table in (plain, wide))
        np.testing.assert_allclose(after / before, factor, rtol=2e-3)


def test_stretched_quantiles_keep_their_order_and_median() -> None:
    shares = (np.arange(SIZE) + 0.5) / SIZE
    points = np.column_stack([norm.ppf(shares), np.exp(norm.ppf(shares)), np.zeros(SIZE)])
    got = stretched(points, ((80, 0.5), (95, 1.5)))
    assert (np.diff(got, axis=0) >= 0).all()
    np.testing.assert_allclose(np.median(got, axis=0), np.median(points, axis=0))
    np.testing.assert_array_equal(got[:, 2], 0)
    np.testing.assert_allclose(stretched(points, AS_THEY_ARE), points)


def test_paths_have_the_quantiles_and_the_dependence() -> None:
    fitted = Combination("both", (LOW, HIGH), WIDE).fit(Y)
    paths = fitted.simulate(6, 8000, np.random.default_rng(2))
    expected = fitted.outlook(6).quantiles([0.025, 0.1, 0.5, 0.9, 0.975])
    got = np.quantile(paths, [0.025, 0.1, 0.5, 0.9, 0.975], axis=0)
    np.testing.assert_allclose(got, expected, atol=0.05 * np.ptp(expected, axis=0).min())
    assert np.corrcoef(paths[:, 4], paths[:, 5])[0, 1] > 0.8


def test_moved_paths_keep_their_order() -> None:
    paths = np.random.default_rng(4).normal(size=(50, 3))
    points = np.sort(np.random.default_rng(5).exponential(size=(999, 3)), axis=0)
    got = moved(paths, points)
    np.testing.assert_array_equal(got.argsort(axis=0), paths.argsort(axis=0))
    assert got.min() >= points.min()


def test_members_that_failed_are_left_out_by_name() -> None:
    broken = Normal("broken", 0.0, 1.0, fails=True)
    fitted = Combination("three", (broken, LOW, HIGH)).fit(Y)
    assert fitted.model == "three"
    assert fitted.note == "left out: broken"
    np.testing.assert_allclose(fitted.predict(2)["mean"], 15.0)
    last = Combination("none", (broken,)).fit(Y)
    assert last.model == "seasonal_naive"
    assert "it failed" in last.note


def test_members_see_gaps_as_gaps_and_the_note_says_so_once() -> None:
    seen: list[pd.Series] = []

    class Watching(Normal):
        def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
            seen.append(y)
            return super().fit(y, floor, regressors)

    holes = Y.copy()
    holes.iloc[[5, 6]] = np.nan
    fitted = Combination("two", (Watching("watching", 1.0, 1.0), LOW)).fit(holes.drop(holes.index[9]))
    assert seen[0].index.equals(Y.index)
    assert seen[0].isna().sum() == 3
    assert fitted.note.count("interpolated") == 1


def test_a_widened_forecaster() -> None:
    plain, wide = LOW.fit(Y), Widened("wide", LOW, WIDE).fit(Y)
    assert wide.model == "wide"
    factor = (wide.predict(3)["hi-95"] - 10) / (plain.predict(3)["hi-95"] - 10)
    np.testing.assert_allclose(factor, 2.0, rtol=2e-3)
    spread = wide.simulate(3, 4000, np.random.default_rng(1)).std(axis=0)
    assert (spread > 1.4 * plain.simulate(3, 4000, np.random.default_rng(1)).std(axis=0)).all()
    broken = Widened("wide", Normal("broken", 0.0, 1.0, fails=True), WIDE).fit(Y)
    np.testing.assert_array_equal(broken.outlook(2).points, fit_naive(prepare(Y)).outlook(2).points)
    assert broken.paths.func is walks  # type: ignore[union-attr]


@pytest.mark.parametrize("forecaster", [Combination("c", (LOW, HIGH)), Widened("w", LOW, WIDE)], ids=lambda f: f.name)
def test_regressors_that_nobody_uses_are_refused(forecaster: Combination | Widened) -> None:
    table = pd.DataFrame({"x": 1.0}, index=pd.date_range("2024-01-31", periods=40, freq="ME"))
    assert not forecaster.regressors
    with pytest.raises(ValueError, match=f"{forecaster.name} ignores regressors"):
        forecaster.fit(Y, None, table)


def test_the_average_of_one_is_itself() -> None:
    one = LOW.fit(Y)
    np.testing.assert_allclose(average([one], AS_THEY_ARE, 3).points, one.outlook(3).points, atol=1e-9)
