"""Plans observed batch by batch under a budget, and the choice of one of them.

Batch r of every plan consists of the same replications, so that plans are compared pair by pair under common
random numbers.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

BATCH = 10
"""Replications in an observation."""

DECIDED, SPENT = "decided", "budget spent"
"""Why a procedure stopped."""

SAME = 1e-12
"""Differences of this share of the largest observation are noise of floating point."""

Observe = Callable[[str, int, int], np.ndarray]
"""From a plan, a first batch and a count to the means of these batches, shape (count,)."""


@dataclass(frozen=True)
class Choice:
    """A plan that was chosen, and what that is worth.

    Attributes
    ----------
    method : str
        Name of the procedure.
    guarantee : str
        What may be said of the choice, a sentence without capital and full stop.
    selected : str
        The chosen plan.
    tied : tuple of str
        Other plans that have the same mean in the batches that they share with it.
    means : dict of float
        By plan, over the batches that its comparison rests on.
    batches : dict of int
        By plan, the number of these batches.
    replications : dict of int
        By plan, replications that were asked for, those ahead of a decision included.
    eliminated_at : dict
        By plan, the number of batches at which it was left behind, None if it was not.
    stopped : str
        ``DECIDED`` or ``SPENT``.
    probability : float
        Approximate probability of a correct selection, NaN where the procedure gives none.
    """

    method: str
    guarantee: str
    selected: str
    tied: tuple[str, ...]
    means: dict[str, float]
    batches: dict[str, int]
    replications: dict[str, int]
    eliminated_at: dict[str, int | None]
    stopped: str
    probability: float = math.nan


def batch_means(values: np.ndarray) -> np.ndarray:
    """Means of successive batches of replications, over the values that are defined.

    Parameters
    ----------
    values : float array, shape (batches * BATCH,)
        A metric by replication, NaN where undefined.

    Returns
    -------
    float array, shape (batches,)
        NaN where no replication of a batch defines the metric.

    Raises
    ------
    ValueError
        If the last batch is incomplete.
    """
    x = np.asarray(values, float)
    if x.size % BATCH:
        raise ValueError(f"{x.size} replications do not make batches of {BATCH}")
    rows = x.reshape(-1, BATCH)
    defined = (~np.isnan(rows)).sum(axis=1)
    return np.where(defined > 0, np.nansum(rows, axis=1) / np.maximum(defined, 1), np.nan)


class Sample:
    """Batch means of every plan so far, and which plans are still in question.

    Parameters
    ----------
    plans : sequence of str
        At least two.
    observe : callable
        Gives batch means.
    largest : bool
        Whether more is better; if not, values are kept with the other sign.
    budget : int, optional
        Replications of all plans together.

    Attributes
    ----------
    values : list of float array
        Batch means by place of the plan; more is better.
    running : int array
        Places of the plans in question.
    left_at : dict
        Place of any other plan to the batches at which it was left behind, None for the equal of another.

    Raises
    ------
    ValueError
        If there are fewer than two plans, or two of one name.
    """

    def __init__(self, plans: Sequence[str], observe: Observe, largest: bool, budget: int | None) -> None:
        if len(plans) < 2 or len(set(plans)) < len(plans):
            raise ValueError(f"a choice needs at least two plans of different names, got {', '.join(plans) or 'none'}")
        self.plans = tuple(plans)
        self.values: list[np.ndarray] = [np.empty(0) for _ in plans]
        self.running = np.arange(len(plans))
        self.left_at: dict[int, int | None] = {}
        self._observe = observe
        self._sign = 1.0 if largest else -1.0
        self._budget = sys.maxsize if budget is None else budget // BATCH

    @property
    def counts(self) -> np.ndarray:
        """Batches so far by plan, shape (plans,)."""
        return np.array([len(values) for values in self.values])

    @property
    def replications(self) -> int:
        """Replications so far, of all plans together."""
        return BATCH * int(self.counts.sum())

    @property
    def dust(self) -> float:
        """Differences up to this are noise of floating point."""
        return SAME * max(float(np.abs(values).max()) for values in self.values)

    def affordable(self, plans: int) -> int:
        """Batches that the rest of the budget pays for, of each of so many plans."""
        return int((self._budget - int(self.counts.sum())) // plans)

    def take(self, place: int, count: int) -> None:
        """Ask for so many batches more of the plan at ``place``.

        Raises
        ------
        ValueError
            If the answer has another length, or holds a value that is not finite.
        """
        plan, first = self.plans[place], len(self.values[place])
        found = np.asarray(self._observe(plan, first, count), float)
        if found.shape != (count,):
            raise ValueError(f"{plan}: {count} batches were asked for, got an array of shape {found.shape}")
        if not np.isfinite(found).all():
            bad = first + int(np.flatnonzero(~np.isfinite(found))[0])
            raise ValueError(f"{plan}: the metric is undefined in batch {bad}, so plans cannot be put in order by it")
        self.values[place] = np.concatenate((self.values[place], self._sign * found))

    def take_each(self, count: int) -> None:
        """Ask for so many batches more of every plan in question."""
        for place in self.running:
            self.take(int(place), count)

    def shared(self) -> np.ndarray:
        """Batches that all plans in question have, shape (plans, batches)."""
        least = int(self.counts[self.running].min())
        return np.array([self.values[place][:least] for place in self.running])

    def leave(self, behind: np.ndarray, batches: int | None) -> None:
        """Put plans out of question: a bool by plan in question, and after how many batches."""
        self.left_at |= {int(place): batches for place in self.running[behind]}
        self.running = self.running[~behind]

    def conclude(self, used: Sequence[int], method: str, guarantee: str, stopped: str) -> Choice:
        """The best mean among the plans in question, the first of equal ones.

        Parameters
        ----------
        used : sequence of int
            By plan, batches that its comparison rests on.
        method, guarantee, stopped : str
            As in ``Choice``; ties are added to the guarantee.
        """
        means = [float(values[:batches].mean()) for values, batches in zip(self.values, used, strict=True)]
        best = max(means[place] for place in self.running)
        selected = next(int(place) for place in self.running if means[place] >= best - self.dust)
        places = range(len(self.plans))
        others = [place for place in places if place != selected and self.left_at.get(place) is None]
        tied = tuple(self.plans[place] for place in others if self._equal(place, selected, used))
        return Choice(
            method=method,
            guarantee=guarantee + (f"; the same mean: {', '.join(tied)}" if tied else ""),
            selected=self.plans[selected],
            tied=tied,
            means={plan: self._sign * mean for plan, mean in zip(self.plans, means, strict=True)},
            batches={plan: int(batches) for plan, batches in zip(self.plans, used, strict=True)},
            replications={plan: BATCH * len(values) for plan, values in zip(self.plans, self.values, strict=True)},
            eliminated_at={plan: self.left_at.get(place) for place, plan in enumerate(self.plans)},
            stopped=stopped,
        )

    def _equal(self, one: int, other: int, used: Sequence[int]) -> bool:
        """Whether two plans have the same mean in the batches that both have."""
        both = min(used[one], used[other])
        return bool(abs(self.values[one][:both].mean() - self.values[other][:both].mean()) <= self.dust)
