"""Dated changes: heads that come and go while people work, prices, spend, the edges of the horizon."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sim.simulate import Run
from tests.fixtures.studies import Document, changed, difference, rows, run, standard, study, values, well_formed, where


def count(made: Run, **equal: str) -> int:
    """Events that match."""
    return int(where(made.tables["events"], **equal).sum())


def jobs(made: Run, desk: str) -> list[tuple[int, str, float, float]]:
    """(account, seat, start, end) of all work of a desk; work still under way ends at infinity."""
    events = made.tables["events"]
    begun: dict[int, tuple[str, float]] = {}
    found = []
    mine = where(events, resource=desk)
    columns = (values(events[c])[mine].tolist() for c in ("account", "activity", "owner", "time"))
    for account, activity, owner, time in zip(*columns, strict=True):
        if activity == "started":
            begun[account] = (owner, time)
        elif activity == "finished":
            found.append((account, *begun.pop(account), time))
    return found + [(account, owner, start, np.inf) for account, (owner, start) in begun.items()]


def staffed(heads: int) -> Document:
    return changed(study(accounts=600, days=300), {"policy.desks.inside.heads": heads, "policy.desks.field.heads": 20})


def test_heads_that_come_and_go_while_they_work() -> None:
    made = run(staffed(2), (30.4, staffed(6)), (61.4, staffed(1)), (91.4, staffed(4)), (92.4, staffed(3)))
    well_formed(made)
    work = jobs(made, "inside")
    assert len(work) > 300
    seats: dict[str, list[tuple[float, float]]] = {}
    for _, seat, start, end in sorted(work, key=lambda job: job[2]):
        seats.setdefault(seat, []).append((start, end))
    assert len(seats) == 6
    for done in seats.values():
        assert all(end <= start for (_, end), (start, _) in pairwise(done))
    for low, high, heads in ((0, 30.4, 2), (30.4, 61.4, 6), (61.4, 91.4, 1), (91.4, 92.4, 4), (92.4, 300.0, 3)):
        newly = {seat for _, seat, start, _ in work if low < start < high}
        assert newly <= {f"inside-{i + 1}" for i in range(heads)}, (low, heads)
    staffing = made.tables["staffing"]
    heads_by_month = staffing["heads"][where(staffing, desk="inside")]
    assert heads_by_month[:2] == pytest.approx([2, (13.4 * 2 + 14.6 * 6) / 28])
    assert (heads_by_month[5:] == 3).all()


def test_work_under_way_is_finished_by_a_seat_that_goes() -> None:
    plain, fewer = run(staffed(6)), run(staffed(6), (40.5, staffed(0)))
    before = {job[:3]: job[3] for job in jobs(plain, "inside") if job[2] < 40.5}
    after = {job[:3]: job[3] for job in jobs(fewer, "inside")}
    assert after == before
    assert any(end > 40.5 for end in after.values())


def test_a_desk_that_closes_lets_its_queue_pass_if_the_work_is_optional() -> None:
    crowded = run(staffed(1), (100.0, staffed(0)))
    well_formed(crowded)
    assert count(run(changed(staffed(1), {"horizon.days": 100})), resource="inside", note="open") > 1
    assert count(crowded, resource="inside", note="open") == 0


def test_a_desk_that_opens_late_serves_in_the_order_of_arrival() -> None:
    def crew(heads: int) -> Document:
        return changed(study(), {"policy.desks.field.heads": heads})

    made = run(crew(0), (150.0, crew(3)))
    work = jobs(made, "field")
    assert len(work) > 30
    events = made.tables["events"]
    mine = where(events, resource="field", activity="queued") & (events["time"] < 150)
    waiting = list(dict.fromkeys(events["account"][mine].tolist()))
    served = [account for account, _, start, _ in sorted(work, key=lambda job: job[2]) if account in waiting]
    assert set(served[:3]) == set(waiting[:3])
    assert min(start for _, _, start, _ in work) >= 150
    assert len(made.warnings) > 0


@pytest.mark.parametrize("day", [0.0, 17.0, 45.25, 400.0, 5000.0])
def test_changes_at_the_edges_of_the_horizon(day: float) -> None:
    later = changed(study(), {"policy.desks.inside.heads": 1, "business.decisions.sign.base": 0.9})
    made = run(study(), (day, later))
    well_formed(made)
    assert (difference(made, standard("subscription")) == "") == (day >= 400)


def test_a_change_on_the_first_day_is_the_study_itself() -> None:
    other = changed(study(), {"business.decisions.sign.base": 0.9, "policy.products.main.price": 900})
    changed_at_once, plain = run(study(), (0.0, other)), run(other)
    for name in ("events", "decisions", "ledger"):
        assert rows(changed_at_once.tables[name]) == rows(plain.tables[name])


def test_of_two_changes_on_a_day_the_later_one_holds() -> None:
    one, two = (changed(study(), {"business.decisions.sign.base": base}) for base in (0.1, 0.9))
    assert difference(run(study(), (50.0, one), (50.0, two)), run(study(), (50.0, two))) == ""


def test_prices_change_for_new_contracts_only() -> None:
    dear = changed(study(), {"business.revenue.main.price_year": 2400, "business.revenue.main.expand": None})
    document = changed(study(), {"business.revenue.main.expand": None})
    table = run(document, (200.0, dear)).tables["subscriptions"]
    units = values(table["mrr"]) / 10_000
    late = table["start"] >= np.datetime64("2025-01-15") + 200
    assert (units[~late] == np.rint(units[~late])).all()
    assert (units[late] >= 2).all()
    assert (units[late] % 2 == 0).all()


def test_spend_changes_what_comes_after() -> None:
    document = changed(study(), {"market.channels.friends": None, "market.noise": 0})
    more = changed(document, {"policy.channels.search.spend_month": 40000})
    made = run(document, (100.0, more))
    plain = run(document)
    early, late = ([count_touches(m, "search", a, b) for m in (plain, made)] for a, b in ((0.0, 100.0), (100.0, 130.0)))
    assert early[0] == early[1]
    assert late[1] > 1.5 * late[0]


def count_touches(made: Run, channel: str, low: float, high: float) -> int:
    events = made.tables["events"]
    touched = where(events, activity="touched", channel=channel)
    return int((touched & (events["time"] >= low) & (events["time"] < high)).sum())
