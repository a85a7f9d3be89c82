"""Marks of planned dates: what becomes one, what they are called, and how labels keep apart."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from analysis.report.build import build_report
from analysis.report.folder import Folder
from analysis.report.markers import LONGEST, NEAR, Named, marked, marks
from analysis.report.plots import Mark
from analysis.report.strings import catalogue
from analysis.report.wording import Wording
from tests.fixtures.fake_run import write_fake_run

TEXT = catalogue("en")
POLICY: dict[str, Any] = {
    "changes": {
        "price_up": {"key": "products.seats.price", "date": "2026-06-01", "value": 1, "until": "2026-09-01"},
        "named": {"key": "x", "date": "2026-01-15", "value": 2, "label": "新价"},
    },
    "products": {"seats": {"price": 3, "price_list": {"2026-06-01": 5}}, "other": {"price": 1}},
    "channels": {"search": {"spend_month": 1, "budget": {"2026-03": 4, "2026-02": 9}}, "events": {"spend_month": 0}},
    "hiring": {
        "two": {"desk": "sales", "heads": 2, "requested": "2026-01-01", "lead_days": 30.5, "leave": "2026-12-01"},
        "nobody": {"desk": "sales", "heads": 0, "requested": "2026-01-01"},
    },
}


def test_everything_planned_for_a_date_is_marked_in_order_of_time() -> None:
    found = marks(POLICY, Named({"seats": "Seats"}, {"search": "Search"}), TEXT)
    assert [(mark.day, mark.label) for mark in found] == [
        ("2026-01-15", "新价"),
        ("2026-02-01", "budget Search"),
        ("2026-02-01", "two +2"),
        ("2026-06-01", "price up"),
        ("2026-06-01", "prices of Seats"),
        ("2026-09-01", "price up ends"),
        ("2026-12-01", "two leaves"),
    ]


@pytest.mark.parametrize("policy", [{}, {"changes": None}, {"changes": {"x": 3}}, {"changes": {"x": {"date": "soon"}}}])
def test_what_has_no_date_has_no_mark(policy: dict[str, Any]) -> None:
    assert marks(policy, Named({}, {}), TEXT) == ()


def chart() -> dict[str, Any]:
    """A year of days."""
    return {"data": [{"x": ["2026-01-01", "2026-06-30", "2026-12-31"], "y": [1, 2, 3]}], "layout": {"shapes": [{}]}}


def drawn(*found: Mark) -> tuple[list[str], list[dict[str, Any]]]:
    """Days of the lines, and the labels."""
    layout = marked(chart(), found)["layout"]
    return [line["x0"] for line in layout["shapes"][1:]], layout.get("annotations", [])


def test_marks_outside_a_chart_are_left_out() -> None:
    assert drawn(Mark("2025-12-31", "before"), Mark("2027-01-01", "after")) == ([], [])


def test_marks_of_one_day_are_one_line_with_one_label() -> None:
    days, labels = drawn(Mark("2026-05-01", "one"), Mark("2026-05-01", "two"))
    assert days == ["2026-05-01"]
    assert [label["text"] for label in labels] == ["one, two"]


def test_labels_that_would_lie_on_each_other_are_joined() -> None:
    days, labels = drawn(Mark("2026-05-01", "one"), Mark("2026-05-10", "two"), Mark("2026-05-20", "three"))
    assert len(days) == 3
    assert [label["text"] for label in labels] == ["one, two", "three"]
    apart = int(365 * NEAR) + 1
    near_the_edge, beside = f"2026-01-{2:02d}", f"2026-01-{2 + apart:02d}"
    assert len(drawn(Mark(near_the_edge, "one"), Mark(beside, "two"))[1]) == 1, "one stands right, the other left"


def test_long_labels_are_cut_and_the_rest_is_counted() -> None:
    names = ("a name of a change that is far too long for a chart", "two", "three")
    (label,) = drawn(*(Mark("2026-05-01", name) for name in names))[1]
    assert len(label["text"]) <= LONGEST
    assert label["text"].endswith("… +2")
    assert label["hovertext"] == ", ".join(names)


def test_labels_are_text_and_no_markup() -> None:
    (label,) = drawn(Mark("2026-05-01", "<b>bold</b>"))[1]
    assert label["text"] == "&lt;b&gt;bold&lt;/b&gt;"


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder whose configuration plans something."""
    path = write_fake_run(tmp_path_factory.mktemp("runs") / "planned")
    config = yaml.safe_load((path / "config.yaml").read_text("utf-8"))
    config["policy"] |= POLICY
    (path / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    return path


def test_every_chart_over_time_of_a_run_bears_the_marks(planned: Path) -> None:
    page = build_report(planned).read_text("utf-8")
    found = re.findall(r'id="figure-([\w-]+)">(\{.*?\})</script>', page, re.DOTALL)
    charts = {name: json.loads(text) for name, text in found}
    over_time = {name for name, figure in charts.items() if any(map(_is_day, figure["data"][0]["x"]))}
    assert len(over_time) >= 6
    labels = {name: str(figure["layout"].get("annotations")) for name, figure in charts.items()}
    assert {name for name, text in labels.items() if "two +2" in text} == over_time


def _is_day(x: object) -> bool:
    return bool(re.fullmatch(r"20\d\d-\d\d-\d\d", str(x)))


def test_the_plan_of_a_run_is_read_once(planned: Path) -> None:
    say = Wording(Folder(planned), TEXT)
    assert say.marks is say.marks
    assert len(say.marks) == 7
