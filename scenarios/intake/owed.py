"""Balances at the start: invoices that are not paid, and what no invoice and no contract explains."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from scenarios.intake.places import Places
from scenarios.intake.reading import Reading
from scenarios.intake.rows import WHERE, Row
from scenarios.intake.shape import BALANCES, EQUITY
from scenarios.intake.standing import before
from sim.distributions import bind
from sim.spec.opening import Agreements, Unpaid
from sim.spec.revenue import BY_TERM
from sim.units import MINOR

INVOICED = ("receivable", "retention_money")
"""Accounts that single invoices make up."""

BY_CUSTOMER = ("customer_prepayment", "deferred_revenue", "unbilled")
"""Accounts that single contracts explain."""


def account_of(row: Row) -> str:
    """The account of the ledger that a row is about."""
    return BALANCES[row["account"]]


def of_customers(reading: Reading) -> dict[tuple[str, str], float]:
    """What the balances say of single customers' contracts, by account and id, in minor units."""
    found: dict[tuple[str, str], float] = {}
    for row in reading.rows("balances"):
        key = (account_of(row), row["external_id"])
        if key[0] in BY_CUSTOMER and key[1]:
            found[key] = found.get(key, 0.0) + round(row["amount"] * MINOR)
    return found


def unpaid(reading: Reading, known: Mapping[str, int]) -> Unpaid:
    """The rows of ``Opening.unpaid``.

    Parameters
    ----------
    reading : Reading
    known : mapping
        Id to account; who is not among them owes as somebody who is not known.
    """
    places, rows = reading.places, [row for row in reading.rows("balances") if account_of(row) in INVOICED]
    rows = [row for row in rows if round(row["amount"] * MINOR) > 0]
    retention = [account_of(row) == "retention_money" for row in rows]
    later = [_later(row, places) if held else 0.0 for row, held in zip(rows, retention, strict=True)]
    return Unpaid.make(
        len(rows),
        account=[known.get(row["external_id"], -1) for row in rows],
        part=[max(row["product"], 0) for row in rows],
        issued=[_issued(row, days, places) for row, days in zip(rows, later, strict=True)],
        amount=[float(round(row["amount"] * MINOR)) for row in rows],
        retention=retention,
        later=later,
    )


def _later(row: Row, places: Places) -> float:
    part: Any = list(places.spec.business.revenue.values())[max(row["product"], 0)]
    return float(getattr(part, "retention_days", 0.0))


def _issued(row: Row, later: float, places: Places) -> float:
    """The day of an invoice, so long before it is due."""
    if math.isnan(row["due"]):
        return before(0.0)
    return before(row["due"] - agreed(places) - later)


def agreed(places: Places) -> float:
    """Days from an invoice until it is due, as the market agrees, or takes where it agrees nothing."""
    payment = places.spec.market.payment
    if payment.due_days is not None:
        return float(payment.due_days)
    return float(bind(payment.delay_days, places.segments).mean[places.typical(-1)])


def totals(reading: Reading) -> dict[str, int]:
    """Balance of every account that the balances name, in minor units."""
    found: dict[str, int] = {}
    for row in reading.rows("balances"):
        name = account_of(row)
        found[name] = found.get(name, 0) + round(row["amount"] * MINOR)
    return found


def balances(reading: Reading, contracts: Agreements, invoices: Unpaid) -> dict[str, int]:
    """The rest of every balance, in minor units: what contracts and invoices do not explain."""
    spec = reading.places.spec
    stated = totals(reading)
    rest = {"cash": round(spec.policy.finance.opening_cash * MINOR), **stated}
    rest.pop(EQUITY, None)
    for name, explained in _explained(contracts, invoices, reading.places).items():
        if name in rest:
            rest[name] -= explained
            if rest[name] and name in BY_CUSTOMER:
                reading.warnings.append(_unexplained(name, stated[name], explained))
    return {name: value for name, value in rest.items() if value or name == "cash"}


def _explained(contracts: Agreements, invoices: Unpaid, places: Places) -> dict[str, int]:
    kinds = np.array([part.kind for part in places.spec.business.revenue.values()])[contracts.part]
    term, work = np.isin(kinds, BY_TERM), kinds == "staff_hours"
    return {
        "receivable": int(invoices.amount[~invoices.retention].sum()),
        "retention_money": int(invoices.amount[invoices.retention].sum()),
        "deferred_revenue": int((contracts.amount - contracts.earned)[term].sum()),
        "customer_prepayment": int(contracts.ahead.sum()),
        "unbilled": int(contracts.earned[work].sum()),
    }


def _unexplained(name: str, stated: int, explained: int) -> str:
    what = f"{stated / MINOR:,.2f} and the customers' contracts {explained / MINOR:,.2f}"
    return f"{WHERE}.balances.path: {name} is {what}; the difference stays in the balance"
