"""Plain trees of a configuration: reading and setting keys, and references ``${a.b}`` between values.

A reference is a whole value and names another key in full. There is no other interpolation, so that a tree can
be resolved again after one of its keys was changed, and everything that refers to the key follows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from scenarios.errors import bad_name, shown, suggest
from scenarios.studies.raw import MAX_DEPTH, MAX_NODES, REFERENCE

Path = tuple[str, ...]
Tree = dict[str, Any]
Problem = tuple[str, str]
"""Where, and what is wrong there."""

MISSING = "???"


@dataclass
class Resolved:
    """A tree without references, where each reference stood and led, and what could not be resolved."""

    tree: Tree
    references: dict[Path, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0
    too_large: bool = False


def dotted(path: Sequence[str]) -> str:
    """A path as the user writes it."""
    return ".".join(path)


def leaves(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """All values that are no mapping and no list, with their paths; list items are keyed by their index."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from leaves(value, (*path, str(key)))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from leaves(value, (*path, str(index)))
    else:
        yield path, node


def follow(tree: Any, path: Path) -> Any:
    """The value at ``path``.

    Raises
    ------
    KeyError
        With the length of the part of the path that exists.
    """
    for depth, key in enumerate(path):
        if not isinstance(tree, Mapping) or key not in tree:
            raise KeyError(depth)
        tree = tree[key]
    return tree


def unknown(tree: Any, path: Path) -> str:
    """Why ``path`` is not in ``tree``, with the name that was probably meant."""
    for depth, key in enumerate(path):
        if not isinstance(tree, Mapping):
            return f"there is nothing below {dotted(path[:depth])}"
        if key not in tree:
            return suggest(key, tree, "known here:")
        tree = tree[key]
    return ""


def resolve(tree: Tree) -> Resolved:
    """A copy of ``tree`` with every reference replaced by what it refers to."""
    found = Resolved({})
    found.tree = _resolve(tree, (), tree, found, ())
    return found


def _resolve(node: Any, path: Path, root: Tree, found: Resolved, open_: tuple[Path, ...]) -> Any:
    found.nodes += 1
    if found.nodes > MAX_NODES or len(path) > MAX_DEPTH:
        if not found.too_large:
            found.problems.append((dotted(path[:4]), f"grows too large by its references, over {MAX_NODES} values"))
        found.too_large = True
        return None
    if isinstance(node, Mapping):
        return {k: _resolve(v, (*path, str(k)), root, found, open_) for k, v in node.items()}
    if isinstance(node, list):
        return [_resolve(v, (*path, str(i)), root, found, open_) for i, v in enumerate(node)]
    if not isinstance(node, str) or "${" not in node:
        return node
    return _refer(node, path, root, found, open_)


def _refer(node: str, path: Path, root: Tree, found: Resolved, open_: tuple[Path, ...]) -> Any:
    target = target_of(node)
    if target is None:
        found.problems.append((dotted(path), f"refers to what is not a key, got {shown(node)}; ${{group.key}}"))
        return None
    found.references.setdefault(path, target)
    value = _lookup(node, path, root, found, open_)
    return _resolve(value, path, root, found, (*open_, target))


def target_of(value: Any) -> Path | None:
    """The path a value refers to; None if the value is no reference."""
    match = REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return tuple(match[1].split(".")) if match else None


def _lookup(node: str, path: Path, root: Tree, found: Resolved, open_: tuple[Path, ...]) -> Any:
    """What a reference leads to, passing through references on the way; records a problem if to nothing."""
    target = target_of(node) or ()
    if target in open_ or path[: len(target)] == target:
        found.problems.append((dotted(path), f"refers to itself in the end, got {shown(node)}; a value"))
        return None
    value: Any = root
    for key in target:
        if target_of(value):
            value = _lookup(value, path, root, found, (*open_, target))
        if not isinstance(value, Mapping) or key not in value:
            reason = suggest(key, value if isinstance(value, Mapping) else (), "known there:")
            found.problems.append((dotted(path), f"refers to a key that does not exist, got {shown(node)}; {reason}"))
            return None
        value = value[key]
    return value


def assign(tree: Tree, path: Path, value: Any) -> None:
    """Set ``path`` in an unresolved tree; a mapping is merged into a mapping, a reference on the way is copied.

    A mapping with another ``kind`` than the one that stands there replaces it.
    """
    node = tree
    for key in path[:-1]:
        below = node.get(key)
        if isinstance(below, str) and target_of(below):
            below = deepcopy(resolve({**tree, "": below}).tree[""])
        if not isinstance(below, dict):
            below = {}
        node[key] = below
        node = below
    last, old = path[-1], node.get(path[-1])
    if isinstance(value, dict) and isinstance(old, str) and target_of(old):
        old = resolve({**tree, "": old}).tree[""]
    node[last] = merge(old, value)


def merge(old: Any, new: Any) -> Any:
    """``new`` over ``old``: mappings key by key unless their ``kind`` differs, anything else replaced."""
    if not isinstance(old, dict) or not isinstance(new, dict) or old.get("kind") != new.get("kind", old.get("kind")):
        return deepcopy(new)
    return {**old, **{key: merge(old.get(key), value) for key, value in new.items()}}


def remove(tree: Tree, path: Path) -> None:
    """Delete ``path``.

    Raises
    ------
    KeyError
        If it does not exist.
    """
    del follow(tree, path[:-1])[path[-1]]


def malformed(tree: Tree) -> list[Problem]:
    """Keys that are no names, numbers that are not finite, values that are missing, trees that are too big."""
    problems: list[Problem] = []
    _examine(tree, (), problems, [0])
    return problems


def _examine(node: Any, path: Path, problems: list[Problem], count: list[int]) -> None:
    count[0] += 1
    if len(path) > MAX_DEPTH or count[0] > MAX_NODES:
        if count[0] <= MAX_NODES + 1:
            problems.append((dotted(path[:4]), f"is too large, got over {MAX_DEPTH} levels or {MAX_NODES} values"))
        return
    if isinstance(node, Mapping):
        for key, value in node.items():
            reason = _key_problem(key)
            if reason:
                problems.append((dotted((*path, str(key)))[:120], reason))
            else:
                _examine(value, (*path, key), problems, count)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            _examine(value, (*path, str(index)), problems, count)
    elif reason := _value_problem(node):
        problems.append((dotted(path), reason))


def _key_problem(key: Any) -> str:
    if not isinstance(key, str):
        return f"a key must be text, got {shown(key)}; put it in quotes"
    if key.startswith("_"):
        return f"is not allowed, got {shown(key)}; configurations are data and run nothing"
    return bad_name(key)


def _value_problem(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"must be a finite number, got {shown(value)}; a number"
    if isinstance(value, str) and value == MISSING:
        return "is missing, got ???; a value of your own"
    if isinstance(value, str) and any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in value):
        return f"holds a control character, got {shown(value)}; plain text"
    return ""
