"""Are the outcomes plausible for a business of this type? Ranges written down before anything was tuned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from analysis.metrics.periods import HORIZON

RANGES: tuple[str, ...] = ("metric", "type", "period", "low", "high", "unit", "source", "confidence")
"""Columns of the file of ranges; ``metric`` is a name of the summary."""

COLUMNS: tuple[str, ...] = (*RANGES, "mean", "ci_low", "ci_high", "n_defined", "status")
"""Columns of the verdict; ``status`` is in, out or undefined."""

IN, OUT, UNDEFINED = "in", "out", "undefined"


def read_ranges(path: str | Path) -> pd.DataFrame:
    """The file of ranges.

    Raises
    ------
    ValueError
        If a column is missing, or a lower end lies above its upper end.
    """
    ranges = pd.read_csv(path, encoding="utf-8-sig", keep_default_na=False)
    missing = [column for column in RANGES if column not in ranges]
    if missing:
        raise ValueError(f"{path}: columns {missing} are missing, found {list(ranges)}")
    if not (ranges["low"] <= ranges["high"]).all():
        raise ValueError(
            f"{path}: low is above high for {list(ranges.loc[~(ranges['low'] <= ranges['high']), 'metric'])}"
        )
    return ranges[list(RANGES)]


def judge(ranges: pd.DataFrame, summary: pd.DataFrame, business: str) -> pd.DataFrame:
    """Means over the horizon beside the ranges for a type of business.

    Parameters
    ----------
    ranges : pandas.DataFrame
        As ``read_ranges`` gives them.
    summary : pandas.DataFrame
        As ``analysis.summary.summary`` gives it.
    business : str
        Type of the business.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS``, one row per range of this type, in their order.
    """
    wanted = ranges[ranges["type"] == business]
    whole = summary[summary["period"].astype(str) == HORIZON]
    found = whole.set_index("metric")[["mean", "ci_low", "ci_high", "n_defined"]].reindex(wanted["metric"])
    frame = pd.concat([wanted.reset_index(drop=True), found.reset_index(drop=True)], axis=1)
    inside = (frame["mean"] >= frame["low"]) & (frame["mean"] <= frame["high"])
    status = np.select([frame["mean"].isna(), inside], [UNDEFINED, IN], OUT)
    return frame.assign(n_defined=frame["n_defined"].fillna(0).astype(int), status=status)[list(COLUMNS)]
