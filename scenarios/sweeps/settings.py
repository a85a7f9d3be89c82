"""The settings of an experiment file: which there are, their defaults, and what each may be."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from scenarios.errors import InputError, bad_name, shown, suggest

ONE_AT_A_TIME = "one_at_a_time"
SAMPLERS = ("grid", "list", "lhs", "sobol", "morris", ONE_AT_A_TIME)
SPARSE = ("morris", ONE_AT_A_TIME)
"""Samplers whose points lie on lines: they do not fill the space that discovery looks through."""

PERIODS = ("horizon", "fiscal_year", "quarter", "month")

PATTERNS = {"horizon": "horizon", "fiscal_year": r"FY\d+", "quarter": r"Q\d{4}-\d\d", "month": r"\d{4}-\d\d"}
"""Labels of periods by kind."""

MAX_POINTS, MAX_RUNS = 100_000, 100_000
"""Points and runs (points x replications) refused beyond this unless a file says otherwise."""

MAX_EVENTS, MAX_MEMORY = 10**10, 2048
"""Events of all runs, and MiB of all processes at once, refused beyond this unless a file says otherwise: 2,000
points x 10 replications x 5,000 accounts, what a sweep is built for, are 4e9 events."""

DEFAULTS: dict[str, Any] = {
    "kind": None,
    "label": "",
    "business": None,
    "sampler": None,
    "points": None,
    "base_samples": None,
    "second_order": False,
    "levels": 4,
    "seed": 1,
    "max_points": MAX_POINTS,
    "max_runs": MAX_RUNS,
    "max_events": MAX_EVENTS,
    "max_memory": MAX_MEMORY,
    "keys": {},
    "shares": {},
    "constraints": [],
    "scenarios": ["baseline"],
    "replications": None,
    "precision": None,
    "metrics": None,
    "periods": ["horizon"],
    "discovery": None,
    "keep": {"runs": False, "reports": False},
}
"""By setting; four levels of a trajectory are the usual choice (Campolongo, Cariboni & Saltelli 2007)."""

WHOLE = {
    "points": (1, None),
    "base_samples": (1, None),
    "levels": (2, 100),
    "seed": (0, 2**64 - 1),
    "max_points": (1, 10**9),
    "max_runs": (1, 10**9),
    "max_events": (1, 10**15),
    "max_memory": (1, 10**7),
    "replications": (1, 100_000),
}
"""Least and most of settings that are whole numbers."""

OPTIONAL = ("points", "base_samples", "replications", "precision", "metrics", "business", "discovery")

SOUGHT = {"metric": None, "below": None, "above": None, "period": "horizon", "coverage": 0.0, "density": 0.0}
"""Settings of a discovery by name: what fails, and the least coverage and density of a rule that is told."""


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings, those of the file over the defaults.

    Raises
    ------
    InputError
        With everything that is wrong that can be seen without a study.
    """
    if given.get("kind") != "sweep":
        known = given.get("kind") == "optimise"
        right = "tobsim optimise experiment=NAME" if known else "kind: sweep"
        what = "is of another verb" if known else "is unknown"
        raise InputError([_line("kind", what, given.get("kind"), right)])
    problems = [
        f"experiment.{name}: is unknown, got {shown(given[name])}; {suggest(str(name), DEFAULTS)}"
        for name in given
        if name not in DEFAULTS
    ]
    settings = {name: given.get(name, default) for name, default in DEFAULTS.items()}
    problems += _types(settings)
    if not problems:
        problems += [*_design(settings), *_names(settings), *_precision(settings["precision"])]
        problems += _discovery(settings)
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    return settings


def _types(settings: Mapping[str, Any]) -> Iterator[str]:
    for name in ("label", "business"):
        if not isinstance(settings[name], str) and not (settings[name] is None and name in OPTIONAL):
            yield _line(name, "must be text", settings[name], f"{name}: NAME")
    if settings["sampler"] not in SAMPLERS:
        yield _line("sampler", "is unknown", settings["sampler"], suggest(str(settings["sampler"]), SAMPLERS))
    if not isinstance(settings["second_order"], bool):
        yield _line("second_order", "must be true or false", settings["second_order"], "true or false")
    for name, (least, most) in WHOLE.items():
        value = settings[name]
        if not (value is None and name in OPTIONAL) and not _whole(value, least, most):
            right = f"from {least} to {most}" if most else f"{least} or more"
            yield _line(name, "must be a whole number", value, right)
    for name in ("scenarios", "metrics", "periods", "constraints"):
        if not isinstance(settings[name], list) and not (settings[name] is None and name in OPTIONAL):
            yield _line(name, "must be a list", settings[name], f"{name}: [a, b]")
    yield from _mappings(settings)


def _mappings(settings: Mapping[str, Any]) -> Iterator[str]:
    for name in ("keys", "shares", "keep"):
        if not isinstance(settings[name], Mapping):
            yield _line(name, "must be a mapping", settings[name], f"{name}: with one line for each")
            return
    for name, group in settings["shares"].items():
        where = f"shares.{name}"
        if not isinstance(group, Mapping) or not isinstance(group.get("keys"), Mapping):
            yield _line(where, "must be a mapping with keys", group, "{total: 1, keys: {policy.a: , policy.b: }}")
        else:
            unknown = [part for part in group if part not in ("total", "keys")]
            yield from (
                _line(f"{where}.{p}", "is unknown", group[p], suggest(str(p), ("total", "keys"))) for p in unknown
            )
    for name, value in settings["keep"].items():
        if name not in DEFAULTS["keep"]:
            yield _line(f"keep.{name}", "is unknown", value, suggest(str(name), DEFAULTS["keep"]))
        elif not isinstance(value, bool):
            yield _line(f"keep.{name}", "must be true or false", value, "true or false")


def _design(settings: Mapping[str, Any]) -> Iterator[str]:
    """What a sampler needs, and what it has no use for."""
    sampler, points, base = (settings[name] for name in ("sampler", "points", "base_samples"))
    if not settings["keys"] and not settings["shares"]:
        yield _line("keys", "names nothing", {}, "one key or more")
    if sampler not in ("sobol", "morris") and base is not None:
        yield _line("base_samples", f"is not for {sampler}", base, "points, or sampler: sobol or morris")
    if sampler in ("list", ONE_AT_A_TIME) and points is not None:
        yield _line("points", f"is not for {sampler}", points, f"nothing: the keys make the points of {sampler}")
    if sampler == "morris" and (base is None or points is not None):
        yield _line("base_samples", "must be given for morris, not points", points, "base_samples: 20")
    if sampler == "lhs" and points is None:
        yield _line("points", "is missing for lhs", None, "points: 64")
    if sampler == "sobol" and (points is None) == (base is None):
        yield _line("points", "or base_samples, one of them, is for sobol", points, "points: 64, or base_samples: 64")
    number = base if points is None else points
    if sampler == "sobol" and number and number & (number - 1):
        name, lower = "base_samples" if points is None else "points", 2 ** int(math.log2(number))
        yield _line(name, "must be a power of two for sobol", number, f"{lower} or {2 * lower}")
    if sampler == "morris" and settings["levels"] % 2:
        yield _line("levels", "must be even for morris", settings["levels"], "4")
    if settings["second_order"] and not (sampler == "sobol" and base):
        yield _line("second_order", "is for sobol with base_samples", True, "second_order: false")
    if settings["shares"] and sampler in ("grid", "list", ONE_AT_A_TIME):
        yield _line("shares", f"cannot be laid out by {sampler}", list(settings["shares"]), "lhs, sobol or morris")
    if settings["constraints"] and (base is not None or sampler == ONE_AT_A_TIME):
        right = "a link (equals:), or points of lhs or sobol"
        yield _line("constraints", "would break the design", settings["constraints"], right)


def _names(settings: Mapping[str, Any]) -> Iterator[str]:
    """Names of scenarios, metrics, periods and shares."""
    from analysis.metrics import REGISTRY

    for name, known in (("scenarios", None), ("metrics", REGISTRY), ("periods", PERIODS)):
        listed = settings[name]
        if listed == []:
            yield _line(name, "names none", [], "one or more")
        for index, item in enumerate(listed or ()):
            if not isinstance(item, str):
                yield _line(name, "must be names", item, "text")
            elif item in listed[:index]:
                yield _line(name, f"names {item} twice", listed, "each name once")
            elif known is not None and item not in known:
                yield _line(name, "is unknown", item, suggest(item, known))
    yield from (f"experiment.shares: {reason}" for name in settings["shares"] if (reason := bad_name(str(name))))


def _precision(given: Any) -> Iterator[str]:
    from analysis.metrics import REGISTRY

    if given is None:
        return
    right = "{metric: arr, relative: 0.02}"
    if not isinstance(given, Mapping) or not set(given) <= {"metric", "relative", "absolute"}:
        yield _line("precision", "must name a metric and a width", given, right)
        return
    if str(given.get("metric")) not in REGISTRY:
        yield _line("precision.metric", "is unknown", given.get("metric"), suggest(str(given.get("metric")), REGISTRY))
    widths = {name: given[name] for name in ("relative", "absolute") if name in given}
    for name, value in widths.items():
        if not _finite(value) or value < 0 or (name == "relative" and value > 1):
            yield _line(f"precision.{name}", "must be a half-width", value, "0.02" if name == "relative" else "above 0")
    if not any(widths.values()):
        yield _line("precision", "asks for no width", given, right)


def _discovery(settings: Mapping[str, Any]) -> Iterator[str]:
    """What fails, whether it is kept, and whether the points fill the space."""
    from analysis.metrics import REGISTRY

    given = settings["discovery"]
    if given is None:
        return
    right = "{metric: cash_min, below: 0}"
    if not isinstance(given, Mapping) or not given:
        yield _line("discovery", "must name a metric and a threshold", given, right)
        return
    yield from (
        _line(f"discovery.{name}", "is unknown", given[name], suggest(str(name), SOUGHT))
        for name in given
        if name not in SOUGHT
    )
    metric, kept = given.get("metric"), settings["metrics"]
    if str(metric) not in REGISTRY:
        yield _line("discovery.metric", "is unknown", metric, suggest(str(metric), REGISTRY))
    elif kept is not None and metric not in kept:
        yield _line("discovery.metric", "is not among the metrics that are kept", metric, f"metrics: [..., {metric}]")
    if (given.get("below") is None) == (given.get("above") is None):
        yield _line("discovery", "must have below or above, one of them", dict(given), right)
    yield from _discovery_numbers(given)
    yield from _discovery_place(settings, given.get("period", SOUGHT["period"]))


def _discovery_numbers(given: Mapping[str, Any]) -> Iterator[str]:
    for name in ("below", "above"):
        if given.get(name) is not None and not _finite(given[name]):
            yield _line(f"discovery.{name}", "must be a finite number", given[name], f"{name}: 0")
    for name in ("coverage", "density"):
        value = given.get(name, 0)
        if not _finite(value) or not 0 <= value <= 1:
            yield _line(f"discovery.{name}", "must be a share", value, "from 0 to 1")


def _discovery_place(settings: Mapping[str, Any], period: Any) -> Iterator[str]:
    kind = period_kind(str(period))
    if kind is None:
        yield _line("discovery.period", "is no period", period, "horizon, FY2026, Q2026-03 or 2026-03")
    elif kind not in settings["periods"]:
        yield _line("discovery.period", "is of a kind that is not kept", period, f"periods: [..., {kind}]")
    if settings["sampler"] in SPARSE:
        right = "sampler: lhs, sobol or grid"
        yield _line("discovery", "needs points that fill the space", f"sampler {settings['sampler']}", right)


def period_kind(label: str) -> str | None:
    """The kind of the period that a label is of; None if it is of none."""
    return next((name for name, pattern in PATTERNS.items() if re.fullmatch(pattern, label)), None)


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any, least: int, most: int | None) -> bool:
    right = isinstance(value, int) and not isinstance(value, bool)
    return right and value >= least and (most is None or value <= most)


def _line(where: str, what: str, got: Any, right: str) -> str:
    return f"experiment.{where}: {what}, got {shown(got)}; {right}"
