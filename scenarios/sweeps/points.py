"""Points of an experiment as studies: each knows what it is by its values, and what its results are kept under.

A scenario is composed once; a point sets its values in the composed tree, references in place, so that whatever
refers to a changed key follows. Nothing is composed again for a point.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Protocol

from scenarios.errors import InputError
from scenarios.studies.digest import json_digest
from scenarios.studies.overrides import override_text
from scenarios.studies.resolve import Tree, assign, follow, resolve
from scenarios.studies.study import restore, study_digest

if TYPE_CHECKING:
    from scenarios.studies.study import Study
    from scenarios.sweeps.experiment import Experiment

ENGINE = ("sim", "analysis/metrics", "analysis/tables.py")
"""Code that shapes the figures of a replication."""

SHORT = ("quarter", "month")
"""Periods that are kept only if they are asked for."""


class Drawn(Protocol):
    """A point as a sampler gives it."""

    @property
    def number(self) -> int: ...

    @property
    def scenario(self) -> str: ...

    @property
    def values(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, eq=False)
class Planned:
    """A point with what identifies it.

    Attributes
    ----------
    number : int
        Its place in the experiment.
    scenario : str
    values : dict
        By key.
    digest : str
        Of its configuration: equal for points that are the same study.
    key : str
        Digest of that, of the code of the engine and of the content of input files: what results are kept under.
    """

    number: int
    scenario: str
    values: Mapping[str, Any]
    digest: str
    key: str


@dataclass(frozen=True)
class Asked:
    """What is wanted of every point.

    Attributes
    ----------
    replications : int
        The first ones under a precision.
    precision : dict or None
        ``metric`` with ``relative`` or ``absolute``.
    metrics : tuple of str
        Metrics of the tables; all if there are none.
    periods : tuple of str
        Of ``horizon``, ``fiscal_year``, ``quarter`` and ``month``.
    runs, reports : bool
        Whether run folders of the points are kept, and reports in them.
    """

    replications: int
    precision: Mapping[str, Any] | None = None
    metrics: tuple[str, ...] = ()
    periods: tuple[str, ...] = ("horizon",)
    runs: bool = False
    reports: bool = False


@dataclass(frozen=True, eq=False)
class Design:
    """What a sweep does.

    Attributes
    ----------
    name : str
        Of the experiment.
    base : Study
        The study without scenario and values: a folder belongs to it.
    bases : dict
        By scenario: the study in which the values of a point are set.
    points : tuple of Planned
    asked : Asked
    settings : dict
        The experiment as its file and the command line have it.
    warnings : tuple of str
        What is possible and probably not meant.
    """

    name: str
    base: Study
    bases: Mapping[str, Study]
    points: tuple[Planned, ...]
    asked: Asked
    settings: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys that a point sets, in their order."""
        return tuple(dict.fromkeys(key for point in self.points for key in point.values))

    @property
    def detail(self) -> tuple[str, ...]:
        """Periods shorter than a fiscal year that are wanted."""
        return tuple(period for period in self.asked.periods if period in SHORT)

    @property
    def digest(self) -> str:
        """Of everything that shapes the tables of the sweep."""
        points = [(p.number, p.scenario, p.key, dict(p.values)) for p in self.points]
        return json_digest([self.name, points, asdict(self.asked)])


def planned(bases: Mapping[str, Study], points: Iterable[Drawn], detail: Sequence[str] = ()) -> tuple[Planned, ...]:
    """Points with their digests.

    Parameters
    ----------
    bases : mapping
        Studies by scenario.
    points : iterable
        As a sampler gives them: number, scenario, values.
    detail : sequence of str
        Periods shorter than a fiscal year that are kept too; other figures are kept under other keys.
    """
    found = []
    for point in points:
        base = bases[point.scenario]
        tree = assigned(base.source, point.values)
        digest = study_digest(resolve(tree).tree, {})
        key = json_digest([digest, engine_version(), dict(_files(base, tree)), list(detail)])
        found.append(Planned(point.number, point.scenario, dict(point.values), digest, key))
    return tuple(found)


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


def _files(base: Study, tree: Tree) -> Mapping[str, str]:
    """Digests of the input files of a point: those of its base unless it reads others."""
    paths = [tuple(key.split(".")) for key in base.files]
    try:
        same = all(follow(tree, path) == follow(base.source, path) for path in paths)
        traced = "path" in follow(tree, ("market", "first_contacts"))
        return base.files if same and bool(base.files) == traced else restore(tree).files
    except (InputError, KeyError, TypeError):
        return {}


@lru_cache(maxsize=1)
def engine_version() -> str:
    """Version of numpy and digest of the code that makes figures, so that a changed engine runs everything again."""
    from importlib import metadata

    root = FilePath(__file__).parents[2]
    digest = hashlib.blake2b(digest_size=8)
    for name in ENGINE:
        place = root / name
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(f"{file.relative_to(root).as_posix()}\n".encode() + file.read_bytes())
    return json.dumps([metadata.version("numpy"), digest.hexdigest()])


def design(experiment: Experiment) -> Design:
    """What an experiment asks for, its scenarios composed and its points drawn.

    Raises
    ------
    InputError
        If a study cannot be composed, or the first point is refused.
    """
    from scenarios.studies.compose import compose
    from scenarios.sweeps.sampling import points

    first = next(iter(experiment.studies.values()))
    words = [word for word in first.overrides if not word.startswith("scenario=")]
    base = compose(overrides=words, config_dir=experiment.config_dir)
    asked = Asked(
        int(experiment.replications),
        experiment.precision,
        tuple(experiment.metrics or ()),
        tuple(experiment.periods),
        runs=bool(experiment.keep["runs"]),
        reports=bool(experiment.keep["reports"]),
    )
    found = make_design(experiment.name, base, experiment.studies, points(experiment), asked)
    return replace(found, settings=experiment.settings, warnings=experiment.warnings)


def make_design(
    name: str, base: Study, bases: Mapping[str, Study], points: Iterable[Drawn], asked: Asked | None = None
) -> Design:  # fmt: skip
    """A design of composed studies and drawn points; by default as often as the base says, with all metrics.

    Raises
    ------
    InputError
        If there is no point, or the first one is refused.
    """
    asked = asked or Asked(base.replications)
    counted = {scenario: _counted(study, asked.replications) for scenario, study in bases.items()}
    detail = [period for period in asked.periods if period in SHORT]
    found = planned(counted, points, detail)
    if not found:
        raise InputError(["experiment.keys: gives no point, got none; values of keys"])
    point_study(counted[found[0].scenario].source, found[0].values)
    return Design(name, base, counted, found, asked)


def _counted(study: Study, replications: int) -> Study:
    """A study of so many replications, which a budget counts."""
    changed = {"replications": replications, "progress": False, "precision": None}
    return replace(study, config=study.config | changed, source=study.source | changed)


def aliases(keys: Sequence[str], taken: Iterable[str]) -> dict[str, str]:
    """Short names of keys that need no quoting in SQL: the last parts of a key that no other name has."""
    found: dict[str, str] = {}
    used = set(taken)
    for key in keys:
        parts = [re.sub(r"\W", "_", part) for part in key.split(".")]
        names = ["_".join(parts[-n:]) for n in range(1, len(parts) + 1)]
        plain = [name for name in names if not name[0].isdigit() and name not in used and name != key]
        found[key] = plain[0] if plain else f"key_{len(found) + 1}"
        used.add(found[key])
    return found
