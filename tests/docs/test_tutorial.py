"""The notebook is executed as a reader would; in the suite its cells run as a script, smaller."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "tutorial.ipynb"
NOTEBOOK: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
SMALLER = {
    "market.accounts=600": "market.accounts=120",
    "horizon.days=730": "horizon.days=130",
    "replications=4": "replications=2",
    "forecast.model=best": "forecast=fast",
    "forecast.models=[ets,theta]": "forecast.origins=1",
    '"forecast.enabled=false"': '"forecast.enabled=false", "compare.flips=false"',
}
"""What the suite runs in the place of what the notebook says."""

EXECUTE = """
import nbformat
from nbclient import NotebookClient
made = nbformat.read("tutorial.ipynb", 4)
NotebookClient(made, timeout=300, kernel_name="python3", resources={"metadata": {"path": "."}}).execute()
nbformat.write(made, "done.ipynb")
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the notebook and its file, where the reader stands."""
    for file in (FILE, FILE.with_name("sales.csv")):
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_cells_lead_from_a_file_to_a_figure(place: Path) -> None:
    script = "\n".join(CODE)
    for said, smaller in SMALLER.items():
        assert said in script, said
        script = script.replace(said, smaller)
    names: dict[str, Any] = {}
    exec(compile(script, "tutorial.ipynb", "exec"), names)
    assert len(names["season"]) == 12
    assert sum(names["season"].values()) == pytest.approx(12, abs=0.01)
    yours = names["inputs"].query("origin == 'yours' and key.str.startswith('market.season')")
    assert dict(zip(yours["key"].str[-3:], yours["value"], strict=True)) == names["season"]
    assert set(names["curve"]["run"]) == {"now", "push"}
    assert [line.name for line in names["figure"].data] == ["now", "push"]
    assert set(names["why"]["driver"]) >= {"policy.desks.sales.heads", "policy.channels.search.spend_month"}
    assert sorted(path.name for path in (place / "runs").iterdir()) == [
        "tutorial-forecast", "tutorial-now", "tutorial-push",
    ]  # fmt: skip


def test_the_notebook_is_stored_without_outputs_and_places() -> None:
    assert (NOTEBOOK["nbformat"], NOTEBOOK["metadata"]["kernelspec"]["name"]) == (4, "python3")
    assert set(NOTEBOOK["metadata"]) == {"kernelspec", "language_info"}
    for cell in NOTEBOOK["cells"]:
        assert not cell["metadata"]
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    text = FILE.read_text("utf-8")
    assert not re.search(r"/home/|/root|/tmp|/Users|[A-Z]:\\\\", text)
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (FILE.parent / link).exists(), link


@pytest.mark.slow
def test_the_notebook_runs_in_jupyter(place: Path) -> None:
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", EXECUTE]
    done = subprocess.run(words, env=environment, cwd=place, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    cells = [
        cell for cell in json.loads((place / "done.ipynb").read_text("utf-8"))["cells"] if cell["cell_type"] == "code"
    ]
    shown = [kind for cell in cells for output in cell["outputs"] for kind in output.get("data", {})]
    assert not [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
    assert shown.count("text/html") >= 7
    figure = "".join(cells[-1]["outputs"][-1]["data"]["text/html"])
    assert "Plotly.newPlot" in figure
    assert not re.search(r"<script[^>]+src=|<link[^>]+href=", figure)
