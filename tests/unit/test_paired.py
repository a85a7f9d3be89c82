"""Plans compared in pairs: differences, families of them, the table, and when there are replications enough."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t, ttest_1samp, ttest_rel

from analysis.compare import paired as notes
from analysis.compare.family import FAMILY_MOST, PRIMARY, check_family, choose_primary, holm, single_level
from analysis.compare.paired import Paired, paired
from analysis.compare.table import COLUMNS, comparison, difference_precision
from analysis.replications import FIRST, HEAVY_TAIL, LOOKS, Precision, cautious, cautious_p, willink, willink_p

BASE = np.random.default_rng(3).normal(100, 10, 20)
NOISE = np.random.default_rng(4).normal(0, 1, 20)
TIGHT, WIDE = 5 + NOISE, 5 + 20 * NOISE
TAIL = np.concatenate((np.linspace(-1, 1, 19), [40.0]))


def no_interval(found: Paired) -> bool:
    undefined = all(math.isnan(value) for value in (found.low, found.high, found.p))
    return undefined and found.interval_method == "none"


def test_symmetric_differences_by_hand() -> None:
    base = np.array([5.0, 1.0, 4.0, 2.0, 3.0, 5.0, 1.0, 4.0, 2.0, 3.0])
    found = paired(base, base + np.tile([1.0, 3.0], 5))
    sd = math.sqrt(10 / 9)
    half = t.ppf(0.975, 9) * sd / math.sqrt(10)
    assert (found.base, found.mean, found.difference) == (3, 5, 2)
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half))
    assert found.p == pytest.approx(ttest_rel(base + np.tile([1.0, 3.0], 5), base).pvalue)
    assert (found.n_touched, found.replications, found.left_out) == (10, 10, 0)
    assert (found.interval_method, found.note) == ("willink_student", "")


def test_correlation_and_variance_ratio_by_formula() -> None:
    plan = 0.8 * BASE + 3 * NOISE
    found = paired(BASE, plan)
    assert found.correlation == pytest.approx(np.corrcoef(BASE, plan)[0, 1])
    ratio = (BASE.var(ddof=1) + plan.var(ddof=1)) / (plan - BASE).var(ddof=1)
    assert found.variance_ratio == pytest.approx(ratio)
    assert ratio > 2


@pytest.mark.parametrize("centre", [-0.4, -0.1, 0.2, 0.7])
def test_p_is_the_level_at_which_a_bound_touches_zero(centre: float) -> None:
    differences = np.random.default_rng(5).exponential(size=20) - 1 + centre
    p = paired(BASE, BASE + differences).p
    touching = paired(BASE, BASE + differences, 1 - p)
    assert min(abs(touching.low), abs(touching.high)) == pytest.approx(0, abs=1e-9)
    assert paired(BASE, BASE + differences, 1 - 0.99 * p).low < 0 < paired(BASE, BASE + differences, 1 - 0.99 * p).high
    narrow = paired(BASE, BASE + differences, 1 - 1.01 * p)
    assert narrow.low > 0 or narrow.high < 0


def test_p_of_a_mean_without_spread_and_of_one_value() -> None:
    assert [willink_p(willink(np.full(5, 2.0)), value) for value in (2.0, 1.0)] == [1, 0]
    assert math.isnan(willink_p(willink(np.array([2.0]))))


def test_the_cautious_interval_holds_willinks_and_students() -> None:
    for values in (TAIL, -TAIL, BASE):
        found, skewed = cautious(values), willink(values)
        half = t.ppf(0.975, 19) * values.std(ddof=1) / math.sqrt(20)
        assert found.low == pytest.approx(min(skewed.low, values.mean() - half))
        assert found.high == pytest.approx(max(skewed.high, values.mean() + half))
        assert cautious_p(found, 1.0) == pytest.approx(max(willink_p(skewed, 1.0), ttest_1samp(values, 1.0).pvalue))
    assert math.isnan(cautious(BASE[:1]).low)


def test_base_and_plan_exchanged_change_the_sign_alone() -> None:
    there, back = paired(BASE, BASE + TAIL), paired(BASE + TAIL, BASE)
    assert (back.difference, back.low, back.high) == pytest.approx((-there.difference, -there.high, -there.low))
    assert (back.p, back.variance_ratio) == pytest.approx((there.p, there.variance_ratio))
    assert HEAVY_TAIL in there.note
    assert HEAVY_TAIL in back.note


@pytest.mark.parametrize("n", [1, 5, 20])
def test_an_equal_plan_differs_by_exactly_zero(n: int) -> None:
    found = paired(BASE[:n], BASE[:n].copy())
    assert (found.difference, found.low, found.high, found.p, found.n_touched) == (0, 0, 0, 1, 0)
    assert math.isnan(found.variance_ratio)
    assert found.note == ("" if n >= 10 else notes.FEW)


def test_rounding_errors_are_no_differences() -> None:
    assert 0.1 + 0.2 != 0.3
    found = paired(np.full(20, 0.3), np.full(20, 0.1 + 0.2))
    assert (found.difference, found.low, found.high, found.n_touched) == (0, 0, 0, 0)
    some = np.where(np.arange(20) < 11, 1e-9, 0.0)
    assert paired(BASE, BASE + some).n_touched == 11
    alike = paired(BASE, BASE + 0.1)
    assert (alike.low, alike.p, alike.n_touched, alike.note) == (alike.high, 0, 20, notes.CONSTANT)
    assert math.isnan(alike.variance_ratio)


def test_undefined_replications_are_left_out_in_pairs() -> None:
    base, plan = BASE.copy(), BASE + TIGHT
    base[3], plan[7] = np.nan, np.nan
    kept = np.delete(np.arange(20), [3, 7])
    found, clean = paired(base, plan), paired(base[kept], plan[kept])
    assert (found.base, found.low, found.high, found.p) == (clean.base, clean.low, clean.high, clean.p)
    assert (found.replications, found.left_out) == (18, 2)
    assert found.note == "undefined in 2 of 20 replications"


def test_nothing_defined() -> None:
    found = paired(np.full(20, np.nan), BASE)
    assert no_interval(found)
    assert math.isnan(found.difference)
    assert (found.replications, found.left_out, found.note) == (0, 20, notes.UNDEFINED)
    with pytest.raises(ValueError, match="3 of the base, 4 of the plan"):
        paired(BASE[:3], BASE[:4])


def test_fewer_than_ten_touched_have_no_interval() -> None:
    for touched in (1, 9, 10):
        found = paired(BASE, BASE + np.where(np.arange(20) < touched, TIGHT, 0.0))
        assert found.n_touched == touched
        assert found.difference == pytest.approx(TIGHT[:touched].sum() / 20)
        assert no_interval(found) == (touched < 10)
        assert (notes.TOO_FEW in found.note) == (touched < 10)


def test_a_small_sample_has_an_interval_if_all_of_it_is_touched() -> None:
    whole = paired(BASE[:5], BASE[:5] + TIGHT[:5])
    assert whole.low == pytest.approx(cautious(TIGHT[:5]).low)
    assert whole.note == notes.FEW
    assert no_interval(paired(BASE[:5], BASE[:5] + TIGHT[:5] * [1, 1, 1, 1, 0]))
    same = paired(BASE[:5], BASE[:5] + 5)
    assert no_interval(same)
    assert same.note == f"{notes.FEW}; {notes.CONSTANT}"
    one = paired(BASE[:1], BASE[:1] + 5)
    assert no_interval(one)
    assert (one.difference, one.note) == (5, notes.FEW)


def test_notes_on_tails_and_on_pairs_without_benefit() -> None:
    assert HEAVY_TAIL in paired(BASE, BASE + TAIL).note
    wide = np.tile(BASE, 3)
    assert HEAVY_TAIL not in paired(wide, wide + np.tile(TAIL, 3)).note
    against = paired(BASE, 200 - BASE)
    assert against.variance_ratio == pytest.approx(0.5)
    assert against.correlation == pytest.approx(-1)
    assert notes.NO_BENEFIT in against.note
    assert notes.NO_BENEFIT not in paired(BASE, BASE + NOISE).note


def test_holms_adjustment() -> None:
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.6, 0.5])) == pytest.approx([1, 1])
    with_none = holm(np.array([np.nan, 0.02, np.nan]))
    assert with_none[1] == pytest.approx(0.06)
    assert np.isnan(with_none[[0, 2]]).all()
    assert holm(np.array([])).size == 0


def test_a_family_has_twelve_members_at_most() -> None:
    assert single_level(12) == pytest.approx(1 - 0.05 / 12)
    assert single_level(1) == pytest.approx(0.95)
    assert choose_primary(PRIMARY, 1) == PRIMARY
    assert choose_primary(["a", "b", "a", "c", "d"], 4) == ("a", "b", "c")
    assert choose_primary(PRIMARY, FAMILY_MOST) == PRIMARY[:1]
    with pytest.raises(ValueError, match="13 plans are too many"):
        choose_primary(PRIMARY, FAMILY_MOST + 1)
    with pytest.raises(ValueError, match=r"4 primary metrics for 4 plans are 16 .* name at most 3"):
        check_family(PRIMARY, 4)


def metrics_table(values: dict[str, np.ndarray], first: int = 0) -> pd.DataFrame:
    """A metrics table with horizon, one fiscal year and one month of each metric; the year is twice the horizon."""
    rows = [
        (first + number, "2025-12-31", period, metric, *[None] * 4, value * (1 + (period == "fiscal_year")), "CNY")
        for metric, column in values.items()
        for number, value in enumerate(column)
        for period in ("month", "fiscal_year", "horizon")
    ]
    names = ["replication", "ds", "period", "metric", "dim1", "level1", "dim2", "level2", "value", "unit"]
    return pd.DataFrame(rows, columns=names).astype({"ds": "datetime64[us]"})


def three_runs() -> dict[str, pd.DataFrame]:
    draw = np.random.default_rng(8)
    base = {name: draw.normal(100, 10, 20) for name in ("revenue", "cash", "deals")}
    plan = {name: column + draw.normal(2, 3, 20) for name, column in base.items()}
    return {"base": metrics_table(base), "plan": metrics_table(plan), "same": metrics_table(base)}


def test_the_table_holds_what_paired_says() -> None:
    runs = three_runs()
    table = comparison(runs, ["revenue", "deals"])
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == 2 * 3 * 2
    values = [
        run[(run["metric"] == "revenue") & (run["period"] == "horizon")]["value"].to_numpy() for run in runs.values()
    ]
    expected = paired(values[0], values[1], single_level(4))
    row = table[(table["scenario"] == "plan") & (table["metric"] == "revenue") & (table["period"] == "horizon")]
    shown = row[["difference", "ci_low", "ci_high", "ci_level", "p", "base", "mean"]].to_numpy(float)[0]
    fields = ("difference", "low", "high", "level", "p", "base", "mean")
    assert shown.tolist() == [getattr(expected, name) for name in fields]
    assert expected.level == pytest.approx(0.9875)


def test_the_family_is_primary_metrics_over_the_horizon() -> None:
    table = comparison(three_runs(), ["revenue", "deals"])
    chosen = table["family"] == "primary"
    assert set(table[chosen]["metric"]) == {"revenue", "deals"}
    assert set(table[chosen]["period"]) == {"horizon"}
    assert table[chosen]["p_holm"].to_numpy() == pytest.approx(holm(table[chosen]["p"].to_numpy()))
    assert table[~chosen]["p_holm"].isna().all()
    assert (table[~chosen]["ci_level"] == 0.95).all()
    assert table[~chosen]["p"].notna().all()
    same = table[table["scenario"] == "same"]
    assert (same[["difference", "ci_low", "ci_high", "n_touched"]] == 0).all(axis=None)
    assert (same["p"] == 1).all()


def test_replications_are_paired_by_number_and_metrics_by_name() -> None:
    runs = three_runs()
    late = {"revenue": np.arange(20.0), "new": np.ones(20)}
    table = comparison({"base": runs["base"], "plan": metrics_table(late, first=5)}, ["revenue"])
    rows = table[table["period"] == "horizon"].set_index("metric")
    assert rows.index.tolist() == ["revenue", "cash", "deals", "new"]
    assert rows.loc["revenue", ["replications", "n_touched", "mean"]].tolist() == [15, 15, 7]
    assert "undefined in 10 of 25 replications" in rows.loc["revenue", "note"]
    assert rows.loc[["deals", "new"], "note"].tolist() == [notes.UNDEFINED] * 2


def test_the_table_refuses_what_it_cannot_compare() -> None:
    runs = three_runs()
    with pytest.raises(ValueError, match="at least one plan, got 1"):
        comparison({"base": runs["base"]}, ["revenue"])
    with pytest.raises(ValueError, match="primary metric revenues, cashes has no value"):
        comparison(runs, ["revenues", "cash", "cashes"])
    with pytest.raises(ValueError, match="at most 12"):
        comparison(runs, [f"m{number}" for number in range(7)])


@cache
def simulated(*overrides: str) -> pd.DataFrame:
    from scenarios import compose
    from scenarios.runs.replicate import arrow_tables, read_off
    from sim.simulate import simulate

    study = compose(business="service_saas", overrides=["market.accounts=150", "horizon.days=370", *overrides])
    made = [arrow_tables(simulate(study.timeline, study.seed, number).tables) for number in range(3)]
    return pd.concat([read_off(study.config, tables)["metrics"].to_pandas() for tables in made])


def test_of_two_real_runs_the_same_is_zero_and_another_is_not() -> None:
    runs = {"base": simulated(), "same": simulated().copy(), "plan": simulated("scenario=no_presales")}
    table = comparison(runs, ["revenue"]).set_index("scenario")
    same, plan = table.loc["same"], table.loc["plan"]
    assert set(same["difference"].dropna()) == {0.0}
    assert set(same["n_touched"]) == {0}
    assert same["difference"].isna().sum() == (same["replications"] == 0).sum() < len(same) / 2
    assert set(plan["period"]) == {"horizon", "FY2025"}
    payroll = plan[plan["metric"] == "payroll_cost"]
    assert (payroll["difference"] < 0).all()


def test_replications_end_when_the_difference_is_tight_enough() -> None:
    assert difference_precision(BASE, BASE + TIGHT, Precision(absolute=1), 1, 500) == (20, "reached")
    assert difference_precision(BASE, BASE + TIGHT, Precision(relative=0.01), 1, 500) == (20, "reached")
    assert difference_precision(BASE, BASE, Precision(absolute=1e-9), 1, 500) == (20, "reached")
    assert difference_precision(BASE, BASE + WIDE, Precision(absolute=1), LOOKS, 500) == (20, "looks spent")
    assert difference_precision(BASE, BASE + WIDE, Precision(absolute=1), 1, 20) == (20, "budget spent")


def test_replications_grow_to_what_is_needed_by_half_at_most() -> None:
    assert difference_precision(BASE[:5], BASE[:5] + WIDE[:5], Precision(absolute=1), 1, 500) == (FIRST, "")
    assert difference_precision(BASE[:12], BASE[:12] + TIGHT[:12], Precision(absolute=9), 1, 500) == (FIRST, "")
    assert difference_precision(BASE[:5], BASE[:5] + WIDE[:5], Precision(absolute=1), 1, 8) == (8, "")
    assert difference_precision(BASE, BASE + WIDE, Precision(absolute=1), 1, 500) == (30, "")
    assert difference_precision(BASE, BASE + WIDE, Precision(absolute=1), 1, 27) == (27, "")
    half = paired(BASE, BASE + WIDE).half_width
    assert difference_precision(BASE, BASE + WIDE, Precision(absolute=half / 1.1), 1, 500).total == 25
    assert difference_precision(BASE, BASE + WIDE, Precision(relative=half / 1.1 / BASE.mean()), 1, 500).total == 25
    surer = difference_precision(BASE, BASE + WIDE, Precision(absolute=half), 1, 500, level=0.99)
    assert surer.total > 20


def test_untouched_tails_and_zeros_go_on() -> None:
    few = BASE + np.where(np.arange(20) < 4, TIGHT, 0.0)
    assert difference_precision(BASE, few, Precision(absolute=1e6), 1, 500) == (30, "")
    assert difference_precision(BASE, BASE + TAIL, Precision(absolute=1e6), 1, 500) == (30, "")
    assert difference_precision(BASE * 0, TIGHT, Precision(relative=0.1), 1, 500) == (30, "")
    with pytest.raises(ValueError, match="asks for no width"):
        difference_precision(BASE, BASE, Precision(), 1, 500)
    with pytest.raises(ValueError, match="must be positive"):
        difference_precision(BASE, BASE, Precision(absolute=1), 1, 0)
