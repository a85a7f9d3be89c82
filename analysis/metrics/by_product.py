"""Contracts and postings by product, of businesses that sell more than one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.metrics.columns import coded, codes_of, heads
from analysis.metrics.cube import Cube, tally
from analysis.metrics.terms import MOVEMENTS
from analysis.metrics.view import PRODUCT, View, once
from sim.units import GRID

_TICKS = 1 << 40
"""More instants than a horizon has, to join account and time in one key."""


@once
def contracted(view: View) -> tuple[np.ndarray, tuple[str, ...]]:
    """Product of every contract as a code, and the names of the products that have contracts or are offered."""
    column = view.terms.table["product"]
    chosen = _measured(view, *coded(column))
    return codes_of(column, chosen), chosen


def _measured(view: View, code: np.ndarray, names: tuple[str, ...]) -> tuple[str, ...]:
    """Products that have a row, and where any has one, those that are offered: another run of chances sells them."""
    used = tuple(names[c] for c in np.unique(code[code >= 0]))
    return (*used, *(name for name in view.context.offered if name not in used)) if used else ()


def several(view: View) -> bool:
    """Whether contracts are, or could be, about more than one product."""
    return len(contracted(view)[1]) > 1


@dataclass(frozen=True, eq=False)
class Changes:
    """Changes of recurring revenue by account, product and instant.

    Attributes
    ----------
    account, product : int array
        Row of the accounts table; code as in ``contracted``.
    time : float array
        Days.
    change : int array
        Minor units a month, signed; never 0.
    fresh : bool array
        Whether the account had none of this product just before.
    """

    account: np.ndarray
    product: np.ndarray
    time: np.ndarray
    change: np.ndarray
    fresh: np.ndarray

    def key(self) -> np.ndarray:
        """Account and instant as one number."""
        return instant(self.account, self.time)


def instant(account: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Account and time as one number."""
    return account * _TICKS + np.rint(time / GRID).astype(np.int64)


@once
def changes(view: View) -> Changes:
    """What an account ends and begins of one product at one instant is one change."""
    terms, rows = view.terms, view.terms.recurring
    product = contracted(view)[0]
    over = rows[~np.isnan(terms.ended[rows])]
    mrr = np.nan_to_num(terms.mrr).astype(np.int64)
    row = np.concatenate((rows, over))
    time = np.concatenate((terms.start[rows], terms.ended[over]))
    change = np.concatenate((mrr[rows], -mrr[over]))
    order = np.lexsort((time, product[row], terms.account[row]))
    row, time, change = row[order], time[order], change[order]
    pair = terms.account[row] * (len(contracted(view)[1]) + 1) + product[row]
    first = np.flatnonzero(np.append(True, (np.diff(pair) != 0) | (np.diff(time) != 0))[: len(row)])
    net = np.add.reduceat(change, first) if len(first) else change
    kept = net != 0
    first, net = first[kept], net[kept]
    return Changes(terms.account[row[first]], product[row[first]], time[first], net, _fresh(pair[first], net))


def _fresh(pair: np.ndarray, net: np.ndarray) -> np.ndarray:
    """Whether the sum of the changes of a pair before each is 0."""
    after, head = np.cumsum(net), heads(pair)
    start = np.repeat((after - net)[head], np.diff(np.append(head, len(pair))))
    return np.asarray(after - net == start)


def moved(view: View, kinds: np.ndarray, kind: int, sign: int, rest: bool) -> Cube:
    """Movements of one kind by product: the changes that the account's movement at that instant is made of.

    ``kinds`` are those of ``view.terms.movements``. With ``rest`` changes that cancel within an account (one product
    for another) count as well, so that the movements of every product add up to its balance.
    """
    found, moves = changes(view), view.terms.movements
    keys = instant(moves.account, moves.time)
    order = np.argsort(keys, kind="stable")
    place = np.minimum(np.searchsorted(keys[order], found.key()), max(len(keys) - 1, 0))
    at = order[place] if len(keys) else place
    known = keys[at] == found.key() if len(keys) else np.zeros(len(at), bool)
    chosen = known & (kinds[at] == kind) if len(keys) else known
    chosen = chosen | (~known if rest else False)
    return _tally(view, found.time[chosen], sign * found.change[chosen], found.product[chosen])


def cross_sold(view: View) -> Cube:
    """Recurring revenue of products that accounts with recurring revenue of another one take newly, by month."""
    found, moves = changes(view), view.terms.movements
    growing = np.isin(found.key(), instant(moves.account, moves.time)[moves.kind == MOVEMENTS.index("expansion")])
    chosen = growing & found.fresh & (found.change > 0)
    months, names = view.calendar.months, contracted(view)[1]
    levels = {**view.levels, PRODUCT: names}
    codes = {**view.codes(found.account[chosen]), PRODUCT: found.product[chosen]}
    return tally(months, view.calendar.month_of(found.time[chosen]), found.change[chosen], codes, levels)


def _tally(view: View, time: np.ndarray, weights: np.ndarray, product: np.ndarray) -> Cube:
    levels = {PRODUCT: contracted(view)[1]}
    return tally(view.calendar.months, view.calendar.month_of(time), weights, {PRODUCT: product}, levels)


def recurring_paths(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Recurring revenue by account and product: as ``paths``, minor units a month."""
    rows = view.terms.recurring
    rows = rows[contracted(view)[0][rows] >= 0]
    return paths(view, rows, np.nan_to_num(view.terms.mrr[rows]).astype(np.int64), view.terms.ended[rows])


def balances(view: View, rows: np.ndarray, weights: np.ndarray) -> Cube:
    """Weights of contracts that run at the end of every month, by product; rows of the contracts table."""
    terms, product = view.terms, contracted(view)[0][rows]
    start, ended = terms.start[rows], terms.ended[rows]
    stays = (start < 0) & ~(ended < 0)
    opening = tally(1, np.where(stays, 0, -1), weights, {PRODUCT: product}, {PRODUCT: contracted(view)[1]})
    coming = _tally(view, start, weights, product) - _tally(view, np.where(ended < 0, np.nan, ended), weights, product)
    return opening + coming.map(lambda v: np.cumsum(v, axis=1))


@once
def running(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Accounts and products with contracts, and how many of them the account has at the start and the end of every
    month: those that run, and those completed while it has been the same customer."""
    rows = np.flatnonzero(contracted(view)[0] >= 0)
    return paths(view, rows, np.ones(len(rows), np.int64), _had_until(view)[rows])


def _had_until(view: View) -> np.ndarray:
    """End of every contract, of those that were completed the end of the time as a customer; NaN for never."""
    terms, spells = view.terms, view.log.customers
    done = np.flatnonzero(codes_of(terms.table["outcome"], ("completed",)) == 0)
    key, mine = instant(spells.account, spells.start), instant(terms.account[done], terms.start[done])
    order = np.argsort(key, kind="stable")
    at = np.searchsorted(key[order], mine, side="right") - 1
    spell = order[np.maximum(at, 0)] if len(order) else at
    until = terms.ended.copy()
    if len(order):
        same = (at >= 0) & (spells.account[spell] == terms.account[done])
        until[done] = np.where(same, np.maximum(until[done], spells.end[spell]), until[done])
    return until


def paths(
    view: View, rows: np.ndarray, weights: np.ndarray, ended: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of contracts by account and product: rows of the accounts table and codes of the products, shape
    (pairs,), and sums at the start and at the end of every month, shape (pairs, months + 1)."""
    terms, months, size = view.terms, view.calendar.months, len(contracted(view)[1])
    pairs, place = np.unique(terms.account[rows] * size + contracted(view)[0][rows], return_inverse=True)
    steps = np.zeros((len(pairs), months + 2), np.int64)
    for times, sign in ((terms.start[rows], 1), (ended, -1)):
        month = view.calendar.month_of(times)
        column = np.where(times < 0, 0, np.where(month < 0, months, month) + 1)
        np.add.at(steps, (place, column), sign * weights)
    return pairs // max(size, 1), pairs % max(size, 1), np.cumsum(steps, axis=1)[:, : months + 1]


def posted(view: View, weights: np.ndarray) -> Cube | None:
    """Integer weights of postings by month and product; None unless more than one product could earn
    or cost anything."""
    books = view.books
    product, names = coded(books.ledger["product"])
    used = _measured(view, product[weights != 0], names)
    if len(used) < 2:
        return None
    codes = {PRODUCT: codes_of(books.ledger["product"], used)}
    return tally(view.calendar.months, books.month, weights, codes, {PRODUCT: used})


def taken_later(view: View) -> np.ndarray:
    """Of every posting whether its account took the product after its first contract.

    Of customers of a state at the start only the running terms are known: what is on offer beside the product that
    made them customers was taken later, unless both terms began together.
    """
    terms, (product, names) = view.terms, contracted(view)
    first = np.full((len(view.ids) + 1, len(names) + 1), np.inf)
    np.minimum.at(first, (terms.account, product), terms.start)
    first[:, -1] = first[-1] = np.inf
    later = first > first.min(axis=1, keepdims=True) + GRID / 2
    further = np.array([*(name in view.context.offered for name in names), True])
    main = np.where(further, np.inf, first).min(axis=1, keepdims=True)
    apart = further & ~np.isclose(first, main, rtol=0.0, atol=GRID / 2)
    later = np.isfinite(first) & np.where(main < 0, apart, later)
    return np.asarray(later[view.books.account, codes_of(view.books.ledger["product"], names)])
