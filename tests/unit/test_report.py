"""The report and the screen on a made-up run folder: content, safety, extremes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.report import build, figures, plots
from analysis.report.folder import Folder
from analysis.report.screen import MOST_LINES, screen
from analysis.report.strings import Catalogue, MissingText, catalogue
from tests.fixtures.fake_run import CHINESE, DESKS, HOSTILE, write_fake_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fake_run(tmp_path_factory.mktemp("runs") / "fake")


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return build.build_report(run).read_text("utf-8")


def scripts_of(page: str) -> list[str]:
    return re.findall(r"<script>(.*?)</script>", page, re.DOTALL)


def charts_of(page: str) -> dict[str, dict]:
    found = re.findall(r'<script type="application/json" id="([^"]+)">(.*?)</script>', page, re.DOTALL)
    return {name: json.loads(text) for name, text in found}


def test_report_has_every_panel(page: str) -> None:
    panels = re.findall(r'<section id="(\w+)">', page)
    assert panels == [
        "overview", "money", "funnel", "retention", "desks", "forecast", "trust", "inputs", "setup", "definitions"
    ]  # fmt: skip


def test_every_chart_has_figures(page: str) -> None:
    charts = charts_of(page)
    assert len(charts) == 11
    for figure in charts.values():
        assert figure["data"]
        assert all(len(trace["x"]) and any(v is not None for v in trace["x"]) for trace in figure["data"])


def test_labels_are_escaped_and_kept(page: str) -> None:
    assert HOSTILE not in page
    assert "&lt;script&gt;window.pwned=1&lt;/script&gt;" in page
    assert CHINESE in page


def test_markup_in_chart_labels_is_text(page: str) -> None:
    names = {trace["name"] for trace in charts_of(page)["figure-desk-load"]["data"]}
    assert names == {"Qualification", CHINESE, "&lt;script&gt;window.pwned=1&lt;/script&gt;"}


def test_only_our_two_scripts_may_run(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    scripts = scripts_of(page)
    assert len(scripts) == 2
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"&#39;sha256-{digest}&#39;" in policy[1]


def test_nothing_is_loaded(page: str) -> None:
    body = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r'(?:src|href|action)="(?!#|data:,")', body)
    assert "url(" not in body
    assert "@import" not in body


def test_size_is_one_copy_of_the_chart_library(page: str) -> None:
    assert len(page.encode()) < 6_000_000


def test_same_folder_gives_the_same_bytes(run: Path, page: str) -> None:
    assert build.build_report(run).read_text("utf-8") == page


def test_a_failed_build_leaves_the_old_report(run: Path, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise RuntimeError

    monkeypatch.setattr(build, "render", fail)
    with pytest.raises(RuntimeError):
        build.build_report(run)
    assert (run / build.NAME).read_text("utf-8") == page
    assert not list(run.glob("*.tmp"))


def test_a_reader_is_warned_first(page: str) -> None:
    box = page[page.index('class="aside alert"') : page.index('<section id="overview">')]
    for words in ("failed", "Receivables", "rough below 20", "Sales cycle", "below zero", "Warnings"):
        assert words in box


def test_empty_folder_gives_a_page_without_panels(tmp_path: Path) -> None:
    page = build.build_report(tmp_path).read_text("utf-8")
    assert "<section" not in page
    assert screen(tmp_path, width=80)


@pytest.mark.parametrize("missing", ["accounts", "events", "staffing", "metrics", "forecast"])
def test_tables_that_were_not_kept_leave_out_their_panels(run: Path, tmp_path: Path, missing: str) -> None:
    for file in run.iterdir():
        if file.stem not in (missing, "report"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    page = build.build_report(tmp_path).read_text("utf-8")
    assert '<section id="overview">' in page


def test_no_run_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="not a run folder"):
        build.build_report(tmp_path / "nowhere")


def test_one_replication_has_no_intervals(tmp_path: Path) -> None:
    page = build.build_report(write_fake_run(tmp_path / "one", replications=1)).read_text("utf-8")
    assert "nan" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_bands_are_quantiles_over_replications() -> None:
    frame = pd.DataFrame({"ds": [pd.Timestamp("2025-01-31")] * 11, "value": np.arange(11.0)})
    assert figures.bands(frame).iloc[0].tolist() == [1.0, 5.0, 9.0]


def test_funnel_leaves_out_steps_that_nobody_passes(run: Path) -> None:
    folder = Folder(run)
    folder.summary.loc[folder.summary["metric"] == "qualified", "mean"] = 0.0
    assert [step.name for step in figures.funnel(folder)] == [
        "touches", "lead_journeys", "opportunities", "signed", "activated"
    ]  # fmt: skip


def test_activation_in_a_trial_comes_before_signature(run: Path) -> None:
    folder = Folder(run)
    folder.summary.loc[folder.summary["metric"] == "activated", "mean"] = 1e6
    steps = figures.funnel(folder)
    assert [step.name for step in steps][-2:] == ["activated", "signed"]
    assert [step.before for step in steps][-2:] == ["", "opportunities"]


def test_small_ends_of_an_interval_are_scaled_with_large_ones() -> None:
    assert catalogue().interval(175_000.0, 1.4e6, "CNY") == "175\u00a0k to 1.40\u00a0m"
    assert catalogue().interval(-603_000.0, -4707.0, "CNY") == "−603\u00a0k to −4.71\u00a0k"
    assert catalogue().interval(float("nan"), 1.0) == ""


def test_retention_counts_open_customers_as_observed_until_the_end(run: Path) -> None:
    folder = Folder(run)
    folder.spells = _spells([(0, 100)] * 10 + [(0, None)] * 10 + [(1000, None)] * 10)
    curve = figures.retention_curve(folder)["median"]
    assert curve[3] == 1.0
    assert curve[4] == pytest.approx(0.5)


def _spells(pairs: list[tuple[int, int | None]]) -> pd.DataFrame:
    rows = [
        (0, account, activity, pd.Timestamp("2025-01-01") + pd.Timedelta(days=day))
        for account, spell in enumerate(pairs)
        for activity, day in zip(("signed", "churned"), spell, strict=True)
        if day is not None
    ]
    return pd.DataFrame(rows, columns=["replication", "account", "activity", "timestamp"])


def test_a_customer_who_comes_back_has_left_once(run: Path) -> None:
    folder = Folder(run)
    once = _spells([(0, 100)])
    again = once.assign(timestamp=once["timestamp"] + pd.Timedelta(days=300))
    folder.spells = pd.concat([once, again], ignore_index=True)
    assert figures.spells(folder)[["start", "stop"]].to_numpy().tolist() == [[0.0, 100.0]]


def test_desk_totals_weigh_waits_by_work_started(run: Path) -> None:
    folder = Folder(run)
    folder.staffing = pd.DataFrame({
        "replication": 0, "ds": pd.to_datetime(["2025-01-31", "2025-02-28", "2025-03-31"]), "desk": "sales",
        "heads": 2.0, "capacity_hours": [100.0, 100.0, 0.0], "busy_hours": [50.0, 90.0, 0.0],
        "wait_days": [1.0, 4.0, np.nan], "started": [30, 10, 0],
    })  # fmt: skip
    row = figures.desk_totals(folder).loc["sales"]
    assert row["load"] == pytest.approx(0.7)
    assert row["wait"] == pytest.approx(1.75)


def test_chart_values_are_plain() -> None:
    assert plots.plain([1 / 3, float("nan"), None, np.float64("inf"), pd.Timestamp("2025-01-31")]) == [
        0.333333, None, None, None, "2025-01-31"
    ]  # fmt: skip


def test_chart_json_cannot_end_its_script() -> None:
    text = str(build.figure_json({"a": "</script><!--&"}))
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"a": "</script><!--&"}


@pytest.mark.parametrize("width", [80, 120, 200])
def test_screen_is_one_screen(run: Path, width: int) -> None:
    shown = screen(run, width=width)
    assert len(shown.splitlines()) <= MOST_LINES
    wanted = ("Active customers (north star)", "Revenue", "95 % interval", "2 of 3", "3 of 4", "97 %", str(run)[:40])
    for words in wanted:
        assert words in shown


@pytest.mark.parametrize("width", [20, 40, 66, 80])
def test_screen_keeps_to_its_width(run: Path, width: int) -> None:
    from rich.cells import cell_len

    lines = screen(run, width=width).splitlines()
    place = f"  {run}"
    assert place in lines, "a path stays on one line, to be copied"
    assert max(cell_len(line) for line in lines if line != place) <= width


def test_screen_is_plain_unless_colour_is_asked_for(run: Path) -> None:
    assert "\x1b" not in screen(run, width=80)
    assert "\x1b[1" in screen(run, width=80, colour=True)


def test_a_label_cannot_command_the_terminal(tmp_path: Path) -> None:
    run = write_fake_run(tmp_path / "run")
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    manifest["warnings"] = ["\x1b[2Jgone [red]mark[/red]"]
    (run / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    shown = screen(run, width=100)
    assert "\x1b" not in shown
    assert "[red]mark[/red]" in shown


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0, "", "0"), (-0.0, "", "0"), (None, "", "–"), (float("nan"), "CNY", "–"), (3, "count", "3"),
        (28.53, "count", "28.5"), (1234.4, "count", "1,234"), (12345, "CNY", "12.3 k"), (-2.46e6, "CNY", "−2.46 m"),
        (3.21e9, "CNY", "3.21 bn"), (0.1234, "share", "12.3 %"), (1.083, "share", "108.3 %"),
        (0.03, "1/month", "3 %"), (0.031, "1/month", "3.1 %"), (0.004, "", "0.0040"), (1.6718, "ratio", "1.67"),
    ],
)  # fmt: skip
def test_numbers_are_written_at_three_digits(value: float | None, unit: str, shown: str) -> None:
    assert catalogue().number(value, unit).replace("\u00a0", " ") == shown


def test_units_are_worded() -> None:
    text = catalogue()
    assert [text.unit(u) for u in ("share", "count", "1/month", "CNY/month", "days", "ratio")] == [
        "", "", "a month", "CNY/month", "days", "×"
    ]  # fmt: skip


def test_lookups_that_miss_are_errors() -> None:
    text = Catalogue({"a": {"b": "x {y}"}}, "xx")
    assert text("a.b", y=1) == "x 1"
    with pytest.raises(MissingText, match=r"no text 'a\.c'"):
        text("a.c")
    with pytest.raises(MissingText, match="lacks a value for 'y'"):
        text("a.b")


@pytest.mark.parametrize("language", ["xx", "../en", "", "en/../en", "e" * 300])
def test_an_unknown_language_names_those_there_are(language: str) -> None:
    with pytest.raises(MissingText, match="there are en"):
        catalogue(language)


def test_desk_names_come_from_the_configuration(run: Path) -> None:
    assert Folder(run).labels("policy.desks") == DESKS
