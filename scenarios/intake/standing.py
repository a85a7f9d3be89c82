"""Accounts under way at the start: where each stands since when, and what happened to it before."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from scenarios.intake.places import Places
from scenarios.intake.reading import ACCOUNTS, Reading, stage_of, term_of
from scenarios.intake.rows import Row
from sim.events import ACTIVITY_CODE
from sim.spec.opening import History, Standing
from sim.units import DAYS_PER_MONTH, GRID, MINOR, snap


@dataclass(frozen=True)
class Placed:
    """One account: its number in the population, the file and rows that tell of it, and its stop.

    Attributes
    ----------
    rows : list of Row
        One per product for a customer, one otherwise.
    """

    account: int
    name: str
    rows: list[Row]
    stop: str

    @property
    def row(self) -> Row:
        """The first row, which says where the account stands."""
        return self.rows[0]


@dataclass(frozen=True)
class Term:
    """A term that runs: begin and end in days from the opening."""

    begin: float
    end: float

    @property
    def passed(self) -> float:
        """Part of it that lies before the opening."""
        return min(1.0, max(0.0, (-GRID - self.begin) / (self.end - self.begin)))


def before(day: float) -> float:
    """A day of the past as a time before the start: the first instant of the run belongs to the run."""
    return min(float(snap(day)), -GRID) if day == day else day


def placed(reading: Reading) -> list[Placed]:
    """All accounts in the order of the population: customers, opportunities, leads, each by id."""
    found: list[Placed] = []
    for name in ACCOUNTS:
        rows: dict[str, list[Row]] = {}
        for row in sorted(reading.rows(name), key=lambda row: (row["external_id"], row.get("product", -1))):
            rows.setdefault(row["external_id"], []).append(row)
        for group in rows.values():
            found.append(Placed(len(found), name, group, stage_of(name, group[0], reading.places)))
    return found


def term(row: Row, places: Places) -> Term | None:
    """The term that a customer's row is in; None if it is bound to none.

    The renewal date tells it; without one it is the next anniversary of the start by whole terms. A first term may be
    shorter than others, and one that was agreed for longer begins with the customer.
    """
    length, start, end = term_of(row, places), row["start"], row["renewal_date"]
    if length is None:
        return None
    if math.isnan(end):
        end = float(round(start + length * max(math.ceil(-start / length - 7 / length), 1)))
    begin = float(round(end - length))
    if begin > 0 or start > begin + 7:
        begin = 0.0 if math.isnan(start) else start
    return Term(before(begin), float(snap(end)))


def stays(row: Row, stop: str, places: Places) -> int:
    """How often a customer has decided to stay: whole terms, months or orders since its start."""
    if math.isnan(row["start"]):
        return 0
    running = term(row, places)
    if running is not None:
        length = term_of(row, places) or 1.0
        return max(0, round((running.begin - row["start"]) / length))
    if places.route[stop].kind == "customer":
        return int(-row["start"] // DAYS_PER_MONTH)
    return int(-row["start"] // places.cycle(stop, places.typical(row["segment"])))


def standing(accounts: list[Placed], places: Places) -> Standing:
    """The rows of ``Opening.standing``."""
    makers = {"customers": _customer, "opportunities": _deal, "leads": _lead}
    columns: dict[str, list[Any]] = {}
    for each in accounts:
        known = {"account": each.account, "stop": places.code[each.stop], "channel": each.row["channel"]}
        found = {**_NOTHING, **known, **makers[each.name](each, places)}
        for column, value in {**found, **{name: before(found[name]) for name in _PAST}}.items():
            columns.setdefault(column, []).append(value)
    return Standing.make(len(accounts), **{column: np.array(values) for column, values in columns.items()})


_NAN = float("nan")
_PAST = ("entered", "started", "customer_since", "activated")
_NOTHING: dict[str, Any] = {
    "entered": 0.0, "started": _NAN, "signed": False, "customer_since": _NAN, "activated": _NAN, "term_ends": _NAN,
    "use": _NAN, "losses": 0.0, "orders": 0.0, "amount": _NAN, "stays": 0, "was_customer": False,
}  # fmt: skip


def _customer(each: Placed, places: Places) -> dict[str, Any]:
    row, running = each.row, term(each.row, places)
    since = row["start"] if not math.isnan(row["start"]) else running.begin if running else 0.0
    active = each.stop in places.passed(places.milestones.activation)
    ends = [found.end for each_row in each.rows if (found := term(each_row, places))]
    stayed = stays(row, each.stop, places)
    repeats = places.route[each.stop].kind != "customer" and running is None
    return {
        "entered": _entered(each, since, running, places), "signed": True, "was_customer": True,
        "customer_since": since, "activated": since if active else _NAN, "term_ends": min(ends, default=_NAN),
        "use": row["health"], "stays": stayed, "orders": float(stayed + active) if repeats else 0.0,
    }  # fmt: skip


def _entered(each: Placed, since: float, running: Term | None, places: Places) -> float:
    """When a customer came to its stop: as said, with its term, with its start, or after its last order."""
    row = each.row
    if not math.isnan(row["entered"]):
        return float(row["entered"])
    if places.term(each.stop) is not None and running is not None:
        return min(running.begin, 0.0)
    if places.route[each.stop].kind == "customer" or each.stop not in places.passed(places.milestones.activation):
        return since
    if running is not None:
        return min(running.end, 0.0)
    cycle = places.cycle(each.stop, places.typical(row["segment"]))
    return since + cycle * (-since // cycle)


def _deal(each: Placed, places: Places) -> dict[str, Any]:
    row = each.row
    entered = row["entered"]
    if math.isnan(entered):
        entered = row["opened"] * (1.0 - places.share_of_way(each.stop, places.typical(row["segment"])))
    return {"entered": entered, "amount": float(np.rint(row["amount"] * MINOR))}


def _lead(each: Placed, places: Places) -> dict[str, Any]:
    row = each.row
    entered = row["created"] if math.isnan(row["entered"]) else row["entered"]
    lost = places.route[each.stop].kind == "pool"
    return {"entered": entered, "started": entered if lost else _NAN, "losses": float(lost)}


def history(accounts: list[Placed], places: Places) -> History:
    """The milestones that accounts had passed, at the earliest day that the files tell for them."""
    known = places.milestones
    steps = {
        "leads": (known.lead,),
        "opportunities": (known.lead, known.qualified, known.opportunity),
        "customers": (known.lead, known.qualified, known.opportunity, known.conversion),
    }
    first = {"leads": "created", "opportunities": "opened"}
    rows: list[tuple[int, int, int, int, float, float]] = []
    for each in accounts:
        begun = before(_since(each, places) if each.name == "customers" else float(each.row[first[each.name]]))
        active = each.name == "customers" and each.stop in places.passed(known.activation)
        for activity in dict.fromkeys((*steps[each.name], *((known.activation,) if active else ()))):
            amount = each.row["amount"] if each.name == "opportunities" and activity == known.opportunity else _NAN
            stop, code = _stop_of(activity, places), ACTIVITY_CODE[activity]
            rows.append((each.account, code, each.row["channel"], stop, begun, float(np.rint(amount * MINOR))))
    names = ("account", "activity", "channel", "stop", "time", "amount")
    return History.make(len(rows), **{name: [row[place] for row in rows] for place, name in enumerate(names)})


def _since(each: Placed, places: Places) -> float:
    return float(_customer(each, places)["customer_since"])


def _stop_of(activity: str, places: Places) -> int:
    """The stop that bears an activity, -1 if none does."""
    named = [name for name, stop in places.route.items() if activity in (stop.emits, stop.emits_then)]
    return places.code[named[0]] if named else -1
