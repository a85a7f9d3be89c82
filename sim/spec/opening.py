"""The state at the start: who is where since when, what is under contract, what is owed, what was touched.

Times are days from the start of the horizon and not positive; money is in minor units. Everything is columns, one
element per row, so that a file of customers, and a past that was simulated, become the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np

UNKNOWN = float("nan")


@dataclass(frozen=True, eq=False)
class Columns:
    """Arrays of one length; ``make`` fills what is not given with each column's default."""

    @classmethod
    def make(cls, n: int, **known: Any) -> Self:
        """Columns of ``n`` rows.

        Parameters
        ----------
        n : int
            Number of rows.
        **known
            Column name to one value for all rows, or one per row.
        """
        made = {}
        for column in fields(cls):
            default, dtype = column.metadata["default"], column.metadata["dtype"]
            made[column.name] = np.broadcast_to(np.asarray(known.pop(column.name, default), dtype), n).copy()
        if known:
            raise TypeError(f"no such column: {', '.join(sorted(known))}")
        return cls(**made)

    @classmethod
    def joined(cls, pieces: Sequence[Self]) -> Self:
        """The rows of all pieces."""
        if not pieces:
            return cls.make(0)
        return cls(**{c.name: np.concatenate([getattr(piece, c.name) for piece in pieces]) for c in fields(cls)})

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def take(self, rows: np.ndarray) -> Self:
        """Some of the rows."""
        return type(self)(**{column.name: getattr(self, column.name)[rows] for column in fields(self)})


def _column(dtype: type, default: Any) -> Any:
    return field(metadata={"dtype": dtype, "default": default})


@dataclass(frozen=True, eq=False)
class Standing(Columns):
    """Accounts under way: leads, open deals, customers, the lost ones in the pool. One row per account.

    Attributes
    ----------
    account : int array
        Index in the population.
    stop : int array
        Place of the stop in the order of ``business.route``.
    entered : float array
        When the account came to this stop.
    started : float array
        When work began there, or, in a pool, when the present cooling began; NaN: not begun, or not known.
    served : bool array
        Whether one of the desk's people has taken it up. Where no row of a desk says so, its oldest are.
    channel : int array
        Index into the market's channels, -1: not known.
    signed : bool array
        Whether this journey has brought a signature.
    customer_since, activated, term_ends : float arrays
        NaN: is no customer, was not activated, has no agreed end. ``term_ends`` may lie in the future.
    using, paying : int arrays
        Whether the account uses and pays: 1, 0, or -1 for what the stops up to its own say.
    use : float array
        Use in the last month, NaN: drawn from where use settles.
    earning : float array
        Logarithm of last month's own sales over the segment's median.
    losses, orders : float arrays
        Journeys lost and orders fulfilled so far.
    wait_days, presales_hours, desk_hours : float arrays
        Queueing and work in this journey.
    amount : float array
        What an open deal is worth when signed, in minor units; NaN: not known.
    stays : int array
        How often the account has already decided to stay (renewed, ordered again) as far as its frailty is concerned:
        survivors are not like newcomers. 0 where frailties are those of the past.
    was_customer : bool array
        Whether it ever was one.
    tries : int array
        Returns considered in the pool.
    """

    account: np.ndarray = _column(np.int64, -1)
    stop: np.ndarray = _column(np.int64, -1)
    entered: np.ndarray = _column(float, 0.0)
    started: np.ndarray = _column(float, UNKNOWN)
    served: np.ndarray = _column(bool, False)
    channel: np.ndarray = _column(np.int64, -1)
    signed: np.ndarray = _column(bool, False)
    customer_since: np.ndarray = _column(float, UNKNOWN)
    activated: np.ndarray = _column(float, UNKNOWN)
    term_ends: np.ndarray = _column(float, UNKNOWN)
    using: np.ndarray = _column(np.int64, -1)
    paying: np.ndarray = _column(np.int64, -1)
    use: np.ndarray = _column(float, UNKNOWN)
    earning: np.ndarray = _column(float, 0.0)
    losses: np.ndarray = _column(float, 0.0)
    orders: np.ndarray = _column(float, 0.0)
    wait_days: np.ndarray = _column(float, 0.0)
    presales_hours: np.ndarray = _column(float, 0.0)
    desk_hours: np.ndarray = _column(float, 0.0)
    amount: np.ndarray = _column(float, UNKNOWN)
    stays: np.ndarray = _column(np.int64, 0)
    was_customer: np.ndarray = _column(bool, False)
    tries: np.ndarray = _column(np.int64, 0)


@dataclass(frozen=True, eq=False)
class OpenOffers(Columns):
    """Offers of further products under way, signed projects among them. One row per account and revenue part at most.

    Attributes
    ----------
    account, part : int arrays
        Index in the population; place of the part in the order of ``business.revenue``.
    month : int array
        Calendar month in which the interest arose (12 times the year, plus the month from 0): draws on the way of an
        offer are keyed by it.
    stop, entered, started, served
        Where the offer stands on its own way, as in `Standing`.
    """

    account: np.ndarray = _column(np.int64, -1)
    part: np.ndarray = _column(np.int64, -1)
    month: np.ndarray = _column(np.int64, 0)
    stop: np.ndarray = _column(np.int64, -1)
    entered: np.ndarray = _column(float, 0.0)
    started: np.ndarray = _column(float, UNKNOWN)
    served: np.ndarray = _column(bool, False)


@dataclass(frozen=True, eq=False)
class Agreements(Columns):
    """Contracts that run, and projects that were delivered to present customers. One row per account and revenue
    part at most.

    Attributes
    ----------
    account, part : int arrays
        Index in the population; place of the part in the order of ``business.revenue``.
    start, end : float arrays
        Begin of the present term, and its agreed end, NaN: open-ended.
    since : float array
        From when the account has been earning by this part: growth of metered use counts from there.
    amount, mrr : float arrays
        Value of the term, and what recurs in a month, in minor units; NaN: none.
    earned : float array
        Part of ``amount`` already earned, in minor units.
    ahead : float array
        Paid or invoiced in advance and not yet set off (deposit, prepayment), in minor units.
    units, price : float arrays
        Units sold, and the yearly price of one in major units; NaN: not known.
    level : float array
        Lasting level of what is metered, a month, in major units; NaN: drawn.
    done : float array
        When a project was completed; NaN: the contract runs.
    bundled : bool array
        Whether it was taken in a bundle, whose discount holds as long as the product is kept.
    """

    account: np.ndarray = _column(np.int64, -1)
    part: np.ndarray = _column(np.int64, 0)
    start: np.ndarray = _column(float, 0.0)
    end: np.ndarray = _column(float, UNKNOWN)
    since: np.ndarray = _column(float, 0.0)
    amount: np.ndarray = _column(float, UNKNOWN)
    mrr: np.ndarray = _column(float, UNKNOWN)
    earned: np.ndarray = _column(float, 0.0)
    ahead: np.ndarray = _column(float, 0.0)
    units: np.ndarray = _column(float, UNKNOWN)
    price: np.ndarray = _column(float, UNKNOWN)
    level: np.ndarray = _column(float, UNKNOWN)
    done: np.ndarray = _column(float, UNKNOWN)
    bundled: np.ndarray = _column(bool, False)


@dataclass(frozen=True, eq=False)
class Unpaid(Columns):
    """Invoices that are not paid, and those that will be issued at the first close.

    Attributes
    ----------
    account : int array
        Who owes, -1: not known; such an invoice is paid like one of the largest share of companies.
    part : int array
        Whose product it is.
    issued : float array
        Day of the invoice, not positive.
    amount : float array
        Minor units.
    retention : bool array
        Whether it stands in retention money and not in receivables.
    later : float array
        Days added to the buyer's own delay.
    pace : float array
        Factor on that delay.
    credit : int array
        Code of the account of the books that an invoice still to be issued will credit; -1: it has been issued.
    """

    account: np.ndarray = _column(np.int64, -1)
    part: np.ndarray = _column(np.int64, 0)
    issued: np.ndarray = _column(float, 0.0)
    amount: np.ndarray = _column(float, 0.0)
    retention: np.ndarray = _column(bool, False)
    later: np.ndarray = _column(float, 0.0)
    pace: np.ndarray = _column(float, 1.0)
    credit: np.ndarray = _column(np.int64, -1)


@dataclass(frozen=True, eq=False)
class History(Columns):
    """What already happened to accounts under way, entered in the log at its own, negative time.

    What the visit of the present stop logs by itself when it begins (its ``emits``) is left out where it stands here
    too, at the very time at which that stop was entered.

    Attributes
    ----------
    account, activity, channel, stop : int arrays
        Index in the population; code of the activity; index of the channel; place of the stop; -1: none.
    time : float array
        Days, not positive.
    amount, quantity : float arrays
        Minor units; as the activity bears it. NaN: none.
    part : int array
        Place of the part whose product it is about; -1: the main product, or none.
    """

    account: np.ndarray = _column(np.int64, -1)
    activity: np.ndarray = _column(np.int64, -1)
    channel: np.ndarray = _column(np.int64, -1)
    stop: np.ndarray = _column(np.int64, -1)
    time: np.ndarray = _column(float, 0.0)
    amount: np.ndarray = _column(float, UNKNOWN)
    quantity: np.ndarray = _column(float, UNKNOWN)
    part: np.ndarray = _column(np.int64, -1)


@dataclass(frozen=True, eq=False)
class Opening:
    """The state at the start of one replication.

    Attributes
    ----------
    standing, agreements, unpaid, history
        Rows as described above.
    balances : mapping
        Account of the ledger to its balance in minor units, on its own side: what no row above explains (cash, debt,
        stock, and the rest of receivables, prepayments and deferred revenue). Equity is what remains.
    external_id : tuple of str
        Ids of the first accounts of the population; empty: all are the model's own.
    segment : int array or None
        Segments of those accounts, -1: drawn.
    touched : bool array, shape (accounts, channels), or None
        Channels that have already reached an account; None: its own channel alone.
    gone : int array
        Accounts that have left the market for good.
    traits : (int, int) or None
        Seed and replication from which lasting traits are drawn; None: those of the run itself.
    state : mapping
        Further numbers of the company: ``consumers`` (stock of consumers), ``consumers_start`` (stock that its
        logarithm is relative to), ``commission_due`` and ``commission_later`` (minor units, paid at the first and at
        the second month end), ``years`` (years of price changes already passed).
    offers : OpenOffers
        Offers of further products under way.
    """

    standing: Standing
    agreements: Agreements
    unpaid: Unpaid
    history: History
    balances: Mapping[str, int] = field(default_factory=dict)
    external_id: tuple[str, ...] = ()
    segment: np.ndarray | None = None
    touched: np.ndarray | None = None
    gone: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    traits: tuple[int, int] | None = None
    state: Mapping[str, float] = field(default_factory=dict)
    offers: OpenOffers = field(default_factory=lambda: OpenOffers.make(0))


@dataclass(frozen=True, eq=False)
class Past:
    """A past that is simulated: the opening of a replication is where another study's replication stands on a day.

    Attributes
    ----------
    timeline : Timeline
        The past, whose horizon ends no earlier than ``day``.
    seed : int
        Of the past.
    day : float
        Days from the start of the past.
    replication : int or None
        Which of its replications; None: replication r begins where replication r of the past stands.
    """

    timeline: Any
    seed: int
    day: float
    replication: int | None = None
