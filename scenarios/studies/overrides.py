"""Overrides: ``key=value`` from a command line or from Python, read and checked before anything is composed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scenarios.errors import bad_name, shown
from scenarios.studies.raw import MAX_DEPTH
from scenarios.studies.resolve import Path

GROUPS = (
    "business",
    "market",
    "policy",
    "scenario",
    "effects",
    "forecast",
    "execution",
    "report",
    "compare",
    "opening",
)
"""Groups of the configuration: ``group=name`` chooses the file ``conf/group/name.yaml``."""

MAX_LENGTH = 2**16
_KEY = re.compile(r"\+{0,2}[A-Za-z0-9._-]+")
_DATED = re.compile(r"[0-9]+(-[0-9]+)+")
"""A part of a key that is a date or a month: Hydra knows such keys within mappings only."""
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Setting:
    """One override.

    Attributes
    ----------
    text : str
        As the user wrote it.
    path : tuple of str
        The key; of length 1 for a group.
    action : {"choose", "set", "delete"}
        Whether it chooses an option of a group, sets a value or deletes a key.
    value
        Names of options (a list) or the value.
    """

    text: str
    path: Path
    action: Literal["choose", "set", "delete"]
    value: Any = None


def read_overrides(texts: Sequence[str]) -> tuple[list[Setting], list[str]]:
    """Overrides in their order, and what is wrong with them."""
    settings, problems = [], []
    for text in texts:
        found = _read(text)
        if isinstance(found, str):
            problems.append(found)
        else:
            settings.append(found)
    return settings, problems


def override_text(key: str, value: Any) -> str:
    """An override as one would write it on a command line."""
    return _nested(f"{key}={_written(value)}")


def _nested(text: str) -> str:
    """The override with a mapping from the first part of its key on that is a date."""
    key, equals, value = text.partition("=")
    parts = key.split(".")
    place = next((i for i, part in enumerate(parts) if i and _DATED.fullmatch(part)), 0)
    if not place or not equals:
        return text
    for part in reversed(parts[place:]):
        value = f"{{{part}: {value}}}"
    return f"{'.'.join(parts[:place])}={value}"


def _written(value: Any) -> str:
    if hasattr(value, "item") and not isinstance(value, Mapping | list | tuple):
        value = value.item()
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{k}:{_written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_written(v) for v in value) + "]"
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in ("null", "true", "false", "nan", "inf"):
        return text
    return "'" + re.sub(r"(\\*)'", r"\1\1\\'", text) + "'"


def _read(text: str) -> Setting | str:
    """The override, or what is wrong with it."""
    if reason := _unparsable(text):
        return f"override {shown(text)}: {reason}"
    text = _nested(text)
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        override = OverridesParser.create().parse_override(text)
        value = override.value()
    except (HydraException, ValueError, TypeError, RecursionError) as error:
        return f"override {shown(text)}: {_unreadable(text, str(error) or type(error).__name__)}"
    key = override.key_or_group
    if override.package is not None or "/" in key:
        return f"{key}: is no key, got {shown(text)}; group=option, or key=value with dots between the parts"
    if override.is_sweep_override():
        return f"{key}: has several values, got {shown(text)}; one value, a list as [a,b], or -m for several runs"
    if key.split(".")[0] == "hydra":
        return f"{key}: is a setting of Hydra's own, got {shown(text)}; settings of the study only"
    if override.is_delete():
        return _delete(text, key, value)
    return _choice(text, key, value) if key in GROUPS else _setting(text, key, value)


def _unreadable(text: str, detail: str) -> str:
    """Why an override cannot be read, and how it can be written."""
    value = text.partition("=")[2]
    if right := _in_quotes(text):
        return f"cannot be read without quotes, got {shown(value)}; {right}"
    right = "key=value, lists as [a,b]"
    if not value.isascii():
        right += ", text in other than Latin letters in quotes: 'a'"
    return f"cannot be read, got {shown(detail.splitlines()[0])}; {right}"


def _in_quotes(text: str) -> str:
    """The override as it would be written on a command line if text in it lacks quotes; empty if that is not it."""
    key, _, value = text.partition("=")
    whole = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    if not _KEY.fullmatch(key) or key in GROUPS or not whole or any(c in "[]{}()'\"$\\" for c in whole):
        return ""
    parts = [_written(part.strip()) for part in whole.split(",")]
    return f'"{key}={_written(value) if whole == value else "[" + ",".join(parts) + "]"}"'


def _unparsable(text: str) -> str:
    """What must not reach a parser."""
    if not isinstance(text, str) or len(text) > MAX_LENGTH:
        return f"is too long, got {len(str(text))} characters; at most {MAX_LENGTH}"
    if any(text.count(bracket) > MAX_DEPTH and _nesting(text) > MAX_DEPTH for bracket in "[{("):
        return f"is nested too deep, got over {MAX_DEPTH} levels; flatter values"
    if not text.startswith("~") and "=" not in text:
        return "has no value, got no =; key=value"
    return ""


def _nesting(text: str) -> int:
    depth = deepest = 0
    for c in text:
        depth += (c in "[{(") - (c in "]})")
        deepest = max(deepest, depth)
    return deepest


def _delete(text: str, key: str, value: Any) -> Setting | str:
    if "." not in key or value is not None:
        return f"{key}: cannot be deleted, got {shown(text)}; ~key of one entry of a mapping, without a value"
    return Setting(text, tuple(key.split(".")), "delete")


def _choice(text: str, key: str, value: Any) -> Setting | str:
    names = value if isinstance(value, list) and key == "scenario" and value else [value]
    for name in names:
        if isinstance(name, bool) or not isinstance(name, str | int):
            return f"{key}: must be the name of an option, got {shown(value)}; {key}=NAME"
        if reason := bad_name(str(name)):
            return f"{key}: {reason}"
    return Setting(text, (key,), "choose", [str(name) for name in names])


def _setting(text: str, key: str, value: Any) -> Setting | str:
    path = tuple(key.split("."))
    for part in path:
        if reason := bad_name(part):
            return f"{key}: {reason}"
    if key == "plan" and isinstance(value, str):
        path = (key, "path")
    return Setting(text, path, "set", value)
