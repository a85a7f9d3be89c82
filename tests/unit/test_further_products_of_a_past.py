"""Further products of a business that begins where another run stands: contracts, offers, projects."""

from __future__ import annotations

import numpy as np
import pytest

from sim.revenue.add_on import AddOnPart
from sim.simulate import simulate
from sim.spec import Timeline
from sim.spec.opening import Past
from sim.world import World
from tests.fixtures.studies import build, changed, fixed, study, timeline, values, where
from tests.unit.test_further_products import two


@pytest.mark.parametrize("kind", ["add_on", "project"])
def test_contracts_go_on_where_a_past_stands(kind: str) -> None:
    document = two() if kind == "add_on" else changed(study("project"), {"business.route.teach.work_hours": fixed(300)})
    later = changed(document, {"horizon.start": "2025-11-01", "horizon.days": 200})
    past = Past(timeline=timeline(document), day=290.0, seed=1, replication=0)
    world = World(Timeline(spec=build(later), opening=past), 1, 0)
    before = world.further.sum()
    world.run()
    product = world.product_code("more" if kind == "add_on" else "main")
    rows = [row for row in world.contracts.rows if row.product == product]
    carried = [row for row in rows if row.start <= 0]
    assert len(carried) > 3
    if kind == "add_on":
        assert before == len(carried)
        assert {row.outcome for row in rows} >= {"renewed", "churned"}
    else:
        assert all(row.outcome == "completed" for row in carried)


def test_projects_of_a_past_take_no_seat_from_who_is_in_work() -> None:
    """Whom people had taken up goes on with what is left; who waited stands in the order of coming, projects too."""
    hours = {"business.route.teach.work_hours": fixed(120), "business.route.setup.work_hours": fixed(30)}
    document = changed(study("project"), hours)
    later = changed(document, {"horizon.start": "2025-11-01", "horizon.days": 200})
    past = Past(timeline=timeline(document), day=290.0, seed=1, replication=2)
    world = World(Timeline(spec=build(later), opening=past), 1, 2)
    assert world.opening is not None
    standing = world.opening.standing
    mine = standing.served & (standing.stop == world.stops["setup"].code)
    started = [world.cases[account].started for account in standing.account[mine].tolist()]
    assert mine.sum() == 2
    assert started == pytest.approx(standing.started[mine].tolist())
    queue = list(world.desks["field"].queue)
    came = [case.queued for case in queue]
    assert came == sorted(came)
    assert came[-1] < 0
    assert 0 < sum(case.offers is not None for case in queue) < len(queue)


@pytest.mark.parametrize("kind", ["add_on", "project"])
def test_offers_go_on_where_a_past_stands(kind: str) -> None:
    """Each at its stop, since when it came there, keyed by the month of its interest; its wait ends on its day."""
    document = two() if kind == "add_on" else study("project")
    document = changed(document, {"business.route.look.delay_days": fixed(50)})
    later = changed(document, {"horizon.start": "2025-11-01", "horizon.days": 200})
    before = World(timeline(document), 1, 0)
    before.run(304.0)
    past = Past(timeline=timeline(document), day=304.0, seed=1, replication=0)
    world = World(Timeline(spec=build(later), opening=past), 1, 0)
    name = "more" if kind == "add_on" else "main"
    found, wanted = (_offered(made, name) for made in (world, before))
    assert found == wanted
    assert {stop for _, stop, _, _ in found} >= {"look"}
    going = [case for case in world.parts[name].cases() if case.stop.name == "look"]
    assert all(50 <= case.due - case.queued < 53 for case in going)
    world.run()
    assert all(case not in going for case in world.parts[name].cases())


def _offered(world: World, part: str) -> list[tuple[int, str, float, int]]:
    """Account, stop, day of coming there and occurrence of the offers under way."""
    day = 304.0 if world.opening is None else 0.0
    return sorted((c.account, c.stop.name, c.queued - day, c.occurrence) for c in world.parts[part].cases())


def test_who_has_had_a_project_is_offered_no_other_by_a_state() -> None:
    document = study("project")
    later = changed(document, {"horizon.start": "2025-11-01", "horizon.days": 200})
    past = Past(timeline=timeline(document), day=304.0, seed=1, replication=0)
    world = World(Timeline(spec=build(later), opening=past), 1, 0)
    had = {row.account for row in world.contracts.rows if row.outcome == "completed"}
    stayed = had & set(np.flatnonzero(world.customer).tolist())
    assert had == stayed
    assert len(had) > 3
    world.run()
    again = [row.account for row in world.contracts.rows if row.start > 0 and row.account in had]
    assert all(world.customer_since[account] > 0 for account in again)


def test_what_was_sold_before_bears_its_product() -> None:
    later = changed(two(), {"horizon.start": "2025-11-01", "horizon.days": 31})
    past = Past(timeline=timeline(two()), day=304.0, seed=1, replication=0)
    events = simulate(Timeline(spec=build(later), opening=past), 1, 0, wanted=("events",)).tables["events"]
    before = np.asarray(events["time"]) < 0
    for activity, product in (("cross_sold", "more"), ("signed", "main")):
        sold = before & where(events, activity=activity)
        assert sold.sum() > 3
        assert set(values(events["product"])[sold]) == {product}


def test_a_discount_for_both_holds_beyond_the_state() -> None:
    """The next term of an add-on from a bundle is at the price that its customer has, not at list price."""
    bundle = {
        "bundle": "both", "bundle_at": "signed", "bundle_discount": 0.5, "interest": None, "way": None, "keep": None,
        "co_termed": False,
    }  # fmt: skip
    document = changed(two(**bundle), {"business.decisions.both": {"base": 0.5}})
    later = changed(document, {"horizon.start": "2025-11-01", "horizon.days": 200})
    past = Past(timeline=timeline(document), day=304.0, seed=1, replication=0)
    world = World(Timeline(spec=build(later), opening=past), 1, 0)
    part = world.parts["more"]
    assert isinstance(part, AddOnPart)
    carried = np.flatnonzero(part.alive)
    assert len(carried) > 3
    world.run()
    again = [row.account for row in world.contracts.rows if row.product == part.product and row.start > 0]
    assert set(again) & set(carried.tolist())
    assert set(part.price[np.unique(again)]) == {300.0}
