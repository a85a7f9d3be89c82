"""Invoices and payments: due lists, served once a day at the close of business.

An invoice is paid after the buyer's own delay, on a working day; a keyed share is never paid and is written off.
Invoices asked for during the day are issued at its close. Sources: L16, C57, C61, [002]:128-130.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.distributions import bind, by_segment, longer
from sim.events import ACTIVITY_CODE, LEDGER_ACCOUNTS, LEDGER_CODE
from sim.ledger import OPENING
from sim.spec.opening import Unpaid
from sim.units import snap

if TYPE_CHECKING:
    from sim.world import World

ASKED, BEFORE = "asked for before the start", "invoiced before the start"
"""Memos of invoices that are issued at the close of day 0, and of those that were issued before it."""

CLOSE = 0.75
"""Hour of the daily close, as a part of the day (18:00)."""


@dataclass(frozen=True)
class Invoice:
    """What is invoiced: product, account of the books that it credits, memo and the receivable it stands in.

    ``pace`` multiplies the buyer's delay, ``later_days`` are added to it.
    """

    product: int
    credit: str
    memo: str
    receivable: str = "receivable"
    later_days: float = 0.0
    pace: float = 1.0


Batch = tuple[Invoice, np.ndarray, np.ndarray, np.ndarray, int]
"""An invoice's kind, who owes, for which contract, how much, and the day of issue."""


class Billing:
    """All invoices of one replication."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked: dict[Invoice, list[tuple[int, int, int]]] = {}
        self.due: defaultdict[int, list[tuple[str, Batch]]] = defaultdict(list)
        self.first_day = date.fromisoformat(world.spec.horizon.start).toordinal()
        self.configure()

    def configure(self) -> None:
        """Take the market's payment habits."""
        payment, segments = self.world.spec.market.payment, self.world.population.segments
        self.delay = bind(payment.delay_days, segments)
        self.bad_debt = by_segment(payment.bad_debt, segments)
        self.payment = payment

    def ask(self, invoice: Invoice, account: int, contract: int, amount: int) -> None:
        """Ask for an invoice over ``amount`` minor units, issued at today's close."""
        if amount:
            self.asked.setdefault(invoice, []).append((account, contract, amount))

    def days(self) -> Iterator[Any]:
        """Process: the daily close."""
        world = self.world
        yield world.env.timeout(CLOSE)
        while True:
            day = int(world.env.now)
            for what, batch in self.due.pop(day, ()):
                self._serve(what, batch)
            self.issue_asked()
            yield world.env.timeout(1.0)

    def issue_asked(self) -> None:
        """Issue what was asked for since the last close, a day's or a month's."""
        asked, self.asked = self.asked, {}
        for invoice, rows in asked.items():
            columns = np.array(rows, np.int64)
            self.issue(invoice, columns[:, 0], columns[:, 1], columns[:, 2])

    def issue(self, invoice: Invoice, accounts: np.ndarray, contracts: np.ndarray, amounts: np.ndarray) -> None:
        """Issue invoices now: book them, log them, and enter the days on which they will be paid or given up."""
        world, now = self.world, self.world.env.now
        some = amounts > 0
        accounts, contracts, amounts = accounts[some], contracts[some], amounts[some]
        if not accounts.size:
            return
        world.ledger.post(
            now, invoice.receivable, invoice.credit, amounts, invoice.memo,
            account=accounts, contract=contracts, product=invoice.product,
        )  # fmt: skip
        self._mark("invoiced", accounts, now, amounts, invoice)
        self._schedule(invoice, accounts, contracts, amounts)

    def _schedule(self, invoice: Invoice, accounts: np.ndarray, contracts: np.ndarray, amounts: np.ndarray) -> None:
        world, now = self.world, self.world.env.now
        today, segment = int(now), world.population.segment[accounts]
        wait = self.delay.ppf(self._uniform("delay", invoice, accounts), segment) * invoice.pace + invoice.later_days
        bad = self._uniform("bad", invoice, accounts) < self.bad_debt[segment]
        last = self.payment.write_off_days + invoice.later_days
        settled = self._working(today + np.where(bad, last, np.maximum(np.rint(wait), 0.0)))
        columns = (accounts, contracts, amounts)
        if self.payment.due_days is not None:
            due = self._working(np.full(len(settled), today + self.payment.due_days + invoice.later_days))
            self._enter("remind", invoice, due, due < settled, columns, today)
        self._enter("write_off", invoice, settled, bad, columns, today)
        self._enter("pay", invoice, settled, ~bad, columns, today)

    def _uniform(self, what: str, invoice: Invoice, accounts: np.ndarray) -> np.ndarray:
        """Keyed by account, product, memo and calendar day: what else is invoiced does not matter."""
        streams = self.world.streams
        code = streams.name(f"payment.{what}.{self.world.names['product'][invoice.product]}.{invoice.memo}")
        return streams.of(code, self.first_day + int(self.world.env.now), accounts)

    def _working(self, days: np.ndarray, ahead: int = 1) -> np.ndarray:
        """Each day, or the next working day, at least so many days ahead: what is invoiced today is not paid today."""
        kinds, place = np.unique(days, return_inverse=True)
        today, opening = int(self.world.env.now), self.world.calendar.opening
        shifted = [max(int(opening(day)), today + ahead) for day in kinds.tolist()]
        return np.array(shifted, np.int64)[place]

    def _enter(
        self, what: str, invoice: Invoice, due: np.ndarray, chosen: np.ndarray,
        columns: tuple[np.ndarray, np.ndarray, np.ndarray], issued: int,
    ) -> None:  # fmt: skip
        for day in np.unique(due[chosen & (due < self.world.horizon)]).tolist():
            rows = chosen & (due == day)
            accounts, contracts, amounts = (column[rows] for column in columns)
            self.due[day].append((what, (invoice, accounts, contracts, amounts, issued)))

    def resume(self, unpaid: Unpaid) -> None:
        """Take over invoices that are open on day 0: book them, log them at their own time, draw when they are paid."""
        world, parts = self.world, list(self.world.parts.values())
        for part, held, later, pace, credit in sorted({*_kinds(unpaid)}):
            rows = unpaid.take(np.array([kind == (part, held, later, pace, credit) for kind in _kinds(unpaid)]))
            amounts, product = np.rint(rows.amount).astype(np.int64), parts[part].product
            receivable = "retention_money" if held else "receivable"
            if credit >= 0:
                self._ask_again(Invoice(product, LEDGER_ACCOUNTS[credit], ASKED, receivable, later, pace), rows)
                continue
            world.ledger.post(0.0, receivable, "equity", amounts, OPENING, account=rows.account, product=product)
            self._mark("invoiced", rows.account, rows.issued, amounts, Invoice(product, "equity", BEFORE))
            self._schedule_rest(Invoice(product, "equity", BEFORE, receivable, later, pace), rows, amounts)

    def _ask_again(self, invoice: Invoice, rows: Unpaid) -> None:
        """What was asked for and not yet issued: not yet owed to us, so not yet owed by us either."""
        part = next(part for part in self.world.parts.values() if part.product == invoice.product)
        numbers, amounts = part.number[rows.account], np.rint(rows.amount).astype(np.int64)
        for account, number, amount in zip(rows.account.tolist(), numbers.tolist(), amounts.tolist(), strict=True):
            self.ask(invoice, account, number, amount)
        self.world.ledger.post(
            0.0, invoice.credit, "equity", amounts, OPENING,
            account=rows.account, contract=numbers, product=invoice.product,
        )  # fmt: skip

    def _schedule_rest(self, invoice: Invoice, rows: Unpaid, amounts: np.ndarray) -> None:
        """Days of payment given that none came up to day 0, and the chance of none at all given the same."""
        bound, segment, last = (
            self.delay,
            self._segments(rows.account),
            self.payment.write_off_days + invoice.later_days,
        )
        over = self.world.past.last_day + 0.5 - rows.issued
        spent = np.maximum(over - invoice.later_days, 0.0) / (invoice.pace or 1.0)
        u, v = self._own_uniforms(invoice, rows)
        wait = longer(bound, spent, u, segment) * invoice.pace + invoice.later_days
        bad = np.where(over < last, self.bad_debt[segment], 0.0)
        bad = v < bad / np.maximum(bad + (1 - self.bad_debt[segment]) * (1 - bound.cdf(spent, segment)), 1e-300)
        settled = self._working(np.maximum(np.rint(rows.issued + np.where(bad, last, wait)), 0.0), 0)
        for day in np.unique(np.floor(rows.issued)).tolist():
            mine = np.floor(rows.issued) == day
            columns = (rows.account[mine], np.full(int(mine.sum()), -1), amounts[mine])
            if self.payment.due_days is not None:
                due = np.full(len(columns[0]), day + self.payment.due_days + invoice.later_days)
                self._enter("remind", invoice, due, (due >= 0) & (due < settled[mine]), columns, int(day))
            self._enter("write_off", invoice, settled[mine], bad[mine], columns, int(day))
            self._enter("pay", invoice, settled[mine], ~bad[mine], columns, int(day))

    def _segments(self, accounts: np.ndarray) -> np.ndarray:
        """Segments of companies; one that is not known is taken to be of the largest one."""
        shares = [segment.share for segment in self.world.spec.market.segments.values()]
        return np.where(accounts >= 0, self.world.population.segment[accounts], int(np.argmax(shares)))

    def _own_uniforms(self, invoice: Invoice, rows: Unpaid) -> tuple[np.ndarray, np.ndarray]:
        """Two uniforms for each open invoice: keyed by company, kind and place among its invoices of that kind.

        Nobody in particular has a key of its own.
        """
        kind = (invoice.receivable, invoice.later_days, invoice.pace)
        name = "" if kind == ("receivable", 0.0, 1.0) else f".{kind[0]}.{kind[1]:g}.{kind[2]:g}"
        order = np.lexsort((rows.amount, rows.issued, rows.account))
        heads = np.append(True, np.diff(rows.account[order]) != 0)
        place = np.empty(len(rows), np.int64)
        place[order] = np.arange(len(rows)) - np.maximum.accumulate(np.where(heads, np.arange(len(rows)), 0))
        streams, found = self.world.streams, np.empty((2, len(rows)))
        for row, (account, count) in enumerate(zip(rows.account.tolist(), place.tolist(), strict=True)):
            key = f"opening.unpaid.{rows.part[row]}{name}{'' if account >= 0 else '.nobody'}"
            for part in range(2):
                found[part, row] = streams.uniforms(streams.name(key), count, max(account, 0), 1, part)[0]
        return found[0], found[1]

    def open_invoices(self) -> Unpaid:
        """Invoices that are neither paid nor given up, times from now."""
        now, products = self.world.env.now, [part.product for part in self.world.parts.values()]
        found = [
            Unpaid.make(
                len(accounts), account=accounts, part=products.index(invoice.product), issued=issued - now,
                amount=amounts, retention=invoice.receivable == "retention_money",
                later=invoice.later_days, pace=invoice.pace,
            )
            for batches in self.due.values()
            for what, (invoice, accounts, _, amounts, issued) in batches
            if what != "remind"
        ]  # fmt: skip
        asked = [
            Unpaid.make(
                len(rows), account=[row[0] for row in rows], part=products.index(invoice.product), issued=0.0,
                amount=[row[2] for row in rows], retention=invoice.receivable == "retention_money",
                later=invoice.later_days, pace=invoice.pace, credit=LEDGER_CODE[invoice.credit],
            )
            for invoice, rows in self.asked.items()
        ]  # fmt: skip
        return Unpaid.joined([*found, *asked])

    def _serve(self, what: str, batch: Batch) -> None:
        invoice, accounts, contracts, amounts, _ = batch
        debit, activity = {
            "pay": ("cash", "paid"),
            "write_off": ("bad_debt", "written_off"),
            "remind": (None, "overdue"),
        }[what]
        world, now = self.world, self.world.env.now
        if debit is not None:
            world.ledger.post(
                now, debit, invoice.receivable, amounts, invoice.memo,
                account=accounts, contract=contracts, product=invoice.product,
            )  # fmt: skip
        self._mark(activity, accounts, now, amounts, invoice)

    def _mark(
        self, activity: str, accounts: np.ndarray, time: float | np.ndarray, amounts: np.ndarray, invoice: Invoice
    ) -> None:
        """Log what happens to invoices of companies that are known."""
        named = np.flatnonzero(accounts >= 0)
        when = time[named] if isinstance(time, np.ndarray) else time
        self.world.recorder.marks(
            accounts[named], ACTIVITY_CODE[activity], when,
            note=self.world.recorder.note(invoice.memo), amount=amounts[named], product=invoice.product,
        )  # fmt: skip


def _kinds(unpaid: Unpaid) -> list[tuple[int, bool, float, float, int]]:
    """Kind of every open invoice: part, retention or not, days added, pace, what it will credit."""
    columns = (unpaid.part, unpaid.retention, unpaid.later, unpaid.pace, unpaid.credit)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def closing_time(month_end: float) -> float:
    """When a month is closed: the last moment before its end."""
    return float(snap(month_end)) - 2.0**-20
