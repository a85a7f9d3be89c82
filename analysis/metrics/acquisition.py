"""What a customer costs to win, and what a customer is worth."""

from __future__ import annotations

import numpy as np

from analysis.metrics.books import REVENUE
from analysis.metrics.cube import TOTAL, Cells, Cube, divide, flow, horizon_only, ratio
from analysis.metrics.customers import customer_days, gained, gone
from analysis.metrics.desks import acquisition_desks
from analysis.metrics.money import gross, whole
from analysis.metrics.periods import HORIZON, YEAR
from analysis.metrics.registry import metric
from analysis.metrics.view import View, once
from sim.units import DAYS_PER_MONTH, MINOR

_MONTHS_PER_YEAR = 12
_COST = "marketing, commissions, payroll of the desks that work mostly before signing"


@once
def acquisition_cost(view: View) -> np.ndarray:
    """Cost of winning customers by month, minor units, shape (months,)."""
    books = view.books
    return books.monthly(-books.gain("marketing", "commission")) + books.payroll(acquisition_desks(view))


def _total(cube: Cube) -> Cube:
    return Cube(cube.levels, {TOTAL: cube.values[TOTAL]})


@metric("acquisition_cost", unit="money", source="ledger, events", formula=_COST)
def acquisition(view: View) -> list[Cells]:
    return flow(view.calendar, whole(view, acquisition_cost(view)).map(lambda v: v / MINOR))


@metric("cac", unit="money", source="ledger, events", formula=f"({_COST}) / customers gained in the period")
def cac(view: View) -> list[Cells]:
    return ratio(view.calendar, whole(view, acquisition_cost(view)), _total(gained(view)), 1 / MINOR)


@metric(
    "cac_payback_months",
    unit="months",
    source="ledger, events",
    periods=(YEAR, HORIZON),
    formula="cac / gross profit per customer-month of the period; null without gross profit",
)
def cac_payback_months(view: View) -> list[Cells]:
    cost = cac(view)
    month = ratio(view.calendar, _total(gross(view)), _total(customer_days(view)), DAYS_PER_MONTH / MINOR)
    return [_quotient(c, np.where(m.values > 0, m.values, np.nan)) for c, m in zip(cost, month, strict=True)]


def _quotient(cells: Cells, below: np.ndarray) -> Cells:
    return Cells(cells.period, cells.dim, cells.levels, divide(cells.values, below))


@metric(
    "ltv",
    unit="money",
    source="ledger, events",
    periods=(YEAR, HORIZON),
    formula="gross profit per customer-month / (customers lost per customer-month + discount rate): an "
    "extrapolation at constant churn; null while no customer was lost",
)
def ltv(view: View) -> list[Cells]:
    days = _total(customer_days(view))
    month = ratio(view.calendar, _total(gross(view)), days, DAYS_PER_MONTH / MINOR)
    churn = ratio(view.calendar, _total(gone(view)), days, DAYS_PER_MONTH)
    rate = np.log1p(view.context.discount_year) / _MONTHS_PER_YEAR
    return [_quotient(m, np.where(c.values > 0, c.values + rate, np.nan)) for m, c in zip(month, churn, strict=True)]


@once
def _cohort(view: View) -> tuple[np.ndarray, np.ndarray]:
    """First signings within the horizon that lie far enough back: accounts (rows) and times."""
    spells = view.log.customers
    accounts, first = np.unique(spells.account, return_index=True)
    start = spells.start[first]
    seen = (start >= 0) & (start + view.context.ltv_months * DAYS_PER_MONTH <= view.calendar.days)
    return accounts[seen], start[seen]


@once
def _lifetime_profit(view: View) -> float:
    """Gross profit of the cohort within the observed lifetime, discounted to the signing, minor units."""
    accounts, start = _cohort(view)
    since = np.full(len(view.ids) + 1, np.nan)
    since[accounts] = start
    books = view.books
    age = books.time - since[books.account]
    inside = (age >= 0) & (age < view.context.ltv_months * DAYS_PER_MONTH)
    years = age[inside] / (_MONTHS_PER_YEAR * DAYS_PER_MONTH)
    worth = books.gain(*REVENUE, "cost_of_sales")[inside]
    return float((worth * (1 + view.context.discount_year) ** -years).sum())


@metric(
    "ltv_horizon",
    unit="money",
    source="ledger, events",
    periods=(HORIZON,),
    formula="discounted gross profit per customer within 24 months of the first signing, over the customers "
    "with 24 months observed",
)
def ltv_horizon(view: View) -> list[Cells]:
    size = len(_cohort(view)[0])
    return horizon_only(_lifetime_profit(view) / size / MINOR if size else float("nan"))


@metric(
    "ltv_cac",
    unit="ratio",
    source="ledger, events",
    periods=(HORIZON,),
    formula="ltv_horizon / cac of the months in which those customers signed",
)
def ltv_cac(view: View) -> list[Cells]:
    accounts, start = _cohort(view)
    if not len(accounts):
        return []
    months = int(view.calendar.month_of(start).max()) + 1
    per_customer = divide(acquisition_cost(view)[:months].sum(), gained(view).total[:months].sum())
    return horizon_only(float(divide(_lifetime_profit(view) / len(accounts), per_customer)))
