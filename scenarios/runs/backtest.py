"""A run that started from a past held against the months that came: what is scored, and where it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import InputError, shown
from scenarios.runs.actual import Actual, read_actual
from scenarios.runs.claim import Owner, held, read_config, unwritable
from scenarios.runs.manifest import NAME, read_manifest
from scenarios.runs.result import Result
from scenarios.runs.source import own_study, place_of

if TYPE_CHECKING:
    import pandas as pd

TABLE, COURSE, PAGE = "backtest", "backtest_months", "backtest.html"
"""Tables (CSV and Parquet) and the page that are put into the run folder."""

SCORED, ABSENT, NOWHERE = "scored", "not measured in this run", "known in fewer than two replications"
"""What became of a figure, beside the states of targets."""

KEYS: tuple[str, ...] = ("metric", "dim", "level", "unit", "status")
COUNTS: tuple[str, ...] = ("n", "held_80", "held_95", "history")


@dataclass(frozen=True, eq=False)
class Backtest:
    """What a back-test found.

    Attributes
    ----------
    path : Path
        The run folder.
    table : pandas.DataFrame
        A row for every metric and span of months ahead, then what could not be scored, with the reason as ``status``.
    months : pandas.DataFrame
        What was simulated beside what came, by metric and month.
    file : str
        What came.
    language : str
        Of the page.
    warnings : list of str
    failures : list of dict
        Replications that failed.
    """

    path: Path
    table: pd.DataFrame
    months: pd.DataFrame
    file: str
    language: str
    warnings: list[str]
    failures: list[dict[str, Any]]


def backtest(
    source: str | Path, overrides: Sequence[str] = (), actual: Mapping[str, Any] | None = None, *, command: str = ""
) -> Backtest:
    """Simulate from a past on and hold it against what came.

    Parameters
    ----------
    source : str or Path
        A study folder of the user's own (business, opening and so on as ``tobsim init`` lays them out), or a run
        folder.
    overrides : sequence of str, optional
        As for a run; none for a run folder.
    actual : mapping, optional
        The file of the months that came: ``path`` and how it is written, as the key ``plan`` of the configuration.
        ``actual.csv`` in the source without a path.
    command : str, optional
        What the manifest names as the command of the run.

    Raises
    ------
    InputError
        If the source starts from no past, or the file holds no month of the horizon; nothing was run or written.
    """
    place = place_of(source)
    given = {key: value for key, value in (actual or {}).items() if value is not None}
    settings = {"path": str(place / "actual.csv"), **given}
    if (place / NAME).exists():
        result, came = _stored(place, overrides, settings)
    else:
        from scenarios.runs.run import run

        study = own_study(place, overrides)
        came = read_actual(settings, study.config)
        result = run(study, command=command)
    return _kept(result, came)


def _stored(place: Path, overrides: Sequence[str], settings: Mapping[str, Any]) -> tuple[Result, Actual]:
    """A run folder as it is."""
    if overrides:
        right = "the study folder as source, or no settings"
        raise InputError([f"arguments: are of no use for a run that is done, got {shown(overrides[0])}; {right}"])
    manifest = read_manifest(place)
    if manifest.verb != "run" or not manifest.replications:
        got = f"a run that is {manifest.status}" if manifest.verb == "run" else f"a folder of tobsim {manifest.verb}"
        raise InputError([f"source: has nothing to score, got {got} in {place}; a complete run"])
    config = read_config(place)
    if not (config.get("market") or {}).get("opening"):
        right = "a run with an opening (docs/opening.md)"
        raise InputError([f"source: starts from an empty company, got {place} without market.opening; {right}"])
    return Result([place]), read_actual(settings, config)


def _kept(result: Result, came: Actual) -> Backtest:
    """Score, and put tables and page into the run folder."""
    from analysis.report.backtest import build_backtest

    path, manifest = result.path, result.manifest
    language = str(read_config(path)["report"]["language"])
    if not manifest.replications:
        raise InputError(
            [f"source: has nothing to score, got no replication that finished in {path}; see the failures"]
        )
    table, course = frames(result.metrics, came)
    with held(path, Owner("run", "study", "study_digest", manifest.study_digest)):
        try:
            _write(path, TABLE, table)
            _write(path, COURSE, course)
            build_backtest(path, Path(came.path).name, language)
        except OSError as error:
            raise unwritable(path, error) from None
    return Backtest(path, table, course, came.path, language, manifest.warnings, result.failures)


def _write(path: Path, name: str, frame: pd.DataFrame) -> None:
    from scenarios.runs.derive import arrow, write_frame, write_parquet

    write_parquet(path / f"{name}.parquet", arrow(frame))
    dated = frame.assign(ds=frame["ds"].dt.strftime("%Y-%m")) if "ds" in frame else frame
    write_frame(path / f"{name}.csv", dated)


def frames(metrics: pd.DataFrame, came: Actual) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores by metric and span, and months by metric; see ``analysis.evaluate.actuals`` for their columns.

    Parameters
    ----------
    metrics : pandas.DataFrame
        The metrics table of a run.
    came : Actual
        What came, and what was before.
    """
    from analysis.attainment.figures import Figures

    figures = Figures(metrics, {metric for metric, _, _ in came.months})
    rows: list[dict[str, Any]] = []
    courses: list[pd.DataFrame] = []
    for key in came.months:
        found, course = _metric(figures, came, key)
        rows += found
        courses += course
    rows += [_told(figures, key, reason) | {"n": 0, "horizon": "all", "note": note} for key, reason, note in came.left]
    return _tables(rows, courses)


def _metric(figures: Any, came: Actual, key: tuple[str, str, str]) -> tuple[list[dict[str, Any]], list[pd.DataFrame]]:
    """Rows of one metric; a single one with the reason where there is nothing to score."""
    from analysis.evaluate.actuals import months, rival, scored

    simulated = came.dated(figures.months(*key))
    if not figures.has(*key):
        return [_told(figures, key, ABSENT) | {"n": 0, "horizon": "all"}], []
    against = rival(came.before(key), came.months[key].index.max())
    course = months(simulated, came.months[key], against)
    if course["wis"].isna().all():
        return [_told(figures, key, NOWHERE) | {"n": 0, "horizon": "all"}], []
    told = _told(figures, key, SCORED)
    names = {name: told[name] for name in ("metric", "dim", "level", "unit")}
    return [told | row for row in scored(course, against)], [course.assign(**names)]


def _told(figures: Any, key: tuple[str, str, str], status: str) -> dict[str, Any]:
    metric, dim, level = key
    unit = figures.units.get(metric)
    return {"metric": metric, "dim": dim or None, "level": level or None, "unit": unit, "status": status}


def _tables(rows: Iterable[dict[str, Any]], courses: list[pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    import pandas as pd

    from analysis.evaluate.actuals import MONTHS, SCORES

    texts = dict.fromkeys((*KEYS, "horizon", "rival", "note"), "object")
    columns = [*KEYS, *SCORES]
    table = pd.DataFrame(rows, columns=columns).astype({
        name: texts.get(name, "Int64" if name in COUNTS else "float64") for name in columns
    })  # fmt: skip
    names = [*KEYS[:4], *MONTHS]
    course = pd.concat(courses, ignore_index=True)[names] if courses else pd.DataFrame(columns=names)
    typed = {name: "datetime64[us]" if name == "ds" else "Int64" if name in ("step", "replications") else "float64"
             for name in MONTHS}  # fmt: skip
    return table, course.astype(typed | dict.fromkeys(KEYS[:4], "object"))
