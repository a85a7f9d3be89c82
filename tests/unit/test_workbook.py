"""The workbook of a run, read back: its books, its links to the metrics, its texts, and LibreOffice's arithmetic."""

from __future__ import annotations

import csv
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

from scenarios import InputError, compose, run
from scenarios.runs.export import export
from scenarios.runs.exports.workbook.book import Book, guarded
from scenarios.runs.exports.workbook.operations import TEXTS
from scenarios.runs.targets import FILES
from tests.fixtures.office import NEEDS_OFFICE, calculated, differing, formulas, shown

MINI = Path(__file__).parents[1] / "fixtures" / "mini_conf"
SMALL = ["market.accounts=150", "horizon.days=420", "replications=3", "progress=false"]
OFF = ["report.enabled=false", "forecast.enabled=false"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    changes = ["+policy.changes={dear: {key: policy.products.seat.price, date: 2025-06-01, value: 600}}"]
    study = compose("mini", [*SMALL, *OFF, *changes], config_dir=MINI)
    folder = run(study, tmp_path_factory.mktemp("workbook") / "run").path
    targets = "metric,period,value\r\narr,2025,1000.5\r\n'=1+1,@x,-\r\n"
    (folder / "targets.csv").write_text("\ufeff" + targets, encoding="utf-8", newline="")
    return folder


@pytest.fixture(scope="module")
def book(finished: Path) -> Path:
    (path,) = export(finished, "xlsx", again=2, progress=False).iterdir()
    return path


@pytest.fixture(scope="module")
def pages(book: Path) -> dict[str, Any]:
    return shown(book)


def rows(page: Any) -> dict[str, list[Any]]:
    """Figures of the lines of a page by label, the first of a label counts."""
    found: dict[str, list[Any]] = {}
    for label, _, *figures in page.iter_rows(values_only=True):
        found.setdefault(label, figures)
    return found


def monthly(finished: Path, metric: str) -> np.ndarray:
    frame = pd.read_parquet(finished / "metrics.parquet")
    chosen = (frame["period"] == "month") & (frame["metric"] == metric) & frame["dim1"].isna()
    return frame[chosen].groupby("ds")["value"].mean().to_numpy()


def test_it_has_every_sheet_and_opens_without_a_warning(book: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        names = openpyxl.load_workbook(book).sheetnames
    assert names == [
        "Read me", "P&L by month", "P&L by year", "Balance sheet", "Cash flow", "ARR bridge", "Funnel", "Headcount",
        "Targets", "Inputs", "Twin", "Twin means", "Twin flow", "Why they differ",
    ]  # fmt: skip


def test_the_balance_sheet_balances_and_cash_ties_to_it(pages: dict[str, Any]) -> None:
    balance, cash = rows(pages["Balance sheet"]), rows(pages["Cash flow"])
    assert set(balance["Assets less liabilities less equity"]) == {0}
    assert balance["Assets, sum"][-1] != 0
    assert set(cash["Cash at the end less the balance sheet"]) == {0}
    assert set(cash["Less the change above"]) == {0}
    assert cash["Cash at the end"] == pytest.approx(balance["Cash"][1:], abs=1e-9)


@pytest.mark.parametrize(
    ("label", "metric"),
    [("Revenue", "revenue"), ("Gross profit", "gross_profit"), ("Operating profit", "operating_profit")],
)
def test_income_is_that_of_the_metrics(pages: dict[str, Any], finished: Path, label: str, metric: str) -> None:
    known = monthly(finished, metric)
    assert rows(pages["P&L by month"])[label][: len(known)] == pytest.approx(known.tolist(), abs=0.05)


def test_years_are_sums_of_their_months(pages: dict[str, Any]) -> None:
    year, month = (rows(pages[name])["Operating profit"] for name in ("P&L by year", "P&L by month"))
    whole = [figure for figure in month if figure is not None]
    shown = [figure for figure in year if figure is not None]
    assert shown == pytest.approx([sum(whole[:12]), sum(whole[12:]), sum(whole)], abs=1e-6)
    head = next(row for row in pages["P&L by year"].iter_rows(values_only=True) if row[-1] == "all")
    assert head[2:] == ("year to 2025-12-31", "from 2026-01 on", "all")


def test_intervals_hold_the_means(pages: dict[str, Any]) -> None:
    found = rows(pages["P&L by year"])
    low, mean, high = (found[label][-1] for label in ("Revenue, low", "Revenue", "Revenue, high"))
    assert low < mean < high


def test_the_bridge_leads_to_the_arr_of_the_metrics(pages: dict[str, Any], finished: Path) -> None:
    found, known = rows(pages["ARR bridge"]), monthly(finished, "arr")
    assert found["ARR at the end"] == pytest.approx(known.tolist(), abs=0.05)
    assert found["ARR at the beginning"][1:] == found["ARR at the end"][:-1]
    assert found["ARR at the end"][-1] > 0


def test_the_funnel_and_the_people_are_those_of_the_run(pages: dict[str, Any], finished: Path) -> None:
    signed = rows(pages["Funnel"])["Signed"]
    assert signed[:-1] == pytest.approx(monthly(finished, "signed").tolist())
    assert signed[-1] == pytest.approx(sum(signed[:-1]))
    staffing = pd.read_parquet(finished / "staffing.parquet")
    heads = staffing.groupby("ds")["heads"].sum() / 3
    assert rows(pages["Headcount"])["People"] == pytest.approx(heads.to_list()[: len(signed) - 1])


def test_inputs_are_those_of_the_run_with_their_origin(pages: dict[str, Any], finished: Path) -> None:
    with (finished / "inputs.csv").open(encoding="utf-8-sig", newline="") as stream:
        known = {row["key"]: row for row in csv.DictReader(stream)}
    page = {row[0]: row for row in pages["Inputs"].iter_rows(min_row=5, values_only=True) if row[0]}
    assert set(page) == set(known)
    for key, row in page.items():
        assert row[1] == pytest.approx(float(known[key]["value"]), rel=1e-14)
        assert row[3] == known[key]["origin"]


def test_a_value_taken_from_another_key_is_a_formula(book: Path) -> None:
    cells = openpyxl.load_workbook(book)["Inputs"]
    by_key = {row[0].value: row[1] for row in cells.iter_rows(min_row=5)}
    target = by_key["policy.products.seat.price.small"].coordinate
    assert by_key["business.revenue.seats.price_year.small"].value == f"={target}"


def test_texts_that_begin_like_a_formula_are_guarded(pages: dict[str, Any]) -> None:
    cells = [cell.value for row in pages["Targets"].iter_rows() for cell in row if cell.value]
    assert "'=1+1" in cells
    assert "'@x" in cells
    assert "'-" in cells
    assert 1000.5 in cells
    assert [guarded(text) for text in ("=a", "+a", "-a", "@a", "\ta", "a=")] == [
        "'=a",
        "'+a",
        "'-a",
        "'@a",
        "'\ta",
        "a=",
    ]


def test_texts_that_look_like_numbers_stay_texts(tmp_path: Path) -> None:
    """Names of targets are those of the plan; every column of texts is known as one, every other holds numbers."""
    words = ["market.accounts=60", "horizon.days=365", "replications=2", *OFF]
    goals = {
        "007": {"metric": "arr", "period": "FY2025", "value": 5e4},
        "008": {"metric": "cash", "period": "horizon", "value": -7},
    }
    folder = run(compose("mini", words, config_dir=MINI).with_({"targets": goals}), tmp_path / "run").path
    (path,) = export(folder, "xlsx", again=0, progress=False).iterdir()
    pages = shown(path)
    cells = [cell.value for row in pages["Targets"].iter_rows() for cell in row]
    assert {"007", "008", 5e4, -7} <= set(cells)
    assert not {7, 8} & {cell for cell in cells if not isinstance(cell, str)}
    units = {row[2] for row in pages["Inputs"].iter_rows(min_row=5, values_only=True) if row[0]}
    assert "1" in units
    assert not [unit for unit in units if unit is not None and not isinstance(unit, str)]
    for file in folder.glob("*.csv"):
        if file.stem in (*FILES, "inputs"):
            table = pd.read_csv(file, encoding="utf-8-sig").dropna(axis=1, how="all")
            numbers = set(table.select_dtypes(["number", "bool"]))
            assert numbers & TEXTS <= {"target"}, "names of these targets alone look like numbers"
            assert set(table) - numbers <= TEXTS, file.name


def test_no_formula_has_a_text_from_outside(book: Path) -> None:
    assert not [text for _, _, text in formulas(book) if "Targets" in text or "HYPERLINK" in text.upper()]


def test_no_path_of_this_computer_is_in_it(book: Path, pages: dict[str, Any]) -> None:
    texts = [cell.value for page in pages.values() for row in page.iter_rows() for cell in row]
    assert not [text for text in texts if isinstance(text, str) and str(book.parents[2]) in text]


def test_the_gap_adds_up_to_the_simulation(pages: dict[str, Any], finished: Path) -> None:
    page = list(pages["Why they differ"].iter_rows(values_only=True))
    head = next(row for row in page if "Signed" in row)
    column = head.index("Revenue")
    found = {label: figures[column - 2] for label, figures in rows(pages["Why they differ"]).items() if label}
    lines = ["Twin as exported", "Rest", "Noise", "Effects", "Saturation", "Queues", "Dated changes"]
    known = pd.read_parquet(finished / "metrics.parquet")
    chosen = (known["period"] == "month") & (known["metric"] == "revenue") & known["dim1"].isna()
    mean = known[chosen & (known["replication"] < 2)].groupby("replication")["value"].sum().mean()
    assert sum(found[line] for line in lines) == pytest.approx(found["Simulation"], abs=1e-6)
    assert found["Simulation"] == pytest.approx(mean, abs=1e-6)
    assert found["Twin now"] == pytest.approx(found["Twin as exported"])
    assert found["Dated changes"] > 0


def test_nothing_is_simulated_where_nothing_shall_be_and_the_bytes_are_the_same(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.simulate.simulate", lambda *given, **more: pytest.fail("simulated"))
    folder = Path(shutil.copytree(finished, tmp_path / "run", ignore=shutil.ignore_patterns("export")))
    (path,) = export(folder, "xlsx", again=0, progress=False).iterdir()
    first = path.read_bytes()
    assert "again=0" in str([*shown(path)["Why they differ"].iter_rows(values_only=True)])
    (path,) = export(folder, "xlsx", again=0, progress=False).iterdir()
    assert path.read_bytes() == first


def test_a_full_disk_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").symlink_to("/dev/full")
    book = Book(tmp_path / "a.xlsx", "a")
    book.sheet("one").title("x" * 10_000)
    with pytest.raises(OSError, match="No space left on device"):
        book.close()


def test_a_horizon_without_a_month_has_no_twin(tmp_path: Path) -> None:
    study = compose("mini", ["market.accounts=60", "horizon.days=20", "replications=2", *OFF], config_dir=MINI)
    (path,) = export(run(study, tmp_path / "run").path, "xlsx", progress=False).iterdir()
    pages = shown(path)
    assert "no month" in str(pages["Twin"]["A2"].value).lower()
    assert "Why they differ" not in pages


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"again": "x"}, 'again: must be a whole number, got "x"; 0 or more'),
        ({"again": -1}, "again: must be a whole number, got -1; 0 or more"),
        ({"replication": 1}, "replication: is not for xlsx, got 1; xlsx takes all of them"),
    ],
)
def test_wrong_settings_are_one_line(finished: Path, settings: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError) as problem:
        export(finished, "xlsx", **settings)
    assert problem.value.problems == [line]


def test_a_run_without_its_ledger_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    study = compose("mini", ["market.accounts=60", "horizon.days=90", "replications=1", *OFF], config_dir=MINI)
    folder = run(study.with_({"tables": ["accounts"]}), tmp_path / "run").path
    with pytest.raises(InputError) as problem:
        export(folder, "xlsx")
    (line,) = problem.value.problems
    assert line.endswith("lacks ledger, staffing, got a run that is complete; tables=[ledger,staffing,metrics]")
    assert not (folder / "export").exists()


@pytest.mark.slow
def test_what_a_run_began_with_stands_before_the_first_month(tmp_path: Path) -> None:
    small = ["opening=tool", "market.accounts=400", "horizon.days=150", "replications=2", "progress=false", *OFF]
    folder = run(compose("tool", small), tmp_path / "run").path
    (path,) = export(folder, "xlsx", again=2, progress=False).iterdir()
    pages = shown(path)
    balance, cash = rows(pages["Balance sheet"]), rows(pages["Cash flow"])
    assert set(balance["Assets less liabilities less equity"]) == {0}
    assert balance["Deferred revenue"][0] > 0
    assert cash["Cash at the beginning"][0] == balance["Cash"][0] > 0
    assert set(cash["Paid in by the owners"]) <= {0}
    bridge = rows(pages["ARR bridge"])
    assert bridge["ARR at the beginning"][0] > 0
    assert bridge["ARR at the end"] == pytest.approx(monthly(folder, "arr").tolist(), abs=0.05)
    assert "Opening state" in rows(pages["Why they differ"])


@NEEDS_OFFICE
def test_libreoffice_comes_to_the_same_figures(book: Path, tmp_path: Path) -> None:
    assert sum(1 for _ in formulas(book)) > 1000
    assert differing(book, calculated(book, tmp_path)) == []


@pytest.mark.slow
@NEEDS_OFFICE
def test_the_twin_follows_a_changed_input(book: Path, tmp_path: Path) -> None:
    """Twice the price: twice the revenue of the twin, while the simulation stays as it is."""
    changed = tmp_path / "changed.xlsx"
    workbook = openpyxl.load_workbook(book)
    for key, cell, *_ in workbook["Inputs"].iter_rows():
        if str(key.value).startswith("policy.products.seat.price."):
            cell.value *= 2
    workbook.save(changed)
    before, after = (rows(page["Twin"])["Revenue"] for page in (shown(book), calculated(changed, tmp_path)))
    assert after == pytest.approx([2 * figure for figure in before])
    assert before[-1] > 0
