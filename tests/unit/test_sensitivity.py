"""Sensitivity of sweep output: layouts, noise, what is left out, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from SALib.analyze import morris as morris_analysis
from SALib.analyze import sobol as sobol_analysis
from SALib.sample import morris as morris_sample
from SALib.sample import sobol as sobol_sample

from analysis.compare.paired import TOO_FEW, paired
from analysis.sensitivity import morris as screening
from analysis.sensitivity import noise
from analysis.sensitivity import sobol as indices
from analysis.sensitivity.morris import Screening, effects, morris
from analysis.sensitivity.sobol import EXPECTED, ONE, sobol
from analysis.sensitivity.tornado import tornado

KEYS = ["policy.price.list", "market.accounts"]
PROBLEM = {"num_vars": 2, "names": KEYS, "bounds": [[80, 120], [1000, 5000]]}
SAMPLE = sobol_sample.sample(PROBLEM, 32, calc_second_order=False, seed=1)
NOISE = np.random.default_rng(2).normal(0, 20, (len(SAMPLE), 4))
VALUES = (SAMPLE[:, 0] * SAMPLE[:, 1] / 1000)[:, None] + NOISE


def points_of(x: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(x, columns=KEYS).assign(number=np.arange(len(x)) + 7)


def results_of(y: np.ndarray, metric: str = "arr") -> pd.DataFrame:
    n, count = y.shape
    return pd.DataFrame({
        "number": np.repeat(np.arange(n) + 7, count), "replication": np.tile(np.arange(count), n), "metric": metric,
        "value": y.ravel(),
    })  # fmt: skip


def of(found: pd.DataFrame, name: str) -> pd.DataFrame:
    return found[found["of"] == name].set_index("key").loc[KEYS]


def test_responses_keep_the_order_of_the_points_and_the_replications_of_all() -> None:
    results = results_of(np.arange(6.0).reshape(3, 2)).sample(frac=1, random_state=1)
    points = points_of(np.ones((3, 2))).iloc[::-1]
    assert noise.responses(points, results, "arr").values.tolist() == [[4, 5], [2, 3], [0, 1]]
    one_less = results[~(results["number"].eq(8) & results["replication"].eq(0))]
    found = noise.responses(points, one_less, "arr")
    assert found.values.tolist() == [[5], [3], [1]]
    assert found.replications.tolist() == [1]
    failed = noise.responses(points, results[results["number"] != 8], "arr").values
    assert np.isnan(failed[1]).all()
    assert failed[[0, 2]].tolist() == [[4, 5], [0, 1]]


def test_results_that_are_no_function_of_point_and_replication_are_refused() -> None:
    points, results = points_of(np.ones((2, 2))), results_of(np.ones((2, 2)))
    with pytest.raises(ValueError, match="several values of one point and replication"):
        noise.responses(points, pd.concat([results, results]), "arr")
    with pytest.raises(ValueError, match="point 7 is listed twice"):
        noise.responses(pd.concat([points, points]), results, "arr")
    with pytest.raises(ValueError, match="no replication has results at every point"):
        noise.responses(points, results[results["number"] - 7 == results["replication"]], "arr")


@pytest.mark.parametrize(("keys", "says"), [
    ([], "at least one key"), (["policy.none"], r"no column policy\.none"), (["word"], "word is not a number"),
])  # fmt: skip
def test_keys_have_to_be_columns_of_numbers(keys: list[str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        noise.matrix(points_of(np.ones((2, 2))).assign(word="base"), keys)


def test_variance_is_split_by_hand() -> None:
    """Points 0 and 4, shifts -1 and 1: no rest."""
    found = noise.split(np.array([[-1.0, 1], [3, 5]]))
    assert (found.keys, found.shared, found.own, found.p) == (8, 2, 0, 0)
    assert (found.noise_share, found.shared_share) == (0.2, 1)
    nothing = noise.split(np.ones((3, 2)))
    assert (nothing.noise_share, nothing.shared_share, nothing.p) == (0, 0, 1)
    assert math.isnan(noise.split(np.ones((3, 1))).noise_share)


def test_components_of_variance_are_those_they_were_made_of() -> None:
    rng = np.random.default_rng(3)
    parts = []
    for _ in range(200):
        y = rng.normal(0, 3, (60, 1)) + rng.normal(0, 2, (1, 8)) + rng.normal(0, 1, (60, 8))
        found = noise.split(y)
        parts.append((found.keys, found.shared, found.own))
    error = np.std(parts, axis=0, ddof=1) / math.sqrt(200)
    assert (np.abs(np.mean(parts, axis=0) - [9, 4, 1]) < 4 * error).all()


def test_of_one_replication_both_kinds_are_those_of_the_library() -> None:
    found = sobol(points_of(SAMPLE), results_of(VALUES[:, :1]), KEYS)
    library = sobol_analysis.analyze(PROBLEM, VALUES[:, 0], calc_second_order=False, seed=5, num_resamples=2000)
    for name in (EXPECTED, ONE):
        for ours, theirs in (("s1", "S1"), ("st", "ST")):
            rows = of(found, name)
            assert rows[ours].to_numpy() == pytest.approx(library[theirs], abs=1e-3)
            half = (rows[f"{ours}_high"] - rows[f"{ours}_low"]) / 2
            assert half.to_numpy() == pytest.approx(library[f"{theirs}_conf"], rel=0.25)
    assert set(found["note"]) == {noise.ONE_REPLICATION}
    assert found["noise_share"].isna().all()


def test_indices_of_one_replication_are_the_mean_of_the_librarys() -> None:
    found = of(sobol(points_of(SAMPLE), results_of(VALUES), KEYS), ONE)
    each = [sobol_analysis.analyze(PROBLEM, y, calc_second_order=False, seed=5) for y in VALUES.T]
    assert found["s1"].to_numpy() == pytest.approx(np.mean([one["S1"] for one in each], axis=0))
    assert found["st"].to_numpy() == pytest.approx(np.mean([one["ST"] for one in each], axis=0))


def test_replications_that_share_a_shift_have_the_indices_of_one_without() -> None:
    """What common random numbers give to all points alike is no part of any index."""
    shifted = sobol(points_of(SAMPLE), results_of(VALUES + np.array([0.0, 500, -300, 90])), KEYS)
    plain = sobol(points_of(SAMPLE), results_of(VALUES), KEYS)
    for name in ("s1", "st", "s1_low", "st_high"):
        assert of(shifted, EXPECTED)[name].to_numpy() == pytest.approx(of(plain, EXPECTED)[name].to_numpy())
    assert shifted["shared_share"].iloc[0] > 0.9 > plain["shared_share"].iloc[0]


def test_points_of_the_second_order_are_passed_over() -> None:
    sample = sobol_sample.sample(PROBLEM, 32, calc_second_order=True, seed=1)
    y = (sample[:, 0] * sample[:, 1])[:, None]
    used = np.arange(len(sample)).reshape(-1, 6)[:, [0, 1, 2, 5]].ravel()
    both = sobol(points_of(sample), results_of(y), KEYS, second_order=True)
    alone = sobol(points_of(sample[used]), results_of(y[used]), KEYS)
    pd.testing.assert_frame_equal(both, alone)


def test_blocks_that_are_undefined_somewhere_are_left_out() -> None:
    holes = VALUES.copy()
    holes[5, 2] = math.nan
    found = sobol(points_of(SAMPLE), results_of(holes), KEYS)
    assert set(zip(found["blocks"], found["left_out"], strict=True)) == {(31, 1)}
    rest = np.delete(np.arange(len(SAMPLE)), slice(4, 8))
    alone = sobol(points_of(SAMPLE[rest]), results_of(VALUES[rest]), KEYS)
    assert of(found, EXPECTED)["st"].to_numpy() == pytest.approx(of(alone, EXPECTED)["st"].to_numpy())
    holes[::4] = math.nan
    with pytest.raises(ValueError, match="arr is defined in 0 whole blocks; indices need 8"):
        sobol(points_of(SAMPLE), results_of(holes), KEYS)


def test_the_table_of_indices() -> None:
    both = pd.concat([results_of(VALUES), results_of(-VALUES, "cash_min")])
    found = sobol(points_of(SAMPLE), both, KEYS)
    assert tuple(found.columns) == indices.COLUMNS
    assert found["metric"].tolist() == ["arr"] * 4 + ["cash_min"] * 4
    assert found.groupby(["metric", "of"])["st"].apply(lambda st: st.is_monotonic_decreasing).all()
    assert found["st"].iloc[:4].to_numpy() == pytest.approx(found["st"].iloc[4:].to_numpy())
    assert found["common"].all()
    apart = sobol(points_of(SAMPLE), results_of(VALUES), KEYS, common=False)
    assert set(apart["of"]) == {EXPECTED}
    assert not apart["common"].any()
    assert tuple(sobol(points_of(SAMPLE), both.iloc[:0], KEYS).columns) == indices.COLUMNS


def test_a_metric_without_variation_or_of_noise_alone_has_no_effect() -> None:
    constant = sobol(points_of(SAMPLE), results_of(np.full(VALUES.shape, 0.1)), KEYS)
    assert set(constant["note"]) == {noise.CONSTANT}
    assert constant[["s1", "st", "st_low"]].isna().all(axis=None)
    alone = sobol(points_of(SAMPLE), results_of(NOISE), KEYS, common=False)
    assert set(alone["note"]) == {noise.NO_EFFECT}
    assert alone["noise_share"].iloc[0] > 0.9


def test_two_replications_say_that_their_intervals_lack_the_noise() -> None:
    found = sobol(points_of(SAMPLE), results_of(VALUES[:, :2]), KEYS).set_index(["of", "key"])["note"]
    assert set(found[EXPECTED]) == {indices.TWO_REPLICATIONS}
    assert set(found[ONE]) == {""}


def test_keys_may_be_words_and_groups() -> None:
    frame = points_of(SAMPLE)
    words = frame.assign(**{KEYS[0]: np.where(frame[KEYS[0]] > 100, "dear", "cheap")})
    plain = sobol(frame, results_of(VALUES), KEYS)
    pd.testing.assert_frame_equal(sobol(words, results_of(VALUES), KEYS), plain)
    grouped = sobol(frame, results_of(VALUES), ["shares", KEYS[1]])
    assert grouped["st"].tolist() == plain["st"].tolist()


def test_a_sample_of_another_layout_is_refused() -> None:
    with pytest.raises(ValueError, match=r"market\.accounts does not change as key 1"):
        sobol(points_of(SAMPLE), results_of(VALUES), KEYS[::-1])
    with pytest.raises(ValueError, match="127 points do not make blocks of 4 for 2 keys"):
        sobol(points_of(SAMPLE[1:]), results_of(VALUES[1:]), KEYS)


TRAJECTORIES = morris_sample.sample(PROBLEM, 6, num_levels=4, seed=2)
CURVED = (TRAJECTORIES[:, 0] ** 2 + TRAJECTORIES[:, 1])[:, None]


def test_elementary_effects_are_the_librarys() -> None:
    x = TRAJECTORIES.reshape(6, 3, 2)
    found = effects(x, CURVED.reshape(6, 3, 1))[:, :, 0]
    library = morris_analysis.analyze(PROBLEM, TRAJECTORIES, CURVED[:, 0], num_resamples=2, seed=1)
    assert found.mean(axis=1) == pytest.approx(library["mu"])
    assert np.abs(found).mean(axis=1) == pytest.approx(library["mu_star"])
    assert found.std(axis=1, ddof=1) == pytest.approx(library["sigma"])
    table = morris(points_of(TRAJECTORIES), results_of(CURVED), KEYS).set_index("key").loc[KEYS]
    assert table["mu_star"].to_numpy() == pytest.approx(library["mu_star"])
    assert table["sigma"].to_numpy() == pytest.approx(library["sigma"])


def test_the_table_of_effects() -> None:
    y = CURVED + np.array([0.0, 1e4, -1e4])
    y[4, 1] = math.nan
    found = morris(points_of(TRAJECTORIES), results_of(y), KEYS)
    assert tuple(found.columns) == screening.COLUMNS
    assert set(zip(found["trajectories"], found["left_out"], found["replications"], strict=True)) == {(5, 1, 3)}
    assert found["mu_star"].is_monotonic_decreasing
    assert (found["mu_star_low"] <= found["mu_star"] + 1e-6).all()
    assert (found["mu_star"] <= found["mu_star_high"] + 1e-6).all()
    assert found["noise"].to_numpy() == pytest.approx(0, abs=1e-6)  # a shared shift is no noise of a difference
    assert set(found["note"]) == {""}
    single = morris(points_of(TRAJECTORIES), results_of(CURVED), KEYS, Screening(common=False))
    assert set(single["note"]) == {noise.ONE_REPLICATION}
    assert not single["common"].any()


def test_a_key_without_effect_is_not_told_apart_from_noise() -> None:
    rng = np.random.default_rng(6)
    y = TRAJECTORIES[:, :1] + rng.normal(0, 1, (len(TRAJECTORIES), 5))
    found = morris(points_of(TRAJECTORIES), results_of(y), KEYS).set_index("key")["note"]
    assert found.to_dict() == {KEYS[0]: "", KEYS[1]: screening.NOISE}


def test_steps_of_no_trajectory_are_refused() -> None:
    with pytest.raises(ValueError, match="17 points do not make trajectories of 3"):
        morris(points_of(TRAJECTORIES[1:]), results_of(CURVED[1:]), KEYS)
    still = TRAJECTORIES.copy()
    still[1] = still[0]
    with pytest.raises(ValueError, match="has to move one key"):
        morris(points_of(still), results_of(CURVED), KEYS)
    with pytest.raises(ValueError, match="the metric is defined along 0 trajectories"):
        morris(points_of(TRAJECTORIES), results_of(np.full_like(CURVED, math.nan)), KEYS)


def test_a_design_tells_steps_that_words_do_not() -> None:
    frame = points_of(TRAJECTORIES).assign(**{KEYS[0]: "base"})
    plain = morris(points_of(TRAJECTORIES), results_of(CURVED), KEYS)
    pd.testing.assert_frame_equal(morris(frame, results_of(CURVED), KEYS, Screening(TRAJECTORIES)), plain)
    with pytest.raises(ValueError, match="is not a number"):
        morris(frame, results_of(CURVED), KEYS)
    with pytest.raises(ValueError, match="18 points, but 15 rows"):
        morris(frame, results_of(CURVED), KEYS, Screening(TRAJECTORIES[:15]))


def test_a_group_has_an_absolute_effect_without_direction() -> None:
    """Against the library, for which a group is the same."""
    problem = PROBLEM | {"num_vars": 3, "names": list("abc"), "bounds": [[0, 1]] * 3, "groups": ["one", "two", "two"]}
    design = morris_sample.sample(problem, 8, num_levels=4, seed=3)
    y = (3 * design[:, 0] + design[:, 1] * design[:, 2])[:, None]
    points = pd.DataFrame({"number": np.arange(len(y)) + 7})
    found = morris(points, results_of(y), ["one", "two"], Screening(design, ["one", "two", "two"]))
    library = morris_analysis.analyze(problem, design, y[:, 0], num_resamples=2, seed=1)
    assert found.set_index("key").loc[["one", "two"], "mu_star"].to_numpy() == pytest.approx(library["mu_star"])
    assert found.set_index("key")[["mu", "mu_low", "sigma", "sigma_high"]].isna().all(axis=1).to_dict() == {
        "one": False, "two": True,
    }  # fmt: skip
    assert found["mu_star_low"].notna().all()


STAR = np.array([[100.0, 3000], [80, 3000], [120, 3000], [100, 5000]])


def test_bars_are_paired_differences_from_the_base() -> None:
    rng = np.random.default_rng(7)
    y = 100 + rng.normal(0, 5, (1, 12)) + np.array([[0.0], [-3], [4], [9]]) + rng.normal(0, 1, (4, 12))
    found = tornado(points_of(STAR), results_of(y), KEYS).set_index("key")
    assert found.index.tolist() == [KEYS[1], KEYS[0]]
    price = found.loc[KEYS[0]]
    assert (price["base_value"], price["low_value"], price["high_value"]) == (100, 80, 120)
    assert price["base"] == pytest.approx(y[0].mean())
    for name, difference in (
        ("low_effect", paired(y[0], y[1])), ("high_effect", paired(y[0], y[2])), ("swing", paired(y[1], y[2])),
    ):  # fmt: skip
        assert price[name] == pytest.approx(difference.difference)
        assert (price[f"{name}_low"], price[f"{name}_high"]) == pytest.approx((difference.low, difference.high))
    accounts = found.loc[KEYS[1]]
    assert (accounts["low_value"], accounts["low_effect"]) == (3000, 0)
    assert accounts["swing"] == accounts["high_effect"]


def test_a_bar_says_what_to_know_before_relying_on_it() -> None:
    y = np.zeros((4, 20))
    y[2, 0] = 5
    found = tornado(points_of(STAR), results_of(y), KEYS).set_index("key").loc[KEYS[0]]
    assert found["note"].startswith(TOO_FEW)
    assert math.isnan(found["swing_low"])
    assert (found["low_effect_low"], found["low_effect_high"]) == (0, 0)


def test_points_that_are_no_star_are_refused() -> None:
    twice = np.vstack([STAR, [80, 5000]])
    with pytest.raises(ValueError, match="point 4 of the design moves 2 keys"):
        tornado(points_of(twice), results_of(np.ones((5, 2))), KEYS)
    with pytest.raises(ValueError, match=r"no point moves market\.accounts"):
        tornado(points_of(STAR[:3]), results_of(np.ones((3, 2))), KEYS)
