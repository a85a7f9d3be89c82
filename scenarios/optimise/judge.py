"""What the outcomes of plans say: objectives, limits, which plans are best, and which cannot be told from those."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.optimise.front import apart, pareto, ruled_out, spread_out
from analysis.optimise.measure import LEVEL, MEAN, Estimate, Kept, estimated, kept, units
from scenarios.optimise.problem import Condition, Problem
from scenarios.optimise.trials import Tried

DONE, FAILED, UNDEFINED = "done", "failed", "undefined"
"""A plan without an objective has no value in some replication: no customer, so no cost of one."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A plan with what its outcomes say.

    Attributes
    ----------
    number : int or None
        Of the trial; None for the plan as it stands.
    plan : dict
        Values by key.
    chosen : dict
        Values that were chosen; the others follow from them.
    estimates : tuple of Estimate
        Of the objectives.
    kept : tuple of Kept
        Of the limits.
    status : str
        Of ``DONE``, ``FAILED`` and ``UNDEFINED``.
    """

    number: int | None
    plan: Mapping[str, Any]
    chosen: Mapping[str, Any]
    tried: Tried
    estimates: tuple[Estimate, ...] = ()
    kept: tuple[Kept, ...] = ()
    status: str = FAILED
    batch: int | None = None

    @property
    def feasible(self) -> bool:
        """Whether it has all its objectives and keeps all limits."""
        return self.status == DONE and all(each.holds for each in self.kept)


@dataclass(frozen=True)
class Place:
    """Which trial a plan is, and in which batch it was tried; None for the plan as it stands."""

    number: int | None
    batch: int | None = None


def judged(
    problem: Problem, place: Place, chosen: Mapping[str, Any], tried: Tried, level: float = LEVEL
) -> Judged:  # fmt: skip
    """A plan by its outcomes, with intervals of this confidence."""
    plan = problem.plan(chosen) if chosen else {key: _now(problem, key) for key in problem.columns}
    if not tried.outcomes:
        return Judged(place.number, plan, chosen, tried, batch=place.batch)
    estimates = tuple(estimated(tried.outcomes[each.quantity], each.goal, level) for each in problem.objectives)
    limits = tuple(kept(tried.outcomes[each.quantity], each.limit, level) for each in problem.conditions)
    status = UNDEFINED if any(math.isnan(each.value) for each in estimates) else DONE
    return Judged(place.number, plan, chosen, tried, estimates, limits, status, place.batch)


def _now(problem: Problem, key: str) -> Any:
    from scenarios.studies.resolve import follow

    return follow(problem.study.config, tuple(key.split(".")))


def scales(problem: Problem, now: Judged) -> tuple[float, ...]:
    """What a miss of each limit is measured by: the size of its bound, or of the figure of the plan as it stands.

    So a miss of money and one of days weigh alike when their sum tells one plan from another.
    """
    return tuple(_scale(each, now.tried.outcomes) for each in problem.conditions)


def _scale(condition: Condition, outcomes: Mapping[Any, np.ndarray]) -> float:
    values = outcomes.get(condition.quantity, np.empty(0))
    defined = values[~np.isnan(values)]
    size = float(np.abs(defined).mean()) if defined.size else 0.0
    return max(abs(condition.limit.bound), size) or 1.0


def excesses(problem: Problem, found: Judged, scale: Sequence[float]) -> dict[str, float]:
    """How far a plan misses each limit, in its scale; 0 or less where it keeps it."""
    return {
        f"{number} {condition.text}": each.excess / size
        for number, (condition, each, size) in enumerate(zip(problem.conditions, found.kept, scale, strict=True))
    }


def best(problem: Problem, plans: Sequence[Judged]) -> tuple[np.ndarray, np.ndarray]:
    """Which plans no other one beats, and which cannot be told from them.

    Parameters
    ----------
    plans : sequence of Judged
        All of them done.

    Returns
    -------
    tuple of bool array, shape (plans,)
        ``best`` and ``near``; every plan that is best is near too.
    """
    if not plans:
        return np.zeros(0, bool), np.zeros(0, bool)
    front = pareto(means(problem, plans))
    return front, front | ~_told_apart(problem, plans)


def means(problem: Problem, plans: Sequence[Judged]) -> np.ndarray:
    """Objectives of plans, shape (plans, objectives), more is better."""
    found: np.ndarray = np.array([[each.value for each in plan.estimates] for plan in plans]) * _signs(problem)
    return found


def _signs(problem: Problem) -> np.ndarray:
    return np.array([1.0 if each.goal.largest else -1.0 for each in problem.objectives])


def _told_apart(problem: Problem, plans: Sequence[Judged]) -> np.ndarray:
    if problem.objectives[0].goal.measure == MEAN:
        samples = [[units(plan.tried.outcomes[each.quantity]) for each in problem.objectives] for plan in plans]
        oriented: np.ndarray = np.array(samples).transpose(0, 2, 1) * _signs(problem)
        return ruled_out(oriented)
    signs = _signs(problem)
    bounds = [np.array([[getattr(each, end) for each in plan.estimates] for plan in plans]) * signs
              for end in ("low", "high")]  # fmt: skip
    return apart(np.fmin(*_whole(bounds)), np.fmax(*_whole(bounds)))


def _whole(bounds: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Bounds of intervals, both unknown where one is."""
    unknown = np.isnan(bounds[0]) | np.isnan(bounds[1])
    return [np.where(unknown, np.nan, each) for each in bounds]


def finalists(problem: Problem, trials: Sequence[Judged], scale: Sequence[float], number: int) -> list[Judged]:
    """The plans that are simulated again: the best means, or of several objectives plans all along the front.

    Where no plan keeps the limits, those that miss them least.
    """
    once = list({each.tried.digest: each for each in reversed(trials) if each.status == DONE}.values())[::-1]
    good = [each for each in once if each.feasible]
    if not good:
        return sorted(once, key=lambda each: _missed(problem, each, scale))[:number]
    values = means(problem, good)
    if len(problem.objectives) == 1:
        return [good[i] for i in np.argsort(-values[:, 0], kind="stable")[:number]]
    front = np.flatnonzero(pareto(values))
    return [good[i] for i in front[spread_out(values[front], number)]]


def _missed(problem: Problem, found: Judged, scale: Sequence[float]) -> float:
    return math.fsum(max(each, 0.0) for each in excesses(problem, found, scale).values())
