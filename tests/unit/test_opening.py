"""The state on the first day: read off the tables of a run, tied to what was stated, shown in its report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from analysis.opening import COLUMNS, STATED, open_gaps, read_start, tied
from analysis.report.build import build_report
from analysis.tables import to_arrow
from scenarios.runs.derive import tie_out
from tests.fixtures.fake_run import write_fake_run
from tests.fixtures.restart import restarted
from tests.fixtures.small_tables import context, tables

DAY = 365.0
"""First day of the second year of the story of ``tests.fixtures.small_tables``."""

STATE = {
    ("arr", ""): 12 * (150.0 + 50.0 + 1000.0),
    ("active_customers", ""): 3.0,
    ("open_opportunities", ""): 0.0,
    ("leads", ""): 0.0,
}
"""By hand: accounts 0, 1 and 3 are customers; account 2 is in the pool, 4 and 5 come later or never."""

KEPT = ("opportunities", "subscriptions", "events", "ledger", "staffing")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of two replications of the story's second year; in the second, account 0 is no customer."""
    desks = tables()["staffing"]
    story = tables(staffing=desks.assign(ds=desks["ds"] + pd.DateOffset(years=1)))
    path, later = tmp_path_factory.mktemp("runs"), restarted(story, context(), DAY)[0]
    for name in KEPT:
        first, second = later[name], later[name].assign(replication=np.int32(1))
        if name in ("events", "subscriptions"):
            second = second[second["account"] != 0]
        both = pd.concat([first, second], ignore_index=True)
        pq.write_table(to_arrow(name, {column: both[column] for column in both}), path / f"{name}.parquet")
    pd.DataFrame({"replication": np.array([0, 1], np.int32)}).to_parquet(path / "checks.parquet")
    return path


def state(folder: Path, replication: int) -> dict[tuple[str, str], float]:
    found = read_start(folder, (0, 1), start="2026-01-01").state()
    rows = found[found["replication"] == replication]
    return dict(zip(zip(rows["quantity"], rows["dimension"], strict=True), rows["value"], strict=True))


def desks_of(end: str) -> dict[str, float]:
    """Heads of the story in the month that ends on a day."""
    rows = tables()["staffing"]
    rows = rows[rows["ds"] == end]
    return dict(zip(rows["desk"].astype(str), rows["heads"], strict=True))


def said(*rows: tuple[str, str, float, str], rounding: float = 0.0) -> pd.DataFrame:
    """What files say."""
    return pd.DataFrame([(*row, rounding) for row in rows], columns=list(STATED))


def test_state_by_hand(folder: Path) -> None:
    found = state(folder, 0)
    assert {key: found[key] for key in STATE} == STATE
    heads = desks_of("2025-01-31")
    assert {key[1]: value for key, value in found.items() if key[0] == "headcount"} == heads
    assert set(heads) == {"sales", "cs"}
    assert "equity" not in {quantity for quantity, _ in found}
    other = state(folder, 1)
    assert other["arr", ""] == 12 * (50.0 + 1000.0)
    assert other["active_customers", ""] == 2.0


def test_every_replication_has_to_tie(folder: Path) -> None:
    """The replication that is farthest off stands beside what was said."""
    found = read_start(folder, (0, 1), start="2026-01-01").state()
    table = tied(
        found, said(("active_customers", "", 3, "count"), ("arr", "", 14_400, "CNY/year"), ("debt", "", 5, "CNY"))
    )
    rows = table.set_index("quantity")
    assert list(table.columns) == list(COLUMNS)
    assert rows.loc["active_customers", ["in_files", "in_model", "gap"]].tolist() == [3, 2, -1]
    assert rows.loc["arr", "gap"] == -12 * 150
    assert rows.loc["debt", ["in_files", "in_model", "gap"]].tolist() == [5, 0, -5]
    assert np.isnan(rows.loc["cash", "gap"])
    assert open_gaps(table)["quantity"].tolist() == ["active_customers", "arr", "debt"]


@pytest.mark.parametrize(("off", "apart"), [(0.0, False), (0.18, False), (0.2, True), (-0.2, True)])
def test_a_year_of_recurring_revenue_may_differ_by_rounding_to_months(folder: Path, off: float, apart: bool) -> None:
    found = read_start(folder, (0,), start="2026-01-01").state()
    table = tied(found, said(("arr", "", 14_400 + off, "CNY/year"), rounding=0.18))
    assert (len(open_gaps(table)) > 0) == apart
    assert table.loc[0, "gap"] == pytest.approx(-off)


def test_tables_that_were_not_kept_are_left_out(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "ledger.parquet").write_bytes((folder / "ledger.parquet").read_bytes())
    found = read_start(tmp_path, (0, 1), start="2026-01-01").state()
    assert set(found["quantity"]) == {"cash", "deferred_revenue", "commission_payable"}


def test_the_sheet_reads_what_the_files_say(folder: Path) -> None:
    config: dict[str, Any] = {"business": {}, "horizon": {"start": "2026-01-01"}}  # fmt: skip
    assert tie_out(folder, config)["in_files"].isna().all()
    stated = said(("headcount", "sales", 2, "count"), ("receivable", "", 0, "CNY"))
    stated.to_csv(folder / "opening_stated.csv", index=False, encoding="utf-8-sig")
    found = tie_out(folder, config)
    assert found.iloc[0][["quantity", "dimension", "in_files"]].tolist() == ["headcount", "sales", 2]
    assert found.iloc[1][["quantity", "in_model", "gap"]].tolist() == ["receivable", 0, 0]


def sheet(path: Path, model: float) -> Path:
    """A made-up run that starts from something."""
    run = write_fake_run(path / "run")
    rows = [
        ("arr", "", 120_000.0, 120_000.0, 0.0, 0.0, "CNY/year"), ("active_customers", "", 10, 10, 0, 0, "count"),
        ("cash", "", 500_000, model, model - 500_000, 0, "CNY"), ("headcount", "sales", None, 3, None, None, "count"),
    ]  # fmt: skip
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(run / "opening.csv", index=False, encoding="utf-8-sig")
    return run


def test_the_report_shows_where_it_starts(tmp_path: Path) -> None:
    page = build_report(sheet(tmp_path, 500_000.0)).read_text("utf-8")
    assert re.findall(r'<section id="(\w+)">', page)[:3] == ["overview", "start", "money"]
    part = page[page.index('<section id="start">') : page.index('<section id="money">')]
    for words in ("Customers 10", "CNY/year", "120,000", "Heads: ", "none"):
        assert words in part
    assert "not those of the opening files" not in page


def test_a_start_that_does_not_tie_is_said_first(tmp_path: Path) -> None:
    page = build_report(sheet(tmp_path, 499_999.0)).read_text("utf-8")
    box = page[page.index('class="aside alert"') : page.index('<section id="overview">')]
    assert "not those of the opening files: Cash" in box


def test_a_run_from_nothing_has_no_such_panel(tmp_path: Path) -> None:
    page = build_report(write_fake_run(tmp_path / "run")).read_text("utf-8")
    assert '<section id="start">' not in page
