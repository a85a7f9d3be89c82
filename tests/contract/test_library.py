"""The library of what-ifs: every scenario says why and how to run it, differs from its base, and makes a difference."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from analysis.compare.family import PRIMARY
from analysis.metrics import compute
from analysis.metrics.periods import HORIZON
from analysis.tables import Tables
from scenarios import compose
from scenarios.comparisons.plans import compose_plans, make_plans
from scenarios.runs.replicate import arrow_tables, metrics_context
from scenarios.studies.compose import options
from scenarios.studies.provenance import gaps, read_leaves
from scenarios.studies.settings import CONF
from scenarios.studies.study import Study
from sim.simulate import simulate

ROOT = CONF.parent
NAMES = [name for name in options("scenario") if name != "baseline"]
BUSINESSES = options("business")
COMMAND = re.compile(r"^# tobsim compare business=(\w+) scenarios=\[(\w+(?:,\w+)+)\]$", re.MULTILINE)
EVIDENCE = re.compile(r"\b(?:L(?:0[1-9]|[1-5]\d|60)|C(?:0[1-9]|[1-9]\d|10\d|11[0-2])|R[0-4]\d)\b")
SMALL = ("market.accounts=400", "horizon.days=730")
EARNED = ("new_customers", "active_customers", "revenue", "collected")
"""What a plan changes beside its own cost."""


def text_of(name: str) -> str:
    """A scenario file."""
    return (CONF / "scenario" / f"{name}.yaml").read_text(encoding="utf-8")


def commands(name: str) -> list[tuple[str, tuple[str, ...]]]:
    """(business, scenarios) of the command lines of a scenario, the base first."""
    return [(business, tuple(names.split(","))) for business, names in COMMAND.findall(text_of(name))]


PLANS = [(business, names[0], name) for name in NAMES for business, names in commands(name)]
"""(business, base, plan) that the files declare."""
EACH = [pytest.param(*row, id=f"{row[0]}-{row[2]}") for row in PLANS]
"""The same, with the business and the plan as their name."""


@cache
def study(business: str, scenario: str, size: tuple[str, ...] = SMALL) -> Study:
    """A business under a scenario."""
    return compose(business, [f"scenario={scenario}", *size])


@cache
def figures(business: str, scenario: str, metrics: tuple[str, ...], size: tuple[str, ...] = SMALL) -> dict[str, float]:
    """Metrics over the horizon of one replication."""
    composed = study(business, scenario, size)
    tables = arrow_tables(simulate(composed.timeline, composed.seed, 0).tables)
    found = compute(Tables(tables), metrics_context(composed.config), metrics)
    rows = found[(found["period"] == HORIZON) & found["dim1"].isna()]
    return dict(zip(rows["metric"].astype("str"), rows["value"].astype(float), strict=True))


def changed(business: str, base: str, plan: str) -> dict[str, dict[str, object]]:
    """Rows of the register of inputs that the plan changes or adds, by key."""
    before = {row["key"]: row["value"] for row in study(business, base).inputs}
    return {row["key"]: dict(row) for row in study(business, plan).inputs if before.get(row["key"]) != row["value"]}


@pytest.mark.parametrize("business", BUSINESSES)
def test_every_business_has_three_what_ifs(business: str) -> None:
    assert len({plan for place, _, plan in PLANS if place == business}) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_says_why_on_what_evidence_and_how_to_run_it(name: str) -> None:
    text = text_of(name)
    assert text.startswith("# @package _global_\n# ")
    why = [line for line in text.splitlines()[1:] if line.startswith("# ") and not line.startswith("# tobsim ")]
    assert EVIDENCE.search(" ".join(why))
    assert len(commands(name)) == text.count("tobsim ") >= 1
    for business, names in commands(name):
        assert business in BUSINESSES
        assert name in names[1:]
        assert len(set(names)) == len(names)
        assert set(names) <= set(options("scenario"))


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_a_scenario_has_unit_source_and_a_range_that_holds_it(name: str) -> None:
    assert not gaps(text_of(name))
    numbers = [leaf for leaf in read_leaves(text_of(name)) if leaf.is_number]
    assert numbers
    for leaf in numbers:
        assert leaf.note is not None
        assert leaf.note.meaning
        assert leaf.note.low is not None
        assert leaf.note.high is not None
        assert leaf.note.low <= float(leaf.text) <= leaf.note.high, leaf


@pytest.mark.parametrize(("business", "base", "plan"), EACH)
def test_a_plan_differs_from_its_base_in_keys_that_the_register_explains(business: str, base: str, plan: str) -> None:
    before, after = study(business, base), study(business, plan)
    assert after.digest != before.digest
    assert set(after.warnings) <= set(before.warnings)
    assert after.config["horizon"] == before.config["horizon"]
    rows = changed(business, base, plan)
    assert rows
    for row in rows.values():
        assert row["unit"], row
        assert row["source"], row
        assert row["origin"] in ("assumed", "sourced", "calibrated", "convention"), row


@pytest.mark.parametrize(("business", "base", "plan"), EACH)
def test_the_command_of_a_scenario_composes_as_a_comparison(business: str, base: str, plan: str) -> None:
    names = dict(commands(plan))[business]
    plans = make_plans({name: study(business, name) for name in names})
    assert plans.base == base
    assert len({each.digest for each in plans.studies.values()}) == len(names)


@pytest.mark.parametrize(("business", "base", "plan"), EACH)
def test_a_plan_moves_a_primary_metric(business: str, base: str, plan: str) -> None:
    assert figures(business, plan, PRIMARY) != figures(business, base, PRIMARY)


@pytest.mark.slow
@pytest.mark.parametrize(("business", "base", "plan"), EACH)
def test_a_plan_is_more_than_its_own_cost(business: str, base: str, plan: str) -> None:
    """At full size customers, revenue or money collected differ, not only what is spent."""
    assert figures(business, plan, EARNED, ()) != figures(business, base, EARNED, ())


@pytest.mark.parametrize("name", ["more_sales", "subsidy_cut", "budgets_frozen"])
def test_a_scenario_of_ones_own_is_the_same_as_a_shipped_one(name: str, tmp_path: Path) -> None:
    """The same keys under another name in another folder give the same study; their source is the user's file."""
    business = commands(name)[0][0]
    own = tmp_path / "scenario" / "of_my_own.yaml"
    own.parent.mkdir()
    own.write_text(text_of(name), encoding="utf-8")
    mine, shipped = compose(business, ["scenario=of_my_own", *SMALL], config_dir=tmp_path), study(business, name)
    assert mine.digest == shipped.digest
    rows = {row["key"]: row for row in mine.inputs}
    for key in changed(business, "baseline", name):
        assert rows[key]["origin"] == "yours"
        assert rows[key]["source"].startswith("of_my_own.yaml")
    assert "of_my_own" in options("scenario", tmp_path)


def test_the_page_lists_every_what_if_under_every_business_it_serves() -> None:
    page = (ROOT / "docs" / "what_if.md").read_text(encoding="utf-8")
    listed = set()
    for part in page.split("\n### ")[1:]:
        business, _, table = part.partition("\n")
        listed |= {(business.strip(), name) for name in re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)}
    assert listed == {(business, plan) for business, _, plan in PLANS}


def test_the_scenario_of_the_page_composes(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "what_if.md").read_text(encoding="utf-8")
    ((name, text),) = re.findall(r"<!-- file: (\S+) -->\n```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(text, encoding="utf-8")
    own = Path(name).stem
    ((business, names),) = re.findall(rf"tobsim compare business=(\w+) scenarios=\[([\w,]*{own})\] --config-dir", page)
    assert not gaps(text)
    (plans,) = compose_plans([business], names.split(","), config_dir=tmp_path)
    assert plans.base == "baseline"
    assert len({each.digest for each in plans.studies.values()}) == len(plans.studies)
