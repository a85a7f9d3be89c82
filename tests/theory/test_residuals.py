"""What has not ended by the first day: conditional distributions against their closed forms, and renewal dates."""

from __future__ import annotations

from dataclasses import replace
from math import erfc, exp, log, sqrt

import numpy as np
import pytest

from sim.distributions import bind, longer, normal, normal_cdf, seen
from sim.simulate import simulate
from sim.spec import DecisionSpec, Opening, StudySpec, Timeline
from sim.spec.distribution import Distribution, Exponential, Lognormal, Triangular, Uniform, Weibull
from sim.spec.opening import Agreements, History, Standing, Unpaid
from sim.world import World
from tests.theory.studies import OFFICE_HOURS, business, desk, fixed, gate, market, policy, study, term, wait

ALL = ("all",)
GRID = (np.arange(20_000) + 0.5) / 20_000
KINDS: list[Distribution] = [
    Exponential("exponential", 3.0),
    Lognormal("lognormal", 20.0, 0.6),
    Weibull("weibull", 10.0, 2.0),
    Uniform("uniform", 60.0, 180.0),
    Triangular("triangular", 1.0, 4.0, 10.0),
]


def left(distribution: Distribution, spent: float) -> np.ndarray:
    """What is left beyond ``spent``, at all quantiles."""
    zeros = np.zeros(len(GRID), int)
    return longer(bind(distribution, ALL), np.full(len(GRID), spent), GRID, zeros) - spent


@pytest.mark.parametrize("distribution", KINDS, ids=lambda d: d.kind)
def test_the_distribution_function_undoes_the_quantiles(distribution: Distribution) -> None:
    bound, zeros = bind(distribution, ALL), np.zeros(len(GRID), int)
    assert bound.cdf(bound.ppf(GRID, zeros), zeros) == pytest.approx(GRID, abs=1e-12)


@pytest.mark.parametrize("spent", [0.0, 1.0, 30.0])
def test_an_exponential_time_has_no_memory(spent: float) -> None:
    assert left(KINDS[0], spent) == pytest.approx(-3.0 * np.log1p(-GRID), rel=1e-6, abs=1e-9)


def test_a_lognormal_time_grows_longer_the_longer_it_lasts() -> None:
    """Mean residual life: m exp(s^2 / 2) Q(z - s) / Q(z) - t with z = ln(t / m) / s, Q the normal tail."""
    found = []
    for spent in (5.0, 20.0, 60.0):
        z = log(spent / 20.0) / 0.6
        tail, shifted = (0.5 * erfc(x / sqrt(2)) for x in (z, z - 0.6))
        expected = 20.0 * exp(0.6**2 / 2) * shifted / tail - spent
        assert left(KINDS[1], spent).mean() == pytest.approx(expected, rel=2e-3)
        found.append(expected)
    assert found[1] < found[2]


@pytest.mark.parametrize("distribution", KINDS, ids=lambda d: d.kind)
def test_what_is_found_under_way_is_longer_in_proportion_to_its_length(distribution: Distribution) -> None:
    """Mean of the length-biased distribution: E X^2 / E X."""
    u = GRID[::20]
    values = bind(distribution, ALL).ppf(GRID, np.zeros(len(GRID), int))
    expected = (values**2).mean() / values.mean()
    assert seen(bind(distribution, ALL), u, np.zeros(len(u), int)).mean() == pytest.approx(expected, rel=5e-3)


def test_the_normal_distribution_function_undoes_the_quantile() -> None:
    assert normal_cdf(normal(GRID)) == pytest.approx(GRID, abs=1e-13)


def ends(spec: StudySpec, standing: Standing) -> np.ndarray:
    """When each account leaves the stop at which it stands."""
    opening = Opening(standing, Agreements.make(0), Unpaid.make(0), History.make(0))
    tables = simulate(Timeline(spec=spec, opening=opening), 1, 0, wanted=("events",)).tables
    found = np.full(len(standing), np.nan)
    events = tables["events"]
    rows = events["activity"].codes == events["activity"].names.index("finished")  # type: ignore[union-attr]
    found[np.asarray(events["account"])[rows]] = np.asarray(events["time"])[rows]
    return found


def test_waits_end_where_the_closed_form_says() -> None:
    """Waits of 20 days at the median that have lasted 30: the median of what is left, and none has ended before."""
    route = {"start": wait(KINDS[1], then="end")}
    found = ends(
        study(business(route), 2000.0, market=market(accounts=4000)),
        Standing.make(4000, account=np.arange(4000), stop=0, entered=-30.0),
    )
    reached = normal_cdf(np.array([log(30 / 20) / 0.6]))[0]
    median = 20.0 * exp(0.6 * normal(np.array([reached + (1 - reached) / 2]))[0]) - 30.0
    assert found.min() > 0
    assert np.median(found) == pytest.approx(median, rel=0.08)


def test_terms_end_on_their_renewal_dates() -> None:
    """Renewal dates are facts: a term ends on its own, and one that is over is up at once."""
    dates = [12.5, 100.0, 364.25, -20.0]
    standing = Standing.make(
        4, account=np.arange(4), stop=0, entered=[-300.0, -10.0, -1.0, -400.0], term_ends=dates, customer_since=-400.0
    )
    spec = study(business({"start": term(12, "end")}), 400.0, market=market(accounts=4))
    assert ends(spec, standing).tolist() == [12.5, 100.0, 364.25, 0.0]


def crew(heads: int) -> StudySpec:
    """Jobs of 20 hours each in office hours; day 0 is a Wednesday."""
    route = {"start": desk("crew", fixed(20.0), "end")}
    rules = policy({"crew": heads}, OFFICE_HOURS)
    return study(business(route), 100.0, market=market(accounts=4), policy=rules)


def test_work_under_way_takes_what_is_left_of_its_hours() -> None:
    """Begun on Monday morning: 16 hours are done, 4 are left."""
    standing = Standing.make(1, account=0, stop=0, entered=-3.0, started=-2 + 9 / 24, served=True)
    assert ends(crew(1), standing)[0] == pytest.approx(13 / 24, abs=1e-5)


def test_the_oldest_are_in_work_and_the_others_wait_in_their_order() -> None:
    standing = Standing.make(4, account=np.arange(4), stop=0, entered=[-1.0, -9.0, -5.0, -7.0])
    found = ends(crew(1), standing)
    assert np.argsort(found).tolist() == [1, 3, 2, 0]
    assert 0 < found[1] <= 4


def test_a_person_more_than_before_takes_up_who_waits() -> None:
    """Three people on the first day where one was in work: the two oldest who wait begin at the opening."""
    standing = Standing.make(
        4, account=np.arange(4), stop=0, entered=[-9.0, -5.0, -7.0, -1.0], started=[-2 + 9 / 24, *[np.nan] * 3],
        served=[True, False, False, False],
    )  # fmt: skip
    found = ends(crew(3), standing)
    assert found[0] == pytest.approx(13 / 24, abs=1e-5)
    assert found[1] == found[2] == pytest.approx(2 + 13 / 24, abs=1e-5)
    assert found[3] > found[1]


def test_who_waits_for_people_that_need_not_be_there_goes_on_without_them() -> None:
    route = {
        "start": replace(desk("crew", fixed(20.0), "rest"), desks={"crew": "optional"}),
        "rest": wait(fixed(3.0), "end"),
    }
    rules = policy({"crew": 0}, OFFICE_HOURS)
    spec = study(business(route), 100.0, market=market(accounts=4), policy=rules)
    standing = Standing.make(4, account=np.arange(4), stop=0, entered=-5.0)
    assert ends(spec, standing).tolist() == [3.0] * 4


def test_survivors_are_more_inclined_to_stay_than_newcomers() -> None:
    """Posterior mean of a frailty after k renewals, by quadrature: the density times the chance of staying k times."""
    decision = DecisionSpec(base=0.7, frailty=1.0, occurrence="carried")
    route = {"start": term(12, "renewal"), "renewal": gate("renew", "start")}
    spec = study(business(route, {"renew": decision}), 10.0, market=market(accounts=4000))
    standing = Standing.make(
        4000, account=np.arange(4000), stop=0, entered=-1.0, stays=5, customer_since=-2000.0, term_ends=300.0
    )
    opening = Opening(standing, Agreements.make(0), Unpaid.make(0), History.make(0))
    world = World(Timeline(spec=spec, opening=opening), 1, 0)
    z = np.linspace(-9, 9, 4001)
    weight = np.exp(-z * z / 2) / (1 + np.exp(-(log(0.7 / 0.3) + z))) ** 5
    expected = (weight * z).sum() / weight.sum()
    found = [world.decision("renew").base_terms(account)["frailty"] for account in range(4000)]
    assert np.mean(found) == pytest.approx(expected, abs=0.05)
    assert expected > 0.5
