"""What a plan adds to a run folder and to a comparison, and that nothing changes without one."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.report.build import build_report
from analysis.report.screen import MOST_LINES, screen
from scenarios import Study, compare, compose, load, run
from scenarios.bundles import bundle
from scenarios.cli import main
from scenarios.comparisons.compare import new_record
from scenarios.comparisons.pairs import Pairs
from scenarios.comparisons.planned import against_plan, left_out
from scenarios.comparisons.plans import make_plans
from scenarios.runs.reproduce import reproduce
from scenarios.runs.result import PLANNED
from scenarios.runs.validate import validate
from scenarios.sweeps.experiment import make_experiment

SMALL = [
    "market.accounts=60", "horizon.days=400", "replications=2", "progress=false", "forecast.enabled=false",
    "report.enabled=false",
]  # fmt: skip
TARGETS = (
    "targets={year_end: {metric: arr, period: FY2025, value: 20000},"
    " quota: {metric: deals_signed, period: horizon, value: 1, team: sales}}"
)
BUDGET = "metric,2025-Q1,2025-Q2,2025-Q3\nsigned,1,1,900\nNet promoter score,1,2,3\n"


def never(*_: Any) -> Any:
    raise AssertionError("nothing is left to simulate")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with a budget file and a run held against it and against targets."""
    place = tmp_path_factory.mktemp("plan")
    (place / "budget.csv").write_text(BUDGET)
    run(study(place, TARGETS), place / "run")
    return place


def study(place: Path, *more: str) -> Study:
    """The small study with the budget of a place."""
    return compose("tool", [*SMALL, f"plan={place / 'budget.csv'}", *more])


def test_tables_of_the_plan(folder: Path) -> None:
    found = run(study(folder, TARGETS), folder / "run", simulate=never)
    table = found.targets.set_index("target")
    assert list(table.index)[:2] == ["year_end", "quota"]
    assert list(table["status"]) == ["measured"] * 5 + ["not in the model"] * 3
    metrics = found.metrics
    arr = metrics[(metrics["metric"] == "arr") & (metrics["period"] == "fiscal_year") & metrics["dim1"].isna()]
    assert table.loc["year_end", "mean"] == pytest.approx(arr["value"].mean())
    assert table.loc["year_end", "variance"] == pytest.approx(arr["value"].mean() - 20_000)
    assert table.loc["year_end", "hits"] == (arr["value"] >= 20_000).sum()
    assert table.loc["signed 2025-Q3", "chance"] == 0
    assert set(found.coverage["metric"]) == {"signed"}
    assert set(found.capacity["desk"]) == {"sales", "cs"}
    assert (found.capacity["required_heads"] >= 1).all()
    assert len(found.cash_risk) == 13


def test_its_files_are_in_the_manifest(folder: Path) -> None:
    files = json.loads((folder / "run" / "manifest.json").read_text())["files"]
    assert {f"{name}.csv" for name in PLANNED} <= set(files)


@pytest.mark.slow
def test_it_is_checked_reproduced_and_bundled(folder: Path) -> None:
    """The plan file goes into a bundle."""
    path = folder / "run"
    assert all(check.holds for check in validate(path))
    assert reproduce(path).identical
    archive = bundle(path, str(folder / "all.zip"))
    assert any(name.endswith("budget.csv") for name in zipfile.ZipFile(archive).namelist())


@pytest.mark.slow
def test_a_changed_table_of_targets_is_found_out(folder: Path) -> None:
    path = folder / "run" / "targets.csv"
    before = path.read_bytes()
    path.write_bytes(before.replace(b"CNY/year,measured", b"CNY/year,undefined"))
    assert "targets.csv: line 2" in reproduce(folder / "run").text
    path.write_bytes(before)


def test_page_and_screen(folder: Path) -> None:
    page = build_report(folder / "run").read_text("utf-8")
    assert '<section id="plan">' in page
    assert "Net promoter score 2025-Q1 (1): not in the model" in page
    shown = screen(folder / "run", width=80)
    assert "Against the plan" in shown
    assert shown.count("\n") < MOST_LINES + 1


def test_another_plan_needs_no_simulation_and_none_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    """Neither does a file that says something else under the same name."""
    path, bare = tmp_path / "run", compose("tool", SMALL)
    plain = run(bare, path)
    assert "plan" not in plain.manifest.settings
    assert not any((path / f"{name}.csv").exists() for name in PLANNED)
    assert plain.targets.empty
    assert "Against the plan" not in screen(path)
    assert bare.digest == study(folder, TARGETS).digest
    (tmp_path / "budget.csv").write_text(BUDGET)
    assert len(run(study(tmp_path), path, simulate=never).targets) == 6
    (tmp_path / "budget.csv").write_text("metric,period,value\nsigned,FY2025,5\n")
    assert len(run(study(tmp_path), path, simulate=never).targets) == 1
    run(bare, path, simulate=never)
    assert not any((path / f"{name}.csv").exists() for name in PLANNED)


def test_every_scenario_is_held_against_the_targets_of_the_base(folder: Path) -> None:
    metrics = load(folder / "run").metrics.drop(columns="run")
    plans = make_plans({"one": study(folder, TARGETS), "other": study(folder)})
    found = against_plan(Pairs(plans, folder), {"one": metrics, "other": metrics[metrics["replication"] == 0]})
    table = found["planned"]
    assert table.groupby("scenario", sort=False).size().to_dict() == {"one": 8, "other": 8}
    assert table.groupby("scenario")["replications"].max().to_dict() == {"one": 2, "other": 1}
    assert against_plan(Pairs(make_plans({"a": compose("tool", SMALL), "b": study(folder)}), folder), {}) == {}


def test_targets_that_only_another_plan_has_are_said_to_be_left_out(folder: Path) -> None:
    own = "targets={year_end: {metric: arr, period: FY2025, value: 30000}}"
    plans = make_plans({"one": study(folder, TARGETS), "same": study(folder, TARGETS), "other": study(folder, own)})
    (line,) = left_out(plans)
    assert line.startswith(
        "targets: scenario other has some of its own, got year_end; all plans are held against those"
    )
    assert new_record([plans]).businesses["tool"]["warnings"][-1] == line
    assert left_out(make_plans({"one": study(folder, TARGETS), "none": compose("tool", SMALL)})) == []


def test_a_sweep_and_a_search_say_that_they_judge_no_targets(folder: Path) -> None:
    given = {"kind": "sweep", "sampler": "list", "keys": {"policy.desks.sales.heads": [1, 2]}}
    (line,) = make_experiment("small", given, "tool", [*SMALL, TARGETS, f"plan={folder / 'budget.csv'}"]).warnings
    assert line.startswith(f"targets: are not judged here, got year_end, quota, {folder / 'budget.csv'}; tobsim run")
    assert make_experiment("small", given, "tool", SMALL).warnings == ()


@pytest.mark.slow
def test_a_comparison_against_a_plan(folder: Path) -> None:
    overrides = [*SMALL[:-1], f"plan={folder / 'budget.csv'}", "compare.drivers=false", "compare.flips=false"]
    found = compare("tool", ["baseline", "sales_only"], overrides, out=folder / "compared")
    table = found.planned
    assert list(table["scenario"].unique()) == ["baseline", "sales_only"]
    for scenario, rows in table.groupby("scenario"):
        own = pd.read_csv(folder / "compared" / "tool" / str(scenario) / "targets.csv", encoding="utf-8-sig")
        np.testing.assert_array_equal(own["mean"], rows["mean"])
    page = (folder / "compared" / "report.html").read_text("utf-8")
    assert '<section id="tool-plan">' in page
    assert "planned.csv" in json.loads((folder / "compared" / "manifest.json").read_text())["files"]


def test_the_command_says_what_is_reached(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    main(["run", "business=tool", *SMALL, f"plan={folder / 'budget.csv'}", TARGETS, "out=run"])
    assert "figures of the plan likely reached" in capsys.readouterr().out
