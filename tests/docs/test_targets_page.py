"""The page on targets is run as a reader would run it, at the size of a test."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from scenarios.cli import DONE, main

PAGE = Path(__file__).parents[2] / "docs" / "targets.md"
SMALL = [
    "market.accounts=40", "horizon.days=366", "replications=2", "progress=false", "report.enabled=false",
    "forecast.enabled=false",
]  # fmt: skip


def blocks(kind: str) -> dict[str, str]:
    """Texts of the blocks of the page that are run, by name."""
    found = re.findall(rf"<!-- {kind}: (\S+) -->\n```\w+\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return dict(found)


def obey(name: str, capsys: pytest.CaptureFixture[str], only: str = "") -> str:
    """Run the commands of a block; what they print."""
    for line in blocks("command")[name].replace("\\\n", " ").strip().splitlines():
        if only in line:
            assert main([*shlex.split(line)[1:], *SMALL]) == DONE, (line, capsys.readouterr().err)
    return capsys.readouterr().out


def targets(name: str) -> pd.DataFrame:
    """The table of targets of a run of the page."""
    return pd.read_csv(f"runs/{name}/targets.csv", encoding="utf-8-sig").set_index("target")


@pytest.fixture(autouse=True)
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of the reader's own, with the files that the page shows."""
    for name, text in blocks("file").items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)


def test_targets_of_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert "ARR, FY2025" in obey("scenario", capsys)
    found = targets("board")
    assert set(found["status"]) == {"measured"}
    assert found["sense"].to_dict()["costs"] == "at_most"
    assert found.loc["quota_one", "mean"] <= found.loc["quota_team", "mean"]


@pytest.mark.slow
def test_a_budget_file(capsys: pytest.CaptureFixture[str]) -> None:
    obey("file", capsys, "tobsim run")
    assert targets("budget")["status"].to_dict()["Net promoter score 2025-Q4"] == "not in the model"
    assert (targets("budget")["status"] == "measured").sum() == 5


def test_a_budget_with_a_column_per_quarter(capsys: pytest.CaptureFixture[str]) -> None:
    obey("wide", capsys)
    found = targets("wide")
    assert found["metric"].tolist() == ["signed"] * 3 + ["revenue"] * 3
    assert found["value"].tolist() == [8, 12, 16, 1000, 3500, 9000]


@pytest.mark.slow
def test_all_commands_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    for name in blocks("command"):
        obey(name, capsys)
    found = pd.read_csv("runs/against_budget/planned.csv", encoding="utf-8-sig")
    assert set(found["scenario"]) == {"baseline", "sales_only"}
