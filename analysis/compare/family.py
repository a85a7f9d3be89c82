"""How sure many differences are at once: the few that were declared beforehand, and all others.

The family are the primary metrics over the horizon times the plans; its size is fixed before anything is simulated
and so is the level of each interval, whatever turns out to be undefined. All other figures are exploratory.

References
----------
Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian J. of Statistics 6, 65-70.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FAMILY_MOST = 12
"""Members that a family may have: more would make each interval too wide to be of use."""

PRIMARY: tuple[str, ...] = ("revenue", "operating_profit", "active_customers", "cash_min")
"""Metrics that are primary unless others are declared, the most important first."""


def holm(p: np.ndarray) -> np.ndarray:
    """Adjusted p of a family: those at most alpha are rejected with a chance of any false alarm of alpha at most.

    Parameters
    ----------
    p : float array, shape (members,)
        NaN where a member has none; it counts as a member and stays NaN.
    """
    p = np.asarray(p, float)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def single_level(members: int, level: float = 0.95) -> float:
    """Level of each interval such that all of a family hold at once with ``level`` at least (Bonferroni)."""
    return 1 - (1 - level) / max(members, 1)


def check_family(metrics: Sequence[str], plans: int) -> None:
    """Refuse a family that is too large.

    Parameters
    ----------
    metrics : sequence of str
        Declared primary metrics.
    plans : int
        Plans that are compared with the base, which is not counted.

    Raises
    ------
    ValueError
    """
    members = len(metrics) * plans
    if members > FAMILY_MOST:
        most = FAMILY_MOST // plans
        raise ValueError(
            f"{len(metrics)} primary metrics for {plans} plans are {members} differences to judge at once, "
            f"at most {FAMILY_MOST}: name at most {most}"
            if most
            else f"{plans} plans are too many to judge at once, at most {FAMILY_MOST} beside the base"
        )


def choose_primary(metrics: Sequence[str], plans: int) -> tuple[str, ...]:
    """As many of ``metrics`` as make a family with so many plans, the first ones; each is named once.

    Parameters
    ----------
    metrics : sequence of str
        The most important first, such as ``PRIMARY``.
    plans : int
        Plans that are compared with the base, which is not counted.

    Raises
    ------
    ValueError
        If there are so many plans that not even one metric fits.
    """
    most = FAMILY_MOST // max(plans, 1)
    chosen = tuple(dict.fromkeys(metrics))[: max(most, 1)]
    check_family(chosen, plans)
    return chosen
