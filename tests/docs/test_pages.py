"""README and docs pages are run as a reader would run them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from scenarios.cli import DONE, WRONG, main

ROOT = Path(__file__).parents[2]
SMALL = ["market.accounts=200", "replications=2", "horizon.days=400", "progress=false"]


def tobsim(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one command of a page in a folder of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "scenarios", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def blocks(page: str, kind: str) -> list[tuple[str, str]]:
    """(name, text) of the fenced blocks that follow a marker such as ``<!-- file: NAME -->``."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"<!-- {kind}: (\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL)


def table_commands() -> list[str]:
    """Commands of the README's table that run without a folder made before."""
    rows = re.findall(r"^\| `(tobsim (?:run|compare|levers)[^`]*)`", (ROOT / "README.md").read_text(), re.MULTILINE)
    return [row for row in rows if "my_conf" not in row]


def test_the_two_commands_are_on_the_first_screen() -> None:
    screen = (ROOT / "README.md").read_text().splitlines()[:30]
    assert sum(line.startswith("python3 -m venv .venv && ") for line in screen) == 2
    demo, test = (text for _, text in blocks("README.md", "command"))
    assert demo.strip().endswith("tobsim run business=tool")
    assert test.strip().endswith("-m pytest")


@pytest.mark.parametrize("command", table_commands())
def test_commands_of_the_readme(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)[1:]
    code = main([*words, *SMALL] if words[0] != "levers" else words)
    assert code == DONE, capsys.readouterr().err


@pytest.mark.slow
def test_the_what_if_of_the_readme_is_what_the_command_prints(tmp_path: Path) -> None:
    """Figures are the same on any machine."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    ((command, shown),) = re.findall(
        r"```bash\n\.venv/bin/(tobsim compare [^\n]*)\n```.*?```\n(.*?)```", text, re.DOTALL
    )
    done = tobsim([*shlex.split(command)[1:], "execution.workers=2", "report.enabled=false"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\nWhere\n")[0].splitlines() == shown.splitlines()


def test_python_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "README.md").read_text()
    (snippet,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    small = snippet.replace('"replications=2"', '"replications=2", "horizon.days=400", "progress=false"')
    assert small != snippet
    names: dict[str, object] = {}
    exec(compile(small, "README.md", "exec"), names)
    table = names["found"].table  # type: ignore[attr-defined]
    assert (table["difference"] != 0).any()


def test_adding_a_business_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in blocks("docs/add_a_business.md", "file"):
        path = tmp_path / "my_conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    ((_, fails), (_, runs)) = sorted(blocks("docs/add_a_business.md", "command"))
    done = tobsim([*shlex.split(runs)[1:], "progress=false"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "academy" / "report.html").is_file()
    assert "企业培训" in done.stdout
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(fails)[1:]) == WRONG
    assert capsys.readouterr().err.startswith("error: business.route.sales.them")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["my_conf", "runs"]


def test_links_of_the_pages_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
