"""The page on optimisation is run as a reader would run it, in a small market, and drawn."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from scenarios import cli, verbs
from scenarios.cli import DONE, main
from scenarios.optimise.command import optimise

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "optimise.md"
QUICK = ["market.accounts=60", "horizon.days=200", "progress=false", "experiment.budget.trials=3"]
"""What is added to the command of the page."""


def blocks(kind: str) -> list[tuple[str, str]]:
    """(name, text) of the blocks of the page that are run."""
    return re.findall(rf"<!-- {kind}: (\S+) -->\n```\w+\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(cli.VERBS, "optimise", ("optimise experiment=NAME", "the best plan"))
    monkeypatch.setattr(verbs, "optimise", optimise, raising=False)
    for name, text in blocks("file"):
        (tmp_path / "my_conf" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "my_conf" / name).write_text(text, encoding="utf-8")
    ((_, command),) = blocks("command")
    assert main([*shlex.split(command)[1:], *QUICK]) == DONE
    page = (tmp_path / "runs" / "sellers" / "report.html").read_text("utf-8")
    assert re.findall(r'<section id="(\w+)">', page) == ["result", "promised", "tried", "setup"]
    assert page.count('data-figure="') == 1 + 1 + 2
    assert "://" not in re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL), "nothing is asked of a network"
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    capsys.readouterr()
    exec(compile(snippet, "optimise.md", "exec"), {})
    assert "confirmed_low" in capsys.readouterr().out
    assert main([*shlex.split(command)[1:], *QUICK]) == DONE, "the page is a part of a complete folder"


def test_the_settings_of_the_page_are_those_there_are() -> None:
    from scenarios.optimise.settings import DEFAULTS

    named = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE))
    assert named <= set(DEFAULTS)
    assert set(DEFAULTS) - named == {"kind", "label", "business", "seed", "keys", "shares", "scenarios"}
