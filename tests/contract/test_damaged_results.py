"""``reproduce``, ``validate`` and ``export`` on folders that are damaged, and on optimisations: never a traceback."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scenarios import compose, run
from scenarios.cli import DONE, FAILED, WRONG, main
from scenarios.runs.exports.bundle import write_bundle

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
OFF = ["report.enabled=false", "forecast.enabled=false", "progress=false", "replications=2"]
SMALL = ["effects=none", "market.accounts=20", "horizon.days=40", *OFF]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(compose("mini", SMALL, MINI), tmp_path_factory.mktemp("damaged") / "run").path


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


def changed(folder: Path, **entries: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | entries), "utf-8")


@pytest.mark.parametrize(("name", "content"), [("summary.csv", None), ("accounts.parquet", b"PAR1x")])
def test_a_damaged_file_is_a_difference(
    folder: Path, name: str, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    assert main(["reproduce", str(folder), "progress=false"]) == FAILED
    assert capsys.readouterr().out.startswith(f"{name}: ")


def test_a_forecast_that_is_gone_is_a_difference(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = json.loads((folder / "manifest.json").read_text("utf-8"))["files"]
    changed(folder, files=files | {"forecast.parquet": {"rows": 1, "digest": "0", "checksum": "0"}})
    assert main(["reproduce", str(folder), "progress=false"]) == FAILED
    assert capsys.readouterr().out == "forecast.parquet: absent there\n"


@pytest.mark.parametrize(
    "entries",
    [
        {"parts": []}, {"parts": {}}, {"files": None}, {"files": {"../../etc/passwd": {}}}, {"files": {"/etc/x": {}}},
        {"files": {"summary.csv": 1}}, {"tables": "x"}, {"verb": "sweep"}, {"verb": "compare"}, {"verb": "forecast"},
        {"verb": "improve"}, {"verb": None}, {"verb": ["run"]},
    ],
)  # fmt: skip
def test_a_manifest_of_another_shape_is_refused(
    folder: Path, entries: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    changed(folder, **entries)
    assert main(["reproduce", str(folder), "progress=false"]) == WRONG
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert main(["validate", str(folder)]) == (FAILED if entries == {"parts": {}} else WRONG)


def test_tables_that_no_file_holds_are_found(folder: Path) -> None:
    changed(folder, files={})
    assert main(["validate", str(folder)]) == FAILED
    assert main(["reproduce", str(folder), "progress=false"]) == FAILED


def test_optimisations_say_what_they_are_not(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(folder, verb="optimise")
    for words, text in (
        (["reproduce", str(folder)], "is an optimisation, which is not made again"),
        (["export", str(folder), "format=bundle"], "is not bundled, got an optimisation"),
    ):
        assert main(words) == WRONG
        (line,) = capsys.readouterr().err.splitlines()
        assert text in line
    assert main(["validate", str(folder)]) == DONE
    with (folder / "summary.csv").open("a") as stream:
        stream.write("\n")
    assert main(["validate", str(folder)]) == FAILED


def test_places_that_cannot_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, text in (
        (["format=bundle", f"out={folder.parent / ('n' * 300)}"], "out: cannot be written"),
        (["format=bundle", "out=~nobody-of-that-name/x.zip"], "out: names the home of nobody"),
    ):
        assert main(["export", str(folder), *words]) == WRONG
        assert text in capsys.readouterr().err
    (folder / "export").write_text("mine", "utf-8")
    for form in ("csv", "xes", "bundle"):
        assert main(["export", str(folder), f"format={form}"]) == WRONG
        assert "out: cannot be written" in capsys.readouterr().err
    assert main(["reproduce", "n" * 300]) == WRONG
    assert main(["reproduce", str(folder), f"execution.workers={'9' * 5000}"]) == WRONG


def test_a_plan_called_like_a_folder_of_work_goes_into_an_archive(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "out"
    shutil.copytree(made, path / "mini" / "export")
    shutil.copy(made / "manifest.json", path)
    for work in (path / "export", path / "mini" / "export" / "export"):
        work.mkdir()
        (work / "old.csv").touch()
    with zipfile.ZipFile(write_bundle(path, {}, tmp_path / "out.zip")) as archive:
        names = archive.namelist()
    assert "result/mini/export/manifest.json" in names
    assert not [name for name in names if name.endswith("old.csv")]
