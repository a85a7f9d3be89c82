"""Demand noise, parameters, forecast model: planted variances are found again, and what cannot be told is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.evaluate.split import PARTS, components, split

OFFSETS = np.array([-1.0, 0.0, 1.0])
"""Point forecasts of three models beside their mean: their variance is 2/3."""


def errors(worlds: int, sds: tuple[float, float], replications: int = 2, seed: int = 5) -> pd.DataFrame:
    """Errors whose variances are known: between worlds, between replications of a world, between models."""
    rng = np.random.default_rng(seed)
    world, noise = rng.normal(0, sds[0], (worlds, 1, 1)), rng.normal(0, sds[1], (worlds, replications, 1))
    values = 3.0 + world + noise - OFFSETS
    index = pd.MultiIndex.from_product([range(worlds), range(replications), ["a", "b", "c"]])
    table = pd.DataFrame({"error": values.ravel()}, index=index.set_names(["world", "replication", "model"]))
    return table.reset_index().assign(metric="arr", step=1)


def test_planted_variances_are_found() -> None:
    row = split(errors(1000, (2.0, 1.5))).iloc[0]
    assert row["parameters"] == pytest.approx(4.0, rel=0.1)
    assert row["demand"] == pytest.approx(2.25, rel=0.1)
    assert row["model"] == pytest.approx(2 / 3)
    assert sum(row[f"{part}_share"] for part in PARTS) == pytest.approx(1.0)
    assert (row["worlds"], row["replications"], row["models"]) == (1000, 2000, 3)


def test_intervals_of_shares_hold_the_truth_as_often_as_they_say() -> None:
    truth = 4.0 / (4.0 + 2.25 + 2 / 3)
    held = []
    for seed in range(40):
        row = split(errors(40, (2.0, 1.5), seed=seed)).iloc[0]
        held.append(row["parameters_share_low"] <= truth <= row["parameters_share_high"])
    assert sum(held) >= 33


def test_noise_alone_is_not_taken_for_parameters() -> None:
    """Means of two noisy replications differ between worlds: that much is taken off again."""
    row = split(errors(1000, (0.0, 1.5))).iloc[0]
    assert row["demand"] == pytest.approx(2.25, rel=0.1)
    assert row["parameters"] < 0.1 * 2.25


def test_a_bias_is_no_variance() -> None:
    shifted = errors(40, (2.0, 1.5))
    pd.testing.assert_frame_equal(split(shifted.assign(error=shifted["error"] + 1e3)), split(shifted), atol=1e-6)


def test_the_parts_add_up_to_the_variance_of_the_errors() -> None:
    """The law of total variance on a finite table: exact for the plain variances."""
    wide = errors(7, (2.0, 1.5), 4).pivot(index=["world", "replication"], columns="model", values="error")
    means, worlds = wide.mean(axis=1), wide.index.get_level_values("world")
    total = wide.to_numpy().var()
    model = wide.var(axis=1, ddof=0).mean()
    demand = means.groupby(worlds).var(ddof=0).mean()
    between = means.groupby(worlds).mean().var(ddof=0)
    assert total == pytest.approx(model + demand + between)


def test_components_by_hand() -> None:
    """Worlds with means 0 and 4 (variance 8), within 1 and 3 (mean 2), two replications each."""
    found = components(np.array([0.0, 4.0]), np.array([1.0, 3.0]), np.array([0.5, 1.5]), np.array([2.0, 2.0]))
    assert found.tolist() == [2.0, 7.0, 1.0]


def test_worlds_with_one_replication_and_missing_forecasts_are_left_out() -> None:
    table = errors(20, (2.0, 1.5))
    lone = (table["world"] == 3) & (table["replication"] == 1)
    missing = (table["world"] == 5) & (table["model"] == "b")
    row = split(table.assign(error=table["error"].mask(missing))[~lone]).iloc[0]
    assert (row["worlds"], row["replications"]) == (18, 36)
    kept = split(table[~table["world"].isin([3, 5])]).iloc[0]
    assert row["demand"] == kept["demand"]


def test_few_worlds_have_no_interval_and_one_has_no_split() -> None:
    few = split(errors(4, (2.0, 1.5))).iloc[0]
    assert few[list(PARTS)].notna().all()
    assert few[["demand_share_low", "model_share_high"]].isna().all()
    assert split(errors(1, (2.0, 1.5))).iloc[0][list(PARTS)].isna().all()
