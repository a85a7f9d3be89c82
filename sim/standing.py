"""Where a world stands: the state at the start of whatever goes on from here.

A past is simulated again up to its day, from its seed, and read off the running world: random numbers are functions of
seed, replication and account, so that this is the very past that its tables describe. Nothing of what the past had
already drawn about its future is taken along: what goes on draws it anew, given how long it has lasted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sim.events import ACTIVITY_CODE, LEDGER_ACCOUNTS
from sim.journey.case import Case
from sim.journey.desk import DeskStop
from sim.journey.pool import PoolStop
from sim.journey.wait import GateStop, SplitStop
from sim.opening import ASSETS
from sim.programmes import ConsumersProgramme
from sim.recorder import NONE
from sim.spec.opening import Agreements, History, Opening, OpenOffers, Past, Standing
from sim.spec.study import StudySpec, Timeline
from sim.unfold import Unfolded

if TYPE_CHECKING:
    from sim.world import World

_FAR = 3000.0
"""Days beyond its end for which a past plans ahead, so that nothing under way is forgotten."""
_FLOWS = ("revenue_", "cost_", "payroll", "commission", "marketing", "subsidy", "depreciation", "tax", "fixed_cost")
_NOT_TOLD = ("queued", "started", "finished", "invoiced", "paid", "written_off", "overdue", "used_less")
"""Activities that stand nowhere in a history: visits and invoices under way log theirs again."""


def reached(past: Past, replication: int) -> Opening:
    """The state that a past has come to on its day.

    Raises
    ------
    ValueError
        If contacts of the past were read from a file, or its day is not the first of a month.
    """
    from sim.world import World

    if past.timeline.contacts is not None:
        raise ValueError("a past whose first contacts come from a file cannot be gone on with")
    number = replication if past.replication is None else past.replication
    world = World(_prolonged(past.timeline, past.day), past.seed, number, log_decisions=False)
    world.run(past.day)
    return standing(world)


def _prolonged(timeline: Timeline, day: float) -> Timeline:
    """The same timeline over a longer horizon, which changes nothing before its end."""

    def longer(spec: StudySpec) -> StudySpec:
        return replace(spec, horizon=replace(spec.horizon, days=day + _FAR))

    later = tuple(replace(dated, spec=longer(dated.spec)) for dated in timeline.later if dated.day < day)
    return replace(timeline, spec=longer(timeline.spec), later=later)


def standing(world: World) -> Opening:
    """The state of a world as an opening, times from now."""
    cases = [case for case in world.cases.values() if case.stop is not None]
    cases = sorted((c for c in cases if not isinstance(c.stop, GateStop | SplitStop)), key=lambda case: case.account)
    events = Unfolded(world)
    running = [part.running() for part in world.parts.values()]
    opening = Opening(
        standing=_standing(world, cases),
        agreements=Agreements.joined(running),
        unpaid=world.billing.open_invoices(),
        history=_history(world, events, cases),
        touched=_touched(world, events),
        gone=np.array(sorted(world.gone), np.int64),
        traits=world.trait_key,
        state=dict(_state(world)),
        offers=OpenOffers.joined([part.offers.under_way() for part in world.parts.values() if part.offers]),
    )
    return replace(opening, balances=_balances(world, opening))


def _standing(world: World, cases: list[Case]) -> Standing:
    now, mine = world.env.now, np.array([case.account for case in cases], np.int64)
    customer, activated = world.customer[mine], world.activated[mine]
    ends = world.term_ends[mine]
    return Standing.make(
        len(cases), account=mine, stop=[case.stop.code for case in cases],
        entered=[case.queued - now for case in cases], started=[_started(case) - now for case in cases],
        served=[isinstance(case.stop, DeskStop) and case.started == case.started for case in cases],
        channel=world.channel[mine], signed=world.signed_now[mine],
        customer_since=np.where(customer, world.customer_since[mine] - now, np.nan),
        activated=np.where(activated, world.activated_at[mine] - now, np.nan),
        term_ends=np.where(ends > 0, ends - now, np.nan),
        using=world.using[mine], paying=world.paying[mine], use=world.use[mine], earning=world.earning[mine],
        losses=world.losses[mine], orders=world.orders[mine], wait_days=world.wait_days[mine],
        presales_hours=world.presales_hours[mine], desk_hours=world.desk_hours[mine],
        was_customer=world.was_customer[mine], tries=[case.tries for case in cases],
    )  # fmt: skip


def _started(case: Case) -> float:
    """When work at a desk began, or the present cooling in a pool."""
    return case.stop.cooling_since(case) if isinstance(case.stop, PoolStop) else case.started


def _history(world: World, events: Unfolded, cases: list[Case]) -> History:
    """What accounts under way have done, without what their visits and invoices say again."""
    under_way = np.zeros(len(world.seen), bool)
    under_way[[case.account for case in cases]] = True
    left_out = np.array([ACTIVITY_CODE[name] for name in _NOT_TOLD])
    told = under_way[events.account] & (events.time < world.env.now) & ~np.isin(events.activity, left_out)
    rows = np.flatnonzero(told)
    touched = events.activity[rows] == ACTIVITY_CODE["touched"]
    amount = events.amount[rows]
    place = {part.product: index for index, part in reversed(list(enumerate(world.parts.values())))}
    return History.make(
        len(rows), account=events.account[rows], activity=events.activity[rows],
        channel=np.where(touched, events.channel[rows], -1), stop=events.stage[rows],
        time=events.time[rows] - world.env.now,
        amount=np.where(amount == NONE, np.nan, amount.astype(float)), quantity=events.quantity[rows],
        part=[place.get(product, -1) for product in events.product[rows].tolist()],
    )  # fmt: skip


def _touched(world: World, events: Unfolded) -> np.ndarray:
    """Which channels have reached which accounts, those before this world's own start included."""
    touched = np.zeros((world.population.size, len(world.spec.market.channels)), bool)
    if world.touched is not None:
        touched |= world.touched
    rows = np.flatnonzero((events.activity == ACTIVITY_CODE["touched"]) & (events.time < world.env.now))
    touched[events.account[rows], events.channel[rows]] = True
    return touched


def _state(world: World) -> Iterator[tuple[str, float]]:
    yield "commission_due", float(world.overhead.payable_now)
    yield "commission_later", float(world.overhead.owed)
    yield "years", world.env.now / 365.25 + world.years_before
    for programme in world.programmes.values():
        if isinstance(programme, ConsumersProgramme):
            yield "consumers", programme.stock
            yield "consumers_start", programme.opening


def _balances(world: World, opening: Opening) -> dict[str, int]:
    """Balances of the books without what contracts and open invoices bear; equity is what remains."""
    books = world.ledger.balances()
    for index, part in enumerate(world.parts.values()):
        rows = opening.agreements.take(np.flatnonzero(opening.agreements.part == index))
        for name, amounts in part.balances(rows).items():
            books[name] = books.get(name, 0) + int(np.rint(amounts).astype(np.int64).sum())
    for held, name in ((False, "receivable"), (True, "retention_money")):
        mine = (opening.unpaid.retention == held) & (opening.unpaid.credit < 0)
        books[name] = books.get(name, 0) - int(np.rint(opening.unpaid.amount[mine]).sum())
    for code in np.unique(opening.unpaid.credit[opening.unpaid.credit >= 0]).tolist():
        books[LEDGER_ACCOUNTS[code]] -= int(np.rint(opening.unpaid.amount[opening.unpaid.credit == code]).sum())
    flows = {name for name in books if name.startswith(_FLOWS) and name != "commission_payable"} | {
        "equity",
        "bad_debt",
    }
    own = {name: amount if name in ASSETS else -amount for name, amount in books.items() if name not in flows}
    return {name: amount for name, amount in own.items() if amount or name == "cash"}
