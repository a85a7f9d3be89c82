"""The page on Python is run as a reader would run it in one notebook, block after block, and then again."""

from __future__ import annotations

import inspect
import re
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import scenarios
from scenarios import compose, forecast, load
from scenarios.cards import ROWS, card, figure

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text("utf-8")
BLOCKS = re.findall(r"<!-- python: (\w+) -->\n```python\n(.*?)```", PAGE, re.DOTALL)

LESS = ', "report.enabled=false", "compare.drivers=false", "compare.flips=false", "horizon.days=150"'
"""What the suite leaves out beside the second comparison: later overrides win."""


class Tags(HTMLParser):
    """Names of the elements of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.text = ""
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.sources += [
            str(value) for name, value in attrs if name in ("src", "href", "style") or name.startswith("on")
        ]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module", params=[LESS, pytest.param("", marks=pytest.mark.slow)], ids=["less", "all"])
def notebook(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Names after all blocks of the page were run twice in one process; ``times`` are the files after each round."""
    folder = tmp_path_factory.mktemp("notebook")
    names: dict[str, Any] = {"folder": folder, "times": [], "frames": []}
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.chdir(folder)
        for _ in range(2):
            for name, text in BLOCKS:
                if name == "scenarios" and request.param == LESS:
                    continue
                words = text.replace('"progress=false"', f'"progress=false"{request.param}')
                exec(compile(words, f"python.md: {name}", "exec"), names)
            names["times"].append({file: file.stat().st_mtime_ns for file in folder.rglob("accounts.parquet")})
            names["frames"].append((names["result"].metrics, names["found"].table, names["prices"].table))
    return names


def test_the_page_runs_and_the_second_time_simulates_nothing(notebook: dict[str, Any]) -> None:
    assert len(BLOCKS) == PAGE.count("```python")
    first, second = notebook["times"]
    assert len(first) >= 4
    assert first == second
    for before, after in zip(*notebook["frames"], strict=True):
        assert before is not after
        assert before.equals(after)


def test_what_the_page_shows_holds(notebook: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(notebook["folder"])
    assert notebook["numbers"]["policy.desks.sales.heads"] == (3, "people", "yours")
    assert len(notebook["revenue"]) > 4
    assert set(notebook["both"].summary["run"]) == {"now", "dearer"}
    assert notebook["primary"]["difference"].abs().max() > 0
    assert {path.name for path in (notebook["folder"] / "runs").iterdir()} >= {"dearer", "now", "price", "prices"}


def test_every_result_shows_itself_without_anything_that_acts(
    notebook: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(notebook["folder"])
    forecasted = forecast(ROOT / "docs" / "sales.csv", ["forecast=fast", "forecast.origins=0", "report.enabled=false",
                          "forecast.columns={unique_id: shop, ds: month, y: sales}"],
                          out=notebook["folder"] / "forecast")  # fmt: skip
    for shown, says in (
        (notebook["study"], "market.accounts=300"),
        (notebook["result"], "operating_profit"),
        (notebook["both"], "dearer"),
        (notebook["found"], "dearer against now"),
        (notebook["prices"], "sweep of 2 points"),
        (forecasted, "old_town"),
    ):
        page = Tags(shown._repr_html_())
        assert set(page.names) <= {"div", "p", "small", "table", "thead", "tbody", "tr", "th", "td"}
        assert page.names.count("table") == 1
        assert page.names.count("tr") <= ROWS + 1
        assert says in page.text
        assert not [source for source in page.sources if source != "text-align: right;"]
        assert len(repr(shown)) < 400
    for folder, kind in (("price", "Comparison"), ("prices", "Sweep"), ("now", "Result")):
        assert type(load(notebook["folder"] / "runs" / folder)).__name__ == kind
    assert load(notebook["folder"] / "forecast").forecast.equals(forecasted.forecast)


def test_a_card_escapes_whatever_it_is_given() -> None:
    import pandas as pd

    evil = "<script>alert(1)</script>&<img src=http://x/>"
    page = card(evil, pd.DataFrame({evil: [evil] * 20, "x": [1.5] * 20}), rest=evil)
    assert Tags(page).names.count("script") == Tags(page).names.count("img") == 0
    assert Tags(page).text.count("<script>alert(1)</script>") == 3 + ROWS
    assert f"{ROWS} of 20 rows" in page
    assert "table" not in Tags(card("nothing", pd.DataFrame())).names
    texts = ["0.0123", "999", "1,000", "1,234", "-1,000,000"]
    assert [figure(x) for x in (0.01234, 999.4, 999.9, 1234.5, -1e6)] == texts
    label = compose("tool", ["business.label='<b>x'"])
    assert "<b>" not in label._repr_html_()


def test_the_public_functions_are_typed_and_say_what_they_take_and_give() -> None:
    for package in ("scenarios", "sim"):
        assert (ROOT / package / "py.typed").is_file()
    for name in scenarios.__all__:
        thing = getattr(scenarios, name)
        assert inspect.getdoc(thing), name
        if inspect.isclass(thing):
            continue
        signature = inspect.signature(thing)
        assert signature.return_annotation is not inspect.Signature.empty, name
        said = thing.__doc__
        for parameter in signature.parameters.values():
            assert parameter.annotation is not inspect.Parameter.empty, (name, parameter)
            documented = re.search(rf"^    (\w+, )*{parameter.name}\b", said, re.MULTILINE)
            assert documented or " see ``" in said, (name, parameter.name)
