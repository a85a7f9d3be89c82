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

from sim.distributions import bind, by_segment
from sim.events import ACTIVITY_CODE
from sim.units import snap

if TYPE_CHECKING:
    from sim.world import World

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


Batch = tuple[Invoice, np.ndarray, np.ndarray, np.ndarray]


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
        world.recorder.marks(
            accounts, ACTIVITY_CODE["invoiced"], now,
            note=world.recorder.note(invoice.memo), amount=amounts, product=invoice.product,
        )  # fmt: skip
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
            self._enter("remind", invoice, due, due < settled, columns)
        self._enter("write_off", invoice, settled, bad, columns)
        self._enter("pay", invoice, settled, ~bad, columns)

    def _uniform(self, what: str, invoice: Invoice, accounts: np.ndarray) -> np.ndarray:
        """Keyed by account, product, memo and calendar day: what else is invoiced does not matter."""
        streams = self.world.streams
        code = streams.name(f"payment.{what}.{self.world.names['product'][invoice.product]}.{invoice.memo}")
        return streams.of(code, self.first_day + int(self.world.env.now), accounts)

    def _working(self, days: np.ndarray) -> np.ndarray:
        """Each day, or the next working day; never today."""
        kinds, place = np.unique(days, return_inverse=True)
        today, opening = int(self.world.env.now), self.world.calendar.opening
        shifted = [max(int(opening(day)), today + 1) for day in kinds.tolist()]
        return np.array(shifted, np.int64)[place]

    def _enter(
        self, what: str, invoice: Invoice, due: np.ndarray, chosen: np.ndarray,
        columns: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> None:  # fmt: skip
        for day in np.unique(due[chosen & (due < self.world.horizon)]).tolist():
            rows = chosen & (due == day)
            accounts, contracts, amounts = (column[rows] for column in columns)
            self.due[day].append((what, (invoice, accounts, contracts, amounts)))

    def _serve(self, what: str, batch: Batch) -> None:
        invoice, accounts, contracts, amounts = batch
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
        world.recorder.marks(
            accounts, ACTIVITY_CODE[activity], now,
            note=world.recorder.note(invoice.memo), amount=amounts, product=invoice.product,
        )  # fmt: skip


def closing_time(month_end: float) -> float:
    """When a month is closed: the last moment before its end."""
    return float(snap(month_end)) - 2.0**-20
