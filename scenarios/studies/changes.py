"""Dated changes of policy keys: the configuration as it stands from each date on.

Price lists and budgets by month are dated changes in another form (``scenarios.studies.plans``): a price list takes its
place among the changes by its date, the budget of a month holds whatever else was changed.

A change sets one key of the unresolved configuration, so that whatever refers to the key follows. A ramp moves
in equal steps of at most a week; on the same key, a later change starts from where the earlier ones stand.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from typing import Any

from scenarios.errors import shown
from scenarios.studies.checks import iso_date
from scenarios.studies.plans import Entry, budget_months, price_lists
from scenarios.studies.resolve import Path, Problem, Tree, assign, dotted, follow, merge, unknown
from scenarios.studies.schema import place
from sim.spec.fields import BySegment

FIXED = ("changes", "name", "hiring", "budgets")
SCHEDULES = ("budget", "price_list")
"""Keys of the policy that say themselves what holds when, at the top and within a channel or a product."""

STEP_DAYS = 7
"""Longest step of a ramp."""


@dataclass(frozen=True)
class Move:
    """One change, read: days from the start of the horizon, target value, steps of the ramp; ``where`` it stands."""

    where: str
    path: Path
    value: Any
    day: int
    ramp: float
    until: int | None
    whole: bool
    dated: bool = True

    def key(self, part: str) -> str:
        """The key of a part of the change; price lists and budgets say date and value in one."""
        return f"{self.where}.{part}" if self.dated else self.where

    @property
    def instants(self) -> list[int]:
        """Days on which the value moves, the return to the original excepted."""
        steps = max(1, math.ceil(self.ramp / STEP_DAYS))
        return [self.day + math.ceil(self.ramp * k / steps) for k in range(1, steps + 1)] if self.ramp else [self.day]

    def at(self, day: float, value: Any) -> Any:
        """The value on ``day``, where it would be ``value`` without this change."""
        done = sum(instant <= day for instant in self.instants) / len(self.instants)
        if not done or (self.until is not None and day >= self.until):
            return value
        return merge(value, self.value) if done == 1 else self._between(value, self.value, done)

    def _between(self, old: Any, new: Any, done: float) -> Any:
        if isinstance(new, dict):
            parts = {key: self._between(old[key] if isinstance(old, dict) else old, new[key], done) for key in new}
            return {**old, **parts} if isinstance(old, dict) else parts
        if isinstance(old, dict):
            return {key: self._between(old[key], new, done) for key in old}
        value = old + (new - old) * done
        return round(value) if self.whole else value


def moves(config: Tree) -> tuple[list[Move], list[Problem]]:
    """Changes of a resolved configuration in the order of their dates, and what is wrong with them."""
    found: list[Move] = []
    problems: list[Problem] = []
    for name, change in config["policy"].get("changes", {}).items():
        wrong = list(_problems(config, f"policy.changes.{name}", change))
        problems += wrong
        if not wrong:
            found.append(_move(config, f"policy.changes.{name}", change))
    found += [_planned(entry) for entry in price_lists(config)]
    found.sort(key=lambda move: (move.day, move.where))
    problems += _clashes(found)
    return [*found, *(_planned(entry) for entry in budget_months(config))], problems


def _planned(entry: Entry) -> Move:
    return Move(entry.where, entry.path, entry.value, entry.day, 0, entry.until, whole=False, dated=False)


def timeline_trees(tree: Tree, resolved: Tree, found: list[Move], days: float) -> Iterator[tuple[int, Tree]]:
    """Unresolved configurations by the day they hold from; the first is day 0, and only differing ones follow.

    A configuration that no change has touched is ``tree`` itself.
    """
    instants = {instant for move in found for instant in [*move.instants, move.until] if instant is not None}
    last: dict[Path, Any] | None = None
    for day in sorted({0} | {instant for instant in instants if 0 < instant < days}):
        values = _values(resolved, found, day)
        if values != last:
            yield day, _with(tree, values)
        last = values


def _values(resolved: Tree, found: list[Move], day: int) -> dict[Path, Any]:
    values: dict[Path, Any] = {}
    for move in found:
        before = values.get(move.path, follow(resolved, move.path))
        values[move.path] = move.at(day, before)
    return {path: value for path, value in values.items() if value != follow(resolved, path)}


def _with(tree: Tree, values: dict[Path, Any]) -> Tree:
    if not values:
        return tree
    changed = deepcopy(tree)
    for path, value in values.items():
        assign(changed, path, value)
    return changed


def key_path(key: str) -> Path:
    """A key of the policy as a path from the root, with or without ``policy.`` before it."""
    path = tuple(key.split("."))
    return path if path[0] == "policy" else ("policy", *path)


def _problems(config: Tree, where: str, change: Tree) -> Iterator[Problem]:
    path = key_path(change["key"])
    reason = unknown(config, path) if len(path) > 1 else "a key below policy"
    if reason:
        yield f"{where}.key", f"is no key of the policy, got {shown(change['key'])}; {reason}"
    elif path[1] in FIXED or (len(path) > 3 and path[3] in SCHEDULES):
        yield f"{where}.key", f"cannot change in time, got {shown(change['key'])}; a number or setting of the policy"
    elif inner := _schedule_in(change["value"]):
        yield f"{where}.value", f"cannot hold {inner}, got {shown(change['value'])}; {inner} of the policy itself"
    elif change.get("ramp_days") and not _moves(follow(config, path), change["value"]):
        yield f"{where}.ramp_days", f"needs numbers to move between, got {shown(change['value'])}; ramp_days 0"
    wrong = list(iso_date(f"{where}.date", change["date"]))
    if change.get("until") is not None:
        wrong += iso_date(f"{where}.until", change["until"])
        if not wrong and change["until"] <= change["date"]:
            yield f"{where}.until", f"must be after the date, got {change['until']}; later than {change['date']}"
    yield from wrong


def _schedule_in(value: Any) -> str:
    """A key within a value that says itself what holds when; empty if there is none."""
    parts = value.items() if isinstance(value, dict) else ()
    return next(
        (key if key in SCHEDULES else found for key, v in parts if key in SCHEDULES or (found := _schedule_in(v))), ""
    )


def _moves(old: Any, new: Any) -> bool:
    numbers = [*old.values()] if isinstance(old, dict) else [old]
    numbers += [*new.values()] if isinstance(new, dict) else [new]
    fits = not isinstance(old, dict) or not isinstance(new, dict) or set(new) <= set(old)
    return fits and all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)


def _move(config: Tree, where: str, change: Tree) -> Move:
    start, path = date.fromisoformat(config["horizon"]["start"]), key_path(change["key"])
    day = (date.fromisoformat(change["date"]) - start).days
    until = (date.fromisoformat(change["until"]) - start).days if change.get("until") else None
    spot, old = place(config, path), follow(config, path)
    real = spot is not None and (spot.declared in (float, BySegment))
    whole = not real and isinstance(old, int) and isinstance(change["value"], int)
    return Move(where, path, change["value"], day, change.get("ramp_days", 0), until, whole)


def _clashes(found: list[Move]) -> Iterator[Problem]:
    seen: dict[tuple[Path, int], str] = {}
    for move in found:
        other = seen.setdefault((move.path, move.day), move.where)
        if other != move.where:
            known = other.removeprefix("policy.changes.")
            reason = f"sets {dotted(move.path)} on the same date as {known}, got two values; one change"
            yield move.key("date"), reason


def late(found: list[Move], days: float) -> Iterator[str]:
    """Warnings of changes and price lists that begin after the horizon."""
    for move in found:
        if move.day >= days and (move.dated or move.until is None):
            yield f"{move.key('date')}: lies after the horizon; the change does nothing"
