"""The shifted-beta-geometric curve of retention and its likelihood.

Every customer leaves at a renewal with a probability of its own, the same at every renewal, and these probabilities
are Beta(alpha, beta) over customers. Those due at the t-th renewal leave with the odds alpha / (beta + t - 1), and the
likelihood of a cohort is a product over renewals. Estimates are sought in the logit of alpha / (alpha + beta), the
first year's loss, and log(alpha + beta), which falls as customers differ more.

References
----------
Fader & Hardie (2007). How to project customer retention. Journal of Interactive Marketing 21(1), 76-90.
Nocedal & Wright (2006). Numerical Optimization, 2nd edition, section 10.3 (damping).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CONCENTRATED = 1e5
"""alpha + beta at which customers are alike and the rate of renewal is constant."""

BOUNDS = ((-12.0, 12.0), (float(np.log(1e-2)), float(np.log(CONCENTRATED))))
"""Of the logit of alpha / (alpha + beta) and of log(alpha + beta)."""

INTERIOR = float(np.log(20.0))
"""Where scoring starts at most: near the upper bound of log(alpha + beta) the likelihood is flat."""

SCORINGS, SETTLED = 40, 1e-7
"""Steps of Fisher scoring for the draws, and the score of a decision on average below which they have settled."""


@dataclass(frozen=True)
class ShiftedBetaGeometric:
    """Renewal of customers whose probabilities of leaving are Beta(alpha, beta)."""

    alpha: float
    beta: float

    def retention(self, renewals: int) -> np.ndarray:
        """Share of those due that renew at the first, second, ... renewal, shape (renewals,)."""
        return retention(np.array([[self.alpha, self.beta]]), np.arange(1, renewals + 1))[0]

    def survival(self, renewals: int) -> np.ndarray:
        """Share of a cohort left after 0, 1, ... renewals, shape (renewals + 1,)."""
        return np.concatenate(([1.0], np.cumprod(self.retention(renewals))))

    def expected(self, active: np.ndarray, age: np.ndarray, h: int) -> np.ndarray:
        """Customers of cohorts expected to be left after each of the next `h` renewals.

        Parameters
        ----------
        active : float array (cohorts,)
            Customers now.
        age : int array (cohorts,)
            Renewals behind them.
        h : int
            Renewals ahead.

        Returns
        -------
        float array (cohorts, h)
        """
        number = np.asarray(age)[:, None] + np.arange(1, h + 1)
        return np.asarray(active, float)[:, None] * np.cumprod(
            (self.beta + number - 1) / (self.alpha + self.beta + number - 1), axis=1
        )


def retention(parameters: np.ndarray, renewal: np.ndarray) -> np.ndarray:
    """Retention at renewals counted from 1 for rows of (alpha, beta), shape (rows, renewals)."""
    alpha, beta = parameters[:, :1], parameters[:, 1:]
    return (beta + renewal - 1) / (alpha + beta + renewal - 1)


def estimate(due: np.ndarray, kept: np.ndarray) -> ShiftedBetaGeometric | None:
    """Maximum likelihood within ``BOUNDS``, from alpha = beta = 1; None if the optimiser did not converge."""
    from scipy.optimize import minimize

    found = minimize(
        _loss, (0.0, float(np.log(2.0))), jac=True, method="L-BFGS-B",
        args=(due, kept, np.arange(len(due), dtype=float)), bounds=BOUNDS, options={"ftol": 1e-13, "gtol": 1e-8},
    )  # fmt: skip
    sound = bool(found.success) and np.isfinite(found.fun) and np.isfinite(found.x).all()
    return ShiftedBetaGeometric(*_parameters(found.x)) if sound else None


def constant(due: np.ndarray, kept: np.ndarray) -> ShiftedBetaGeometric:
    """Customers that are alike: the share of all decisions that were renewals, half a decision added to each side."""
    rate = float((kept.sum() + 0.5) / (due.sum() + 1))
    return ShiftedBetaGeometric((1 - rate) * CONCENTRATED, rate * CONCENTRATED)


def _parameters(point: np.ndarray) -> tuple[float, float]:
    share, size = 1 / (1 + np.exp(-point[0])), np.exp(point[1])
    return float(share * size), float((1 - share) * size)


def _loss(point: np.ndarray, due: np.ndarray, kept: np.ndarray, number: np.ndarray) -> tuple[float, np.ndarray]:
    """Negative log-likelihood of a decision on average, with its gradient."""
    alpha, beta = _parameters(point)
    lost, all_of = float((due - kept).sum()), alpha + beta + number
    value = lost * np.log(alpha) + (kept * np.log(beta + number)).sum() - (due * np.log(all_of)).sum()
    common = (due / all_of).sum()
    by_alpha, by_beta = lost / alpha - common, (kept / (beta + number)).sum() - common
    turn = alpha * beta / (alpha + beta)
    gradient = np.array([turn * (by_alpha - by_beta), alpha * by_alpha + beta * by_beta])
    return -float(value) / due.sum(), -gradient / due.sum()


def pair(curve: ShiftedBetaGeometric) -> tuple[float, float]:
    """alpha and beta."""
    return curve.alpha, curve.beta


def estimates(due: np.ndarray, kept: np.ndarray, start: ShiftedBetaGeometric) -> np.ndarray:
    """Maximum likelihood of many data sets at once, shape (sets, 2), by damped Fisher scoring.

    A set on which it does not settle is fitted by ``estimate``; one without a maximum stands by `start`.
    """
    share, size = _point(start)
    point = np.tile((share, min(size, INTERIOR)), (len(due), 1))
    value, damping = _likelihood(point, due, kept), np.full(len(due), 1e-3)
    for _ in range(SCORINGS):
        score, information = _scoring(point, due, kept)
        information[:, [0, 1], [0, 1]] *= 1 + damping[:, None]
        information[:, [0, 1], [0, 1]] += 1e-12
        step = np.linalg.solve(information, score[:, :, None])[:, :, 0]
        trial = np.clip(point + np.clip(step, -1, 1), *np.transpose(BOUNDS))
        better = (reached := _likelihood(trial, due, kept)) >= value
        point, value = np.where(better[:, None], trial, point), np.where(better, reached, value)
        damping = np.clip(np.where(better, damping / 5, damping * 5), 1e-9, 1e9)
    score, _ = _scoring(point, due, kept)
    pull = np.clip(point + score / np.maximum(due.sum(axis=1), 1)[:, None], *np.transpose(BOUNDS)) - point
    found = _pairs(point)
    for row in np.flatnonzero(~(np.abs(pull).max(axis=1) < SETTLED)):
        found[row] = pair(estimate(due[row], kept[row]) or start)
    return found


def _likelihood(point: np.ndarray, due: np.ndarray, kept: np.ndarray) -> np.ndarray:
    stay = retention(_pairs(point), np.arange(1, due.shape[1] + 1))
    return np.asarray((kept * np.log(stay) + (due - kept) * np.log1p(-stay)).sum(axis=1))


def _scoring(point: np.ndarray, due: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Score (sets, 2) and expected information (sets, 2, 2); the odds of leaving are alpha / (beta + t - 1)."""
    pairs, number = _pairs(point), np.arange(due.shape[1])
    leave = 1 - retention(pairs, number + 1)
    share, part = 1 / (1 + np.exp(-point[:, :1])), pairs[:, 1:] / (pairs[:, 1:] + number)
    slope = np.stack([1 - share + share * part, 1 - part], axis=1)
    score = np.einsum("skt,st->sk", slope, due - kept - due * leave)
    return score, np.einsum("skt,slt,st->skl", slope, slope, due * leave * (1 - leave))


def _pairs(point: np.ndarray) -> np.ndarray:
    """Rows of (alpha, beta)."""
    share, size = 1 / (1 + np.exp(-point[:, :1])), np.exp(point[:, 1:])
    return np.concatenate([share * size, (1 - share) * size], axis=1)


def _point(curve: ShiftedBetaGeometric) -> tuple[float, float]:
    """Logit of alpha / (alpha + beta), and log(alpha + beta)."""
    return float(np.log(curve.alpha / curve.beta)), float(np.log(curve.alpha + curve.beta))
