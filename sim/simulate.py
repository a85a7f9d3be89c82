"""simulate: a study over time, a seed and a replication number give a run."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from sim import milestones, tables
from sim.recorder import Table
from sim.spec import Timeline
from sim.staffing import staffing
from sim.unfold import Unfolded, all_visits
from sim.world import World


@dataclass(frozen=True, eq=False)
class Run:
    """What one replication left behind.

    Attributes
    ----------
    tables : dict of Table
        accounts, opportunities, subscriptions, events, decisions, monthly, ledger, staffing.
    warnings : tuple of str
        Things a reader should know.
    steps : int
        Events of the engine.
    """

    replication: int
    tables: dict[str, Table]
    warnings: tuple[str, ...]
    steps: int


TABLES = ("accounts", "opportunities", "subscriptions", "events", "decisions", "monthly", "ledger", "staffing")
"""The tables of the public contract, all made by default."""


def simulate(
    timeline: Timeline,
    seed: int,
    replication: int,
    *,
    log_decisions: bool = True,
    wanted: Collection[str] = TABLES,
) -> Run:
    """Simulate one replication.

    Parameters
    ----------
    timeline : Timeline
        The study, with its dated changes and contacts read from a file.
    seed : int
        0 <= seed < 2**128.
    replication : int
        Number of the replication; replications share nothing but the seed's key.
    log_decisions : bool
        False leaves the decisions table empty.
    wanted : collection of str
        Tables to make, of ``TABLES``; or ``visits``: the log as recorded, one row per visit of a stop, of which
        events are unfolded.

    Returns
    -------
    Run
    """
    with without_collector():
        world = World(timeline, seed, replication, log_decisions)
        world.run()
        return collect(world, replication, wanted)


@contextmanager
def without_collector() -> Iterator[None]:
    """Python's garbage collector rests: a world lives to its end, and looking through it takes long."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def collect(world: World, replication: int, wanted: Collection[str] = TABLES) -> Run:
    """Make the wanted tables of a finished world: those that need much room and no events before events fill it."""

    @cache
    def unfolded() -> Unfolded:
        return Unfolded(world)

    makers: dict[str, Callable[[], Table]] = {
        "staffing": lambda: staffing(world, all_visits(world), replication),
        "decisions": lambda: tables.decisions(world, replication),
        "accounts": lambda: milestones.accounts(world, unfolded(), replication),
        "opportunities": lambda: milestones.opportunities(world, unfolded(), replication),
        "subscriptions": lambda: tables.subscriptions(world, replication),
        "events": lambda: tables.events(world, unfolded(), replication),
        "monthly": lambda: tables.monthly(world, replication),
        "ledger": lambda: tables.ledger(world, replication),
        "visits": lambda: tables.visits(world, replication),
    }
    made = {name: make() for name, make in makers.items() if name in wanted}
    made = {name: made[name] for name in (*TABLES, "visits") if name in made}
    return Run(replication, made, tuple(world.warnings), next(world.env._eid))
