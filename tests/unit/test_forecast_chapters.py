"""The page of forecasts as a whole and its screen: files that are missing, all texts, safety."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.cells import cell_len

from analysis.report import forecasts
from analysis.report.blocks import Table
from analysis.report.forecasts.blind import blind, split
from analysis.report.forecasts.build import PART, build_forecasts, chapters, render
from analysis.report.forecasts.calibration import calibrated
from analysis.report.forecasts.choice import chosen
from analysis.report.forecasts.faults import attention, setup
from analysis.report.forecasts.folder import Forecasts
from analysis.report.forecasts.gate import coverage
from analysis.report.forecasts.goals import targets
from analysis.report.forecasts.result import result
from analysis.report.forecasts.screen import MOST_LINES, forecasts_screen, show
from analysis.report.forecasts.skill import best, history, needed, skill
from analysis.report.forecasts.sums import hierarchy
from analysis.report.forecasts.view import MOST_ROWS, View
from analysis.report.strings import FOLDER, MissingText, catalogue, languages
from tests.fixtures.fake_forecast import Recipe, write_fake_forecast
from tests.fixtures.fake_truth import MAIN, MODELS
from tests.unit.test_comparison_report import _constants, _fields, _Sections, copied, panels
from tests.unit.test_forecast_report import (
    DAILY,
    JUDGED,
    OWN,
    SMALL,
    recalibrated,
    rendered,
    strings,
    summary_of,
    told,
    untried_of,
    view,
)


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


NEEDED = {
    "targets.csv": targets, "calibration.csv": calibrated, "choice.csv": chosen, "hierarchy.csv": hierarchy,
    "manifest.json": setup, "truth_coverage.csv": coverage, "truth_skill.csv": skill, "truth_history.csv": history,
    "truth_best.csv": best, "forecast.parquet": result,
}  # fmt: skip
"""Files that a panel cannot do without."""

EXTRA = ("backtest.csv", "failures.csv", "rejects.csv", "truth.parquet", "truth_split.csv", "truth_blind.csv",
         "truth_effect.csv", "truth_failures.csv", "series.parquet", "summary.csv")  # fmt: skip
"""Files without which every panel still says something."""


@pytest.mark.parametrize("file", NEEDED)
def test_a_missing_file_leaves_out_the_panel_that_needs_it(small: Path, tmp_path: Path, file: str) -> None:
    make = NEEDED[file]
    assert make(view(small)) is not None
    assert make(view(copied(small, tmp_path / "copy", without=file))) is None


def test_a_panel_does_without_the_files_that_only_add_to_it(small: Path, tmp_path: Path) -> None:
    copy = copied(small, tmp_path / "copy")
    for file in EXTRA:
        (copy / file).unlink()
    assert [panel.key for _, chapter in chapters(view(copy)) for panel in chapter] == [*OWN, *JUDGED, "faults", "setup"]
    assert len(forecasts_screen(copy, width=80).splitlines()) <= MOST_LINES


def test_the_four_files_that_are_always_there_are_enough(small: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    for file in ("forecast.parquet", "series.parquet", "backtest.parquet", "manifest.json"):
        (tmp_path / "copy" / file).symlink_to(small / file)
    found = build_forecasts(tmp_path / "copy").read_text("utf-8")
    assert panels(found) == ["result", "backtest", "faults", "setup"]
    assert "Revenue" in forecasts_screen(tmp_path / "copy", width=80)


def test_what_was_not_measured_is_told_as_such(small: Path, tmp_path: Path) -> None:
    copy = copied(small, tmp_path / "copy", without="truth_split.csv")
    (copy / "truth_blind.csv").unlink()
    section = re.findall(r'<section id="truth-split">(.*?)</section>', build_forecasts(copy).read_text("utf-8"), re.S)
    assert "This was not measured." in section[0]
    assert "forecast.truth.worlds" in section[0]
    assert rendered(Forecasts(copy)).count("This was not measured.") == 2


def test_an_empty_folder_gives_a_page_without_panels(tmp_path: Path) -> None:
    assert panels(build_forecasts(tmp_path).read_text("utf-8")) == []
    assert str(tmp_path) in forecasts_screen(tmp_path, width=1000)


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="not a forecast folder"):
        build_forecasts(tmp_path / "nowhere")


def test_a_language_without_texts_is_an_error(folder: Path) -> None:
    with pytest.raises(MissingText, match="there are en"):
        build_forecasts(folder, "xx")


def test_same_folder_gives_the_same_bytes(folder: Path, page: str) -> None:
    assert build_forecasts(folder).read_text("utf-8") == page


def test_many_series_are_cut_and_counted(filed: Path) -> None:
    found = many(filed)
    text = rendered(found)
    assert f"Further series ({MOST_ROWS + 14})" in text
    assert f"The first {MOST_ROWS}; all of them are in the files" in text
    assert text.count("s213") == 0
    shown = show(found, catalogue(part=PART), 80)
    lines = re.findall(r"^  s\d+ ", shown, re.MULTILINE)
    assert f"and {MOST_ROWS + 20 - len(lines)} more in the files" in shown


def many(folder: Path) -> Forecasts:
    """More series than a table of the page has rows, each with two scored models."""
    found = Forecasts(folder)
    names = [f"s{i}" for i in range(MOST_ROWS + 20)]
    rows = found.forecast[found.forecast["unique_id"] == "007"]
    found.forecast = pd.concat([rows.assign(unique_id=n) for n in names], ignore_index=True)
    scored = found.backtest[(found.backtest["unique_id"] == "007") & found.backtest["model"].isin([MAIN, "ets"])]
    found.summary = found.summary
    found.backtest = pd.concat([scored.assign(unique_id=n) for n in names], ignore_index=True)
    models = [*MODELS, "arima", "trio", "holt"]
    choice = {"unique_id": names, "model": [models[i % 7] for i in range(len(names))], "by": "given"}
    found.choice = pd.DataFrame(choice)
    return found


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_screen_is_one_screen(folder: Path, width: int) -> None:
    shown = forecasts_screen(folder, width=width).replace("\u00a0", " ")
    assert len(shown.splitlines()) <= MOST_LINES
    for words in ("Revenue", "2.25 m to 2.88 m", "0.76 (0.73 to 0.79)", "79 % (75 to 83 %) at 80 %", "GMV",
                  "73 % (71 to 75 %)", "5 of 6 series meet the gate of 93 % to 97 %"):  # fmt: skip
        assert words in shown, words


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_screen_keeps_to_its_width(folder: Path, filed: Path, several: Path, width: int) -> None:
    for path in (folder, filed, several):
        lines = forecasts_screen(path, width=width).splitlines()
        place = f"  {path / 'report.html'}" if (path / "report.html").is_file() else f"  {path}"
        assert place in lines, "a path stays on one line, to be copied"
        assert max(cell_len(part) for part in lines if part != place) <= width


def test_the_screen_cannot_be_commanded(folder: Path, tmp_path: Path) -> None:
    copy = copied(folder, tmp_path / "copy", without="manifest.json")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["warnings"] = ["\x1b[2J[red]gone[/red]"]
    (copy / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    shown = forecasts_screen(copy, width=100)
    assert "\x1b" not in shown
    assert "[red]gone[/red]" in shown
    assert "\x1b[1" in forecasts_screen(copy, colour=True, width=100)


def odd(folder: Path) -> list[Forecasts]:
    """Everything that the other folders do not say."""
    few = summary_of(folder, ratio_low=np.nan, ratio_high=np.nan)
    few.manifest = few.manifest | {"status": "interrupted"}
    worse = summary_of(folder, ratio=1.2, ratio_low=1.1, ratio_high=1.3)
    worse.summary.loc[worse.summary["measure"] == "cov80", ["low", "high"]] = [0.4, 0.6]
    wide = recalibrated(folder, 0.81, 0.9)
    wide.summary = summary_of(folder, ratio=1.0, ratio_low=0.9, ratio_high=1.1).summary
    unknown = summary_of(folder, ratio=np.nan)
    unknown.calibration = unknown.calibration.assign(low=np.nan)
    broken = recalibrated(folder, 0.7, 0.75)
    broken.forecast = broken.forecast.assign(mean=np.arange(len(broken.forecast), dtype=float), note="")
    for name in ("missing", "rejects", "backtest"):
        setattr(broken, name, getattr(broken, name).iloc[:0])
    untried = untried_of(folder)
    unscored = Forecasts(folder)
    unscored.summary, unscored.manifest = unscored.summary.iloc[:0], {}
    unscored.targets = pd.concat([unscored.targets] * 3)
    numbered = Forecasts(folder)
    numbered.forecast = numbered.forecast.assign(unique_id=numbered.forecast["unique_id"] + "/1")
    return [few, worse, wide, unknown, broken, untried, unscored, numbered]


def test_every_text_is_used_and_none_is_no_number(
    folder: Path, small: Path, filed: Path, several: Path, tmp_path: Path
) -> None:
    text, plain = catalogue(part=PART), copied(small, tmp_path / "plain")
    for file in plain.glob("truth_*"):
        file.unlink()
    for found in (*map(Forecasts, (filed, several)), *odd(plain), *doubtful(small), many(filed)):
        seen = View(found, text)
        words = " ".join(strings([chapters(seen), attention(seen), show(found, text, 80)]))
        assert not re.search(r"\bnan\b|\bNone\b|\bNaT\b", words)
    render(Forecasts(folder), text)
    show(Forecasts(folder), text, 80)
    own = [key for key in text.keys() if key.startswith("forecasts.")]  # noqa: SIM118
    assert [key for key in own if key not in text.used] == []


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_texts_of_forecasts(language: str) -> None:
    assert (FOLDER / PART / f"{language}.yaml").is_file()
    ours, theirs = catalogue(part=PART), catalogue(language, PART)
    closed = [key for key in ours.keys() if key.startswith("forecasts.")]  # noqa: SIM118
    assert [key for key in closed if not theirs.has(key) or _fields(ours.raw(key)) != _fields(theirs.raw(key))] == []


def test_modules_hold_no_prose() -> None:
    files = sorted(Path(forecasts.__file__).parent.glob("*.py"))
    assert len(files) > 8
    found = [(f.name, text) for f in files for text in _constants(ast.parse(f.read_text("utf-8")))
             if re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", text)]  # fmt: skip
    assert found == []


def test_tags_are_nested(page: str) -> None:
    reader = _Sections()
    reader.feed(page)
    assert reader.wrong == []
    assert set(reader.open) <= {"p", "li", "html", "body"}


def test_nothing_is_asked_of_the_network(page: str) -> None:
    own = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', own)
    assert "default-src &#39;none&#39;" in page


def test_too_few_replications_pass_nothing(folder: Path) -> None:
    found = Forecasts(folder)
    table = found.truth("coverage").assign(verdict="too few", replications=20)
    found._truth = found._truth | {"coverage": table}
    text = told(found, coverage)
    assert "20 replications are too few to judge the intervals; the gate asks for 400." in text
    assert "meet the gate." not in text
    assert "20 replications are too few" in show(found, catalogue(part=PART), 80)


@pytest.mark.parametrize(
    ("lows", "months"),
    [([-1, -1, 1, 1], 12), ([1, 1, 1, 1], 6), ([1, -1, 1, 1], 12), ([1, 1, 1, -1], np.nan), ([-1] * 4, np.nan)],
)
def test_history_is_enough_from_where_on_it_stays_enough(lows: list[float], months: float) -> None:
    table = pd.DataFrame({"train": [6, 9, 12, 18], "low": lows})
    assert needed(table) == pytest.approx(months, nan_ok=True)


def test_a_model_is_among_the_best_unless_its_interval_says_otherwise(folder: Path) -> None:
    found = Forecasts(folder)
    table = found.truth("best").assign(alike="False")
    table.loc[(table["metric"] == "arr") & table["model"].isin(["ets", "theta"]), "alike"] = "True"
    found._truth = found._truth | {"best": table}
    assert "ETS and Theta for ARR." in told(found, best)


def doubtful(folder: Path) -> list[Forecasts]:
    """Judgements by a truth that say little, or nothing good."""
    uncertain, unmeasured = Forecasts(folder), Forecasts(folder)
    unsure = {name: uncertain.truth(name).assign(low=np.nan, high=np.nan) for name in ("skill", "history", "coverage")}
    uncertain._truth = uncertain._truth | unsure
    few = uncertain.truth("split")
    bounds = dict.fromkeys([name for name in few if name.endswith(("_low", "_high"))], np.nan)
    uncertain._truth |= {"split": few.assign(worlds=3, **bounds)}
    seen = uncertain.truth("blind")
    unmade: dict[str, float | str] = {"covered80": np.nan, "covered95": np.nan, "bias": np.nan, "reason": "no room"}
    unmade |= {"replications": 0, "failed": 2}
    known = seen["part"] == "regressor"
    uncertain._truth["blind"] = seen.assign(**{c: seen[c].mask(known, v) for c, v in unmade.items()})
    uncertain._truth["best"] = uncertain.truth("best").replace({"metric": {"revenue": "new_mrr"}})
    none = {name: unmeasured.truth(name).iloc[:0] for name in ("blind", "effect", "split")}
    history = unmeasured.truth("history").assign(low=-1.0)
    unmeasured._truth = unmeasured._truth | none | {"history": history}
    unmeasured.backtest = unmeasured.backtest.drop_duplicates(["unique_id", "model"])
    return [uncertain, unmeasured]


def test_shares_that_rest_on_few_worlds_are_not_told_as_findings(small: Path) -> None:
    uncertain, sure = doubtful(small)[0], Forecasts(small)
    assert "3 worlds are too few for an interval" in told(uncertain, split)
    assert "(10 to 60" in told(sure, split)


def test_no_model_is_said_to_suit_a_series_without_an_interval(small: Path) -> None:
    """Under five replications nothing tells models apart, and that is no reason to call all of them the best."""
    found, sure = Forecasts(small), Forecasts(small)
    table = found.truth("best")
    rivals = table["difference"] != 0
    assert rivals.any()
    found._truth = found._truth | {"best": table.assign(low=table["low"].mask(rivals), high=table["high"].mask(rivals))}
    assert "There are too few replications for an interval." in told(found, best)
    assert "There are too few replications for an interval." not in told(sure, best)
    panel = best(View(found, catalogue(part=PART)))
    assert panel is not None
    cells = [cell for block in panel.blocks if isinstance(block, Table) for row in block.rows for cell in row]
    assert cells
    assert {cell.look for cell in cells} == {""}


def test_a_part_that_could_not_be_forecast_says_why(small: Path) -> None:
    found, sure = doubtful(small)[0], rendered(Forecasts(small))
    assert "No forecast held against the changed world, its date known could be made: no room." in told(found, blind)
    assert rendered(found).count("replications without a forecast: 2; no room") == 2
    assert "replications without a forecast" not in sure


def test_charts_of_a_judgement_follow_the_order_of_its_metrics(small: Path, tmp_path: Path) -> None:
    found = Forecasts(copied(small, tmp_path / "copy"))
    order = list(dict.fromkeys(found.truth("coverage")["metric"]))
    path = found.path / "truth_history.csv"
    table = pd.read_csv(path, encoding="utf-8-sig").sort_values("metric", ascending=order != sorted(order))
    path.unlink()
    table.to_csv(path, index=False, encoding="utf-8-sig")
    shown = list(dict.fromkeys(Forecasts(found.path).truth("history")["metric"]))
    assert shown == [name for name in order if name in shown]
