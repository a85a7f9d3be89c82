"""Desks: people who do one kind of work, on working calendars, first come first served.

A desk is a counter and a queue. When a person is free the work begins without an event of its own; work that
arrives after hours is taken up at the next opening. Fewer heads never interrupt work: the seat goes when its
work is done.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.journey.case import Case


class Desk:
    """People of one kind.

    Attributes
    ----------
    heads : int
        Seats filled now.
    free : list of int
        Seats without work, the next one to be used last.
    queue : deque of Case
        Cases that wait, in order of arrival.
    history : list of (float, int)
        Heads from a time on.
    """

    def __init__(self, name: str, code: int, heads: int) -> None:
        self.name, self.code = name, code
        self.heads = heads
        self.free = list(range(heads - 1, -1, -1))
        self.queue: deque[Case] = deque()
        self.history: list[tuple[float, int]] = [(0.0, heads)]
        self._lingering: set[int] = set()

    def release(self, seat: int, now: float) -> None:
        """A seat has finished its work and takes up the next, if it still exists."""
        if seat >= self.heads:
            self._lingering.discard(seat)
        elif self.queue:
            case = self.queue.popleft()
            case.stop.begin(case, seat, now)
        else:
            self.free.append(seat)

    def staff(self, heads: int, now: float) -> None:
        """Change the number of heads."""
        if heads == self.heads:
            return
        before, self.heads = self.heads, heads
        self.history.append((now, heads))
        self._lingering.update(set(range(heads, before)) - set(self.free))
        self.free = [seat for seat in self.free if seat < heads]
        for seat in range(before, heads):
            if seat in self._lingering:
                self._lingering.discard(seat)
            else:
                self.release(seat, now)
        if not heads:
            self._hand_on(now)

    def _hand_on(self, now: float) -> None:
        """Nobody is left: who waits for optional work goes on without it."""
        waiting, self.queue = self.queue, deque()
        for case in waiting:
            if case.stop.optional:
                case.stop.skip(case, now)
            else:
                self.queue.append(case)

    def mean_heads(self, first: float, last: float) -> float:
        """Heads over a stretch of time, on average."""
        points = [*self.history, (float("inf"), 0)]
        total = 0.0
        for (begin, heads), (end, _) in pairwise(points):
            total += heads * max(min(end, last) - max(begin, first), 0.0)
        return total / (last - first)
