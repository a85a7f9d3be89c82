"""Reconciliation: the leaves whose sums lie nearest to forecasts that do not add up.

"Nearest" weighs the errors of the nodes by their covariance W: by the number of leaves under a node
(``wls_struct``), or by the one-step errors of the past with shrunk correlations (``mint_shrink``), which gives the
unbiased forecasts of least variance (Wickramasuriya, Athanasopoulos & Hyndman 2019, Optimal forecast reconciliation
for hierarchical and grouped time series through trace minimization; W grows with the horizon by a factor, which
cancels). ``bottom_up`` just sums the forecasts of the leaves. Where leaves have a lowest value the least squares are
solved under that bound (Wickramasuriya, Turlach & Hyndman 2020, Optimal non-negative forecast reconciliation).
"""

from __future__ import annotations

import numpy as np

from analysis.forecast.joint import LEAST, shrunk

METHODS = ("bottom_up", "wls_struct", "mint_shrink")

SMALLEST = 1e-8
"""Variance of the errors of a node at least, as a share of the mean one: W has to be invertible."""

ROUNDS = 20_000
"""Steps of the bounded least squares at most; it converges in far fewer."""

PRECISION = 1e-8
"""The bounded least squares stop when no leaf moves by more than this share of the largest value."""

LOOK = 20
"""Steps after which the columns that have converged are set aside."""


def weights(summing: np.ndarray, method: str, errors: np.ndarray | None) -> np.ndarray:
    """Covariance of the errors of the nodes up to a factor, shape (n, n).

    Parameters
    ----------
    summing : float array (n, leaves)
        1 where a leaf belongs to a node.
    method : str
        ``wls_struct`` or ``mint_shrink``.
    errors : float array (T, n) or None
        One-step errors of the past.

    Raises
    ------
    ValueError
        If there is no such method, or too few errors for it.
    """
    if method == "wls_struct":
        return np.diag(summing.sum(axis=1))
    if method != "mint_shrink":
        raise ValueError(f"no such way to reconcile: {method}; there are {', '.join(METHODS)}")
    if errors is None or len(errors) < LEAST:
        many = 0 if errors is None else len(errors)
        raise ValueError(f"mint_shrink needs {LEAST} dates that all series share, got {many}; choose wls_struct")
    variance = errors.var(axis=0)
    spread = np.sqrt(np.maximum(variance, SMALLEST * (variance.mean() or 1.0)))
    return np.asarray(shrunk(errors) * np.outer(spread, spread))


def nearest(base: np.ndarray, summing: np.ndarray, covariance: np.ndarray, low: np.ndarray | None) -> np.ndarray:
    """Leaves (leaves, k) that minimise (y - S b)' W^-1 (y - S b) for each column y of `base` (n, k), b >= low."""
    weighed = np.linalg.solve(covariance, summing)
    left, right = summing.T @ weighed, weighed.T @ base
    leaves = np.linalg.solve(left, right)
    if low is None:
        return np.asarray(leaves)
    outside = (leaves < low[:, None]).any(axis=0)
    if outside.any():
        leaves[:, outside] = bounded(left, right[:, outside], low)
    return np.asarray(leaves)


def bounded(left: np.ndarray, right: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Minimum of b' Q b / 2 - c' b over b >= low for each column c of `right`, by accelerated projected gradients.

    Beck & Teboulle 2009, A fast iterative shrinkage-thresholding algorithm; momentum starts anew where it leads uphill
    (O'Donoghue & Candes 2015, Adaptive restart for accelerated gradient schemes).
    """
    scale = 1 / np.sqrt(np.diag(left))
    q, floor = left * np.outer(scale, scale), (low / scale)[:, None]
    step = 1 / np.linalg.eigvalsh(q)[-1]
    pull = right * scale[:, None]
    found = np.maximum(np.linalg.solve(q, pull), floor)
    going = np.arange(right.shape[1])
    for _ in range(ROUNDS // LOOK):
        before = found[:, going]
        found[:, going] = _descended(before, pull[:, going], (q, step, floor))
        largest = np.maximum(np.abs(found[:, going]).max(axis=0), np.finfo(float).tiny)
        going = going[np.abs(found[:, going] - before).max(axis=0) > PRECISION * largest]
        if not len(going):
            break
    return np.asarray(np.maximum(found * scale[:, None], low[:, None]))


def _descended(b: np.ndarray, pull: np.ndarray, how: tuple[np.ndarray, float, np.ndarray]) -> np.ndarray:
    """``LOOK`` accelerated steps from `b` (leaves, k)."""
    q, step, floor = how
    ahead, momentum = b, np.ones(b.shape[1])
    for _ in range(LOOK):
        new = np.maximum(ahead - step * (q @ ahead - pull), floor)
        uphill = np.sum((ahead - new) * (new - b), axis=0) > 0
        following = np.where(uphill, 1.0, (1 + np.sqrt(1 + 4 * momentum**2)) / 2)
        ahead = new + np.where(uphill, 0.0, (momentum - 1) / following) * (new - b)
        b, momentum = new, following
    return b
