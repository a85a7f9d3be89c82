"""A study that begins where another run stood, and what a run with an opening leaves in its folder."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from scenarios import InputError, compose, run
from scenarios.bundles import bundle
from scenarios.runs.exports.opening import write_opening
from scenarios.runs.reproduce import reproduce
from scenarios.studies.study import Study
from sim.spec.opening import Opening, Past

OFF = ["effects=none", "report.enabled=false", "forecast.enabled=false", "progress=false", "replications=2"]
SMALL = [*OFF, "market.accounts=150"]
BLANK = {"blank_channel": "search"}


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over a hundred days."""
    study = compose("tool", [*SMALL, "horizon.days=100"])
    return run(study, tmp_path_factory.mktemp("earlier") / "run").path


def on(folder: Path, *overrides: str) -> Study:
    """A study that begins from a run on the first of March 2025."""
    words = [*SMALL, "horizon.start=2025-03-01", "horizon.days=40", f"market.opening.run={folder}"]
    return compose("tool", [*words, *overrides])


def test_it_begins_where_the_run_stood(earlier: Path) -> None:
    """Replication by replication, or all where one did."""
    found = on(earlier).timeline.opening
    assert isinstance(found, Past)
    assert (found.day, found.replication, found.seed) == (59, None, 1)
    assert found.timeline.spec.horizon.start == "2025-01-01"
    one = on(earlier, "market.opening.replication=1", "market.opening.date=2025-03-01").timeline.opening
    assert isinstance(one, Past)
    assert one.replication == 1


def test_the_digest_is_of_the_run_and_not_of_its_folder(earlier: Path, tmp_path: Path) -> None:
    """A copy elsewhere is the same past; another run is another."""
    moved = Path(shutil.copytree(earlier, tmp_path / "moved"))
    assert on(earlier).digest == on(moved).digest
    other = run(compose("tool", [*SMALL, "horizon.days=100", "seed=2"]), tmp_path / "other").path
    assert on(earlier).digest != on(other).digest


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("horizon.start=2025-01-01", "horizon.start: lies outside the run from 2025-01-01 over 100 days"),
        ("horizon.start=2025-06-01", "horizon.start: lies outside the run"),
        ("horizon.start=2025-03-02", "horizon.start: lies within a month"),
        ("market.opening.date=2025-02-01", "date: is not horizon.start 2025-03-01"),
        ("market.opening.replication=2", "replication: is not in the run, got 2; 0 to 1"),
        ("market.accounts=151", "market.accounts: is not that of the run it begins from, got 151; 150"),
        ("market.opening.customers.path=a.csv", "run: stands beside files, got customers as well"),
    ],
)
def test_a_run_that_does_not_fit_is_one_line(earlier: Path, override: str, words: str) -> None:
    """With what would be right."""
    with pytest.raises(InputError) as caught:
        on(earlier, override)
    assert len(caught.value.problems) == 1
    assert words in caught.value.problems[0]


def test_a_run_folder_that_is_not_what_it_was(earlier: Path, tmp_path: Path) -> None:
    """Damaged, or with another study in it."""
    damaged = Path(shutil.copytree(earlier, tmp_path / "damaged"))
    (damaged / "manifest.json").write_text("{")
    changed = Path(shutil.copytree(earlier, tmp_path / "changed"))
    text = (changed / "study.yaml").read_text("utf-8")
    (changed / "study.yaml").write_text(text.replace("seed: 1", "seed: 9"), "utf-8")
    for folder, words in ((damaged, "run: cannot be read"), (changed, "run: is not the run it was")):
        with pytest.raises(InputError) as caught:
            on(folder)
        assert words in caught.value.problems[0]


def test_it_runs_is_reproduced_and_bundled(earlier: Path, tmp_path: Path) -> None:
    """With the earlier run, which is one of its input files."""
    made = run(on(earlier), tmp_path / "run").path
    assert reproduce(made, quiet=True).identical
    assert bundle(made).is_file()


def test_rows_put_aside_are_listed_and_harmless(tmp_path: Path) -> None:
    """A cell that a spreadsheet would calculate gets a quote in front; what the files state is kept beside."""
    path = tmp_path / "customers.csv"
    path.write_text('external_id,arr,start\n007,1200,2024-02-01\n8,"=2+3",2024-02-01\n', "utf-8")
    words = [*OFF, f"market.opening.customers.path={path}", "market.opening.max_rejected=0.5", "horizon.days=31"]
    made = run(compose("tool", [*words, "market.accounts=50", "replications=1"]), tmp_path / "run").path
    with (made / "rejects.csv").open(encoding="utf-8-sig", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row == {"file": "customers", "line": "3", "column": "arr", "value": "'=2+3", "reason": "is no number"}
    with (made / "opening_stated.csv").open(encoding="utf-8-sig", newline="") as stream:
        stated = {line["quantity"]: float(line["value"]) for line in csv.DictReader(stream)}
    assert stated == {"arr": 1200, "active_customers": 1}


@pytest.mark.parametrize("business", [
    "tool", *(pytest.param(name, marks=pytest.mark.slow) for name in (
        "service_saas", "platform", "cloud", "hardware", "service_staffed", "service_outcome",
    )),
])  # fmt: skip
def test_the_books_of_a_run_from_the_sample_hold_and_tie_out(business: str, tmp_path: Path) -> None:
    """In the middle of the terms that were running: every identity, and no gap to the files on the first day."""
    words = [*OFF, f"opening={business}", "market.accounts=300", "horizon.days=100"]
    made = run(compose(business, words), tmp_path / "run").path
    identities = read(made / "identities.csv")
    assert [row["identity"] for row in identities if row["holds"] != "True"] == []
    assert len(identities) > 10
    stated = [row for row in read(made / "opening.csv") if row["in_files"]]
    assert [row for row in stated if float(row["gap"]) != 0] == []
    assert len(stated) == len(read(made / "opening_stated.csv"))


def read(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file of a run folder."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_customer_of_two_products(tmp_path: Path) -> None:
    """One account, one row for each product, one contract each; the books hold."""
    path = tmp_path / "customers.csv"
    path.write_text("external_id,product,arr,start\na,suite,36000,2024-03-01\na,analytics,6000,2024-03-01\n", "utf-8")
    words = ["scenario=cross_sell", "market.accounts=50", "horizon.days=31", f"market.opening.customers.path={path}"]
    study = compose("service_saas", [*OFF, *words])
    opening = study.timeline.opening
    assert isinstance(opening, Opening)
    parts = list(study.timeline.spec.business.revenue.values())
    assert [parts[part].product for part in opening.agreements.part] == ["suite", "analytics"]
    assert (opening.external_id, len(opening.standing)) == (("a",), 1)
    made = run(study, tmp_path / "run").path
    assert [row["identity"] for row in read(made / "identities.csv") if row["holds"] != "True"] == []
    arr = next(row for row in read(made / "opening.csv") if row["quantity"] == "arr")
    assert (float(arr["in_files"]), float(arr["gap"])) == (42_000, 0)


def test_a_run_whose_contacts_are_a_file_is_not_gone_on_with(tmp_path: Path) -> None:
    """Neither as it is, nor with later contacts from another file: one line, and nothing is written."""
    contacts = tmp_path / "contacts.csv"
    contacts.write_text("id,day\n" + "".join(f"c{day},2025-01-{day:02d}\n" for day in range(1, 31)), "utf-8")
    trace = {"kind": "trace", "path": str(contacts), "columns": {"external_id": "id", "date": "day"}}
    study = compose("tool", [*OFF, "horizon.days=100"]).with_({"market.first_contacts": trace | BLANK})
    traced = run(study, tmp_path / "run").path
    with pytest.raises(InputError) as caught:
        on(traced)
    (problem,) = caught.value.problems
    assert problem.startswith("market.opening.run: cannot be gone on with, got ")
    assert problem.endswith("with first contacts from a file; a run whose contacts are simulated")
    with pytest.raises(InputError) as caught:
        write_opening(traced, tmp_path / "files", 0)
    assert caught.value.problems == [
        "format: is not for a run with first contacts from a file, got opening; another run"
    ]
    assert not (tmp_path / "files").exists()
