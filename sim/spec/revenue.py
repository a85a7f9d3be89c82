"""Ways of earning, as data. One class per part; the mechanisms are in ``sim.revenue``.

Money is in major units here and becomes integer minor units (cents) when it is posted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sim.spec.distribution import Distribution
from sim.spec.fields import FORBID_EXTRA, BySegment, number, probability


@dataclass(frozen=True, kw_only=True)
class RevenuePart:
    """What all parts share: the product sold and the share of revenue that serving it costs."""

    __pydantic_config__ = FORBID_EXTRA
    product: str
    cost_share: BySegment = number("1", "cost of sales as a share of revenue", low=0, high=2)


@dataclass(frozen=True, kw_only=True)
class ByTheYear(RevenuePart):
    """Units at a yearly price, for a term that is invoiced in advance."""

    starts: str
    units: Distribution
    price_year: BySegment = number("money/unit/year", "price", above=0)
    term_months: float = number("months", "length of the contract", above=0)
    grace_days: float = number(
        "days", "a renewal signed so late, at most half a term, still continues the old term", low=0, default=0.0
    )


@dataclass(frozen=True, kw_only=True)
class Subscription(ByTheYear):
    """Units (seats, organisations) at a yearly price, invoiced for the whole term in advance.

    Starts with activity ``starts``, is invoiced again with ``renewed``, ends with ``churned``. Once a month a
    customer may add (``expand``) or give back (``shrink``) a share of its units: two monthly decisions.
    """

    kind: Literal["subscription"]
    expand: str | None = None
    expand_share: BySegment = number("1", "units added by one expansion, as a share", low=0, high=10, default=0.0)
    shrink: str | None = None
    shrink_share: BySegment = number("1", "units returned by one contraction", low=0, high=1, default=0.0)


@dataclass(frozen=True, kw_only=True)
class TakeRate(RevenuePart):
    """A share of the customers' sales on the platform (GMV), kept at monthly settlement.

    ``gmv_month`` is a merchant's own level; the Rate named ``gmv`` multiplies it (consumers, season, use).
    """

    kind: Literal["take_rate"]
    starts: str
    gmv_month: Distribution
    rate: BySegment = number("1", "share of GMV kept", low=0, high=1)
    noise: float = number("1", "sd of the logarithm of a merchant's month", low=0, high=3)
    advert_rate: BySegment = number(
        "1", "adverts and value-added services as a share of GMV", low=0, high=1, default=0.0
    )


@dataclass(frozen=True, kw_only=True)
class UnitSale(RevenuePart):
    """Goods: a small first order, larger reorders that grow with trust.

    Invoiced as a deposit when ordered, the balance when ``delivered``, the retention ``retention_days`` later.
    ``trust_gain`` is the growth of reorder size with every good cycle.
    """

    kind: Literal["unit_sale"]
    starts: str
    delivered: str
    repeats: str
    first_units: Distribution
    reorder_units: Distribution
    unit_price: BySegment = number("money/unit", "price", above=0)
    deposit: float = number("1", "share invoiced with the order", low=0, high=1)
    deposit_pace: float = number(
        "1", "delay of paying the deposit over that of other invoices", low=0, high=1, default=1.0
    )
    retention: float = number("1", "share held back after installation", low=0, high=1)
    retention_days: float = number("days", "how long it is held back", low=0)
    trust_gain: float = number("1", "growth of the reorder with every completed order", low=0, high=1, default=0.0)


@dataclass(frozen=True, kw_only=True)
class StaffHours(RevenuePart):
    """Hours of our people, sold by the hour: earned as they are worked at ``stop``, part prepaid at signing."""

    kind: Literal["staff_hours"]
    starts: str
    stop: str
    rate_hour: BySegment = number("money/hour", "price of an hour", above=0)
    prepaid: float = number("1", "share of the contract invoiced at signing", low=0, high=1)


@dataclass(frozen=True, kw_only=True)
class OutcomeShare(RevenuePart):
    """A base fee and a share of the additional sales that the customer owes to us, after they are made."""

    kind: Literal["outcome_share"]
    starts: str
    customer_sales_month: Distribution
    noise: float = number("1", "sd of the logarithm of a customer's month", low=0, high=3)
    lift: BySegment = number("1", "additional sales at full use, as a share of the customer's sales", low=0, high=5)
    share: BySegment = number("1", "our share of the additional sales", low=0, high=1)
    base_year: BySegment = number("money/year", "base fee", low=0)
    disputed: float = probability("chance that a month's fee is disputed and not paid", default=0.0)


@dataclass(frozen=True, kw_only=True)
class Consumption(RevenuePart):
    """Metered use: a framework contract, automatic orders, a bill at month end, prepaid or collected later."""

    kind: Literal["consumption"]
    starts: str
    use_month: Distribution
    noise: float = number("1", "sd of the logarithm of a customer's month", low=0, high=3)
    growth_year: BySegment = number("1/year", "growth of use", low=-1, high=10)
    price_change_year: float = number("1/year", "change of the price level", low=-1, high=10)
    prepaid: BySegment = number("1", "1: balance topped up in advance, 0: billed after use", low=0, high=1)


@dataclass(frozen=True, kw_only=True)
class Offered(RevenuePart):
    """A product offered to customers beside the one that made them customers.

    Once a month each customer that does not have it may come to want it: the monthly decision ``interest`` (null:
    nobody does). It is then offered along its own way through the route, which begins at stop ``way`` (null: signed at
    once), beside the account's own journey, and is sold where a stop of that way logs ``starts``. A customer that
    leaves takes no further part in offers. While ``enabled`` is false nobody comes to want it.
    """

    starts: str = "cross_sold"
    interest: str | None = None
    way: str | None = None
    enabled: bool = True


@dataclass(frozen=True, kw_only=True)
class AddOn(Offered, ByTheYear):
    """A further subscription, beside a main product of any kind.

    ``units`` are its own, or with ``per_unit_of`` per unit of another subscription of the business, taken anew at
    every renewal. ``co_termed`` contracts end with the account's running term and are renewed with it; others, and
    those of accounts without a term, run for ``term_months``. At the end of a term the monthly decision ``keep``
    (null: always yes) is asked; with ``churned`` the contract ends.

    With ``bundle`` an account that logs ``bundle_at`` decides between the bundle, that is both products with
    ``bundle_discount`` off the price of this one, and the main product alone. The discount holds as long as the
    account keeps the product.
    """

    kind: Literal["add_on"]
    starts: str = "cross_sold"
    per_unit_of: str | None = None
    co_termed: bool = True
    keep: str | None = None
    bundle: str | None = None
    bundle_at: str = "signed"
    bundle_discount: BySegment = number(
        "1", "share off the price of this product in a bundle", low=0, high=1, default=0.0
    )


@dataclass(frozen=True, kw_only=True)
class Project(Offered):
    """A service sold once for a fee, worked by our people at desk stop ``stop`` of its way.

    Earned as its hours are worked, ``prepaid`` is invoiced at the signature, the rest at the end. A project that is
    signed is finished, whatever becomes of the main product. An account takes it once while it is a customer.
    """

    kind: Literal["project"]
    stop: str
    fee: BySegment = number("money/project", "price of a project", above=0)
    prepaid: float = number("1", "share of the fee invoiced at signing", low=0, high=1, default=0.0)


BY_TERM = ("subscription", "add_on")
"""Kinds of parts whose contracts run for a term and bring so much a year."""

RevenueSpec = Subscription | TakeRate | UnitSale | StaffHours | OutcomeShare | Consumption | AddOn | Project
"""Any revenue part; ``kind`` tells which."""
