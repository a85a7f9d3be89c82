"""The ten studies whose tables are golden, and their digests now. Rewrite: ``python -m tests.golden.studies``.

A golden figure is no theory: it only says that nothing has changed. It changes with a line in CHANGELOG.md.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from analysis.tables import to_arrow
from scenarios import compose
from scenarios.studies.digest import json_digest, table_digest
from sim.simulate import simulate

GOLDEN = Path(__file__).with_name("digests.json")
SMALL = ["market.accounts=400", "horizon.days=500"]
CHANGE = "policy.changes={hire: {key: policy.desks.sales.heads, date: '2025-06-01', value: 4, ramp_days: 28}}"

STUDIES: dict[str, tuple[str, list[str]]] = {
    "platform": ("platform", []),
    "tool": ("tool", []),
    "hardware": ("hardware", []),
    "service_saas": ("service_saas", []),
    "service_staffed": ("service_staffed", []),
    "service_outcome": ("service_outcome", []),
    "cloud": ("cloud", []),
    "no_effects": ("service_saas", ["effects=none"]),
    "hiring_plan": ("tool", [CHANGE]),
    "mid_month_horizon": ("hardware", ["horizon.days=377"]),
}


def digest(name: str) -> str:
    """Digest over all tables of replication 0 of one study."""
    business, overrides = STUDIES[name]
    study = compose(business=business, overrides=[*SMALL, *overrides])
    run = simulate(study.timeline, study.seed, 0)
    return json_digest({table: table_digest(to_arrow(table, columns)) for table, columns in run.tables.items()})


def main() -> None:
    """Print all digests as JSON, or with ``--write`` write them down."""
    text = json.dumps({name: digest(name) for name in STUDIES}, indent=2) + "\n"
    if "--write" in sys.argv:
        GOLDEN.write_text(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
