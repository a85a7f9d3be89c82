"""The page of a sweep on made-up folders: content, safety, what is missing."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.replications import willink
from analysis.report import sweeps
from analysis.report.strings import FOLDER, MissingText, catalogue, languages
from analysis.report.sweeps.answers import along
from analysis.report.sweeps.build import PART, build_sweep, chapters, render
from analysis.report.sweeps.folder import Swept
from analysis.report.sweeps.influence import MORRIS, SOBOL, indices, influence, noise_share, rows
from analysis.report.sweeps.result import as_good, result
from analysis.report.sweeps.rules import failing, rules
from analysis.report.sweeps.swings import swings
from analysis.report.sweeps.trust import attention, failures, ranges, setup
from analysis.report.sweeps.view import View, number
from tests.fixtures.fake_run import CHINESE, HOSTILE
from tests.fixtures.fake_sweep import DEAR, FEW, HEADS, PRICE, TRIAL, UNITS, Recipe, write_fake_sweep
from tests.unit.test_comparison_report import _constants, _fields, _Sections, charts_of, copied, panels, visible
from tests.unit.test_forecast_report import strings

SCENARIOS = ("baseline", "sales_only")
RECIPES = {
    "lhs": Recipe("lhs", 120),
    "grid": Recipe("grid", scenarios=SCENARIOS),
    "sobol": Recipe("sobol", 64, 6),
    "morris": Recipe("morris", 24, 6),
    "one_at_a_time": Recipe("one_at_a_time", scenarios=SCENARIOS),
}
ANSWERS = [f"answer-{n}" for n in range(4)]
LAST = ["ranges", "setup"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("sweeps")
    return {name: write_fake_sweep(place / name, recipe) for name, recipe in RECIPES.items()}


@pytest.fixture(scope="module")
def pages(folders: dict[str, Path]) -> dict[str, str]:
    return {name: build_sweep(path).read_text("utf-8") for name, path in folders.items()}


def view(folder: Path | Swept) -> View:
    return View(folder if isinstance(folder, Swept) else Swept(folder), catalogue(part=PART))


def told(thing: object) -> str:
    """Texts of panels, without their figures."""
    return " ".join(strings(thing)).replace("\u00a0", " ")


def section(page: str, key: str) -> str:
    found = re.findall(rf'<section id="{key}">(.*?)</section>', page, re.DOTALL)
    return visible(found[0]).replace("\u00a0", " ").replace("&lt;", "<").replace("&gt;", ">")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("lhs", ["result", *ANSWERS, "rules-0", *LAST]),
        ("grid", ["result", *ANSWERS, "failures", *LAST]),
        ("sobol", ["result", *ANSWERS, "sobol", *LAST]),
        ("morris", ["result", *ANSWERS, "morris", *LAST]),
        ("one_at_a_time", ["result", "tornado", *LAST]),
    ],
)
def test_panels_follow_what_the_design_can_answer(pages: dict[str, str], kind: str, expected: list[str]) -> None:
    assert panels(pages[kind]) == expected


def test_every_chart_has_figures(pages: dict[str, str]) -> None:
    numbers = {"lhs": 4 * 3 + 1, "grid": 4 * 2, "sobol": 4 * 2 + 5, "morris": 4 * 2, "one_at_a_time": 8}
    for kind, page in pages.items():
        found = charts_of(page)
        assert len(found) >= numbers[kind], kind
        for name, figure in found.items():
            assert figure["data"], name
            for trace in figure["data"]:
                assert len(trace["x"]) == len(trace["y"]) > 0, name
                assert any(v is not None for v in trace["x"]), name


def test_labels_are_escaped_and_kept(pages: dict[str, str]) -> None:
    for page in pages.values():
        assert HOSTILE not in page
        assert "&lt;script&gt;window.pwned=1&lt;/script&gt;" in page
        assert CHINESE in page


def test_the_headline_names_the_ends_of_the_first_metric(pages: dict[str, str], folders: dict[str, Path]) -> None:
    table = pd.read_parquet(folders["grid"] / "table.parquet").query("metric == 'operating_profit'")
    low, high = table.loc[table["mean"].idxmin()], table.loc[table["mean"].idxmax()]
    text = section(pages["grid"], "result")
    assert f"Operating profit from {low['mean'] / 1e6:.2f} m CNY" in text
    assert f"list price, 小微企业 {high[PRICE]:.0f}; {CHINESE}: heads {high[HEADS]}; sales only)." in text


def test_values_of_keys_have_names_units_and_digits(folders: dict[str, Path]) -> None:
    seen = view(folders["lhs"])
    assert seen.key(PRICE) == f"{HOSTILE}: list price, 小微企业"
    assert seen.key("policy.unheard.of") == "policy.unheard.of"
    assert seen.key_unit(PRICE) == "CNY/seat/year"
    shown = [seen.setting(PRICE, v) for v in (200.0, 212.3456, 0.012345, np.nan, "300", True, "True", "word")]
    assert shown == ["200", "212.3", "0.01235", "–", "300", "on", "on", "word"]
    assert [number(v) for v in ("1.5", "inf", "x")] == [1.5, None, None]


def test_keys_of_one_name_are_told_apart(folders: dict[str, Path]) -> None:
    found = Swept(folders["lhs"])
    given = {key: {"label": "the same"} for key in (PRICE, HEADS)}
    asked = found.manifest["settings"]["experiment"] | {"keys": given}
    found.manifest["settings"] = found.manifest["settings"] | {"experiment": asked}
    assert view(found).key(PRICE) == f"the same ({PRICE})"
    assert view(found).key(HEADS) == f"the same ({HEADS})"


def test_linked_keys_are_listed_but_not_drawn(folders: dict[str, Path], pages: dict[str, str]) -> None:
    assert Swept(folders["lhs"]).free == [PRICE, HEADS, TRIAL]
    assert f"= {PRICE} * 0.9" in section(pages["lhs"], "ranges")


def test_points_that_cannot_be_told_apart_are_counted() -> None:
    rng = np.random.default_rng(3)
    shift = rng.normal(size=20)
    values = pd.DataFrame(np.array([0.0, 0.01, 5.0, 9.0])[:, None] + shift + 0.1 * rng.normal(size=(4, 20)))
    assert [as_good(values, point) for point in range(4)] == [1, 1, 0, 0]
    assert as_good(values.iloc[:, :9], 0) is None, "nine replications are too few"
    assert as_good(values, 7) is None
    assert as_good(values.iloc[:1], 0) is None
    values.iloc[3, 2] = np.nan
    assert as_good(values, 2) == 1, "what is undefined somewhere is not ruled out"


def test_means_along_a_key_are_by_value_or_by_neighbours() -> None:
    few = pd.DataFrame({"x": [1, 1, 2], "y": [1.0, 3.0, 5.0]})
    assert along(few).to_dict() == {1: 2.0, 2: 5.0}
    many = pd.DataFrame({"x": np.arange(100.0), "y": 2 * np.arange(100.0)})
    line = along(many.sample(frac=1, random_state=1))
    assert len(line) == 10
    np.testing.assert_allclose(line.to_numpy(), 2 * line.index.to_numpy(float))


def test_points_are_drawn_with_their_intervals_where_there_is_room(
    pages: dict[str, str], folders: dict[str, Path]
) -> None:
    table = pd.read_parquet(folders["grid"] / "table.parquet")
    rows = table[(table["metric"] == "signed") & (table["scenario"] == "baseline")]
    trace = charts_of(pages["grid"])["figure-answer-1-1"]["data"][0]
    assert trace["y"] == pytest.approx(rows["mean"], rel=1e-4)
    assert trace["error_y"]["array"] == pytest.approx(rows["ci_high"] - rows["mean"], rel=1e-3)
    assert "error_y" not in charts_of(pages["lhs"])["figure-answer-1-1"]["data"][0]
    assert charts_of(pages["lhs"])["figure-answer-1-0"]["layout"]["xaxis"]["type"] == "log"


def test_two_keys_on_a_grid_have_a_table_of_heat(pages: dict[str, str], folders: dict[str, Path]) -> None:
    text = pages["grid"]
    assert text.count("by both keys") == len(SCENARIOS) * len(UNITS) - 1, "a point of CAC is undefined"
    assert len(re.findall(r'<td class="heat"', text)) == (len(SCENARIOS) * len(UNITS) - 1) * 12
    assert "by both keys" not in pages["lhs"]


def test_shares_of_the_variance_are_those_of_the_table(pages: dict[str, str], folders: dict[str, Path]) -> None:
    table = rows(view(folders["sobol"]), SOBOL)
    found = indices(table, "gross_margin", "baseline")
    figure = charts_of(pages["sobol"])["figure-sobol-3-0"]
    alone, total = figure["data"]
    assert alone["x"] == pytest.approx(100 * found[("s1", "estimate")], rel=1e-4)
    assert total["x"] == pytest.approx(100 * found[("st", "estimate")], rel=1e-4)
    assert total["error_x"]["array"] == pytest.approx(
        100 * (found[("st", "high")] - found[("st", "estimate")]), rel=1e-3
    )
    share = noise_share(table, "gross_margin", "baseline")
    assert f"replication noise is {100 * share:.0f} % of the variance" in section(pages["sobol"], "sobol")


def unsure(folder: Path, **columns: float) -> Swept:
    found = Swept(folder)
    found.sensitivity = found.sensitivity.assign(**columns)
    return found


def test_what_noise_hides_is_not_told_as_a_finding(folders: dict[str, Path]) -> None:
    (sure,) = influence(view(folders["sobol"]))
    assert sure.headline.startswith(f"{CHINESE}: heads matters most for “Operating profit”")
    for columns in ({"low": -0.1}, {"low": np.nan}):
        (doubt,) = influence(view(unsure(folders["sobol"], **columns)))
        assert "no key can be told apart from noise" in doubt.headline
    (none,) = influence(view(unsure(folders["sobol"], estimate=np.nan, low=np.nan)))
    assert none.headline == "No index could be computed; the remarks say why."
    assert none.charts == []


def test_effects_stand_beside_what_noise_alone_would_show(pages: dict[str, str], folders: dict[str, Path]) -> None:
    found = indices(rows(view(folders["morris"]), MORRIS), "signed", "baseline")
    bars, marks = charts_of(pages["morris"])["figure-morris-1-0"]["data"]
    assert bars["x"] == pytest.approx(found[("mu_star", "estimate")], rel=1e-4)
    assert marks["x"] == pytest.approx(found[("noise", "estimate")], rel=1e-4)


def test_a_tornado_has_both_ends_with_paired_intervals(pages: dict[str, str], folders: dict[str, Path]) -> None:
    table = pd.read_csv(folders["one_at_a_time"] / "tornado.csv")
    own = table[(table["metric"] == "signed") & (table["scenario"] == "baseline")]
    low, high = charts_of(pages["one_at_a_time"])["figure-tornado-1-0"]["data"]
    assert low["x"] == pytest.approx(own["low_effect"], rel=1e-4)
    assert high["x"] == pytest.approx(own["high_effect"], rel=1e-4)
    assert high["error_x"]["array"] == pytest.approx(own["high_effect_high"] - own["high_effect"], rel=1e-3)
    assert f"{CHINESE}: heads 1 / 8" in "".join(low["y"]).replace("<br>", " ")


def test_a_rule_is_a_sentence_with_coverage_and_density(pages: dict[str, str], folders: dict[str, Path]) -> None:
    table = pd.read_csv(folders["lhs"] / "discovery.csv").query("box == 1")
    assert set(table["key"]) == {PRICE, HEADS}
    shares = [f"{100 * table[c].iloc[0]:.0f} %" for c in ("density", "coverage")]
    text = section(pages["lhs"], "rules-0")
    assert f"Lowest cash falls below 0 CNY in {shares[0]} of the runs; these are {shares[1]} of all failures." in text
    assert re.search(r"above 3[12]\d(\.\d+)? CNY/seat/year", text)
    assert "a share of points is not a probability" in text


def test_the_box_stands_around_the_points_that_fail(pages: dict[str, str]) -> None:
    figure = charts_of(pages["lhs"])["figure-rules-0-0"]
    holds, fails = figure["data"]
    assert all(x > DEAR and y < FEW for x, y in zip(fails["x"], fails["y"], strict=True))
    assert not any(x > DEAR and y < FEW for x, y in zip(holds["x"], holds["y"], strict=True))
    (box,) = figure["layout"]["shapes"]
    assert all(box["x0"] < x < box["x1"] and box["y0"] < y < box["y1"] for x, y in zip(fails["x"], fails["y"]))  # noqa: B905


def ruled(folder: Path, **columns: object) -> Swept:
    """The folder with a box of one limit, or none."""
    found = Swept(folder)
    table = found.discovery
    keep = table[(table["box"] == 0) | (table["key"] == columns.pop("only", None))]
    found.discovery = keep.assign(**{c: np.where(keep["box"] > 0, v, keep[c]) for c, v in columns.items()})
    return found


def test_a_rule_about_one_key_is_drawn_against_the_figure_itself(folders: dict[str, Path]) -> None:
    found = ruled(folders["lhs"], only=PRICE, high=390.0)
    (panel,) = rules(view(found))
    assert "between 3" in panel.headline
    (chart,) = panel.charts
    assert chart.figure["layout"]["yaxis"]["title"]["text"] == "Lowest cash, k CNY"
    shares = failing(view(found), "baseline")["share"]
    assert 0 < shares.mean() < 1


def test_a_rule_about_words_and_no_rule_are_sentences_too(folders: dict[str, Path]) -> None:
    (words,) = rules(view(ruled(folders["lhs"], only=HEADS, key=TRIAL, values="True, False")))
    assert words.headline.startswith("With automatic on or off, ")
    assert words.charts == []
    (none,) = rules(view(ruled(folders["lhs"])))
    assert "No rule was found for when Lowest cash falls below 0 CNY" in told(none)
    found = Swept(folders["lhs"])
    found.manifest["settings"]["experiment"]["discovery"] |= {"below": None, "above": 0}
    assert "rises above 0 CNY" in told(rules(view(found)))


def test_failed_runs_have_their_command(pages: dict[str, str]) -> None:
    text = section(pages["grid"], "failures")
    for words in ("Runs that failed: 1, at 1 points.", f"no {HOSTILE}", "tobsim run business=tool replications=2"):
        assert words in text
    assert "Runs that failed: 1, at 1 points. They are missing" in visible(pages["grid"])


def test_a_reader_is_warned_of_what_is_missing(folders: dict[str, Path]) -> None:
    found = Swept(folders["sobol"])
    found.manifest = found.manifest | {"status": "running"}
    lines = attention(view(found))
    assert lines[0].startswith("This sweep is not complete: running.")
    assert lines[1] == "Some points have 6 replications. Intervals are rough below 10."
    assert "Warnings: 1" in lines[2]


def test_the_origin_of_every_range_is_told(pages: dict[str, str]) -> None:
    text = section(pages["lhs"], "ranges")
    assert "Keys varied: 3; values that are assumptions or conventions as they stand: 3." in text
    assert "What was looked at is an assumption too." in text
    assert "chosen for this sweep" in text
    assert "assumption" in text


def test_what_was_run_has_seeds_and_digests(pages: dict[str, str]) -> None:
    text = section(pages["lhs"], "setup")
    for words in ("cd34", "ab12", "2.4 ef56", "seed 1", "a Latin hypercube", "metric: signed, relative: 0.1",
                  "confirm one with another seed", "same random numbers"):  # fmt: skip
        assert words in text, words


def test_means_of_the_fixture_are_those_of_the_program(folders: dict[str, Path]) -> None:
    found = Swept(folders["grid"])
    row = found.means[(found.means["metric"] == "signed") & (found.means["number"] == 5)].iloc[0]
    own = willink(found.values("signed", "horizon").loc[5].to_numpy())
    assert (row["mean"], row["ci_low"], row["ci_high"]) == pytest.approx((own.mean, own.low, own.high))


NEEDED: dict[str, tuple[str, Callable[[View], object]]] = {
    "table.parquet": ("lhs", result), "tornado.csv": ("one_at_a_time", swings), "manifest.json": ("lhs", setup),
    "sensitivity.csv": ("sobol", influence), "discovery.csv": ("lhs", rules), "failures.csv": ("grid", failures),
}  # fmt: skip
"""Files that a panel cannot do without."""


@pytest.mark.parametrize("file", NEEDED)
def test_a_missing_file_leaves_out_the_panel_that_needs_it(folders: dict[str, Path], tmp_path: Path, file: str) -> None:
    kind, make = NEEDED[file]
    assert make(view(folders[kind]))
    copy = copied(folders[kind], tmp_path / "copy", without=file)
    assert not make(view(copy))
    assert build_sweep(copy).is_file()


@pytest.mark.parametrize("file", ["results.parquet", "keys.csv", "config.yaml", "manifest.json", "points.parquet"])
def test_a_page_is_made_of_what_is_there(folders: dict[str, Path], tmp_path: Path, file: str) -> None:
    for kind in ("lhs", "grid"):
        copy = copied(folders[kind], tmp_path / kind, without=file)
        assert "nan" not in visible(build_sweep(copy).read_text("utf-8")).replace("finance", "")


def test_an_empty_folder_gives_a_page_without_panels(tmp_path: Path) -> None:
    assert panels(build_sweep(tmp_path).read_text("utf-8")) == []


def test_no_folder_and_no_language_are_errors(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="not a sweep folder"):
        build_sweep(tmp_path / "nowhere")
    with pytest.raises(MissingText, match="there are en"):
        build_sweep(folders["grid"], "xx")


def test_same_folder_gives_the_same_bytes(folders: dict[str, Path], pages: dict[str, str]) -> None:
    assert build_sweep(folders["grid"]).read_text("utf-8") == pages["grid"]


def flat(folder: Path) -> Swept:
    """All points alike, of many keys, without a register, and with more points than a table has rows."""
    found = Swept(folder)
    found.means = found.means.assign(mean=2.0, ci_low=1.0, ci_high=3.0)
    found.origins = {}
    again = [found.points.assign(number=found.points["number"] + 1000 * n) for n in range(3)]
    extra = {f"policy.terms.k{n}": np.arange(len(again[0]) * 3) for n in range(9)}
    found.points = pd.concat(again, ignore_index=True).assign(**extra)
    found.columns = [PRICE, *extra]
    failed = [
        {"number": n, "scenario": "baseline", "replication": 0, "message": "m", "command": "c"} for n in range(201)
    ]
    found.failed = pd.DataFrame(failed).astype(str).assign(type="T")
    return found


def crowded(folder: Path) -> Swept:
    """More points than a chart shows."""
    found = Swept(folder)
    more = [found.points.assign(number=found.points["number"] + 1000 * n) for n in range(5)]
    figures = [found.means.assign(number=found.means["number"] + 1000 * n) for n in range(5)]
    found.points, found.means = pd.concat(more, ignore_index=True), pd.concat(figures, ignore_index=True)
    return found


def test_every_text_is_used_and_none_is_no_number(folders: dict[str, Path]) -> None:
    text = catalogue(part=PART)
    bare = Swept(folders["lhs"])
    bare.manifest = {**bare.manifest, "status": "running", "engine": "old"}
    silent = Swept(folders["sobol"])
    silent.sensitivity = silent.sensitivity[silent.sensitivity["of"] != "noise_share"]
    labelled = Swept(folders["lhs"])
    labelled.manifest["settings"]["experiment"]["keys"] = {key: {"label": "one"} for key in (PRICE, HEADS)}
    above = Swept(folders["lhs"])
    above.manifest["settings"]["experiment"]["discovery"] = {"metric": "cash_min", "above": 0, "below": None}
    odd = [bare, silent, labelled, above, flat(folders["lhs"]), crowded(folders["lhs"]), ruled(folders["lhs"])]
    odd += [unsure(folders["sobol"], low=-1.0), unsure(folders["sobol"], estimate=np.nan)]
    odd += [ruled(folders["lhs"], only=PRICE, high=390.0)]
    odd += [ruled(folders["lhs"], only=HEADS, key=TRIAL, values="True, False")]
    for found in (*map(Swept, folders.values()), *odd):
        seen = View(found, text)
        words = told([[list(panels) for _, panels in chapters(seen)], attention(seen)])
        assert not re.search(r"\bnan\b|\bNone\b|\bNaT\b", words)
    render(Swept(folders["lhs"]), text)
    own = [key for key in text.keys() if key.startswith("sweeps.")]  # noqa: SIM118
    assert [key for key in own if key not in text.used] == []


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_texts_of_sweeps(language: str) -> None:
    assert (FOLDER / PART / f"{language}.yaml").is_file()
    ours, theirs = catalogue(part=PART), catalogue(language, PART)
    closed = [key for key in ours.keys() if key.startswith("sweeps.")]  # noqa: SIM118
    assert [key for key in closed if not theirs.has(key) or _fields(ours.raw(key)) != _fields(theirs.raw(key))] == []


def test_modules_hold_no_prose() -> None:
    files = sorted(Path(sweeps.__file__).parent.glob("*.py"))
    assert len(files) > 8
    found = [(f.name, text) for f in files for text in _constants(ast.parse(f.read_text("utf-8")))
             if re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", text) and text != "one replication"]  # fmt: skip
    assert found == []


def test_tags_are_nested_and_nothing_is_asked_of_the_network(pages: dict[str, str]) -> None:
    for page in pages.values():
        reader = _Sections()
        reader.feed(page)
        assert reader.wrong == []
        own = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
        assert not re.search(r'(?:src|href)="(?:https?:)?//', own)
        assert "default-src &#39;none&#39;" in page
        assert all(json.loads(json.dumps(figure)) for figure in charts_of(page).values())


def test_ranges_without_a_register_say_what_was_looked_at(folders: dict[str, Path], tmp_path: Path) -> None:
    copy = copied(folders["lhs"], tmp_path / "copy", without="keys.csv")
    panel = ranges(view(copy))
    assert panel is not None
    assert panel.headline == "Keys varied: 3. What was looked at is an assumption."
