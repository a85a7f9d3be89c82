"""Ways of earning that are metered month by month.

Assumption: an account has a lasting level, moved by a Rate and by independent monthly noise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sim.journey.case import Case
from sim.revenue.part import Announced, RevenuePart
from sim.spec.distribution import Distribution
from sim.spec.opening import Agreements
from sim.units import MINOR

if TYPE_CHECKING:
    from sim.world import World


class MeteredPart(RevenuePart):
    """Open-ended contracts with a monthly bill on a metered quantity."""

    meter = ""

    def __init__(self, world: World, name: str) -> None:
        n = len(world.population.segment)
        self.own_level = np.zeros(n)
        super().__init__(world, name)

    def quantity(self) -> Distribution:
        """The distribution of an account's level, per month."""
        raise NotImplementedError

    def start(self, case: Case, now: float) -> Announced:
        account = case.account
        if self.alive[account]:
            return None
        self.alive[account] = True
        self.since[account], self.spell[account] = now, case.occurrence
        self.own_level[account] = self.level(self.meter, self.quantity(), account, case.occurrence)
        self.sign(account, now, float("nan"), None, self.fixed_month(account))
        return None

    def reopen(self, rows: Agreements) -> None:
        for account, level in zip(rows.account.tolist(), rows.level.tolist(), strict=True):
            known = level == level
            self.own_level[account] = level if known else self.level(self.meter, self.quantity(), account, 0)

    def running(self) -> Agreements:
        rows = super().running()
        return replace(rows, level=self.own_level[rows.account])

    def fixed_month(self, account: int) -> int | None:
        """Fixed recurring part of the contract per month, minor units."""
        return None

    def metered(self, now: float, first: float) -> tuple[np.ndarray, np.ndarray]:
        """Accounts and what the meter shows for the month, in minor units of money."""
        accounts, part = self.active(first, now)
        factor = self.rate(self.meter).factor(accounts) * self.noise(accounts, self.spec.noise)
        month = self.own_level[accounts] * factor
        median = self.bound(self.quantity()).median[self.world.population.segment[accounts]]
        relative = np.log(np.maximum(month, 1e-9) / np.maximum(median, 1e-9))
        self.world.earning[accounts] = np.clip(np.rint(relative * 2**20) / 2**20, -2.0, 2.0)
        return accounts, np.rint(month * part * MINOR).astype(np.int64)

    def record(self, metric: str, accounts: np.ndarray, cents: np.ndarray) -> None:
        """Write a monthly sum by segment, in major units."""
        self.world.months.by_segment(metric, accounts, cents / MINOR)


def share_of(cents: np.ndarray, share: np.ndarray) -> np.ndarray:
    """A share of amounts in minor units, rounded to minor units."""
    return np.rint(cents * share).astype(np.int64)
