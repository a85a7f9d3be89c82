"""Survival, incidence and cohorts: textbook data, hand-worked ties, agreement with the plain share."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.retention import (
    CENSORED,
    EVENT,
    RIVAL,
    cohort_retention,
    incidence,
    kaplan_meier,
    median,
    median_of_events,
    quantile,
)

LEUKAEMIA = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
"""Weeks of remission under 6-MP (Freireich and others, 1963): nine relapses, then twelve censored."""


def test_remissions_of_freireich() -> None:
    curve = kaplan_meier(np.array(LEUKAEMIA, float), np.arange(21) < 9)
    assert curve.time.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.value == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=5e-4)
    assert curve.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert median(curve) == 23
    assert curve.at(np.array([0.0, 5.9, 6.0, 40.0])) == pytest.approx([1, 1, 0.857, 0.448], abs=5e-4)


def test_at_ties_events_come_before_censorings() -> None:
    curve = kaplan_meier(np.array([2.0, 2.0, 2.0, 3.0]), np.array([True, False, True, True]))
    assert curve.value.tolist() == [0.5, 0]


def test_a_median_that_was_not_reached_is_undefined() -> None:
    curve = kaplan_meier(np.array([1.0, 5.0, 5.0]), np.array([True, False, False]))
    assert math.isnan(median(curve))
    assert quantile(curve, 1 / 3) == 1
    nothing = kaplan_meier(np.array([]), np.array([], bool))
    assert math.isnan(median(nothing))
    assert nothing.last == 1


def test_incidence_with_a_rival_by_hand() -> None:
    fate = np.array([EVENT, RIVAL, CENSORED, EVENT, EVENT])
    curve = incidence(np.array([1.0, 2.0, 3.0, 4.0, 6.0]), fate)
    assert curve.time.tolist() == [1, 2, 4, 6]
    assert curve.value == pytest.approx([0.2, 0.2, 0.5, 0.8])
    assert curve.last == pytest.approx(0.8)
    assert median_of_events(curve) == 4


def test_without_censoring_incidence_is_the_plain_share() -> None:
    rng = np.random.default_rng(4)
    duration, fate = rng.integers(0, 20, 500).astype(float), rng.integers(1, 3, 500)
    assert incidence(duration, fate).last == pytest.approx((fate == EVENT).mean())


def test_incidence_is_unbiased_where_the_share_of_the_decided_is_not() -> None:
    """Wins take 60 days, losses 10, 30 % win, starts are spread over 90 days of observation."""
    rng = np.random.default_rng(5)
    start, wins = rng.uniform(0, 90, 200_000), rng.random(200_000) < 0.3
    duration = np.where(wins, 60.0, 10.0)
    seen = start + duration <= 90
    fate = np.where(~seen, CENSORED, np.where(wins, EVENT, RIVAL))
    found = incidence(np.minimum(duration, 90 - start), fate).last
    assert found == pytest.approx(0.3, abs=0.01)
    assert (fate == EVENT).sum() / (fate != CENSORED).sum() < 0.15


def test_weights_are_repetitions() -> None:
    duration, fate = np.array([1.0, 2.0, 3.0, 4.0]), np.array([EVENT, RIVAL, EVENT, CENSORED])
    weight = np.array([3.0, 1.0, 2.0, 2.0])
    repeated = np.repeat(np.arange(4), weight.astype(int))
    weighted, plain = incidence(duration, fate, weight), incidence(duration[repeated], fate[repeated])
    assert weighted.value == pytest.approx(plain.value)


def test_geometric_lifetimes_give_the_geometric_curve() -> None:
    """A monthly chance of leaving of 4 %, entries spread over two years of three observed."""
    rng = np.random.default_rng(6)
    life, start = rng.geometric(0.04, 200_000), rng.integers(0, 24, 200_000)
    curve = kaplan_meier(np.minimum(life, 36 - start).astype(float), life <= 36 - start)
    assert curve.at(np.array([6.0, 12.0, 24.0])) == pytest.approx(0.96 ** np.array([6, 12, 24]), abs=0.005)


def test_cohorts_show_only_ages_that_everyone_could_reach() -> None:
    start, end = np.array([0.0, 10.0, 31.0, 40.0]), np.array([50.0, np.nan, np.nan, 45.0])
    shares = cohort_retention(start, end, np.array([0.0, 31.0, 59.0, 90.0]), np.array([0.0, 30.0, 60.0]), 90.0)
    assert np.array_equal(shares, [[1, 1, np.nan], [1, 0, np.nan], [np.nan] * 3], equal_nan=True)
    later = cohort_retention(start, end, np.array([0.0, 31.0, 59.0, 90.0]), np.array([49.0, 50.0]), 90.0)
    assert later[0] == pytest.approx([1, 2 / 3])


def test_late_entries_are_at_risk_from_then_on() -> None:
    """Three from the start, one seen from age 3 on: at age 2 there are three, at age 4 two."""
    curve = kaplan_meier(
        np.array([2.0, 4.0, 3.0, 5.0]), np.array([True, True, False, False]), entry=np.array([0.0, 0.0, 0.0, 3.0])
    )
    assert curve.at_risk.tolist() == [3, 2]
    assert curve.value == pytest.approx([2 / 3, 1 / 3])
    weighted = kaplan_meier(
        np.array([2.0, 4.0, 5.0]), np.array([True, True, False]), np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 3.0])
    )
    assert weighted.at_risk.tolist() == [3, 5]


def test_late_entries_do_not_make_lives_longer() -> None:
    """Of lives that began at any time before observation only the longer ones are seen."""
    rng = np.random.default_rng(3)
    began, life = rng.uniform(-40, 10, 40_000), rng.exponential(8.0, 40_000)
    seen = began + life > 0
    began, life = began[seen], life[seen]
    duration, event = np.minimum(life, 10 - began), began + life <= 10
    ages = np.array([2.0, 5.0, 12.0])
    truth = np.exp(-ages / 8)
    assert kaplan_meier(duration, event, entry=np.maximum(-began, 0.0)).at(ages) == pytest.approx(truth, abs=0.02)
    assert (kaplan_meier(duration, event).at(ages) > truth + 0.05).all()
