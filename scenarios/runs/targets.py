"""Targets of a study: read from the configuration and the plan file, checked, and held against a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown, suggest
from scenarios.runs.replicate import metrics_context

if TYPE_CHECKING:
    import pandas as pd

    from analysis.attainment.target import Target
    from analysis.metrics.periods import Calendar

FILES: tuple[str, ...] = ("targets", "coverage", "capacity", "cash_risk")
"""CSV files that a run folder holds where there are targets, each where it has a row."""


@dataclass(frozen=True)
class Planned:
    """What a plan asks for.

    Attributes
    ----------
    targets : tuple of Target
        Those of the configuration, then those of the file.
    digest : str
        SHA-256 of the plan file, empty without one.
    """

    targets: tuple[Target, ...]
    digest: str = ""


def is_planned(config: Mapping[str, Any]) -> bool:
    """Whether a configuration asks for anything."""
    return bool(config.get("targets") or (config.get("plan") or {}).get("path"))


def planned(config: Mapping[str, Any]) -> Planned:
    """Targets of a configuration and of its plan file.

    Raises
    ------
    InputError
        If the file cannot be read, or a target of the configuration names a metric, period or part that is not
        there. Figures of the file for what the model has not are kept: they are listed beside the others.
    """
    if not is_planned(config):
        return Planned(())
    from analysis.attainment.period import year_end

    calendar = calendar_of(config)
    last = year_end(calendar)
    problems = list(_problems(config, calendar, last))
    if problems:
        raise InputError(problems)
    own = [_own(name, entry, last) for name, entry in (config.get("targets") or {}).items()]
    from_file, digest = _from_file(config, last)
    return Planned((*own, *from_file), digest)


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest says of the targets: another plan makes other results; nothing where nothing is asked for."""
    if not is_planned(config):
        return {}
    return {"targets": config.get("targets"), "plan": config.get("plan"), "plan_digest": planned(config).digest}


def sheets(config: Mapping[str, Any], metrics: pd.DataFrame, targets: tuple[Target, ...]) -> dict[str, pd.DataFrame]:
    """Targets, pipeline coverage, capacity and the risk of running out of cash, by the name of their file.

    Parameters
    ----------
    config : mapping
        The configuration.
    metrics : pandas.DataFrame
        The metrics table.
    targets : tuple of Target
        As from ``planned``; without any there are no tables.
    """
    if not targets:
        return {}
    from analysis.attainment.attain import attain
    from analysis.attainment.capacity import capacity
    from analysis.attainment.cash import cash_risk
    from analysis.attainment.coverage import coverage

    calendar, load = calendar_of(config), (config.get("plan") or {}).get("load")
    found = {
        "targets": attain(metrics, targets, calendar),
        "coverage": coverage(metrics, targets, calendar),
        "cash_risk": cash_risk(metrics),
    }
    if load:
        found["capacity"] = capacity(metrics, targets, calendar, load)
    return {name: found[name] for name in FILES if name in found and len(found[name])}


def stored(folder: Path) -> tuple[Target, ...]:
    """The targets that a folder was held against, read back from its own table."""
    import pandas as pd

    from analysis.attainment.period import Period
    from analysis.attainment.target import Target

    path = folder / "targets.csv"
    if not path.is_file():
        return ()
    rows = pd.read_csv(path, encoding="utf-8-sig", dtype=str, keep_default_na=False)
    return tuple(
        Target(
            _plain(row["target"]), _plain(row["metric"]),
            Period(row["kind"], "" if row["kind"] == "horizon" else row["ds"][:7], row["period"]),
            float(row["value"]), row["sense"], _plain(row["dim"]), _plain(row["level"]),
        )
        for row in rows.to_dict("records")
    )  # fmt: skip


def _plain(cell: Any) -> str:
    """A text without the mark that keeps a spreadsheet from taking it for a formula."""
    text = str(cell)
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@", "\t", "\r") else text


def calendar_of(config: Mapping[str, Any]) -> Calendar:
    """Months and longer periods, as the metrics of the study have them."""
    from analysis.metrics.view import View
    from analysis.tables import Tables

    return View(Tables({}), metrics_context(dict(config))).calendar


def _own(name: str, entry: Mapping[str, Any], last: int) -> Target:
    """A target of the configuration that was checked."""
    from analysis.attainment.period import read_period
    from analysis.attainment.target import DIMS, Target, sense_of

    dim = next((d for d in DIMS if entry.get(d) is not None), "")
    sense = sense_of(entry["metric"], entry.get("at_least"))
    period = read_period(entry["period"], last)
    return Target(name, entry["metric"], period, float(entry["value"]), sense, dim, str(entry.get(dim) or ""))


def _from_file(config: Mapping[str, Any], last: int) -> tuple[list[Target], str]:
    plan = config.get("plan") or {}
    if not plan.get("path"):
        return [], ""
    from analysis.attainment.target import Target, sense_of
    from scenarios.intake.plan import read_plan

    rows, digest = read_plan(plan, last)
    targets = []
    for row in rows:
        name = row.name or " ".join(filter(None, (row.metric, row.level, row.period.text)))
        sense = sense_of(row.metric, row.at_least)
        targets.append(Target(name, row.metric, row.period, row.value, sense, row.dim, row.level))
    return targets, digest


def _problems(config: Mapping[str, Any], calendar: Calendar, last: int) -> Iterator[str]:
    """What is wrong with the targets of the configuration itself."""
    from analysis.attainment.target import DIMS
    from analysis.metrics import REGISTRY

    for name, entry in (config.get("targets") or {}).items():
        where, metric = f"targets.{name}", entry["metric"]
        if metric not in REGISTRY:
            yield f"{where}.metric: is unknown, got {shown(metric)}; {suggest(metric, REGISTRY)}"
        parts = [dim for dim in DIMS if entry.get(dim) is not None]
        if len(parts) > 1:
            yield f"{where}: is for two parts at once, got {' and '.join(parts)}; one of them"
        else:
            yield from (f"{where}.{problem}" for dim in parts for problem in _part(config, entry, dim))
        yield from (f"{where}.period: {problem}" for problem in _period(entry, calendar, last))


def _part(config: Mapping[str, Any], entry: Mapping[str, Any], dim: str) -> Iterator[str]:
    """A part that the study lacks, or that the metric is not measured for."""
    from analysis.attainment.target import BY_DESK, QUOTAS, has_dim

    desks, level = config["policy"]["desks"], str(entry[dim])
    known = {
        "segment": config["market"]["segments"], "channel": config["market"]["channels"],
        "product": config["policy"].get("products", {}), "team": desks, "desk": desks, "owner": desks,
    }[dim]  # fmt: skip
    desk, _, number = level.rpartition("-")
    if dim == "owner" and (desk not in desks or not number.isdecimal()):
        right = f"a desk and a number, as in {next(iter(desks), 'sales')}-1"
        yield f"owner: is nobody of the desks, got {shown(level)}; {right}"
    elif dim != "owner" and level not in known:
        yield f"{dim}: is no {dim} of the study, got {shown(level)}; {suggest(level, known)}"
    elif not has_dim(entry["metric"], dim):
        measured = BY_DESK if dim == "desk" else QUOTAS
        right = f"for {', '.join(measured)}" if dim in ("desk", "team", "owner") else "by desk, or no part of it"
        yield f"{dim}: {entry['metric']} is not measured by {dim}, got {shown(level)}; {right}"


def _period(entry: Mapping[str, Any], calendar: Calendar, last: int) -> Iterator[str]:
    """A period that is none, that the metric is not measured for, or that the horizon does not hold."""
    from analysis.attainment.period import ends, read_period
    from analysis.metrics import REGISTRY

    text, metric = entry["period"], REGISTRY.get(entry["metric"])
    try:
        period = read_period(text, last)
    except ValueError as error:
        yield f"is no period, got {shown(text)}; {error}"
        return
    there = ends(calendar, period.kind)
    if metric is not None and period.kind not in metric.periods:
        kinds = ", ".join(kind.replace("_", " ") for kind in metric.periods)
        yield f"is not measured for {metric.name}, got {shown(text)}; a {kinds}"
    elif period.end not in there:
        kind = period.kind.replace("_", " ")
        right = f"the {kind}s end in {there[0]} to {there[-1]}" if there else f"a horizon that holds a whole {kind}"
        yield f"lies outside the horizon, got {shown(text)}; {right}"
