"""What the tests of pages in a real browser share: the browser, a visit to a page, and what holds for every page."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
WIDTHS = (390, 1280)

NEEDS_CHROMIUM = pytest.mark.skipif(
    not CHROMIUM.is_file(), reason=f"{CHROMIUM} is not installed: the page is not drawn"
)
"""Mark of a module whose tests open a page; it has a fixture ``report`` with the path of the page."""

MARKS = '.scatterlayer path[d*="L"], .scatterlayer path[d*="H"], .scatterlayer .points path, .barlayer path'
"""What a chart draws where it has figures."""

DRAWN = "[...document.querySelectorAll('[data-figure]')].every((node) => node.querySelector('.main-svg'))"


@dataclass
class Visit:
    """What happened while a page was open."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @classmethod
    def to(cls, page: Any, address: str) -> Visit:
        """Open an address in a page and wait until every chart is drawn."""
        visit = cls(page)
        page.on("console", lambda message: visit.complaints.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        page.on("request", lambda request: visit.requests.append(request.url))
        page.goto(address)
        page.wait_for_function(DRAWN)
        return visit

    def fits(self) -> bool:
        """Whether nothing is wider than the screen."""
        width, screen = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        return bool(width <= screen)

    def shapes(self, signs: str, selector: str) -> list[str]:
        """Pictures of signs, drawn in the type of an element."""
        pictures: list[str] = self.page.evaluate(
            """([signs, selector]) => [...signs].map((sign) => {
              const canvas = Object.assign(document.createElement('canvas'), {width: 40, height: 40});
              const pen = canvas.getContext('2d');
              pen.font = '30px ' + getComputedStyle(document.querySelector(selector)).fontFamily;
              pen.fillText(sign, 2, 32);
              return canvas.toDataURL();
            })""",
            [signs, selector],
        )
        return pictures


class EveryPage:
    """Tests that hold for every page; a module's class that inherits them says how many charts it has."""

    charts: int
    chinese: str = "大户"
    typed: str = "body"

    def test_no_complaint_and_no_request_beside_the_file(self, visit: Visit, report: Path) -> None:
        assert visit.complaints == []
        assert visit.requests == [report.as_uri()]

    def test_nothing_is_wider_than_the_screen(self, visit: Visit) -> None:
        assert visit.fits()

    def test_details_opened_still_fit(self, visit: Visit) -> None:
        visit.page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
        assert visit.fits()

    def test_every_chart_is_drawn_inside_its_box(self, visit: Visit) -> None:
        charts = visit.page.evaluate(
            """(marks) => [...document.querySelectorAll('[data-figure]')].map((node) => {
              const box = node.getBoundingClientRect(), svg = node.querySelector('.main-svg').getBoundingClientRect();
              const drawn = [...node.querySelectorAll(marks)].filter((mark) => mark.getBoundingClientRect().height > 0);
              return [node.dataset.figure, drawn.length, svg.width - box.width, svg.height - box.height];
            })""",
            MARKS,
        )
        assert len(charts) == self.charts
        for name, marks, wider, higher in charts:
            assert marks > 0, name
            assert abs(wider) < 2, name
            assert abs(higher) < 2, name

    def test_figures_and_names_of_a_chart_stay_inside_it(self, visit: Visit) -> None:
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

    def test_figures_stand_beside_the_bars_not_on_them(self, visit: Visit) -> None:
        """Labels of dates, which run along their lines in charts over time, are upright."""
        covered = visit.page.evaluate(
            """[...document.querySelectorAll('[data-figure]')].flatMap((node) => {
              const area = node.querySelector('.nsewdrag').getBoundingClientRect();
              return [...node.querySelectorAll('.annotation-text')]
                .map((text) => [text, text.getBoundingClientRect()])
                .filter(([, box]) => box.left < area.right - 1 && box.width >= box.height)
                .map(([text]) => `${node.dataset.figure}: ${text.textContent}`);
            })"""
        )
        assert covered == []

    def test_no_label_runs_as_a_script(self, visit: Visit) -> None:
        assert visit.page.evaluate("window.pwned") is None

    def test_chinese_labels_have_their_own_shapes(self, visit: Visit) -> None:
        """Two signs that a font lacks are drawn as the same box, as is one that no font has."""
        shapes = visit.shapes(f"{self.chinese}\uffff", self.typed)
        if len(set(shapes)) == 1:
            pytest.skip("no font with Chinese signs is installed")
        assert len(set(shapes[:2])) == 2

    def test_links_of_the_contents_lead_to_panels(self, visit: Visit) -> None:
        missing = visit.page.evaluate(
            "[...document.querySelectorAll('nav a')].filter((a) => !document.querySelector(a.hash)).length"
        )
        assert missing == 0

    def test_it_can_be_printed(self, visit: Visit) -> None:
        assert visit.page.pdf(format="A4", print_background=True).startswith(b"%PDF")
        wide = visit.page.evaluate("document.querySelector('.chart').getBoundingClientRect().width")
        drawn = visit.page.evaluate("document.querySelector('.chart .main-svg').getBoundingClientRect().width")
        assert abs(wide - drawn) < 2
