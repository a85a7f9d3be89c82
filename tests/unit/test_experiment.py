"""Experiments: what keys may be, how the samplers fill them, and how much an experiment asks for."""

from __future__ import annotations

import math
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenarios.errors import InputError
from scenarios.studies.compose import options
from scenarios.studies.resolve import assign
from scenarios.studies.study import Study, restore
from scenarios.sweeps.experiment import Experiment, Size, load_settings, make_experiment, read_experiment
from scenarios.sweeps.expressions import parse, parse_constraint
from scenarios.sweeps.ranges import Range, Shares, Values
from scenarios.sweeps.sampling import Point, layout, points

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
HEADS, PRICE, TRIAL = "policy.desks.sales.heads", "policy.products.seat.price.small", "policy.conversion.trial_days"
FIXED = "policy.finance.fixed_month"
SHIPPED = [name for name in options("experiment") if load_settings(name, None)["kind"] == "sweep"]


def made(keys: dict[str, Any], sampler: str = "lhs", *overrides: str, **settings: Any) -> Experiment:
    """An experiment on the small study."""
    given = {"kind": "sweep", "sampler": sampler, "keys": keys, **settings}
    return make_experiment("small", given, "mini", ["effects=none", *overrides], MINI)


def columns(experiment: Experiment) -> dict[str, list[Any]]:
    drawn = points(experiment)
    return {key: [point.values[key] for point in drawn] for key in experiment.columns}


def study_of(experiment: Experiment, point: Point) -> Study:
    tree = deepcopy(experiment.studies[point.scenario].source)
    for key, value in point.values.items():
        assign(tree, tuple(key.split(".")), value)
    return restore(tree)


def test_grid_is_every_combination_under_every_scenario() -> None:
    experiment = made(
        {HEADS: [2, 3], TRIAL: {"low": 10, "high": 30, "levels": 3}}, "grid", scenarios=["baseline", "cheaper"]
    )
    drawn = points(experiment)
    assert experiment.size() == Size(rows=6, points=12, jobs=12 * 20, exact=True)
    assert [point.number for point in drawn] == list(range(12))
    combinations = Counter((p.scenario, p.values[HEADS], p.values[TRIAL]) for p in drawn)
    wanted = {(name, heads, days) for name in experiment.scenarios for heads in (2, 3) for days in (10, 20, 30)}
    assert combinations == Counter(wanted)


def test_points_of_a_grid_are_shared_among_ranges_without_levels() -> None:
    experiment = made(
        {HEADS: [2, 3], TRIAL: {"low": 7, "high": 30}, PRICE: {"low": 100, "high": 300}}, "grid", points=55
    )
    assert experiment.size().rows == 2 * 5 * 5
    assert sorted(set(columns(experiment)[PRICE])) == [100, 150, 200, 250, 300]


def test_a_whole_key_has_no_more_levels_than_whole_numbers() -> None:
    experiment = made({HEADS: {"low": 2, "high": 4, "levels": 9}}, "grid")
    assert columns(experiment)[HEADS] == [2, 3, 4]
    assert experiment.size().rows == 3


def test_a_list_goes_along_its_keys_together() -> None:
    experiment = made({HEADS: [2, 3, 4], PRICE: [200, 250, 300], TRIAL: {"equals": f"2 * {HEADS} + 1"}}, "list")
    assert columns(experiment) == {HEADS: [2, 3, 4], PRICE: [200, 250, 300], TRIAL: [5, 7, 9]}
    assert experiment.size().points == 3


def test_a_key_without_a_range_has_its_own() -> None:
    experiment = made({PRICE: None, TRIAL: None, "policy.conversion.trial": None}, points=8)
    assert experiment.keys[PRICE] == Range(100, 400)
    assert experiment.keys[TRIAL] == Range(7, 30)
    assert experiment.keys["policy.conversion.trial"] == Values((False, True))


@pytest.mark.parametrize("sampler", ["lhs", "sobol"])
def test_each_key_fills_its_range_evenly(sampler: str) -> None:
    """Of 64 points each of 64 equal parts of a range holds one; of the logarithm where the range is log."""
    experiment = made(
        {PRICE: {"low": 100, "high": 400}, FIXED: {"low": 1000, "high": 64000, "log": True}}, sampler, points=64
    )
    found = columns(experiment)
    parts = {
        PRICE: (np.array(found[PRICE]) - 100) / 300,
        FIXED: np.log(np.array(found[FIXED]) / 1000) / math.log(64),
    }
    for unit in parts.values():
        assert sorted(np.floor(unit * 64).astype(int)) == list(range(64))


def test_whole_numbers_have_equal_parts() -> None:
    assert Counter(columns(made({HEADS: {"low": 1, "high": 4}}, "sobol", points=64))[HEADS]) == {
        1: 16,
        2: 16,
        3: 16,
        4: 16,
    }
    assert all(isinstance(point.values[HEADS], int) for point in points(made({HEADS: {"low": 1, "high": 4}}, points=9)))


@pytest.mark.parametrize("sampler", ["lhs", "sobol"])
def test_twice_the_points_hold_the_points_there_were(sampler: str) -> None:
    keys = {PRICE: {"low": 100, "high": 400}, HEADS: {"low": 1, "high": 9}}
    few, many = (points(made(keys, sampler, points=number)) for number in (16, 32))
    assert [point.values for point in many[:16]] == [point.values for point in few]


def test_a_doubled_odd_hypercube_is_one() -> None:
    found = np.array(columns(made({PRICE: {"low": 100, "high": 400}}, points=24))[PRICE])
    assert sorted(np.floor((found - 100) / 300 * 24).astype(int)) == list(range(24))


def test_a_seed_makes_a_design_and_another_makes_another() -> None:
    keys = {PRICE: {"low": 100, "high": 400}}
    for sampler, number in (("lhs", {"points": 16}), ("sobol", {"points": 16}), ("morris", {"base_samples": 6})):
        one, again, other = (
            columns(made(keys | {HEADS: {"low": 1, "high": 9}}, sampler, seed=seed, **number)) for seed in (1, 1, 2)
        )
        assert one == again != other


def test_linked_keys_follow_in_any_order_of_the_file() -> None:
    experiment = made(
        {FIXED: {"equals": f"10 * {PRICE}"}, PRICE: {"equals": f"{HEADS} * 50 - min({HEADS}, 1)"}, HEADS: [2, 3]},
        "grid",
    )
    assert columns(experiment) == {FIXED: [990, 1490], PRICE: [99, 149], HEADS: [2, 3]}


def test_a_link_to_a_whole_key_is_rounded_and_may_name_what_is_not_sampled() -> None:
    experiment = made(
        {HEADS: {"equals": f"{PRICE} / policy.products.seat.price.large"}, PRICE: [300, 350, 400]}, "grid"
    )
    assert columns(experiment)[HEADS] == [1, 1, 2]


def test_a_link_reads_the_value_of_its_own_scenario() -> None:
    experiment = made({FIXED: {"equals": f"100 * {PRICE}"}, HEADS: [2]}, "grid", scenarios=["baseline", "cheaper"])
    assert [point.values[FIXED] for point in points(experiment)] == [30000, 20000]


def test_a_link_to_what_refers_to_a_sampled_key_follows_it() -> None:
    """The stop takes its term from the policy; so a link to the stop is one to the policy."""
    keys = {"policy.terms.term_months": [6, 12], FIXED: {"equals": "1000 * business.route.customer.term_months"}}
    assert columns(made(keys, "grid"))[FIXED] == [6000, 12000]


def test_constraints_keep_what_holds() -> None:
    keys = {PRICE: {"low": 100, "high": 400}, "policy.products.seat.price.large": {"low": 100, "high": 400}}
    constraint = ["policy.products.seat.price.large <= policy.products.seat.price.small"]
    for sampler in ("lhs", "sobol"):
        found = columns(made(keys, sampler, points=32, constraints=constraint))
        assert len(found[PRICE]) == len(set(found[PRICE])) == 32
        assert all(np.array(found["policy.products.seat.price.large"]) <= np.array(found[PRICE]))
    grid = made({key: [100, 200, 300] for key in keys}, "grid", constraints=constraint)
    assert len(points(grid)) == 6
    assert not grid.size().exact


def test_a_key_that_a_whole_number_refers_to_takes_whole_numbers() -> None:
    """The open part of a policy has no types of its own; what reads it has."""
    assert made({TRIAL: None}, points=4).keys == {TRIAL: Range(7, 30)}
    counted = made({TRIAL: None}, "lhs", "market.accounts='${policy.conversion.trial_days}'", points=4)
    assert counted.keys == {TRIAL: Range(7, 30, integer=True)}


def test_shares_are_uniform_on_the_simplex() -> None:
    """Dirichlet(1, 1, 1): mean 1/3, variance 1/18, each share symmetric with the others."""
    whole = Shares("media", ("a", "b", "c"), (0, 0, 0), (1, 1, 1))
    side = (np.arange(60) + 0.5) / 60
    found = np.array([list(whole.at((u, v)).values()) for u in side for v in side])
    assert np.allclose(found.sum(axis=1), 1, rtol=0, atol=1e-9)
    assert found.mean(axis=0) == pytest.approx([1 / 3] * 3, abs=2e-3)
    assert found.var(axis=0) == pytest.approx([1 / 18] * 3, abs=2e-3)


def test_shares_stay_within_their_ranges() -> None:
    lows, highs = (0.1, 0.2, 0.05, 0.0), (0.3, 0.6, 0.5, 0.4)
    whole = Shares("media", tuple("abcd"), lows, highs)
    rng = np.random.default_rng(3)
    corners = [tuple(float(bit) for bit in f"{i:03b}") for i in range(8)]
    for u in [*corners, *rng.random((300, 3))]:
        found = list(whole.at(u).values())
        assert sum(found) == pytest.approx(1, abs=1e-9)
        assert all(low - 1e-9 <= x <= high + 1e-9 for x, low, high in zip(found, lows, highs, strict=True))


def test_shares_of_segments_make_a_study() -> None:
    parts = {"market.segments.small.share": {"low": 0.5, "high": 0.9}, "market.segments.large.share": None}
    experiment = made({}, "lhs", points=4, shares={"segments": {"keys": parts}})
    for point in points(experiment):
        segments = study_of(experiment, point).config["market"]["segments"]
        assert segments["small"]["share"] == point.values["market.segments.small.share"]


def test_morris_moves_one_key_at_a_time() -> None:
    experiment = made(
        {PRICE: {"low": 100, "high": 400}, HEADS: {"low": 1, "high": 9}, TRIAL: [7, 14, 21, 28]},
        "morris",
        base_samples=5,
    )
    design = layout(experiment)
    assert experiment.size().rows == len(design.unit) == 5 * (3 + 1)
    moved = np.diff(design.unit.reshape(5, 4, 3), axis=1) != 0
    assert (moved.sum(axis=2) == 1).all()
    assert (moved.sum(axis=1) == 1).all()
    assert "groups" not in design.problem


@pytest.mark.parametrize(("second", "rows"), [(False, 8 * 5), (True, 8 * 8)])
def test_saltelli_crosses_two_samples(second: bool, rows: int) -> None:
    """Every row of a base sample differs from the first of its block in one key; the last in all of them."""
    keys = {PRICE: {"low": 100, "high": 400}, HEADS: {"low": 1, "high": 9}, TRIAL: {"low": 7, "high": 30}}
    experiment = made(keys, "sobol", base_samples=8, second_order=second)
    blocks = layout(experiment).unit.reshape(8, -1, 3)
    assert experiment.size().rows == rows == len(points(experiment))
    changed = (blocks != blocks[:, :1]).sum(axis=2)
    assert (changed == ([0, 1, 1, 1, 2, 2, 2, 3] if second else [0, 1, 1, 1, 3])).all()


def test_shares_are_one_factor_of_indices() -> None:
    parts = {"market.segments.small.share": None, "market.segments.large.share": None}
    experiment = made({HEADS: {"low": 1, "high": 9}}, "sobol", base_samples=4, shares={"mix": {"keys": parts}})
    assert layout(experiment).groups == (HEADS, "mix")
    assert experiment.size().rows == 4 * (2 + 2)
    assert layout(experiment).problem["groups"] == [HEADS, "mix"]


def test_overrides_win_over_the_file() -> None:
    experiment = made(
        {HEADS: [2, 3]},
        "grid",
        f"experiment.keys.{PRICE}=[200,300,400]",
        "replications=3",
        "experiment.keep.runs=true",
        "experiment.metrics=[revenue]",
        replications=7,
    )
    assert experiment.size() == Size(6, 6, 18, exact=True)
    assert experiment.keep == {"runs": True, "reports": False}
    assert experiment.metrics == ("revenue",)
    assert experiment.overrides == ("effects=none", "replications=3")


def test_a_precision_makes_the_size_a_least_one() -> None:
    size = made({HEADS: [2, 3]}, "grid", replications=4, precision={"metric": "revenue", "relative": 0.02}).size()
    assert (size.jobs, size.exact) == (8, False)


def test_a_scenario_that_a_sampled_key_hides_is_told() -> None:
    hidden = made({PRICE: [200, 300]}, "grid", scenarios=["baseline", "cheaper"])
    assert "hides what a scenario sets" in hidden.warnings[0]
    assert not made({HEADS: [2, 3]}, "grid", scenarios=["baseline", "cheaper"]).warnings


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 * a.b - 1", 5),
        ("(a.b + c) / -2", -4),
        ("max(a.b, c, 1) * 'd-e.f'", 50),
        ("abs(-sqrt(4))", 2),
        ("1e-3", 0.001),
    ],
)
def test_expressions(text: str, value: float) -> None:
    assert parse(text)({"a.b": 3, "c": 5, "d-e.f": 10}) == value


def test_constraints_compare_chains() -> None:
    ordered = parse_constraint("a.b <= c < 2 * a.b")
    assert ordered.names == ("a.b", "c")
    assert [ordered.holds({"a.b": 2, "c": c}) for c in (1, 2, 3, 4)] == [False, True, True, False]
    assert not parse_constraint("1 / a < 2").holds({"a": 0})


@pytest.mark.parametrize("text", [f"100 / {HEADS}", f"{HEADS} * 1e308 * 1e308"])
def test_a_link_without_a_value_is_told_when_it_is_drawn(text: str) -> None:
    with pytest.raises(InputError, match="has no value"):
        points(made({HEADS: [0, 1], FIXED: {"equals": text}}, "grid"))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_experiments_are_drawn(name: str) -> None:
    """The file names its business, all of its points set the same keys, and they are studies."""
    experiment = read_experiment(name)
    drawn = points(experiment)
    assert len(drawn) == experiment.size().points
    assert {tuple(point.values) for point in drawn} == {experiment.columns}
    assert not experiment.warnings
    assert all(study_of(experiment, point).business == experiment.business for point in (drawn[0], drawn[-1]))


def test_a_file_of_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    keys = "{policy.terms.trial_days: , market.accounts: {low: 1e3, high: 5e3, log: true}}"
    text = f"kind: sweep\nsampler: lhs\npoints: 4\nkeys: {keys}\n"
    (tmp_path / "experiment" / "mine.yaml").write_text(text, encoding="utf-8")
    experiment = read_experiment("mine", None, ["business=tool", "experiment.points=8"], tmp_path)
    assert (experiment.business, experiment.size().points) == ("tool", 8)
    assert all(isinstance(value, int) and 1000 <= value <= 5000 for value in columns(experiment)["market.accounts"])
