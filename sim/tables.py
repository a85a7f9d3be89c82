"""Tables of a run, made of what was recorded: the public contract between simulation and analysis.

A table is a mapping from column name to column. Codes refer to names, so that a category costs two bytes.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sim.calendar import month_ends
from sim.events import ACTIVITIES, HEADS, LEDGER_ACCOUNTS
from sim.recorder import NONE, Coded, Nullable, Table
from sim.unfold import Unfolded, all_visits
from sim.units import timestamps

if TYPE_CHECKING:
    from sim.world import World


def coded(codes: np.ndarray, names: tuple[str, ...]) -> Coded:
    """A category column in the smallest sufficient integers."""
    return Coded(np.asarray(codes, np.int16 if len(names) < 2**15 else np.int32), names)


def nullable(values: np.ndarray) -> Nullable:
    """A money column whose nulls were recorded as ``NONE``."""
    return Nullable(values, values != NONE)


def constant(value: int, n: int) -> np.ndarray:
    """The replication column."""
    return np.broadcast_to(np.int32(value), n)


def visits(world: World, replication: int) -> Table:
    """The log as recorded: one row per visit of a stop, finished ones in the order of their end, then open ones."""
    rows = all_visits(world)
    outcomes = ("", "then", "otherwise", "open")
    return {
        "replication": constant(replication, len(rows)),
        "account": rows["account"].copy(),
        "stage": coded(rows["code"], tuple(world.stops)),
        "seat": rows["seat"].copy(),
        "queued": rows["queued"].copy(),
        "started": rows["started"].copy(),
        "finished": rows["finished"].copy(),
        "outcome": coded(rows["outcome"], outcomes),
    }


def events(world: World, unfolded: Unfolded, replication: int) -> Table:
    """The events table."""
    n = len(unfolded.time)
    return {
        "replication": constant(replication, n),
        "account": unfolded.account,
        "activity": coded(unfolded.activity, ACTIVITIES),
        "stage": coded(unfolded.stage, tuple(world.stops)),
        "time": unfolded.time,
        "timestamp": timestamps(world.spec.horizon.start, unfolded.time),
        "resource": coded(unfolded.resource, tuple(world.desks)),
        "owner": coded(unfolded.owner, unfolded.owners),
        "channel": coded(unfolded.channel, tuple(world.spec.market.channels)),
        "product": coded(unfolded.product, world.names["product"]),
        "amount": nullable(unfolded.amount),
        "quantity": unfolded.quantity,
        "note": coded(unfolded.note, tuple(world.recorder.notes)),
    }


def decisions(world: World, replication: int) -> Table:
    """All decisions with probability, uniform and outcome, of monthly ones the departures and changes; the recorder
    gives them away, as nothing else is made of them."""
    rows = world.recorder.take_decided()
    rows = rows[np.lexsort((np.arange(len(rows)), rows["account"], rows["time"]))]
    return {
        "replication": constant(replication, len(rows)),
        "account": rows["account"].astype(np.int64),
        "time": rows["time"].copy(),
        "decision": coded(rows["decision"], world.names["decision"]),
        "occurrence": rows["occurrence"].copy(),
        "probability": rows["probability"].copy(),
        "uniform": rows["uniform"].copy(),
        "outcome": rows["outcome"].astype(bool),
    }


def ledger(world: World, replication: int) -> Table:
    """All postings up to the horizon."""
    rows = world.ledger.postings()
    account = rows["account"].astype(np.int64)
    segment = np.where(account >= 0, world.population.segment[account], -1)
    return {
        "replication": constant(replication, len(rows)),
        "time": rows["time"].copy(),
        "timestamp": timestamps(world.spec.horizon.start, rows["time"]),
        "account": Nullable(account, account >= 0),
        "contract": Nullable(rows["contract"].copy(), rows["contract"] >= 0),
        "product": coded(rows["product"], world.names["product"]),
        "segment": coded(segment, world.population.segments),
        "cost_centre": coded(rows["cost_centre"], tuple(world.ledger.centres)),
        "debit": coded(rows["debit"], LEDGER_ACCOUNTS),
        "credit": coded(rows["credit"], LEDGER_ACCOUNTS),
        "amount": rows["amount"].copy(),
        "memo": coded(rows["memo"], tuple(world.ledger.memos)),
    }


def subscriptions(world: World, replication: int) -> Table:
    """One row per contract or term."""
    rows, start = world.contracts.rows, world.spec.horizon.start
    outcomes = ("open", "renewed", "upgraded", "contracted_down", "churned", "completed")

    def when(values: list[float]) -> np.ndarray:
        days = np.array(values, float)
        stamps = timestamps(start, np.nan_to_num(days))
        stamps[np.isnan(days)] = np.datetime64("NaT")
        return stamps

    return {
        "replication": constant(replication, len(rows)),
        "account": np.array([r.account for r in rows], np.int64),
        "contract": np.array([r.contract for r in rows], np.int64),
        "product": coded(np.array([r.product for r in rows], np.int16), world.names["product"]),
        "start": when([r.start for r in rows]),
        "end": when([r.end for r in rows]),
        "ended": when([r.ended for r in rows]),
        "amount": nullable(np.array([r.amount for r in rows], np.int64)),
        "mrr": nullable(np.array([r.mrr for r in rows], np.int64)),
        "tenure": np.array([r.tenure for r in rows], float),
        "outcome": coded(np.array([outcomes.index(r.outcome) for r in rows], np.int16), outcomes),
    }


def monthly(world: World, replication: int) -> Table:
    """Monthly state; of a run that starts from a state also the heads of its desks, on the day before the first."""
    rows, desks = world.months.table(), _heads_at_start(world)
    first, names = np.datetime64(world.spec.horizon.start, "D"), tuple(world.months.metrics)
    known = [(-1.0, len(names) + place, -1, heads) for place, heads in enumerate(desks.values())]
    rows = np.concatenate([np.array(known, rows.dtype), rows])
    return {
        "replication": constant(replication, len(rows)),
        "ds": (first + rows["day"].astype("timedelta64[D]")).astype("datetime64[us]"),
        "metric": coded(rows["metric"], (*names, *desks)),
        "segment": coded(rows["segment"], world.population.segments),
        "value": rows["value"].copy(),
    }


def _heads_at_start(world: World) -> dict[str, int]:
    """Heads at the instant 0 by the name of the metric that holds them."""
    if world.opening is None:
        return {}
    return {
        f"{HEADS}{desk.name}": [heads for day, heads in desk.history if day <= 0][-1] for desk in world.desks.values()
    }


def month_bounds(start: str, horizon: float) -> tuple[list[float], np.ndarray]:
    """Bounds of all months touched by the horizon, and the calendar end date of each."""
    ends = month_ends(start, horizon)
    if not ends or ends[-1] < horizon:
        ends = [*ends, horizon]
    firsts = [0.0, *ends[:-1]]
    dates = []
    for first in firsts:
        day = date.fromisoformat(start) + timedelta(int(first))
        following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        dates.append(np.datetime64(following - timedelta(1), "us"))
    return [0.0, *ends], np.array(dates)
