"""Forecasts of a run judged by the run: what `tobsim forecast source=RUN truth=true` adds to a folder of forecasts.

Three questions, each with tables of its own (``analysis.evaluate``): how good the forecasts of every replication were
when the rest of it came; what they miss when the policy changes on a date that the past does not show, and what
knowing the date saves; and how much of their error is chance, how much is what nobody knows of the market, and how
much the choice of the model. The last two simulate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.comparisons.pairs import metrics_of, run_quietly
from scenarios.errors import InputError, shown
from scenarios.forecasts.books import Books, knows
from scenarios.forecasts.twins import Happening, influences, last_happening
from scenarios.forecasts.worlds import REPLICATIONS, draw_worlds, run_world, unknowns
from scenarios.runs.claim import SOURCE, read_config
from scenarios.runs.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    import pandas as pd

    from analysis.evaluate.truth import Trial
    from analysis.forecast.run import Mapper, Setup
    from scenarios.studies.study import Study

AFTER = 6
"""Months after a change from which its effect is learned, where the history holds no earlier one of its kind."""

TWIN, CHANGED, WORLDS = "twin", "changed", "worlds"
"""Folders of what is simulated beside the run."""

GIVEN = "given"
"""Prefix of the names of changes that are not the run's own."""

Frames = dict[str, "pd.DataFrame"]


def truth_of(folder: Path, settings: Mapping[str, Any], out: Path, mapper: Mapper = map) -> Frames:
    """Judge the forecasts of a run by the run itself.

    Parameters
    ----------
    folder : Path
        A run folder with a finished run.
    settings : mapping
        The group ``forecast`` of the configuration.
    out : Path
        Folder in which ``twin``, ``changed`` and ``worlds`` get run folders of their own, where they are needed; what
        is there already is not simulated again.
    mapper : callable
        Spreads the work: ``mapper(function, items)`` yields the results in order.

    Returns
    -------
    dict of pandas.DataFrame
        By file name without ending: truth, truth_coverage, truth_skill, truth_history, truth_best, truth_failures;
        truth_blind and truth_effect where a change is dated; truth_split where worlds are asked for; and truth_notes:
        part, note: how each was made, or why it was not.

    Raises
    ------
    InputError
        If it is no run folder, its run is not finished, has too few months, or its study cannot be built any more.
    """
    import pandas as pd

    manifest = read_manifest(folder)
    if not manifest.replications:
        raise InputError([f"{folder}: has nothing to judge by, got a run that is {manifest.status}; finish it"])
    setup = setup_of(settings)
    series = histories(metrics_of(folder, max(manifest.done) + 1))
    books = Books(folder, settings) if setup.structure and knows(folder) else None
    frames, notes = _judged(series, trial_of(settings, setup, series), books, mapper)
    blind, told = blind_spot(folder, settings, out, mapper)
    parts, drawn = sources(folder, settings, out, mapper)
    rows = [("truth", notes), ("blind", told), ("split", drawn)]
    return frames | blind | parts | {"truth_notes": pd.DataFrame(rows, columns=["part", "note"])}


def setup_of(settings: Mapping[str, Any]) -> Setup:
    """What the settings ask of a forecast; a model that would be chosen by backtest is the default one here."""
    from analysis.forecast.registry import DEFAULT, FORECASTERS
    from analysis.forecast.run import Setup

    model = settings["model"] if settings["model"] in FORECASTERS else DEFAULT
    return Setup(
        settings["horizon"], tuple(settings["levels"]), model, paths=settings["paths"], structure=settings["structure"]
    )  # fmt: skip


def histories(metrics: pd.DataFrame) -> pd.DataFrame:
    """Monthly series of all replications: unique_id (the metric), replication, ds, y, floor."""
    from analysis.series import SEPARATOR, monthly_series

    several = int(metrics["replication"].max()) + 1
    series = monthly_series(metrics, max(several, 2))
    parts = series["unique_id"].str.split(SEPARATOR, n=1)
    return series.assign(unique_id=parts.str[0], replication=parts.str[1].astype(int))


def trial_of(settings: Mapping[str, Any], setup: Setup, series: pd.DataFrame) -> Trial:
    """How the settings want forecasters to be tried on a run.

    Raises
    ------
    InputError
        If the run is not longer than the horizon.
    """
    from analysis.evaluate.truth import Trial
    from analysis.forecast.registry import FORECASTERS

    months = series["ds"].nunique()
    if months <= setup.horizon:
        reason = f"must be less than the months of the run, got {setup.horizon} of {months}; a longer horizon.days"
        raise InputError([f"forecast.horizon: {reason}"])
    wanted = settings["truth"]["models"] or settings["models"]
    models = tuple(name for name in wanted if name in FORECASTERS)
    return Trial(setup, models, train=tuple(settings["truth"]["train"]))


def _judged(series: pd.DataFrame, trial: Trial, books: Books | None, mapper: Mapper) -> tuple[Frames, str]:
    from analysis.evaluate.truth import judge

    known, ahead = trial.window(series)
    note = (
        f"{series['replication'].nunique()} replications, fitted on the {len(known)} months up to "
        f"{known[-1]:%Y-%m-%d}, scored on the {len(ahead)} after; judged: {trial.setup.model}; "
        f"renewals and open deals {'known to those from the whole history alone' if books else 'not known'}"
    )
    return judge(series, trial, mapper, books), note


# The blind spot


def blind_spot(folder: Path, settings: Mapping[str, Any], out: Path, mapper: Mapper = map) -> tuple[Frames, str]:
    """Forecasts of before a dated change against the worlds with and without it; no frames, and why, without one."""
    from analysis.evaluate.blind import Worlds, blind

    manifest = read_manifest(folder)
    own = stored(folder, manifest, settings)
    study = _with_changes(own, _given(own, settings))
    happening = _judged_date(study)
    if happening is None:
        return {}, "no dated change of policy within the horizon: forecast.truth.change gives one"
    twin = _with_changes(own, happening.undone(study.source["policy"]["changes"]))
    total = max(manifest.done) + 1
    changed, unchanged = (
        folder if each.digest == own.digest else _beside(each, out / name, total)
        for each, name in ((study, CHANGED), (twin, TWIN))
    )
    worlds = Worlds(histories(metrics_of(changed, total)), histories(metrics_of(unchanged, total)))
    before, aware, how = _trials(study, happening, setup_of(settings), worlds.changed)
    names = ", ".join((*happening.begins, *happening.ends))
    return blind(worlds, before, aware, mapper), f"{names} on {happening.at}; renewals and open deals not known; {how}"


def stored(folder: Path, manifest: Manifest, settings: Mapping[str, Any]) -> Study:
    """The study of a run folder, quiet, with the settings of this forecast.

    Raises
    ------
    InputError
        If it cannot be built, or is not the study that was run.
    """
    from scenarios.studies.study import restore

    source = read_config(folder, SOURCE)
    source |= {"forecast": dict(settings), "precision": None, "out": None, "tables": None, "progress": False}
    study = restore(source, manifest.overrides)
    if study.digest != manifest.study_digest:
        was = f"got digest {study.digest}, there {manifest.study_digest}"
        raise InputError([f"{folder}: is not the study that was run, {was}; its own input files and configuration"])
    return study


def _given(study: Study, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Dated changes of the run, and the one that the settings give."""
    given = settings["truth"].get("change") or {}
    changes = dict(study.source["policy"].get("changes") or {})
    return changes | {f"{GIVEN}_{name}": dict(change) for name, change in given.items()}


def _with_changes(study: Study, changes: Mapping[str, Any]) -> Study:
    """The study under other dated changes; itself, where they are its own."""
    from scenarios.studies.study import restore

    if dict(changes) == dict(study.source["policy"].get("changes") or {}):
        return study
    policy = study.source["policy"] | {"changes": dict(changes)}
    return restore(study.source | {"policy": policy}, study.overrides)


def _judged_date(study: Study) -> Happening | None:
    start = date.fromisoformat(str(study.config["horizon"]["start"]))
    end = start + timedelta(days=int(study.config["horizon"]["days"]))
    return last_happening(study.config["policy"].get("changes", {}), start + timedelta(days=31), end)


def _beside(study: Study, folder: Path, total: int) -> Path:
    """Run a study with the same random numbers as the run that is judged; its folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if failures := run_quietly(study, folder, total, tables=()):
        raise InputError(
            [f"{folder}: a replication failed, got {shown(failures[0]['message'])}; a run without failures"]
        )
    return folder


def _trials(study: Study, happening: Happening, setup: Setup, series: pd.DataFrame) -> tuple[Trial, Trial | None, str]:
    """Trials before the date and with the date known, and how the effect is learned."""
    import pandas as pd

    from analysis.evaluate.truth import Trial
    from analysis.forecast.registry import FORECASTERS

    months = pd.DatetimeIndex(sorted(series["ds"].unique()))
    last = int((months < pd.Timestamp(happening.at)).sum()) - 1
    before = Trial(setup, cutoff=months[last])
    if not FORECASTERS[setup.model].regressors:
        return before, None, f"{setup.model} takes no regressors: what is recovered is not shown"
    ahead = pd.date_range(months[-1], periods=setup.horizon + 1, freq="ME")[1:]
    table = influences(study, happening, months.append(ahead))
    learned = _varies(table, last)
    place = last if learned else last + AFTER
    if place >= len(months) - 1:
        return before, None, f"under {AFTER + 1} months after the date: what is recovered is not shown"
    if not _varies(table, place):
        return before, None, f"the keys do not move up to {months[place]:%Y-%m-%d}: their effect cannot be learned"
    aware = Trial(replace(setup, regressors=table), cutoff=months[place])
    how = "an earlier change of the same keys" if learned else f"{AFTER} months after the date"
    return before, aware, f"the regressor's effect is learned from {how}"


def _varies(table: pd.DataFrame, place: int) -> bool:
    """Whether every key has moved by the month at a place: from what never moved nothing can be learned."""
    return bool((np.ptp(table.to_numpy()[: place + 1], axis=0) > 0).all())


# Sources of uncertainty


def sources(folder: Path, settings: Mapping[str, Any], out: Path, mapper: Mapper = map) -> tuple[Frames, str]:
    """The errors of forecasts of many worlds, split into demand noise, parameters and model; or why they are not."""
    from analysis.evaluate.split import split

    number = int(settings["truth"].get("worlds", 0))
    if not number:
        return {}, "not done, as it simulates: forecast.truth.worlds=64 draws 64 worlds from the ranges of the inputs"
    study = stored(folder, read_manifest(folder), settings)
    found = unknowns(_inputs(folder), study.source, study.config)
    if not found:
        return {}, "no assumed input of market, business or effects has a range to draw from"
    (out / WORLDS).mkdir(parents=True, exist_ok=True)
    worlds, refused = draw_worlds(study, found, number, out / WORLDS, np.random.default_rng(20261122))
    series = histories(_together(list(mapper(run_world, worlds))))
    note = f"{number} worlds of {REPLICATIONS} replications, {len(found)} inputs drawn, {refused} draws refused"
    return {"truth_split": split(world_errors(series, settings, mapper))}, note


def world_errors(series: pd.DataFrame, settings: Mapping[str, Any], mapper: Mapper) -> pd.DataFrame:
    """Errors of the members of the judged model: metric, step, world, replication, model, error."""
    from analysis.evaluate.truth import truth_table

    setup = setup_of(settings)
    names = members(setup.model)
    trial = replace(trial_of(settings, replace(setup, model=names[0]), series), models=names[1:], train=())
    table, _ = truth_table(series, trial, mapper)
    table = table[table["model"].isin(names)]
    world, replication = np.divmod(table["replication"].to_numpy(int), REPLICATIONS)
    errors = table.assign(metric=table["unique_id"], error=table["y"] - table["mean"], world=world)
    return errors.assign(replication=replication)[["metric", "step", "world", "replication", "model", "error"]]


def members(model: str) -> tuple[str, ...]:
    """Names of the forecasters that a model combines; of any other, of those that the default one does."""
    from analysis.forecast.registry import DEFAULT, FORECASTERS

    for name in (model, DEFAULT):
        found = tuple(member.name for member in getattr(FORECASTERS[name], "members", ()))
        if len(found) > 1 and set(found) <= FORECASTERS.keys():
            return found
    raise ValueError(f"neither {model} nor {DEFAULT} combines several registered forecasters")


def _together(metrics: list[pd.DataFrame]) -> pd.DataFrame:
    """Metrics of all worlds, the replications numbered through: a metric that one world lacks is zero there."""
    import pandas as pd

    numbered = [
        frame.assign(replication=frame["replication"] + world * REPLICATIONS) for world, frame in enumerate(metrics)
    ]
    return pd.concat(numbered, ignore_index=True)


def _inputs(folder: Path) -> list[dict[str, str]]:
    """Rows of ``inputs.csv``."""
    import csv

    with (folder / "inputs.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
