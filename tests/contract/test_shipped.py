"""Everything shipped in conf/ is composed, and run small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scenarios import compose
from sim.simulate import simulate

CONF = Path(__file__).parents[2] / "conf"
DEFAULTS = {"baseline", "auto_then_sales"}
SMALL = ["market.accounts=150", "horizon.days=200"]
BUSINESSES = sorted(path.stem for path in (CONF / "business").glob("*.yaml"))
SCENARIOS = sorted(path.stem for path in (CONF / "scenario").glob("*.yaml"))


def business_of(scenario: str) -> str:
    """The business that the scenario's own command line names."""
    text = (CONF / "scenario" / f"{scenario}.yaml").read_text(encoding="utf-8")
    named = re.search(r"^# tobsim \w+ business=(\w+)", text, re.MULTILINE)
    return named.group(1) if named else "tool"


@pytest.mark.parametrize("effects", ["base", "none"])
@pytest.mark.parametrize("business", BUSINESSES)
def test_every_business_runs_small(business: str, effects: str) -> None:
    study = compose(business=business, overrides=[*SMALL, f"effects={effects}"])
    run = simulate(study.timeline, study.seed, 0)
    assert len(run.tables["events"]["time"]) > 0
    assert not study.warnings


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_runs_small_and_says_why(scenario: str) -> None:
    text = (CONF / "scenario" / f"{scenario}.yaml").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line.startswith("# ") and "@package" not in line]) >= 2
    study = compose(business=business_of(scenario), overrides=[*SMALL, f"scenario={scenario}"])
    simulate(study.timeline, study.seed, 0)
    if scenario not in DEFAULTS:
        assert study.digest != compose(business=business_of(scenario), overrides=SMALL).digest
