"""Digests over values, never over file bytes: equal tables have equal digests, however they are stored.

A column enters as its name, its type and its values as little-endian bytes in the order of the rows; columns
are taken by name. Nulls are a mask of their own; NaN is the null of floating point and -0 is 0; categories
enter as their text, whatever their codes.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

SIZE = 16
"""Length of a digest in bytes; written as twice as many hexadecimal digits."""


def table_digest(table: pa.Table) -> str:
    """Digest of the values of one table, independent of column order, chunks and coding of categories."""
    digest = hashlib.blake2b(digest_size=SIZE)
    _add(digest, f"{table.num_rows}")
    for name in sorted(table.column_names):
        tag, parts = _canonical(table.column(name))
        _add(digest, name, tag)
        for part in parts:
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
    return digest.hexdigest()


def combine(parts: Mapping[int, str]) -> str:
    """Digest of a table out of the digests of its replications, taken in their order."""
    return json_digest([[key, parts[key]] for key in sorted(parts)])


def json_digest(value: Any) -> str:
    """Digest of plain data (mappings, lists, text, numbers), independent of the order of keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=SIZE).hexdigest()


def csv_rows(path: Path) -> list[list[str]]:
    """Rows of a CSV file, header first, every cell as text."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


def _add(digest: Any, *texts: str) -> None:
    for text in texts:
        raw = text.encode()
        digest.update(len(raw).to_bytes(8, "little"))
        digest.update(raw)


def _canonical(column: pa.ChunkedArray) -> tuple[str, list[bytes]]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return "category", _categories(column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text", _texts(column.to_pylist())
    if pa.types.is_floating(kind):
        return str(kind), [_floats(column, np.dtype(f"<f{kind.bit_width // 8}"))]
    return str(kind), _numbers(column)


def _categories(column: pa.ChunkedArray) -> list[bytes]:
    merged = column.unify_dictionaries().combine_chunks()
    names = merged.dictionary.to_pylist()
    codes = merged.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    present = [int(code) for code in np.unique(codes) if code >= 0]
    order = {name: rank for rank, name in enumerate(sorted({names[code] for code in present}))}
    ranks = np.full(len(names) + 1, -1, "<i4")
    for code in present:
        ranks[code] = order[names[code]]
    return [json.dumps(list(order)).encode(), ranks[codes].tobytes()]


def _texts(values: list[str | None]) -> list[bytes]:
    raw = [b"" if value is None else value.encode() for value in values]
    lengths = np.array([-1 if value is None else len(raw[i]) for i, value in enumerate(values)], "<i8")
    return [lengths.tobytes(), b"".join(raw)]


def _floats(column: pa.ChunkedArray, kind: np.dtype[Any]) -> bytes:
    values = np.array(column.to_numpy(zero_copy_only=False), kind) + kind.type(0)
    values[np.isnan(values)] = np.nan
    return values.tobytes()


def _numbers(column: pa.ChunkedArray) -> list[bytes]:
    import pyarrow as pa

    valid = np.packbits(column.is_valid().to_numpy(zero_copy_only=False).astype(bool), bitorder="little")
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.int64() if column.type.bit_width == 64 else pa.int32())
    values = column.fill_null(False if pa.types.is_boolean(column.type) else 0).to_numpy(zero_copy_only=False)
    return [valid.tobytes(), values.astype(values.dtype.newbyteorder("<")).tobytes()]
