"""The page on back-tests is run as a reader would run it, at the size of a test."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from scenarios.cli import DONE, main

PAGE = Path(__file__).parents[2] / "docs" / "backtest.md"
SMALL = ["market.accounts=200", "horizon.days=151", "replications=3", "progress=false", "report.enabled=false",
         "forecast.enabled=false"]  # fmt: skip


def blocks(kind: str) -> dict[str, str]:
    """Texts of the blocks of the page that are run, by name."""
    return dict(re.findall(rf"<!-- {kind}: (\S+) -->\n```\w+\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (first,), (move, second) = (blocks("command")[name].splitlines() for name in ("init", "validate"))
    assert main(shlex.split(first)[1:]) == DONE
    for name, text in blocks("file").items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path / move.removeprefix("cd "))
    words = [word for word in shlex.split(second)[1:] if "replications" not in word]
    assert main([*words, *SMALL]) == DONE, capsys.readouterr().err
    assert "not scored: Net promoter score" in capsys.readouterr().out
    found = pd.read_csv("runs/then/backtest.csv", encoding="utf-8-sig")
    whole = found[found["horizon"] == "all"].set_index("metric")
    assert whole["n"].to_dict() == {"arr": 4, "signed": 4, "Net promoter score": 0}
    assert whole["rival"].dropna().to_dict() == {"arr": "naive"}
    assert set(found["horizon"]) == {"all", "1-3", "4-6"}
    assert Path("runs/then/backtest.html").is_file()
