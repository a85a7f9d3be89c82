"""State space models of statsmodels seen as filters: their errors, what they expect, how their forecasts vary.

All models here are the same at every date (Durbin & Koopman 2012, Time series analysis by state space methods, chapter
4).
"""

from __future__ import annotations

from typing import Any

import numpy as np


def innovations(results: Any, column: np.ndarray) -> np.ndarray:
    """One-step errors of a column under the model, divided by their standard deviations for shocks of variance 1."""
    if results is None:
        return column
    run = through(results, column).filter_results
    start = max(run.nobs_diffuse, run.loglikelihood_burn)
    variance = run.forecasts_error_cov[0, 0, start:] / run.scale
    return np.asarray(run.forecasts_error[0, start:] / np.sqrt(variance))


def unexpected(results: Any, columns: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """What the model does not expect of the future of columns: `ahead` (h, k) less its forecasts from their past."""
    if results is None:
        return ahead
    return ahead - np.column_stack([through(results, column).forecast(len(ahead)) for column in columns.T])


def through(results: Any, column: np.ndarray) -> Any:
    """The filter of a fitted model, run over another series."""
    return results.model.clone(column).filter(results.params, cov_type="none")


def covariance(results: Any, h: int) -> np.ndarray:
    """Joint covariance of the next `h` values for shocks of variance 1 in units of the scale, shape (h, h).

    The state at the end is uncertain, every step adds a shock to it, and what is seen of it adds one of its own.
    None stands for white values.
    """
    if results is None:
        return np.eye(h)
    space = results.model.ssm
    transition, design = space["transition"], space["design"][0]
    shock = space["selection"] @ space["state_cov"] @ space["selection"].T
    state, found = results.predicted_state_cov[..., -1] / results.scale, np.zeros((h, h))
    for i in range(h):
        row = state @ design
        for j in range(i, h):
            found[i, j] = found[j, i] = design @ row
            row = transition @ row
        state = transition @ state @ transition.T + shock
    return found + np.eye(h) * space["obs_cov"][0, 0]


def root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric square root of a covariance, also of one without full rank."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T)
