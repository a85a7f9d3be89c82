"""A share of what the customer earns through us. Sources: R11, C40, L17, [000]:694-710."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sim.distributions import by_segment
from sim.revenue.metered import MeteredPart, share_of
from sim.spec.distribution import Distribution
from sim.spec.opening import Agreements
from sim.units import MINOR

if TYPE_CHECKING:
    from sim.world import World


class OutcomeSharePart(MeteredPart):
    """A base fee, and a share of the additional sales that our work brings."""

    meter = "customer_sales"

    def __init__(self, world: World, name: str) -> None:
        self.own_base = np.ones(len(world.population.segment))
        super().__init__(world, name)

    def reopen(self, rows: Agreements) -> None:
        super().reopen(rows)
        listed = by_segment(self.spec.base_year, self.world.population.segments)[
            self.world.population.segment[rows.account]
        ]
        known = ~np.isnan(rows.mrr) & (listed > 0)
        self.own_base[rows.account[known]] = rows.mrr[known] * 12 / MINOR / listed[known]

    def quantity(self) -> Distribution:
        return self.spec.customer_sales_month

    def fixed_month(self, account: int) -> int | None:
        segment = self.world.population.segment[account]
        return round(float(by_segment(self.spec.base_year, self.world.population.segments)[segment]) / 12 * MINOR)

    def month(self, now: float, first: float) -> None:
        accounts, sales = self.metered(now, first)
        per = self._per_segment(accounts)
        gained = share_of(sales, per(self.spec.lift) * self.world.use[accounts])
        fee = share_of(gained, per(self.spec.share))
        code = self.world.streams.name(f"revenue.{self.name}.disputed")
        fee[self.world.streams.of(code, self.world.period, accounts) < self.spec.disputed] = 0
        self.record("customer_sales", accounts, sales)
        self.record("attributed_sales", accounts, gained)
        self.record("outcome_fees", accounts, fee)
        _, part = self.active(first, now)
        base = np.rint(per(self.spec.base_year) * self.own_base[accounts] / 12 * part * MINOR).astype(np.int64)
        self.bill(self.invoice("revenue_outcome_share", "share of outcome"), accounts, fee)
        self.bill(self.invoice("revenue_base_fee", "base fee"), accounts, base)
        self.cost(now, accounts, fee + base)

    def _per_segment(self, accounts: np.ndarray) -> Callable[[float | dict[str, float]], np.ndarray]:
        segment, segments = self.world.population.segment[accounts], self.world.population.segments
        return lambda value: by_segment(value, segments)[segment]
