"""``tobsim compare`` as published: tables, exactness, precision, resuming, what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scenarios import InputError, Study, compare, compose, load
from scenarios.cli import DONE, WRONG, main
from scenarios.comparisons.compare import compare_plans
from scenarios.comparisons.folder import Comparison
from scenarios.comparisons.plans import compose_plans, make_plans
from sim.simulate import simulate

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
SMALL = ["effects=none", "horizon.days=400", "progress=false"]
COLUMNS = [
    "business", "scenario", "metric", "period", "mean", "difference", "ci_low", "ci_high", "ci_level",
    "interval_method", "family", "p_holm", "correlation", "variance_ratio", "n_touched", "replications",
]  # fmt: skip
BUSY = "policy.desks.sales.heads=1"


def studies(**plans: list[str]) -> dict[str, Study]:
    return {name: compose("mini", [*SMALL, *words], config_dir=MINI) for name, words in plans.items()}


def three_plans() -> dict[str, Study]:
    """A plan that differs in two keys from the base, and one that differs in nothing."""
    more = ["replications=10", "market.accounts=250"]
    hired = ["policy.desks.sales.heads=2", "policy.conversion.trial_days=5"]
    return studies(base=[*more, BUSY], hired=[*more, *hired], same=[*more, BUSY])


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare(scenarios=three_plans(), out=tmp_path_factory.mktemp("compare") / "out")


def test_the_table_has_the_columns_of_the_contract(compared: Comparison) -> None:
    assert list(compared.table)[: len(COLUMNS)] == COLUMNS
    assert set(compared.table["scenario"]) == {"hired", "same"}
    written = pd.read_csv(compared.path / "table.csv", encoding="utf-8-sig")
    assert len(written) == len(compared.table)


def test_every_difference_is_that_of_the_means(compared: Comparison) -> None:
    table = compared.table.dropna(subset=["difference"])
    assert len(table) > 100
    assert np.allclose(table["difference"], table["mean"] - table["base"], rtol=1e-9, atol=1e-6)


def test_a_plan_equal_to_the_base_gives_exactly_zero_everywhere(compared: Comparison) -> None:
    same = compared.table.query("scenario == 'same'").dropna(subset=["difference"])
    assert (same[["difference", "ci_low", "ci_high"]] == 0).all(axis=None)
    assert (same["n_touched"] == 0).all()
    assert (compared.driver_parts.query("scenario == 'same'")["value"] == 0).all()
    assert (compared.flips["scenario"] != "same").all()
    assert (compared.config["scenario"] != "same").all()
    assert any("differs in nothing" in text for text in compared.record["warnings"])


def test_every_bridge_adds_up_in_every_replication(compared: Comparison) -> None:
    """Keys, drivers of the business and accounts: each sums to plan minus base."""
    parts = compared.driver_parts.query("scenario == 'hired'")
    sums = parts.groupby(["bridge", "metric", "replication"])["value"].sum()
    assert set(parts["bridge"]) == {"config", "business", "account"}
    metrics = {name: _horizon(compared.path / "mini" / name) for name in ("base", "hired")}
    for (bridge, metric, replication), value in sums.items():
        wanted = metrics["hired"][metric, replication] - metrics["base"][metric, replication]
        assert value == pytest.approx(wanted, abs=0.005), (bridge, metric, replication)


def _horizon(folder: Path) -> pd.Series:
    metrics = pd.read_parquet(folder / "metrics.parquet")
    chosen = metrics[(metrics["period"] == "horizon") & metrics["dim1"].isna()]
    return chosen.set_index([chosen["metric"].astype(str), "replication"])["value"]


def test_the_summary_of_drivers_has_one_row_a_driver_and_a_total(compared: Comparison) -> None:
    drivers = compared.drivers.query("scenario == 'hired' and bridge == 'config' and metric == 'revenue'")
    keys = ["policy.desks.sales.heads", "policy.conversion.trial_days"]
    assert set(drivers["driver"]) == {*keys, "total"}
    total = drivers.set_index("driver").loc["total"]
    single = drivers.set_index("driver").loc[keys]
    assert single["mean"].sum() == pytest.approx(total["mean"])
    assert total["interaction"] == pytest.approx(total["mean"] - single["alone"].sum())
    other = {keys[0]: keys[1], keys[1]: keys[0]}
    for key in keys:
        assert single.loc[key, "last_in"] == pytest.approx(total["mean"] - single.loc[other[key], "alone"])


def test_flips_reconcile_with_the_difference_in_customers(compared: Comparison) -> None:
    change = compared.flips.query("scenario == 'hired'").groupby("replication")["change"].sum()
    metrics = {name: _horizon(compared.path / "mini" / name) for name in ("base", "hired")}
    difference = metrics["hired"]["active_customers"] - metrics["base"]["active_customers"]
    assert (change.reindex(difference.index, fill_value=0) == difference).all()
    assert difference.abs().sum() > 0


def test_the_config_difference_lists_only_what_differs(compared: Comparison) -> None:
    config = compared.config.set_index("key")
    assert set(config.index) == {"policy.desks.sales.heads", "policy.conversion.trial_days"}
    assert (str(config.loc["policy.desks.sales.heads", "base"]), config.loc["policy.desks.sales.heads", "unit"]) == (
        "1",
        "people",
    )


def test_the_same_comparison_again_simulates_nothing_and_finds_the_same(compared: Comparison) -> None:
    before = compared.table
    plans = make_plans(three_plans())

    def forbidden(*_: object) -> None:
        raise AssertionError("simulated again")

    again = compare_plans([plans], compared.path, simulate=forbidden)  # type: ignore[arg-type]
    assert again.failures == []
    pd.testing.assert_frame_equal(again.table, before)


def test_another_comparison_is_refused_in_the_same_folder(
    compared: Comparison, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["compare", "business=mini", "scenarios=[baseline,cheaper]", *SMALL, "--config-dir", str(MINI)]
    assert main([*words, f"out={compared.path}"]) == WRONG
    assert "out: holds another comparison" in capsys.readouterr().err
    run = compared.path / "mini" / "base"
    assert main([*words, f"out={run}"]) == WRONG
    assert "out: is of another command" in capsys.readouterr().err


def test_precision_goes_on_until_the_difference_is_that_tight(tmp_path: Path) -> None:
    more = ["replications=20", "market.accounts=60", "precision={metric:revenue,relative:0.08}"]
    off = ["compare.drivers=false", "compare.flips=false", "report.enabled=false"]
    plans = studies(base=[*more, *off], cheaper=[*more, *off, "scenario=cheaper"])
    found = compare(scenarios=plans, out=tmp_path / "out")
    assert found.record["replications"]["mini"] > 20
    assert "revenue to 0.08 of the base: reached" in found.record["stopped"]
    row = found.table.query("metric == 'revenue' and period == 'horizon'").iloc[0]
    assert row["replications"] == found.record["replications"]["mini"]
    assert (row["ci_high"] - row["ci_low"]) / 2 <= 0.08 * row["base"]


def test_a_spent_budget_is_said(tmp_path: Path) -> None:
    more = ["replications=4", "market.accounts=60", "precision={metric:revenue,relative:0.00001}", "compare.budget=7"]
    off = ["compare.drivers=false", "compare.flips=false", "report.enabled=false"]
    plans = studies(base=[*more, *off, BUSY], hired=[*more, *off, "policy.desks.sales.heads=2"])
    found = compare(scenarios=plans, out=tmp_path / "out")
    assert found.record["replications"]["mini"] == 7
    assert "budget spent" in found.record["stopped"]


@pytest.mark.parametrize(
    ("budget", "guarantee"), [(30, "no guarantee"), pytest.param(400, "95", marks=pytest.mark.slow)]
)
def test_targets_and_choice(tmp_path: Path, budget: int, guarantee: str) -> None:
    words = [
        "market.accounts=60", "replications=10", "report.enabled=false", "compare.flips=false",
        "compare.drivers=false",
        "compare.targets={solvent:{metric:cash,value:0,sense:at_most,by:2025-12-31}}",
        f"compare.choose={{metric:revenue,indifference:5000000,budget:{budget},fresh:10}}",
    ]  # fmt: skip
    found = compare(
        scenarios=studies(base=[*words, BUSY], hired=[*words, "policy.desks.sales.heads=3"]), out=tmp_path / "out"
    )
    assert list(found.targets["scenario"]) == ["base", "hired"]
    assert found.targets["share"].between(0, 1).all()
    assert found.choice["selected"].sum() == 1
    chosen = found.choice[found.choice["selected"]].iloc[0]
    assert chosen["fresh_replications"] == 10
    assert chosen["fresh_mean"] != chosen["mean"]
    assert guarantee in chosen["guarantee"]


def test_a_failed_replication_is_listed_and_its_pair_left_out(tmp_path: Path) -> None:
    more = ["replications=5", "market.accounts=60", "report.enabled=false"]
    plans = make_plans(studies(base=[*more, BUSY], hired=[*more, "policy.desks.sales.heads=2"]))

    def sometimes(timeline: object, seed: int, replication: int) -> object:
        if replication == 3 and timeline is plans.studies["hired"].timeline:
            raise ValueError("no luck")
        return simulate(timeline, seed, replication)  # type: ignore[arg-type]

    found = compare_plans([plans], tmp_path / "out", simulate=sometimes)
    assert [(row["plan"], row["replication"]) for row in found.failures] == [("hired", 3)]
    assert found.table.query("metric == 'revenue' and period == 'horizon'")["replications"].tolist() == [4]


def test_the_command_shows_one_screen_and_its_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["business=mini", "scenarios=[baseline,cheaper]", "replications=10", "market.accounts=60", *SMALL]
    code = main(["compare", *words, "--config-dir", str(MINI), f"out={tmp_path / 'out'}"])
    shown = capsys.readouterr()
    assert code == DONE
    assert len(shown.out.splitlines()) <= 24
    assert "report.html" in shown.out
    assert (tmp_path / "out" / "report.html").is_file()
    record = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert record["status"] == "complete"
    assert record["command"].startswith("tobsim compare business=mini")
    assert main(["report", str(tmp_path / "out")]) == DONE
    assert main(["compare", "--help"]) == DONE


def test_several_businesses_in_one_comparison(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(MINI, tmp_path / "conf"))
    text = (folder / "business" / "mini.yaml").read_text("utf-8").replace("name: mini", "name: other", 1)
    (folder / "business" / "other.yaml").write_text(text, encoding="utf-8")
    words = [*SMALL, "replications=3", "market.accounts=60", "report.enabled=false"]
    plans = compose_plans(["mini", "other"], ["baseline", "cheaper"], words, folder)
    found = compare_plans(plans, tmp_path / "out")
    assert set(found.table["business"]) == {"mini", "other"}
    assert (tmp_path / "out" / "other" / "cheaper" / "manifest.json").is_file()


def test_interrupted_comparisons_keep_what_was_done(tmp_path: Path) -> None:
    more = ["replications=4", "market.accounts=60", "report.enabled=false"]
    plans = make_plans(studies(base=[*more, BUSY], hired=[*more, "policy.desks.sales.heads=2"]))
    done: list[int] = []

    def stopped(timeline: object, seed: int, replication: int) -> object:
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(replication)
        return simulate(timeline, seed, replication)  # type: ignore[arg-type]

    with pytest.raises(KeyboardInterrupt):
        compare_plans([plans], tmp_path / "out", simulate=stopped)
    first = len(done)
    done.clear()
    done += [-1] * 5

    def counted(timeline: object, seed: int, replication: int) -> object:
        done.append(replication)
        return simulate(timeline, seed, replication)  # type: ignore[arg-type]

    compare_plans([plans], tmp_path / "out", simulate=counted)
    assert first + len(done) - 5 == 8


def test_a_comparison_is_no_run(compared: Comparison, capsys: pytest.CaptureFixture[str]) -> None:
    """Verbs for runs alone name the runs of a comparison; a pattern passes over the comparison itself."""
    assert main(["export", str(compared.path), "format=csv"]) == WRONG
    assert "is of several runs, got a comparison; one of them: mini/base, mini/hired" in capsys.readouterr().err
    assert main(["validate", str(compared.path / "mini" / "hired")]) == DONE
    assert main(["validate", str(compared.path)]) == DONE
    with pytest.raises(InputError, match="no run folder there"):
        load(compared.path.parent / "*")
    assert len(load(compared.path / "mini" / "*e").paths) == 2


def test_help_of_a_business_lists_its_scenarios(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "business=platform", "--help"]) == DONE
    shown = capsys.readouterr().out
    assert "  subsidy_cut: " in shown
    assert "trial_longer" not in shown
    assert main(["compare", "--help", "--config-dir", str(MINI)]) == DONE
    assert "trial_longer         tool" in capsys.readouterr().out
