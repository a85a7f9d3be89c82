"""The clock of a run and what lies ahead of its cases, kept so that the heap of the engine holds little.

Cases of later weeks wait in lists, those known at the beginning of the current week in one sorted list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from heapq import heappush
from typing import TYPE_CHECKING, Any

import simpy

if TYPE_CHECKING:
    from sim.journey.case import Case

WEEK = 7.0
_NORMAL = 1
"""SimPy's priority of ordinary events."""

_step = simpy.Environment.step


class Agenda(simpy.Environment):
    """SimPy's environment with a sorted list of cases beside its heap; what lies beyond the horizon never happens.

    Time, priority and number order the entries of both as those of a single heap, but taking the last of a list
    costs far less than taking the least of a heap. Processes and timeouts are SimPy's and go into the heap. Cases of
    later weeks are numbered when their week begins, in the order in which they were planned.
    """

    def __init__(self, horizon: float) -> None:
        super().__init__()
        self.horizon = horizon
        self.known = 0.0
        self._sorted: list[tuple[float, int, int, Any]] = []
        self._later: defaultdict[int, list[tuple[float, Case]]] = defaultdict(list)

    def plan(self, case: Case, end: float) -> None:
        """Call the case's ``callbacks`` at ``end``."""
        case.due = end
        if end < self.known:
            heappush(self._queue, (end, _NORMAL, next(self._eid), case))  # type: ignore[misc]
        elif end < self.horizon:
            self._later[int(end // WEEK)].append((end, case))

    def take_up(self, cases: Iterable[tuple[float, Case]]) -> None:
        """Schedule many cases at once, each at its time."""
        number, ahead = self._eid, self._sorted
        ahead += [(time, _NORMAL, next(number), case) for time, case in cases]
        ahead.sort(reverse=True)

    def weeks(self) -> Iterator[Any]:
        """Process: every week takes up its cases."""
        while True:
            now = self.now
            self.known = min(now + WEEK, self.horizon)
            self.take_up(self._later.pop(int(now // WEEK), ()))
            yield self.timeout(WEEK)

    def step(self) -> None:
        """Process the next entry of list or heap."""
        ahead, queue = self._sorted, self._queue
        if ahead and (not queue or ahead[-1] < queue[0]):
            self._now, _, _, case = ahead.pop()
            for callback in case.callbacks:
                callback(case)
        else:
            _step(self)

    def peek(self) -> float:
        """Time of the next entry, infinite if there is none."""
        return min(super().peek(), self._sorted[-1][0] if self._sorted else float("inf"))
