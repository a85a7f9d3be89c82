"""Offers of a further product to customers: who comes to want it, and the way to the signature.

Sources: [000]:93, [000]:223 (upsell is the work of customer success, one account at a time), R25, C89; how many come
to want it is an assumption. An offer is a case of its own, beside the one that lives the account's journey: it waits,
queues at desks and is worked on like any other, so that cross-selling takes the time of people who have other work.
Draws are keyed by the calendar month in which the interest arose, never by how many offers there were before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.events import ACTIVITY_CODE
from sim.journey.case import Case
from sim.journey.desk import DeskStop
from sim.recorder import OTHERWISE, pack_visit
from sim.spec.opening import OpenOffers
from sim.streams import ATTEMPTS, attempt

if TYPE_CHECKING:
    from sim.revenue.part import RevenuePart

_NAN = float("nan")


class Offers:
    """Offers of one part's product, at most one per account at a time.

    Attributes
    ----------
    open : dict
        Account to the case of its offer.
    """

    def __init__(self, part: RevenuePart) -> None:
        self.part, self.world = part, part.world
        self.open: dict[int, Case] = {}
        self.busy = np.zeros(len(self.world.population.segment), bool)
        self.first = self.world.stops[part.spec.way] if part.spec.way else None

    def month(self, now: float, without: np.ndarray) -> None:
        """A month is over: which customers of those ``without`` the product (bool array) come to want it?"""
        spec, world = self.part.spec, self.world
        if spec.interest is None or not spec.enabled:
            return
        decision = world.decision(spec.interest)
        accounts = np.flatnonzero(world.customer & without & ~self.busy)
        accounts = accounts[~np.isin(accounts, world.gone)]
        chance = decision.chance(accounts)
        uniform = world.streams.of(world.streams.name(f"decision.{spec.interest}"), world.period, accounts)
        wants = uniform < chance
        code = world.decision_code(spec.interest)
        world.recorder.decisions(accounts[wants], code, world.period, now, chance[wants], uniform[wants])
        for account in accounts[wants].tolist():
            self._offer(account, now)

    def _offer(self, account: int, now: float) -> None:
        case = self.begin(account, self.world.period)
        if self.first is not None:
            self.first.enter(case, now)
            return
        self.world.announce(case, ACTIVITY_CODE[self.part.spec.starts], None)
        self.close(account)

    def begin(self, account: int, month: int) -> Case:
        """The case of an offer for which the interest arose in a calendar month."""
        case = Case(account, int(self.world.channel[account]))
        case.offers, case.occurrence = self, attempt(month, 0)
        case.attempt = case.occurrence
        self.open[account], self.busy[account] = case, True
        return case

    def under_way(self) -> OpenOffers:
        """Where the offers stand now; the state at the start puts them there again."""
        now, index = self.world.env.now, list(self.world.parts).index(self.part.name)
        cases = sorted(self.open.values(), key=lambda case: case.account)
        return OpenOffers.make(
            len(cases), account=[case.account for case in cases], part=index,
            month=[case.occurrence // ATTEMPTS for case in cases], stop=[case.stop.code for case in cases],
            entered=[case.queued - now for case in cases], started=[case.started - now for case in cases],
            served=[isinstance(case.stop, DeskStop) and case.started == case.started for case in cases],
        )  # fmt: skip

    def mine(self, case: Case) -> bool:
        """Whether a case is one of these offers."""
        return case.offers is self

    def close(self, account: int) -> None:
        """The offer has come to the end of its way."""
        if self.open.pop(account, None) is not None:
            self.busy[account] = False

    def abandon(self, account: int, now: float) -> None:
        """The customer is gone: nobody waits for it any more, and who works for it leaves off when the work is done."""
        case = self.open.get(account)
        if case is None:
            return
        self.close(account)
        stop = case.stop
        if not isinstance(stop, DeskStop):
            case.callbacks = (_forget,)
            self._leave(case, -1, case.started, now)
        elif case in stop.desk.queue:
            stop.desk.queue.remove(case)
            self._leave(case, -1, _NAN, now)
        else:
            case.callbacks = (self._put_down,)

    def _put_down(self, case: Case) -> None:
        self._leave(case, case.seat, case.started, case.due)
        case.stop.desk.release(case.seat, case.due)  # type: ignore[attr-defined]

    def _leave(self, case: Case, seat: int, started: float, now: float) -> None:
        self.world.recorder.keep(pack_visit(case.account, case.stop.code, seat, OTHERWISE, case.queued, started, now))


def _forget(case: Case) -> None:
    """Nothing is left to be done."""
