"""Which plans no other one beats, which cannot be told from those, and which few stand for all of them.

References
----------
Nelson, B. L., Swann, J., Goldsman, D. & Song, W. (2001). Simple procedures for selecting the best simulated system
    when the number of alternatives is large. Operations Research 49, 950-963.
Deb, K., Pratap, A., Agarwal, S. & Meyarivan, T. (2002). A fast and elitist multiobjective genetic algorithm: NSGA-II.
    IEEE Transactions on Evolutionary Computation 6, 182-197.
"""

from __future__ import annotations

import numpy as np

from analysis.optimise.measure import LEVEL


def pareto(means: np.ndarray) -> np.ndarray:
    """Whether each plan is beaten by no other one.

    Parameters
    ----------
    means : float array, shape (plans, objectives)
        More is better; of equal plans the first one stays.

    Returns
    -------
    bool array, shape (plans,)
    """
    front, number = np.empty(means.shape[::-1]), 0
    found = np.zeros(len(means), bool)
    for plan in np.lexsort(-means.T[::-1]):  # the best first: whoever beats a plan, or is its equal, stands before it
        found[plan] = not (front[:, :number] >= means[plan][:, None]).all(axis=0).any()
        if found[plan]:
            front[:, number] = means[plan]
            number += 1
    return found


def ruled_out(samples: np.ndarray, level: float = LEVEL) -> np.ndarray:
    """Whether each plan can be told from the best ones as worse.

    A plan is ruled out by another one that is nowhere worse in the mean and in some objective better beyond chance: by
    Student's one-sided bound of the mean of paired differences, where ``1 - level`` is shared among all pairs of a plan
    and all objectives. With one objective this is screening to the best (Nelson et al. 2001): a set that holds the
    best plan with a probability of at least ``level``, whatever correlation common random numbers make.

    Parameters
    ----------
    samples : float array, shape (plans, values, objectives)
        More is better; value i of all plans has the same random numbers.
    level : float
        Confidence.

    Returns
    -------
    bool array, shape (plans,)
        All False under two values, which say nothing of chance.
    """
    from scipy.special import stdtrit

    plans, n, objectives = samples.shape
    if plans < 2 or n < 2:
        return np.zeros(plans, bool)
    t = float(stdtrit(n - 1, 1 - (1 - level) / ((plans - 1) * objectives)))
    found = np.zeros(plans, bool)
    for plan, own in enumerate(samples):
        ahead = samples - own
        mean, spread = ahead.mean(axis=1), ahead.std(axis=1, ddof=1)
        dust = 1e-12 * np.abs(samples).max(axis=(0, 1))
        surely: np.ndarray = mean > np.maximum(t * spread / np.sqrt(n), dust)
        nowhere_worse: np.ndarray = mean >= -dust
        found[plan] = bool(np.any(surely.any(axis=1) & nowhere_worse.all(axis=1)))
    return found


def apart(lows: np.ndarray, highs: np.ndarray) -> np.ndarray:
    """As ``ruled_out`` where all there is of a figure is its interval: the whole interval lies below that of another.

    Parameters
    ----------
    lows, highs : float array, shape (plans, objectives)
        More is better; NaN where a bound is not known.
    """
    found = np.zeros(len(lows), bool)
    every_low, every_high = np.ascontiguousarray(lows.T), np.ascontiguousarray(highs.T)
    for plan, (low, high) in enumerate(zip(lows, highs, strict=True)):
        surely, worse = (every_low > high[:, None]).any(axis=0), (every_high < low[:, None]).any(axis=0)
        found[plan] = bool((surely & ~worse).any())
    return found


def spread_out(means: np.ndarray, number: int) -> np.ndarray:
    """Places of at most so many plans of a front that stand far apart, in their order.

    The most crowded plan goes first, by the distance of its neighbours in every objective (Deb et al. 2002); the ends
    of the front stay as long as any.

    Parameters
    ----------
    means : float array, shape (plans, objectives)
    number : int
        At least 1.
    """
    kept = np.arange(len(means))
    while len(kept) > number:
        kept = np.delete(kept, int(np.argmin(_crowding(means[kept]))))
    return kept


def _crowding(means: np.ndarray) -> np.ndarray:
    distance = np.zeros(len(means))
    for column in means.T:
        order = np.argsort(column, kind="stable")
        span = float(column[order[-1]] - column[order[0]]) or 1.0
        distance[order[[0, -1]]] += np.inf
        distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance
