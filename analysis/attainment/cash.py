"""The chance that money runs out: the share of replications with cash below zero, month by month."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.attainment.figures import Figures
from analysis.replications import wilson

LOWEST = "cash_min"

COLUMNS: tuple[str, ...] = ("month", "chance", "chance_low", "chance_high", "ever", "ever_low", "ever_high",
                            "replications")  # fmt: skip
"""``chance`` is of cash below zero at any instant of the month, ``ever`` of that in this or an earlier month."""


def cash_risk(metrics: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Chance of cash below zero by month, with Wilson's intervals.

    Parameters
    ----------
    metrics : pandas.DataFrame
        The metrics table.
    level : float
        Confidence.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS``, a row per month of which the lowest cash is known.
    """
    lowest = Figures(metrics, [LOWEST]).months(LOWEST)
    below = lowest.to_numpy() < 0
    ever = np.logical_or.accumulate(below, axis=0) if len(below) else below
    n = below.shape[1]
    rows = [
        (month, *wilson(int(now.sum()), n, level), *wilson(int(so_far.sum()), n, level), n)
        for month, now, so_far in zip(lowest.index, below, ever, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
