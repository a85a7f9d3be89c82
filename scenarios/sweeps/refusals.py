"""Points whose values the model does not take, found before anything is simulated.

Ends of ranges and listed values were checked one by one when the experiment was read. What is left is what links and
several keys make together: shares that do not sum to 1, a number of people below 0. A point is therefore only looked
at for the meaning of its configuration as a whole and for the limits of the keys that it sets, which takes a small
part of the time that building its study would.

A sweep goes on with the points that are accepted, and those that are refused become failed rows, with a warning
before the start: part of a random design is of use without its corners, and the answer for the corners is that they
cannot be. If every point is refused, the experiment itself is wrong and nothing is run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown
from scenarios.studies.build import origin
from scenarios.studies.changes import moves
from scenarios.studies.checks import over_budget, semantic_problems
from scenarios.studies.resolve import Path, Problem, Tree, follow
from scenarios.studies.schema import out_of_range, place
from scenarios.sweeps.values import point_study

if TYPE_CHECKING:
    from scenarios.studies.study import Study
    from scenarios.sweeps.points import Planned


def refusal(base: Study, config: Tree, values: Mapping[str, Any]) -> str:
    """Why the model does not take the values of a point; empty if it does.

    Parameters
    ----------
    base : Study
        Of the scenario.
    config : dict
        The configuration with the values of the point, without references.
    values : mapping
        By key.
    """
    found = next(_problems(base, config, values), None)
    return f"{found[0]}: {found[1]}" if found else ""


def _problems(base: Study, config: Tree, values: Mapping[str, Any]) -> Iterator[Problem]:
    for key in values:
        for path in _readers(base, tuple(key.split("."))):
            spot = place(config, path)
            yield from out_of_range([spot]) if spot else ()
    yield from meaning_problems(config)
    if config["market"]["first_contacts"].get("kind") == "exposure":
        yield from over_budget(config, config["market"]["accounts"])


def meaning_problems(config: Tree) -> list[Problem]:
    """What is wrong with the meaning of a configuration, its dated changes among it."""
    found = semantic_problems(config, broken=True)
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        found += moves(config)[1]
    return found


def _readers(base: Study, path: Path) -> list[Path]:
    """A key and those that take its value by a reference."""
    references = dict(base.references)
    return [path, *(reader for reader in references if origin(reader, references) == path)]


def check_points(bases: Mapping[str, Study], points: Sequence[Planned]) -> tuple[str, ...]:
    """What to say of the points that are refused; nothing if there are none.

    Raises
    ------
    InputError
        If all of them are.
    """
    refused = [point for point in points if point.refused]
    if not refused:
        return ()
    first = refused[0]
    key = _culprit(bases[first.scenario], first)
    values = ", ".join(f"{name}={shown(value)}" for name, value in first.values.items())
    if len(refused) == len(points):
        raise InputError([f"experiment.keys.{key}: makes every point wrong, got {values}; {first.refused}"])
    told = f"experiment.keys.{key}: makes {len(refused)} of {len(points)} points wrong, which become failed rows"
    return (f"{told}, got {values} at point {first.number}; {first.refused}",)


def _culprit(base: Study, point: Planned) -> str:
    """The key without whose value the point would be taken; the last one if it takes several."""
    *others, last = point.values
    for key in others:
        try:
            point_study(base.source, {**point.values, key: follow(base.config, tuple(key.split(".")))})
        except InputError:
            continue
        return key
    return last
