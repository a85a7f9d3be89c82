"""What lies ahead of cases: by week, so that the heap of the engine holds only the current one and stays small."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import simpy

if TYPE_CHECKING:
    from sim.journey.case import Case

WEEK = 7.0


class Agenda:
    """Schedules cases; what lies beyond the horizon never happens.

    Cases of later weeks wait in lists and enter the heap when their week begins, in the order in which they were
    planned: the order of simultaneous events is that of a single heap.
    """

    def __init__(self, env: simpy.Environment, horizon: float) -> None:
        self.env, self.horizon = env, horizon
        self.known = 0.0
        self.schedule = env.schedule
        self.later: defaultdict[int, list[tuple[float, Case]]] = defaultdict(list)

    def plan(self, case: Case, now: float, end: float) -> None:
        """Call the case's ``callbacks`` at ``end``."""
        if end < self.known:
            self.schedule(case, 1, end - now)  # type: ignore[arg-type]
        elif end < self.horizon:
            self.later[int(end // WEEK)].append((end, case))

    def weeks(self) -> Iterator[Any]:
        """Process: every week takes up its cases."""
        schedule = self.env.schedule
        while True:
            now = self.env.now
            self.known = min(now + WEEK, self.horizon)
            for end, case in self.later.pop(int(now // WEEK), ()):
                schedule(case, 1, end - now)  # type: ignore[arg-type]
            yield self.env.timeout(WEEK)
