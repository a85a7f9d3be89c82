"""What must hold in every run, whatever the numbers: books against events, stocks against flows.

What stood before the start of the horizon is dated before it, and its balances are brought in at the instant 0: stocks
hold it, flows begin after it.

The two sides of an identity are computed from different tables or by different rules wherever one posting or one
row would make it true by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.metrics import by_product
from analysis.metrics.books import REVENUE
from analysis.metrics.columns import coded, codes_of, heads, numbers
from analysis.metrics.context import Context
from analysis.metrics.funnel import reached
from analysis.metrics.recurring import at_start, balance, movement, movement_by_product
from analysis.metrics.view import PRODUCT, View
from analysis.tables import Tables
from sim.events import LEDGER_CODE
from sim.units import GRID, MINOR

COLUMNS = ("identity", "replication", "lhs", "rhs", "gap", "holds")

CLOSING = 1e-5
"""Days before the end of a month within which its closing takes place."""

_HOURS, _CENT = 1e-6, 1.0
_OWED = ("receivable", "retention_money")


@dataclass(frozen=True)
class Sides:
    """Both sides of an identity, how far apart they are at most, and how far they may be."""

    lhs: float
    rhs: float
    gap: float
    allowed: float = 0.0


Check = Callable[[View], Sides]
IDENTITIES: dict[str, tuple[str, Check]] = {}
"""Name to the sentence that is checked and its function."""


def identity(name: str, sentence: str) -> Callable[[Check], Check]:
    """Register a check."""

    def register(check: Check) -> Check:
        IDENTITIES[name] = (sentence, check)
        return check

    return register


def check(tables: Tables, context: Context) -> pd.DataFrame:
    """Every identity in every replication.

    Returns
    -------
    pandas.DataFrame
        Columns identity, replication, lhs, rhs, gap (largest deviation found, which need not be that of the
        totals shown), holds. Money is in major units.
    """
    rows = []
    for number, part in tables.split():
        view = View(part, context)
        for name, (_, function) in IDENTITIES.items():
            sides = function(view)
            rows.append((name, number, sides.lhs, sides.rhs, sides.gap, bool(sides.gap <= sides.allowed)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def collect(found: pd.DataFrame) -> pd.DataFrame:
    """Over replications: identity, replications, max_gap, holds (in all of them), in the order of the register."""
    groups = found.groupby("identity", sort=False)
    return pd.DataFrame(
        {"replications": groups.size(), "max_gap": groups["gap"].max(), "holds": groups["holds"].all()}
    ).reset_index()


@identity("leads", "every journey that became a lead is won, lost or open")
def leads(view: View) -> Sides:
    log, journeys = view.log, view.log.journeys
    is_lead, won = ~np.isnan(reached(view, "lead")), ~np.isnan(reached(view, "conversion"))
    code, names = log.stage
    pools = {names[c] for c in np.unique(code[log.rows("re_entered", "won_back")]) if c >= 0}
    entered = log.is_any("queued") & (codes_of(log.events["stage"], tuple(sorted(pools))) >= 0)
    told = ~np.isnan(log.first("lost", "pooled", "churned", "disqualified")) | ~np.isnan(log.first_of(entered))
    stage = view.tables["accounts"]["last_stage"]
    ended, waits = (codes_of(stage, these)[journeys.account] >= 0 for these in (("end",), ("end", *sorted(pools))))
    lost = ~won & (told | (journeys.latest & ended))
    still_open = ~won & ~lost & journeys.latest & ~waits
    parts = [int((is_lead & state).sum()) for state in (won, lost, still_open)]
    return Sides(int(is_lead.sum()), sum(parts), abs(int(is_lead.sum()) - sum(parts)))


@identity("customers", "customers won - customers lost = customers of the accounts table")
def customers(view: View) -> Sides:
    spells = view.log.customers
    stays = np.zeros(len(view.ids), np.int64)
    np.add.at(stays, spells.account, 1)
    np.add.at(stays, spells.account[~np.isnan(spells.end)], -1)
    there = view.tables["accounts"]["customer"].to_numpy(bool)
    return Sides(int(stays.sum()), int(there.sum()), int(np.abs(stays - there).sum()))


@identity("opportunities", "opened opportunities = won + lost + open, none closed before it opened")
def opportunities(view: View) -> Sides:
    table = view.tables["opportunities"]
    outcome = codes_of(table["outcome"], ("won", "lost", "open"))
    opened, closed = (view.calendar.days_of(table[c].to_numpy()) for c in ("opened", "closed"))
    fits = np.where(outcome == 2, np.isnan(closed), closed >= opened)
    fine = int(((outcome >= 0) & fits).sum())
    return Sides(len(table), fine, len(table) - fine)


@identity("stages", "entered = left + still inside, for every stop")
def stages(view: View) -> Sides:
    code, names = view.log.stage
    entered, left = (view.log.rows(activity) for activity in ("queued", "finished"))
    left = left[~view.log.still_open[left]]
    inside = codes_of(view.tables["accounts"]["last_stage"], names)
    count_in, count_out, now = (
        np.bincount(c[c >= 0], minlength=len(names)) for c in (code[entered], code[left], inside)
    )
    return Sides(int(count_in.sum()), int((count_out + now).sum()), int(np.abs(count_in - count_out - now).sum()))


@identity("mrr_bridge", "opening + new + expansion - contraction - churned + reactivated = closing, every month")
def mrr_bridge(view: View) -> Sides:
    added = sum(movement(view, kind).total for kind in ("new", "expansion", "reactivated"))
    removed = sum(movement(view, kind).total for kind in ("contraction", "churned"))
    moved, closing = at_start(view).total + np.cumsum(added - removed), balance(view).total
    terms = view.terms
    rows = terms.recurring
    alive = int(np.nansum(terms.mrr[rows][np.isnan(terms.ended[rows])]))
    gap = max(int(np.abs(moved - closing).max()), abs(int(closing[-1]) - alive))
    return Sides(int(moved[-1]) / MINOR, alive / MINOR, gap / MINOR)


@identity(
    "product_bridge", "the same bridge for every product, and the movements of all products are those of the accounts"
)
def product_bridge(view: View) -> Sides:
    if not by_product.several(view):
        return Sides(0.0, 0.0, 0.0)
    signs = {"new": 1, "expansion": 1, "reactivated": 1, "contraction": -1, "churned": -1}
    moves = {kind: movement_by_product(view, kind).values[PRODUCT] for kind in signs}
    _, product, path = by_product.recurring_paths(view)
    stands = np.zeros((len(by_product.contracted(view)[1]), path.shape[1]), np.int64)
    np.add.at(stands, product, path)
    change = np.sum([sign * moves[kind] for kind, sign in signs.items()], axis=0)
    gap = np.abs(stands[:, :1] + np.cumsum(change, axis=1) - stands[:, 1:]).max(initial=0)
    whole = max(int(np.abs(moves[kind].sum(axis=0) - movement(view, kind).total).max(initial=0)) for kind in signs)
    moved = int(stands[:, 0].sum() + change.sum())
    return Sides(moved / MINOR, int(balance(view).total[-1]) / MINOR, max(int(gap), whole) / MINOR)


@identity("terms", "no term ends before it begins, and terms of one account and product do not overlap")
def terms(view: View) -> Sides:
    table = view.terms
    product, _ = coded(table.table["product"])
    until = np.where(np.isnan(table.ended), np.inf, table.ended)
    order = np.lexsort((until, table.start, product, table.account))
    same = np.diff(table.account[order]) == 0
    same &= np.diff(product[order]) == 0
    overlap = same & (table.start[order][1:] < until[order][:-1])
    wrong = int(overlap.sum() + (until < table.start).sum())
    return Sides(len(table.account), len(table.account) - wrong, wrong)


@identity(
    "receivable",
    "billed - collected - written off by the events = receivable and retention money of the ledger, for every account",
)
def receivable(view: View) -> Sides:
    """What the opening brings in without an account may only be settled, and no more of it than there is."""
    books = view.books
    by_events = _invoiced(view, np.ones(len(view.log.time), bool))
    owed = -books.gain(*_OWED)
    by_ledger, own = _by_account(books.account, owed, len(view.ids))
    later = owed[(books.account < 0) & ~books.opening]
    astray = int(later[later > 0].sum()) + max(-own, 0)
    expected = int(by_events.sum()) + own
    gap = int(np.abs(by_events - by_ledger).sum()) + astray
    return Sides(expected / MINOR, int(owed.sum()) / MINOR, gap / MINOR)


def _invoiced(view: View, chosen: np.ndarray) -> np.ndarray:
    """Invoices less what was paid or written off, by account, minor units; of some rows of the log."""
    log = view.log
    sums = np.zeros(len(view.ids) + 1, np.int64)
    for activity, sign in (("invoiced", 1), ("paid", -1), ("written_off", -1)):
        rows = log.rows(activity)
        rows = rows[chosen[rows]]
        np.add.at(sums, log.account[rows], sign * np.nan_to_num(log.amount[rows]).astype(np.int64))
    return sums[:-1]


@identity(
    "billing", "billed = revenue + growth of deferred revenue and prepayments - growth of unbilled, for every account"
)
def billing(view: View) -> Sides:
    log, books, size = view.log, view.books, len(view.ids)
    rows = log.rows("invoiced")
    rows = rows[log.time[rows] >= 0]
    billed = np.zeros(size, np.int64)
    np.add.at(billed, log.account[rows], np.nan_to_num(log.amount[rows]).astype(np.int64))
    gain = books.gain(*REVENUE, "deferred_revenue", "customer_prepayment", "unbilled") * ~books.opening
    owed, own = _by_account(books.account, gain, size)
    gap = int(np.abs(billed - owed).sum() + abs(own))
    return Sides(int(billed.sum()) / MINOR, int(gain.sum()) / MINOR, gap / MINOR)


@identity("cash", "cash = amounts of the invoices paid + own flows")
def cash(view: View) -> Sides:
    """Invoices of nobody, which only an opening can bring in, are paid without an event."""
    books, log = view.books, view.log
    change = -books.gain("cash")
    collected = (change > 0) & (books.gain(*_OWED) > 0)
    if (books.gain(*_OWED)[books.opening & (books.account < 0)] < 0).any():
        collected &= books.account >= 0
    rows = log.rows("paid")
    paid = int(np.nan_to_num(log.amount[rows[log.account[rows] >= 0]]).sum())
    total = int(change.sum())
    expected = paid + int(change[~collected].sum())
    return Sides(total / MINOR, expected / MINOR, abs(total - expected) / MINOR)


@identity(
    "deferred_revenue", "deferred revenue = unearned part of the terms by the day, to the cent, at the last month end"
)
def deferred_revenue(view: View) -> Sides:
    """Computed from the subscriptions table alone, for every account, at the close of the last complete month."""
    calendar, books = view.calendar, view.books
    if not calendar.complete:
        return Sides(0.0, 0.0, 0.0)
    moment = calendar.edges[calendar.complete]
    return _unearned(view, moment, books.time <= moment)


def _unearned(view: View, moment: float, before: np.ndarray, closing: float = CLOSING) -> Sides:
    """Deferred revenue of some postings, and the unearned part of the terms at a month end, for every account."""
    table, books, size = view.terms, view.books, len(view.ids)
    close = moment - closing
    ended = np.where(np.isnan(table.ended), np.inf, table.ended)
    there = (table.start < close) & (ended >= close) & (table.amount > 0) & (table.end > table.start)
    rows = np.flatnonzero(there)
    passed = np.clip((moment - GRID - table.start[rows]) / (table.end[rows] - table.start[rows]), 0.0, 1.0)
    unearned = np.zeros(size)
    np.add.at(unearned, table.account[rows], table.amount[rows] * (1 - passed))
    count = np.bincount(table.account[rows], minlength=size)
    booked, _ = _by_account(books.account[before], books.gain("deferred_revenue")[before], size)
    gap = np.abs(unearned - booked)
    excess = float(np.maximum(gap - _CENT * np.maximum(count, 1), 0).max(initial=0.0))
    return Sides(float(booked.sum()) / MINOR, float(unearned.sum()) / MINOR, excess / MINOR)


@identity(
    "opening",
    "balances are brought in at the instant 0 against equity: receivables for the invoices before it that are unpaid, "
    "deferred revenue for the unearned part of the terms that run",
)
def opening(view: View) -> Sides:
    """Deferred revenue is earned at the ends of months, so that it is compared where the horizon begins with one."""
    books = view.books
    brought = -books.gain(*_OWED) * books.opening
    by_ledger, own = _by_account(books.account, brought, len(view.ids))
    by_events = _invoiced(view, view.log.time < 0)
    gap = int(np.abs(by_events - by_ledger).sum()) / MINOR
    if view.context.start.endswith("-01"):
        gap += _unearned(view, 0.0, books.opening | _still_to_invoice(view), 0.0).gap
    return Sides((int(by_events.sum()) + own) / MINOR, int(brought.sum()) / MINOR, gap)


def _still_to_invoice(view: View) -> np.ndarray:
    """Postings of the first day's close for terms that began in the last closing before it: not yet invoiced then."""
    table, books = view.terms, view.books
    late = np.zeros(len(view.ids) + 1, bool)
    late[table.account[(table.start >= -CLOSING) & (table.start < 0)]] = True
    invoiced = (books.gain("deferred_revenue") > 0) & (books.gain(*_OWED) < 0)
    return late[books.account] & invoiced & ~books.opening & (books.time < 1)


@identity("ledger", "every posting has a positive amount, two different accounts, and a time within the horizon")
def ledger(view: View) -> Sides:
    """Opening balances stand at its first instant and against equity, what settles them later against others."""
    books, equity = view.books, LEDGER_CODE["equity"]
    known = (books.debit >= 0) & (books.credit >= 0) & (books.debit != books.credit)
    inside = (books.time >= 0) & (books.time <= view.calendar.days)
    inside &= ~books.of_opening | (books.opening == ((books.debit == equity) | (books.credit == equity)))
    fine = int((known & inside & (books.amount > 0)).sum())
    return Sides(len(books.amount), fine, len(books.amount) - fine)


@identity("capacity", "no desk works more hours in a month than it has")
def capacity(view: View) -> Sides:
    """Work under way when heads are reduced is finished, so the most heads that a desk ever had count from then on."""
    table = view.tables["staffing"].sort_values(["desk", "ds"], kind="stable")
    head, busy, hours = (numbers(table[c]) for c in ("heads", "busy_hours", "capacity_hours"))
    desk, month = coded(table["desk"])[0], view.calendar.month_of_date(table["ds"].to_numpy())
    each = np.zeros(view.calendar.months + 1)
    np.maximum.at(each, month, np.divide(hours, head, out=np.zeros(len(head)), where=head > 0))
    most = head.copy()
    for first in heads(desk):
        mine = desk == desk[first]
        most[mine] = np.maximum.accumulate(head[mine])
    limit = np.where(most > head, np.maximum(hours, each[month] * np.ceil(most)), hours)
    excess = float(np.maximum(busy - limit, 0).max(initial=0.0))
    return Sides(float(busy.sum()), float(hours.sum()), excess, _HOURS)


@identity("event_order", "time never goes back in the event log, and nothing happens outside the horizon")
def event_order(view: View) -> Sides:
    """Where the horizon opens with a past, what began before it stands before it."""
    time, opened = view.log.time, view.context.opened or bool(view.books.opening.any())
    early = time < (-np.inf if opened else 0)
    wrong = int((np.diff(time) < 0).sum() + (early | (time > view.calendar.days)).sum())
    return Sides(len(time), len(time) - wrong, wrong)


@identity("first_dates", "the dates of the accounts table are those of the first events")
def first_dates(view: View) -> Sides:
    log, accounts = view.log, view.tables["accounts"]
    wrong = shown = 0
    for column, activity in (("touched_at", "touched"), ("signed_at", "signed"), ("paid_at", "paid")):
        rows = log.rows(activity)[::-1]
        first = np.full(len(view.ids), np.nan)
        first[log.account[rows]] = log.time[rows]
        dated = view.calendar.days_of(accounts[column].to_numpy())
        shown += int((~np.isnan(dated)).sum())
        wrong += int((~((np.abs(first - dated) < 1e-9) | (np.isnan(first) & np.isnan(dated)))).sum())
    return Sides(shown, shown - wrong, wrong)


def _by_account(account: np.ndarray, amount: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    """Integer sums of postings by account, and the sum of those without one."""
    sums = np.zeros(size + 1, np.int64)
    np.add.at(sums, account, amount)
    return sums[:size], int(sums[size])
