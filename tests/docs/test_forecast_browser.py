"""The page of forecasts in a real browser: it draws, stays offline, fits a phone, and shows any script."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.report.forecasts.build import build_forecasts
from tests.docs.browser import NEEDS_CHROMIUM, EveryPage, Visit
from tests.fixtures.fake_forecast import REGIONS, write_fake_forecast
from tests.fixtures.fake_run import CHINESE, HOSTILE
from tests.fixtures.fake_truth import METRICS

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_forecasts(write_fake_forecast(tmp_path_factory.mktemp("forecasts") / "fake"))


class TestForecasts(EveryPage):
    """Fans, targets, ratios of two measures, two of calibration; gate, skill, history, two effects, split."""

    charts = len(METRICS) + 1 + 2 + 2 + 1 + 2 * len(METRICS) + 2 + len(METRICS)
    chinese = "大目"
    typed = ".ytick text"


def test_labels_are_shown_as_they_are(visit: Visit) -> None:
    visit.page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    text = visit.page.inner_text("body")
    for label in (CHINESE, HOSTILE, *(name.split("/", 1)[1] for name in REGIONS)):
        assert label in text
