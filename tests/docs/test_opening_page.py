"""The page on openings, run as a reader would run it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pandas as pd

from tests.docs.test_pages import SMALL, blocks, tobsim

PAGE = "docs/opening.md"


def test_starting_from_files_as_the_page_says(tmp_path: Path) -> None:
    for name, text in blocks(PAGE, "file"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    ((_, command),) = blocks(PAGE, "command")
    off = [word for word in SMALL if not word.startswith("horizon")]
    small = [*off, "horizon.days=60", "report.enabled=false", "forecast.enabled=false"]
    done = tobsim([*shlex.split(command)[1:], *small], tmp_path)
    assert done.returncode == 0, done.stderr
    stated = pd.read_csv(tmp_path / "runs" / "mine" / "opening_stated.csv").fillna("")
    found = {(row.quantity, row.dimension): row.value for row in stated.itertuples()}
    assert found["arr", ""] == 42_000.5
    assert found["open_amount", ""] == 21_600
    assert (found["headcount", "sales"], found["headcount", "cs"]) == (2, 1)
    assert found["receivable", ""] == 37_200
