"""Forecasts judged by worlds whose future is known: fitted on the first part of each replication, scored on the rest.

A simulation gives what no books give: many worlds of one truth, each with its future. Every replication is forecast
as a company would, from its own months up to a cutoff alone, and what then came is the score. This shows how a
method performs where the model is true; whether the model is true, a backtest on real data has to show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.evaluate import scores, skill
from analysis.evaluate.backtest import BENCHMARK
from analysis.forecast.history import prepare
from analysis.forecast.naive import fit_naive
from analysis.forecast.registry import FORECASTERS
from analysis.forecast.run import Change, Mapper, Setup, floor_of, forecast_series
from analysis.series import SEPARATOR

if TYPE_CHECKING:
    import pandas as pd

MIDDLE = 1
"""Per cent: the middle of this central interval stands for the predictive median, which tables do not hold."""

Informed = Callable[[int, "pd.Timestamp"], Mapping[str, Change]]
"""From a replication and the cutoff to what makes, by unique_id, a better informed forecast of the series' own."""


@dataclass(frozen=True, eq=False)
class Trial:
    """How forecasters are tried on worlds.

    Attributes
    ----------
    setup : Setup
        Horizon, levels, the model that is judged (with the models chosen for some series), paths and regressors.
    models : tuple of str
        Further models, compared with it on the whole history; the seasonal naive one is always among them.
    cutoff : Timestamp, optional
        Date of the last month that forecasters know; by default a horizon before the last month there is.
    train : tuple of int
        Further lengths of history in months, for the judged model alone; all months up to the cutoff in any case.
    """

    setup: Setup
    models: tuple[str, ...] = ()
    cutoff: pd.Timestamp | None = None
    train: tuple[int, ...] = ()

    def window(self, series: pd.DataFrame) -> tuple[list[pd.Timestamp], list[pd.Timestamp]]:
        """Dates up to the cutoff, and those that are scored.

        Raises
        ------
        ValueError
            If there is no date on either side of the cutoff, or a length of history is not positive.
        """
        dates = sorted(series["ds"].unique())
        cutoff = self.cutoff if self.cutoff is not None else dates[max(len(dates) - self.setup.horizon - 1, 0)]
        known = [date for date in dates if date <= cutoff]
        ahead = dates[len(known) : len(known) + self.setup.horizon]
        if not known or not ahead:
            raise ValueError(f"{len(dates)} dates leave none before or none after the cutoff {cutoff:%Y-%m-%d}")
        if min(self.train, default=1) < 1:
            raise ValueError("a length of history is at least 1")
        return known, ahead

    def lengths(self, known: int) -> list[int]:
        """Lengths of history that there are, ascending; the last is all of it."""
        return sorted({known, *(months for months in self.train if months < known)})


@dataclass(frozen=True, eq=False)
class Job:
    """One forecast: a model, and a replication with its history."""

    replication: int
    train: int
    setup: Setup
    series: pd.DataFrame
    informed: Informed | None = None


def judge(
    series: pd.DataFrame,
    trial: Trial,
    mapper: Mapper = map,
    informed: Informed | None = None,
) -> dict[str, pd.DataFrame]:
    """Forecast every world and say how good the forecasts were.

    Parameters
    ----------
    series : pandas.DataFrame
        Columns unique_id (the metric), replication, ds, y, and optionally floor; a row for every month of every
        series and replication, the flows of stocks among them.
    trial : Trial
        What is tried.
    mapper : callable
        Spreads the work; what it is given can be pickled.
    informed : callable, optional
        From a replication and the cutoff to what is known of its series beside their past; can be pickled. Of use to
        forecasts from the whole history alone.

    Returns
    -------
    dict of pandas.DataFrame
        ``truth`` (see ``truth_table``), ``truth_coverage``, ``truth_skill``, ``truth_best``, ``truth_history`` (see
        ``analysis.evaluate.skill``) and ``truth_failures``: unique_id, replication, model, train, reason.

    Raises
    ------
    ValueError
        If a model is not registered, or the cutoff leaves nothing to learn from or to score.
    """
    table, failures = truth_table(series, trial, mapper, informed)
    return {
        "truth": table,
        "truth_coverage": skill.coverage(table),
        "truth_skill": skill.skill(table),
        "truth_history": skill.history(table[table["model"].isin([trial.setup.model, BENCHMARK])]),
        "truth_best": skill.best(table),
        "truth_failures": failures,
    }


def truth_table(
    series: pd.DataFrame,
    trial: Trial,
    mapper: Mapper = map,
    informed: Informed | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecasts beside what came, for every series, replication, model, length of history and step.

    Returns
    -------
    tuple of pandas.DataFrame
        The table: unique_id, replication, model (as asked for), train (months of history), step (1 to h), ds, y, mean,
        lo-L and hi-L for every level, wis (NaN where y is), scale (mean absolute yearly change of the history).
        And what could not be forecast: unique_id, replication, model, train, reason.
    """
    import pandas as pd

    names = list(dict.fromkeys([trial.setup.model, *trial.models, BENCHMARK]))
    if unknown := [name for name in names if name not in FORECASTERS]:
        raise ValueError(f"no such forecaster: {', '.join(unknown)}; there are {', '.join(FORECASTERS)}")
    done = list(mapper(forecast_job, list(_jobs(series, trial, names, informed))))
    failures = pd.concat([_described(key, reasons) for key, _, reasons in done], ignore_index=True)
    forecast = [_described(key, found) for key, found, _ in done if len(found)]
    if not forecast:
        raise ValueError(f"nothing could be forecast: {'; '.join(failures['reason'].unique()[:2])}")
    stated = pd.concat(forecast, ignore_index=True)
    table = stated.merge(_came(series, trial), on=["unique_id", "replication", "ds"])
    table = table.merge(_scales(series, trial), on=["unique_id", "replication", "train"], how="left")
    return _scored(table, trial.setup.levels), failures[["unique_id", "replication", "model", "train", "reason"]]


Key = tuple[int, str, int]
"""Replication, model and months of history of a job."""


def forecast_job(job: Job) -> tuple[Key, pd.DataFrame, pd.DataFrame]:
    """The forecasts of one job, and what could not be forecast."""
    import pandas as pd

    setup = replace(job.setup, levels=(*job.setup.levels, MIDDLE))
    if setup.model == BENCHMARK:
        table, failures = _naive(job.series, setup), pd.DataFrame(columns=["unique_id", "reason"])
    else:
        table, failures = _forecast(job, setup)
    kept = [name for name in table.columns if name not in ("model", "cutoff", "note")]
    return (job.replication, job.setup.model, job.train), table[kept], failures


def _forecast(job: Job, setup: Setup) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecasts under ids with the replication, so that every world has random numbers of its own for its paths."""
    end = f"{SEPARATOR}{job.replication}"
    told = job.informed(job.replication, job.series["ds"].max()) if job.informed else {}
    informed = {f"{name}{end}": change for name, change in told.items()}
    setup = replace(setup, chosen={f"{name}{end}": model for name, model in setup.chosen.items()})
    found = forecast_series(job.series.assign(unique_id=job.series["unique_id"] + end), setup, informed)
    named = (
        table.assign(unique_id=table["unique_id"].str.removesuffix(end)) for table in (found.table, found.failures)
    )
    table, failures = named
    return table, failures[["unique_id", "reason"]]


def _naive(series: pd.DataFrame, setup: Setup) -> pd.DataFrame:
    """Every series by itself, stocks too: what others are measured against knows no structure."""
    import pandas as pd

    parts = [
        fit_naive(prepare(part.set_index("ds")["y"], floor_of(part), None, setup.frequency))
        .predict(setup.horizon, setup.levels)
        .reset_index()
        .assign(unique_id=name)
        for name, part in series.groupby("unique_id", sort=False)
        if np.isfinite(part["y"]).any()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["unique_id", "ds"])


def _came(series: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """What came after the cutoff, and at which step."""
    _, ahead = trial.window(series)
    steps = {date: step + 1 for step, date in enumerate(ahead)}
    came = series.loc[series["ds"].isin(ahead), ["unique_id", "replication", "ds", "y"]]
    return came.assign(step=came["ds"].map(steps))


def _scales(series: pd.DataFrame, trial: Trial) -> pd.DataFrame:
    """What MASE divides by, as in a backtest: the mean absolute change over a cycle of every history."""
    import pandas as pd

    known, _ = trial.window(series)
    season = prepare(pd.Series(0.0, index=pd.DatetimeIndex(known)), None, None, trial.setup.frequency).season
    parts = []
    for months in trial.lengths(len(known)):
        seen = series[series["ds"].isin(known[-months:])].sort_values("ds", kind="stable")
        groups = seen.groupby(["unique_id", "replication"], sort=False)["y"]
        scale = groups.diff(season).abs().groupby([seen["unique_id"], seen["replication"]]).mean()
        parts.append(scale.where(scale > 0).rename("scale").reset_index().assign(train=months))
    return pd.concat(parts, ignore_index=True)


def _jobs(
    series: pd.DataFrame,
    trial: Trial,
    names: Sequence[str],
    informed: Informed | None,
) -> Iterator[Job]:
    known, _ = trial.window(series)
    for replication, part in series.groupby("replication", sort=True):
        own = part.drop(columns="replication")
        for months in trial.lengths(len(known)):
            seen = own[own["ds"].isin(known[-months:])]
            whole = months == len(known)
            for name in names if whole else [trial.setup.model, BENCHMARK]:
                setup = replace(trial.setup, model=name, chosen=trial.setup.chosen if name == trial.setup.model else {})
                yield Job(int(replication), months, setup, seen, informed if whole else None)


def _described(key: Key, rows: pd.DataFrame) -> pd.DataFrame:
    replication, model, train = key
    return rows.assign(replication=replication, model=model, train=train)


def _scored(table: pd.DataFrame, levels: Sequence[int]) -> pd.DataFrame:
    middle = table[[f"lo-{MIDDLE}", f"hi-{MIDDLE}"]].mean(axis=1).to_numpy(float)
    limits = np.array([[table[f"{side}-{level}"].to_numpy(float) for side in ("lo", "hi")] for level in levels])
    table["wis"] = scores.wis(table["y"].to_numpy(float), middle, limits, levels)
    named = [f"{side}-{level}" for level in levels for side in ("lo", "hi")]
    head = ["unique_id", "replication", "model", "train", "step", "ds", "y", "mean"]
    return table[[*head, *named, "wis", "scale"]]
