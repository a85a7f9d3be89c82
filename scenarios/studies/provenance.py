"""Where every number comes from: the register of inputs, read from the comments beside the numbers.

A number carries ``# unit; source; [low, high]; meaning`` at the end of its line, or inherits the comment of an
enclosing key. ``source`` is a reference, or one of the words ``assumption`` (the range is then mandatory),
``calibrated`` and ``convention``. Effects carry ``range`` and ``evidence`` as keys instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, TypedDict

import yaml

from scenarios.studies.build import numbers, origin
from scenarios.studies.resolve import Path, dotted
from scenarios.studies.schema import Place, walk

if TYPE_CHECKING:
    from scenarios.studies.study import Layer, Study

WORDS = {
    "assumption": "assumed",
    "practitioners range": "assumed",
    "calibrated": "calibrated",
    "convention": "convention",
}
"""How a source begins that is no reference, and the origin it gives a number."""

OVERRIDDEN = "set by an override"
EFFECT_UNIT = "logit or log per unit of the signal"

_RANGE = re.compile(r"\[\s*([-+0-9.eE_]+)\s*,\s*([-+0-9.eE_]+)\s*\]")
_NUMBER = re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Input(TypedDict):
    """One row of ``inputs.csv``."""

    key: str
    value: float | bool
    unit: str
    origin: str
    source: str
    low: float | None
    high: float | None
    meaning: str


@dataclass(frozen=True)
class Note:
    """What a comment says of a number."""

    unit: str
    source: str
    low: float | None = None
    high: float | None = None
    meaning: str = ""

    @property
    def origin(self) -> str:
        """Sourced, assumed, calibrated or convention."""
        return next((origin for word, origin in WORDS.items() if self.source.startswith(word)), "sourced")


@dataclass(frozen=True)
class Leaf:
    """A scalar of a YAML file: its path there, its text, its line, and what is said of it."""

    path: Path
    text: str
    line: int
    is_number: bool
    note: Note | None


def parse_note(comment: str) -> Note | None:
    """The parts of a comment; None if it is not of the grammar."""
    parts = [part.strip() for part in comment.split(";")]
    if len(parts) < 2 or not parts[0] or not parts[1]:
        return None
    found = _RANGE.fullmatch(parts[2]) if len(parts) > 2 else None
    meaning = "; ".join(parts[3:] if found else parts[2:])
    low, high = (float(found[1]), float(found[2])) if found else (None, None)
    return Note(parts[0], parts[1], low, high, meaning)


def read_leaves(text: str) -> list[Leaf]:
    """Every scalar of YAML text with its note, the defaults list left out."""
    root = yaml.compose(text, Loader=_LOADER)
    if not isinstance(root, yaml.MappingNode):
        return []
    return list(_leaves(root, (), _comments(text), None))


def gaps(text: str) -> list[str]:
    """Numbers without unit and source, and assumptions without range: ``line: key: what is missing``."""
    found = []
    for leaf in read_leaves(text):
        if not leaf.is_number:
            continue
        if leaf.note is None:
            found.append(f"{leaf.line}: {dotted(leaf.path)}: {leaf.text} has no unit and source")
        elif leaf.note.source == "assumption" and leaf.note.low is None:
            found.append(f"{leaf.line}: {dotted(leaf.path)}: {leaf.text} is an assumption without [low, high]")
    return found


def register(study: Study) -> list[Input]:
    """Every number of a study, in the order of its configuration."""
    return [row for row in rows(study) if not isinstance(row["value"], bool)]


def rows(study: Study) -> Iterator[Input]:
    """Every number and switch of a study with its provenance; effects on what the business lacks are left out."""
    notes = _notes(study.layers)
    places = {spot.path: spot for spot in walk(study.config)}
    for path, value in numbers(study.config):
        if path[0] == "effects" and (path[-2] == "range" or path[1] not in study.timeline.spec.effects):
            continue
        source = origin(path, dict(study.references))
        note, yours = _of(source, notes, study)
        yield _row(path, value, note, yours, places.get(path))


def _of(path: Path, notes: Mapping[Path, tuple[Note | None, str]], study: Study) -> tuple[Note | None, str]:
    """What is said of a key, and the user's own source of it if there is one."""
    note, own = _nearest(path, notes)
    if dotted(path) == "market.accounts" and "market.first_contacts.path" in study.files:
        own = "rows of the file of first contacts"
    if path[:2] == ("policy", "desks") and path[3:] == ("heads",) and _of_staff(path[2], study):
        own = "people of the staff file"
    if path[3:4] == ("budget",) and path not in notes and "policy.budgets.path" in study.files:
        own = "file of budgets"
    if any(path == s or path[: len(s)] == s for s in study.set_paths):
        own = OVERRIDDEN
    return note, own


def _of_staff(desk: str, study: Study) -> bool:
    """Whether the people of a desk are those of a staff file."""
    stated = study.taken.stated if study.taken else ()
    told = {each.dimension: each.value for each in stated if each.quantity == "headcount"}
    return desk in told and study.timeline.spec.policy.desks[desk].heads == told[desk]


def _nearest(path: Path, notes: Mapping[Path, tuple[Note | None, str]]) -> tuple[Note | None, str]:
    """The note of a key; where it has none, of the value that stood above or below it in a file."""
    for length in range(len(path), 0, -1):
        if path[:length] in notes:
            return notes[path[:length]]
    below = next((found for key, found in notes.items() if key[: len(path)] == path), None)
    return below or (None, "")


def _row(path: Path, value: Any, note: Note | None, own: str, spot: Place | None) -> Input:
    metadata = spot.metadata if spot else {}
    note = note or Note("", "")
    return Input(
        key=dotted(path),
        value=value,
        unit=note.unit if note.unit not in ("", "as named") else str(metadata.get("unit", "")),
        origin="yours" if own else note.origin if note.source else "assumed",
        source=": ".join(part for part in (own, note.source if own != OVERRIDDEN else "") if part),
        low=note.low,
        high=note.high,
        meaning=note.meaning or str(metadata.get("meaning", "")),
    )


def _notes(layers: tuple[Layer, ...]) -> dict[Path, tuple[Note | None, str]]:
    """Notes by full key, later files over earlier ones."""
    found: dict[Path, tuple[Note | None, str]] = {}
    for layer in layers:
        file = FilePath(layer.file)
        package = tuple(layer.package.split(".")) if layer.package else ()
        for leaf in read_leaves(file.read_text(encoding="utf-8")):
            path = (*package, *leaf.path)
            earlier = found.get(path, (None, ""))[0]
            found[path] = (leaf.note or earlier, file.name if layer.yours else "")
    return found


def _leaves(node: yaml.Node, path: Path, comments: dict[int, Note], above: Note | None) -> Iterator[Leaf]:
    note = _own(node, comments) or above
    if isinstance(node, yaml.ScalarNode):
        plain = not node.style and bool(_NUMBER.fullmatch(node.value))
        yield Leaf(path, node.value, node.start_mark.line + 1, plain, note)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _leaves(item, (*path, str(index)), comments, note)
    elif isinstance(node, yaml.MappingNode):
        effect = _effect(node, comments)
        for key, value in node.value:
            if path or key.value != "defaults":
                here = effect or comments.get(key.start_mark.line) or note
                yield from _below(value, (*path, key.value), comments, here, effect)


def _below(
    node: yaml.Node, path: Path, comments: dict[int, Note], above: Note | None, effect: Note | None
) -> Iterator[Leaf]:
    """Leaves of the value of a key; inside an effect all have its note."""
    for leaf in _leaves(node, path, comments, above):
        yield replace(leaf, note=effect) if effect else leaf


def _own(node: yaml.Node, comments: dict[int, Note]) -> Note | None:
    """The comment on the line of a scalar, or where a bracket opens or closes."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        return None
    return comments.get(node.start_mark.line) or comments.get(node.end_mark.line)


def _effect(node: yaml.MappingNode, comments: dict[int, Note]) -> Note | None:
    """The note that ``range`` and ``evidence`` of an effect make, with unit and meaning of its comment."""
    keys = {key.value: value for key, value in node.value}
    if not {"strength", "range", "evidence"} <= set(keys):
        return None
    note = comments.get(keys["strength"].start_mark.line)
    ends = [item.value for item in _scalars(keys["range"])]
    low, high = map(float, ends) if len(ends) == 2 and all(map(_NUMBER.fullmatch, ends)) else (None, None)
    evidence = [item.value for item in _scalars(keys["evidence"])]
    source = "assumption" if evidence == ["assumption"] else ", ".join(evidence)
    return Note(note.unit if note else EFFECT_UNIT, source, low, high, note.meaning if note else "")


def _scalars(node: yaml.Node) -> list[yaml.ScalarNode]:
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return [item for item in items if isinstance(item, yaml.ScalarNode)]


def _comments(text: str) -> dict[int, Note]:
    """Comments of the grammar by line, counted from 0; what looks like one inside a value is none."""
    last: dict[int, int] = {}
    for token in yaml.scan(text, Loader=_LOADER):
        mark = token.end_mark
        last[mark.line] = max(mark.column, last.get(mark.line, 0))
    found = {}
    for number, line in enumerate(text.splitlines()):
        rest = line[last.get(number, 0) :].strip()
        note = parse_note(rest[1:]) if rest.startswith("#") and number in last else None
        if note:
            found[number] = note
    return found
