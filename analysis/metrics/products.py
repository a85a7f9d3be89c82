"""What is sold beside the main product: who has it, what it adds. Sources: the formulas; R25, [000]:93."""

from __future__ import annotations

import numpy as np

from analysis.metrics import by_product
from analysis.metrics.books import REVENUE
from analysis.metrics.cube import Cells, Cube, flow, stock, stock_ratio
from analysis.metrics.customers import active
from analysis.metrics.money import posted
from analysis.metrics.recurring import MONTHS, base_of_year
from analysis.metrics.registry import metric
from analysis.metrics.view import PRODUCT, View, once
from sim.units import MINOR


@once
def _holders(view: View) -> Cube:
    """Accounts with contracts of a product at the end of every month, by product; in total, with any at all."""
    _, product, path = by_product.running(view)
    names, months = by_product.contracted(view)[1], view.calendar.months
    there = (path[:, 1:] > 0).astype(np.int64)
    each = np.zeros((len(names), months), np.int64)
    np.add.at(each, product, there)
    accounts, held = _held(view)
    whole = view.gather(accounts, (held > 0).astype(np.int64))
    return Cube({**whole.levels, PRODUCT: names}, {**whole.values, PRODUCT: each})


@once
def _held(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Accounts that ever had contracts, and their number of products at the end of every month."""
    account, _, path = by_product.running(view)
    accounts, place = np.unique(account, return_inverse=True)
    held = np.zeros((len(accounts), view.calendar.months), np.int64)
    np.add.at(held, place, (path[:, 1:] > 0).astype(np.int64))
    return accounts, held


@metric(
    "contract_customers",
    unit="count",
    source="subscriptions",
    formula="accounts with a contract at the end that runs, or was completed since they are customers; by product: "
    "with one of that product",
)
def contract_customers(view: View) -> list[Cells]:
    return stock(view.calendar, _holders(view)) if by_product.several(view) else []


@metric(
    "attach_rate",
    unit="share",
    source="subscriptions, events",
    formula="customers with contracts of more than one product / active customers, at the end; by product: accounts "
    "with a contract of it / active customers",
)
def attach_rate(view: View) -> list[Cells]:
    if not by_product.several(view):
        return []
    accounts, held = _held(view)
    customers, each = active(view), _holders(view).values[PRODUCT]
    cells = stock_ratio(view.calendar, view.gather(accounts, (held > 1).astype(np.int64)), customers)
    names = by_product.contracted(view)[1]
    whole = Cube({PRODUCT: names}, {PRODUCT: np.repeat(customers.total[None, :], len(names), axis=0)})
    return cells + stock_ratio(view.calendar, Cube(whole.levels, {PRODUCT: each}), whole)


@metric(
    "cross_sell_mrr",
    unit="money/month",
    source="subscriptions",
    formula="mrr of products that accounts with mrr take newly: the part of expansion_mrr that is no more units",
)
def cross_sell_mrr(view: View) -> list[Cells]:
    if not by_product.several(view):
        return []
    return flow(view.calendar, by_product.cross_sold(view).map(lambda v: v / MINOR))


@metric(
    "cross_sell_revenue",
    unit="money",
    source="ledger, subscriptions",
    formula="revenue from products that the account took after its first contract; a bundle is a first contract",
)
def cross_sell_revenue(view: View) -> list[Cells]:
    if not by_product.several(view):
        return []
    gain = view.books.gain(*REVENUE) * by_product.taken_later(view)
    cells = flow(view.calendar, posted(view, gain).map(lambda v: v / MINOR))
    each = by_product.posted(view, gain)
    return cells + (flow(view.calendar, each.map(lambda v: v / MINOR)) if each else [])


@metric(
    "cross_sell_share_year",
    unit="1/year",
    source="subscriptions",
    formula="mrr now, of the accounts that had some 12 months ago, from products that they did not have then / theirs "
    "then: part of expansion_share_year; null before month 12",
)
def cross_sell_share_year(view: View) -> list[Cells]:
    if not by_product.several(view):
        return []
    account, _, path = by_product.recurring_paths(view)
    accounts, place = np.unique(account, return_inverse=True)
    whole = np.zeros((len(accounts), path.shape[1]), np.int64)
    np.add.at(whole, place, path)
    now, then = path[:, 1:], _then(path)
    gained = np.where((then == 0) & (_then(whole)[place] > 0), now, 0)
    if 0 < view.calendar.complete < view.calendar.months:
        gained = np.concatenate((gained[:, :-1], gained[:, -2:-1]), axis=1)
    return stock_ratio(view.calendar, view.gather(account, gained), base_of_year(view))


def _then(path: np.ndarray) -> np.ndarray:
    """What stood twelve months before every month end, 0 where that is before the start of the horizon."""
    months = path.shape[1] - 1
    then = np.zeros((len(path), months), np.int64)
    then[:, MONTHS - 1 :] = path[:, : max(months - MONTHS + 1, 0)]
    return then
