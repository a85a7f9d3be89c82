"""The consumer side of a two-sided business as one monthly stock. Sources: R06, C01-C05, [000]:167-195."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.units import MINOR

if TYPE_CHECKING:
    from sim.world import World


class ConsumersProgramme:
    """Consumers are drawn by merchants that sell and by subsidy; decisions see the stock's logarithm.

    next = stock * (1 - churn) + (market - stock) * min(1, attraction * merchants + response * subsidy)
    """

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.configure()
        self.opening = self.stock = float(self.spec.opening)

    def configure(self) -> None:
        """Take numbers from the specification that holds now."""
        self.spec = self.world.spec.business.programmes[self.name]

    def resume(self, stock: float, at_start: float) -> None:
        """Go on with a stock of consumers, and with the one that its logarithm is relative to."""
        self.stock, self.opening = stock, at_start
        self._tell()

    def _tell(self) -> None:
        relative = float(np.log((self.stock + 1.0) / (self.opening + 1.0)))
        self.world.consumers_log = min(max(relative, -10.0), 10.0)

    def month(self, now: float, first: float) -> None:
        """A month passes: consumers come and go, subsidy is spent, the stock is written down."""
        world, spec = self.world, self.spec
        merchants = int(np.count_nonzero(world.paying & world.customer))
        won = min(1.0, spec.attraction * merchants + spec.response * spec.subsidy_month)
        self.stock = self.stock * (1 - spec.churn) + max(spec.market - self.stock, 0.0) * won
        self._tell()
        world.ledger.post(now, "subsidy", "cash", round(spec.subsidy_month * MINOR), "subsidy", centre=self.name)
        world.months.total("consumers", round(self.stock, 3))
