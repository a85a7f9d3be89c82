"""The report in a real browser: it draws, stays offline, fits a phone, and shows any script."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.report.build import build_report
from tests.docs.browser import NEEDS_CHROMIUM, EveryPage, Visit
from tests.fixtures.fake_run import CHINESE, HOSTILE, write_fake_run

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_report(write_fake_run(tmp_path_factory.mktemp("runs") / "fake"))


class TestReport(EveryPage):
    charts = 11


def test_labels_are_shown_as_they_are(visit: Visit) -> None:
    text = visit.page.inner_text("body")
    drawn = visit.page.evaluate("[...document.querySelectorAll('.legendtext')].map((node) => node.textContent)")
    for label in (CHINESE, HOSTILE):
        assert label in text
        assert label in drawn
