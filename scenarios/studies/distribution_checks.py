"""What a schema cannot say of a distribution: ends in order, nothing below 0."""

from __future__ import annotations

import math
from collections.abc import Mapping

from scenarios.errors import shown
from scenarios.studies.resolve import Problem, dotted
from scenarios.studies.schema import Place

LEAST = {"fixed": "value", "uniform": "low", "triangular": "low"}
"""The parameter that is the smallest value of a distribution; the others have none below 0."""


def disordered(places: list[Place]) -> list[Problem]:
    """Distributions whose ends are out of order, for any segment."""
    problems: list[Problem] = []
    for spot in places:
        kind = spot.node.get("kind") if isinstance(spot.node, Mapping) else None
        keys = {"triangular": ("low", "mode", "high"), "uniform": ("low", "high")}.get(str(kind), ())
        values = [spot.node.get(key) for key in keys] if keys else []
        if not keys or not all(isinstance(v, int | float | Mapping) for v in values):
            continue
        segments = sorted({s for v in values if isinstance(v, Mapping) for s in v}) or [""]
        for segment in segments:
            ends = [v.get(segment, math.nan) if isinstance(v, Mapping) else v for v in values]
            known = [end for end in ends if isinstance(end, int | float) and end == end]
            if known != sorted(known):
                where = f"{dotted(spot.path)}{' for ' + segment if segment else ''}"
                problems.append((where, f"must have {' <= '.join(keys)}, got {shown(ends)}; the numbers in order"))
    return problems


def negative(places: list[Place]) -> list[Problem]:
    """Distributions that reach below 0: times, head counts and units cannot."""
    problems: list[Problem] = []
    for spot in places:
        key = LEAST.get(str(spot.node.get("kind")), "") if isinstance(spot.node, Mapping) else ""
        least = spot.node.get(key) if key else None
        for segment, value in (least if isinstance(least, Mapping) else {"": least}).items():
            if isinstance(value, int | float) and value < 0:
                where = dotted((*spot.path, key, *([segment] if segment else [])))
                problems.append((where, f"must be 0 or more, got {shown(value)}; a time or a number of things"))
    return problems
