"""Part of a YAML text as it stands, comments included: the lines of some keys and of the keys above them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def excerpt(text: str, wanted: Sequence[str]) -> str:
    """Lines of a YAML text that hold what is wanted.

    Parameters
    ----------
    text : str
        YAML whose mappings are indented; values in brackets or quotes are taken as they stand.
    wanted : sequence of str
        Keys with all that is below them, as ``desks.*.heads``; ``*`` stands for any one name.

    Returns
    -------
    str
        Ends with a newline; empty where nothing is wanted that the text has.
    """
    root = yaml.compose(text, Loader=_LOADER)
    patterns = [tuple(pattern.split(".")) for pattern in wanted]
    kept = set(_lines(root, (), patterns)) if isinstance(root, yaml.MappingNode) else set()
    return "".join(f"{line}\n" for number, line in enumerate(text.splitlines()) if number in kept)


def _lines(node: yaml.MappingNode, path: tuple[str, ...], patterns: Sequence[tuple[str, ...]]) -> Iterator[int]:
    """Numbers of the lines of a mapping that are wanted."""
    for key, value in node.value:
        here = (*path, key.value)
        if _inside(value):
            below = list(_lines(value, here, patterns))
            yield from ([key.start_mark.line, *below] if below else [])
        elif any(_within(here, pattern) for pattern in patterns):
            yield from range(key.start_mark.line, value.end_mark.line + 1)


def _inside(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode) and not node.flow_style


def _within(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a key is what a pattern names, or lies below it."""
    return len(path) >= len(pattern) and all(map(fnmatchcase, path, pattern))
