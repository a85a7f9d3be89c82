"""The schema of a configuration, walked beside it: what may stand where, and what is wrong with what does.

The schema is the frozen dataclasses of ``sim.spec``; unit, range and meaning of a number sit in the metadata of
its field. Tagged unions are told apart by ``kind``, so that a mistake is reported for the kind that was meant.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from scenarios.errors import shown, suggest
from scenarios.studies.resolve import Path, Problem, Tree, dotted
from scenarios.studies.settings import Root
from sim.spec.fields import BySegment

UNKNOWN_KEY = ("unexpected_keyword_argument", "extra_forbidden")


@dataclass(frozen=True)
class Place:
    """One node of a configuration with what the schema says of it.

    Attributes
    ----------
    kind : type
        The type the schema gives the node, unions narrowed to the branch that fits; None if none does.
    declared : type
        The type as declared.
    field : Field or None
        The field whose metadata (unit, meaning, range) apply to the numbers in the node.
    """

    path: Path
    node: Any
    kind: Any
    declared: Any
    field: Field[Any] | None

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Unit, meaning, low, high, above of the field; empty for a field that is no number."""
        return self.field.metadata if self.field else {}


def hints(cls: Any) -> dict[str, Any]:
    """Types of the fields of a dataclass."""
    return _hints(cls)


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def field_of(cls: Any) -> dict[str, Field[Any]]:
    """Fields of a dataclass by name."""
    found: dict[str, Field[Any]] = cls.__dataclass_fields__
    return found


def options(kind: Any) -> tuple[Any, ...]:
    """Branches of a union, or the type alone."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def tags(kind: Any) -> dict[str, Any]:
    """Dataclasses of a union by their ``kind``."""
    found = {}
    for option in options(kind):
        if is_dataclass(option) and "kind" in hints(option):
            found.update(dict.fromkeys(get_args(hints(option)["kind"]), option))
    return found


def narrow(kind: Any, node: Any) -> Any:
    """The branch of ``kind`` that ``node`` means; None if it means none."""
    branches = options(kind)
    if len(branches) == 1:
        return kind
    if node is None and type(None) in branches:
        return type(None)
    solid = [b for b in branches if b is not type(None)]
    if len(solid) == 1:
        return solid[0]
    if tags(kind):
        tag = node.get("kind") if isinstance(node, Mapping) else None
        return tags(kind).get(tag) if isinstance(tag, str) else None
    mappings = [b for b in solid if get_origin(b) is dict]
    if isinstance(node, Mapping) and mappings:
        return mappings[0]
    return next((b for b in solid if get_origin(b) is not dict), solid[0])


def walk(node: Any, kind: Any = Root, path: Path = (), field: Field[Any] | None = None) -> Iterator[Place]:
    """Every node of a configuration that the schema knows, depth first."""
    chosen = narrow(kind, node)
    yield Place(path, node, chosen, kind, field)
    for key, child, child_kind, child_field in _children(node, chosen, field):
        yield from walk(child, child_kind, (*path, key), child_field)


def _children(node: Any, kind: Any, field: Field[Any] | None) -> Iterator[tuple[str, Any, Any, Any]]:
    if isinstance(node, Mapping) and is_dataclass(kind):
        known = hints(kind)
        for key, child in node.items():
            if key in known:
                yield key, child, known[key], field_of(kind)[key]
    elif isinstance(node, Mapping) and get_origin(kind) is dict:
        for key, child in node.items():
            yield key, child, get_args(kind)[1], field
    elif isinstance(node, list) and get_origin(kind) is list:
        for index, child in enumerate(node):
            yield str(index), child, get_args(kind)[0], field


def place(tree: Tree, path: Path) -> Place | None:
    """What the schema says of ``path``; None where it says nothing (an unknown key, or below an open mapping)."""
    node, kind, field = tree, Root, None
    for key in path:
        found = {k: (c, t, f) for k, c, t, f in _children(node, narrow(kind, node), field)}
        if key not in found:
            return None
        node, kind, field = found[key]
    return Place(path, node, narrow(kind, node), kind, field)


def validate(tree: Tree) -> tuple[Root | None, list[Problem]]:
    """The configuration as frozen dataclasses, or what is wrong with keys and types."""
    from pydantic import ValidationError

    try:
        return _adapter().validate_json(json.dumps(tree), strict=True), []
    except ValidationError as error:
        problems: dict[Problem, None] = {}
        for item in error.errors(include_url=False, include_context=False):
            problem = _problem(tree, item["type"], tuple(str(p) for p in item["loc"]))
            if problem:
                problems[problem] = None
        return None, list(problems)


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Root)


def _problem(tree: Tree, error: str, loc: Path) -> Problem | None:
    """One mistake in our words; None if it belongs to a branch of a union that was not meant."""
    node, kind, field, path = tree, Root, None, ()  # type: Any, Any, Any, Path
    while True:
        branches = [b for b in options(kind) if b is not type(None)]
        chosen = narrow(kind, node)
        if chosen is None:
            return dotted(path), _no_branch(kind, node)
        if loc and len(branches) > 1:
            if loc[0] != _tag(chosen):
                return None
            loc = loc[1:]
        kind = chosen
        if not loc:
            what = _what(path[-1:], kind, field)
            return dotted(path), f"must be {what}, got {shown(node)}{_hint(field, node)}"
        if loc[1:] == ("[key]",):
            return dotted((*path, loc[0])), _unknown_key(loc[0], node, kind)
        found = {k: (c, t, f) for k, c, t, f in _children(node, kind, field)}
        if loc[0] not in found:
            return _absent(error, loc[0], node, kind, path)
        path = (*path, loc[0])
        (node, kind, field), loc = found[loc[0]], loc[1:]


def _tag(kind: Any) -> str:
    if get_origin(kind) is not None:
        return str(kind).replace(" ", "")
    return str(getattr(kind, "__name__", kind))


def _no_branch(kind: Any, node: Any) -> str:
    known = tags(kind)
    if not isinstance(node, Mapping):
        return f"must be a mapping with a kind, got {shown(node)}; kind: {', '.join(known)}"
    if "kind" not in node:
        return f"has no kind, got {shown(dict(node))}; kind: {', '.join(known)}"
    return f"has an unknown kind, got {shown(node['kind'])}; {suggest(str(node['kind']), known, 'kind:')}"


def _absent(error: str, key: str, node: Any, kind: Any, path: Path) -> Problem:
    where = dotted((*path, key))
    if error in UNKNOWN_KEY:
        return where, _unknown_key(key, node, kind)
    field = field_of(kind).get(key) if is_dataclass(kind) else None
    kind = hints(kind).get(key, Any) if is_dataclass(kind) else Any
    return where, f"is missing, got nothing; {_what((key,), kind, field)}"


def _what(key: Path, kind: Any, field: Field[Any] | None) -> str:
    return "the path of a file" if key == ("path",) else expected(kind, field)


def _unknown_key(key: str, node: Any, kind: Any) -> str:
    known = list(field_of(kind)) if is_dataclass(kind) else [str(k) for k in get_args(get_args(kind)[0])]
    value = node.get(key) if isinstance(node, Mapping) else None
    tag = f" of kind {node['kind']}" if isinstance(node, Mapping) and "kind" in node else ""
    return f"is an unknown key{tag}, got {shown(value)}; {suggest(key, known, 'known:')}"


def expected(kind: Any, field: Field[Any] | None) -> str:
    """What may stand somewhere, in words."""
    metadata = field.metadata if field else {}
    unit = f" ({metadata['unit']})" if metadata.get("unit") not in (None, "1", "probability") else ""
    span = f", {bounds(metadata)}" if bounds(metadata) else ""
    branches = [b for b in options(kind) if b is not type(None)]
    if kind == BySegment:
        return f"a number{unit}{span}, or one for each segment"
    if len(branches) > 1:
        return f"a mapping with kind: {', '.join(tags(kind))}"
    return _expected_one(branches[0] if branches else kind, span, unit)


def _expected_one(kind: Any, span: str, unit: str) -> str:
    if kind is float:
        return f"a number{unit}{span}"
    if kind is int:
        return f"a whole number{unit}{span}"
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if get_origin(kind) is list:
        return f"a list, each {_expected_one(get_args(kind)[0], span, unit)}"
    if get_origin(kind) is dict or is_dataclass(kind):
        return "a mapping of keys"
    return {bool: "true or false", str: "text", type(None): "null"}.get(kind, "a value")


def bounds(metadata: Mapping[str, Any]) -> str:
    """The admissible range in words; empty if there is none."""
    low, high, above = metadata.get("low"), metadata.get("high"), metadata.get("above")
    if low is not None and high is not None:
        return f"from {low:g} to {high:g}"
    parts = [
        f"above {above:g}" if above is not None else "",
        f"{low:g} or more" if low is not None else "",
        f"at most {high:g}" if high is not None else "",
    ]
    return " and ".join(part for part in parts if part)


def _hint(field: Field[Any] | None, node: Any) -> str:
    if isinstance(node, str) and node.endswith("%"):
        return "; a share, 0.3 for 30%"
    if isinstance(node, str) and node.replace(".", "", 1).isdigit():
        return "; the number without quotes and leading zeros"
    if isinstance(node, bool):
        return "; YAML reads yes, no, on and off as true and false"
    meaning = field.metadata.get("meaning") if field else None
    return f"; {meaning}" if meaning else ""


def out_of_range(places: list[Place]) -> list[Problem]:
    """Numbers outside the range that their field states."""
    problems: list[Problem] = []
    for spot in places:
        node, metadata = spot.node, spot.metadata
        if isinstance(node, bool) or not isinstance(node, int | float) or not bounds(metadata):
            continue
        low, high, above = metadata.get("low"), metadata.get("high"), metadata.get("above")
        below = (low is not None and node < low) or (above is not None and node <= above)
        if below or (high is not None and node > high):
            meaning = metadata.get("meaning", "")
            problems.append((dotted(spot.path), f"must be {bounds(metadata)}, got {shown(node)}; {meaning}"))
    return problems


def wrong_segments(places: list[Place], segments: list[str]) -> list[Problem]:
    """Mappings by segment whose keys are not the market's segments."""
    problems: list[Problem] = []
    for spot in places:
        if spot.declared != BySegment or not isinstance(spot.node, Mapping):
            continue
        for name in spot.node:
            if name not in segments:
                reason = f"is no segment, got {shown(name)}; {suggest(str(name), segments)}"
                problems.append((dotted((*spot.path, str(name))), reason))
        absent = [name for name in segments if name not in spot.node]
        if absent and not spot.metadata.get("some"):
            problems.append((dotted(spot.path), f"lacks segments, got no {', '.join(absent)}; one number for each"))
    return problems
