"""The register of metrics: one definition each, with formula, unit and source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.metrics.context import Context
from analysis.metrics.cube import TOTAL, Cells, horizon_only
from analysis.metrics.periods import HORIZON, PERIODS
from analysis.metrics.view import View
from analysis.tables import COLUMNS, Tables

Definition = Callable[[View], Sequence[Cells]]

UNITS: tuple[str, ...] = (
    "count", "share", "1/month", "1/year", "days", "months", "hours", "money", "money/month", "money/year", "ratio",
    "units", "code", "as north star",
)  # fmt: skip
"""Units that a metric may declare; money becomes the currency of the study."""


@dataclass(frozen=True)
class Metric:
    """A registered metric.

    Attributes
    ----------
    name : str
        Lower snake case.
    unit : str
        One of ``UNITS``.
    formula : str
        How it is computed, in words.
    source : str
        Tables that it reads, then documents or papers.
    periods : tuple of str
        Kinds of period for which it is reported.
    definition : callable
        From a ``View`` to ``Cells``.
    """

    name: str
    unit: str
    formula: str
    source: str
    periods: tuple[str, ...]
    definition: Definition

    def cells(self, view: View) -> list[Cells]:
        """Values for one replication; a metric that does not apply is one null over the horizon."""
        found = [c for c in self.definition(view) if c.period in self.periods and c.values.size]
        return found or horizon_only(float("nan"))

    def currency_unit(self, context: Context) -> str:
        """Unit as it stands in the metrics table."""
        if self.unit == "as north star":
            star = REGISTRY.get(context.north_star)
            return "count" if star is None or star is self else star.currency_unit(context)
        return self.unit.replace("money", context.currency)


REGISTRY: dict[str, Metric] = {}
"""All metrics by name, in the order of definition."""


def metric(
    name: str, *, unit: str, formula: str, source: str, periods: tuple[str, ...] = PERIODS
) -> Callable[[Definition], Definition]:
    """Register a function from a ``View`` to ``Cells`` as a metric."""

    def register(definition: Definition) -> Definition:
        if name in REGISTRY:
            raise ValueError(f"metric {name} is defined twice")
        if unit not in UNITS or HORIZON not in periods:
            raise ValueError(f"metric {name}: needs one of the units {', '.join(UNITS)}, and the horizon as a period")
        definition.__doc__ = definition.__doc__ or f"``{name}``, in {unit}: {formula}."
        REGISTRY[name] = Metric(name, unit, formula, source, periods, definition)
        return definition

    return register


def compute(tables: Tables, context: Context, names: Sequence[str] | None = None) -> pd.DataFrame:
    """All metrics of all replications.

    Parameters
    ----------
    tables : Tables
        Of one or several replications.
    context : Context
        What belongs to the study.
    names : sequence of str, optional
        Metrics wanted, all by default.

    Returns
    -------
    pandas.DataFrame
        The metrics table: replication, ds, period, metric, dim1, level1, dim2, level2, value, unit; totals have
        null dimensions, undefined values are null.
    """
    chosen = [REGISTRY[name] for name in (REGISTRY if names is None else names)]
    frames = [_replication(chosen, View(part, context), number) for number, part in tables.split()]
    if not frames:
        return pd.DataFrame(columns=list(COLUMNS["metrics"]))
    table = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    return table.astype({c: "category" for c, kind in COLUMNS["metrics"].items() if kind == "category"})


def describe() -> pd.DataFrame:
    """The register as a table: metric, unit, formula, source, periods."""
    rows = [(m.name, m.unit, m.formula, m.source, ", ".join(m.periods)) for m in REGISTRY.values()]
    return pd.DataFrame(rows, columns=["metric", "unit", "formula", "source", "periods"])


def _replication(chosen: Sequence[Metric], view: View, number: int) -> pd.DataFrame:
    rows = [(m, cells) for m in chosen for cells in m.cells(view)]
    sizes = np.array([cells.values.size for _, cells in rows])
    unit = [m.currency_unit(view.context) for m, _ in rows]
    levels = [np.repeat(c.levels if c.dim != TOTAL else ("",), c.values.shape[1]) for _, c in rows]
    ends = [np.tile(view.calendar.groups[c.period].ends, c.values.shape[0]) for _, c in rows]
    size = int(sizes.sum())
    nothing = pd.Categorical.from_codes(np.full(size, -1, np.int8), categories=pd.Index([], dtype="str"))
    return pd.DataFrame(
        {
            "replication": np.full(size, number, np.int32),
            "ds": np.concatenate(ends),
            "period": _category([c.period for _, c in rows], sizes),
            "metric": _category([m.name for m, _ in rows], sizes),
            "dim1": _category([c.dim for _, c in rows], sizes),
            "level1": _category(np.concatenate(levels).tolist(), None),
            "dim2": nothing,
            "level2": nothing,
            "value": np.concatenate([_finite(c.values) for _, c in rows]),
            "unit": _category(unit, sizes),
        }
    )


def _finite(values: np.ndarray) -> np.ndarray:
    flat = np.asarray(values, float).ravel()
    return np.where(np.isfinite(flat), flat, np.nan)


def _category(values: list[str], sizes: np.ndarray | None) -> pd.Categorical:
    """Categories in order of first occurrence, each value repeated; empty text is null."""
    place = {name: code for code, name in enumerate(dict.fromkeys(v for v in values if v))}
    codes = np.array([place.get(v, -1) for v in values], np.int32)
    repeated = codes if sizes is None else np.repeat(codes, sizes)
    return pd.Categorical.from_codes(repeated, categories=pd.Index(list(place), dtype="str"))
