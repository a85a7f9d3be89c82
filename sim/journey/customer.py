"""Life as a customer: a contract term that ends, or month after month in which it may leave.

Sources: [000]:93, [000]:225 (terms), [002]:72 (hazard of leaving), C06, C21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.journey.case import Case
from sim.journey.stop import Place, Stop
from sim.units import DAYS_PER_MONTH, snap

if TYPE_CHECKING:
    from sim.world import World


class CustomerStop(Stop):
    """Common to both lives; the specification says which of them is built."""

    def __new__(cls, world: World, name: str, code: int) -> CustomerStop:
        term = getattr(world.spec.business.route[name], "term_months", None)
        return object.__new__(TermStop if term is not None else MonthlyStop)


class TermStop(CustomerStop):
    """A term, then the renewal ([000]:93, R09): to the end of the contract where there is one that runs, else of
    fixed length from now on."""

    def __init__(self, world: World, name: str, code: int) -> None:
        super().__init__(world, name, code)
        self.agreed = world.term_ends
        self.over = (self.finish,)

    def configure(self) -> None:
        super().configure()
        self.term_days = float(snap(self.spec.term_months * DAYS_PER_MONTH))

    def enter(self, case: Case, now: float) -> None:
        case.stop, case.queued, case.started = self, now, now
        case.attempt = case.occurrence if not self.cyclic else case.occurrence + self.count(case)
        case.callbacks = self.over
        agreed = self.agreed.item(case.account)
        self.plan(case, agreed if agreed > now else now + self.term_days)

    def resume(self, case: Case, place: Place) -> None:
        """To the end of the running term; a term that is over already is up for renewal at once."""
        self.arrive(case, place.entered)
        case.started, case.callbacks = place.entered, self.over
        agreed = self.agreed.item(case.account)
        own = place.entered + self.term_days
        self.plan(case, agreed if agreed > 0 else max(own, 0.0))

    def finish(self, case: Case) -> None:
        """The term is over."""
        self.depart(case, self.yes, case.due)


class MonthlyStop(CustomerStop):
    """Every month a hazard: an account leaves when its accumulated hazard reaches its threshold.

    The threshold is one Exp(1) per spell; the monthly probability p adds -ln(1 - p). What is logged for a
    departure is the uniform conditional on having stayed so far.
    """

    def __init__(self, world: World, name: str, code: int) -> None:
        super().__init__(world, name, code)
        n = len(world.population.segment)
        self.members = np.zeros(n, bool)
        self.threshold, self.hazard = np.zeros(n), np.zeros(n)
        self.spell = np.zeros(n, np.int64)

    def connect(self) -> None:
        super().connect()
        self.leaving = self.world.decision(self.spec.leave) if self.spec.leave else None

    def enter(self, case: Case, now: float) -> None:
        self._stay(case, now)

    def resume(self, case: Case, place: Place) -> None:
        """A threshold of its own from day 0 on: the hazard has no memory."""
        self._stay(case, place.entered)

    def _stay(self, case: Case, since: float) -> None:
        self.arrive(case, since)
        case.started = since
        account = case.account
        self.members[account] = True
        self.spell[account] = case.attempt
        self.hazard[account] = 0.0
        if self.leaving is not None:
            self.threshold[account] = -np.log(self.leaving.draws.get(account, case.attempt))

    def month(self, now: float) -> None:
        """A month is over: who leaves?"""
        if self.leaving is None:
            return
        accounts = np.flatnonzero(self.members)
        left = self.threshold[accounts] - self.hazard[accounts]
        chance = self.leaving.chance(accounts)
        uniform = (-np.expm1(-left)).astype(np.float32).astype(float)
        self.hazard[accounts] -= np.log1p(-np.minimum(chance, 1 - 1e-12))
        gone = uniform < chance
        leavers = accounts[gone]
        self.world.recorder.decisions(
            leavers, self.world.decision_code(self.leaving.name), self.spell[leavers], now, chance[gone], uniform[gone]
        )  # fmt: skip
        for account in leavers.tolist():
            self.members[account] = False
            case = self.world.cases[account]
            self.depart(case, self.no, now)
