"""The page on exports is run as a reader would run it, at the size of a test."""

from __future__ import annotations

import re
import shlex
import struct
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scenarios.cli import DONE, main
from scenarios.runs.export import BUNDLE, FORMATS
from scenarios.runs.exports.workbook.twin.worlds import LARGER, steps
from scenarios.studies.compose import compose
from tests.docs.browser import CHROMIUM

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "export.md").read_text("utf-8")
SMALL = ["market.accounts=60", "horizon.days=120", "replications=2", "progress=false", "forecast.enabled=false"]
MADE = {"run": SMALL, "export": ["progress=false"]}


def commands(name: str) -> list[list[str]]:
    (text,) = re.findall(rf"<!-- command: {name} -->\n```bash\n(.*?)```", PAGE, re.DOTALL)
    return [shlex.split(line)[1:] for line in text.strip().splitlines()]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export-page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for words in [*commands("run"), *commands("again")]:
            if CHROMIUM.is_file() or "format=figures" not in words:
                more = [word for word in MADE[words[0]] if word not in words]
                assert main([*words, *more]) == DONE, words
    return folder / "runs" / "a"


@pytest.mark.slow
def test_the_commands_leave_a_workbook_and_pictures(place: Path) -> None:
    assert [path.name for path in (place / "export" / "xlsx").iterdir()] == ["tool.xlsx"]


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.is_file(), reason=f"{CHROMIUM} is not installed: nothing is drawn")
def test_every_chart_of_the_page_is_a_picture_of_sixteen_by_nine(place: Path) -> None:
    page = (place / "report.html").read_text("utf-8")
    charts = set(re.findall(r'data-figure="([^"]+)"', page))
    files = list((place / "export" / "figures").iterdir())
    assert {f"figure-{path.stem}" for path in files} == charts
    assert charts
    for path in files:
        if path.suffix == ".png":
            assert struct.unpack(">II", path.read_bytes()[16:24]) == (1600, 900)
        else:
            box = ElementTree.parse(path).getroot().attrib["viewBox"].split()
            assert float(box[2]) / float(box[3]) == pytest.approx(16 / 9)


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.is_file(), reason=f"{CHROMIUM} is not installed: nothing is drawn")
def test_pictures_bear_titles_and_chinese_labels(place: Path) -> None:
    texts = {path.stem: path.read_text("utf-8") for path in (place / "export" / "figures").glob("*.svg")}
    assert "客户成功" in texts["desk-load"]
    assert all("gtitle" in text for text in texts.values())


def test_the_page_names_every_format_and_every_line() -> None:
    assert {name for name in (*FORMATS, BUNDLE) if f"| `{name}` |" not in PAGE} == set()
    assert LARGER == 50
    assert "fifty times as large" in PAGE
    for step in steps(compose("tool").timeline):
        assert f"| {step.name} |" in PAGE
