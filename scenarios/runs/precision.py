"""How many replications a study needs, when it asks for an interval of a given width."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.errors import InputError, shown, suggest

if TYPE_CHECKING:
    from scenarios.runs.store import RunFolder
    from scenarios.studies.study import Study


RIGHT = "a wider one, or replications=N to begin with more"
"""What to do about a precision that the last look does not reach."""


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
        found = max(total, more_replications(willink(values), precision, look))
    except ValueError as error:
        folder.manifest.warnings.append(f"{error}; stopped at {total} replications")
        return total
    if found == total and not is_reached(values, wanted):
        folder.manifest.warnings.append(f"precision: {_shortfall(values, wanted)}")
    return found


def is_reached(values: np.ndarray, wanted: Mapping[str, Any]) -> bool:
    """Whether the interval of the mean of a figure is as tight as a precision asks for.

    Parameters
    ----------
    values : float array, shape (replications,)
        NaN where undefined.
    wanted : mapping
        ``relative`` or ``absolute``, or both.
    """
    from analysis.replications import Precision, willink

    found = willink(values)
    try:
        precision = Precision(wanted.get("absolute", 0.0), wanted.get("relative", 0.0))
        return found.half_width == 0 or precision.reached(found)
    except ValueError:
        return False


def _shortfall(values: np.ndarray, wanted: Mapping[str, Any]) -> str:
    from analysis.replications import willink

    found = willink(values)
    got = f"got a half-width of {found.half_width:.3g} for a mean of {found.mean:.3g}"
    return f"is not reached for {wanted['metric']} after {found.n} replications, {got}; {RIGHT}"


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
