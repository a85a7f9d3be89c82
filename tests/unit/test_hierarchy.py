"""Hierarchies: their nodes, their sums, forecasts that add up on every path."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import nnls

from analysis.forecast.hierarchy import Hierarchy, aggregate, reconcile, reconciled, tree
from analysis.forecast.reconcile import METHODS, bounded, nearest, weights
from analysis.forecast.run import Forecasts, Setup, forecast_series

COLUMNS = ["region", "channel"]
MONTHS = pd.date_range("2022-01-31", periods=36, freq="ME")
LEAVES = [("east", "web"), ("east", "fair"), ("west", "web"), ("west", "fair"), ("west", "call")]


def sales() -> pd.DataFrame:
    """Made-up sales of five leaves, correlated over all of them."""
    rng = np.random.default_rng(11)
    common = rng.normal(0, 4, 36).cumsum()
    parts = []
    for place, (region, channel) in enumerate(LEAVES):
        y = np.maximum(30 + 10 * place + common + rng.normal(0, 6, 36), 0)
        parts.append(pd.DataFrame({"region": region, "channel": channel, "ds": MONTHS, "y": y, "floor": 0.0}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def hierarchy() -> Hierarchy:
    return tree(sales(), COLUMNS)


@pytest.fixture(scope="module")
def base(hierarchy: Hierarchy) -> Forecasts:
    return forecast_series(aggregate(sales(), hierarchy), Setup(horizon=6, model="trio", paths=300))


# Nodes


def test_nodes_from_the_top_down(hierarchy: Hierarchy) -> None:
    assert hierarchy.ids == (
        "total", "total/east", "total/west", "total/east/fair", "total/east/web", "total/west/call",
        "total/west/fair", "total/west/web",
    )  # fmt: skip
    assert hierarchy.levels == ("total", "region", "region", *["channel"] * 5)
    assert hierarchy.parents[:4] == (None, "total", "total", "total/east")
    assert hierarchy.leaves == hierarchy.ids[3:]
    expected = [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1], *np.eye(5).tolist()]
    assert hierarchy.summing.tolist() == expected


def test_the_whole_can_have_a_name_of_its_own() -> None:
    found = tree(sales(), ["region"], root="revenue")
    assert found.ids == ("revenue", "revenue/east", "revenue/west")


def test_ids_are_text_as_it_stands() -> None:
    table = pd.DataFrame({"region": ["007", "NA", "null"], "ds": MONTHS[:3], "y": 1.0})
    assert tree(table, ["region"]).leaves == ("total/007", "total/NA", "total/null")


@pytest.mark.parametrize(
    ("table", "columns", "said"),
    [
        (sales(), ["country"], "needs a column country; there are region, channel"),
        (sales().replace("web", None), COLUMNS, "some are missing"),
        (pd.DataFrame({"a": ["x/y", "x"], "b": ["z", "y/z"]}), ["a", "b"], "the same id total/x/y/z"),
    ],
)
def test_tables_that_make_no_hierarchy(table: pd.DataFrame, columns: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        tree(table, columns)


# Sums


def test_series_of_all_nodes(hierarchy: Hierarchy) -> None:
    long = aggregate(sales(), hierarchy)
    wide = long.pivot(index="ds", columns="unique_id", values="y")
    assert long["unique_id"].unique().tolist() == list(hierarchy.ids)
    expected = sales().groupby(["region", "ds"])["y"].sum().unstack(0)
    np.testing.assert_allclose(wide[["total/east", "total/west"]], expected)
    np.testing.assert_allclose(wide["total"], sales().groupby("ds")["y"].sum())
    assert (long["floor"] == 0).all()


def test_rows_of_one_leaf_and_date_are_added(hierarchy: Hierarchy) -> None:
    halves = pd.concat([sales(), sales()]).assign(y=lambda t: t["y"] / 2)
    pd.testing.assert_frame_equal(aggregate(halves, hierarchy), aggregate(sales(), hierarchy))


def test_an_absent_row_is_zero_and_a_missing_value_is_missing(hierarchy: Hierarchy) -> None:
    table = sales()
    web = (table["region"] == "east") & (table["channel"] == "web")
    late = table[~(web & (table["ds"] == MONTHS[0]))].copy()
    late.loc[web & (table["ds"] == MONTHS[5]), "y"] = np.nan
    wide = aggregate(late, hierarchy).pivot(index="ds", columns="unique_id", values="y")
    assert wide.loc[MONTHS[0], "total/east/web"] == 0
    assert wide.loc[MONTHS[0], "total/east"] == pytest.approx(wide.loc[MONTHS[0], "total/east/fair"])
    assert wide.loc[MONTHS[5], ["total", "total/east", "total/east/web"]].isna().all()
    assert wide.loc[MONTHS[5], "total/west"] > 0


def test_a_leaf_without_values_cannot_be_summed(hierarchy: Hierarchy) -> None:
    table = sales()
    table.loc[table["channel"] == "call", "y"] = np.nan
    with pytest.raises(ValueError, match="total/west/call has no finite value"):
        aggregate(table, hierarchy)


def test_a_node_has_a_floor_if_all_its_leaves_have_one(hierarchy: Hierarchy) -> None:
    table = sales()
    table.loc[table["channel"] == "call", "floor"] = np.nan
    floor = aggregate(table, hierarchy).groupby("unique_id")["floor"].first()
    assert floor[["total/east", "total/west/web"]].tolist() == [0, 0]
    assert floor[["total", "total/west", "total/west/call"]].isna().all()


# Forecasts


@pytest.mark.parametrize("method", METHODS)
def test_everything_adds_up(base: Forecasts, hierarchy: Hierarchy, method: str) -> None:
    found = reconciled(base, hierarchy, method, np.zeros(5))
    nodes = np.stack([found.paths[name] for name in hierarchy.ids])
    sums = np.einsum("nb,bph->nph", hierarchy.summing, nodes[3:])
    assert np.abs(sums - nodes).max() <= 1e-12 * np.abs(nodes).max()
    mean = np.stack([found.table.query("unique_id == @name")["mean"] for name in hierarchy.ids])
    np.testing.assert_allclose(hierarchy.summing @ mean[3:], mean, rtol=1e-12)
    assert nodes.min() >= 0
    assert found.table["note"].str.contains(f"reconciled by {method}").all()
    bounds = found.table[["lo-95", "lo-80", "hi-80", "hi-95"]].to_numpy(float)
    assert (np.diff(bounds, axis=1) >= 0).all()


def test_bottom_up_leaves_the_leaves_alone(base: Forecasts, hierarchy: Hierarchy) -> None:
    found = reconciled(base, hierarchy, "bottom_up")
    for name in hierarchy.leaves:
        np.testing.assert_array_equal(np.sort(found.paths[name], axis=0), np.sort(base.paths[name], axis=0))
        before, after = (t.loc[t["unique_id"] == name, "mean"].to_numpy() for t in (base.table, found.table))
        np.testing.assert_array_equal(before, after)


def test_paths_that_add_up_already_stay(hierarchy: Hierarchy) -> None:
    rng = np.random.default_rng(2)
    paths = np.einsum("nb,bph->nph", hierarchy.summing, rng.gamma(2, 3, (5, 40, 3)))
    errors = rng.normal(0, 1, (30, 8))
    for method in METHODS:
        np.testing.assert_allclose(reconcile(paths, hierarchy, method, errors, np.zeros(5)), paths, rtol=1e-9)


def test_the_whole_is_wider_where_its_leaves_move_together(base: Forecasts, hierarchy: Hierarchy) -> None:
    """Independent paths of leaves would halve the spread of a whole of correlated leaves."""
    joint = reconciled(base, hierarchy, "bottom_up").paths["total"][:, -1].std()
    apart = reconcile(np.stack([base.paths[name] for name in hierarchy.ids]), hierarchy, "bottom_up")[0, :, -1].std()
    assert joint > 1.2 * apart


def test_other_series_stay_as_they_are(hierarchy: Hierarchy, base: Forecasts) -> None:
    other = forecast_series(
        pd.DataFrame({"unique_id": "other", "ds": MONTHS, "y": np.arange(36.0) % 5}), Setup(6, model="trio", paths=300)
    )
    both = Forecasts(
        pd.concat([base.table, other.table], ignore_index=True),
        base.paths | other.paths,
        base.failures,
        base.surprises | other.surprises,
    )
    found = reconciled(both, hierarchy, "wls_struct")
    pd.testing.assert_frame_equal(found.table.tail(6).reset_index(drop=True), other.table)


def test_a_node_without_a_forecast_is_named(hierarchy: Hierarchy, base: Forecasts) -> None:
    fewer = Forecasts(
        base.table, {k: v for k, v in base.paths.items() if k != "total/east"}, base.failures, base.surprises
    )
    with pytest.raises(ValueError, match="total/east has no forecast"):
        reconciled(fewer, hierarchy, "wls_struct")


@pytest.mark.parametrize(
    ("method", "errors", "said"),
    [
        ("average", None, "no such way to reconcile: average"),
        ("mint_shrink", None, "mint_shrink needs 8 dates that all series share, got 0"),
        ("mint_shrink", np.zeros((5, 8)), "got 5; choose wls_struct"),
    ],
)
def test_methods_that_cannot_be_used(hierarchy: Hierarchy, method: str, errors: np.ndarray | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        weights(hierarchy.summing, method, errors)


# Bounds


def test_bounded_least_squares_are_those_of_lawson_and_hanson(hierarchy: Hierarchy) -> None:
    """scipy's nnls solves one column at a time, by active sets."""
    rng = np.random.default_rng(3)
    base, errors = rng.normal(1, 4, (8, 60)), rng.normal(0, 1, (40, 8))
    for method in ("wls_struct", "mint_shrink"):
        covariance = weights(hierarchy.summing, method, errors)
        root = np.linalg.inv(np.linalg.cholesky(covariance))
        expected = np.column_stack([nnls(root @ hierarchy.summing, root @ column)[0] for column in base.T])
        found = nearest(base, hierarchy.summing, covariance, np.zeros(5))
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert (expected == 0).any()


def test_other_bounds_than_zero() -> None:
    rng = np.random.default_rng(3)
    a = rng.normal(0, 1, (6, 3))
    left, right, low = a.T @ a, rng.normal(0, 5, (3, 20)), np.array([-1.0, 0.0, 2.0])
    expected = np.column_stack([_slow(left, column, low) for column in right.T])
    np.testing.assert_allclose(bounded(left, right, low), expected, atol=1e-6)


def _slow(left: np.ndarray, right: np.ndarray, low: np.ndarray) -> np.ndarray:
    """The same by trying every set of variables at their bounds."""
    best, at = np.inf, low
    for code in range(2 ** len(low)):
        fixed = np.array([bool(code >> k & 1) for k in range(len(low))])
        b = low.copy()
        free = ~fixed
        if free.any():
            b[free] = np.linalg.solve(left[np.ix_(free, free)], right[free] - left[np.ix_(free, fixed)] @ low[fixed])
        value = b @ left @ b / 2 - right @ b
        if (b >= low - 1e-12).all() and value < best:
            best, at = value, b
    return at
