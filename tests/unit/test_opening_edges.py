"""Opening files at the edges of what they may say: nothing in the bank, a term that begins today, odd formats."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from scenarios import compose
from scenarios.intake.cells import date_reader
from scenarios.studies.study import Study
from sim.simulate import simulate
from sim.spec.opening import Opening
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
    ledger = simulate(study.timeline, study.seed, 0, wanted=("ledger",)).tables["ledger"]
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
