"""Where a run stands on a day, as the files that ``market.opening`` reads.

The past is simulated again up to the day, so that stages, levels and use are those of the run itself. What the files
have no column for is lost: lasting traits, that one in the pool was a customer, the stock of consumers, price changes
of metered use so far, offers of further products, projects delivered, and the hour of the day. People of the hiring
plan are not among the staff: the plan is policy, and brings them again. What is to be invoiced at the close of the day
counts as invoiced.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.errors import InputError, shown
from scenarios.intake.agreements import MONTHS, rates
from scenarios.intake.owed import agreed
from scenarios.intake.places import Places
from scenarios.runs.derive import write_csv
from scenarios.runs.manifest import read_manifest
from scenarios.runs.reproduce import stored_study
from sim.events import ACTIVITY_CODE
from sim.spec.opening import Agreements, Opening, Past
from sim.spec.revenue import BY_TERM
from sim.units import MINOR

if TYPE_CHECKING:
    from scenarios.studies.study import Study

Cells = list[Any]

HEADERS = {
    "customers": (
        "external_id", "product", "segment", "channel", "stage", "arr", "amount", "seats", "start", "renewal_date",
        "entered", "health",
    ),
    "opportunities": ("external_id", "segment", "channel", "stage", "amount", "opened", "entered"),
    "leads": ("external_id", "segment", "channel", "stage", "created", "entered"),
    "staff": ("desk", "name", "start", "quota"),
    "balances": ("account", "amount", "due", "external_id", "product"),
}  # fmt: skip
"""Columns of each file."""


@dataclass(frozen=True)
class _State:
    """Where a replication stands on a day, with the names that its codes mean."""

    opening: Opening
    places: Places
    day: date
    ids: list[str]
    segments: np.ndarray
    years: float

    def when(self, day: float) -> str:
        """A time in days from the opening as a date; empty for NaN."""
        return "" if math.isnan(day) else (self.day + timedelta(math.floor(day))).isoformat()

    @property
    def parts(self) -> list[Any]:
        """The ways of earning."""
        return list(self.places.spec.business.revenue.values())

    def segment(self, account: int) -> str:
        """Segment of an account."""
        return self.places.segments[int(self.segments[account])]

    def channel(self, row: int) -> str:
        """Channel of a standing row."""
        return list(self.places.spec.market.channels)[int(self.opening.standing.channel[row])]

    def since(self, activity: str) -> dict[int, float]:
        """When accounts last did something."""
        history = self.opening.history
        rows = np.flatnonzero(history.activity == ACTIVITY_CODE[activity])
        rows = rows[np.argsort(history.time[rows], kind="stable")]
        return dict(zip(history.account[rows].tolist(), history.time[rows].tolist(), strict=True))


def write_opening(run: Path, folder: Path, replication: int, day: str | None = None) -> None:
    """Write customers, opportunities, leads, staff and balances of a replication on a day.

    Parameters
    ----------
    run : Path
        A run folder.
    folder : Path
        Where the files go.
    replication : int
    day : str, optional
        ISO date, the first of a month within the horizon; the last one by default.

    Raises
    ------
    InputError
        For a day that is none of those, or a run whose first contacts come from a file.
    """
    study = stored_study(run, read_manifest(run), quiet=True)
    state = _state(study, replication, day)
    stages = {
        "customers": _customers(state),
        "opportunities": _deals(state),
        "leads": _leads(state),
        "staff": _staff(state),
        "balances": _balances(state),
    }
    for name, rows in stages.items():
        write_csv(folder / f"{name}.csv", HEADERS[name], list(rows))


def _state(study: Study, replication: int, day: str | None) -> _State:
    from sim.standing import reached
    from sim.world import World

    timeline, horizon = study.timeline, study.timeline.spec.horizon
    if timeline.contacts is not None:
        raise InputError(["format: is not for a run with first contacts from a file, got opening; another run"])
    first = date.fromisoformat(horizon.start)
    chosen = _day(day, first, horizon.days)
    passed = float((chosen - first).days)
    opening = reached(Past(timeline, study.seed, passed, replication), replication)
    spec = next((dated.spec for dated in reversed(timeline.later) if dated.day <= passed), timeline.spec)
    people = World(timeline, study.seed, replication, log_decisions=False).population
    kinds = [part.kind for part in spec.business.revenue.values()]
    running = opening.agreements.part[np.isnan(opening.agreements.done)]
    if any(kinds[part] == "project" for part in running.tolist()):
        raise InputError([f"format: opening files hold no projects, got some under way on {chosen}; another date"])
    years = float(opening.state.get("years", 0.0))
    return _State(opening, Places(spec), chosen, list(people.external_id), people.segment, years)


def _day(text: str | None, first: date, days: float) -> date:
    """The day that is meant: the first of a month after the start, not beyond the horizon."""
    last = first + timedelta(days)
    if text is None:
        text = last.replace(day=1).isoformat()
    try:
        chosen = date.fromisoformat(text)
    except ValueError:
        raise InputError([f"date: is no date, got {shown(text)}; YYYY-MM-DD"]) from None
    if chosen.day != 1 or not first < chosen <= last:
        raise InputError([f"date: must be the first of a month, got {text}; one after {first} and not after {last}"])
    return chosen


def _rows(state: _State, wanted: str) -> Iterator[tuple[int, int, str]]:
    """Rows of accounts of one file, by account: row, account, stop."""
    standing, route = state.opening.standing, list(state.places.route)
    for row in np.argsort(standing.account, kind="stable").tolist():
        stop = route[int(standing.stop[row])]
        is_customer = not math.isnan(standing.customer_since[row])
        kind = "customers" if is_customer else "opportunities" if stop in state.places.deals else "leads"
        if kind == wanted and (kind != "leads" or stop in state.places.leads):
            yield row, int(standing.account[row]), stop


def _customers(state: _State) -> Iterator[Cells]:
    standing, contracts = state.opening.standing, state.opening.agreements
    mine: dict[int, list[int]] = {}
    for place, account in enumerate(contracts.account.tolist()):
        if state.parts[int(contracts.part[place])].kind != "project":
            mine.setdefault(account, []).append(place)
    for row, account, stop in _rows(state, "customers"):
        start = float(standing.customer_since[row])
        for place in mine.get(account, [-1]):
            product = state.parts[int(contracts.part[place])].product if place >= 0 else ""
            worth = _worth(state, contracts, place, row, account) if place >= 0 else ["", "", "", ""]
            end = worth.pop() or state.when(float(standing.term_ends[row]))
            health = "" if math.isnan(standing.use[row]) else round(float(standing.use[row]), 6)
            yield [
                state.ids[account], product, state.segment(account), state.channel(row), stop, *worth,
                state.when(start), end, state.when(float(standing.entered[row])), health,
            ]  # fmt: skip


def _worth(state: _State, contracts: Agreements, place: int, row: int, account: int) -> Cells:
    """Yearly value, amount, units and end of a contract."""
    part = state.parts[int(contracts.part[place])]
    units = "" if math.isnan(contracts.units[place]) else round(float(contracts.units[place]), 6)
    if part.kind in BY_TERM:
        return [_money(contracts.mrr[place] * MONTHS), "", units, state.when(float(contracts.end[place]))]
    if part.kind in ("unit_sale", "staff_hours"):
        return ["", _money(contracts.amount[place]), units, ""]
    told = {"segment": int(state.segments[account]), "health": float(state.opening.standing.use[row])}
    since = float(contracts.since[place])
    fixed, share = rates(told, part, state.places, since)
    prices = (1 + part.price_change_year) ** state.years if part.kind == "consumption" else 1.0
    return [_money(MONTHS * MINOR * (fixed + share * prices * float(contracts.level[place]))), "", "", ""]


def _money(cents: float) -> float:
    return round(float(cents)) / MINOR


def _deals(state: _State) -> Iterator[Cells]:
    standing = state.opening.standing
    opened = state.since(state.places.milestones.opportunity)
    for row, account, stop in _rows(state, "opportunities"):
        amount = "" if math.isnan(standing.amount[row]) else _money(standing.amount[row])
        entered = float(standing.entered[row])
        begun = min(opened.get(account, entered), entered)
        yield [
            state.ids[account], state.segment(account), state.channel(row), stop, amount, state.when(begun),
            state.when(entered),
        ]  # fmt: skip


def _leads(state: _State) -> Iterator[Cells]:
    created = state.since(state.places.milestones.lead)
    for row, account, stop in _rows(state, "leads"):
        entered = float(state.opening.standing.entered[row])
        begun = min(created.get(account, entered), entered)
        cells = [state.segment(account), state.channel(row), stop, state.when(begun), state.when(entered)]
        yield [state.ids[account], *cells]


def _staff(state: _State) -> Iterator[Cells]:
    for desk, spec in state.places.spec.policy.desks.items():
        for _ in range(spec.heads):
            yield [desk, "", "", ""]


def _balances(state: _State) -> Iterator[Cells]:
    opening, parts = state.opening, state.parts
    for name, whole in sorted(opening.balances.items()):
        yield [name, _money(whole), "", "", ""]
    invoices = opening.unpaid
    for place, account in enumerate(invoices.account.tolist()):
        name = "retention_money" if invoices.retention[place] else "receivable"
        due = float(invoices.issued[place]) + agreed(state.places) + float(invoices.later[place])
        owner = state.ids[account] if account >= 0 else ""
        product = parts[int(invoices.part[place])].product
        yield [name, _money(invoices.amount[place]), state.when(due), owner, product]
    contracts = opening.agreements
    for place, account in enumerate(contracts.account.tolist()):
        part = parts[int(contracts.part[place])]
        rest = float(contracts.amount[place] - contracts.earned[place]) if part.kind in BY_TERM else 0.0
        work = float(contracts.earned[place]) if part.kind == "staff_hours" else 0.0
        for name, cents in (
            ("deferred_revenue", rest), ("customer_prepayment", float(contracts.ahead[place])), ("unbilled", work),
        ):  # fmt: skip
            if round(cents):
                yield [name, _money(cents), "", state.ids[account], part.product]
