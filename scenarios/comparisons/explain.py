"""Why accounts decided otherwise: what two configurations say of their ways, and the terms of single decisions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from scenarios.runs.execute import spread

if TYPE_CHECKING:
    import pandas as pd

    from analysis.compare.paths import Course
    from scenarios.runs.pool import Pool
    from scenarios.studies.study import Study
    from sim.spec import StudySpec, Timeline

Watched = Mapping[int, Collection[tuple[int, str]]]
"""By replication the accounts and decisions whose terms are asked for."""


def explain(study: Study, watched: Watched, workers: int | Pool = 1) -> pd.DataFrame:
    """Terms of decisions, of the replications that have any; these are simulated again.

    Parameters
    ----------
    study : Study
        The one whose run is to be explained.
    watched : mapping
        Replication to pairs of account and decision, as ``analysis.compare.flips.watched`` gives them.
    workers : int or Pool
        Processes, 1 simulates in this one; or where it is done.

    Returns
    -------
    DataFrame
        Columns as ``sim.explain.explain`` gives them, replications ascending; without rows if nothing is watched.
    """
    import pandas as pd

    wanted = {number: tuple(sorted(pairs)) for number, pairs in sorted(watched.items()) if pairs}
    frames = list(spread(partial(_terms, study.timeline, study.seed), wanted.items(), workers))
    return pd.concat(frames or [_frame(study.timeline, study.seed, 0, ())], ignore_index=True)


def _terms(timeline: Timeline, seed: int, item: tuple[int, Collection[tuple[int, str]]]) -> pd.DataFrame:
    return _frame(timeline, seed, *item)


def _frame(timeline: Timeline, seed: int, replication: int, watched: Collection[tuple[int, str]]) -> pd.DataFrame:
    """Terms of one replication, names as categories."""
    import pandas as pd

    from sim import explain as sim_explain
    from sim.recorder import Coded

    if not watched:
        table = sim_explain.Watch(()).table(replication)
    else:
        table = sim_explain.explain(timeline, seed, replication, watched)
    columns = {
        name: pd.Categorical.from_codes(column.codes, list(column.names)).astype(object)
        if isinstance(column, Coded)
        else column
        for name, column in table.items()
    }
    return pd.DataFrame(columns)


def course(base: Study, plan: Study) -> Course:
    """What two studies say of the ways of accounts, for ``analysis.compare.flips``.

    Dated changes count: what holds on any day of one study and not of the other differs. Another working calendar
    changes the pace of every stop.
    """
    from analysis.compare.paths import Course

    both = [*_specs(base.timeline), *_specs(plan.timeline)]
    return Course(
        route=frozenset(name for spec in both for name in _of_route(spec)),
        monthly=frozenset(name for spec in both for name in _monthly(spec)),
        paced=_differing(base.timeline, plan.timeline, _paces),
        set_signals=_differing(base.timeline, plan.timeline, _settings),
        by_channel=any(getattr(s, "by", "") == "channel" for spec in both for s in spec.business.route.values()),
    )


def _specs(timeline: Timeline) -> list[StudySpec]:
    return [timeline.spec, *(dated.spec for dated in timeline.later)]


def _of_route(spec: StudySpec) -> Iterator[str]:
    """Decisions that stops of the account's own journey ask; an offer of a further product leads nowhere else."""
    from sim.journey.route import side_ways

    aside = side_ways(spec.business)
    for stop in (stop for name, stop in spec.business.route.items() if name not in aside):
        for key in ("decision", "leave"):
            name = getattr(stop, key, None)
            if name is not None:
                yield name


def _monthly(spec: StudySpec) -> Iterator[str]:
    """Decisions of which only yes is logged: to leave, to add units, to want a further product."""
    for item in (*spec.business.route.values(), *spec.business.revenue.values()):
        for key in ("leave", "expand", "interest"):
            name = getattr(item, key, None)
            if name:
                yield name


def _paces(spec: StudySpec) -> dict[str, Any]:
    """By stop all that makes its duration."""
    found = {}
    for name, stop in spec.business.route.items():
        own = [getattr(stop, key, None) for key in _PACE]
        effects = [spec.effects.get(f"{name}_{unit}") for unit in ("days", "hours")]
        found[name] = (own, effects, spec.policy.calendar)
    return found


_PACE = ("kind", "enabled", "delay_days", "working", "work_hours", "term_months", "cooling_days", "tries")


def _settings(spec: StudySpec) -> dict[str, Any]:
    """By signal the settings that move it, of signals that move by themselves as well."""
    qualities = {name: channel.quality for name, channel in spec.market.channels.items()}
    return {
        "use": spec.business.usage,
        "earning": [getattr(part, key, None) for part in spec.business.revenue.values() for key in _EARNING],
        "buying_season": spec.market.buying,
        "channel_quality": qualities,
    }


_EARNING = ("gmv_month", "customer_sales_month", "use_month", "lift", "noise")


def _differing(base: Timeline, plan: Timeline, read: Callable[[StudySpec], dict[str, Any]]) -> frozenset[str]:
    """Names whose value differs between two studies at their start or after any dated change."""
    days = sorted({0.0, *(dated.day for timeline in (base, plan) for dated in timeline.later)})
    found: set[str] = set()
    for day in days:
        a, b = (read(_at(timeline, day)) for timeline in (base, plan))
        found |= {name for name in a.keys() | b.keys() if a.get(name) != b.get(name)}
    return frozenset(found)


def _at(timeline: Timeline, day: float) -> StudySpec:
    """The specification that holds on a day."""
    return [timeline.spec, *(dated.spec for dated in timeline.later if dated.day <= day)][-1]
