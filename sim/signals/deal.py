"""What happened to the account in this journey. Sources: L09, C29, C47, [000]:83-91."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.signals.registry import Accounts, signal

if TYPE_CHECKING:
    from sim.world import World


@signal(0, 36525, "days", "C47, L39", through="others")
def wait_days(world: World, accounts: Accounts) -> np.ndarray:
    """Days waited in queues of desks in this journey."""
    return world.wait_days[accounts]


@signal(0, 100000, "10 hours", "L09, C29, [000]:85")
def presales_hours(world: World, accounts: Accounts) -> np.ndarray:
    """Work of the presales desk for the account in this journey."""
    return world.presales_hours[accounts] / 10.0


@signal(0, 100000, "10 hours", "[000]:85")
def sales_hours(world: World, accounts: Accounts) -> np.ndarray:
    """Work of all desks for the account in this journey."""
    return world.desk_hours[accounts] / 10.0


@signal(0, 1000, "journeys", "L26, [000]:91")
def losses(world: World, accounts: Accounts) -> np.ndarray:
    """Earlier journeys that ended without a signature."""
    return world.losses[accounts]


@signal(0, 1, "0 or 1", "[000]:309, L29")
def activated(world: World, accounts: Accounts) -> np.ndarray:
    """Whether the account reached activation in this journey."""
    return world.activated[accounts]
