"""The books against contract terms: every balance of every account, to the cent."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from sim.calendar import month_ends
from sim.spec import DecisionSpec
from sim.spec.distribution import Uniform
from sim.spec.market import Payment, Segment
from sim.spec.revenue import Subscription
from sim.units import GRID, MICROSECONDS_PER_DAY
from tests.theory.studies import START, Events, Tables, business, contacts, fixed, gate, market, run, study, term

DAYS = 1095.0
CLOSING = DAYS - GRID
SEGMENTS = {"prompt": Segment(share=0.6, employees=fixed(10.0)), "never": Segment(share=0.4, employees=fixed(10.0))}


@dataclass(frozen=True)
class Books:
    """Yearly subscriptions invoiced in advance at the close of the day and earned in proportion to time.

    Accounts of one segment pay after ``delay`` days, those of the other never do and are written off. Closes of
    business are at 18:00, and at the end of every month.
    """

    delay: float = 30.0
    price_year: float = 360.0
    write_off: float = 180.0

    def simulate(self, seed: int) -> Tables:
        """Tables of a run of three years."""
        payment = Payment(
            delay_days=fixed(self.delay), bad_debt={"prompt": 0.0, "never": 1.0}, write_off_days=self.write_off
        )
        route = {
            "deal": gate("sign", "term", emits_then="signed"),
            "term": term(12.0, "renewal"),
            "renewal": gate("renew", "term", emits_then="renewed", emits_otherwise="churned"),
        }
        decisions = {"sign": DecisionSpec(base=0.9), "renew": DecisionSpec(base=0.7, occurrence="carried")}
        seats = Subscription(
            kind="subscription", product="seat", starts="signed", cost_share=0.2, units=Uniform("uniform", 1.0, 40.0),
            price_year=self.price_year, term_months=12.0,
        )  # fmt: skip
        there = market(segments=SEGMENTS, payment=payment)
        spec = study(business(route, decisions, revenue={"seats": seats}), DAYS, market=there)
        return run(spec, seed, contacts(np.linspace(0.0, 1090.0, 2_400)))

    def balances(self, tables: Tables) -> dict[str, np.ndarray]:
        """Cash, receivable, bad debt, deferred and earned revenue of every account, from contract terms alone."""
        terms = tables["subscriptions"]
        segment = tables["accounts"]["segment"]
        account, amount = terms["account"], np.rint(terms["amount"].values / 36_000 * self.price_year * 100)
        start, end, ended = (days(terms[column]) for column in ("start", "end", "ended"))
        invoiced = invoice_day(start)
        pays = segment.codes[account] == segment.names.index("prompt")
        paid = pays & (invoiced + self.delay < DAYS)
        given_up = ~pays & (invoiced + self.write_off < DAYS)
        billed = np.where(invoiced < DAYS, amount, 0)
        passed = np.clip((CLOSING - start) / (end - start), 0.0, 1.0)
        earned = np.where(ended <= CLOSING, amount, np.rint(amount * passed))
        figures = {
            "cash": amount * paid,
            "receivable": billed - amount * (paid | given_up),
            "bad_debt": amount * given_up,
            "deferred_revenue": earned - billed,
            "revenue_subscription": -earned,
        }
        n = len(segment.codes)
        return {name: np.bincount(account, values, n).astype(np.int64) for name, values in figures.items()}


def days(stamps: np.ndarray) -> np.ndarray:
    """Days from the start, on the time grid; NaN where there is no date."""
    micros = (stamps - np.datetime64(START, "us")).astype(np.int64) / MICROSECONDS_PER_DAY
    return np.where(np.isnat(stamps), np.nan, np.rint(micros / GRID) * GRID)


def invoice_day(start: np.ndarray) -> np.ndarray:
    """Day on which a contract is invoiced: that of its start, or the next one if signed after 18:00."""
    day = np.floor(start)
    last_of_month = np.isin(day + 1, month_ends(START, DAYS))
    return np.where((start - day <= 0.75) | last_of_month, day, day + 1)


def ledger_balances(tables: Tables, name: str) -> np.ndarray:
    """Debits less credits of one account of the books, by company."""
    book = tables["ledger"]
    who, n = book["account"].values, len(tables["accounts"]["account"])
    sides = [np.bincount(who[rows], book["amount"][rows], n) for rows in _sides(book, name)]
    return (sides[0] - sides[1]).astype(np.int64)


def _sides(book: Tables, name: str) -> list[np.ndarray]:
    known = book["account"].valid
    not_cost = book["memo"].codes != book["memo"].names.index("cost of serving")
    return [known & not_cost & (book[s].codes == book[s].names.index(name)) for s in ("debit", "credit")]


@pytest.fixture(scope="module")
def tables() -> Tables:
    return Books().simulate(1)


@pytest.mark.parametrize("name", ["cash", "receivable", "bad_debt", "deferred_revenue", "revenue_subscription"])
def test_balance_follows_from_contract_terms(tables: Tables, name: str) -> None:
    expected = Books().balances(tables)[name]
    assert (expected != 0).sum() > 100
    assert (ledger_balances(tables, name) == expected).all()


def test_cash_is_what_was_paid(tables: Tables) -> None:
    events = Events(tables)
    paid = tables["events"]["amount"].values[events.rows("paid")].sum()
    assert ledger_balances(tables, "cash").sum() == paid > 0


def test_terms_are_one_year_and_follow_each_other(tables: Tables) -> None:
    terms = tables["subscriptions"]
    start, end, ended = (days(terms[column]) for column in ("start", "end", "ended"))
    assert (end - start == 365.25).all()
    over = np.isfinite(ended)
    assert (ended[over] == end[over]).all()
    assert (end[~over] >= DAYS).all()


@pytest.mark.parametrize("wrong", [replace(Books(), delay=31.5), replace(Books(), price_year=378.0)])
def test_terms_that_are_off_are_found(tables: Tables, wrong: Books) -> None:
    assert (ledger_balances(tables, "cash") != wrong.balances(tables)["cash"]).any()
