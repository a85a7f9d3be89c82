"""What the market does: the lead's channel, the season, peers, consumers. Sources: L21, L27, C04, [000]:105."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.signals.registry import Accounts, signal

if TYPE_CHECKING:
    from sim.world import World


@signal(-10, 10, "logit", "L21, L23, [003]:6-9", through="others")
def channel_quality(world: World, accounts: Accounts) -> np.ndarray:
    """Quality of the channel that reached the account first."""
    return world.channel_quality[world.channel[accounts]]


@signal(-3, 3, "ln(factor)", "practitioners' range: February .5, December 1.5", through="time")
def buying_season(world: World, accounts: Accounts) -> float:
    """Logarithm of the buying factor of the current month."""
    return world.buying_now


@signal(0, 15, "ln(1 + customers)", "C27, C87, [000]:105, [004]:105", through="others")
def references(world: World, accounts: Accounts) -> np.ndarray:
    """Logarithm of one plus the number of active customers in the account's industry."""
    return np.log1p(world.peers[world.population.industry[accounts]])


@signal(-10, 10, "ln(consumers / opening consumers)", "C02, C04, [000]:185-189", through="others")
def consumers(world: World, accounts: Accounts) -> float:
    """Logarithm of the consumer stock over its opening value; 0 without consumers."""
    return world.consumers_log
