"""Months that really came, from a file: those of the horizon to score by, those before it for the rival."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown, suggest

if TYPE_CHECKING:
    import pandas as pd

    from analysis.metrics.periods import Calendar
    from scenarios.intake.plan import PlannedRow

WHERE = "actual"
NOT_A_MONTH, IN_PART = "not a month", "only in part in the horizon"
NEAR = 0.8
"""Likeness of a name to a metric from which it is a typing error; below it is a figure that no model has."""

EXAMPLES = 3

Key = tuple[str, str, str]
"""Metric, dimension and level; the latter empty for the whole."""


@dataclass(frozen=True, eq=False)
class Actual:
    """What came.

    Attributes
    ----------
    path : str
        The file.
    span : tuple of str
        Months of the horizon, ``YYYY-MM``, in their order.
    months, earlier : dict
        By what is measured: values by first day of the month, within the horizon and before it.
    left : list of tuple
        What is measured, why it is not scored, and which months.
    """

    path: str
    span: tuple[str, ...]
    months: dict[Key, pd.Series]
    earlier: dict[Key, pd.Series] = field(default_factory=dict)
    left: list[tuple[Key, str, str]] = field(default_factory=list)

    def before(self, key: Key) -> pd.Series:
        """Values before the start; empty where none are known."""
        return self.earlier[key] if key in self.earlier else self.months[key].iloc[:0]

    def dated(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table by month ``YYYY-MM`` as one by first day, with a row for every month of the horizon."""
        import pandas as pd

        return table.reindex(self.span).set_axis(pd.to_datetime(list(self.span)), axis=0)


def read_settings(words: Sequence[str]) -> dict[str, Any]:
    """How a file is written, from ``actual=FILE`` and ``actual.KEY=VALUE``.

    Raises
    ------
    InputError
        For a key or a value that no such file has.
    """
    from scenarios.studies.overrides import read_overrides

    settings, problems = read_overrides(words)
    tree: dict[str, Any] = {}
    for setting in settings:
        path = (*setting.path[1:],) or (("path",) if not isinstance(setting.value, Mapping) else ())
        if setting.action != "set":
            problems.append(f"{setting.text}: is no setting, got {shown(setting.text)}; {WHERE}=FILE.csv")
        elif path:
            _put(tree, path, setting.value)
        else:
            tree |= setting.value
    if not problems:
        problems = list(_wrong(tree))
    if problems:
        raise InputError(problems)
    return tree


def _put(tree: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for part in path[:-1]:
        below = tree.get(part)
        tree[part] = below if isinstance(below, dict) else {}
        tree = tree[part]
    tree[path[-1]] = value


def _wrong(tree: Mapping[str, Any]) -> Iterator[str]:
    """What a plan file could not have either."""
    from pydantic import TypeAdapter, ValidationError

    from scenarios.studies.schema import expected, hints
    from scenarios.studies.settings import PlanFile

    kinds = {key: kind for key, kind in hints(PlanFile).items() if key not in ("load", "__pydantic_config__")}
    for key, value in tree.items():
        if key not in kinds:
            yield f"{WHERE}.{key}: is an unknown key, got {shown(value)}; {suggest(key, kinds, 'known:')}"
            continue
        try:
            TypeAdapter(kinds[key]).validate_python(value, strict=True)
        except ValidationError:
            what = "the path of a file" if key == "path" else expected(kinds[key], None)
            yield f"{WHERE}.{key}: must be {what}, got {shown(value)}"


def read_actual(settings: Mapping[str, Any], config: Mapping[str, Any]) -> Actual:
    """Months of a file, sorted into those of the horizon, those before it, and those that cannot be scored.

    Parameters
    ----------
    settings : mapping
        As the key ``plan`` of a configuration.
    config : mapping
        The configuration of the study.

    Raises
    ------
    InputError
        If the file cannot be read, misspells a metric, or holds no month of the horizon.
    """
    from analysis.attainment.period import ends, year_end
    from analysis.metrics.periods import MONTH
    from scenarios.intake.plan import ACTUAL, read_plan
    from scenarios.runs.targets import calendar_of

    calendar = calendar_of(config)
    rows, _ = read_plan(settings, year_end(calendar), ACTUAL)
    _check_names(rows)
    span = tuple(ends(calendar, MONTH))
    found: dict[str, dict[Key, dict[str, Any]]] = {}
    for row in rows:
        kind = _kind(row, calendar, span)
        found.setdefault(kind, {}).setdefault((row.metric, row.dim, row.level), {})[row.period.text] = row.value
    _check_overlap(rows, span, found)
    came, earlier = ({key: _series(values) for key, values in found.pop(kind, {}).items()} for kind in (CAME, EARLIER))
    left = [(key, kind, _named(values)) for kind, keys in found.items() for key, values in keys.items()]
    left += [(key, ONLY_EARLIER, _named_months(earlier[key])) for key in earlier if key not in came]
    return Actual(str(settings["path"]), span, came, earlier, left)


CAME, EARLIER, ONLY_EARLIER = "came", "earlier", "only before the start"


def _kind(row: PlannedRow, calendar: Calendar, span: Sequence[str]) -> str:
    """Whether a figure is of the horizon, of the time before, or why it is neither."""
    import numpy as np

    from analysis.attainment.target import MEASURED, OUTSIDE, Target, standing
    from analysis.metrics.periods import MONTH

    status = standing(Target(row.name, row.metric, row.period, row.value, dim=row.dim, level=row.level), calendar)
    if status not in (MEASURED, OUTSIDE):
        return status
    if row.period.kind != MONTH:
        return NOT_A_MONTH
    if status == OUTSIDE:
        return EARLIER if span and row.period.end < span[0] else OUTSIDE
    return CAME if calendar.origin == np.datetime64(row.period.end, "M") or row.period.end != span[0] else IN_PART


def _check_names(rows: Sequence[PlannedRow]) -> None:
    """Refuse names that are a metric but for a typing error: its scores would be missed."""
    from analysis.metrics import REGISTRY

    near: dict[str, tuple[int, str]] = {}
    for row in rows:
        plain = "_".join(row.metric.casefold().split())
        if row.metric not in REGISTRY and (close := difflib.get_close_matches(plain, REGISTRY, n=1, cutoff=NEAR)):
            near.setdefault(row.metric, (row.line, close[0]))
    if near:
        raise InputError([
            f"{WHERE}.path: names no metric of ours, got {shown(name)} in line {line}; did you mean {close}?"
            for name, (line, close) in near.items()
        ])  # fmt: skip


def _check_overlap(rows: Sequence[PlannedRow], span: Sequence[str], found: Mapping[str, Any]) -> None:
    """Refuse a file of which nothing can be scored."""
    if CAME in found:
        return
    right = f"months from {span[0]} to {span[-1]}" if span else "a horizon of whole months"
    ends = sorted(row.period.text for row in rows)
    told = f"{ends[0]} to {ends[-1]}" if len(ends) > 1 else ends[0]
    reasons = ", ".join(kind for kind in found if kind != EARLIER)
    raise InputError([
        f"{WHERE}.path: has nothing of the horizon to score, got {told}{f' ({reasons})' if reasons else ''}; {right}"
    ])  # fmt: skip


def _series(values: Mapping[str, float]) -> pd.Series:
    import pandas as pd

    return pd.Series(list(values.values()), index=pd.to_datetime(list(values)), dtype=float).sort_index()


def _named(values: Mapping[str, float]) -> str:
    periods = sorted(values)
    more = f" and {len(periods) - EXAMPLES} more" if len(periods) > EXAMPLES else ""
    return ", ".join(periods[:EXAMPLES]) + more


def _named_months(series: pd.Series) -> str:
    return _named({f"{day:%Y-%m}": 0.0 for day in series.index})
