"""Hours of our people, sold by the hour: part invoiced at signing, earned as worked, the rest billed at the end.

Sources: R10, [000]:137-145, [000]:239. The hours of a project are those that the delivery stop will work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sim.contracts import Contract
from sim.distributions import by_segment
from sim.journey.case import Case
from sim.revenue.part import Announced, Listener, RevenuePart
from sim.spec.opening import Agreements
from sim.units import MINOR

if TYPE_CHECKING:
    from sim.world import World


@dataclass
class Project:
    """One project under way."""

    case: Case
    row: Contract
    hours: float
    amount: int
    prepaid: int
    earned: int = 0


class StaffHoursPart(RevenuePart):
    """One project per account at a time; a repeat is announced as ``reordered``."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.projects: dict[int, Project] = {}
        self.stop = self.working_stop()
        self.stop.finished_by.append(self.finish)

    def configure(self) -> None:
        super().configure()
        self.price = by_segment(self.spec.rate_hour, self.world.population.segments)

    def listens(self) -> dict[str, Listener]:
        return {**super().listens(), "reordered": self.start}

    def start(self, case: Case, now: float) -> Announced:
        account = case.account
        if account in self.projects:
            return None
        self.alive[account] = True
        count = (case.counts or {}).get(self.stop.code, 0)
        hours = self.stop.hours.of(account, case.occurrence + count)
        amount = round(hours * float(self.price[self.world.population.segment[account]]) * MINOR)
        prepaid = round(amount * self.spec.prepaid)
        row = self.sign(account, now, float("nan"), amount, None)
        self.projects[account] = Project(case, row, hours, amount, prepaid)
        ahead = self.invoice("customer_prepayment", "project prepayment")
        self.world.billing.ask(ahead, account, row.contract, prepaid)
        return amount, hours

    def month(self, now: float, first: float) -> None:
        """Earn the hours worked so far on every project under way."""
        running = [p for p in self.projects.values() if p.case.stop is self.stop and p.case.started <= now]
        if not running:
            return
        started = np.array([p.case.started for p in running])
        calendar = self.world.calendar
        worked = calendar.worked(np.array([now])) - calendar.worked(started)
        if self.world.opening is not None:
            worked = worked + self.world.past.since(started)
        hours = np.array([p.hours for p in running])
        earned = np.rint(np.array([p.amount for p in running]) * np.clip(worked / hours, 0.0, 1.0)).astype(np.int64)
        month = earned - np.array([p.earned for p in running])
        for project, total in zip(running, earned.tolist(), strict=True):
            project.earned = total
        accounts = np.array([p.row.account for p in running])
        self._earn(now, accounts, np.array([p.row.contract for p in running]), month)

    def finish(self, case: Case, now: float) -> None:
        """The last hour is worked: earn the rest, set off the prepayment, bill the remainder."""
        project = self.projects.pop(case.account, None)
        if project is None:
            return
        account, row = case.account, project.row
        rest = project.amount - project.earned
        self._earn(now, np.array([account]), np.array([row.contract]), np.array([rest]))
        self.world.ledger.post(
            now, "customer_prepayment", "unbilled", project.prepaid, "prepayment set off",
            account=account, contract=row.contract, product=self.product,
        )  # fmt: skip
        final = self.invoice("unbilled", "project balance")
        self.world.billing.ask(final, account, row.contract, project.amount - project.prepaid)
        self.close(account, now, "completed")
        self.world.orders[account] += 1

    def _earn(self, now: float, accounts: np.ndarray, contracts: np.ndarray, amounts: np.ndarray) -> None:
        self.world.ledger.post(
            now, "unbilled", "revenue_staff_hours", amounts, "hours worked",
            account=accounts, contract=contracts, product=self.product,
        )  # fmt: skip
        self.cost(now, accounts, amounts)

    def agree(self, account: int, amount: int) -> None:
        price = float(self.price[self.world.population.segment[account]])
        if price > 0:
            self.stop.hours.know(account, 0, amount / MINOR / price)

    def reopen(self, rows: Agreements) -> None:
        segment = self.world.population.segment
        for row in range(len(rows)):
            account, amount = int(rows.account[row]), round(rows.amount[row])
            price = max(float(self.price[segment[account]]), 1e-9)
            hours = float(rows.units[row]) if rows.units[row] == rows.units[row] else amount / MINOR / price
            self.stop.hours.know(account, 0, hours)
            case, contract = self.world.cases[account], self.rows[account]
            self.projects[account] = Project(
                case, contract, hours, amount, round(rows.ahead[row]), round(rows.earned[row])
            )

    def balances(self, rows: Agreements) -> dict[str, np.ndarray]:
        return {"customer_prepayment": rows.ahead, "unbilled": -rows.earned}

    def running(self) -> Agreements:
        rows = super().running()
        mine = [self.projects[account] for account in rows.account.tolist()]
        return replace(
            rows,
            earned=np.array([float(p.earned) for p in mine]),
            ahead=np.array([float(p.prepaid) for p in mine]),
            units=np.array([p.hours for p in mine]),
        )

    def end(self, case: Case, now: float) -> Announced:
        self.alive[case.account] = False
        return None
