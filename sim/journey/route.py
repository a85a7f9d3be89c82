"""The route of a business: stops made from data and linked into a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.journey.customer import CustomerStop
from sim.journey.desk import DeskStop
from sim.journey.pool import PoolStop
from sim.journey.stop import Stop
from sim.journey.wait import GateStop, SplitStop, WaitStop
from sim.spec import BusinessSpec
from sim.spec.stops import END, StopSpec
from sim.spec.stops import PoolStop as PoolSpec
from sim.spec.stops import SplitStop as SplitSpec

if TYPE_CHECKING:
    from sim.world import World

STOPS: dict[str, type[Stop]] = {
    "desk": DeskStop,
    "wait": WaitStop,
    "gate": GateStop,
    "split": SplitStop,
    "customer": CustomerStop,
    "pool": PoolStop,
}
"""Kinds of stops. Adding one: a class here, its specification in ``sim.spec.stops``."""


def targets(spec: StopSpec) -> set[str]:
    """Stops that a stop may lead to; a return from the pool is a new journey and does not count."""
    if isinstance(spec, PoolSpec):
        return {spec.otherwise} - {END}
    ways = {spec.then, spec.otherwise}
    if isinstance(spec, SplitSpec):
        ways |= set(spec.to.values())
    return ways - {END}


def cyclic(route: dict[str, StopSpec]) -> set[str]:
    """Stops that one journey may visit more than once."""
    reach = {name: targets(spec) for name, spec in route.items()}
    for _ in route:
        reach = {name: ways.union(*(reach[way] for way in ways)) for name, ways in reach.items()}
    return {name for name, ways in reach.items() if name in ways}


def side_ways(business: BusinessSpec) -> dict[str, str]:
    """Stops on the ways by which further products are offered, each with the revenue part that it belongs to."""
    found: dict[str, str] = {}
    for part, spec in business.revenue.items():
        ahead = [way] if (way := getattr(spec, "way", None)) else []
        while ahead:
            stop = ahead.pop()
            if stop not in found:
                found[stop] = part
                ahead += targets(business.route[stop])
    return found


def build_stops(world: World) -> dict[str, Stop]:
    """All stops of the business, not yet linked."""
    route = world.spec.business.route
    return {name: STOPS[spec.kind](world, name, code) for code, (name, spec) in enumerate(route.items())}


def connect(world: World) -> None:
    """Link the stops and mark those that lie on a cycle within a journey."""
    repeated = cyclic(world.spec.business.route)
    for name, stop in world.stops.items():
        stop.cyclic = name in repeated
        stop.connect()
