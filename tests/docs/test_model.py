"""The 20 items of STRESS-DES: one source of their texts, the page and the report, and what a report says of its run."""

from __future__ import annotations

import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from analysis.report.build import render
from analysis.report.folder import Folder
from analysis.report.stress import CHAPTERS, PART, items, numbered, page
from analysis.report.strings import catalogue
from analysis.report.wording import Wording
from scenarios import compose, run
from scenarios.runs.result import Result

ROOT = Path(__file__).parents[2]
MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
SMALL = ["effects=none", "market.accounts=40", "horizon.days=100", "progress=false", "forecast.enabled=false"]
CHANGES = "policy.changes={shorter:{date:2025-03-01,key:policy.conversion.trial_days,value:5}}"

NUMBERS = [*("1.1", "1.2", "1.3"), *(f"2.{i}" for i in range(1, 6)), *(f"3.{i}" for i in range(1, 5)),
           *("4.1", "4.2", "4.3"), *(f"5.{i}" for i in range(1, 5)), "6.1"]  # fmt: skip
"""Items of the checklist: objectives 3, logic 5, data 4, experimentation 3, implementation 4, code access 1."""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    words = [*SMALL, "replications=3", "report.enabled=false", "seed=7", CHANGES]
    return run(compose("mini", words, config_dir=MINI), tmp_path_factory.mktemp("model") / "run")


def told_of(path: Path) -> dict[str, str]:
    """By number of an item: what the report of a run says of that run."""
    found, number = {}, ""
    for name, meaning in items(Wording(Folder(path), catalogue())).pairs:
        if name == catalogue()("model.here"):
            found[number] = meaning
        else:
            number = name.partition(" ")[0]
    return found


@pytest.fixture(scope="module")
def told(result: Result) -> dict[str, str]:
    return told_of(result.path)


def test_there_are_twenty_items() -> None:
    assert [number for number, _ in numbered()] == NUMBERS
    assert len(NUMBERS) == 20
    text = catalogue()
    assert [
        key for _, key in numbered() if not (text.has(f"model.titles.{key}") and text.has(f"model.texts.{key}"))
    ] == []
    assert [chapter for chapter in CHAPTERS if not catalogue(part=PART).has(f"model_page.chapters.{chapter}")] == []


def test_the_page_is_written_of_the_texts_of_the_report() -> None:
    """After a change of the texts: python -m analysis.report.stress > docs/model.md"""
    assert (ROOT / "docs" / "model.md").read_text("utf-8") == page(catalogue(part=PART))


def test_the_report_shows_every_item_with_the_same_words(result: Result) -> None:
    text = catalogue()
    shown = " ".join(unescape(re.sub(r"<[^>]+>", " ", render(Folder(result.path), text))).split())
    for number, key in numbered():
        words = str(text.raw(f"model.texts.{key}")).replace("`", "")
        assert f"{number} {text(f'model.titles.{key}')} {words}" in shown


def test_every_item_that_can_be_told_of_a_run_is_told(told: dict[str, str]) -> None:
    assert [number for number in NUMBERS if number not in told] == ["3.2"]


def test_what_is_told_is_what_was_run(result: Result, told: dict[str, str]) -> None:
    manifest = result.manifest
    config = compose("mini", [*SMALL, "replications=3", "seed=7", CHANGES], config_dir=MINI).config
    assert told["1.3"] == "3 replications of one plan."
    for name, stop in config["business"]["route"].items():
        assert f"{name} ({stop['kind']}) → " in told["2.1"]
        assert not stop.get("then") or stop["then"] in told["2.1"]
    assert all(name in told["2.2"] for name in config["business"]["decisions"])
    assert "dated changes: 2025-03-01 policy.conversion.trial_days 5." in told["2.3"]
    for name, desk in config["policy"]["desks"].items():
        assert f"{desk.get('label') or name} {desk['heads']}" in told["2.5"]
    assert f"{config['market']['accounts']} accounts" in told["2.5"]
    calendar = config["policy"]["calendar"]
    assert f"open {calendar['hours']} hours on {calendar['workdays']} days a week" in told["2.5"]
    assert f"entry at {config['business']['start']} by " in told["2.5"]
    inputs = result.inputs
    assert told["3.3"] == f"{len(inputs)} numbers in {inputs['unit'].nunique()} units."
    assert told["3.4"].startswith(f"{(inputs['origin'] == 'assumed').sum()} of {len(inputs)} numbers")
    assert told["4.2"] == "100 days from 2025-01-01 to 2025-04-10."
    assert told["4.3"] == "3 replications; precision asked for: nothing."
    for name in ("python", "simpy", "numpy"):
        assert f"{name} {manifest.versions[name]}" in told["5.1"]
    assert told["5.2"] == "Seed 7, replications 0 to 2."
    assert told["5.3"] == f"{manifest.steps:,} events."
    assert manifest.platform in told["5.4"]
    assert manifest.study_digest in told["6.1"]


def test_a_precision_is_named_as_the_reason_of_the_replications(result: Result, tmp_path: Path) -> None:
    path = Path(shutil.copytree(result.path, tmp_path / "run"))
    config = (path / "config.yaml").read_text("utf-8")
    assert "\nprecision: null\n" in config
    asked = config.replace("\nprecision: null\n", "\nprecision: {metric: cash, relative: 0.5}\n")
    (path / "config.yaml").write_text(asked, "utf-8")
    assert told_of(path)["4.3"] == "3 replications; precision asked for: metric cash, relative 0.5."


def test_a_folder_without_a_manifest_tells_the_texts_alone(tmp_path: Path) -> None:
    assert len(items(Wording(Folder(tmp_path), catalogue())).pairs) == 20
    assert told_of(tmp_path) == {}
