"""The terms behind a flip: what moved the probability of the decision at which the ways of an account part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.compare.flips import DIRECT, ON_ITS_OWN, SPILLOVER
from analysis.compare.paths import OUTCOME, Course

SAME = 1e-9
"""Contributions that differ by less, in logit, are the same."""

KEYS = ["replication", "account", "decision"]
_VALUES = ["occurrence", "time", "probability", "term", "signal", "strength", "value", "through"]


@dataclass(frozen=True)
class Term:
    """One contribution to a logit: its effect's strength, what it adds, and by what a plan can move it."""

    value: float
    strength: float
    signal: str
    through: str


Terms = dict[str, Term]
Evaluation = tuple[float, Terms]
"""Probability and terms by name."""


def with_terms(
    found: pd.DataFrame, base_terms: pd.DataFrame, plan_terms: pd.DataFrame, course: Course | None = None
) -> pd.DataFrame:
    """Flips with the terms of their decisions, and with their kind.

    Only flips of ``outcome`` have terms. Those of the decision itself are compared; where these are all the same,
    the means over this and all earlier evaluations of the decision (the number of a carried decision is rescaled
    by them). For a monthly decision ``p_base`` and ``p_plan`` are the chances of leaving within as many months as
    the account stayed in the run that it left, ``uniform`` is its number for just that, and the terms are means
    over these months: it left iff its number was below the chance.

    Parameters
    ----------
    found : DataFrame
        As ``flips`` returns it.
    base_terms, plan_terms : DataFrame
        Terms of evaluations of both runs, columns as ``sim.explain.explain`` gives them; flips for which they have
        no rows keep null terms and a null kind.
    course : Course, optional
        The one given to ``flips``.

    Returns
    -------
    DataFrame
        ``COLUMNS`` of ``flips`` (and others that ``found`` has, without ``ON_ITS_OWN``). ``term`` is the one that
        differs most, ``term_base`` and ``term_plan`` its contributions in logit, ``terms`` the text of all that
        differ, the largest difference first.

    Notes
    -----
    An outcome is *direct* if a term differs that the plan or the account itself sets: the base, a trait, the price,
    work done for it, any strength, or a signal that the plan sets (``Course.set_signals``). Signals that move with
    time (use, tenure, season) count as the account's own if it came to the decision on its own (see ``flips``).
    Else it is *spillover*: only what accounts share differs, that is queues, peers, consumers, or the channel that
    came first.
    """
    course = course or Course()
    evaluations = _evaluations(base_terms), _evaluations(plan_terms)
    filled = found.drop(columns=ON_ITS_OWN, errors="ignore").copy()
    updates: dict[str, dict[int, Any]] = {}
    for place, row in enumerate(found.to_dict("records")):
        if row["how"] == OUTCOME:
            for column, value in _explained(row, evaluations, course).items():
                updates.setdefault(column, {})[place] = value
    for column, values in updates.items():
        changed = filled[column].to_numpy(copy=True)
        changed[list(values)] = list(values.values())
        filled[column] = changed
    return filled


class _Evaluations:
    """Evaluations of one decision of one account in one run, in the order of time."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self._columns = {name: rows[name].to_numpy() for name in _VALUES}
        asked = np.stack([self._columns["time"], self._columns["occurrence"]], axis=1)
        self.starts = np.flatnonzero(np.append(True, (asked[1:] != asked[:-1]).any(axis=1)))
        self.stops = np.append(self.starts[1:], len(asked))
        self.time, self.p, self.occurrence = (
            self._columns[name][self.starts] for name in ("time", "probability", "occurrence")
        )

    def at(self, occurrence: int, time: float) -> int:
        """Number of the evaluation at a time, -1 if there is none."""
        found = np.flatnonzero((self.occurrence == occurrence) & (self.time == time))
        return int(found[-1]) if found.size else -1

    def spell(self, occurrence: int) -> np.ndarray:
        """Numbers of the evaluations of one occurrence."""
        return np.flatnonzero(self.occurrence == occurrence)

    def terms(self, numbers: np.ndarray) -> Terms:
        """Terms of evaluations, their values averaged; one that is missing in an evaluation adds 0 there."""
        sums: dict[str, float] = {}
        last: Terms = {}
        for number in numbers.tolist():
            for name, term in self._terms(number).items():
                sums[name] = sums.get(name, 0.0) + term.value
                last[name] = term
        return {
            name: Term(sums[name] / len(numbers), term.strength, term.signal, term.through)
            for name, term in last.items()
        }

    def _terms(self, number: int) -> Terms:
        rows = range(self.starts[number], self.stops[number])
        c = self._columns
        return {
            str(c["term"][i]): Term(float(c["value"][i]), float(c["strength"][i]), str(c["signal"][i]), c["through"][i])
            for i in rows
        }


Side = Mapping[tuple[Any, ...], _Evaluations]


def _evaluations(terms: pd.DataFrame) -> Side:
    if terms.empty:
        return {}
    plain = terms.assign(**{c: terms[c].astype(object) for c in ("decision", "term", "signal", "through")})
    groups = plain.groupby(KEYS, sort=False).indices
    return {key: _Evaluations(plain.iloc[rows]) for key, rows in groups.items()}


def _explained(row: dict[str, Any], sides: tuple[Side, Side], course: Course) -> dict[str, Any]:
    """Columns of one flip that its terms tell; none if there are no terms."""
    base, plan = (side.get(tuple(row[key] for key in KEYS)) for side in sides)
    if base is None or plan is None:
        return {}
    if row["decision"] in course.monthly:
        return _hazard(row, base, plan, course)
    at = base.at(row["occurrence"], row["time_base"]), plan.at(row["occurrence"], row["time_plan"])
    if min(at) < 0:
        return {}
    terms = base.terms(np.array(at[:1])), plan.terms(np.array(at[1:]))
    if not _differing(*terms):
        terms = base.terms(np.arange(at[0] + 1)), plan.terms(np.arange(at[1] + 1))
    return _told(row, terms, course)


def _hazard(row: dict[str, Any], base: _Evaluations, plan: _Evaluations, course: Course) -> dict[str, Any]:
    """The same of a monthly decision; see ``with_terms``."""
    left_base = not np.isnan(row["time_base"])
    leaves, time = (base, row["time_base"]) if left_base else (plan, row["time_plan"])
    spells = [side.spell(row["occurrence"]) for side in (base, plan)]
    months = int(np.count_nonzero(leaves.time[leaves.spell(row["occurrence"])] <= time))
    if not months or min(map(len, spells)) < months:
        return {}
    kept = [spell[:months] for spell in spells]
    stayed = [np.cumprod(1.0 - side.p[rows]) for side, rows in zip((base, plan), kept, strict=True)]
    own = stayed[0 if left_base else 1]
    before = float(own[-2]) if months > 1 else 1.0
    found = _told(row, (base.terms(kept[0]), plan.terms(kept[1])), course)
    numbers = {"p_base": 1 - float(stayed[0][-1]), "p_plan": 1 - float(stayed[1][-1])}
    return found | numbers | {"uniform": 1 - (1 - row["uniform"]) * before}


def _differing(base: Terms, plan: Terms) -> dict[str, tuple[Term, Term]]:
    """Terms that differ, the largest difference first; an effect that one run lacks has strength 0 there."""
    pairs = {}
    for name in base.keys() | plan.keys():
        some = base.get(name) or plan[name]
        none = Term(0.0, 0.0, some.signal, some.through)
        a, b = base.get(name, none), plan.get(name, none)
        if a.value != b.value and not abs(a.value - b.value) <= SAME:
            pairs[name] = (a, b)
    return dict(sorted(pairs.items(), key=lambda item: (-abs(item[1][0].value - item[1][1].value), item[0])))


def _told(row: dict[str, Any], terms: tuple[Terms, Terms], course: Course) -> dict[str, Any]:
    """Kind and terms of a flip, of two sets of terms."""
    pairs = _differing(*terms)
    found: dict[str, Any] = {"kind": _kind(pairs, bool(row[ON_ITS_OWN]), course)}
    if pairs:
        name, (a, b) = next(iter(pairs.items()))
        found |= {"term": name, "term_base": a.value, "term_plan": b.value}
        found["terms"] = "; ".join(f"{n} {_shown(a.value)} to {_shown(b.value)}" for n, (a, b) in pairs.items())
    return found


def _shown(value: float) -> str:
    """Two decimals, more where they are needed to show anything."""
    return f"{value:.2f}" if value == 0 or abs(value) >= 0.01 else f"{value:.1g}"


def _kind(pairs: dict[str, tuple[Term, Term]], on_its_own: bool, course: Course) -> str:
    """Whether one of the terms that differ is the plan's or the account's own; see ``with_terms``."""
    through = set()
    for a, b in pairs.values():
        own = a.strength != b.strength or a.signal in course.set_signals
        through.add("own" if own else a.through)
    if "own" in through or (on_its_own and "others" not in through):
        return DIRECT
    return SPILLOVER
