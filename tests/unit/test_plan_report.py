"""The panel of the plan in the report of a run and on the page of a comparison, on made-up folders."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from analysis.report.build import render
from analysis.report.comparison.build import PART
from analysis.report.comparison.build import render as render_comparison
from analysis.report.comparison.folder import Comparison
from analysis.report.comparison.screen import comparison_screen
from analysis.report.folder import Folder
from analysis.report.screen import MOST_LINES, screen
from analysis.report.strings import Catalogue, catalogue
from tests.fixtures.fake_comparison import Recipe, write_fake_comparison
from tests.fixtures.fake_plan import MONTHS, add_plan, add_plans
from tests.fixtures.fake_run import CHINESE, HOSTILE, write_fake_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_fake_run(tmp_path_factory.mktemp("runs") / "planned")
    add_plan(path)
    return path


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = Recipe({"tool": ("baseline", "presales_hired")})
    return add_plans(write_fake_comparison(tmp_path_factory.mktemp("comparisons") / "planned", recipe))


@pytest.fixture(scope="module")
def text() -> Catalogue:
    return catalogue(part=PART)


@pytest.fixture(scope="module")
def page(run: Path, text: Catalogue) -> str:
    return render(Folder(run), text)


@pytest.fixture(scope="module")
def panel(page: str) -> str:
    """The panel alone, its tables without markup."""
    found = re.search(r'<section id="plan">(.*?)</section>', page, re.DOTALL)
    assert found
    return found[1]


def charts(page: str) -> dict[str, dict]:
    found = re.findall(r'<script type="application/json" id="figure-([^"]+)">(.*?)</script>', page, re.DOTALL)
    return {name: json.loads(figure) for name, figure in found}


def plain(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split()).replace("\u00a0", " ")


def test_every_figure_is_in_the_panel(panel: str) -> None:
    """Measured ones with their part and period, the others with the reason."""
    shown = plain(panel)
    for words in (
        f"Amount signed: {CHINESE} 2 2025-Q4, own quota", "5 at most", "Active customers 2025-Q3, low",
        "Signatures Whole time",
        "revenu 2025-Q4 (5): not in the model; did you mean revenue?", "late (5): outside the horizon",
        "gone (5): undefined in every replication", "finer (5): not measured for this kind of period",
        "part (5): not measured for this part",
    ):  # fmt: skip
        assert words in shown
    assert HOSTILE not in panel


def test_charts_draw_the_plan_over_the_band(page: str) -> None:
    found = charts(page)
    assert {"plan-active_customers-quarter", "plan-revenue-month", "plan-cash"} <= set(found)
    plan = found["plan-revenue-month"]["data"][-1]
    assert (plan["name"], [x[:7] for x in plan["x"]], plan["y"]) == ("Plan", list(MONTHS), [300.0] * 3)
    assert len(found["plan-revenue-month"]["data"][2]["x"]) == 36
    ever = found["plan-cash"]["data"][-1]
    assert ever["y"] == sorted(ever["y"])
    assert ever["y"][-1] > 0


def test_the_screen_keeps_to_its_size(run: Path) -> None:
    for width in (80, 120):
        shown = screen(run, width=width)
        assert "Against the plan" in shown
        assert shown.count("\n") < MOST_LINES
        assert max(map(len, shown.splitlines())) <= width


def test_without_a_risk_there_is_a_sentence(run: Path, tmp_path: Path, text: Catalogue) -> None:
    for name in ("targets.csv", "config.yaml", "manifest.json"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    calm = pd.read_csv(run / "cash_risk.csv").assign(chance=0.0, ever=0.0)
    calm.to_csv(tmp_path / "cash_risk.csv", index=False)
    found = render(Folder(tmp_path), text)
    assert "Cash falls below zero in no replication" in found
    assert "figure-plan-cash" not in found


def test_the_page_of_a_comparison_holds_every_scenario_against_the_plan(compared: Path, text: Catalogue) -> None:
    page = render_comparison(Comparison(compared), text)
    found = re.search(r'<section id="tool-plan">(.*?)</section>', page, re.DOTALL)
    assert found
    shown = plain(found[1])
    assert shown.count("Every planned figure:") == len(list((compared / "tool").iterdir()))
    assert "of plan, chance" in shown
    plan = charts(page)["tool-plan-revenue-month"]["data"][-1]
    assert plan["y"] == [300.0] * 3
    assert "Against the plan" in comparison_screen(compared, width=100)


def test_a_figure_that_one_scenario_alone_measures_is_shown_for_it(
    compared: Path, tmp_path: Path, text: Catalogue
) -> None:
    """As the attach rate of a product that only one of them sells: in the table of long periods, and in that of all."""
    place = shutil.copytree(compared, tmp_path / "some")
    table = pd.read_csv(place / "planned.csv", encoding="utf-8-sig")
    row = table.index[(table["scenario"] == "baseline") & (table["status"] == "measured")][0]
    table.loc[row, ["status", "mean", "attainment", "chance"]] = ["undefined in every replication", None, None, None]
    table.to_csv(place / "planned.csv", index=False, encoding="utf-8-sig")
    page = render_comparison(Comparison(place), text)
    whole = render_comparison(Comparison(compared), text)
    assert page.count("of plan, chance") == whole.count("of plan, chance") - 2
