"""Wrong optimisations: each is refused with one line that names the setting, the value and what would be right."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from scenarios.errors import InputError
from scenarios.optimise.optimise import check_problem
from scenarios.optimise.problem import make_problem

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
HEADS, PRICE = "policy.desks.sales.heads", "policy.products.seat.price.small"
TRIAL, PRODUCT = "policy.conversion.trial", "business.revenue.seats.product"
GOOD: dict[str, Any] = {
    "kind": "optimise",
    "keys": {HEADS: {"low": 1, "high": 5}},
    "objectives": [{"metric": "cash", "direction": "maximise"}],
}


def problems_of(*overrides: str, **settings: Any) -> list[str]:
    """What is wrong with an optimisation of the small study."""
    with pytest.raises(InputError) as caught:
        make_problem("bad", GOOD | settings, ["business=mini", "effects=none", *overrides], MINI)
    return caught.value.problems


def objective(**more: Any) -> dict[str, Any]:
    return {"objectives": [{"metric": "cash", "direction": "maximise"} | more]}


def limit(**more: Any) -> dict[str, Any]:
    return {"constraints": [{"metric": "cash_min"} | more]}


SETTINGS = [
    # settings over a good file, where, what must be in the line
    ({"kind": "sweep"}, "kind", "kind: optimise"),
    ({"smapler": "tpe"}, "smapler", "did you mean sampler?"),
    ({"sampler": "tpo"}, "sampler", "did you mean tpe?"),
    ({"points": 8}, "points", "is unknown, got 8"),
    ({"keys": {}}, "keys", "names nothing"),
    ({"keys": [HEADS]}, "keys", "must be a mapping"),
    ({"keys": {"policy.desks.sales.head": None}}, "keys.policy.desks.sales.head", "did you mean heads?"),
    ({"keys": {HEADS: {"low": 5, "high": 1}}}, f"keys.{HEADS}", "is an empty range"),
    ({"keys": {HEADS: {"equals": f"2 * {PRICE}"}}}, "keys", "leaves nothing"),
    ({"uncertain": {HEADS: {"low": 1, "high": 2}}}, f"uncertain.{HEADS}", "is a key of ours too"),
    ({"uncertain": {"market.nose": {"low": 0, "high": 1}}}, "uncertain.market.nose", "did you mean noise?"),
    ({"uncertain": {"market.noise": {"low": 1, "high": 0}}}, "uncertain.market.noise", "is an empty range"),
    ({"objectives": []}, "objectives", "names none"),
    ({"objectives": "cash"}, "objectives", "must be a list"),
    ({"objectives": ["cash"]}, "objectives.0", "must be a mapping"),
    (objective(metric="cahs"), "objectives.0.metric", "did you mean cash?"),
    (objective(metric=3), "objectives.0.metric", "is missing, got 3"),
    (objective(direction="up"), "objectives.0.direction", "one of maximise, minimise"),
    (objective(period="month"), "objectives.0.period", "one of horizon, last"),
    (objective(weight=2), "objectives.0.weight", "is unknown"),
    ({"objectives": 2 * GOOD["objectives"]}, "objectives.1", "is given twice"),
    ({"objectives": [{"metric": "cash", "direction": each} for each in ("maximise", "minimise")]}, "objectives.1",
     "is given twice"),
    (limit(), "constraints.0", "needs at_least or at_most"),
    (limit(at_least=0, at_most=1), "constraints.0", "needs at_least or at_most"),
    (limit(at_least="0"), "constraints.0.at_least", 'finite number, got "0"'),
    (limit(at_least=float("nan")), "constraints.0.at_least", "finite number, got nan"),
    (limit(at_least=0, probability=1.2), "constraints.0.probability", "got 1.2"),
    (limit(at_least=0, probability=0), "constraints.0.probability", "above 0, got 0"),
    (limit(at_least=0, metric="cash_mni"), "constraints.0.metric", "did you mean cash_min?"),
    ({"constraints": [3]}, "constraints.0", "is no constraint"),
    ({"constraints": [f"{HEADS} <="]}, "constraints.0", "cannot be read"),
    ({"constraints": ["policy.desks.sales.head <= 3"]}, "constraints.0", "did you mean heads?"),
    ({"constraints": [{"metric": "cash_min", "at_least": 0}, f"{HEADS} <="]}, "constraints.1", "cannot be read"),
    (objective(metric="cash_sales"), "objectives.0.metric", 'is unknown, got "cash_sales"'),
    ({"scenarios": ["baseline", "cheaper"]}, "scenarios", "must be one"),
    ({"scenarios": ["chepaer"]}, "scenarios", "did you mean cheaper?"),
    ({"budget": 60}, "budget", "must be a mapping"),
    ({"budget": {"trails": 60}}, "budget.trails", "did you mean trials?"),
    ({"budget": {"trials": 0}}, "budget.trials", "whole number, got 0; from 1"),
    ({"budget": {"trials": 10**7}}, "budget.trials", "got 10000000"),
    ({"budget": {"replications": 2.5}}, "budget.replications", "whole number, got 2.5"),
    ({"budget": {"batch": True}}, "budget.batch", "whole number, got true"),
    ({"confirm": {"finalists": 0}}, "confirm.finalists", "whole number, got 0"),
    ({"confirm": {"replications": 1}}, "confirm.replications", "2 or more"),
    ({"robust": {"measure": "median"}}, "robust.measure", "got \"median\""),
    ({"robust": {"measure": "quantile", "level": 1}}, "robust.level", "between 0 and 1"),
    ({"sampler": "cmaes"}, "sampler", "two keys or more"),
    ({"sampler": "cmaes"} | limit(at_least=0), "sampler", "knows no constraints on metrics"),
    ({"sampler": "cmaes", "keys": {HEADS: [1, 2], TRIAL: [True, False]}}, f"keys.{TRIAL}", "has no order"),
    ({"seed": -1}, "seed", "got -1"),
    ({"label": 3}, "label", "must be text"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "where", "part"), SETTINGS)
def test_settings(settings: dict[str, Any], where: str, part: str) -> None:
    (line,) = problems_of(**settings)
    assert line.startswith(f"experiment.{where}: ")
    assert part in line
    assert ", got " in line
    assert "; " in line


def test_everything_that_is_wrong_is_told_at_once() -> None:
    lines = problems_of(sampler="best", budget={"trials": 0}, kind="sweep")
    assert {line.split(":")[0] for line in lines} == {"experiment.kind", "experiment.sampler"}


@pytest.mark.parametrize(
    ("override", "start"),
    [
        ("experiment.budget.trials=none", "experiment.budget.trials: must be a whole number"),
        (f"experiment.keys.{HEADS}=[9,9]", f"experiment.keys.{HEADS}: has a value twice"),
        ("precision={metric: cash, relative: 0.1}", "precision: is not for an optimisation"),
        (f"{HEADS}=3", f"experiment.keys.{HEADS}: is sampled and set by an override"),
        ("scenario=cheaper", "scenario: is not for a sweep"),
        ("market.accounts=-1", "market.accounts: must be"),
    ],
)
def test_overrides(override: str, start: str) -> None:
    assert problems_of(override)[0].startswith(start)


def test_a_fiscal_year_must_be_over() -> None:
    (line,) = problems_of("horizon.days=300", **objective(period="last"))
    assert line.startswith("experiment.objectives.0.period: needs a fiscal year that is over, got 300 days")


def test_constraints_that_admit_nothing_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    settings = GOOD | {"constraints": [f"{HEADS} >= 9"]}
    problem = make_problem("bad", settings, ["business=mini", "effects=none"], MINI)
    with pytest.raises(InputError, match=r"experiment.constraints: admit too few plans, got 0 of 800 tried; "):
        check_problem(problem, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_language_without_texts_is_refused_before_the_search(tmp_path: Path) -> None:
    problem = make_problem("bad", GOOD, ["business=mini", "effects=none", "report.language=xx"], MINI)
    with pytest.raises(InputError, match=r'report.language: has no texts, got "xx"'):
        check_problem(problem, tmp_path / "out")


def test_a_missing_package_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    problem = make_problem("bad", GOOD, ["business=mini", "effects=none"], MINI)
    with pytest.raises(InputError) as caught:
        check_problem(problem, tmp_path / "out")
    assert caught.value.problems == ["optimise: needs the package optuna, got none; pip install 'tobsim[optimise]'"]
