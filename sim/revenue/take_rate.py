"""A share of the merchants' sales. Sources: L02, L04, [000]:181-191, [000]:658-664."""

from __future__ import annotations

import numpy as np

from sim.distributions import by_segment
from sim.revenue.metered import MeteredPart, share_of
from sim.spec.distribution import Distribution


class TakeRatePart(MeteredPart):
    """A share of the merchants' sales, and adverts on top."""

    meter = "gmv"

    def quantity(self) -> Distribution:
        return self.spec.gmv_month

    def month(self, now: float, first: float) -> None:
        accounts, gmv = self.metered(now, first)
        segment = self.world.population.segment[accounts]
        self.record("gmv", accounts, gmv)
        self.world.months.count("merchants", accounts)
        segments = self.world.population.segments
        total = np.zeros(len(accounts), np.int64)
        for credit, memo, rate in (
            ("revenue_take_rate", "take rate", self.spec.rate),
            ("revenue_adverts", "adverts", self.spec.advert_rate),
        ):
            amounts = share_of(gmv, by_segment(rate, segments)[segment])
            self.bill(self.invoice(credit, memo), accounts, amounts)
            total += amounts
        self.cost(now, accounts, total)
