"""The steps of a forecast between its series and its files: backtest, choice, forecast, sums, targets, calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown, suggest
from scenarios.forecasts.influences import influences
from scenarios.forecasts.planned import with_plan
from scenarios.forecasts.source import FILE, Source
from scenarios.studies.forecast_checks import BEST

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from analysis.forecast.hierarchy import Hierarchy
    from analysis.forecast.results import Forecasts
    from analysis.forecast.run import Mapper, Setup
    from analysis.forecast.targets import Target

Frames = dict[str, "pd.DataFrame"]
Stage = Callable[[str, int], None]
"""Is told what is done now, and to how many."""

NONE = "none"
MANY, QUICK = 1000, ("fast", "seasonal_naive", "theta", "ses", "holt", "damped", "trio")
"""With more series than these the command says that there are quicker models, and what those are."""

CHOSEN_BY = "wis"
"""Score by which models are chosen."""


@dataclass
class Found:
    """What came of a forecast: frames by file name without ending, warnings, and series that failed."""

    frames: Frames = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def forecast_steps(source: Source, settings: Mapping[str, Any], mapper: Mapper, stage: Stage) -> Found:
    """Backtest, choose, forecast, reconcile, and read targets off the paths.

    Parameters
    ----------
    source : Source
    settings : mapping
        The group ``forecast`` of the configuration.
    mapper : callable
        Spreads work over processes; yields results in order.
    stage : callable
        Is told what is done now, and to how many series.

    Raises
    ------
    InputError
        If no series could be forecast, or a setting does not fit the series.
    """
    found = Found(warnings=list(source.warnings))
    asked = asked_targets(settings, source.series)
    regressors = with_plan(influences(source.series, settings), source, settings)
    if settings.get("plan") and regressors is None:
        found.warnings.append("forecast.plan: does nothing, the run has no dated changes")
    count = int(source.series["unique_id"].nunique())
    if count > MANY and settings["model"] not in QUICK:
        found.warnings.append(f"{count} series: forecast=fast takes a fraction of the time of {settings['model']}")
    chosen: dict[str, str] = {}
    if settings["origins"]:
        stage("backtest", count)
        table = backtested(source.series, settings, regressors, mapper)
        if settings["model"] == BEST:
            chosen, found.frames["choice"] = choice(table, settings)
            table = with_choice(table, chosen)
        stage("stocks", int(table["cutoff"].nunique()))
        found.frames |= judged(with_stocks(table, source.series, _setup(settings, regressors, chosen), mapper))
    setup = replace(_setup(settings, regressors, chosen), kept=_wanted(source, asked))
    stage("forecast", count)
    forecasts = _forecast(source, settings, setup, mapper)
    forecasts = _summed(forecasts, source, settings, found)
    found.frames |= {"forecast": forecasts.table, "series": source.series[["unique_id", "ds", "y"]]}
    if asked:
        found.frames["targets"] = targets(forecasts, asked)
    if source.hierarchies:
        found.frames["hierarchy"] = hierarchy_table(source.hierarchies)
    if source.rejects is not None and len(source.rejects):
        found.frames["rejects"] = source.rejects
    failures = failures_of(forecasts, source)
    if len(failures):
        found.frames["failures"] = failures
    return found


# Backtest


def backtested(
    series: pd.DataFrame, settings: Mapping[str, Any], regressors: pd.DataFrame | None, mapper: Mapper
) -> pd.DataFrame:
    """Scores of the models from rolling origins."""
    from analysis.evaluate.backtest import backtest
    from analysis.evaluate.origins import Design

    asked = [settings["model"]] if settings["model"] != BEST else []
    return backtest(
        series,
        list(dict.fromkeys([*asked, *settings["models"]])),
        Design(settings["horizon"], settings["origins"], tuple(settings["levels"])),
        regressors=regressors,
        frequency=settings["frequency"],
        mapper=mapper,
    )


def judged(table: pd.DataFrame) -> Frames:
    """The backtest, its summary, and how well calibrated its intervals were, by step and over all."""
    from analysis.evaluate.backtest import calibration, summary

    plain = table.drop(columns=[name for name in table.columns if str(name).startswith("inside-")])
    return {"backtest": plain, "summary": summary(plain), "calibration": calibration(table)}


def choice(table: pd.DataFrame, settings: Mapping[str, Any]) -> tuple[dict[str, str], pd.DataFrame]:
    """The model of each series, and by what it was chosen."""
    import pandas as pd

    from analysis.evaluate.backtest import best
    from analysis.forecast.registry import DEFAULT

    wanted = table[table["model"].isin(settings["models"])]
    found = best(wanted, CHOSEN_BY)
    rows = []
    for name in table["unique_id"].unique():
        by = (
            f"lowest {CHOSEN_BY} at the origins before the last"
            if name in found
            else "too short for an origin: default"
        )
        rows.append((name, found.get(name, DEFAULT), by))
    return {name: model for name, model, _ in rows}, pd.DataFrame(rows, columns=["unique_id", "model", "by"])


def with_choice(table: pd.DataFrame, chosen: Mapping[str, str]) -> pd.DataFrame:
    """A backtest with the chosen model of each series as a model of its own, at the last origin: no choice saw it."""
    import pandas as pd

    last = table["cutoff"] == table.groupby("unique_id")["cutoff"].transform("max")
    own = table[last & (table["model"] == table["unique_id"].map(chosen))]
    return pd.concat([own.assign(model=BEST), table], ignore_index=True)


def with_stocks(table: pd.DataFrame, series: pd.DataFrame, setup: Setup, mapper: Mapper) -> pd.DataFrame:
    """A backtest with stocks as they are forecast in use, as the model ``flows``."""
    import pandas as pd

    from analysis.evaluate.stocks import stocks_backtest

    found = stocks_backtest(series, table, setup, mapper)
    return pd.concat([table, found.astype(table.dtypes.to_dict())], ignore_index=True) if len(found) else table


# Forecast


def _setup(settings: Mapping[str, Any], regressors: pd.DataFrame | None, chosen: Mapping[str, str]) -> Setup:
    from analysis.forecast.registry import DEFAULT
    from analysis.forecast.run import Setup

    return Setup(
        settings["horizon"],
        tuple(settings["levels"]),
        DEFAULT if settings["model"] == BEST else settings["model"],
        dict(chosen),
        settings["paths"],
        regressors,
        settings["frequency"],
        settings["structure"],
    )


def _wanted(source: Source, asked: Sequence[Target]) -> frozenset[str]:
    """Series whose paths are used: those of sums and of targets. Of thousands, paths would fill the memory."""
    return frozenset([name for tree in source.hierarchies for name in tree.ids] + [each.series for each in asked])


def _forecast(source: Source, settings: Mapping[str, Any], setup: Setup, mapper: Mapper) -> Forecasts:
    from analysis.forecast.run import forecast_series

    known: Mapping[str, Any] = {}
    if source.kind != FILE and settings["structure"]:
        from scenarios.forecasts.runs import informed

        known = informed(source, settings)
    try:
        found = forecast_series(source.series, setup, known, mapper)
    except ValueError as error:
        raise InputError([f"forecast.model: cannot be used, got {error}; forecast.model=combination"]) from None
    if found.table.empty:
        reason = found.failures["reason"].iloc[0] if len(found.failures) else "the series has no finite value"
        raise InputError([f"source: has no series that can be forecast, got {reason}; a longer or more regular one"])
    return found


def _summed(forecasts: Forecasts, source: Source, settings: Mapping[str, Any], found: Found) -> Forecasts:
    """Forecasts of hierarchies made to add up."""
    from analysis.forecast.hierarchy import reconciled

    if settings["reconcile"] == NONE:
        return forecasts
    for tree in source.hierarchies:
        try:
            forecasts = reconciled(forecasts, tree, settings["reconcile"], _floor(source.series, tree))
        except ValueError as error:
            found.warnings.append(f"forecast.reconcile: {tree.root} does not add up with its parts: {error}")
    return forecasts


def _floor(series: pd.DataFrame, tree: Hierarchy) -> np.ndarray | None:
    """Lowest values of the leaves, -inf for none; None if no leaf has one."""
    import numpy as np

    low = series.drop_duplicates("unique_id").set_index("unique_id")["floor"].reindex(list(tree.leaves))
    return None if low.isna().all() else low.fillna(-np.inf).to_numpy(float)


def hierarchy_table(trees: tuple[Hierarchy, ...]) -> pd.DataFrame:
    """Level and parent of every series that is part of a sum; the parent of a whole is empty."""
    import pandas as pd

    rows = [row for tree in trees for row in zip(tree.ids, tree.levels, tree.parents, strict=True)]
    return pd.DataFrame(rows, columns=["unique_id", "level", "parent"])


def failures_of(forecasts: Forecasts, source: Source) -> pd.DataFrame:
    """Series that could not be forecast, and why."""
    import pandas as pd

    parts = [part for part in (source.failures, forecasts.failures) if part is not None and len(part)]
    empty = pd.DataFrame(columns=["unique_id", "model", "reason"])
    return pd.concat(parts, ignore_index=True) if parts else empty


# Targets


def asked_targets(settings: Mapping[str, Any], series: pd.DataFrame) -> list[Target]:
    """The targets of the settings.

    Raises
    ------
    InputError
        For a series that there is not.
    """
    from datetime import date

    from analysis.forecast.targets import Target

    known = [str(name) for name in series["unique_id"].unique()]
    problems, found = [], []
    for name, told in settings["targets"].items():
        if told["series"] not in known:
            reason = f"is no series of the source, got {shown(told['series'])}; {suggest(told['series'], known)}"
            problems.append(f"forecast.targets.{name}.series: {reason}")
        by = date.fromisoformat(told["by"]) if told.get("by") else None
        found.append(Target(name, told["series"], float(told["value"]), by, told.get("sense") or "at_least"))
    if problems:
        raise InputError(problems)
    return found


def targets(forecasts: Forecasts, asked: Sequence[Target]) -> pd.DataFrame:
    """Probabilities that series reach a value in any step up to a date, with their intervals over paths.

    Raises
    ------
    InputError
        For a series that could not be forecast, or a date outside the forecast.
    """
    from analysis.forecast.targets import table

    try:
        return table(forecasts, asked)
    except ValueError as error:
        right = "a date within forecast.horizon, a series that has a forecast"
        raise InputError([f"forecast.targets: cannot be judged, got {error}; {right}"]) from None
