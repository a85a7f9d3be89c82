"""Contracts that run at the start, by the revenue part that earns them.

A subscription brings its yearly value in equal months; of its present term the days that have passed are earned. What
is metered has the lasting level that brings the yearly value at the rates of the policy, effects and chance left out.
An order under way has its amount, and what was asked for it in advance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from scenarios.intake.places import Places
from scenarios.intake.reading import under_way
from scenarios.intake.rows import Row
from scenarios.intake.standing import Placed, Term, before, term
from sim.distributions import by_segment
from sim.spec.opening import Agreements
from sim.spec.revenue import BY_TERM
from sim.units import MINOR

MONTHS = 12
DAYS_PER_YEAR = 365.25
_NAN = float("nan")
_NOTHING = {
    "end": _NAN, "amount": _NAN, "mrr": _NAN, "earned": 0.0, "ahead": 0.0, "units": _NAN, "price": _NAN, "level": _NAN,
}  # fmt: skip

Stated = Mapping[tuple[str, str], float]
"""Balances by account of the ledger and customer's id, in minor units."""


def agreements(accounts: list[Placed], places: Places, stated: Stated) -> Agreements:
    """The rows of ``Opening.agreements``.

    Parameters
    ----------
    accounts : list of Placed
    places : Places
    stated : mapping
        What the balances say of single customers: ``customer_prepayment``, ``deferred_revenue``, ``unbilled``.
    """
    columns: dict[str, list[Any]] = {}
    count = 0
    for each in accounts:
        for row in each.rows if each.name == "customers" else ():
            for found in _of(each, row, places, stated):
                count += 1
                for column, value in {**_NOTHING, "account": each.account, **found}.items():
                    columns.setdefault(column, []).append(value)
    return Agreements.make(count, **{column: np.array(values) for column, values in columns.items()})


def _of(each: Placed, row: Row, places: Places, stated: Stated) -> Iterator[dict[str, Any]]:
    place = max(row["product"], 0)
    stated = {} if len(each.rows) > 1 else stated
    part = list(places.spec.business.revenue.values())[place]
    if part.kind in BY_TERM:
        made = _subscription(row, part, places, stated)
    elif part.kind in ("unit_sale", "staff_hours"):
        if each.stop not in under_way(places, part):
            return
        made = _order(each, row, part, places, stated)
    elif each.stop in places.passed(part.starts):
        made = _metered(row, part, places, stated)
    else:
        return
    yield {"part": place, **made}


def _subscription(row: Row, part: Any, places: Places, stated: Stated) -> dict[str, Any]:
    running = term(row, places)
    assert running is not None
    price = _per(part.price_year, row, places)
    units = row["seats"] if not math.isnan(row["seats"]) else max(1.0, round(row["arr"] / price))
    known = stated.get(("deferred_revenue", row["external_id"]))
    whole, earned = _values(running, row["arr"], part, known)
    begin = before(running.begin)
    return {
        "start": begin, "end": running.end, "since": begin, "amount": whole, "earned": earned,
        "mrr": float(round(row["arr"] * MINOR / MONTHS)), "units": units, "price": row["arr"] / units,
    }  # fmt: skip


def _values(running: Term, arr: float, part: Any, deferred: float | None) -> tuple[float, float]:
    """Value of a term and what of it is earned, in minor units; what is still deferred tells both where it is known."""
    years = (running.end - running.begin) / DAYS_PER_YEAR
    usual = part.term_months / MONTHS
    whole = float(round(arr * MINOR * (usual if abs(years - usual) * DAYS_PER_YEAR <= 7 else years)))
    if deferred is not None and running.passed < 1:
        whole = float(round(deferred / (1 - running.passed)))
        return whole, whole - deferred
    return whole, float(round(whole * running.passed))


def _order(each: Placed, row: Row, part: Any, places: Places, stated: Stated) -> dict[str, Any]:
    amount = round(row["amount"] * MINOR)
    share = part.deposit if part.kind == "unit_sale" else part.prepaid
    ahead = stated.get(("customer_prepayment", row["external_id"]), round(amount * share))
    earned = stated.get(("unbilled", row["external_id"]), 0.0) if part.kind == "staff_hours" else 0.0
    begun = row["entered"] if not math.isnan(row["entered"]) else row["start"] if each.row["start"] <= 0 else 0.0
    price = part.unit_price if part.kind == "unit_sale" else part.rate_hour
    each_one = _per(price, row, places)
    units = row["seats"] if not math.isnan(row["seats"]) else row["amount"] / each_one if each_one else _NAN
    return {
        "start": before(begun), "since": before(begun), "amount": float(amount), "ahead": float(ahead),
        "earned": float(earned),
        "units": units, "price": each_one,
    }  # fmt: skip


def _metered(row: Row, part: Any, places: Places, stated: Stated) -> dict[str, Any]:
    since = row["start"] if not math.isnan(row["start"]) else 0.0
    level = _level(row, part, places, since)
    found: dict[str, Any] = {"start": before(since), "since": before(since), "level": level}
    if part.kind == "outcome_share":
        found["mrr"] = float(round(_per(part.base_year, row, places) / MONTHS * MINOR))
    if part.kind == "consumption":
        month = level * MINOR if _per(part.prepaid, row, places) >= 0.5 and not math.isnan(level) else 0.0
        found["ahead"] = float(stated.get(("customer_prepayment", row["external_id"]), round(month)))
    return found


def _level(row: Row, part: Any, places: Places, since: float) -> float:
    """What the meter shows in a month, in major units; NaN if the row does not tell what a year brings."""
    if math.isnan(row["arr"]):
        return _NAN
    fixed, share = rates(row, part, places, since)
    return max(row["arr"] / MONTHS - fixed, 0.0) / share if share else _NAN


def rates(row: Row, part: Any, places: Places, since: float) -> tuple[float, float]:
    """What a metered part brings in a month: a fixed sum, and so much for one unit of the meter, in major units.

    Parameters
    ----------
    row : Row
        Of which ``segment`` and ``health`` are read.
    part : RevenueSpec
    places : Places
    since : float
        Day from which use has grown, not positive.
    """
    if part.kind == "take_rate":
        return 0.0, _per(part.rate, row, places) + _per(part.advert_rate, row, places)
    if part.kind == "consumption":
        return 0.0, float((1 + _per(part.growth_year, row, places)) ** (-since / DAYS_PER_YEAR))
    use = row["health"] if not math.isnan(row["health"]) else _per(places.spec.business.usage.mean, row, places)
    share = _per(part.lift, row, places) * _per(part.share, row, places) * use
    return _per(part.base_year, row, places) / MONTHS, share


def _per(value: Any, row: Row, places: Places) -> float:
    """A number of the row's segment."""
    return float(by_segment(value, places.segments)[places.typical(row["segment"])])
