"""The page of a sweep in a real browser: it draws, stays offline, fits a phone, and shows any script."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from analysis.report.sweeps.build import build_sweep
from tests.docs.browser import NEEDS_CHROMIUM, EveryPage, Visit
from tests.fixtures.fake_run import CHINESE, HOSTILE
from tests.fixtures.fake_sweep import FAILED, Recipe, write_fake_sweep

pytestmark = NEEDS_CHROMIUM

SHOWN = ("signed", "gross_margin")
"""Metrics that have indices and a tornado."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every panel: tables of other designs are put beside those of a hypercube."""
    place = tmp_path_factory.mktemp("sweeps")
    folder = write_fake_sweep(place / "lhs", Recipe("lhs", 120))
    recipes = (Recipe("sobol", 64, 6), Recipe("morris", 24, 6), Recipe("one_at_a_time"))
    sobol, morris, bars = (write_fake_sweep(place / recipe.sampler, recipe) for recipe in recipes)
    indices = pd.concat([pd.read_csv(path / "sensitivity.csv") for path in (sobol, morris)])
    indices[indices["metric"].isin(SHOWN)].to_csv(folder / "sensitivity.csv", index=False)
    table = pd.read_csv(bars / "tornado.csv")
    table[table["metric"].isin(SHOWN)].to_csv(folder / "tornado.csv", index=False)
    pd.DataFrame([FAILED]).to_csv(folder / "failures.csv", index=False)
    return build_sweep(folder)


class TestSweeps(EveryPage):
    """Four metrics by three keys; shares, effects and tornado of two metrics; a box."""

    charts = 4 * 3 + 3 * len(SHOWN) + 1
    chinese = "大户"


def test_labels_are_shown_as_they_are(visit: Visit) -> None:
    visit.page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    text = visit.page.inner_text("body")
    for label in (CHINESE, HOSTILE, "小微企业"):
        assert label in text


def test_the_box_is_drawn_around_failing_points(visit: Visit) -> None:
    inside = visit.page.evaluate(
        """(() => {
          const node = document.querySelector('[data-figure="figure-rules-0-0"]');
          const box = node.querySelector('.shapelayer path').getBoundingClientRect();
          const failing = [...node.querySelectorAll('.scatterlayer .trace')].at(-1).querySelectorAll('.points path');
          return [...failing].map((mark) => mark.getBoundingClientRect()).map(
            (m) => m.left + m.width / 2 > box.left && m.top + m.height / 2 > box.top);
        })()"""
    )
    assert inside
    assert all(inside)
