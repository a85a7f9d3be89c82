"""Stocks and their flows: what is there is what was there, plus what came, less what went, on every path.

A stock is forecast twice: through its flows, whose paths are joined (``analysis.forecast.joint``) and added up from the
last value, and by itself. Sums of flows know what is known of each flow, but add up whatever is wrong with their level;
the stock by itself shows slow bends that drown in the noise of its flows. The quantiles of both are averaged, and the
flows are then moved so that they add up to the stock: reconciliation as combination (Hollyman, Petropoulos & Tipping
2021, Understanding forecast reconciliation). What has to change is shared among the flows of a path by their variance,
as least squares would, and within a flow in proportion to its value, so that a flow that is zero on a path stays zero.

The weight of the flows fades as 1 / (1 + h): that of inverse variances where the error of a stock by itself is that of
a random walk, h times that of one step, and the error of the flows is one of level, h^2 times that of one step.

No more can go than is there: where an outflow would take a stock below its floor, the outflows of that step are cut in
proportion.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.forecast.joint import dependence, joined
from analysis.forecast.results import Outcome, stream, together
from analysis.series import LOWEST, SEPARATOR, STOCKS

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = 1e-9
"""Share of the largest value within which a stock has to follow its flows in every month of its past: rounding."""


@dataclass(frozen=True, eq=False)
class System:
    """A stock with its flows.

    Attributes
    ----------
    stock : str
        Id of its series.
    flows : mapping
        Ids of the flows, with what one unit of each adds to the stock.
    last : float
        The stock after the last known date.
    floor : float or None
        Value that it can never fall below.
    """

    stock: str
    flows: Mapping[str, float]
    last: float
    floor: float | None

    @property
    def model(self) -> str:
        """How the forecast is named."""
        return "flows"

    def note(self, own: str | None) -> str:
        """What a reader should know of it; `own` is the model of the stock itself, None if it has no say."""
        through = f"last value plus its flows {', '.join(self.flows)}"
        return through if own is None else f"{own}, at first as much as the {through}"


def systems(series: pd.DataFrame) -> list[System]:
    """The stocks of a table whose flows are there too and explain every change in their past.

    A stock is known by a part of its id, as in ``arr`` or ``arr/3``; its flows bear the same id with their own name
    in that part. Flows that are not there count as none.

    Parameters
    ----------
    series : pandas.DataFrame
        Columns unique_id, ds, y.
    """
    parts = {str(name): part.set_index("ds")["y"].sort_index() for name, part in series.groupby("unique_id")}
    floor = dict(zip(series["unique_id"].astype(str), series["floor"], strict=True)) if "floor" in series else {}
    found = []
    for name, stock, flows in _candidates(list(parts)):
        if _explained(parts[name], [parts[flow] * weight for flow, weight in flows.items()]):
            low = floor.get(name, LOWEST.get(stock))
            found.append(System(name, flows, float(parts[name].iloc[-1]), None if low is None or low != low else low))
    return found


def _candidates(ids: list[str]) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Ids of stocks, their names, and the ids of flows that are there."""
    known = set(ids)
    for name in ids:
        stock = metric_of(name, STOCKS)
        if stock is not None:
            named = {renamed(name, stock, flow): weight for flow, weight in STOCKS[stock].items()}
            flows = {flow: weight for flow, weight in named.items() if flow in known}
            if flows:
                yield name, stock, flows


def metric_of(name: str, metrics: Mapping[str, object]) -> str | None:
    """The first part of an id that is one of these metrics."""
    return next((part for part in name.split(SEPARATOR) if part in metrics), None)


def renamed(name: str, metric: str, other: str) -> str:
    """An id with another metric in place of its own."""
    parts = name.split(SEPARATOR)
    place = parts.index(metric)
    return SEPARATOR.join([*parts[:place], other, *parts[place + 1 :]])


def _explained(stock: pd.Series, flows: list[pd.Series]) -> bool:
    dates = stock.index
    if len(dates) < 2 or not all(flow.index.equals(dates) for flow in flows):
        return False
    change = np.sum([flow.to_numpy(float) for flow in flows], axis=0)
    gap = np.abs(np.diff(stock.to_numpy(float)) - change[1:])
    largest = np.abs(stock.to_numpy(float)).max() + np.abs(change).max()
    return bool(np.isfinite(gap).all() and gap.max() <= TOLERANCE * largest)


# Forecasts


def structured(found: Mapping[str, Outcome], known: Sequence[System]) -> dict[str, Outcome]:
    """Join the forecasts of every business that has stocks, and add its stocks.

    Parameters
    ----------
    found : mapping
        Outcomes by id, all flows among them.
    known : sequence of System

    Returns
    -------
    dict
        Outcomes by id, with the figures of flows and stocks read off the paths, so that the identity holds for their
        means as well.
    """
    result = dict(found)
    businesses: defaultdict[str, list[System]] = defaultdict(list)
    for system in known:
        businesses[business_of(system.stock)].append(system)
    for business, own in businesses.items():
        names = [name for name in found if business_of(name) == business]
        result |= together_with(own, {name: found[name] for name in names}, stream(business))
    return result


def business_of(name: str) -> str:
    """An id without its metric: what series of one business share."""
    metric = metric_of(name, LOWEST)
    return name if metric is None else renamed(name, metric, "*")


def together_with(own: Sequence[System], found: Mapping[str, Outcome], rng: np.random.Generator) -> dict[str, Outcome]:
    """Joined outcomes of one business and those of its stocks; of stocks that share flows the first one decides."""
    stocks = {system.stock: found[system.stock] for system in own if system.stock in found}
    result = _joined({name: outcome for name, outcome in found.items() if name not in stocks}, rng)
    settled: set[str] = set()
    for system in own:
        if not settled & system.flows.keys():
            sharing = [other for other in own if other.flows.keys() & system.flows.keys()]
            result |= _settled(sharing, result, stocks.get(system.stock))
        settled |= system.flows.keys()
    return result


def _settled(sharing: list[System], found: Mapping[str, Outcome], direct: Outcome | None) -> dict[str, Outcome]:
    """Outcomes of stocks that share their flows, and of these; `direct` is that of the first stock by itself."""
    first, *others = sharing
    flows = cut(first, {name: found[name].paths for name in first.flows})
    if direct is not None:
        flows = moved(first, flows, blended(accumulated(first, flows), direct.paths))
    for other in others:
        flows |= cut(other, {name: found[name].paths for name in other.flows} | flows)
    result = {name: found[name].along(paths) for name, paths in flows.items()}
    for place, system in enumerate(sharing):
        result |= _followed(system, result, None if place else direct)
    return result


def _followed(system: System, found: Mapping[str, Outcome], direct: Outcome | None) -> dict[str, Outcome]:
    """The outcome of a stock that follows its flows as they are."""
    stock = accumulated(system, {name: found[name].paths for name in system.flows})
    first = found[next(iter(system.flows))]
    own = None if direct is None else str(direct.table["model"].iloc[0])
    table = first.table.assign(unique_id=system.stock, model=system.model, note=system.note(own))
    past = first.surprises[:0] if direct is None else direct.surprises
    return {system.stock: Outcome(table, stock, past).along(stock)}


def _joined(found: Mapping[str, Outcome], rng: np.random.Generator) -> dict[str, Outcome]:
    paths = np.stack([outcome.paths for outcome in found.values()])
    ordered = joined(paths, dependence(together(outcome.surprises for outcome in found.values())), rng)
    return {name: replace(outcome, paths=own) for (name, outcome), own in zip(found.items(), ordered, strict=True)}


# Paths


def cut(system: System, paths: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Paths (paths, h) of the flows of a stock, with outflows cut where they would take it below its floor."""
    flows = {name: paths[name].copy() for name in system.flows}
    if system.floor is None:
        return flows
    out = [name for name, weight in system.flows.items() if weight < 0]
    here = np.full(len(next(iter(flows.values()))), system.last)
    for step in range(next(iter(flows.values())).shape[1]):
        inward = sum(w * flows[f][:, step] for f, w in system.flows.items() if w > 0)
        outward = -sum(system.flows[f] * flows[f][:, step] for f in out)
        there = np.maximum(here + inward - system.floor, 0.0)
        share = np.divide(there, outward, out=np.ones(len(here)), where=outward > there)
        for name in out:
            flows[name][:, step] *= share
        here = here + inward - outward * share
    return flows


def accumulated(system: System, flows: Mapping[str, np.ndarray]) -> np.ndarray:
    """Paths of the stock, (paths, h), from those of its flows."""
    change = np.sum([weight * flows[name] for name, weight in system.flows.items()], axis=0)
    return np.asarray(system.last + np.cumsum(change, axis=1))


def blended(through: np.ndarray, direct: np.ndarray) -> np.ndarray:
    """Paths (paths, h) in the order of those through flows, with the weighted mean of the quantiles of both."""
    ordered = np.empty_like(through)
    np.put_along_axis(ordered, through.argsort(axis=0, kind="stable"), np.sort(direct, axis=0), axis=0)
    share = 1 / (2 + np.arange(through.shape[1]))
    return share * through + (1 - share) * ordered


def moved(system: System, flows: Mapping[str, np.ndarray], stock: np.ndarray) -> dict[str, np.ndarray]:
    """Paths of the flows, moved so that they add up to paths of the stock; none falls below zero.

    Where a flow reaches zero the others take the rest; what none of the flows of a path can take, because they are
    zero, goes to those whose growth moves the stock the right way, in proportion to their means.
    """
    weight = np.array(list(system.flows.values()))[:, None, None]
    parts = weight * np.stack([flows[name] for name in system.flows])
    rest = np.diff(stock, axis=1, prepend=system.last) - parts.sum(axis=0)
    mean = np.abs(parts).mean(axis=1)
    movable = np.divide(parts.var(axis=1), mean, out=np.zeros_like(mean), where=mean > 0)[:, None] * np.abs(parts)
    for _ in system.flows:
        moves = _shared(movable, rest)
        empty = (movable > 0) & (np.sign(weight) * (parts + moves) <= 0)
        moves = np.where(empty, -parts, moves)
        parts, rest, movable = parts + moves, rest - moves.sum(axis=0), np.where(empty, 0.0, movable)
    rest = np.where(np.abs(rest) > TOLERANCE * np.abs(stock), rest, 0.0)
    parts = parts + _shared(np.where(np.sign(weight) * rest > 0, mean[:, None], 0.0), rest)
    return dict(zip(system.flows, np.abs(parts / weight), strict=True))


def _shared(shares: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """What is left (paths, h), divided in proportion to shares (flows, paths, h)."""
    total = shares.sum(axis=0)
    share: np.ndarray = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
    return rest * share
