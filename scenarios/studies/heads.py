"""People of a staff file, written into the policy: heads of the desks, and dated changes for those who come later.

What is set beside the files or by a scenario stands: a plan with another number of people is a question, and the file
is where things are today.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from scenarios.intake.rows import WHERE, read_rows
from scenarios.intake.staff import arrivals, headcount
from scenarios.studies.resolve import Path, Tree, assign, dotted, leaves, resolve
from sim.spec.opening_source import OpeningFile

if TYPE_CHECKING:
    from scenarios.studies.study import Layer

NAMES = ("product", "segment", "channel", "account", "stage")


def with_staff(tree: Tree, given: Collection[Path], layers: Collection[Layer]) -> tuple[Tree, list[str]]:
    """A configuration with the people of its staff file, and what to know of them.

    Parameters
    ----------
    tree : dict
        The configuration, references in place.
    given : collection of tuple of str
        Keys that were set beside the files.
    layers : collection of Layer
        The files of the configuration.

    Raises
    ------
    InputError
        For a staff file that cannot be used.
    """
    file = _file(tree)
    desks, start = _plain(tree, "policy", "desks"), _plain(tree, "horizon").get("start")
    if file is None or not desks or not _is_date(start):
        return tree, []
    most = _plain(tree, "market", "opening").get("max_rejected", 0.01)
    content = read_rows("staff", file, str(start), {**{name: [] for name in NAMES}, "desk": list(desks)})
    if isinstance(most, int | float):
        content.check(most)
    kept = {path[2] for path in (*given, *_of_scenarios(layers)) if path[:2] == ("policy", "desks") and _heads(path)}
    here = headcount(content.rows, list(desks))
    later = {desk: days for desk, days in arrivals(content.rows, list(desks)).items() if desk not in kept}
    tree = deepcopy(tree)
    for desk, heads in here.items():
        if desk not in kept:
            assign(tree, ("policy", "desks", desk, "heads"), heads)
    for name, change in _changes(later, str(start)):
        assign(tree, ("policy", "changes", name), change)
    return tree, [_kept(desk, heads) for desk, heads in here.items() if desk in kept]


def _kept(desk: str, heads: int) -> str:
    return f"policy.desks.{desk}.heads: is set beside {WHERE}.staff, which has {heads}; what is set stands"


def _heads(path: Path) -> bool:
    return len(path) == 4 and path[3] == "heads"


def _plain(tree: Tree, *path: str) -> Mapping[str, Any]:
    node: Any = tree
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else {}


def _file(tree: Tree) -> OpeningFile | None:
    """The staff file as the configuration names it; None if none is named, or wrongly, which is said later."""
    named = _plain(tree, "market", "opening", "staff")
    if not named:
        return None
    try:
        return TypeAdapter(OpeningFile).validate_python(resolve({**tree, "": dict(named)}).tree[""])
    except ValidationError:
        return None


def _is_date(text: Any) -> bool:
    try:
        return bool(date.fromisoformat(str(text)))
    except ValueError:
        return False


def _of_scenarios(layers: Collection[Layer]) -> Iterator[Path]:
    """Keys that scenarios set."""
    import yaml

    for layer in layers:
        file = FilePath(layer.file)
        if file.parent.name == "scenario":
            content = yaml.safe_load(file.read_text("utf-8")) or {}
            yield from (path for path, _ in leaves({k: v for k, v in content.items() if k != "defaults"}))


def _changes(later: Mapping[str, Mapping[int, int]], start: str) -> Iterator[tuple[str, Tree]]:
    """Dated changes of heads for those who come later."""
    for desk, days in later.items():
        for day, heads in days.items():
            when = (date.fromisoformat(start) + timedelta(day)).isoformat()
            key = dotted(("policy", "desks", desk, "heads"))
            yield f"staff_{desk}_{when}", {"key": key, "date": when, "value": heads}
