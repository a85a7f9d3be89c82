"""Pipeline coverage: what the open opportunities are worth against what a target still needs.

At the beginning of a month, coverage is the value of the open opportunities over the part of the target that is still
missing. An open opportunity counts with what a signature of the same replication brings on average, because its own
amount is agreed only when it is signed; for targets on amounts, those open at the start count with theirs. With a win
rate of w, one needs about 1 / w: three times as much pipeline as quota stands for a win rate of a third. The ratio is
a convention of sales management; it leaves out what will be opened and won within the period, so that short sales
cycles live with less than 1 / w, and long ones need more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.attainment.figures import Figures
from analysis.attainment.period import Period
from analysis.attainment.target import AT_LEAST, MEASURED, Target, standing
from analysis.metrics.periods import HORIZON, MONTH, QUARTER, YEAR, Calendar

FROM_DEALS: tuple[str, ...] = ("signed", "deals_signed", "signed_amount", "new_customers", "new_mrr")
"""Metrics that open opportunities turn into."""

OPEN, UNPRICED, PRICED = "open_opportunities", "open_unpriced", "open_amount"
SIGNED, WIN_RATE = "deals_signed", "win_rate"
AMOUNT = "signed_amount"
MONTHS = {MONTH: 1, QUARTER: 3, YEAR: 12}
WHOLE = Period(HORIZON, "", HORIZON)
LOW, HIGH = 0.1, 0.9

COLUMNS: tuple[str, ...] = (
    "target", "metric", "period", "month", "value", "unit", "pipeline", "missing", "coverage", "coverage_low",
    "coverage_high", "needed", "replications", "n_defined", "reached",
)  # fmt: skip
"""``coverage`` is the median over the replications that still miss something, its bounds hold 80 per cent of them;
``reached`` counts the replications that miss nothing any more; ``needed`` is 1 / win rate."""


def coverage(metrics: pd.DataFrame, targets: Sequence[Target], calendar: Calendar) -> pd.DataFrame:
    """Pipeline coverage of targets on what is signed, at the beginning of every month of their period.

    Parameters
    ----------
    metrics : pandas.DataFrame
        The metrics table.
    targets : sequence of Target
        Those of ``FROM_DEALS`` for the whole business count, the others are passed over.
    calendar : Calendar
        Months of the horizon.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS``; no row for the first month of the horizon, before which nothing is known.
    """
    chosen = [t for t in targets if _counts(t, calendar)]
    figures = Figures(metrics, (*FROM_DEALS, OPEN, UNPRICED, PRICED, WIN_RATE))
    rows = [row for target in chosen for row in _rows(figures, target, calendar)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _counts(target: Target, calendar: Calendar) -> bool:
    whole = target.metric in FROM_DEALS and not target.dim and target.sense == AT_LEAST
    return whole and standing(target, calendar) == MEASURED


def months_of(period: Period, calendar: Calendar) -> list[str]:
    """Months of a period, ``YYYY-MM``."""
    all_months = [str(m) for m in calendar.groups[MONTH].ends.astype("datetime64[M]")]
    if period.kind == HORIZON:
        return all_months
    last = np.datetime64(period.end, "M")
    return [str(m) for m in np.arange(last - MONTHS[period.kind] + 1, last + 1) if str(m) in all_months]


def _rows(figures: Figures, target: Target, calendar: Calendar) -> Iterator[dict[str, Any]]:
    series, pipeline = figures.months(target.metric), _pipeline(figures, target.metric)
    win_rate = np.nanmean(rates) if np.isfinite(rates := figures.values(WIN_RATE, WHOLE)).any() else np.nan
    inside = months_of(target.period, calendar)
    for place, month in enumerate(inside):
        before = str(np.datetime64(month, "M") - 1)
        if before not in pipeline.index:
            continue
        so_far = series.reindex(inside[:place]).sum().to_numpy(float)
        stands = {"missing": target.value - so_far, "pipeline": pipeline.loc[before].to_numpy(float)}
        known = {"target": target.name, "metric": target.metric, "period": target.period.text, "month": month,
                 "value": target.value, "unit": figures.units.get(target.metric, "")}  # fmt: skip
        yield known | _ratio(**stands) | {"needed": 1 / win_rate if win_rate > 0 else np.nan}


def _pipeline(figures: Figures, metric: str) -> pd.DataFrame:
    """What the open opportunities bring if all are won, months down and replications across."""
    signed = figures.values(SIGNED, WHOLE)
    worth = np.divide(figures.values(metric, WHOLE), signed, out=np.full(len(signed), np.nan), where=signed > 0)
    if metric != AMOUNT or not figures.has(PRICED):
        return figures.months(OPEN) * worth
    return figures.months(PRICED) + (figures.months(UNPRICED) * worth).fillna(0.0)


def _ratio(missing: np.ndarray, pipeline: np.ndarray) -> dict[str, Any]:
    open_ends = (missing > 0) & np.isfinite(pipeline)
    found = pipeline[open_ends] / missing[open_ends]
    low, middle, high = np.quantile(found, [LOW, 0.5, HIGH]) if len(found) else (np.nan,) * 3
    known = pipeline[np.isfinite(pipeline)]
    return {
        "pipeline": known.mean() if len(known) else np.nan, "missing": np.maximum(missing, 0.0).mean(),
        "coverage": middle, "coverage_low": low, "coverage_high": high, "replications": len(missing),
        "n_defined": len(found), "reached": int((missing <= 0).sum()),
    }  # fmt: skip
