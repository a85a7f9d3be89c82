"""Routes and sizes that cannot be meant: circles, times below 0, desks with more work than time, runs too large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenarios.errors import InputError
from scenarios.studies.budget import LIMITS, Size, excess, size, together, together_over
from scenarios.studies.compose import compose
from scenarios.studies.load import Fluid
from scenarios.studies.study import Study, restore
from sim.simulate import simulate

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
NOTHING = "{kind: fixed, value: 0}"
HEADS = "policy.desks.sales.heads"


def small(*overrides: str) -> Study:
    """The small study under these overrides."""
    return compose("mini", ["effects=none", *overrides], config_dir=MINI)


def problems_of(*overrides: str) -> list[str]:
    """What is wrong with the small study under these overrides."""
    with pytest.raises(InputError) as caught:
        small(*overrides)
    return caught.value.problems


CIRCLES = {
    "work that takes no time": (
        "business.route.call.otherwise=call",
        f"business.route.call.work_hours={NOTHING}",
    ),
    "a pool that lets go at once": (
        f"business.route.call.work_hours={NOTHING}",
        f"business.route.pool.cooling_days={NOTHING}",
    ),
    "no time for one segment": (
        "business.route.call.otherwise=call",
        "business.route.call.work_hours={kind: uniform, low: 0, high: {small: 1, large: 0}}",
    ),
}


@pytest.mark.parametrize("overrides", CIRCLES.values(), ids=CIRCLES)
def test_a_circle_in_which_no_time_passes_is_refused(overrides: tuple[str, ...]) -> None:
    """The simulation would never come to its second day."""
    problems = problems_of(*overrides)
    assert len(problems) == 1
    assert problems[0].startswith("business.route.call: is in a circle without delay, got call")


@pytest.mark.parametrize(
    "overrides",
    [
        (f"business.route.pool.cooling_days={NOTHING}",),
        (f"business.route.call.work_hours={NOTHING}", f"business.route.pool.cooling_days={NOTHING}",
         "business.route.pool.tries=0"),
    ],
)  # fmt: skip
def test_a_circle_with_time_in_it_is_not(overrides: tuple[str, ...]) -> None:
    """A call takes hours; a pool from where nobody returns is no circle."""
    assert small(*overrides)


NEGATIVE = [
    ("business.route.call.work_hours={kind: fixed, value: -2}", "business.route.call.work_hours.value"),
    ("business.route.pool.cooling_days={kind: fixed, value: -5}", "business.route.pool.cooling_days.value"),
    ("business.route.trial.delay_days={kind: uniform, low: -5, high: 3}", "business.route.trial.delay_days.low"),
    (
        "market.payment.delay_days={kind: fixed, value: {small: -5, large: 1}}",
        "market.payment.delay_days.value.small",
    ),
]


@pytest.mark.parametrize(("override", "where"), NEGATIVE)
def test_times_below_zero_are_refused(override: str, where: str) -> None:
    """Nothing ends before it has begun."""
    problems = problems_of(override)
    assert [problem.split(", ")[0] for problem in problems] == [f"{where}: must be 0 or more"]


def of_load(study: Study) -> list[str]:
    """Warnings of desks with more work than time."""
    return [text for text in study.warnings if "is too few, load" in text]


def test_a_desk_with_too_much_work_is_a_warning() -> None:
    """Which desk, how much, how many will wait; enough people, and it is gone; a stored study does not say it again."""
    study = small("market.channels.search.rate_month=0.2", f"{HEADS}=1", "market.accounts=4000")
    (text,) = of_load(study)
    found = Fluid(study.timeline).run()["sales"]
    assert text.startswith(f"{HEADS}: is too few, load {found.load:.2f}")
    assert f"about {found.waiting:,.0f} companies wait at the horizon" in text
    enough = int(np.ceil(found.load)) + 1
    assert not of_load(small("market.channels.search.rate_month=0.2", f"{HEADS}={enough}", "market.accounts=4000"))
    assert not of_load(restore(study.source))


def test_no_people_at_all_is_said_once() -> None:
    """A load without end is no second warning."""
    study = small(f"{HEADS}=0")
    assert [text.split(",")[0] for text in study.warnings if HEADS in text] == [
        f"{HEADS}: is 0 and stop call requires the desk; accounts wait there for good"
    ]


def waiting(tables: dict[str, Any]) -> int:
    """Simulated companies that wait for the desk at the horizon."""
    activity, resource = tables["events"]["activity"], tables["events"]["resource"]
    here = resource.codes == resource.names.index("sales")
    queued, started = (activity.codes == activity.names.index(name) for name in ("queued", "started"))
    return int((queued & here).sum() - (started & here).sum())


@pytest.mark.parametrize("days", [365, 1095])
def test_the_queue_is_that_of_the_simulation(days: int) -> None:
    """One person with too much work: what is left over is arrivals less what the hours of one person allow."""
    study = small("market.accounts=3000", "market.channels.search.rate_month=0.4", f"{HEADS}=1",
                  "market.noise=0", f"horizon.days={days}")  # fmt: skip
    found = Fluid(study.timeline).run()["sales"]
    assert found.load > 1
    assert found.waiting == pytest.approx(waiting(simulate(study.timeline, 1, 0).tables), rel=0.1)


def test_the_queue_of_one_desk_in_closed_form() -> None:
    """Nobody comes twice and everybody stays small: a whole market reached, one person, hours counted by hand."""
    study = small(
        "market.accounts=2000", "market.channels.search={rate_month: 10, reference_spend: 0, word_of_mouth: 0}",
        "business.decisions.qualify.base=0", "business.route.pool.tries=0", f"{HEADS}=1",
        "business.route.call.work_hours={kind: fixed, value: 4}", "horizon.days=364",
        "policy.calendar={workdays: 7, open_hour: 0, hours: 24}", "~policy.calendar.holidays.new_year",
    )  # fmt: skip
    found = Fluid(study.timeline).run()["sales"]
    assert found.asked == pytest.approx(2000 * 4)
    assert found.offered == pytest.approx(364 * 24)
    assert found.load == pytest.approx(8000 / 8736)


def test_a_dated_change_of_heads_counts() -> None:
    """People who go at half time leave half the hours."""
    change = f"policy.changes.gone={{key: {HEADS}, date: 2025-07-02, value: 0}}"
    plain, gone = (small("horizon.days=364", *more) for more in ((), (change,)))
    hours = [Fluid(study.timeline).run()["sales"].offered for study in (plain, gone)]
    assert hours[1] == pytest.approx(hours[0] / 2, rel=0.02)


BUDGETS = [
    # overrides, where, the key that raises the limit
    (("market.accounts=3000000", "replications=1"), "market.accounts", "execution.budget.events="),
    (("market.accounts=3000000", "replications=1"), "market.accounts", "execution.budget.memory="),
    (("market.accounts=1", "replications=100000"), "replications", "execution.budget.events="),
    (("market.accounts=10", "replications=50", "execution.budget.runs=49"), "replications", "execution.budget.runs="),
    (("market.accounts=100000", "replications=8", "execution.workers=8"), "market.accounts", "execution.budget.memory"),
]


@pytest.mark.parametrize(("overrides", "where", "key"), BUDGETS)
def test_a_run_over_its_budget_is_refused(overrides: tuple[str, ...], where: str, key: str) -> None:
    """The estimate, the limit, and the key that raises it, which is enough."""
    problems = problems_of(*overrides)
    (hit,) = [problem for problem in problems if key in problem]
    assert hit.startswith(f"{where}: needs about")
    raised = [problem.split("or ")[1].split(" ")[0] for problem in problems]
    assert small(*overrides, *raised)


def test_what_runs_today_is_within_the_budget() -> None:
    """A study as shipped, and one of 100,000 companies and ten replications that fits into 2 GiB."""
    config = small().config
    assert not excess(size({**config, "replications": 20}, 5000), {"events": 1e8, **LIMITS})
    assert not excess(size({**config, "replications": 10}, 100_000), {"events": 1e8, **LIMITS})


def test_plans_share_the_budget() -> None:
    """Events and runs of plans add up, their memory does not."""
    sizes = [Size(10.0, 300.0, 5), Size(30.0, 200.0, 5)]
    assert together(sizes) == Size(40.0, 300.0, 10)
    config = small("replications=20", "execution.budget.runs=50").config
    assert together_over([config, config]) == []
    (problem,) = together_over([config] * 3)
    assert problem.startswith("scenarios: needs about 60 runs, got a budget of 50; fewer, or execution.budget.runs=61")
