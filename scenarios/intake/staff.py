"""People at the desks: who is there at the start, and who comes later."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from scenarios.intake.rows import Row


def headcount(rows: Sequence[Row], desks: Sequence[str]) -> dict[str, int]:
    """People at each desk on day 0; desks without any row are not there."""
    found = {desks[row["desk"]]: 0 for row in rows}
    for row in rows:
        found[desks[row["desk"]]] += not row["start"] > 0
    return found


def arrivals(rows: Sequence[Row], desks: Sequence[str]) -> dict[str, dict[int, int]]:
    """People at each desk from later days on: desk to day to head count."""
    found: dict[str, dict[int, int]] = {}
    heads = headcount(rows, desks)
    for desk, here in heads.items():
        days = Counter(math.ceil(row["start"]) for row in rows if desks[row["desk"]] == desk and row["start"] > 0)
        for day in sorted(days):
            here += days[day]
            found.setdefault(desk, {})[day] = here
    return found
