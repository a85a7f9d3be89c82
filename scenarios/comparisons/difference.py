"""What two plans differ in: the keys, put together in groups, and the studies in between with only some of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError
from scenarios.studies.resolve import Path, Tree, dotted, follow
from scenarios.studies.settings import NOT_IN_DIGEST

if TYPE_CHECKING:
    from scenarios.studies.study import Study

ABSENT = "absent"
"""What stands for the value of a key that one of two plans does not have."""


class Absent:
    """A key that is not there."""

    def __repr__(self) -> str:
        return ABSENT


NOWHERE = Absent()


@dataclass(frozen=True)
class Change:
    """One key in which a plan differs from the base.

    Attributes
    ----------
    path : tuple of str
        The key.
    base, value
        Its value in the base and in the plan, references in place; ``NOWHERE`` where it does not exist.
    """

    path: Path
    base: Any
    value: Any

    @property
    def key(self) -> str:
        """The key as the user writes it."""
        return dotted(self.path)


def changes(base: Study, plan: Study) -> list[Change]:
    """Keys in which the sources of two studies differ, apart from those that shape no table."""
    found = _compare(base.source, plan.source, ())
    return [change for change in found if change.path[0] not in NOT_IN_DIGEST]


def _compare(base: Any, plan: Any, path: Path) -> Iterable[Change]:
    if isinstance(base, dict) and isinstance(plan, dict) and base.get("kind") == plan.get("kind"):
        for key in [*base, *(key for key in plan if key not in base)]:
            yield from _compare(base.get(key, NOWHERE), plan.get(key, NOWHERE), (*path, str(key)))
    elif base != plan or isinstance(base, bool) != isinstance(plan, bool):
        yield Change(path, base, plan)


def players(base: Study, found: Sequence[Change], most: int) -> dict[str, tuple[Change, ...]]:
    """Groups of changed keys that can each be changed alone, by name; at most ``most`` of them.

    The numbers of a key by segment are one group. Others are put together by their place in the configuration until
    there are few enough groups and every subset of them composes.
    """
    if not found:
        return {}
    segments = base.config["market"]["segments"]
    deepest = max(len(change.path) for change in found)
    for depth in range(deepest, 0, -1):
        groups = _grouped(found, depth, segments)
        if len(groups) <= most and _compose(base, groups):
            return groups
    return {"all keys": tuple(found)}


def _grouped(found: Sequence[Change], depth: int, segments: Collection[str]) -> dict[str, tuple[Change, ...]]:
    groups: dict[str, list[Change]] = {}
    for change in found:
        own = change.path[:-1] if change.path[-1] in segments else change.path
        groups.setdefault(dotted(own[:depth]), []).append(change)
    return {name: tuple(group) for name, group in groups.items()}


def _compose(base: Study, groups: dict[str, tuple[Change, ...]]) -> bool:
    """Whether every subset of the groups that attribution needs makes a study."""
    from analysis.compare.shapley import subsets

    try:
        for subset in subsets(tuple(groups)):
            between(base, groups, subset)
    except InputError:
        return False
    return True


def between(base: Study, groups: dict[str, tuple[Change, ...]], subset: Iterable[str]) -> Study:
    """The base with the changes of some groups.

    Raises
    ------
    InputError
        If that is no study.
    """
    from scenarios.studies.study import restore

    chosen = set(subset)
    tree = deepcopy(base.source)
    for name, group in groups.items():
        for change in group if name in chosen else ():
            _put(tree, change)
    return restore(tree, base.overrides)


def _put(tree: Tree, change: Change) -> None:
    node: Any = tree
    for key in change.path[:-1]:
        node = node.setdefault(key, {})
    if change.value is NOWHERE:
        node.pop(change.path[-1], None)
    else:
        node[change.path[-1]] = deepcopy(change.value)


def rows(base: Study, plan: Study, groups: dict[str, tuple[Change, ...]]) -> list[dict[str, Any]]:
    """The configuration difference as a table: key, base, value, unit, meaning, player."""
    named = {change.path: name for name, group in groups.items() for change in group}
    told: dict[str, Any] = {row["key"]: row for study in (base, plan) for row in study.inputs}
    return [
        {
            "key": change.key,
            "base": _written(base, change, change.base),
            "value": _written(plan, change, change.value),
            "unit": told.get(change.key, {}).get("unit", ""),
            "meaning": told.get(change.key, {}).get("meaning", ""),
            "player": named.get(change.path, ""),
        }
        for change in changes(base, plan)
    ]


def _written(study: Study, change: Change, value: Any) -> str:
    """A value as one would write it, references replaced by what they refer to."""
    from scenarios.studies.overrides import override_text

    if value is NOWHERE:
        return ABSENT
    with suppress(KeyError):
        value = follow(study.config, change.path)
    return override_text("", value)[1:]
