"""Stocks and their flows: found where they belong together, and added up on every path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.forecast import flows
from analysis.forecast.flows import System, accumulated, blended, cut, moved, systems
from analysis.forecast.history import prepare
from analysis.forecast.joint import dependence, joined, scores, shrunk, surprises
from analysis.forecast.run import Forecasts, Setup, forecast_series
from analysis.series import LOWEST, MAIN, STOCKS, floors, monthly_series, wanted
from analysis.tables import read
from scenarios import compose, run

N, H = 30, 12
SETUP = Setup(horizon=H, model="trio", paths=400)


def months(n: int = N) -> pd.DatetimeIndex:
    return pd.date_range("2023-01-31", periods=n, freq="ME")


def books(suffix: str = "") -> pd.DataFrame:
    """A made-up business whose stocks follow their flows."""
    rng = np.random.default_rng(7)
    new, lost = rng.poisson(4.0, N), rng.poisson(1.5, N)
    received, paid = rng.gamma(20, 5, N), rng.gamma(50, 1.8, N)
    mrr = {name: rng.gamma(4, size, N) for name, size in zip(STOCKS["mrr"], (30, 2, 8, 3, 9), strict=True)}
    values = {
        "new_customers": new, "churned_customers": lost, "active_customers": 20 + np.cumsum(new - lost),
        "cash_received": received, "cash_paid": paid, "cash": 500 + np.cumsum(received - paid), **mrr,
        "arr": 12 * np.cumsum(sum(weight * mrr[name] for name, weight in STOCKS["mrr"].items())),
    }  # fmt: skip
    parts = [
        pd.DataFrame({"unique_id": name + suffix, "ds": months(), "y": np.asarray(y, float), "floor": LOWEST[name]})
        for name, y in values.items()
    ]
    return pd.concat(parts, ignore_index=True).astype({"floor": float})


@pytest.fixture(scope="module")
def found() -> Forecasts:
    return forecast_series(books(), SETUP)


def changes(stock: np.ndarray, last: float) -> np.ndarray:
    return np.diff(stock, axis=1, prepend=last)


def last(name: str) -> float:
    return float(books().query("unique_id == @name")["y"].iloc[-1])


# What belongs together


def test_stocks_are_found_with_their_flows() -> None:
    known = {system.stock: system for system in systems(books())}
    assert {name: dict(system.flows) for name, system in known.items()} == {
        name: STOCKS[name] for name in ("active_customers", "cash", "arr")
    }
    assert known["arr"].last == last("arr")
    assert (known["arr"].floor, known["cash"].floor) == (0.0, None)


@pytest.mark.parametrize("suffix", ["/3", "/3/east"])
def test_stocks_of_a_replication_have_the_flows_of_that_replication(suffix: str) -> None:
    both = pd.concat([books(suffix), books("/4")])
    known = {system.stock: system for system in systems(both)}
    assert set(known[f"cash{suffix}"].flows) == {f"cash_received{suffix}", f"cash_paid{suffix}"}


def test_a_name_alone_makes_no_stock() -> None:
    """Series of a file may be called as they like: what does not add up is forecast as it is."""
    table = books()
    table.loc[(table["unique_id"] == "cash") & (table["ds"] == months()[9]), "y"] += 1e-3
    assert "cash" not in {system.stock for system in systems(table)}
    found = forecast_series(table[table["unique_id"].str.startswith("cash")], SETUP)
    assert set(found.table["model"]) == {"trio"}


@pytest.mark.parametrize("gone", ["value", "row"])
def test_a_stock_with_a_gap_is_no_system(gone: str) -> None:
    table = books()
    hit = (table["unique_id"] == "cash_paid") & (table["ds"] == months()[9])
    table.loc[hit, "y"] = np.nan
    table = table if gone == "value" else table[~hit]
    assert "cash" not in {system.stock for system in systems(table)}


def test_a_flow_that_never_happened_may_be_absent() -> None:
    table = books()
    dropped = table[~table["unique_id"].isin(["churned_customers", "active_customers"])]
    gained = table[table["unique_id"] == "new_customers"]
    stock = gained.assign(unique_id="active_customers", y=5 + gained["y"].cumsum())
    known = {system.stock: system for system in systems(pd.concat([dropped, stock]))}
    assert set(known["active_customers"].flows) == {"new_customers"}


def test_without_structure_every_series_stands_alone() -> None:
    table = books()[books()["unique_id"].str.startswith("cash")]
    alone = forecast_series(table, Setup(horizon=H, model="trio", paths=400, structure=False))
    assert set(alone.table["model"]) == {"trio"}


# Forecasts that add up


@pytest.mark.parametrize("stock", ["arr", "active_customers", "cash"])
def test_the_identity_holds_on_every_path(found: Forecasts, stock: str) -> None:
    change = sum(weight * found.paths[flow] for flow, weight in STOCKS[stock].items())
    gap = changes(found.paths[stock], last(stock)) - change
    assert np.abs(gap).max() <= 1e-9 * np.abs(found.paths[stock]).max()


@pytest.mark.parametrize("stock", ["arr", "active_customers", "cash"])
def test_the_identity_holds_for_the_means(found: Forecasts, stock: str) -> None:
    mean = found.table.set_index(["unique_id", "ds"])["mean"].unstack(0)
    change = sum(weight * mean[flow] for flow, weight in STOCKS[stock].items())
    np.testing.assert_allclose(mean[stock].diff().to_numpy()[1:], change.to_numpy()[1:], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(mean[stock].iloc[0] - last(stock), change.iloc[0], rtol=1e-6, atol=1e-6)


def test_stocks_and_flows_keep_to_their_floors(found: Forecasts) -> None:
    for name in ("arr", "active_customers", *STOCKS["arr"], *STOCKS["active_customers"], *STOCKS["cash"]):
        assert found.paths[name].min() >= -1e-9


def test_figures_are_those_of_the_paths(found: Forecasts) -> None:
    row = found.table.query("unique_id == 'arr'").iloc[-1]
    assert row["lo-80"] == pytest.approx(np.quantile(found.paths["arr"][:, -1], 0.1))
    assert row["model"] == "flows"
    assert "trio" in row["note"]
    assert "churned_mrr" in row["note"]


def test_stocks_that_share_flows_agree() -> None:
    table = books()
    mrr = table[table["unique_id"] == "arr"].assign(unique_id="mrr", y=lambda t: t["y"] / 12)
    paths = forecast_series(pd.concat([table, mrr]), SETUP).paths
    np.testing.assert_allclose(paths["arr"], 12 * paths["mrr"], rtol=1e-9)


def test_stocks_of_different_height_share_flows() -> None:
    """The lower one reaches its floor where the other would not, and both follow the same flows."""
    rng = np.random.default_rng(1)
    new, lost = rng.gamma(4, 10, N), rng.gamma(4, 12, N)
    change = np.cumsum(new - lost)
    values = {"arr": 12 * (3000 + change), "mrr": 5 + change - change.min(), "new_mrr": new, "churned_mrr": lost}
    dates = pd.date_range("2021-01-31", periods=N, freq="ME")
    parts = [pd.DataFrame({"unique_id": name, "ds": dates, "y": y, "floor": 0.0}) for name, y in values.items()]
    paths = forecast_series(pd.concat(parts), SETUP).paths
    net = np.cumsum(paths["new_mrr"] - paths["churned_mrr"], axis=1)
    np.testing.assert_allclose(paths["arr"], values["arr"][-1] + 12 * net, rtol=1e-9)
    np.testing.assert_allclose(paths["mrr"], values["mrr"][-1] + net, rtol=1e-9, atol=1e-9)
    assert -1e-9 < paths["mrr"].min() < 1e-9


def test_a_stock_by_itself_has_its_say() -> None:
    """Flows that fall into noise and a stock that bends: the blend lies between both and ends near the stock's own."""
    table = books()
    alone = forecast_series(table, Setup(horizon=H, model="trio", paths=400, structure=False)).paths
    both = forecast_series(table, SETUP).paths
    through = last("cash") + np.cumsum(alone["cash_received"] - alone["cash_paid"], axis=1)
    own, sums, blend = (np.median(paths, axis=0) for paths in (alone["cash"], through, both["cash"]))
    low, high = np.minimum(own, sums), np.maximum(own, sums)
    assert (blend >= low - 3).all()
    assert (blend <= high + 3).all()
    assert abs(blend[-1] - own[-1]) < abs(blend[-1] - sums[-1])


# Paths


def test_no_more_goes_than_is_there() -> None:
    system = System("s", {"in": 1.0, "out": -1.0, "other": -2.0}, 10.0, 0.0)
    paths = {"in": np.ones((1, 3)), "out": np.full((1, 3), 6.0), "other": np.full((1, 3), 3.0)}
    kept = cut(system, paths)
    stock = accumulated(system, kept)
    assert stock.min() >= 0
    np.testing.assert_allclose(kept["out"] / kept["other"], 2.0)
    np.testing.assert_allclose(stock[0], [0, 0, 0], atol=1e-12)
    assert paths["out"].max() == 6.0


def test_without_a_floor_a_stock_may_go_below_zero() -> None:
    system = System("s", {"in": 1.0, "out": -1.0}, 1.0, None)
    paths = {"in": np.zeros((1, 2)), "out": np.ones((1, 2))}
    assert accumulated(system, cut(system, paths))[0].tolist() == [0, -1]


def test_blended_quantiles_keep_the_order_of_the_paths() -> None:
    rng = np.random.default_rng(1)
    through, direct = rng.normal(0, 1, (500, 3)), rng.normal(10, 2, (500, 3))
    blend = blended(through, direct)
    assert (blend.argsort(axis=0) == through.argsort(axis=0)).all()
    share = np.array([1 / 2, 1 / 3, 1 / 4])
    expected = share * np.sort(through, axis=0) + (1 - share) * np.sort(direct, axis=0)
    np.testing.assert_allclose(np.sort(blend, axis=0), expected)


def gamma_flows(seed: int = 2) -> tuple[System, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    system = System("s", {"in": 1.0, "more": 12.0, "out": -1.0}, 50.0, 0.0)
    paths = {
        "in": rng.gamma(2, 3, (200, 6)),
        "more": rng.poisson(0.3, (200, 6)) * 1.0,
        "out": rng.gamma(4, 1, (200, 6)),
    }
    return system, paths


@pytest.mark.parametrize("slope", [-3.0, 0.0, 4.0])
def test_moved_flows_add_up_and_stay_above_zero(slope: float) -> None:
    system, paths = gamma_flows()
    stock = np.maximum(accumulated(system, cut(system, paths)) + slope * np.arange(1, 7), 0.0)
    kept = moved(system, cut(system, paths), stock)
    np.testing.assert_allclose(accumulated(system, kept), stock, atol=1e-8)
    assert min(values.min() for values in kept.values()) >= 0


def test_flows_that_are_zero_stay_zero_while_another_can_move() -> None:
    system, paths = gamma_flows()
    stock = accumulated(system, paths) + 0.1 * np.arange(1, 7)
    kept = moved(system, paths, stock)
    assert (kept["more"][paths["more"] == 0] == 0).all()


def test_what_none_can_take_goes_to_those_of_the_right_direction() -> None:
    system = System("s", {"in": 1.0, "out": -1.0}, 5.0, None)
    paths = {"in": np.array([[0.0], [2.0]]), "out": np.array([[0.0], [2.0]])}
    kept = moved(system, paths, np.array([[8.0], [1.0]]))
    np.testing.assert_allclose(kept["in"][:, 0] - kept["out"][:, 0], [3.0, -4.0])
    assert kept["out"][0, 0] == 0


# Dependence


def test_joined_paths_keep_the_values_of_every_step() -> None:
    rng = np.random.default_rng(4)
    paths = rng.normal(0, 1, (2, 300, 5)).cumsum(axis=2)
    again = joined(paths, np.eye(2), np.random.default_rng(5))
    np.testing.assert_array_equal(np.sort(again, axis=1), np.sort(paths, axis=1))


def test_joined_paths_keep_the_dependence_of_steps_and_gain_that_of_series() -> None:
    rng = np.random.default_rng(4)
    paths = rng.normal(0, 1, (2, 4000, 5)).cumsum(axis=2)
    wanted = np.array([[1.0, 0.6], [0.6, 1.0]])
    again = joined(paths, wanted, np.random.default_rng(5))
    steps = np.corrcoef(again[0].T)
    np.testing.assert_allclose(steps, np.corrcoef(paths[0].T), atol=0.03)
    for step in range(5):
        assert np.corrcoef(again[:, :, step])[0, 1] == pytest.approx(0.6, abs=0.04)
    assert again.sum(axis=0)[:, -1].std() == pytest.approx(np.sqrt(5 * 2 * 1.6), rel=0.04)


def test_few_surprises_say_nothing_of_dependence() -> None:
    rng = np.random.default_rng(4)
    assert dependence(rng.normal(0, 1, (7, 3))).tolist() == np.eye(3).tolist()


def test_correlations_are_shrunk_and_stay_invertible() -> None:
    rng = np.random.default_rng(4)
    few = shrunk(rng.normal(0, 1, (12, 20)))
    assert np.linalg.eigvalsh(few)[0] > 0
    common = rng.normal(0, 1, (4000, 1))
    many = shrunk(common + rng.normal(0, 1, (4000, 3)))
    np.testing.assert_allclose(many[np.triu_indices(3, 1)], 0.5, atol=0.05)
    assert shrunk(np.zeros((10, 2))).tolist() == np.eye(2).tolist()


def test_ties_share_their_scores() -> None:
    found = scores(np.array([0.0, 0.0, 0.0, 5.0])[:, None])[:, 0]
    assert found[0] == found[1] == found[2] < found[3]


def test_surprises_of_a_random_walk_are_its_steps() -> None:
    rng = np.random.default_rng(9)
    steps = rng.normal(0, 1, 300)
    found = surprises(prepare(pd.Series(100 + steps.cumsum(), index=months(300))))
    assert np.corrcoef(found[1:], steps[1:])[0, 1] > 0.98
    assert (surprises(prepare(pd.Series(np.ones(20), index=months(20)))) == 0).all()


# A real run


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    quick = ["market.accounts=400", "horizon.days=540", "replications=2", "progress=false"]
    study = compose(business="service_saas", overrides=[*quick, "forecast.enabled=false", "report.enabled=false"])
    folder = tmp_path_factory.mktemp("run") / "saas"
    run(study, folder)
    return read(Path(folder), "metrics")


def test_stocks_of_a_run_change_by_their_flows(metrics: pd.DataFrame) -> None:
    rows = metrics[(metrics["period"].astype(str) == "month") & metrics["dim1"].isna()]
    wide = rows.pivot_table(index=["replication", "ds"], columns="metric", values="value", observed=True)
    for stock, weights in STOCKS.items():
        change = wide[stock].groupby("replication").diff()
        gap = (change - sum(weight * wide[flow] for flow, weight in weights.items())).dropna()
        assert len(gap) >= 2 * 16
        assert gap.abs().max() <= 1e-9 * wide[stock].abs().max(), stock
        assert change.abs().max() > 0


def test_the_opening_capital_is_no_receipt(metrics: pd.DataFrame) -> None:
    rows = metrics[(metrics["period"].astype(str) == "month") & metrics["dim1"].isna() & (metrics["replication"] == 0)]
    first = rows[rows["ds"] == rows["ds"].min()].set_index("metric")["value"]
    assert first["cash"] - first["cash_received"] + first["cash_paid"] > 1e6


def test_the_series_of_a_run_are_the_main_ones_and_the_flows(metrics: pd.DataFrame) -> None:
    table = monthly_series(metrics)
    names = table["unique_id"].unique().tolist()
    assert names == [name for name in wanted() if name in names]
    assert {"arr", "cash", "active_customers"} <= {system.stock for system in systems(table)}
    assert wanted()[: len(MAIN)] == list(MAIN)
    assert floors(names) == table.dropna().groupby("unique_id", sort=False)["floor"].first().to_dict()


def test_a_run_is_forecast_with_its_identities(metrics: pd.DataFrame) -> None:
    table = monthly_series(metrics, 2)
    found = forecast_series(table, Setup(horizon=6, model="trio", paths=100))
    for system in systems(table):
        change = sum(weight * found.paths[flow] for flow, weight in system.flows.items())
        gap = changes(found.paths[system.stock], system.last) - change
        assert np.abs(gap).max() <= 1e-9 * np.abs(found.paths[system.stock]).max()
    assert found.failures.empty


def test_businesses_are_told_apart_by_the_rest_of_their_ids() -> None:
    assert flows.business_of("cash/3") == flows.business_of("new_mrr/3") == "*/3"
    assert flows.business_of("folder/arr") == "folder/*"
    assert flows.business_of("anything else") == "anything else"
