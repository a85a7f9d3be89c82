"""Every shipped business is composed, and run small; scenarios: test_library.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios import compose
from sim.simulate import simulate

CONF = Path(__file__).parents[2] / "conf"
SMALL = ["market.accounts=150", "horizon.days=200"]
BUSINESSES = sorted(path.stem for path in (CONF / "business").glob("*.yaml"))


@pytest.mark.parametrize("effects", ["base", "none"])
@pytest.mark.parametrize("business", BUSINESSES)
def test_every_business_runs_small(business: str, effects: str) -> None:
    study = compose(business=business, overrides=[*SMALL, f"effects={effects}"])
    run = simulate(study.timeline, study.seed, 0)
    assert len(run.tables["events"]["time"]) > 0
    assert not study.warnings
