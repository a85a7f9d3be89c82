"""Values of a point set in the configuration of its scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from scenarios.studies.overrides import override_text
from scenarios.studies.resolve import Tree, assign
from scenarios.studies.study import restore

if TYPE_CHECKING:
    from scenarios.studies.study import Study


def assigned(source: Tree, values: Mapping[str, Any]) -> Tree:
    """A copy of a configuration, references in place, in which values are set by dotted key."""
    tree = deepcopy(source)
    for key, value in values.items():
        assign(tree, tuple(key.split(".")), deepcopy(value))
    return tree


def point_study(source: Tree, values: Mapping[str, Any], overrides: Sequence[str] = ()) -> Study:
    """The study of a point.

    Raises
    ------
    InputError
        With everything that is wrong with the values.
    """
    texts = [override_text(key, value) for key, value in values.items()]
    return restore(assigned(source, values), (*overrides, *texts))
