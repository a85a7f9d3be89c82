"""The page of a comparison in a real browser: it draws, stays offline, fits a phone, and shows any script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.report.comparison.build import build_comparison
from tests.docs.test_report_browser import CHROMIUM, FLAGS, WIDTHS, Visit
from tests.fixtures.fake_comparison import CHINESE_ID, LABELS, Recipe, write_fake_comparison
from tests.fixtures.fake_run import CHINESE, HOSTILE

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.is_file(), reason=f"{CHROMIUM} is not installed: the page is not drawn"),
    pytest.mark.xdist_group("browser"),
]

RECIPE = Recipe({"tool": tuple(LABELS), "cloud": ("baseline", "presales_hired", "same")})
CHARTS = (4 + 2 * 4 + 2 + 1 + 4) + (4 + 4 + 1 + 1 + 4)
"""By business: differences, drivers of every plan that moves, flips of every such plan, funnel, series over time."""

MARKS = '.scatterlayer path[d*="L"], .scatterlayer .points path, .barlayer path'


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_comparison(write_fake_comparison(tmp_path_factory.mktemp("comparisons") / "fake", RECIPE))


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
    page.wait_for_function(
        "document.querySelectorAll('.js-plotly-plot .main-svg').length >= "
        "document.querySelectorAll('[data-figure]').length"
    )
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
        """(marks) => [...document.querySelectorAll('[data-figure]')].map((node) => {
          const box = node.getBoundingClientRect(), svg = node.querySelector('.main-svg').getBoundingClientRect();
          const drawn = [...node.querySelectorAll(marks)].filter((mark) => mark.getBoundingClientRect().height > 0);
          return [node.dataset.figure, drawn.length, svg.width - box.width, svg.height - box.height];
        })""",
        MARKS,
    )
    assert len(charts) == CHARTS
    for name, marks, wider, higher in charts:
        assert marks > 0, name
        assert abs(wider) < 2, name
        assert abs(higher) < 2, name


def test_figures_and_names_of_a_chart_stay_inside_it(visit: Visit) -> None:
    outside = visit.page.evaluate(
        """[...document.querySelectorAll('[data-figure]')].flatMap((node) => {
          const box = node.getBoundingClientRect();
          return [...node.querySelectorAll('.annotation-text, .ytick text, .xtick text')].filter((text) => {
            const own = text.getBoundingClientRect();
            return own.width && (own.left < box.left - 1 || own.right > box.right + 1);
          }).map((text) => `${node.dataset.figure}: ${text.textContent}`);
        })"""
    )
    assert outside == []


def test_figures_stand_beside_the_bars_not_on_them(visit: Visit) -> None:
    covered = visit.page.evaluate(
        """[...document.querySelectorAll('[data-figure]')].flatMap((node) => {
          const area = node.querySelector('.nsewdrag').getBoundingClientRect();
          return [...node.querySelectorAll('.annotation-text')]
            .filter((text) => text.getBoundingClientRect().left < area.right - 1)
            .map((text) => `${node.dataset.figure}: ${text.textContent}`);
        })"""
    )
    assert covered == []


def test_labels_are_shown_as_they_are_and_do_not_run(visit: Visit) -> None:
    text = visit.page.inner_text("body")
    for label in (CHINESE, CHINESE_ID, HOSTILE, LABELS["presales_hired"]):
        assert label in text
    drawn = visit.page.evaluate("[...document.querySelectorAll('.legendtext')].map((node) => node.textContent)")
    assert LABELS["presales_hired"] in drawn
    assert LABELS["price_up"] in drawn
    assert visit.page.evaluate("window.pwned") is None


def test_chinese_labels_have_their_own_shapes_in_charts(visit: Visit) -> None:
    """Two signs that a font lacks are drawn as the same box; the type is that of the charts."""
    shapes = visit.page.evaluate(
        """['售', '增', '\\uFFFE'].map((sign) => {
          const canvas = Object.assign(document.createElement('canvas'), {width: 40, height: 40});
          const pen = canvas.getContext('2d');
          pen.font = '30px ' + getComputedStyle(document.querySelector('.ytick text')).fontFamily;
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
