"""The page on sweeps is run as a reader would run it, at the size of a test."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from scenarios.cli import DONE, main

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "sweeps.md"
SMALL = ["market.accounts=40", "horizon.days=60", "replications=2", "progress=false", "report.enabled=false"]
FEWER = {"moves": "experiment.base_samples=8", "tool_when_cash_fails": "experiment.points=32"}
"""What is added to the commands of the page: to all, and to those of an experiment."""


def blocks(kind: str) -> list[tuple[str, str]]:
    """(name, text) of the blocks of the page that are run."""
    return re.findall(rf"<!-- {kind}: (\S+) -->\n```\w+\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def commands(names: tuple[str, ...]) -> list[list[str]]:
    """Words of the commands of some blocks, in their order."""
    found = []
    for name, text in blocks("command"):
        for line in text.replace("\\\n", " ").strip().splitlines() if name in names else ():
            words = shlex.split(line)[1:]
            found.append([*words, *SMALL, *(own for key, own in FEWER.items() if f"experiment={key}" in words)])
    return found


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the reader's own, with the files that the page shows."""
    for name, text in blocks("file"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def obey(names: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands(names):
        assert main(words) == DONE, (words, capsys.readouterr().err)


def test_an_experiment_is_priced_run_and_extended(reader: Path, capsys: pytest.CaptureFixture[str]) -> None:
    obey(("dry",), capsys)
    assert "points    12" in capsys.readouterr().out
    assert not (reader / "runs").exists()
    obey(("price",), capsys)
    first = {path.name for path in (reader / "runs" / "price" / "parts").iterdir()}
    obey(("grown",), capsys)
    assert len(pd.read_parquet(reader / "runs" / "price" / "points.parquet")) == 18
    after = {path.name for path in (reader / "runs" / "price" / "parts").iterdir()}
    assert first < after, "what was there is not run again"
    tell(dict(blocks("python")), ("pandas", "paired"))
    shown = capsys.readouterr().out
    assert "sales_only" in shown
    assert "count" in shown
    if find_spec("duckdb"):
        assert len(asked_of_duckdb()) == 3 * 3 * 2


def asked_of_duckdb() -> list[tuple[object, ...]]:
    """Rows of the query of the page."""
    ((_, query),) = blocks("sql")
    rows: list[tuple[object, ...]] = import_module("duckdb").sql(query).fetchall()
    return rows


def tell(snippets: dict[str, str], names: tuple[str, ...]) -> None:
    for name in names:
        exec(compile(snippets[name], f"{PAGE.name}: {name}", "exec"), {})


def test_python_of_the_page(reader: Path, capsys: pytest.CaptureFixture[str]) -> None:
    snippet = dict(blocks("python"))["sweep"]
    small = ", ".join(f'"{word}"' for word in SMALL)
    tell({"sweep": snippet.replace('["experiment.keep', f'[{small}, "experiment.keep')}, ("sweep",))
    assert "trial_days" in capsys.readouterr().out


@pytest.mark.slow
def test_the_analyses_of_the_page(reader: Path, capsys: pytest.CaptureFixture[str]) -> None:
    obey(("moves", "fails"), capsys)
    made = {name: reader / "runs" / name for name in ("moves", "morris", "tornado", "fails")}
    sobol, morris = (pd.read_csv(made[name] / "sensitivity.csv") for name in ("moves", "morris"))
    assert {"s1", "st", "noise_share"} <= set(sobol["of"])
    assert {"mu_star", "noise"} <= set(morris["of"])
    assert len(pd.read_csv(made["tornado"] / "tornado.csv"))
    assert (pd.read_csv(made["fails"] / "discovery.csv")["box"] == 0).sum() == 1


@pytest.mark.slow
def test_many_runs_of_the_page(reader: Path, capsys: pytest.CaptureFixture[str]) -> None:
    obey(("multirun",), capsys)
    assert sorted(path.name for path in (reader / "runs" / "many").iterdir() if path.is_dir()) == ["0", "1"]


def test_files_of_the_page_are_files_of_a_sweep() -> None:
    from scenarios.sweeps.folder import FRAMES

    table = PAGE.read_text("utf-8").split("## What comes out")[1].split("Plain pandas")[0]
    named = set(re.findall(r"`(\w+)\.(?:csv|parquet)`", table))
    assert named == set(FRAMES)


def test_samplers_of_the_page_are_those_there_are() -> None:
    from scenarios.sweeps.settings import SAMPLERS

    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text("utf-8").split("Samplers:")[1].split("What it will")[0], re.M)
    assert {word for row in rows for word in re.findall(r"`(\w+)`", row)} - {"points", "base_samples"} == set(SAMPLERS)
