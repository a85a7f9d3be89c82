"""Choose the best of several plans: replicate them batch by batch, then estimate the winner on a fresh seed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from scenarios.comparisons.folder import CHOICE
from scenarios.comparisons.pairs import Pairs, horizon_values, metrics_of, run_quietly, tell
from scenarios.errors import InputError
from scenarios.studies.settings import Choose

if TYPE_CHECKING:
    import pandas as pd

    from analysis.compare.choose import Choice
    from scenarios.studies.study import Study

AHEAD = 5
"""Batches that are simulated at a time."""


def choose(pairs: Pairs) -> pd.DataFrame:
    """The choice among all plans of a business, base included, as its table.

    The plan that was chosen is estimated again on a fresh seed, because the best of several looks better than it is
    on the numbers by which it was chosen.
    """
    settings = Choose(**pairs.plans.settings["choose"])
    found = _chosen(pairs, settings)
    fresh = _fresh(pairs, found.selected, settings)
    return _table(found, settings, fresh)


def _chosen(pairs: Pairs, settings: Choose) -> Choice:
    from analysis.compare.choose import Rule, kim_nelson
    from analysis.compare.ocba import ocba

    def observe(name: str, first: int, count: int) -> np.ndarray:
        return _observed(pairs, name, settings.metric, first, count)

    names = tuple(pairs.plans.studies)
    try:
        if settings.method == "ocba":
            return ocba(names, observe, settings.budget, largest=settings.largest)
        rule = Rule(
            indifference=settings.indifference, confidence=settings.confidence, largest=settings.largest,
            budget=settings.budget, ahead=AHEAD, unit=_unit(pairs, settings.metric),
        )  # fmt: skip
        return kim_nelson(names, observe, rule)
    except ValueError as error:
        raise InputError([f"compare.choose: cannot be done, got {error}; another metric or budget"]) from None


def _unit(pairs: Pairs, metric: str) -> str:
    from analysis.metrics import REGISTRY
    from scenarios.runs.replicate import metrics_context

    return REGISTRY[metric].currency_unit(metrics_context(pairs.plans.studies[pairs.plans.base].config))


def _observed(pairs: Pairs, name: str, metric: str, first: int, count: int) -> np.ndarray:
    """Means of batches of replications of one plan, simulated where they are missing."""
    from analysis.compare.choose import BATCH, batch_means

    study, total = pairs.plans.studies[name], BATCH * (first + count)
    tell(study, f"{pairs.plans.business}: choosing, {name} to {total} replications")
    values = _values(study, pairs, name, metric, total)
    return batch_means(values[BATCH * first : total])


def _values(study: Study, pairs: Pairs, name: str, metric: str, total: int) -> np.ndarray:
    folder = pairs.folder / CHOICE / name
    failed = run_quietly(study, folder, total, (), pairs.simulate)
    if failed:
        raise InputError([f"compare.choose: lacks replications, got {len(failed)} failures of {name}; see {folder}"])
    return horizon_values(metrics_of(folder, total), metric)


def fresh_seed(seed: int) -> int:
    """The seed of replications that had no part in a choice."""
    return (seed + 1) % 2**128


def _fresh(pairs: Pairs, name: str, settings: Choose) -> tuple[float, float, float, int]:
    """Mean and interval of the chosen plan on a fresh seed, and replications."""
    from analysis.replications import willink

    study = pairs.plans.studies[name]
    again = replace(study, config={**study.config, "seed": fresh_seed(study.seed)})
    values = _values(again, pairs, f"{name}.fresh", settings.metric, settings.fresh)
    found = willink(values, pairs.plans.settings["level"])
    return found.mean, found.low, found.high, found.n


def _table(found: Choice, settings: Choose, fresh: tuple[float, float, float, int]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for name in found.means:
        chosen = name == found.selected
        mean, low, high, count = fresh if chosen else (None, None, None, None)
        rows.append(
            {
                "metric": settings.metric,
                "method": found.method,
                "guarantee": found.guarantee,
                "scenario": name,
                "selected": chosen,
                "replications": found.replications[name],
                "mean": found.means[name],
                "eliminated_at": found.eliminated_at[name],
                "fresh_mean": mean,
                "fresh_low": low,
                "fresh_high": high,
                "fresh_replications": count,
            }
        )
    return pd.DataFrame(rows)
