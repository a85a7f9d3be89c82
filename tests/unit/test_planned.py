"""What a run plans, as columns that forecasters know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.forecast.arima import Arima
from scenarios.comparisons.pairs import run_quietly
from scenarios.errors import InputError
from scenarios.forecasts.planned import plan_columns, with_plan
from scenarios.forecasts.reading import read_source
from scenarios.forecasts.source import Source
from scenarios.studies.compose import compose

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
MONTHS = pd.date_range("2025-01-31", periods=12, freq="ME")
PLAN = (
    "policy.changes.price={key: products.seat.price, date: 2025-04-01, value: 330}",
    "policy.channels.search.budget={2025-06: 4000, 2025-07: 3000}",
    "policy.products.seat.price_list={2025-10-16: 400}",
    "policy.hiring.two={desk: sales, heads: 2, requested: 2025-08-01, lead_days: 31, ramp_days: 61, start_speed: 0.5}",
)


def config(*overrides: str) -> dict[str, Any]:
    return compose("mini", ["effects=none", "market.accounts=60", *overrides], config_dir=MINI).config


def test_keys_that_move_become_their_mean_of_the_month_from_0_to_1() -> None:
    found = plan_columns(config(*PLAN), MONTHS)
    assert list(found) == ["policy.products.seat.price", "policy.channels.search.spend_month", "policy.hiring (sales)"]
    spend = found["policy.channels.search.spend_month"]
    assert spend.tolist() == [0, 0, 0, 0, 0, 1, 0.5, 0, 0, 0, 0, 0]
    price = found["policy.products.seat.price"]
    half = 330 + 70 * 16 / 31
    assert price.tolist() == pytest.approx([0, 0, 0, *[55 / 125] * 6, (half - 275) / 125, 1, 1])


def test_people_who_are_hired_count_by_presence_and_speed() -> None:
    people = plan_columns(config(*PLAN), MONTHS)["policy.hiring (sales)"]
    assert (people[:8] == 0).all()
    assert people.iloc[8] == pytest.approx(0.5 + 0.5 * 15 / 61)
    assert people.iloc[10:].tolist() == [1, 1]


def test_what_never_varies_is_left_out() -> None:
    assert plan_columns(config(), MONTHS).empty
    late = "policy.changes.x={key: products.seat.price, date: 2025-04-01, value: {small: 300, large: 250}}"
    assert plan_columns(config(late), MONTHS).empty


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run that spends ten times as much from a date on."""
    change = "policy.changes.more={key: channels.search.spend_month, date: 2026-01-01, value: 20000}"
    overrides = ["effects=none", "market.accounts=400", "horizon.days=730", "forecast.enabled=false", change]
    study = compose("mini", overrides, config_dir=MINI)
    path = tmp_path_factory.mktemp("runs") / "more"
    assert run_quietly(study, path, 1) == []
    return path


def settings(**more: Any) -> dict[str, Any]:
    return {**compose("mini", config_dir=MINI).config["forecast"], "replications": 1, "plan": True, **more}


def source_of(path: Path) -> Source:
    return read_source(path, settings())


def test_the_plan_of_a_run_reaches_past_its_end(run: Path) -> None:
    found = with_plan(None, source_of(run), settings(horizon=6))
    assert found is not None
    assert found.shape == (30, 1)
    assert found.iloc[:, 0].tolist() == [0] * 12 + [1] * 18


@pytest.mark.slow
def test_its_effect_is_estimated_by_a_model_that_knows_influences(run: Path) -> None:
    source = source_of(run)
    known = with_plan(None, source, settings(horizon=6))
    y = source.series[source.series["unique_id"] == "cash_paid"].set_index("ds")["y"]
    fitted = Arima().fit(y, None, known)
    assert "estimated effects: policy.channels.search.spend_month" in fitted.note
    effect = float(fitted.note.split("spend_month ")[1].split(" ")[0])
    assert effect == pytest.approx(18_000, rel=0.35)


def test_a_plan_joins_what_is_known_otherwise(run: Path) -> None:
    source = source_of(run)
    first = with_plan(None, source, settings())
    assert first is not None
    other = pd.DataFrame({"fair": np.arange(len(first)) % 2}, index=first.index)
    both = with_plan(other, source, settings())
    assert both is not None
    assert list(both) == ["fair", "policy.channels.search.spend_month"]
    with pytest.raises(InputError, match="names what is given already"):
        with_plan(first, source, settings())
    assert with_plan(other, source, settings(plan=False)) is other


def test_a_plan_is_that_of_one_run_and_tells_something(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"forecast.plan: is known of one run only, got file"):
        with_plan(None, replace(source_of(run), kind="file"), settings())
    study = compose("mini", ["effects=none", "market.accounts=60", "horizon.days=90"], config_dir=MINI)
    assert run_quietly(study, tmp_path / "none", 1) == []
    assert with_plan(None, source_of(tmp_path / "none"), settings()) is None
