"""Where the error of a forecast comes from: demand noise, parameters, or the choice of the forecasting model.

Worlds are drawn from the stated ranges of the inputs nobody knows; each is simulated a few times, and every
simulation is forecast by several models. The error e of a world w, a replication r in it and a model m, what came less
the point forecast, is a nested layout, and by the law of total variance

    Var e  =  E Var(e | w, r)   +   E Var(E(e | w, r) | w)   +   Var E(e | w)
              forecast model        demand noise                 parameters

The models are all there are, not a sample, so the first term is the plain variance between their point forecasts
(what came cancels), and the mean over them is the error of their combination. Replications and worlds are samples:
the variance between replications is unbiased with R - 1, and the share of it that a mean of R replications still
holds is taken off the variance between worlds. Parameters are thus what the history up to the cutoff has *not* told
the forecaster about the world it is in, not the spread of worlds as seen before the first day.

References
----------
Searle, Casella & McCulloch (1992). Variance components, chapter 3 (the nested random model).
Hawkins & Sutton (2009). The potential to narrow uncertainty in regional climate predictions. Bulletin of the American
    Meteorological Society 90 (the same three sources for projections, by lead time).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.evaluate.backtest import LEAST_CLUSTERS, bounds, resamples
from analysis.evaluate.skill import LEVEL

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("demand", "parameters", "model")

COLUMNS = (
    "metric", "step", *PARTS, *(f"{part}_share{end}" for part in PARTS for end in ("", "_low", "_high")),
    "worlds", "replications", "models",
)  # fmt: skip


def split(errors: pd.DataFrame) -> pd.DataFrame:
    """The three variances of each metric and step.

    Parameters
    ----------
    errors : pandas.DataFrame
        Columns metric, step, world, replication (within its world), model, error. Of a world only replications that
        every model has forecast count, and only worlds with at least two of them.

    Returns
    -------
    pandas.DataFrame
        metric, step, demand, parameters, model (variances in squared units of the metric, never negative), their
        shares of the sum with low and high (worlds resampled; NaN under ``LEAST_CLUSTERS`` worlds), worlds,
        replications (all together) and models.
    """
    import pandas as pd

    rows = []
    for (metric, step), part in errors.groupby(["metric", "step"], sort=False):
        wide = part.pivot(index=["world", "replication"], columns="model", values="error").dropna()
        sizes = wide.groupby(level="world").size()
        wide = wide[wide.index.get_level_values("world").isin(sizes.index[sizes >= 2])]
        rows.append({"metric": metric, "step": step, **_row(wide)})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def components(means: np.ndarray, within: np.ndarray, between: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Demand, parameters and model from what each world gives.

    Parameters
    ----------
    means : float array (..., worlds)
        Mean error of each world.
    within : float array (..., worlds)
        Variance between the replications of each world (n - 1).
    between : float array (..., worlds)
        Mean variance between the models' forecasts in each world (n).
    sizes : float array (..., worlds)
        Replications of each world.

    Returns
    -------
    float array (..., 3)
        Variances, negative estimates set to 0.
    """
    demand = within.mean(axis=-1)
    parameters = means.var(axis=-1, ddof=1) - demand * (1 / sizes).mean(axis=-1)
    return np.asarray(np.maximum(np.stack([demand, parameters, between.mean(axis=-1)], axis=-1), 0.0))


def _row(wide: pd.DataFrame) -> dict[str, float]:
    worlds = wide.index.get_level_values("world")
    counts = {"worlds": worlds.nunique(), "replications": len(wide), "models": wide.shape[1]}
    if counts["worlds"] < 2:
        return dict.fromkeys(COLUMNS[2:-3], np.nan) | counts
    combined = wide.mean(axis=1).groupby(worlds)
    spread = wide.var(axis=1, ddof=0).groupby(worlds).mean()
    given = [combined.mean(), combined.var(ddof=1), spread, combined.size()]
    own = np.stack([values.to_numpy(float) for values in given])
    found = components(*own)
    return dict(zip(PARTS, found, strict=True)) | _shares(own, found) | counts


def _shares(own: np.ndarray, found: np.ndarray) -> dict[str, float]:
    with np.errstate(all="ignore"):
        shares, drawn = found / found.sum(), _drawn(own)
        spread = drawn / drawn.sum(axis=-1, keepdims=True)
    row: dict[str, float] = {}
    for place, part in enumerate(PARTS):
        few = own.shape[1] < LEAST_CLUSTERS
        low, high = (np.nan, np.nan) if few else bounds(spread[:, place], LEVEL)
        row |= {f"{part}_share": shares[place], f"{part}_share_low": low, f"{part}_share_high": high}
    return row


def _drawn(own: np.ndarray) -> np.ndarray:
    """Components of resampled worlds, shape (draws, 3)."""
    counts = resamples(own.shape[1]).astype(int)
    chosen = np.repeat(np.tile(np.arange(own.shape[1]), len(counts)), counts.ravel()).reshape(len(counts), -1)
    return components(*own[:, chosen])
