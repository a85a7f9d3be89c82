"""Own costs, closed by the month: desks, channels, fixed costs, commissions. Sources: R23, [002]:154, C105."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.journey.case import Case
from sim.units import MINOR

if TYPE_CHECKING:
    from sim.world import World


class Overhead:
    """Books equity at the start and costs every month."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.owed = self.payable_now = 0
        if world.opening is None or "cash" not in world.opening.balances:
            opening = round(world.spec.policy.finance.opening_cash * MINOR)
            world.ledger.post(0.0, "cash", "equity", opening, "opening capital")

    def commission(self, case: Case, amount: int) -> None:
        """A seller earns a share of what was signed, paid at the end of the next month."""
        world = self.world
        share = world.spec.policy.finance.commission
        earned = round(share * amount) if share else 0
        if earned:
            self.owed += earned
            world.ledger.post(
                world.env.now, "commission", "commission_payable", earned, "commission", account=case.account
            )

    def month(self, now: float, first: float) -> None:
        """Book a month's costs."""
        post, world = self.world.ledger.post, self.world
        for _, desk in sorted(world.desks.items()):
            cost = world.spec.policy.desks[desk.name].cost_year
            amount = round(cost / 12 * desk.mean_heads(first, now) * MINOR)
            post(now, "payroll", "cash", amount, "payroll", centre=desk.name)
        for channel, spend in sorted(self._spend(first, now).items()):
            post(now, "marketing", "cash", round(spend * MINOR), "channel", centre=channel)
        fixed = round(world.spec.policy.finance.fixed_month * MINOR)
        post(now, "fixed_cost", "cash", fixed, "fixed costs", centre="company")
        post(now, "commission_payable", "cash", self.payable_now, "commissions paid")
        self.payable_now, self.owed = self.owed, 0

    def _spend(self, first: float, now: float) -> dict[str, float]:
        days = range(int(first), int(now) + 1)
        spent: dict[str, float] = {}
        for day in days:
            for name, channel in self.world.spec_at(day).policy.channels.items():
                spent[name] = spent.get(name, 0.0) + channel.spend_month / len(days)
        return spent
