"""The state at the start out of the opening files."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from scenarios.errors import InputError
from scenarios.intake.agreements import agreements
from scenarios.intake.owed import EQUITY, balances, of_customers, totals, unpaid
from scenarios.intake.reading import Reading, read_files, stage_of
from scenarios.intake.rows import Rejected
from scenarios.intake.staff import headcount
from scenarios.intake.standing import history, placed, standing
from sim.spec import StudySpec
from sim.spec.opening import Opening, Past
from sim.spec.opening_source import OpeningSource
from sim.spec.revenue import BY_TERM
from sim.units import MINOR

ROUNDING = 0.06
"""What a yearly value can lose when its month is kept in cents: 12 halves of a cent."""


@dataclass(frozen=True)
class Statement:
    """One figure that the files state, to be held against the model on day 0.

    Attributes
    ----------
    dimension : str
        The desk of a head count, empty otherwise.
    value : float
        Money in major units.
    rounding : float
        Largest difference that keeping months in cents can make.
    """

    quantity: str
    dimension: str
    value: float
    unit: str
    rounding: float = 0.0


@dataclass(frozen=True)
class Taken:
    """What became of the opening files.

    Attributes
    ----------
    stated : tuple of Statement
        What they state.
    files : dict
        SHA-256 by the key that names a file.
    """

    opening: Opening | Past
    stated: tuple[Statement, ...] = ()
    rejects: tuple[Rejected, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def take(source: OpeningSource, spec: StudySpec) -> Taken:
    """Read the opening files of a study and make the state at the start of them.

    Raises
    ------
    InputError
        For files that cannot be used, or a market with no more accounts than they have rows.
    """
    reading = read_files(source, spec)
    places, accounts = reading.places, placed(reading)
    if accounts and spec.market.accounts <= len(accounts):
        got = f"got {spec.market.accounts} beside {len(accounts)} accounts of the opening files"
        raise InputError([f"market.accounts: is too small, {got}; {len(accounts) + 1} or more"])
    known = {each.row["external_id"]: each.account for each in accounts}
    contracts, invoices = agreements(accounts, places, of_customers(reading)), unpaid(reading, known)
    rest = balances(reading, contracts, invoices)
    owed = totals(reading).get("commission_payable", 0)
    opening = Opening(
        standing=standing(accounts, places),
        agreements=contracts,
        unpaid=invoices,
        history=history(accounts, places),
        balances=rest,
        external_id=tuple(known),
        segment=np.array([each.row["segment"] for each in accounts], np.int64),
        state={"commission_due": float(owed)} if owed else {},
    )
    return Taken(opening, tuple(stated(reading)), reading.rejects, reading.digests, tuple(reading.warnings))


def stated(reading: Reading) -> list[Statement]:
    """The figures that the files state."""
    found = []
    customers, deals = reading.rows("customers"), reading.rows("opportunities")
    if "customers" in reading.contents:
        found += _recurring(reading)
        ids = {row["external_id"] for row in customers}
        found.append(Statement("active_customers", "", float(len(ids)), "accounts"))
    if "opportunities" in reading.contents:
        found.append(Statement("open_opportunities", "", float(len(deals)), "opportunities"))
        amounts = [row["amount"] for row in deals if not math.isnan(row["amount"])]
        if amounts:
            found.append(Statement("open_amount", "", math.fsum(amounts), "money"))
    if "leads" in reading.contents:
        route = reading.places.route
        stops = [stage_of("leads", row, reading.places) for row in reading.rows("leads")]
        open_ones = [stop for stop in stops if route[stop].kind != "pool"]
        found.append(Statement("leads", "", float(len(open_ones)), "accounts"))
    for desk, heads in headcount(reading.rows("staff"), list(reading.places.spec.policy.desks)).items():
        found.append(Statement("headcount", desk, float(heads), "people"))
    for name, value in totals(reading).items():
        if name != EQUITY:
            found.append(Statement(name, "", value / MINOR, "money"))
    return found


def _recurring(reading: Reading) -> list[Statement]:
    """Recurring revenue of the customers with a subscription."""
    parts = list(reading.places.spec.business.revenue.values())
    rows = [row for row in reading.rows("customers") if parts[max(row["product"], 0)].kind in BY_TERM]
    if not rows:
        return []
    uneven = sum(round(row["arr"] * MINOR) % 12 != 0 for row in rows)
    total = math.fsum(row["arr"] for row in rows)
    return [Statement("arr", "", total, "money/year", ROUNDING * uneven)]
