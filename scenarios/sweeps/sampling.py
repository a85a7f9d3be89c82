"""Points of an experiment: designs on the unit cube, and the values that they stand for.

Two uses have their own designs. To see the space: full grids, lists, Latin hypercubes (McKay, Beckman & Conover 1979)
and scrambled Sobol sequences (Owen 1998). To attribute variance: trajectories of elementary effects (Morris 1991) and
crossed samples for variance-based indices (Saltelli 2002), both in the order in which SALib analyses them; and keys
moved one at a time (``one_at_a_time``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.errors import InputError
from scenarios.sweeps import one_at_a_time
from scenarios.sweeps.ranges import Range, Values
from scenarios.sweeps.settings import ONE_AT_A_TIME
from scenarios.sweeps.spaces import Space

if TYPE_CHECKING:
    from scenarios.studies.study import Study
    from scenarios.sweeps.experiment import Experiment

TRIES = 100
"""Points of the unit cube tried for each that is asked for, before constraints are found to admit too few."""


@dataclass(frozen=True)
class Point:
    """One point of an experiment: its number, its scenario, and the values it sets, by key."""

    number: int
    scenario: str
    values: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Layout:
    """A design on the unit cube.

    Attributes
    ----------
    names : tuple of str
        One key a dimension; k shares of a whole have k - 1 dimensions, named after all but the last.
    groups : tuple of str
        What is told apart by indices: the key of the dimension, or the name of the shares it belongs to.
    unit : float array, shape (rows, dimensions)
        In the order of SALib; rows that points repeat for every scenario.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    unit: np.ndarray

    @property
    def problem(self) -> dict[str, Any]:
        """The problem as SALib takes it; with groups only where there are any of several dimensions."""
        return _problem(self.names, self.groups)


def points(experiment: Experiment) -> tuple[Point, ...]:
    """All points, every row of the design under every scenario.

    The same experiment gives the same points. Values of a grid, of a list and of a Sobol sequence stay when more are
    asked for; those of a Latin hypercube when their number is doubled.

    Raises
    ------
    InputError
        If constraints admit too few points, or a linked key has no value.
    """
    rows = list(_rows(experiment))
    found = [(scenario, row[scenario]) for scenario in experiment.scenarios for row in rows]
    return tuple(Point(number, scenario, values) for number, (scenario, values) in enumerate(found))


def rows(experiment: Experiment) -> int:
    """Rows of the design, before constraints, without making it."""
    if experiment.sampler == "grid":
        return math.prod(levels(experiment).values())
    if experiment.sampler == "list":
        return max((len(values) for values in _listed(experiment.space).values()), default=1)
    if experiment.sampler == ONE_AT_A_TIME:
        return len(one_at_a_time.rows(experiment.space, _first(experiment)))
    number, factors = experiment.base_samples, len(set(_dimensions(experiment.space)[1]))
    if number is None:
        return int(experiment.points or 0)
    if experiment.sampler == "morris":
        return number * (factors + 1)
    return number * (2 * factors + 2 if experiment.second_order else factors + 2)


def levels(experiment: Experiment) -> dict[str, int]:
    """Values of each key in a grid; ranges without levels share what its points leave, equally.

    Raises
    ------
    InputError
        If that is less than two.
    """
    free = experiment.space.free
    fixed = {key: _fixed(domain) for key, domain in free.items()}
    open_ = [key for key, number in fixed.items() if number is None]
    if not open_:
        return {key: number or 0 for key, number in fixed.items()}
    taken = math.prod(number for number in fixed.values() if number)
    each = _root((experiment.points or 0) // taken, len(open_))
    if each < 2:
        where = f"experiment.keys.{open_[0]}"
        least = taken * 2 ** len(open_)
        reason = f"has no levels in a grid, got points {experiment.points}; levels: 3, or experiment.points={least}"
        raise InputError([f"{where}: {reason}"])
    return {key: number or _fewer(free[key], each) for key, number in fixed.items()}


def layout(experiment: Experiment) -> Layout:
    """The design on the unit cube of a Latin hypercube, of Sobol points, of Morris or of Saltelli.

    Raises
    ------
    ValueError
        For a grid, a list, and keys moved one at a time, which have none.
    """
    names, groups = _dimensions(experiment.space)
    if experiment.sampler in ("grid", "list", ONE_AT_A_TIME):
        raise ValueError(f"{experiment.sampler} has no design on the unit cube")
    if experiment.base_samples is not None:
        return Layout(names, groups, _crossed(experiment, _problem(names, groups)))
    wanted = int(experiment.points or 0)
    return Layout(names, groups, next(_batches(experiment, len(names)))[:wanted])


def _rows(experiment: Experiment) -> Iterator[dict[str, dict[str, Any]]]:
    """Values of each row by scenario, constraints kept."""
    if experiment.sampler in ("grid", "list"):
        yield from _listed_rows(experiment)
    elif experiment.sampler == ONE_AT_A_TIME:
        moved = one_at_a_time.rows(experiment.space, _first(experiment))
        yield from (_by_scenario(experiment, chosen) for chosen in moved)
    elif not experiment.space.constraints:
        yield from (_by_scenario(experiment, _chosen(experiment.space, u)) for u in layout(experiment).unit)
    else:
        yield from _kept_rows(experiment)


def _first(experiment: Experiment) -> Study:
    """The study of the first scenario, whose values are the base."""
    return next(iter(experiment.studies.values()))


def _listed_rows(experiment: Experiment) -> Iterator[dict[str, dict[str, Any]]]:
    listed = _listed(experiment.space, levels(experiment) if experiment.sampler == "grid" else {})
    combined = itertools.product if experiment.sampler == "grid" else zip
    kept = 0
    for number, row in enumerate(combined(*listed.values()) if listed else [()]):
        found = _by_scenario(experiment, dict(zip(listed, row, strict=True)))
        if _holds(experiment.space, found):
            kept += 1
            yield found
        elif experiment.sampler == "list":
            reason = f"do not hold at point {number} of the list, got {found[experiment.scenarios[0]]}; another value"
            raise InputError([f"experiment.constraints: {reason}"])
    if not kept:
        raise InputError(["experiment.constraints: admit no point of the grid, got 0; other levels"])


def _kept_rows(experiment: Experiment) -> Iterator[dict[str, dict[str, Any]]]:
    """The first points of a sequence that keep the constraints."""
    wanted, kept, tried = int(experiment.points or 0), 0, 0
    for batch in _batches(experiment, len(_dimensions(experiment.space)[0])):
        for u in batch[tried:]:
            found = _by_scenario(experiment, _chosen(experiment.space, u))
            if _holds(experiment.space, found):
                kept += 1
                yield found
            if kept == wanted:
                return
        tried = len(batch)
        if tried >= TRIES * wanted:
            got = f"{kept} of {tried} tried"
            raise InputError([f"experiment.constraints: admit too few points, got {got}; wider ranges or a link"])


def _batches(experiment: Experiment, dimensions: int) -> Iterator[np.ndarray]:
    """Designs of ever twice as many points, each of which begins with the one before."""
    if experiment.sampler == "lhs":
        yield from _hypercubes(int(experiment.points or 0), dimensions, experiment.seed)
        return
    from scipy.stats import qmc

    sequence = qmc.Sobol(dimensions, rng=experiment.seed)
    found = sequence.random(int(experiment.points or 0))
    while True:
        yield found
        found = np.vstack([found, sequence.random(len(found))])


def _hypercubes(number: int, dimensions: int, seed: int) -> Iterator[np.ndarray]:
    """Latin hypercubes of ``number``, 2 ``number``, ... points, nested.

    A hypercube is doubled by one point in every half interval that is empty (Sallaberry, Helton & Hora 2008, with
    independent pairing). It begins at the odd part of the number, so that 64 points are half of 128.
    """
    from scipy.stats import qmc

    odd = number // (number & -number)
    cube = qmc.LatinHypercube(dimensions, rng=seed)
    unit = cube.random(odd)
    while True:
        if len(unit) >= number:
            yield unit
        unit = _doubled(unit, cube.rng)


def _doubled(unit: np.ndarray, random: np.random.Generator) -> np.ndarray:
    cells = 2 * len(unit)
    added = np.empty_like(unit)
    for dimension, column in enumerate(unit.T):
        empty = np.setdiff1d(np.arange(cells), np.minimum(np.floor(column * cells).astype(int), cells - 1))
        added[:, dimension] = (random.permutation(empty) + random.random(len(empty))) / cells
    return np.vstack([unit, added])


def _crossed(experiment: Experiment, problem: dict[str, Any]) -> np.ndarray:
    """The design of elementary effects or of variance-based indices, as SALib makes it."""
    number = int(experiment.base_samples or 0)
    if experiment.sampler == "morris":
        from SALib.sample.morris import sample

        found: np.ndarray = sample(problem, number, num_levels=experiment.levels, seed=experiment.seed)
        return found
    from SALib.sample.sobol import sample as saltelli

    crossed: np.ndarray = saltelli(problem, number, calc_second_order=experiment.second_order, seed=experiment.seed)
    return crossed


def _problem(names: Sequence[str], groups: Sequence[str]) -> dict[str, Any]:
    problem: dict[str, Any] = {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}
    return problem | {"groups": list(groups)} if tuple(groups) != tuple(names) else problem


def _dimensions(space: Space) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Key and group of every dimension of the unit cube."""
    pairs = [(key, key) for key in space.free]
    pairs += [(key, group.name) for group in space.shares for key in group.keys[:-1]]
    return tuple(name for name, _ in pairs), tuple(group for _, group in pairs)


def _chosen(space: Space, unit: np.ndarray) -> dict[str, Any]:
    """Values of the sampled keys at a point of the unit cube."""
    u = [float(part) for part in unit]
    chosen = {key: domain.at(part) for (key, domain), part in zip(space.free.items(), u, strict=False)}
    first = len(chosen)
    for group in space.shares:
        last = first + len(group.keys) - 1
        chosen |= group.at(u[first:last])
        first = last
    return chosen


def _by_scenario(experiment: Experiment, chosen: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {scenario: experiment.space.complete(scenario, chosen) for scenario in experiment.scenarios}


def _holds(space: Space, row: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a row keeps the constraints in every scenario, so that scenarios have the same rows."""
    return all(space.holds(scenario, values) for scenario, values in row.items())


def _listed(space: Space, number: Mapping[str, int] | None = None) -> dict[str, tuple[Any, ...]]:
    """Values of every key, one by one."""
    return {
        key: domain.values if isinstance(domain, Values) else domain.spread((number or {}).get(key, 2))
        for key, domain in space.free.items()
    }


def _fixed(domain: Values | Range) -> int | None:
    """How many values a key says it has in a grid; None where it leaves that open."""
    if isinstance(domain, Values):
        return len(domain.values)
    return None if domain.levels is None else _fewer(domain, domain.levels)


def _fewer(domain: Values | Range, number: int) -> int:
    """Values of a key when a grid asks for so many; there may be fewer whole numbers."""
    whole = isinstance(domain, Range) and domain.integer
    return len(domain.spread(min(number, int(domain.high - domain.low) + 1))) if whole else number  # type: ignore[union-attr]


def _root(number: int, power: int) -> int:
    """The largest whole number whose power is at most ``number``."""
    root = round(number ** (1 / power)) if number > 0 else 0
    return root if root**power <= number else root - 1
