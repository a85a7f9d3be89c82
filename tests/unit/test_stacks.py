"""Scenarios on top of each other: what conflicts, which plans they make, what they do only together."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.compare.interaction import interactions
from scenarios import InputError, compare, compose
from scenarios.cli import DONE, main
from scenarios.comparisons.plans import compose_plans, plan_parts

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
OWN = {
    "hire": "policy: {desks: {sales: {heads: 3}}}  # people; assumption; [1, 5]; people at the desk\n",
    "more": "policy: {desks: {sales: {heads: 4}}}  # people; assumption; [1, 5]; people at the desk\n",
}


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """The small configuration with two scenarios of the user's own that hire."""
    folder = tmp_path / "conf"
    shutil.copytree(MINI, folder)
    for name, text in OWN.items():
        (folder / "scenario" / f"{name}.yaml").write_text("# @package _global_\n" + text)
    return folder


def metrics(values: np.ndarray) -> pd.DataFrame:
    columns = {"metric": "revenue", "period": "horizon", "unit": "money", "dim1": None, "dim2": None}
    frame = pd.DataFrame({"replication": range(len(values)), "value": values, "ds": pd.Timestamp("2026-12-31")})
    return frame.assign(**columns, level1=None, level2=None)


def test_the_interaction_is_what_the_parts_do_not_explain() -> None:
    rng = np.random.default_rng(1)
    base = rng.normal(100, 20, 40)
    first, second, extra = (rng.normal(mean, 1, 40) for mean in (5, 3, 2))
    runs = {"now": base, "a": base + first, "b": base + second, "ab": base + first + second + extra}
    (row,) = interactions({k: metrics(v) for k, v in runs.items()}, {"ab": ("a", "b")}).to_dict("records")
    assert row["parts"] == "a + b"
    assert row["apart"] == pytest.approx((first + second).mean())
    assert row["together"] == pytest.approx((first + second + extra).mean())
    assert row["interaction"] == pytest.approx(extra.mean())
    assert row["ci_low"] < extra.mean() < row["ci_high"] < 3
    assert row["p"] < 0.001


def test_changes_that_add_up_have_no_interaction() -> None:
    base = np.random.default_rng(2).normal(100, 20, 30)
    runs = {"now": base, "a": base + 4, "b": base - 1, "ab": base + 3}
    (row,) = interactions({k: metrics(v) for k, v in runs.items()}, {"ab": ("a", "b")}).to_dict("records")
    assert (row["interaction"], row["ci_low"], row["ci_high"]) == (0, 0, 0)


def test_replications_that_a_part_lacks_are_left_out_everywhere() -> None:
    base = np.random.default_rng(3).normal(100, 20, 30)
    part = np.where(np.arange(30) < 10, np.nan, base + 4)
    runs = {"now": base, "a": part, "b": base + 1, "ab": base + 7 + np.arange(30)}
    (row,) = interactions({k: metrics(v) for k, v in runs.items()}, {"ab": ("a", "b")}).to_dict("records")
    assert row["replications"] == 20
    assert row["together"] == pytest.approx(7 + np.arange(10, 30).mean())
    assert row["apart"] + row["interaction"] == pytest.approx(row["together"])


def test_parts_of_a_stack_are_plans_of_their_own() -> None:
    assert list(plan_parts(["now", ["a", "b"], "c"]).items()) == [
        ("now", ("now",)), ("a", ("a",)), ("b", ("b",)), ("a.b", ("a", "b")), ("c", ("c",)),
    ]  # fmt: skip
    assert list(plan_parts(["now", "b", ["a", "b"]])) == ["now", "b", "a", "a.b"]


def test_a_stacked_study_has_all_changes(conf: Path) -> None:
    both = compose("mini", ["scenario=[cheaper,hire]"], conf)
    assert both.config["policy"]["desks"]["sales"]["heads"] == 3
    assert both.config["policy"]["products"]["seat"]["price"]["small"] == 200


def test_scenarios_that_set_one_key_differently_are_refused(conf: Path) -> None:
    with pytest.raises(InputError) as caught:
        compose("mini", ["scenario=[hire,more]"], conf)
    assert caught.value.problems == [
        "scenario: hire and more both set policy.desks.sales.heads, got 3 and 4; one of them, or "
        "policy.desks.sales.heads=VALUE beside both"
    ]
    both = compose("mini", ["scenario=[hire,more]", "policy.desks.sales.heads=5"], conf)
    assert both.config["policy"]["desks"]["sales"]["heads"] == 5


@pytest.mark.parametrize(
    ("scenarios", "line"),
    [
        ([["cheaper", "hire"]], "scenarios: has several in the place of the base, got [cheaper,hire]"),
        (["baseline", ["hire"]], "scenarios: has no two different names in one place, got [hire]"),
        (["baseline", ["hire", "hire"]], "scenarios: has no two different names in one place"),
        (["baseline", ["hire", ["more"]]], "scenarios: has no two different names in one place, got [hire,['more']]"),
        (["baseline", ["hire", "higher"]], 'scenarios: is unknown, got "higher"; did you mean hire?'),
        (["baseline", ["hire", "more"]], "scenario hire.more: scenario: hire and more both set"),
        (["baseline", "hire", "hire", ["hire", "cheaper"]], "scenarios: names hire twice"),
    ],
)
def test_wrong_stacks(conf: Path, scenarios: list[str | list[str]], line: str) -> None:
    with pytest.raises(InputError) as caught:
        compose_plans(["mini"], scenarios, [], conf)
    assert any(problem.startswith(line) for problem in caught.value.problems), caught.value.problems


def test_a_comparison_shows_each_alone_all_together_and_the_interaction(
    conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["effects=none", "market.accounts=150", "horizon.days=200", "replications=3", "progress=false"]
    words += ["compare.drivers=false", "--config-dir", str(conf)]
    out = tmp_path / "out"
    assert main(["compare", "business=mini", "scenarios=[baseline,[cheaper,hire]]", *words, f"out={out}"]) == DONE
    assert "cheaper + hire" in capsys.readouterr().out
    found = compare("mini", ["baseline", ["cheaper", "hire"]], words[:-2], conf, out)
    assert list(found.record["businesses"]["mini"]["scenarios"]) == ["baseline", "cheaper", "hire", "cheaper.hire"]
    assert "scenarios=[baseline,cheaper,hire,[cheaper,hire]]" in found.record["command"].replace("'", "")
    table = found.table.set_index(["scenario", "metric", "period"])["difference"]
    for row in found.interaction.query("period == 'horizon'").dropna().to_dict("records"):
        alone = [table[name, row["metric"], "horizon"] for name in ("cheaper", "hire")]
        assert row["apart"] == pytest.approx(sum(alone), abs=1e-6)
        assert row["together"] == pytest.approx(table["cheaper.hire", row["metric"], "horizon"], abs=1e-6)
    assert 'id="mini-stack"' in (out / "report.html").read_text("utf-8")
