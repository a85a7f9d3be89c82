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
from sim.units import MINOR, snap

if TYPE_CHECKING:
    from sim.world import World


@dataclass
class Engagement:
    """A project that is signed and not finished."""

    case: Case
    row: Contract
    amount: int
    prepaid: int
    earned: int = 0


class ProjectPart(RevenuePart):
    """One project per account while it is a customer.

    Attributes
    ----------
    under_way, delivered : dict
        Account to its project that is signed and not finished; to the contract of the one that it has had.
    """

    offers: Offers

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.under_way: dict[int, Engagement] = {}
        self.delivered: dict[int, Contract] = {}
        self.had = np.zeros(len(world.population.segment), bool)
        self.offers = Offers(self)
        self.stop = self.working_stop()
        self.stop.finished_by.append(self.finish)

    def configure(self) -> None:
        super().configure()
        self.fee = by_segment(self.spec.fee, self.world.population.segments)

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
        for account, project in self.under_way.items():
            case = project.case
            if case.stop is self.stop and case.started <= now:
                hours = self.stop.hours.of(account, case.attempt)
                part = min(max(self._worked(case.started, now) / hours, 0.0), 1.0) if hours else 1.0
                self._earn(now, project, max(round(project.amount * part), project.earned))
        self.offers.month(now, ~self.had)

    def _worked(self, since: float, now: float) -> float:
        """Working hours from when a project was begun, perhaps before day 0."""
        begun, until = self.world.calendar.worked(np.array([since, now])).tolist()
        return until - begun + (self._worked_before(since) if since < 0 else 0.0)

    def _worked_before(self, since: float) -> float:
        """Of those, the hours before day 0."""
        return float(self.world.past.since(np.array([since]))[0])

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
        if self.had[account]:
            self.delivered[account] = row
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

    def resume(self, rows: Agreements) -> None:
        """Projects of the past; whom one was delivered to is offered no other."""
        over = ~np.isnan(rows.done)
        super().resume(rows.take(np.flatnonzero(~over)))
        self.had[rows.account] = True
        had = rows.take(np.flatnonzero(over))
        columns = (had.account.tolist(), had.start.tolist(), had.amount.tolist(), had.done.tolist())
        for account, start, amount, done in zip(*columns, strict=True):
            self.delivered[account] = self.sign(account, start, float("nan"), round(amount), None)
            self.close(account, done, "completed")

    def reopen(self, rows: Agreements) -> None:
        """Projects that go on, each with the case of its offer."""
        for row, account in enumerate(rows.account.tolist()):
            case, amount, earned = self.offers.open[account], round(rows.amount[row]), round(rows.earned[row])
            self.under_way[account] = Engagement(case, self.rows[account], amount, round(rows.ahead[row]), earned)
            if case.stop is self.stop and case.started == case.started:
                self._know_hours(case, earned / max(amount, 1))

    def _know_hours(self, case: Case, share: float) -> None:
        """Hours of a project that is worked: those behind it are the share of its fee that is earned."""
        hours, worked = self.stop.hours, self._worked_before(case.started)
        whole = worked / share if 0.0 < share < 1.0 else hours.beyond(case.account, case.occurrence, worked)
        hours.know(case.account, case.occurrence, float(snap(whole)))

    def balances(self, rows: Agreements) -> dict[str, np.ndarray]:
        return {"customer_prepayment": rows.ahead, "unbilled": -rows.earned}

    def running(self) -> Agreements:
        rows = super().running()
        mine = [self.under_way[account] for account in rows.account.tolist()]
        earned, ahead = np.array([[p.earned, p.prepaid] for p in mine], float).reshape(-1, 2).T
        return Agreements.joined([replace(rows, earned=earned, ahead=ahead), self._had()])

    def _had(self) -> Agreements:
        """Projects that present customers have had, times from now."""
        now, index = self.world.env.now, list(self.world.parts).index(self.name)
        book = sorted(self.delivered.values(), key=lambda row: row.account)
        return Agreements.make(
            len(book), account=[row.account for row in book], part=index, start=[row.start - now for row in book],
            amount=[row.amount for row in book], done=[row.ended - now for row in book],
        )  # fmt: skip

    def end(self, case: Case, now: float) -> Announced:
        """The customer leaves: a project that is signed is finished, one that is not is given up."""
        if case.account not in self.under_way:
            self.offers.abandon(case.account, now)
        self.had[case.account] = case.account in self.under_way
        self.delivered.pop(case.account, None)
        return None
