"""Tables of a run: their columns, the way to Arrow and back to data frames.

A column has one of these kinds: ``int32``, ``int64``, ``int?`` (64 bits, may be null), ``float`` (NaN is null),
``time`` (microseconds, may be null), ``category``, ``text`` and ``bool``. Whoever brings tables of the same
columns, a CRM export for example, gets the same metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_WHO = {"replication": "int32", "account": "int64"}

COLUMNS: dict[str, dict[str, str]] = {
    "accounts": {
        **_WHO, "external_id": "text", "segment": "category", "industry": "category", "region": "category",
        "employees": "float", "channel": "category", "owner": "category", "last_stage": "category",
        "touched_at": "time", "registered_at": "time", "qualified_at": "time", "opened_at": "time",
        "signed_at": "time", "activated_at": "time", "paid_at": "time", "churned_at": "time", "customer": "bool",
    },
    "opportunities": {
        **_WHO, "product": "category", "owner": "category", "stage": "category", "amount": "int?",
        "opened": "time", "qualified_at": "time", "met_at": "time", "proposed_at": "time", "signed_at": "time",
        "closed": "time", "outcome": "category", "reason": "category",
    },
    "subscriptions": {
        **_WHO, "contract": "int64", "product": "category", "start": "time", "end": "time", "ended": "time",
        "amount": "int?", "mrr": "int?", "tenure": "float", "outcome": "category",
    },
    "events": {
        **_WHO, "activity": "category", "stage": "category", "time": "float", "timestamp": "time",
        "resource": "category", "owner": "category", "channel": "category", "product": "category",
        "amount": "int?", "quantity": "float", "note": "category",
    },
    "decisions": {
        **_WHO, "time": "float", "decision": "category", "occurrence": "int64", "probability": "float",
        "uniform": "float", "outcome": "bool",
    },
    "monthly": {
        "replication": "int32", "ds": "time", "metric": "category", "segment": "category", "value": "float",
    },
    "ledger": {
        "replication": "int32", "time": "float", "timestamp": "time", "account": "int?", "contract": "int?",
        "product": "category", "segment": "category", "cost_centre": "category", "debit": "category",
        "credit": "category", "amount": "int64", "memo": "category",
    },
    "staffing": {
        "replication": "int32", "ds": "time", "desk": "category", "heads": "float", "capacity_hours": "float",
        "busy_hours": "float", "queue_mean": "float", "wait_days": "float", "started": "int64",
    },
    "metrics": {
        "replication": "int32", "ds": "time", "period": "category", "metric": "category", "dim1": "category",
        "level1": "category", "dim2": "category", "level2": "category", "value": "float", "unit": "category",
    },
}  # fmt: skip
"""Columns of every table and their kinds, in the order in which they are stored."""

RUN_TABLES: tuple[str, ...] = tuple(name for name in COLUMNS if name != "metrics")
"""Tables that a simulator returns."""


def schema(name: str) -> pa.Schema:
    """Arrow schema of a table."""
    import pyarrow as pa

    kinds = {
        "int32": pa.int32(),
        "int64": pa.int64(),
        "int?": pa.int64(),
        "float": pa.float64(),
        "time": pa.timestamp("us"),
        "category": pa.dictionary(pa.int32(), pa.string()),
        "text": pa.string(),
        "bool": pa.bool_(),
    }
    return pa.schema([(column, kinds[kind]) for column, kind in _columns(name).items()])


def to_arrow(name: str, columns: Mapping[str, Any]) -> pa.Table:
    """Columns of a table as Arrow, in the order and types of its schema.

    Parameters
    ----------
    name : str
        A table of ``COLUMNS``.
    columns : mapping
        Column name to values: a numpy array, a sequence, a pandas series or categorical; categories may come as
        an object with ``codes`` (-1 is null) and ``names``, nullable integers as one with ``values`` and ``valid``.

    Raises
    ------
    ValueError
        If columns are missing or unknown, or differ in length.
    """
    import pyarrow as pa

    wanted = _columns(name)
    missing, unknown = [c for c in wanted if c not in columns], [c for c in columns if c not in wanted]
    if missing or unknown:
        raise ValueError(f"table {name}: missing columns {missing}, unknown columns {unknown}")
    types = schema(name)
    arrays = [_array(columns[c], types.field(c).type) for c in wanted]
    if len({len(a) for a in arrays}) > 1:
        raise ValueError(f"table {name}: columns differ in length, {dict(zip(wanted, map(len, arrays), strict=True))}")
    return pa.Table.from_arrays(arrays, schema=types)


def to_frame(table: pa.Table, name: str) -> pd.DataFrame:
    """An Arrow table as data frame: categories categorical, nullable integers ``Int64``, text as ``str``."""
    import pandas as pd

    frame = table.unify_dictionaries().to_pandas()
    for column, kind in _columns(name).items():
        if kind == "int?" and column in frame:
            values = table.column(column).combine_chunks()
            known = values.is_valid().to_numpy(zero_copy_only=False)
            frame[column] = pd.arrays.IntegerArray(values.fill_null(0).to_numpy().copy(), ~known)
    return frame


def read(path: str | Path, name: str) -> pd.DataFrame:
    """Table ``name`` of the run folder ``path``."""
    import pyarrow.parquet as pq

    return to_frame(pq.read_table(Path(path) / f"{name}.parquet"), name)


def load_tables(path: str | Path) -> Tables:
    """The tables of a run folder, each read when it is first asked for."""
    return Tables(lambda name: read(path, name))


class Tables:
    """Tables of one or several replications by name, as data frames, made when they are first asked for.

    Parameters
    ----------
    source : mapping or callable
        Table name to a data frame, an Arrow table or raw columns (see ``to_arrow``), or a function that gives a
        data frame. A name that a mapping lacks is an empty table.
    """

    def __init__(self, source: Mapping[str, Any] | Callable[[str], pd.DataFrame]) -> None:
        self._source = source
        self._frames: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            _columns(name)
            self._frames[name] = self._source(name) if callable(self._source) else _frame(self._source, name)
        return self._frames[name]

    def replications(self) -> tuple[int, ...]:
        """Numbers of the replications, ascending."""
        return tuple(int(r) for r in np.unique(self["accounts"]["replication"].to_numpy()))

    def replication(self, number: int) -> Tables:
        """The tables of one replication."""

        def part(name: str) -> pd.DataFrame:
            frame = self[name]
            chosen = frame["replication"].to_numpy() == number
            return frame if chosen.all() else frame[chosen].reset_index(drop=True)

        return Tables(part)

    def split(self) -> Iterator[tuple[int, Tables]]:
        """Number and tables of every replication."""
        for number in self.replications():
            yield number, self.replication(number)


def _columns(name: str) -> dict[str, str]:
    if name not in COLUMNS:
        raise KeyError(f"no table {name!r}; tables are {', '.join(COLUMNS)}")
    return COLUMNS[name]


def _frame(source: Mapping[str, Any], name: str) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    found = source.get(name)
    if isinstance(found, pd.DataFrame):
        return found
    if found is None:
        found = {column: [] for column in COLUMNS[name]}
    return to_frame(found if isinstance(found, pa.Table) else to_arrow(name, found), name)


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if hasattr(values, "codes") and hasattr(values, "names"):
        codes = np.asarray(values.codes, np.int32)
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(values.names, pa.string()))
    if hasattr(values, "valid"):
        return pa.array(np.asarray(values.values, np.int64), mask=~np.asarray(values.valid, bool))
    if pa.types.is_dictionary(kind):
        return _dictionary(values)
    return pa.array(values, kind, from_pandas=True)


def _dictionary(values: Any) -> pa.Array:
    import pyarrow as pa

    array = pa.array(values, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if not pa.types.is_dictionary(array.type):
        array = array.cast(pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(array.indices.cast(pa.int32()), array.dictionary.cast(pa.string()))
