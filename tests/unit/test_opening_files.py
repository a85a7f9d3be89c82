"""Opening files become the state at the start: places, terms, contracts, balances, people."""

from __future__ import annotations

import csv
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenarios import compose
from scenarios.intake.opening import Taken
from scenarios.intake.shape import ASSETS, DEBTS
from scenarios.studies.study import Study
from sim.events import ACTIVITY_CODE
from sim.simulate import simulate
from sim.spec.opening import Columns, Opening
from sim.units import GRID, MINOR

SAMPLES = Path(__file__).parents[2] / "conf" / "opening"
BUSINESSES = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())


def sample(business: str, *overrides: str) -> Study:
    """A shipped business with its shipped opening."""
    return compose(business, ["effects=none", f"opening={business}", *overrides])


def taken(study: Study) -> Taken:
    """What became of its files."""
    assert study.taken is not None
    return study.taken


def state(study: Study) -> Opening:
    """The state at the start of a study."""
    opening = study.timeline.opening
    assert isinstance(opening, Opening)
    return opening


def rows(business: str, name: str) -> list[dict[str, str]]:
    """Rows of a sample, read without any of our readers."""
    with (SAMPLES / business / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def same(first: Columns, second: Columns) -> None:
    """Columns are equal, value by value."""
    for column in fields(first):
        np.testing.assert_array_equal(getattr(first, column.name), getattr(second, column.name), column.name)


def write(tmp_path: Path, name: str, text: str) -> str:
    """A CSV file; its path."""
    path = tmp_path / f"{name}.csv"
    path.write_text(text, "utf-8")
    return str(path)


def tool(tmp_path: Path, **files: str) -> Study:
    """The tool with opening files of these texts."""
    paths = {f"market.opening.{name}.path": write(tmp_path, name, text) for name, text in files.items()}
    return compose("tool", ["effects=none"]).with_({**paths, "market.opening.max_rejected": 0})


@pytest.mark.parametrize("business", BUSINESSES)
def test_every_sample_says_in_the_model_what_its_files_say(business: str) -> None:
    """Counts, yearly values and balances, added up here from the files themselves."""
    study = sample(business)
    opening, stated = state(study), {(s.quantity, s.dimension): s.value for s in taken(study).stated}
    customers, deals, leads = (rows(business, name) for name in ("customers", "opportunities", "leads"))
    assert len(opening.external_id) == len(customers) + len(deals) + len(leads)
    assert stated["active_customers", ""] == len(customers) == int((~np.isnan(opening.standing.customer_since)).sum())
    assert stated["open_opportunities", ""] == len(deals)
    amounts = sum(float(row.get("amount") or 0) for row in deals)
    assert stated.get(("open_amount", ""), 0) == pytest.approx(amounts)
    assert np.nansum(opening.standing.amount) == round(amounts * MINOR)
    for desk, spec in study.timeline.spec.policy.desks.items():
        assert spec.heads == sum(row["desk"] == desk for row in rows(business, "staff"))
    assert _books(opening, study) == _books_of(business)
    assert not taken(study).rejects


def _books_of(business: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows(business, "balances"):
        found[row["account"]] = found.get(row["account"], 0) + round(float(row["amount"]) * MINOR)
    return {name: value for name, value in found.items() if value}


def _books(opening: Opening, study: Study) -> dict[str, int]:
    """Balances as contracts, invoices and the rest make them up."""
    found: dict[str, float] = dict(opening.balances)

    def add(name: str, amounts: np.ndarray) -> None:
        found[name] = found.get(name, 0) + float(np.nansum(amounts))

    contracts, invoices = opening.agreements, opening.unpaid
    kinds = np.array([part.kind for part in study.timeline.spec.business.revenue.values()])[contracts.part]
    add("receivable", invoices.amount[~invoices.retention])
    add("retention_money", invoices.amount[invoices.retention])
    add("deferred_revenue", (contracts.amount - contracts.earned)[kinds == "subscription"])
    add("customer_prepayment", contracts.ahead)
    add("unbilled", contracts.earned[kinds == "staff_hours"])
    return {name: round(value) for name, value in found.items() if value}


@pytest.mark.parametrize("business", BUSINESSES)
def test_times_lie_before_the_first_instant(business: str) -> None:
    """The instant 0 is the first of the run; what has happened did so before, and in order."""
    opening = state(sample(business))
    standing = opening.standing
    assert opening.history.time.max() <= -GRID
    assert standing.entered.max() <= -GRID
    assert np.nanmax(standing.customer_since) <= -GRID
    assert opening.agreements.start.max(initial=-1) <= -GRID
    first = np.full(len(standing), np.inf)
    np.minimum.at(first, opening.history.account, opening.history.time)
    assert (first <= standing.entered).all()
    assert set(opening.history.account) == set(range(len(standing)))


def test_the_order_of_rows_and_columns_means_nothing(tmp_path: Path) -> None:
    """Accounts are numbered by file and id."""
    found = []
    for order in (1, -1):
        texts = {}
        for name in ("customers", "opportunities", "leads", "balances"):
            header, *body = (SAMPLES / "tool" / f"{name}.csv").read_text("utf-8").splitlines()
            lines = [header, *body[::order]]
            cells = [line.split(",")[::order] for line in lines]
            texts[name] = "\n".join(",".join(row) for row in cells) + "\n"
        folder = tmp_path / str(order)
        folder.mkdir()
        found.append(state(tool(folder, **texts)))
    forward, backward = found
    assert forward.external_id == backward.external_id
    for name in ("standing", "agreements", "history"):
        same(getattr(forward, name), getattr(backward, name))
    assert forward.balances == backward.balances


@pytest.mark.parametrize(
    ("start", "renewal", "begin", "end", "stays"),
    [
        ("2024-03-01", "2025-03-01", -306, 59, 0),
        ("2021-03-01", "2025-03-01", -306, 59, 3),
        ("2023-06-01", "", -215, 151, 1),
        ("2024-09-01", "2025-03-01", -122, 59, 0),
        ("", "2024-12-01", -396, -31, 0),
        ("2024-07-01", "2027-07-01", -184, 911, 0),
    ],
    ids=["first term", "fourth term", "next anniversary", "short first term", "overdue", "three years"],
)
def test_the_term_that_runs(tmp_path: Path, start: str, renewal: str, begin: float, end: float, stays: int) -> None:
    """By hand, with 2024-12-31 as day -1; what has passed of it is earned."""
    study = tool(tmp_path, customers=f"external_id,arr,seats,start,renewal_date\na,1200,4,{start},{renewal}\n")
    contract, standing = state(study).agreements, state(study).standing
    assert contract.start[0] == pytest.approx(begin, abs=1)
    assert (contract.end[0], standing.term_ends[0]) == pytest.approx((end, end), abs=1)
    assert standing.stays[0] == stays
    years = 1 if abs(end - begin - 365) < 8 else (end - begin) / 365.25
    assert contract.amount[0] == pytest.approx(120_000 * years, rel=0.004)
    assert contract.amount[0] - contract.earned[0] == pytest.approx(120_000 / 365.25 * max(end, 0), rel=0.01, abs=1)
    assert (contract.mrr[0], contract.units[0], contract.price[0]) == (10_000, 4, 300)


def test_where_accounts_stand(tmp_path: Path) -> None:
    """As said, or where the route puts those of whom nothing is said."""
    study = tool(
        tmp_path,
        customers="external_id,arr,start,stage\na,1200,2024-06-01,\nb,1200,2024-12-20,onboarding\n",
        opportunities="external_id,opened,stage\no,2024-12-30,\np,2024-10-01,proposal\n",
        leads="external_id,created,stage\nl,2024-12-31,\nm,2024-10-01,pool\n",
    )
    opening, route = state(study), list(study.timeline.spec.business.route)
    assert opening.external_id == ("a", "b", "o", "p", "l", "m")
    stops = [route[stop] for stop in opening.standing.stop]
    assert stops == ["service", "onboarding", "setup", "proposal", "qualification", "pool"]
    assert opening.standing.entered[2] == -2
    assert -92 < opening.standing.entered[3] < -10
    assert opening.standing.losses.tolist() == [0, 0, 0, 0, 0, 1]
    done = {(int(a), int(c)) for a, c in zip(opening.history.account, opening.history.activity, strict=True)}
    assert (4, ACTIVITY_CODE["registered"]) in done
    assert (4, ACTIVITY_CODE["qualified"]) not in done
    assert (0, ACTIVITY_CODE["signed"]) in done
    assert (3, ACTIVITY_CODE["signed"]) not in done


def test_names_amounts_and_dates_as_they_are_written_there(tmp_path: Path) -> None:
    """Mapped columns and values, a declared format, a declared encoding: the same state."""
    plain = tool(tmp_path, customers="external_id,segment,arr,start\n客户甲,small,1200.5,2024-03-04\n")
    text = "Kunde;Größe;ACV;Beginn\n客户甲;KMU;€ 1.200,50;04.03.2024\n"
    path = tmp_path / "export.csv"
    path.write_bytes(text.replace("ß", "ss").replace("ö", "oe").replace("€", "EUR").encode("gb18030"))
    file: dict[str, Any] = {
        "path": str(path), "encoding": "gb18030", "delimiter": ";", "decimal": ",", "thousands": ".",
        "currency": "EUR", "date_format": "%d.%m.%Y", "values": {"segment": {"small": ["KMU", "S"]}},
        "columns": {"external_id": "Kunde", "segment": "Groesse", "arr": "ACV", "start": "Beginn"},
    }  # fmt: skip
    other = compose("tool", ["effects=none"]).with_({"market.opening.customers": file})
    assert state(other).external_id == ("客户甲",)
    same(state(plain).standing, state(other).standing)
    same(state(plain).agreements, state(other).agreements)


def test_a_workbook_is_read_like_a_file(tmp_path: Path) -> None:
    """Numbers, dates and empty cells of a sheet."""
    from datetime import date

    import openpyxl

    plain = tool(tmp_path, customers="external_id,arr,seats,start,renewal_date\n007,1200,4,2024-03-04,\n")
    book = openpyxl.Workbook()
    book.active.append(["nothing", "here"])
    page = book.create_sheet("customers")
    page.append(["external_id", "arr", "seats", "start", "renewal_date"])
    page.append([])
    page.append(["007", 1200, 4.0, date(2024, 3, 4), None])
    book.save(tmp_path / "book.xlsx")
    file = {"path": str(tmp_path / "book.xlsx"), "sheet": "customers"}
    other = compose("tool", ["effects=none"]).with_({"market.opening.customers": file})
    same(state(plain).standing, state(other).standing)
    same(state(plain).agreements, state(other).agreements)


def test_people_are_heads_now_and_changes_later(tmp_path: Path) -> None:
    """Those without a date are there; those who come later come on their day; other desks keep their policy."""
    text = "desk,name,start\nsales,a,\nsales,b,2023-01-01\nsales,c,2025-04-01\nsales,d,2025-04-01\nsales,e,2025-09-01\n"
    study = tool(tmp_path, staff=text)
    plain = compose("tool", ["effects=none"])
    assert study.timeline.spec.policy.desks["sales"].heads == 2
    assert study.timeline.spec.policy.desks["cs"] == plain.timeline.spec.policy.desks["cs"]
    later = [(dated.day, dated.spec.policy.desks["sales"].heads) for dated in study.timeline.later]
    assert later == [(90, 4), (243, 5)]
    set_beside = study.with_({"policy.desks.sales.heads": 7})
    assert [set_beside.timeline.spec.policy.desks["sales"].heads, len(set_beside.timeline.later)] == [7, 0]
    assert any("which has 2; what is set stands" in warning for warning in set_beside.warnings)


def test_the_digest_follows_the_content_not_the_path(tmp_path: Path) -> None:
    """Files may be moved, not changed; all of them count, the staff's too."""
    texts = {"customers": "external_id,arr,start\na,1200,2024-01-01\n", "staff": "desk\nsales\n"}
    folders = [tmp_path / name for name in ("here", "there", "changed")]
    for folder in folders:
        folder.mkdir()
    first, moved = (tool(folder, **texts) for folder in folders[:2])
    assert first.digest == moved.digest
    for name, text in (("customers", "external_id,arr,start\nb,1200,2024-01-01\n"), ("staff", "desk,start\nsales,\n")):
        assert tool(folders[2], **{**texts, name: text}).digest != first.digest


def test_what_contracts_do_not_explain_stays_in_the_balance(tmp_path: Path) -> None:
    """And is said, in money."""
    study = tool(
        tmp_path,
        customers="external_id,arr,start\na,1200,2024-07-01\n",
        balances="account,amount,due,external_id\ncash,500,,\ndeferred_revenue,2000,,\nreceivable,75.5,2025-02-01,a\n",
    )
    opening = state(study)
    deferred = float((opening.agreements.amount - opening.agreements.earned).sum())
    assert opening.balances == {"cash": 50_000, "deferred_revenue": 200_000 - deferred}
    assert (opening.unpaid.amount.tolist(), opening.unpaid.account.tolist()) == ([7550], [0])
    assert any("deferred_revenue is 2,000.00 and the customers' contracts" in warning for warning in study.warnings)


def test_deferred_revenue_of_a_customer_tells_what_of_its_term_is_earned(tmp_path: Path) -> None:
    """Then nothing is left to explain."""
    study = tool(
        tmp_path,
        customers="external_id,arr,start\na,1200,2024-07-01\n",
        balances="account,amount,external_id\ndeferred_revenue,400,a\n",
    )
    contracts = state(study).agreements
    assert contracts.amount[0] - contracts.earned[0] == 40_000
    assert "deferred_revenue" not in state(study).balances


@pytest.mark.parametrize("business", BUSINESSES)
def test_tables_of_a_run_say_on_its_first_day_what_the_files_say(business: str) -> None:
    """ARR, customers, open deals and every balance: gap 0, from the tables alone."""
    study = sample(business, "market.accounts=250", "horizon.days=31")
    wanted = ("events", "opportunities", "subscriptions", "ledger")
    tables = simulate(study.timeline, study.seed, 0, wanted=wanted).tables
    stated = {s.quantity: s.value for s in taken(study).stated if not s.dimension}
    start = np.datetime64(study.timeline.spec.horizon.start, "us")
    terms, deals, events, ledger = (tables[name] for name in ("subscriptions", "opportunities", "events", "ledger"))
    if "arr" in stated:
        running = (np.asarray(terms["start"]) < start) & ~(np.asarray(terms["ended"]) < start)
        assert 12 * int(_values(terms["mrr"])[running].sum()) == round(stated["arr"] * MINOR)
    signed = np.isin(_texts(events["activity"]), ["signed"]) & (np.asarray(events["time"]) < 0)
    assert len(set(np.asarray(events["account"])[signed])) == stated["active_customers"]
    was_open = (np.asarray(deals["opened"]) < start) & ~(np.asarray(deals["closed"]) < start)
    assert int(was_open.sum()) == stated["open_opportunities"]
    at_start, amount = np.asarray(ledger["time"]) == 0, np.asarray(ledger["amount"])
    for name in (*ASSETS, *DEBTS):
        debit, credit = (int(amount[at_start & (_texts(ledger[side]) == name)].sum()) for side in ("debit", "credit"))
        assert (debit - credit if name in ASSETS else credit - debit) == round(stated.get(name, 0) * MINOR), name


def _texts(column: Any) -> np.ndarray:
    return np.array([*column.names, ""])[column.codes]


def _values(column: Any) -> np.ndarray:
    return np.where(column.valid, column.values, 0)
