"""Contracts at a cutoff: terms, ages and decisions by hand; who leaves when, against binomial counts."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.forecast.book import PRIOR_SLOPE, Book, Delay, Terms, Tilt, book_of, delay_of, terms_of, tilt_of
from analysis.forecast.contracts import informed_churn, leaving, steps_ahead
from analysis.forecast.fitted import Fitted
from analysis.forecast.history import prepare
from analysis.forecast.naive import SeasonalNaive
from analysis.forecast.renewals import SBG, Decisions, Renewals
from analysis.forecast.sbg import ShiftedBetaGeometric
from analysis.tables import Tables
from sim.units import DAYS_PER_MONTH
from tests.fixtures.small_tables import accounts, day, frame, tables

CUTOFF = day(730).to_datetime64()
"""The end of the story: 1 January 2027."""

EDGES = np.cumsum([31.0, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
"""Ends of the months of 2027, in days from the cutoff."""

PATHS = 20_000
AT_ONCE = Delay(np.zeros(1), np.ones(1))


def contracts(rows: list[tuple[Any, ...]]) -> Tables:
    """Tables with these contracts: account, start, end, ended, mrr, outcome; days of the story."""
    made = [
        {"account": a, "contract": n, "product": "seat", "start": day(s), "end": day(e), "ended": day(x), "mrr": m,
         "amount": None if e is None else 12 * m, "outcome": o}
        for n, (a, s, e, x, m, o) in enumerate(rows)
    ]  # fmt: skip
    return tables(subscriptions=frame("subscriptions", made))


def terms(due: list[float], length: float = 365.25, mrr: float = 100.0, age: int = 0) -> Terms:
    """Terms in force that fall due on some days; a due date of NaN is an open-ended contract."""
    n, end = len(due), np.array(due)
    return Terms(
        start=np.where(np.isnan(end), -400.0, end - length), end=end, ended=np.full(n, np.nan), kept=np.ones(n, bool),
        age=np.full(n, age), decided=np.zeros(n, int), mrr=np.full(n, mrr), segment=np.zeros(n, int),
        spell=np.arange(n), monthly=np.full(n, length < 45) | np.isnan(end),
    )  # fmt: skip


def known(alpha: float, beta: float) -> Renewals:
    """A model whose parameters are known."""
    none = Decisions(np.array([]), np.array([]))
    return Renewals(SBG, ShiftedBetaGeometric(alpha, beta), np.tile((alpha, beta), (200, 1)), none)


def book(live: Terms, alpha: float, beta: float, **other: Any) -> Book:
    """A book without contracts to come, of which renewals are known."""
    settings = {"recent": live[np.zeros(0, int)], "delay": AT_ONCE, "growth": 0.0, "span": 365.25, **other}
    return Book(live=live, renewals={(bool(live.monthly[0]), 0): known(alpha, beta)}, **settings)


def sampled(of: Book, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return leaving(of, EDGES, PATHS, rng)


def own(values: list[float] | None = None) -> Fitted:
    """The series' own forecast, of 24 months that end with the story."""
    y = pd.Series(values or [1.0, 2.0] * 12, pd.date_range("2025-01-31", periods=24, freq="ME"))
    return SeasonalNaive().fit(y, 0.0)


# Terms


def test_terms_ages_and_decisions_of_the_small_story() -> None:
    """0 upgrades within its first term, renews on day 379 and falls due on 744; 1 leaves at its first renewal, 3
    within its term, and comes back with a term of its own."""
    found, growth = terms_of(tables(), CUTOFF)
    assert found.start.tolist() == [14 - 730, 379 - 730, 130 - 730, 90 - 730, 520 - 730]
    assert found.end.tolist() == [379 - 730, 744 - 730, 495 - 730, 455 - 730, 885 - 730]
    assert found.age.tolist() == [0, 1, 0, 0, 0]
    assert found.decided.tolist() == [1, 0, 1, 1, 0]
    assert found.kept[found.decided > 0].tolist() == [True, False, False]
    assert found.mrr.tolist() == [15_000, 12_000, 5_000, 100_000, 50_000]
    assert found.live.end.tolist() == [14, 155]
    assert not found.monthly.any()
    month = (186 * 10_000 + 179 * 15_000 + 351 * 12_000 + 370 * 5_000 + 310 * 100_000 + 210 * 50_000) / DAYS_PER_MONTH
    assert growth == pytest.approx((5_000 - 3_000) / month)


def test_decisions_by_hand() -> None:
    """Five first terms, of which three renew; two second ones are decided, one of them for leaving."""
    rows = [
        (0, 0, 100, 100, 1, "renewed"), (0, 100, 200, 200, 1, "churned"), (1, 0, 100, 110, 1, "renewed"),
        (1, 110, 200, 200, 1, "renewed"), (1, 200, 800, None, 1, "open"), (2, 0, 100, 100, 1, "renewed"),
        (2, 100, 800, None, 1, "open"), (3, 0, 100, 90, 1, "churned"), (4, 0, 100, 100, 1, "churned"),
    ]  # fmt: skip
    decisions = terms_of(contracts(rows), CUTOFF)[0].decisions()
    assert decisions.due.tolist() == [5, 2]
    assert decisions.kept.tolist() == [3, 1]


def test_open_ended_contracts_are_decided_in_every_month_that_is_over() -> None:
    """From 11 November 2026 on two months are over; given up in the third, two were kept and one was not."""
    rows = [(0, 679, None, None, 5, "open"), (1, 612, None, 670, 5, "churned")]
    found, _ = terms_of(contracts(rows), CUTOFF)
    assert found.monthly.all()
    assert found.decided.tolist() == [2, 3]
    assert found.decisions().due.tolist() == [2, 2, 1]
    assert found.decisions().kept.tolist() == [2, 2, 0]


def test_single_orders_renew_nothing() -> None:
    order = [
        {"account": 0, "contract": 1, "product": "machine", "start": day(3), "amount": 700, "outcome": "completed"}
    ]
    found, _ = terms_of(tables(subscriptions=frame("subscriptions", order)), CUTOFF)
    assert len(found.start) == 0
    assert found.decisions().points == 0


def test_monthly_terms_are_fitted_apart() -> None:
    rows = [(a, 300, 665, 665, 1, "renewed" if a else "churned") for a in range(4)]
    rows += [(4, s, s + 30, s + 30, 1, "renewed") for s in range(400, 640, 30)]
    found = book_of(contracts(rows), CUTOFF)
    assert sorted(monthly for monthly, _ in found.renewals) == [False, False, True]
    assert found.renewals[True, 0].decisions.due.tolist() == [1] * 8


def test_contracts_of_before_the_start_do_not_say_how_many_are_signed() -> None:
    """Half a year from a state on: one contract was signed since, three were in force then."""
    rows = [(a, 400 + a, 765 + a, None, 1, "open") for a in range(3)] + [(3, 600, 965, None, 1, "open")]
    found = book_of(contracts(rows), CUTOFF, since=CUTOFF - np.timedelta64(182, "D"))
    assert (len(found.recent.start), found.span) == (1, 182.0)
    assert len(found.live.start) == 4
    plain = book_of(contracts(rows), CUTOFF)
    assert (len(plain.recent.start), plain.span) == (3, 330.0)


def test_the_weight_of_the_other_segments_is_a_setting() -> None:
    """All of the small renew and none of the large: the more the others weigh, the more alike they are."""
    rows = [(a % 6, 10 * a, 10 * a + 100, 10 * a + 100, 1, "churned" if a % 6 > 2 else "renewed") for a in range(36)]
    first = [
        [model.curve.retention(1)[0] for _, model in sorted(book_of(contracts(rows), CUTOFF, weight).renewals.items())]
        for weight in (1.0, 500.0)
    ]
    assert first[0][1] - first[0][0] > first[1][1] - first[1][0] + 0.1


# Revenue


def decided(mrr: list[float], kept: list[bool]) -> Terms:
    """First terms that were decided, of one segment."""
    n = len(mrr)
    live = terms([-50.0] * n)
    return replace(live, ended=np.full(n, -50.0), kept=np.array(kept), decided=np.ones(n, int), mrr=np.array(mrr))


def test_larger_contracts_that_are_renewed_more_often_tilt_the_chances() -> None:
    """At the mode the pull of the data is that of the prior, slope / sd^2; the mirror image has the mirror slope."""
    mrr, kept = [100.0, 200, 400, 800, 1600, 3200], [False, False, True, False, True, True]
    model = {(False, 0): known(1.0, 1.0)}
    found = tilt_of(decided(mrr, kept), model)
    above = np.log(mrr) - np.log(mrr).mean()
    assert found.centre == pytest.approx(np.log(mrr).mean())
    assert above @ (np.array(kept) - 1 / (1 + np.exp(-found.slope * above))) == pytest.approx(
        found.slope / PRIOR_SLOPE**2
    )
    assert 0 < found.slope < 2 * PRIOR_SLOPE
    assert 0 < found.sd < PRIOR_SLOPE
    assert tilt_of(decided(mrr, kept[::-1]), model).slope == pytest.approx(-found.slope)


def test_how_far_revenue_may_tilt_the_chances_is_a_setting() -> None:
    """The narrower the prior, the less of what the data say is believed."""
    rows = [(a, 10 * a, 10 * a + 100, 10 * a + 100, 1, "renewed" if a % 4 > 1 else "churned") for a in range(36)]
    found = contracts(rows)
    found["subscriptions"]["mrr"] = [100.0 * 2 ** (a % 4) for a in range(36)]
    narrow, wide = (book_of(found, CUTOFF, prior_slope=sd).tilt for sd in (0.2, 1.0))
    assert 0 < narrow.slope < wide.slope - 0.2
    assert narrow.sd < 0.2 < wide.sd < 1.0


def test_where_revenue_says_nothing_chances_stay_as_they_are() -> None:
    model = {(False, 0): known(1.0, 1.0)}
    found = tilt_of(decided([100.0, 100, 900, 900], [True, False, True, False]), model)
    assert found.slope == pytest.approx(0, abs=1e-12)
    chance, none = np.array([0.1, 0.5, 0.9]), np.zeros(3)
    np.testing.assert_allclose(found.stay(chance, np.array([100.0, 300, 900]), none), chance)
    np.testing.assert_allclose(Tilt(3.0, 1.0, 1.0).stay(chance, none, np.ones(3)), chance)
    assert tilt_of(decided([np.nan] * 2, [True, False]), model) == Tilt()


def test_small_ones_leave_more_often() -> None:
    """A known slope of 1: ten times the revenue is ten times the odds of renewal."""
    live = replace(terms([70.0, 220.0]), mrr=np.array([100.0, 1000.0]))
    customers, _ = sampled(book(live, 1e6, 1e6, tilt=Tilt(np.log(100), 1.0, 0.0)))
    assert customers.mean(axis=0)[[2, 7]] == pytest.approx([1 / 2, 1 / 11], abs=0.015)


# Delays


def test_delays_by_kaplan_meier() -> None:
    """Decided after 0, 10 and 10 days; one still undecided after 5: survival 3/4, then 0."""
    rows = [(0, 0, 600, 600, 1, "renewed"), (1, 0, 600, 610, 1, "renewed"), (2, 0, 600, 610, 1, "churned"),
            (3, 0, 725, None, 1, "open"), (4, 0, 900, None, 1, "open")]  # fmt: skip
    found = delay_of(terms_of(contracts(rows), CUTOFF)[0])
    assert found.days.tolist() == [0, 10]
    assert found.share.tolist() == [0.25, 1.0]


def test_an_open_term_is_decided_later_than_now() -> None:
    delay = Delay(np.array([0.0, 10, 20]), np.array([0.5, 0.75, 1.0]))
    u = np.array([0.1, 0.49, 0.51, 0.9])
    assert delay.draw(u, np.full(4, -30.0)).tolist() == [0, 0, 10, 20]
    assert delay.draw(u, np.full(4, 5.0)).tolist() == [10, 10, 20, 20]
    assert delay.draw(u, np.full(4, 25.0)).tolist() == [25] * 4


# Who leaves


@pytest.mark.parametrize("age", [0, 2])
def test_yearly_renewals_are_binomial_counts(age: int) -> None:
    """30 fall due in March, 12 in August: binomial with the known chance of leaving at that renewal."""
    customers, revenue = sampled(book(terms([70.0] * 30 + [220.0] * 12, age=age), 0.7, 1.2))
    leave = 0.7 / (0.7 + 1.2 + age)
    for month, size in ((2, 30), (7, 12)):
        error = np.sqrt(size * leave * (1 - leave) / PATHS)
        assert abs(customers[:, month].mean() - size * leave) < 4.5 * error
        assert customers[:, month].var() == pytest.approx(size * leave * (1 - leave), rel=0.06)
    assert customers[:, [m for m in range(12) if m not in (2, 7)]].sum() == 0
    np.testing.assert_allclose(revenue, 100 * customers)
    assert abs(np.corrcoef(customers[:, 2], customers[:, 7])[0, 1]) < 0.04


def test_monthly_renewals_are_geometric() -> None:
    """A known constant rate of 9 in 10, open-ended or in terms of a month: 20 * .9^(k-1) * .1 leave in month k."""
    theory = 20 * 0.9 ** np.arange(12) * 0.1
    for live in (terms([np.nan] * 20), terms([12.0] * 20, length=DAYS_PER_MONTH)):
        customers, _ = sampled(book(live, 1e6, 9e6))
        error = np.sqrt(theory * (1 - theory / 20) / PATHS)
        assert (np.abs(customers.mean(axis=0) - theory) < 4.5 * error).all()
        assert customers.sum(axis=1).max() <= 20


def test_a_term_that_ends_twice_within_the_horizon_is_decided_twice() -> None:
    """Half-years due in January: half leave then, half of the rest in July."""
    customers, _ = sampled(book(terms([10.0] * 40, length=182.0), 1e6, 1e6))
    assert customers.mean(axis=0)[[0, 6]] == pytest.approx([20, 10], abs=0.15)
    assert customers.sum() == customers[:, [0, 6]].sum()


def test_a_term_that_ends_as_a_month_begins_is_lost_in_that_month() -> None:
    """At midnight of 1 February, which the metrics count to February as well."""
    customers, _ = sampled(book(terms([31.0] * 10), 1e6, 1e6))
    assert customers[:, 0].sum() == 0
    assert customers[:, 1].mean() == pytest.approx(5, abs=0.1)


def test_an_unsure_rate_is_unsure_for_all() -> None:
    live = terms([70.0] * 90 + [220.0] * 90)
    model = known(1.0, 1.0)
    rate = np.linspace(0.05, 0.35, 200)
    spread = replace(model, draws=np.column_stack((rate, 1 - rate)) * 1e6)
    customers, _ = sampled(replace(book(live, 1.0, 1.0), renewals={(False, 0): spread}))
    assert np.corrcoef(customers[:, 2], customers[:, 7])[0, 1] > 0.7
    assert customers[:, 2].mean() == pytest.approx(90 * rate.mean(), rel=0.02)


def test_delays_put_the_loss_off() -> None:
    """Due in March: a third at once, the others 40 days later, in April."""
    late = Delay(np.array([0.0, 40.0]), np.array([1 / 3, 1.0]))
    customers, _ = sampled(book(terms([70.0] * 90), 1e6, 1e6, delay=late))
    assert customers.mean(axis=0)[[2, 3]] == pytest.approx([15, 30], abs=0.2)


def test_revenue_in_force_grows_until_it_is_lost() -> None:
    customers, revenue = sampled(book(terms([10.0, 300.0]), 1e6, 1e6, growth=0.02))
    worth = 100 * 1.02 ** (np.array([10.0, 300.0]) / DAYS_PER_MONTH)
    np.testing.assert_allclose(revenue[:, [0, 9]], customers[:, [0, 9]] * worth)


def test_contracts_to_come_leave_within_the_horizon() -> None:
    """24 a year began of late, open-ended: with a rate of 1/2 a month half leave in the month they begin in."""
    recent = terms([np.nan] * 24)
    customers, _ = sampled(to_come(recent))
    begin = (24 + 0.5) * np.diff(EDGES, prepend=0.0) / 365.25
    theory = [sum(begin[j] * 0.5 ** (k - j + 1) for j in range(k + 1)) for k in range(12)]
    assert customers.mean(axis=0) == pytest.approx(theory, rel=0.05)
    assert customers.sum(axis=1).var() > 1.5 * customers.sum(axis=1).mean() / 2


def to_come(recent: Terms) -> Book:
    """A book with nothing in force."""
    none = recent[np.zeros(0, int)]
    return Book(none, recent, {(True, 0): known(1e6, 1e6)}, AT_ONCE, 0.0, 365.25)


def test_yearly_contracts_to_come_stay_for_the_horizon() -> None:
    of = replace(to_come(terms([-10.0] * 24)), renewals={(False, 0): known(1e6, 1e6)})
    assert sampled(of)[0].sum() == 0


# Series that are better informed


def test_a_better_informed_series() -> None:
    """0 falls due in January, 3 in June or, as it left 55 days early before, in April; the series says nothing here."""
    found = informed_churn(tables(), "churned_customers")(own())
    assert found.model == "renewals"
    assert "renewals of 2 contracts in force" in found.note
    assert "a pool was used as prior" in found.note
    table = found.predict(6)
    assert table.index[0] == pd.Timestamp("2027-01-31")
    assert (table["mean"] > 0).tolist() == [True, False, False, True, False, True]
    rng = np.random.default_rng(3)
    paths = found.simulate(6, 4000, rng)
    assert paths.mean(axis=0) == pytest.approx(table["mean"].to_numpy(), abs=0.06)
    assert set(np.unique(paths)) == {0.0, 1.0}


def test_revenue_is_in_major_units() -> None:
    found = informed_churn(tables(), "churned_mrr")(own())
    rng = np.random.default_rng(3)
    paths = found.simulate(6, 500, rng)
    assert set(paths[:, 0].round()) == {0.0, 120.0}


def test_it_can_be_sent_to_another_process() -> None:
    inform = pickle.loads(pickle.dumps(informed_churn(tables(), "churned_mrr")))
    once, again = (pickle.loads(pickle.dumps(inform(own()))).predict(3) for _ in range(2))
    pd.testing.assert_frame_equal(once, again)


@pytest.mark.parametrize(
    ("of", "measure", "reason"),
    [
        (contracts([(0, 600, 965, None, 5, "open")]), "churned_customers", "no renewal has been decided"),
        (contracts([(0, 600, None, None, 5, "open")]), "churned_customers", "monthly terms are in force"),
        (contracts([(0, 10, 300, 300, 0, "renewed"), (0, 300, 900, None, 0, "open")]), "churned_mrr", "no contract in"),
    ],
)
def test_where_contracts_tell_nothing_the_series_stands(of: Tables, measure: str, reason: str) -> None:
    found, before = informed_churn(of, measure)(own()), own()
    assert found.model == before.model
    assert reason in found.note
    pd.testing.assert_frame_equal(found.predict(3), before.predict(3))


def test_monthly_terms_inform_when_asked() -> None:
    of = contracts([(0, 600, None, None, 5, "open"), (1, 500, None, 640, 5, "churned")])
    assert informed_churn(of, "churned_customers", monthly=True)(own()).model == "renewals"


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="renewals inform churned_customers and churned_mrr, got 'arr'"):
        informed_churn(tables(), "arr")
    early = SeasonalNaive().fit(pd.Series([1.0] * 12, pd.date_range("2025-01-31", periods=12, freq="ME")))
    with pytest.raises(ValueError, match="take the tables as of it"):
        informed_churn(tables(), "churned_mrr")(early)
    weeks = SeasonalNaive().fit(pd.Series([1.0] * 9, pd.date_range("2026-11-01", periods=9, freq="W")))
    with pytest.raises(ValueError, match="calendar months only"):
        informed_churn(tables(), "churned_mrr")(weeks)


def test_months_ahead() -> None:
    history = prepare(pd.Series([1.0, 2.0], pd.to_datetime(["2026-11-01", "2026-12-01"])))
    cutoff, edges = steps_ahead(history, 3)
    assert cutoff == CUTOFF
    assert edges.tolist() == [31, 59, 90]


def test_accounts_of_an_unknown_segment_are_one_of_their_own() -> None:
    people = accounts().assign(segment=pd.Categorical(["small"] * 3 + [None] * 3))
    assert sorted(s for _, s in book_of(tables(accounts=people), CUTOFF).renewals) == [-1, 0]
