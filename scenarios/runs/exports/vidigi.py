"""Visits at stops as vidigi animates them: a CSV event log of arrivals, queues, work and departures.

vidigi (https://github.com/hsma-tools/vidigi) places every entity at its latest event. It knows four types: ``queue``,
``resource_use``, ``resource_use_end``, and ``arrival_departure``, of which an entity has at most one arrival and one
departure. An account arrives with its first visit; it departs with the end of its last one, unless a visit is still
under way at the horizon. Waiting for a desk is the event ``<stage> wait``, its work ``<stage>``, the end of that
``<stage> end``; a stop without a desk is a queue called like its stage. An account that is at two stops at a time, as a
customer may be, is shown at the later one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.runs.exports.sheets import csv_writer, plain

if TYPE_CHECKING:
    import pyarrow as pa

QUEUED, STARTED, FINISHED = VISIT = ("queued", "started", "finished")
"""Activities of a visit."""

READ = ("replication", "account", "activity", "stage", "time", "timestamp", "resource", "owner")

ARRIVAL = "arrival_departure"
"""The type of arrivals and departures."""


@dataclass(frozen=True)
class Stays:
    """From when to when accounts are there, by rank of the account.

    Attributes
    ----------
    accounts : numpy.ndarray
        Numbers of the accounts, ascending.
    segments : pyarrow.Array
        Their segments.
    first, last : numpy.ndarray
        Places of their first and last row among all rows of visits; -1 for none.
    open : numpy.ndarray
        Visits that are under way at the horizon.
    """

    accounts: np.ndarray
    segments: Any
    first: np.ndarray
    last: np.ndarray
    open: np.ndarray


def write_visits(run: Path, folder: Path, replication: int) -> None:
    """Write ``visits-<replication>.csv``, one row an event.

    Parameters
    ----------
    run : Path
        A run folder with accounts and events.
    folder : Path
        Where the file goes.
    replication : int
        The replication that is shown.

    Notes
    -----
    Columns entity_id, event_type, event, time, timestamp, resource_id, pathway, run_number. The entity is the
    account, its pathway the segment; time is in days from the start; ``resource_id`` is the number
    of the seat at the desk, from 1 on. The events are read twice, part by part, and never lie in memory as a whole.
    """
    stays = _stays(run, replication)
    path, start = folder / f"visits-{replication}.csv", 0
    with csv_writer(path, _schema()) as writer:
        for visits in _visits(run, replication):
            writer.write_table(plain(_rows(visits, start, stays)))
            start += visits.num_rows


def _visits(run: Path, replication: int) -> Iterator[pa.Table]:
    """Rows of visits in the order of time, part by part."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(run / "events.parquet") as events:
        for group in range(events.num_row_groups):
            rows = events.read_row_group(group, columns=list(READ))
            rows = rows.filter(pc.equal(rows["replication"], replication))
            activity = rows["activity"].cast(pa.string())
            rows = rows.set_column(rows.schema.get_field_index("activity"), "activity", activity)
            rows = rows.filter(pc.and_(pc.is_in(rows["activity"], pa.array(VISIT)), pc.is_valid(rows["stage"])))
            if rows.num_rows:
                yield rows


def _stays(run: Path, replication: int) -> Stays:
    """First and last rows of all accounts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    chosen = [("replication", "=", replication)]
    people = pq.read_table(run / "accounts.parquet", columns=["account", "segment"], filters=chosen).sort_by("account")
    n, accounts = people.num_rows, people["account"].to_numpy()
    segments = people["segment"].cast(pa.string()).combine_chunks()
    stays = Stays(accounts, segments, np.full(n, -1), np.full(n, -1), np.zeros(n, int))
    start = 0
    for visits in _visits(run, replication):
        _note(stays, visits, start)
        start += visits.num_rows
    return stays


def _note(stays: Stays, visits: pa.Table, start: int) -> None:
    who = np.searchsorted(stays.accounts, visits["account"].to_numpy())
    place = np.arange(start, start + len(who))
    activity = visits["activity"].to_numpy()
    stays.last[who] = place
    new, where = np.unique(who, return_index=True)
    unseen = stays.first[new] < 0
    stays.first[new[unseen]] = place[where[unseen]]
    np.add.at(stays.open, who, (activity == QUEUED).astype(int) - (activity == FINISHED))


def _rows(visits: pa.Table, start: int, stays: Stays) -> pa.Table:
    """What vidigi shows of these visits, with the arrivals and departures among them."""
    import pyarrow as pa

    who = np.searchsorted(stays.accounts, visits["account"].to_numpy())
    place = np.arange(start, start + len(who))
    comes = np.flatnonzero(stays.first[who] == place)
    goes = np.flatnonzero((stays.last[who] == place) & (stays.open[who] == 0))
    types, events = _events(visits)
    shown = np.flatnonzero(types != "")
    parts = [(comes, ARRIVAL, "arrival"), (shown, types[shown], events[shown]), (goes, ARRIVAL, "depart")]
    order = np.argsort(np.concatenate([3 * part[0] + rank for rank, part in enumerate(parts)]))
    tables = [
        _table(visits.take(pa.array(rows)), kinds, names, stays.segments.take(pa.array(who[rows])))
        for rows, kinds, names in parts
    ]
    return pa.concat_tables(tables).take(pa.array(order))


def _events(visits: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Types and names of events by row; the end of a stay without work at a desk is no event."""
    activity, stage = visits["activity"].to_numpy(), _texts(visits["stage"])
    desk, worked = _texts(visits["resource"]) != "", _texts(visits["owner"]) != ""
    rows = [activity == QUEUED, (activity == STARTED) & worked, (activity == FINISHED) & worked]
    types = np.select(rows, ["queue", "resource_use", "resource_use_end"], "")
    ends = np.select([rows[0] & desk, rows[2]], [" wait", " end"], "")
    return types, np.array([a + b for a, b in zip(stage, ends, strict=True)], object)


def _texts(column: pa.ChunkedArray) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts: np.ndarray = pc.fill_null(column.cast(pa.string()), "").to_numpy().astype(object)
    return texts


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = {
        "entity_id": pa.int64(), "event_type": pa.string(), "event": pa.string(), "time": pa.float64(),
        "timestamp": pa.timestamp("us"), "resource_id": pa.int64(), "pathway": pa.string(), "run_number": pa.int32(),
    }  # fmt: skip
    return pa.schema(kinds)


def _table(visits: pa.Table, types: Any, events: Any, pathway: pa.Array) -> pa.Table:
    """Visits in the columns of vidigi, with types and events of their own or one for all."""
    import pyarrow as pa

    n = visits.num_rows
    types, events = (np.broadcast_to(texts, n).astype(object) for texts in (types, events))
    owners = np.where(types == ARRIVAL, "", _texts(visits["owner"]))
    seats = pa.array([_seat(owner) for owner in owners.tolist()], pa.int64())
    who, when = visits["account"], (visits["time"], visits["timestamp"])
    texts = (pa.array(types, pa.string()), pa.array(events, pa.string()))
    return pa.table([who, *texts, *when, seats, pathway, visits["replication"]], schema=_schema())


def _seat(owner: str) -> int | None:
    """Number of a seat: ``2`` of ``sales-2``."""
    number = owner.rpartition("-")[2]
    return int(number) if number.isdecimal() else None
