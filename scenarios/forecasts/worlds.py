"""Worlds drawn from what is not known: every assumed input of market, business and effects within its stated range.

Inputs of the policy are left as they are: a company knows its own prices, budgets and teams, whatever their origin. So
are inputs without a range, and those that are set by an override or a file of the user's own. Each is drawn
uniformly; shares of one whole are then divided by their sum. A draw that a check of the study refuses is made again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.errors import InputError
from scenarios.studies.resolve import Path, Tree, assign, follow
from scenarios.studies.schema import place
from sim.spec.fields import BySegment

if TYPE_CHECKING:
    import pandas as pd

    from scenarios.studies.study import Study

REPLICATIONS = 2
"""Replications of each world: the fewest that tell chance from parameters."""

TRIES = 100
"""Draws of one world after which it is given up: the ranges then contradict each other."""

NOT_OURS = ("market", "business", "effects")
SHARE = "share"


@dataclass(frozen=True)
class Unknown:
    """An input with the range in which it lies."""

    path: Path
    low: float
    high: float
    whole: bool


@dataclass(frozen=True, eq=False)
class World:
    """A study with drawn inputs, and the folder of its run."""

    study: Study
    folder: FilePath


def unknowns(inputs: Iterable[Mapping[str, Any]], source: Tree, config: Tree) -> list[Unknown]:
    """Assumed inputs with a range that are literal numbers of a configuration.

    Parameters
    ----------
    inputs : iterable of mapping
        Rows of ``inputs.csv``: key, origin, low, high.
    source, config : dict
        The configuration with its references in place, and without: what refers to another key follows it.
    """
    found = []
    for row in inputs:
        path = tuple(str(row["key"]).split("."))
        if (
            row["origin"] != "assumed"
            or path[0] not in NOT_OURS
            or row["low"] in ("", None)
            or row["high"] in ("", None)
        ):
            continue
        low, high, value = float(row["low"]), float(row["high"]), _literal(source, path)
        if value is not None and low < high:
            spot = place(config, path)
            real = spot is not None and spot.declared in (float, BySegment)
            found.append(Unknown(path, low, high, isinstance(value, int) and not real))
    return found


def _literal(source: Tree, path: Path) -> float | None:
    try:
        value = follow(source, path)
    except KeyError:
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def draw_study(study: Study, found: list[Unknown], rng: np.random.Generator) -> tuple[Study, int]:
    """A study with all unknown inputs drawn, and how many draws were refused before.

    Raises
    ------
    InputError
        If ``TRIES`` draws were refused, with what was wrong with the last.
    """
    from scenarios.studies.study import restore

    for refused in range(TRIES):
        try:
            return restore(drawn(study.source, found, rng), study.overrides), refused
        except InputError as error:
            problems = error.problems
    raise InputError([f"forecast.truth.worlds: {TRIES} draws were refused; the last one: {problems[0]}"])


def drawn(source: Tree, found: list[Unknown], rng: np.random.Generator) -> Tree:
    """A configuration with these inputs drawn."""
    values = {each.path: _draw(each, rng) for each in found}
    wholes: defaultdict[Path, list[Path]] = defaultdict(list)
    for path in values:
        if path[-1] == SHARE:
            wholes[path[:-2]].append(path)
    for paths in wholes.values():
        total, before = (sum(float(part) for part in parts) for parts in (
            [values[path] for path in paths], [follow(source, path) for path in paths]
        ))  # fmt: skip
        values |= {path: float(values[path]) * before / total for path in paths}
    tree = deepcopy(source)
    for path, value in values.items():
        assign(tree, path, value)
    return tree


def _draw(each: Unknown, rng: np.random.Generator) -> float:
    if each.whole:
        return int(rng.integers(round(each.low), round(each.high), endpoint=True))
    return float(rng.uniform(each.low, each.high))


def draw_worlds(
    study: Study, found: list[Unknown], number: int, out: FilePath, rng: np.random.Generator
) -> tuple[list[World], int]:
    """Studies with drawn inputs, each with a seed of its own, and how many draws were refused.

    Parameters
    ----------
    study : Study
    found : list of Unknown
    number : int
        Worlds.
    out : Path
        Their run folders lie in it.
    rng : numpy.random.Generator
    """
    worlds, refused = [], 0
    for world in range(number):
        chosen, again = draw_study(study, found, rng)
        seeded = _seeded(chosen, study.seed + 1 + world)
        worlds.append(World(seeded, out / f"{world:04d}"))
        refused += again
    return worlds, refused


def _seeded(study: Study, seed: int) -> Study:
    """The study under another seed, so that no two worlds share their noise; processes are not nested."""
    here = {"backend": "local", "workers": 1, "address": None, "timeout": None}
    changed = {"seed": seed, "progress": False, "execution": study.config["execution"] | here}
    return replace(study, config=study.config | changed, source=study.source | changed)


def run_world(world: World) -> pd.DataFrame:
    """Simulate a world; its metrics.

    Raises
    ------
    InputError
        If a replication failed.
    """
    from scenarios.comparisons.pairs import metrics_of, run_quietly

    failures = run_quietly(world.study, world.folder, REPLICATIONS, tables=())
    if failures:
        raise InputError([f"{world.folder}: a replication failed, got {failures[0]['message']}; fewer worlds"])
    return metrics_of(world.folder, REPLICATIONS)
