"""Tables of an optimisation: trials, the front, the plans that were confirmed, failures."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.optimise.measure import MEAN, Estimate, units
from scenarios.optimise.judge import DONE, Judged, best
from scenarios.optimise.problem import Problem
from scenarios.studies.digest import table_digest
from scenarios.sweeps.points import aliases

if TYPE_CHECKING:
    import pandas as pd

OWN = ("role", "trial", "batch", "digest", "status", "feasible", "error", "command", "best", "near", "kind", "metric",
       "period", "unit", "searched", "confirmed", "optimism", "keeps", "level", "replications")  # fmt: skip
"""Columns beside those of keys and figures."""

TRIAL, CURRENT, FINALIST = "trial", "current", "finalist"
"""Roles of a plan."""

FAILED = ("role", "trial", "replication", "type", "message", "command")
"""Columns of the failures."""


@dataclass(frozen=True, eq=False)
class Found:
    """All that an optimisation found.

    Attributes
    ----------
    now, again : Judged
        The plan as it stands, on the seeds of the search and on fresh ones.
    trials : list of Judged
    pairs : list of (Judged, Judged)
        Finalists as they were searched and as they were confirmed.
    level : float
        Confidence of the intervals of confirmed plans, such that all of them hold together with 95 %.
    """

    problem: Problem
    now: Judged
    trials: list[Judged]
    again: Judged
    pairs: list[tuple[Judged, Judged]]
    level: float


def figure_names(problem: Problem) -> tuple[list[str], list[str]]:
    """Columns of the objectives and of the limits, each its own."""
    names: list[str] = []
    wanted = [each.quantity.name for each in problem.objectives]
    wanted += [f"limit_{each.quantity.name}" for each in problem.conditions]
    for name in wanted:
        names.append(name if name not in names else f"{name}_{len(names)}")
    return names[: len(problem.objectives)], names[len(problem.objectives) :]


def key_aliases(problem: Problem) -> dict[str, str]:
    """Short names of keys."""
    ends = ("", "_low", "_high", "_excess")
    figures = [f"{name}{end}" for names in figure_names(problem) for name in names for end in ends]
    return aliases(problem.columns, (*OWN, *figures))


def write_tables(folder: Path, found: Found) -> dict[str, Any]:
    """Write the tables; entries of the manifest."""
    from scenarios.runs.derive import arrow, write_frame, write_parquet

    entries: dict[str, Any] = {}
    frames = {"trials": trials_frame(found), "front": front_frame(found), "confirmed": confirmed_frame(found)}
    for name, frame in frames.items():
        entries[f"{name}.parquet"] = write_parquet(folder / f"{name}.parquet", arrow(frame))
        kept = frame.drop(columns=["command"], errors="ignore")
        entries[f"{name}.parquet"]["digest"] = table_digest(arrow(kept))
        entries[f"{name}.csv"] = write_frame(folder / f"{name}.csv", frame)
    entries["failures.csv"] = write_frame(folder / "failures.csv", failures_frame(found))
    return entries


def trials_frame(found: Found) -> pd.DataFrame:
    """A row for every trial, in their order, and first one for the plan as it stands.

    Columns: role, trial, batch, digest, keys in full and by alias, objectives and limits with intervals, ``excess`` by
    which a limit is missed, feasible, status, error, command.
    """
    rows = [_row(found.problem, each, CURRENT if each is found.now else TRIAL) for each in (found.now, *found.trials)]
    return _typed(rows, found.problem)


def front_frame(found: Found) -> pd.DataFrame:
    """The trials that no other one beats (``best``), and those that cannot be told from them (``near``)."""
    good = [each for each in found.trials if each.feasible]
    front, near = best(found.problem, good)
    rows = [
        _row(found.problem, each, TRIAL) | {"best": bool(front[i]), "near": bool(near[i])}
        for i, each in enumerate(good)
        if near[i]
    ]
    names = [name for name in _row(found.problem, found.now, TRIAL) if name not in ("status", "error", "feasible")]
    return _typed(rows, found.problem, [*names, "best", "near"])


def _row(problem: Problem, each: Judged, role: str) -> dict[str, Any]:
    errors = each.tried.failures
    return {
        "role": role, "trial": each.number, "batch": each.batch, "digest": each.tried.digest,
        **_keys(problem, each), **_figures(problem, each), "feasible": each.feasible, "status": each.status,
        "error": f"{errors[0]['type']}: {errors[0]['message']}" if errors else None, "command": each.tried.command,
    }  # fmt: skip


def _keys(problem: Problem, each: Judged) -> dict[str, Any]:
    values = {key: _plain(each.plan[key]) for key in problem.columns}
    return values | {alias: values[key] for key, alias in key_aliases(problem).items()}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else json.dumps(value)


def _figures(problem: Problem, each: Judged) -> dict[str, Any]:
    nothing = Estimate(math.nan, math.nan, math.nan, 0)
    objectives, limits = figure_names(problem)
    found: dict[str, Any] = {}
    for number, name in enumerate(objectives):
        found |= _columns(name, each.estimates[number] if each.estimates else nothing)
    for number, name in enumerate(limits):
        kept = each.kept[number] if each.kept else None
        found |= _columns(name, kept.estimate if kept else nothing)
        found[f"{name}_excess"] = kept.excess if kept and math.isfinite(kept.excess) else math.nan
    return found


def _columns(name: str, each: Estimate) -> dict[str, float]:
    return {name: each.value, f"{name}_low": each.low, f"{name}_high": each.high}


def _typed(rows: Sequence[dict[str, Any]], problem: Problem, names: Iterable[str] | None = None) -> pd.DataFrame:
    """Rows as a table, whole numbers whole, keys that hold several kinds of value as text."""
    import pandas as pd

    frame = pd.DataFrame(list(rows), columns=list(names) if names is not None else None)
    for name in ("trial", "batch"):
        if name in frame:
            frame[name] = frame[name].astype("Int64")
    mixed = [name for pair in key_aliases(problem).items() for name in pair if name in frame]
    return frame.assign(**{name: one_kind(frame[name]) for name in mixed})


def one_kind(column: pd.Series[Any]) -> pd.Series[Any]:
    """Numbers, truth values or text; text where they are mixed."""
    kinds = {type(value) for value in column if value is not None and value == value}
    if kinds <= {int, float} or len(kinds) == 1:
        return column
    return column.map(lambda value: value if value is None or value != value else str(value)).astype(object)


def confirmed_frame(found: Found) -> pd.DataFrame:
    """A row for every finalist, and the plan as it stands, and every objective and limit: searched and confirmed.

    ``optimism`` says how much better the search made it look, in the unit of the metric, with an interval: the best of
    many look better than they are. ``best`` and ``near`` are judged on the fresh seeds alone, among plans that keep all
    limits there (``feasible``).
    """
    pairs = [*((FINALIST, one, other) for one, other in found.pairs), (CURRENT, found.now, found.again)]
    good = [other for _, _, other in pairs if other.feasible]
    front, near = best(found.problem, good)
    marks = {id(each): {"best": bool(a), "near": bool(b)} for each, a, b in zip(good, front, near, strict=True)}
    rows = []
    for role, searched, confirmed in pairs:
        own = {"role": role, "trial": searched.number, "digest": searched.tried.digest,
               **_keys(found.problem, searched)}  # fmt: skip
        judged = {"feasible": confirmed.feasible, **marks.get(id(confirmed), {"best": False, "near": False}),
                  "level": found.level, "status": confirmed.status, "command": confirmed.tried.command}  # fmt: skip
        rows += [own | told | judged for told in _told(found.problem, searched, confirmed)]
    return _typed(rows, found.problem)


def _told(problem: Problem, one: Judged, other: Judged) -> list[dict[str, Any]]:
    """Objectives and limits of a plan, before and after."""
    nothing = Estimate(math.nan, math.nan, math.nan, 0)
    rows = []
    for number, objective in enumerate(problem.objectives):
        a, b = (each.estimates[number] if each.estimates else nothing for each in (one, other))
        sign = 1.0 if objective.goal.largest else -1.0
        low, high = _difference(problem, objective, one, other)
        kind = {"kind": "objective", "metric": objective.quantity.metric, "period": objective.quantity.period}
        rows.append(kind | {"unit": objective.quantity.unit} | _before_after(a, b)
                    | {"optimism": sign * (a.value - b.value), "optimism_low": low, "optimism_high": high,
                       "keeps": None})  # fmt: skip
    for number, condition in enumerate(problem.conditions):
        a, b = (each.kept[number].estimate if each.kept else nothing for each in (one, other))
        kind = {"kind": "limit", "metric": condition.quantity.metric, "period": condition.quantity.period}
        unit = condition.quantity.unit if condition.limit.probability is None else "share"
        keeps = other.kept[number].holds if other.kept else None
        rows.append(
            kind
            | {"unit": unit}
            | _before_after(a, b)
            | {"optimism": math.nan, "optimism_low": math.nan, "optimism_high": math.nan, "keeps": keeps}
        )
    return rows  # fmt: skip


def _before_after(a: Estimate, b: Estimate) -> dict[str, Any]:
    return {"searched": a.value, "searched_low": a.low, "searched_high": a.high, "confirmed": b.value,
            "confirmed_low": b.low, "confirmed_high": b.high, "replications": b.n}  # fmt: skip


def _difference(problem: Problem, objective: Any, one: Judged, other: Judged) -> tuple[float, float]:
    """Welch's 95 % interval of a difference of means on independent seeds; none of a quantile."""
    from scipy.stats import ttest_ind

    if objective.goal.measure != MEAN or one.status != DONE or other.status != DONE:
        return math.nan, math.nan
    a, b = (units(each.tried.outcomes[objective.quantity]) for each in (one, other))
    if len(a) < 2 or len(b) < 2 or not (a.std() + b.std()):
        return math.nan, math.nan
    found = ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    low, high = float(found.low), float(found.high)
    return (low, high) if objective.goal.largest else (-high, -low)


def failures_frame(found: Found) -> pd.DataFrame:
    """A row for every replication that failed, with the command that repeats it."""
    import pandas as pd

    told = [(CURRENT, found.now), *((TRIAL, each) for each in found.trials)]
    told += [(FINALIST, other) for _, other in found.pairs] + [(CURRENT, found.again)]
    rows = [{"role": role, "trial": each.number, **row} for role, each in told for row in each.tried.failures]
    frame = pd.DataFrame(rows, columns=list(FAILED))
    return frame.assign(trial=frame["trial"].astype("Int64"))
