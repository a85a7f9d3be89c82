"""Opening files at the edges of what they may say: nothing in the bank, a term that begins today, odd formats."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenarios import compose
from scenarios.errors import InputError
from scenarios.intake.cells import date_reader
from scenarios.studies.study import Study
from sim.population import population
from sim.simulate import simulate
from sim.spec.opening import Opening, Unpaid
from sim.streams import Streams
from sim.units import GRID

START = date(2025, 1, 1)


def opened(tmp_path: Path, name: str, text: str, *overrides: str) -> Study:
    """A tool company that begins with one file."""
    path = tmp_path / f"{name}.csv"
    path.write_text(text, "utf-8")
    opening = f"market.opening={{{name}: {{path: {path}}}, max_rejected: 1}}"
    return compose("tool", ["effects=none", "market.accounts=250", "horizon.days=31", opening, *overrides])


def state(study: Study) -> Opening:
    """The state at the start of a study."""
    opening = study.timeline.opening
    assert isinstance(opening, Opening)
    return opening


def test_a_company_may_begin_without_cash(tmp_path: Path) -> None:
    """An empty account is stated, and is not the opening cash of the policy."""
    study = opened(tmp_path, "balances", "account,amount\ncash,0\ndebt,500\n", "policy.finance.opening_cash=9000")
    ledger: Any = simulate(study.timeline, study.seed, 0, wanted=("ledger",)).tables["ledger"]
    debit, credit = ledger["debit"], ledger["credit"]
    cash = list(debit.names).index("cash")
    first = np.asarray(ledger["time"]) == 0
    amounts = np.asarray(ledger["amount"])
    assert amounts[first & (debit.codes == cash)].sum() - amounts[first & (credit.codes == cash)].sum() == 0


@pytest.mark.parametrize("days", [365, 366, 368, 372])
def test_a_first_term_that_begins_today_needs_no_start(tmp_path: Path, days: int) -> None:
    """A renewal a few days more than a term ahead, and no start: the term begins on the first day."""
    renewal = START + timedelta(days)
    contracts = state(opened(tmp_path, "customers", f"external_id,arr,renewal_date\nx,1200,{renewal}\n")).agreements
    assert (contracts.start.tolist(), contracts.end.tolist()) == ([-GRID], [float(days)])
    assert contracts.amount.tolist() == [120_000.0]


@pytest.mark.parametrize("wrong", ["%Y-%M-%d", "%d/%d/%Y", "%d.%m.", "%Y"])
def test_a_format_that_does_not_give_a_date_back_is_none(wrong: str) -> None:
    """Minutes in the place of months, a day twice, no year."""
    assert date_reader(wrong) is None


def test_ids_of_a_file_that_a_run_has_written_are_not_given_again(tmp_path: Path) -> None:
    """Every account of the market has an id of its own."""
    study = opened(tmp_path, "leads", "external_id,created\nA0000003,2024-12-01\nA0000120,2024-12-01\n")
    ids = population(study.timeline.spec.market, Streams(1, 0), None, state(study)).external_id
    assert ids[:2] == ("A0000003", "A0000120")
    assert len(set(ids)) == len(ids) == 250
    assert ids[5] == "A0000005"


def test_no_product_is_the_main_product(tmp_path: Path) -> None:
    """A customer that has it twice, once by name, is no customer of two products."""
    text = "external_id,product,arr,start\nx,,1200,2024-02-01\nx,seats,1200,2024-02-01\ny,,1200,2024-02-01\n"
    study = opened(tmp_path, "customers", text)
    assert state(study).agreements.account.tolist() == [0]
    assert study.taken is not None
    assert [found.reason for found in study.taken.rejects] == ["is there twice with different cells"] * 2


def test_what_is_retained_is_not_paid_by_the_luck_of_what_is_owed(tmp_path: Path) -> None:
    """Two open invoices of one customer have a delay each."""
    ids = [f"x{number}" for number in range(20)]
    customers = tmp_path / "customers.csv"
    customers.write_text("external_id,arr,start\n" + "".join(f"{name},1200,2024-02-01\n" for name in ids))
    owed = [f"{kind},90,2025-01-30,{name}\n" for name in ids for kind in ("receivable", "retention_money")]
    both = f"market.opening.customers={{path: {customers}}}"
    study = opened(tmp_path, "balances", "account,amount,due,external_id\n" + "".join(owed), both, "horizon.days=120")
    events: Any = simulate(study.timeline, study.seed, 0, wanted=("events",)).tables["events"]
    activities = list(events["activity"].names)
    paid = events["activity"].codes == activities.index("paid")
    of_before = paid & (events["amount"].values == 9000)
    times: dict[int, set[float]] = {}
    for account, time in zip(events["account"][of_before].tolist(), events["time"][of_before].tolist(), strict=True):
        times.setdefault(account, set()).add(time)
    assert len(times) >= 15
    assert sum(len(days) > 1 for days in times.values()) > len(times) / 2


@pytest.mark.parametrize("source", ["", "5", "abc"])
def test_a_run_folder_whose_study_is_no_mapping_is_one_line(tmp_path: Path, source: str) -> None:
    """Cut off to nothing, or another file of that name."""
    (tmp_path / "study.yaml").write_text(source)
    (tmp_path / "manifest.json").write_text('{"parts": {"0": {}}, "study_digest": "x"}')
    with pytest.raises(InputError) as caught:
        compose("tool", [f"market.opening.run={tmp_path}"])
    (problem,) = caught.value.problems
    assert problem.startswith("market.opening.run: cannot be read, got ")


def test_an_invoice_that_is_paid_at_once_is_paid_on_the_first_day(tmp_path: Path) -> None:
    """Its pace is 0, and what is left of its delay is nothing."""
    study = opened(tmp_path, "leads", "external_id,created\nx,2024-12-01\n", "market.payment.bad_debt=0")
    unpaid = Unpaid.make(2, account=0, issued=[-1.25, -40.25], amount=[700.0, 900.0], pace=0.0)
    timeline = replace(study.timeline, opening=replace(state(study), unpaid=unpaid))
    ledger: Any = simulate(timeline, study.seed, 0, wanted=("ledger",)).tables["ledger"]
    cash = ledger["debit"].codes == list(ledger["debit"].names).index("cash")
    paid = cash & np.isin(ledger["amount"], [700, 900])
    assert sorted(ledger["amount"][paid].tolist()) == [700, 900]
    assert ledger["time"][paid].max() < 2


def test_what_nobody_in_particular_owes_is_not_paid_by_the_luck_of_the_first_account(tmp_path: Path) -> None:
    """Two invoices of one day and amount, one of the first account, one of nobody: mostly paid on two days."""
    customers = tmp_path / "customers.csv"
    customers.write_text("external_id,arr,start,segment\na,1200,2024-02-01,small\n", "utf-8")
    owed = "account,amount,due,external_id\nreceivable,70,2025-01-30,a\nreceivable,70,2025-01-30,\n"
    pay = "market.payment={delay_days: {kind: lognormal, median: 40, sigma: 0.7}, bad_debt: 0}"
    words = (f"market.opening.customers={{path: {customers}}}", "horizon.days=300", pay)
    study = opened(tmp_path, "balances", owed, *words)
    shares = {name: segment.share for name, segment in study.timeline.spec.market.segments.items()}
    assert max(shares, key=lambda name: shares[name]) == "small"
    apart = 0
    for replication in range(8):
        ledger: Any = simulate(study.timeline, study.seed, replication, wanted=("ledger",)).tables["ledger"]
        cash = ledger["debit"].codes == list(ledger["debit"].names).index("cash")
        paid = ledger["time"][cash & (np.asarray(ledger["amount"]) == 7000)]
        assert len(paid) == 2
        apart += len(set(paid.tolist())) > 1
    assert apart >= 4
