"""Replications of plans, paired by number: as many as are asked for, or until the differences are tight enough."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.comparisons.plans import Plans
from scenarios.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from scenarios.studies.study import Study

Simulate = Callable[[Any, int, int], Any]


@dataclass
class Pairs:
    """What was replicated of one business.

    Attributes
    ----------
    plans : Plans
        The plans.
    folder : Path
        Their run folders lie in it, by scenario.
    total : int
        Replications that count, from number 0 on; there may be more in the folders.
    stopped : str
        Why there are no more.
    failures : list of dict
        Replications that failed, with the scenario.
    """

    plans: Plans
    folder: Path
    simulate: Simulate | None = None
    total: int = 0
    stopped: str = ""
    failures: list[dict[str, Any]] = field(default_factory=list)

    def path(self, scenario: str) -> Path:
        """Run folder of a scenario."""
        return self.folder / scenario

    def metrics(self) -> dict[str, pd.DataFrame]:
        """Metrics tables by scenario."""
        return {name: metrics_of(self.path(name), self.total) for name in self.plans.studies}


def metrics_of(folder: Path, total: int) -> pd.DataFrame:
    """Metrics of the replications below ``total``."""
    from analysis.tables import read

    metrics = read(folder, "metrics")
    return metrics[metrics["replication"] < total].reset_index(drop=True)


def replicate_plans(pairs: Pairs) -> None:
    """Run every plan as often as its study asks; with a precision, until the differences are that tight."""
    base = pairs.plans.studies[pairs.plans.base]
    wanted, look = base.replications, 0
    settings = base.config["precision"]
    pairs.stopped = f"{wanted} replications were asked for"
    while wanted > pairs.total:
        look += 1
        pairs.total = wanted
        pairs.failures = []
        for name, study in pairs.plans.studies.items():
            tell(study, f"{pairs.plans.business}: {name}")
            pairs.failures += run_quietly(study, pairs.path(name), wanted, simulate=pairs.simulate)
        if settings:
            wanted = _next(pairs, settings, look)


def run_quietly(
    study: Study,
    folder: Path,
    replications: int,
    tables: tuple[str, ...] | None = None,
    simulate: Simulate | None = None,
) -> list[dict[str, Any]]:
    """Run a study without forecast and report; the replications that failed.

    Parameters
    ----------
    tables : tuple of str, optional
        Tables to keep beside the metrics; all by default.
    """
    from scenarios.runs.run import run

    config = study.config
    asked: dict[str, Any] = {
        "replications": replications,
        "precision": None,
        "out": None,
        "tables": None if tables is None else list(tables),
        "report": {**config["report"], "enabled": False},
        "forecast": {**config["forecast"], "enabled": False},
    }
    result = run(replace(study, config={**config, **asked}), folder, simulate=simulate)
    return [{"plan": folder.name, **row} for row in result.failures if row["replication"] < replications]


def tell(study: Study, text: str) -> None:
    """Say on stderr what is being done, unless progress is off."""
    if study.config.get("progress", True):
        print(text, file=sys.stderr, flush=True)


def _next(pairs: Pairs, settings: Mapping[str, Any], look: int) -> int:
    """Replications to have at the next look; the number so far at the last one."""
    from analysis.compare.family import single_level
    from analysis.compare.table import difference_precision
    from analysis.replications import Precision

    plans = pairs.plans
    precision = Precision(settings.get("absolute", 0.0), settings.get("relative", 0.0))
    members = len(plans.primary) * len(plans.others)
    level = single_level(members, plans.settings["level"]) if settings["metric"] in plans.primary else None
    values = {name: horizon_values(frame, settings["metric"]) for name, frame in pairs.metrics().items()}
    budget = max(int(plans.settings["budget"]), pairs.total)
    looks = [
        difference_precision(
            values[plans.base], values[name], precision, look, budget, level=level or plans.settings["level"]
        )
        for name in plans.others
    ]
    asked = _asked(settings)
    open_ = [found for found in looks if not found.stopped]
    reasons = dict.fromkeys(found.stopped for found in looks if found.stopped)
    pairs.stopped = f"{asked}: {', '.join(reasons)} after {pairs.total} replications"
    return max((found.total for found in open_), default=pairs.total)


def _asked(settings: Mapping[str, Any]) -> str:
    widths = [f"{settings['absolute']:g}"] if settings.get("absolute") else []
    widths += [f"{settings['relative']:.3g} of the base"] if settings.get("relative") else []
    return f"{settings['metric']} to {' or '.join(widths)}"


def horizon_values(metrics: pd.DataFrame, metric: str) -> np.ndarray:
    """A metric over the horizon by replication, NaN where undefined, in the order of the replications.

    Raises
    ------
    InputError
        If no replication has it.
    """
    import pandas as pd

    numbers = sorted(metrics["replication"].unique())
    chosen = metrics[
        (metrics["metric"] == metric) & (metrics["period"] == "horizon") & metrics["dim1"].isna()
    ].set_index("replication")["value"]
    if chosen.empty:
        raise InputError([f"{metric}: has no value over the horizon, got none in any replication; another metric"])
    values: Any = pd.Series(chosen).reindex(numbers).to_numpy(float)
    return values
