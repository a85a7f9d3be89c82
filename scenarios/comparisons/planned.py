"""Plans of action held against the figures that a plan or budget asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenarios.runs.targets import planned, sheets

if TYPE_CHECKING:
    import pandas as pd

    from scenarios.comparisons.pairs import Pairs
    from scenarios.comparisons.plans import Plans

FIGURES = "planned"
"""Name of the table."""


def check_planned(plans: Plans) -> None:
    """Refuse targets and plan files that cannot be read, before anything is run.

    Raises
    ------
    InputError
    """
    for study in plans.studies.values():
        planned(study.config)


def against_plan(pairs: Pairs, metrics: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The targets of the base against every plan, one row per scenario and target; no table without targets.

    Parameters
    ----------
    pairs : Pairs
        What was replicated.
    metrics : dict
        Metrics tables by scenario.
    """
    import pandas as pd

    config = pairs.plans.studies[pairs.plans.base].config
    targets = planned(config).targets
    if not targets:
        return {}
    parts = []
    for scenario, table in metrics.items():
        frame = sheets(config, table, targets)["targets"]
        frame.insert(0, "scenario", scenario)
        parts.append(frame)
    return {FIGURES: pd.concat(parts, ignore_index=True)}
