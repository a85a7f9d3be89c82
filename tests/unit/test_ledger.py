"""The books: how postings are made, and that balances say what contracts and events say."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pytest

from sim.calendar import month_ends
from sim.events import LEDGER_ACCOUNTS, LEDGER_CODE
from sim.ledger import Ledger
from sim.recorder import Table
from sim.simulate import Run
from tests.fixtures.studies import KINDS, changed, fixed, run, standard, study, values, where

RECEIVABLES = ("receivable", "retention_money")
YEAR = {"horizon.start": "2025-01-01", "horizon.days": 365}


def postings(ledger: Table, **equal: str) -> np.ndarray:
    """Amounts of the postings that match, minor units."""
    return ledger["amount"][where(ledger, **equal)]


def balance(ledger: Table, *accounts: str, mask: np.ndarray | None = None) -> int:
    """Debits minus credits of accounts of the books."""
    mask = np.ones(len(ledger["amount"]), bool) if mask is None else mask
    total = 0
    for account in accounts:
        total += int(ledger["amount"][mask & where(ledger, debit=account)].sum())
        total -= int(ledger["amount"][mask & where(ledger, credit=account)].sum())
    return total


def by_account(table: Table, keep: np.ndarray) -> dict[int, int]:
    """Sum of amounts by company."""
    found: dict[int, int] = {}
    for account, amount in zip(values(table["account"])[keep], values(table["amount"])[keep], strict=True):
        found[int(account)] = found.get(int(account), 0) + int(amount)
    return found


def combined(*parts: tuple[int, dict[int, int]]) -> dict[int, int]:
    """Sum of sign * sums, zeros left out."""
    total: dict[int, int] = {}
    for sign, sums in parts:
        for account, amount in sums.items():
            total[account] = total.get(account, 0) + sign * amount
    return {account: amount for account, amount in total.items() if amount}


def receivable(run: Run) -> dict[int, int]:
    """What every company owes us, by the books."""
    ledger = run.tables["ledger"]
    sides = (("debit", 1), ("credit", -1))
    return combined(*(
        (sign, by_account(ledger, where(ledger, **{side: account})))
        for account in RECEIVABLES for side, sign in sides
    ))  # fmt: skip


def events_of(run: Run, activity: str) -> dict[int, int]:
    events = run.tables["events"]
    return by_account(events, where(events, activity=activity))


def test_a_posting_holds_both_sides_and_a_positive_amount() -> None:
    books = Ledger()
    books.post(1.5, "cash", "equity", 500, "capital", centre="company")
    books.post(2.0, "receivable", "revenue_take_rate", np.array([3, 0, -7]), "fee", account=np.array([4, 5, 6]),
               contract=np.array([0, 1, 2]), product=1)  # fmt: skip
    made = books.postings()
    assert made["amount"].tolist() == [500, 3, 7]
    assert made["account"].tolist() == [-1, 4, 6]
    assert made["contract"].tolist() == [-1, 0, 2]
    sides = [(LEDGER_ACCOUNTS[d], LEDGER_ACCOUNTS[c]) for d, c in zip(made["debit"], made["credit"], strict=True)]
    fee = ("receivable", "revenue_take_rate")
    assert sides == [("cash", "equity"), fee, fee[::-1]]
    assert (books.memos, books.centres) == ({"capital": 0, "fee": 1}, {"company": 0})
    assert made["memo"].tolist() == [0, 1, 1]
    assert made["cost_centre"].tolist() == [0, -1, -1]


def test_empty_books_have_no_postings() -> None:
    assert len(Ledger().postings()) == 0
    books = Ledger()
    books.post(0.0, "cash", "equity", 0, "nothing")
    assert len(books.postings()) == 0


def test_an_unknown_account_is_an_error() -> None:
    with pytest.raises(KeyError):
        Ledger().post(0.0, "cash", "pocket", 1, "x")


def test_codes_are_the_places_of_the_names() -> None:
    assert [LEDGER_CODE[name] for name in LEDGER_ACCOUNTS] == list(range(len(LEDGER_ACCOUNTS)))


@pytest.mark.parametrize("kind", KINDS)
def test_postings_are_positive_in_order_and_within_the_horizon(kind: str) -> None:
    ledger = standard(kind).tables["ledger"]
    assert (ledger["amount"] > 0).all()
    assert (np.diff(ledger["time"]) >= 0).all()
    assert ledger["time"].min() >= 0
    assert ledger["time"].max() < 400
    assert (values(ledger["debit"]) != values(ledger["credit"])).all()
    assert balance(ledger, *LEDGER_ACCOUNTS) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_billed_minus_collected_minus_given_up_is_receivable_for_every_company(kind: str) -> None:
    made = standard(kind)
    billed, paid, given_up = (events_of(made, a) for a in ("invoiced", "paid", "written_off"))
    assert receivable(made) == combined((1, billed), (-1, paid), (-1, given_up))
    assert len(billed) > 40
    assert paid


@pytest.mark.parametrize("kind", KINDS)
def test_cash_is_capital_and_payments_minus_costs(kind: str) -> None:
    made = standard(kind)
    ledger = made.tables["ledger"]
    costs = sum(
        int(postings(ledger, credit="cash", debit=cost).sum())
        for cost in ("payroll", "marketing", "fixed_cost", "cost_of_sales", "subsidy", "commission_payable")
    )
    assert balance(ledger, "cash") == 100_000_00 + sum(events_of(made, "paid").values()) - costs
    assert balance(ledger, "bad_debt") == sum(events_of(made, "written_off").values())


@pytest.mark.parametrize("kind", KINDS)
def test_each_invoice_is_settled_at_most_once(kind: str) -> None:
    made = standard(kind)
    settled = combined((1, events_of(made, "paid")), (1, events_of(made, "written_off")))
    billed = events_of(made, "invoiced")
    assert all(settled.get(account, 0) <= amount for account, amount in billed.items())


def test_invoices_of_a_market_that_pays_on_time_are_never_overdue() -> None:
    document = changed(study(), {"market.payment.delay_days": fixed(10), "market.payment.bad_debt": 0})
    events = run(document).tables["events"]
    assert not where(events, activity="overdue").any()
    assert not where(events, activity="written_off").any()
    late = changed(document, {"market.payment.delay_days": fixed(50)})
    events = run(late).tables["events"]
    assert where(events, activity="overdue").sum() >= where(events, activity="paid").sum() > 0


def test_a_market_that_never_pays_is_written_off() -> None:
    made = run(changed(study(), {"market.payment.bad_debt": 1, "market.payment.write_off_days": 45}))
    events = made.tables["events"]
    assert not where(events, activity="paid").any()
    billed, given_up = (events["time"][where(events, activity=a)] for a in ("invoiced", "written_off"))
    assert len(given_up) > 20
    first = dict(zip(events["account"][where(events, activity="invoiced")][::-1].tolist(), billed[::-1], strict=True))
    gone = dict(
        zip(events["account"][where(events, activity="written_off")][::-1].tolist(), given_up[::-1], strict=True)
    )
    assert all(45 <= gone[account] - first[account] <= 49 for account in gone)


def test_payments_are_served_on_working_days() -> None:
    document = study()
    events = run(document).tables["events"]
    stamps = events["timestamp"][where(events, activity="paid")].astype("datetime64[D]")
    free = document["policy"]["calendar"]["holidays"].values()
    assert np.is_busday(stamps, holidays=list(free)).all()


def unearned(rows: Table, now: float, start: str) -> dict[int, float]:
    """What is paid in advance and not earned, from the terms of the open contracts alone."""
    first = np.datetime64(start, "us")
    begin, end = ((rows[name] - first) / np.timedelta64(1, "D") for name in ("start", "end"))
    left = values(rows["amount"]) * np.clip((end - now) / (end - begin), 0.0, 1.0)
    found: dict[int, float] = {}
    for account in np.flatnonzero(np.isnat(rows["ended"])).tolist():
        found[int(rows["account"][account])] = float(left[account])
    return found


def test_deferred_revenue_is_the_unearned_part_of_open_contracts() -> None:
    document = changed(study("subscription"), YEAR | {"business.revenue.main.expand": None})
    tables = run(document).tables
    ledger = tables["ledger"]
    owed = unearned(tables["subscriptions"], 365.0, "2025-01-01")
    assert len(owed) > 20
    for account in range(200):
        mask = np.asarray(values(ledger["account"]) == account)
        assert -balance(ledger, "deferred_revenue", mask=mask) == pytest.approx(owed.get(account, 0.0), abs=2)


def test_with_expansions_deferred_revenue_never_goes_below_zero_and_all_is_earned_in_the_end() -> None:
    document = changed(study("subscription"), YEAR | {"business.decisions.renew.base": 0, "effects.renew": {}})
    gone = run(changed(document, {"market.channels.search.rate_month": 1, "horizon.days": 1461}))
    ledger = gone.tables["ledger"]
    open_ones = np.isnat(gone.tables["subscriptions"]["ended"])
    accounts = set(gone.tables["subscriptions"]["account"].tolist())
    accounts -= set(gone.tables["subscriptions"]["account"][open_ones].tolist())
    assert len(accounts) > 50
    assert np.count_nonzero(where(gone.tables["events"], activity="upgraded")) > 5
    for account in accounts:
        mask = np.asarray(values(ledger["account"]) == account)
        assert balance(ledger, "deferred_revenue", mask=mask) == 0


def test_take_rate_is_its_share_of_gmv_to_the_rounding() -> None:
    tables = standard("take_rate").tables
    monthly, ledger = tables["monthly"], tables["ledger"]
    gmv = values(monthly["value"])[where(monthly, metric="gmv")].sum()
    count = values(monthly["value"])[where(monthly, metric="merchants")].sum()
    assert abs(postings(ledger, credit="revenue_take_rate").sum() - gmv * 2) <= count / 2
    assert abs(postings(ledger, credit="revenue_adverts").sum() - gmv) <= count / 2


def test_orders_are_billed_in_full_and_deposits_stand_for_open_orders() -> None:
    document = changed(study("unit_sale"), {"policy.calendar": {"workdays": 7, "open_hour": 0, "hours": 17}})
    tables = run(document).tables
    ledger, orders = tables["ledger"], tables["subscriptions"]
    amounts = values(orders["amount"])
    last_close = np.datetime64("2025-01-15", "us") + np.timedelta64(399 * 24 + 18, "h")
    deposits = 0
    for place, contract in enumerate(orders["contract"].tolist()):
        mask = np.asarray(values(ledger["contract"]) == contract)
        earned = -balance(ledger, "revenue_unit_sale", mask=mask)
        if np.isnat(orders["ended"][place]):
            assert earned == 0
            deposits += round(int(amounts[place]) * 0.3) if orders["start"][place] < last_close else 0
        elif orders["ended"][place] < last_close:
            assert earned == amounts[place]
    assert -balance(ledger, "customer_prepayment") == deposits > 0
    completed = where(orders, outcome="completed")
    assert completed.sum() > 100
    assert balance(ledger, "cost_of_sales") == pytest.approx(amounts[completed].sum() * 0.2, abs=int(completed.sum()))


def test_projects_are_earned_as_worked_and_billed_in_full() -> None:
    tables = standard("staff_hours").tables
    ledger, projects = tables["ledger"], tables["subscriptions"]
    amounts = values(projects["amount"])
    for place in np.flatnonzero(where(projects, outcome="completed"))[:-5].tolist():
        mask = np.asarray(values(ledger["contract"]) == projects["contract"][place])
        assert -balance(ledger, "revenue_staff_hours", mask=mask) == amounts[place]
        assert balance(ledger, "unbilled", mask=mask) == 0
        assert balance(ledger, "customer_prepayment", mask=mask) == 0
    events = tables["events"]
    signed = where(events, activity="signed") | where(events, activity="reordered")
    quantities, prices = events["quantity"][signed], values(events["amount"])[signed]
    assert prices.tolist() == pytest.approx((quantities * 300 * 100).tolist(), abs=0.51)


def test_outcome_fees_are_a_share_of_what_was_gained() -> None:
    tables = standard("outcome_share").tables
    monthly, ledger = tables["monthly"], tables["ledger"]

    def total(metric: str) -> float:
        return float(values(monthly["value"])[where(monthly, metric=metric)].sum())

    fees, gained, sales = total("outcome_fees"), total("attributed_sales"), total("customer_sales")
    assert postings(ledger, credit="revenue_outcome_share").sum() == round(fees * 100)
    assert 0.08 * gained < fees <= 0.1 * gained + 1
    assert 0 < gained <= 0.2 * sales
    base = postings(ledger, credit="revenue_base_fee")
    assert base.max() <= 500_00
    assert np.count_nonzero(base == 500_00) > 10


def test_prepaying_accounts_keep_a_balance_and_others_are_billed_after_use() -> None:
    document = changed(study("consumption"), {
        "business.decisions.leave.base": 0, "effects.leave": {}, "business.revenue.main.noise": 0,
        "business.revenue.main.growth_year": 0, "business.revenue.main.price_change_year": 0,
    } | YEAR)  # fmt: skip
    tables = run(document).tables
    ledger = tables["ledger"]
    used = postings(ledger, credit="revenue_consumption").sum()
    monthly = tables["monthly"]
    assert used == round(values(monthly["value"])[where(monthly, metric="metered")].sum() * 100)
    small = where(ledger, segment="small")
    assert not np.any(where(ledger, segment="large") & where(ledger, memo="top-up"))
    assert not np.any(small & where(ledger, debit="receivable", credit="revenue_consumption"))
    assert -balance(ledger, "customer_prepayment", mask=small) > 0


def test_own_costs_are_those_of_the_policy() -> None:
    ledger = run(changed(study(), YEAR)).tables["ledger"]
    for centre, cost in (("inside", 3 * 120_000_00), ("field", 4 * 180_000_00)):
        assert postings(ledger, debit="payroll", cost_centre=centre).sum() == pytest.approx(cost, abs=12)
    for centre, cost in (("search", 1200_00), ("fair", 600_00)):
        assert postings(ledger, debit="marketing", cost_centre=centre).tolist() == [cost] * 12
    assert postings(ledger, debit="fixed_cost").tolist() == [5000_00] * 12
    assert postings(ledger, credit="equity").tolist() == [100_000_00]


def test_changed_heads_and_spend_cost_what_they_cost_by_the_day() -> None:
    document = changed(study(), YEAR)
    later = changed(document, {"policy.desks.inside.heads": 5, "policy.channels.search.spend_month": 2400})
    ledger = run(document, (31 + 14, later)).tables["ledger"]
    payroll = postings(ledger, debit="payroll", cost_centre="inside").tolist()
    assert payroll[:3] == pytest.approx([3 * 10_000_00, 4 * 10_000_00, 5 * 10_000_00], abs=1)
    assert postings(ledger, debit="marketing", cost_centre="search").tolist()[:3] == [1200_00, 1800_00, 2400_00]


def test_commissions_are_earned_at_signing_and_paid_at_the_end_of_the_next_month() -> None:
    made = run(changed(study(), YEAR))
    ledger, _events = made.tables["ledger"], made.tables["events"]
    earned = postings(ledger, debit="commission")
    signed = events_of(made, "signed")
    assert by_account(ledger, where(ledger, debit="commission")) == pytest.approx(
        {account: amount * 0.05 for account, amount in signed.items()}, abs=2
    )
    ends = [0.0, *month_ends("2025-01-01", 365)]
    when = ledger["time"][where(ledger, debit="commission")]
    by_month = [int(earned[(when >= a) & (when < b)].sum()) for a, b in itertools.pairwise(ends)]
    paid = postings(ledger, debit="commission_payable").tolist()
    assert paid == [month for month in by_month[:-1] if month]
    assert -balance(ledger, "commission_payable") == by_month[-1]


def test_memos_name_what_they_are_for() -> None:
    def memos(names: Iterable[str]) -> set[str]:
        return {memo for kind in names for memo in values(standard(kind).tables["ledger"]["memo"])}

    assert None not in memos(KINDS)
    assert {"opening capital", "payroll", "channel", "fixed costs", "commission"} <= memos(["subscription"])
