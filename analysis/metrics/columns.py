"""Columns of data frames as plain arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd


def coded(column: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """Codes (-1 for null) and names of a column of categories or text."""
    values = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
    return values.cat.codes.to_numpy().astype(np.int64), tuple(str(c) for c in values.cat.categories)


def codes_of(column: pd.Series, names: tuple[str, ...]) -> np.ndarray:
    """Codes of a column into given names, -1 for null and other values."""
    codes, own = coded(column)
    place = {name: code for code, name in enumerate(names)}
    target = np.array([place.get(name, -1) for name in own] + [-1], np.int64)
    return target[codes]


def numbers(column: pd.Series) -> np.ndarray:
    """A column of numbers as floats, NaN for null."""
    return column.to_numpy(dtype=float, na_value=np.nan)


def heads(sorted_values: np.ndarray) -> np.ndarray:
    """Places at which a new value begins in sorted values."""
    return np.flatnonzero(np.append(True, sorted_values[1:] != sorted_values[:-1])[: len(sorted_values)])
