"""All text of the report and the screen comes from the catalogue, and the catalogue holds nothing else."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import yaml

from analysis.attainment.cash import cash_risk
from analysis.report import build
from analysis.report.folder import Folder
from analysis.report.screen import show
from analysis.report.strings import FOLDER, Catalogue, catalogue, flatten, languages
from analysis.report.wording import OF_DESK, Wording
from tests.fixtures.fake_panels import write_full_run
from tests.fixtures.fake_plan import add_plan
from tests.fixtures.fake_run import write_fake_run

REPORT = Path(build.__file__).parent
CONF = Path(__file__).parents[2] / "conf"

VOCABULARY = frozenset({
    "metrics", "units", "steps", "activities", "businesses", "origins", "states", "confidences", "identities",
    "meanings", "sentences",
})  # fmt: skip
"""Groups of words for names that come with the data: looked up only where a run has them."""

PLAIN = frozenset({"format.thousands", "format.decimal", "format.minus", "format.axis_date", "format.undefined"})
"""Marks and formats, not texts."""

OPEN, CLOSE = "⟦", "⟧"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_full_run(tmp_path_factory.mktemp("runs") / "fake")


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on its defaults in which cash recovers and more activate than sign, held against a plan."""
    path = write_fake_run(tmp_path_factory.mktemp("runs") / "calm")
    add_plan(path)
    manifest = json.loads((path / "manifest.json").read_text("utf-8"))
    manifest.update(overrides=[], warnings=[], failures=[])
    (path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    folder = Folder(path)
    months = folder.table("metrics")
    cash = months["metric"].isin(["cash", "cash_min"])
    months.loc[cash, "value"] = (months.loc[cash, "ds"].dt.month - 6.0).abs()
    months.to_parquet(path / "metrics.parquet", index=False)
    cash_risk(months).to_csv(path / "cash_risk.csv", index=False)
    folder.summary.query("metric != 'days_lead_signed'").to_csv(path / "summary.csv", index=False)
    staffing = folder.table("staffing")
    staffing.assign(busy_hours=staffing["capacity_hours"]).to_parquet(path / "staffing.parquet", index=False)
    (path / build.NAME).touch()
    names = [f"m{i}" for i in range(9)]
    rows = folder.plausibility.iloc[[1] * 9].assign(metric=names)
    rows.to_csv(path / "plausibility.csv", index=False)
    return path


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that kept neither revenue nor its summary."""
    path = write_fake_run(tmp_path_factory.mktemp("runs") / "bare")
    (path / "identities.csv").unlink()
    months = Folder(path).table("metrics")
    months[months["metric"] != "revenue"].to_parquet(path / "metrics.parquet", index=False)
    summary = Folder(path).summary
    summary[summary["metric"] != "revenue"].to_csv(path / "summary.csv", index=False)
    return path


def page_and_screen(run: Path, text: Catalogue) -> tuple[str, str]:
    return build.render(Folder(run), text), show(Wording(Folder(run), text), 1000)


def test_every_text_is_used(run: Path, calm: Path, bare: Path) -> None:
    text = catalogue()
    for folder in (run, calm, bare):
        page_and_screen(folder, text)
    unused = [key for key in text.keys() if key not in text.used and key.split(".")[0] not in VOCABULARY]  # noqa: SIM118
    assert unused == []


def _marked(value: Any, key: str) -> Any:
    return f"{OPEN}{value}{CLOSE}" if isinstance(value, str) and key not in PLAIN else value


def _outside(shown: str) -> str:
    """What of a shown text lies outside all marks."""
    depth, kept = 0, []
    for c in shown:
        depth += (c == OPEN) - (c == CLOSE)
        kept.append(c if depth == 0 and c != CLOSE else " ")
    return "".join(kept)


class _Texts(HTMLParser):
    """Visible texts of a page, texts of attributes that are read out, and texts in charts."""

    READ = ("title", "aria-label", "alt", "placeholder")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = "chart" if ("type", "application/json") in attrs else tag
        self.found += [value for name, value in attrs if name in self.READ and value]

    def handle_data(self, data: str) -> None:
        if self._inside == "chart":
            self.found += list(_chart_texts(json.loads(data)))
        elif self._inside not in ("script", "style"):
            self.found.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


def _chart_texts(figure: dict[str, Any]) -> Iterator[str]:
    for trace in figure["data"]:
        yield trace.get("name", "")
        yield from (str(v) for v in (*trace.get("text", ()), *(trace["y"] if trace["type"] == "bar" else ())))
    for axis in ("xaxis", "yaxis"):
        yield figure["layout"][axis].get("title", {}).get("text", "")
        yield figure["layout"][axis].get("ticksuffix", "")


def _data_of(run: Path) -> str:
    """Everything a run folder says in words."""
    files = [f.read_text("utf-8") for f in sorted(run.iterdir()) if f.suffix in (".csv", ".json", ".yaml")]
    manifest = json.dumps(json.loads((run / "manifest.json").read_text("utf-8")), ensure_ascii=False)
    forecast = Folder(run).forecast
    return "\n".join([*files, manifest, str(run), " ".join(forecast["model"].unique()), _registers()])


def _registers() -> str:
    from analysis.identities import IDENTITIES
    from analysis.metrics import REGISTRY

    words = [w for m in REGISTRY.values() for w in (m.formula, m.source, m.name)]
    return "\n".join([*words, *(sentence for sentence, _ in IDENTITIES.values())])


def test_nothing_is_shown_that_is_neither_text_nor_data(run: Path) -> None:
    flat = flatten(yaml.safe_load((FOLDER / "en.yaml").read_text("utf-8")))
    marked = Catalogue({key: _marked(value, key) for key, value in flat.items()}, "en")
    page, shown = page_and_screen(run, marked)
    reader = _Texts()
    reader.feed(page)
    data = _data_of(run)
    data += data.replace("<", "&lt;").replace(">", "&gt;")
    left = {word for found in (*reader.found, shown) for word in _outside(found).split()}
    assert [word for word in left if re.search(r"[^\W\d_]", word) and word not in data] == []


def test_modules_hold_no_prose() -> None:
    found = [
        (file.name, text)
        for file in sorted(REPORT.glob("*.py"))
        for text in _constants(ast.parse(file.read_text("utf-8")))
        if re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", text)
    ]
    fonts_and_policies = {"plots.py", "pictures.py", "build.py"}
    assert [pair for pair in found if pair[0] not in fonts_and_policies] == []


def _constants(tree: ast.AST) -> Iterator[str]:
    """String constants except docstrings and the texts of errors."""
    skipped = {id(node) for r in ast.walk(tree) if isinstance(r, ast.Raise) for node in ast.walk(r)}
    skipped |= {id(e.value) for e in ast.walk(tree) if isinstance(e, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value


def test_every_metric_has_a_name() -> None:
    from analysis.metrics import REGISTRY

    text = catalogue()
    assert [name for name in (*REGISTRY, *OF_DESK) if not text.has(f"metrics.{name}")] == []


def test_every_identity_has_a_name() -> None:
    from analysis.identities import IDENTITIES

    assert [name for name in IDENTITIES if not catalogue().has(f"identities.{name}")] == []


def test_every_milestone_of_the_shipped_businesses_has_words() -> None:
    text, missing = catalogue(), []
    for file in sorted((CONF / "business").glob("*.yaml")):
        business = yaml.safe_load(file.read_text("utf-8")).get("business", {})
        milestones = business.get("milestones", {}).values()
        missing += [(file.stem, name) for name in milestones if not text.has(f"activities.{name}")]
    assert missing == []


def test_every_unit_of_the_metrics_is_words_or_nothing() -> None:
    from analysis.metrics.registry import UNITS

    text = catalogue()
    words = {unit: text.unit(unit.replace("money", "CNY")) for unit in UNITS if unit != "as north star"}
    assert not [unit for unit, word in words.items() if "1/" in word or word in ("share", "count", "code")]


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_same_texts(language: str) -> None:
    ours, theirs = catalogue(), catalogue(language)
    closed = [key for key in ours.keys() if key.split(".")[0] not in VOCABULARY]  # noqa: SIM118
    assert [key for key in closed if not theirs.has(key)] == []
    assert [key for key in closed if _fields(ours.raw(key)) != _fields(theirs.raw(key))] == []


def test_another_language_is_a_file(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from analysis.report import strings

    texts = yaml.safe_load((FOLDER / "en.yaml").read_text("utf-8"))
    texts["page"]["contents"] = "目录"
    texts["format"].update(scales=[[1e8, "亿"], [1e4, "万"]], thousands=" ")
    (tmp_path / "zh.yaml").write_text(yaml.safe_dump(texts, allow_unicode=True), "utf-8")
    monkeypatch.setattr(strings, "FOLDER", tmp_path)
    page = build.render(Folder(run), catalogue("zh"))
    assert '<html lang="zh">' in page
    assert "目录" in page
    assert re.search(r"−\d+\s万", page)


def _fields(text: Any) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name} if isinstance(text, str) else set()
