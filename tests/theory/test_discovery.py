"""Planted regions of failure are found, with the words for them; in pure noise there is nothing to find."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom, qmc

from analysis import discovery
from analysis.discovery import SHUFFLES, SIGNIFICANT, Discovery, discover, failures
from analysis.prim import Bounds, boundary, everything, inside, likelihood, paste, peel

KEYS = ["policy.price.list", "market.accounts", "policy.sales.people", "market.growth"]


def points(count: int, seed: int) -> pd.DataFrame:
    """A Latin hypercube over a price, a number of accounts, a number of people and a rate."""
    u = qmc.LatinHypercube(4, rng=np.random.default_rng(seed)).random(count)
    low, high = np.array([60, 1000, 1, -0.1]), np.array([140, 9000, 12, 0.3])
    frame = pd.DataFrame(low + (high - low) * u, columns=KEYS)
    whole = {"market.accounts": "int64", "policy.sales.people": "int64"}
    return frame.astype(whole).assign(number=np.arange(count))


def found_in(frame: pd.DataFrame, chance: np.ndarray, seed: int, keys: list[str] = KEYS) -> Discovery:
    rng = np.random.default_rng(seed)
    failed = (rng.random(len(frame)) < chance).astype(float)
    return discover(frame, pd.Series(failed, index=frame["number"]), keys)


def planted(frame: pd.DataFrame) -> np.ndarray:
    return ((frame["policy.price.list"] > 90) & (frame["market.accounts"] < 3000)).to_numpy()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_planted_box_is_found(seed: int) -> None:
    frame = points(500, seed)
    found = found_in(frame, np.where(planted(frame), 0.95, 0.02), seed)
    box = found.boxes[0]
    assert box.coverage > 0.8
    assert box.density > 0.8
    assert box.p == 1 / (1 + SHUFFLES)
    limits = {limit.key: limit for limit in box.limits}
    assert set(limits) == {"policy.price.list", "market.accounts"}
    assert limits["policy.price.list"].low == pytest.approx(90, abs=4)
    assert limits["market.accounts"].high == pytest.approx(3000, abs=400)
    assert math.isinf(limits["policy.price.list"].high)
    assert all(limit.quasi_p < 0.01 for limit in box.limits)
    assert len(found.boxes) == 1


def test_an_exact_box_is_told_in_round_numbers() -> None:
    frame = points(500, 4)
    found = found_in(frame, planted(frame).astype(float), 4)
    box = found.boxes[0]
    assert (box.coverage, box.density) == (1, 1)
    assert sorted(box.rule.split(" and ")) == ["market.accounts below 3,000", "policy.price.list above 90"]
    assert found.stopped == "fewer than 10 points fail, or fewer than that do not"


def test_coverage_density_and_mass_are_those_of_the_rule() -> None:
    """Counted again from the printed limits, strictly within them."""
    frame = points(400, 5)
    rng = np.random.default_rng(5)
    shares = rng.binomial(10, np.where(planted(frame), 0.7, 0.1)) / 10
    box = discover(frame, pd.Series(shares, index=frame["number"]), KEYS).boxes[0]
    held = np.ones(400, dtype=bool)
    for limit in box.limits:
        held &= frame[limit.key].gt(limit.low).to_numpy() & frame[limit.key].lt(limit.high).to_numpy()
    assert box.points == held.sum()
    assert box.mass == held.mean()
    assert box.density == pytest.approx(shares[held].mean())
    assert box.coverage == pytest.approx(shares[held].sum() / shares.sum())
    assert box.base == pytest.approx(shares.mean())
    assert box.density == pytest.approx(0.7, abs=0.1)


def test_in_pure_noise_a_box_is_as_rare_as_its_p_says() -> None:
    """Forty samples at 5 %: seven or more boxes have a chance of one in 300."""
    found = [found_in(points(80, seed), np.full(80, 0.3), seed, KEYS[:3]) for seed in range(40)]
    assert sum(bool(one.boxes) for one in found) <= 6
    assert SIGNIFICANT == 0.05
    reasons = ("a further box is no better than chance", "no limit that chance does not explain")
    assert all(one.stopped.startswith(reasons) for one in found if not one.boxes)


def test_two_planted_boxes_are_found_one_after_the_other() -> None:
    frame = points(800, 6)
    other = (frame["policy.sales.people"] <= 3) & (frame["market.growth"] > 0.1)
    found = found_in(frame, np.where(planted(frame) | other, 0.97, 0.02), 6)
    told = [{limit.key for limit in box.limits} for box in found.boxes[:2]]
    assert sorted(map(sorted, told)) == [sorted(KEYS[:2]), sorted(KEYS[2:])]
    assert sum(box.coverage for box in found.boxes) > 0.8
    assert all(box.density > 0.8 for box in found.boxes[:2])
    assert found.table()["box"].tolist() == list(range(1, len(found.boxes) + 1))
    assert len(found.limits()) == sum(len(box.limits) for box in found.boxes)


def test_a_key_of_words() -> None:
    rng = np.random.default_rng(7)
    plans = rng.choice(["base", "fast", "slow"], 300)
    frame = points(300, 7).assign(**{"policy.plan": plans})
    failing = (plans == "slow") & frame["policy.price.list"].gt(100).to_numpy()
    found = found_in(frame, np.where(failing, 0.95, 0.03), 7, [*KEYS, "policy.plan"])
    rules = {limit.key: limit.rule for limit in found.boxes[0].limits}
    assert rules["policy.plan"] == "policy.plan is slow"
    assert set(rules) == {"policy.plan", "policy.price.list"}
    assert found.limits().set_index("key")["values"]["policy.plan"] == "slow"


def test_few_failures_or_few_successes_give_no_box() -> None:
    frame = points(100, 8)
    for share in (0.0, 1.0):
        found = discover(frame, pd.Series(share, index=frame["number"]), KEYS)
        assert found.boxes == ()
        assert found.table().empty
        assert found.limits().empty
        assert found.stopped.startswith("fewer than 10 points fail")


def test_points_without_a_verdict_are_left_out_and_shares_are_checked() -> None:
    frame = points(50, 9)
    shares = pd.Series(0.5, index=range(50)).drop(3)
    shares[4] = math.nan
    assert discover(frame, shares, KEYS).points == 48
    with pytest.raises(ValueError, match="within 0 and 1"):
        discover(frame, shares + 1, KEYS)
    with pytest.raises(ValueError, match=r"policy\.none has no value"):
        discover(frame, shares, ["policy.none"])


def test_failures_are_shares_of_defined_replications() -> None:
    results = pd.DataFrame({
        "number": [0, 0, 1, 1, 2, 2], "replication": [0, 1] * 3, "metric": "cash_min",
        "value": [-1.0, 5, -3, math.nan, math.nan, math.nan],
    })  # fmt: skip
    found = failures(results, "cash_min", below=0)
    assert found.tolist()[:2] == [0.5, 1]
    assert math.isnan(found[2])
    assert failures(results, "cash_min", above=4).tolist()[:2] == [0.5, 0]
    for wrong in ({}, {"below": 0, "above": 1}):
        with pytest.raises(ValueError, match="one of them"):
            failures(results, "cash_min", **wrong)
    with pytest.raises(ValueError, match="no metric arr"):
        failures(results, "arr", below=0)
    with pytest.raises(ValueError, match="several values"):
        failures(pd.concat([results, results]), "cash_min", below=0)


@pytest.mark.parametrize(("size", "own"), [(10, 6), (10, 7), (20, 11), (30, 13)])
def test_the_quasi_p_of_a_limit_is_that_of_a_random_part(size: int, own: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hypergeometric chance of as many failures or more among the points in the box."""
    monkeypatch.setattr(discovery, "DRAWS", 20_000)
    x, y = np.arange(40.0)[:, None], np.zeros(40)
    y[:own] = y[40 - (18 - own) :] = 1
    limited = everything(1).moved((1, 0), size - 1.0)
    rng = np.random.default_rng(11)
    found = discovery._quasi_p(x, y, limited, (1, 0), rng)
    assert found == pytest.approx(hypergeom.sf(own - 1, 40, 18, size), abs=0.015)


def test_peeling_stops_at_the_edge_and_pasting_gives_back() -> None:
    x = np.column_stack([np.arange(100.0), np.tile(np.arange(10.0), 10)])
    y = (x[:, 0] >= 60).astype(float)
    found, score = peel(x, y, 0.05, 5)
    assert score == pytest.approx(likelihood(y, inside(x, found)))
    pasted = paste(x, y, Bounds(np.array([[75, -math.inf], [math.inf, math.inf]])), 0.05)
    assert pasted.values[0, 0] == pytest.approx(60, abs=2)
    assert likelihood(y, y == 1) == pytest.approx(-(40 * math.log(0.4) + 60 * math.log(0.6)))
    assert likelihood(y, y == 0) == 0


@pytest.mark.parametrize(("beyond", "within", "word"), [
    (89.7, 91.3, 90.0), (2940.0, 3100.0, 3000.0), (0.0123, 0.0141, 0.014), (4, 5, 4.0), (-0.31, -0.12, -0.2),
    (-1.0, 2.0, 0.0),
])  # fmt: skip
def test_a_limit_is_a_short_number_between_two_neighbours(beyond: float, within: float, word: float) -> None:
    values = np.array([[beyond - 1], [beyond], [within], [within + 1]])
    assert boundary(values, everything(1).moved((0, 0), within), (0, 0)) == pytest.approx(word)
    assert boundary(-values, everything(1).moved((1, 0), -within), (1, 0)) == pytest.approx(-word)
    assert boundary(values, everything(1).moved((0, 0), beyond - 1), (0, 0)) == -math.inf
