"""The settings of an experiment of kind ``optimise``: which there are, their defaults, and what each may be.

Keys, shares and constraints between keys are those of a sweep and are checked as there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from scenarios.errors import shown, suggest

KIND = "optimise"

SHARED = ("label", "business", "keys", "shares", "scenarios", "seed")
"""Settings that mean what they mean in a sweep."""

SAMPLERS = ("tpe", "nsga2", "cmaes", "random")

DIRECTIONS = ("maximise", "minimise")
PERIODS = ("horizon", "last")
MEASURES = ("mean", "quantile")

BUDGET = {"trials": 60, "replications": 5, "batch": 4, "draws": 8}
"""Plans that are tried; replications of each, under each draw of what is uncertain; plans that are drawn at a time,
whatever the number of workers; draws."""

CONFIRM = {"finalists": 5, "replications": 20, "draws": 16}
"""Plans that are simulated again on fresh seeds, replications of each under each fresh draw, and fresh draws."""

ROBUST = {"measure": "mean", "level": 0.1}
"""What of the outcomes is the objective: their mean, or what all but this share of them are at least as good as."""

DEFAULTS: dict[str, Any] = {
    "kind": None,
    "label": "",
    "business": None,
    "sampler": "tpe",
    "seed": 1,
    "keys": {},
    "shares": {},
    "uncertain": {},
    "constraints": [],
    "objectives": [],
    "scenarios": ["baseline"],
    "budget": BUDGET,
    "robust": ROBUST,
    "confirm": CONFIRM,
}

WHOLE = {
    "budget": {"trials": (1, 100_000), "replications": (1, 100_000), "batch": (1, 1000), "draws": (2, 1000)},
    "confirm": {"finalists": (1, 100), "replications": (1, 100_000), "draws": (2, 1000)},
}
"""Least and most of settings that are whole numbers."""


def complete(given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings, those of the file over the defaults; entries of budget, robust and confirm too."""
    found = {name: given.get(name, default) for name, default in DEFAULTS.items()}
    for name, default in (("budget", BUDGET), ("robust", ROBUST), ("confirm", CONFIRM)):
        if isinstance(found[name], Mapping):
            found[name] = {**default, **found[name]}
    return found


def problems_of(given: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with settings that can be seen without a study, one line each."""
    settings = complete(given)
    lines = [_line(str(name), "is unknown", given[name], suggest(str(name), DEFAULTS)) for name in given
             if name not in DEFAULTS]  # fmt: skip
    if settings["kind"] != KIND:
        lines.append(_line("kind", "is unknown", settings["kind"], "kind: optimise"))
    if settings["sampler"] not in SAMPLERS:
        lines.append(_line("sampler", "is unknown", settings["sampler"], suggest(str(settings["sampler"]), SAMPLERS)))
    lines += [*_shapes(settings)]
    if not lines:
        lines += [*_numbers(settings), *_objectives(settings["objectives"]), *_limits(settings["constraints"])]
        lines += [*_levers(settings)]
    return list(dict.fromkeys(lines))


def _shapes(settings: Mapping[str, Any]) -> Iterator[str]:
    """Settings that are no list or no mapping."""
    for name in ("objectives", "constraints", "scenarios"):
        if not isinstance(settings[name], list):
            yield _line(name, "must be a list", settings[name], f"{name}: with one line for each")
    for name in ("keys", "uncertain", "budget", "robust", "confirm"):
        if not isinstance(settings[name], Mapping):
            yield _line(name, "must be a mapping", settings[name], f"{name}: with one line for each")
    if isinstance(settings["scenarios"], list) and len(settings["scenarios"]) != 1:
        yield _line("scenarios", "must be one", settings["scenarios"], "scenarios: [baseline]")


def _levers(settings: Mapping[str, Any]) -> Iterator[str]:
    if not settings["keys"] and not settings["shares"]:
        yield _line("keys", "names nothing", {}, "one key or more")
    for key in settings["uncertain"]:
        if key in settings["keys"]:
            given = settings["uncertain"][key]
            yield _line(f"uncertain.{key}", "is a key of ours too", given, "keys or uncertain, one of the two")
    if settings["sampler"] == "cmaes":
        if len(settings["objectives"]) > 1:
            yield _line("sampler", "takes one objective", "cmaes", "tpe or nsga2")
        if any(isinstance(each, Mapping) for each in settings["constraints"]):
            yield _line("sampler", "knows no constraints on metrics", "cmaes", "tpe or nsga2")


def _numbers(settings: Mapping[str, Any]) -> Iterator[str]:
    """Entries of budget, confirm and robust."""
    for name, bounds in WHOLE.items():
        yield from _unknown(name, settings[name], bounds)
        for entry, (least, most) in bounds.items():
            value = settings[name][entry]
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                yield _line(f"{name}.{entry}", "must be a whole number", value, f"from {least} to {most}")
    repeated = settings["confirm"]["replications"]
    if repeated == 1 and not settings["uncertain"]:
        yield _line("confirm.replications", "is too few where nothing is uncertain", repeated, "2 or more")
    robust = settings["robust"]
    yield from _unknown("robust", robust, ROBUST)
    if robust["measure"] not in MEASURES:
        right = suggest(str(robust["measure"]), MEASURES)
        yield _line("robust.measure", "is unknown", robust["measure"], right)
    if not _number(robust["level"]) or not 0 < robust["level"] < 1:
        yield _line("robust.level", "must lie between 0 and 1", robust["level"], "level: 0.1")


def _unknown(name: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    for entry in given:
        if entry not in known:
            yield _line(f"{name}.{entry}", "is unknown", given[entry], suggest(str(entry), known))


def _objectives(given: list[Any]) -> Iterator[str]:
    if not given:
        yield _line("objectives", "names none", given, "[{metric: arr, direction: maximise}]")
    for index, each in enumerate(given):
        where = f"objectives.{index}"
        if not isinstance(each, Mapping):
            yield _line(where, "must be a mapping", each, "{metric: arr, direction: maximise}")
            continue
        yield from _unknown(where, each, dict.fromkeys(("metric", "direction", "period")))
        yield from _of_metric(where, each)
        if each.get("direction") not in DIRECTIONS:
            right = suggest(str(each.get("direction")), DIRECTIONS)
            yield _line(f"{where}.direction", "is unknown", each.get("direction"), right)
        if _figure(each) in [_figure(other) for other in given[:index] if isinstance(other, Mapping)]:
            yield _line(where, "is given twice", dict(each), "each objective once")


def _figure(objective: Mapping[str, Any]) -> tuple[Any, Any]:
    """What an objective is about, whichever way it should go."""
    return objective.get("metric"), objective.get("period", "horizon")


def _limits(given: list[Any]) -> Iterator[str]:
    """Constraints on metrics; texts are constraints between keys."""
    for index, each in enumerate(given):
        where = f"constraints.{index}"
        if isinstance(each, str):
            continue
        if not isinstance(each, Mapping):
            yield _line(where, "is no constraint", each, "policy.a <= policy.b, or {metric: cash_min, at_least: 0}")
            continue
        known = ("metric", "at_least", "at_most", "probability", "period")
        yield from _unknown(where, each, dict.fromkeys(known))
        yield from _of_metric(where, each)
        if ("at_least" in each) == ("at_most" in each):
            yield _line(where, "needs at_least or at_most, one of them", dict(each), "{metric: cash_min, at_least: 0}")
        for name in ("at_least", "at_most"):
            if name in each and not _number(each[name]):
                yield _line(f"{where}.{name}", "must be a finite number", each[name], "a number")
        probability = each.get("probability")
        if probability is not None and (not _number(probability) or not 0 < probability <= 1):
            yield _line(f"{where}.probability", "must be a probability above 0", probability, "probability: 0.95")


def _of_metric(where: str, given: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(given.get("metric"), str):
        yield _line(f"{where}.metric", "is missing", given.get("metric"), "metric: arr")
    if given.get("period", "horizon") not in PERIODS:
        yield _line(f"{where}.period", "is unknown", given["period"], suggest(str(given["period"]), PERIODS))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _line(where: str, what: str, got: Any, right: str) -> str:
    return f"experiment.{where}: {what}, got {shown(got)}; {right}"
