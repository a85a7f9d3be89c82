"""The page of a comparison in a real browser: it draws, stays offline, fits a phone, and shows any script."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.report.comparison.build import build_comparison
from tests.docs.browser import NEEDS_CHROMIUM, EveryPage, Visit
from tests.fixtures.fake_comparison import CHINESE_ID, LABELS, Recipe, write_fake_comparison
from tests.fixtures.fake_run import CHINESE, HOSTILE

pytestmark = NEEDS_CHROMIUM

RECIPE = Recipe({"tool": tuple(LABELS), "cloud": ("baseline", "presales_hired", "same")})


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_comparison(write_fake_comparison(tmp_path_factory.mktemp("comparisons") / "fake", RECIPE))


class TestComparison(EveryPage):
    """By business: differences, drivers of every plan that moves, flips of such plans, funnel, series over time."""

    charts = (4 + 2 * 4 + 2 + 1 + 4) + (4 + 4 + 1 + 1 + 4)
    chinese = "售增"
    typed = ".ytick text"


def test_labels_are_shown_as_they_are(visit: Visit) -> None:
    text = visit.page.inner_text("body")
    for label in (CHINESE, CHINESE_ID, HOSTILE, LABELS["presales_hired"]):
        assert label in text
    drawn = visit.page.evaluate("[...document.querySelectorAll('.legendtext')].map((node) => node.textContent)")
    assert LABELS["presales_hired"] in drawn
    assert LABELS["price_up"] in drawn
