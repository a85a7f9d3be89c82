"""What an account is like as a customer. Sources: C06, C17, C22, C49, [000]:93, [000]:247."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.signals.registry import Accounts, signal

if TYPE_CHECKING:
    from sim.world import World


@signal(-0.5, 0.5, "1", "C49, [000]:93", through="time")
def use(world: World, accounts: Accounts) -> np.ndarray:
    """Monthly use of what was sold, minus one half."""
    return world.use[accounts] - 0.5


@signal(0, 100, "years", "[002]:72", through="time")
def tenure_years(world: World, accounts: Accounts) -> np.ndarray:
    """Years since the account became a customer in this spell; 0 before."""
    return np.where(world.customer[accounts], world.env.now - world.customer_since[accounts], 0.0) / 365.25


@signal(0, 1200, "months", "C46, L29", through="time")
def onboarding_months(world: World, accounts: Accounts) -> np.ndarray:
    """Months from signing to activation, or so far; 0 before signing."""
    until = np.where(world.activated[accounts], world.activated_at[accounts], world.env.now)
    spent = np.maximum(until - world.customer_since[accounts], 0.0)
    return np.where(world.customer[accounts], spent, 0.0) / 30.4375


@signal(-2, 2, "ln(month / median)", "C06, [000]:189", through="time")
def earning(world: World, accounts: Accounts) -> np.ndarray:
    """Logarithm of last month's own sales over the median level of the segment, within +-2; 0 before sales."""
    return world.earning[accounts]


@signal(0, 100, "products", "assumption, R25")
def further_products(world: World, accounts: Accounts) -> np.ndarray:
    """Products that the account has a running contract for, beside its main one."""
    return world.further[accounts]


@signal(0, 10, "ln(1 + orders)", "C17, [000]:247")
def orders(world: World, accounts: Accounts) -> np.ndarray:
    """Logarithm of one plus the number of completed orders."""
    return np.log1p(world.orders[accounts])
