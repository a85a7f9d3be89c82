"""One contract over all registered forecasters, and over every awkward series."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from analysis.forecast.combination import Combination
from analysis.forecast.fitted import Fitted, Forecaster
from analysis.forecast.naive import SeasonalNaive
from analysis.forecast.registry import DEFAULT, FORECASTERS
from analysis.forecast.smoothing import Trio

H = 12
COLUMNS = ["mean", "lo-80", "hi-80", "lo-95", "hi-95"]
COMPOSED = ("combination", "weekly")
COSTLY = (*COMPOSED, "unobserved_components")
"""They meet every third series, the shortest and the strangest; so many others meet them all."""


def series(y: object, start: str = "2023-01-31", freq: str = "ME") -> pd.Series:
    values = np.asarray(y, float)
    return pd.Series(values, index=pd.date_range(start, periods=len(values), freq=freq))


def awkward() -> dict[str, pd.Series]:
    rng = np.random.default_rng(5)
    t = np.arange(36)
    plain = 100 + t + 10 * np.sin(t * np.pi / 6) + rng.normal(0, 2, 36)
    holes = plain.copy()
    holes[[0, 7, 8, 20, 35]] = np.nan
    spikes = plain.copy()
    spikes[[3, 9]] = [np.inf, -np.inf]
    return {
        "plain": series(plain),
        "large": series(plain * 1e9),
        "tiny": series(plain * 1e-9),
        "holes": series(holes),
        "infinite": series(spikes),
        "missing rows": series(plain).drop(pd.to_datetime(["2023-05-31", "2024-06-30"])),
        "constant": series(np.full(36, 7.0)),
        "constant then one": series([*np.full(35, 7.0), 8.0]),
        "zeros": series(np.zeros(36)),
        "mostly zeros": series(rng.poisson(0.2, 36)),
        "ramp from zero": series(np.r_[np.zeros(12), np.arange(24.0) ** 2]),
        "negative": series(-plain),
        "crossing zero": series(plain - plain.mean()),
        "step": series(np.r_[np.full(18, 5.0), np.full(18, 500.0)]),
        "outlier": series(np.r_[plain[:-1], 1e6]),
        "exact line": series(np.arange(36.0)),
        "one value": series([3.0]),
        "two values": series([3.0, 5.0]),
        "nine values": series(plain[:9]),
        "two cycles": series(plain[:24]),
        "walk": series(100 + np.cumsum(rng.normal(0, 2, 36))),
        "quarterly": series(plain, freq="QE"),
        "weekly": series(plain, "2024-01-07", "W-SUN"),
        "weekly, three cycles": series(
            np.tile(100 + np.arange(52.0), 3) + rng.normal(0, 5, 156), "2021-01-03", "W-SUN"
        ),
        "daily": series(np.tile([9.0, 9, 8, 9, 10, 2, 1], 6) + rng.normal(0, 0.3, 42), "2024-01-01", "D"),
    }


CASES = awkward()
FEW = {*list(CASES)[::3], "one value", "nine values", "constant", "ramp from zero", "mostly zeros", "walk"}


@cache
def fitted_to(name: str, case: str, floor: float | None = None) -> Fitted:
    """A forecaster fitted to a case, once for all tests."""
    return FORECASTERS[name].fit(CASES[case], floor)


@pytest.fixture(params=list(FORECASTERS))
def forecaster(request: pytest.FixtureRequest) -> Forecaster:
    return FORECASTERS[request.param]


PAIRS = [(name, case) for name in FORECASTERS for case in CASES if name not in COSTLY or case in FEW]


def test_names() -> None:
    assert DEFAULT in FORECASTERS
    assert all(name == f.name for name, f in FORECASTERS.items())
    for name in COMPOSED:
        combined = FORECASTERS[name]
        assert isinstance(combined, Combination)
        assert {member.name for member in combined.members} <= {*FORECASTERS} - {*COMPOSED}


@pytest.mark.parametrize(("name", "case"), PAIRS)
def test_contract(name: str, case: str) -> None:
    fitted = fitted_to(name, case)
    table = fitted.predict(H, (80, 95))
    assert list(table.columns) == COLUMNS
    assert table.shape == (H, len(COLUMNS))
    assert np.isfinite(table.to_numpy()).all()
    assert table.index.name == "ds"
    assert table.index.is_monotonic_increasing
    assert table.index[0] > fitted.history.cutoff
    ordered = table[["lo-95", "lo-80", "hi-80", "hi-95"]].to_numpy()
    assert (np.diff(ordered, axis=1) >= 0).all()
    assert isinstance(fitted.note, str)
    assert fitted.model in {*FORECASTERS, "naive"}


@pytest.mark.parametrize(
    ("case", "word"),
    [
        ("holes", "interpolated"),
        ("constant", "constant"),
        ("zeros", "constant"),
        ("one value", "last value"),
    ],
)
def test_what_had_to_give_is_noted(forecaster: Forecaster, case: str, word: str) -> None:
    assert word in fitted_to(forecaster.name, case).note


@pytest.mark.parametrize("case", ["infinite", "missing rows"])
@pytest.mark.parametrize("name", [name for name in FORECASTERS if name not in COSTLY])
def test_what_is_interpolated_is_noted(name: str, case: str) -> None:
    assert "interpolated" in fitted_to(name, case).note


@pytest.mark.parametrize("case", ["mostly zeros", "ramp from zero"])
def test_floor_holds(forecaster: Forecaster, case: str) -> None:
    table = fitted_to(forecaster.name, case, 0.0).predict(H)
    assert table.to_numpy().min() >= 0


@pytest.mark.parametrize(
    ("case", "following"),
    [
        ("plain", ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ("quarterly", ["2032-03-31", "2032-06-30", "2032-09-30"]),
        ("weekly", ["2024-09-15", "2024-09-22", "2024-09-29"]),
        ("daily", ["2024-02-12", "2024-02-13", "2024-02-14"]),
    ],
)
@pytest.mark.parametrize("name", [name for name in FORECASTERS if name not in COSTLY])
def test_dates_go_on_as_they_went(name: str, case: str, following: list[str]) -> None:
    assert fitted_to(name, case).predict(3).index.tolist() == pd.to_datetime(following).tolist()


@pytest.mark.parametrize("name", [name for name in FORECASTERS if name not in {"ses", "holt", "damped"}])
def test_the_same_answer_twice(name: str) -> None:
    """Those left out are fitted as the trio is."""
    first, again = (FORECASTERS[name].fit(CASES["two cycles"]).predict(H) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


def test_nothing_to_fit(forecaster: Forecaster) -> None:
    with pytest.raises(ValueError, match="no finite value"):
        forecaster.fit(series([np.nan, np.nan]))


@pytest.mark.parametrize(("name", "case"), PAIRS)
def test_sample_paths(name: str, case: str) -> None:
    """Paths are finite, the same from equal generators, and as wide at each step as the forecast says."""
    fitted = fitted_to(name, case)
    paths, again = (fitted.simulate(H, 2000, np.random.default_rng(3)) for _ in range(2))
    assert paths.shape == (2000, H)
    assert np.isfinite(paths).all()
    np.testing.assert_array_equal(paths, again)
    table = fitted.predict(H, (80,))
    low, high = (np.quantile(paths, q, axis=0) for q in (0.1, 0.9))
    width = (table["hi-80"] - table["lo-80"]).to_numpy()
    near = 0.15 * width + 1e-9 * np.abs(table["mean"]).to_numpy()
    assert (np.abs(low - table["lo-80"]) <= near).all()
    assert (np.abs(high - table["hi-80"]) <= near).all()


def test_paths_keep_to_the_floor(forecaster: Forecaster) -> None:
    fitted = fitted_to(forecaster.name, "mostly zeros", 0.0)
    assert fitted.simulate(H, 500, np.random.default_rng(3)).min() >= 0


def test_steps_of_a_path_depend_on_each_other(forecaster: Forecaster) -> None:
    """A walk that is high in a season tends to stay high a cycle later."""
    fitted = fitted_to(forecaster.name, "walk")
    paths = fitted.simulate(24, 3000, np.random.default_rng(3))
    assert np.corrcoef(paths[:, 0], paths[:, 12])[0, 1] > 0.1


def test_a_weekly_season_is_found_by_those_that_look_for_one() -> None:
    """The last week of a cycle is half as high again as the first."""
    for name in ("theta", "trio", "fast"):
        mean = fitted_to(name, "weekly, three cycles").predict(52)["mean"].to_numpy()
        assert mean[40:].mean() > mean[:12].mean() + 30


# Regressors


def changed() -> tuple[pd.Series, pd.DataFrame]:
    """A level that was raised by 30 for the second of three years and is raised again for the two months ahead."""
    y = CASES["walk"].copy()
    step = pd.DataFrame({"price": 0.0}, index=pd.date_range(y.index[0], periods=38, freq="ME"))
    step.iloc[12:24] = 1.0
    step.iloc[36:] = 1.0
    return y + 30 * step["price"].iloc[:36], step


def test_regressors_are_used_or_refused(forecaster: Forecaster) -> None:
    y, step = changed()
    if not forecaster.regressors:
        with pytest.raises(ValueError, match=f"{forecaster.name} ignores regressors"):
            forecaster.fit(y, None, step)
        return
    fitted = forecaster.fit(y, None, step)
    if "not used" in fitted.note:
        assert fitted.model == "seasonal_naive"
        return
    assert "price" in fitted.note
    assert np.abs(fitted.predict(2)["mean"] - (y.iloc[-1] + 30)).max() < 10
    with pytest.raises(ValueError, match="2026-03-31"):
        fitted.predict(3)
    with pytest.raises(ValueError, match="2023-01-31"):
        forecaster.fit(y, None, step.iloc[5:])


def test_a_combination_takes_the_members_that_use_regressors() -> None:
    y, step = changed()
    fitted = FORECASTERS["combination"].fit(y, None, step)
    assert fitted.model == "combination"
    assert "left out, as they ignore regressors: ets, theta, trio" in fitted.note
    pd.testing.assert_series_equal(
        fitted.predict(2)["mean"], FORECASTERS["arima"].fit(y, None, step).predict(2)["mean"]
    )
    deaf = Combination("deaf", (Trio(), SeasonalNaive()))
    assert not deaf.regressors
    with pytest.raises(ValueError, match="deaf ignores regressors"):
        deaf.fit(y, None, step)
