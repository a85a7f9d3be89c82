"""The page and the screen of forecasts on a made-up folder: content, safety, what is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.report.blocks import Charts, Panel
from analysis.report.forecasts.blind import shares
from analysis.report.forecasts.build import PART, build_forecasts, chapters, render
from analysis.report.forecasts.calibration import calibrated
from analysis.report.forecasts.faults import attention
from analysis.report.forecasts.folder import Forecasts
from analysis.report.forecasts.quality import backtest
from analysis.report.forecasts.screen import show
from analysis.report.forecasts.sums import hierarchy, largest_gap
from analysis.report.forecasts.view import View
from analysis.report.strings import catalogue
from tests.fixtures.fake_forecast import FILE_SERIES, NOTE, REGIONS, Recipe, write_fake_forecast
from tests.fixtures.fake_run import CHINESE, HOSTILE
from tests.fixtures.fake_truth import MAIN, METRICS
from tests.unit.test_comparison_report import charts_of, copied, panels, visible

OWN = ["result", "targets", "backtest", "calibration", "choice", "hierarchy"]
JUDGED = [f"truth-{name}" for name in ("coverage", "skill", "history", "best", "blind", "split")]
MEANING = "This shows how the method performs where this model is true, not whether the model is true;"

SMALL = Recipe(horizon=2, replications=5)
DAILY = Recipe(
    "file",
    horizon=14,
    history=120,
    frequency="D",
    leave_out=("summary.csv", "calibration.csv", "targets.csv", "failures.csv", "rejects.csv", "choice.csv"),
)
"""Daily series of a file, none of them judged by a truth, without the files that may be absent."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fake_forecast(tmp_path_factory.mktemp("forecasts") / "run")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fake_forecast(tmp_path_factory.mktemp("forecasts") / "small", SMALL)


@pytest.fixture(scope="module")
def filed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fake_forecast(tmp_path_factory.mktemp("forecasts") / "file", DAILY)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fake_forecast(tmp_path_factory.mktemp("forecasts") / "runs", Recipe("runs"))


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return build_forecasts(folder).read_text("utf-8")


def view(folder: Path) -> View:
    return View(Forecasts(folder), catalogue(part=PART))


def rendered(found: Forecasts) -> str:
    """Texts of all panels, without the page around them."""
    seen = View(found, catalogue(part=PART))
    return " ".join(strings([attention(seen), chapters(seen)])).replace("\u00a0", " ")


def told(found: Forecasts, make: Callable[[View], Panel | None]) -> str:
    """Texts of one panel, and what a reader is warned of."""
    seen = View(found, catalogue(part=PART))
    return " ".join(strings([attention(seen), make(seen)])).replace("\u00a0", " ")


def strings(thing: Any) -> Iterator[str]:
    """Texts in panels and their blocks, but not in figures."""
    if isinstance(thing, str):
        yield thing
    elif is_dataclass(thing):
        yield from strings([getattr(thing, each.name) for each in fields(thing) if each.name != "figure"])
    elif isinstance(thing, list | tuple):
        for each in thing:
            yield from strings(each)


def test_panels_follow_the_questions_of_a_reader(page: str) -> None:
    assert panels(page) == [*OWN, *JUDGED, "faults", "setup"]
    assert re.findall(r'<p class="chapter">(.*?)</p>', page) == ["Judged by the simulation", "What was run"]


def test_every_chart_has_figures(page: str) -> None:
    found = charts_of(page)
    assert len(found) == len(METRICS) + 1 + 2 + 2 + 1 + 2 * len(METRICS) + 2 + len(METRICS)
    for name, figure in found.items():
        assert figure["data"], name
        for trace in figure["data"]:
            assert len(trace["x"]) == len(trace["y"]) > 0, name
            assert any(v is not None for v in trace["y"]), name


def test_labels_are_escaped_and_kept(page: str, filed: Path) -> None:
    for text in (page, build_forecasts(filed).read_text("utf-8")):
        assert HOSTILE not in text
        assert "&lt;script&gt;window.pwned=1&lt;/script&gt;" in text
        assert CHINESE in text


def test_fans_start_at_the_last_known_value_and_hold_the_forecast(page: str, folder: Path) -> None:
    table = pd.read_parquet(folder / "forecast.parquet")
    past = pd.read_parquet(folder / "series.parquet")
    for place, metric in enumerate(METRICS):
        traces = {t["name"]: t for t in charts_of(page)[f"figure-fan-{place}"]["data"] if "name" in t}
        mean = table.loc[table["unique_id"] == metric, "mean"].to_numpy()
        last = past.loc[past["unique_id"] == metric, "y"].iloc[-1]
        scale = last / traces["Forecast"]["y"][0]
        assert scale in (pytest.approx(1.0, rel=1e-4), pytest.approx(1e6, rel=1e-4))
        assert np.array(traces["Forecast"]["y"][1:]) * scale == pytest.approx(mean, rel=1e-4)


def test_the_headline_is_the_first_series_with_its_interval(page: str, folder: Path) -> None:
    row = pd.read_parquet(folder / "forecast.parquet").query("unique_id == 'revenue'").iloc[-1]
    figures = [f"{row[c] / 1e6:.2f} m" for c in ("mean", "lo-80", "hi-80")]
    expected = f"Revenue, Dec 2025: {figures[0]} CNY (80 % interval: {figures[1]} to {figures[2]})."
    assert expected in visible(page).replace("\u00a0", " ")


def test_series_have_the_names_a_reader_knows(folder: Path, filed: Path, several: Path) -> None:
    region = next(iter(REGIONS))
    assert view(folder).series("arr") == "ARR"
    assert view(folder).series("arr/3") == "ARR, replication 3"
    assert view(folder).series(region) == f"Revenue, {CHINESE}"
    assert view(folder).series("revenue/a/b") == "Revenue, a/b"
    assert view(several).series("a/arr") == "ARR, a"
    assert [view(filed).series(n) for n in ("arr", *FILE_SERIES)] == ["arr", *FILE_SERIES], "a file's own names stay"


def test_several_runs_are_named_up_to_two(several: Path) -> None:
    assert view(several).what()["source"] == "a, b and 1 more"
    assert f"runs/a, runs/b, runs/{CHINESE}" in rendered(Forecasts(several))


def test_of_several_replications_the_first_of_each_metric_is_drawn(folder: Path) -> None:
    found = Forecasts(folder)
    table = found.forecast[found.forecast["unique_id"].isin(["arr", "cash"])]
    found.forecast = pd.concat([table.assign(unique_id=table["unique_id"] + f"/{r}") for r in (0, 1)])
    assert View(found, catalogue(part=PART)).shown == ["arr/0", "cash/0"]


def test_ids_that_look_like_formulas_numbers_or_nothing_are_kept(filed: Path, tmp_path: Path) -> None:
    """Sheets of numbers have a sign before what they would take for a formula."""
    copy = copied(filed, tmp_path / "copy")
    rows = pd.DataFrame({"unique_id": ["'=1+1", "007", "NA", "null", "'plain"], "model": MAIN, "by": "given"})
    rows.to_csv(copy / "choice.csv", index=False)
    assert list(Forecasts(copy).choice["unique_id"]) == ["=1+1", "007", "NA", "null", "'plain"]
    assert set(FILE_SERIES) == set(Forecasts(copy).ahead)


def test_dates_are_told_as_days_where_they_are_days_apart(filed: Path) -> None:
    text = rendered(Forecasts(filed))
    last = pd.read_parquet(filed / "forecast.parquet")["ds"].max()
    assert f"{last:%Y-%m-%d}" in text
    figure = charts_of(render(Forecasts(filed), catalogue(part=PART)))["figure-fan-0"]
    assert figure["layout"]["xaxis"]["tickformat"] == "%d %b %Y"


def test_a_summary_is_made_where_the_file_is_absent(folder: Path, tmp_path: Path) -> None:
    copy = copied(folder, tmp_path / "copy", without="summary.csv")
    written, made = Forecasts(folder).summary, Forecasts(copy).summary
    pd.testing.assert_frame_equal(written[made.columns], made, check_dtype=False)


def summary_of(folder: Path, **row: float) -> Forecasts:
    """The folder with other figures in the row of MASE of the model in use."""
    found = Forecasts(folder)
    table = found.summary.copy()
    table.loc[(table["model"] == MAIN) & (table["measure"] == "mase"), list(row)] = list(row.values())
    found.summary = table
    return found


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({}, "Combination beats seasonal naive: its MASE is 0.76 (0.73 to 0.79)"),
        ({"ratio": 1.2, "ratio_low": 1.1, "ratio_high": 1.3}, "Combination is worse than seasonal naive"),
        ({"ratio": 1.0, "ratio_low": 0.9, "ratio_high": 1.1}, "cannot be told apart: the ratio of their MASE is 1.00"),
        ({"ratio_low": np.nan, "ratio_high": np.nan}, "is 0.76 times that of seasonal naive; too few series"),
        ({"ratio": np.nan, "mean": 0.5}, "Combination: MASE 0.50."),
    ],
)
def test_the_backtest_is_told_by_its_interval(folder: Path, row: dict[str, float], words: str) -> None:
    found = summary_of(folder, **row)
    text = told(found, backtest)
    assert words in text
    assert ("In the backtest Combination is worse" in text) == ("worse" in words)


def recalibrated(folder: Path, low: float, high: float) -> Forecasts:
    found = Forecasts(folder)
    table = found.calibration.copy()
    table.loc[table["level"] == 80, ["low", "high"]] = [low, high]
    found.calibration = table
    return found


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.78, 0.82, "Combination: the intervals of 80 % and 95 % hold as often as they promise."),
        (0.70, 0.78, "the intervals of 95 % hold as often as they promise; the intervals of 80 % are too narrow."),
        (0.81, 0.90, "the intervals of 95 % hold as often as they promise; the intervals of 80 % are too wide."),
    ],
)
def test_intervals_are_judged_by_what_they_promise(folder: Path, low: float, high: float, words: str) -> None:
    assert words in told(recalibrated(folder, low, high), calibrated)


def test_calibration_draws_what_was_held_beside_what_was_promised(page: str, folder: Path) -> None:
    table = pd.read_csv(folder / "calibration.csv").query("step == 'all' and model == @MAIN")
    trace = next(t for t in charts_of(page)["figure-calibration"]["data"] if t["name"] == "Combination")
    assert trace["y"] == pytest.approx(100 * table["covered"].to_numpy(), rel=1e-4)
    assert np.abs(np.array(trace["x"]) - table["level"]).max() < 2, "models stand beside each other"
    assert trace["error_y"]["array"] == pytest.approx(100 * (table["high"] - table["covered"]).to_numpy(), rel=1e-3)


def test_targets_are_sentences_with_their_probability(page: str) -> None:
    text = visible(page).replace("\u00a0", " ")
    assert "“year end” is reached with a probability of 73 %: Revenue at least 2.41 m CNY by 2025-12-31." in text
    assert "71 to 75 %" in text
    assert re.search(r"73 %\s+71 to 75 %\s+63 %\s+61 to 65 %", text), "on any date up to it, then on the date itself"


def test_sums_are_checked_not_claimed(folder: Path) -> None:
    found = Forecasts(folder)
    exact = View(found, catalogue(part=PART))
    assert largest_gap(exact, found.hierarchy) < 1e-12
    assert "4 series on 2 levels add up exactly" in told(found, hierarchy)
    broken = Forecasts(folder)
    table = broken.forecast.copy()
    table.loc[table["unique_id"] == "revenue", "mean"] *= 1.01
    broken.forecast = table
    gap = largest_gap(View(broken, catalogue(part=PART)), broken.hierarchy)
    assert gap == pytest.approx(1 - 1 / 1.01)
    assert "do not add up: the largest gap is 1e-02 of the sum" in told(broken, hierarchy)


def test_shares_of_a_sum_add_up(page: str) -> None:
    section = re.findall(r'<section id="hierarchy">(.*?)</section>', page, re.DOTALL)[0]
    shown = [int(s) for s in re.findall(r">(\d+)\u00a0%</span></td></tr>", section)]
    assert sum(shown[-3:]) == 100


def test_what_failed_is_told_with_its_reason(page: str) -> None:
    section = visible(re.findall(r'<section id="faults">(.*?)</section>', page, re.DOTALL)[0])
    assert "Series without a forecast: 1. Rows put aside: 3. Series with a remark: 1." in section
    for words in ("GMV", "no finite value", NOTE, "skipped: 9 values up to the cutoff", "no such date", "2024-13-45"):
        assert words in section, words


def test_the_judgement_says_what_it_cannot_show(page: str, filed: Path) -> None:
    text = visible(page)
    assert text.count(MEANING) == 1
    assert "the backtest on your data does that." in " ".join(text.split())
    assert MEANING not in rendered(Forecasts(filed))


def test_coverage_is_held_against_the_gate(page: str) -> None:
    figure = charts_of(page)["figure-truth-coverage"]
    (gate,) = figure["layout"]["shapes"]
    assert (gate["x0"], gate["x1"]) == (93.0, 97.0)
    assert [colour == "#fff" for colour in figure["data"][0]["marker"]["color"]] == [m == "cash" for m in METRICS]
    assert "Combination: 5 of 6 series meet the gate. Not met: Cash." in visible(page)


def test_the_blind_spot_has_its_parts_in_plain_words(page: str) -> None:
    text = visible(page).replace("\u00a0", " ")
    for words in (
        "Revenue: where nothing changes, the 95 % intervals hold 95 % of what comes.",
        "Where the policy changes, they hold 41 % and miss by 221 k CNY on average;",
        "what the change really does is 223 k CNY (201 k to 246 k).",
        "With the date of the change known, they hold 90 %",
        "Knowing the date gives back 50 % (41 to 60 %) of the effect.",
    ):
        assert words in text, words


def test_parts_of_the_uncertainty_add_up_at_every_step(page: str) -> None:
    table = pd.DataFrame({"step": [2, 1], "demand": [1.0, 3.0], "parameters": [1.0, 1.0], "model": [2.0, -0.5]})
    found = shares(table)
    assert list(found.loc[1]) == [75, 25, 0]
    assert list(found.loc[2]) == [25, 25, 50]
    traces = charts_of(page)["figure-truth-split-0"]["data"]
    assert np.sum([t["y"] for t in traces], axis=0) == pytest.approx(np.full(12, 100), rel=1e-4)


def untried_of(folder: Path) -> Forecasts:
    """The folder with a backtest in which nothing could be scored."""
    found = Forecasts(folder)
    found.summary = found.summary.assign(
        **dict.fromkeys(("mean", "low", "high", "ratio", "ratio_low", "ratio_high"), np.nan)
    )
    return found


def test_a_backtest_without_a_score_says_why(small: Path) -> None:
    untried = untried_of(small)
    assert "the histories are too short" in told(untried, backtest)
    assert any("There is no backtest" in line for line in attention(View(untried, catalogue(part=PART))))
    assert "no backtest, as the histories are too short" in show(untried, catalogue(part=PART), 80)


def test_names_with_commas_are_kept_apart(small: Path) -> None:
    seen = view(small)
    assert seen.names(["revenue", "cash"]) == "Revenue, Cash"
    assert seen.names(["new_mrr", "cash"]) == "MRR, new; Cash"


def test_without_an_interval_there_is_no_dot(folder: Path) -> None:
    """A hollow dot would say that the interval includes 1; the table holds the ratio."""
    found = Forecasts(folder)
    found.summary = found.summary.assign(ratio_low=np.nan, ratio_high=np.nan)
    for table, charts in ((Forecasts(folder), 2), (found, 0)):
        panel = backtest(View(table, catalogue(part=PART)))
        assert panel is not None
        drawn = [block for block in panel.blocks if isinstance(block, Charts)]
        assert sum(len(block.charts) for block in drawn) == charts
        assert "0.76" in told(table, backtest)
