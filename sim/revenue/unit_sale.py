"""Goods: a small first order, delivery, installation, then larger reorders. Sources: R08, C17, [000]:231-247.

Invoiced as deposit with the order, balance at delivery; the retention follows later. Revenue is earned when the
goods work in production.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sim.distributions import by_segment
from sim.journey.case import Case
from sim.revenue.part import Announced, Listener, RevenuePart
from sim.spec.distribution import Distribution
from sim.spec.opening import Agreements
from sim.units import MINOR

if TYPE_CHECKING:
    from sim.world import World


class UnitSalePart(RevenuePart):
    """One open order per account at a time."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.open_orders: dict[int, tuple[int, int]] = {}
        self._agreed: dict[int, float] = {}

    def configure(self) -> None:
        super().configure()
        self.price = by_segment(self.spec.unit_price, self.world.population.segments)

    def listens(self) -> dict[str, Listener]:
        return {**super().listens(), self.spec.repeats: self.reorder, self.spec.delivered: self.deliver}

    def start(self, case: Case, now: float) -> Announced:
        self.alive[case.account] = True
        return self._order(case, now, "first", self.spec.first_units, 1.0)

    def reorder(self, case: Case, now: float) -> Announced:
        """A batch, larger the more good orders there were."""
        done = float(self.world.orders[case.account])
        return self._order(
            case, now, "again", self.spec.reorder_units, (1 + self.spec.trust_gain) ** max(done - 1, 0.0)
        )

    def _order(self, case: Case, now: float, name: str, units: Distribution, trust: float) -> Announced:
        account = case.account
        if account in self.open_orders:
            return None
        drawn = max(1.0, float(round(self.level(name, units, account, case.attempt) * trust)))
        count = self._agreed.pop(account, drawn)
        amount = round(count * float(self.price[self.world.population.segment[account]]) * MINOR)
        deposit = round(amount * self.spec.deposit)
        row = self.sign(account, now, float("nan"), amount, None)
        self.open_orders[account] = (amount, deposit)
        ahead = self.invoice("customer_prepayment", "deposit", pace=self.spec.deposit_pace)
        self.world.billing.ask(ahead, account, row.contract, deposit)
        return amount, count

    def deliver(self, case: Case, now: float) -> Announced:
        """The goods work: revenue, balance, retention, cost."""
        account = case.account
        if account not in self.open_orders:
            return None
        amount, deposit = self.open_orders.pop(account)
        number = int(self.number[account])
        held = round(amount * self.spec.retention)
        self.world.ledger.post(
            now, "customer_prepayment", "revenue_unit_sale", deposit, "deposit earned",
            account=account, contract=number, product=self.product,
        )  # fmt: skip
        balance = self.invoice("revenue_unit_sale", "balance")
        retention = self.invoice(
            "revenue_unit_sale", "retention", receivable="retention_money", later_days=self.spec.retention_days
        )
        self.world.billing.ask(balance, account, number, amount - deposit - held)
        self.world.billing.ask(retention, account, number, held)
        self.cost(now, np.array([account]), np.array([amount]))
        self.close(account, now, "completed")
        self.world.orders[account] += 1
        return amount, float("nan")

    def agree(self, account: int, amount: int) -> None:
        price = float(self.price[self.world.population.segment[account]])
        if price > 0:
            self._agreed[account] = amount / MINOR / price

    def reopen(self, rows: Agreements) -> None:
        for account, amount, ahead in zip(
            rows.account.tolist(), rows.amount.tolist(), rows.ahead.tolist(), strict=True
        ):
            self.open_orders[account] = (round(amount), round(ahead))

    def balances(self, rows: Agreements) -> dict[str, np.ndarray]:
        return {"customer_prepayment": rows.ahead}

    def running(self) -> Agreements:
        rows = super().running()
        return replace(rows, ahead=np.array([float(self.open_orders[a][1]) for a in rows.account.tolist()]))

    def end(self, case: Case, now: float) -> Announced:
        self.alive[case.account] = False
        return None

    def month(self, now: float, first: float) -> None:
        """Nothing is earned by the passing of time."""
