"""A simulation held against what really came: bias, coverage and weighted interval score, by metric.

The replications of a run are its predictive distribution. Where the model is true, what came is one more replication,
so that the rank of what came is uniform: quantiles are read at p (n + 1) of n ordered replications (Hyndman & Fan 1996,
type 6), which makes intervals hold as often as they promise as far as n replications reach. With n below
2 / (1 - level) - 1 (39 at 95 per cent) the interval is the whole range of the replications and holds (n - 1) / (n + 1).

The rival is the naive forecast from the months before the start, with the interval of its own past errors
(``analysis.forecast.naive``). Months of one metric move together: coverage over few of them is a count, not a rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.evaluate.scores import covered, known_mean, wis
from analysis.forecast.history import prepare
from analysis.forecast.naive import fit_naive

if TYPE_CHECKING:
    import pandas as pd

LEVELS: tuple[int, ...] = (50, 80, 95)
"""Central intervals, in per cent, that the weighted interval score is made of."""

TOLD: tuple[int, ...] = (80, 95)
"""Those whose coverage is told."""

ALL = "all"
SPANS: dict[str, tuple[float, float]] = {
    ALL: (1, np.inf), "1-3": (1, 3), "4-6": (4, 6), "7-12": (7, 12), "13 on": (13, np.inf),
}  # fmt: skip
"""First and last month ahead of what is pooled."""

NO_RIVAL = "no rival: no months before the start"

BOUNDS: tuple[str, ...] = tuple(f"{side}-{level}" for level in LEVELS for side in ("lo", "hi"))

MONTHS: tuple[str, ...] = (
    "ds", "step", "actual", "replications", "mean", "median", *BOUNDS, "error", "wis", "rival_mean",
    *(f"rival_{name}" for name in BOUNDS), "rival_wis",
)  # fmt: skip
"""Columns of ``months``."""

SCORES: tuple[str, ...] = (
    "horizon", "n", "actual", "simulated", "bias", "bias_share", "held_80", "held_95", "wis", "rival", "history",
    "rival_wis", "ratio", "note",
)  # fmt: skip
"""Columns of ``scored``."""


@dataclass(frozen=True, eq=False)
class Rival:
    """The naive forecast of one metric.

    Attributes
    ----------
    name : str
        ``seasonal_naive``, ``naive`` (the last value: under two years are known) or empty.
    history : int
        Months before the start that were given.
    table : pandas.DataFrame or None
        By month: mean, and lo-L and hi-L for every level.
    note : str
        What a reader should know of it.
    """

    name: str
    history: int
    table: pd.DataFrame | None
    note: str


def rival(history: pd.Series, last: pd.Timestamp) -> Rival:
    """The naive forecast from the months before the start.

    Parameters
    ----------
    history : pandas.Series
        Values by first day of the month.
    last : Timestamp
        First day of the last month that is wanted.
    """
    known = history.dropna()
    if known.empty:
        return Rival("", 0, None, NO_RIVAL)
    fitted = fit_naive(prepare(known, frequency="MS"))
    ahead = (last.year - fitted.history.cutoff.year) * 12 + last.month - fitted.history.cutoff.month
    return Rival(fitted.model, len(known), fitted.predict(ahead, LEVELS), fitted.note)


def months(simulated: pd.DataFrame, actual: pd.Series, against: Rival) -> pd.DataFrame:
    """What was simulated beside what came, month by month.

    Parameters
    ----------
    simulated : pandas.DataFrame
        All months of the horizon down, by first day; replications across, NaN where a metric is undefined.
    actual : pandas.Series
        What came, by first day of the month; the months among those of `simulated`.
    against : Rival

    Returns
    -------
    pandas.DataFrame
        ``MONTHS``: ``step`` counts months from the start, ``error`` is simulated mean less actual. Without a rival, or
        without two replications in which the metric is defined, the figures are NaN.
    """
    import pandas as pd

    found = pd.DataFrame({"actual": actual.sort_index()}, dtype=float)
    found["step"] = simulated.index.get_indexer(found.index) + 1
    for name, values in _spread(simulated.reindex(found.index).to_numpy(float)).items():
        found[name] = values
    found["error"] = found["mean"] - found["actual"]
    found["wis"] = _wis(found, found["median"], "")
    stated = against.table.reindex(found.index) if against.table is not None else None
    for name in ("mean", *BOUNDS):
        found[f"rival_{name}"] = np.nan if stated is None else stated[name]
    found["rival_wis"] = _wis(found, found["rival_mean"], "rival_")
    return found.rename_axis("ds").reset_index()[list(MONTHS)]


def _spread(paths: np.ndarray) -> dict[str, np.ndarray]:
    """Number, mean, median and bounds over replications (months, replications), each of shape (months,)."""
    tails = [tail for level in LEVELS for tail in ((1 - level / 100) / 2, (1 + level / 100) / 2)]
    enough = (~np.isnan(paths)).sum(axis=1)
    found = np.full((2 + len(tails), len(paths)), np.nan)
    for place in np.flatnonzero(enough >= 2):
        values = paths[place][~np.isnan(paths[place])]
        found[:, place] = [values.mean(), *np.quantile(values, [0.5, *tails], method="weibull")]
    return {"replications": enough, **dict(zip(("mean", "median", *BOUNDS), found, strict=True))}


def _wis(table: pd.DataFrame, median: pd.Series, before: str) -> np.ndarray:
    bounds = np.array([[table[f"{before}{side}-{level}"] for side in ("lo", "hi")] for level in LEVELS], float)
    return wis(table["actual"].to_numpy(), median.to_numpy(float), bounds, LEVELS)


def scored(table: pd.DataFrame, against: Rival) -> list[dict[str, Any]]:
    """Scores of one metric over all its months, and over those of each span ahead that has any.

    Parameters
    ----------
    table : pandas.DataFrame
        As from ``months``.
    against : Rival

    Returns
    -------
    list of dict
        ``SCORES``. ``n`` counts the months in which both are known; ``bias`` is the mean of simulated less actual,
        ``bias_share`` the sum of these over the sum of what came (null where that is 0); ``held_L`` counts the months
        within the interval of L per cent; ``ratio`` is ``wis`` over ``rival_wis``, below 1 where the simulation is
        better.
    """
    rows = []
    for name, (first, last) in SPANS.items():
        part = table[table["step"].between(first, last) & table["wis"].notna()]
        if len(part) or name == ALL:
            rows.append({"horizon": name} | _scores(part, against))
    return rows


def _scores(part: pd.DataFrame, against: Rival) -> dict[str, Any]:
    own, other, came = _mean(part["wis"]), _mean(part["rival_wis"]), float(part["actual"].abs().sum())
    held = {
        f"held_{level}": int(np.nansum(covered(part["actual"], part[f"lo-{level}"], part[f"hi-{level}"])))
        for level in TOLD
    }
    return {
        "n": len(part), "actual": _mean(part["actual"]), "simulated": _mean(part["mean"]), "bias": _mean(part["error"]),
        "bias_share": float(part["error"].sum()) / came if came > 0 else np.nan, **held, "wis": own,
        "rival": against.name or None, "history": against.history, "rival_wis": other,
        "ratio": own / other if other > 0 else np.nan, "note": against.note or None,
    }  # fmt: skip


def _mean(values: pd.Series) -> float:
    return known_mean(values.to_numpy(float))
