"""Activities and ledger accounts: the vocabulary of a run, its public contract."""

from __future__ import annotations

from enum import Enum


class Activity(Enum):
    """What can happen to an account. The value is the sentence that says when it is logged."""

    touched = "a channel reached the account"
    registered = "the account left its data and became a lead"
    qualified = "a first check found intent, fit and budget"
    disqualified = "a first check found none of these"
    opened = "an opportunity was opened"
    met = "sales met the account"
    demonstrated = "the product was shown or the solution presented"
    proposed = "an offer was made"
    shortlisted = "the requester put us on the list"
    approved = "a role in the account said yes"
    vetoed = "a role in the account said no"
    signed = "a contract was signed, an account opened or an offer accepted: conversion"
    lost = "the account decided against us, or for nobody"
    pooled = "the account entered the lost pool"
    re_entered = "an account that never was a customer came back from the pool"
    trial_started = "free use began"
    converted = "a user turned into a customer inside the product, without a salesperson"
    kicked_off = "onboarding or a project began"
    delivered = "goods arrived"
    installed = "goods were installed and work in production"
    trained = "the account's people were trained"
    activated = "the first use that counts for this business"
    used_less = "use fell sharply within a month"
    contacted = "we got in touch after a signal"
    ticket_opened = "the account reported a fault or asked a question"
    ticket_closed = "the ticket was answered"
    ordered = "a customer ordered under a framework contract, for the first time"
    upgraded = "the customer added units to its contract"
    contracted_down = "the customer gave back units of its contract"
    renewal_due = "a contract term ended"
    renewed = "the customer stayed for another term"
    renewed_late = "the customer stayed, after the term had ended"
    reordered = "the customer ordered again"
    churned = "the account ceased to be a customer"
    won_back = "an account that had been a customer came back"
    referred = "a customer brought another account"
    invoiced = "an invoice was issued"
    paid = "an invoice was paid"
    overdue = "an invoice passed its due date unpaid"
    written_off = "an invoice was given up"
    queued = "the account joined the queue of a desk or began to wait"
    started = "work began"
    finished = "work or waiting ended"
    cross_sold = "a customer took a further product"
    dropped = "a customer gave up a further product and stays"


ACTIVITIES: tuple[str, ...] = tuple(a.name for a in Activity)
"""Names of all activities in the order of their codes."""

ACTIVITY_CODE: dict[str, int] = {name: code for code, name in enumerate(ACTIVITIES)}


class LedgerAccount(Enum):
    """Accounts of the ledger. The value says what the balance means."""

    cash = "money in the bank"
    receivable = "invoiced and not yet paid"
    unbilled = "earned and not yet invoiced"
    customer_prepayment = "paid or invoiced before anything was delivered"
    deferred_revenue = "invoiced for service still to be given"
    retention_money = "held back by the customer until the retention ends"
    revenue_subscription = "income from subscriptions"
    revenue_take_rate = "income from a share of GMV"
    revenue_adverts = "income from adverts and value-added services"
    revenue_unit_sale = "income from goods"
    revenue_staff_hours = "income from hours worked"
    revenue_base_fee = "income from base fees"
    revenue_outcome_share = "income from a share of what the customer earned"
    revenue_consumption = "income from metered use"
    vat_payable = "value-added tax owed; not posted while prices are net of tax"
    cost_of_sales = "cost of serving and of goods sold"
    payroll = "cost of the desks"
    commission = "cost of commissions"
    commission_payable = "commissions owed to the sellers"
    marketing = "cost of channels"
    subsidy = "cost of subsidies"
    inventory = "goods in stock"
    fixed_assets = "equipment"
    depreciation = "cost of equipment"
    payable = "owed to suppliers"
    debt = "borrowed money"
    tax = "tax cost"
    fixed_cost = "rent, management, research and development"
    bad_debt = "cost of invoices given up"
    equity = "paid in by the owners"
    revenue_project = "income from projects at a fee"


LEDGER_ACCOUNTS: tuple[str, ...] = tuple(a.name for a in LedgerAccount)
LEDGER_CODE: dict[str, int] = {name: code for code, name in enumerate(LEDGER_ACCOUNTS)}

HEADS = "heads/"
"""What the metric of the monthly table that holds the heads of a desk at the start begins with; its name follows."""
