"""The report in a real browser: it draws, stays offline, fits a phone, and shows any script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from analysis.report.build import build_report
from tests.fixtures.fake_run import CHINESE, HOSTILE, write_fake_run

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
WIDTHS = (390, 1280)

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.is_file(), reason=f"{CHROMIUM} is not installed: the report is not drawn"),
    pytest.mark.xdist_group("browser"),
]


@dataclass
class Visit:
    """What happened while the report was open."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_report(write_fake_run(tmp_path_factory.mktemp("runs") / "fake"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as tool:
        chromium = tool.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module", params=WIDTHS)
def visit(request: pytest.FixtureRequest, browser: Any, report: Path) -> Iterator[Visit]:
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    visit = Visit(page)
    page.on("console", lambda message: visit.complaints.append(message.text) if message.type != "log" else None)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("request", lambda request: visit.requests.append(request.url))
    page.goto(report.as_uri())
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot .main-svg').length > 0")
    yield visit
    page.close()


def test_no_complaint_and_no_request_beside_the_file(visit: Visit, report: Path) -> None:
    assert visit.complaints == []
    assert visit.requests == [report.as_uri()]


def test_nothing_is_wider_than_the_screen(visit: Visit) -> None:
    width, screen = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= screen


def test_details_opened_still_fit(visit: Visit) -> None:
    visit.page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    width, screen = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= screen


def test_every_chart_is_drawn_inside_its_box(visit: Visit) -> None:
    charts = visit.page.evaluate(
        """[...document.querySelectorAll('[data-figure]')].map((node) => {
          const box = node.getBoundingClientRect(), svg = node.querySelector('.main-svg').getBoundingClientRect();
          const marks = node.querySelectorAll('.scatterlayer path[d*="L"], .scatterlayer path[d*="H"], .barlayer path');
          return [node.dataset.figure, marks.length, svg.width - box.width, svg.height - box.height];
        })"""
    )
    assert len(charts) == 11
    for name, marks, wider, higher in charts:
        assert marks > 0, name
        assert abs(wider) < 2, name
        assert abs(higher) < 2, name


def test_labels_are_shown_as_they_are_and_do_not_run(visit: Visit) -> None:
    text = visit.page.inner_text("body")
    assert CHINESE in text
    assert HOSTILE in text
    drawn = visit.page.evaluate("[...document.querySelectorAll('.legendtext')].map((node) => node.textContent)")
    assert CHINESE in drawn
    assert HOSTILE in drawn
    assert visit.page.evaluate("window.pwned") is None


def test_chinese_labels_have_their_own_shapes(visit: Visit) -> None:
    """Two signs that a font lacks are drawn as the same box."""
    shapes = visit.page.evaluate(
        """['大', '户', '\\uFFFE'].map((sign) => {
          const canvas = Object.assign(document.createElement('canvas'), {width: 40, height: 40});
          const pen = canvas.getContext('2d');
          pen.font = '30px ' + getComputedStyle(document.body).fontFamily;
          pen.fillText(sign, 2, 32);
          return canvas.toDataURL();
        })"""
    )
    if len(set(shapes)) == 1:
        pytest.skip("no font with Chinese signs is installed")
    assert len({*shapes[:2]}) == 2


def test_links_of_the_contents_lead_to_panels(visit: Visit) -> None:
    missing = visit.page.evaluate(
        "[...document.querySelectorAll('nav a')].filter((a) => !document.querySelector(a.hash)).length"
    )
    assert missing == 0


def test_it_can_be_printed(visit: Visit) -> None:
    assert visit.page.pdf(format="A4", print_background=True).startswith(b"%PDF")
    wide = visit.page.evaluate("document.querySelector('.chart').getBoundingClientRect().width")
    drawn = visit.page.evaluate("document.querySelector('.chart .main-svg').getBoundingClientRect().width")
    assert abs(wide - drawn) < 2
