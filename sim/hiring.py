"""People who are hired: they arrive a lead time after they were requested, and learn the work before they do it fast.

Assumption (a linear ramp to full productivity): a newcomer's speed rises in a straight line from ``start_speed`` on the
day of arrival to 1, ``ramp_days`` later. Work of ``h`` hours takes the working hours over which the speed adds up to
``h``. Within a day the speed is its mean over that day, so that the hours of a whole day are those of the line.
They are paid from arrival on. Whoever leaves first finishes the work at hand.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.calendar import WorkCalendar

if TYPE_CHECKING:
    from sim.spec.policy import Hire
    from sim.teams import Desk
    from sim.world import World


@dataclass(frozen=True)
class Stay:
    """One entry of the hiring plan in days from the start of the horizon; ``leaves`` is infinite without a date."""

    name: str
    desk: str
    heads: int
    arrives: int
    leaves: float
    ramp_days: float
    start_speed: float

    def speed(self, first: np.ndarray | float, last: np.ndarray | float) -> Any:
        """Mean speed over stretches of time after arrival; 1 is that of a settled person."""
        return (self._gained(np.asarray(last, float)) - self._gained(np.asarray(first, float))) / (last - first)

    def _gained(self, t: np.ndarray) -> np.ndarray:
        """Days of settled work done up to ``t`` by a person who never rests."""
        age = np.maximum(t - self.arrives, 0.0)
        if not self.ramp_days:
            return age
        learning = np.minimum(age, self.ramp_days)
        climbed = self.start_speed * learning + (1 - self.start_speed) * learning**2 / (2 * self.ramp_days)
        return climbed + age - learning

    @property
    def settled(self) -> float:
        """When the speed has reached 1."""
        return self.arrives + (self.ramp_days if self.start_speed < 1 else 0.0)


def stays(hiring: Mapping[str, Hire], start: str) -> list[Stay]:
    """The hiring plan in the order of its entries; part of a day of lead time counts as a day."""
    found, first = [], date.fromisoformat(start)
    for name, hire in hiring.items():
        arrives = (date.fromisoformat(hire.requested) - first).days + math.ceil(hire.lead_days)
        leaves = float((date.fromisoformat(hire.leave) - first).days) if hire.leave else math.inf
        found.append(Stay(name, hire.desk, hire.heads, arrives, leaves, hire.ramp_days, hire.start_speed))
    return found


def strength(found: list[Stay], first: float, last: float) -> dict[str, float]:
    """Hired people by desk over a stretch of time, each counted by presence and speed."""
    people: dict[str, float] = {}
    for stay in found:
        begin, end = max(first, stay.arrives), min(last, stay.leaves)
        if end > begin:
            share = float(stay.speed(begin, end)) * (end - begin) / (last - first)
            people[stay.desk] = people.get(stay.desk, 0.0) + stay.heads * share
    return people


class Pace:
    """When work ends that a newcomer begins.

    Parameters
    ----------
    stay : Stay
        The plan.
    calendar : WorkCalendar
        Working hours.
    """

    def __init__(self, stay: Stay, calendar: WorkCalendar) -> None:
        self.calendar, self.settled = calendar, stay.settled
        days = np.arange(calendar.days_known, dtype=float)
        self.speed = np.where(days >= stay.arrives, stay.speed(days, days + 1), 0.0)
        self.gained = np.concatenate([[0.0], np.cumsum(self.speed * np.array(calendar.working) * calendar.hours)])
        self._gained, self._speed = self.gained.tolist(), self.speed.tolist()
        self._opens = 0.0 if calendar.around_the_clock else calendar.open_hour

    def finish(self, start: float, work: float) -> float:
        """When ``work`` hours of a settled person are done, begun at ``start``, a working moment after arrival."""
        day = int(start)
        if start >= self.settled or day >= len(self._speed):
            return self.calendar.finish(start, work)
        hour = min(max((start - day) * 24.0 - self._opens, 0.0), self.calendar.hours)
        goal = self._gained[day] + hour * self._speed[day] + work
        last = bisect_left(self._gained, goal) - 1
        if last >= len(self._speed):
            return float(self.calendar.days_known)
        return max(start, self.calendar.moment(last, (goal - self._gained[last]) / self._speed[last]))


class Hiring:
    """Gives every hired person a seat of their own, and brings and takes them away on their days."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.stays = [stay for stay in stays(world.spec.policy.hiring, world.spec.horizon.start) if stay.heads]
        specs = [world.spec, *(dated.spec for dated in world.later)]
        most = {name: max(spec.policy.desks[name].heads for spec in specs) for name in world.desks}
        self.moves: list[tuple[float, int, Desk, range]] = []
        for stay in self.stays:
            first, most[stay.desk] = most[stay.desk], most[stay.desk] + stay.heads
            self._plan(stay, world.desks[stay.desk], range(first, most[stay.desk]))
        self.moves.sort(key=lambda move: move[:2])
        self._until(0.0)

    def _plan(self, stay: Stay, desk: Desk, seats: range) -> None:
        if stay.leaves <= max(stay.arrives, 0.0) or stay.arrives >= self.world.horizon:
            return
        desk.paces.update(dict.fromkeys(seats, Pace(stay, self.world.calendar)))
        self.moves.append((float(max(stay.arrives, 0)), 1, desk, seats))
        self.moves.append((stay.leaves, 0, desk, seats))

    def _until(self, now: float) -> None:
        while self.moves and self.moves[0][0] <= now:
            _, comes, desk, seats = self.moves.pop(0)
            desk.join(seats, now) if comes else desk.part(seats, now)

    def days(self) -> Iterator[Any]:
        """Process: people arrive and leave at the beginning of their days."""
        env = self.world.env
        while self.moves and self.moves[0][0] < self.world.horizon:
            yield env.timeout(self.moves[0][0] - env.now)
            self._until(env.now)


def hired(hiring: Mapping[str, Mapping[str, Any]], desk: str) -> bool:
    """Whether a hiring plan, as configured, brings anybody to a desk."""
    return any(entry.get("desk") == desk and entry.get("heads") for entry in hiring.values())
