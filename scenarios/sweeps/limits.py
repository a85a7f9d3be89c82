"""What a sampler can do with the keys of an experiment, and how much of it is admitted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown
from scenarios.studies.budget import predicted_events, predicted_memory
from scenarios.sweeps.one_at_a_time import off_base
from scenarios.sweeps.ranges import Range
from scenarios.sweeps.run_point import LABELS
from scenarios.sweeps.sampling import levels
from scenarios.sweeps.settings import ONE_AT_A_TIME, period_kind
from scenarios.sweeps.spaces import Space

if TYPE_CHECKING:
    from scenarios.studies.study import Study
    from scenarios.sweeps.experiment import Experiment
    from scenarios.sweeps.sampling import Point

ACCOUNTS, DAYS = "market.accounts", "horizon.days"

DISCOVERY_LEAST = 20
"""Points without which no rule is sought: ten that fail and ten that do not (``analysis.discovery``)."""


def check_levels(space: Space, given: Mapping[str, Any], study: Study) -> None:
    """Refuse what a sampler cannot do with a key.

    Raises
    ------
    InputError
    """
    sampler, problems = given["sampler"], []
    for key, domain in space.free.items():
        asked = domain.levels if isinstance(domain, Range) else None
        where = f"experiment.keys.{key}"
        if sampler == "list" and isinstance(domain, Range):
            problems.append(f"{where}: has no values for a list, got a range; [a, b, ...], or sampler: grid")
        elif asked and sampler != "grid":
            problems.append(f"{where}.levels: is for a grid, got sampler {sampler}; no levels, or sampler: grid")
        elif asked and asked > given["max_points"]:
            problems.append(_too_many(f"{where}.levels", asked, given["max_points"]))
    if sampler == "list" and not problems:
        problems += _unequal(space)
    if sampler == ONE_AT_A_TIME and not problems:
        problems += off_base(space, study)
    if not space.free and not space.shares:
        problems.append("experiment.keys: leaves nothing to sample, got links only; a range or a list")
    if problems:
        raise InputError(problems)


def _unequal(space: Space) -> list[str]:
    """Keys of a list that do not have as many values as the first."""
    lengths = {key: len(getattr(domain, "values", ())) for key, domain in space.free.items()}
    first = next(iter(lengths), "")
    return [
        f"experiment.keys.{key}: is of another length, got {number} values; {lengths[first]} as {first}, or a grid"
        for key, number in lengths.items()
        if number != lengths[first]
    ]


def check_size(experiment: Experiment) -> None:
    """Refuse more points or runs than the limits before any point is drawn, naming the key that makes most of them.

    Raises
    ------
    InputError
    """
    size = experiment.size()
    if size.points > experiment.max_points:
        raise InputError([_too_many(_growing(experiment), size.points, experiment.max_points)])
    if size.jobs > experiment.max_runs:
        where = "experiment.replications" if experiment.replications > size.points else _growing(experiment)
        made = f"{size.points} points x {experiment.replications} replications"
        limit = f"at most {experiment.max_runs}, which experiment.max_runs={size.jobs} raises"
        raise InputError([f"{where}: makes too many runs, got {size.jobs} ({made}); {limit}"])
    filling = 2 * experiment.base_samples if experiment.base_samples else size.rows
    if experiment.discovery and filling < DISCOVERY_LEAST:
        where, right = _growing(experiment), f"{DISCOVERY_LEAST} or more that differ in every key"
        raise InputError([f"{where}: makes too few points for a discovery, got {filling}; {right}"])


def _growing(experiment: Experiment) -> str:
    """The setting that makes most of the points."""
    if experiment.sampler == "grid":
        numbers = levels(experiment)
        return f"experiment.keys.{max(numbers, key=numbers.__getitem__)}"
    if experiment.sampler in ("list", ONE_AT_A_TIME):
        return "experiment.keys"
    return "experiment.base_samples" if experiment.base_samples else "experiment.points"


def _too_many(where: str, number: int, limit: int) -> str:
    return f"{where}: makes too many points, got {number}; at most {limit}, which experiment.max_points={number} raises"


def check_discovery(experiment: Experiment, drawn: Iterable[Point]) -> None:
    """Refuse a discovery over a period that no point reaches, or that its metric is not measured for.

    Parameters
    ----------
    experiment : Experiment
    drawn : iterable of Point

    Raises
    ------
    InputError
    """
    if not experiment.discovery:
        return
    from analysis.metrics import REGISTRY

    where, period = "experiment.discovery.period", experiment.discovery["period"]
    kind, metric = period_kind(period), REGISTRY[experiment.discovery["metric"]]
    assert kind is not None
    if kind not in metric.periods:
        kinds = ", ".join(each.replace("_", " ") for each in metric.periods)
        raise InputError([f"{where}: is not measured for {metric.name}, got {shown(period)}; a {kinds}"])
    if period in (there := _periods(experiment, drawn, kind)):
        return
    kind = kind.replace("_", " ")
    right = f"the {kind}s are {there[0]} to {there[-1]}" if there else f"a horizon that holds a whole {kind}"
    raise InputError([f"{where}: is reached at no point, got {shown(period)}; {right}"])


def _periods(experiment: Experiment, drawn: Iterable[Point], kind: str) -> list[str]:
    """Labels of the periods of a kind that are over at one point or more, in their order."""
    from pandas import DatetimeIndex

    from analysis.metrics.periods import Calendar

    horizons = set()
    for point in drawn:
        own = experiment.studies[point.scenario].config["horizon"]
        start, days = (point.values.get(f"horizon.{name}", own[name]) for name in ("start", "days"))
        horizons.add((start, days, own.get("fiscal_year_start")))
    ends = [DatetimeIndex(Calendar(*horizon).groups[kind].ends) for horizon in horizons]
    return sorted({label for days in ends for label in days.strftime(LABELS[kind])})


def check_budget(experiment: Experiment, drawn: Iterable[Point]) -> None:
    """Refuse a sweep whose runs together are predicted to need more events or memory than the limits.

    Parameters
    ----------
    experiment : Experiment
    drawn : iterable of Point

    Raises
    ------
    InputError
        With the estimate, the key that makes it large, and the one that raises the limit.
    """
    drawn = list(drawn)
    accounts = [_value(experiment, point, ACCOUNTS) for point in drawn]
    days = [_value(experiment, point, DAYS) for point in drawn]
    if problems := [*_events(experiment, accounts, days), *_memory(experiment, accounts)]:
        raise InputError(problems)


def _value(experiment: Experiment, point: Point, key: str) -> float:
    group, name = key.split(".")
    return float(point.values.get(key, experiment.studies[point.scenario].config[group][name]))


def _events(experiment: Experiment, accounts: list[float], days: list[float]) -> Iterator[str]:
    found = experiment.replications * sum(map(predicted_events, accounts, days))
    if found > experiment.max_events:
        mean = sum(accounts) / len(accounts)
        size = f"{len(accounts)} points x {experiment.replications} replications x {mean:.6g} accounts"
        right = f"fewer, or experiment.max_events={math.ceil(found)}"
        text = f"needs about {found:.3g} events ({size}, {sum(days) / len(days):.6g} days)"
        yield f"{_heavy(experiment)}: {text}, got a limit of {experiment.max_events:.3g}; {right}"


def _memory(experiment: Experiment, accounts: list[float]) -> Iterator[str]:
    """Every process holds one replication, or all of a point whose run folder is kept."""
    workers = int(next(iter(experiment.studies.values())).config["execution"]["workers"])
    kept = workers * (experiment.replications if experiment.keep["runs"] else 1)
    found = predicted_memory(max(accounts), workers, kept)
    if found > experiment.max_memory:
        where = "execution.workers" if found / workers <= experiment.max_memory / 2 else _heavy(experiment)
        size = f"{workers} processes, up to {max(accounts):.6g} accounts"
        right = f"fewer, or experiment.max_memory={math.ceil(found)}"
        yield f"{where}: needs about {found:,.0f} MiB ({size}), got a limit of {experiment.max_memory:,}; {right}"


def _heavy(experiment: Experiment) -> str:
    """Where the accounts of the points stand."""
    return f"experiment.keys.{ACCOUNTS}" if ACCOUNTS in experiment.columns else ACCOUNTS
