"""A service sold once for a fee, and worked by our people: set-up, data migration, training.

Sources: L29, L38, [000]:137-145 (hours of people are what such a business sells); fee and prepayment are assumptions.
The hours are those that the desk stop of its way works, so that projects and other work wait for the same people.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sim.contracts import Contract
from sim.distributions import by_segment
from sim.journey.case import Case
from sim.revenue.offers import Offers
from sim.revenue.part import Announced, Listener, RevenuePart
from sim.spec.opening import Agreements
from sim.units import MINOR

if TYPE_CHECKING:
    from sim.world import World


@dataclass
class Engagement:
    """A project that is signed and not finished; ``before`` was earned before day 0."""

    case: Case
    row: Contract
    amount: int
    prepaid: int
    earned: int = 0
    before: int = 0


class ProjectPart(RevenuePart):
    """One project per account while it is a customer."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.under_way: dict[int, Engagement] = {}
        self.had = np.zeros(len(world.population.segment), bool)
        self.offers = Offers(self)
        self.stop = self.working_stop()
        self.stop.finished_by.append(self.finish)

    def configure(self) -> None:
        super().configure()
        self.fee = by_segment(self.spec.fee, self.world.population.segments)

    def cases(self, account: int | None = None) -> list[Case]:
        found = self.offers.open
        return list(found.values()) if account is None else [found[account]] if account in found else []

    def listens(self) -> dict[str, Listener]:
        return {self.spec.starts: self.start, "churned": self.end}

    def start(self, case: Case, now: float) -> Announced:
        """The project is signed: part of its fee is invoiced."""
        account = case.account
        if not self.offers.mine(case) or account in self.under_way:
            return None
        self.alive[account] = self.had[account] = True
        amount = round(float(self.fee[self.world.population.segment[account]]) * MINOR)
        prepaid = round(amount * self.spec.prepaid)
        row = self.sign(account, now, float("nan"), amount, None)
        self.under_way[account] = Engagement(case, row, amount, prepaid)
        ahead = self.invoice("customer_prepayment", "project prepayment")
        self.world.billing.ask(ahead, account, row.contract, prepaid)
        return amount, 1.0

    def month(self, now: float, first: float) -> None:
        """Earn what was worked so far; who comes to want a project?"""
        worked, calendar = self.world.calendar.worked(np.array([now])).item(), self.world.calendar
        for account, project in self.under_way.items():
            case = project.case
            if case.stop is self.stop and case.started <= now:
                hours = self.stop.hours.of(account, case.attempt)
                done = worked - calendar.worked(np.array([case.started])).item()
                part = min(max(done / hours, 0.0), 1.0) if hours else 1.0
                self._earn(now, project, project.before + round((project.amount - project.before) * part))
        self.offers.month(now, ~self.had)

    def finish(self, case: Case, now: float) -> None:
        """The last hour is worked: earn the rest, set off the prepayment, bill the remainder."""
        project = self.under_way.pop(case.account, None)
        if project is None:
            return
        account, row = case.account, project.row
        self._earn(now, project, project.amount)
        self.world.ledger.post(
            now, "customer_prepayment", "unbilled", project.prepaid, "prepayment set off",
            account=account, contract=row.contract, product=self.product,
        )  # fmt: skip
        final = self.invoice("unbilled", "project balance")
        self.world.billing.ask(final, account, row.contract, project.amount - project.prepaid)
        self.alive[account] = False
        self.had[account] = self.world.customer[account]
        self.close(account, now, "completed")

    def _earn(self, now: float, project: Engagement, total: int) -> None:
        """Earn up to ``total`` of the fee."""
        account, month = project.row.account, np.array([total - project.earned])
        project.earned = total
        self.world.ledger.post(
            now, "unbilled", "revenue_project", month, "project worked",
            account=account, contract=project.row.contract, product=self.product,
        )  # fmt: skip
        self.cost(now, np.array([account]), month)

    def reopen(self, rows: Agreements) -> None:
        """Projects of the past: what is not earned yet is still to be worked."""
        for row, account in enumerate(rows.account.tolist()):
            case = self.offers.begin(account)
            amount, earned = round(rows.amount[row]), round(rows.earned[row])
            left = self.stop.hours.of(account, case.occurrence) * (1 - earned / max(amount, 1))
            self.stop.hours.know(account, case.occurrence, left)
            self.under_way[account] = Engagement(
                case, self.rows[account], amount, round(rows.ahead[row]), earned, earned
            )
            self.had[account] = True

    def take_up(self) -> None:
        """Those begun take the seats that no account in work holds; the others stand behind whoever waits."""
        for project in sorted(self.under_way.values(), key=lambda project: project.before == 0):
            self.stop.enter(project.case, 0.0)

    def balances(self, rows: Agreements) -> dict[str, np.ndarray]:
        return {"customer_prepayment": rows.ahead, "unbilled": -rows.earned}

    def running(self) -> Agreements:
        rows = super().running()
        mine = [self.under_way[account] for account in rows.account.tolist()]
        return replace(
            rows, earned=np.array([float(p.earned) for p in mine]), ahead=np.array([float(p.prepaid) for p in mine])
        )

    def end(self, case: Case, now: float) -> Announced:
        """The customer leaves: a project that is signed is finished, one that is not is given up."""
        if case.account not in self.under_way:
            self.offers.abandon(case.account, now)
        self.had[case.account] = case.account in self.under_way
        return None
