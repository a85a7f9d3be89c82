"""A run handed on as opening files: held against its tables on the day, and begun from again."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.asof import as_of
from analysis.tables import Tables, load_tables
from scenarios import InputError, compose, run
from scenarios.runs.export import check_settings, export
from scenarios.studies.study import Study
from sim.simulate import simulate
from sim.spec.opening import Opening

OFF = ["effects=none", "report.enabled=false", "forecast.enabled=false", "progress=false", "replications=1"]
DAY, DAYS = "2025-12-01", 334
BALANCES = {"cash": 1, "receivable": 1, "retention_money": 1, "unbilled": 1, "customer_prepayment": -1,
            "deferred_revenue": -1, "commission_payable": -1}  # fmt: skip
FAST = ("tool", "hardware")
ALL = ("tool", "hardware", "service_saas", "service_staffed", "service_outcome", "platform", "cloud")


@pytest.fixture(scope="module", params=[
    business if business in FAST else pytest.param(business, marks=pytest.mark.slow) for business in ALL
])  # fmt: skip
def handed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path]:
    """A business, a run of it over 13 months, and the folder of its opening files on a day of them."""
    business = str(request.param)
    place = tmp_path_factory.mktemp(business) / "run"
    made = run(compose(business, [*OFF, "market.accounts=500", "horizon.days=365"]), place).path
    return business, made, export(made, "opening", date=DAY)


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    """Rows of a file, read without any of our readers."""
    with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def stood(folder: Path) -> Tables:
    """The tables of the run as they stood on the day."""
    return as_of(load_tables(folder).replication(0), DAYS)


def asked(folder: Path) -> dict[str, int]:
    """What had been sold by the last moment before the day, and is invoiced at its close: it counts as invoiced."""
    ledger = load_tables(folder).replication(0)["ledger"]
    rows = (ledger["memo"] == "expansion") & ledger["time"].between(DAYS, DAYS + 1) & (ledger["debit"] == "receivable")
    amount = int(ledger.loc[rows, "amount"].sum())
    return {"receivable": amount, "deferred_revenue": -amount}


def balance(ledger: pd.DataFrame, account: str) -> int:
    """Balance of an account on the debit side, in minor units."""
    debit, credit = (ledger.loc[ledger[side] == account, "amount"].sum() for side in ("debit", "credit"))
    return int(debit - credit)


def test_the_files_say_what_the_tables_said(handed: tuple[str, Path, Path]) -> None:
    """Customers, yearly value, open deals and every balance, to the cent."""
    _, made, folder = handed
    tables = stood(made)
    accounts = tables["accounts"]
    ids = accounts.loc[accounts["customer"], "external_id"]
    assert {row["external_id"] for row in rows(folder, "customers")} == set(ids)
    assert len(ids) > 3
    terms = tables["subscriptions"]
    running = terms[terms["ended"].isna()]
    if (tables["subscriptions"]["mrr"].notna() & terms["end"].notna()).any():
        told = sum(float(row["arr"] or 0) for row in rows(folder, "customers"))
        assert round(told * 100) == int(running["mrr"].sum()) * 12
    deals = tables["opportunities"]
    wanted = accounts.set_index("account").loc[deals.loc[deals["outcome"] == "open", "account"], "external_id"]
    assert {row["external_id"] for row in rows(folder, "opportunities")} == set(wanted)
    found: dict[str, int] = {}
    for row in rows(folder, "balances"):
        found[row["account"]] = found.get(row["account"], 0) + round(float(row["amount"]) * 100)
    for name, side in BALANCES.items():
        expected = balance(tables["ledger"], name) + asked(made).get(name, 0)
        assert found.get(name, 0) == side * expected, name


def again(handed: tuple[str, Path, Path]) -> Study:
    """A study that begins from the files."""
    business, _, folder = handed
    names = ("customers", "opportunities", "leads", "staff", "balances")
    paths = [f"market.opening.{name}.path={folder}/{name}.csv" for name in names]
    whole = ["market.opening.max_rejected=0", f"horizon.start={DAY}", "horizon.days=31", "market.accounts=1500"]
    return compose(business, [*OFF, *whole, *paths])


def test_a_run_that_begins_from_the_files_stands_where_the_run_stood(handed: tuple[str, Path, Path]) -> None:
    """Every customer, deal and lead at its stop, every balance at the instant 0, of this run's own tables."""
    _, made, folder = handed
    study = again(handed)
    opening = study.timeline.opening
    assert isinstance(opening, Opening)
    route = list(study.timeline.spec.business.route)
    stops = dict(zip(opening.external_id, [route[stop] for stop in opening.standing.stop], strict=True))
    before = stood(made)["accounts"].set_index("external_id")["last_stage"].astype(str)
    assert stops == before[list(stops)].to_dict()
    assert len(stops) == sum(len(rows(folder, name)) for name in ("customers", "opportunities", "leads"))
    ledger = simulate(study.timeline, study.seed, 0, wanted=("ledger",)).tables["ledger"]
    at_start = np.asarray(ledger["time"]) == 0
    amount = np.asarray(ledger["amount"])
    for name, side in BALANCES.items():
        total = 0
        for column, sign in (("debit", 1), ("credit", -1)):
            coded = ledger[column]
            total += sign * int(amount[at_start & (np.array(coded.names)[coded.codes] == name)].sum())  # type: ignore[union-attr]
        assert total == balance(stood(made)["ledger"], name) + asked(made).get(name, 0), (name, side)


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2025-06-15", "must be the first of a month"),
        ("2025-01-01", "must be the first of a month"),
        ("2029-01-01", "one after 2025-01-01 and not after 2026-01-01"),
        ("tomorrow", "is no date"),
    ],
)
def test_a_day_that_cannot_be_taken(handed: tuple[str, Path, Path], day: str, words: str) -> None:
    """One line, and the export that was there stays."""
    _, made, folder = handed
    with pytest.raises(InputError) as caught:
        export(made, "opening", date=day)
    assert words in caught.value.problems[0]
    assert (folder / "customers.csv").is_file()


def test_a_day_is_for_openings_alone() -> None:
    with pytest.raises(InputError) as caught:
        check_settings("xes", {"date"})
    assert "date: is for opening" in caught.value.problems[0]
