"""Deals by stage: hazards by hand and in closed form; the blend with the series; stages from the log and from dates."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.forecast.deals import DRAWS, LOST, OPEN, SIGNED, Exits, Pipeline, Visits, exits_of, visits_of
from analysis.forecast.fitted import Fitted
from analysis.forecast.naive import SeasonalNaive
from analysis.forecast.pipeline import Known, Worth, informed_signed, known_of
from tests.fixtures.small_tables import day, frame, opportunities, tables

CUTOFF = day(730).to_datetime64()
"""The end of the story: 1 January 2027."""

PATHS = 4000


def visits(rows: list[tuple[int, int, float, float, int]]) -> Visits:
    """Deal, stage, days from the cutoff of entering and leaving, destination."""
    deal, stage, entered, left, to = zip(*rows, strict=True)
    return Visits(np.array(deal), np.array(stage), np.array(entered, float), np.array(left, float), np.array(to))


def alike(found: Visits) -> dict[int, Exits]:
    """Exits with every deal at weight 1."""
    return exits_of(found, np.ones((DRAWS, int(found.deal.max()) + 1)))


def exponential(signed: float, lost: float, n: int = 20_000, stage: int = 0) -> Visits:
    """Visits of a stage with constant hazards of leaving for a signature and for a loss, a tenth cut off."""
    rng = np.random.default_rng(4)
    lasts, cut = rng.exponential(1 / (signed + lost), n), np.where(rng.random(n) < 0.1, rng.uniform(0, 30, n), np.inf)
    to = np.where(rng.random(n) < signed / (signed + lost), SIGNED, LOST)
    stays = np.minimum(lasts, cut)
    return Visits(np.arange(n), np.full(n, stage), -stays, np.zeros(n), np.where(lasts < cut, to, OPEN))


def simulated(stage: list[int], age: list[float], exits: dict[int, Exits], until: float) -> np.ndarray:
    rng = np.random.default_rng(2)
    deals = np.arange(len(stage))
    return Pipeline(deals, np.array(stage), np.array(age, float), exits).simulate(until, PATHS, rng)


# Hazards


def test_exits_by_hand() -> None:
    """Of four, one signs after 2, one is lost after 4 and one is open at 4, one signs after 6: 1/4, 1/2, 1 are gone."""
    found = alike(visits([(0, 0, -9, -7, SIGNED), (1, 0, -9, -5, LOST), (2, 0, -4, 0, OPEN), (3, 0, -9, -3, SIGNED)]))
    assert found[0].days.tolist() == [2, 4, 6]
    assert found[0].to.tolist() == [SIGNED, LOST, SIGNED]
    np.testing.assert_allclose(found[0].share[0], [1 / 4, 1 / 2, 1])


def test_open_deals_are_censored_never_lost() -> None:
    """Three deals that have been open for long make leaving rarer, a loss no likelier beside a signature."""
    some = [(0, 0, -9.0, -7.0, SIGNED), (1, 0, -9.0, -5.0, LOST)]
    more = [*some, (2, 0, -50.0, 0.0, OPEN), (3, 0, -60.0, 0.0, OPEN), (4, 0, -70.0, 0.0, OPEN)]
    before, after = alike(visits(some))[0], alike(visits(more))[0]
    assert before.share[0].tolist() == [0.5, 1.0]
    np.testing.assert_allclose(after.share[0], [0.2, 0.4])
    assert after.to.tolist() == before.to.tolist()
    rng = np.random.default_rng(1)
    days, to = after.draw(np.zeros(500, int), rng.random(500), np.full(500, 5.0))
    assert (np.isinf(days) & (to == OPEN)).all()


def test_a_deal_is_compared_with_those_that_stayed_as_long() -> None:
    """Exits after 1, 2, 3 and 4 days: at age 2 the next is after 3 or 4, each with probability 1/2."""
    found = alike(visits([(n, 0, -9.0, n - 8.0, SIGNED) for n in range(4)]))[0]
    days, _ = found.draw(np.zeros(4, int), np.array([0.0, 0.49, 0.51, 0.99]), np.full(4, 2.0))
    assert days.tolist() == [3, 3, 4, 4]


def test_constant_hazards_have_the_closed_form_at_any_age() -> None:
    """Signed by t with probability a / (a + b) (1 - exp(-(a + b) t)), however old the deal is."""
    a, b, until = 0.02, 0.03, 40.0
    ages = [0.0, 10.0, 30.0]
    signed = simulated([0] * 3, ages, alike(exponential(a, b)), until)
    for day_ in (10.0, 25.0, 40.0):
        theory = a / (a + b) * (1 - np.exp(-(a + b) * day_))
        assert (signed < day_).mean(axis=0) == pytest.approx(theory, abs=0.03)


def test_two_stages_in_a_row_have_the_closed_form() -> None:
    """Hypoexponential: 1 - (c exp(-a t) - a exp(-c t)) / (c - a); no deal goes astray."""
    a, c = 0.05, 0.1
    first, second = exponential(a, 1e-12), exponential(c, 1e-12, stage=1)
    onward = Visits(first.deal, first.stage, first.entered, first.left, np.where(first.to == SIGNED, 1, first.to))
    signed = simulated([0], [3.0], alike(onward) | alike(second), 60.0)
    for day_ in (10.0, 30.0, 60.0):
        theory = 1 - (c * np.exp(-a * day_) - a * np.exp(-c * day_)) / (c - a)
        assert (signed < day_).mean() == pytest.approx(theory, abs=0.03)


def test_the_mean_over_paths_is_the_expectation() -> None:
    """Counts of many deals of many ages: the sum of their probabilities, with the variance of independent ones."""
    exits = alike(exponential(0.02, 0.03, 400))
    ages = np.linspace(0, 40, 30)
    share = np.concatenate(([0.0], exits[0].share[0]))
    mass = np.diff(share) * (exits[0].to == SIGNED)
    days = exits[0].days
    within = [mass[(days > age) & (days < age + 30)].sum() for age in ages]
    theory = np.array(within) / (1 - share[np.searchsorted(days, ages, side="right")])
    counts = np.isfinite(simulated([0] * 30, ages.tolist(), exits, 30.0)).sum(axis=1)
    variance = (theory * (1 - theory)).sum()
    assert abs(counts.mean() - theory.sum()) < 4.5 * np.sqrt(variance / PATHS)
    assert counts.var() == pytest.approx(variance, rel=0.1)


def test_few_deals_leave_their_hazards_unsure() -> None:
    """The bootstrap spreads the mean of many open deals the more, the fewer have been decided."""
    spread = []
    for n in (12, 1200):
        rng = np.random.default_rng(6)
        found = exits_of(exponential(0.02, 0.03, n), rng.exponential(size=(DRAWS, n)))
        spread.append(np.isfinite(simulated([0] * 200, [0.0] * 200, found, 30.0)).mean(axis=1).std())
    assert spread[0] > 2 * spread[1] > 0


def test_stages_that_go_round_end_at_the_horizon() -> None:
    round_ = visits([(0, 0, -9.0, -9.0, 1), (0, 1, -9.0, -9.0, 0)])
    assert np.isinf(simulated([0], [-1.0], alike(round_), 30.0)).all()


# Stages


def test_stages_from_the_log_of_the_tables() -> None:
    """Account 1 waits for sales from day 6 and is lost on day 26, and again from 102 to its signature on day 130."""
    found = visits_of(tables(), CUTOFF)
    rows = sorted(zip(found.deal, found.entered + 730, found.left + 730, found.to, strict=True))
    assert [tuple(map(float, row)) for row in rows] == [
        (0, 4, 14, SIGNED), (1, 6, 26, LOST), (2, 30, 90, SIGNED), (3, 102, 130, SIGNED), (4, 500, 520, SIGNED),
        (5, 720, 730, OPEN),
    ]  # fmt: skip
    assert len(set(found.stage.tolist())) == 1


def test_stages_from_dates_where_there_is_no_log() -> None:
    deals = opportunities().iloc[[0, 5]].reset_index(drop=True)
    deals = deals.assign(met_at=[day(8), day(722)], proposed_at=[day(10), pd.NaT])
    found = visits_of(tables(opportunities=deals, events=frame("events", [])), CUTOFF)
    rows = zip(found.deal, found.stage, found.entered + 730, found.left + 730, found.to, strict=True)
    assert [tuple(map(float, row)) for row in rows] == [
        (0, 0, 4, 8, 2), (0, 2, 8, 10, 3), (0, 3, 10, 14, SIGNED), (1, 0, 720, 722, 2), (1, 2, 722, 730, OPEN),
    ]  # fmt: skip


def test_deals_after_the_cutoff_are_refused() -> None:
    with pytest.raises(ValueError, match="take the tables as of it"):
        visits_of(tables(), day(600).to_datetime64())


# The blend


def known(opened: list[int], signed: list[int], first: int = -24, worth: Worth | None = None) -> Known:
    """One open deal that is signed after 10 days, and past deals by month."""
    exits = {0: Exits(np.array([10.0]), np.array([SIGNED]), np.ones((DRAWS, 1)))}
    pipeline = Pipeline(np.array([0]), np.array([0]), np.array([0.0]), exits)
    return Known(pipeline, np.array(opened), np.array(signed), first, worth)


def test_the_share_of_open_deals_by_hand() -> None:
    """Four signatures, of deals opened 0, 1, 1 and 3 months before: 3/4 were open a month before, 1/4 two and three."""
    found = known([-2, -5, -6, -11], [-2, -4, -5, -8])
    assert found.share(5).tolist() == [0.75, 0.25, 0.25, 0, 0]


def test_cutoffs_before_the_first_deal_do_not_count() -> None:
    """A deal that was opened in the first month of all cannot have been open before."""
    assert known([-3, -2], [-1, -1], first=-3).share(3).tolist() == [1.0, 0.5, 0.0]
    assert known([-3, -2], [-1, -1], first=-30).share(3).tolist() == [1.0, 0.5, 0.0]
    assert known([-2], [-1], first=-2).share(2).tolist() == [1.0, 0.0]


def test_signatures_older_than_a_year_do_not_count() -> None:
    found = known([-20, -3], [-14, -3])
    assert found.share(2).tolist() == [0.0, 0.0]
    assert replace(found, months=14).share(2).tolist() == [0.5, 0.5]


def own(values: list[float] | None = None) -> Fitted:
    """The series' own forecast, of 24 months that end with the story."""
    y = pd.Series(values or [2.0, 6.0] * 12, pd.date_range("2025-01-31", periods=24, freq="ME"))
    return SeasonalNaive().fit(y, 0.0)


def drawn(what: Known, measure: str, fitted: Fitted) -> np.ndarray:
    from analysis.forecast.pipeline import _paths

    rng = np.random.default_rng(5)
    return _paths(what, measure, fitted, 3, PATHS, rng)


def test_where_all_came_from_open_deals_the_pipeline_stands_alone() -> None:
    found = drawn(known([-2], [-1]), "signed", own())
    assert (found[:, 0] == 1).all()


def test_a_signature_as_a_month_begins_is_one_of_that_month() -> None:
    exits = {0: Exits(np.array([31.0]), np.array([SIGNED]), np.ones((DRAWS, 1)))}
    what = known([-3], [-1])
    found = drawn(replace(what, pipeline=replace(what.pipeline, exits=exits)), "signed", own())
    assert (found[:, 0] == 0).all()
    assert (found[:, 1] == 1).all()


def test_beyond_its_reach_the_series_stands_alone() -> None:
    """Nothing was open two months before; a third of the signatures of a month came from later deals."""
    fitted = own()
    rng = np.random.default_rng(8)
    theory = fitted.simulate(3, PATHS, rng).mean(axis=0)
    found = drawn(known([-2, -4, -1], [-1, -3, -1]), "signed", fitted)
    assert found[:, 0].mean() == pytest.approx(1 + theory[0] / 3, abs=0.15)
    assert found[:, 2].mean() == pytest.approx(theory[2], abs=0.25)
    assert (found == found.round()).all()


def test_a_signature_is_worth_what_first_contracts_were() -> None:
    """In major units; a customer's further contract brings nothing new."""
    values = np.array([1000.0, 3000.0])
    found = drawn(known([-2], [-1], worth=Worth(values, np.array([True]))), "new_mrr", own())
    assert set(found[:, 0]) == {10.0, 30.0}
    assert found[:, 0].mean() == pytest.approx(20, abs=0.8)
    assert drawn(known([-2], [-1], worth=Worth(values, np.array([False]))), "new_mrr", own())[:, 0].sum() == 0


# Series that are better informed


@pytest.mark.parametrize("measure", ["signed", "new_customers", "new_mrr"])
def test_a_better_informed_series(measure: str) -> None:
    """One deal is open, 10 days in its stage; past ones took 10, 20, 20, 28 and 60 days, one of five was lost."""
    inform = pickle.loads(pickle.dumps(informed_signed(tables(), measure)))
    found = pickle.loads(pickle.dumps(inform(own())))
    assert found.model == "pipeline"
    assert "1 open deals, and seasonal_naive for those that open later" in found.note
    table = found.predict(6)
    assert table.index[0] == pd.Timestamp("2027-01-31")
    assert (table["lo-95"] <= table["lo-80"]).all()
    assert (table["lo-95"] >= 0).all()
    assert np.isfinite(table.to_numpy(float)).all()
    rng = np.random.default_rng(3)
    assert found.simulate(6, PATHS, rng).mean(axis=0) == pytest.approx(table["mean"].to_numpy(), rel=0.1, abs=0.1)


def test_a_visit_is_at_risk_from_when_it_is_known_of() -> None:
    """As above, but the one that signs after 6 was first seen at 5: it is not at risk at 2 and 4."""
    rows = visits([(0, 0, -9, -7, SIGNED), (1, 0, -9, -5, LOST), (2, 0, -4, 0, OPEN), (3, 0, -9, -3, SIGNED)])
    found = alike(replace(rows, unseen=np.array([0.0, 0.0, 0.0, 5.0])))
    assert found[0].days.tolist() == [2, 4, 6]
    np.testing.assert_allclose(found[0].share[0], [1 / 3, 1 - 2 / 3 / 2, 1])


def test_deals_that_were_under_way_do_not_make_stages_longer() -> None:
    """Of stays that began long ago only the longer ones are there; a third is over by 4, whatever was seen."""
    rng = np.random.default_rng(5)
    began, lasts = rng.uniform(-60, 0, 30_000), rng.exponential(10.0, 30_000)
    there = began + lasts > -20
    began, lasts = began[there], lasts[there]
    over = began + lasts < 0
    n = len(began)
    made = Visits(
        np.arange(n), np.zeros(n, int), began, np.where(over, began + lasts, 0.0), np.where(over, LOST, OPEN),
        np.maximum(-20 - began, 0.0),
    )  # fmt: skip

    def gone_by_four(found: Visits) -> float:
        exits = exits_of(found, np.ones((1, n)))[0]
        return float(exits.share[0][np.searchsorted(exits.days, 4.0) - 1])

    assert gone_by_four(made) == pytest.approx(1 - np.exp(-0.4), abs=0.02)
    assert gone_by_four(replace(made, unseen=None)) < 1 - np.exp(-0.4) - 0.05


def test_the_reach_of_open_deals_is_measured_where_lost_ones_are_known() -> None:
    """From a state in June 2025 on; its only signature since then came from a deal of the month before."""
    since = day(151).to_datetime64()
    found = known_of(tables(), CUTOFF, since=since)
    assert found.first == -19
    assert found.pipeline.deal.tolist() == known_of(tables(), CUTOFF).pipeline.deal.tolist()
    assert found.share(2).tolist() == [1.0, 0.0]
    assert replace(found, first=-8).share(2).tolist() == [1.0, 0.0]
    assert replace(found, first=-7).share(2).tolist() == [0.0, 0.0]


def test_what_the_story_tells() -> None:
    """All deals but the first were won within the months of their opening or the next ones, long ago."""
    found = known_of(tables(), CUTOFF)
    assert found.signed.tolist() == [-24, -21, -20, -7]
    assert found.opened.tolist() == [-24, -24, -21, -8]
    assert found.share(3).tolist() == [1.0, 0.0, 0.0]
    assert found.worth is not None
    assert sorted(found.worth.mrr) == [5_000, 10_000, 100_000]
    assert found.worth.first.tolist() == [True]


def test_where_deals_tell_nothing_the_series_stands() -> None:
    deals = opportunities()
    cases = [
        (tables(opportunities=deals.iloc[:5]), "signed", "no deal is open"),
        (tables(opportunities=deals.iloc[5:]), "signed", "no deal was signed so far"),
        (tables(subscriptions=frame("subscriptions", [])), "new_mrr", "does not begin with the signature"),
    ]
    for of, measure, reason in cases:
        found, before = informed_signed(of, measure)(own()), own()
        assert found.model == before.model
        assert reason in found.note
        pd.testing.assert_frame_equal(found.predict(3), before.predict(3))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="open deals inform signed, new_customers, new_mrr, got 'leads'"):
        informed_signed(tables(), "leads")
    early = SeasonalNaive().fit(pd.Series([1.0] * 12, pd.date_range("2025-01-31", periods=12, freq="ME")))
    with pytest.raises(ValueError, match="take the tables as of it"):
        informed_signed(tables(), "signed")(early)
