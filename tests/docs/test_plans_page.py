"""The page on plans in time is run as a reader would run it, at the size of a test."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
import yaml

from scenarios.cli import DONE, main
from scenarios.studies.provenance import gaps

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "plans.md"
SMALL = ["market.accounts=30", "replications=1", "horizon.days=60", "progress=false", "report.enabled=false"]
FORECAST = ["forecast.horizon=3", "forecast.origins=0", "progress=false"]


def blocks(kind: str) -> dict[str, str]:
    """Text by name of the blocks of the page that are run."""
    found = re.findall(rf"<!-- {kind}: (\S+) -->\n```\w+\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return dict(found)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the reader's own, with the files that the page shows."""
    for name, text in blocks("file").items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def obey(name: str, small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(blocks("command")[name].replace("\\\n", " "))[1:]
    assert main([*words, *small]) == DONE, capsys.readouterr().err


def test_the_plan_says_where_its_numbers_come_from() -> None:
    assert not gaps(blocks("file")["my_conf/scenario/plan_2026.yaml"])


def test_a_plan_is_compared(reader: Path, capsys: pytest.CaptureFixture[str]) -> None:
    obey("compare", [*SMALL, "forecast.enabled=false", "compare.drivers=false", "compare.flips=false"], capsys)
    config = yaml.safe_load((reader / "runs" / "plan" / "tool" / "plan_2026" / "config.yaml").read_text("utf-8"))
    plan = config["policy"]
    assert plan["products"]["seats"]["price_list"] == {"2026-07-01": {"small": 330}}
    assert plan["channels"]["search"]["budget"] == {"2026-03": 20000, "2026-04": 30000}
    assert plan["hiring"]["sellers"]["requested"] == "2026-01-15"


def test_dates_and_values_are_swept(reader: Path, capsys: pytest.CaptureFixture[str]) -> None:
    obey("sweep", SMALL, capsys)
    points = pd.read_parquet(reader / "runs" / "when" / "points.parquet")
    assert sorted(points["policy.changes.raise.date"].unique()) == ["2025-07-01", "2025-08-01", "2025-09-01"]
    assert (points["status"] == "done").all()


def test_budgets_come_from_a_file(reader: Path, capsys: pytest.CaptureFixture[str]) -> None:
    obey("budgets", [*SMALL, "forecast.enabled=false"], capsys)
    inputs = pd.read_csv(reader / "runs" / "budgets" / "inputs.csv").set_index("key")
    assert float(inputs.loc["policy.channels.events.budget.2026-10", "value"]) == 12000


def test_fiscal_years_are_those_of_the_page(reader: Path, capsys: pytest.CaptureFixture[str]) -> None:
    obey("fiscal", [*SMALL, "horizon.days=460", "forecast.enabled=false"], capsys)
    summary = pd.read_csv(reader / "runs" / "fiscal" / "summary.csv")
    assert set(summary["period"]) == {"FY2026", "horizon"}


@pytest.mark.slow
def test_the_forecast_knows_the_plan(reader: Path, capsys: pytest.CaptureFixture[str]) -> None:
    obey("compare", ["market.accounts=200", "replications=1", "progress=false", "compare.drivers=false"], capsys)
    obey("forecast", FORECAST, capsys)
    notes = pd.read_parquet(reader / "runs" / "ahead" / "forecast.parquet")["note"].astype(str)
    assert notes.str.contains("policy.hiring").any()
