"""One contract over all registered forecasters, and over every awkward series."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from analysis.forecast.fitted import Fitted, Forecaster
from analysis.forecast.registry import DEFAULT, FORECASTERS

H = 12
COLUMNS = ["mean", "lo-80", "hi-80", "lo-95", "hi-95"]


def series(y: object, start: str = "2023-01-31") -> pd.Series:
    values = np.asarray(y, float)
    return pd.Series(values, index=pd.date_range(start, periods=len(values), freq="ME"))


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
        "weekly": pd.Series(plain, index=pd.date_range("2024-01-07", periods=36, freq="W-SUN")),
    }


CASES = awkward()


@cache
def fitted_to(name: str, case: str, floor: float | None = None) -> Fitted:
    """A forecaster fitted to a case, once for all tests."""
    return FORECASTERS[name].fit(CASES[case], floor)


@pytest.fixture(params=list(FORECASTERS))
def forecaster(request: pytest.FixtureRequest) -> Forecaster:
    return FORECASTERS[request.param]


def test_names() -> None:
    assert DEFAULT in FORECASTERS
    assert all(name == f.name for name, f in FORECASTERS.items())


@pytest.mark.parametrize("case", list(CASES))
def test_contract(forecaster: Forecaster, case: str) -> None:
    fitted = fitted_to(forecaster.name, case)
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
        ("infinite", "interpolated"),
        ("missing rows", "interpolated"),
        ("constant", "constant"),
        ("zeros", "constant"),
        ("one value", "last value"),
    ],
)
def test_what_had_to_give_is_noted(forecaster: Forecaster, case: str, word: str) -> None:
    assert word in fitted_to(forecaster.name, case).note


@pytest.mark.parametrize("case", ["mostly zeros", "ramp from zero", "plain"])
def test_floor_holds(forecaster: Forecaster, case: str) -> None:
    table = fitted_to(forecaster.name, case, 0.0).predict(H)
    assert table.to_numpy().min() >= 0


def test_dates_are_month_ends(forecaster: Forecaster) -> None:
    table = fitted_to(forecaster.name, "plain").predict(3)
    assert table.index.tolist() == pd.to_datetime(["2026-01-31", "2026-02-28", "2026-03-31"]).tolist()


def test_the_same_answer_twice(forecaster: Forecaster) -> None:
    first, second = (forecaster.fit(CASES["plain"]).predict(H) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_nothing_to_fit(forecaster: Forecaster) -> None:
    with pytest.raises(ValueError, match="no finite value"):
        forecaster.fit(series([np.nan, np.nan]))


@pytest.mark.parametrize("case", list(CASES))
def test_sample_paths(forecaster: Forecaster, case: str) -> None:
    """Paths are finite, the same from equal generators, and as wide at each step as the forecast says."""
    fitted = fitted_to(forecaster.name, case)
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
    fitted = fitted_to(forecaster.name, "step")
    paths = fitted.simulate(24, 3000, np.random.default_rng(3))
    assert np.corrcoef(paths[:, 0], paths[:, 12])[0, 1] > 0.1
