"""What several changes do together, beside what each of them does alone.

Two changes add up where each meets the same business whether the other is made or not. Where one feeds what the other
limits (more leads before a desk that has no time) they do less together, where one frees the other they do more: the
interaction of a factorial experiment (Montgomery, Design and analysis of experiments, chapter 6). All plans share
their random numbers, so that the interaction is a paired difference as any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from analysis.compare.paired import paired
from analysis.summary import by_replication

COLUMNS: tuple[str, ...] = (
    "scenario", "parts", "metric", "period", "unit", "apart", "together", "interaction", "ci_low", "ci_high",
    "ci_level", "p", "replications", "note",
)  # fmt: skip
"""Columns of the table of interactions, before the business is put in front."""

JOINED = " + "
"""Between the parts of a plan that is made of several, as the table names them."""


def interactions(
    runs: Mapping[str, pd.DataFrame], stacks: Mapping[str, Sequence[str]], level: float = 0.95
) -> pd.DataFrame:
    """The difference of stacked plans against the sum of the differences of their parts.

    Parameters
    ----------
    runs : mapping of str to pandas.DataFrame
        Metrics tables by scenario, the base first; the parts of every stack are among them.
    stacks : mapping of str to sequence of str
        Names of stacked plans, with their parts.
    level : float
        Confidence of every single interval; there is no adjustment for their number.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS``; a row for every stack, metric and period in the order of the base. ``apart`` is the sum of the
        differences of the parts, ``together`` the difference of the stack, both against the base and over the
        replications that all of them have; ``interaction`` is together - apart.
    """
    tables = {name: by_replication(metrics).droplevel("place") for name, metrics in runs.items()}
    base = next(iter(tables.values()))
    rows = [
        row for name, parts in stacks.items() for row in _rows(base, tables[name], [tables[p] for p in parts], level)
    ]
    names = [(name, JOINED.join(parts)) for name, parts in stacks.items() for _ in range(len(base))]
    frame = pd.DataFrame(rows, columns=list(COLUMNS[2:]))
    frame.insert(0, "scenario", [name for name, _ in names])
    frame.insert(1, "parts", [parts for _, parts in names])
    return frame


def _rows(
    base: pd.DataFrame, stack: pd.DataFrame, parts: Sequence[pd.DataFrame], level: float
) -> list[dict[str, object]]:
    place, numbers = base.index, base.columns
    ours, both, *each = (frame.reindex(index=place, columns=numbers).to_numpy(float) for frame in (base, stack, *parts))
    added = ours + sum(part - ours for part in each)
    found = []
    for row, (metric, period, unit) in enumerate(place):
        gap, defined = paired(added[row], both[row], level), 0 * added[row]
        whole = paired(ours[row] + defined, both[row] + defined, level)
        found.append({
            "metric": metric, "period": period, "unit": unit, "apart": whole.difference - gap.difference,
            "together": whole.difference, "interaction": gap.difference, "ci_low": gap.low, "ci_high": gap.high,
            "ci_level": level, "p": gap.p, "replications": gap.replications, "note": gap.note,
        })  # fmt: skip
    return found
