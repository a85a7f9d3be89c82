"""A replication takes over the state at the start: see ``sim.spec.opening`` for what it says.

What has not ended by day 0 is drawn given that it has not: waits, work, cooling and payments from their distribution
beyond what is already over, departures from a fresh threshold, because their hazard has no memory. Uniforms are the
account's own. Work at a desk of which nobody knows when it began is that of something found at an arbitrary moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sim.distributions import by_segment
from sim.journey.case import Case
from sim.journey.desk import DeskStop
from sim.journey.stop import Place, Stop
from sim.ledger import OPENING
from sim.spec.opening import History, Opening, OpenOffers, Past, Standing
from sim.spec.stops import END
from sim.streams import Streams

if TYPE_CHECKING:
    from sim.world import World

ASSETS = ("cash", "receivable", "unbilled", "retention_money", "inventory", "fixed_assets")
"""Accounts of the books whose own side is the debit side."""


def opening_of(opening: Opening | Past | None, replication: int) -> Opening | None:
    """The state at the start of a replication; that of a simulated past is where the past has come to."""
    if isinstance(opening, Past):
        from sim.standing import reached

        return reached(opening, replication)
    return opening


def streams_of(opening: Opening | None, seed: int, replication: int, start: str) -> tuple[Streams, Streams]:
    """Random numbers of what happens, and of lasting traits: those of the past where there was one."""
    if opening is None or opening.traits is None:
        streams = Streams(seed, replication)
        return streams, streams
    return Streams(seed, replication, f"/{start}"), Streams(*opening.traits)


def take_over(world: World, opening: Opening) -> None:
    """Put the state at the start into a world that has not begun to run."""
    standing = opening.standing
    cases = [Case(account, -1) for account in standing.account.tolist()]
    world.cases.update((case.account, case) for case in cases)
    world.gone += opening.gone.tolist()
    _contacted(world, opening)
    _columns(world, standing)
    _survivors(world, standing)
    world.years_before = float(opening.state.get("years", 0.0))
    cases += _offered(world, opening.offers)
    for index, part in enumerate(world.parts.values()):
        part.resume(opening.agreements.take(np.flatnonzero(opening.agreements.part == index)))
    _deals(world, standing)
    _place(world, Standing.joined([standing, _on_their_way(opening.offers)]), cases)
    _log(world, standing, opening.history)
    world.billing.resume(opening.unpaid)
    _books(world, opening)


def _contacted(world: World, opening: Opening) -> None:
    """Whom which channels have reached."""
    standing = opening.standing
    channels = tuple(world.spec.market.channels)
    drawn = _channels(world, standing)
    world.channel[standing.account] = np.where(standing.channel >= 0, standing.channel, drawn)
    world.seen[standing.account] = world.seen[opening.gone] = True
    touched = np.zeros((world.population.size, len(channels)), bool)
    touched[standing.account, world.channel[standing.account]] = True
    world.touched = touched if opening.touched is None else opening.touched.copy()


def _channels(world: World, standing: Standing) -> np.ndarray:
    """A channel for accounts of which none is known: by how often each reaches their segment."""
    segments, market = world.population.segments, world.spec.market
    rates = np.array([by_segment(channel.rate_month, segments) for channel in market.channels.values()]).T
    edges = np.cumsum(rates, axis=1)[world.population.segment[standing.account]]
    u = world.streams.of(world.streams.name("opening.channel"), 0, standing.account)
    return np.minimum((edges < u[:, None] * edges[:, -1:]).sum(axis=1), edges.shape[1] - 1)


def _columns(world: World, standing: Standing) -> None:
    """What the world keeps of every account."""
    mine = standing.account
    for name in ("losses", "orders", "wait_days", "presales_hours", "desk_hours", "earning"):
        getattr(world, name)[mine] = getattr(standing, name)
    for name in ("customer_since", "activated", "term_ends"):
        column = getattr(world, "activated_at" if name == "activated" else name)
        column[mine] = np.nan_to_num(getattr(standing, name))
    customer = ~np.isnan(standing.customer_since)
    world.customer[mine], world.was_customer[mine] = customer, customer | standing.was_customer
    world.signed_now[mine], world.activated[mine] = standing.signed, ~np.isnan(standing.activated)
    world.customers = int(customer.sum())
    world.peers += np.bincount(world.population.industry[mine[customer]], minlength=len(world.peers))
    flags = _flags(world)[standing.stop] if len(mine) else np.empty((0, 2), bool)
    world.using[mine] = np.where(standing.using >= 0, standing.using == 1, flags[:, 0])
    world.paying[mine] = np.where(standing.paying >= 0, standing.paying == 1, flags[:, 1])
    known = ~np.isnan(standing.use)
    settled = np.where(world.using[mine], world.usage.settled(mine), 0.0)
    world.use[mine] = np.where(known, np.nan_to_num(standing.use), settled)


def _flags(world: World) -> np.ndarray:
    """Whether accounts at each stop use and pay, by the shortest way to it from the start of the route."""
    route, start = world.spec.business.route, world.spec.business.start
    found = {start: (bool(route[start].using), bool(route[start].paying))}
    ahead = [start]
    for name in ahead:
        for target in _ways(route[name]):
            if target in route and target not in found:
                spec, before = route[target], found[name]
                found[target] = tuple(
                    old if new is None else new for old, new in zip(before, (spec.using, spec.paying), strict=True)
                )  # type: ignore[assignment]
                ahead.append(target)
    return np.array([found.get(name, (False, False)) for name in route])


def _ways(spec: object) -> Iterator[str]:
    """Names of the stops that a stop leads to, the main way first."""
    for name in ("then", "otherwise"):
        target = getattr(spec, name, END)
        if target != END:
            yield target
    yield from getattr(spec, "to", {}).values()


def _survivors(world: World, standing: Standing) -> None:
    """Those who have stayed again and again are more inclined to stay than newcomers."""
    stops = list(world.stops.values())
    for code in np.unique(standing.stop[standing.stays > 0]).tolist():
        found = _staying(world, stops[code])
        if found is not None:
            name, yes = found
            rows = np.flatnonzero((standing.stop == code) & (standing.stays > 0))
            world.decision(name).survived(standing.account[rows], standing.stays[rows], yes)


def _staying(world: World, stop: Stop) -> tuple[str, bool] | None:
    """The decision by which accounts of a stop stay, and the answer that means staying."""
    route, name = world.spec.business.route, stop.name
    for _ in route:
        spec = route[name]
        leave, decision = getattr(spec, "leave", None), getattr(spec, "decision", None)
        if leave or decision:
            return (leave, False) if leave else (decision, True)  # type: ignore[return-value]
        if spec.then not in route:
            return None
        name = spec.then
    return None


def _deals(world: World, standing: Standing) -> None:
    """Amounts of open deals, told to the first way of earning."""
    part = next(iter(world.parts.values()), None)
    if part is None:
        return
    for row in np.flatnonzero(~np.isnan(standing.amount)).tolist():
        part.agree(int(standing.account[row]), round(standing.amount[row]))


def _offered(world: World, offers: OpenOffers) -> list[Case]:
    """Cases of the offers under way, known before contracts are: a project goes on with the case of its offer."""
    parts, stops, cases = list(world.parts.values()), list(world.stops.values()), []
    for row, account in enumerate(offers.account.tolist()):
        made_by = parts[offers.part[row]].offers
        assert made_by is not None
        case = made_by.begin(account, int(offers.month[row]))
        case.stop, case.started = stops[offers.stop[row]], float(offers.started[row])
        cases.append(case)
    return cases


def _on_their_way(offers: OpenOffers) -> Standing:
    """Offers as rows that take their place among all others."""
    names = ("account", "stop", "entered", "started", "served")
    return Standing.make(len(offers), **{name: getattr(offers, name) for name in names})


def _place(world: World, standing: Standing, cases: list[Case]) -> None:
    """Cases go to their stops: those in work first, then all others in the order in which they came."""
    stops, served = list(world.stops.values()), _served(world, standing)
    for row in np.lexsort((standing.account, standing.entered, ~served)).tolist():
        case = cases[row]
        case.channel = int(world.channel[case.account])
        place = Place(
            float(standing.entered[row]), float(standing.started[row]), bool(served[row]), int(standing.tries[row])
        )
        stops[int(standing.stop[row])].resume(case, place)
    for desk in world.desks.values():
        while desk.free and desk.queue:
            waiting = desk.queue.popleft()
            waiting.stop.begin(waiting, desk.free.pop(), 0.0)


def _served(world: World, standing: Standing) -> np.ndarray:
    """Whom the desks have taken up: as told, else the oldest at each desk."""
    served = standing.served.copy()
    stops = list(world.stops.values())
    desk_of = np.array([s.desk.code if isinstance(s, DeskStop) else -1 for s in stops])[standing.stop]
    for desk in world.desks.values():
        rows = np.flatnonzero(desk_of == desk.code)
        if not served[rows].any():
            oldest = rows[np.lexsort((standing.account[rows], standing.entered[rows]))]
            served[oldest[: desk.heads]] = True
    return served


def _log(world: World, standing: Standing, history: History) -> None:
    """Enter what already happened, but not what the visit of the present stop logs by itself and without an amount."""
    stops, n = list(world.stops.values()), world.population.size
    entry, entered = np.full(n, -2), np.full(n, np.inf)
    entry[standing.account] = [-2 if stops[s].entry_loud else stops[s].entry for s in standing.stop.tolist()]
    entered[standing.account] = standing.entered
    twice = (history.activity == entry[history.account]) & (history.time == entered[history.account])
    twice &= np.isnan(history.amount)
    rows = history.take(np.flatnonzero(~twice))
    rows = rows.take(np.lexsort((rows.account, rows.time)))
    products = np.array([*(part.product for part in world.parts.values()), -1])
    world.recorder.past(rows, products[rows.part])


def _books(world: World, opening: Opening) -> None:
    """Balances that no row explains, and what is due at the coming month ends."""
    post = world.ledger.post
    for name, amount in sorted(opening.balances.items()):
        sides = (name, "equity") if name in ASSETS else ("equity", name)
        post(0.0, *sides, int(amount), OPENING)
    state = opening.state
    world.overhead.payable_now = int(state.get("commission_due", 0))
    world.overhead.owed = int(state.get("commission_later", 0))
    for programme in world.programmes.values():
        if "consumers" in state:
            programme.resume(state["consumers"], state.get("consumers_start", state["consumers"]))
