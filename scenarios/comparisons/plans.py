"""Plans to be compared: scenarios of one business or several, composed and found comparable before anything is run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, bad_name, shown, suggest
from scenarios.studies.budget import together_over

if TYPE_CHECKING:
    from scenarios.studies.study import Study

JOINED = "."
"""Between the scenarios in the name of a plan that is made of several: names may become folders."""


@dataclass(frozen=True)
class Plans:
    """Plans of one business; the first one is the base against which the others are held.

    Attributes
    ----------
    business : str
        Name of the business.
    studies : dict
        By scenario.
    primary : tuple of str
        Metrics that form the family of the comparison.
    stacks : dict
        By plan that is made of several scenarios: these, each of them a plan of its own.
    """

    business: str
    studies: Mapping[str, Study]
    primary: tuple[str, ...]
    stacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """Name of the first scenario."""
        return next(iter(self.studies))

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the scenarios that are held against the base."""
        return tuple(self.studies)[1:]

    @property
    def settings(self) -> dict[str, Any]:
        """How to compare: the group ``compare`` of the base."""
        settings: dict[str, Any] = self.studies[self.base].config["compare"]
        return settings


def compose_plans(
    businesses: Sequence[str],
    scenarios: Sequence[str | Sequence[str]],
    overrides: Sequence[str] = (),
    config_dir: str | os.PathLike[str] | None = None,
) -> list[Plans]:
    """Every scenario of every business, under the same further overrides.

    Parameters
    ----------
    businesses, scenarios : sequence of str
        Names of options; the first scenario is the base. Several scenarios in the place of one are a plan of all
        of them, and each of them is a plan of its own.
    overrides : sequence of str
        As on the command line; they win over the scenarios.
    config_dir : path, optional
        A folder of the user's own options.

    Raises
    ------
    InputError
        With everything that is wrong, one line each.
    """
    from scenarios.studies.compose import compose, options, unknown_option

    problems = [*_names("business", businesses, 1), *_stacked(scenarios)]
    expanded = plan_parts(scenarios) if not problems else {}
    problems = problems or _names("scenarios", tuple(expanded), 2)
    known, told = options("scenario", config_dir), dict.fromkeys(name for parts in expanded.values() for name in parts)
    right = {name: unknown_option("scenario", name, config_dir) for name in told if name not in known}
    problems += [f"scenarios: is unknown, got {shown(name)}; {reason}" for name, reason in right.items()]
    if clash := [text for text in overrides if text.split("=", 1)[0].lstrip("+") == "scenario"]:
        problems.append(f"scenario: is not for a comparison, got {shown(clash[0])}; scenarios=[baseline,NAME]")
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    found = []
    for business in businesses:
        studies = {}
        for name, parts in expanded.items():
            chosen = f"scenario=[{','.join(parts)}]" if len(parts) > 1 else f"scenario={name}"
            try:
                studies[name] = compose(business, [*overrides, chosen], config_dir)
            except InputError as error:
                first = name == next(iter(expanded))
                problems += [p if first else f"scenario {name}: {p}" for p in error.problems]
                if first:
                    break
        if not problems:
            found.append(make_plans(studies, {name: parts for name, parts in expanded.items() if len(parts) > 1}))
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    return found


def plan_parts(scenarios: Sequence[str | Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Scenarios by the name of the plan that they make; each scenario of several is a plan of its own before them."""
    found: dict[str, tuple[str, ...]] = {}
    alone = [name for name in scenarios if isinstance(name, str)]
    for entry in scenarios:
        parts = (entry,) if isinstance(entry, str) else tuple(entry)
        if isinstance(entry, str):
            found[entry] = parts
            continue
        found |= {name: (name,) for name in parts if name not in found and name not in alone}
        found[JOINED.join(parts)] = parts
    return found


def make_plans(studies: Mapping[str, Study], stacks: Mapping[str, tuple[str, ...]] | None = None) -> Plans:
    """Plans of studies by the name of their scenario, the base first.

    Parameters
    ----------
    studies : dict
        By name of the plan.
    stacks : dict, optional
        Plans that are several others at once, with the names of those.

    Raises
    ------
    InputError
        If they cannot be compared: fewer than two, another business, horizon or seed, an unknown metric.
    """
    problems = _names("scenarios", tuple(studies), 2)
    if not problems:
        problems = [*_incomparable(studies), *_settings(next(iter(studies.values())).config["compare"])]
    if not problems:
        problems = together_over([study.config for study in studies.values()])
    if problems:
        raise InputError(problems)
    base = next(iter(studies.values()))
    primary = _primary(base.config["compare"]["metrics"], len(studies) - 1)
    return Plans(base.business, dict(studies), primary, dict(stacks or {}))


def digest(plans: Sequence[Plans]) -> str:
    """Hexadecimal; equal for comparisons of the same studies under the same names."""
    parts = [[p.business, [[name, study.digest] for name, study in p.studies.items()]] for p in plans]
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _stacked(scenarios: Sequence[str | Sequence[str]]) -> list[str]:
    """What is wrong with plans that are made of several scenarios."""
    problems = []
    for place, entry in enumerate(scenarios):
        if isinstance(entry, str):
            continue
        got = f"[{','.join(map(str, entry))}]"
        if not all(isinstance(name, str) for name in entry) or len(set(entry)) < max(len(entry), 2):
            problems.append(f"scenarios: has no two different names in one place, got {got}; [hire,price_up]")
        elif not place:
            problems.append(f"scenarios: has several in the place of the base, got {got}; one scenario first")
    if twice := [name for name in scenarios if isinstance(name, str) and list(scenarios).count(name) > 1]:
        problems.append(f"scenarios: names {twice[0]} twice, got it {list(scenarios).count(twice[0])} times; each once")
    return problems


def _names(where: str, names: Sequence[str], least: int) -> list[str]:
    problems = [f"{where}: {reason}" for name in names if (reason := bad_name(name))]
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        problems.append(f"{where}: names {twice[0]} twice, got [{','.join(names)}]; each name once")
    elif len(names) < least:
        got = ",".join(names) or "nothing"
        problems.append(f"{where}: names too few, got [{got}]; {where}=[baseline,NAME], the first is the base")
    return problems


def _incomparable(studies: Mapping[str, Study]) -> list[str]:
    """Keys that must be the same in every plan and are not."""
    from scenarios.studies.resolve import follow

    first, *others = studies
    monies = {name: study.timeline.spec.business.currency for name, study in studies.items()}
    same = (("business", "name"), ("horizon", "start"), ("horizon", "days"), ("seed",))
    problems = [
        f"business.currency: differs between plans, got {monies[first]} in {first} and {monies[name]} in {name}; "
        "one money"
        for name in others
        if monies[name] != monies[first]
    ]
    for path in same:
        base = follow(studies[first].config, path)
        for name in others:
            other = follow(studies[name].config, path)
            if other != base:
                key, right = ".".join(path), f"the same {path[-1]} in both"
                problems.append(f"{key}: differs between plans, got {base} in {first} and {other} in {name}; {right}")
    return problems


def _settings(settings: Mapping[str, Any]) -> list[str]:
    """Metrics and dates that do not exist."""
    from datetime import date

    from analysis.metrics import REGISTRY

    named = [("compare.metrics", name) for name in settings["metrics"] or ()]
    named += [(f"compare.targets.{key}.metric", target["metric"]) for key, target in settings["targets"].items()]
    if settings["choose"]:
        named.append(("compare.choose.metric", settings["choose"]["metric"]))
    problems = [f"{key}: is unknown, got {shown(n)}; {suggest(n, REGISTRY)}" for key, n in named if n not in REGISTRY]
    for key, target in settings["targets"].items():
        try:
            date.fromisoformat(str(target.get("by") or "2000-01-01"))
        except ValueError:
            problems.append(f"compare.targets.{key}.by: is no date, got {shown(target['by'])}; as in 2027-12-31")
    return problems


def _primary(chosen: Sequence[str] | None, plans: int) -> tuple[str, ...]:
    """Metrics of the family: those declared, or as many of the defaults as fit."""
    from analysis.compare.family import PRIMARY, check_family, choose_primary

    names = PRIMARY if chosen is None else chosen
    if len(set(names)) < len(names) or not names:
        raise InputError([f"compare.metrics: names none or one twice, got [{','.join(names)}]; each name once"])
    try:
        if chosen is None:
            return choose_primary(names, plans)
        check_family(names, plans)
    except ValueError as error:
        raise InputError([f"compare.metrics: make too large a family, got {error}"]) from None
    return tuple(names)
