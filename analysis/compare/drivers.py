"""Why a plan earns more or less: the difference in revenue and operating profit by business driver.

Drivers of revenue are the quantities of ``analysis.compare.identity`` and, as ``other``, what belongs to no contract.
Costs are differences of the ledger, one driver each. All drivers add up to the cent in every replication.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.compare.factors import NOWHERE, Axes, tally
from analysis.compare.identity import PLAYERS, revenue_drivers
from analysis.compare.paired import DUST, paired
from analysis.metrics import Context
from analysis.metrics.books import COSTS
from analysis.metrics.columns import coded, codes_of
from analysis.metrics.view import View
from analysis.tables import Tables
from sim.units import MINOR

OTHER, TOTAL = "other", "total"
"""Driver of revenue that belongs to no contract, and the row of a summary that holds the whole difference."""

REVENUE, PROFIT = "revenue", "operating_profit"
"""Metrics that have a bridge."""

COLUMNS: tuple[str, ...] = ("metric", "driver", "segment", "replication", "value", "unit")
"""Columns of a bridge."""

SUMMARY: tuple[str, ...] = (
    "business", "scenario", "bridge", "metric", "driver", "mean", "ci_low", "ci_high", "replications", "alone",
    "last_in", "interaction", "unit",
)  # fmt: skip
"""Columns of ``drivers.csv``."""

_NAMES = {"payroll": "cost_payroll", "marketing": "cost_marketing", "commission": "cost_commission",
          "subsidy": "cost_subsidy", "fixed_cost": "cost_fixed", "bad_debt": "cost_bad_debt",
          "depreciation": "cost_depreciation"}  # fmt: skip
_KEYS = ["business", "scenario", "bridge", "metric", "driver"]
_EXTRAS = ("alone", "last_in", "interaction")


def business_bridge(base: Tables, plan: Tables, context_base: Context, context_plan: Context) -> pd.DataFrame:
    """The difference between two runs of the same customers, by driver and segment, in every replication.

    Parameters
    ----------
    base, plan : Tables
        Accounts, events, subscriptions and ledger of the same replications.
    context_base, context_plan : Context
        Of the two studies; the horizons are the same.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS``, values in major units. Drivers of ``revenue`` are ``PLAYERS`` and ``other``; those of
        ``operating_profit`` are the same and every cost that either run has, more cost being negative. The segment
        is null for what belongs to no account. The values of a metric and replication add up to the difference of
        the metric over the horizon, to the cent.

    Raises
    ------
    ValueError
        If horizons or replications differ, or there are none.
    """
    _check(base, plan, context_base, context_plan)
    axes, pools = _axes(base, plan, context_base), _pools(base, plan)
    numbers, earning, spending = base.replications(), [], []
    for number in numbers:
        sides = View(base.replication(number), context_base), View(plan.replication(number), context_plan)
        before, after = (tally(side, axes) for side in sides)
        drivers = revenue_drivers(before, after, np.isin(axes.stages, pools))
        earning.append(np.concatenate((drivers, [after.other - before.other])))
        spending.append(np.stack([_costs(side, axes) for side in sides]))
    costs = np.stack(spending)
    used = np.asarray(costs.any(axis=(0, 1)))
    income, all_costs = np.stack(earning), costs[:, 1] - costs[:, 0]
    somewhere = income.any(axis=0) | (np.array(axes.segments) != NOWHERE)
    names = [*PLAYERS, OTHER]
    frames = [_rows(metric, names, income, somewhere, axes) for metric in (REVENUE, PROFIT)]
    frames.append(_rows(PROFIT, [_NAMES.get(cost, cost) for cost in COSTS], all_costs, used, axes))
    frame = pd.concat(frames, ignore_index=True)
    frame["replication"] = np.array(numbers, np.int32)[frame["replication"]]
    kinds = dict.fromkeys(("metric", "driver", "segment", "unit"), "category")
    return frame.assign(unit=context_base.currency).astype(kinds)[list(COLUMNS)]


def _check(base: Tables, plan: Tables, context_base: Context, context_plan: Context) -> None:
    horizons = [(context.start, context.days) for context in (context_base, context_plan)]
    if horizons[0] != horizons[1]:
        raise ValueError(f"bridge: the horizons differ, {horizons[0]} and {horizons[1]}")
    if base.replications() != plan.replications():
        raise ValueError(f"bridge: replications differ, {base.replications()} and {plan.replications()}")
    if not base.replications():
        raise ValueError("bridge: no replications")


def _names(base: Tables, plan: Tables, table: str, column: str) -> tuple[str, ...]:
    """Levels of a column in either run, in the order of the base."""
    return tuple(dict.fromkeys(name for run in (base, plan) for name in coded(run[table][column])[1]))


def _axes(base: Tables, plan: Tables, context: Context) -> Axes:
    segments = _names(base, plan, "accounts", "segment")
    months = context.calendar.months
    return Axes((*segments, NOWHERE), _names(base, plan, "events", "stage"), months)


def _pools(base: Tables, plan: Tables) -> list[str]:
    """Stops from which accounts return."""
    back: set[str] = set()
    for events in (base["events"], plan["events"]):
        code, names = coded(events["stage"])
        returned = codes_of(events["activity"], ("re_entered", "won_back")) >= 0
        back |= {names[n] for n in np.unique(code[returned]) if n >= 0}
    return sorted(back)


def _costs(view: View, axes: Axes) -> np.ndarray:
    """What every kind of cost adds to profit within the horizon, cents, shape (COSTS, segments)."""
    books, found = view.books, np.zeros((len(COSTS), len(axes.segments)), np.int64)
    own = np.append(codes_of(view.tables["accounts"]["segment"], axes.segments), -1)[books.account]
    inside = books.month >= 0
    for place, cost in enumerate(COSTS):
        np.add.at(found[place], own[inside], books.gain(cost)[inside])
    return found


def _rows(metric: str, drivers: list[str], cents: np.ndarray, wanted: np.ndarray, axes: Axes) -> pd.DataFrame:
    """Cents of shape (replications, drivers, segments) as rows, of the wanted drivers and segments."""
    place = np.argwhere(np.broadcast_to(wanted, cents.shape[1:]))
    segments = np.array([None if name == NOWHERE else name for name in axes.segments], object)
    replications = len(cents)
    return pd.DataFrame(
        {
            "metric": metric,
            "driver": np.tile(np.array(drivers, object)[place[:, 0]], replications),
            "segment": np.tile(segments[place[:, 1]], replications),
            "replication": np.repeat(np.arange(replications), len(place)),
            "value": cents[:, place[:, 0], place[:, 1]].ravel() / MINOR,
        }
    )


def summarise(drivers: pd.DataFrame, level: float = 0.95, extras: pd.DataFrame | None = None) -> pd.DataFrame:
    """Drivers as means over replications with their intervals.

    Parameters
    ----------
    drivers : pandas.DataFrame
        business, scenario, bridge and ``COLUMNS``, of any number of bridges. A row that a replication lacks is 0.
    level : float
        Confidence. The intervals are those of the comparison, see ``paired``: where a driver is 0 in most
        replications and other in fewer than ten, there is none.
    extras : pandas.DataFrame, optional
        alone, last_in and interaction by business, scenario, bridge, metric and driver (means over replications).

    Returns
    -------
    pandas.DataFrame
        ``SUMMARY``: segments together, one row per driver in the order of the table, then one with driver ``total``.
    """
    found = []
    for group, rows in drivers.groupby(_KEYS[:-1], sort=False, observed=True):
        sums = rows.groupby(["driver", "replication"], sort=False, observed=True)["value"].sum(min_count=1)
        table = sums.unstack(fill_value=0.0)
        values = _without_dust(table.to_numpy(float))
        figures = dict(zip(map(str, table.index), values, strict=True)) | {TOTAL: _sum(values)}
        unit = str(rows["unit"].iloc[0])
        found += [_summary([*map(str, group), name], figure, level, unit) for name, figure in figures.items()]
    frame = pd.DataFrame(found, columns=[c for c in SUMMARY if c not in _EXTRAS])
    if extras is None:
        frame = frame.assign(**dict.fromkeys(_EXTRAS, np.nan))
    else:
        frame = frame.merge(extras.astype(dict.fromkeys(_KEYS, "str")), how="left", on=_KEYS)
    return frame[list(SUMMARY)]


def _without_dust(values: np.ndarray) -> np.ndarray:
    """Shares that are nothing beside the largest of their replication as exact zeros."""
    return np.where(np.abs(values) <= DUST * np.abs(values).max(axis=0), 0.0, values)


def _sum(values: np.ndarray) -> np.ndarray:
    """Sums over drivers without the dust of adding floats."""
    total = values.sum(axis=0)
    return np.where(np.abs(total) <= DUST * np.abs(values).max(axis=0), 0.0, total)


def _summary(who: list[str], values: np.ndarray, level: float, unit: str) -> dict[str, object]:
    found = paired(np.zeros_like(values), values, level)
    figures = {"mean": found.difference, "ci_low": found.low, "ci_high": found.high, "replications": found.replications}
    return {**dict(zip(_KEYS, who, strict=True)), **figures, "unit": unit}
