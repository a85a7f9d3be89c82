"""Monthly use of what was sold, for all using accounts at once. Sources: [000]:93, C22, C49."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.distributions import by_segment, normal
from sim.events import ACTIVITY_CODE

if TYPE_CHECKING:
    from sim.world import World


class UsageProgramme:
    """Use reverts to an account's own lasting level with independent monthly shocks, within [0, 1]."""

    def __init__(self, world: World) -> None:
        self.world = world
        n = len(world.population.segment)
        self._own = normal(world.traits.uniforms(world.traits.name("use.level"), 0, 0, n))
        self._shock = world.streams.name("use.shock")
        self.configure()

    def configure(self) -> None:
        """Take numbers from the specification that holds now."""
        self.spec = spec = self.world.spec.business.usage
        population = self.world.population
        mean = by_segment(spec.mean, population.segments)[population.segment]
        self.level = np.clip(mean + spec.spread * self._own, 0.0, 1.0)

    def settled(self, accounts: np.ndarray) -> np.ndarray:
        """Use of accounts that have long been using: what reverting to their level with monthly shocks comes to."""
        spec, code = self.spec, self.world.streams.name("opening.use")
        spread = spec.noise / np.sqrt(max(1 - (1 - spec.pull) ** 2, 1e-9))
        settled = self.level[accounts] + spread * normal(self.world.streams.of(code, 0, accounts))
        return np.rint(np.clip(settled, 0.0, 1.0) * 2**20) / 2**20

    def begin(self, account: int) -> None:
        """An account starts to use."""
        self.world.use[account] = self.spec.start

    def month(self, now: float, first: float) -> None:
        """A month of use."""
        world, spec = self.world, self.spec
        accounts = np.flatnonzero(world.using)
        before = world.use[accounts]
        shock = normal(world.streams.of(self._shock, world.period, accounts))
        after = before + spec.pull * (self.level[accounts] - before) + spec.noise * shock
        after = np.rint(np.clip(after, 0.0, 1.0) * 2**20) / 2**20
        world.use[accounts] = after
        fell = before - after > spec.drop
        if fell.any():
            world.recorder.marks(accounts[fell], ACTIVITY_CODE["used_less"], now, quantity=after[fell])
        world.months.mean("use", accounts, after)
        world.months.count("using", accounts)
