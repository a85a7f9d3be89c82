"""Customers: how many there are, come and go."""

from __future__ import annotations

import numpy as np

from analysis.metrics.cube import Cells, Cube, flow, ratio, stock
from analysis.metrics.registry import metric
from analysis.metrics.view import View, once

DAYS_PER_YEAR = 365.25


@once
def active(view: View) -> Cube:
    """Customers at the end of every month."""
    spells = view.log.customers
    return view.level(spells.start, spells.end, spells.account)


@once
def at_start(view: View) -> Cube:
    """Customers at the start of the horizon, shape (levels, 1)."""
    spells = view.log.customers
    return view.opening(spells.start, spells.end, spells.account)


@once
def gained(view: View) -> Cube:
    """Customers won in every month, won back included."""
    spells = view.log.customers
    return view.count(spells.start, spells.account)


@once
def gone(view: View) -> Cube:
    """Customers lost in every month."""
    spells = view.log.customers
    return view.count(spells.end, spells.account)


@once
def customer_days(view: View) -> Cube:
    """Days as a customer, summed over customers, in every month."""
    spells, edges = view.log.customers, view.calendar.edges
    end = np.where(np.isnan(spells.end), view.calendar.days, spells.end)
    inside = np.minimum(end[:, None], edges[None, 1:]) - np.maximum(spells.start[:, None], edges[None, :-1])
    return view.gather(spells.account, np.maximum(inside, 0.0))


@metric(
    "active_customers",
    unit="count",
    source="events",
    formula="accounts that signed and have not churned since, at the end",
)
def active_customers(view: View) -> list[Cells]:
    return stock(view.calendar, active(view))


@metric("new_customers", unit="count", source="events", formula="accounts that became customers, returns included")
def new_customers(view: View) -> list[Cells]:
    return flow(view.calendar, gained(view))


@metric("churned_customers", unit="count", source="events", formula="accounts that ceased to be customers")
def churned_customers(view: View) -> list[Cells]:
    return flow(view.calendar, gone(view))


@metric(
    "logo_churn_month",
    unit="1/month",
    source="events",
    formula="customers lost in a month / customers at its beginning; longer periods: sum over sum",
)
def logo_churn_month(view: View) -> list[Cells]:
    before = at_start(view).join(active(view), lambda a, b: np.concatenate((a, b[:, :-1]), axis=1))
    return ratio(view.calendar, gone(view), before)


@metric(
    "logo_churn",
    unit="1/year",
    source="events",
    formula="chance of losing a customer within a year: 1 - exp(-customers lost / customer-years)",
)
def logo_churn(view: View) -> list[Cells]:
    rates = ratio(view.calendar, gone(view), customer_days(view), DAYS_PER_YEAR)
    return [Cells(c.period, c.dim, c.levels, -np.expm1(-c.values)) for c in rates]
