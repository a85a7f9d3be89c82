"""Points of an experiment as studies: each knows what it is by its values, and what its results are kept under.

A scenario is composed once; a point sets its values in the composed tree, references in place, so that whatever
refers to a changed key follows. Nothing is composed again for a point.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Protocol

from scenarios.errors import InputError
from scenarios.studies.digest import json_digest
from scenarios.studies.resolve import Tree, resolve
from scenarios.studies.study import restore, study_digest
from scenarios.sweeps.refusals import check_points, refusal
from scenarios.sweeps.values import assigned, point_study

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
    refused : str
        Why the model does not take these values, as far as a quick look tells; empty if it does.
    """

    number: int
    scenario: str
    values: Mapping[str, Any]
    digest: str
    key: str
    refused: str = ""


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
    experiment : Experiment or None
        What the points were drawn from: which analyses follow.
    """

    name: str
    base: Study
    bases: Mapping[str, Study]
    points: tuple[Planned, ...]
    asked: Asked
    settings: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    experiment: Experiment | None = None

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
        analysed = {name: self.settings.get(name) for name in ("sampler", "base_samples", "keys", "discovery")}
        return json_digest([self.name, points, asdict(self.asked), analysed])


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
        plain = resolve(tree).tree
        digest = study_digest(plain, {})
        key = json_digest([digest, engine_version(), dict(_files(base, tree)), list(detail)])
        refused = refusal(base, plain, point.values)
        found.append(Planned(point.number, point.scenario, dict(point.values), digest, key, refused))
    return tuple(found)


def _files(base: Study, tree: Tree) -> Mapping[str, str]:
    """Digests of the input files of a point: those of its base unless it reads others."""
    keys = (("market", "first_contacts"), ("market", "opening"), ("policy", "budgets"))
    try:
        there, here = ([each[group].get(key) for group, key in keys] for each in (base.source, tree))
        return base.files if there == here else restore(tree).files
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
        If a study cannot be composed, the sweep is over its limits, or every point is refused.
    """
    from scenarios.studies.compose import compose
    from scenarios.sweeps.limits import check_budget, check_discovery
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
    drawn = points(experiment)
    check_budget(experiment, drawn)
    check_discovery(experiment, drawn)
    found = make_design(experiment.name, base, experiment.studies, drawn, asked)
    texts = (*experiment.warnings, *found.warnings)
    return replace(found, settings=experiment.settings, warnings=texts, experiment=experiment)


def make_design(
    name: str, base: Study, bases: Mapping[str, Study], points: Iterable[Drawn], asked: Asked | None = None
) -> Design:  # fmt: skip
    """A design of composed studies and drawn points; by default as often as the base says, with all metrics.

    Raises
    ------
    InputError
        If there is no point, or every point is refused.
    """
    asked = asked or Asked(base.replications)
    kept = asked.replications if asked.runs else 1
    counted = {scenario: _counted(study, kept) for scenario, study in bases.items()}
    detail = [period for period in asked.periods if period in SHORT]
    found = planned(counted, points, detail)
    if not found:
        raise InputError(["experiment.keys: gives no point, got none; values of keys"])
    warnings = check_points(counted, found)
    whole = next(point for point in found if not point.refused)
    point_study(counted[whole.scenario].source, whole.values)
    return Design(name, base, counted, found, asked, warnings=warnings)


def _counted(study: Study, replications: int) -> Study:
    """A study of so many replications, which the budget of a point counts: all those that one process keeps at once."""
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
