"""The page on forecasts is run as a reader would run it, with quick models in place of the default."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from scenarios.cli import DONE, main

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "forecast.md"
QUICK = {
    "forecast": [
        "forecast.model=theta",
        "forecast.models=[theta]",
        "forecast.origins=0",
        "forecast.paths=100",
        "report.enabled=false",
        "progress=false",
    ],
    "run": ["market.accounts=80", "replications=2", "horizon.days=800", "progress=false", "report.enabled=false"],
}
"""What is added to the commands of the page, by verb."""


def blocks(kind: str) -> list[tuple[str, str]]:
    """(name, text) of the blocks of the page that are run."""
    return re.findall(rf"<!-- {kind}: (\S+) -->\n```\w+\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def commands() -> list[tuple[str, list[str]]]:
    """Words of the commands of the page, in their order."""
    found = []
    for name, text in blocks("command"):
        for line in text.replace("\\\n", " ").strip().splitlines():
            words = shlex.split(line)[1:]
            own = [word for word in QUICK[words[0]] if "arima" not in line or "model" not in word]
            found.append((name, [*words, *own]))
    return found


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the reader's own, with the sample file."""
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "sales.csv", tmp_path / "docs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands_of_the_page(reader: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, words in commands():
        assert main(words) == DONE, (name, capsys.readouterr().err)
    made = {path.name for path in (reader / "runs").iterdir()}
    assert made == {"sales", "sums", "dates", "targets", "saas", "saas_ahead", "saas_truth"}
    assert (reader / "runs" / "sums" / "hierarchy.csv").is_file()
    assert (reader / "runs" / "targets" / "targets.csv").is_file()
    assert (reader / "runs" / "saas_truth" / "truth.parquet").is_file()
    shown = (reader / "runs" / "dates" / "forecast.csv").read_text("utf-8-sig")
    assert "no effect can be estimated of: closure" in shown


def test_python_of_the_page(reader: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ((_, snippet),) = blocks("python")
    exec(compile(snippet, "docs/forecast.md", "exec"), {})
    assert "harbour" in capsys.readouterr().out


def test_files_of_the_page_are_files_of_a_forecast() -> None:
    from scenarios.forecasts.folder import TABLES

    named = set(re.findall(r"`(\w+)\.(?:csv|parquet)`", PAGE.read_text("utf-8").split("## What comes out")[1]))
    assert named <= set(TABLES) | {"sales"}
