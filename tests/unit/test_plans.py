"""Plans that can be compared, and those that cannot."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scenarios import InputError, compose
from scenarios.comparisons.plans import compose_plans, digest, make_plans

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"


def problems(*overrides: str, business: str = "mini", scenarios: str = "baseline,cheaper", folder: Path = MINI) -> str:
    with pytest.raises(InputError) as caught:
        compose_plans(business.split(","), scenarios.split(",") if scenarios else [], overrides, folder)
    return "\n".join(caught.value.problems)


def test_the_first_scenario_is_the_base() -> None:
    (plans,) = compose_plans(["mini"], ["baseline", "cheaper"], ["effects=none"], MINI)
    assert (plans.business, plans.base, plans.others) == ("mini", "baseline", ("cheaper",))
    assert plans.studies["baseline"].digest != plans.studies["cheaper"].digest
    assert plans.primary == ("revenue", "operating_profit", "active_customers", "cash_min")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"scenarios": "baseline"}, "scenarios: names too few, got [baseline]; scenarios=[baseline,NAME]"),
        ({"scenarios": ""}, "scenarios: names too few, got [nothing]"),
        ({"scenarios": "baseline,chepaer"}, 'scenarios: is unknown, got "chepaer"; did you mean cheaper?'),
        ({"scenarios": "baseline,cheaper,cheaper"}, "scenarios: names cheaper twice"),
        ({"scenarios": "baseline,../x"}, "scenarios: is no name"),
        ({"business": "mini,mini"}, "business: names mini twice"),
        ({"business": "mimi"}, 'business: is unknown, got "mimi"; did you mean mini?'),
    ],
)
def test_names(given: dict[str, str], line: str) -> None:
    assert line in problems(**given)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("scenario=cheaper", 'scenario: is not for a comparison, got "scenario=cheaper"; scenarios=[baseline,NAME]'),
        ("compare.metrics=[revenu]", 'compare.metrics: is unknown, got "revenu"; did you mean revenue?'),
        ("compare.metrics=[revenue,revenue]", "compare.metrics: names none or one twice"),
        ("compare.metrics=[]", "compare.metrics: names none or one twice"),
        ("compare.targets={a:{metric:csh,value:0}}", 'compare.targets.a.metric: is unknown, got "csh"'),
        ("compare.targets={a:{metric:cash,value:0,by:soon}}", 'compare.targets.a.by: is no date, got "soon"'),
        ("compare.targets={a:{metric:cash,value:many}}", "compare.targets.a.value"),
        ("compare.targets={a:{metric:cash,value:0,sense:over}}", "compare.targets.a.sense"),
        ("compare.choose={metric:revenu,indifference:1}", 'compare.choose.metric: is unknown, got "revenu"'),
        ("compare.choose={metric:revenue,indifference:0}", "compare.choose.indifference"),
        ("compare.choose={metric:revenue}", "compare.choose.indifference: is missing"),
        ("compare.choose={metric:revenue,indifference:1,method:best}", "compare.choose.method"),
        ("compare.level=95", "compare.level"),
        ("compare.players=0", "compare.players"),
        ("compare.metric=[arr]", "compare.metric"),
    ],
)
def test_settings(override: str, line: str) -> None:
    assert line in problems("effects=none", override)


def test_a_family_that_is_too_large() -> None:
    names = "[arr,mrr,cash,revenue,signed,leads,gmv,units_sold,cac,ltv,billed,collected,cash_min]"
    assert "compare.metrics: make too large a family" in problems("effects=none", f"compare.metrics={names}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "horizon: {days: 100}  # days; convention",
            "horizon.days: differs between plans, got 1095 in baseline and 100 in odd",
        ),
        ("horizon: {start: 2026-01-01}", "horizon.start: differs between plans"),
        ("seed: 5  # 1; convention", "seed: differs between plans, got 1 in baseline and 5 in odd"),
        ("business: {name: other}", "business.name: differs between plans"),
        ("policy: {desks: {sales: {heads: -1}}}  # people; convention", "scenario odd: policy.desks.sales.heads"),
    ],
)
def test_plans_that_have_nothing_in_common(tmp_path: Path, text: str, line: str) -> None:
    """Another horizon, seed or business in a scenario of the user's own."""
    folder = Path(shutil.copytree(MINI, tmp_path / "conf"))
    (folder / "scenario" / "odd.yaml").write_text(f"# @package _global_\n{text}\n", encoding="utf-8")
    assert line in problems("effects=none", scenarios="baseline,odd", folder=folder)


def test_a_mistake_of_all_plans_is_told_once() -> None:
    assert problems("effects=none", "policy.desks.sales.heads=-1").count("policy.desks.sales.heads") == 1


def test_studies_of_ones_own_by_name() -> None:
    base = compose("mini", ["effects=none"], config_dir=MINI)
    plans = make_plans({"now": base, "then": base.with_({"policy.desks.sales.heads": 5})})
    assert (plans.base, plans.others) == ("now", ("then",))
    with pytest.raises(InputError, match=r"horizon\.days: differs"):
        make_plans({"now": base, "then": base.with_({"horizon.days": 30})})


def test_the_digest_tells_studies_names_and_order_apart() -> None:
    base = compose("mini", ["effects=none"], config_dir=MINI)
    more = base.with_({"policy.desks.sales.heads": 5})
    found = {digest([make_plans(s)]) for s in ({"a": base, "b": more}, {"a": base, "c": more}, {"b": more, "a": base})}
    assert len(found) == 3
    settings = base.with_({"compare.players": 2, "replications": 3})
    assert digest([make_plans({"a": settings, "b": more})]) == digest([make_plans({"a": base, "b": more})])
