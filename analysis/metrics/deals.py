"""Deals by the person and the team that won them, and the opportunities that are open."""

from __future__ import annotations

import numpy as np

from analysis.metrics.columns import coded, numbers
from analysis.metrics.cube import Cells, Cube, flow, stock, tally
from analysis.metrics.registry import metric
from analysis.metrics.view import View, once
from sim.units import MINOR

OWNER, TEAM = "owner", "team"
"""Names of dimensions: a seat such as ``sales-2``, and the desk to which it belongs."""

_BY = "by segment, channel, owner and team; the owner is the last person who worked on the account in its journey"


@metric("deals_signed", unit="count", source="events", formula=f"contracts signed, {_BY}")
def deals_signed(view: View) -> list[Cells]:
    return flow(view.calendar, _signings(view, weighted=False))


@metric("signed_amount", unit="money", source="events", formula=f"amounts of the contracts signed, {_BY}")
def signed_amount(view: View) -> list[Cells]:
    cube = _signings(view, weighted=True)
    return flow(view.calendar, cube.map(lambda cents: cents / MINOR)) if view.log.has("signed") else []


@metric(
    "open_opportunities",
    unit="count",
    source="opportunities",
    formula="opportunities opened by the end and closed later or never",
)
def open_opportunities(view: View) -> list[Cells]:
    return _open(view, None)


@metric(
    "open_unpriced",
    unit="count",
    source="opportunities",
    formula="open opportunities at the end that bear no amount before they are signed, as all that the run opens",
)
def open_unpriced(view: View) -> list[Cells]:
    return _open(view, np.isnan(_told(view)).astype(np.int64))


@metric(
    "open_amount",
    unit="money",
    source="opportunities",
    formula="amounts of the open opportunities at the end that bear one, as those of the state at the start may",
)
def open_amount(view: View) -> list[Cells]:
    return _open(view, np.nan_to_num(_told(view)) / MINOR)


def _told(view: View) -> np.ndarray:
    """Amounts known before signing, in minor units: of deals from before the horizon opened with one, or NaN."""
    table, log = view.tables["opportunities"], view.log
    older = view.calendar.days_of(table["opened"].to_numpy()) < 0
    rows = log.rows(view.context.milestones["opportunity"])
    bears = np.zeros(len(view.ids) + 1, bool)
    bears[log.account[rows[(log.time[rows] < 0) & ~np.isnan(log.amount[rows])]]] = True
    told = older & bears[view.position(table["account"].to_numpy())]
    return np.where(told, numbers(table["amount"]), np.nan)


def _open(view: View, weights: np.ndarray | None) -> list[Cells]:
    """Open opportunities at the end of every period, or the sum of their weights."""
    table = view.tables["opportunities"]
    if table.empty:
        return []
    opened, closed = (view.calendar.days_of(table[c].to_numpy()) for c in ("opened", "closed"))
    account = view.position(table["account"].to_numpy())
    return stock(view.calendar, view.level(opened, closed, account, weights))


@once
def _signings(view: View, weighted: bool) -> Cube:
    """Signatures, or their amounts in minor units, by month and by what accounts and people belong to."""
    log = view.log
    rows = log.rows("signed")
    account = log.account[rows]
    owner, owners = _owners(view)
    teams = tuple(dict.fromkeys(name.rpartition("-")[0] or name for name in owners))
    team = np.array([teams.index(name.rpartition("-")[0] or name) for name in owners] + [-1], np.int64)
    levels = {**view.levels, OWNER: owners, TEAM: teams}
    codes = {**view.codes(account), OWNER: owner[rows], TEAM: team[owner[rows]]}
    weights = np.nan_to_num(log.amount[rows]).astype(np.int64) if weighted else None
    return tally(view.calendar.months, view.calendar.month_of(log.time[rows]), weights, codes, levels)


@once
def _owners(view: View) -> tuple[np.ndarray, tuple[str, ...]]:
    """By event: the last person who worked on the account in this journey so far, -1 for nobody; all names."""
    log = view.log
    code, names = coded(log.events["owner"])
    mine = code[log.order]
    latest = np.maximum.accumulate(np.where(mine >= 0, np.arange(len(mine)), -1)) if len(mine) else mine
    same = (latest >= 0) & (log.journey[latest] == log.journey) if len(mine) else latest >= 0
    found = np.full(len(mine), -1, np.int64)
    found[log.order] = np.where(same, mine[latest], -1)
    return found, names
