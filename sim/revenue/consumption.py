"""Metered use under a framework contract. Sources: [002]:92, [002]:110, [002]:128-130, L16."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.distributions import by_segment
from sim.journey.case import Case
from sim.revenue.metered import MeteredPart
from sim.revenue.part import Announced
from sim.spec.distribution import Distribution
from sim.spec.opening import Agreements
from sim.units import MINOR


class ConsumptionPart(MeteredPart):
    """Metered use under a framework contract, topped up in advance or billed at month end.

    A prepaying account keeps one month's worth as balance: what was used is topped up at month end.
    """

    meter = "consumption"

    def quantity(self) -> Distribution:
        return self.spec.use_month

    def start(self, case: Case, now: float) -> Announced:
        account = case.account
        if not self.alive[account]:
            super().start(case, now)
            if self._prepays(np.array([account]))[0]:
                month = round(float(self.own_level[account]) * MINOR)
                top_up = self.invoice("customer_prepayment", "first top-up")
                self.world.billing.ask(top_up, account, int(self.number[account]), month)
        return None

    def balances(self, rows: Agreements) -> dict[str, np.ndarray]:
        return {"customer_prepayment": rows.ahead}

    def running(self) -> Agreements:
        rows = super().running()
        return replace(rows, ahead=self.world.ledger.owed("customer_prepayment", rows.account))

    def _prepays(self, accounts: np.ndarray) -> np.ndarray:
        ahead = by_segment(self.spec.prepaid, self.world.population.segments)
        return ahead[self.world.population.segment[accounts]] >= 0.5

    def metered(self, now: float, first: float) -> tuple[np.ndarray, np.ndarray]:
        accounts, cents = super().metered(now, first)
        years = np.maximum(now - self.since[accounts], 0.0) / 365.25
        growth = by_segment(self.spec.growth_year, self.world.population.segments)
        use = (1 + growth[self.world.population.segment[accounts]]) ** years
        price = (1 + self.spec.price_change_year) ** (now / 365.25 + self.world.years_before)
        return accounts, np.rint(cents * use * price).astype(np.int64)

    def month(self, now: float, first: float) -> None:
        accounts, cents = self.metered(now, first)
        self.record("metered", accounts, cents)
        prepaid = self._prepays(accounts)
        self.bill(self.invoice("revenue_consumption", "metered use"), accounts[~prepaid], cents[~prepaid])
        self._top_up(now, accounts[prepaid], cents[prepaid])
        self.cost(now, accounts, cents)

    def _top_up(self, now: float, accounts: np.ndarray, cents: np.ndarray) -> None:
        numbers = self.number[accounts]
        self.world.ledger.post(
            now, "customer_prepayment", "revenue_consumption", cents, "metered use",
            account=accounts, contract=numbers, product=self.product,
        )  # fmt: skip
        self.bill(self.invoice("customer_prepayment", "top-up"), accounts, cents)
