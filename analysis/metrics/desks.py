"""Desks: how busy they are, how long work waits for them, and which of them win customers."""

from __future__ import annotations

import numpy as np

from analysis.metrics.columns import coded, numbers
from analysis.metrics.cube import TOTAL, Cells, Cube, ratio, tally
from analysis.metrics.registry import metric
from analysis.metrics.view import DESK, View, once

HOURS = "revenue_staff_hours"
"""Ledger account of income from hours worked."""


def staffed(view: View, column: str, weight: str = "") -> Cube:
    """A column of the staffing table (times another one) by month and desk."""
    table = view.tables["staffing"]
    code, names = coded(table["desk"])
    values = numbers(table[column])
    if weight:
        values = np.nan_to_num(values) * numbers(table[weight])
    month = view.calendar.month_of_date(table["ds"].to_numpy())
    return tally(view.calendar.months, month, values, {DESK: code}, {TOTAL: (TOTAL,), DESK: names})


@metric("utilisation", unit="share", source="staffing", formula="busy hours / hours of capacity, by desk and in all")
def utilisation(view: View) -> list[Cells]:
    return ratio(view.calendar, staffed(view, "busy_hours"), staffed(view, "capacity_hours"))


@metric("wait_days", unit="days", source="staffing", formula="mean wait of the work started in the period, by desk")
def wait_days(view: View) -> list[Cells]:
    return ratio(view.calendar, staffed(view, "wait_days", "started"), staffed(view, "started"))


@metric(
    "billable_utilisation",
    unit="share",
    source="staffing, ledger",
    formula="busy hours / hours of capacity of the desks whose hours are sold; null where none are",
)
def billable_utilisation(view: View) -> list[Cells]:
    desks = billable_desks(view)
    busy, capacity = (_chosen(staffed(view, column), desks) for column in ("busy_hours", "capacity_hours"))
    return ratio(view.calendar, busy, capacity) if desks else []


def _chosen(cube: Cube, desks: tuple[str, ...]) -> Cube:
    inside = np.isin(np.array(cube.levels[DESK], object), list(desks))
    return Cube(cube.levels, {TOTAL: cube.values[DESK][inside].sum(axis=0, keepdims=True)})


def acquisition_desks(view: View) -> tuple[str, ...]:
    """Desks whose payroll is a cost of winning customers."""
    if view.context.acquisition_desks is not None:
        return view.context.acquisition_desks
    share = customer_work(view)
    return tuple(desk for desk, part in share.items() if part < 0.5)


@once
def billable_desks(view: View) -> tuple[str, ...]:
    """Desks whose hours are sold."""
    if view.context.billable_desks is not None:
        return view.context.billable_desks
    if not view.books.gain(HOURS).any():
        return ()
    return tuple(desk for desk, part in customer_work(view).items() if part >= 0.5)


@once
def customer_work(view: View) -> dict[str, float]:
    """Share of the work of every desk that began while the account was a customer."""
    log = view.log
    code, names = log.desk
    rows = log.rows("started")
    rows = rows[code[rows] >= 0]
    all_work = np.bincount(code[rows], minlength=len(names))
    for_customers = np.bincount(code[rows], log.is_customer[rows], len(names))
    return {name: for_customers[c] / all_work[c] for c, name in enumerate(names) if all_work[c]}
