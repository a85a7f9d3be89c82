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


def left_out(plans: Plans) -> list[str]:
    """What to say of targets that a plan has and the base has not: all plans are held against those of the base."""
    asked = planned(plans.studies[plans.base].config).targets
    texts = []
    for name in plans.others:
        own = planned(plans.studies[name].config).targets
        if names := [target.name for target in own if target not in asked]:
            right = f"all plans are held against those of {plans.base}, targets=... beside scenarios= gives them to all"
            texts.append(f"targets: scenario {name} has some of its own, got {', '.join(names)}; {right}")
    return texts


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
