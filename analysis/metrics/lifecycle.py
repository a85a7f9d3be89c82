"""Where the business stands: its stage of life and the metric that it steers by."""

from __future__ import annotations

import numpy as np

from analysis.metrics.cash import broken_even
from analysis.metrics.cube import TOTAL, Cells, Cube, divide, stock
from analysis.metrics.customers import active, at_start
from analysis.metrics.money import income
from analysis.metrics.registry import REGISTRY, metric
from analysis.metrics.view import View

VALIDATION, GROWTH, MATURITY, DECLINE = 1, 2, 3, 4
"""Codes of the stages ([000]:251-359)."""

FLAT, GROWING = 0.10, 0.15
"""Growth of customers in 12 months under which growth ends, and over which it is back."""

FALLING = -0.05
"""Change of 12 months' revenue on the 12 before under which decline begins; it ends when revenue no longer falls."""

CONFIRM = 3
"""Months for which a condition must hold before the stage changes."""

_YEAR = 12


@metric(
    "lifecycle_stage",
    unit="code",
    source="ledger, events; [000]:293-359",
    formula="1 validation until three months together break even; then 2 growth; 3 maturity when customers grew "
    "by less than 10 % in 12 months, 2 again when by more than 15 %; 4 decline when 12 months' revenue is "
    "more than 5 % below that of the 12 before, 3 again when it no longer falls; a change needs its "
    "condition three months running; the stage at the end",
)
def lifecycle_stage(view: View) -> list[Cells]:
    over = view.calendar.complete
    if not over:
        return []
    customers = np.append(at_start(view).total, active(view).total[:over])
    stages = _stages(broken_even(view), _change(customers, 1)[1:], _change(_yearly(view), _YEAR))
    padded = np.append(stages, np.repeat(stages[-1], view.calendar.months - over))
    return stock(view.calendar, Cube({TOTAL: (TOTAL,)}, {TOTAL: padded[None, :]}))


def _yearly(view: View) -> np.ndarray:
    """Revenue of the last 12 months, NaN before month 12."""
    sales = np.cumsum(income(view).total[: view.calendar.complete]).astype(float)
    before = np.concatenate((np.zeros(_YEAR), sales))[: len(sales)]
    return np.where(np.arange(len(sales)) >= _YEAR - 1, sales - before, np.nan)


def _change(values: np.ndarray, base: float) -> np.ndarray:
    """Relative change on the value 12 months before, NaN where that is below ``base`` or unknown."""
    before = np.concatenate((np.full(_YEAR, np.nan), values.astype(float)))[: len(values)]
    return divide(values - before, np.where(before >= base, before, np.nan))


def _stages(even: np.ndarray, customers: np.ndarray, revenue: np.ndarray) -> np.ndarray:
    """Stage at the end of every month."""
    stage, wanted, months = VALIDATION, VALIDATION, 0
    found = np.empty(len(even), np.int64)
    for month in range(len(even)):
        target = _target(stage, bool(even[month]), float(customers[month]), float(revenue[month]))
        months = months + 1 if target == wanted else 1
        wanted = target
        if months >= CONFIRM:
            stage = target
        found[month] = stage
    return found


def _target(stage: int, even: bool, customers: float, revenue: float) -> int:
    """Stage that the figures of one month speak for; unknown figures speak for no change."""
    if stage == VALIDATION:
        return GROWTH if even else VALIDATION
    if stage == DECLINE:
        return MATURITY if revenue >= 0 else DECLINE
    if revenue < FALLING:
        return DECLINE
    if stage == GROWTH:
        return MATURITY if customers < FLAT else GROWTH
    return GROWTH if customers > GROWING else MATURITY


@metric(
    "north_star",
    unit="as north star",
    source="as the metric chosen; [000]:538-562",
    formula="the metric that the business names as its north star",
)
def north_star(view: View) -> list[Cells]:
    chosen = REGISTRY.get(view.context.north_star)
    return [] if chosen is None or chosen.name == "north_star" else chosen.cells(view)
