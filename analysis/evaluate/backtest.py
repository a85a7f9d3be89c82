"""Backtests of many series: forecasts from earlier cutoffs beside the seasonal naive one, and what they amount to.

Windows that overlap are dependent, and so are the months within them: intervals come from resampling whole series
(Cameron, Gelbach & Miller 2008, Bootstrap-based improvements for inference with clustered errors).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from analysis.evaluate.origins import Design, Series, score_series
from analysis.forecast.naive import SeasonalNaive
from analysis.forecast.registry import FORECASTERS
from analysis.forecast.run import Mapper, floor_of

if TYPE_CHECKING:
    import pandas as pd

    from analysis.forecast.fitted import Forecaster

BENCHMARK = SeasonalNaive.name

LEAST_CLUSTERS = 5
"""With fewer clusters resampling says little about other series, and no interval is given."""

DRAWS = 2000
"""Resamples of an interval."""

IN_UNITS = ("wis", "crps")
"""Scores in the units of the series, which are not averaged over series before they are scaled."""

SCORES = ("mase", "rmsse", *IN_UNITS)


def backtest(
    series: pd.DataFrame,
    forecasters: Sequence[str | Forecaster],
    design: Design,
    *,
    regressors: pd.DataFrame | None = None,
    frequency: str | None = None,
    mapper: Mapper = map,
) -> pd.DataFrame:
    """Score forecasters from rolling origins.

    Parameters
    ----------
    series : pandas.DataFrame
        Columns unique_id, ds, y, and optionally floor: the value that a series can never fall below, or NaN.
    forecasters : sequence of str or Forecaster
        Names in ``analysis.forecast.registry.FORECASTERS``, or forecasters with settings of one's own, under names
        that differ; the seasonal naive one is added if it is not there.
    design : Design
        Steps ahead, those of the use; cutoffs of each series; coverage of the intervals.
    regressors : pandas.DataFrame, optional
        Known influences by date over all dates of the series; the forecasters that use none do without.
    frequency : str, optional
        Of all series; by default found for each from its dates.
    mapper : callable
        Like ``map``: applies a function to the series and yields the results in their order.

    Returns
    -------
    pandas.DataFrame
        A row for every series, origin and model: unique_id, model (as asked for), cutoff, ends (date of the last
        step), steps (those with a known value), scale (of MASE), the means over the steps of mase, rmsse, wis, crps
        (the last two in the units of the series), covL for every level, inside-L for every level (a list of
        numbers by step, 1 where the interval of that step held what came, 0 where not, NaN where nothing came), and
        note: what was fitted instead, what was repaired, or why the origin was skipped. The scores of a skipped origin
        are NaN, its lists are null.

    Raises
    ------
    ValueError
        If a forecaster is not registered, or two have one name.
    """
    import pandas as pd

    asked = _asked(forecasters)
    items = list(_series(series, regressors, frequency))
    rows = [row for found in mapper(partial(score_series, asked=asked, design=design), items) for row in found]
    table = pd.DataFrame(rows, columns=columns(design.levels))
    return table.astype(dict.fromkeys(["scale", *SCORES, *(f"cov{level}" for level in design.levels)], float))


def _asked(forecasters: Sequence[str | Forecaster]) -> list[str | Forecaster]:
    """Forecasters without repetition, the seasonal naive one among them."""
    asked = list(dict.fromkeys([*forecasters, BENCHMARK]))
    names = [each if isinstance(each, str) else each.name for each in asked]
    if unknown := [each for each in asked if isinstance(each, str) and each not in FORECASTERS]:
        raise ValueError(f"no such forecaster: {', '.join(unknown)}; there are {', '.join(FORECASTERS)}")
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise ValueError(f"two forecasters are called {twice[0]}; each needs a name of its own")
    return asked


def _series(series: pd.DataFrame, regressors: pd.DataFrame | None, frequency: str | None) -> Iterator[Series]:
    for name, part in series.groupby("unique_id", sort=False):
        yield Series(str(name), part.set_index("ds")["y"], floor_of(part), regressors, frequency)


def columns(levels: Sequence[int]) -> list[str]:
    """Columns of a backtest."""
    coverage = [*(f"cov{level}" for level in levels), *(f"inside-{level}" for level in levels)]
    return ["unique_id", "model", "cutoff", "ends", "steps", "scale", *SCORES, *coverage, "note"]


def best(table: pd.DataFrame, measure: str = "wis") -> dict[str, str]:
    """The model with the lowest mean score of each series, chosen from what was known at its last cutoff.

    Only windows that end by the last cutoff count, so that the last origin can judge the choice. A model has to be
    scored on as many of them as any other; of equal models the first is taken.

    Parameters
    ----------
    table : pandas.DataFrame
        A backtest.
    measure : str
        Its column to go by, one where lower is better.

    Returns
    -------
    dict
        Model by unique_id, without the series that have no such window.
    """
    known = table[table["ends"] <= table.groupby("unique_id")["cutoff"].transform("max")]
    found = known.groupby(["unique_id", "model"], sort=False)[measure].agg(["mean", "count"])
    most = found.groupby(level="unique_id")["count"].transform("max")
    mean = found.loc[(found["count"] == most) & (most > 0), "mean"]
    return {str(name): str(part.idxmin()[1]) for name, part in mean.groupby(level="unique_id", sort=False)}


def summary(table: pd.DataFrame, level: float = 0.95, cluster: str = "unique_id") -> pd.DataFrame:
    """Means by model, their ratio to those of the seasonal naive forecast, and coverage, with intervals.

    Scores in the units of the series are divided by ``scale`` first. A ratio is that of the means over the same
    series and origins. Percentile intervals of resampled clusters, the same resamples for every model.

    Parameters
    ----------
    table : pandas.DataFrame
        A backtest.
    level : float
        Confidence of the intervals.
    cluster : str
        Column of what is independent: the series, or what several series come from.

    Returns
    -------
    pandas.DataFrame
        A row for every model and measure: model, measure, mean, low, high, ratio, ratio_low, ratio_high (NaN for
        coverage), clusters and rows (that are scored). Bounds are NaN for fewer than ``LEAST_CLUSTERS`` clusters,
        and those of a mean also where all clusters agree: resampling then has nothing to vary.
    """
    import pandas as pd

    wide = _wide(table, cluster)
    draws = resamples(len(wide.index.unique(0)))
    measures = [name for name in table.columns if name in SCORES or name.startswith("cov")]
    rows = []
    for model, measure in product(table["model"].unique(), measures):
        own = wide[(measure, model)]
        row = {"model": model, "measure": measure, **_mean(own, draws, level)}
        if measure in SCORES:
            row |= _ratio(own, wide[(measure, BENCHMARK)], draws, level)
        rows.append(row)
    order = ["model", "measure", "mean", "low", "high", "ratio", "ratio_low", "ratio_high", "clusters", "rows"]
    return pd.DataFrame(rows, columns=order)


def _wide(table: pd.DataFrame, cluster: str) -> pd.DataFrame:
    """Scores that may be averaged, by cluster, series and cutoff, a column for every measure and model."""
    scored = table[table["steps"] > 0]
    held = scored.assign(group=scored[cluster], **{name: scored[name] / scored["scale"] for name in IN_UNITS})
    measures = [name for name in table.columns if name in SCORES or name.startswith("cov")]
    wide = held.pivot(index=["group", "unique_id", "cutoff"], columns="model", values=measures)
    return wide.reindex(columns=[(name, model) for name in measures for model in table["model"].unique()])


@lru_cache(maxsize=8)
def resamples(clusters: int) -> np.ndarray:
    """How often each cluster is drawn, shape (DRAWS, clusters); the same for equal numbers of clusters."""
    if not clusters:
        return np.empty((DRAWS, 0))
    rng = np.random.default_rng(20250102)
    counts: np.ndarray = rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=DRAWS).astype(float)
    counts.flags.writeable = False
    return counts


def _sums(values: pd.Series, known: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Sum and number of the known values of every cluster."""
    code = values.index.droplevel([1, 2]).factorize()[0]
    size = len(values.index.unique(0))
    return np.bincount(code, np.where(known, values, 0.0), size), np.bincount(code, known, size)


def _mean(values: pd.Series, draws: np.ndarray, level: float) -> dict[str, float]:
    return _clustered(*_sums(values, values.notna()), draws, level)


def _clustered(total: np.ndarray, number: np.ndarray, draws: np.ndarray, level: float) -> dict[str, float]:
    """Mean of all values from the sum and number of each cluster, with the interval of resampled clusters."""
    scored = number > 0
    own = {"clusters": int(scored.sum()), "rows": int(number.sum()), "mean": _share(total.sum(), number.sum())}
    with np.errstate(all="ignore"):
        alike = not scored.any() or np.ptp(total[scored] / number[scored]) == 0
        low, high = bounds((draws @ total) / (draws @ number), level)
    if alike or own["clusters"] < LEAST_CLUSTERS:
        low = high = np.nan
    return own | {"low": low, "high": high}


def _ratio(values: pd.Series, rival: pd.Series, draws: np.ndarray, level: float) -> dict[str, float]:
    known = values.notna() & rival.notna()
    above, number = _sums(values, known)
    below, _ = _sums(rival, known)
    with np.errstate(all="ignore"):
        low, high = bounds((draws @ above) / (draws @ below), level)
    if (number > 0).sum() < LEAST_CLUSTERS:
        low = high = np.nan
    return {"ratio": _share(above.sum(), below.sum()), "ratio_low": low, "ratio_high": high}


def _share(above: float, below: float) -> float:
    return float(above / below) if below > 0 else float("nan")


def calibration(table: pd.DataFrame, level: float = 0.95, cluster: str = "unique_id") -> pd.DataFrame:
    """How often intervals held what came, by step ahead.

    Parameters
    ----------
    table : pandas.DataFrame
        A backtest.
    level : float
        Confidence of the intervals.
    cluster : str
        Column of what is independent, as for ``summary``.

    Returns
    -------
    pandas.DataFrame
        model, step (1 to the horizon, and ``all``), level (per cent), covered, low, high, n (values that came). Bounds
        are NaN as in ``summary``.
    """
    import pandas as pd

    scored = table[table["steps"] > 0]
    codes, _ = pd.factorize(scored[cluster])
    draws = resamples(int(codes.max()) + 1 if len(codes) else 0)
    levels = [int(name.removeprefix("inside-")) for name in table.columns if name.startswith("inside-")]
    rows: list[dict[str, object]] = []
    for model, nominal in product(scored["model"].unique(), levels):
        own = (scored["model"] == model).to_numpy()
        inside = np.array(scored.loc[own, f"inside-{nominal}"].tolist(), float)
        for step, values in [("all", inside), *((place + 1, inside[:, [place]]) for place in range(inside.shape[1]))]:
            row = {"model": model, "step": step, "level": nominal}
            rows.append(row | _share_of_clusters(values, codes[own], draws, level))
    return pd.DataFrame(rows, columns=["model", "step", "level", "covered", "low", "high", "n"])


def _share_of_clusters(values: np.ndarray, codes: np.ndarray, draws: np.ndarray, level: float) -> dict[str, object]:
    known = np.isfinite(values)
    size = draws.shape[1]
    total = np.bincount(codes, np.where(known, values, 0.0).sum(axis=1), size)
    number = np.bincount(codes, known.sum(axis=1), size)
    found = _clustered(total, number, draws, level)
    return {"covered": found["mean"], "low": found["low"], "high": found["high"], "n": found["rows"]}


def bounds(values: np.ndarray, level: float) -> tuple[float, float]:
    """Central interval of resampled values; those without anything to divide by are left out."""
    known = values[np.isfinite(values)]
    tail = (1 - level) / 2
    low, high = np.quantile(known, [tail, 1 - tail]) if known.size else (np.nan, np.nan)
    return float(low), float(high)
