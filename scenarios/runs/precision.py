"""How many replications a study needs, when it asks for an interval of a given width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.errors import InputError, shown, suggest

if TYPE_CHECKING:
    from scenarios.runs.store import RunFolder
    from scenarios.studies.study import Study


def check_precision(study: Study) -> None:
    """Refuse a precision that names no metric or no width.

    Raises
    ------
    InputError
    """
    wanted = study.config.get("precision")
    if not wanted:
        return
    from analysis.metrics import REGISTRY

    problems = []
    if wanted["metric"] not in REGISTRY:
        reason = suggest(wanted["metric"], REGISTRY)
        problems.append(f"precision.metric: is unknown, got {shown(wanted['metric'])}; {reason}")
    if not wanted.get("relative") and not wanted.get("absolute"):
        problems.append("precision: asks for no width, got neither relative nor absolute; relative: 0.02")
    if problems:
        raise InputError(problems)


def next_total(folder: RunFolder, total: int, look: int) -> int:
    """Replications to have at the next look; the number so far if that is enough or more would not help.

    Only replications below ``total`` count, so that the answer does not depend on what else is there.

    Parameters
    ----------
    folder : RunFolder
        With all replications below ``total`` that did not fail.
    total : int
        Replications so far.
    look : int
        Number of looks taken, this one included.
    """
    wanted = folder.study.config.get("precision")
    if not wanted:
        return total
    from analysis.replications import Precision, more_replications, willink

    values = _horizon_values(folder, wanted["metric"], total)
    precision = Precision(wanted.get("absolute", 0.0), wanted.get("relative", 0.0))
    try:
        return max(total, more_replications(willink(values), precision, look))
    except ValueError as error:
        folder.manifest.warnings.append(f"{error}; stopped at {total} replications")
        return total


def _horizon_values(folder: RunFolder, metric: str, total: int) -> np.ndarray:
    numbers = [number for number in folder.done if number < total]
    return np.array([_horizon_value(folder.part("metrics", number), metric) for number in numbers])


def _horizon_value(metrics: Any, metric: str) -> float:
    import pyarrow.compute as pc

    column = metrics.column
    chosen = metrics.filter(
        pc.and_(
            pc.and_(pc.equal(column("metric"), metric), pc.equal(column("period"), "horizon")),
            pc.is_null(column("dim1")),
        )
    )
    value = chosen.column("value")[0].as_py() if chosen.num_rows else None
    return float("nan") if value is None else value
