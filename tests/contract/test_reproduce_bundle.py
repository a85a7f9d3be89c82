"""Bundles: one archive of a result that makes all of its tables again, and what is refused as one."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scenarios import InputError, Study, compare, compose, forecast, run
from scenarios.bundles import bundle
from scenarios.forecasts import reproduce as again
from scenarios.forecasts.folder import ForecastResult
from scenarios.reproduction import reproduce, validate
from scenarios.runs.exports import unpack
from scenarios.runs.manifest import read_entries
from scenarios.sweeps.folder import Sweep
from scenarios.sweeps.points import Asked, make_design
from scenarios.sweeps.sampling import Point
from scenarios.sweeps.stored import DESIGN, write_design
from scenarios.sweeps.sweep import run_design

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
OFF = ["report.enabled=false", "forecast.enabled=false", "progress=false", "replications=2"]
SMALL = ["effects=none", "horizon.days=60", *OFF]
HEADS = "policy.desks.sales.heads"
COLUMNS = {"external_id": "id", "date": "day", "channel": "channel"}


def leads(folder: Path) -> Path:
    path = folder / "leads.csv"
    rows = "".join(f"{i},2025-01-{1 + i % 28:02},search\n" for i in range(40))
    path.write_text(f"id,day,channel\n{rows}", "utf-8")
    return path


def traced(path: Path, *words: str) -> Study:
    """The small study with first contacts from a file."""
    spec = {"kind": "trace", "path": str(path), "columns": COLUMNS}
    return compose("mini", [*SMALL, *words], config_dir=MINI).with_({"market.first_contacts": spec})


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a run whose folder and whose file of first contacts are gone."""
    place = tmp_path_factory.mktemp("bundle")
    path = run(traced(leads(place)), place / "mini").path
    found = bundle(path, place / "mini.zip")
    shutil.rmtree(path)
    (place / "leads.csv").unlink()
    return found


def listed(archive: Path) -> dict[str, Any]:
    with zipfile.ZipFile(archive) as opened:
        return dict(json.loads(opened.read("bundle.json")))


def repacked(
    archive: Path, target: Path, change: Callable[[dict[str, bytes]], None], entry: zipfile.ZipInfo | None = None
) -> Path:
    """An archive with other contents."""
    with zipfile.ZipFile(archive) as opened:
        contents = {name: opened.read(name) for name in opened.namelist()}
    change(contents)
    with zipfile.ZipFile(target, "w") as written:
        for name, content in contents.items():
            written.writestr(name, content)
        if entry is not None:
            written.writestr(entry, b"x")
    return target


def test_an_archive_holds_all_that_is_needed(archive: Path) -> None:
    told = listed(archive)
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        pins, guide = (opened.read(name).decode() for name in ("requirements.txt", "README.md"))
        manifest = json.loads(opened.read("result/manifest.json"))
    assert names == sorted([*told["files"], "bundle.json"])
    assert {name.split("/")[0] for name in names} == {
        "README.md", "bundle.json", "requirements.txt", "result", "inputs", "program",
    }  # fmt: skip
    assert {f"result/{name}" for name in manifest["files"]} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.endswith((".lock", ".tmp"))]
    assert {"program/scenarios/__main__.py", "program/conf/config.yaml", "program/sim/simulate.py"} <= set(names)
    assert [(place[:9], place[-10:]) for place in told["inputs"].values()] == [("inputs/0/", "/leads.csv")]
    pinned = {name: version for name, version in manifest["versions"].items() if name not in ("python", "tobsim")}
    assert pins.splitlines()[0] == f"# Python {manifest['versions']['python']}"
    assert dict(line.split("==") for line in pins.splitlines()[1:]) == pinned
    assert "PYTHONPATH=program env/bin/python -m scenarios reproduce .\n" in guide


def test_equal_results_make_equal_bytes(archive: Path, tmp_path: Path) -> None:
    path = run(compose("mini", [*SMALL, "market.accounts=20"], config_dir=MINI), tmp_path / "mini").path
    first = bundle(path).read_bytes()
    for file in path.rglob("*"):
        os.utime(file, (1, 1))
    assert bundle(path) == path / "export" / "bundle.zip"
    assert (path / "export" / "bundle.zip").read_bytes() == first


def test_an_archive_is_reproduced_and_valid(archive: Path) -> None:
    found = reproduce(archive, quiet=True)
    assert found.identical, found.text
    assert found.text.startswith("identical: 2 replications, ")
    checks = validate(archive)
    assert len(checks) > 10
    assert all(check.holds for check in checks), [check for check in checks if not check.holds]


def test_the_program_inside_makes_every_table_again(archive: Path, tmp_path: Path) -> None:
    """Unpacked somewhere else, with nothing of this tree on the path."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    code = (
        "from pathlib import Path; import scenarios.reproduction as r; print(r.__file__); "
        "print(r.reproduce(Path('.'), quiet=True).text)"
    )
    environment = {**os.environ, "PYTHONPATH": "program"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    where, text = done.stdout.splitlines()
    assert Path(where).is_relative_to(tmp_path / "program")
    assert text.startswith("identical: 2 replications, ")


def test_a_changed_table_in_an_archive_is_found(archive: Path, tmp_path: Path) -> None:
    """Whether its digest was changed with it, or not."""

    def hidden(contents: dict[str, bytes]) -> None:
        contents["result/summary.csv"] = contents["result/summary.csv"].replace(b"horizon", b"horizons", 1)

    with pytest.raises(InputError, match=r"is damaged or not ours, got another result/summary\.csv"):
        reproduce(repacked(archive, tmp_path / "hidden.zip", hidden), quiet=True)

    def told(contents: dict[str, bytes]) -> None:
        hidden(contents)
        content = json.loads(contents["bundle.json"])
        content["files"]["result/summary.csv"] = bundle_entry(contents["result/summary.csv"])
        contents["bundle.json"] = json.dumps(content).encode()

    text = reproduce(repacked(archive, tmp_path / "told.zip", told), quiet=True).text
    assert text.startswith("summary.csv: line 2: "), text


def bundle_entry(content: bytes) -> dict[str, Any]:
    import hashlib

    return {"size": len(content), "digest": hashlib.blake2b(content, digest_size=16).hexdigest()}


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("../outside", 0), ("/absolute", 0), ("result/../../x", 0), ("a\\b", 0), ("C:x", 0),
        ("result/link", stat.S_IFLNK),
    ],
)  # fmt: skip
def test_names_that_lead_outside_are_refused(archive: Path, tmp_path: Path, name: str, mode: int) -> None:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (mode | 0o644) << 16
    path = repacked(archive, tmp_path / "bad.zip", lambda _: None, entry)
    with pytest.raises(InputError, match="is damaged or not ours, got an entry"):
        reproduce(path, quiet=True)
    assert not (tmp_path / "outside").exists()


def test_the_list_may_not_lead_outside_either(archive: Path, tmp_path: Path) -> None:
    def change(contents: dict[str, bytes]) -> None:
        content = json.loads(contents["bundle.json"])
        content["inputs"] = {"x": "../../etc"}
        contents["bundle.json"] = json.dumps(content).encode()

    with pytest.raises(InputError, match=r"got another bundle\.json"):
        reproduce(repacked(archive, tmp_path / "bad.zip", change), quiet=True)


def test_bombs_are_refused(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for number in range(3):
            written.writestr(f"result/{number}", bytes(2**25))
    with pytest.raises(InputError, match=r"bytes that become 100663296"):
        reproduce(path, quiet=True)
    monkeypatch.setattr(unpack, "ENTRIES", 10)
    with pytest.raises(InputError, match="entries"):
        reproduce(archive, quiet=True)


@pytest.mark.parametrize("name", ["result/metrics.parquet", "result/manifest.json", "bundle.json"])
def test_missing_entries_are_named(archive: Path, tmp_path: Path, name: str) -> None:
    path = repacked(archive, tmp_path / "bad.zip", lambda contents: contents.__delitem__(name))
    with pytest.raises(InputError) as caught:
        reproduce(path, quiet=True)
    (problem,) = caught.value.problems
    assert name in problem


def test_what_is_no_archive_is_refused(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.zip"
    for content in (b"", b"PK", b"plain text", archive.read_bytes()[:5000]):
        path.write_bytes(content)
        with pytest.raises(InputError, match="is no bundle, got a file of another kind"):
            reproduce(path, quiet=True)
    with pytest.raises(InputError, match="cannot be read, got No such file"):
        reproduce(tmp_path / "absent.zip", quiet=True)


def test_a_configuration_that_swells_is_refused(archive: Path, tmp_path: Path) -> None:
    def change(contents: dict[str, bytes]) -> None:
        lines = [
            "a: &a [1, 1]",
            *(f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]" for i in range(20)),
        ]
        contents["result/study.yaml"] = "\n".join(lines).encode()
        content = json.loads(contents["bundle.json"])
        content["files"]["result/study.yaml"] = bundle_entry(contents["result/study.yaml"])
        contents["bundle.json"] = json.dumps(content).encode()

    with pytest.raises(InputError, match=r"study\.yaml"):
        reproduce(repacked(archive, tmp_path / "bad.zip", change), quiet=True)


def test_archives_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    source = leads(tmp_path)
    path = run(traced(source), tmp_path / "mini").path
    (tmp_path / "there.zip").write_text("mine", "utf-8")
    for out, text in (
        (tmp_path / "there.zip", "out: exists"),
        (tmp_path / "absent" / "x.zip", "out: lies in no folder"),
        (path / "x.zip", "out: lies in the folder itself"),
        ("", "out: is empty"),
    ):
        with pytest.raises(InputError, match=text):
            bundle(path, out)
    assert (tmp_path / "there.zip").read_text("utf-8") == "mine"
    source.write_text(source.read_text("utf-8") + "99,2025-01-30,search\n", "utf-8")
    with pytest.raises(InputError, match="is not the study that was run"):
        bundle(path)
    manifest = json.loads((path / "manifest.json").read_text("utf-8"))
    (path / "manifest.json").write_text(json.dumps({**manifest, "status": "running"}), "utf-8")
    source.write_text("".join(source.read_text("utf-8").splitlines(True)[:-1]), "utf-8")
    with pytest.raises(InputError, match='has nothing to bundle, got status "running"; finish it'):
        bundle(path)
    with pytest.raises(InputError, match="cannot be read, got"):
        bundle(tmp_path)


def test_points_are_for_sweeps(archive: Path) -> None:
    with pytest.raises(InputError, match='points: is for a sweep, got "3" of a run; no points'):
        reproduce(archive, points="3", quiet=True)


@pytest.mark.slow
def test_a_comparison_goes_into_an_archive(tmp_path: Path) -> None:
    source = leads(tmp_path)
    words = ["compare.drivers=false", "compare.flips=false"]
    plans = {"base": traced(source, *words), "hired": traced(source, *words, f"{HEADS}=3")}
    path = bundle(compare(scenarios=plans, out=tmp_path / "out").path, tmp_path / "out.zip")
    shutil.rmtree(tmp_path / "out")
    source.unlink()
    assert reproduce(path, quiet=True).text == "identical: 2 runs, 2 pairs of mini, 3 tables"
    assert all(check.holds for check in validate(path))


def test_a_sweep_goes_into_an_archive(tmp_path: Path) -> None:
    source = leads(tmp_path)
    base = traced(source)
    points = [Point(i, "baseline", {HEADS: 1 + i}) for i in range(3)]
    design = make_design("small", base, {"baseline": base}, points, Asked(2, metrics=("cash", "revenue")))
    folder = run_design(design, tmp_path / "out").path
    record = Sweep(folder).record
    files = record["files"] | {DESIGN: write_design(folder, design)}
    (folder / "manifest.json").write_text(json.dumps(record | {"files": files}), "utf-8")
    path, written = bundle(folder, tmp_path / "out.zip"), source.read_text("utf-8")
    source.write_text(written + "99,2025-01-30,search\n", "utf-8")
    with pytest.raises(InputError, match="is not the sweep of these input files, got other ones for point 0"):
        bundle(folder)
    shutil.rmtree(folder)
    source.unlink()
    assert reproduce(path, points="2", quiet=True).text == "identical: 2 of 3 points, 4 runs, 8 figures"
    checks = {check.name: check.holds for check in validate(path)}
    assert (all(checks.values()), DESIGN in checks) == (True, True)


QUIET = ["forecast.model=theta", "forecast.models=[theta,ses]", "forecast.paths=100", "forecast.origins=1",
         "report.enabled=false", "progress=false"]  # fmt: skip


@pytest.fixture(scope="module")
def forecasted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a forecast; its source lies beside it."""
    place = tmp_path_factory.mktemp("forecast")
    dates = pd.date_range("2022-01-31", periods=30, freq="ME")
    frames = [pd.DataFrame({"unique_id": name, "ds": dates, "y": range(i, 30 + i)}) for i, name in enumerate("ab")]
    pd.concat(frames).to_csv(place / "series.csv", index=False)
    return forecast(place / "series.csv", QUIET, out=place / "out").path


def test_a_forecast_of_a_file_goes_into_an_archive(forecasted: Path, tmp_path: Path) -> None:
    """Whose source may then be another one."""
    path, source = bundle(forecasted, tmp_path / "out.zip"), forecasted.parent / "series.csv"
    written = source.read_text("utf-8")
    source.unlink()
    with pytest.raises(InputError, match="source: is no longer there"):
        bundle(forecasted)
    count = len(read_entries(forecasted)["files"])
    assert reproduce(path, quiet=True).text == f"identical: 2 series, {count} tables"
    assert all(check.holds for check in validate(path))
    source.write_text(written.replace(",20.0", ",21.0").replace(",20\n", ",21\n"), "utf-8")
    with pytest.raises(InputError, match="is not the forecast of this source, got digest"):
        reproduce(forecasted, quiet=True)
    with pytest.raises(InputError, match=r"is not the forecast of this source, got \".*which is another one now; the"):
        bundle(forecasted, tmp_path / "later.zip")
    assert not (tmp_path / "later.zip").exists()
    source.write_text(written, "utf-8")


def test_a_changed_forecast_is_found(forecasted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(forecasted, tmp_path / "out"))
    monkeypatch.setattr(again, "_again", lambda *_: ForecastResult(forecasted))
    frame = pd.read_parquet(folder / "forecast.parquet")
    for factor, text in ((1 + 1e-9, "identical: "), (1.001, "forecast.parquet: row 0, column mean: ")):
        frame.assign(mean=frame["mean"] * factor).to_parquet(folder / "forecast.parquet", index=False)
        assert reproduce(folder, quiet=True).text.startswith(text)
    assert [check.name for check in validate(folder) if not check.holds] == ["forecast.parquet"]


def test_a_forecast_of_a_run_that_was_made_again_otherwise_is_not_bundled(tmp_path: Path) -> None:
    words = ["effects=none", "market.accounts=20", "horizon.days=300", *OFF]
    source = tmp_path / "mini"
    run(compose("mini", words, config_dir=MINI), source)
    folder = forecast(source, [*QUIET, "forecast.origins=0"], out=tmp_path / "out").path
    bundle(folder, tmp_path / "first.zip")
    shutil.rmtree(source)
    run(compose("mini", [*words, "seed=2"], config_dir=MINI), source)
    with pytest.raises(InputError, match="is not the forecast of this source"):
        bundle(folder, tmp_path / "second.zip")


@pytest.mark.slow
def test_a_forecast_of_runs_goes_into_an_archive(tmp_path: Path) -> None:
    """With the runs, whose names begin the names of their series."""
    words = ["effects=none", "market.accounts=40", "horizon.days=400", *OFF]
    names = ["tool/baseline", "crm/baseline"]
    for seed, name in enumerate(names):
        run(compose("mini", [*words, f"seed={seed}"], config_dir=MINI), tmp_path / name)
    few = [*QUIET, "forecast.origins=0"]
    folder = forecast([tmp_path / name for name in names], few, out=tmp_path / "out").path
    path = bundle(folder, tmp_path / "out.zip")
    for name in ("tool", "crm", "out"):
        shutil.rmtree(tmp_path / name)
    found = reproduce(path, quiet=True)
    assert found.identical, found.text
