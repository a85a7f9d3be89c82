"""Desks: people who do one kind of work, on working calendars, first come first served.

A desk is a counter and a queue. When a person is free the work begins without an event of its own; work that
arrives after hours is taken up at the next opening. Fewer heads never interrupt work: the seat goes when its
work is done. The first seats are those of the standing staff; everyone in the hiring plan has a seat of their own after
them, with a pace (``sim.hiring``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.hiring import Pace
    from sim.journey.case import Case


class Desk:
    """People of one kind.

    Attributes
    ----------
    heads : int
        Seats filled now.
    standing : int
        Of these the ones of the standing staff, which are numbered from 0.
    joined : set of int
        The others, of people who were hired.
    paces : dict of int to Pace
        Pace of every seat that is ever filled by hiring.
    free : list of int
        Seats without work, the next one to be used last.
    queue : deque of Case
        Cases that wait, in order of arrival.
    history : list of (float, int)
        Heads from a time on.
    """

    def __init__(self, name: str, code: int, heads: int) -> None:
        self.name, self.code = name, code
        self.heads = self.standing = heads
        self.joined: set[int] = set()
        self.paces: dict[int, Pace] = {}
        self.free = list(range(heads - 1, -1, -1))
        self.queue: deque[Case] = deque()
        self.history: list[tuple[float, int]] = [(0.0, heads)]
        self._lingering: set[int] = set()

    def release(self, seat: int, now: float) -> None:
        """A seat has finished its work and takes up the next, if it still exists."""
        if seat >= self.standing and seat not in self.joined:
            self._lingering.discard(seat)
        elif self.queue:
            case = self.queue.popleft()
            case.stop.begin(case, seat, now)
        else:
            self.free.append(seat)

    @property
    def seats(self) -> int:
        """Seats that were ever filled, or are by the hiring plan."""
        return max([max(heads for _, heads in self.history), *(seat + 1 for seat in self.paces)])

    def staff(self, heads: int, now: float) -> None:
        """Change the number of standing staff."""
        before, self.standing = self.standing, heads
        self._move(range(before, heads), range(heads, before), now)

    def join(self, seats: Collection[int], now: float) -> None:
        """People who were hired arrive."""
        self.joined.update(seats)
        self._move(seats, (), now)

    def part(self, seats: Collection[int], now: float) -> None:
        """People who were hired leave."""
        self.joined.difference_update(seats)
        self._move((), seats, now)

    def _move(self, coming: Collection[int], going: Collection[int], now: float) -> None:
        if not coming and not going:
            return
        self.heads += len(coming) - len(going)
        self.history.append((now, self.heads))
        self._lingering.update(set(going) - set(self.free))
        self.free = [seat for seat in self.free if seat not in going]
        for seat in coming:
            if seat in self._lingering:
                self._lingering.discard(seat)
            else:
                self.release(seat, now)
        if not self.heads:
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
