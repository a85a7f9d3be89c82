"""Subscriptions: units at a yearly price, paid for a term in advance, earned day by day.

Sources: R09, [000]:197-229, L41; expansion and contraction C36, C66. Assumption: prices change at renewal only;
units added during a term are invoiced for the rest of it; units are given back at renewal.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.distributions import by_segment
from sim.events import ACTIVITY_CODE
from sim.journey.case import Case
from sim.revenue.part import Announced, Listener, RevenuePart
from sim.spec.opening import Agreements
from sim.units import DAYS_PER_MONTH, MINOR, snap


class SubscriptionPart(RevenuePart):
    """Seats or organisations, one current term per account."""

    def configure(self) -> None:
        super().configure()
        world, spec = self.world, self.spec
        segments = world.population.segments
        n = len(world.population.segment)
        if not hasattr(self, "units"):
            self._agreed: dict[int, float] = {}
            self.units, self.price = np.zeros(n), np.zeros(n)
            self.ends, self.value = np.zeros(n), np.zeros(n, np.int64)
            self.earned, self.leftover = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.list_price = by_segment(spec.price_year, segments)
        self.expand_share = by_segment(spec.expand_share, segments)
        self.shrink_share = by_segment(spec.shrink_share, segments)
        self.expand = world.decision(spec.expand) if spec.expand else None
        self.shrink = world.decision(spec.shrink) if spec.shrink else None

    def listens(self) -> dict[str, Listener]:
        return {**super().listens(), "renewed": self.renew}

    def start(self, case: Case, now: float) -> Announced:
        account = case.account
        if self.alive[account]:
            return None
        self.alive[account] = True
        self.spell[account] = case.occurrence
        self.units[account] = self._agreed.pop(account, 0.0) or max(
            1.0, round(self.level("units", self.spec.units, account, case.occurrence))
        )
        return self._term(account, now, now)

    def _term(self, account: int, now: float, begins: float) -> Announced:
        price = float(self.list_price[self.world.population.segment[account]])
        self.since[account], self.price[account] = now, price
        end = float(snap(begins + self.spec.term_months * DAYS_PER_MONTH))
        self.ends[account] = end
        running = float(self.world.term_ends[account])
        self.world.term_ends[account] = min(running, end) if running > now else end
        units = float(self.units[account])
        amount = round(units * price * self.spec.term_months / 12 * MINOR)
        self.value[account], self.earned[account] = amount, 0
        row = self.sign(account, now, end, amount, round(units * price / 12 * MINOR))
        self.world.billing.ask(self.invoice("deferred_revenue", "subscription"), account, row.contract, amount)
        return amount, units

    def renew(self, case: Case, now: float) -> Announced:
        """Another term, at today's price, perhaps with fewer units."""
        account = case.account
        if not self.alive[account]:
            return None
        self._finish_term(account)
        self.close(account, now, "renewed")
        self._give_back(case, account, now)
        late = now - float(self.ends[account])
        grace = min(self.spec.grace_days, self.spec.term_months * DAYS_PER_MONTH / 2)
        return self._term(account, now, now - late if late <= grace else now)

    def agree(self, account: int, amount: int) -> None:
        price = float(self.list_price[self.world.population.segment[account]])
        if price > 0:
            self._agreed[account] = amount / MINOR / (price * self.spec.term_months / 12)

    def reopen(self, rows: Agreements) -> None:
        accounts = rows.account
        listed = self.list_price[self.world.population.segment[accounts]]
        self.price[accounts] = np.where(np.isnan(rows.price), listed, rows.price)
        units = rows.mrr * 12 / MINOR / np.maximum(self.price[accounts], 1e-9)
        self.units[accounts] = np.where(np.isnan(rows.units), units, rows.units)
        self.since[accounts], self.ends[accounts] = rows.start, rows.end
        self.value[accounts], self.earned[accounts] = np.rint(rows.amount), np.rint(rows.earned)
        unagreed = self.world.term_ends[accounts] <= 0
        self.world.term_ends[accounts[unagreed]] = rows.end[unagreed]

    def balances(self, rows: Agreements) -> dict[str, np.ndarray]:
        return {"deferred_revenue": np.rint(rows.amount) - np.rint(rows.earned)}

    def running(self) -> Agreements:
        rows = super().running()
        mine = rows.account
        return replace(rows, earned=self.earned[mine].astype(float), units=self.units[mine], price=self.price[mine])

    def _give_back(self, case: Case, account: int, now: float) -> None:
        share = float(self.shrink_share[self.world.population.segment[account]])
        before = float(self.units[account])
        if self.shrink is None or not share or before <= 1:
            return
        drawn = self.shrink.decide(account, self.world.period)
        code = self.world.decision_code(self.shrink.name)
        self.world.recorder.decision(account, code, self.world.period, now, drawn)
        if drawn[0]:
            self.units[account] = after = max(1.0, round(before * (1 - share)))
            price = float(self.list_price[self.world.population.segment[account]])
            less = round((before - after) * price * MINOR)
            self.world.recorder.mark(
                account, ACTIVITY_CODE["contracted_down"], now, amount=less, quantity=before - after
            )

    def end(self, case: Case, now: float) -> Announced:
        if self.alive[case.account]:
            self._finish_term(case.account)
        return super().end(case, now)

    def _finish_term(self, account: int) -> None:
        self.leftover[account] += self.value[account] - self.earned[account]
        self.value[account] = self.earned[account] = 0

    def month(self, now: float, first: float) -> None:
        self._earn(now)
        if self.expand is not None:
            self._expand(now)

    def _earn(self, now: float) -> None:
        accounts = np.flatnonzero(self.alive | (self.leftover > 0))
        if not accounts.size:
            return
        length = np.where(self.alive[accounts], self.ends[accounts] - self.since[accounts], 1.0)
        passed = np.clip((now - self.since[accounts]) / length, 0.0, 1.0)
        earned = np.rint(self.value[accounts] * passed).astype(np.int64)
        month = earned - self.earned[accounts] + self.leftover[accounts]
        self.earned[accounts], self.leftover[accounts] = earned, 0
        self.world.ledger.post(
            now, "deferred_revenue", "revenue_subscription", month, "subscription earned",
            account=accounts, contract=self.number[accounts], product=self.product,
        )  # fmt: skip
        self.cost(now, accounts, month)

    def _expand(self, now: float) -> None:
        assert self.expand is not None
        world = self.world
        accounts = np.flatnonzero(self.alive & (self.ends > now))
        chance = self.expand.chance(accounts)
        code = world.streams.name(f"decision.{self.expand.name}")
        uniform = world.streams.of(code, world.period, accounts)
        more = uniform < chance
        world.recorder.decisions(
            accounts[more], world.decision_code(self.expand.name), world.period, now, chance[more], uniform[more]
        )
        for account in accounts[more].tolist():
            self._add(account, now)

    def _add(self, account: int, now: float) -> None:
        share = float(self.expand_share[self.world.population.segment[account]])
        added = max(1.0, round(self.units[account] * share))
        rest = float(self.ends[account]) - now
        price = float(self.price[account])
        extra = round(added * price * rest / (12 * DAYS_PER_MONTH) * MINOR)
        self.units[account] += added
        self.value[account] += extra - self.earned[account]
        self.earned[account], self.since[account] = 0, now
        self.close(account, now, "upgraded")
        monthly = round(float(self.units[account]) * price / 12 * MINOR)
        row = self.sign(account, now, float(self.ends[account]), int(self.value[account]), monthly)
        self.world.billing.ask(self.invoice("deferred_revenue", "expansion"), account, row.contract, extra)
        self.world.recorder.mark(account, ACTIVITY_CODE["upgraded"], now, amount=extra, quantity=added)
