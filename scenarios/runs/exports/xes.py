"""The event log of a run as XES, the XML format of IEEE Std 1849 that process mining programs read.

A trace is an account, named by its external id. A visit at a stop is an activity called like the stage, with the
transitions schedule (it joined the queue or began to wait), start (work began) and complete; everything else that
happened is an activity called like in the event log, complete at once. ``org:resource`` is the seat that did it,
``org:group`` its desk. Timestamps are those of the simulated calendar, written as UTC. Attributes without a prefix are
columns of the tables: ``amount`` is in minor units.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

import numpy as np

from scenarios.runs.manifest import read_manifest

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = "1849.2016"
"""Value of ``xes.version``: the edition of the standard, as the decimal number that its schema asks for."""

EXTENSIONS = {"Concept": "concept", "Time": "time", "Organizational": "org", "Lifecycle": "lifecycle"}
"""Standard extensions by name: their prefixes."""

NAME, WHEN, STEP, WHO, DESK = "concept:name", "time:timestamp", "lifecycle:transition", "org:resource", "org:group"

TRANSITIONS = {"queued": "schedule", "started": "start", "finished": "complete"}
"""Transitions of the standard life cycle by activity of a visit."""

PEOPLE = ("account", "segment", "industry", "region", "employees", "channel")
"""Columns of the accounts that become attributes of their traces."""

PLAIN = ("activity", "stage", "channel", "product", "amount", "quantity", "note")
"""Columns of the events that become attributes under their own names."""

BLOCK = 50_000
"""Accounts that are in memory at a time."""

_INVALID = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow; U+FFFD stands for them."""


def write_log(run: Path, folder: Path, replication: int) -> None:
    """Write ``events-<replication>.xes``, block by block of accounts.

    Parameters
    ----------
    run : Path
        A run folder with accounts and events.
    folder : Path
        Where the file goes.
    replication : int
        The replication; accounts to which nothing happened have no trace.
    """
    import pyarrow.parquet as pq

    chosen = [("replication", "=", replication)]
    numbers = np.sort(
        pq.read_table(run / "accounts.parquet", columns=["account"], filters=chosen)["account"].to_numpy()
    )
    with (folder / f"events-{replication}.xes").open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(_head(run, replication))
        for first in range(0, len(numbers), BLOCK):
            block = numbers[first : first + BLOCK]
            within = [*chosen, ("account", ">=", block[0]), ("account", "<=", block[-1])]
            people, events = (
                _in_order(pq.read_table(run / f"{name}.parquet", filters=within)) for name in ("accounts", "events")
            )
            _write_traces(stream, people, events)
        stream.write("</log>\n")


def _in_order(table: pa.Table) -> pa.Table:
    """Rows by account, those of one account as they were."""
    import pyarrow as pa

    return table.take(pa.array(np.argsort(table["account"].to_numpy(), kind="stable")))


def _head(run: Path, replication: int) -> Iterator[str]:
    """All that comes before the first trace, in the order of the standard."""
    manifest, root = read_manifest(run), "http://www.xes-standard.org/"
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<log xes.version="{VERSION}" xes.features="" xmlns="{root}">\n'
    for name, prefix in EXTENSIONS.items():
        yield f'<extension name="{name}" prefix="{prefix}" uri="{root}{prefix}.xesext"/>\n'
    yield f'<global scope="trace">{_attribute("string", NAME, "")}</global>\n'
    never = _attribute("date", WHEN, "1970-01-01T00:00:00.000000+00:00")
    yield f'<global scope="event">{_attribute("string", NAME, "")}{never}{_attribute("string", STEP, "complete")}'
    yield f'</global>\n<classifier name="Activity" scope="event" keys="{NAME} {STEP}"/>\n'
    told = {NAME: manifest.business, "lifecycle:model": "standard", "study": manifest.study_digest}
    yield from (_attribute("string", key, value) + "\n" for key, value in {**told, "seed": str(manifest.seed)}.items())
    yield _attribute("int", "replication", str(replication)) + "\n"


def _write_traces(stream: IO[str], people: pa.Table, events: pa.Table) -> None:
    """Write the traces of accounts; both tables are in the order of the accounts."""
    accounts, account = people["account"].to_numpy(), events["account"].to_numpy()
    firsts, lasts = (np.searchsorted(account, accounts, side) for side in ("left", "right"))
    named = _attributes("string", NAME, people["external_id"].to_pylist())
    heads = [*map("".join, zip(named, *(_column(people, name) for name in PEOPLE), strict=True))]
    lines = [f"<event>{''.join(parts)}</event>\n" for parts in zip(*_event_columns(events), strict=True)]
    for head, first, last in zip(heads, firsts.tolist(), lasts.tolist(), strict=True):
        if first < last:
            stream.write(f"<trace>{head}\n")
            stream.writelines(lines[first:last])
            stream.write("</trace>\n")


def _event_columns(events: pa.Table) -> list[list[str]]:
    """Attributes of events as XML, column by column; an empty text where there is none."""
    import pyarrow as pa

    activity, stage = (events[name].cast(pa.string()).to_pylist() for name in ("activity", "stage"))
    names = [s if a in TRANSITIONS else a for a, s in zip(activity, stage, strict=True)]
    times = np.datetime_as_string(events["timestamp"].to_numpy().astype("datetime64[us]"), unit="us").tolist()
    return [
        _attributes("string", NAME, names),
        _attributes("date", WHEN, [f"{text}+00:00" for text in times]),
        _attributes("string", STEP, [TRANSITIONS.get(a, "complete") for a in activity]),
        _column(events, "owner", WHO),
        _column(events, "resource", DESK),
        *(_column(events, name) for name in PLAIN),
    ]


def _column(table: pa.Table, name: str, key: str = "") -> list[str]:
    """A column as attributes; a null or NaN is none."""
    import pyarrow as pa

    column = table[name]
    kind = "float" if pa.types.is_floating(column.type) else "int" if pa.types.is_integer(column.type) else "string"
    write: Callable[[Any], str] = repr if kind == "float" else str
    values = [None if value is None or value != value else write(value) for value in column.to_pylist()]
    return _attributes(kind, key or name, values)


def _attributes(kind: str, key: str, values: Sequence[str | None]) -> list[str]:
    """One attribute a value, an empty text for None; a value that recurs is written once."""
    written = {value: "" if value is None else _attribute(kind, key, value) for value in dict.fromkeys(values)}
    return [written[value] for value in values]


def _attribute(kind: str, key: str, value: str) -> str:
    allowed = _INVALID.sub("\ufffd", value)
    return f'<{kind} key="{key}" value={quoteattr(allowed)}/>'
