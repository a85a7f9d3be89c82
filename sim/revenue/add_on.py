"""A further subscription: an add-on sold to customers, or taken at the signature in a bundle.

Sources: L06 and [000]:674 (free use and add-ons), R25, [000]:93; C36 and C66 for expansion. Assumptions: prices change
at renewal only; a co-termed contract is paid for the rest of the term; the discount of a bundle is off the add-on's
price, so that the main product's money is what it is without the bundle.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sim.distributions import by_segment
from sim.events import ACTIVITY_CODE
from sim.journey.case import Case
from sim.revenue.offers import Offers
from sim.revenue.part import Announced, Listener, RevenuePart
from sim.revenue.subscription import SubscriptionPart
from sim.spec.opening import Agreements
from sim.units import DAYS_PER_MONTH, MINOR, snap

if TYPE_CHECKING:
    from sim.world import World


class AddOnPart(SubscriptionPart):
    """One current term per account, beside that of the main product."""

    offers: Offers

    def __init__(self, world: World, name: str) -> None:
        n = len(world.population.segment)
        self._agreed = {}
        self.units, self.price, self.ends = np.zeros(n), np.zeros(n), np.zeros(n)
        self.value, self.earned, self.leftover = (np.zeros(n, np.int64) for _ in range(3))
        self.share, self.bundled = np.zeros(n), np.zeros(n, bool)
        self.timers: dict[int, Case] = {}
        super().__init__(world, name)
        self.offers = Offers(self)

    def configure(self) -> None:
        RevenuePart.configure(self)
        world, spec, segments = self.world, self.spec, self.world.population.segments
        self.list_price = by_segment(spec.price_year, segments)
        self.paid_in_bundle = 1.0 - by_segment(spec.bundle_discount, segments)
        self.keep = world.decision(spec.keep) if spec.keep else None
        self.bundle = world.decision(spec.bundle) if spec.bundle else None
        self.expand = self.shrink = None

    def listens(self) -> dict[str, Listener]:
        heard: dict[str, Listener] = {self.spec.starts: self.start, "churned": self.end, "renewed": self.renew}
        return heard | ({self.spec.bundle_at: self.choose} if self.spec.bundle else {})

    def choose(self, case: Case, now: float) -> Announced:
        """The bundle, or the main product alone?"""
        account, world = case.account, self.world
        if self.bundle is None or not self.spec.enabled or self.alive[account] or case.offers is not None:
            return None
        drawn = self.bundle.decide(account, case.attempt)
        world.recorder.decision(account, world.decision_code(self.bundle.name), case.attempt, now, drawn)
        if drawn[0]:
            self.bundled[account] = True
            amount, quantity = self._take(account, now)
            note, sold = world.recorder.note("bundle"), ACTIVITY_CODE[self.spec.starts]
            world.recorder.mark(account, sold, now, -1, note, amount, quantity, product=self.product)
            world.overhead.commission(case, amount)
        return None

    def start(self, case: Case, now: float) -> Announced:
        if not self.offers.mine(case) or self.alive[case.account]:
            return None
        self.bundled[case.account] = False
        return self._take(case.account, now)

    def _take(self, account: int, now: float) -> tuple[int, float]:
        self.alive[account] = True
        self.share[account] = self.level("units", self.spec.units, account, self.world.cases[account].occurrence)
        self.world.further[account] += 1
        return self._next_term(account, now, now)

    def _next_term(self, account: int, now: float, begins: float) -> tuple[int, float]:
        segment = self.world.population.segment[account]
        off = float(self.paid_in_bundle[segment]) if self.bundled[account] else 1.0
        price, units = float(self.list_price[segment]) * off, self._count(account)
        end = self._agree(account, now, begins)
        amount = round(units * price * (end - begins) / (12 * DAYS_PER_MONTH) * MINOR)
        self.units[account], self.price[account] = units, price
        self.since[account], self.ends[account] = now, end
        self.value[account], self.earned[account] = amount, 0
        row = self.sign(account, now, end, amount, round(units * price / 12 * MINOR))
        self.world.billing.ask(self.invoice("deferred_revenue", "add-on"), account, row.contract, amount)
        return amount, units

    def _count(self, account: int) -> float:
        """Units of the coming term; what is taken per unit follows the main product's."""
        return max(1.0, round(float(self.share[account] * self._base(np.array([account]))[0])))

    def _base(self, accounts: np.ndarray) -> np.ndarray:
        """Units of the main product that one of this one is taken for."""
        base = self.world.parts.get(self.spec.per_unit_of or "")
        return np.maximum(base.units[accounts], 1.0) if isinstance(base, SubscriptionPart) else np.ones(len(accounts))

    def _agree(self, account: int, now: float, begins: float) -> float:
        """End of the coming term: that of the running term, or one of its own, at which this part wakes."""
        running = float(self.world.term_ends[account])
        if self.spec.co_termed and running > now:
            self.timers.pop(account, None)
            return running
        end = float(snap(begins + self.spec.term_months * DAYS_PER_MONTH))
        self._wake(account, end)
        return end

    def _wake(self, account: int, end: float) -> None:
        timer = self.timers[account] = Case(account, int(self.world.channel[account]))
        timer.callbacks = (self._fall_due,)
        self.world.env.plan(timer, end)

    def _fall_due(self, timer: Case) -> None:
        if self.timers.get(timer.account) is timer:
            del self.timers[timer.account]
            self._term_over(timer.account, timer.due)

    def renew(self, case: Case, now: float) -> Announced:
        """The main product is renewed, and what ends with it falls due."""
        if self.alive[case.account] and case.account not in self.timers:
            self._term_over(case.account, now)
        return None

    def _term_over(self, account: int, now: float) -> None:
        self._finish_term(account)
        world = self.world
        if self.keep is not None:
            drawn = self.keep.decide(account, world.period)
            world.recorder.decision(account, world.decision_code(self.keep.name), world.period, now, drawn)
            if not drawn[0]:
                self._stop(account, now)
                world.recorder.mark(account, ACTIVITY_CODE["dropped"], now, product=self.product)
                return
        self.close(account, now, "renewed")
        late = now - float(self.ends[account])
        grace = min(self.spec.grace_days, self.spec.term_months * DAYS_PER_MONTH / 2)
        self._next_term(account, now, now - late if late <= grace else now)

    def end(self, case: Case, now: float) -> Announced:
        self.offers.abandon(case.account, now)
        if self.alive[case.account]:
            self._finish_term(case.account)
            self._stop(case.account, now)
        return None

    def _stop(self, account: int, now: float) -> None:
        self.alive[account] = self.bundled[account] = False
        self.timers.pop(account, None)
        self.world.further[account] -= 1
        self.close(account, now, "churned")

    def reopen(self, rows: Agreements) -> None:
        """Contracts of the past, each with the discount of its bundle if it is known to be of one."""
        accounts, ends = rows.account, self.world.term_ends
        agreed = ends[accounts].copy()
        super().reopen(rows)
        ends[accounts] = agreed
        self.share[accounts] = self.units[accounts] / self._base(accounts)
        self.bundled[accounts] = rows.bundled
        self.world.further[accounts] += 1
        for account, end, main in zip(accounts.tolist(), rows.end.tolist(), agreed.tolist(), strict=True):
            if not (self.spec.co_termed and abs(main - end) < 1.0):
                self._wake(account, max(end, 0.0))

    def running(self) -> Agreements:
        rows = super().running()
        return replace(rows, bundled=self.bundled[rows.account])

    def month(self, now: float, first: float) -> None:
        self._earn(now)
        self.offers.month(now, ~self.alive)
