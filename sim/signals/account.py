"""What an account is: traits at birth and the price it is offered. Sources: [000]:205, [003]:5-7, L18, L42."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.signals.registry import Accounts, signal

if TYPE_CHECKING:
    from sim.world import World


@signal(-5, 10, "ln(employees / 100)", "C37, [000]:411", static=True)
def log_employees(world: World, accounts: Accounts) -> np.ndarray:
    """Size of the company, as the logarithm of employees over 100."""
    return np.log(world.population.employees[accounts] / 100.0)


@signal(-8, 8, "standard deviations", "[003]:32, L42", static=True)
def need(world: World, accounts: Accounts) -> np.ndarray:
    """Severity of the need, standardised over companies."""
    return world.population.need[accounts]


@signal(-8, 8, "standard deviations", "[003]:5", static=True)
def fit(world: World, accounts: Accounts) -> np.ndarray:
    """Fit of the offer with the company's work, standardised over companies."""
    return world.population.fit[accounts]


@signal(-3, 3, "ln(price / reference price)", "[002]:116, L18, C62", static=True, about=True)
def price_ratio(world: World, accounts: Accounts, about: str = "") -> np.ndarray:
    """Logarithm of the price over the price that buyers of the segment compare with, of the product decided on."""
    return world.price_ratios.get(about, world.price_ratio)[world.population.segment[accounts]]
