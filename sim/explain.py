"""Why single accounts decided as they did: the terms of chosen decisions, recorded while the world runs again.

A watched decision is asked when, how often and in the order in which it would be asked anyway. It draws nothing and
writes nothing beside its record, so that a watched world is the same world to the last bit, and a world in which
nothing is watched has no trace of all this: a decision is made watched or plain when the world is built.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.decisions import Decision
from sim.recorder import Coded, Table
from sim.signals import SIGNALS
from sim.simulate import without_collector
from sim.spec import Timeline
from sim.tables import coded, constant
from sim.world import World

if TYPE_CHECKING:
    from sim.journey.case import Case
    from sim.signals.registry import Through

Watched = Collection[tuple[int, str]]
"""Accounts and names of decisions."""

OWN: Through = "own"
BASE_TERMS = ("base", "frailty")
"""Terms that are no signal: they belong to the account and to what is set for its segment."""

_Row = tuple[int, str, int, float, float, str, str, float, float, str]


def explain(timeline: Timeline, seed: int, replication: int, watched: Watched) -> Table:
    """Terms of every evaluation of the watched decisions of the watched accounts, in the order of time.

    Parameters
    ----------
    timeline : Timeline
        The study.
    seed, replication : int
        Of the run that is to be explained.
    watched : collection of (int, str)
        Pairs of account and decision; a pair that never comes to pass leaves no rows.

    Returns
    -------
    Table
        One row per term. ``replication``, ``account``, ``decision``, ``occurrence``; ``time``, days;
        ``probability`` of the evaluation; ``term`` (base, frailty, or the name of an effect); ``signal`` (null for
        the first two); ``strength`` (1 for the first two) and ``value``, the contribution in logit; ``through``,
        by what a plan can move it (``sim.signals.registry.Through``). The values of an evaluation add up to the
        logit of its probability. Monthly decisions have an evaluation for every month, not for a yes alone.
    """
    watch = Watch(watched)
    with without_collector():
        World(timeline, seed, replication, log_decisions=False, deciding=watch.decision).run()
    return watch.table(replication)


class Watch:
    """Which accounts are watched at which decisions, and what was seen.

    Attributes
    ----------
    accounts : dict
        Decision to its watched accounts.
    rows : list of tuple
        One per term of an evaluation.
    """

    def __init__(self, watched: Watched) -> None:
        self.accounts: defaultdict[str, set[int]] = defaultdict(set)
        for account, decision in watched:
            self.accounts[decision].add(account)
        self.rows: list[_Row] = []

    def decision(self, world: World, name: str) -> Decision:
        """A decision of a world, watched if anybody is to be watched at it."""
        return WatchedDecision(world, name, self) if name in self.accounts else Decision(world, name)

    def table(self, replication: int) -> Table:
        """What was seen so far."""
        columns = [list(column) for column in zip(*self.rows, strict=True)] or [[] for _ in range(10)]
        account, decision, occurrence, time, p, term, signal, strength, value, through = columns
        return {
            "replication": constant(replication, len(account)),
            "account": np.array(account, np.int64),
            "decision": _category(decision),
            "occurrence": np.array(occurrence, np.int64),
            "time": np.array(time, float),
            "probability": np.array(p, float),
            "term": _category(term),
            "signal": _category(signal),
            "strength": np.array(strength, float),
            "value": np.array(value, float),
            "through": _category(through),
        }


def _category(names: list[Any]) -> Coded:
    """Names as codes, null for the empty one."""
    known = tuple(dict.fromkeys(name for name in names if name))
    place = {name: code for code, name in enumerate(known)}
    return coded(np.array([place.get(name, -1) for name in names], np.int64), known)


class WatchedDecision(Decision):
    """A decision that keeps the terms of its evaluations for some accounts."""

    def __init__(self, world: World, name: str, watch: Watch) -> None:
        self._accounts, self._rows = watch.accounts[name], watch.rows
        self._chosen = np.array(sorted(self._accounts), np.int64)
        super().__init__(world, name)

    def configure(self) -> None:
        super().configure()
        self.settled = False
        self.probability = self._watching(self.probability)

    def chance(self, accounts: np.ndarray) -> np.ndarray:
        found = super().chance(accounts)
        for place in np.flatnonzero(np.isin(accounts, self._chosen)).tolist():
            self._keep(int(accounts[place]), float(found[place]))
        return found

    def _watching(self, plain: Callable[[int], float]) -> Callable[[int], float]:
        def probability(account: int) -> float:
            p = plain(account)
            if account in self._accounts:
                self._keep(account, p)
            return p

        return probability

    def _keep(self, account: int, p: float) -> None:
        asked = (account, self.name, self._occurrence(account), self.world.env.now, p)
        self._rows += [(*asked, term, "", 1.0, value, OWN) for term, value in self.base_terms(account).items()]
        effects = self.world.spec.effects.get(self.name, {})
        for term, value in sorted(self.terms(account).items()):
            signal = SIGNALS[effects[term].signal or term]
            self._rows.append((*asked, term, signal.name, effects[term].strength, value, signal.through))

    def _occurrence(self, account: int) -> int:
        """What the decision is logged under: the attempt of the case, the month, or nothing."""
        kind = self.spec.occurrence
        if kind == "period":
            return self.world.period
        return 0 if kind == "once" else self._case(account).attempt

    def _case(self, account: int) -> Case:
        """The case that asks: that of an offer where the decision is on its way, else the account's own."""
        for part in self.world.parts.values():
            for case in part.cases(account):
                if case.stop is not None and getattr(case.stop.spec, "decision", None) == self.name:
                    return case
        return self.world.cases[account]
