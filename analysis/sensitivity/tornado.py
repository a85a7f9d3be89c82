"""Tornado: every key alone at its low and at its high value, the longest bar first.

A bar is the difference from the base point, paired by replication: with common random numbers the same customers
meet both. What keys do together does not show; Sobol's indices and Morris' sigma are for that.

References
----------
Eschenbach, T. G. (1992). Spiderplots versus tornado diagrams for sensitivity analysis. Interfaces 22(6), 40-46.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.compare.paired import Paired, paired
from analysis.sensitivity.noise import matrix, responses

COLUMNS = (
    "metric", "key", "base_value", "low_value", "high_value", "base",
    "low_effect", "low_effect_low", "low_effect_high", "high_effect", "high_effect_low", "high_effect_high",
    "swing", "swing_low", "swing_high", "replications", "common", "note",
)  # fmt: skip
"""Columns of the table of bars."""


def tornado(
    points: pd.DataFrame, results: pd.DataFrame, keys: Sequence[str], *, common: bool = True, level: float = 0.95
) -> pd.DataFrame:
    """Effect of the lowest and of the highest value of each key, all others at their base.

    Parameters
    ----------
    points : DataFrame
        ``number`` and a column per key; the first point is the base, every other one moves one key. A key needs at
        least one other value; its side that has none is the base itself.
    results : DataFrame
        ``number``, ``replication``, ``metric``, ``value``: one scenario, one period.
    keys : sequence of str
        The free keys; keys linked to them are not among them.
    common : bool
        Whether a replication has the same random numbers at all points; told in the table only.
    level : float
        Confidence of each interval, not of all together.

    Returns
    -------
    DataFrame
        ``COLUMNS``. Effects are point less base, ``swing`` is high less low, each with its paired interval
        (``analysis.compare.paired``: none where fewer than ten replications differ). By metric, the largest swing
        in absolute terms first, or the largest effect where that is larger.

    Raises
    ------
    ValueError
        If a point moves several keys or none, or a key is moved by no point; as for ``noise.responses`` and
        ``matrix``.
    """
    x = matrix(points, keys)
    sides = [_sides(x, place, key) for place, key in enumerate(_checked(x, keys))]
    frames = [pd.DataFrame(columns=list(COLUMNS))]
    for metric in results["metric"].unique():
        y = responses(points, results, metric).values
        rows = [
            {"metric": metric, "key": key, **_bar(x[:, place], y, sides[place], level)}
            for place, key in enumerate(keys)
        ]
        frame = pd.DataFrame(rows).assign(common=common)[list(COLUMNS)]
        longest = frame[["low_effect", "high_effect", "swing"]].abs().max(axis=1)
        frames.append(frame.loc[longest.sort_values(ascending=False, kind="stable", na_position="last").index])
    return pd.concat(frames[1:] or frames, ignore_index=True)


def _checked(x: np.ndarray, keys: Sequence[str]) -> Sequence[str]:
    moves = (x[1:] != x[0]).sum(axis=1)
    if (moves != 1).any():
        wrong = int(np.flatnonzero(moves != 1)[0]) + 1
        raise ValueError(f"point {wrong} of the design moves {moves[wrong - 1]} keys, a tornado moves one at a time")
    return keys


def _sides(x: np.ndarray, place: int, key: str) -> tuple[int, int]:
    """Points of the lowest and of the highest value of a key."""
    own = np.append(0, np.flatnonzero(x[:, place] != x[0, place]))
    if len(own) < 2:
        raise ValueError(f"no point moves {key}")
    return int(own[np.argmin(x[own, place])]), int(own[np.argmax(x[own, place])])


def _bar(x: np.ndarray, y: np.ndarray, sides: tuple[int, int], level: float) -> dict[str, object]:
    low, high = sides
    found = {
        "low_effect": paired(y[0], y[low], level),
        "high_effect": paired(y[0], y[high], level),
        "swing": paired(y[low], y[high], level),
    }
    row: dict[str, object] = {"base_value": x[0], "low_value": x[low], "high_value": x[high], "base": _mean(y[0])}
    for name, difference in found.items():
        row |= {name: difference.difference, f"{name}_low": difference.low, f"{name}_high": difference.high}
    return row | {"replications": found["swing"].replications, "note": _notes(list(found.values()))}


def _notes(found: Sequence[Paired]) -> str:
    """Notes of the differences, each once."""
    return "; ".join(dict.fromkeys(note for one in found for note in one.note.split("; ") if note))


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else math.nan
