"""What the opening files hold: the columns of each, and how their cells are read."""

from __future__ import annotations

from dataclasses import dataclass

from sim.events import LEDGER_ACCOUNTS

CODED = ("product", "segment", "stage", "channel", "desk", "account")
"""Columns whose cells name something of the study."""

ASSETS = ("cash", "receivable", "unbilled", "retention_money", "inventory", "fixed_assets")
DEBTS = (
    "customer_prepayment", "deferred_revenue", "vat_payable", "commission_payable", "payable", "debt",
)  # fmt: skip
EQUITY = "equity"
BALANCES = tuple(name for name in LEDGER_ACCOUNTS if name in (*ASSETS, *DEBTS, EQUITY))
"""Accounts of the ledger that have a balance at the start."""


@dataclass(frozen=True)
class Form:
    """Columns of one file.

    Attributes
    ----------
    cells : dict
        Column to how its cells are read: a method of ``scenarios.intake.cells.Reader``, or ``code``.
    required : tuple of str
        Columns that the file must have, and every row of it.
    key : tuple of str
        Columns in which two rows of one thing agree; empty: rows may be alike.
    """

    what: str
    cells: dict[str, str]
    required: tuple[str, ...]
    key: tuple[str, ...] = ()


FORMS = {
    "customers": Form(
        "customers",
        {
            "external_id": "text", "product": "code", "segment": "code", "stage": "code", "channel": "code",
            "arr": "money", "amount": "money", "seats": "money", "start": "past", "renewal_date": "day",
            "entered": "past", "owner": "text", "health": "share",
        },
        ("external_id",),
        ("external_id", "product"),
    ),
    "opportunities": Form(
        "open opportunities",
        {
            "external_id": "text", "product": "code", "segment": "code", "stage": "code", "channel": "code",
            "amount": "money", "opened": "past", "entered": "past", "owner": "text",
        },
        ("external_id", "opened"),
        ("external_id",),
    ),
    "leads": Form(
        "leads",
        {
            "external_id": "text", "segment": "code", "channel": "code", "stage": "code", "created": "past",
            "entered": "past", "owner": "text",
        },
        ("external_id", "created"),
        ("external_id",),
    ),
    "staff": Form(
        "staff", {"desk": "code", "name": "text", "start": "day", "quota": "money"}, ("desk",),
    ),
    "balances": Form(
        "balances",
        {"account": "code", "amount": "signed", "due": "day", "external_id": "text", "product": "code"},
        ("account", "amount"),
    ),
}  # fmt: skip
"""By field of ``OpeningSource``."""
