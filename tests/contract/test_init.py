"""``tobsim init``: the folder is the shipped type until it is edited, and what its README says can be typed there."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scenarios import compose, load, read_experiment
from scenarios.cli import DONE, WRONG, main
from scenarios.comparisons.plans import compose_plans
from scenarios.errors import InputError
from scenarios.studies.compose import options
from scenarios.studies.excerpt import excerpt
from scenarios.studies.own import FILES, NAME, PLAN, SWEEP, start_study
from scenarios.studies.provenance import gaps
from scenarios.studies.settings import CONF

BUSINESSES = options("business")
TYPES = [name if name == "tool" else pytest.param(name, marks=pytest.mark.slow) for name in BUSINESSES]
"""One in the suite; each of the others takes as long."""
QUICK = ["market.accounts=150", "horizon.days=90", "replications=2", "progress=false"]
PLAIN = ["report.enabled=false", "forecast.enabled=false"]
PAID = "cost_year: 210000  # CNY/head/year; our payroll"
CALM = [*PLAIN, "compare.drivers=false", "compare.flips=false"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new study folder on the type tool; the user stands in it."""
    (readme, *_) = start_study(tmp_path / "acme")
    monkeypatch.chdir(readme.parent)
    return readme.parent


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Any:
    """Type a command: exit code, stdout, lines of stderr."""

    def run(*words: str) -> tuple[int, str, list[str]]:
        code = main(words)
        shown = capsys.readouterr()
        return code, shown.out, shown.err.splitlines()

    return run


def edit(file: Path, old: str, new: str) -> None:
    """Change one place of a file as in an editor."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, (old, text)
    file.write_text(text.replace(old, new), encoding="utf-8")


def without_names(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what its business, market and policy are called."""
    plain = deepcopy(config)
    for group in ("business", "market", "policy"):
        plain[group].pop("name")
        plain[group].pop("label", None)
    plain["market"]["opening"] = sorted(plain["market"]["opening"])
    return plain


@pytest.mark.parametrize("business", TYPES)
def test_a_new_folder_is_its_type_under_another_name(
    business: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = start_study(tmp_path / "new", business)
    monkeypatch.chdir(tmp_path / "new")
    samples = sorted((CONF / "opening" / business).glob("*.csv"))
    assert len(samples) == 5
    assert files == [tmp_path / "new" / name for name in (*FILES, *(f"opening/{NAME}/{s.name}" for s in samples))]
    assert {path for path in (tmp_path / "new").rglob("*") if path.is_file()} == set(files)
    for file in files:
        assert file.suffix != ".yaml" or not gaps(file.read_text(encoding="utf-8"))
    mine, shipped = compose(NAME, config_dir=tmp_path / "new"), compose(business, [f"opening={business}"])
    assert without_names(mine.config) == without_names(shipped.config)
    assert mine.files == shipped.files
    assert len(mine.files) == 5
    assert (mine.business, mine.warnings) == (NAME, shipped.warnings)
    before = {row["key"]: row for row in mine.inputs}
    assert {row["origin"] for key, row in before.items() if key.endswith((".cost_year", ".spend_month"))} == {"yours"}
    (plans,) = compose_plans([NAME], ["baseline", PLAN], config_dir=tmp_path / "new")
    after = {row["key"]: row for row in plans.studies[PLAN].inputs}
    changed = {key for key, row in after.items() if row["value"] != before[key]["value"]}
    assert len(changed) == 2
    for key in changed:
        assert after[key]["low"] <= after[key]["value"] <= after[key]["high"]
    experiment = read_experiment(SWEEP, config_dir=tmp_path / "new")
    assert (experiment.business, experiment.size().points) == (NAME, 9)
    assert set(experiment.space.keys) == changed


def typed(folder: Path, call: Any, more: Sequence[str] = ()) -> list[str]:
    """Type the commands of the README of a folder, small; what they print."""
    commands = re.findall(r"```bash\n(tobsim .*?)\n```", (folder / "README.md").read_text(encoding="utf-8"))
    assert [command.split()[1] for command in commands] == ["run", "levers", "compare", "sweep", "report"]
    shown = []
    for command in commands:
        verb, *words = shlex.split(command)[1:]
        own = [*QUICK, *more] if verb in ("run", "compare", "sweep") else []
        code, out, err = call(verb, *words, *own, *(CALM if verb == "compare" else PLAIN if verb == "sweep" else []))
        assert code == DONE, err
        shown.append(out)
    assert (folder / "runs" / "first" / "report.html").is_file()
    assert sorted(path.name for path in (folder / "runs").iterdir()) == ["first", "plan", "sweep"]
    return shown


def own_customers(folder: Path) -> None:
    """Put a file of one's own in the place of the sample: other columns, dates and encoding; no balances of theirs."""
    (folder / "opening" / NAME / "客户.csv").write_bytes(
        "客户编号,年费,席位,到期\n甲公司,72000,240,2025年03月01日\n乙公司,36000,120,2025年09月15日\n".encode("gb18030")
    )
    config = folder / "opening" / f"{NAME}.yaml"
    text = config.read_text(encoding="utf-8")
    ours = f"""    customers:
      path: opening/{NAME}/客户.csv
      encoding: gb18030
      date_format: "%Y年%m月%d日"
      columns: {{external_id: 客户编号, arr: 年费, seats: 席位, renewal_date: 到期}}
"""
    text = re.sub(r"    customers:\n(?:      .*\n)+", ours, text)
    config.write_text(re.sub(r"    balances:\n(?:      .*\n)+", "", text), encoding="utf-8")


def test_a_new_user_edits_it_and_types_the_commands_of_its_readme(folder: Path, call: Any) -> None:
    edit(folder / f"policy/{NAME}.yaml", "price: {small: 300, medium: 280, large: 240}", "price: 390")
    edit(folder / f"policy/{NAME}.yaml", "cost_year: 200000  # CNY/head/year; assumption", PAID)
    with (folder / "opening" / NAME / "staff.csv").open("a", encoding="utf-8") as staff:
        staff.write("sales,2024-02-01\n" * 3)
    edit(folder / f"business/{NAME}.yaml", '"My tool"', "极光协作")
    own_customers(folder)
    (folder / f"scenario/{PLAN}.yaml").rename(folder / "scenario" / "spring_push.yaml")
    edit(folder / "README.md", f",{PLAN}]", ",spring_push]")
    edit(folder / f"experiment/{SWEEP}.yaml", "heads: [2, 3, 4]", "heads: [5, 6]")
    shown = typed(folder, call, ["forecast.enabled=false"])
    assert "极光协作" in shown[0]
    assert "spring push" in shown[2]
    first = load("runs/*")
    assert set(first.summary["run"]) == {"first"}
    inputs = first.inputs.set_index("key")
    assert inputs.loc["policy.products.seats.price", ["value", "origin"]].tolist() == [390, "yours"]
    paid = inputs.loc["policy.desks.sales.cost_year"]
    assert (paid["value"], paid["source"]) == (210000, f"{NAME}.yaml: our payroll")
    assert inputs.loc["policy.desks.sales.heads", "value"] == 5
    stated = pd.read_csv(folder / "runs/first/opening_stated.csv", encoding="utf-8-sig").set_index("quantity")["value"]
    assert (stated["arr"], stated["active_customers"]) == (72000 + 36000, 2)
    assert len(load("runs/sweep").points) == 6


@pytest.mark.slow
@pytest.mark.parametrize("business", BUSINESSES)
def test_the_commands_of_the_readme_work_for_every_type(
    business: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Any
) -> None:
    start_study(tmp_path, business)
    monkeypatch.chdir(tmp_path)
    assert all(typed(tmp_path, call))


@pytest.mark.parametrize(
    ("file", "old", "new", "line"),
    [
        ("policy", "fixed_month:", "fixed_mont:", "policy.finance.fixed_mont: is an unknown key"),
        ("policy", "    label: 席位", "\tlabel: 席位", "policy/mine.yaml:22: is indented with a tab"),
        ("market", "share: 0.75", "share: 0.7", "market.segments: "),
        ("opening", "arr: arr", "arr: acv", "market.opening.customers"),
        ("opening", "customers.csv", "custmers.csv", "market.opening.customers.path: "),
        ("business", "override /market: mine", "override /market: mein", "market: is unknown"),
    ],
)
def test_a_slip_is_one_line_and_nothing_is_run(
    folder: Path, call: Any, file: str, old: str, new: str, line: str
) -> None:
    edit(folder / file / f"{NAME}.yaml", old, new)
    code, out, err = call("run", f"business={NAME}", "--config-dir", ".", *QUICK)
    assert (code, out, len(err)) == (WRONG, "", 1), err
    assert err[0].startswith(f"error: {line}")
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("run", f"business={NAME}"),
        ("compare", "business=tool", f"scenarios=[baseline,{PLAN}]"),
        ("sweep", f"experiment={SWEEP}"),
    ],
)
def test_who_leaves_the_folder_out_is_told(folder: Path, call: Any, words: tuple[str, ...]) -> None:
    code, _, err = call(*words)
    assert (code, len(err)) == (WRONG, 1)
    assert err[0].endswith("; this folder has it: --config-dir .")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "arguments: must name one folder, got nothing; tobsim init DIR [business=tool]"),
        (["a", "b"], "arguments: must name one folder, got a b; tobsim init DIR [business=tool]"),
        (["a", "business=tol"], 'business: is unknown, got "tol"; did you mean tool?'),
        (["a", "busines=tool"], 'arguments: is no setting of init, got "busines"; did you mean business?'),
        (["full"], 'DIR: exists and is not empty, got "full"; a new or an empty folder'),
        (["full/file"], 'DIR: exists and is not empty, got "full/file"; a new or an empty folder'),
        (["link"], 'DIR: exists and is not empty, got "link"; a new or an empty folder'),
        (["it's"], 'DIR: has characters that cannot be used, got "it\'s"; a plainer path'),
        (["x", "business=../tool"], 'business: is unknown, got "../tool"; did you mean tool?'),
    ],
)
def test_what_init_refuses(
    words: list[str], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    assert call("init", *words) == (WRONG, "", [f"error: {line}"])
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")} == {"full", "full/file", "link"}


@pytest.mark.parametrize("there", [False, True])
def test_a_disk_that_fills_leaves_nothing_behind(there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "new"
    if there:
        place.mkdir()
    write, written = Path.write_bytes, []

    def full(path: Path, *rest: Any, **more: Any) -> int:
        written.append(path)
        if len(written) > 3:
            raise OSError(28, "No space left on device")
        return write(path, *rest, **more)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="No space left on device"):
        start_study(place)
    assert len(written) == 4
    assert place.exists() == there
    assert list(tmp_path.rglob("*")) == [place] * there


def test_an_empty_folder_is_filled_and_stays_the_same_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    start_study(".", "cloud")
    assert sorted(os.listdir()) == sorted({name.split("/")[0] for name in FILES})


def test_what_is_moved_is_taken_back_when_the_rest_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename, moved = Path.rename, []

    def stuck(path: Path, target: Path) -> Path:
        if len(moved) == 2:
            raise OSError(5, "Input/output error")
        moved.append(rename(path, target))
        return moved[-1]

    monkeypatch.setattr(Path, "rename", stuck)
    with pytest.raises(InputError, match="Input/output error"):
        start_study(tmp_path)
    assert len(moved) == 2
    assert not list(tmp_path.iterdir())


def test_an_excerpt_has_the_lines_of_what_is_wanted_and_what_is_above() -> None:
    text = "# no\na:  # above\n  b: 1  # one\n  c: {d: 2,\n      e: 3}\n  f:\n    g: 4\nh: 5\n"
    assert excerpt(text, ["a.b", "h"]) == "a:  # above\n  b: 1  # one\nh: 5\n"
    assert excerpt(text, ["a.c"]) == "a:  # above\n  c: {d: 2,\n      e: 3}\n"
    assert excerpt(text, ["a.*.g"]) == "a:  # above\n  f:\n    g: 4\n"
    assert excerpt(text, ["a.f"]) == excerpt(text, ["a.*.g"])
    assert excerpt(text, ["a.x", "z"]) == excerpt("", ["a"]) == ""


def test_no_name_of_a_new_folder_is_a_shipped_one() -> None:
    for name in FILES:
        assert not (CONF / name).exists() or name == "README.md"
