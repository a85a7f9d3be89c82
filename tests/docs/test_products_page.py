"""The page on several products is run as a reader would run it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pandas as pd
import pytest

from scenarios.cli import DONE, WRONG, main
from tests.docs.test_pages import blocks

PAGE = "docs/products.md"
SMALL = ["horizon.days=400", "progress=false", "report.enabled=false", "forecast.enabled=false"]


def test_the_add_on_of_the_page_runs_and_its_error_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in blocks(PAGE, "file"):
        path = tmp_path / "my_conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    runs, wrong = (
        [shlex.split(text)[1:] for kind, text in blocks(PAGE, "command") if kind == k] for k in ("run", "fails")
    )
    for words in runs:
        assert main([*words, *SMALL]) == DONE, capsys.readouterr().err
    metrics = pd.read_parquet(tmp_path / "runs" / "archive" / "metrics.parquet")
    assert set(metrics.loc[metrics["dim1"] == "product", "level1"]) == {"seats", "archive"}
    capsys.readouterr()
    for words in wrong:
        assert main(words) == WRONG
        assert "error: business.revenue.archive.way: is no stop of the route" in capsys.readouterr().err


def test_every_metric_of_the_page_exists() -> None:
    from analysis.metrics import REGISTRY

    text = (Path(__file__).parents[2] / PAGE).read_text(encoding="utf-8")
    named = {
        word for line in text.splitlines() if line.startswith("| `") for word in line.split("|")[1].split("`")[1::2]
    }
    assert {"attach_rate", "cross_sell_mrr", "arr"} <= named
    assert named - {"add_on", "project"} <= set(REGISTRY)
