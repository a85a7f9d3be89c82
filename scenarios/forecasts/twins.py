"""The world in which a dated change does not happen: the same study, the same random numbers, one date less.

A change of policy may begin and end; each is a date on which something happens that no past has shown. The last such
date within the horizon is judged. Its twin is the study in which what happens on that date does not: a change that
would begin is left out, one that would end goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.studies.changes import Move, key_path, moves
from scenarios.studies.resolve import Path, Tree, dotted, follow

if TYPE_CHECKING:
    import pandas as pd

    from scenarios.studies.study import Study


ROUNDING, DECIMALS = 1e-12, 9
"""Means of equal values over months of unlike length differ by rounding, which is no change of policy."""


@dataclass(frozen=True)
class Happening:
    """What happens to the policy on one date.

    Attributes
    ----------
    at : date
        The date.
    begins, ends : tuple of str
        Names of the changes that begin and that end on it.
    """

    at: date
    begins: tuple[str, ...]
    ends: tuple[str, ...]

    def undone(self, changes: Mapping[str, Any]) -> Tree:
        """The changes of a policy without what happens on this date."""
        kept = {name: deepcopy(change) for name, change in changes.items() if name not in self.begins}
        for name in self.ends:
            kept[name]["until"] = None
        return kept


def last_happening(changes: Mapping[str, Any], first: date, last: date) -> Happening | None:
    """What happens on the last date after ``first`` and before ``last``; None if nothing does.

    Parameters
    ----------
    changes : mapping
        ``policy.changes`` of a configuration.
    first, last : date
        Ends of the first month and of the horizon: nothing can be learned before, nothing scored after.
    """
    dates = {date.fromisoformat(str(c[end])) for c in changes.values() for end in ("date", "until") if c.get(end)}
    inside = [day for day in dates if first < day < last]
    if not inside:
        return None
    at = max(inside)
    begins, ends = (
        tuple(name for name, change in changes.items() if str(change.get(end)) == at.isoformat())
        for end in ("date", "until")
    )
    return Happening(at, begins, ends)


def influences(study: Study, happening: Happening, months: pd.DatetimeIndex) -> pd.DataFrame:
    """The keys that move on a date, as regressors: their mean value of every month, from 0 (lowest) to 1 (highest).

    A value by segment counts with the mean over segments, one that is no number as 0 before it is changed and 1 after.

    Parameters
    ----------
    study : Study
        With the change.
    happening : Happening
    months : pandas.DatetimeIndex (n,)
        Last days of the months.

    Returns
    -------
    pandas.DataFrame (n, keys)
        A column for every key, named as the user writes it.
    """
    import pandas as pd

    found, _ = moves(study.config)
    changes = study.config["policy"]["changes"]
    paths = dict.fromkeys(key_path(changes[name]["key"]) for name in (*happening.begins, *happening.ends))
    columns = {dotted(path): monthly(study.config, [m for m in found if m.path == path], months) for path in paths}
    return pd.DataFrame(columns, index=months)


def monthly(config: Mapping[str, Any], found: list[Move], months: pd.DatetimeIndex) -> np.ndarray:
    """Mean value of the key that these changes move, of every month, from 0 (lowest) to 1 (highest)."""
    start = date.fromisoformat(config["horizon"]["start"])
    first = months[0].replace(day=1).date()
    days = np.arange((first - start).days, (months[-1].date() - start).days + 1)
    values = np.array([_value(config, found, int(day)) for day in days])
    at = np.array([(start + timedelta(int(day))).strftime("%Y-%m") for day in days])
    return scaled(np.array([values[at == f"{month:%Y-%m}"].mean() for month in months]))


def scaled(means: np.ndarray) -> np.ndarray:
    """Values from 0 (lowest) to 1 (highest), 0 where they are all the same."""
    spread = np.ptp(means)
    if spread <= ROUNDING * np.abs(means).max():
        return np.zeros(len(means))
    return np.round((means - means.min()) / spread, DECIMALS)


def _value(config: Mapping[str, Any], found: list[Move], day: int) -> float:
    """Value of the key that these changes move, as a number."""
    path: Path = found[0].path
    original = follow(config, path)
    value = original
    for move in found:
        value = move.at(day, value)
    several = list(value.values()) if isinstance(value, dict) else [value]
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in several):
        return float(np.mean(several))
    return float(value != original)
