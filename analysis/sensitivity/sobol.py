"""Sobol's indices of a metric: the share of its variance that each key makes, alone and with the others.

The first-order index is the share that vanishes if a key alone is known, the total index the share that is left if
all keys but this one are. Points come in Saltelli's layout: blocks of A, AB_1 ... AB_k, (BA_1 ... BA_k,) B.

Two questions have two answers, and both are given:

- of the *expected* metric: the replications of a point are averaged, and the noise that is left in products of these
  averages is taken off (a product of two different replications has none of it);
- of *one replication*: with common random numbers a replication is the same customers at every point, so it is one
  function of the keys and has indices of its own. Their mean over replications is what one such world shows; total
  indices are higher, as keys also decide how single customers fall.

References
----------
Saltelli, A. et al. (2010). Variance based sensitivity analysis of model output. Computer Physics Communications 181,
    259-270 (estimators, as in SALib).
Hoeffding, W. (1948). A class of statistics with asymptotically normal distribution. Annals of Mathematical Statistics
    19, 293-325 (products of different replications).
Efron, B. & Stein, C. (1981). The jackknife estimate of variance. Annals of Statistics 9, 586-596.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.sensitivity.noise import (
    CONSTANT,
    NO_EFFECT,
    ONE_REPLICATION,
    Split,
    constant,
    responses,
    split,
)

RESAMPLES = 200
"""Bootstrap samples of the blocks."""

BLOCKS_LEAST = 8
"""Whole blocks without which there are no indices."""

TWO_REPLICATIONS = "two replications: the interval lacks their noise"
"""Note on indices of the expected metric."""

EXPECTED, ONE = "expected", "one replication"
"""What a row gives the indices of."""

COLUMNS = (
    "metric", "key", "of", "s1", "s1_low", "s1_high", "st", "st_low", "st_high", "noise_share", "shared_share",
    "blocks", "left_out", "replications", "common", "note",
)  # fmt: skip
"""Columns of the table of indices."""

_SEED = 20_070_717  # the same blocks are drawn for every replication, so their error is seen through the mean


@dataclass(frozen=True, eq=False)
class _Indices:
    """First-order and total indices with half widths of their intervals, each of shape (2, keys)."""

    value: np.ndarray
    half: np.ndarray


def sobol(
    points: pd.DataFrame,
    results: pd.DataFrame,
    keys: Sequence[str],
    *,
    second_order: bool = False,
    common: bool = True,
    level: float = 0.95,
) -> pd.DataFrame:
    """First-order and total indices of every metric, with intervals.

    Parameters
    ----------
    points : DataFrame
        ``number`` and a column per key, numbers or words, in the order of SALib's sample.
    results : DataFrame
        ``number``, ``replication``, ``metric``, ``value``: one scenario, one period.
    keys : sequence of str
        The free keys in the order of the sample, without keys linked to them; for keys that are sampled together
        (shares of a whole) the name of their group, which is no column.
    second_order : bool
        Whether blocks hold BA too (2k + 2 points and not k + 2); these points are not used.
    common : bool
        Whether a replication has the same random numbers at all points. If not, it is not a function of the keys, and
        there are no rows of ``one replication``.
    level : float
        Confidence.

    Returns
    -------
    DataFrame
        ``COLUMNS``, the largest total index first. Intervals add the error of the sample of blocks (SALib's
        bootstrap, a little wide for a Sobol sequence) and of the replications (Student's of their mean, or the
        jackknife); they are not cut at 0 and 1.
        ``noise_share`` is the share of the variance of single values that is replication noise, ``shared_share`` the
        share of that noise that all points have in common. NaN where the metric does not vary, or where less is left
        than the noise. ``left_out`` counts blocks in which the metric is undefined somewhere.

    Raises
    ------
    ValueError
        If points do not make whole blocks in the order of the keys, or the metric is defined throughout in fewer
        than eight; as for ``noise.responses``.
    """
    size = 2 * len(keys) + 2 if second_order else len(keys) + 2
    _check(points, keys, size)
    frames = [pd.DataFrame(columns=list(COLUMNS))]
    for metric in results["metric"].unique():
        values = responses(points, results, metric).values
        blocks, left_out = _blocks(values, len(keys), size, metric)
        known = {"metric": metric, "left_out": left_out, "common": common}
        frames += [_frame(keys, found, known, blocks) for found in _both(blocks, common, level)]
    return pd.concat(frames[1:] or frames, ignore_index=True)


def _check(points: pd.DataFrame, keys: Sequence[str], size: int) -> None:
    """That point j of a block has key j of B and all others of A."""
    if not keys or len(points) % size or points.empty:
        raise ValueError(f"{len(points)} points do not make blocks of {size} for {len(keys)} keys")
    for place, key in enumerate(keys):
        if key not in points:
            continue
        values = points[key].to_numpy().reshape(-1, size)
        others = [row for row in range(len(keys) + 1) if row != place + 1]
        if (values[:, others] != values[:, :1]).any() or (values[:, place + 1] != values[:, -1]).any():
            raise ValueError(f"{key} does not change as key {place + 1} of a sample for indices does")


def _blocks(values: np.ndarray, keys: int, size: int, metric: str) -> tuple[np.ndarray, int]:
    """Whole blocks of A, AB, B, shape (blocks, keys + 2, replications), and how many are not whole."""
    used = [*range(keys + 1), size - 1]
    blocks = values.reshape(-1, size, values.shape[1])[:, used]
    whole = ~np.isnan(blocks).any(axis=(1, 2))
    if whole.sum() < BLOCKS_LEAST:
        raise ValueError(f"{metric} is defined in {whole.sum()} whole blocks; indices need {BLOCKS_LEAST}")
    return blocks[whole], int((~whole).sum())


def _both(blocks: np.ndarray, common: bool, level: float) -> list[tuple[str, _Indices]]:
    ways = [(EXPECTED, _of_expected)] + ([(ONE, _of_one)] if common else [])
    return [(name, way(blocks, level)) for name, way in ways]


def _frame(keys: Sequence[str], found: tuple[str, _Indices], known: dict[str, Any], blocks: np.ndarray) -> pd.DataFrame:
    of, indices = found
    low, high = indices.value - indices.half, indices.value + indices.half
    columns: dict[str, Any] = {"key": list(keys), "of": of}
    for place, name in enumerate(("s1", "st")):
        columns |= {name: indices.value[place], f"{name}_low": low[place], f"{name}_high": high[place]}
    parts = split(_ends(blocks).reshape(-1, blocks.shape[2]))
    columns |= {"noise_share": parts.noise_share, "shared_share": parts.shared_share}
    columns |= {"blocks": len(blocks), "replications": blocks.shape[2], "note": _note(blocks, parts, of), **known}
    frame = pd.DataFrame(columns)[list(COLUMNS)]
    return frame.sort_values("st", ascending=False, kind="stable", na_position="last")


def _note(blocks: np.ndarray, parts: Split, of: str) -> str:
    if constant(_ends(blocks)):
        return CONSTANT
    if blocks.shape[2] == 1:
        return ONE_REPLICATION
    if parts.p > 0.05:
        return NO_EFFECT
    return TWO_REPLICATIONS if of == EXPECTED and blocks.shape[2] == 2 else ""


def _ends(blocks: np.ndarray) -> np.ndarray:
    """A and B, the points of a block that are independent of each other."""
    return blocks[:, [0, -1]]


def _of_expected(blocks: np.ndarray, level: float) -> _Indices:
    centred = blocks - _ends(blocks).mean(axis=(0, 1))
    mean, count = centred.mean(axis=2), blocks.shape[2]
    if constant(_ends(blocks)):
        return _unknown(blocks)
    raw, drawn = _salib(mean)
    if count == 1:
        return _Indices(raw, _z(level) * drawn.std(axis=0, ddof=1))
    value, stretch = _without_noise(centred, raw)
    rows = _z(level) * drawn.std(axis=0, ddof=1) * stretch
    return _Indices(value, np.hypot(rows, _t(level, count) * _jackknife(centred)))


def _of_one(blocks: np.ndarray, level: float) -> _Indices:
    found = [_salib(blocks[:, :, r]) for r in range(blocks.shape[2]) if not constant(_ends(blocks)[:, :, r])]
    if not found:
        return _unknown(blocks)
    values = np.array([value for value, _ in found])
    rows = _z(level) * np.mean([drawn for _, drawn in found], axis=0).std(axis=0, ddof=1)
    if len(found) == 1:
        return _Indices(values[0], rows)
    error = values.std(axis=0, ddof=1) / math.sqrt(len(found))
    return _Indices(values.mean(axis=0), np.hypot(rows, _t(level, len(found)) * error))


def _salib(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SALib's indices, shape (2, keys), and those of resampled blocks, shape (resamples, 2, keys)."""
    from SALib.analyze.sobol import analyze

    keys = values.shape[1] - 2
    problem = {"num_vars": keys, "names": [str(place) for place in range(keys)], "bounds": [[0, 1]] * keys}
    found = analyze(
        problem, values.ravel(), calc_second_order=False, num_resamples=RESAMPLES, keep_resamples=True, seed=_SEED
    )
    drawn = np.stack([found["S1_conf_all"], found["ST_conf_all"]], axis=1)
    return np.array([found["S1"], found["ST"]]), drawn


def _without_noise(blocks: np.ndarray, raw: np.ndarray) -> tuple[np.ndarray, float]:
    """Indices of the expected metric from those of the averages, and by how much their scale grew.

    Every moment is a mean of products of two averages; what the products of a replication with itself add to it is
    the covariance over replications divided by their number.
    """
    n, _, count = blocks.shape
    mean = blocks.mean(axis=2, keepdims=True)
    variance, pairs = float(_ends(mean).var()), n * count * (count - 1)
    off = blocks - mean
    moved = off[:, 1:-1] - off[:, :1]
    first = np.einsum("nr,nkr->k", off[:, -1], moved) / pairs
    total = (moved**2).sum(axis=(0, 2)) / (2 * pairs)
    left = variance - float((_ends(off) ** 2).sum()) / (2 * pairs)
    if left <= 0:
        return np.full_like(raw, math.nan), math.nan
    return (raw * variance - np.array([first, total])) / left, variance / left


def _jackknife(blocks: np.ndarray) -> np.ndarray:
    """Standard error of the indices of the expected metric by leaving out each replication, shape (2, keys).

    With two replications it is 0: one that is left has no noise to be told (``TWO_REPLICATIONS``).
    """
    count = blocks.shape[2]
    if count < 3:
        return np.zeros((2, blocks.shape[1] - 2))
    found = [_plain(np.delete(blocks, r, axis=2)) for r in range(count)]
    return np.sqrt((count - 1) * np.var(found, axis=0))


def _plain(blocks: np.ndarray) -> np.ndarray:
    from SALib.analyze.sobol import first_order, total_order

    mean = blocks.mean(axis=2)
    a, b, ab = mean[:, 0], mean[:, -1], mean[:, 1:-1].T
    raw = [[float(order(a, moved, b)) for moved in ab] for order in (first_order, total_order)]
    return _without_noise(blocks, np.array(raw))[0]


def _unknown(blocks: np.ndarray) -> _Indices:
    nothing = np.full((2, blocks.shape[1] - 2), math.nan)
    return _Indices(nothing, nothing)


def _z(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


def _t(level: float, count: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(count - 1, (1 + level) / 2))
