"""The scan of raw YAML: what goes wrong before any parser of configurations sees a value.

A user's file is data. The scan refuses what would run code, reach outside or explode (tags, anchors, foreign
resolvers, size), and what YAML quietly turns into something else (``no``, ``010``, ``12:30:45``, duplicate keys).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from scenarios.errors import bad_name, shown

MAX_BYTES = 2**20
MAX_DEPTH = 32
MAX_NODES = 100_000

REFERENCE = re.compile(r"\$\{([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\}")
"""The only interpolation there is: a whole value that refers to another key by its full name."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OCTAL = re.compile(r"[-+]?0[0-9]+")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_WORD = re.compile(r"(yes|no|on|off)", re.IGNORECASE)
_NOT_FINITE = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)
_HYDRA = re.compile(r"\bhydra\b")
_PACKAGE = re.compile(r"^#\s*@package\s+(\S+)", re.MULTILINE)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def scan_file(path: Path, where: str) -> list[str]:
    """Problems of one YAML file, each ``where:line: ...``; an empty list if there are none."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return [f"{where}: is too large, got {path.stat().st_size} bytes; at most {MAX_BYTES}"]
        return scan_bytes(path.read_bytes(), where)
    except OSError as error:
        return [f"{where}: cannot be read, got {error.strerror}; a readable file"]


def scan_bytes(raw: bytes, where: str) -> list[str]:
    """Problems of the content of one YAML file."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return [f"{where}: is not UTF-8, got UTF-16; save it as UTF-8"]
    if b"\0" in raw:
        return [f"{where}: is not text, got NUL bytes; a YAML file in UTF-8"]
    if raw.startswith(b"\xef\xbb\xbf"):
        return [f"{where}: begins with a byte order mark, got UTF-8 with BOM; save it as UTF-8 without BOM"]
    try:
        return scan_text(raw.decode("utf-8"), where)
    except UnicodeDecodeError as error:
        return [f"{where}: is not UTF-8, got byte 0x{raw[error.start]:02x} at {error.start}; save it as UTF-8"]


def scan_text(text: str, where: str) -> list[str]:
    """Problems of YAML text."""
    try:
        problems = [*_bounds(text, where), *_package(text, where)]
        return problems or list(_content(yaml.compose(text, Loader=_LOADER), where))
    except yaml.MarkedYAMLError as error:
        return [_syntax(text, where, error)]
    except yaml.YAMLError as error:
        return [f"{where}: is not YAML, got {shown(str(error).splitlines()[0])}; plain YAML text"]


def _syntax(text: str, where: str, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines()
    line = mark.line if mark else 0
    content = lines[line] if line < len(lines) else ""
    if "\t" in content[: len(content) - len(content.lstrip())]:
        return f"{where}:{line + 1}: is indented with a tab, got {shown(content)}; indent with spaces"
    return f"{where}:{line + 1}: is not YAML ({error.problem}), got {shown(content.strip())}; check the syntax"


def _package(text: str, where: str) -> list[str]:
    return [
        f"{where}: writes into another package, got @package {shown(name)}; @package _global_ or none"
        for name in _PACKAGE.findall(text)
        if name not in ("_global_", "_group_")
    ]


def _bounds(text: str, where: str) -> list[str]:
    """What must hold before a tree of nodes is built: bounded, one document, no anchors, no tags."""
    problems, depth, nodes, documents = [], 0, 0, 0
    for event in yaml.parse(text, Loader=_LOADER):
        at = f"{where}:{event.start_mark.line + 1}"
        nodes += isinstance(event, yaml.NodeEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.NodeEvent) and event.anchor:
            problems.append(f"{at}: has an anchor or alias, got {shown(event.anchor)}; write the value out")
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag:
            problems.append(f"{at}: has a tag, got {shown(event.tag)}; plain values")
        if depth > MAX_DEPTH:
            return [*problems, f"{at}: is nested too deep, got more than {MAX_DEPTH} levels; flatter mappings"]
        if nodes > MAX_NODES:
            return [*problems, f"{at}: has too many values, got more than {MAX_NODES}; a smaller file"]
    if documents > 1:
        problems.append(f"{where}: holds several documents, got {documents}; one, without ---")
    return problems


def _content(root: yaml.Node | None, where: str) -> Iterator[str]:
    if root is None or (isinstance(root, yaml.ScalarNode) and not root.value):
        yield f"{where}: is empty, got nothing; a mapping of keys, or {{}}"
    elif not isinstance(root, yaml.MappingNode):
        kind = "a list" if isinstance(root, yaml.SequenceNode) else shown(root.value)
        yield f"{where}: must be a mapping at the top, got {kind}; key: value"
    else:
        yield from _mapping(root, where, "")


def _mapping(node: yaml.MappingNode, where: str, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else "?"
        at, full = f"{where}:{key.start_mark.line + 1}", f"{path}.{name}".lstrip(".")
        if name in seen:
            yield f"{at}: {full}: is given twice, got {shown(name)} again; one of the two"
        seen.add(name)
        yield from _key(key, at, full)
        if full == "defaults":
            yield from _defaults(value, where)
        else:
            yield from _value(value, where, full)


def _key(node: yaml.Node, at: str, full: str) -> Iterator[str]:
    if not isinstance(node, yaml.ScalarNode):
        yield f"{at}: {full}: a key must be text, got a list or mapping; a name"
    elif node.tag != "tag:yaml.org,2002:str" and not _DAY.fullmatch(node.value):
        yield f"{at}: {full}: a key must be text, got {shown(node.value)}; put it in quotes"
    elif node.value.startswith("_"):
        yield f"{at}: {full}: is not allowed, got {shown(node.value)}; configurations are data and run nothing"
    elif full == "hydra" or full.startswith("hydra/"):
        yield f"{at}: {full}: is not allowed, got a node of Hydra's own; settings of the study only"
    elif reason := bad_name(node.value):
        yield f"{at}: {full}: {reason}"


def _defaults(node: yaml.Node, where: str) -> Iterator[str]:
    """A defaults list may choose options of groups, nothing else."""
    if not isinstance(node, yaml.SequenceNode):
        yield f"{where}:{node.start_mark.line + 1}: defaults: must be a list, got a mapping or text; - group: option"
        return
    for scalar in _scalars(node):
        text = scalar.value
        if _HYDRA.search(text) or "${" in text or ".." in text:
            at = f"{where}:{scalar.start_mark.line + 1}"
            yield f"{at}: defaults: is not allowed, got {shown(text)}; - override /group: option"


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item)
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            for item in pair:
                yield from _scalars(item)


def _value(node: yaml.Node, where: str, path: str) -> Iterator[str]:
    if isinstance(node, yaml.MappingNode):
        yield from _mapping(node, where, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _value(item, where, f"{path}.{index}")
    elif isinstance(node, yaml.ScalarNode):
        reason = _scalar(node)
        if reason:
            yield f"{where}:{node.start_mark.line + 1}: {path}: {reason}"


def _scalar(node: yaml.ScalarNode) -> str:
    text, got = node.value, shown(node.value)
    if "${" in text and not REFERENCE.fullmatch(text):
        return f"refers to what is not a key, got {got}; a whole value ${{group.key}}"
    if node.style:
        return ""
    if _WORD.fullmatch(text):
        return f"YAML reads this as true or false, got {text}; true, false, or quotes around the word"
    if _OCTAL.fullmatch(text):
        return f"begins with a zero (YAML reads an octal number), got {text}; {int(text)}, or quotes around it"
    if _SEXAGESIMAL.fullmatch(text):
        return f"YAML reads this as a number to base 60, got {text}; quotes around it"
    if _NOT_FINITE.fullmatch(text):
        return f"must be a finite number, got {text}; a number"
    return ""
