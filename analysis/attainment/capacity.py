"""Capacity against plan: the hours that a plan's volume needs at every desk, and the people whom that takes.

The run says what one unit of a metric costs in work: hours that win customers over the units won, all replications
and the whole horizon together, work on accounts that were lost included. A target on what is won multiplies these
hours; a target on customers multiplies the hours that serve customers, in proportion to the customers simulated for
the same period. The other kind of hours stays as simulated. A head offers the working hours of the calendar; a plan
fills only a part of them, because waits grow without bound as load nears 1 (Kingman 1961), so that

    required heads = ceil(hours needed / (hours of a head x load)).

Work begun before the end for what is won after it makes the hours of a unit a little too high in a growing business.

References
----------
Kingman, J. F. C. (1961). The single server queue in heavy traffic. Mathematical Proceedings of the Cambridge
    Philosophical Society 57, 902-904.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.attainment.coverage import WHOLE
from analysis.attainment.figures import Figures
from analysis.attainment.target import AT_LEAST, MEASURED, Target, standing
from analysis.metrics.periods import Calendar
from analysis.metrics.view import DESK

WON: tuple[str, ...] = (
    "leads", "lead_journeys", "qualified", "opportunities", "signed", "deals_signed", "new_customers", "activated",
    "signed_amount", "new_mrr", "trials",
)  # fmt: skip
"""Metrics that take work that wins customers."""

SERVED: tuple[str, ...] = ("active_customers", "arr", "mrr", "using_accounts")
"""Metrics that take work for customers."""

CAPACITY, BUSY, WINNING, HEADS = "capacity_hours", "busy_hours", "acquisition_hours", "heads"

COLUMNS: tuple[str, ...] = (
    "target", "metric", "period", "value", "desk", "hours_per_unit", "hours_needed", "hours_offered", "load",
    "hours_of_a_head", "heads", "required_heads", "hires", "replications",
)  # fmt: skip
"""``hours_per_unit`` are those that the target multiplies, ``load`` is needed over offered."""


def capacity(
    metrics: pd.DataFrame, targets: Sequence[Target], calendar: Calendar, load: float
) -> pd.DataFrame:  # fmt: skip
    """Hours and heads that targets need, desk by desk.

    Parameters
    ----------
    metrics : pandas.DataFrame
        The metrics table.
    targets : sequence of Target
        Those of ``WON`` and ``SERVED`` for the whole business count, the others are passed over.
    calendar : Calendar
        Months of the horizon.
    load : float
        Share of the working hours that a plan fills, above 0, at most 1.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS``, a row per target and desk; ``hires`` are the heads that the period lacks on average.
    """
    figures = Figures(metrics, (*WON, *SERVED, CAPACITY, BUSY, WINNING, HEADS))
    chosen = [t for t in targets if t.metric in (*WON, *SERVED) and not t.dim and t.sense == AT_LEAST]
    rows = [row for t in chosen if standing(t, calendar) == MEASURED for row in _rows(figures, t, load)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(figures: Figures, target: Target, load: float) -> Iterator[dict[str, Any]]:
    a_head = _quotient(*(_mean(figures, m, target) for m in (CAPACITY, HEADS)))
    for desk in figures.levels(BUSY, DESK):
        unit, needed = _work(figures, target, desk)
        heads, offered = (_mean(figures, m, target, desk) for m in (HEADS, CAPACITY))
        if not (math.isfinite(needed) and a_head > 0):
            continue
        required = math.ceil(needed / (a_head * load) - 1e-9)
        yield {
            "target": target.name, "metric": target.metric, "period": target.period.text, "value": target.value,
            "desk": desk, "hours_per_unit": unit, "hours_needed": needed, "hours_offered": offered,
            "load": _quotient(needed, offered), "hours_of_a_head": a_head, "heads": heads, "required_heads": required,
            "hires": max(0, math.ceil(required - heads - 1e-9)), "replications": len(figures.replications),
        }  # fmt: skip


def _work(figures: Figures, target: Target, desk: str) -> tuple[float, float]:
    """Hours of one unit of the target at a desk, and hours that it needs there in its period."""
    busy, winning = (_mean(figures, m, target, desk) for m in (BUSY, WINNING))
    if target.metric in SERVED:
        unit = _quotient(busy - winning, _mean(figures, target.metric, target))
        return unit, winning + unit * target.value
    unit = _quotient(_sum(figures, WINNING, desk), _sum(figures, target.metric))
    return unit, unit * target.value + busy - winning


def _mean(figures: Figures, metric: str, target: Target, desk: str = "") -> float:
    """Mean over the replications of a figure in the period of a target."""
    values = figures.values(metric, target.period, DESK if desk else "", desk)
    return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan


def _sum(figures: Figures, metric: str, desk: str = "") -> float:
    return float(np.nansum(figures.values(metric, WHOLE, DESK if desk else "", desk)))


def _quotient(top: float, bottom: float) -> float:
    return top / bottom if bottom > 0 else math.nan
