"""Known influences: columns from dates, alignment with histories, what can be told apart."""

import numpy as np
import pandas as pd
import pytest

from analysis.forecast.arima import Arima
from analysis.forecast.effects import Effects, said
from analysis.forecast.fitted import refuse
from analysis.forecast.history import prepare
from analysis.forecast.regressors import policy_dates, pulse, ramp, step, telling
from analysis.forecast.unobserved import UnobservedComponents

INDEX = pd.date_range("2020-01-31", periods=72, freq="ME")
QUARTERS = pd.date_range("2005-03-31", periods=72, freq="QE")
N = 60


def history_of(table: pd.DataFrame, n: int = N) -> pd.Series:
    return pd.Series(np.random.default_rng(1).normal(50, 1, n), index=table.index[:n])


# Columns from dates


def test_shapes() -> None:
    at, until = pd.Timestamp("2020-02-15"), pd.Timestamp("2020-04-30")
    index = INDEX[:6]
    assert step(index, at).tolist() == [0, 1, 1, 1, 1, 1]
    assert step(index, at, until).tolist() == [0, 1, 1, 1, 0, 0]
    assert ramp(index, at).tolist() == [0, 1, 2, 3, 4, 5]
    assert ramp(index, at, until).tolist() == [0, 1, 2, 3, 3, 3]
    assert pulse(index, at).tolist() == [0, 1, 0, 0, 0, 0]


def test_columns_of_changes() -> None:
    table = policy_dates(INDEX, {"price": ("2021-01-01", "step", None), "fair": ("2021-06-10", "pulse", None)})
    assert table.columns.tolist() == ["price", "fair"]
    assert table.sum().tolist() == [60, 1]


CHANGES = {
    "price": ("2021-03-15", "step", None),
    "offer": ("2021-03-01", "step", "2021-06-30"),
    "ads": ("2021-02-28", "ramp", "2021-05-31"),
    "fair": ("2021-06-10", "pulse", None),
}


@pytest.mark.parametrize("freq", ["MS", "BMS", "BME", "15th"])
def test_columns_do_not_depend_on_how_months_are_dated(freq: str) -> None:
    """A month in which something changes has changed: March by a price of the 15th, June up to its last day."""
    offset = pd.DateOffset(months=1) if freq == "15th" else freq
    dates = pd.date_range("2020-01-15" if freq == "15th" else "2020-01-01", periods=24, freq=offset)
    by_end = policy_dates(pd.date_range("2020-01-31", periods=24, freq="ME"), CHANGES)
    by_other = policy_dates(dates, CHANGES)
    assert by_other.index.equals(dates)
    assert by_other.to_numpy().tolist() == by_end.to_numpy().tolist()
    assert by_end["price"].to_numpy().nonzero()[0].min() == 14
    assert by_end["offer"].sum() == 4


def test_columns_of_quarters_and_hours() -> None:
    """A quarter dated by its first day holds a change of its last; hours change at the hour."""
    quarters = pd.date_range("2020-01-01", periods=8, freq="QS")
    assert policy_dates(quarters, {"x": ("2020-06-30", "step", None)})["x"].tolist() == [0, 1, 1, 1, 1, 1, 1, 1]
    hours = pd.date_range("2020-01-01", periods=48, freq="h")
    assert policy_dates(hours, {"x": ("2020-01-01 05:00", "step", None)})["x"].sum() == 43


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("2021-01-01", "jump", None), "shape 'jump'"),
        (("2021-01-01", "pulse", "2021-02-01"), "lasts one date"),
        (("2021-01-01", "step", "2020-02-01"), "ends before it begins"),
        (("soon", "step", None), "no date"),
    ],
)
def test_changes_that_make_no_sense(change: tuple[str, str, str | None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        policy_dates(INDEX, {"price": change})


# Alignment


def test_regressors_follow_the_periods_of_the_series() -> None:
    """Whatever their order, and on any day of the month that the series dates by its end."""
    table = pd.DataFrame({"x": np.arange(72.0)}, index=INDEX - pd.Timedelta(days=3)).iloc[::-1]
    found = prepare(pd.Series(1.0, index=INDEX[:N]), regressors=table).regressors
    assert found is not None
    assert found.names == ("x",)
    assert found.past[:, 0].tolist() == list(range(60))
    assert found.ahead(3)[:, 0].tolist() == [60, 61, 62]


@pytest.mark.parametrize("freq", ["MS", "ME", "BMS"])
def test_regressors_belong_to_the_calendar_month_of_the_series(freq: str) -> None:
    """Also where that is dated by its 15th or by its first business day, before which a month may begin."""
    index = pd.date_range("2024-01-01", periods=30, freq=freq)
    table = pd.DataFrame({"x": index.year * 12.0 + index.month}, index=index)
    fifteenth = pd.date_range("2024-02-15", periods=20, freq=pd.DateOffset(months=1))
    for dates in (fifteenth, pd.date_range("2024-02-01", periods=20, freq="BMS")):
        found = prepare(pd.Series(1.0, index=dates), regressors=table).regressors
        assert found is not None
        assert found.past[:, 0].tolist() == (dates.year * 12 + dates.month).tolist()
        assert found.ahead(2)[:, 0].tolist() == [dates.year[-1] * 12 + dates.month[-1] + k for k in (1, 2)]


def test_dates_that_are_missing_are_named() -> None:
    table = pd.DataFrame({"x": np.arange(72.0)}, index=INDEX)
    y = history_of(table)
    with pytest.raises(ValueError, match="x has no finite value for 2020-04-30"):
        prepare(y, regressors=table.drop(INDEX[3]))
    found = prepare(y, regressors=table[:65]).regressors
    assert found is not None
    with pytest.raises(ValueError, match="x has no finite value for 2025-06-30"):
        found.ahead(6)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"x": ["a"] * 72}, index=INDEX), "columns of numbers"),
        (pd.DataFrame(index=INDEX), "no column"),
        (pd.DataFrame({"x": [np.inf] * 72}, index=INDEX), "no finite value for 2020-01-31"),
    ],
)
def test_tables_that_are_no_regressors(table: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prepare(history_of(table), regressors=table)


def test_a_model_without_use_for_them_refuses() -> None:
    refuse("theta", None)
    with pytest.raises(ValueError, match="theta ignores regressors"):
        refuse("theta", pd.DataFrame({"x": [1.0]}))


# What can be told apart


def test_columns_that_say_nothing_new() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0, 1, (2, 50))
    x = np.column_stack([np.full(50, 3.0), a, 2 * a + 5, b, a - b, np.zeros(50)])
    assert telling(x, np.ones((50, 1))) == [1, 3]


@pytest.mark.parametrize("model", [Arima(), UnobservedComponents()])
def test_an_influence_that_has_not_varied_is_left_out_and_named(model: Arima | UnobservedComponents) -> None:
    """The forecast is then the one without regressors."""
    table = policy_dates(QUARTERS, {"later": (QUARTERS[N + 3], "step", None)})
    y = history_of(table)
    fitted = model.fit(y, None, table)
    assert "no effect can be estimated of: later" in fitted.note
    pd.testing.assert_frame_equal(fitted.predict(6), model.fit(y).predict(6))


# A policy date


@pytest.mark.parametrize("model", [Arima(), UnobservedComponents()])
def test_the_end_of_a_policy_is_foreseen_with_its_date_only(model: Arima | UnobservedComponents) -> None:
    """A level that is raised by 20 from a known date on, up to the last month of the history."""
    table = policy_dates(QUARTERS, {"offer": ("2014-05-01", "step", QUARTERS[N - 1])})
    y = pd.Series(100 + 20 * table["offer"] + np.random.default_rng(3).normal(0, 2, 72), index=QUARTERS)
    aware, blind = (model.fit(y[:N], None, known).predict(12) for known in (table, None))
    assert abs(aware["mean"] - 100).max() < 3
    assert ((aware["lo-95"] < y[N:]) & (y[N:] < aware["hi-95"])).mean() > 0.8
    assert (blind["mean"] > 110).all()


def test_a_constant_beside_several_effects_is_none_of_them() -> None:
    found = Effects(np.array([2.0, -1.0, 7.0]), np.diag([0.25, 1.0, 9.0]))
    (note,) = said(found, ["one", "two"], np.array([10.0, 100.0]), 4.0)
    assert note == "estimated effects: one 20 (standard error 10), two -100 (standard error 2e+02)"
