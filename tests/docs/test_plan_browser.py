"""The report of a run with a plan in a real browser: it draws, stays offline, fits a phone, shows any script."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.report.build import build_report
from tests.docs.browser import NEEDS_CHROMIUM, EveryPage, Visit
from tests.fixtures.fake_plan import add_plan
from tests.fixtures.fake_run import CHINESE, HOSTILE, write_fake_run

pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_fake_run(tmp_path_factory.mktemp("runs") / "planned")
    add_plan(path)
    return build_report(path)


class TestPlan(EveryPage):
    charts = 15


def test_parts_and_strange_names_are_shown_as_they_are(visit: Visit) -> None:
    text = visit.page.inner_text("#plan")
    assert f"Amount signed: {CHINESE} 2" in text
    assert f"{HOSTILE} (5): not in the model" in text
