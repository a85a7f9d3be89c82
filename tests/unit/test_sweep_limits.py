"""What is said of the keys of an experiment, keys moved one at a time, and the budget of all points together."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from scenarios.errors import InputError
from scenarios.runs import backends
from scenarios.runs.pool import Pool
from scenarios.sweeps import guard
from scenarios.sweeps.experiment import Experiment, Size, make_experiment
from scenarios.sweeps.keys import known_keys
from scenarios.sweeps.limits import check_budget
from scenarios.sweeps.points import design
from scenarios.sweeps.sampling import points

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
HEADS, PRICE, TRIAL = "policy.desks.sales.heads", "policy.products.seat.price.small", "policy.conversion.trial_days"
PRECISE = {"metric": "touches", "relative": 0.1}
FIXED = "policy.finance.fixed_month"


def made(keys: dict[str, Any], sampler: str = "lhs", *overrides: str, **settings: Any) -> Experiment:
    """An experiment on the small study."""
    given = {"kind": "sweep", "sampler": sampler, "keys": keys, **settings}
    return make_experiment("small", given, "mini", ["effects=none", *overrides], MINI)


def columns(experiment: Experiment) -> dict[str, list[Any]]:
    drawn = points(experiment)
    return {key: [point.values[key] for point in drawn] for key in experiment.columns}


def test_one_at_a_time_is_the_base_and_the_ends_of_each_key() -> None:
    keys = {PRICE: {"low": 200, "high": 400}, HEADS: [1, 3, 5], "policy.conversion.trial": None}
    experiment = made(keys | {FIXED: {"equals": f"100 * {PRICE}"}}, "one_at_a_time")
    rows = [tuple(point.values[key] for key in keys) for point in points(experiment)]
    assert rows == [(300, 3, True), (200, 3, True), (400, 3, True), (300, 1, True), (300, 5, True), (300, 3, False)]
    assert columns(experiment)[FIXED] == [30000, 20000, 40000, 30000, 30000, 30000], "a linked key follows"
    assert experiment.size() == Size(6, 6, 120, exact=True)


def test_an_override_is_the_base_that_keys_are_moved_from() -> None:
    experiment = made({PRICE: {"low": 200, "high": 400}}, "one_at_a_time", f"{PRICE}=250")
    assert columns(experiment)[PRICE] == [250, 200, 400]


def test_what_is_known_of_keys() -> None:
    """Words, units, the range and where it comes from; remarks in brackets are no part of a word."""
    parts = {"market.segments.small.share": None, "market.segments.large.share": {"low": 0.1, "high": 0.4}}
    keys = {PRICE: {"label": "list price"}, FIXED: {"low": 100, "high": 200}, HEADS: [1, 2], TRIAL: {"equals": HEADS}}
    known = {each.key: each for each in known_keys(made(keys, points=4, shares={"mix": {"keys": parts}}))}
    assert [each.kind for each in known.values()] == ["range", "range", "values", "linked", "share", "share"]
    price, fixed = known[PRICE], known[FIXED]
    assert (price.label, price.unit, price.low, price.high, price.base) == (
        "list price",
        "CNY/seat/year",
        100,
        400,
        300,
    )
    assert (price.range_from, price.origin, price.own_low) == ("key", "yours", 100)
    assert (fixed.range_from, fixed.own_high, fixed.high) == ("experiment", 1e7, 200)
    assert fixed.label == f"money without customers ({FIXED})"
    assert (known[HEADS].values, known[TRIAL].values) == ("1, 2", HEADS)
    assert known[HEADS].range_from == "experiment"
    assert [known[key].range_from for key in (TRIAL, *parts)] == ["experiment"] * 3, "none is the range of the key"


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"max_events": 10**6}, "market.accounts: needs about 1.81e+06 events (8 points x 20 replications x 200 acc"),
        (
            {"max_memory": 100},
            "market.accounts: needs about 250 MiB (1 processes, up to 200 accounts), got a limit",
        ),
    ],
)
def test_the_budget_is_of_all_points_together(settings: dict[str, int], where: str) -> None:
    with pytest.raises(InputError) as caught:
        design(made({PRICE: {"low": 100, "high": 400}}, points=8, **settings))
    (line,) = caught.value.problems
    assert line.startswith(where)
    assert f"; fewer, or experiment.{next(iter(settings))}=" in line


def test_the_budget_is_of_the_accounts_of_the_points() -> None:
    keys = {"market.accounts": {"low": 1000, "high": 3000}}
    drawn = points(made(keys, points=16))
    assert check_budget(made(keys, points=16), drawn) is None
    days = made(keys, points=16).studies["baseline"].config["horizon"]["days"]
    events = math.ceil(20 * sum(40 * point.values["market.accounts"] + 3 * days for point in drawn))
    with pytest.raises(InputError, match=r"^experiment\.keys\.market\.accounts: needs about .* events"):
        check_budget(made(keys, points=16, max_events=events - 1), drawn)
    assert check_budget(made(keys, points=16, max_events=events), drawn) is None


def test_the_budget_is_of_the_days_of_the_points_and_of_the_runs_that_are_kept() -> None:
    keys = {"horizon.days": [365, 36525]}
    drawn = points(made(keys, "list"))
    limit = 2 * 20 * (200 * 40 + 365 * 3)
    with pytest.raises(InputError, match=r"needs about .* events"):
        check_budget(made(keys, "list", max_events=limit), drawn)
    words, asked = ("list", "market.accounts=100000"), {"runs": True, "reports": False}
    kept = made({PRICE: [300]}, *words, replications=100, keep=asked)
    with pytest.raises(InputError, match=r"^market\.accounts: needs about 7,\d+ MiB") as caught:
        check_budget(kept, points(kept))
    enough = int(caught.value.problems[0].rpartition("=")[2])
    raised = made({PRICE: [300]}, *words, replications=100, keep=asked, max_memory=enough)
    assert check_budget(raised, points(kept)) is None, "what the message says is enough"


def test_a_point_counts_the_replications_that_a_process_keeps() -> None:
    """One at a time, unless its run folder is kept; all of them together are counted by the limits of the sweep."""
    keys, many = {"market.accounts": [1000, 100_000]}, {"replications": 100, "precision": PRECISE}
    found = design(made(keys, "list", **many))
    assert [point.refused for point in found.points] == ["", ""]
    assert not found.warnings
    kept = design(made(keys, "list", **many, keep={"runs": True, "reports": False}, max_memory=10_000))
    assert [point.refused.split(", got")[0] for point in kept.points] == [
        "",
        "market.accounts: needs about 4e+08 events",
    ]
    with pytest.raises(InputError, match=r"needs about 4\.05e\+08 events \(2 points x 100 replications"):
        design(made(keys, "list", **many, max_events=10**8))


def test_a_sweep_of_the_promised_size_is_admitted() -> None:
    """2,000 points x 10 replications x 5,000 accounts."""
    experiment = made({PRICE: None}, "lhs", "market.accounts=5000", points=2000, replications=10)
    assert check_budget(experiment, points(experiment)) is None


def test_without_the_package_of_a_cluster_hours_are_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda _: None)
    words = ["execution=dask", "execution.address=tcp://cluster:8786", "execution.workers=3", "horizon.days=30"]
    found = guard.estimate(design(made({PRICE: [100, 200]}, "list", *words)))
    assert found.processes == 3
    assert found.warning.startswith("execution.backend: needs the package distributed, got none; pip install")
    assert found.warning.endswith("; the prediction assumes 3 at work")


@pytest.mark.parametrize(
    ("answer", "processes", "told"),
    [
        (8, 8, ""),
        (0, 3, "execution.address: has no worker, got tcp://cluster:8786; the prediction assumes 3 at work"),
        (InputError(["execution.address: no scheduler answers"]), 3, "answers; the prediction assumes 3 at work"),
    ],
)
def test_hours_are_those_of_the_cluster_or_of_what_is_assumed(
    monkeypatch: pytest.MonkeyPatch, answer: int | Exception, processes: int, told: str
) -> None:
    def width(_: Pool) -> int:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(guard, "width", width)
    words = ["execution=dask", "execution.address=tcp://cluster:8786", "execution.workers=3", "horizon.days=30"]
    found = guard.estimate(design(made({PRICE: [100, 200]}, "list", *words)))
    assert found.processes == processes
    assert (told in found.warning) if told else not found.warning
    assert f"hours) on {processes} processes" in found.text
