"""The blind spot: what a forecast of before a change misses, what knowing its date saves, which worlds are twins."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.evaluate.blind import CHANGED, REGRESSOR, TWIN, WITHOUT, Worlds, blind
from analysis.evaluate.truth import Trial
from analysis.forecast.combine import Outlook, normal
from analysis.forecast.fitted import Fitted
from analysis.forecast.history import prepare
from analysis.forecast.registry import FORECASTERS
from analysis.forecast.run import Setup
from scenarios.forecasts.twins import Happening, influences, last_happening

MEAN, SD, H, EFFECT = 50.0, 4.0, 6, 10.0
MONTHS = pd.date_range("2023-01-31", periods=36, freq="ME")
AT = 24
"""Months before the change."""


class Told:
    """The mean of the past and, with regressors, ordinary least squares; the noise is known."""

    name, regressors = "told", True

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        history = prepare(y, floor, regressors)
        known, x = history.y[:, None], np.ones((len(history.y), 1))
        if history.regressors is not None:
            x = np.column_stack([x, history.regressors.past])
        slopes = np.linalg.lstsq(x, known, rcond=None)[0]
        return Fitted(self.name, history, partial(ahead, history, slopes))


def ahead(history: Any, slopes: np.ndarray, h: int) -> Outlook:
    x = np.ones((h, 1))
    if history.regressors is not None:
        x = np.column_stack([x, history.regressors.ahead(h)])
    return normal((x @ slopes)[:, 0], np.full(h, SD))


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORECASTERS, Told.name, Told())


def worlds(count: int, shift: np.ndarray, change: np.ndarray | None = None) -> Worlds:
    """Twins with the same noise; ``shift`` (months,) is in both, ``change`` in one alone."""
    rng = np.random.default_rng(10)
    index = pd.MultiIndex.from_product([range(count), MONTHS], names=["replication", "ds"])
    twin = MEAN + rng.normal(0, SD, (count, len(MONTHS))) + shift
    sides = [pd.DataFrame({"y": y.ravel()}, index=index).reset_index().assign(unique_id="a")
             for y in (twin + (EFFECT * step() if change is None else change), twin)]  # fmt: skip
    return Worlds(*sides)


def step(at: int = AT) -> np.ndarray:
    return (np.arange(len(MONTHS)) >= at).astype(float)


def trial(cutoff: int = AT - 1, column: np.ndarray | None = None) -> Trial:
    table = None if column is None else pd.DataFrame({"policy": column}, index=MONTHS)
    return Trial(Setup(H, model=Told.name, paths=10, regressors=table, structure=False), cutoff=MONTHS[cutoff])


def test_a_planted_effect_is_missed_by_the_effect() -> None:
    found = blind(worlds(24, np.zeros(36)), trial())
    rows = found["truth_blind"].set_index("part")
    assert rows.index.tolist() == [TWIN, CHANGED]
    assert rows.loc[TWIN, "low"] < 0 < rows.loc[TWIN, "high"]
    assert rows.loc[TWIN, "covered95"] == pytest.approx(0.94, abs=0.05)
    assert rows.loc[CHANGED, "low"] < EFFECT < rows.loc[CHANGED, "high"]
    assert rows.loc[CHANGED, "effect"] == pytest.approx(EFFECT)
    assert rows.loc[CHANGED, "bias"] - rows.loc[TWIN, "bias"] == pytest.approx(EFFECT)
    assert rows.loc[CHANGED, "covered95"] < 0.5
    assert (rows["cutoff"] == MONTHS[AT - 1]).all()


def test_the_effect_of_each_month() -> None:
    growing = np.where(np.arange(36) >= AT, np.arange(36) - AT + 1.0, 0.0)
    effects = blind(worlds(20, np.zeros(36), growing), trial())["truth_effect"]
    assert effects["effect"].tolist() == pytest.approx([1, 2, 3, 4, 5, 6])
    assert effects["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert effects["ds"].tolist() == MONTHS[AT : AT + H].tolist()


def test_what_months_after_the_date_teach_is_recovered() -> None:
    after = trial(AT + 5, step())
    rows = blind(worlds(24, np.zeros(36)), trial(), after)["truth_blind"].set_index("part")
    assert rows.index.tolist() == [TWIN, CHANGED, WITHOUT, REGRESSOR]
    plain = EFFECT * (1 - 6 / 30)
    assert rows.loc[WITHOUT, "low"] < plain < rows.loc[WITHOUT, "high"], "the mean of all months holds six new ones"
    assert rows.loc[REGRESSOR, "low"] < 0 < rows.loc[REGRESSOR, "high"]
    assert rows.loc[REGRESSOR, "recovered_low"] < plain / EFFECT < rows.loc[REGRESSOR, "recovered_high"]
    assert (rows.loc[[WITHOUT, REGRESSOR], "cutoff"] == MONTHS[AT + 5]).all()


def test_what_an_earlier_change_of_the_kind_teaches_is_recovered() -> None:
    """The change was on for six months before, in both worlds."""
    earlier = step(10) - step(16)
    found = blind(worlds(24, EFFECT * earlier), trial(), trial(AT - 1, earlier + step()))
    rows = found["truth_blind"].set_index("part")
    assert rows.index.tolist() == [TWIN, CHANGED, REGRESSOR]
    assert rows.loc[REGRESSOR, "low"] < 0 < rows.loc[REGRESSOR, "high"]
    expected = 1 - 6 / 24  # the mean of all months holds a quarter of the effect already
    assert rows.loc[REGRESSOR, "recovered_low"] < expected < rows.loc[REGRESSOR, "recovered_high"]


def test_without_an_effect_nothing_is_recovered() -> None:
    noise = np.random.default_rng(4).normal(0, 1, (24, 36)) * step()
    rows = blind(worlds(24, np.zeros(36), noise), trial(), trial(AT - 1, step()))
    row = rows["truth_blind"].set_index("part").loc[REGRESSOR]
    assert np.isnan(row["recovered"])


def test_what_could_not_be_forecast_is_counted_with_its_reason() -> None:
    """The column ends with the history, so that nothing is known of the months that are forecast."""
    after = trial(AT + 5, step())
    assert after.setup.regressors is not None
    short = replace(after, setup=replace(after.setup, regressors=after.setup.regressors.iloc[: AT + 6]))
    rows = blind(worlds(4, np.zeros(36)), trial(), short)["truth_blind"].set_index("part")
    assert rows["failed"].tolist() == [0, 0, 0, 4]
    assert rows["replications"].tolist() == [4, 4, 4, 0]
    assert "regressor policy has no finite value for 2025-07-31" in rows.loc[REGRESSOR, "reason"]
    assert (rows["reason"].drop(REGRESSOR) == "").all()


def test_worlds_that_differ_before_the_date_are_no_twins() -> None:
    pair = worlds(3, np.zeros(36))
    pair.changed.loc[3, "y"] += 1
    with pytest.raises(ValueError, match="a of replication 0 differs between the two worlds on 2023-04-30"):
        blind(pair, trial())


# Which date is judged, and its twin


CHANGES: dict[str, dict[str, Any]] = {
    "first": {"key": "policy.x", "date": "2025-01-01", "until": "2026-01-01", "value": 4},
    "later": {"key": "policy.y", "date": "2026-07-01", "until": None, "value": 2},
}
FIRST, LAST = date(2025, 2, 1), date(2028, 1, 1)


def test_the_last_date_within_the_horizon_is_judged() -> None:
    assert last_happening(CHANGES, FIRST, LAST) == Happening(date(2026, 7, 1), ("later",), ())
    assert last_happening(CHANGES, FIRST, date(2026, 3, 1)) == Happening(date(2026, 1, 1), (), ("first",))
    assert last_happening(CHANGES, FIRST, date(2026, 1, 1)) is None
    assert last_happening({}, FIRST, LAST) is None


def test_in_the_twin_it_does_not_happen() -> None:
    assert Happening(date(2026, 7, 1), ("later",), ()).undone(CHANGES) == {"first": CHANGES["first"]}
    goes_on = Happening(date(2026, 1, 1), (), ("first",)).undone(CHANGES)
    assert goes_on["first"]["until"] is None
    assert CHANGES["first"]["until"] == "2026-01-01"


def test_influences_are_the_keys_that_move() -> None:
    """Sixteen of the thirty-one days of July are changed; a campaign of three months has a column of its own."""
    from scenarios import compose

    study = compose("platform", [
        "++policy.changes.cut={key: policy.terms.subsidy_month, date: 2026-07-16, value: 0}",
        "++policy.changes.more={key: policy.terms.subsidy_month, date: 2025-10-01, until: 2026-01-01, value: 40000}",
    ])  # fmt: skip
    months = pd.date_range("2025-01-31", periods=36, freq="ME")
    happening = last_happening(study.config["policy"]["changes"], FIRST, LAST)
    assert happening == Happening(date(2026, 7, 16), ("cut",), ())
    table = influences(study, happening, months)
    assert table.columns.tolist() == ["policy.terms.subsidy_month"]
    base = study.config["policy"]["terms"]["subsidy_month"] / 40000
    wanted = np.r_[np.full(9, base), np.ones(3), np.full(6, base), base * 15 / 31, np.zeros(17)]
    assert table.iloc[:, 0].to_numpy() == pytest.approx(wanted)


def test_a_key_that_has_not_moved_yet_is_constant_to_the_last_digit() -> None:
    """Means of thirds over months of unlike length differ by rounding: nothing can be learned from that."""
    from scenarios import compose

    prices = "{small: 240, medium: 250, large: 215}"
    change = f"{{key: policy.products.suite.price, date: 2026-07-01, value: {prices}}}"
    study = compose("service_saas", [f"++policy.changes.cheap={change}"])
    happening = last_happening(study.config["policy"]["changes"], FIRST, LAST)
    assert happening is not None
    column = influences(study, happening, pd.date_range("2025-01-31", periods=36, freq="ME")).iloc[:, 0]
    assert column.tolist() == [1.0] * 18 + [0.0] * 18
