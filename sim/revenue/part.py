"""What every way of earning has in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.billing import Invoice
from sim.contracts import Contract
from sim.decisions import Rate
from sim.distributions import Bound, bind, by_segment, normal
from sim.journey.case import Case
from sim.journey.desk import DeskStop
from sim.ledger import OPENING
from sim.recorder import NONE
from sim.spec.distribution import Distribution
from sim.spec.opening import Agreements
from sim.streams import Draws
from sim.units import DAYS_PER_MONTH

if TYPE_CHECKING:
    from sim.revenue.offers import Offers
    from sim.world import World

Announced = tuple[int | None, float] | None
Listener = Callable[[Case, float], Announced]


class RevenuePart:
    """One way of earning of one replication.

    A part listens to activities of single accounts (``listens``) and closes every month for all accounts at
    once (``month``). A listener returns the amount (minor units) and the quantity that the activity's row bears.
    """

    spec: Any
    offers: Offers | None = None

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        n = len(world.population.segment)
        self.alive = np.zeros(n, bool)
        self.since = np.zeros(n)
        self.spell = np.zeros(n, np.int64)
        self.number = np.full(n, -1, np.int64)
        self.rows: dict[int, Contract] = {}
        self._levels: dict[str, Draws] = {}
        self.configure()
        self.product = world.product_code(self.spec.product)

    def configure(self) -> None:
        """Take numbers from the specification that holds now."""
        self.spec = self.world.spec.business.revenue[self.name]
        self.cost_share = by_segment(self.spec.cost_share, self.world.population.segments)
        self._levels.clear()

    def listens(self) -> dict[str, Listener]:
        """Activities that this part reacts to."""
        return {self.spec.starts: self.start, "churned": self.end}

    def start(self, case: Case, now: float) -> Announced:
        """An account begins to earn us money."""
        raise NotImplementedError

    def end(self, case: Case, now: float) -> Announced:
        """It ceases to."""
        account = case.account
        if self.alive[account]:
            self.alive[account] = False
            self.close(account, now, "churned")
        return None

    def month(self, now: float, first: float) -> None:
        """Close the month that began at ``first``."""
        raise NotImplementedError

    def cases(self, account: int | None = None) -> list[Case]:
        """Offers of this part's product under way, all or those to one account."""
        open_ones = self.offers.open if self.offers is not None else {}
        return list(open_ones.values()) if account is None else [open_ones[account]] if account in open_ones else []

    # the state at the start

    def resume(self, rows: Agreements) -> None:
        """Take over the contracts that run on day 0: one row per account."""
        for account, start, end, amount, mrr in zip(
            rows.account.tolist(), rows.start.tolist(), rows.end.tolist(), rows.amount.tolist(), rows.mrr.tolist(),
            strict=True,
        ):  # fmt: skip
            self.alive[account] = True
            self.sign(account, start, end, _cents(amount), _cents(mrr))
        self.since[rows.account] = rows.since
        self.reopen(rows)
        for name, amounts in self.balances(rows).items():
            self.world.ledger.post(
                0.0, "equity", name, np.rint(amounts).astype(np.int64), OPENING,
                account=rows.account, contract=self.number[rows.account], product=self.product,
            )  # fmt: skip

    def reopen(self, rows: Agreements) -> None:
        """What this way of earning knows of its contracts."""

    def balances(self, rows: Agreements) -> dict[str, np.ndarray]:
        """What running contracts stand for in the books: account of the ledger to credits by row, in minor units."""
        return {}

    def agree(self, account: int, amount: int) -> None:
        """An open deal is known to be worth so much, in minor units, at today's prices."""
        self.warn_of_amounts()

    def warn_of_amounts(self) -> None:
        """Say once that amounts of open deals are not used."""
        text = f"amounts of open deals are not used: revenue {self.name} is {self.spec.kind}"
        if text not in self.world.warnings:
            self.world.warnings.append(text)

    def running(self) -> Agreements:
        """Contracts that run now, times from now; ``reopen`` takes them over."""
        now, index = self.world.env.now, list(self.world.parts).index(self.name)
        accounts = np.array(sorted(set(self.rows) & set(np.flatnonzero(self.alive).tolist())), np.int64)
        book = [self.rows[account] for account in accounts.tolist()]
        return Agreements.make(
            len(accounts), account=accounts, part=index, since=self.since[accounts] - now,
            start=[row.start - now for row in book], end=[row.end - now for row in book],
            amount=[_known(row.amount) for row in book], mrr=[_known(row.mrr) for row in book],
        )  # fmt: skip

    # what parts share

    def bound(self, distribution: Distribution) -> Bound:
        """The distribution with the parameters of all segments."""
        return bind(distribution, self.world.population.segments)

    def level(self, name: str, distribution: Distribution, account: int, occurrence: int) -> float:
        """An account's own keyed value of a distribution."""
        draws = self._levels.get(name)
        if draws is None:
            bound, segment = self.bound(distribution), self.world.population.segment
            draws = self._levels[name] = Draws(
                self.world.streams,
                f"revenue.{self.name}.{name}",
                lambda u, first: bound.ppf(u, segment[first : first + len(u)]),
            )
        return draws.get(account, occurrence)

    def noise(self, accounts: np.ndarray, sd: float) -> np.ndarray:
        """Keyed lognormal factors of this month, mean 1."""
        code = self.world.streams.name(f"revenue.{self.name}.noise")
        z = normal(self.world.streams.of(code, self.world.period, accounts))
        return np.exp(sd * z - sd * sd / 2)

    def working_stop(self) -> DeskStop:
        """The stop at whose desk the work is done that this part is paid for."""
        stop = self.world.stops[self.spec.stop]
        if not isinstance(stop, DeskStop):
            raise TypeError(f"business.revenue.{self.name}.stop: {stop.name} is no desk stop")
        return stop

    def rate(self, name: str) -> Rate:
        """The Rate of that name."""
        return self.world.rate(name)

    def sign(self, account: int, now: float, end: float, amount: int | None, mrr: int | None) -> Contract:
        """Enter a contract in the book and remember it as the account's current one."""
        tenure = (now - float(self.world.customer_since[account])) / DAYS_PER_MONTH
        row = Contract(
            account, 0, self.product, now, end,
            NONE if amount is None else amount, NONE if mrr is None else mrr, max(tenure, 0.0),
        )  # fmt: skip
        self.rows[account] = self.world.contracts.open(row)
        self.number[account] = row.contract
        return row

    def close(self, account: int, now: float, outcome: str) -> None:
        """End the account's current contract."""
        row = self.rows.pop(account, None)
        if row is not None:
            self.world.contracts.close(row, now, outcome)

    def active(self, first: float, now: float) -> tuple[np.ndarray, np.ndarray]:
        """Accounts that earn now, and the part of the month for which they have."""
        accounts = np.flatnonzero(self.alive)
        begun = np.maximum(self.since[accounts], first)
        return accounts, (now - begun) / (now - first)

    def invoice(self, credit: str, memo: str, **more: Any) -> Invoice:
        """An invoice of this part's product."""
        return Invoice(self.product, credit, memo, **more)

    def cost(self, now: float, accounts: np.ndarray, revenue: np.ndarray) -> None:
        """Book what serving this revenue costs."""
        share = self.cost_share[self.world.population.segment[accounts]]
        self.world.ledger.post(
            now, "cost_of_sales", "cash", np.rint(revenue * share).astype(np.int64), "cost of serving",
            account=accounts, contract=self.number[accounts], product=self.product, centre=self.name,
        )  # fmt: skip

    def bill(self, invoice: Invoice, accounts: np.ndarray, amounts: np.ndarray) -> None:
        """Invoice many accounts now."""
        self.world.billing.issue(invoice, accounts, self.number[accounts], amounts)


def _cents(amount: float) -> int | None:
    """Minor units of an opening, None for what is not known."""
    return round(amount) if amount == amount else None


def _known(cents: int) -> float:
    """Minor units for an opening, NaN for null."""
    return float("nan") if cents == NONE else float(cents)
