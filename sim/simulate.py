"""simulate: a study over time, a seed and a replication number give a run."""

from __future__ import annotations

import gc
from dataclasses import dataclass

from sim import milestones, tables
from sim.recorder import Table
from sim.spec import Timeline
from sim.staffing import staffing
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


def simulate(timeline: Timeline, seed: int, replication: int, *, log_decisions: bool = True) -> Run:
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

    Returns
    -------
    Run
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        world = World(timeline, seed, replication, log_decisions)
        world.run()
        return collect(world, replication)
    finally:
        if collecting:
            gc.enable()


def collect(world: World, replication: int) -> Run:
    """Make the tables of a finished world."""
    events = tables.Unfolded(world)
    made = {
        "accounts": milestones.accounts(world, events, replication),
        "opportunities": milestones.opportunities(world, events, replication),
        "subscriptions": tables.subscriptions(world, replication),
        "events": events.table(replication),
        "decisions": tables.decisions(world, replication),
        "monthly": tables.monthly(world, replication),
        "ledger": tables.ledger(world, replication),
        "staffing": staffing(world, replication),
    }
    steps = next(world.env._eid)
    return Run(replication, made, tuple(world.warnings), steps)
