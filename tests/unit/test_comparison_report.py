"""The page and the screen of a comparison on a made-up folder: content, safety, what is missing."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.cells import cell_len

from analysis.compare.flips import stories
from analysis.report import comparison
from analysis.report.comparison import charts, story, why
from analysis.report.comparison.build import PART, build_comparison, cases, render
from analysis.report.comparison.case import SURE, UNKNOWN, UNSURE, ZERO, Case
from analysis.report.comparison.folder import Comparison
from analysis.report.comparison.screen import MOST_LINES, comparison_screen, show
from analysis.report.comparison.who import counts
from analysis.report.plots import Words
from analysis.report.strings import FOLDER, MissingText, catalogue, languages
from tests.fixtures.fake_comparison import CHINESE_ID, LABELS, PRIMARY, Recipe, write_fake_comparison
from tests.fixtures.fake_plan import add_plans
from tests.fixtures.fake_run import CHINESE, HOSTILE

ALL = ["result", "decision", "sure", "drivers", "flips", "changes", "gain", "funnel", "course", "figures"]
VOCABULARY = frozenset({"drivers", "decisions", "ends", "kinds", "kinds_long", "terms", "methods"})
"""Groups of words for names that come with the data: looked up only where a comparison has them."""

MANY = Recipe({"tool": ("baseline", "presales_hired"), "cloud": ("baseline", "same")})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fake_comparison(tmp_path_factory.mktemp("comparisons") / "one")


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fake_comparison(tmp_path_factory.mktemp("comparisons") / "several", MANY)


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return build_comparison(folder).read_text("utf-8")


@pytest.fixture(scope="module")
def case(folder: Path) -> Case:
    return cases(Comparison(folder), catalogue(part=PART))[0]


def panels(page: str) -> list[str]:
    return re.findall(r'<section id="([\w-]+)">', page)


def charts_of(page: str) -> dict[str, dict[str, Any]]:
    found = re.findall(r'<script type="application/json" id="([^"]+)">(.*?)</script>', page, re.DOTALL)
    return {name: json.loads(text) for name, text in found}


def visible(page: str) -> str:
    """Text of the page without scripts and styles."""
    return re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)


def copied(folder: Path, target: Path, *, without: str = "") -> Path:
    """Links to the files of a comparison, some left out; the page is not taken along."""
    target.mkdir()
    for file in folder.iterdir():
        if file.name not in (without, "report.html"):
            (target / file.name).symlink_to(file)
    return target


def test_panels_follow_the_questions_of_a_reader(page: str) -> None:
    assert panels(page) == [*(f"tool-{name}" for name in ALL), "setup"]


def test_every_chart_has_figures(page: str) -> None:
    found = charts_of(page)
    assert len(found) == 4 + 2 * 4 + 2 + 1 + 4
    for name, figure in found.items():
        assert figure["data"], name
        for trace in figure["data"]:
            assert len(trace["x"]) == len(trace["y"]) > 0, name
            assert any(v is not None for v in trace["x"]), name


def test_labels_are_escaped_and_kept(page: str) -> None:
    assert HOSTILE not in page
    assert "&lt;script&gt;window.pwned=1&lt;/script&gt;" in page
    for label in (CHINESE, CHINESE_ID, LABELS["presales_hired"]):
        assert label in page


def test_the_headline_says_which_plan_how_much_and_how_sure(page: str, case: Case) -> None:
    text = visible(page)
    row = case.row("presales_hired", "operating_profit")
    assert row is not None
    assert row.verdict == SURE
    change = case.signed(row.value, row.unit)
    assert f"does most for “Operating profit”: {change} (+{100 * row.relative:.0f}\u00a0%)" in text
    assert f"interval, {case.interval(row)}, excludes 0." in text


def test_nothing_is_called_significant(page: str, folder: Path) -> None:
    assert "significan" not in visible(page).lower()
    assert "significan" not in comparison_screen(folder, width=200).lower()


@pytest.mark.parametrize(
    ("plan", "metric", "verdict"),
    [
        ("presales_hired", "revenue", SURE), ("price_up", "revenue", UNSURE), ("price_up", "leads", ZERO),
        ("price_up", "cash_min", UNKNOWN),
    ],
)  # fmt: skip
def test_verdicts_follow_the_intervals(case: Case, plan: str, metric: str, verdict: str) -> None:
    row = case.row(plan, metric)
    assert row is not None
    assert row.verdict == verdict


def test_a_difference_of_zero_is_told_as_none(case: Case) -> None:
    row = case.row("price_up", "leads")
    assert row is not None
    assert (case.shown(row), case.interval(row), case.relative(row)) == ("no difference", "", "")


def test_an_interval_without_bounds_shows_why(case: Case) -> None:
    row = case.row("price_up", "cash_min")
    assert row is not None
    assert case.interval(row) == "too few replications touched"


def test_differences_of_shares_are_points(case: Case) -> None:
    assert case.signed(0.0213, "share") == "+2.1\u00a0pp"
    assert case.signed(-0.0004, "share") == "−0.04\u00a0pp"
    assert case.signed(-21.5, "CNY") == "−21.5\u00a0CNY"
    assert case.bounds(-0.01, 0.02, "share") == "−1.0 to 2.0\u00a0pp"


def test_the_best_plan_is_the_one_chosen(folder: Path, tmp_path: Path) -> None:
    """Without a choice the largest difference; with one, the plan that was chosen."""
    copy = copied(folder, tmp_path / "copy", without="choice.csv")
    assert "“售前增员 Presales hired” does most" in visible(render(Comparison(copy), catalogue(part=PART)))
    choice = pd.read_csv(folder / "choice.csv")
    choice["selected"] = choice["scenario"] == "price_up"
    choice.to_csv(copy / "choice.csv", index=False)
    assert "“Price up" in visible(render(Comparison(copy), catalogue(part=PART))).split("does most")[0]


@pytest.mark.parametrize(
    ("file", "panel"),
    [
        ("targets.csv", ""), ("choice.csv", ""), ("flips.parquet", "flips"), ("drivers.csv", "drivers"),
        ("config.csv", "changes"), ("drivers.parquet", ""), ("tool", "course"), ("manifest.json", "setup"),
    ],
)  # fmt: skip
def test_a_missing_file_leaves_out_what_needs_it(folder: Path, tmp_path: Path, file: str, panel: str) -> None:
    copy = copied(folder, tmp_path / "copy", without=file)
    found = panels(build_comparison(copy).read_text("utf-8"))
    assert [p for p in [*ALL, "setup"] if not any(f.endswith(p) for f in found)] == ([panel] if panel else [])
    assert comparison_screen(copy, width=80)


def test_targets_and_choice_together_are_optional(folder: Path, tmp_path: Path) -> None:
    copy = copied(folder, tmp_path / "copy", without="targets.csv")
    (copy / "choice.csv").unlink()
    assert "tool-decision" not in panels(build_comparison(copy).read_text("utf-8"))


def test_an_empty_folder_gives_a_page_without_panels(tmp_path: Path) -> None:
    assert panels(build_comparison(tmp_path).read_text("utf-8")) == []
    assert str(tmp_path) in comparison_screen(tmp_path, width=1000)


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="not a comparison folder"):
        build_comparison(tmp_path / "nowhere")


def test_a_language_without_texts_is_an_error(folder: Path) -> None:
    with pytest.raises(MissingText, match="there are en"):
        build_comparison(folder, "xx")


def test_same_folder_gives_the_same_bytes(folder: Path, page: str) -> None:
    assert build_comparison(folder).read_text("utf-8") == page


def test_several_businesses_have_a_chapter_each(several: Path) -> None:
    page = build_comparison(several).read_text("utf-8")
    found = panels(page)
    assert len(set(found)) == len(found)
    assert {p.split("-")[0] for p in found} == {"tool", "cloud", "setup"}
    assert re.findall(r'<p class="chapter">(.*?)</p>', page) == [
        f"tool {CHINESE}",
        f"cloud {CHINESE}",
        "All businesses",
    ]


def test_a_plan_equal_to_the_base_shows_no_difference_anywhere(several: Path) -> None:
    page = build_comparison(several).read_text("utf-8")
    sections = dict(re.findall(r'<section id="cloud-(\w+)">(.*?)</section>', page, re.DOTALL))
    text = visible(" ".join(sections[name] for name in ("result", "drivers", "changes", "gain", "funnel", "figures")))
    assert "No difference: “same” and “As it is” give the same figures in every replication." in text
    assert "Nothing: the plan is the base." in text
    assert "Nothing moves." in text
    assert not re.search(r"[+−]\d", text)


def test_waterfalls_lead_from_zero_to_the_difference(page: str, case: Case) -> None:
    for plan in case.plans:
        trace = charts_of(page)[f"figure-tool-business-{plan}-revenue"]["data"][0]
        *steps, total = trace["x"]
        assert trace["base"][0] == trace["base"][-1] == 0
        ends = np.add(trace["base"][:-1], steps)
        assert trace["base"][1:-1] == pytest.approx(ends[:-1], rel=1e-4)
        assert ends[-1] == pytest.approx(total, rel=1e-4)


def test_small_steps_of_a_long_waterfall_are_gathered(folder: Path) -> None:
    comparison_folder = Comparison(folder)
    means = comparison_folder.driver_means
    one = means[(means["bridge"] == "config") & (means["driver"] == "presales")].iloc[:1]
    one = one.assign(metric="operating_profit", ci_low=np.nan, ci_high=np.nan)
    many = [one.assign(driver=f"k{i}", mean=float(i + 1)) for i in range(12)]
    comparison_folder.driver_means = pd.concat(many, ignore_index=True)
    page = render(comparison_folder, catalogue(part=PART))
    trace = charts_of(page)["figure-tool-config-presales_hired-operating_profit"]["data"][0]
    assert trace["y"][-2:] == ["4 smaller ones", "Difference"]
    assert trace["x"][-2:] == [1 + 2 + 3 + 4, 78]


def test_dots_are_hollow_unless_the_interval_excludes_zero() -> None:
    bars = [charts.Bar("a", 2.0, 1.0, 3.0, "2", "#111111", True), charts.Bar("b", 1.0, label="1", firm=False)]
    figure = charts.dots(bars, Words())
    trace = figure["data"][0]
    assert trace["marker"]["color"] == ["#111111", "#fff"]
    assert trace["error_x"]["array"] == [1.0, 0]
    assert figure["layout"]["xaxis"]["range"][0] < 0 < 3 < figure["layout"]["xaxis"]["range"][1]


def test_keys_are_words_in_charts_and_whole_in_tables(page: str) -> None:
    assert why.readable("policy.conversion.sales_after_days") == "conversion sales after days"
    assert '<td class="code">' in page
    assert "policy.products.seat.price" in page


def test_equal_names_stay_two_rows_and_long_ones_are_cut() -> None:
    rows = charts.wrapped(["same", "same", "a" * 50, "<b> of many words that go on and on and on"])
    assert len(set(rows)) == 4
    assert max(len(part) for row in rows for part in row.replace("&lt;", "<").replace("&gt;", ">").split("<br>")) <= 21
    assert "<b>" not in "".join(rows)


def test_flips_are_counted_per_replication(case: Case, folder: Path) -> None:
    flips = pd.read_parquet(folder / "flips.parquet").query("scenario == 'price_up'")
    expected = [(flips["change"] == c).sum() / 20 for c in (1, -1, 0)]
    assert counts(case, "price_up") == pytest.approx(expected)


FLIP: dict[str, Any] = {
    "scenario": "presales_hired", "replication": 3, "account": 431, "external_id": "A0000431", "segment": "large",
    "before": "lost", "after": "customer", "change": 1, "decision": "sign", "time_base": 400.0, "time_plan": 310.0,
    "how": "outcome", "kind": "spillover", "p_base": 0.31, "p_plan": 0.44, "uniform": 0.38, "term": "wait_days",
    "term_base": -0.9, "term_plan": -0.1, "value": 21_000.0,
}  # fmt: skip


def test_a_story_tells_decision_chances_number_and_cause(case: Case) -> None:
    assert story.story(case, FLIP).replace("\u00a0", " ") == (
        "A0000431 (Large) is a customer at the end only under “售前增员 Presales hired” (replication 3). "
        "At “signature” its probability rose from 31 % to 44 %; the number it drew is 38 %. "
        "What differs most is the wait, from −0.90 to −0.10 on the scale of log-odds "
        "(spillover: something that accounts share). Revenue: +21.0 k CNY."
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"change": -1, "p_base": 0.44, "p_plan": 0.31}, ["only in “As it is”", "fell from 44 % to 31 %"]),
        ({"change": 0, "after": "open"}, ["ends as still on the way", "instead of lost"]),
        ({"how": "route", "term": None}, ["part at “signature”, which only one", "The cause is spillover"]),
        ({"how": "timing", "time_base": np.nan}, ["comes on day 310 under the plan and not before the end in"]),
        ({"decision": None, "term": None, "kind": None, "value": np.nan}, ["(replication 3)."]),
        ({"p_base": np.nan}, ["At “signature” the two come to another outcome."]),
        ({"uniform": np.nan}, ["rose from 31 % to 44 %. What"]),
        ({"p_plan": 0.31}, ["stayed between 31 % and 31 %"]),
    ],
)  # fmt: skip
def test_stories_of_other_kinds(case: Case, changed: dict[str, Any], words: list[str]) -> None:
    told = story.story(case, FLIP | changed).replace("\u00a0", " ")
    assert "nan" not in told
    assert "None" not in told
    for word in words:
        assert word in told


def test_stories_differ_in_decision_and_kind(folder: Path) -> None:
    chosen = stories(Comparison(folder).flips, story.MOST)
    assert len(chosen) == story.MOST
    assert not chosen.duplicated(["decision", "kind", "change"]).any()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_screen_is_one_screen(folder: Path, width: int) -> None:
    shown = comparison_screen(folder, width=width)
    assert len(shown.splitlines()) <= MOST_LINES
    for words in ("Operating profit", "Revenue", "1.10 m to 1.27 m", "interval excludes 0", "20 pairs", "Why", "Who"):
        assert words in shown.replace("\u00a0", " ")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_screen_keeps_to_its_width(folder: Path, several: Path, width: int) -> None:
    for path in (folder, several):
        lines = comparison_screen(path, width=width).splitlines()
        page = f"  {path / 'report.html'}" if (path / "report.html").is_file() else f"  {path}"
        assert page in lines, "a path stays on one line, to be copied"
        assert max(cell_len(part) for part in lines if part != page) <= width


def test_a_sure_difference_bears_a_mark(folder: Path, case: Case) -> None:
    lines = comparison_screen(folder, width=80).splitlines()
    revenue = next(part for part in lines if "Revenue" in part)
    assert revenue.rstrip().count("*") == 1
    assert "+116" in revenue.split("*")[1]


def test_the_screen_cannot_be_commanded(folder: Path, tmp_path: Path) -> None:
    copy = copied(folder, tmp_path / "copy", without="manifest.json")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["stopped"] = "\x1b[2J[red]gone[/red]"
    (copy / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    shown = comparison_screen(copy, width=100)
    assert "\x1b" not in shown
    assert "[red]gone[/red]" in shown
    assert "\x1b[1" in comparison_screen(copy, colour=True, width=100)


@pytest.fixture(scope="module")
def odd(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Everything that the other folders do not say: open signs, no choice, cheaper and worse, unpaired, few pairs."""
    copy = copied(folder, tmp_path_factory.mktemp("comparisons") / "odd", without="table.parquet")
    table = pd.read_parquet(folder / "table.parquet")
    table.loc[table["metric"] == "operating_profit", ["ci_low", "ci_high"]] = [-1.0, 1e9]
    table.loc[table["metric"] == "revenue", ["difference", "variance_ratio", "n_touched"]] = [-5e5, 0.9, 20]
    table = table[(table["metric"] != "conversion_lead_signed") & (table["scenario"] == "presales_hired")]
    table.to_parquet(copy / "table.parquet", index=False)
    (copy / "choice.csv").unlink()
    pd.read_csv(folder / "choice.csv").assign(selected=False).to_csv(copy / "choice.csv", index=False)
    (copy / "manifest.json").unlink()
    manifest = json.loads((folder / "manifest.json").read_text("utf-8")) | {"replications": {"tool": 6}}
    manifest["businesses"]["tool"]["scenarios"] = ["baseline", "presales_hired"]
    (copy / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    found = Comparison(copy)
    found.flips = pd.DataFrame([FLIP | {"business": "tool"} | c for c in (
        {"change": 0}, {"how": "route", "term": None, "decision": "renew"}, {"how": "timing", "decision": "qualify",
        "time_plan": np.nan}, {"p_plan": 0.31, "kind": "direct"}, {"decision": None, "kind": None, "term": None},
    )])  # fmt: skip
    means = found.driver_means
    one = means[(means["bridge"] == "config") & (means["metric"] == "operating_profit")].iloc[:1]
    found.driver_means = pd.concat([means, *(one.assign(driver=f"k{i}") for i in range(12))], ignore_index=True)
    return found


@pytest.fixture(scope="module")
def silent(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A comparison in which no difference has an interval, and nothing else is defined."""
    found = Comparison(copied(folder, tmp_path_factory.mktemp("comparisons") / "silent"))
    found.differences = found.differences.assign(ci_low=np.nan, ci_high=np.nan, difference=1.0, note="")
    return found


@pytest.fixture(scope="module")
def still(folder: Path) -> Comparison:
    """A comparison in which plans differ, but not in the metric that orders them, and one flips nobody."""
    found = Comparison(folder)
    table = found.differences
    same = table["metric"] == "operating_profit"
    table.loc[same, ["difference", "ci_low", "ci_high", "n_touched"]] = 0.0
    rows = [FLIP | {"business": "tool", "scenario": "price_up"} | c for c in ({"p_base": np.nan}, {"uniform": np.nan})]
    found.flips = pd.DataFrame(rows).assign(decision=["sign", "order"])
    return found


@pytest.fixture(scope="module")
def undefined(silent: Comparison) -> Comparison:
    """A comparison whose differences are nowhere defined."""
    found = Comparison(silent.path)
    found.differences = silent.differences.assign(difference=np.nan, mean=np.nan)
    found.flips = found.flips.iloc[:0]
    return found


def test_an_open_sign_is_told_as_open(odd: Comparison) -> None:
    text = visible(render(odd, catalogue(part=PART)))
    for words in ("includes 0, so the sign is open", "below 1.2 pairing gives no benefit", "rough below 20",
                  "Pairing did not help with: Revenue", "No plan is chosen", "less revenue"):  # fmt: skip
        assert words in text, words


def test_what_is_undefined_is_told_as_undefined(silent: Comparison, undefined: Comparison) -> None:
    text = visible(render(silent, catalogue(part=PART)))
    assert "How sure that is cannot be said: no interval." in text
    assert "nan" not in text.split()
    text = visible(render(undefined, catalogue(part=PART)))
    assert "the difference is nowhere defined" in text


def test_a_steering_metric_that_stays_is_told_as_such(still: Comparison) -> None:
    text = visible(render(still, catalogue(part=PART)))
    assert "None of 2 plans raises “Operating profit”." in text
    assert "“售前增员 Presales hired”: no difference. It is the same in every replication." in text
    assert "“售前增员 Presales hired”: nobody ends differently." in text


@pytest.fixture(scope="module")
def stacked(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    plans = {"tool": ("baseline", "presales_hired", "price_up", "same")}
    return Comparison(write_fake_comparison(tmp_path_factory.mktemp("stacked") / "one", Recipe(plans, stacked=True)))


def test_changes_alone_and_together_are_a_chapter(stacked: Comparison) -> None:
    page = render(stacked, catalogue(part=PART))
    assert panels(page)[:2] == ["tool-result", "tool-stack"]
    shown = re.sub(r"\s+", " ", visible(page))
    assert "together they do +200 k CNY more" in shown
    assert "they take −200 k CNY from each other" in shown
    assert "is open" in shown


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    recipe = Recipe({"tool": ("baseline", "presales_hired")})
    return Comparison(add_plans(write_fake_comparison(tmp_path_factory.mktemp("planned") / "one", recipe)))


def test_every_text_is_used(
    folder: Path,
    several: Path,
    odd: Comparison,
    silent: Comparison,
    undefined: Comparison,
    still: Comparison,
    stacked: Comparison,
    planned: Comparison,
) -> None:
    text = catalogue(part=PART)
    for found in (Comparison(folder), Comparison(several), odd, silent, undefined, still, stacked, planned):
        render(found, text)
        show(found, text, 200)
        show(found, text, 40)
    own = [key for key in text.keys() if key.startswith("compare.")]  # noqa: SIM118
    assert [key for key in own if key not in text.used] == []


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_texts_of_a_comparison(language: str) -> None:
    assert (FOLDER / PART / f"{language}.yaml").is_file()
    ours, theirs = catalogue(part=PART), catalogue(language, PART)
    closed = [key for key in ours.keys() if key.startswith("compare.")]  # noqa: SIM118
    assert [key for key in closed if not theirs.has(key) or _fields(ours.raw(key)) != _fields(theirs.raw(key))] == []


def _fields(text: Any) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name} if isinstance(text, str) else set()


def test_modules_hold_no_prose() -> None:
    files = sorted(Path(comparison.__file__).parent.glob("*.py"))
    assert len(files) > 8
    found = [(f.name, text) for f in files for text in _constants(ast.parse(f.read_text("utf-8")))
             if re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", text)]  # fmt: skip
    assert found == []


def _constants(tree: ast.AST) -> Iterator[str]:
    """String constants except docstrings and the texts of errors."""
    skipped = {id(node) for r in ast.walk(tree) if isinstance(r, ast.Raise) for node in ast.walk(r)}
    skipped |= {id(e.value) for e in ast.walk(tree) if isinstance(e, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value


class _Sections(HTMLParser):
    """Tags that are open at the end of a page."""

    VOID = frozenset({"meta", "link", "br", "img", "hr", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_tags_are_nested(page: str) -> None:
    reader = _Sections()
    reader.feed(page)
    assert reader.wrong == []
    assert set(reader.open) <= {"p", "li", "html", "body"}


def test_the_declared_metrics_come_first(case: Case) -> None:
    assert case.primary == list(PRIMARY)
    assert case.steer == "operating_profit"
