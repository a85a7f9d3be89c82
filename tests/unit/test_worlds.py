"""Worlds drawn from the stated ranges: which inputs are drawn, what holds of a draw, and a run judged the whole way."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.forecast.combine import Outlook, normal
from analysis.forecast.fitted import Fitted
from analysis.forecast.history import History, prepare
from analysis.forecast.registry import FORECASTERS
from scenarios import compose
from scenarios.comparisons.pairs import run_quietly
from scenarios.errors import InputError
from scenarios.forecasts.truth import blind_spot, members, truth_of
from scenarios.forecasts.worlds import SHARE, Unknown, draw_study, draw_worlds, drawn, unknowns
from scenarios.runs.claim import flatten
from scenarios.studies.study import Study

PRICE = "{key: policy.products.suite.price, date: 2026-04-01, value: {small: 90, medium: 95, large: 80}}"


@pytest.fixture(scope="module")
def study() -> Study:
    return compose("service_saas", ["market.accounts=80"])


@pytest.fixture(scope="module")
def inputs(study: Study) -> list[Unknown]:
    return unknowns([dict(row) for row in study.inputs], study.source, study.config)


def test_only_assumed_inputs_that_are_not_ours_are_drawn(study: Study, inputs: list[Unknown]) -> None:
    assert len(inputs) > 100
    assert {each.path[0] for each in inputs} <= {"market", "business", "effects"}
    assert ("market", "accounts") not in {each.path for each in inputs}, "set by an override"
    origin = {row["key"]: row["origin"] for row in study.inputs}
    assert {origin[".".join(each.path)] for each in inputs} == {"assumed"}


def test_draws_lie_in_their_ranges_and_shares_of_a_whole_keep_their_sum(study: Study, inputs: list[Unknown]) -> None:
    rng = np.random.default_rng(3)
    before = flatten(study.source)
    values = [flatten(drawn(study.source, inputs, rng)) for _ in range(20)]
    for each in (each for each in inputs if each.path[-1] != SHARE):
        found = [tree[".".join(each.path)] for tree in values]
        assert min(found) >= each.low
        assert max(found) <= each.high
        assert not each.whole or all(isinstance(value, int) for value in found)
    segments = [key for key in before if key.startswith("market.segments.") and key.endswith(".share")]
    assert [sum(tree[key] for key in segments) for tree in values] == pytest.approx([1.0] * 20)
    untouched = before.keys() - {".".join(each.path) for each in inputs}
    assert all(tree[key] == before[key] for tree in values for key in untouched)


def test_a_draw_is_uniform_over_its_range(study: Study) -> None:
    key = Unknown(("market", "channels", "content", "elasticity"), 0.2, 0.9, False)
    rng = np.random.default_rng(5)
    found = [drawn(study.source, [key], rng)["market"]["channels"]["content"]["elasticity"] for _ in range(400)]
    assert np.mean(found) == pytest.approx(0.55, abs=0.03)
    assert np.std(found) == pytest.approx(0.7 / np.sqrt(12), rel=0.1)


def test_refused_draws_are_made_again_and_counted(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of this range lies below 0, where the specification allows nothing."""
    path = ("market", "channels", "referral", "word_of_mouth")
    rng = np.random.default_rng(1)
    tries = [draw_study(study, [Unknown(path, -1.0, 1.0, False)], rng) for _ in range(8)]
    assert sum(refused for _, refused in tries) > 0
    monkeypatch.setattr("scenarios.forecasts.worlds.TRIES", 5)
    with pytest.raises(InputError, match="5 draws were refused"):
        draw_study(study, [Unknown(path, -2.0, -1.0, False)], rng)


def test_worlds_share_no_noise(study: Study, inputs: list[Unknown], tmp_path: Path) -> None:
    worlds, refused = draw_worlds(study, inputs, 3, tmp_path, np.random.default_rng(1))
    assert [world.study.seed for world in worlds] == [study.seed + 1, study.seed + 2, study.seed + 3]
    assert len({world.study.digest for world in worlds}) == 3
    assert refused >= 0


def test_members_of_the_judged_model() -> None:
    assert "theta" in members("combination")
    assert members("theta") == members("combination")


# The whole way


def judged(place: Path, worlds: int, *keys: str) -> dict[str, pd.DataFrame]:
    study = compose("service_saas", ["market.accounts=60", "horizon.days=730", "progress=false", *keys])
    run_quietly(study, place / "run", 2)
    settings = dict(study.config["forecast"]) | {"model": "ses", "models": ["ses"], "horizon": 2, "paths": 100}
    settings["truth"] = settings["truth"] | {"train": [12], "worlds": worlds}
    return truth_of(place / "run", settings, place)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, pd.DataFrame], Path]:
    place = tmp_path_factory.mktemp("truth")
    return judged(place, 0, f"++policy.changes.cheap={PRICE}"), place


def test_every_table_is_made(changed: tuple[dict[str, pd.DataFrame], Path]) -> None:
    frames, place = changed
    assert set(frames) == {
        "truth", "truth_coverage", "truth_skill", "truth_history", "truth_best", "truth_failures",
        "truth_blind", "truth_effect", "truth_notes",
    }  # fmt: skip
    assert frames["truth"]["replication"].nunique() == 2
    assert set(frames["truth_history"]["train"]) == {12, 22}
    notes = frames["truth_notes"].set_index("part")["note"]
    assert "fitted on the 22 months up to 2026-10-31, scored on the 2 after" in notes["truth"]
    assert notes["blind"].startswith("cheap on 2026-04-01")
    assert "forecast.truth.worlds=64" in notes["split"]
    assert (place / "twin" / "manifest.json").is_file()
    assert not (place / "changed").exists(), "the run itself is the changed world"


def test_the_twin_is_the_run_without_the_change(changed: tuple[dict[str, pd.DataFrame], Path]) -> None:
    frames, place = changed
    run, twin = (
        pd.read_parquet(place / name / "metrics.parquet").query("period == 'month'") for name in ("run", "twin")
    )
    before = [frame[pd.to_datetime(frame["ds"]) <= "2026-03-31"].reset_index(drop=True) for frame in (run, twin)]
    pd.testing.assert_frame_equal(*before)
    blind = frames["truth_blind"].set_index(["metric", "part"])
    gap = blind["bias"].xs("changed", level="part") - blind["bias"].xs("twin", level="part")
    pd.testing.assert_series_equal(gap, blind["effect"].xs("changed", level="part"), check_names=False)
    assert (blind["cutoff"] == pd.Timestamp("2026-03-31")).all()


class Stepped:
    """The mean of the past, moved by the regressors as they are."""

    name, regressors = "stepped", True

    def fit(self, y: pd.Series, floor: float | None = None, regressors: pd.DataFrame | None = None) -> Fitted:
        return Fitted(self.name, prepare(y, floor, regressors), partial(stepped, prepare(y, floor, regressors)))


def stepped(history: History, h: int) -> Outlook:
    known = history.regressors.ahead(h)[:, 0] if history.regressors is not None else np.zeros(h)
    return normal(np.mean(history.y) + known, np.ones(h))


def aware(place: Path, horizon: int, change: dict[str, object] | None = None) -> tuple[dict[str, pd.DataFrame], str]:
    settings = dict(compose("service_saas").config["forecast"])
    settings |= {"model": Stepped.name, "horizon": horizon, "paths": 100, "structure": False}
    settings["truth"] = settings["truth"] | {"change": change and {"late": change}}
    return blind_spot(place / "run", settings, place / "late" if change else place)


def test_a_forecast_that_knows_the_date_may_reach_beyond_the_run(
    changed: tuple[dict[str, pd.DataFrame], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six months after the date three are left of the run, and five are forecast."""
    monkeypatch.setitem(FORECASTERS, Stepped.name, Stepped())
    frames, note = aware(changed[1], 5)
    assert note.endswith("the regressor's effect is learned from 6 months after the date")
    rows = frames["truth_blind"].query("part == 'regressor'")
    assert (rows["failed"] == 0).all()
    assert (rows["replications"] == 2).all()
    assert (rows["cutoff"] == pd.Timestamp("2026-09-30")).all()


def test_a_key_that_is_set_to_what_it_is_teaches_nothing(
    changed: tuple[dict[str, pd.DataFrame], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FORECASTERS, Stepped.name, Stepped())
    spend = compose("service_saas").config["policy"]["channels"]["search"]["spend_month"]
    same = {"key": "policy.channels.search.spend_month", "date": "2026-04-16", "value": spend}
    frames, note = aware(changed[1], 2, same)
    assert note.endswith("the keys do not move up to 2026-09-30: their effect cannot be learned")
    assert set(frames["truth_blind"]["part"]) == {"twin", "changed"}


@pytest.mark.slow
def test_errors_of_worlds_are_split(tmp_path: Path) -> None:
    frames = judged(tmp_path, 6)
    table = frames["truth_split"]
    assert set(table["worlds"]) == {6}
    assert set(table["replications"]) == {12}
    shares = table[["demand_share", "parameters_share", "model_share"]].dropna().sum(axis=1)
    assert shares.to_numpy() == pytest.approx(np.ones(len(shares)))
    assert "6 worlds of 2 replications" in frames["truth_notes"].set_index("part").loc["split", "note"]
    assert "truth_blind" not in frames
