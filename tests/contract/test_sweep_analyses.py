"""What a sweep holds beside its results: sensitivity, tornado, rules of failure, and what is known of its keys."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.sensitivity.tornado import COLUMNS as BARS
from scenarios.cli import DONE, main
from scenarios.sweeps.analyses import SENSITIVITY, analysed, write_analyses
from scenarios.sweeps.experiment import make_experiment
from scenarios.sweeps.folder import Sweep
from scenarios.sweeps.points import Design, design
from scenarios.sweeps.rules import COLUMNS as RULES
from scenarios.sweeps.screen import analyses_screen, sweep_screen

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
HEADS, PRICE, TRIAL = "policy.desks.sales.heads", "policy.products.seat.price.small", "policy.conversion.trial_days"
FIXED = "policy.finance.fixed_month"
KEYS = {PRICE: {"low": 100, "high": 400, "label": "list price"}, TRIAL: {"low": 7, "high": 30}}
CASH = {"metric": "cash_min", "below": 0}


def planned(sampler: str, keys: dict[str, Any] | None = None, **settings: Any) -> Design:
    """A design on the small study."""
    given = {"kind": "sweep", "sampler": sampler, "keys": keys or KEYS, "replications": 3, **settings}
    return design(make_experiment("small", given, "mini", ["effects=none"], MINI))


def written(folder: Path, found: Design, value: Callable[[Any, int], float], period: str = "horizon") -> Path:
    """The results of a design as a sweep writes them, of a metric that is a known function of keys and replication."""
    rows = [
        (point.number, point.scenario, number, "cash_min", period, value(point, number), "CNY")
        for point in found.points
        for number in range(found.asked.replications)
    ]
    names = ["number", "scenario", "replication", "metric", "period", "value", "unit"]
    folder.mkdir(exist_ok=True)
    pd.DataFrame(rows, columns=names).to_parquet(folder / "results.parquet")
    return folder


def units(point: Any) -> np.ndarray:
    """Price and trial from 0 to 1."""
    return np.array([(point.values[PRICE] - 100) / 300, (point.values[TRIAL] - 7) / 23])


def test_indices_are_tidy_and_those_of_the_function(tmp_path: Path) -> None:
    """Of 3 x + 4 y they are 9/25 and 16/25, of each scenario apart; a shift of a replication is all of the noise."""
    found = planned("sobol", base_samples=32, scenarios=["baseline", "cheaper"])
    weights = {"baseline": np.array([3, 4]), "cheaper": np.array([4, 3])}
    results = written(tmp_path / "s", found, lambda p, r: units(p) @ weights[p.scenario] + 10 * r)
    table = analysed(results, found)["sensitivity"]
    assert tuple(table.columns) == SENSITIVITY
    assert len(table) == 2 * (2 * 2 * 2 + 2), "scenarios x (keys x indices x readings + noise)"
    own = table[table["scenario"] == "cheaper"].set_index(["of", "reading", "key"])["estimate"]
    for of in ("s1", "st"):
        for reading in ("expected", "one replication"):
            assert own[of, reading, PRICE] == pytest.approx(16 / 25, abs=0.05)
            assert own[of, reading, TRIAL] == pytest.approx(9 / 25, abs=0.05)
    assert own["shared_share", "", ""] == pytest.approx(1)
    assert dict(zip(table["key"], table["alias"], strict=True)) == {PRICE: "small", TRIAL: "trial_days", "": ""}
    assert set(table["samples"]) == {32}


def test_effects_of_a_screening(tmp_path: Path) -> None:
    """Words and whole numbers among the keys; shares as one factor, which has no direction."""
    shares = {"mix": {"keys": {"market.segments.small.share": None, "market.segments.large.share": None}}}
    keys = {PRICE: KEYS[PRICE], "policy.conversion.trial": [False, True]}
    found = planned("morris", keys, base_samples=6, shares=shares)
    results = written(tmp_path / "s", found, lambda p, _: p.values[PRICE] + 50.0 * p.values["policy.conversion.trial"])
    own = analysed(results, found)["sensitivity"].set_index(["of", "key"])["estimate"]
    assert own["mu_star", PRICE] == pytest.approx(300)
    assert own["sigma", PRICE] == pytest.approx(0, abs=1e-6)
    assert own["mu_star", "mix"] == 0
    assert own["noise", PRICE] == 0


def test_bars_are_moved_from_the_base(tmp_path: Path) -> None:
    found = planned("one_at_a_time", periods=["fiscal_year"])
    results = written(tmp_path / "s", found, lambda p, r: 2.0 * p.values[PRICE] - p.values[TRIAL] + r, "FY2025")
    table = analysed(results, found)["tornado"]
    assert set(BARS) | {"period", "scenario", "alias"} == set(table.columns)
    first, second = table.to_dict("records")
    assert (first["key"], first["alias"], first["base_value"], first["period"]) == (PRICE, "small", 300, "FY2025")
    assert (first["low_effect"], first["high_effect"], first["swing"]) == (-400, 200, 600)
    assert (second["low_effect"], second["high_effect"]) == (7, -16)


def test_a_planted_box_is_told_in_business_words(tmp_path: Path) -> None:
    found = planned("lhs", points=256, discovery=CASH)
    planted = written(tmp_path / "s", found, lambda p, _: -1.0 if p.values[PRICE] > 310 and p.values[TRIAL] < 15 else 1)
    table = analysed(planted, found)["discovery"]
    assert tuple(table.columns) == ("scenario", "alias", *RULES)
    whole, *limits = table.to_dict("records")
    share = whole["density"]
    assert share == pytest.approx(0.3 * 8 / 23, abs=0.06)  # three standard errors
    assert (whole["box"], whole["coverage"], whole["points"]) == (0, 1, 256)
    assert whole["rule"] == f"lowest cash (cash_min) below 0 in {100 * share:.0f} % of all runs"
    assert whole["note"].startswith("no further rule: fewer than 10 points fail")
    by_key = {row["key"]: row for row in limits}
    assert by_key[PRICE]["low"] == pytest.approx(310, abs=10)
    assert by_key[TRIAL]["high"] == pytest.approx(15, abs=0.8)
    x = pd.DataFrame([{"number": p.number, **p.values} for p in found.points])
    held = x[(x[PRICE] > by_key[PRICE]["low"]) & (x[TRIAL] < by_key[TRIAL]["high"])]
    density = ((held[PRICE] > 310) & (held[TRIAL] < 15)).mean()
    assert {(row["coverage"], row["density"]) for row in limits} == {(1, density)}
    assert density > 0.9
    rule = limits[0]["rule"]
    assert "list price above 3" in rule
    assert " CNY/seat/year" in rule
    assert f"length of the trial ({TRIAL}) below 1" in rule
    such = f"lowest cash (cash_min) below 0 in {100 * density:.0f} % of such runs"
    assert rule.endswith(f"{such}; these are 100 % of all failures")


@pytest.mark.parametrize(("kind", "period"), [("month", "2025-03"), ("quarter", "Q2025-03"), ("fiscal_year", "FY2025")])
def test_a_discovery_of_any_period_that_is_kept(tmp_path: Path, kind: str, period: str) -> None:
    found = planned("lhs", points=64, periods=["horizon", kind], discovery=CASH | {"period": period})
    results = written(tmp_path / "s", found, lambda p, _: -1.0 if p.values[PRICE] > 250 else 1, period)
    table = analysed(results, found)["discovery"]
    assert table["key"].tolist() == ["", PRICE]
    assert table["low"][1] == pytest.approx(250, abs=10)


def test_rules_of_too_little_density_are_left_out(tmp_path: Path) -> None:
    asked = planned("lhs", points=128, discovery=CASH | {"density": 0.9})
    rare = written(tmp_path / "s", asked, lambda p, r: -1.0 if p.values[PRICE] > 300 and r == 0 else 1)
    (row,) = analysed(rare, asked)["discovery"].to_dict("records")
    assert row["box"] == 0
    assert "1 found, but of less coverage or density than asked for" in row["note"]


def test_of_crossed_samples_only_independent_points_are_searched(tmp_path: Path) -> None:
    found = planned("sobol", base_samples=32, discovery=CASH)
    results = written(tmp_path / "s", found, lambda p, _: -1.0 if p.values[PRICE] > 250 else 1)
    tables = analysed(results, found)
    assert set(tables) == {"sensitivity", "discovery"}
    assert set(tables["discovery"]["points"]) <= {64, *range(20, 45)}
    assert tables["discovery"]["points"].iloc[0] == 64


@pytest.mark.parametrize("sampler", ["sobol", "morris"])
def test_what_cannot_be_had_is_told(tmp_path: Path, sampler: str) -> None:
    """A metric that is defined at no point, and one at points that all failed."""
    found = planned(sampler, base_samples=8)
    empty = analysed(written(tmp_path / "s", found, lambda _, __: math.nan), found)["sensitivity"]
    assert empty["estimate"].isna().all()
    assert set(empty["key"]) == {PRICE, TRIAL}
    assert empty["note"].str.contains("is defined").all()


def test_tables_of_another_design_are_removed(tmp_path: Path) -> None:
    found = planned("lhs", points=20)
    folder = written(tmp_path / "s", found, lambda _, __: 1.0)
    (folder / "tornado.csv").write_text("of another design")
    assert set(write_analyses(folder, found)) == {"keys.csv"}
    assert not (folder / "tornado.csv").exists()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the user's own with two experiments in it."""
    folder = Path(shutil.copytree(MINI, tmp_path_factory.mktemp("own") / "conf"))
    (folder / "experiment").mkdir()
    head = "kind: sweep\nbusiness: mini\nreplications: 2\nmetrics: [touches, cash_min]\n"
    keys = f"keys:\n  {HEADS}: {{low: 1, high: 5, label: sellers}}\n  {FIXED}: {{low: 10000, high: 90000}}\n"
    (folder / "experiment" / "bars.yaml").write_text(f"{head}sampler: one_at_a_time\n{keys}")
    text = f"{head}sampler: lhs\npoints: 20\ndiscovery: {{metric: cash_min, below: 900000}}\n{keys}"
    (folder / "experiment" / "failing.yaml").write_text(text)
    return folder


def swept(own: Path, out: Path, *words: str) -> Sweep:
    small = ["effects=none", "horizon.days=40", "market.accounts=25", "progress=false", "--config-dir", str(own)]
    assert main(["sweep", *words, f"out={out}", *small]) == DONE
    return Sweep(out)


def test_a_tornado_by_the_command(own: Path, tmp_path: Path) -> None:
    found = swept(own, tmp_path / "s", "experiment=bars")
    assert found.points[HEADS].tolist() == [3, 1, 5, 3, 3]
    assert found.tornado["metric"].tolist() == ["cash_min"] * 2 + ["touches"] * 2
    bars = found.tornado.set_index(["metric", "alias"])
    means = found.table[found.table["metric"] == "cash_min"].set_index("number")["mean"]
    assert bars.loc[("cash_min", "fixed_month"), "swing"] == pytest.approx(means[4] - means[3])
    assert bars.loc[("touches", "heads"), "swing"] == 0
    assert {"tornado.parquet", "tornado.csv", "keys.csv"} < set(found.record["files"])
    assert found.sensitivity.empty
    assert found.discovery.empty
    screen = analyses_screen(found)
    assert screen.startswith("Tornado (from the low to the high value of a key, horizon)\n  baseline cash_min: ")
    assert screen.endswith("tornado.csv")
    assert "e+" not in screen + sweep_screen(found)
    assert found.keys.set_index("key").loc[HEADS, ["label", "unit", "base"]].tolist() == ["sellers", "people", 3]


def test_a_discovery_by_the_command(own: Path, tmp_path: Path) -> None:
    found = swept(own, tmp_path / "s", "experiment=failing", "experiment.replications=1")
    values = found.results[found.results["metric"] == "cash_min"].set_index("number")["value"]
    assert found.discovery["density"].iloc[0] == pytest.approx((values < 900_000).mean())
    assert analyses_screen(found).startswith("Discovery\n  baseline: lowest cash (cash_min) below 900,000 in ")
    assert found.record["settings"]["experiment"]["discovery"] == {"metric": "cash_min", "below": 900_000}
