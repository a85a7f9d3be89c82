"""Morris' screening: how much a metric changes when one key moves across its range, over many starting points.

A trajectory moves every key once, one at a time. The change per whole range is an elementary effect; its mean over
trajectories is mu, the mean of its absolute value mu*, its standard deviation sigma (0 for a linear key without
interactions). Under common random numbers an effect is a difference in the same world, and its noise is only what
the step changes for single customers.

References
----------
Morris, M. D. (1991). Factorial sampling plans for preliminary computational experiments. Technometrics 33, 161-174.
Campolongo, F., Cariboni, J. & Saltelli, A. (2007). An effective screening design for sensitivity analysis of large
    models. Environmental Modelling & Software 22, 1509-1518 (mu*).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.sensitivity.noise import ONE_REPLICATION, matrix, responses

LEVELS = 4
"""Values that a key takes in the design, as in SALib's sample."""

RESAMPLES = 1000
"""Bootstrap samples of the trajectories."""

TRAJECTORIES_LEAST = 4
"""Whole trajectories without which there are no intervals."""

DIRECTED = ("mu", "mu_low", "mu_high", "sigma", "sigma_low", "sigma_high")
"""What needs a direction of the step."""

NOISE = "not told apart from replication noise"

COLUMNS = (
    "metric", "key", "mu", "mu_low", "mu_high", "mu_star", "mu_star_low", "mu_star_high", "sigma", "sigma_low",
    "sigma_high", "noise", "trajectories", "left_out", "replications", "common", "note",
)  # fmt: skip
"""Columns of the table of effects."""

_SEED = 19_910_501


@dataclass(frozen=True, eq=False)
class Screening:
    """How the points of a screening were sampled, and how sure its intervals are to be.

    Attributes
    ----------
    design : float array, shape (points, dimensions), optional
        The sample itself; the columns of the keys if it is not given. Needed where these are words, groups, or whole
        numbers too coarse for a step to show.
    groups : sequence of str, optional
        Of the keys, the one that each dimension of the design belongs to; one after the other if not given. A group
        of several dimensions has no direction: its mu and sigma are NaN.
    levels : int
        Values that a key takes, even; a step is levels / (2 levels - 2) of the range.
    common : bool
        Whether a replication has the same random numbers at all points; told in the table only.
    level : float
        Confidence.
    """

    design: np.ndarray | None = None
    groups: Sequence[str] | None = None
    levels: int = LEVELS
    common: bool = True
    level: float = 0.95


PLAIN = Screening()
"""Points that are the sample, one dimension for every key."""


def morris(
    points: pd.DataFrame, results: pd.DataFrame, keys: Sequence[str], screening: Screening = PLAIN
) -> pd.DataFrame:
    """Mean, absolute mean and spread of the elementary effects of every key on every metric.

    Parameters
    ----------
    points : DataFrame
        ``number`` and a column per key, trajectory after trajectory as in SALib's sample: ``keys + 1`` points each.
    results : DataFrame
        ``number``, ``replication``, ``metric``, ``value``: one scenario, one period.
    keys : sequence of str
        The free keys, without keys linked to them; for keys that are sampled together (shares of a whole) the name
        of their group.
    screening : Screening
        How the points were sampled.

    Returns
    -------
    DataFrame
        ``COLUMNS``, the largest mu* first, in units of the metric per whole range (as sampled: a log range is one in
        logarithms). Values are SALib's, of the means over replications; intervals come from resampled trajectories
        and replications. ``noise`` is the mu* that noise alone would give a key without effect: sqrt(2 / pi) times
        the standard error of one averaged effect (normal). ``sigma`` holds noise of ``noise * sqrt(pi / 2)`` too.

    Raises
    ------
    ValueError
        If points do not make whole trajectories of one move per key, or fewer than four are defined throughout; as
        for ``noise.responses`` and ``matrix``.
    """
    of = list(screening.groups or keys)
    x = _trajectories(matrix(points, keys) if screening.design is None else screening.design, keys, of)
    if len(points) != x.shape[0] * x.shape[1]:
        raise ValueError(f"{len(points)} points, but {x.shape[0] * x.shape[1]} rows of the design")
    frames = [pd.DataFrame(columns=list(COLUMNS))]
    for metric in results["metric"].unique():
        y = responses(points, results, metric).values.reshape(*x.shape[:2], -1)
        frame = _frame(keys, x, y, screening).assign(metric=metric, common=screening.common)
        frame.loc[[of.count(key) > 1 for key in keys], list(DIRECTED)] = math.nan
        frames.append(frame[list(COLUMNS)].sort_values("mu_star", ascending=False, kind="stable"))
    return pd.concat(frames[1:] or frames, ignore_index=True)


def effects(x: np.ndarray, y: np.ndarray, levels: int = LEVELS) -> np.ndarray:
    """Elementary effects, shape (keys, trajectories, replications).

    Parameters
    ----------
    x : float array, shape (trajectories, keys + 1, keys)
        Every step moves one key.
    y : float array, shape (trajectories, keys + 1, replications)
        The metric.
    levels : int
        As of ``Screening``.
    """
    steps = np.sign(np.diff(x, axis=1))
    moved = np.einsum("tsk,tsr->ktr", steps, np.diff(y, axis=1))
    return moved * (2 * levels - 2) / levels


def _trajectories(x: np.ndarray, keys: Sequence[str], groups: Sequence[str]) -> np.ndarray:
    """Steps up and down so far by key, shape (trajectories, keys + 1, keys); a group only goes up."""
    size = len(keys) + 1
    if len(x) % size or not len(x):
        raise ValueError(f"{len(x)} points do not make trajectories of {size} for {len(keys)} keys")
    steps = np.sign(np.diff(x.reshape(-1, size, x.shape[1]), axis=1))
    own = [[place for place, group in enumerate(groups) if group == key] for key in keys]
    by_key = [steps[:, :, p[0]] if len(p) == 1 else (steps[:, :, p] != 0).any(axis=2) * 1.0 for p in own]
    moved = np.stack(by_key, axis=2)
    if not (((moved != 0).sum(axis=2) == 1).all() and ((moved != 0).sum(axis=1) == 1).all()):
        raise ValueError("a step of a trajectory has to move one key, and every key once: too coarse a whole number?")
    return np.concatenate([np.zeros_like(moved[:, :1]), moved.cumsum(axis=1)], axis=1)


def _frame(keys: Sequence[str], x: np.ndarray, y: np.ndarray, screening: Screening) -> pd.DataFrame:
    whole = ~np.isnan(y).any(axis=(1, 2))
    if whole.sum() < TRAJECTORIES_LEAST:
        raise ValueError(f"the metric is defined along {whole.sum()} trajectories; {TRAJECTORIES_LEAST} are needed")
    found = effects(x[whole], y[whole], screening.levels)
    count = found.shape[2]
    columns: dict[str, Any] = {"key": list(keys), **_salib(x[whole], y[whole].mean(axis=2), screening.levels)}
    for name, (low, high) in _intervals(found, screening.level).items():
        columns |= {f"{name}_low": low, f"{name}_high": high}
    error = np.sqrt(found.var(axis=2, ddof=1).mean(axis=1) / count) if count > 1 else np.full(len(keys), math.nan)
    columns |= {"noise": math.sqrt(2 / math.pi) * error, "replications": count}
    frame = pd.DataFrame(columns).assign(trajectories=int(whole.sum()), left_out=int((~whole).sum()))
    unclear = frame["mu_star_low"] <= frame["noise"]
    return frame.assign(note=np.where(unclear, NOISE, "") if count > 1 else ONE_REPLICATION)


def _salib(x: np.ndarray, y: np.ndarray, levels: int) -> dict[str, np.ndarray]:
    """Mean effects, absolute means and spreads of the means over replications."""
    from SALib.analyze.morris import analyze

    keys = x.shape[2]
    problem = {"num_vars": keys, "names": [str(place) for place in range(keys)], "bounds": [[0, 1]] * keys}
    found = analyze(problem, x.reshape(-1, keys), y.ravel(), num_resamples=2, num_levels=levels, seed=_SEED)
    return {name: np.asarray(found[name], float) for name in ("mu", "mu_star", "sigma")}


def _intervals(found: np.ndarray, level: float) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Quantiles over resampled trajectories, each with the replications resampled too."""
    rng = np.random.default_rng(19910501)
    _, trajectories, count = found.shape
    drawn = np.empty((RESAMPLES, 3, len(found)))
    for place in range(RESAMPLES):
        picked = found[:, rng.integers(trajectories, size=trajectories)]
        mean = picked[:, :, rng.integers(count, size=count)].mean(axis=2)
        drawn[place] = mean.mean(axis=1), np.abs(mean).mean(axis=1), mean.std(axis=1, ddof=1)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return {name: (low[i], high[i]) for i, name in enumerate(("mu", "mu_star", "sigma"))}
