"""Desks in the log and in the staffing table: seats, queues, waits, load."""

from __future__ import annotations

import numpy as np
import pytest

from sim.calendar import WorkCalendar
from sim.recorder import VISIT, Table
from sim.staffing import staffing
from sim.tables import month_bounds
from sim.world import World
from tests.fixtures.studies import (
    KINDS,
    Document,
    build,
    changed,
    records,
    run,
    standard,
    study,
    timeline,
    values,
    where,
)  # fmt: skip

HEADS = {"inside": 3, "field": 4}


def test_no_seat_works_for_two_at_once() -> None:
    document = changed(study(accounts=600), {"policy.desks.inside.heads": 1, "policy.desks.field.heads": 2})
    jobs: dict[str, list[tuple[float, float]]] = {}
    began: dict[int, float] = {}
    for account, activity, owner, time in records(
        run(document).tables["events"], "account", "activity", "owner", "time"
    ):
        if activity == "started":
            began[account] = time
        elif activity == "finished" and owner is not None:
            jobs.setdefault(owner, []).append((began.pop(account), time))
    assert jobs.keys() == {"inside-1", "field-1", "field-2"}
    for done in jobs.values():
        assert len(done) > 100
        assert all(end <= start for (_, end), (start, _) in zip(sorted(done), sorted(done)[1:], strict=False))


def test_queues_are_served_first_come_first_served() -> None:
    document = changed(study(accounts=600), {"policy.desks.inside.heads": 1})
    arrived: dict[int, float] = {}
    last, waited = -1.0, 0
    for account, activity, stage, time in records(
        run(document).tables["events"], "account", "activity", "stage", "time"
    ):
        if stage == "call" and activity == "queued":
            arrived[account] = time
        elif stage == "call" and activity == "started":
            since = arrived.pop(account)
            assert since >= last
            last = since
            waited += len(arrived) > 0
    assert waited > 20


@pytest.mark.parametrize("kind", KINDS)
def test_staffing_is_what_the_events_say(kind: str) -> None:
    document, tables = study(kind), standard(kind).tables
    staffing, events = tables["staffing"], tables["events"]
    assert set(values(staffing["desk"])) == set(HEADS)
    assert len(staffing["ds"]) == 2 * 14
    assert staffing["heads"].tolist() == [HEADS[desk] for desk in values(staffing["desk"])]
    for desk in HEADS:
        mine = where(staffing, desk=desk)
        begun = events["timestamp"][where(events, resource=desk, activity="started")].astype("datetime64[M]")
        ends = staffing["ds"][mine].astype("datetime64[M]")
        assert staffing["started"][mine].tolist() == [int((begun == end).sum()) for end in ends]
        assert staffing["busy_hours"][mine].tolist() == pytest.approx(busy(document, events, desk), abs=1e-3)
        assert (staffing["busy_hours"][mine] <= staffing["capacity_hours"][mine] + 1e-6).all()


def busy(document: Document, events: Table, desk: str) -> list[float]:
    """Hours worked by month, from the started and finished rows."""
    calendar = WorkCalendar(build(document).policy.calendar, "2025-01-15", 400.0)
    edges = calendar.worked(np.array(month_bounds("2025-01-15", 400.0)[0]))
    began: dict[int, float] = {}
    jobs: list[tuple[float, float]] = []
    for account, activity, resource, time in records(events, "account", "activity", "resource", "time"):
        if resource == desk and activity == "started":
            began[account] = time
        elif resource == desk and activity == "finished":
            jobs.append((began.pop(account), time))
    jobs += [(start, 400.0) for start in began.values()]
    spans = [calendar.worked(np.array(job)) for job in jobs]
    return sum(np.diff(np.clip(edges, low, high)) for low, high in spans).tolist()


def test_capacity_is_heads_times_working_hours() -> None:
    staffing = standard("subscription").tables["staffing"]
    mine = where(staffing, desk="inside")
    ends = staffing["ds"][mine].astype("datetime64[M]")
    first = np.maximum(ends.astype("datetime64[D]"), np.datetime64("2025-01-15"))
    last = np.minimum((ends + 1).astype("datetime64[D]"), np.datetime64("2026-02-19"))
    days = np.busday_count(first, last, holidays=["2025-01-01", "2025-05-01", "2025-10-01"])
    assert staffing["capacity_hours"][mine].tolist() == (days * 8.0 * 3).tolist()


def test_waits_and_queues_obey_little() -> None:
    """Sum of waits = integral of the queue, on the path itself."""
    tables = run(changed(study(accounts=900, days=300), {"policy.desks.inside.heads": 1})).tables
    staffing = tables["staffing"]
    joined: dict[int, float] = {}
    waits: list[float] = []
    for account, activity, resource, time in records(tables["events"], "account", "activity", "resource", "time"):
        if resource == "inside" and activity == "queued":
            joined[account] = time
        elif resource == "inside" and activity == "started":
            waits.append(time - joined.pop(account))
    mine = where(staffing, desk="inside")
    assert sum(waits) > 100
    assert joined
    assert np.nansum(staffing["wait_days"][mine] * staffing["started"][mine]) == pytest.approx(sum(waits))
    stood = sum(waits) + sum(300.0 - since for since in joined.values())
    lengths = np.diff(month_bounds("2025-01-15", 300.0)[0])
    assert (staffing["queue_mean"][mine] * lengths).sum() == pytest.approx(stood)


def test_work_that_began_before_the_first_day() -> None:
    """Begun before: its hours from day 0 on, and none of a month's starts. Joined before: its whole wait."""
    world = World(timeline(study(start="2025-02-03", days=25.0)), 1, 0)
    rows = np.zeros(2, VISIT)
    rows["code"] = world.stops["call"].code
    rows["queued"], rows["started"], rows["finished"] = (-5.0, -4.0), (-2.0, 1.5), (1.5, 2.0)
    made = staffing(world, rows, 0)
    mine = where(made, desk="inside")
    assert made["started"][mine].tolist() == [1]
    assert made["wait_days"][mine].tolist() == [5.5]
    assert made["busy_hours"][mine].tolist() == [8 + 3 + 5]
    assert made["queue_mean"][mine].tolist() == [1.5 / 25]


def test_months_touched_by_the_horizon() -> None:
    bounds, ends = month_bounds("2025-01-31", 30.0)
    assert bounds == [0.0, 1.0, 29.0, 30.0]
    assert [str(d)[:10] for d in ends] == ["2025-01-31", "2025-02-28", "2025-03-31"]
    bounds, ends = month_bounds("2024-12-01", 31.0)
    assert (bounds, [str(d)[:10] for d in ends]) == ([0.0, 31.0], ["2024-12-31"])
    bounds, ends = month_bounds("2024-02-10", 0.5)
    assert (bounds, [str(d)[:10] for d in ends]) == ([0.0, 0.5], ["2024-02-29"])
