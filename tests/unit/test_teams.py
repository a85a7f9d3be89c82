"""Desks: seats, queue, changes of heads."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.journey.case import Case
from sim.teams import Desk


class Work:
    """A stop that notes who began at which seat, and who passed by."""

    def __init__(self, optional: bool = False) -> None:
        self.optional = optional
        self.begun: list[tuple[int, int, float]] = []
        self.skipped: list[int] = []

    def skip(self, case: Case, now: float) -> None:
        self.skipped.append(case.account)

    def begin(self, case: Case, seat: int, now: float) -> None:
        self.begun.append((case.account, seat, now))


def case(account: int, work: Work) -> Case:
    made = Case(account, 0)
    made.stop = work  # type: ignore[assignment]
    return made


def busy(heads: int) -> Desk:
    """A desk all of whose seats are taken, lowest first."""
    desk = Desk("sales", 0, heads)
    assert [desk.free.pop() for _ in range(heads)] == list(range(heads))
    return desk


def test_a_released_seat_takes_the_first_in_the_queue() -> None:
    desk, work = busy(2), Work()
    desk.queue.extend(case(account, work) for account in (7, 8, 9))
    desk.release(1, 3.0)
    desk.release(0, 4.0)
    assert work.begun == [(7, 1, 3.0), (8, 0, 4.0)]
    assert [waiting.account for waiting in desk.queue] == [9]
    assert desk.free == []


def test_a_released_seat_is_free_when_nobody_waits() -> None:
    desk = busy(2)
    desk.release(1, 3.0)
    assert desk.free == [1]


def test_fewer_heads_let_the_seat_go_when_its_work_is_done() -> None:
    desk, work = busy(3), Work()
    desk.queue.append(case(7, work))
    desk.staff(1, 5.0)
    assert (desk.heads, desk.free) == (1, [])
    desk.release(2, 6.0)
    desk.release(1, 6.5)
    assert (desk.free, work.begun) == ([], [])
    desk.release(0, 7.0)
    assert work.begun == [(7, 0, 7.0)]


def test_fewer_heads_send_free_seats_home_at_once() -> None:
    desk = Desk("sales", 0, 4)
    desk.staff(2, 5.0)
    assert sorted(desk.free) == [0, 1]


def test_more_heads_take_up_the_queue_in_order() -> None:
    desk, work = busy(1), Work()
    desk.queue.extend(case(account, work) for account in (7, 8, 9))
    desk.staff(3, 5.0)
    assert work.begun == [(7, 1, 5.0), (8, 2, 5.0)]
    assert len(desk.queue) == 1


def test_a_seat_that_was_let_go_and_comes_back_before_its_work_is_done_works_on() -> None:
    desk, work = busy(2), Work()
    desk.staff(1, 5.0)
    desk.staff(2, 6.0)
    assert desk.free == []
    desk.queue.append(case(7, work))
    desk.release(1, 7.0)
    assert work.begun == [(7, 1, 7.0)]


def test_a_desk_that_closes_hands_on_who_waits_for_optional_work() -> None:
    desk, needed, optional = busy(1), Work(), Work(optional=True)
    desk.queue.extend(case(account, work) for account, work in ((7, optional), (8, needed), (9, optional)))
    desk.staff(0, 5.0)
    assert (optional.skipped, needed.skipped) == ([7, 9], [])
    desk.release(0, 6.0)
    assert [waiting.account for waiting in desk.queue] == [8]
    desk.staff(1, 7.0)
    assert needed.begun == [(8, 0, 7.0)]


def test_the_same_number_of_heads_is_no_change() -> None:
    desk = Desk("sales", 0, 2)
    desk.staff(2, 5.0)
    assert desk.history == [(0.0, 2)]


@pytest.mark.parametrize(
    ("first", "last", "mean"), [(0, 10, 2.0), (10, 20, 4.0), (0, 20, 3.0), (5, 15, 3.0), (20, 30, 1.0), (0, 40, 2.0)]
)
def test_mean_heads(first: float, last: float, mean: float) -> None:
    desk = Desk("sales", 0, 2)
    desk.staff(4, 10.0)
    desk.staff(1, 20.0)
    assert desk.mean_heads(first, last) == pytest.approx(mean)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    heads=st.integers(0, 4),
    steps=st.lists(st.one_of(st.just("arrive"), st.integers(0, 9), st.integers(0, 5).map(float)), max_size=60),
)
def test_no_seat_is_lost_or_doubled(heads: int, steps: list[str | int | float]) -> None:
    """Arrivals, releases (int: which) and staffing (float: heads) in any order."""
    desk, work = Desk("sales", 0, heads), Work()
    served, account = [], 0
    for now, step in enumerate(steps):
        taken = _taken(desk, work, served)
        if step == "arrive":
            account += 1
            if desk.free:
                work.begin(case(account, work), desk.free.pop(), now)
            else:
                desk.queue.append(case(account, work))
        elif isinstance(step, float):
            desk.staff(int(step), now)
        elif taken:
            done = taken[step % len(taken)]
            served.append(done)
            desk.release(done[1], now)
        _check(desk, work, served)
    assert [begun[0] for begun in work.begun] == list(range(1, len(work.begun) + 1))


def _taken(desk: Desk, work: Work, served: list[tuple[int, int, float]]) -> list[tuple[int, int, float]]:
    return [begun for begun in work.begun if begun not in served]


def _check(desk: Desk, work: Work, served: list[tuple[int, int, float]]) -> None:
    seats = [seat for _, seat, _ in _taken(desk, work, served)]
    assert len(set(seats)) == len(seats)
    assert not set(seats) & set(desk.free)
    present = set(range(desk.heads))
    assert present <= set(seats) | set(desk.free)
    assert set(desk.free) <= present
    assert not (desk.free and desk.queue)
