"""Several runs from one command line: every combination of the values that keys list.

Hydra's own multirun would run Hydra's launcher and callbacks, which instantiate what configuration names. Its
override parser alone says which words list several values and what they are, so that a command line means the
same here as there; composing and running stay ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown
from scenarios.studies.digest import json_digest

if TYPE_CHECKING:
    from scenarios.studies.study import Study

MOST = 100_000
"""Jobs of one command line."""


@dataclass(frozen=True)
class Job:
    """One run of several.

    Attributes
    ----------
    number : int
        Its place, and the name of its run folder.
    chosen : tuple of str
        The overrides in which jobs differ.
    study : Study
        What it runs.
    """

    number: int
    chosen: tuple[str, ...]
    study: Study


def expand(overrides: Sequence[str], options: Callable[[str], list[str]]) -> list[tuple[list[str], list[str]]]:
    """Every combination of the values listed in overrides, the last key changing fastest.

    Parameters
    ----------
    overrides : sequence of str
        As on the command line: ``key=1,2``, ``key=choice(a,b)``, ``key=range(1,4)``, ``group=glob(*)``.
    options : callable
        Names of the options of a group.

    Returns
    -------
    list of (list of str, list of str)
        All overrides of a job, and those of them that vary.

    Raises
    ------
    InputError
        For words that cannot be read, or too many combinations.
    """
    problems: list[str] = []
    words = [_values(word, options, problems) for word in overrides]
    if problems:
        raise InputError(problems)
    count = 1
    for values in words:
        count *= len(values)
    if not 0 < count <= MOST:
        raise InputError([f"arguments: lists too many or no combinations, got {count}; 1 to {MOST}"])
    if any(len(values) > 1 and values[0].lstrip("+").startswith("out=") for values in words):
        raise InputError(
            ["out: has several values, got one for each job; one folder, jobs get folders of their own in it"]
        )
    varying = [len(values) > 1 for values in words]
    return [
        (list(combination), [word for word, varies in zip(combination, varying, strict=True) if varies])
        for combination in product(*words)
    ]


def _values(word: str, options: Callable[[str], list[str]], problems: list[str]) -> list[str]:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import ValueType
    from hydra.errors import HydraException

    loader: Any = _Groups(options)
    try:
        (override,) = OverridesParser.create(loader).parse_overrides([word])
        if not override.is_sweep_override():
            return [word]
        if override.value_type == ValueType.INTERVAL_SWEEP:
            problems.append(f"override {shown(word)}: is an interval, got no list of values; key=1,2 or range(1,4)")
            return [word]
        return [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
    except (HydraException, ValueError, TypeError, RecursionError) as error:
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        problems.append(f"override {shown(word)}: cannot be read, got {shown(detail)}; key=1,2 or key=range(1,4)")
        return [word]


class _Groups:
    """What the override parser asks when a word holds ``glob(...)``."""

    def __init__(self, options: Callable[[str], list[str]]) -> None:
        self._options = options

    def get_group_options(self, group_name: str, **_: Any) -> list[str]:
        """Names of the options of a group."""
        return self._options(group_name)


def jobs(overrides: Sequence[str], config_dir: str | None = None) -> list[Job]:
    """Compose every job before any of them runs.

    Raises
    ------
    InputError
        With the problems of all jobs, each once.
    """
    from scenarios.studies.compose import compose, options

    found: list[Job] = []
    problems: dict[str, None] = {}
    for number, (words, chosen) in enumerate(expand(overrides, lambda group: options(group, config_dir))):
        try:
            found.append(Job(number, tuple(chosen), compose(overrides=words, config_dir=config_dir)))
        except InputError as error:
            problems.update(dict.fromkeys(error.problems))
    if problems:
        raise InputError(list(problems))
    return found


def base_folder(found: Sequence[Job]) -> Path:
    """The folder of the run folders: ``out``, or one named by the studies in it."""
    out = found[0].study.config.get("out")
    digest = json_digest([job.study.digest for job in found])
    return Path(out) if out is not None else Path("runs") / f"multirun-{digest[:12]}"
