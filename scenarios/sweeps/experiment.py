"""Experiments: a file that names keys with what each may be, a sampler, scenarios, replications and metrics.

``conf/experiment/NAME.yaml``, or ``experiment/NAME.yaml`` in a folder of the user's own. On a command line
``experiment.points=128`` sets one of its settings, ``experiment.keys.policy.terms.trial_days=[7,14]`` one of its keys.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown
from scenarios.studies.compose import compose, options, unknown_option
from scenarios.studies.overrides import Setting, read_overrides
from scenarios.studies.raw import scan_file
from scenarios.studies.settings import CONF
from scenarios.sweeps.limits import check_levels, check_size
from scenarios.sweeps.ranges import Domain
from scenarios.sweeps.sampling import rows
from scenarios.sweeps.settings import DEFAULTS, SOUGHT, checked
from scenarios.sweeps.spaces import Space, mute, read_space

if TYPE_CHECKING:
    from scenarios.studies.study import Study

GROUP = "experiment"


@dataclass(frozen=True)
class Size:
    """How much an experiment asks for, known before any point is drawn.

    Attributes
    ----------
    rows, points, jobs : int
        Rows of the design; with scenarios; with replications.
    exact : bool
        Whether it is just that: constraints take points out of a grid, a precision asks for more replications.
    """

    rows: int
    points: int
    jobs: int
    exact: bool


@dataclass(frozen=True, eq=False)
class Experiment:
    """A designed experiment, checked and ready to be drawn.

    Attributes
    ----------
    name, business : str
    sampler : {"grid", "list", "lhs", "sobol", "morris", "one_at_a_time"}
    space : Space
        What the keys may be.
    scenarios : tuple of str
        Every row of the design is simulated under each.
    studies : dict
        By scenario, composed; a point sets its values in one of them.
    points, base_samples : int or None
        Rows of the design; or trajectories of Morris, or N of Saltelli's layout of Sobol.
    second_order : bool
        Whether Saltelli's layout holds what indices of pairs need.
    levels : int
        Of a trajectory of Morris.
    seed : int
        Of the design; random numbers of the simulation have the seed of the study.
    replications : int
        Of every point, the first ones under a precision.
    precision : dict or None
        ``metric`` with ``relative`` or ``absolute``.
    metrics : tuple of str or None
        Kept in the tables; None: all.
    periods : tuple of str
        Of ``horizon``, ``fiscal_year``, ``quarter`` and ``month``.
    keep : dict
        Whether ``runs`` and ``reports`` of points are kept.
    max_points, max_runs, max_events, max_memory : int
        More are refused: points, runs, events of all runs, MiB of all processes.
    discovery : dict or None
        What fails: ``metric``, ``below`` or ``above``, ``period``; least ``coverage`` and ``density`` of a rule.
    overrides : tuple of str
        Of the study, without those of the experiment and without the business.
    settings : dict
        The file with overrides, as plain values.
    warnings : tuple of str
        What is possible and probably not meant.
    """

    name: str
    business: str
    sampler: str
    space: Space
    scenarios: tuple[str, ...]
    studies: Mapping[str, Study] = field(repr=False)
    points: int | None
    base_samples: int | None
    second_order: bool
    levels: int
    seed: int
    replications: int
    precision: Mapping[str, Any] | None
    metrics: tuple[str, ...] | None
    periods: tuple[str, ...]
    keep: Mapping[str, bool]
    max_points: int
    max_runs: int
    max_events: int
    max_memory: int
    discovery: Mapping[str, Any] | None
    overrides: tuple[str, ...]
    config_dir: str | None
    settings: Mapping[str, Any] = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def keys(self) -> Mapping[str, Domain]:
        """Domain by key, shares left out."""
        return self.space.keys

    @property
    def columns(self) -> tuple[str, ...]:
        """All keys that a point sets, in their order."""
        return self.space.columns

    def size(self) -> Size:
        """Points and jobs before sampling."""
        number = rows(self)
        total = number * len(self.scenarios)
        exact = self.precision is None and not (self.space.constraints and self.sampler == "grid")
        return Size(number, total, total * self.replications, exact)


def read_experiment(
    name: str,
    business: str | None = None,
    overrides: Sequence[str] = (),
    config_dir: str | os.PathLike[str] | None = None,
) -> Experiment:
    """The experiment of a file.

    Parameters
    ----------
    name : str
        Of the file, without ``.yaml``.
    business : str, optional
        By default the one the file names, or that of ``conf/config.yaml``.
    overrides : sequence of str, optional
        Of the study as on the command line, and ``experiment.SETTING=value``; all win over the file.
    config_dir : path, optional
        A folder of the user's own options.

    Raises
    ------
    InputError
        With everything that is wrong, one line each; nothing was run or written.
    """
    return make_experiment(name, load_settings(name, config_dir), business, overrides, config_dir)


def make_experiment(
    name: str,
    settings: Mapping[str, Any],
    business: str | None = None,
    overrides: Sequence[str] = (),
    config_dir: str | os.PathLike[str] | None = None,
) -> Experiment:
    """An experiment of settings as a file holds them; see ``read_experiment``."""
    ours, theirs, chosen = split_overrides(overrides)
    given = checked(overridden(settings, ours))
    business = business or chosen or given["business"]
    studies = _studies(business, given["scenarios"], theirs, config_dir)
    found = experiment_of(name, given, studies, theirs, config_dir)
    return replace(found, business=business) if business else found


def experiment_of(
    name: str,
    given: Mapping[str, Any],
    studies: Mapping[str, Study],
    overrides: Sequence[str] = (),
    config_dir: str | os.PathLike[str] | None = None,
) -> Experiment:
    """An experiment of checked settings (all of them, as ``checked`` gives them) on studies by scenario."""
    first = next(iter(studies.values()))
    space = read_space(given, studies)
    check_levels(space, given, first)
    found = Experiment(
        name=name,
        business=first.business,
        space=space,
        studies=studies,
        overrides=tuple(overrides),
        config_dir=str(config_dir) if config_dir else None,
        settings=given,
        warnings=(*mute(space, studies), *_unjudged(studies)),
        **_asked(given, first, overrides),
    )
    check_size(found)
    return found


def _unjudged(studies: Mapping[str, Study]) -> Iterator[str]:
    """What to say of targets, which no sweep and no search looks at."""
    plans = [study.config for study in studies.values()]
    names = dict.fromkeys(name for each in plans for name in each.get("targets") or {})
    names |= dict.fromkeys(str(path) for each in plans if (path := (each.get("plan") or {}).get("path")))
    if names:
        right = "tobsim run and tobsim compare judge them, the metrics of an experiment show what comes of them"
        yield f"targets: are not judged here, got {', '.join(names)}; {right}"


def load_settings(name: str, config_dir: str | os.PathLike[str] | None) -> Mapping[str, Any]:
    """The content of a file, scanned before it is parsed."""
    from omegaconf import OmegaConf

    known = options(GROUP, config_dir)
    if name not in known:
        raise InputError([f"experiment: is unknown, got {shown(name)}; {unknown_option(GROUP, name, config_dir)}"])
    folders = [CONF, *([Path(config_dir)] if config_dir else [])]
    path = next(file for folder in folders if (file := folder / GROUP / f"{name}.yaml").is_file())
    if problems := scan_file(path, f"{GROUP}/{name}.yaml"):
        raise InputError(problems)
    found: Any = OmegaConf.to_container(OmegaConf.create(path.read_text(encoding="utf-8")), resolve=False)
    return found


def named(kind: str, config_dir: str | os.PathLike[str] | None) -> list[str]:
    """Names of the experiments of a kind: ``sweep`` or ``optimise``."""
    return [name for name in options(GROUP, config_dir) if load_settings(name, config_dir).get("kind") == kind]


def split_overrides(overrides: Sequence[str]) -> tuple[list[Setting], list[str], str | None]:
    """Overrides of the experiment, of the study, and the business where one of them chooses it."""
    settings, problems = read_overrides(overrides)
    for setting in settings:
        if setting.path == ("scenario",):
            problems.append(
                f"scenario: is not for a sweep, got {shown(setting.text)}; experiment.scenarios=[baseline,NAME]"
            )
        if setting.path == (GROUP,):
            problems.append(f"experiment: is given twice, got {shown(setting.text)}; one experiment")
    if problems:
        raise InputError(problems)
    ours = [setting for setting in settings if setting.path[0] == GROUP]
    theirs = [setting for setting in settings if setting.path[0] not in (GROUP, "business") or len(setting.path) > 1]
    chosen = [setting.value[0] for setting in settings if setting.path == ("business",)]
    return ours, [setting.text for setting in theirs if setting not in ours], chosen[-1] if chosen else None


def overridden(settings: Mapping[str, Any], ours: Sequence[Setting]) -> dict[str, Any]:
    """The settings with overrides: one setting, or one entry of a setting that is a mapping."""
    found = deepcopy(dict(settings))
    for setting in ours:
        _, name, *rest = setting.path
        entry = ".".join(rest)
        inner = found.get(name)
        if not entry:
            inner, place, key = None, found, name
        else:
            place = found[name] = dict(inner) if isinstance(inner, Mapping) else {}
            key = entry
        if setting.action == "delete":
            place.pop(key, None)
        else:
            place[key] = setting.value
    return found


def _studies(
    business: str | None, scenarios: Sequence[str], overrides: Sequence[str], config_dir: str | os.PathLike[str] | None
) -> dict[str, Study]:
    known = options("scenario", config_dir)
    problems = [
        f"experiment.scenarios: is unknown, got {shown(name)}; {unknown_option('scenario', name, config_dir)}"
        for name in scenarios
        if name not in known
    ]
    if problems:
        raise InputError(problems)
    return {name: compose(business, [*overrides, f"scenario={name}"], config_dir) for name in scenarios}


def _asked(given: Mapping[str, Any], study: Study, overrides: Sequence[str]) -> dict[str, Any]:
    """Settings as the experiment has them; replications and precision of the command line win over the file."""
    set_ = {setting.path[0] for setting in read_overrides(overrides)[0]}
    precision = None if "precision" in set_ else given["precision"]
    replications = None if "replications" in set_ else given["replications"]
    plain = ("sampler", "points", "base_samples", "second_order", "levels", "seed")
    limits = ("max_points", "max_runs", "max_events", "max_memory")
    return {name: given[name] for name in (*plain, *limits)} | {
        "scenarios": tuple(given["scenarios"]),
        "replications": replications or study.replications,
        "precision": precision or study.config["precision"],
        "metrics": tuple(given["metrics"]) if given["metrics"] else None,
        "periods": tuple(given["periods"]),
        "keep": DEFAULTS["keep"] | given["keep"],
        "discovery": SOUGHT | given["discovery"] if given["discovery"] else None,
    }
