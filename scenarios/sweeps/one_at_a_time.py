"""One-at-a-time design: the study as it stands, then every key alone at its low and at its high value.

Tornado charts read it (``analysis.sensitivity.tornado``). A key of listed values is moved to the smallest and to the
largest of them, a switch to its other side.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from scenarios.errors import shown
from scenarios.studies.resolve import follow
from scenarios.sweeps.ranges import Range, Values
from scenarios.sweeps.spaces import Space

if TYPE_CHECKING:
    from scenarios.studies.study import Study


def base_values(space: Space, study: Study) -> dict[str, Any]:
    """Values of the sampled keys in the study as it stands."""
    return {key: follow(study.config, tuple(key.split("."))) for key in space.free}


def rows(space: Space, study: Study) -> list[dict[str, Any]]:
    """Values of the sampled keys, row by row, the base first; what equals the base is no row of its own."""
    base = base_values(space, study)
    moved = [base | {key: end} for key, domain in space.free.items() for end in ends(domain) if end != base[key]]
    return [base, *moved]


def ends(domain: Values | Range) -> tuple[Any, ...]:
    """The low and the high value of a key."""
    if isinstance(domain, Range):
        return domain.low, domain.high
    return tuple(dict.fromkeys((min(domain.values), max(domain.values))))


def off_base(space: Space, study: Study) -> Iterator[str]:
    """Why keys cannot be moved one at a time: words, a base outside the range, nowhere to go."""
    for key, base in base_values(space, study).items():
        domain, where = space.free[key], f"experiment.keys.{key}"
        if not _numbers(domain, base):
            listed = domain.values if isinstance(domain, Values) else base
            yield f"{where}: has no low and high, got {shown(listed)}; numbers or switches for one_at_a_time"
            continue
        low, high = min(ends(domain)), max(ends(domain))
        if not low <= base <= high:
            text = f"does not hold the base of the study, got {shown(low)} to {shown(high)} and base {shown(base)}"
            yield f"{where}: {text}; a range around the base, or {key}=VALUE for another base"
        elif low == high:
            yield f"{where}: is not moved, got {shown(low)}, the base itself; another value"


def _numbers(domain: Values | Range, base: Any) -> bool:
    listed = domain.values if isinstance(domain, Values) else ()
    return all(isinstance(value, int | float) for value in (*listed, base))
