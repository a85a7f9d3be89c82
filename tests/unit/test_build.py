"""Composition and build: what wins over what, what a change reaches, what a digest depends on."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scenarios
from scenarios.errors import InputError
from scenarios.studies.compose import compose, options
from scenarios.studies.overrides import override_text, read_overrides
from scenarios.studies.resolve import assign, resolve
from scenarios.studies.schema import place, walk
from scenarios.studies.study import Study, restore
from sim.spec import StudySpec
from sim.spec.distribution import Fixed
from sim.spec.stops import WaitStop

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"


def mini(*overrides: str, folder: Path = MINI) -> Study:
    """The small study of the fixtures."""
    return compose("mini", ["effects=none", *overrides], config_dir=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's own configuration folder."""
    return Path(shutil.copytree(MINI, tmp_path / "conf"))


@pytest.mark.parametrize("business", options("business"))
def test_every_shipped_business_builds_without_warning(business: str) -> None:
    """With all effects, in its own market, under its own policy."""
    study = compose(business)
    assert isinstance(study.timeline.spec, StudySpec)
    assert study.warnings == ()
    assert study.business == business


def test_the_default_business_is_that_of_the_root() -> None:
    """Without a name."""
    assert compose().digest == compose("tool").digest


def test_a_reference_brings_the_value() -> None:
    """``${policy.conversion.trial_days}`` in the route."""
    stop = mini().timeline.spec.business.route["trial"]
    assert isinstance(stop, WaitStop)
    assert stop.delay_days == Fixed("fixed", 14.0)


def test_a_choice_on_the_command_line_beats_the_business(folder: Path) -> None:
    """A business names its policy and market; the user may name others."""
    for group in ("policy", "market"):
        text = (folder / group / "mini.yaml").read_text().replace("name: mini", "name: other")
        (folder / group / "other.yaml").write_text(text)
    assert mini(folder=folder).config["policy"]["name"] == "mini"
    study = mini("policy=other", "market=other", folder=folder)
    assert (study.config["policy"]["name"], study.config["market"]["name"]) == ("other", "other")


def test_a_market_may_set_policy_and_horizon(folder: Path) -> None:
    """``@package _global_`` in a market: over the policy and the root, under the command line."""
    text = "# @package _global_\ndefaults: [mini@market, _self_]\nhorizon: {days: 99}\n"
    text += "policy: {desks: {sales: {heads: 8}}}\n"
    (folder / "market" / "wide.yaml").write_text(text)
    study = mini("market=wide", folder=folder)
    assert study.timeline.spec.horizon.days == 99
    assert study.timeline.spec.policy.desks["sales"].heads == 8
    assert mini("market=wide", "horizon.days=5", folder=folder).timeline.spec.horizon.days == 5


def test_a_scenario_is_only_what_differs() -> None:
    """It wins over files and loses to the command line; references follow."""
    spec = mini("scenario=cheaper").timeline.spec
    assert spec.policy.products["seat"].price == {"small": 200, "large": 250}
    assert spec.business.revenue["seats"].price_year == {"small": 200, "large": 250}  # type: ignore[union-attr]
    assert mini("scenario=cheaper", "policy.products.seat.price.small=190").config["policy"]["products"]["seat"][
        "price"
    ] == {"small": 190, "large": 250}


def test_scenarios_may_be_combined(folder: Path) -> None:
    """In their order."""
    (folder / "scenario" / "more.yaml").write_text("# @package _global_\npolicy: {desks: {sales: {heads: 9}}}\n")
    spec = mini("scenario=[cheaper,more]", folder=folder).timeline.spec
    assert (spec.policy.desks["sales"].heads, spec.policy.products["seat"].price) == (9, {"small": 200, "large": 250})


def test_overrides_set_replace_and_delete() -> None:
    """A mapping is merged, unless its kind differs; a reference on the way is copied."""
    spec = mini(
        "business.route.call.work_hours={kind: fixed, value: 3}",
        "business.route.pool.cooling_days.mean=10",
        "~policy.channels.search",
    ).timeline.spec
    assert spec.business.route["call"].work_hours == Fixed("fixed", 3.0)  # type: ignore[union-attr]
    assert spec.business.route["pool"].cooling_days.mean == 10  # type: ignore[union-attr]
    assert spec.policy.channels == {}


def test_assigning_below_a_reference_leaves_its_source_alone() -> None:
    """Copy on write."""
    tree: dict[str, Any] = {"a": {"b": {"x": 1, "y": 2}}, "c": "${a.b}"}
    assign(tree, ("c", "x"), 5)
    assert resolve(tree).tree == {"a": {"b": {"x": 1, "y": 2}}, "c": {"x": 5, "y": 2}}


@pytest.mark.parametrize(
    "value",
    [1, 2.5, 1e-07, -3, True, False, None, "plain", "it's", "a b", "a\\'b", "007", "nan", "null", "true", "1e3", "x=y",
     [1, "a"], {"kind": "fixed", "value": 3.0}, {"small": 1, "large": [1, {"a": "b"}]}, "", "中文", np.float64(2.5)],
)  # fmt: skip
def test_python_values_survive_the_command_line(value: Any) -> None:
    """``with_`` writes overrides as text, so that a study can be repeated from a shell."""
    settings, problems = read_overrides([override_text("a.b", value)])
    assert problems == []
    assert settings[0].value == value
    assert settings[0].value is value or type(settings[0].value) in (type(value), float)


def test_with_makes_another_study() -> None:
    """Keys and groups; the first study stays as it was."""
    study = mini()
    other = study.with_({"policy.desks.sales.heads": 6, "scenario": "cheaper"})
    assert other.timeline.spec.policy.desks["sales"].heads == 6
    assert other.timeline.spec.policy.products["seat"].price == {"small": 200, "large": 250}
    assert study.timeline.spec.policy.desks["sales"].heads == 3
    assert other.with_({"scenario": "baseline", "policy.desks.sales.heads": 3}).digest == study.digest


def test_digest_excludes_how_it_is_run() -> None:
    """Where, how often, what is made of it; not the seed."""
    study = mini()
    same = mini(
        "out=x",
        "replications=3",
        "precision={metric: arr, relative: 0.1}",
        "execution.workers=2",
        "progress=false",
        "report.enabled=false",
        "forecast.horizon=3",
        "tables=[events]",
    )
    assert same.digest == study.digest
    assert mini("seed=2").digest != study.digest
    assert mini("policy.desks.sales.heads=4").digest != study.digest
    assert mini("policy.desks.sales.cost_year=300000.0").digest == study.digest


def test_digest_is_the_same_in_another_process() -> None:
    """Whatever the hash seed."""
    code = "import sys; from scenarios import compose; print(compose('mini', ['effects=none'], sys.argv[1]).digest)"
    found = {
        subprocess.run(
            [sys.executable, "-c", code, str(MINI)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(scenarios.__file__).parents[1])},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {mini().digest}


def test_a_stored_study_can_be_restored() -> None:
    """From the configuration with references and from the one without; through pickle as well."""
    study = mini("policy.changes.up={key: conversion.trial_days, date: 2025-03-01, value: 21}")
    again = restore(study.source)
    assert (again.digest, again.timeline) == (study.digest, study.timeline)
    assert restore(study.config).timeline.spec == study.timeline.spec
    assert pickle.loads(pickle.dumps(study)).digest == study.digest


def test_effects_on_what_the_business_lacks_are_left_out() -> None:
    """A shipped effects file serves all businesses."""
    spec = compose("tool").timeline.spec
    assert "sign" in spec.effects
    assert "gmv" in spec.effects
    assert "reorder" not in spec.effects


def test_the_schema_knows_every_place() -> None:
    """Unit, meaning and range travel with the field, whatever its depth."""
    config = mini().config
    spot = place(config, ("business", "route", "call", "work_hours", "sigma"))
    assert spot is not None
    assert spot.metadata["high"] == 5
    assert place(config, ("business", "route", "call", "nothing")) is None
    assert sum(1 for _ in walk(config)) > 200


def test_a_setting_that_nothing_reads_is_said(folder: Path) -> None:
    """A misspelt setting of a scenario would do nothing."""
    (folder / "scenario" / "typo.yaml").write_text("# @package _global_\npolicy: {conversion: {trial_day: 3}}\n")
    warning = "policy.conversion.trial_day: is read by nothing in this business; did you mean trial_days?"
    assert mini("scenario=typo", folder=folder).warnings == (warning,)


# --- dated changes


def changes(*texts: str) -> Study:
    """The small study with changes a, b, ... of its policy."""
    return mini(*(f"policy.changes.{name}={text}" for name, text in zip("abc", texts, strict=False)))


def heads(study: Study) -> list[tuple[float, int]]:
    """People at the sales desk by the day they hold from."""
    later = [(dated.day, dated.spec.policy.desks["sales"].heads) for dated in study.timeline.later]
    return [(0, study.timeline.spec.policy.desks["sales"].heads), *later]


def test_a_change_reaches_what_refers_to_its_key() -> None:
    """The price in the policy is the price in the revenue part."""
    study = changes("{key: policy.products.seat.price, date: 2025-06-01, value: {small: 100}, until: 2025-09-01}")
    prices = [dated.spec.business.revenue["seats"].price_year for dated in study.timeline.later]  # type: ignore[union-attr]
    assert [dated.day for dated in study.timeline.later] == [151, 243]
    assert prices == [{"small": 100, "large": 250}, {"small": 300, "large": 250}]


def test_a_ramp_moves_in_steps_of_at_most_a_week() -> None:
    """Linear, whole where the key is whole, at its target on the last day."""
    assert heads(changes("{key: desks.sales.heads, date: 2025-03-01, value: 9, ramp_days: 30}")) == [
        (0, 3), (65, 4), (71, 5), (77, 7), (83, 8), (89, 9),
    ]  # fmt: skip
    study = changes("{key: finance.commission, date: 2025-01-11, value: 0.15, ramp_days: 14}")
    values = [(d.day, round(d.spec.policy.finance.commission, 9)) for d in study.timeline.later]
    assert values == [(17, 0.1), (24, 0.15)]


def test_changes_of_one_key_follow_one_another() -> None:
    """A later one starts from the earlier; at its end the earlier holds again."""
    first = "{key: desks.sales.heads, date: 2025-01-11, value: 5}"
    second = "{key: desks.sales.heads, date: 2025-01-21, value: 9, until: 2025-01-31}"
    assert heads(changes(second, first)) == [(0, 3), (10, 5), (20, 9), (30, 5)]


def test_changes_of_different_keys_combine() -> None:
    """Each at its own dates; one does not move the steps of another."""
    ramp = "{key: desks.sales.heads, date: 2025-01-01, value: 9, ramp_days: 21}"
    other = "{key: conversion.trial_days, date: 2025-01-05, value: 30}"
    alone, both = heads(changes(ramp)), heads(changes(ramp, other))
    assert [pair for pair in both if pair[0] != 4] == alone
    assert dict(both)[4] == 3


def test_a_change_before_the_start_holds_from_the_start() -> None:
    """And one after the horizon does nothing, and says so."""
    study = changes("{key: desks.sales.heads, date: 2024-06-01, value: 7}")
    assert heads(study) == [(0, 7)]
    late = changes("{key: desks.sales.heads, date: 2044-06-01, value: 7}")
    assert heads(late) == [(0, 3)]
    assert any("policy.changes.a.date" in warning for warning in late.warnings)


def test_what_does_not_change_is_shared() -> None:
    """A later specification holds the same market, not a copy."""
    study = changes("{key: desks.sales.heads, date: 2025-06-01, value: 7}")
    assert study.timeline.later[0].spec.market is study.timeline.spec.market


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("{key: desks.salez.heads, date: 2025-03-01, value: 9}", "key", "did you mean sales?"),
        ("{key: market.noise, date: 2025-03-01, value: 9}", "key", "is no key of the policy"),
        ("{key: changes.a.value, date: 2025-03-01, value: 9}", "key", "cannot change in time"),
        ("{key: desks.sales.heads, date: 2025-02-30, value: 9}", "date", "YYYY-MM-DD"),
        ("{key: desks.sales.heads, date: 2025-03-01, value: -9}", "value", "policy.desks.sales.heads"),
        ("{key: desks.sales.heads, date: 2025-03-01, value: 2.5}", "value", "whole number"),
        ("{key: conversion.trial_days, date: 2025-03-01, value: many}", "value", "policy.conversion.trial_days"),
        ("{key: desks.sales.heads, date: 2025-03-01, value: 9, until: 2025-03-01}", "until", "after the date"),
        ("{key: desks.sales.heads, date: 2025-03-01, value: 9, ramp_days: -1}", "ramp_days", "0 or more"),
        ("{key: conversion.trial, date: 2025-03-01, value: false, ramp_days: 9}", "ramp_days", "needs numbers"),
        ("{key: desks.sales.heads, date: 2025-03-01, value: 9, ramp: 3}", "ramp", "did you mean ramp_days?"),
        ("{key: desks.sales.heads, date: 2025-03-01}", "value", "is missing"),
    ],
)
def test_a_wrong_change_is_named(text: str, where: str, words: str) -> None:
    """By its name and field."""
    with pytest.raises(InputError) as caught:
        changes(text)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(f"policy.changes.a.{where}: ")
    assert words in caught.value.problems[0]


def test_two_changes_of_one_key_on_one_day_are_refused() -> None:
    """Which one would hold?"""
    text = "{key: desks.sales.heads, date: 2025-03-01, value: %d}"
    with pytest.raises(InputError, match=r"policy\.changes\.b\.date: .* same date as a"):
        changes(text % 4, text % 5)


# --- the package


def test_the_package_gives_functions_and_imports_nothing_heavy() -> None:
    """``from scenarios import compose`` is the function."""
    code = (
        "import sys, scenarios; heavy = {'hydra', 'pandas', 'pydantic', 'omegaconf', 'numpy'} & set(sys.modules);"
        "assert not heavy, heavy; from scenarios import compose; assert callable(compose)"
    )
    root = str(Path(scenarios.__file__).parents[1])
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": root})


def test_composing_leaves_hydra_as_it_was() -> None:
    """Inside a Hydra application, and twice in one notebook."""
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    with initialize_config_dir(str(MINI), version_base="1.3"):
        assert mini().digest == mini().digest
        assert GlobalHydra.instance().is_initialized()
        sources = [source.path for source in GlobalHydra.instance().config_loader().get_sources()]
        assert str(MINI) in " ".join(sources)
    assert not GlobalHydra.instance().is_initialized()
