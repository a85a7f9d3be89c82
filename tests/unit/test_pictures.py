"""Charts as pictures: size, title and type; and what is said where nothing can draw them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import kaleido
import pytest
from kaleido.errors import BrowserFailedError

from analysis.report.blocks import Chart
from analysis.report.pictures import HEIGHT, WIDTH, picture
from analysis.report.plots import Words, bars
from scenarios import InputError
from scenarios.runs.exports.figures import SCALE, draw

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture
def chart() -> Chart:
    figure = bars(["大型企业", "<b>x</b>"], [3.0, 1.0], ["3", "1"], Words())
    return Chart("segments", "客户 <i>by</i> segment", "count", "", figure)


def wanted(chart: Chart, folder: Path) -> list[dict[str, Any]]:
    size = {"width": WIDTH, "height": HEIGHT}
    return [
        {"fig": picture(chart), "path": folder / f"a.{kind}", "opts": {**size, "format": kind, "scale": scale}}
        for kind, scale in (("svg", 1), ("png", SCALE))
    ]


def test_a_picture_has_its_title_and_leaves_the_chart_of_the_page_alone(chart: Chart) -> None:
    before = str(chart.figure)
    shown = picture(chart)["layout"]
    assert shown["title"]["text"].startswith("客户 &lt;i&gt;by&lt;/i&gt; segment")
    assert "(count)" in shown["title"]["text"]
    assert (shown["width"] * 9, shown["autosize"]) == (shown["height"] * 16, False)
    assert str(chart.figure) == before


@pytest.mark.skipif(not CHROMIUM.is_file(), reason=f"{CHROMIUM} is not installed: nothing is drawn")
def test_a_chart_is_drawn_in_sixteen_by_nine_with_its_labels(chart: Chart, tmp_path: Path) -> None:
    draw(wanted(chart, tmp_path))
    assert struct.unpack(">II", (tmp_path / "a.png").read_bytes()[16:24]) == (1600, 900)
    box = ElementTree.parse(tmp_path / "a.svg").getroot().attrib["viewBox"].split()
    assert [float(side) for side in box[2:]] == [WIDTH, HEIGHT]
    drawn = (tmp_path / "a.svg").read_text("utf-8")
    assert "大型企业" in drawn
    assert "客户" in drawn


@pytest.mark.skipif(not CHROMIUM.is_file(), reason=f"{CHROMIUM} is not installed: nothing is drawn")
def test_a_full_disk_is_no_missing_browser(chart: Chart, tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        draw(wanted(chart, tmp_path))


def test_without_a_browser_it_is_one_line(chart: Chart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "no-browser"))
    with pytest.raises(InputError) as problem:
        draw(wanted(chart, tmp_path))
    (line,) = problem.value.problems
    assert line.startswith("format: figures needs a browser")
    assert not list(tmp_path.iterdir())


def test_a_browser_that_ends_at_once_is_one_line(chart: Chart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(*_: Any, **__: Any) -> None:
        raise BrowserFailedError("The browser seemed to close immediately after starting.", "More.")

    monkeypatch.setattr(kaleido, "write_fig_from_object_sync", ends)
    with pytest.raises(InputError, match="starts, got one that ends at once"):
        draw(wanted(chart, tmp_path))
