"""Scenarios stacked on each other: several differences at once, none of which may undo another."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from scenarios.errors import shown
from scenarios.studies.resolve import Path as Key
from scenarios.studies.resolve import dotted, leaves
from scenarios.studies.settings import CONF

GROUP = "scenario"
HEADINGS = ("label", "defaults")
"""What a scenario says of itself beside the keys it sets."""


def conflicts(names: Sequence[str], folder: Path | None, given: Collection[Key] = ()) -> list[str]:
    """Keys that two of some scenarios set to different values.

    Parameters
    ----------
    names : sequence of str
        Scenarios that exist, in the order in which they apply.
    folder : Path or None
        The user's own configuration.
    given : collection of tuple of str
        Keys that are set beside the files, which win over all scenarios.
    """
    contents = {name: _content(name, folder) for name in dict.fromkeys(names)}
    return [problem for pair in combinations(contents, 2) for problem in _between(pair, contents, given)]


def _content(name: str, folder: Path | None) -> Mapping[str, Any]:
    from omegaconf import OmegaConf

    folders = [CONF, *([folder] if folder else [])]
    file = next((path for each in folders if (path := each / GROUP / f"{name}.yaml").is_file()), None)
    found: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=False) if file else {}
    return {key: value for key, value in (found or {}).items() if key not in HEADINGS}


def _between(pair: tuple[str, str], contents: Mapping[str, Mapping[str, Any]], given: Collection[Key]) -> list[str]:
    first, second = (dict(leaves(contents[name])) for name in pair)
    problems = []
    for key, value in second.items():
        other = next((path for path in first if path[: len(key)] == key or key[: len(path)] == path), None)
        if other is None or (other == key and first[other] == value):
            continue
        if any(key[: len(path)] == path for path in given):
            continue
        problems.append(
            f"{GROUP}: {pair[0]} and {pair[1]} both set {dotted(key)}, got {shown(first[other])} and {shown(value)}; "
            f"one of them, or {dotted(key)}=VALUE beside both"
        )
    return problems
