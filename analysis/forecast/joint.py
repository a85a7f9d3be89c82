"""Sample paths of several series that belong to one world: dependent as their past surprises were.

Paths of series that were forecast one by one are put in a new order at every step, so that each series keeps its
distribution at every step to the last value. The order comes from normal variables: over the steps of a series they
are correlated as its own paths are, and what is new at a step is correlated over the series as the one-step surprises
of their pasts. That is a Gaussian copula over series and steps (Clemen & Reilly 1999, Correlations and copulas for
decision and risk analysis; the re-ordering is that of Iman & Conover 1982).

Correlations of few months are noise for the most part and are shrunk towards none, by the share that minimises the
expected squared error (Schaefer & Strimmer 2005, A shrinkage approach to large-scale covariance matrix estimation).
"""

from __future__ import annotations

import numpy as np

from analysis.forecast.history import History
from analysis.forecast.season import season_of
from analysis.forecast.smoothing import SES, respond, search

LEAST = 8
"""With fewer surprises that the series share, they are taken as independent; convention."""

NUGGET = 1e-6
"""Share of noise that keeps the correlation of steps invertible where paths hardly vary."""


def surprises(history: History) -> np.ndarray:
    """One-step errors of simple smoothing, seasonally adjusted, shape (n,); the first one is zero.

    They stand for those of whatever model makes the forecast: only their dependence between series is used, and of
    that little hangs on the model.
    """
    y = season_of(history.y, history.season).adjust(history.y)
    spread = float(np.ptp(y))
    if spread == 0 or len(y) < 3:
        return np.zeros(len(y))
    values = (y - y[0]) / spread
    errors, _ = respond(values, search(values, SES)[:, None], SES.states)
    return errors[:, 0, 0] * spread


def shrunk(errors: np.ndarray) -> np.ndarray:
    """Shrunk correlations of errors (T, n) about their means, shape (n, n); columns that do not vary have none."""
    centred = errors - errors.mean(axis=0)
    spread = np.sqrt(np.mean(centred**2, axis=0))
    x = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    raw = x.T @ x / len(x)
    off = ~np.eye(raw.shape[0], dtype=bool)
    found = np.sum(raw[off] ** 2)
    share = min(1.0, float(_noise(x, raw)[off].sum() / found)) if found > 0 else 1.0
    return np.asarray(np.where(off, (1 - share) * raw, 1.0))


def _noise(x: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """Estimated variances of the correlations of standardised values (T, n)."""
    size = len(x)
    squares = (x**2).T @ x**2 - size * raw**2
    return np.asarray(squares * size / (size - 1) ** 3)


def scores(values: np.ndarray) -> np.ndarray:
    """Normal scores of the ranks of values down the first axis; ties share theirs."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    return np.asarray(ndtri((rankdata(values, axis=0) - 0.5) / len(values)))


def dependence(errors: np.ndarray) -> np.ndarray:
    """Correlations (n, n) of the copula of errors (T, n): shrunk ones of their normal scores; none for few."""
    if len(errors) < LEAST:
        return np.eye(errors.shape[1])
    return shrunk(scores(errors))


def joined(paths: np.ndarray, correlation: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Paths in a new order, dependent over the series.

    Parameters
    ----------
    paths : float array (n, paths, h)
        Of series that were simulated one by one.
    correlation : float array (n, n)
        Of what is new to the series at each step, positive definite.
    rng : numpy.random.Generator

    Returns
    -------
    float array (n, paths, h)
        At each step of each series the same values as before.
    """
    n, count, h = paths.shape
    shocks = rng.standard_normal((h, count, n)) @ np.linalg.cholesky(correlation).T
    found = np.empty_like(paths)
    for place, own in enumerate(paths):
        order = shocks[:, :, place].T @ np.linalg.cholesky(_over_steps(own)).T
        np.put_along_axis(found[place], order.argsort(axis=0), np.sort(own, axis=0), axis=0)
    return found


def _over_steps(paths: np.ndarray) -> np.ndarray:
    """Correlations of the normal scores of paths (paths, h) between steps, shape (h, h)."""
    z = scores(paths)
    spread = np.sqrt(np.mean(z**2, axis=0))
    z = np.divide(z, spread, out=np.zeros_like(z), where=spread > 0)
    raw = (1 - NUGGET) * (z.T @ z) / len(z)
    np.fill_diagonal(raw, 1.0)
    return np.asarray(raw)
